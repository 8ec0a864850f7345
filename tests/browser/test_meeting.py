"""A meeting in a real browser: pages are collected as they stand, presented one at a time, and keep their numbers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(serve: Callable[..., str], demo_store: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of the app on a copy of the demo store."""
    store = shutil.copytree(demo_store, tmp_path_factory.mktemp("meeting") / "store")
    return serve(ROOT / "app.py", env={"CHARYBDIS_STORE": str(store)})


def is_settled(page: Page) -> None:
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=15_000)


def collect(page: Page, label: str) -> None:
    page.get_by_role("button", name=label).click()
    page.get_by_role("button", name="Collect this page").click()
    page.keyboard.press("Escape")
    is_settled(page)


def test_collected_pages_are_presented_one_at_a_time_by_the_arrow_keys(address: str, page_at: Callable[..., Page]) -> None:
    page = page_at(f"{address}/valley?models=demo-large&models=demo-small")
    page.wait_for_selector(".charybdis-chart[data-draws]")
    is_settled(page)
    collect(page, "Meeting")
    expect(page.get_by_role("button", name="Meeting (1)")).to_be_visible(timeout=15_000)
    page.get_by_role("link", name="Samples", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Which answers went wrong, and why?", timeout=15_000)
    is_settled(page)
    collect(page, "Meeting (1)")
    page.get_by_role("button", name="Meeting (2)").click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Present 2 collected pages").click()
    deck = opened.value
    expect(deck.get_by_role("heading", name="Where does generalization break down?")).to_be_visible(timeout=15_000)
    expect(deck.locator("section.now .chart .main-svg").first).to_be_visible()
    expect(deck.get_by_role("heading", name="Which answers went wrong")).to_be_hidden()
    deck.keyboard.press("t")
    expect(deck.locator("section.now table.first")).to_be_visible()
    deck.keyboard.press("ArrowRight")
    expect(deck.get_by_role("heading", name="Which answers went wrong")).to_be_visible()
    deck.keyboard.press("ArrowLeft")
    expect(deck.get_by_role("heading", name="Where does generalization break down?")).to_be_visible()


def test_meeting_of_another_server_says_what_to_do(address: str, page_at: Callable[..., Page]) -> None:
    answer = page_at(address).request.get(f"{address}/meeting/nothing")
    assert answer.status == 404
    assert "Open the page again" in answer.text()
