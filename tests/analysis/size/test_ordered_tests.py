"""Rank tests: worked by hand, against brute force, and where nothing can be said."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.size import ordered_tests
from analysis.size.ordered_tests import (
    EXACT,
    jonckheere_terpstra,
    mann_whitney,
    rank_trend,
    stratified_trend,
)

QWEN_SIZES, QWEN_LEVELS = [1.8, 4, 7, 14, 32, 72, 110], [1, 1, 2, 2, 2, 4, 4]


def brute_force(x: list[float], y: list[float]) -> tuple[float, float]:
    """p of |S| and of S over every order of y."""

    def s(order: tuple[float, ...]) -> int:
        return sum(
            int(np.sign(x[j] - x[i]) * np.sign(order[j] - order[i]))
            for i, j in itertools.combinations(range(len(x)), 2)
        )

    seen, every = s(tuple(y)), [s(order) for order in itertools.permutations(y)]
    return sum(abs(one) >= abs(seen) for one in every) / len(every), sum(
        one >= seen for one in every
    ) / len(every)


def test_seven_models_of_one_family_reach_the_one_best_of_210_orders() -> None:
    found = rank_trend(QWEN_SIZES, QWEN_LEVELS)
    assert (found.s, found.n_pairs, found.n_rising, found.n_falling, found.n_level) == (
        16,
        21,
        16,
        0,
        5,
    )
    assert found.tau_b == pytest.approx(0.8729, abs=5e-5)  # METHODS B4
    assert found.p_rising == pytest.approx(1 / 210)
    assert found.method == EXACT


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=6))
def test_the_counted_null_distribution_is_that_of_all_orders(pairs: list[tuple[int, int]]) -> None:
    x, y = ([float(pair[side]) for pair in pairs] for side in (0, 1))
    found = rank_trend(x, y)
    if found.reason is not None:
        assert len(set(x)) == 1 or len(set(y)) == 1
        assert math.isnan(found.p_two_sided)
        return
    assert (found.p_two_sided, found.p_rising) == pytest.approx(brute_force(x, y))


def test_tau_agrees_with_scipy() -> None:
    x, y = [1, 2, 2, 3, 4, 4, 5], [1, 1, 2, 2, 1, 3, 3]
    assert rank_trend(x, y).tau_b == pytest.approx(stats.kendalltau(x, y).statistic)


def test_drawn_permutations_come_close_to_the_exact_count(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 1, 3, 2, 2, 3, 3]
    exact = rank_trend(x, y)
    monkeypatch.setattr(ordered_tests, "MOST_STATES", 1)
    drawn = rank_trend(x, y)
    assert drawn.method.startswith("permutation")
    assert drawn.p_two_sided == pytest.approx(exact.p_two_sided, abs=0.01)
    assert drawn.p_rising == pytest.approx(exact.p_rising, abs=0.01)


def test_strata_multiply_when_each_is_at_its_best() -> None:
    # Two families of two models, levels 1 and 2 in each: the larger one is higher with chance 1/2
    # in each.
    found = stratified_trend([1, 2, 10, 20], [1, 2, 1, 2], ["a", "a", "b", "b"])
    assert (found.s, found.n_pairs, found.n_strata) == (2, 2, 2)
    assert found.p_rising == pytest.approx(1 / 4)
    assert found.p_two_sided == pytest.approx(1 / 2)


def test_a_trend_between_families_is_none_within_them() -> None:
    # The large family is all at level 4, the small one all at 1: nothing changes within.
    found = stratified_trend([1, 2, 10, 20], [1, 1, 4, 4], ["a", "a", "b", "b"])
    assert found.n_level == 2 and found.reason == "all entries to compare have the same level"
    assert rank_trend([1, 2, 10, 20], [1, 1, 4, 4]).s == 4


def test_entries_without_a_family_or_a_number_stay_out() -> None:
    found = stratified_trend([1, 2, 3, math.nan], [1, 2, 3, 4], ["a", "a", None, "a"])
    assert (found.n, found.n_pairs) == (2, 1)


@pytest.mark.parametrize(
    ("x", "y"),
    [([], []), ([1], [1]), ([1, 1], [1, 2]), ([1, 2, 3], [2, 2, 2]), ([1, math.nan], [1, 2])],
)
def test_no_test_is_a_reason_and_no_number(x: list[float], y: list[float]) -> None:
    found = rank_trend(x, y)
    assert found.reason is not None
    assert all(
        math.isnan(value)
        for value in (found.tau_b, found.p_two_sided, found.p_rising, found.spearman)
    )


def test_jonckheere_terpstra_by_hand() -> None:
    found = jonckheere_terpstra([[1, 2], [2, 3], [4, 5]])
    assert (found.j, found.max_j, found.mean) == (11.5, 12, 6.0)
    assert found.kendall_s == 11  # 2 (11.5 - 6)
    # Variance of S: (510 - 3 * 18 - 18) / 18 for n = 6, three groups of two and one tie, plus 3 * 2
    # * 2 / 60; j has a quarter of it.
    assert found.variance == pytest.approx((438 / 18 + 0.2) / 4)
    assert found.z == pytest.approx(5.5 / math.sqrt(found.variance))


@pytest.mark.parametrize("groups", [[], [[1, 2]], [[1], []], [[2, 2], [2]]])
def test_jonckheere_terpstra_without_two_groups_or_with_equal_entries(
    groups: list[list[float]],
) -> None:
    found = jonckheere_terpstra(groups)
    assert found.reason is not None and math.isnan(found.z) and math.isnan(found.p_one_sided)


def test_mann_whitney_counts_pairs() -> None:
    found = mann_whitney([3, 4], [1, 3, 5])
    assert found.u == 1.5 + 2 and found.share == pytest.approx(3.5 / 6)
    assert mann_whitney([], [1]).reason == "a group has no entries"
    assert math.isnan(mann_whitney([2, 2], [2]).p)
    with pytest.raises(ValueError, match="two-sided"):
        mann_whitney([1], [2], alternative="bigger")
