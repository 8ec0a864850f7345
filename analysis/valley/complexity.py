"""At which complexity does the gap peak, interpolated between the levels? A level coordinate with
its interval, by the method (route) that fits the data.

line      No change of the log-odds gap is seen, so the gap peaks where half the answers are right.
          A straight line through the mid-logits of the tasks on the difficulty axis, with Fieller's
          interval.
isotonic  The same without other models that would give a difficulty axis: isotonic (non-increasing)
          regression of the mid-logits of the level means, with a bootstrap interval.
smooth    The log-odds gap changes, so the gap need not peak where half the answers are right.
          Smooth curves through the level means of both splits, and the largest difference between
          them, with a bootstrap interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.special import expit, logit

from analysis.arrays import Floats
from analysis.log_odds.critical import CHANGE_P, HalfPoint
from analysis.text import percent_of_draws
from analysis.valley.difficulty import LevelAxis, number_axis
from analysis.valley.level_bootstrap import LevelDraws

LINE, ISOTONIC, SMOOTH = "line", "isotonic", "smooth"
_GRID = 161


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalComplexity:
    """Where the gap peaks, as a level coordinate (2.4: between levels 2 and 3, nearer 2).

    level, lo, hi   estimate and interval, clamped to the levels; NaN when undefined (see `reason`).
    side, lo_side, hi_side  "left" (at or below the first level) or "right" (at or above the last)
                    if the value was clamped (censored); None otherwise.
    x, x_lo, x_hi   the same on the axis, not clamped (line only; otherwise the positions of the
                    level coordinates).
    route           "line", "isotonic" or "smooth"; see the module docstring.
    axis            "difficulty" or "level number".
    p_none          share of resamples without a gap above 0 (smooth only; otherwise 0).
    reason          None; or why there is no estimate, or no interval ("not identified").
    """

    level: float
    lo: float
    hi: float
    side: str | None
    lo_side: str | None
    hi_side: str | None
    x: float
    x_lo: float
    x_hi: float
    route: str
    axis: str
    confidence: float
    n_tasks: int
    p_none: float
    reason: str | None

    @property
    def is_identified(self) -> bool:
        """Whether there is an estimate and an interval."""
        return not (math.isnan(self.level) or math.isnan(self.lo) or math.isnan(self.hi))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelMeans:
    """Level means of both splits and their resamples, for the levels that have both splits.

    n_tasks, n_answers  tasks, and answers in one split, of each level.
    """

    levels: tuple[int, ...]
    a_id: Floats
    a_ood: Floats
    n_tasks: Floats
    n_answers: Floats
    draws: LevelDraws

    def logits(self) -> tuple[Floats, Floats]:
        """Logits of both splits: observed in the first row, resampled in the others.

        Accuracies are kept half an answer away from 0 and 1, so that all logits are finite.
        """
        margin = 0.5 / np.maximum(self.n_answers, 1.0)
        id_side, ood_side = (
            logit(np.clip(np.vstack(rows), margin, 1 - margin))
            for rows in ((self.a_id, self.draws.a_id), (self.a_ood, self.draws.a_ood))
        )
        return id_side, ood_side


def locate_complexity(
    means: LevelMeans | None,
    half: HalfPoint,
    axis: LevelAxis,
    *,
    slope_p: float,
    confidence: float = 0.90,
) -> CriticalComplexity:
    """Choose the route and estimate the critical complexity.

    Args:
        means: level means; None if no level has both splits.
        half: half point of the tasks' mid-logits on `axis`, for the route "line".
        axis: positions of the levels.
        slope_p: p of the constancy test; NaN (too few tasks to test) counts as constant.
        confidence: level of the interval.

    Interval coverage in simulations (METHODS B0, nominal 90 %): line 84-91 %, isotonic 79-84 %,
    smooth 74-93 %.
    """
    if means is None or len(means.levels) < 2:
        return _undefined(axis, confidence, half.n_tasks, "fewer than two levels have both splits")
    if slope_p < CHANGE_P:
        return smooth_peak(means, axis, confidence=confidence)
    if axis.is_fitted:
        return from_half_point(half, axis)
    return isotonic_half_point(means, confidence=confidence)


def from_half_point(half: HalfPoint, axis: LevelAxis) -> CriticalComplexity:
    """Convert a half point and its Fieller interval to level coordinates."""
    (level, side), (lo, lo_side), (hi, hi_side) = (
        axis.to_level(x) for x in (half.x, half.lo, half.hi)
    )
    reason = half.reason
    if reason is None and lo_side is not None and lo_side == hi_side:
        end = axis.levels[0] if lo_side == "left" else axis.levels[-1]
        reason = (
            f"censored: the whole interval lies {'below' if lo_side == 'left' else 'above'} level"
            f" {end}"
        )
    return CriticalComplexity(
        level=level,
        lo=lo,
        hi=hi,
        side=side,
        lo_side=lo_side,
        hi_side=hi_side,
        x=half.x,
        x_lo=half.lo,
        x_hi=half.hi,
        route=LINE,
        axis=axis.kind,
        confidence=half.confidence,
        n_tasks=half.n_tasks,
        p_none=0.0,
        reason=reason,
    )


def isotonic_half_point(means: LevelMeans, *, confidence: float = 0.90) -> CriticalComplexity:
    """Where the isotonic (non-increasing) mean of the logits of both splits crosses 0, with linear
    interpolation between level numbers.
    """
    id_side, ood_side = means.logits()
    numbers = np.asarray(means.levels, dtype=float)
    places, sides = crossing(numbers, falling((id_side + ood_side) / 2, means.n_tasks))
    return _from_draws(means, number_axis(means.levels, ""), ISOTONIC, places, sides, confidence)


def smooth_peak(
    means: LevelMeans, axis: LevelAxis, *, confidence: float = 0.90
) -> CriticalComplexity:
    """Where sigma(curve ID) - sigma(curve OOD) is largest: monotone cubics (PCHIP) through the
    isotonic (non-increasing) logits of each split.

    METHODS names the difference of the two curves. The paper calls the level with the largest
    *probability* gap critical, so the difference is taken on the probability scale. If levels share
    a position, level numbers are used instead.
    """
    used = (
        axis
        if axis.covers(means.levels) and axis.is_strict
        else number_axis(means.levels, "levels share a difficulty")
    )
    x = used.at(means.levels)
    grid = np.linspace(x[0], x[-1], _GRID)
    id_curve, ood_curve = (
        PchipInterpolator(x, falling(side, means.n_tasks), axis=1)(grid) for side in means.logits()
    )
    gap = expit(id_curve) - expit(ood_curve)
    best = gap.argmax(axis=1)
    coordinate = np.interp(grid, x, np.asarray(means.levels, dtype=float))
    has_peak = gap[np.arange(len(gap)), best] > 0
    places = np.where(has_peak, coordinate[best], np.nan)
    sides = (best == _GRID - 1).astype(int) - (best == 0)
    return _from_draws(means, used, SMOOTH, places, sides, confidence)


def _from_draws(
    means: LevelMeans,
    axis: LevelAxis,
    route: str,
    places: Floats,
    sides: NDArray[np.int64],
    confidence: float,
) -> CriticalComplexity:
    """Estimate from the first entry, interval from the others; `sides` is -1 or 1 where a place is
    censored.
    """
    drawn = ~np.isnan(places[1:])
    undefined = replace(
        _undefined(axis, confidence, int(means.n_tasks.sum()), "no gap above 0 between the levels"),
        route=route,
        p_none=float(1 - drawn.mean()),
    )
    level = float(places[0])
    if math.isnan(level):
        return undefined
    names = {-1: "left", 0: None, 1: "right"}
    estimate = replace(
        undefined, level=level, side=names[int(sides[0])], x=_position(axis, level), reason=None
    )
    if estimate.p_none > 1 - confidence:
        share = percent_of_draws(estimate.p_none)
        reason = f"not identified: {share} of resamples have no gap above 0"
        return replace(estimate, reason=reason)
    order = np.argsort(places[1:][drawn], kind="stable")
    tail = (1 - confidence) / 2
    first = order[int(tail * len(order))]
    last = order[min(len(order) - 1, math.ceil((1 - tail) * len(order)) - 1)]
    lo = min(float(places[1:][drawn][first]), level)
    hi = max(float(places[1:][drawn][last]), level)
    lo_side, hi_side = (names[int(sides[1:][drawn][at])] for at in (first, last))
    end = {"left": "at or below the first", "right": "at or above the last"}.get(lo_side or "")
    return replace(
        estimate,
        lo=lo,
        hi=hi,
        lo_side=lo_side,
        hi_side=hi_side,
        x_lo=_position(axis, lo),
        x_hi=_position(axis, hi),
        reason=f"censored: {end} level" if end and lo == hi else None,
    )


def _position(axis: LevelAxis, level: float) -> float:
    return float(np.interp(level, axis.levels, axis.positions))


def _undefined(axis: LevelAxis, confidence: float, n_tasks: int, why: str) -> CriticalComplexity:
    numbers = dict.fromkeys(("level", "lo", "hi", "x", "x_lo", "x_hi"), math.nan)
    return CriticalComplexity(
        **numbers,
        side=None,
        lo_side=None,
        hi_side=None,
        route=LINE,
        axis=axis.kind,
        confidence=confidence,
        n_tasks=n_tasks,
        p_none=0.0,
        reason=why,
    )


def falling(values: ArrayLike, weights: ArrayLike) -> Floats:
    """Weighted isotonic (non-increasing) least-squares fit along the last axis, for many rows.

    The i-th fitted value is the minimum over starts j <= i of the maximum over ends k >= i of the
    weighted mean of j..k.

    >>> falling([[3.0, 1.0, 2.0]], [1, 1, 1]).tolist()
    [[3.0, 1.5, 1.5]]
    """
    y, w = np.asarray(values, dtype=float), np.asarray(weights, dtype=float)
    length = y.shape[-1]
    sums = np.concatenate([np.zeros((*y.shape[:-1], 1)), np.cumsum(y * w, axis=-1)], axis=-1)
    total = np.concatenate([[0.0], np.cumsum(w)])
    fitted = np.empty_like(y)
    for i in range(length):
        block = [
            np.max(
                [
                    (sums[..., k + 1] - sums[..., j]) / (total[k + 1] - total[j])
                    for k in range(i, length)
                ],
                axis=0,
            )
            for j in range(i + 1)
        ]
        fitted[..., i] = np.min(block, axis=0)
    return fitted


def crossing(x: Floats, y: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Where non-increasing rows cross 0, by linear interpolation.

    A row that is 0 over a stretch crosses in its middle. A row that is entirely below (above) 0
    gives the first (last) x and the side -1 (1); all other rows have the side 0.

    >>> curves = np.array([[2.0, 1.0, -1.0], [-1.0, -2.0, -2.0], [3.0, 2.0, 1.0]])
    >>> places, sides = crossing(np.array([1.0, 2.0, 3.0]), curves)
    >>> places.tolist(), sides.tolist()
    ([2.5, 1.0, 3.0], [0, -1, 1])
    """
    n_above, n_not_below = (y > 0).sum(axis=-1), (y >= 0).sum(axis=-1)
    rows, last = np.arange(len(y)), len(x) - 1
    left = np.clip(n_above - 1, 0, last)
    right = np.clip(n_not_below, 0, last)
    upper, lower = y[rows, left], y[rows, right]
    touches = n_not_below > n_above  # the row is exactly 0 at some level
    middle = (x[np.clip(n_above, 0, last)] + x[np.clip(n_not_below - 1, 0, last)]) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        between = x[left] + (x[right] - x[left]) * upper / (upper - lower)
    sides = (n_above == len(x)).astype(int) - (n_not_below == 0)
    places = np.select([sides < 0, sides > 0, touches], [x[0], x[-1], middle], between)
    return places, sides
