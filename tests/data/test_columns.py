"""`data/records.py` is the one list of columns; schema, limits, exports and our files follow it.

Every test goes over all columns, so that a column added to a record is tested without being named.
"""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from data.every_eval_ever import write_every_eval_ever
from data.exporting import export_table
from data.importers.kit.base import SAMPLE_SCHEMA
from data.importers.kit.records import BadRecordError, read_record, write_record
from data.importing import discover, import_sources
from data.interchange import stored_batches, write_jsonl, write_parquet
from data.queries import fetch_sample
from data.records import (
    RUN_COLUMNS,
    SAMPLE_COLUMNS,
    SCORE_COLUMNS,
    Column,
    Outcome,
    RunInfo,
    RunStatus,
    Score,
    ScoredSample,
    Split,
    field_names,
)
from data.store import Store
from data.writer import writing

SQL_TYPES = {
    "text": "VARCHAR",
    "bool": "BOOLEAN",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "time": "TIMESTAMP",
    "split": "ENUM('id', 'ood')",
    "outcome": "ENUM('correct', 'wrong', 'unparsed', 'error')",
    "json": "JSON",
    "float32 list": "FLOAT[]",
}
KEY = ("INTEGER", False)
"""Type, and whether a row may be without."""
WIDTHS = {"int16": 16, "int32": 32, "int64": 64}


def value_of(column: Column, number: int) -> Any:
    """A value of the column's kind that no other column has."""
    values: dict[str, Any] = {
        "text": f"{column.name} {number}",
        "bool": True,
        "int16": number,
        "int32": number + 70_000,
        "int64": number + 5_000_000_000,
        "float32": number / 64,
        "float64": number / 64,
        "time": datetime(2026, 1, 2, 3, 4, number),
        "split": Split.OOD,
        "outcome": Outcome.CORRECT,
        "json": {f"{column.name} {number}": [number]},
        "float32 list": (-number / 4, -number / 8),
    }
    return values[column.kind]


def full(record_type: type, columns: tuple[Column, ...], **given: Any) -> Any:
    """A record that states every field."""
    values = {column.name: value_of(column, number) for number, column in enumerate(columns, 2)}
    return record_type(**(values | given))


RUN = full(
    RunInfo, RUN_COLUMNS, run_id="r", format="test", status=RunStatus.PARTIAL, warnings=("a", "b")
)
SCORE = full(Score, SCORE_COLUMNS, run_id="r", task="t", scale="raw", value01=0.25)
SAMPLE = full(ScoredSample, SAMPLE_COLUMNS, run_id="r", task="t", variant="v", score=1.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with one run, score and sample that state every field."""
    store = Store(tmp_path / "store")
    with writing(store) as writer:
        writer.add_run(RUN)
        writer.add_scores([SCORE])
        writer.add_samples([SAMPLE])
    return store


# -- the schema ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "columns", "own", "as_key"),
    [
        (
            "runs",
            RUN_COLUMNS,
            {
                "run_key": KEY,
                "import_key": ("INTEGER", True),
                "model_key": KEY,
                "added_at": ("TIMESTAMP", False),
                "version": ("BIGINT", False),
            },
            (),
        ),
        ("scores", SCORE_COLUMNS, {"run_key": KEY, "task_key": ("INTEGER", True)}, ("task",)),
        (
            "samples",
            SAMPLE_COLUMNS,
            {
                "run_key": KEY,
                "task_key": KEY,
                "variant_key": ("INTEGER", True),
                "row_in_run": KEY,
                "is_primary": ("BOOLEAN", False),
            },
            ("task", "variant"),
        ),
    ],
    ids=["runs", "scores", "samples"],
)
def test_table_has_the_columns_of_its_record_with_their_types_and_its_keys(
    table: str,
    columns: tuple[Column, ...],
    own: dict[str, tuple[str, bool]],
    as_key: tuple[str, ...],
    tmp_path: Path,
) -> None:
    sql_types = SQL_TYPES | ({"json": "VARCHAR"} if table == "samples" else {})
    of_record = {
        column.name: (sql_types[column.kind], not column.is_required)
        for column in columns
        if column.name not in as_key and (column.name != "run_id" or table == "runs")
    }
    with Store(tmp_path).cursor() as cursor:
        rows = cursor.execute(
            "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE table_name = ?",
            [table],
        ).fetchall()
    found = {name: (data_type, is_nullable) for name, data_type, is_nullable in rows}
    assert found == of_record | own


@pytest.mark.parametrize(
    ("record_type", "columns"),
    [(RunInfo, RUN_COLUMNS), (Score, SCORE_COLUMNS), (ScoredSample, SAMPLE_COLUMNS)],
)
def test_columns_are_the_fields_of_the_record_in_order(
    record_type: type, columns: tuple[Column, ...]
) -> None:
    assert tuple(column.name for column in columns) == field_names(record_type)


# -- limits ----------------------------------------------------------------------------------------

EVERY = [
    (kind, column)
    for kind, columns in (
        ("run", RUN_COLUMNS),
        ("score", SCORE_COLUMNS),
        ("sample", SAMPLE_COLUMNS),
    )
    for column in columns
]
RECORDS = {"run": RUN, "score": SCORE, "sample": SAMPLE}
TOO_LARGE = {
    **{kind: 1 << n_bits - 1 for kind, n_bits in WIDTHS.items()},
    "float32": 3.5e38,
    "float64": float("inf"),
    "float32 list": [-1.0, float("inf")],
}


def read_with(kind: str, name: str, value: Any) -> Any:
    stated = msgspec.json.decode(msgspec.json.encode(write_record(RECORDS[kind])))
    del stated["kind"]
    return read_record(kind, stated | {name: value})


@pytest.mark.parametrize(
    ("kind", "column"),
    [(kind, column) for kind, column in EVERY if column.kind in TOO_LARGE],
    ids=lambda one: getattr(one, "name", one),
)
def test_number_that_its_column_cannot_hold_is_refused_and_the_field_named(
    kind: str, column: Column
) -> None:
    with pytest.raises(BadRecordError) as refused:
        read_with(kind, column.name, TOO_LARGE[column.kind])
    assert refused.value.field == column.name


@pytest.mark.parametrize(
    ("kind", "column"),
    [(kind, column) for kind, column in EVERY if column.kind in WIDTHS],
    ids=lambda one: getattr(one, "name", one),
)
def test_largest_whole_number_of_a_column_is_stored_as_it_is(
    kind: str, column: Column, tmp_path: Path
) -> None:
    largest = (1 << WIDTHS[column.kind] - 1) - 1
    record = read_with(kind, column.name, largest)
    store = Store(tmp_path)
    with writing(store) as writer:
        writer.add_run(record if kind == "run" else RUN)
        writer.add_scores([record] if kind == "score" else [])
        writer.add_samples([record] if kind == "sample" else [])
    with store.cursor() as cursor:
        sql = f"SELECT {column.name} FROM {kind}s"
        assert cursor.execute(sql).fetchall() == [(largest,)]


@pytest.mark.parametrize(
    ("kind", "column"),
    [(kind, column) for kind, column in EVERY if column.is_required and column.default is None],
    ids=lambda one: getattr(one, "name", one),
)
def test_field_that_every_row_has_cannot_be_left_out(kind: str, column: Column) -> None:
    stated = write_record(RECORDS[kind])
    del stated["kind"], stated[column.name]
    with pytest.raises(BadRecordError, match="this field is required"):
        read_record(kind, stated)


# -- out of the store and back ---------------------------------------------------------------------


def records_of(store: Store) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for batch in stored_batches(store):
        if isinstance(batch, RunInfo):
            found["run"] = write_record(batch)
        elif isinstance(batch, list):
            found["score"] = [write_record(row) for row in batch if isinstance(row, Score)]
        else:
            found["sample"] = batch.to_pylist()
    return found


def plain(record: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(record))


def test_every_field_comes_out_of_the_store_as_it_went_in(store: Store) -> None:
    found = records_of(store)
    assert plain(found["run"]) == plain(write_record(RUN))
    assert plain(found["score"]) == [plain(write_record(SCORE))]
    assert plain(found["sample"]) == [plain(SAMPLE) | json_texts(found["sample"][0])]


def json_texts(row: dict[str, Any]) -> dict[str, Any]:
    """JSON columns as text, once it is sure that they say what the sample does."""
    texts = {column.name: row[column.name] for column in SAMPLE_COLUMNS if column.kind == "json"}
    for name, text in texts.items():
        assert msgspec.json.decode(text) == getattr(SAMPLE, name)
    return texts


@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "zip"])
def test_every_field_survives_a_file_of_our_own_and_every_eval_ever(
    suffix: str, store: Store, tmp_path: Path
) -> None:
    file = tmp_path / f"out.{suffix}"
    if suffix == "zip":
        file = tmp_path / "records"
        write_every_eval_ever(file, store)
    else:
        write = write_jsonl if suffix == "jsonl" else write_parquet
        write(file, stored_batches(store))
    other = Store(tmp_path / "other")
    results = list(import_sources(other, discover([file]).sources))
    assert [(one.status, one.rejected) for one in results] == [("imported", 0)], results
    came, went = records_of(other), records_of(store)
    if suffix == "zip":  # the run's file is another one then
        for records in (came, went):
            records["run"] = records["run"] | {"source_path": None}
    assert plain(came) == plain(went)


def test_every_field_of_a_sample_is_shown_for_itself(store: Store) -> None:
    shown = fetch_sample(store, "r", 0)
    assert set(field_names(ScoredSample)) <= set(shown)


EXPORTED = {
    "samples": """
        model run_id row_in_run task instance_id split level level_scheme epoch variant is_primary
        outcome score input target response parsed_answer reason answer_logprob token_logprobs
        choice_logprobs n_input_tokens n_output_tokens duration_s metrics metadata""",
    "scores": """
        model run_id checkpoint step task split level level_scheme subset metric variant value scale
        value01 stderr stderr_kind n n_kind n_shot higher_is_better is_group parent_group flag
        metadata""",
}
"""Names that scripts read exports by."""


@pytest.mark.parametrize(
    ("table", "record_type"), [("samples", ScoredSample), ("scores", Score)], ids=list(EXPORTED)
)
def test_export_has_every_field_and_keeps_the_names_and_order_that_scripts_know(
    table: str, record_type: type, store: Store
) -> None:
    sink = io.BytesIO()
    export_table(store, table, "parquet", sink)
    names = pq.read_schema(io.BytesIO(sink.getvalue())).names
    assert set(field_names(record_type)) <= set(names)
    known = EXPORTED[table].split()
    assert [name for name in names if name in known] == known


def test_arrow_columns_are_those_of_samples() -> None:
    assert tuple(SAMPLE_SCHEMA.names) == field_names(ScoredSample)
