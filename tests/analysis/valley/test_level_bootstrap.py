"""The level bootstrap: what it keeps, what it varies, what it counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.valley.level_bootstrap import LevelDraws, TaskCells, resample_levels, smallest_set


def cells(
    levels: list[int], pairs: list[tuple[int, int]], n: int = 256, fixed: bool = False
) -> TaskCells:
    k_id, k_ood = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    asked, ruled = np.full(len(levels), float(n)), np.full(len(levels), fixed)
    return TaskCells(
        level=np.array(levels, dtype=np.int64),
        k_id=k_id,
        n_id=asked,
        k_ood=k_ood,
        n_ood=asked,
        fixed_id=ruled,
        fixed_ood=ruled,
    )


TWO_LEVELS = cells(
    [1, 1, 1, 2, 2, 2], [(200, 190), (180, 170), (220, 200), (150, 60), (120, 50), (160, 70)]
)


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, again, other = (resample_levels(TWO_LEVELS, seed=seed).gaps for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


def test_a_later_level_does_not_change_the_draws_of_an_earlier_one() -> None:
    alone = resample_levels(cells([1, 1, 1], [(200, 190), (180, 170), (220, 200)]))
    assert (resample_levels(TWO_LEVELS).gaps[:, 0] == alone.gaps[:, 0]).all()


def test_draws_lie_around_the_observed_gap_with_the_stretched_spread() -> None:
    """Three tasks with gaps .1, .2, .3 and answers without end: the resampled mean has variance s2
    (T-1)/T / T, stretched s2 / T.
    """
    n = 10_000_000
    draws = resample_levels(
        cells([1, 1, 1], [(n // 2, n // 2 - n // 10 * k) for k in (1, 2, 3)], n=n), resamples=40_000
    ).gaps[:, 0]
    assert draws.mean() == pytest.approx(0.2, abs=0.002)
    assert draws.std() == pytest.approx(np.std([0.1, 0.2, 0.3], ddof=1) / np.sqrt(3), rel=0.02)


def test_one_task_varies_by_its_answers_only() -> None:
    """128 of 256 in both splits: sd of the difference of two Beta(128.5, 128.5)."""
    draws = resample_levels(cells([1], [(128, 128)]), resamples=40_000).gaps[:, 0]
    assert draws.std() == pytest.approx(np.sqrt(2 * 0.25 / 258), rel=0.02)


def test_an_accuracy_set_by_rule_stays_0() -> None:
    assert (resample_levels(cells([1, 1], [(9, 9), (9, 9)], fixed=True)).gaps == 0).all()


def test_a_clear_peak_is_nearly_always_the_peak() -> None:
    p, none = resample_levels(TWO_LEVELS).p_critical()
    assert p[1] > 0.99 and none == 0.0 and p.sum() + none == pytest.approx(1)


def test_the_interval_of_few_tasks_reads_further_tails() -> None:
    """Three tasks: t(4) = 2.776, beyond which the normal has .00275; without tasks and with one the
    plain 2.5th percentile.
    """
    gaps = np.linspace(0.0, 1.0, 100_001)[:, None] @ np.ones((1, 3))
    few = LevelDraws(levels=(1, 2, 3), gaps=gaps, a_id=gaps, a_ood=0 * gaps, n_tasks=(3, 1, 400))
    lo, hi = few.interval(0.95)
    assert lo == pytest.approx([0.002750, 0.025, 0.0249], abs=2e-4) and hi == pytest.approx(1 - lo)
    assert LevelDraws(levels=(1, 2, 3), gaps=gaps, a_id=gaps, a_ood=0 * gaps).interval(0.95)[
        0
    ] == pytest.approx([0.025] * 3)


def test_resamples_without_a_gap_count_for_no_level() -> None:
    gaps = np.array([[0.1, 0.2], [-0.1, -0.2], [0.3, 0.2], [-0.1, 0.0]])
    draws = LevelDraws(levels=(1, 2), gaps=gaps, a_id=gaps, a_ood=0 * gaps)
    p, none = draws.p_critical()
    assert (p.tolist(), none) == ([0.25, 0.25], 0.5)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=7), st.integers(0, 100))
def test_the_smallest_set_reaches_its_share_and_no_smaller_one_does(
    weights: list[int], none: int
) -> None:
    total = sum(weights) + none
    p, p_none = np.array(weights) / total, none / total
    chosen, none_in = smallest_set(p, p_none)
    reached = p[list(chosen)].sum() + p_none * none_in
    size = len(chosen) + none_in
    assert reached >= 0.9 - 1e-9
    assert sum(sorted([*p, p_none])[::-1][: size - 1]) < 0.9
