"""At which complexity does the gap peak, read between the levels? A level coordinate with its
interval, by the route that fits the data.

line      the log-odds gap is not seen to change: the gap then peaks where half the answers are
          right. A straight line through the tasks' mid-logits on the difficulty axis, Fieller's
          interval.
isotonic  the same without other models to take a difficulty axis from: the level means' mid-logits,
made not to rise, bootstrap interval.
smooth    the log-odds gap changes: half the answers right is then not where the gap peaks. Smooth
          curves through both splits' level means, and the largest difference between them,
          bootstrap interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.special import expit, logit

from analysis.log_odds.critical import CHANGE_P, HalfPoint
from analysis.text import percent_of_draws
from analysis.valley.difficulty import LevelAxis, number_axis
from analysis.valley.level_bootstrap import LevelDraws

Floats = NDArray[np.float64]

LINE, ISOTONIC, SMOOTH = "line", "isotonic", "smooth"
_GRID = 161


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalComplexity:
    """Where the gap peaks, as a level coordinate (2.4: between levels 2 and 3, nearer 2).

    level, lo, hi   estimate and interval, clamped to the levels; NaN when undefined (`reason` says
                    why).
    side, lo_side, hi_side  "left" or "right" where the value lies outside the levels and was
    clamped (censored): at or below the first
                    level, at or above the last; None inside.
    x, x_lo, x_hi   the same on the axis, not clamped (line only; else the positions of the level
                    coordinates).
    route           "line", "isotonic" or "smooth": see the module. axis  "difficulty" or "level
                    number".
    p_none          share of resamples in which no gap was above 0 (smooth only; else 0).
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
        """It has an estimate and an interval."""
        return not (math.isnan(self.level) or math.isnan(self.lo) or math.isnan(self.hi))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelMeans:
    """Level means of both splits and their resamples, for the levels that have both. n_tasks,
    n_answers (of one split) by level.
    """

    levels: tuple[int, ...]
    a_id: Floats
    a_ood: Floats
    n_tasks: Floats
    n_answers: Floats
    draws: LevelDraws

    def logits(self) -> tuple[Floats, Floats]:
        """Logits of both splits: the first row observed, the others resampled. Half an answer keeps
        them finite.
        """
        margin = 0.5 / np.maximum(self.n_answers, 1.0)
        id_side, ood_side = (
            np.vstack([self.a_id, self.draws.a_id]),
            np.vstack([self.a_ood, self.draws.a_ood]),
        )
        found: tuple[Floats, Floats] = (
            logit(np.clip(id_side, margin, 1 - margin)),
            logit(np.clip(ood_side, margin, 1 - margin)),
        )
        return found


def locate_complexity(
    means: LevelMeans | None,
    half: HalfPoint,
    axis: LevelAxis,
    *,
    slope_p: float,
    confidence: float = 0.90,
) -> CriticalComplexity:
    """Choose the route and follow it.

    Args:
        means: level means; None where no level has both splits.
        half: of the tasks' mid-logits on `axis`, for the route "line".
        slope_p: p of the constancy test; NaN (too few tasks to test) counts as constant.
        confidence: of the interval.

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
    """Read a half point and its Fieller interval as level coordinates."""
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
    """Where the mean of both splits' logits, made not to rise over the levels, crosses 0; straight
    lines between level numbers.
    """
    id_side, ood_side = means.logits()
    numbers = np.asarray(means.levels, dtype=float)
    places, sides = crossing(numbers, falling((id_side + ood_side) / 2, means.n_tasks))
    return _from_draws(means, number_axis(means.levels, ""), ISOTONIC, places, sides, confidence)


def smooth_peak(
    means: LevelMeans, axis: LevelAxis, *, confidence: float = 0.90
) -> CriticalComplexity:
    """Where sigma(curve ID) - sigma(curve OOD) is largest: monotone cubics (PCHIP) through both
    splits' logits, each made not to rise.

    METHODS names the difference of the two curves; what the paper calls critical is where the
    *probability* gap is largest, so the difference is taken after going back to probabilities.
    Levels that share a position are read by their numbers.
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
    sides = np.where(best == 0, -1, np.where(best == _GRID - 1, 1, 0))
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
    n_tasks = int(means.n_tasks.sum())
    drawn = ~np.isnan(places[1:])
    p_none = float(1 - drawn.mean())
    if math.isnan(places[0]):
        return _undefined(
            axis,
            confidence,
            n_tasks,
            "no gap above 0 between the levels",
            route=route,
            p_none=p_none,
        )
    names = {-1: "left", 0: None, 1: "right"}
    if p_none > 1 - confidence:
        lo, hi, lo_side, hi_side = math.nan, math.nan, None, None
        reason: str | None = (
            f"not identified: {percent_of_draws(p_none)} of resamples have no gap above 0"
        )
    else:
        order = np.argsort(places[1:][drawn], kind="stable")
        tail = (1 - confidence) / 2
        first, last = (
            order[int(tail * len(order))],
            order[min(len(order) - 1, math.ceil((1 - tail) * len(order)) - 1)],
        )
        lo, hi = (
            min(float(places[1:][drawn][first]), float(places[0])),
            max(float(places[1:][drawn][last]), float(places[0])),
        )
        lo_side, hi_side = (names[int(sides[1:][drawn][at])] for at in (first, last))
        whole = lo == hi and lo_side is not None
        reason = (
            f"censored: {'at or below the first' if lo_side == 'left' else 'at or above the last'}"
            " level"
            if whole
            else None
        )
    x, x_lo, x_hi = (
        float(np.interp(place, axis.levels, axis.positions)) for place in (places[0], lo, hi)
    )
    return CriticalComplexity(
        level=float(places[0]),
        lo=lo,
        hi=hi,
        side=names[int(sides[0])],
        lo_side=lo_side,
        hi_side=hi_side,
        x=x,
        x_lo=x_lo,
        x_hi=x_hi,
        route=route,
        axis=axis.kind,
        confidence=confidence,
        n_tasks=n_tasks,
        p_none=p_none,
        reason=reason,
    )


def _undefined(
    axis: LevelAxis,
    confidence: float,
    n_tasks: int,
    why: str,
    *,
    route: str = LINE,
    p_none: float = 0.0,
) -> CriticalComplexity:
    nan = math.nan
    return CriticalComplexity(
        level=nan,
        lo=nan,
        hi=nan,
        side=None,
        lo_side=None,
        hi_side=None,
        x=nan,
        x_lo=nan,
        x_hi=nan,
        route=route,
        axis=axis.kind,
        confidence=confidence,
        n_tasks=n_tasks,
        p_none=p_none,
        reason=why,
    )


def falling(values: ArrayLike, weights: ArrayLike) -> Floats:
    """Weighted least-squares fit that does not rise along the last axis, of many rows at once.

    The i-th fitted value is the smallest, over starts j <= i, of the largest weighted mean of j..k
    over ends k >= i.

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
    """Where rows that do not rise cross 0 by straight lines (the middle of a stretch at 0), and -1
    or 1 where all of a row is below or above 0: then the first or the last x.

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
    touches = n_not_below > n_above  # some level stands at exactly 0
    middle = (x[np.clip(n_above, 0, last)] + x[np.clip(n_not_below - 1, 0, last)]) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        between = x[left] + (x[right] - x[left]) * upper / (upper - lower)
    sides = np.where(n_not_below == 0, -1, np.where(n_above == len(x), 1, 0))
    return (
        np.where(sides < 0, x[0], np.where(sides > 0, x[-1], np.where(touches, middle, between))),
        sides,
    )
