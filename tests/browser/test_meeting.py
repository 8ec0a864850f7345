"""A meeting in a real browser: pages are collected as they stand, presented one at a time, and keep
their numbers.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from data.records import RunInfo, Split
from data.store import Store
from data.writer import writing
from tests.conftest import DEMO_TASKS, demo_samples

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def store(demo_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo store."""
    return Path(shutil.copytree(demo_store, tmp_path_factory.mktemp("meeting") / "store"))


@pytest.fixture(scope="module")
def address(serve: Callable[..., str], store: Path) -> str:
    """Address of the app on that store."""
    return serve(ROOT / "app.py", env={"CHARYBDIS_STORE": str(store)})


def is_settled(page: Page) -> None:
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=15_000
    )


def collect(page: Page, label: str) -> None:
    page.get_by_role("button", name=label).click()
    page.get_by_role("button", name="Collect this page").click()
    page.keyboard.press("Escape")
    is_settled(page)


def test_collected_pages_are_presented_one_at_a_time_by_the_arrow_keys(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(f"{address}/valley?models=demo-large&models=demo-small")
    page.wait_for_selector(".charybdis-chart[data-draws]")
    is_settled(page)
    collect(page, "Meeting")
    expect(page.get_by_role("button", name="Meeting (1)")).to_be_visible(timeout=15_000)
    page.get_by_role("link", name="Samples", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Which answers went wrong, and why?", timeout=15_000
    )
    is_settled(page)
    collect(page, "Meeting (1)")
    page.get_by_role("button", name="Meeting (2)").click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Present 2 collected pages").click()
    deck = opened.value
    expect(deck.get_by_role("heading", name="Where does generalization break down?")).to_be_visible(
        timeout=15_000
    )
    expect(deck.locator("section.now .chart .main-svg").first).to_be_visible()
    expect(deck.get_by_role("heading", name="Which answers went wrong")).to_be_hidden()
    deck.keyboard.press("t")
    expect(deck.locator("section.now table.first")).to_be_visible()
    deck.keyboard.press("ArrowRight")
    expect(deck.get_by_role("heading", name="Which answers went wrong")).to_be_visible()
    deck.keyboard.press("ArrowLeft")
    expect(
        deck.get_by_role("heading", name="Where does generalization break down?")
    ).to_be_visible()


def test_meeting_of_another_server_says_what_to_do(
    address: str, page_at: Callable[..., Page]
) -> None:
    answer = page_at(address).request.get(f"{address}/meeting/nothing")
    assert answer.status == 404
    assert "Open the page again" in answer.text()


def bring_in(store: Path, run_id: str, model: str, *, n_correct: int) -> None:
    """What an import in another process does in the middle of a meeting."""
    opened = Store(store)
    with writing(opened) as writer:
        writer.add_run(
            RunInfo(
                run_id=run_id,
                model_raw=model,
                format="probe",
                benchmark="scylla",
                level_scheme="scylla",
                id_source="ladder",
            )
        )
        for tasks in DEMO_TASKS:
            for task in tasks:
                for split in Split:
                    writer.add_samples(demo_samples(run_id, task, split, n_correct))
    opened.close()


def present(page: Page, label: str, link: str) -> Page:
    page.get_by_role("button", name=label, exact=True).click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name=link).click()
    expect(opened.value.locator("section.now h1")).to_be_visible(timeout=15_000)
    return opened.value


def test_slides_keep_their_numbers_through_an_import_and_say_that_there_are_newer_ones(
    address: str, store: Path, page_at: Callable[..., Page]
) -> None:
    page = page_at(f"{address}/valley?models=demo-large", viewport={"width": 1280, "height": 720})
    page.wait_for_selector(".charybdis-chart[data-draws]")
    is_settled(page)
    alone = present(page, "Meeting", "Present this page")
    page.bring_to_front()
    page.get_by_role("button", name="Collect this page").click()
    expect(page.get_by_role("button", name="Meeting (1)")).to_be_visible(timeout=15_000)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Overview", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "What is here, and where do I start?", timeout=15_000
    )
    is_settled(page)
    collect(page, "Meeting (1)")
    deck = present(page, "Meeting (2)", "Present 2 collected pages")
    deck.keyboard.press("ArrowRight")
    before = (
        deck.locator("section p.answer").all_inner_texts(),
        deck.locator("section.now p.answer").inner_text(),
    )
    alone_before = alone.locator("section.now p.answer").inner_text()
    version = deck.locator("#keys").inner_text()
    assert "2 of 2" in version

    bring_in(store, "run-newcomer", "newcomer", n_correct=20)
    for one in (deck, alone):
        expect(one.locator("#news")).to_contain_text(
            "Newer data: 1 run of newcomer came in since these slides were read", timeout=15_000
        )
    deck.reload()  # in the middle: the same slide, the same numbers
    expect(deck.locator("section.now p.answer")).to_have_text(before[1])
    assert deck.locator("#keys").inner_text() == version
    alone.reload()
    expect(alone.locator("section.now p.answer")).to_have_text(alone_before)

    with deck.context.expect_page() as opened:
        deck.get_by_role("link", name="Live page").click()
    expect(opened.value.get_by_text("Since then 1 run of newcomer came in")).to_be_visible(
        timeout=20_000
    )

    page.bring_to_front()
    page.reload()  # the browser finds its meeting again
    expect(page.get_by_role("button", name="Meeting (2)")).to_be_visible(timeout=15_000)

    deck.bring_to_front()
    deck.get_by_role("button", name="Refresh all slides").click()
    expect(deck.locator("section.now p.changed")).to_contain_text(before[1], timeout=90_000)
    expect(deck.locator("#news")).to_be_empty()
    assert deck.locator("#keys").inner_text() != version
    deck.keyboard.press("ArrowLeft")
    expect(deck.locator("section.now p.changed")).to_contain_text("nothing is other than")
    deck.keyboard.press("Escape")
    expect(deck.locator("section")).to_have_count(2)
    for number in range(2):
        expect(deck.locator("section h1").nth(number)).to_be_visible()
