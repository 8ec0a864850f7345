"""Names that look like markup, in a real browser: they are shown as written, in legends, ticks and
tooltips, and nothing of them runs.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

APP = Path(__file__).with_name("hostile_app.py")


@pytest.mark.browser
def test_names_are_shown_as_written_and_never_run(
    serve: Callable[..., str], page_at: Callable[..., Page], tmp_path: Path
) -> None:
    page = page_at(serve(Path(shutil.copy(APP, tmp_path / "app.py"))))
    page.on("dialog", lambda dialog: pytest.fail(f"a name ran: {dialog.message}"))
    valley, scores = (page.locator(".charybdis-chart").nth(place) for place in (0, 1))
    expect(page.locator(".charybdis-chart[data-draws]")).to_have_count(2, timeout=30_000)
    for text in (
        valley.locator(".legendtext").nth(2),
        scores.locator(".ytick, .yaxislayer-above text").first,
    ):
        expect(text).to_contain_text("<img src=x onerror=")
    point = valley.locator(".scatterlayer .point").nth(1).bounding_box()
    assert point is not None
    page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    expect(valley.locator(".hovertext")).to_contain_text(
        "<img src=x onerror=alert(1)> <b>&lt;\ufffd $x$ %{x}"
    )
    assert page.locator(".charybdis-chart img, .charybdis-chart b").count() == 0
