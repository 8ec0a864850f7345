"""The compare page in a real browser: a cell opens both answers with their diff, and the address
outlives a reload.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(
    serve: Callable[..., str], demo_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Address of the app on a copy of the demo store."""
    store = shutil.copytree(demo_store, tmp_path_factory.mktemp("compare") / "store")
    return serve(ROOT / "app.py", env={"CHARYBDIS_STORE": str(store)})


def test_cell_opens_both_answers_and_the_address_brings_them_back(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(
        f"{address}/compare?models=demo-small&models=demo-large&baseline=demo-small&by=overall"
    )
    expect(page.locator(".charybdis-chart .main-svg").first).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="only the model").click()
    expect(page.get_by_text("Target")).to_be_visible(timeout=15_000)
    expect(
        page.get_by_text("same, character by character").or_(page.get_by_text("What differs"))
    ).to_be_visible()
    expect(page.get_by_role("button", name="Next")).to_be_enabled()
    page.get_by_role("button", name="Next").click()
    page.wait_for_url("**pair=2**", timeout=15_000)
    page.reload()
    expect(page.get_by_text("2 of ", exact=False).first).to_be_visible(timeout=30_000)
