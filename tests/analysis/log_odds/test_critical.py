"""Constancy of the log-odds gap, the half point, a peak inside."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from analysis.log_odds.critical import constancy_test, half_point, interior_peak_test, to_level


def test_an_exact_line_is_found_without_spread() -> None:
    line = constancy_test([0.1, 0.3, 0.5, 0.7], [0.01] * 4, [1, 2, 3, 4])
    assert (line.intercept, line.slope, line.tau2) == pytest.approx((-0.1, 0.2, 0.0))
    assert line.slope_se == pytest.approx(
        0.1 / math.sqrt(5)
    )  # sd of a task over the root of sum (x - mean)^2


def test_tasks_off_the_line_are_allowed_for() -> None:
    """Residuals +-1 about a flat line of 6 tasks with tiny variance: tau2 so that sum r^2 / (v +
    tau2) = 4.
    """
    line = constancy_test([1, -1, 1, -1, 1, -1], [1e-6] * 6, [1, 1, 2, 2, 3, 3])
    assert line.slope == pytest.approx(0.0, abs=1e-12) and line.p == pytest.approx(1.0)
    assert line.tau2 == pytest.approx(6 / 4, rel=1e-4)


@pytest.mark.parametrize(("d", "x"), [([0.1, 0.2], [1, 2]), ([0.1, 0.2, 0.3], [2, 2, 2]), ([], [])])
def test_a_line_needs_three_tasks_at_two_levels(d: list[float], x: list[float]) -> None:
    line, point = constancy_test(d, [0.01] * len(d), x), half_point(d, x)
    assert math.isnan(line.slope) and "at least 3 tasks at 2 levels" in str(line.reason)
    assert math.isnan(point.x) and "at least 3 tasks at 2 levels" in str(point.reason)


def test_half_point_of_an_exact_line_has_no_width() -> None:
    point = half_point([2, 1, 0, -1], [1, 2, 3, 4])
    assert (point.x, point.lo, point.hi) == pytest.approx((3, 3, 3), abs=1e-6)


def test_a_flat_curve_has_no_half_point() -> None:
    rng = np.random.default_rng(5)
    point = half_point(rng.normal(0.5, 1, 12), [1, 2, 3] * 4)
    assert math.isnan(point.lo) and "not identified" in str(point.reason)
    assert math.isnan(half_point([0.5] * 4, [1, 2, 3, 4]).lo)


def test_half_point_interval_holds_the_truth_about_nine_times_in_ten() -> None:
    """400 data sets of 17 tasks, crossing at 2.5, task sd .9: coverage between 86 and 94 % at
    nominal 90.
    """
    rng = np.random.default_rng(7)
    level = np.repeat([1, 2, 3, 4, 5], [3, 4, 3, 3, 4])
    points = [half_point(1.4 * (2.5 - level) + rng.normal(0, 0.9, 17), level) for _ in range(400)]
    assert 0.86 <= np.mean([point.lo <= 2.5 <= point.hi for point in points]) <= 0.94


def test_difficulties_outside_the_levels_are_censored() -> None:
    axis, levels = [0.0, 1.0, 3.0], [1, 2, 3]
    assert to_level(2.0, axis, levels) == (2.5, None)
    assert to_level(-1.0, axis, levels) == (1.0, "left")
    assert to_level(9.0, axis, levels) == (3.0, "right")
    assert math.isnan(to_level(math.nan, axis, levels)[0])


def test_a_strong_peak_inside_is_found_and_a_slope_is_not() -> None:
    level = [1, 1, 1, 2, 2, 2, 3, 3, 3]
    noise = [-0.01, 0.0, 0.01] * 3
    peak = interior_peak_test(np.array([0.0] * 3 + [0.2] * 3 + [0.02] * 3) + noise, level)
    slope = interior_peak_test(np.array([0.0] * 3 + [0.1] * 3 + [0.2] * 3) + noise, level)
    assert peak.p < 1e-4 < 0.9 < slope.p
    assert (peak.levels, peak.reason) == ((2,), None)


def test_the_peak_p_is_that_of_the_worse_end() -> None:
    """Means 0, .2, .1; s2 = 1e-4 on 6 df: p = P(t6 > .1 / sqrt(1e-4 * 2/3))."""
    gaps = np.repeat([0.0, 0.2, 0.1], 3) + np.array([-0.01, 0.0, 0.01] * 3)
    assert interior_peak_test(gaps, np.repeat([1, 2, 3], 3)).p == pytest.approx(
        stats.t.sf(0.1 / math.sqrt(1e-4 * 2 / 3), 6)
    )


@pytest.mark.parametrize(
    ("gaps", "level", "why"),
    [
        ([0.1, 0.2, 0.3, 0.4], [1, 1, 2, 2], "at least 3 levels"),
        ([0.1, 0.2, 0.3], [1, 2, 3], "one task more than levels"),
        ([0.1, 0.1, 0.2, 0.2, 0.3, 0.3], [1, 1, 2, 2, 3, 3], "the same gap"),
        ([], [], "at least 3 levels"),
    ],
)
def test_a_peak_inside_needs_room_and_spread(gaps: list[float], level: list[int], why: str) -> None:
    found = interior_peak_test(gaps, level)
    assert math.isnan(found.p) and why in str(found.reason)
