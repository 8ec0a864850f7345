"""Our own format reads back exactly what was written, and says where a file is not as described."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.importers.charybdis.source import IMPORTER
from data.importers.kit.base import SAMPLE_SCHEMA, Batch, Source, sample_table
from data.importers.kit.records import read_record, write_record
from data.interchange import write_jsonl, write_parquet
from data.records import ImportFormatError, Outcome, RunInfo, RunStatus, Score, ScoredSample, Split

RUN = RunInfo(
    run_id="r1",
    model_raw="org/model",
    format="probe",
    benchmark="scylla",
    format_version="2",
    checkpoint="main",
    step=7,
    train_tokens=3e11,
    n_params=70_426_624,
    dtype="bfloat16",
    harness="charybdis",
    harness_version="0.1",
    code_git="abc",
    code_git_meaning="harness",
    status=RunStatus.PARTIAL,
    started_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
    finished_at=datetime(2026, 1, 2, 4),
    date_source="clock",
    n_shot=8,
    sample_limit=0.5,
    level_scheme="scylla",
    id_source="ladder",
    source_path="somewhere",
    seeds={"seed": 1},
    generation={"temperature": 0.0},
    metadata={"a": [1, {"b": None}]},
    warnings=("one", "two"),
)
SCORE = Score(
    run_id="r1",
    metric="accuracy",
    value=62.5,
    task="tsp",
    split=Split.OOD,
    level=5,
    subset="s",
    variant="v",
    scale="0-100",
    value01=0.625,
    stderr=0.01,
    stderr_kind="recomputed",
    n=32,
    n_kind="counted",
    n_shot=2,
    higher_is_better=True,
    is_group=True,
    parent_group="g",
    flag="f",
    metadata={"sd": 0.25},
)
SAMPLE = ScoredSample(
    run_id="r1",
    task="tsp",
    instance_id="id-0",
    split=Split.ID,
    level=5,
    epoch=2,
    variant="first",
    outcome=Outcome.UNPARSED,
    score=0.5,
    input='prompt\n"quoted"',
    target="[0, 1]",
    response="naïve 🐙",
    parsed_answer="[1]",
    reason="why",
    answer_logprob=-1.5,
    token_logprobs=(-0.5, -1.0),
    choice_logprobs=(-0.25,),
    n_input_tokens=11,
    n_output_tokens=12,
    duration_s=0.125,
    metrics={"f1": 0.5},
    metadata={"k": ["v"]},
)
BARE = (
    RunInfo(run_id="r2", model_raw="m", format="probe"),
    Score(run_id="r2", metric="accuracy", value=None),
    ScoredSample(run_id="r2", task="t", instance_id="1"),
)


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Path]:
    """A JSONL file of these objects (or raw lines)."""

    def write(*rows: dict[str, Any] | str | bytes) -> Path:
        raw = [
            (
                row
                if isinstance(row, bytes)
                else (row if isinstance(row, str) else json.dumps(row)).encode()
            )
            for row in rows
        ]
        (tmp_path / "file.jsonl").write_bytes(b"\n".join(raw) + b"\n")
        return tmp_path / "file.jsonl"

    return write


# -- without loss ----------------------------------------------------------------------------------


def test_every_field_of_every_record_has_a_value_of_its_own_in_this_test() -> None:
    for record, bare in zip((RUN, SCORE, SAMPLE), BARE, strict=True):
        same = [
            name
            for name in write_record(bare)
            if name not in ("kind", "value")
            and write_record(record).get(name) == getattr(bare, name)
        ]
        assert same in ([], ["format"], ["metric"])
        assert len(write_record(record)) == len(type(record).__dataclass_fields__) + 1


@pytest.mark.parametrize("write", [write_jsonl, write_parquet])
def test_what_was_written_reads_back_the_same(
    read_files, tmp_path: Path, write: Callable[..., Any]
) -> None:
    batches: list[Batch] = [RUN, [SCORE], [SAMPLE], BARE[0], [BARE[1]], [BARE[2]]]
    written = write(tmp_path / "file", batches)
    assert (written.runs, written.scores, written.samples) == (2, 2, 2)
    read = read_files(IMPORTER, tmp_path / "file")
    assert read.rejects == []
    assert read.runs == [RUN, BARE[0]]
    assert read.scores == [SCORE, BARE[1]]
    found = [
        sample if isinstance(sample, ScoredSample) else _sample(sample) for sample in read.samples
    ]
    assert found == [SAMPLE, BARE[2]]


def _sample(row: dict[str, Any]) -> ScoredSample:
    stated = {
        name: json.loads(value) if name in ("metrics", "metadata") and value else value
        for name, value in row.items()
    }
    record = read_record(
        "sample", {name: value for name, value in stated.items() if value is not None}
    )
    assert isinstance(record, ScoredSample)
    return record


@given(
    text=st.text(),
    number=st.none()
    | st.floats(allow_nan=False, allow_infinity=False, width=32),  # as wide as the store's column
    logprobs=st.none() | st.lists(st.floats(max_value=0, allow_infinity=False)).map(tuple),
    extra=st.dictionaries(
        st.text(), st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
    ),
)
def test_any_sample_survives_json(
    text: str, number: float | None, logprobs: tuple[float, ...] | None, extra: dict[str, Any]
) -> None:
    sample = replace(SAMPLE, response=text, score=number, token_logprobs=logprobs, metadata=extra)
    stated = json.loads(json.dumps(write_record(sample)))
    assert stated.pop("kind") == "sample"
    assert read_record("sample", stated) == sample


def test_samples_given_as_columns_are_written_as_well(read_files, tmp_path: Path) -> None:
    table = sample_table(
        {
            "run_id": ["r2"],
            "task": ["t"],
            "instance_id": ["1"],
            "outcome": ["wrong"],
            "metadata": ['{"a":1}'],
        }
    )
    write_jsonl(tmp_path / "a.jsonl", [BARE[0], table])
    write_parquet(tmp_path / "a.parquet", [BARE[0], table.drop_columns(["epoch", "metrics"])])
    first, second = read_files(IMPORTER, tmp_path).samples
    assert first == replace(BARE[2], outcome=Outcome.WRONG, metadata={"a": 1})
    assert _sample(second) == first


def test_a_file_that_cannot_be_finished_does_not_appear(tmp_path: Path) -> None:
    def broken() -> Any:
        yield RUN
        raise RuntimeError("the source gave out")

    for write in (write_jsonl, write_parquet):
        with pytest.raises(RuntimeError, match="gave out"):
            write(tmp_path / "file", broken())
    assert list(tmp_path.iterdir()) == []


# -- lines that are not as described ---------------------------------------------------------------

SAMPLE_LINE = {"kind": "sample", "run_id": "r1", "task": "t", "instance_id": "1"}
RUN_LINE = {"kind": "run", "run_id": "r1", "model_raw": "m", "format": "probe"}


@pytest.mark.parametrize(
    ("bad", "field", "expected"),
    [
        ({**SAMPLE_LINE, "outcome": "right"}, "outcome", "Invalid enum value 'right'"),
        ({**SAMPLE_LINE, "split": "test"}, "split", "Invalid enum value 'test'"),
        ({**SAMPLE_LINE, "level": "2"}, "level", "Expected `int | null`, got `str`"),
        ({**SAMPLE_LINE, "level": 2.5}, "level", "Expected `int | null`, got `float`"),
        ({**SAMPLE_LINE, "level": 40_000}, "level", "a whole number from 0 to 32767"),
        ({**SAMPLE_LINE, "epoch": 0}, "epoch", "a whole number from 1"),
        ({**SAMPLE_LINE, "metadata": [1]}, "metadata", "Expected `object`, got `array`"),
        (
            {**SAMPLE_LINE, "token_logprobs": [-1, "x"]},
            "token_logprobs[1]",
            "Expected `float`, got `str`",
        ),
        ({"kind": "sample", "run_id": "r1", "task": "t"}, "instance_id", "this field is required"),
        ({**SAMPLE_LINE, "run_id": "r9"}, "run_id", "the run_id of a run described before it"),
        ({**SAMPLE_LINE, "metadata": {"colour": 1}, "colour": 2}, "colour", "one of the fields"),
        (RUN_LINE, "run_id", "a run_id that was not used before it"),
        ({**RUN_LINE, "run_id": "r3", "status": "done"}, "status", "Invalid enum value 'done'"),
        ({**RUN_LINE, "run_id": "r3", "model_raw": ""}, "model_raw", "a model's name"),
        (
            {"kind": "score", "run_id": "r1", "metric": "m", "value": 1, "scale": "%"},
            "scale",
            "0-1, 0-100, logprob, raw",
        ),
        (
            {"kind": "score", "run_id": "r1", "metric": "m", "value": 1, "value01": 1.5},
            "value01",
            "a share from 0 to 1",
        ),
        ({"kind": "note"}, "kind", "run, score or sample"),
        ([1, 2], "kind", "run, score or sample"),
        (
            '{"kind": "sample", "run_id": "r1", "task": "t", "instance_id": "1", "score": NaN}',
            "json",
            "one JSON object",
        ),
        ('{"kind": "sample", "run_id"', "json", "one JSON object"),
        (
            b'{"kind": "sample", "run_id": "r1", "task": "Z\xfcrich", "instance_id": "1"}',
            "json",
            "UTF-8",
        ),
        ("[" * 100_000, "json", "one JSON object"),
    ],
)
def test_a_bad_line_is_named_and_the_others_come_in(
    read_files, lines, bad: Any, field: str, expected: str
) -> None:
    read = read_files(IMPORTER, lines(RUN_LINE, bad, SAMPLE_LINE))
    assert len(read.samples) == 1
    ((record, found_field, text),) = [(r.record, r.field, r.expected) for r in read.rejects]
    assert (record, found_field) == ("line 2", field)
    assert expected in text


def test_a_field_that_nobody_knows_is_kept_in_the_metadata(read_files, lines) -> None:
    (sample,) = read_files(
        IMPORTER, lines(RUN_LINE, {**SAMPLE_LINE, "colour": "blue", "metadata": {"a": 1}})
    ).samples
    assert sample.metadata == {"a": 1, "colour": "blue"}


def test_a_line_of_ten_megabytes_is_one_sample(read_files, lines) -> None:
    read = read_files(
        IMPORTER,
        lines(
            RUN_LINE,
            {**SAMPLE_LINE, "response": "x" * 10_000_000},
            {**SAMPLE_LINE, "instance_id": "2"},
        ),
    )
    assert [len(sample.response or "") for sample in read.samples] == [10_000_000, 0]


def test_many_samples_come_in_batches(lines) -> None:
    file = lines(RUN_LINE, *({**SAMPLE_LINE, "instance_id": str(index)} for index in range(25_000)))
    sizes = [
        len(batch)
        for batch in IMPORTER.read(Source("charybdis", file, (file,)), print)
        if isinstance(batch, list)
    ]
    assert sum(sizes) == 25_000
    assert max(sizes) <= 10_000


def test_other_files_are_left_to_others(read_files, shared: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"kind": "dog"}\n', encoding="utf-8")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 cut")
    (tmp_path / "c").write_bytes(b"")
    assert read_files(IMPORTER, tmp_path).sources == []
    for folder in ("lm_eval_v04", "csv", "scylla", "every_eval_ever"):
        assert read_files(IMPORTER, shared / "fixtures" / folder).sources == []


# -- Parquet that is not as described --------------------------------------------------------------


def _parquet(file: Path, table: pa.Table, stated: Any = None) -> Path:
    text = (
        stated
        if isinstance(stated, str)
        else json.dumps(stated or {"runs": [RUN_LINE | {"kind": None}]})
    )
    if stated is None:
        text = json.dumps(
            {"runs": [{name: value for name, value in RUN_LINE.items() if name != "kind"}]}
        )
    pq.write_table(table.replace_schema_metadata({"charybdis": text}), file)
    return file


def _rows(**columns: list[Any]) -> pa.Table:
    n_rows = len(next(iter(columns.values())))
    return sample_table(
        {
            "run_id": ["r1"] * n_rows,
            "task": ["t"] * n_rows,
            "instance_id": [str(i) for i in range(n_rows)],
        }
        | columns
    )


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"outcome": ["correct", "right", None]}, "outcome"),
        ({"run_id": ["r1", "r9", "r1"]}, "run_id"),
        ({"score": [1.0, float("nan"), 0.0]}, "score"),
        ({"task": ["t", None, "t"]}, "task"),
        ({"epoch": [1, 0, 2]}, "epoch"),
        ({"metadata": ['{"a":1}', "[1]", None]}, "metadata"),
        ({"metrics": [None, "{oops", None]}, "metrics"),
    ],
)
def test_a_bad_row_is_named_and_the_others_come_in(
    read_files, tmp_path: Path, columns: dict[str, list[Any]], field: str
) -> None:
    read = read_files(IMPORTER, _parquet(tmp_path / "a.parquet", _rows(**columns)))
    assert [(r.record, r.field) for r in read.rejects] == [("row 2", field)]
    assert len(read.samples) == 2


def test_columns_of_other_types_are_taken_as_far_as_they_fit(read_files, tmp_path: Path) -> None:
    table = _rows(outcome=["correct", "wrong"]).drop_columns(["level", "epoch"])
    table = table.append_column("level", pa.array([2.0, 2.5])).append_column(
        "colour", pa.array(["blue", None])
    )
    read = read_files(IMPORTER, _parquet(tmp_path / "a.parquet", table))
    assert [(r.record, r.field) for r in read.rejects] == [("row 1", "level"), ("row 2", "level")]
    whole = table.set_column(table.column_names.index("level"), "level", pa.array([2, 3]))
    samples = read_files(IMPORTER, _parquet(tmp_path / "a.parquet", whole)).samples
    assert [(s.level, s.epoch, s.metadata) for s in samples] == [
        (2, 1, {"colour": "blue"}),
        (3, 1, {}),
    ]


@pytest.mark.parametrize("stated", ["not json", '{"runs": 3}', "[1]"])
def test_metadata_that_is_not_as_described_refuses_the_file(
    read_files, tmp_path: Path, stated: str
) -> None:
    with pytest.raises(ImportFormatError, match=r"a\.parquet: the metadata under 'charybdis'"):
        read_files(IMPORTER, _parquet(tmp_path / "a.parquet", _rows(score=[1.0]), stated))


def test_a_cut_off_parquet_file_is_refused(tmp_path: Path) -> None:
    file = _parquet(tmp_path / "a.parquet", _rows(score=[1.0]))
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ImportFormatError, match="is damaged"):
        list(IMPORTER.read(Source("charybdis", file, (file,)), print))


def test_samples_in_parquet_have_the_columns_of_the_schema(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", [RUN, [SAMPLE]])
    assert pq.read_schema(tmp_path / "a.parquet").names == SAMPLE_SCHEMA.names
