"""The example notebook runs, cell by cell, on our own ladder."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from data.bootstrap import open_store
from data.importing import discover, import_sources

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "docs" / "example.ipynb"


def test_cells_run_and_end_in_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(tmp_path / "store", empty=True)
    list(import_sources(store, discover([ROOT / "data" / "ladder"]).sources))
    store.close()
    monkeypatch.chdir(tmp_path)
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)
    script = tmp_path / "cells.py"
    script.write_text(
        "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"),
        encoding="utf-8",
    )
    names = runpy.run_path(str(script))
    assert [valley.model for valley in names["valleys"]] == ["ladder-5k-s0", "ladder-80k-s0"]
    assert len(names["answers"]) == 2 * 8192
    assert "ladder-80k-s0" in capsys.readouterr().out
