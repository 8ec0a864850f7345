"""The SCYLLA formulas, worked by hand and by property."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.scylla import (
    accuracy_ratio,
    critical_level,
    gap_bounds,
    gap_table,
    generalization_gap,
    generalization_score,
    relative_gap,
    signed_gap,
)

SHARE = st.floats(0, 1)


def test_gap_ratio_and_relative_gap_follow_the_authors_conventions() -> None:
    """ID .8, OOD .5: gap .3, ratio .625, relative .375. At ID 0: gap 0, ratio 1, relative 1,
    whatever OOD is.
    """
    a_id, a_ood = [0.8, 0.5, 0.0, 0.0], [0.5, 0.8, 0.3, 0.0]
    assert generalization_gap(a_id, a_ood) == pytest.approx([0.3, 0, 0, 0])
    assert signed_gap(a_id, a_ood) == pytest.approx([0.3, -0.3, -0.3, 0])
    assert accuracy_ratio(a_id, a_ood) == pytest.approx([0.625, 1.6, 1, 1])
    assert relative_gap(a_id, a_ood) == pytest.approx([0.375, 0, 1, 1])


def test_undefined_accuracies_stay_undefined() -> None:
    for formula in (
        signed_gap,
        generalization_gap,
        accuracy_ratio,
        relative_gap,
        generalization_score,
    ):
        assert np.isnan(formula([math.nan, 0.5, 0.0], [0.5, math.nan, math.nan])).all(), (
            formula.__name__
        )


def test_score_takes_the_gap_off_once_by_default() -> None:
    """.5 - .3 = .2; half the penalty: .5 - .15 = .35; no gap: OOD itself."""
    assert float(generalization_score(0.8, 0.5)) == pytest.approx(0.2)
    assert float(generalization_score(0.8, 0.5, penalty=0.5)) == pytest.approx(0.35)
    assert float(generalization_score(0.5, 0.8)) == 0.8


def test_score_of_means_is_not_the_mean_of_scores() -> None:
    """Tasks (ID 1, OOD 0) and (0, 1): S per task -1 and 1, mean 0; S of the means (.5, .5) is
    .5.
    """
    assert float(generalization_score([1.0, 0.0], [0.0, 1.0]).mean()) == 0.0
    assert float(generalization_score(0.5, 0.5)) == 0.5


@given(SHARE, SHARE)
def test_gap_and_score_stay_in_their_ranges(a_id: float, a_ood: float) -> None:
    assert 0 <= float(generalization_gap(a_id, a_ood)) <= 1
    assert -1 <= float(generalization_score(a_id, a_ood)) <= 1
    assert float(generalization_score(a_id, a_ood)) <= a_ood


@given(st.lists(st.tuples(SHARE, SHARE), min_size=1, max_size=6), st.sampled_from([0.5, 1.0, 2.0]))
def test_bounds_hold_for_every_pair_and_for_means_over_tasks(
    pairs: list[tuple[float, float]], penalty: float
) -> None:
    a_id, a_ood = (np.array(side) for side in zip(*pairs, strict=True))
    score = generalization_score(a_id, a_ood, penalty=penalty).mean()
    lower, upper = gap_bounds(np.clip(score, -penalty, 1), penalty=penalty)
    mean_of_gaps, gap_of_means = (
        generalization_gap(a_id, a_ood).mean(),
        float(generalization_gap(a_id.mean(), a_ood.mean())),
    )
    assert lower - 1e-9 <= mean_of_gaps <= upper + 1e-9
    assert gap_of_means <= upper + 1e-9
    assert penalty > 1 or lower - 1e-9 <= gap_of_means


def test_bounds_of_an_impossible_score_are_undefined() -> None:
    lower, upper = gap_bounds([1.2, -1.2, math.nan])
    assert np.isnan(lower).all() and np.isnan(upper).all()


def test_critical_level_is_the_largest_gap_in_any_scheme() -> None:
    assert critical_level([2, 4, 8], [0.1, 0.3, 0.2]).level == 4
    assert critical_level([8, 4, 2], [0.2, 0.3, 0.1]).level == 4


def test_ties_go_to_the_lowest_level_and_are_flagged() -> None:
    """.5 - .4 and .9 - .8 differ in the last bit of a float and are the same gap."""
    found = critical_level([3, 2, 1], generalization_gap([0.9, 0.5, 0.1], [0.8, 0.4, 0.1]))
    assert (found.level, found.tied, found.is_tie) == (2, (2, 3), True)


@pytest.mark.parametrize(
    ("gaps", "reason"),
    [
        ([0.0, 0.0], "no level has a gap above 0"),
        ([-0.1, -0.2], "no level has a gap above 0"),
        ([math.nan, math.nan], "no level has both an ID and an OOD accuracy"),
        ([], "no level has both an ID and an OOD accuracy"),
    ],
)
def test_without_a_gap_there_is_no_critical_level(gaps: list[float], reason: str) -> None:
    found = critical_level(list(range(1, len(gaps) + 1)), gaps)
    assert (found.level, found.tied, found.is_tie, found.reason) == (None, (), False, reason)


@given(st.lists(SHARE, min_size=1, max_size=8))
def test_the_order_of_levels_does_not_matter(gaps: list[float]) -> None:
    levels = list(range(1, len(gaps) + 1))
    assert critical_level(levels, gaps) == critical_level(levels[::-1], gaps[::-1])


def test_a_frame_gets_all_measures() -> None:
    table = gap_table(pd.DataFrame({"task": ["a"], "a_id": [0.8], "a_ood": [0.5]}))
    assert table.iloc[0, 3:].astype(float).tolist() == pytest.approx([0.3, 0.3, 0.625, 0.375, 0.2])
    assert list(table.columns) == [
        "task",
        "a_id",
        "a_ood",
        "gap_signed",
        "gap",
        "ratio",
        "relative_gap",
        "score",
    ]


def test_the_lower_bound_of_a_gap_is_never_a_negative_zero() -> None:
    lower, _ = gap_bounds([0.0, 0.5])
    assert not np.signbit(lower).any()
