"""A report opens from a file, offline, in a real browser: charts are drawn, and what a model wrote
does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from typer.testing import CliRunner

from cli import cli
from ui.settings import settings

pytestmark = pytest.mark.browser


def test_report_draws_its_charts_without_a_network_and_hostile_answers_stay_text(
    demo_store: Path, tmp_path: Path, page_at: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARYBDIS_STORE", "")
    out = tmp_path / "meeting.html"
    views = [
        "--view",
        "valley?models=demo-large&models=demo-small",
        "--view",
        "samples?model=demo-small&outcome=unparsed",
    ]
    done = CliRunner().invoke(
        cli, ["report", "--store", str(demo_store), "--out", str(out), *views]
    )
    settings.cache_clear()
    assert done.exit_code == 0, done.output
    page = page_at(out.as_uri(), offline=True)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    expect(page.locator(".chart .main-svg").first).to_be_visible(timeout=15_000)
    assert page.locator(".chart").count() == page.locator(".chart:has(.main-svg)").count() >= 2
    expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    assert dialogs == []
