"""Numbers of lm-evaluation-harness held against the samples beside them: agreement is silent, a
difference is a warning of the run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.importers.lm_eval.v04 import IMPORTER
from data.records import RunStatus

TIME = "2026-01-02T03-04-05.000006"
RESULTS: dict[str, Any] = {
    "results": {
        "sums": {
            "exact_match,strict": 0.5,
            "exact_match_stderr,strict": (1 / 12) ** 0.5,
            "f1,strict": 0.9,
            "f1_stderr,strict": 0.1,
        }
    },
    "configs": {
        "sums": {
            "metric_list": [
                {"metric": "exact_match", "aggregation": "mean"},
                {"metric": "f1", "aggregation": "f1"},
            ],
            "filter_list": [{"name": "strict"}],
        }
    },
    "n-shot": {"sums": 0},
    "n-samples": {"sums": {"original": 4, "effective": 4}},
    "config": {"model_args": "pretrained=m"},
}


def write(folder: Path, *, values: tuple[float, ...] = (1, 0, 1, 0), **changes: Any) -> Path:
    """A results file of task `sums`, one of its entries changed, with its samples."""
    content = json.loads(json.dumps(RESULTS))
    for path, value in changes.items():
        part, task, key = path.split("__")
        content[part][task][key.replace("_in_", ",")] = value
    (folder / f"results_{TIME}.json").write_text(json.dumps(content))
    rows = [
        {
            "doc_id": number,
            "doc": {},
            "target": "5",
            "arguments": {"gen_args_0": {"arg_0": "2+3=", "arg_1": {"until": []}}},
            "resps": [["5"]],
            "filtered_resps": ["5"],
            "filter": "strict",
            "metrics": ["exact_match", "f1"],
            "exact_match": value,
            "f1": 0.25,
        }
        for number, value in enumerate(values)
    ]
    (folder / f"samples_sums_{TIME}.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows)
    )
    return folder


def test_numbers_that_agree_are_silent(read_files, tmp_path: Path) -> None:
    read = read_files(IMPORTER, write(tmp_path))
    assert (read.notices, read.rejects) == ([], [])
    assert [score.flag for score in read.scores] == [
        None,
        None,
    ]  # f1 is no mean of what the samples hold


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"results__sums__exact_match_in_strict": 0.75},
            "exact_match of sums (strict): 0.75 reported, 0.5 from the samples",
        ),
        (
            {"results__sums__exact_match_stderr_in_strict": 0.2},
            "standard error 0.2 reported, 0.288675 from the samples",
        ),
        (
            {"n-samples__sums__effective": 3, "n-samples__sums__original": 3},
            "over 3 instances reported, 4 in the samples",
        ),
    ],
)
def test_a_number_that_the_samples_contradict_is_a_warning_and_flagged(
    read_files, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    read = read_files(IMPORTER, write(tmp_path, **changes))
    (notice,) = read.notices
    assert words in notice
    assert [score.flag for score in read.scores] == ["disagrees_with_samples", None]


def test_samples_that_are_not_all_there_check_nothing(read_files, tmp_path: Path) -> None:
    read = read_files(IMPORTER, write(tmp_path, values=(1, 1)))
    assert read.notices == [
        "the samples of sums hold 2 of the 4 instances behind its numbers; these could not be"
        " checked"
    ]
    assert [score.flag for score in read.scores] == [None, None]


def test_chosen_instances_make_a_run_partial(read_files, tmp_path: Path) -> None:
    (run,) = read_files(IMPORTER, write(tmp_path, **{"n-samples__sums__original": 24})).runs
    assert run.status is RunStatus.PARTIAL
    assert run.warnings == ("only part of the benchmark was run: 4 of the 24 instances of sums",)


@pytest.mark.parametrize(("stated", "n", "stderr"), [(0.75, 8, 0.1118), (0.7, None, None)])
def test_a_group_is_over_the_tasks_that_have_the_metric(
    read_files, tmp_path: Path, stated: float, n: int | None, stderr: float | None
) -> None:
    """As 0.4.13 writes it where a group holds tasks of several kinds: two of the three have
    `acc`.
    """
    content = {
        "results": {
            "a": {"acc,none": 0.5, "acc_stderr,none": 0.2},
            "b": {"acc,none": 1.0, "acc_stderr,none": 0.1},
            "c": {"exact_match,none": 0.25, "exact_match_stderr,none": 0.25},
            "all": {"acc,none": stated, "acc_stderr,none": 0.11},
        },
        "group_subtasks": {"all": ["a", "b", "c"]},
        "configs": {},
        "n-shot": {},
        "n-samples": {task: {"original": 4, "effective": 4} for task in "abc"},
        "config": {"model_args": "pretrained=m"},
    }
    (tmp_path / f"results_{TIME}.json").write_text(json.dumps(content))
    (group,) = [score for score in read_files(IMPORTER, tmp_path).scores if score.is_group]
    assert (group.n, group.metadata["stderr_reported"]) == (n, 0.11)
    assert group.stderr == (None if stderr is None else pytest.approx(stderr, abs=1e-4))


def test_genuine_runs_of_every_version_agree_with_their_samples(read_files, shared: Path) -> None:
    for folder in ("lm_eval_v04/selfmade_0.4.13", "lm_eval_v04/version_matrix", "lm_eval_v040"):
        read = read_files(IMPORTER, shared / "fixtures" / folder)
        assert read.samples and read.notices == []
