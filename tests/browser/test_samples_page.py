"""The samples page in a real browser: its address outlives reload and a pasted link, rows open,
keys walk, hostile text does nothing.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(
    serve: Callable[..., str], demo_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Address of the app on a copy of the demo store."""
    store = shutil.copytree(demo_store, tmp_path_factory.mktemp("samples") / "store")
    return serve(ROOT / "app.py", env={"CHARYBDIS_STORE": str(store)})


def is_settled(page: Page) -> None:
    """Wait until the list stands there and nothing runs."""
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible(timeout=30_000)
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=15_000
    )


def words(page: Page) -> dict[str, str]:
    """The URL's query parameters."""
    return {key: values[0] for key, values in parse_qs(urlparse(page.url).query).items()}


def open_sample(page: Page) -> str:
    return words(page).get("sample", "")


def click_row(page: Page, place: int) -> None:
    """Tick the box of a row of the list."""
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16, box["y"] + 35 * (place + 1) + 17)


def press_until(page: Page, key: str, arrived: Callable[[str], bool]) -> None:
    """Press a key until the address says that it was heard: one that comes while the page is being
    redrawn is lost, as for a person.
    """
    for attempt in range(3):
        page.keyboard.press(key)
        try:
            page.wait_for_url(arrived, timeout=10_000)
        except PlaywrightTimeoutError:
            if attempt == 2:
                raise
        else:
            is_settled(page)
            return


def test_pasted_link_opens_the_same_list_and_the_same_sample(
    address: str, page_at: Callable[..., Page]
) -> None:
    query = "?model=demo-large&split=ood&outcome=wrong&sort=lowest+score&sample=run-demo-large/77"
    page = page_at(f"{address}/samples{query}")
    is_settled(page)
    expect(page.get_by_text("231 samples of demo-large: wrong, OOD.")).to_be_visible()
    expect(page.get_by_text("Question 37 of find_minimum: [3, 1, 37]")).to_be_visible()
    found = words(page)
    assert {key: found[key] for key in ("model", "split", "outcome", "sort", "sample")} == {
        "model": "demo-large",
        "split": "ood",
        "outcome": "wrong",
        "sort": "lowest score",
        "sample": "run-demo-large/77",
    }
    page.reload()
    is_settled(page)
    expect(page.get_by_text("231 samples of demo-large: wrong, OOD.")).to_be_visible()
    assert open_sample(page) == "run-demo-large/77"


def test_click_on_a_row_opens_it_and_keys_walk_from_there(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(f"{address}/samples?model=demo-small&outcome=unparsed&page=2")
    is_settled(page)
    click_row(page, 0)
    expect(page.get_by_text("Answer read: none")).to_be_visible(timeout=15_000)
    is_settled(page)
    first = open_sample(page)
    assert first.startswith("run-demo-small/")
    press_until(page, "j", lambda url: "sample=" in url and first.replace("/", "%2F") not in url)
    second = open_sample(page)
    assert int(second.split("/")[1]) == int(first.split("/")[1]) + 1
    press_until(page, "k", lambda url: re.search(first.replace("/", "(/|%2F)"), url) is not None)
    press_until(
        page, "k", lambda url: "page=2" not in url
    )  # back over the edge: the list turns to its first page
    press_until(page, "x", lambda url: "sample=" not in url)


def test_back_closes_the_sample_that_a_click_opened(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(f"{address}/samples?model=demo-small&outcome=unparsed")
    is_settled(page)
    click_row(page, 1)
    page.wait_for_url(lambda url: "sample=" in url, timeout=15_000)
    is_settled(page)
    page.go_back()
    expect(page.get_by_text("Answer read: none")).to_have_count(0, timeout=15_000)
    is_settled(page)
    assert open_sample(page) == ""
    expect(page.get_by_text("60 samples of demo-small: unparsed.")).to_be_visible()
    click_row(page, 1)  # the same row opens again: its tick went with the sample
    page.wait_for_url(lambda url: "sample=" in url, timeout=15_000)


def test_filter_goes_into_the_address_and_closes_the_open_sample(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(f"{address}/samples?model=demo-small&sample=run-demo-small/5")
    is_settled(page)
    expect(page.get_by_text("Question 5 of find_minimum")).to_be_visible()
    page.get_by_role("radiogroup").get_by_text("unparsed", exact=True).or_(
        page.get_by_role("button", name="unparsed", exact=True)
    ).first.click()
    page.wait_for_url(
        lambda url: "outcome=unparsed" in url and "sample=" not in url, timeout=15_000
    )
    expect(page.get_by_text("60 samples of demo-small: unparsed.")).to_be_visible(timeout=15_000)


def test_word_of_a_link_that_names_nothing_is_said_in_the_browser_too(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(f"{address}/samples?level=99&split=sideways")
    is_settled(page)
    expect(page.get_by_text("The link asks for level 99")).to_be_visible()
    expect(page.get_by_text("The link asks for split sideways")).to_be_visible()


def test_hostile_response_is_shown_and_does_nothing(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(f"{address}/samples?sample=run-demo-small/37")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    is_settled(page)
    expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    expect(page.get_by_text("\\u202egnp").first).to_be_visible()
    assert page.locator("main img[src='x'], section img[src='x']").count() == 0
    assert page.get_by_role("link", name="click").count() == 0
    assert dialogs == []


def test_one_sample_can_be_saved_as_it_is(
    address: str, page_at: Callable[..., Page], tmp_path: Path
) -> None:
    page = page_at(f"{address}/samples?sample=run-demo-small/37")
    is_settled(page)
    page.get_by_text("Everything known about this sample").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save this sample (JSON)").click()
    waiting.value.save_as(tmp_path / "sample.json")
    assert "\u202egnp" in (tmp_path / "sample.json").read_text(encoding="utf-8")
