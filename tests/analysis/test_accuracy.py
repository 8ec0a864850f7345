"""One definition of accuracy: denominators, undefined cells, intervals, level means. Numbers worked
by hand.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.accuracy import (
    OUTCOME_COLUMNS,
    SECOND_ANSWER_SHARE,
    accuracy,
    accuracy_table,
    binomial_interval,
    level_mean,
    task_accuracies,
)
from data.records import Denominator, NotEnoughDataError

COUNT = st.integers(0, 500)


def test_each_denominator_counts_what_its_name_says() -> None:
    """60 right, 30 wrong, 10 unparsed, 5 errors: 60/100, 60/90, and 60/90 again since 90 % parse.
    Errors count nowhere.
    """
    found = {name: accuracy(60, 30, 10, 5, denominator=name) for name in Denominator}
    assert found[Denominator.UNPARSED_IS_WRONG].accuracy == 0.6
    assert found[Denominator.PARSED_ONLY].accuracy == found[Denominator.AUTHORS].accuracy == 60 / 90
    assert [found[name].n for name in Denominator] == [100, 90, 90]
    assert all(cell.n_error == 5 and cell.n_unparsed == 10 for cell in found.values())


def test_a_denominator_may_be_given_by_its_word() -> None:
    counts = pd.DataFrame([[7, 3, 90, 0]], columns=list(OUTCOME_COLUMNS))
    assert accuracy_table(counts, "parsed_only")["accuracy"].tolist() == [0.7]
    with pytest.raises(ValueError, match="every_answer"):
        accuracy_table(counts, "every_answer")


@pytest.mark.parametrize(("parsed", "kept"), [(9, False), (10, True), (11, True)])
def test_authors_set_the_accuracy_to_0_strictly_under_a_tenth(parsed: int, kept: bool) -> None:
    """Of 100 answers 9 parse and are right: 0. With 10 it is 10/10 = 1."""
    cell = accuracy(parsed, 0, 100 - parsed, denominator=Denominator.AUTHORS)
    assert cell.accuracy == (1.0 if kept else 0.0)
    if not kept:
        assert cell.reason == "set to 0 by the authors' rule: 9 of 100 answers parse, under 10 %"
        assert math.isnan(cell.lo) and math.isnan(cell.hi)


def test_exactly_a_tenth_is_kept_where_floats_would_lose_it() -> None:
    """0.1 * 70 is 7.000000000000001 in floats, yet 7 of 70 is a tenth."""
    assert accuracy(7, 0, 63, denominator=Denominator.AUTHORS).accuracy == 1.0


def test_second_answers_have_their_own_threshold() -> None:
    """49 of 100 parse, under one half: 0; 50 of 100: 30/50."""
    under = accuracy(
        30, 19, 51, denominator=Denominator.AUTHORS, min_parsed_share=SECOND_ANSWER_SHARE
    )
    at = accuracy(30, 20, 50, denominator=Denominator.AUTHORS, min_parsed_share=SECOND_ANSWER_SHARE)
    assert (under.accuracy, at.accuracy) == (0.0, 0.6)


@pytest.mark.parametrize(
    ("counts", "denominator", "reason"),
    [
        ((0, 0, 0, 0), Denominator.UNPARSED_IS_WRONG, "undefined: no answers"),
        (
            (0, 0, 0, 7),
            Denominator.UNPARSED_IS_WRONG,
            "undefined: all 7 attempts ended in an error",
        ),
        ((0, 0, 7, 0), Denominator.PARSED_ONLY, "undefined: none of the 7 answers could be parsed"),
        ((0, 0, 0, 7), Denominator.AUTHORS, "undefined: all 7 attempts ended in an error"),
    ],
)
def test_without_an_answer_in_the_denominator_there_is_no_number(
    counts: tuple[int, int, int, int], denominator: Denominator, reason: str
) -> None:
    cell = accuracy(*counts, denominator=denominator)
    assert math.isnan(cell.accuracy) and math.isnan(cell.lo) and math.isnan(cell.hi)
    assert cell.reason == reason


def test_all_unparsed_is_wrong_by_default_and_0_for_the_authors() -> None:
    assert accuracy(0, 0, 7).accuracy == 0.0
    assert accuracy(0, 0, 7, denominator=Denominator.AUTHORS).accuracy == 0.0


def test_all_right_and_all_wrong_keep_an_interval_of_some_width() -> None:
    """Wilson at 256 of 256: lower end 1 / (1 + z^2 / n) = 0.985216."""
    right, wrong = accuracy(256, 0), accuracy(0, 256)
    assert (right.accuracy, right.hi) == (1.0, 1.0)
    assert right.lo == pytest.approx(1 / (1 + 1.959963984540054**2 / 256), abs=1e-12)
    assert (wrong.accuracy, wrong.lo) == (0.0, 0.0)
    assert wrong.hi == pytest.approx(1 - right.lo, abs=1e-12)


@given(
    right=COUNT,
    wrong=COUNT,
    unparsed=COUNT,
    errors=COUNT,
    denominator=st.sampled_from(list(Denominator)),
)
def test_accuracy_is_a_share_inside_its_interval_and_errors_never_move_it(
    right: int, wrong: int, unparsed: int, errors: int, denominator: Denominator
) -> None:
    cell = accuracy(right, wrong, unparsed, errors, denominator=denominator)
    if math.isnan(cell.accuracy):
        assert cell.reason is not None and cell.n == 0
        return
    assert 0 <= cell.accuracy <= 1
    assert math.isnan(cell.lo) or cell.lo - 1e-12 <= cell.accuracy <= cell.hi + 1e-12
    assert cell.accuracy == accuracy(right, wrong, unparsed, 0, denominator=denominator).accuracy


@given(right=COUNT, wrong=COUNT, unparsed=COUNT)
def test_counting_unparsed_as_wrong_never_raises_accuracy(
    right: int, wrong: int, unparsed: int
) -> None:
    strict = accuracy(right, wrong, unparsed).accuracy
    parsed = accuracy(right, wrong, unparsed, denominator=Denominator.PARSED_ONLY).accuracy
    assert math.isnan(parsed) or strict <= parsed


def test_a_table_keeps_its_rows_columns_and_index() -> None:
    counts = pd.DataFrame(
        {
            "task": ["a", "b"],
            "n_correct": [1, 0],
            "n_wrong": [1, 0],
            "n_unparsed": [0, 0],
            "n_error": [0, 3],
        },
        index=[7, 3],
    )
    table = accuracy_table(counts)
    assert list(table.index) == [7, 3]
    assert list(table.columns[:5]) == list(counts.columns)
    assert table["accuracy"].tolist()[0] == 0.5 and math.isnan(table["accuracy"].tolist()[1])


def test_an_empty_table_has_all_columns() -> None:
    table = accuracy_table(pd.DataFrame({name: pd.Series(dtype=int) for name in OUTCOME_COLUMNS}))
    assert len(table) == 0
    assert {"n", "accuracy", "accuracy_lo", "accuracy_hi", "is_by_rule", "reason"} <= set(
        table.columns
    )


def test_missing_columns_and_negative_counts_are_refused_with_names() -> None:
    with pytest.raises(NotEnoughDataError, match=r"lack the columns n_unparsed, n_error"):
        accuracy_table(pd.DataFrame({"n_correct": [1], "n_wrong": [1]}))
    with pytest.raises(NotEnoughDataError, match=r"n_wrong .* negative or unknown"):
        accuracy(1, -1)


def test_counts_outside_0_to_n_have_no_interval() -> None:
    lo, hi = binomial_interval([-1, 5, 3], [4, 4, 0])
    assert np.isnan(lo).all() and np.isnan(hi).all()


def test_level_mean_gives_each_task_the_same_weight() -> None:
    """Tasks .2, .4, .6: mean .4, sd .2, t(2) = 4.3027: the ends p are where |.4 - p| = t sqrt(p (1
    - p) / (.4 * .6)) * .2 / sqrt 3.
    """
    mean = level_mean([0.2, 0.4, 0.6], [100, 100, 100])
    assert mean.accuracy == pytest.approx(0.4)
    for end in (mean.lo, mean.hi):
        assert abs(0.4 - end) == pytest.approx(
            4.302652729911275 * math.sqrt(end * (1 - end) / (0.4 * 0.6)) * 0.2 / math.sqrt(3)
        )
    assert (mean.lo, mean.hi) == pytest.approx((0.0982, 0.8032), abs=5e-5)
    assert (mean.item_lo, mean.item_hi) == pytest.approx(
        [float(end) for end in binomial_interval(120, 300)]
    )
    assert (mean.interval, mean.warning) == ("over tasks", None)


def test_unequal_tasks_count_as_the_answers_their_mean_is_worth() -> None:
    """T^2 / sum(1/n): 4 / (1/10 + 1/1000) = 39.6 answers for tasks of 10 and 1000."""
    mean = level_mean([0.5, 0.5], [10, 1000])
    lo, hi = binomial_interval(0.5 * 4 / 0.101, 4 / 0.101)
    assert (mean.item_lo, mean.item_hi) == pytest.approx((float(lo), float(hi)))


def test_tasks_that_agree_by_chance_do_not_make_a_level_certain() -> None:
    """Three perfect tasks have no spread; the interval over tasks falls back on the
    item-level one.
    """
    mean = level_mean([1.0, 1.0, 1.0], [20, 20, 20])
    assert mean.lo == mean.item_lo < 1.0 == mean.hi


def test_one_task_has_an_item_level_interval_and_says_so() -> None:
    mean = level_mean([0.5, math.nan], [10, 0])
    assert (mean.n_tasks, mean.interval) == (1, "item level only")
    assert (
        mean.warning
        == "1 task without a defined accuracy left out; one task only: the interval covers other"
        " instances of it, not other tasks"
    )


def test_no_task_has_no_mean() -> None:
    mean = level_mean([], [])
    assert (
        math.isnan(mean.accuracy)
        and mean.n_tasks == 0
        and mean.warning == "no task has an accuracy"
    )


def test_levels_average_anchors_only(counts_of) -> None:
    """Level 1, ID: .9 and .7 -> .8; the probe task's .1 stays out. Rows without a level or a split
    stay out too.
    """
    counts = counts_of({1: [(90, 80), (70, 40), (10, 10)]})
    counts.loc[counts["task"] == "task-1-2", "role"] = "probe"
    without = counts.loc[counts["role"] == "anchor"].assign(task="elsewhere")
    counts = pd.concat([counts, without.assign(level=pd.NA), without.assign(split=None)])
    tasks = task_accuracies(counts)
    assert tasks.groupby("split")["task"].agg(list).to_dict() == {
        key: ["task-1-0", "task-1-1"] for key in ("id", "ood")
    }
    means = {
        split: level_mean(rows["accuracy"], rows["n"]) for split, rows in tasks.groupby("split")
    }
    assert [(mean.n_tasks, mean.n, mean.accuracy) for mean in means.values()] == [
        (2, 200, pytest.approx(0.8)),
        (2, 200, pytest.approx(0.6)),
    ]


def test_runs_of_one_model_are_pooled_by_their_counts(counts_of) -> None:
    """90 of 100 and 5 of 50: 95 of 150."""
    counts = pd.concat([counts_of({1: [(90, 0)]}), counts_of({1: [(5, 0)]}, n=50)])
    cell = task_accuracies(counts).query("split == 'id'").iloc[0]
    assert (cell["n_runs"], cell["n"], cell["accuracy"]) == (2, 150, 95 / 150)


def test_no_rows_with_levels_give_an_empty_table_with_columns(counts_of) -> None:
    table = task_accuracies(counts_of({1: [(1, 1)]}).assign(level=pd.NA))
    assert len(table) == 0
    assert {"model", "level", "split", "task", "accuracy"} <= set(table.columns)
