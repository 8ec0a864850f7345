"""lighteval: results with their details, every field from its place, groups, older files, and what
is broken.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.bootstrap import open_store
from data.importers.lighteval.source import IMPORTER, task_key
from data.importing import discover, import_sources
from data.records import Outcome, RunStatus
from tests.data.importers.inspect_files import put

TIME = "2026-01-02T03-04-05.678"
RESULTS: dict[str, Any] = {
    "config_general": {
        "lighteval_sha": "abc",
        "max_samples": None,
        "model_name": "org/model-a",
        "model_config": {
            "revision": "step1000",
            "dtype": "bfloat16",
            "generation_parameters": {"temperature": 0.5, "seed": 3, "top_k": None},
        },
    },
    "results": {
        "sums:one|2": {"acc": 0.5, "acc_stderr": 0.5},
        "sums:two|2": {"acc": 1.0, "acc_stderr": 0.0},
        "sums:_average|2": {"acc": 0.75, "acc_stderr": 0.25},
        "all": {"acc": 0.75, "acc_stderr": 0.25},
    },
    "versions": {"sums:one|2": 4},
    "config_tasks": {
        "sums:one|2": {
            "hf_repo": "org/sums",
            "hf_subset": "one",
            "num_fewshots": 2,
            "metrics": [
                {"metric_name": "acc", "higher_is_better": True, "corpus_level_fn": "mean"}
            ],
        },
    },
}


def detail(number: int, acc: Any = 1, **changes: Any) -> dict[str, Any]:
    return {
        "doc": {
            "query": f"question {number}",
            "choices": [" a", " b"],
            "gold_index": 1,
            "id": str(number),
        },
        "metric": {"acc": acc},
        "model_response": {
            "input": None,
            "input_tokens": [1, 2, 3],
            "text": [],
            "logprobs": [-2.5, -0.5],
            "output_tokens": [[4]],
        },
    } | changes


def write(
    root: Path,
    results: Any = RESULTS,
    details: dict[str, list[dict[str, Any]]] | None = None,
    *,
    model: str = "org/model-a",
    time: str = TIME,
) -> Path:
    """The tree that lighteval writes; returns the results file."""
    file = root / "results" / model / f"results_{time}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(results if isinstance(results, str) else json.dumps(results), encoding="utf-8")
    folder = root / "details" / model / time
    folder.mkdir(parents=True, exist_ok=True)
    for key, rows in (details or {}).items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"details_{key}_{time}.parquet")
    return file


def test_the_genuine_run_gives_what_is_expected_of_it(read_files, shared: Path) -> None:
    expected = json.loads((shared / "fixtures" / "EXPECTED.json").read_text(encoding="utf-8"))
    read = read_files(IMPORTER, shared / "fixtures" / "lighteval")
    (values,) = [values for name, values in expected.items() if name.startswith("lighteval/")]
    assert {"aggregate_rows": len(read.scores), "sample_rows": len(read.samples)} == values
    for score in read.scores:
        if score.is_group:
            continue
        mine = [row.score for row in read.samples if row.task == score.task]
        assert score.value == pytest.approx(sum(mine) / len(mine), abs=1e-9)
        assert (score.n, score.n_kind, score.flag) == (len(mine), "counted", None)
    group = next(score for score in read.scores if score.task == "cc_add")
    assert group.stderr == pytest.approx(math.hypot(0.10094660663590604, 0.10077822185373188) / 2)
    assert group.metadata["stderr_reported"] == pytest.approx(0.1009, abs=1e-4)
    assert any("standard error 0.100862 reported" in notice for notice in read.notices)
    assert read.rejects == []


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("config_general.model_name", "org/model-b", "model_raw", "org/model-b"),
        ("config_general.model_config.revision", "step77", "checkpoint", "step77"),
        ("config_general.model_config.revision", "step77", "step", 77),
        ("config_general.model_config.dtype", "float16", "dtype", "float16"),
        (
            "config_general.model_config.generation_parameters",
            {"top_p": 0.25, "seed": None},
            "generation",
            {"top_p": 0.25},
        ),
        ("config_general.model_config.generation_parameters.seed", 9, "seeds", {"seed": 9}),
        ("config_general.lighteval_sha", "f00", "code_git", "f00"),
        ("config_general.lighteval_sha", "?", "code_git", None),
        ("config_general.max_samples", 11, "sample_limit", 11.0),
        ("config_general.max_samples", 11, "status", RunStatus.PARTIAL),
        ("config_general.max_samples", None, "finished_at", datetime(2026, 1, 2, 3, 4, 5, 678000)),
        ("config_general.max_samples", None, "n_shot", 2),
    ],
)
def test_each_field_of_the_run_comes_from_its_place(
    read_files, tmp_path: Path, path: str, value: Any, field: str, expected: Any
) -> None:
    write(tmp_path, put(RESULTS, path, value))
    assert getattr(read_files(IMPORTER, tmp_path).runs[0], field) == expected


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("doc.id", "d7", "instance_id", "d7"),
        ("doc.query", "why?", "input", "why?"),
        ("model_response.input", "the whole prompt", "input", "the whole prompt"),
        ("doc.gold_index", 0, "target", " a"),
        ("doc.gold_index", [1], "target", " b"),
        ("doc.gold_index", [0, 1], "target", "[' a', ' b']"),
        ("model_response.logprobs", [-0.25, -3.5], "response", " a"),
        ("model_response.logprobs", [-0.25, -3.5], "choice_logprobs", (-0.25, -3.5)),
        ("model_response.logprobs", [-0.25, -3.5], "answer_logprob", -3.5),
        ("model_response.input_tokens", [1] * 17, "n_input_tokens", 17),
        ("metric", {"acc": 0, "other": 0.5}, "metrics", {"acc": 0, "other": 0.5}),
        ("metric", {"acc": 0}, "outcome", Outcome.WRONG),
        ("metric", {"f1": 1.0}, "outcome", None),
        ("metric", {"acc": 0.25}, "score", 0.25),
    ],
)
def test_each_field_of_a_sample_comes_from_its_place(
    read_files, tmp_path: Path, path: str, value: Any, field: str, expected: Any
) -> None:
    write(tmp_path, details={"sums:one|2": [put(detail(1), path, value)]})
    read = read_files(IMPORTER, tmp_path)
    assert getattr(read.samples[0], field) == expected
    assert (read.samples[0].task, read.rejects) == ("sums:one", [])


def test_a_generated_answer_and_how_it_was_read(read_files, tmp_path: Path) -> None:
    said = {
        "text": ["It is 5.", "6"],
        "text_post_processed": ["5", "6"],
        "logprobs": None,
        "output_tokens": [[1, 2, 3, 4], [5]],
    }
    write(
        tmp_path,
        details={
            "sums:one|2": [
                put(
                    detail(1, doc={"query": "q", "choices": ["5"], "gold_index": 0, "id": "1"}),
                    "model_response",
                    said,
                )
            ]
        },
    )
    (row,) = read_files(IMPORTER, tmp_path).samples
    assert (row.response, row.parsed_answer, row.target, row.n_output_tokens) == (
        "It is 5.",
        "5",
        "5",
        4,
    )
    assert row.metadata == {"responses": ["It is 5.", "6"]}
    assert row.choice_logprobs is None


def test_scores_and_their_groups(read_files, tmp_path: Path) -> None:
    write(
        tmp_path,
        details={
            "sums:one|2": [detail(1, 1), detail(2, 0)],
            "sums:two|2": [detail(1, 1), detail(2, 1)],
        },
    )
    read = read_files(IMPORTER, tmp_path)
    assert [
        (s.task, s.value, s.stderr, s.n, s.n_kind, s.is_group, s.parent_group) for s in read.scores
    ] == [
        ("sums:one", 0.5, 0.5, 2, "counted", False, "sums"),
        ("sums:two", 1.0, 0.0, 2, "counted", False, "sums"),
        ("sums", 0.75, 0.25, 4, "counted", True, None),
        (None, 0.75, 0.25, 4, "counted", True, None),
    ]
    assert (
        read.scores[0].n_shot,
        read.scores[0].metadata["task_version"],
        read.scores[0].metadata["hf_repo"],
    ) == (2, 4, "org/sums")
    assert read.notices == []


def test_without_details_n_is_told_by_the_standard_error(read_files, tmp_path: Path) -> None:
    write(tmp_path)
    scores = read_files(IMPORTER, tmp_path).scores
    assert [(s.n, s.n_kind) for s in scores[:2]] == [(2, "inferred"), (None, None)]


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({"acc": 0.75, "acc_stderr": 0.5}, "0.75 reported, 0.5 from the details"),
        ({"acc": 0.5, "acc_stderr": 0.25}, "standard error 0.25 reported, 0.5 from the details"),
    ],
)
def test_numbers_that_the_details_contradict_are_a_warning(
    read_files, tmp_path: Path, metrics: dict[str, float], words: str
) -> None:
    write(
        tmp_path,
        put(RESULTS, "results.sums:one|2", metrics),
        {"sums:one|2": [detail(1, 1), detail(2, 0)]},
    )
    read = read_files(IMPORTER, tmp_path)
    assert any(words in notice for notice in read.notices)
    assert read.scores[0].flag == "disagrees_with_samples"


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("sums:one|5", ("sums:one", None, 5, False)),
        ("leaderboard|arc:challenge|25|0", ("arc:challenge", "leaderboard", 25, False)),
        ("harness|hendrycksTest-x|5", ("hendrycksTest-x", "harness", 5, False)),
        ("harness|hendrycksTest:_average|5", ("hendrycksTest", "harness", 5, True)),
        ("plain", ("plain", None, None, False)),
        ("all", (None, None, None, True)),
    ],
)
def test_keys_of_every_age(key: str, parts: tuple[Any, ...]) -> None:
    found = task_key(key)
    assert (found.task, found.suite, found.n_shot, found.is_group) == parts


def test_runs_in_one_tree_are_told_apart(read_files, tmp_path: Path) -> None:
    write(tmp_path, details={"sums:one|2": [detail(1)]})
    write(
        tmp_path,
        put(RESULTS, "config_general.model_name", "org/model-b"),
        {"sums:one|2": [detail(1), detail(2)]},
        model="org/model-b",
    )
    write(
        tmp_path,
        put(RESULTS, "versions", {}),
        {"sums:one|2": [detail(3)]},
        time="2026-01-03T03-04-05",
    )
    read = read_files(IMPORTER, tmp_path)
    assert sorted(
        (run.model_raw, sum(s.run_id == run.run_id for s in read.samples)) for run in read.runs
    ) == [
        ("org/model-a", 1),
        ("org/model-a", 1),
        ("org/model-b", 2),
    ]


def test_a_results_file_named_by_itself_brings_its_details_and_details_alone_name_their_model(
    tmp_path: Path,
) -> None:
    file = write(tmp_path / "out", details={"sums:one|2": [detail(1)]})
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(store, discover([file]).sources)
    assert (result.status, result.samples) == ("imported", 1)
    (again,) = import_sources(store, discover([tmp_path / "out"]).sources)
    assert again.status == "unchanged"
    (alone,) = discover([tmp_path / "out" / "details"]).sources
    run = next(iter(IMPORTER.read(alone, lambda reject: None)))
    assert (run.model_raw, run.warnings[0][:15]) == ("org/model-a", "no results file")


def test_details_of_old_versions_hold_lists_as_python_wrote_them(
    read_files, tmp_path: Path
) -> None:
    rows = [
        {
            "full_prompt": "Q",
            "predictions": "[(-3.5, False), (-1.5, True)]",
            "choices": "[' x', ' y']",
            "gold_index": "[1]",
            "gold": "[' y']",
            "metrics": "{'acc': 1}",
        },
        {
            "full_prompt": "Q2",
            "predictions": "['said']",
            "choices": "['5']",
            "gold_index": "0",
            "gold": "['5']",
            "metrics": "{'acc': 0}",
        },
    ]
    write(tmp_path, details={"leaderboard|sums|5|0": rows})
    first, second = read_files(IMPORTER, tmp_path).samples
    assert (first.task, first.instance_id, first.response, first.target, first.outcome) == (
        "sums",
        "0",
        " y",
        " y",
        Outcome.CORRECT,
    )
    assert first.choice_logprobs == (-3.5, -1.5)
    assert (second.instance_id, second.response, second.outcome) == ("1", "said", Outcome.WRONG)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("doc.id", None), "doc.id"),
        (("doc.gold_index", 5), "doc.gold_index"),
        (("doc.gold_index", "b"), "doc.gold_index"),
        (("doc.choices", [1, 2]), "doc.choices"),
        (("model_response.logprobs", ["x", "y"]), "model_response.logprobs"),
    ],
)
def test_a_bad_row_is_rejected_with_its_place(
    read_files, tmp_path: Path, change: tuple[str, Any], field: str
) -> None:
    write(tmp_path, details={"sums:one|2": [put(detail(1), *change)], "sums:two|2": [detail(2)]})
    read = read_files(IMPORTER, tmp_path)
    assert [(row.task, row.instance_id) for row in read.samples] == [("sums:two", "2")]
    assert [(reject.record, reject.field) for reject in read.rejects] == [("row 1", field)]


@pytest.mark.parametrize(
    ("results", "words"),
    [
        (json.dumps(RESULTS)[:-200], "cannot be read"),
        (json.dumps({**RESULTS, "results": [1]}), "no table `results`"),
        (json.dumps(put(RESULTS, "config_general.model_name", ...)), "model_name: found nothing"),
    ],
)
def test_results_that_cannot_be_read_fail_as_a_whole(
    tmp_path: Path, results: str, words: str
) -> None:
    write(tmp_path / "out", results, {"sums:one|2": [detail(1)]})
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(store, discover([tmp_path / "out"]).sources)
    assert (result.status, result.samples) == ("failed", 0)
    assert words in result.message


def test_cut_details_fail_the_run_and_bad_scores_do_not(tmp_path: Path) -> None:
    write(tmp_path / "out", put(put(RESULTS, "results.sums:two|2.acc", "much"), "results.odd|1", 5))
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(store, discover([tmp_path / "out"]).sources)
    assert (result.status, result.rejected) == ("imported", 2)
    assert {reject.record for reject in result.rejects} == {"results.sums:two|2", "results.odd|1"}
    file = write(tmp_path / "cut", details={"sums:one|2": [detail(n) for n in range(50)]})
    parquet = next((tmp_path / "cut").rglob("*.parquet"))
    parquet.write_bytes(parquet.read_bytes()[:-200])
    found = discover([tmp_path / "cut"])
    assert [source.path for source in found.sources if source.importer == "lighteval"] == [file]
    (failed,) = import_sources(
        store, [source for source in found.sources if source.importer == "lighteval"]
    )
    assert failed.status == "failed" or failed.samples == 0
