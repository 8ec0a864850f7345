"""The whole app in a started server and a real browser: links, reload, Back, clicks, both themes.
AppTest can see none of these.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

ROOT = Path(__file__).resolve().parents[2]
DRAWN = ".charybdis-chart[data-draws]"
QUESTION = "Where does generalization break down?"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(
    serve: Callable[..., str], demo_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Address of the app on a copy of the demo store."""
    store = shutil.copytree(demo_store, tmp_path_factory.mktemp("shell") / "store")
    return serve(ROOT / "app.py", env={"CHARYBDIS_STORE": str(store)})


@pytest.fixture
def valley_at(address: str, page_at: Callable[..., Page]) -> Callable[..., Page]:
    """Call it with a query: the valley page with its charts drawn."""

    def open_valley(query: str = "", **options: Any) -> Page:
        page = page_at(f"{address}/valley{query}", **options)
        page.wait_for_selector(DRAWN)
        return page

    return open_valley


def shows_models(page: Page, *names: str) -> None:
    """Wait until exactly these models are chosen in the sidebar: it is drawn a moment after the
    page's title.
    """
    chips = page.locator('[data-testid="stSidebar"] [data-testid="stMultiSelect"]').first.locator(
        "span[title]"
    )
    expect(chips).to_have_text(list(names), timeout=15_000)


def wait_until_settled(page: Page, title: str) -> None:
    """Wait until the page of this title is there and nothing runs."""
    expect(page.get_by_role("heading", level=1)).to_have_text(title, timeout=15_000)
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=15_000
    )


def test_a_cold_deep_link_opens_its_page_with_shell_and_selection(
    serve: Callable[..., str], demo_store: Path, tmp_path: Path, page_at: Callable[..., Page]
) -> None:
    store = shutil.copytree(demo_store, tmp_path / "store")
    cold = serve(ROOT / "app.py", env={"CHARYBDIS_STORE": str(store)})
    page = page_at(f"{cold}/valley?models=demo-large&denominator=parsed_only")
    page.wait_for_selector(DRAWN)
    wait_until_settled(page, QUESTION)
    shows_models(page, "demo-large")
    expect(page.get_by_text("demo-large: The gap peaks at")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)
    assert "denominator=parsed_only" in page.url


def test_the_start_page_is_reached_by_its_name_too_and_keeps_what_the_link_asks_for(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(f"{address}/overview?models=demo-large")
    wait_until_settled(page, "What is here, and where do I start?")
    shows_models(page, "demo-large")


def test_the_first_start_makes_the_store_and_shows_what_is_shipped(
    serve: Callable[..., str], tmp_path: Path, page_at: Callable[..., Page]
) -> None:
    page = page_at(
        serve(ROOT / "app.py", env={"CHARYBDIS_STORE": str(tmp_path / "new")}) + "/valley"
    )
    page.wait_for_selector(DRAWN, timeout=60_000)
    expect(
        page.get_by_text(
            re.compile(
                r"Drawn are 4 of the \d+ models with counted answers; 7 more have published means"
                r" only"
            )
        )
    ).to_be_visible()


def test_the_selection_survives_reload(valley_at: Callable[..., Page]) -> None:
    page = valley_at("?models=demo-small&models=Qwen1.5-7B&tasks=find_mode")
    page.reload()
    page.wait_for_selector(DRAWN)
    shows_models(page, "demo-small", "Qwen1.5-7B")
    assert "tasks=find_mode" in page.url


def test_the_selection_survives_navigation_and_back(valley_at: Callable[..., Page]) -> None:
    page = valley_at("?models=demo-small&denominator=authors")
    page.get_by_role("link", name="Runs").click()
    page.wait_for_url("**/runs?**")
    assert "models=demo-small" in page.url
    assert "denominator=authors" in page.url
    page.go_back()
    wait_until_settled(page, QUESTION)
    shows_models(page, "demo-small")
    assert "denominator=authors" in page.url


def test_a_choice_in_the_sidebar_makes_a_link_that_opens_the_same_view(
    valley_at: Callable[..., Page], page_at: Callable[..., Page]
) -> None:
    page = valley_at()
    page.get_by_role("combobox", name="Models").click()
    page.keyboard.type("demo-small")
    page.get_by_role("option", name="demo-small").click()
    page.wait_for_url("**models=demo-small**")
    pasted = page_at(page.url)
    pasted.wait_for_selector(DRAWN)
    shows_models(pasted, "demo-small")
    expect(pasted.get_by_text("demo-small: The gap peaks at")).to_be_visible()


def test_words_of_a_link_that_name_nothing_are_named_with_what_is_possible(
    valley_at: Callable[..., Page],
) -> None:
    page = valley_at("?models=demo-small&models=nobody&denominator=guess")
    expect(
        page.get_by_text("The link asks for models nobody, which this store does not have")
    ).to_be_visible()
    expect(page.get_by_text("Possible: unparsed_is_wrong, parsed_only, authors.")).to_be_visible()
    shows_models(page, "demo-small")


def test_a_click_on_a_point_opens_its_samples_and_back_returns_in_one_step(
    valley_at: Callable[..., Page],
) -> None:
    page = valley_at("?models=demo-small&denominator=parsed_only")
    before = page.url
    clicked = {"model": "demo-small", "level": 2, "split": "ood"}
    page.locator(DRAWN).first.evaluate(
        "(node, clicked) => node.emit('plotly_click', {points: [{customdata: clicked}]})", clicked
    )
    page.wait_for_url("**/samples?**")
    for word in (
        "model=demo-small",
        "level=2",
        "split=ood",
        "denominator=parsed_only",
        "models=demo-small",
    ):
        assert word in page.url
    page.go_back()
    wait_until_settled(page, QUESTION)
    assert page.url == before


def test_a_click_on_a_published_point_leads_to_its_source(valley_at: Callable[..., Page]) -> None:
    page = valley_at("?models=Qwen1.5-7B")
    page.locator(DRAWN).first.evaluate(
        "node => node.emit('plotly_click', {points: [{customdata: {model: 'Qwen1.5-7B', level: 2,"
        " split: 'id'}}]})"
    )
    page.wait_for_url("**/runs?**")
    assert "model=Qwen1.5-7B" in page.url


@pytest.mark.parametrize(
    ("scheme", "background"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(17, 21, 27)")]
)
def test_both_themes_reach_the_page_and_the_chart(
    valley_at: Callable[..., Page], scheme: str, background: str
) -> None:
    page = valley_at(color_scheme=scheme)
    assert (
        page.get_by_test_id("stApp").evaluate("node => getComputedStyle(node).backgroundColor")
        == background
    )
    assert (
        page.locator(".charybdis-chart .main-svg").first.evaluate("node => node.style.background")
        == background
    )


def test_axes_write_percent_and_minus_as_sentences_do(valley_at: Callable[..., Page]) -> None:
    page = valley_at("?models=demo-large")
    ticks = page.locator(".charybdis-chart .ytick text").all_text_contents()
    assert "50 %" in ticks
    assert not [tick for tick in ticks if re.search(r"\d%|-|\$", tick)]


def test_the_table_is_downloaded_as_it_stands(
    valley_at: Callable[..., Page], tmp_path: Path
) -> None:
    page = valley_at("?models=demo-large")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    download.value.save_as(tmp_path / "levels.csv")
    lines = (tmp_path / "levels.csv").read_text().splitlines()
    assert lines[0].startswith("model,level,level_label,p_critical")
    assert len(lines) == 1 + 5


def test_names_that_look_like_markup_stay_text(
    serve: Callable[..., str], odd_store: Path, tmp_path: Path, page_at: Callable[..., Page]
) -> None:
    store = shutil.copytree(odd_store, tmp_path / "store")
    page = page_at(
        serve(ROOT / "app.py", env={"CHARYBDIS_STORE": str(store)})
        + "/valley?models=odd/[model]*$x$%3Cb%3E"
    )
    expect(page.get_by_text("odd/[model]*$x$<b>: all answers are ID")).to_be_visible(timeout=15_000)


def test_the_library_of_charts_is_fetched_from_here_and_nothing_from_elsewhere(
    address: str, browser: Browser
) -> None:
    context = browser.new_context()
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/valley")
    page.wait_for_selector(DRAWN)
    context.close()
    assert [
        url
        for url in asked
        if not url.startswith((address, address.replace("http", "ws"), "blob:", "data:"))
    ] == []
