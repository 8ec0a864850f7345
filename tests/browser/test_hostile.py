"""Names and answers that act somewhere else are text here: on every page, in the slides, in the
file, whatever the browser is.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect
from typer.testing import CliRunner

from cli import cli
from tests.conftest import HOSTILE_NAMES, ROOT
from ui.settings import settings

pytestmark = pytest.mark.browser

ALL_MODELS = urlencode([("models", name) for name in HOSTILE_NAMES[:6]])
QUERIES = {
    "overview": "",
    "valley": ALL_MODELS,
    "valley?view=What+explains+it": ALL_MODELS,
    "compare": ALL_MODELS,
    "what_if": ALL_MODELS,
    "emergence": f"{ALL_MODELS}&task=find_minimum&split=id&over=parameters",
    "samples": urlencode([("models", HOSTILE_NAMES[0]), ("model", HOSTILE_NAMES[0])]),
    "samples?text=y": urlencode(
        [
            ("model", HOSTILE_NAMES[1]),
            ("task", f"{HOSTILE_NAMES[1]} task"),
            ("text", HOSTILE_NAMES[1]),
        ]
    ),
    "runs": "",
    "probe": "",
    "methods": "",
}
"""What a page is asked for, where that is more than the hostile models."""
PAGES = {
    file.parent.name: ALL_MODELS for file in sorted((ROOT / "pages").glob("*/page.py"))
} | QUERIES
"""Every page of the app is among them."""


@pytest.fixture(scope="module")
def address(
    serve: Callable[..., str], hostile_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Address of the app on a copy of the hostile store."""
    store = shutil.copytree(hostile_store, tmp_path_factory.mktemp("hostile copy") / "store")
    return serve(ROOT / "app.py", env={"CHARYBDIS_STORE": str(store)})


@pytest.fixture
def is_harmless() -> Iterator[Callable[[Page], None]]:
    """Call it with a page: nothing from data ran in it, became an element, or a link that runs."""

    def check(page: Page) -> None:
        assert page.evaluate("window.ran") is None
        assert page.locator("img[src=x], img[onerror]").count() == 0
        assert page.locator("a[href^='javascript:' i]").count() == 0
        assert (
            page.locator("script", has_text="window.ran=1").evaluate_all(
                "all => all.filter(one => one.type !== 'application/json').length"
            )
            == 0
        )

    yield check


def settle(page: Page) -> None:
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=60_000
    )
    page.wait_for_timeout(300)
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=60_000
    )


@pytest.mark.parametrize("name", list(PAGES))
def test_page_shows_hostile_names_and_answers_as_text(
    name: str, address: str, page_at: Callable[..., Page], is_harmless: Callable[[Page], None]
) -> None:
    page = page_at(f"{address}/{name}{'&' if '?' in name else '?'}{PAGES[name]}")
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=60_000)
    settle(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.locator(".charybdis-chart.failed")).to_have_count(0)
    is_harmless(page)
    page.get_by_role("button", name="Views").click()
    page.wait_for_timeout(200)
    is_harmless(page)


def test_slides_and_file_show_them_as_text_and_draw_every_chart(
    hostile_store: Path,
    tmp_path: Path,
    page_at: Callable[..., Page],
    monkeypatch: pytest.MonkeyPatch,
    is_harmless: Callable[[Page], None],
) -> None:
    monkeypatch.setenv("CHARYBDIS_STORE", "")
    out = tmp_path / "meeting.html"
    views = [
        word
        for name in ("overview", "valley", "compare", "what_if", "samples", "runs")
        for word in ("--view", f"{name}?{PAGES[name]}")
    ]
    done = CliRunner().invoke(
        cli,
        [
            "report",
            "--store",
            str(hostile_store),
            "--out",
            str(out),
            "--title",
            HOSTILE_NAMES[1],
            *views,
        ],
    )
    settings.cache_clear()
    assert done.exit_code == 0, done.output
    assert out.stat().st_size < 6_500_000
    page = page_at(out.as_uri(), offline=True)
    expect(page.locator(".chart .main-svg").first).to_be_visible(timeout=15_000)
    assert page.locator(".chart").count() == page.locator(".chart:has(.main-svg)").count() >= 5
    expect(page.locator("section")).to_have_count(6)
    is_harmless(page)
    page.keyboard.press("p")
    for _ in range(6):
        page.keyboard.press("t")
        page.keyboard.press("ArrowRight")
        is_harmless(page)
