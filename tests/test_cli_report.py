"""`report` writes pages as one file: what the page shows on this store, or a refusal that says what
is possible and writes nothing.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import cli
from ui.settings import settings


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARYBDIS_STORE", "")  # restored afterwards: a report names its store there
    settings.cache_clear()


def report(store: Path, out: Path, *views: str) -> tuple[int, str]:
    named = [word for view in views for word in ("--view", view)]
    done = CliRunner().invoke(
        cli, ["report", "--store", str(store), "--out", str(out), "--json", *named]
    )
    settings.cache_clear()
    return done.exit_code, done.stdout


def test_report_holds_the_pages_that_were_named(demo_store: Path, tmp_path: Path) -> None:
    out = tmp_path / "meeting.html"
    status, text = report(
        demo_store,
        out,
        "http://127.0.0.1:8501/valley?models=demo-large",
        "samples?model=demo-large&outcome=wrong&split=ood",
    )
    assert status == 0, text
    assert json.loads(text)["n_bytes"] == out.stat().st_size
    page = out.read_text(encoding="utf-8")
    assert "Where does generalization break down?" in page
    assert "231 samples of demo-large: wrong, OOD." in page
    assert page.count('type="application/json"') >= 2  # the valley and its log-odds gap
    assert "run-demo-large" in page


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("nowhere?models=a", "no page 'nowhere'"),
        ("http://[", "is no address"),
        ("http://host/", ""),
    ],
)
def test_report_of_an_address_without_a_page(
    view: str, words: str, demo_store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "meeting.html"
    status, text = report(demo_store, out, view)
    assert (status == 0) is (words == "")
    assert words in text
    assert out.exists() is (words == "")
