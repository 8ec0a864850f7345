"""Runs and imports as tables."""

from __future__ import annotations

import json

import pandas as pd

from pages.runs.sections import (
    import_table,
    parse_warnings,
    provenance_table,
    reject_table,
    settings_table,
)


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
    assert settings_table(run).to_numpy().tolist() == [
        ["seeds: a", "1"],
        ["metadata: x.y", "[1, 2]"],
    ]
    assert parse_warnings(None) == []


def test_what_a_model_wrote_is_one_line_a_task_and_not_one_a_number() -> None:
    said = {
        "elements": {str(value): 2 for value in range(60)},
        "lengths": {"4": 20, "6": 24},
        "n_examples": 44,
        "n_prompts": 16,
    }
    source = {"name": "elicited", "seed": 3, "tasks": {"two_sum": said}}
    run = {"seeds": None, "generation": None, "metadata": json.dumps({"id_source": source})}
    assert settings_table(run).to_numpy().tolist() == [
        ["metadata: id_source.name", "elicited"],
        ["metadata: id_source.seed", "3"],
        [
            "metadata: id_source.tasks.two_sum",
            "44 examples of length 4 to 6 with 60 different numbers from 0 to 59, after 16 prompts",
        ],
    ]


def test_tables_of_nothing_have_their_columns() -> None:
    imports = pd.DataFrame(
        columns=[
            "path",
            "format",
            "imported_at",
            "n_runs",
            "n_scores",
            "n_samples",
            "n_rejected",
            "n_bytes",
            "sha256",
            "importer_version",
        ]
    )
    assert import_table(imports).empty
    assert list(
        reject_table(pd.DataFrame(columns=["path", "file", "record", "field", "found", "expected"]))
    ) == [
        "file",
        "record",
        "field",
        "found",
        "expected",
        "source",
    ]
