"""Numbers of Inspect logs beyond a plain accuracy: every reducer, grouped and categorical metrics,
intervals, reasons, partial runs.

made/inspect_reductions.eval was written by Inspect itself (made/make_inspect.py); every number in
it is Inspect's own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.importers.inspect_ai.log import IMPORTER
from data.importing import discover
from data.records import Outcome
from tests.data.importers.inspect_files import HEADER, put, sample, write_json

MADE = Path(__file__).parent / "made" / "inspect_reductions.eval"


@pytest.fixture
def made(read_files) -> Any:
    return read_files(IMPORTER, MADE)


def test_every_reducer_of_a_real_log_is_computed_again_and_agrees(made) -> None:
    assert made.rejects == []
    assert [
        notice for notice in made.notices if "from the samples" in notice or "not checked" in notice
    ] == []
    assert {score.metadata["reducer"] for score in made.scores if score.metric == "accuracy"} == {
        "mean",
        "mode",
        "at_least_2",
        "pass_at_2",
        "pass_k_2",
    }
    assert (
        len({(score.variant, score.metric, score.subset) for score in made.scores})
        == len(made.scores)
        == 47
    )


@pytest.mark.parametrize("reducer", ["mode", "at_least_2", "pass_at_2", "pass_k_2"])
def test_a_reduction_that_does_not_fit_the_samples_is_a_warning(
    read_files, tmp_path: Path, reducer: str
) -> None:
    header = put(put(HEADER, "results.scores.0.reducer", reducer), "eval.config.epochs", 3)
    header = put(header, "results.scores.0.metrics.accuracy.value", 0.123)
    items = [
        sample(number, value, epoch=epoch)
        for number in (1, 2)
        for epoch, value in enumerate(["N", "I", "C"], 1)
    ]
    read = read_files(IMPORTER, write_json(tmp_path / "log.json", items, header))
    assert [notice for notice in read.notices if "0.123 reported" in notice]


def test_the_mode_is_of_letters_not_of_what_they_count(read_files, tmp_path: Path) -> None:
    header = put(put(HEADER, "results.scores.0.reducer", "mode"), "eval.config.epochs", 4)
    header = put(
        put(header, "results.scores.0.metrics.accuracy.value", 1.0),
        "results.scores.0.metrics.stderr.value",
        0.0,
    )
    items = [
        sample(number, value, epoch=epoch)
        for number in (1, 2)
        for epoch, value in enumerate(["N", "C", "C", "I"], 1)
    ]
    assert read_files(IMPORTER, write_json(tmp_path / "log.json", items, header)).notices == []


def test_a_reducer_that_is_not_known_is_said_not_to_be_checked(read_files, tmp_path: Path) -> None:
    header = put(put(HEADER, "results.scores.0.reducer", "majority"), "eval.config.epochs", 2)
    items = [sample(1, epoch=1), sample(1, epoch=2)]
    (notice,) = read_files(IMPORTER, write_json(tmp_path / "log.json", items, header)).notices
    assert "reduced by majority" in notice


def test_epochs_that_were_not_reduced_count_one_by_one(read_files, tmp_path: Path) -> None:
    header = put(put(HEADER, "eval.config.epochs", 2), "results.scores.0.scored_samples", 4)
    header = put(header, "results.scores.0.metrics.stderr.value", (1 / 12) ** 0.5)
    items = [
        sample(number, value, epoch=epoch)
        for number in (1, 2)
        for epoch, value in enumerate("CI", 1)
    ]
    read = read_files(IMPORTER, write_json(tmp_path / "log.json", items, header))
    assert read.notices == []
    assert (read.scores[0].n, read.scores[0].stderr) == (4, pytest.approx((1 / 12) ** 0.5))


def test_ends_of_intervals_belong_to_their_number(made) -> None:
    (score,) = [
        score
        for score in made.scores
        if (score.variant, score.metric, score.subset) == ("grades", "accuracy", None)
    ]
    assert (score.value, score.stderr, score.n) == (0.4375, 0.0625, 2)
    ends = {
        key: round(score.metadata[key], 4)
        for key in ("ci_lower", "ci_upper", "ci_wilson_lower", "ci_wilson_upper")
    }
    assert ends == {
        "ci_lower": -0.3566,
        "ci_upper": 1.2316,
        "ci_wilson_lower": 0.0742,
        "ci_wilson_upper": 0.883,
    }
    assert not {score.metric for score in made.scores} & {"lower", "upper", "stderr"}


def test_groups_are_named_without_their_template_and_what_is_over_them_is_no_group_of_its_own(
    made,
) -> None:
    found = {
        score.subset: (score.value, score.n, score.is_group)
        for score in made.scores
        if (score.variant, score.metric) == ("grades", "accuracy") and score.subset
    }
    assert found == {"a": (0.375, 1, False), "b": (0.5, 1, False), "all": (0.4375, 2, True)}


def test_how_often_each_answer_was_given_is_one_metric(made) -> None:
    found = {
        score.subset: (score.value, score.n) for score in made.scores if score.metric == "frequency"
    }
    assert found == {"five": (0.375, 8), "other": (0.625, 8)}


def test_two_numbers_of_one_name_are_told_apart(read_files, tmp_path: Path) -> None:
    metrics = {
        "accuracy": {"name": "accuracy", "value": 0.5},
        "accuracy1": {"name": "accuracy", "value": 0.75},
        "share": {"name": "share", "group": "first", "value": 0.1},
        "share2": {"name": "share", "group": "second", "value": 0.2},
    }
    read = read_files(
        IMPORTER,
        write_json(tmp_path / "log.json", [], put(HEADER, "results.scores.0.metrics", metrics)),
    )
    assert {score.metric: score.value for score in read.scores} == {
        "accuracy": 0.5,
        "accuracy1": 0.75,
        "share": 0.1,
        "second/share": 0.2,
    }


def test_an_error_of_zero_that_the_answers_confirm_stands(read_files, tmp_path: Path) -> None:
    header = put(
        HEADER,
        "results.scores.0.metrics",
        {"mean": {"name": "mean", "value": 0.25}, "stderr": {"name": "stderr", "value": 0.0}},
    )
    read = read_files(
        IMPORTER, write_json(tmp_path / "log.json", [sample(1, 0.25), sample(2, 0.25)], header)
    )
    assert (read.scores[0].stderr, read.scores[0].flag) == (0.0, None)


@pytest.mark.parametrize(
    ("values", "mean", "stderr", "outcomes"),
    [
        ([0, 0], 0.0, 0.0, [Outcome.WRONG] * 2),  # all wrong is as much a verdict as some wrong
        ([1, 1], 1.0, 0.0, [Outcome.CORRECT] * 2),
        ([0, 1], 0.5, 0.5, [Outcome.WRONG, Outcome.CORRECT]),
        ([0, 0.5], 0.25, 0.25, [None, None]),  # a grade on more steps
        ([0, 2.0], 1.0, 1.0, [None, None]),
    ],
)
def test_zeros_and_ones_are_verdicts_where_nothing_else_is_given(
    read_files, tmp_path: Path, values, mean, stderr, outcomes
) -> None:
    metrics = {
        "mean": {"name": "mean", "value": mean},
        "stderr": {"name": "stderr", "value": stderr},
    }
    items = [sample(number, value) for number, value in enumerate(values)]
    read = read_files(
        IMPORTER,
        write_json(tmp_path / "log.json", items, put(HEADER, "results.scores.0.metrics", metrics)),
    )
    assert [row.outcome for row in read.samples] == outcomes


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("no_response", Outcome.UNPARSED),
        ("invalid_response_format", Outcome.UNPARSED),
        ("grader_failed", Outcome.WRONG),
        (None, Outcome.WRONG),
    ],
)
def test_an_answer_that_could_not_be_read_is_unparsed(
    read_files, tmp_path: Path, said: str | None, outcome: Outcome
) -> None:
    item = sample(1, "I")
    item["scores"]["match"]["reason"] = said
    (row,) = read_files(IMPORTER, write_json(tmp_path / "log.json", [item])).samples
    assert (row.outcome, row.score) == (outcome, 0.0)
    assert row.metadata.get("score_reason") == said
    assert said is None or said in (row.reason or "")


def test_the_scorer_that_failed_has_an_error_beside_one_that_gave_a_value(
    read_files, tmp_path: Path
) -> None:
    item = sample(1, error={"message": "scorer fell over"})
    item["scores"] = {"other": {"value": "C"}}
    read = read_files(IMPORTER, write_json(tmp_path / "log.json", [sample(2), item]))
    assert [(row.variant, row.outcome) for row in read.samples if row.instance_id == "item-1"] == [
        ("match", Outcome.ERROR),
        ("other", Outcome.CORRECT),
    ]


@pytest.mark.parametrize(
    ("path", "value", "limit", "words"),
    [
        ("eval.config.limit", [2, 5], 3.0, "the limit was 3 samples"),
        ("eval.config.limit", 40, 40.0, None),  # as many as there are
        ("eval.config.sample_id", ["a", 7], None, "the samples a, 7"),
        ("eval.config.sample_id", "a", None, "the samples a"),
    ],
)
def test_a_run_of_part_of_the_benchmark_says_so(
    read_files, tmp_path: Path, path: str, value: Any, limit: float | None, words
) -> None:
    read = read_files(
        IMPORTER,
        write_json(
            tmp_path / "log.json", [sample(1, "C"), sample(2, "I")], put(HEADER, path, value)
        ),
    )
    assert read.rejects == []
    assert read.runs[0].sample_limit == limit
    assert [warning for warning in read.runs[0].warnings if "only part" in warning] == (
        [] if words is None else [f"only part of the benchmark was run: {words}"]
    )


def test_numbers_without_samples_and_samples_without_numbers_say_so(
    read_files, tmp_path: Path
) -> None:
    assert read_files(IMPORTER, write_json(tmp_path / "a.json")).notices == [
        "the log holds no samples, so its numbers could not be checked"
    ]
    bare = sample(1)
    del bare["scores"]
    read = read_files(
        IMPORTER, write_json(tmp_path / "b.json", [bare], put(HEADER, "results", ...))
    )
    assert read.notices == ["none of the 1 samples in the log was scored"]


def test_the_list_of_logs_that_inspect_writes_beside_them_is_no_log(tmp_path: Path) -> None:
    write_json(tmp_path / "log.json", [sample(1), sample(2, "I")])
    (tmp_path / "logs.json").write_text(json.dumps({"log.json": HEADER, 'b"{.json': HEADER}))
    found = discover([tmp_path])
    assert [source.path.name for source in found.sources] == ["log.json"]
    assert [item.path.name for item in found.unknown] == ["logs.json"]
