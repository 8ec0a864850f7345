"""Out of a store as records of Every Eval Ever: valid against the schema, and back into an empty
store as they were.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest

from data.bootstrap import open_store
from data.every_eval_ever import write_every_eval_ever
from data.importers.kit.records import write_record
from data.importing import discover, import_sources
from data.interchange import stored_batches
from data.queries import fetch_level_scores, fetch_task_counts
from data.records import (
    CharybdisError,
    Outcome,
    RunInfo,
    Score,
    ScoredSample,
    Selection,
    Split,
    StoreError,
)
from data.store import Store
from data.writer import writing

RUN = RunInfo(
    run_id="r1",
    model_raw="org/model-a",
    format="probe",
    level_scheme="scylla",
    harness="lm_eval",
    harness_version="0.4.9",
    n_params=7_000_000,
    generation={"temperature": 0.5, "max_tokens": 0, "stop": ["\n"]},
    metadata={"long": "x" * 100_000},
    warnings=("w",),
)
"""Its metadata is longer than what a format is told from."""
SCORES = [
    Score(
        run_id="r1",
        metric="acc",
        value=25.0,
        scale="0-100",
        value01=0.25,
        stderr=1.5,
        stderr_kind="reported",
        n=40,
        n_kind="counted",
        task="two_sum",
        split=Split.OOD,
        level=2,
        variant="strict",
        higher_is_better=True,
        parent_group="sums",
        flag="odd",
        metadata={"a": [1]},
    ),
    Score(run_id="r1", metric="f1", value=None, task="two_sum"),
]
COMMON: dict[str, Any] = {
    "run_id": "r1",
    "task": "two_sum",
    "split": Split.OOD,
    "level": 2,
    "variant": "strict",
}
SAMPLES = [
    ScoredSample(
        **COMMON,
        instance_id="right",
        epoch=2,
        outcome=Outcome.CORRECT,
        score=1.0,
        input="2+2?",
        target='["4", "four"]',
        response="4.",
        parsed_answer="4",
        answer_logprob=-0.125,
        token_logprobs=(-0.5, -0.25),
        choice_logprobs=(-1.0,),
        n_input_tokens=3,
        n_output_tokens=2,
        duration_s=0.75,
        metrics={"acc": 1},
        metadata={"topic": "sums"},
    ),
    ScoredSample(
        **COMMON,
        instance_id="wrong",
        outcome=Outcome.WRONG,
        score=0.0,
        target="5",
        response="",
        n_output_tokens=1,
    ),
    ScoredSample(
        **COMMON,
        instance_id="unread",
        outcome=Outcome.UNPARSED,
        score=0.0,
        response="well",
        reason="no number found",
    ),
    ScoredSample(**COMMON, instance_id="lost", outcome=Outcome.ERROR, reason="timeout"),
    ScoredSample(**COMMON, instance_id="graded", score=0.5, response="half"),
    ScoredSample(**COMMON, instance_id="free", response="a poem"),
]


def records_of(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every run, score and sample of a store but for where the run's file lies, in an order of
    their own.
    """
    found: dict[str, list[dict[str, Any]]] = {"run": [], "score": [], "sample": []}
    for batch in stored_batches(store):
        if isinstance(batch, RunInfo):
            found["run"].append(write_record(batch) | {"source_path": None})
        elif isinstance(batch, list):
            found["score"] += [write_record(row) for row in batch if isinstance(row, Score)]
        else:
            assert isinstance(batch, pa.Table)
            parsed = {
                name: [text and json.loads(text) for text in batch[name].to_pylist()]
                for name in ("metrics", "metadata")
            }
            found["sample"] += [
                row | {name: texts[place] for name, texts in parsed.items()}
                for place, row in enumerate(batch.to_pylist())
            ]
    return {
        kind: sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=str))
        for kind, rows in found.items()
    }


def objects_below(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every record with the kind of its schema."""
    for file in folder.rglob("*"):
        if file.suffix == ".json":
            yield "eval", json.loads(file.read_text(encoding="utf-8"))
        elif file.suffix == ".jsonl":
            yield from (
                ("instance_level_eval", json.loads(line))
                for line in file.read_text(encoding="utf-8").splitlines()
            )


def there_and_back(store: Store, folder: Path) -> Store:
    """The store, written as records and imported into an empty one."""
    write_every_eval_ever(folder / "records", store)
    other = open_store(folder / "other", empty=True)
    results = list(import_sources(other, discover([folder / "records"]).sources))
    assert {(result.format, result.status, result.rejected) for result in results} == {
        ("every_eval_ever", "imported", 0)
    }
    return other


@pytest.fixture
def one_run(tmp_path: Path) -> Store:
    store = open_store(tmp_path / "store", empty=True)
    with writing(store) as writer:
        writer.add_run(RUN)
        writer.add_scores(SCORES)
        writer.add_samples(SAMPLES)
    return store


def test_every_field_and_outcome_comes_back(one_run: Store, tmp_path: Path) -> None:
    before, after = records_of(one_run), records_of(there_and_back(one_run, tmp_path))
    assert before == after
    assert (
        len(after["score"]) == 2
    )  # the accuracy counted from the samples is not taken for a stated one
    assert [
        row["outcome"] for row in sorted(after["sample"], key=lambda row: str(row["instance_id"]))
    ] == [None, None, "error", "correct", "unparsed", "wrong"]


def test_failures_do_not_look_like_verdicts_to_others(one_run: Store, tmp_path: Path) -> None:
    write_every_eval_ever(tmp_path / "records", one_run)
    found = list(objects_below(tmp_path / "records"))
    ((_, record),) = [item for item in found if item[0] == "eval"]
    answers = {item["sample_id"]: item for kind, item in found if kind != "eval"}
    assert answers["lost"]["error"] == "timeout"
    assert answers["free"]["error"].startswith("not graded")
    assert (
        "error" not in answers["unread"]
        and answers["unread"]["metadata"]["charybdis.outcome"] == "unparsed"
    )
    assert {name for name, item in answers.items() if "evaluation_result_id" in item} == {
        "right",
        "wrong",
        "unread",
    }
    stated, counted = record["evaluation_results"]  # the score without a value is no result
    assert (stated["score_details"]["score"], stated["metric_config"]["max_score"]) == (25.0, 100.0)
    assert stated["metric_config"]["additional_details"]["split"] == "ood"
    assert counted["score_details"] == {
        "score": pytest.approx(1 / 3),
        "uncertainty": {"num_samples": 3},
    }
    assert counted["evaluation_result_id"] == answers["right"]["evaluation_result_id"]
    assert answers["right"]["input"]["reference"] == ["4", "four"]


def test_record_changed_by_hand_is_told(one_run: Store, tmp_path: Path) -> None:
    write_every_eval_ever(tmp_path / "records", one_run)
    (file,) = (tmp_path / "records").rglob("*.json")
    record = json.loads(file.read_text(encoding="utf-8"))
    record["source_metadata"]["additional_details"]["charybdis.run"] = "{"
    file.write_text(json.dumps(record), encoding="utf-8")
    other = open_store(tmp_path / "other", empty=True)
    (result,) = import_sources(other, discover([tmp_path / "records"]).sources)
    assert result.status == "failed" and "changed since: charybdis.run" in result.message


def test_sample_changed_by_hand_is_rejected_with_its_line(one_run: Store, tmp_path: Path) -> None:
    write_every_eval_ever(tmp_path / "records", one_run)
    (file,) = (tmp_path / "records").rglob("*.jsonl")
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace('"charybdis.outcome":"wrong"', '"charybdis.outcome":"bad"')
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    other = open_store(tmp_path / "other", empty=True)
    (result,) = import_sources(other, discover([tmp_path / "records"]).sources)
    assert (result.status, result.samples) == ("imported", 5)
    assert [(reject.record, reject.field) for reject in result.rejects] == [("2", "outcome")]


def test_demo_store_answers_the_same_after_the_way_there_and_back(
    demo_store: Path, tmp_path: Path
) -> None:
    store = open_store(demo_store)
    other = there_and_back(store, tmp_path)
    assert records_of(store) == records_of(other)
    for fetch in (fetch_task_counts, fetch_level_scores):
        assert sorted(map(str, fetch(store, Selection()).to_numpy().tolist())) == sorted(
            map(str, fetch(other, Selection()).to_numpy().tolist())
        )


def test_genuine_runs_of_every_format_are_valid_and_come_back(shared: Path, tmp_path: Path) -> None:
    fixtures = shared / "fixtures"
    store = open_store(tmp_path / "store", empty=True)
    formats = (
        "lm_eval_v04",
        "inspect",
        "helm",
        "opencompass",
        "lighteval",
        "every_eval_ever",
        "scylla",
        "csv/selfmade",
    )
    list(import_sources(store, discover([fixtures / name for name in formats]).sources))
    assert records_of(store) == records_of(there_and_back(store, tmp_path))
    schemas = fixtures / "every_eval_ever" / "schemas"
    validators = {
        name: jsonschema.Draft7Validator(
            json.loads((schemas / f"{name}.schema.json").read_text(encoding="utf-8"))
        )
        for name in ("eval", "instance_level_eval")
    }
    n_checked = 0
    for kind, record in objects_below(tmp_path / "records"):
        assert not [
            (error.json_path, error.message) for error in validators[kind].iter_errors(record)
        ]
        n_checked += 1
    assert n_checked > 1000


def test_archive_holds_the_same_files_and_writing_again_gives_the_same_bytes(
    one_run: Store, tmp_path: Path
) -> None:
    written = write_every_eval_ever(tmp_path / "records", one_run)
    assert (written.runs, written.scores, written.samples) == (1, 2, 6)
    write_every_eval_ever(tmp_path / "records.zip", one_run)
    files = {
        str(file.relative_to(tmp_path / "records")): file.read_bytes()
        for file in (tmp_path / "records").rglob("*")
        if file.is_file()
    }
    with zipfile.ZipFile(tmp_path / "records.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
    assert {name.rpartition("/")[0] for name in files} == {"data/probe/org/model-a"}
    write_every_eval_ever(tmp_path / "records", one_run)
    assert {
        str(file.relative_to(tmp_path / "records"))
        for file in (tmp_path / "records").rglob("*")
        if file.is_file()
    } == set(files)


def test_hostile_names_stay_inside_the_folder(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", empty=True)
    with writing(store) as writer:
        writer.add_run(
            RunInfo(run_id="../../r", model_raw="../../../etc/..", format="probe", benchmark="/")
        )
    write_every_eval_ever(tmp_path / "out" / "records", store)
    assert [file.parent.parts[-4:] for file in (tmp_path / "out").rglob("*.json")] == [
        ("data", "unknown", "etc", "unknown")
    ]


def test_what_cannot_be_written_is_told(one_run: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    with pytest.raises(CharybdisError, match="cannot be written"):
        write_every_eval_ever(tmp_path / "file", one_run)
    with pytest.raises(StoreError, match="No run r0"):
        write_every_eval_ever(tmp_path / "records", one_run, ["r0"])
