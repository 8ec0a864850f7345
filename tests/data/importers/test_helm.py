"""HELM run folders: every field from its place, splits, trials, perturbations, and what is
broken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from data.bootstrap import open_store
from data.importers.helm.source import IMPORTER
from data.importing import discover, import_sources
from data.records import Outcome, RunStatus
from tests.data.importers.inspect_files import put

SPEC: dict[str, Any] = {
    "name": "sums:kind=two,model=org_model-a",
    "scenario_spec": {"class_name": "a.b.SumsScenario", "args": {}},
    "adapter_spec": {
        "method": "generation",
        "model": "org/model-a",
        "model_deployment": "local/model-a",
        "max_train_instances": 3,
        "num_train_trials": 1,
        "temperature": 0.25,
        "max_tokens": 9,
    },
    "groups": ["sums"],
}
NOISE = {"name": "noise", "prob": 0.1}


def stat(
    metric: str,
    mean: float | None,
    split: str = "test",
    count: int = 1,
    perturbation: dict[str, Any] | None = None,
) -> dict[str, Any]:
    name = {"name": metric, "split": split} | (
        {"perturbation": perturbation} if perturbation else {}
    )
    return {"name": name, "count": count, "stddev": 0.0} | ({} if mean is None else {"mean": mean})


def answer(
    number: int,
    match: float = 1.0,
    split: str = "test",
    trial: int = 0,
    perturbation: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """An entry of per_instance_stats.json."""
    stats = [
        stat("num_prompt_tokens", 11.0, split),
        stat("num_output_tokens", 3.0, split),
        stat("exact_match", match, split),
    ]
    return {"instance_id": f"id{number}", "train_trial_index": trial, "stats": stats} | (
        {"perturbation": perturbation} if perturbation else {}
    )


def state(number: int, split: str = "test", trial: int = 0, **changes: Any) -> dict[str, Any]:
    """An entry of scenario_state.json."""
    return {
        "instance": {
            "input": {"text": f"question {number}"},
            "references": [
                {"output": {"text": "4"}, "tags": []},
                {"output": {"text": "5"}, "tags": ["correct"]},
            ],
            "split": split,
            "id": f"id{number}",
        },
        "train_trial_index": trial,
        "output_mapping": {"A": "4", "B": "5"},
        "request": {"prompt": f"Q: question {number}"},
        "result": {
            "success": True,
            "completions": [{"text": " B", "tokens": [{"text": " B", "logprob": -0.5}]}],
            "request_time": 1.5,
            "request_datetime": 1750000000 + number,
        },
        "num_train_instances": 3,
    } | changes


def write(
    folder: Path, files: Mapping[str, Any] | None = None, *, spec: dict[str, Any] = SPEC
) -> Path:
    """A run folder. By default: two instances, one of them right."""
    folder.mkdir(parents=True, exist_ok=True)
    default = {
        "run_spec": spec,
        "stats": [
            stat("exact_match", 0.5),
            stat("num_instances", 2.0),
            stat("num_train_instances", 3.0),
        ],
        "per_instance_stats": [answer(1, 1.0), answer(2, 0.0)],
        "scenario_state": {"adapter_spec": {}, "request_states": [state(1), state(2)]},
    }
    for name, content in {**default, **(files or {})}.items():
        if content is not None:
            (folder / f"{name}.json").write_text(
                content if isinstance(content, str) else json.dumps(content), encoding="utf-8"
            )
    return folder


def test_every_genuine_run_gives_what_is_expected_of_it(read_files, shared: Path) -> None:
    expected = json.loads((shared / "fixtures" / "EXPECTED.json").read_text(encoding="utf-8"))
    checked = 0
    for name, values in expected.items():
        if not name.startswith("helm/"):
            continue
        read = read_files(IMPORTER, shared / "fixtures" / name)
        plain = [score for score in read.scores if "perturbation" not in score.metadata]
        assert (len(read.scores), len(plain)) == (values["stats"], values["stats_unperturbed"])
        assert len(read.samples) == values["per_instance"] == values["requests"]
        assert {
            s.metadata["split"]: s.value for s in plain if s.metric == "num_instances"
        } == values["num_instances"]
        matches = [score for score in plain if score.metric == "exact_match"]
        assert sorted([s.metadata["split"], s.value] for s in matches) == sorted(
            values["exact_match_by_split"]
        )
        for score in matches:
            mine = [
                row.metrics["exact_match"]
                for row in read.samples
                if row.metadata["split"] == score.metadata["split"]
            ]
            assert score.value == pytest.approx(sum(mine) / len(mine), abs=1e-9)
        assert (read.rejects, read.notices) == ([], [])
        assert all(row.response and row.input for row in read.samples)
        checked += 1
    assert checked == 4


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("adapter_spec.model", "org/model-b", "model_raw", "org/model-b"),
        ("adapter_spec.model", ..., "model_raw", "local/model-a"),
        ("groups", ["set-b"], "benchmark", "set-b"),
        ("groups", [], "benchmark", "SumsScenario"),
        ("adapter_spec.max_train_instances", 3, "n_shot", 3),
        ("adapter_spec.max_eval_instances", 50, "sample_limit", 50.0),
        (
            "adapter_spec.temperature",
            0.75,
            "generation",
            {"method": "generation", "temperature": 0.75, "max_tokens": 9},
        ),
        ("groups", [], "started_at", datetime(2025, 6, 15, 15, 6, 41)),
        ("groups", [], "finished_at", datetime(2025, 6, 15, 15, 6, 42)),
        ("groups", [], "date_source", "request_datetime (may be from a cache)"),
    ],
)
def test_each_field_of_the_run_comes_from_its_place(
    read_files, tmp_path: Path, path: str, value: Any, field: str, expected: Any
) -> None:
    read = read_files(IMPORTER, write(tmp_path, spec=put(SPEC, path, value)))
    assert getattr(read.runs[0], field) == expected
    assert read.rejects == []


def test_without_requests_the_date_is_that_of_the_suite(read_files, tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"suite": "s", "date": "2026-01-02"}', encoding="utf-8")
    read = read_files(IMPORTER, write(tmp_path / "run", {"scenario_state": None}))
    assert (read.runs[0].finished_at, read.runs[0].date_source) == (
        datetime(2026, 1, 2),
        "summary.json of the suite",
    )
    assert [row.outcome for row in read.samples] == [Outcome.CORRECT, Outcome.WRONG]


def test_examples_in_the_prompt_are_those_that_were_used(read_files, tmp_path: Path) -> None:
    stats = [stat("exact_match", 0.5), stat("num_train_instances", 1.0)]
    run = read_files(IMPORTER, write(tmp_path, {"stats": stats})).runs[0]
    assert (run.n_shot, run.warnings) == (
        1,
        ("3 examples in the prompt requested, 1 used on average",),
    )


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("request.prompt", "the prompt", "input", "the prompt"),
        ("request", {"messages": [{"role": "user", "content": "asked"}]}, "input", "asked"),
        ("request", {}, "input", "question 1"),
        ("result.completions.0.text", " A", "response", " A"),
        ("result.completions.0.text", " A", "parsed_answer", "4"),
        (
            "result.completions.0.tokens",
            [{"logprob": -0.5}, {"logprob": -2.5}],
            "token_logprobs",
            (-0.5, -2.5),
        ),
        (
            "result.completions.0.tokens",
            [{"logprob": 0.0}, {"logprob": 0.0}],
            "token_logprobs",
            None,
        ),
        ("result.request_time", 7.25, "duration_s", 7.25),
        ("instance.references", [{"output": {"text": "9"}, "tags": ["correct"]}], "target", "9"),
        (
            "instance.references",
            [{"output": {"text": t}, "tags": ["correct"]} for t in "ab"],
            "target",
            '["a", "b"]',
        ),
        ("result.success", True, "instance_id", "id1"),
        ("result.success", True, "n_input_tokens", 11),
        ("result.success", True, "n_output_tokens", 3),
        (
            "result.success",
            True,
            "metrics",
            {"num_prompt_tokens": 11.0, "num_output_tokens": 3.0, "exact_match": 1.0},
        ),
        ("result.success", True, "outcome", Outcome.CORRECT),
        ("result.success", True, "reason", "exact_match is 1"),
        ("result", {"success": False, "error": "too long"}, "outcome", Outcome.ERROR),
        (
            "result",
            {"success": False, "error": "too long"},
            "reason",
            "the request failed: too long",
        ),
    ],
)
def test_each_field_of_a_sample_comes_from_its_place(
    read_files, tmp_path: Path, path: str, value: Any, field: str, expected: Any
) -> None:
    states = {"request_states": [put(state(1), path, value), state(2)]}
    read = read_files(IMPORTER, write(tmp_path, {"scenario_state": states}))
    assert getattr(read.samples[0], field) == expected
    assert read.rejects == []


def test_texts_come_from_the_summarised_files_where_the_state_is_gone(
    read_files, tmp_path: Path
) -> None:
    files = {
        "scenario_state": None,
        "display_predictions": [
            {
                "instance_id": "id1",
                "train_trial_index": 0,
                "predicted_text": "said",
                "mapped_output": "meant",
            }
        ],
        "display_requests": [
            {"instance_id": "id1", "train_trial_index": 0, "request": {"prompt": "asked"}}
        ],
        "instances": [
            {
                "id": "id1",
                "split": "test",
                "references": [{"output": {"text": "5"}, "tags": ["correct"]}],
            }
        ],
    }
    row = read_files(IMPORTER, write(tmp_path, files)).samples[0]
    assert (row.input, row.response, row.parsed_answer, row.target) == (
        "asked",
        "said",
        "meant",
        "5",
    )


def test_each_choice_asked_by_itself_gives_its_log_probability(read_files, tmp_path: Path) -> None:
    states = [
        state(
            1,
            reference_index=choice,
            request_mode="original",
            num_conditioning_tokens=1,
            output_mapping=None,
            result={
                "completions": [
                    {"text": "", "tokens": [{"logprob": -9.0}, {"logprob": low}, {"logprob": -1.0}]}
                ]
            },
        )
        for choice, low in ((0, -2.0), (1, -0.5))
    ]
    read = read_files(
        IMPORTER,
        write(
            tmp_path,
            {"scenario_state": {"request_states": states}, "per_instance_stats": [answer(1)]},
        ),
    )
    assert [row.choice_logprobs for row in read.samples] == [(-3.0, -1.5)]


def test_the_main_split_is_the_primary_reading_and_all_else_a_subset(
    read_files, tmp_path: Path
) -> None:
    worst = {**NOISE, "computed_on": "worst"}
    files = {
        "stats": [
            stat("exact_match", 0.5),
            stat("exact_match", 0.0, "valid"),
            stat("exact_match", 0.25, perturbation=worst),
            stat("num_instances", 2.0),
            stat("num_instances", 1.0, "valid"),
            stat("training_co2_cost", None, count=0),
        ],
        "per_instance_stats": [
            answer(3, 0.0, "valid"),
            answer(1, 0.0, perturbation=NOISE),
            answer(1, 1.0),
            answer(2, 0.0),
        ],
    }
    read = read_files(IMPORTER, write(tmp_path, files))
    assert [(row.instance_id, row.variant) for row in read.samples] == [
        ("id1", None),
        ("id2", None),
        ("id3", "valid"),
        ("id1", "noise"),
    ]
    assert [(s.metric, s.subset, s.value, s.n, s.stderr) for s in read.scores] == [
        ("exact_match", None, 0.5, 2, 0.5),
        ("exact_match", "valid", 0.0, 1, None),
        ("exact_match", "noise (worst)", 0.25, None, None),
        ("num_instances", None, 2.0, 2, None),
        ("num_instances", "valid", 1.0, 1, None),
        ("training_co2_cost", None, None, 2, None),
    ]
    assert [s.metadata.get("main") for s in read.scores] == [True, None, None, None, None, None]
    assert read.notices == []


def test_a_run_with_only_a_validation_split_is_read_in_it(read_files, tmp_path: Path) -> None:
    files = {
        "stats": [stat("exact_match", 1.0, "valid")],
        "per_instance_stats": [answer(1, 1.0, "valid")],
    }
    read = read_files(IMPORTER, write(tmp_path, files))
    assert (read.samples[0].variant, read.scores[0].subset) == (None, None)


def test_trials_are_epochs_and_the_error_is_over_instances(read_files, tmp_path: Path) -> None:
    answers = [
        answer(n, match, trial=trial)
        for trial, row in enumerate(((1.0, 0.0), (1.0, 1.0)))
        for n, match in enumerate(row)
    ]
    files = {
        "stats": [stat("exact_match", 0.75, count=2), stat("num_instances", 2.0)],
        "per_instance_stats": answers,
    }
    read = read_files(
        IMPORTER, write(tmp_path, files, spec=put(SPEC, "adapter_spec.num_train_trials", 2))
    )
    assert [(row.instance_id, row.epoch) for row in read.samples] == [
        ("id0", 1),
        ("id1", 1),
        ("id0", 2),
        ("id1", 2),
    ]
    assert (read.scores[0].stderr, read.scores[0].n, read.scores[0].metadata["n_trials"]) == (
        0.25,
        2,
        2,
    )  # means 1 and 1/2


def test_the_schema_of_the_suite_names_the_metric_that_counts(read_files, tmp_path: Path) -> None:
    schema = {"run_groups": [{"name": "sums", "environment": {"main_name": "num_output_tokens"}}]}
    (tmp_path / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    read = read_files(
        IMPORTER,
        write(
            tmp_path / "run", {"stats": [stat("exact_match", 0.5), stat("num_output_tokens", 3.0)]}
        ),
    )
    assert [(row.score, row.outcome) for row in read.samples] == [(3.0, None), (3.0, None)]


def test_numbers_that_the_instances_contradict_are_a_warning(read_files, tmp_path: Path) -> None:
    read = read_files(IMPORTER, write(tmp_path, {"stats": [stat("exact_match", 0.75)]}))
    assert read.notices == ["exact_match: 0.75 reported, 0.5 from the instances"]
    assert read.scores[0].flag == "disagrees_with_samples"


def test_a_run_that_still_goes_on_is_started(read_files, tmp_path: Path) -> None:
    read = read_files(IMPORTER, write(tmp_path, {"stats": None, "per_instance_stats": None}))
    assert (read.runs[0].status, len(read.samples), read.scores) == (RunStatus.STARTED, 2, [])
    assert {row.outcome for row in read.samples} == {None}


def test_a_renamed_folder_and_a_file_of_it_are_the_same_run(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", empty=True)
    write(tmp_path / "a run, renamed")
    (first,) = import_sources(store, discover([tmp_path / "a run, renamed"]).sources)
    (again,) = import_sources(
        store, discover([tmp_path / "a run, renamed" / "run_spec.json"]).sources
    )
    assert (first.status, first.samples, again.status) == ("imported", 2, "unchanged")


@pytest.mark.parametrize(
    ("name", "bad", "record", "field"),
    [
        ("per_instance_stats", [5, answer(2)], "[0]", "record"),
        (
            "per_instance_stats",
            [put(answer(1), "instance_id", None), answer(2)],
            "[0]",
            "instance_id",
        ),
        (
            "per_instance_stats",
            [put(answer(1), "train_trial_index", "x"), answer(2)],
            "[0]",
            "train_trial_index",
        ),
        ("per_instance_stats", [put(answer(1), "stats.2.mean", "high"), answer(2)], "[0]", "mean"),
        ("per_instance_stats", [put(answer(1), "stats.2.name", {}), answer(2)], "[0]", "name.name"),
        (
            "scenario_state",
            {"request_states": [put(state(1), "result.completions.0.text", 5), state(2)]},
            "[0]",
            "state.result.completions.0.text",
        ),
        ("stats", [stat("exact_match", 0.5), {"name": {}}], "[1]", "name.name"),
        ("stats", [stat("exact_match", 0.5), put(stat("f1", 1), "mean", [])], "[1]", "mean"),
    ],
)
def test_a_bad_record_is_rejected_with_its_place(
    tmp_path: Path, name: str, bad: Any, record: str, field: str
) -> None:
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(store, discover([write(tmp_path / "run", {name: bad})]).sources)
    assert result.status == "imported"
    assert [(reject.record, reject.field) for reject in result.rejects] == [(record, field)]
    assert result.samples == (2 if name == "stats" else 1)


def test_nan_is_no_number(read_files, tmp_path: Path) -> None:
    read = read_files(IMPORTER, write(tmp_path, {"stats": [stat("exact_match", float("nan"))]}))
    assert (read.scores[0].value, read.rejects) == (None, [])


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"run_spec": json.dumps(SPEC)[:-30]}, "run_spec.json cannot be read"),
        (
            {"run_spec": put(SPEC, "adapter_spec", {"method": "x"})},
            "adapter_spec.model: found nothing",
        ),
        ({"stats": json.dumps([stat("a", 1)])[:-5]}, "ends before its last bracket"),
        ({"stats": {}}, "holds no list"),
        ({"scenario_state": "[1"}, "ends before its last bracket"),
    ],
)
def test_a_folder_that_cannot_be_read_fails_as_a_whole(
    tmp_path: Path, files: dict[str, Any], words: str
) -> None:
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(store, discover([write(tmp_path / "run", files)]).sources)
    assert result.status == "failed"
    assert words in result.message


def test_files_of_other_things_with_such_names_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run_spec.json").write_text('{"a": 1}', encoding="utf-8")
    (tmp_path / "stats.json").write_text("[]", encoding="utf-8")
    assert discover([tmp_path]).sources == ()
