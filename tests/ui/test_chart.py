"""The chart component, in a started server and a real browser."""

from __future__ import annotations

import gzip
import re
import shutil
import urllib.request
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from ui.chart import encode_figure, library

APP = Path(__file__).with_name("chart_app.py")
DRAWN = ".charybdis-chart[data-draws]"


@pytest.fixture(scope="module")
def url(serve: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of the app, which lies in a folder of its own."""
    return serve(Path(shutil.copy(APP, tmp_path_factory.mktemp("chart") / "app.py")))


@pytest.fixture
def page(url: str, page_at: Callable[..., Page]) -> Page:
    """The app with its chart drawn."""
    opened = page_at(url)
    opened.wait_for_selector(DRAWN)
    return opened


def chart(page: Page) -> Locator:
    return page.locator(".charybdis-chart")


def move_slider(page: Page, draws: int) -> None:
    """Raise the slider by one and wait until the chart was drawn so often."""
    page.get_by_role("slider").press("ArrowRight")
    page.wait_for_selector(f'.charybdis-chart[data-draws="{draws}"]')


def x_range(page: Page) -> list[float]:
    return [round(end, 3) for end in chart(page).evaluate("node => node._fullLayout.xaxis.range")]


def point(page: Page, place: int) -> tuple[float, float]:
    box = page.locator(".scatterlayer .point").nth(place).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_library_is_the_installed_plotly_compressed_once_and_kept_by_browsers(url: str) -> None:
    address = f"{url}/library/plotly-{version('plotly')}.min.js.gz"
    request = urllib.request.Request(address, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        sent = answer.read()
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Encoding"] is None  # compressed already
    assert sent == library()
    assert (
        gzip.decompress(sent)
        == files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    )


def test_numbers_of_numpy_and_pandas_and_missing_ones_reach_the_browser_as_json() -> None:
    figure = {"x": np.array([1.5, np.nan]), "n": np.int64(3), "y": [float("inf"), pd.NA]}
    assert encode_figure(figure) == '{"x":[1.5,null],"n":3,"y":[null,null]}'


def test_figure_with_a_foreign_object_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="holds a object; allowed are numbers"):
        encode_figure({"x": [object()]})


@pytest.mark.browser
def test_chart_is_drawn_in_the_theme_and_follows_it(page: Page) -> None:
    assert chart(page).get_attribute("data-draws") == "1"
    assert page.locator(".scatterlayer .point").count() == 2  # NaN is no point
    light = chart(page).evaluate(
        "node => [node._fullLayout.paper_bgcolor, node._fullData[0].marker.color]"
    )
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector('.charybdis-chart[data-draws="2"]')
    dark = chart(page).evaluate(
        "node => [node._fullLayout.paper_bgcolor, node._fullData[0].marker.color]"
    )
    assert [brightness(color) > 128 for color in light] == [True, False]
    assert [brightness(color) > 128 for color in dark] == [False, True]


def brightness(color: str) -> float:
    channels = re.findall(r"\d+", color)[:3]
    return sum(map(int, channels)) / 3


@pytest.mark.browser
def test_click_reaches_the_page_exactly_once(page: Page) -> None:
    page.mouse.click(*point(page, 1))
    expect(page.get_by_text("clicks 1")).to_be_visible()
    # Data comes back as it went out, markup and all.
    expect(
        page.get_by_text(
            "clicked {'model': '<b>bold</b> <img src=x onerror=alert(1)> &lt; $x$', 'level': 3}"
        )
    ).to_be_visible()
    page.get_by_role("button", name="again").click()
    expect(page.get_by_text("clicked None")).to_be_visible()
    expect(page.get_by_text("clicks 1")).to_be_visible()


@pytest.mark.browser
def test_double_click_counts_once(page: Page) -> None:
    page.mouse.dblclick(*point(page, 0))
    expect(page.get_by_text("clicks 1")).to_be_visible()
    page.wait_for_timeout(500)
    expect(page.get_by_text("clicks 1")).to_be_visible()


@pytest.mark.browser
def test_zoom_outlives_a_change_of_the_figure(page: Page) -> None:
    chart(page).evaluate("node => { node.dataset.same = 'node'; }")
    before = x_range(page)
    box = page.locator(".nsewdrag").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.8 * box["height"], steps=5)
    page.mouse.up()
    zoomed = x_range(page)
    assert zoomed[1] - zoomed[0] < 0.5 * (before[1] - before[0])
    move_slider(page, draws=2)
    assert x_range(page) == zoomed
    assert chart(page).get_attribute("data-same") == "node"
    assert chart(page).evaluate("node => node.data[0].y[2]") == 3


@pytest.mark.browser
def test_unchanged_figure_is_not_drawn_again(page: Page) -> None:
    page.get_by_role("button", name="again").click()
    page.wait_for_timeout(500)
    assert chart(page).get_attribute("data-draws") == "1"


@pytest.mark.browser
def test_chart_has_a_name_a_file_name_and_the_width_of_its_place(page: Page) -> None:
    expect(page.get_by_role("figure", name="Three points, <one> at 2.")).to_be_visible()
    assert chart(page).evaluate("node => node._context.toImageButtonOptions") == {
        "format": "svg",
        "filename": "points",
    }
    wide = chart(page).evaluate("node => [node.clientWidth, node._fullLayout.width]")
    assert wide[0] == wide[1]
    page.set_viewport_size({"width": 700, "height": 800})
    page.wait_for_function(
        "() => { const n = document.querySelector('.charybdis-chart'); return n._fullLayout.width"
        " === n.clientWidth; }"
    )
    assert chart(page).evaluate("node => node._fullLayout.width") < wide[0]


@pytest.mark.browser
def test_mode_bar_saves_an_svg(page: Page) -> None:
    chart(page).hover()
    with page.expect_download() as download:
        page.locator('.modebar-btn[data-title*="Download"]').click()
    assert download.value.suggested_filename == "points.svg"
    assert Path(download.value.path()).read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.browser
def test_reduced_motion_leaves_nothing_moving(url: str, page_at: Callable[..., Page]) -> None:
    page = page_at(url, reduced_motion="reduce")
    page.wait_for_selector(DRAWN)
    assert (
        page.locator(".charybdis-chart .modebar").first.evaluate(
            "node => getComputedStyle(node).transitionProperty"
        )
        == "none"
    )


@pytest.mark.browser
def test_missing_library_is_said_in_place_of_the_chart(browser: Browser, url: str) -> None:
    page = browser.new_context().new_page()  # not page_at: here the console is meant to complain
    page.route("**/library/**", lambda route: route.fulfill(status=404))
    page.goto(url)
    expect(page.locator(".charybdis-chart.failed")).to_contain_text("answered 404")
    page.context.close()


def test_no_button_sends_the_chart_elsewhere(page: Page) -> None:
    chart(page).hover()
    titles = page.locator(".modebar-btn").evaluate_all(
        "buttons => buttons.map(button => button.dataset.title)"
    )
    assert "Download plot" in titles
    assert not [title for title in titles if "share" in title.lower() or "cloud" in title.lower()]
