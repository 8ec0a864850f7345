"""Does growth break? Two straight lines against one, over all breaks, with a permutation test and
an interval for the break.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.text import counted

MIN_POINTS, MIN_SCALES = 3, 2
"""Fewest points of a segment, and of different scales in it."""
MAX_BREAKS = 60
"""Of more possible breaks so many are tried, evenly spread: long training curves hold hundreds."""
SURE = 0.05
"""Below this p one straight line is rejected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """Where two straight lines fit best, and whether one would do. All x in the unit given (log10
    of the scale, or the loss).

    x                middle between the neighbouring scales `left` and `right` that the break lies
                     between; NaN with a reason.
    x_lo, x_hi       95 % interval of the break from resampled residuals: ends are scales that were
                     seen.
    p                share of permutations of one line's residuals whose best break helps as much;
                     NaN when undefined.
    step             jump between the two lines at the break, score per unit; slope_below,
                     slope_above: per unit of x.
    rss_one, rss_two squared error of one line and of two.
    """

    x: float
    left: float
    right: float
    x_lo: float
    x_hi: float
    p: float
    step: float
    slope_below: float
    slope_above: float
    rss_one: float
    rss_two: float
    n: int
    reason: str | None


def find_change_point(
    x: ArrayLike, score: ArrayLike, *, resamples: int = 999, seed: int = 0, confidence: float = 0.95
) -> ChangePoint:
    """Search the break between two straight lines of score over x, and test it against one line.

    The statistic is the largest F-like ratio (rss_one - rss_two) / rss_two over all breaks that
    leave three points at two scales on either side. Its null distribution comes from permuting the
    residuals of one line (Freedman and Lane 1983), so the search over breaks is paid for. A
    rejected line says "not straight": a smooth bend is rejected too once there are enough points,
    so read it beside the weights of the forms.

    Args:
        x: (n,), any order, ties allowed (a break never divides a tie).
        score: (n,), no NaN.
        resamples: permutations, and residual resamples of the two-line fit for the interval.

    Edge cases: too few points or scales, a constant score: all NaN with the reason; a perfect line
    gives p = 1.
    """
    order = np.argsort(np.asarray(x, dtype=float), kind="stable")
    places, y = np.asarray(x, dtype=float)[order], np.asarray(score, dtype=float)[order]
    breaks = _breaks(places) if np.isfinite(places).all() and np.isfinite(y).all() else []
    reason = _why_not(places, y, breaks)
    if reason is not None:
        nan = math.nan
        return ChangePoint(
            x=nan,
            left=nan,
            right=nan,
            x_lo=nan,
            x_hi=nan,
            p=nan,
            step=nan,
            slope_below=nan,
            slope_above=nan,
            rss_one=nan,
            rss_two=nan,
            n=len(y),
            reason=reason,
        )
    whole = _orthonormal(places)
    halves = [(_orthonormal(places[:cut]), _orthonormal(places[cut:])) for cut in breaks]
    one = _rss(whole, y[:, None])
    two = _rss_two(halves, breaks, y[:, None])
    best = int(two[:, 0].argmin())
    rng = np.random.default_rng(seed)
    fitted = whole @ (whole.T @ y)
    p = (
        _permutation_p(rng, whole, halves, breaks, (y, fitted), resamples)
        if one[0] > 1e-20 * len(y)
        else 1.0
    )
    cut = breaks[best]
    lo, hi = _interval(rng, places, y, halves, (breaks, best), resamples, confidence)
    below, above = (
        np.polynomial.Polynomial.fit(places[part], y[part], 1)
        for part in (slice(None, cut), slice(cut, None))
    )
    middle = (places[cut - 1] + places[cut]) / 2
    return ChangePoint(
        x=float(middle),
        left=float(places[cut - 1]),
        right=float(places[cut]),
        x_lo=lo,
        x_hi=hi,
        p=p,
        step=float(above(middle) - below(middle)),
        slope_below=float(below.deriv()(middle)),
        slope_above=float(above.deriv()(middle)),
        rss_one=float(one[0]),
        rss_two=float(two[best, 0]),
        n=len(y),
        reason=None,
    )


def _breaks(x: Floats) -> list[int]:
    """Numbers of points left of each possible break."""
    cuts = [int(cut) for cut in np.flatnonzero(np.diff(x) > 0) + 1]
    fit = [
        cut
        for cut in cuts
        if min(cut, len(x) - cut) >= MIN_POINTS
        and min(len(np.unique(x[:cut])), len(np.unique(x[cut:]))) >= MIN_SCALES
    ]
    if len(fit) <= MAX_BREAKS:
        return fit
    return [
        fit[place]
        for place in np.unique(np.linspace(0, len(fit) - 1, MAX_BREAKS).round().astype(int))
    ]


def _why_not(x: Floats, y: Floats, breaks: list[int]) -> str | None:
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return "a scale or a score is undefined"
    if not breaks:
        seen = f"{counted(len(x), 'point')} at {counted(len(np.unique(x)), 'scale')}"
        return (
            f"{seen}; two segments need {MIN_POINTS} points at {MIN_SCALES} scales on either side"
        )
    if np.ptp(y) <= 1e-12 * max(1.0, float(np.abs(y).max())):
        return "the score is the same at every scale"
    return None


def _orthonormal(x: Floats) -> Floats:
    """Columns that span the straight lines over x, (n, 2)."""
    return np.asarray(np.linalg.qr(np.column_stack([np.ones_like(x), x - x.mean()]))[0])


def _rss(q: Floats, y: Floats) -> Floats:
    """Squared error of the columns' best combination, for each column of y: (m,). Centred first:
    squares of large numbers lose digits.
    """
    rest = y - q @ (q.T @ y)
    return np.asarray((rest**2).sum(axis=0))


def _rss_two(halves: list[tuple[Floats, Floats]], breaks: list[int], y: Floats) -> Floats:
    """(breaks, m)."""
    parts = zip(halves, breaks, strict=True)
    return np.array([_rss(left, y[:cut]) + _rss(right, y[cut:]) for (left, right), cut in parts])


def _permutation_p(
    rng: np.random.Generator,
    whole: Floats,
    halves: list[tuple[Floats, Floats]],
    breaks: list[int],
    line: tuple[Floats, Floats],
    resamples: int,
) -> float:
    y, fitted = line
    # Permuting bare residuals is enough: adding the line back changes no squared error of models
    # that contain it.
    drawn = rng.permuted(np.tile(y - fitted, (resamples, 1)), axis=1).T
    every = np.column_stack([y, drawn])
    one, two = _rss(whole, every), _rss_two(halves, breaks, every).min(axis=0)
    ratio = (one - two) / np.maximum(two, 1e-15 * np.maximum(one, 1e-300))
    return float((1 + (ratio[1:] >= ratio[0] * (1 - 1e-9)).sum()) / (1 + resamples))


def _interval(
    rng: np.random.Generator,
    x: Floats,
    y: Floats,
    halves: list[tuple[Floats, Floats]],
    found: tuple[list[int], int],
    resamples: int,
    confidence: float,
) -> tuple[float, float]:
    breaks, best = found
    cut, (left, right) = breaks[best], halves[best]
    fitted = np.concatenate([left @ (left.T @ y[:cut]), right @ (right.T @ y[cut:])])
    # Four parameters and a break were fitted: residuals are too small by this factor.
    residual = (y - fitted) * math.sqrt(len(y) / max(1, len(y) - 5))
    drawn = fitted[:, None] + residual[rng.integers(0, len(y), size=(len(y), resamples))]
    cuts = np.array(breaks)[_rss_two(halves, breaks, drawn).argmin(axis=0)]
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low = np.quantile(x[cuts - 1], tails[0], method="lower")
    high = np.quantile(x[cuts], tails[1], method="higher")
    return float(low), float(high)
