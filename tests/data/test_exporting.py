"""Tables leave as they are: nothing rounded away, nothing undefined turned into a number, nothing
in them read as a command.
"""

from __future__ import annotations

import io
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.exporting import BATCH_ROWS, FORMATS, TABLES, ExportError, export_table, table_as
from data.records import RunInfo, Score, Selection
from data.store import Store
from data.writer import writing

FRAME = pd.DataFrame(
    {
        "model": ["a,b", 'quote "q"', "new\nline"],
        "gap": [0.1 + 0.2, float("nan"), -1e-7],
        "n": pd.array([1, None, 3], dtype="Int64"),
        "is_tie": [True, False, True],
    }
)
HOSTILE = "\\input{/etc/passwd} $x$ % & # _ ~ ^ {\r\n\r\n}"


def test_csv_reads_back_as_it_was() -> None:
    back = pd.read_csv(io.BytesIO(table_as(FRAME, "csv")), dtype={"n": "Int64"})
    pd.testing.assert_frame_equal(back, FRAME, check_exact=True)


def test_json_keeps_every_digit_and_says_null_for_undefined() -> None:
    rows = json.loads(
        table_as(FRAME, "json"), parse_constant=lambda word: pytest.fail(f"{word} is no JSON")
    )
    assert rows[0] == {"model": "a,b", "gap": 0.1 + 0.2, "n": 1, "is_tie": True}
    assert rows[1]["gap"] is None and rows[1]["n"] is None


def test_json_of_times_and_infinities_is_json() -> None:
    frame = pd.DataFrame({"at": [datetime(2026, 1, 2, tzinfo=UTC), None], "x": [np.inf, 1.0]})
    rows = json.loads(
        table_as(frame, "json"), parse_constant=lambda word: pytest.fail(f"{word} is no JSON")
    )
    assert rows[0]["at"].startswith("2026-01-02") and rows[0]["x"] is None and rows[1]["at"] is None


def test_parquet_reads_back_as_it_was() -> None:
    back = pq.read_table(io.BytesIO(table_as(FRAME, "parquet"))).to_pylist()
    assert [row["model"] for row in back] == FRAME["model"].tolist()
    assert back[1]["gap"] is None and back[1]["n"] is None


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_table_without_rows_still_has_its_columns(table_format: str) -> None:
    written = table_as(FRAME.iloc[:0], table_format)
    assert written == b"[]" if table_format == "json" else b"model" in written


def test_latex_prints_hostile_text_and_obeys_none_of_it() -> None:
    text = table_as(
        pd.DataFrame({"mo_del": [HOSTILE, "[x]", "*"], "gap": [0.5, np.nan, -0.25]}), "latex"
    ).decode()
    assert "\\input" not in text and "\\textbackslash{}input\\{/etc/passwd\\}" in text
    assert "mo\\_del" in text and "\\toprule" in text and "\\begin{tabular}{lr}" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 4 and all(row.replace(r"\&", "").count("&") == 1 for row in rows)
    assert rows[2].startswith("{[}x{]}") and rows[3].startswith("{*}"), (
        "a bracket or star after a line end would be its argument"
    )


def test_latex_refuses_a_table_that_is_data() -> None:
    with pytest.raises(ExportError, match=r"2,001 rows.*Narrow the selection"):
        table_as(pd.DataFrame({"n": range(2001)}), "latex")


def test_an_unknown_format_is_named_with_the_known_ones() -> None:
    with pytest.raises(ExportError, match=r"'docx'.*csv, json, parquet, latex"):
        table_as(FRAME, "docx")


@pytest.fixture
def store(demo_store: Path, tmp_path: Path) -> Store:
    """The demo store, for reading."""
    return Store(shutil.copytree(demo_store, tmp_path / "store"))


@pytest.mark.parametrize("table", TABLES)
def test_every_table_says_the_same_in_every_format(table: str, store: Store) -> None:
    written = {}
    for table_format in ("csv", "json", "jsonl", "parquet"):
        sink = io.BytesIO()
        n_rows = export_table(store, table, table_format, sink)
        written[table_format] = (n_rows, sink.getvalue())
    rows = json.loads(written["json"][1])
    assert {n_rows for n_rows, _ in written.values()} == {len(rows)}
    assert [json.loads(line) for line in written["jsonl"][1].splitlines()] == rows
    frame = pq.read_table(io.BytesIO(written["parquet"][1])).to_pandas()
    assert len(frame) == len(rows) and (not rows or list(frame.columns) == list(rows[0]))
    assert written["csv"][1].decode().splitlines()[0].replace('"', "").split(",") == list(
        frame.columns
    )


def test_scores_leave_in_full_whatever_their_number(store: Store) -> None:
    n = 3 * BATCH_ROWS + 1
    with writing(store) as writer:
        writer.add_run(RunInfo(run_id="many", model_raw="many", format="benchmark"))
        writer.add_scores(
            [
                Score(run_id="many", task=f"task-{place % 7}", metric="acc", value=place / n)
                for place in range(n)
            ]
        )
    sink = io.BytesIO()
    assert (
        export_table(store, "scores", "parquet", sink, selection=Selection(models=("many",))) == n
    )
    assert pq.read_table(sink)["value"].to_pylist() == [place / n for place in range(n)]


def test_an_unknown_table_is_named_with_the_known_ones(store: Store) -> None:
    with pytest.raises(ExportError, match=r"'secrets'.*samples, scores"):
        export_table(store, "secrets", "csv", io.BytesIO())
