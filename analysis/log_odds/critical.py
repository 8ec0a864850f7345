"""Is the log-odds gap the same at every level? At which difficulty is a model right half the time?
Is there an interior peak?

The input are the task rows of `analysis.valley.locating`. The unit of all tests is the task.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.arrays import Floats, complete
from analysis.log_odds.tau2 import between_task_variance, weighted_line
from analysis.text import counted

CHANGE_P = 0.10
"""Below this p the log-odds gap counts as changing over the levels when the critical complexity is
located: a lenient threshold, so that a changing gap is not taken for a constant one.
"""
VERDICT_P = CHANGE_P / 2
"""A verdict uses two tests, of a slope and of any difference between levels. With this threshold
for each, at most one in ten constant log-odds gaps is declared to change.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constancy:
    """Does the log-odds gap change along the axis? A line through the tasks, allowing them to
    differ by tau2.

    slope, slope_se, lo, hi, p  change of the log-odds gap per unit of the axis; t with n_tasks - 2
            degrees of freedom.
    tau2    residual variance between tasks.
    reason  None, or why there is no line (the numbers are then NaN).
    """

    intercept: float
    slope: float
    slope_se: float
    lo: float
    hi: float
    p: float
    tau2: float
    n_tasks: int
    reason: str | None


def constancy_test(
    d: ArrayLike, variance: ArrayLike, x: ArrayLike, *, confidence: float = 0.95
) -> Constancy:
    """Regress the log-odds gaps of tasks on level or difficulty.

    Weights 1 / (v + tau2) with tau2 such that the weighted sum of squared residuals is T - 2 (0 if
    the sum is already smaller at tau2 = 0).

    Args:
        d, variance: log-odds gap of each task and its sampling variance; undefined tasks (NaN) are
            left out.
        x: level or difficulty of each task.

    Returns:
        a Constancy; NaN with a reason for fewer than three tasks or a single value of x.

    False positives in simulations: 3.5-6.5 % at 5 %. Source: Paule-Mandel meta-regression.
    """
    effect, var, axis = complete(d, variance, x)
    n_tasks = len(effect)
    if why := _why_no_line(axis):
        names = ("intercept", "slope", "slope_se", "lo", "hi", "p", "tau2")
        return Constancy(**dict.fromkeys(names, math.nan), n_tasks=n_tasks, reason=why)
    design = np.column_stack([np.ones(n_tasks), axis])
    tau2 = float(between_task_variance(effect, var, design))
    coef, covariance = weighted_line(effect, 1 / (var + tau2), design)
    intercept, slope = (float(c) for c in coef)
    se = math.sqrt(float(covariance[1, 1]))
    half = float(stats.t.isf((1 - confidence) / 2, n_tasks - 2)) * se
    p = float(2 * stats.t.sf(abs(slope / se), n_tasks - 2))
    return Constancy(
        intercept=intercept,
        slope=slope,
        slope_se=se,
        lo=slope - half,
        hi=slope + half,
        p=p,
        tau2=tau2,
        n_tasks=n_tasks,
        reason=None,
    )


def _why_no_line(axis: Floats) -> str | None:
    if len(axis) >= 3 and np.ptp(axis) > 0:
        return None
    return (
        f"{counted(len(axis), 'task')} at {counted(len(np.unique(axis)), 'level')}; a line needs"
        " at least 3 tasks at 2 levels"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelChange:
    """Do the levels differ in their log-odds gap in any way, not only along a line?

    f, p    F of the level means about their common mean, with n_levels - 1 and n_tasks - n_levels
            degrees of freedom.
    tau2    variance between tasks of one level.
    reason  None, or why there is no test (the numbers are then NaN).
    """

    f: float
    p: float
    tau2: float
    n_levels: int
    n_tasks: int
    reason: str | None


def level_change_test(d: ArrayLike, variance: ArrayLike, level: ArrayLike) -> LevelChange:
    """Compare the log-odds gaps of the levels: a hump or a dip has no slope but is not constant.

    Level means have weights 1 / (v + tau2), with Paule and Mandel's tau2 of the tasks about their
    level means; F is a ratio of mean squares.

    Args:
        d, variance: log-odds gap of each task and its sampling variance; undefined tasks (NaN) are
            left out.
        level: level of each task.

    Returns:
        a LevelChange; NaN with a reason for fewer than two levels or if no level has two tasks.

    False positives in simulations (17 tasks, 256 + 256 answers, split sd .2): see
    tests/analysis/valley/test_valley_rates.py.
    """
    effect, var, number = complete(d, variance, level)
    levels, place = np.unique(number, return_inverse=True)
    n_tasks, n_levels = len(effect), len(levels)
    if n_levels < 2 or n_tasks <= n_levels:
        why = (
            f"{counted(n_tasks, 'task')} at {counted(n_levels, 'level')}; comparing levels needs"
            " two of them, one with at least 2 tasks"
        )
        return LevelChange(
            f=math.nan, p=math.nan, tau2=math.nan, n_levels=n_levels, n_tasks=n_tasks, reason=why
        )
    is_level = np.eye(n_levels)[place]
    tau2 = float(between_task_variance(effect, var, is_level))
    weights = 1 / (var + tau2)
    of_level = weights @ is_level
    means = (weights * effect) @ is_level / of_level
    within = float(weights @ (effect - means[place]) ** 2) / (n_tasks - n_levels)
    between = float(of_level @ (means - np.average(means, weights=of_level)) ** 2) / (n_levels - 1)
    # `within` is 1, or below 1 if tasks differ less than expected by chance.
    f = between / max(1.0, within)
    p = float(stats.f.sf(f, n_levels - 1, n_tasks - n_levels))
    return LevelChange(f=f, p=p, tau2=tau2, n_levels=n_levels, n_tasks=n_tasks, reason=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfPoint:
    """Position on the axis where the mean of the ID and OOD logits crosses 0: the difficulty at
    which a model is right half the time.

    x, lo, hi  estimate and Fieller interval; lo and hi are NaN if it is unbounded (`reason` is then
               "not identified").
    """

    x: float
    lo: float
    hi: float
    n_tasks: int
    confidence: float
    reason: str | None


def half_point(mid_logit: ArrayLike, x: ArrayLike, *, confidence: float = 0.90) -> HalfPoint:
    """Find where a straight line through the tasks' mid-logits crosses 0, with Fieller's interval.

    OLS m = b0 + b1 x; x50 = -b0 / b1; interval: the roots of A x^2 + B x + C with t2 = t^2_{T-2},
    A = b1^2 - t2 C11, B = 2 (b0 b1 - t2 C01), C = b0^2 - t2 C00; unbounded when A <= 0.

    Args:
        mid_logit: mean of the ID and OOD empirical logits of each task; NaN is left out.
        x: level or difficulty of each task.

    Returns:
        a HalfPoint; NaN with a reason for fewer than three tasks, one level or a slope that may be
        0. If the log-odds gap changes along the axis, the gap is not largest here.
    """
    m, axis = complete(mid_logit, x)
    n_tasks = len(m)
    result = partial(HalfPoint, n_tasks=n_tasks, confidence=confidence)
    if why := _why_no_line(axis):
        return result(x=math.nan, lo=math.nan, hi=math.nan, reason=why)
    design = np.column_stack([np.ones(n_tasks), axis])
    inverse = np.linalg.inv(design.T @ design)
    b = inverse @ design.T @ m
    cov = inverse * float(((m - design @ b) ** 2).sum()) / (n_tasks - 2)
    b0, b1 = (float(c) for c in b)
    if b1 == 0:
        why = "not identified: accuracy does not change along the axis"
        return result(x=math.nan, lo=math.nan, hi=math.nan, reason=why)
    t2 = float(stats.t.isf((1 - confidence) / 2, n_tasks - 2)) ** 2
    quadratic = b1**2 - t2 * cov[1, 1], 2 * (b0 * b1 - t2 * cov[0, 1]), b0**2 - t2 * cov[0, 0]
    if quadratic[0] <= 0:
        why = (
            "not identified: the slope over the axis is not told apart from 0, so the interval is"
            " unbounded"
        )
        return result(x=-b0 / b1, lo=math.nan, hi=math.nan, reason=why)
    middle = -quadratic[1] / (2 * quadratic[0])
    half = math.sqrt(max(0.0, middle**2 - quadratic[2] / quadratic[0]))
    return result(x=-b0 / b1, lo=middle - half, hi=middle + half, reason=None)


def to_level(
    x: float, difficulty: Sequence[float], levels: Sequence[int]
) -> tuple[float, str | None]:
    """Convert a difficulty to a level coordinate by linear interpolation between the levels.

    Args:
        x: a difficulty; NaN gives NaN.
        difficulty: difficulty of each level, non-decreasing.
        levels: level numbers.

    Returns:
        the level coordinate, clamped to the first and last level, and "left" or "right" if it was
        clamped (censored).

    >>> to_level(0.5, [0.0, 1.0, 3.0], [1, 2, 3])
    (1.5, None)
    """
    if math.isnan(x):
        return math.nan, None
    level = float(np.interp(x, difficulty, levels))
    if x < difficulty[0]:
        return level, "left"
    return level, "right" if x > difficulty[-1] else None


@dataclass(frozen=True, slots=True, kw_only=True)
class InteriorPeak:
    """Is the gap at some inner level larger than at both ends?

    p          p-value of the best inner level, corrected for its selection; NaN when undefined (see
               `reason`).
    per_level  uncorrected p of each inner level, in order.
    """

    p: float
    per_level: tuple[float, ...]
    levels: tuple[int, ...]
    n_tasks: int
    reason: str | None


def interior_peak_test(gaps: ArrayLike, level: ArrayLike) -> InteriorPeak:
    """Test for an interior peak by intersection-union: both end contrasts must be positive.

    Pooled variance of task gaps about their level means, df = T - L; p_k = max over ends e of
    P(t_df > (mu_k - mu_e) / se); p = min(1, (L - 2) min_k p_k).

    Args:
        gaps: signed gap of each task; NaN is left out.
        level: level of each task.

    Returns:
        an InteriorPeak; NaN with a reason for fewer than three levels or no more tasks than levels.
        Power with 17 tasks is 8-19 % for realistic valleys: a large p is no evidence against a
        peak.

    Source: Sasabuchi 1980; Lind and Mehlum 2010.
    """
    g, numbers = np.asarray(gaps, dtype=float), np.asarray(level, dtype=int)
    g, numbers = g[~np.isnan(g)], numbers[~np.isnan(g)]
    levels, index, n = np.unique(numbers, return_inverse=True, return_counts=True)
    df = len(g) - len(levels)
    inner = tuple(int(k) for k in levels[1:-1])
    result = partial(InteriorPeak, levels=inner, n_tasks=len(g))
    if len(levels) < 3 or df < 1:
        why = (
            f"{counted(len(g), 'task')} at {counted(len(levels), 'level')}; a peak inside needs at"
            " least 3 levels and one task more than levels"
        )
        return result(p=math.nan, per_level=(), reason=why)
    mu = np.bincount(index, weights=g) / n
    s2 = float(((g - mu[index]) ** 2).sum()) / df
    if s2 == 0:
        why = "the tasks of each level have the same gap"
        return result(p=math.nan, per_level=(), reason=why)
    p = [
        max(
            float(stats.t.sf((mu[k] - mu[e]) / math.sqrt(s2 * (1 / n[k] + 1 / n[e])), df))
            for e in (0, -1)
        )
        for k in range(1, len(levels) - 1)
    ]
    return result(p=min(1.0, (len(levels) - 2) * min(p)), per_level=tuple(p), reason=None)
