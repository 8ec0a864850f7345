"""Critical complexity between the levels: crossings by hand, censoring, the route that fits, and
its interval.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression
from scipy.special import expit

from analysis.log_odds.critical import half_point
from analysis.valley.complexity import (
    CriticalComplexity,
    LevelMeans,
    crossing,
    falling,
    isotonic_half_point,
    locate_complexity,
    smooth_peak,
)
from analysis.valley.difficulty import LevelAxis, number_axis
from analysis.valley.level_bootstrap import LevelDraws

NUMBERS = (1, 2, 3, 4)


def level_means(id_logits, ood_logits, *, spread: float = 0.0, resamples: int = 400) -> LevelMeans:
    """Level means at these logits; resamples scatter by `spread` logits."""
    rng = np.random.default_rng(0)
    n = len(id_logits)
    a_id, a_ood = (
        expit(np.asarray(id_logits, dtype=float)),
        expit(np.asarray(ood_logits, dtype=float)),
    )
    drawn = [
        expit(np.asarray(side) + spread * rng.standard_normal((resamples, n)))
        for side in (id_logits, ood_logits)
    ]
    draws = LevelDraws(levels=NUMBERS[:n], gaps=drawn[0] - drawn[1], a_id=drawn[0], a_ood=drawn[1])
    return LevelMeans(
        levels=NUMBERS[:n],
        a_id=a_id,
        a_ood=a_ood,
        n_tasks=np.full(n, 3.0),
        n_answers=np.full(n, 1e9),
        draws=draws,
    )


def axis_at(*positions: float) -> LevelAxis:
    fitted = {
        "kind": "difficulty",
        "n_models": 9,
        "violations": (),
        "deviance": 1.0,
        "df_resid": 1,
        "reason": None,
    }
    return LevelAxis(levels=NUMBERS[: len(positions)], positions=positions, **fitted)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_a_falling_fit_is_the_isotonic_regression(values: list[float], random) -> None:
    weights = [random.choice([1.0, 2.0, 5.0]) for _ in values]
    ours = falling([values, values[::-1]], weights)
    assert ours[0] == pytest.approx(
        isotonic_regression(values, weights=weights, increasing=False).x, abs=1e-9
    )
    assert (np.diff(ours, axis=1) <= 1e-9).all()


@pytest.mark.parametrize(
    ("y", "place", "side"),
    [
        ([2.0, 1.0, -1.0], 2.5, 0),
        ([1.0, -3.0, -4.0], 1.25, 0),
        ([-1.0, -2.0, -3.0], 1.0, -1),
        ([3.0, 2.0, 1.0], 3.0, 1),
        ([1.0, 0.0, -1.0], 2.0, 0),
        ([0.0, 0.0, -1.0], 1.5, 0),
        ([0.0, 0.0, 0.0], 2.0, 0),
        ([5.0, 0.0, 0.0], 2.5, 0),
    ],
)
def test_crossings_by_hand(y: list[float], place: float, side: int) -> None:
    places, sides = crossing(np.array([1.0, 2.0, 3.0]), np.array([y]))
    assert (places.tolist(), sides.tolist()) == ([place], [side])


def test_half_right_between_levels_by_hand() -> None:
    """Mid-logits 2, 1, -1, -2: crossing half way between levels 2 and 3."""
    found = isotonic_half_point(
        level_means([2.3, 1.3, -0.7, -1.7], [1.7, 0.7, -1.3, -2.3], spread=0.2)
    )
    assert (
        found.level == pytest.approx(2.5)
        and found.lo < 2.5 < found.hi
        and found.hi - found.lo < 0.5
    )
    assert (found.side, found.route, found.reason) == (None, "isotonic", None)


@pytest.mark.parametrize(("shift", "side", "end"), [(-9.0, "left", 1), (9.0, "right", 4)])
def test_a_model_beyond_the_levels_is_censored(shift: float, side: str, end: int) -> None:
    logits = np.array([2.0, 1.0, -1.0, -2.0]) + shift
    found = isotonic_half_point(level_means(logits, logits - 0.5, spread=0.1))
    assert (found.level, found.lo, found.hi, found.side, found.lo_side, found.hi_side) == (
        end,
        end,
        end,
        side,
        side,
        side,
    )
    assert "censored" in str(found.reason)


def test_a_rising_penalty_moves_the_peak_and_the_smooth_route_follows() -> None:
    """Gap .02, .05, .30, .05: half right lies between levels 1 and 2, the gap peaks at 3."""
    means = level_means([2.0, -0.2, -0.5, -3.0], [1.87, -0.4, -2.2, -4.0], spread=0.05)
    smooth = locate_complexity(means, half_point([], []), number_axis(NUMBERS, ""), slope_p=0.01)
    assert (
        smooth.route == "smooth"
        and smooth.level == pytest.approx(3.0, abs=0.25)
        and smooth.lo <= smooth.level <= smooth.hi
    )
    assert (
        locate_complexity(means, half_point([], []), number_axis(NUMBERS, ""), slope_p=0.5).level
        < 2.0
    )


def test_the_largest_gap_of_smooth_curves_is_that_of_the_closed_form() -> None:
    """A constant penalty on straight logits: PCHIP of a line is the line, so the peak is at half
    right, x = 1.9.
    """
    x = np.array([0.0, 1.0, 3.0, 4.0])
    found = smooth_peak(level_means(1.9 - x + 0.4, 1.9 - x - 0.4), axis_at(*x))
    assert found.x == pytest.approx(1.9, abs=4 / 160) and found.level == pytest.approx(
        2.45, abs=0.02
    )


def test_levels_that_share_a_difficulty_are_read_by_their_numbers() -> None:
    found = smooth_peak(
        level_means([2.0, 0.5, -0.5, -2.0], [1.5, -0.5, -1.5, -2.5], spread=0.1),
        axis_at(0.0, 1.0, 1.0, 2.0),
    )
    assert found.axis == "level number" and 1 <= found.level <= 4


def test_no_gap_and_hardly_a_gap_are_not_identified() -> None:
    worse = level_means([1.0, 0.0, -1.0], [1.5, 0.5, -0.5])
    assert "no gap above 0" in str(smooth_peak(worse, number_axis(NUMBERS[:3], "")).reason)
    unsure = smooth_peak(
        level_means([1.0, 0.0, -1.0], [0.99, 0.3, -0.7], spread=0.4), number_axis(NUMBERS[:3], "")
    )
    assert unsure.reason is None or "not identified" in unsure.reason


def test_the_line_is_mapped_to_levels_with_its_censored_ends() -> None:
    """Mid-logits 1 - x at difficulties 0, 1, 3 with noise: x50 near 1; the axis has it at
    level 2.
    """
    x, m = (
        np.repeat([0.0, 1.0, 3.0], 3),
        np.array([1.2, 0.8, 1.0, 0.1, -0.1, 0.0, -2.2, -1.9, -1.9]),
    )
    found = locate_complexity(
        level_means([1.5, 0.5, -1.5], [0.5, -0.5, -2.5]),
        half_point(m, x),
        axis_at(0.0, 1.0, 3.0),
        slope_p=float("nan"),
    )
    assert (
        found.route == "line"
        and found.level == pytest.approx(2.0, abs=0.05)
        and found.is_identified
    )
    flat = half_point([0.3, -0.2, 0.1, 0.2, -0.3, 0.0], [0, 0, 1, 1, 3, 3])
    open_ended = locate_complexity(
        level_means([0.1, 0.1, 0.1], [0, 0, 0]), flat, axis_at(0.0, 1.0, 3.0), slope_p=0.9
    )
    assert not open_ended.is_identified and "not identified" in str(open_ended.reason)


def test_one_level_has_no_complexity() -> None:
    found = locate_complexity(
        level_means([1.0], [0.5]), half_point([], []), number_axis([1], ""), slope_p=0.5
    )
    assert np.isnan(found.level) and found.reason == "fewer than two levels have both splits"
    assert (
        locate_complexity(None, half_point([], []), number_axis([], ""), slope_p=0.5).reason
        == found.reason
    )


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.floats(-8, 8), st.floats(-8, 8)), min_size=2, max_size=4), st.floats(0, 2)
)
def test_whatever_the_means_the_result_is_coherent(
    logits: list[tuple[float, float]], spread: float
) -> None:
    means = level_means(
        [pair[0] for pair in logits], [pair[1] for pair in logits], spread=spread, resamples=60
    )
    axis = number_axis(means.levels, "")
    for found in (isotonic_half_point(means), smooth_peak(means, axis)):
        assert isinstance(found, CriticalComplexity)
        if found.is_identified:
            assert means.levels[0] <= found.lo <= found.level <= found.hi <= means.levels[-1]
        else:
            assert found.reason
