"""Runs and imports as tables."""

from __future__ import annotations

import pandas as pd

from ui.runs.parts import import_table, parse_warnings, provenance_table, reject_table, settings_table


def test_facts_leave_out_what_is_unknown_and_settings_are_flattened() -> None:
    run = {
        "run_id": "r",
        "model": "m",
        "format": "f\x1b",
        "dtype": None,
        "seeds": '{"a": 1}',
        "generation": None,
        "metadata": '{"x": {"y": [1, 2]}}',
    }
    assert provenance_table(run).to_numpy().tolist() == [["format", "f\\x1b"]]
    assert settings_table(run).to_numpy().tolist() == [["seeds: a", "1"], ["metadata: x.y", "[1, 2]"]]
    assert parse_warnings(None) == []


def test_tables_of_nothing_have_their_columns() -> None:
    imports = pd.DataFrame(
        columns=["path", "format", "imported_at", "n_runs", "n_scores", "n_samples", "n_rejected", "n_bytes", "sha256", "importer_version"]
    )
    assert import_table(imports).empty
    assert list(reject_table(pd.DataFrame(columns=["path", "file", "record", "field", "found", "expected"]))) == [
        "file", "record", "field", "found", "expected", "source",
    ]  # fmt: skip
