"""The example notebook runs, cell by cell, on our own ladder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.bootstrap import open_store
from data.importing import discover, import_sources

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "docs" / "example.ipynb"


def test_cells_run_and_end_in_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(tmp_path / "store", empty=True)
    list(import_sources(store, discover([ROOT / "data" / "ladder" / f"{rung}.parquet" for rung in ("5k", "80k")]).sources))
    store.close()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert [valley.model for valley in names["valleys"]] == ["ladder-5k-s0", "ladder-80k-s0"]
    assert len(names["answers"]) == 2 * 8192
    assert "ladder-80k-s0" in capsys.readouterr().out
