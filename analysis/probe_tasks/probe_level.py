"""Which complexity does a model use on a probe task, one that can be solved at several? Read off
its own accuracies on levels.

A level's mean OOD accuracy on anchor tasks is a map from complexity to accuracy; the probe task's
OOD accuracy, put through the inverse of that map, is read as "complexity used". Source: arXiv
2410.01769, sec. 4.5 and Figure 9 (which reads it by eye). The map need not fall steadily, so there
may be several readings or none; all are given.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats

BELOW, ABOVE = "below", "above"
DEFAULT_DRAWS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossings:
    """Where a level map equals an accuracy.

    levels    all crossings, rising, in level numbers; a stretch where the map lies on the accuracy
              gives both its ends.
    censored  "below" when the accuracy is higher than anywhere on the map (complexity below the
    lowest level), "above" when it is lower
              than anywhere; None otherwise. The two sides are named for a map that falls with the
              level; `reason` says what was seen.
    reason    why there is no crossing; None with one.
    """

    levels: tuple[float, ...]
    censored: str | None
    reason: str | None


def find_crossings(
    levels: ArrayLike, level_accuracy: ArrayLike, probe_accuracy: float
) -> Crossings:
    """Find every level at which the straight lines between the levels' accuracies pass through the
    probe's accuracy.

    Args:
        levels: (L,) level numbers, any order, each once.
        level_accuracy: (L,) mean OOD accuracy on the anchor tasks of each level, 0-1; NaN where
            unknown: a hole that the map is not
            drawn across.
        probe_accuracy: OOD accuracy on the probe task, 0-1; NaN gives no crossing.

    Returns:
        Crossings, to within 1e-12 of accuracy.

    >>> find_crossings([1, 2, 3], [0.9, 0.5, 0.1], 0.3).levels
    (2.5,)
    """
    x, a = np.asarray(levels, dtype=float).ravel(), np.asarray(level_accuracy, dtype=float).ravel()
    if x.shape != a.shape or len(np.unique(x)) != len(x):
        raise ValueError(
            f"levels and accuracies must pair up and no level may repeat: found {x.tolist()} and"
            f" {a.tolist()}"
        )
    order = np.argsort(x)
    x, a = x[order], a[order]
    known = ~np.isnan(a)
    if math.isnan(probe_accuracy):
        return Crossings(levels=(), censored=None, reason="the probe task has no accuracy")
    if not known.any():
        return Crossings(levels=(), censored=None, reason="no level has an accuracy")
    off = np.where(np.abs(a - probe_accuracy) < 1e-12, 0.0, a - probe_accuracy)
    found = {float(place) for place in x[known & (off == 0)]}
    for left in np.flatnonzero(off[:-1] * off[1:] < 0):
        found.add(
            float(x[left] + (x[left + 1] - x[left]) * off[left] / (off[left] - off[left + 1]))
        )
    if found:
        return Crossings(levels=tuple(sorted(found)), censored=None, reason=None)
    if (off[known] < 0).all():
        return Crossings(
            levels=(),
            censored=BELOW,
            reason="the probe task is solved more often than the anchor tasks of any level",
        )
    if (off[known] > 0).all():
        return Crossings(
            levels=(),
            censored=ABOVE,
            reason="the probe task is solved less often than the anchor tasks of any level",
        )
    return Crossings(
        levels=(),
        censored=None,
        reason="the accuracy falls into a hole of the map: a level between has none",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeLevel:
    """Complexity used on one probe task, with its uncertainty.

    crossings    of the point estimates.
    lo, hi       ends of the interval of the lowest crossing over the draws; -inf or inf where the
                 end lies in the draws below the lowest or above the highest level; NaN when
                 undefined.
    p_below, p_above, p_several   shares of draws censored on either side, and with more than one
                                  crossing.
    p_none       share of draws that fell into a hole of the map.
    n_draws      0 when no draw was possible; then `reason` says why.
    """

    crossings: Crossings
    lo: float
    hi: float
    confidence: float
    p_below: float
    p_above: float
    p_several: float
    p_none: float
    n_draws: int
    reason: str | None


def probe_level(
    levels: Sequence[Sequence[tuple[float, float]]],
    probe: tuple[float, float],
    *,
    numbers: Sequence[int] | None = None,
    draws: int = DEFAULT_DRAWS,
    seed: int = 0,
    confidence: float = 0.95,
) -> ProbeLevel:
    """Estimate the complexity used on a probe task from the model's own levels, with an interval
    from resampled accuracies.

    Each accuracy is drawn from Beta(y + 1/2, n - y + 1/2) (Jeffreys); that of a level is the mean
    over its tasks. Tasks are taken as fixed, so the interval covers other instances of the same
    tasks, not other tasks.

    Args:
        levels: for each level the (right answers, answers) of its anchor tasks, OOD. A level
            without answers is a hole in the map.
        probe: (right answers, answers) of the probe task, OOD.
        numbers: level numbers; default 1, 2, ...

    Raises:
        ValueError: more right answers than answers, or a negative count.
    """
    places = np.array(numbers if numbers is not None else range(1, len(levels) + 1), dtype=float)
    tasks = [[pair for pair in level if pair[1] > 0] for level in levels]
    if not all(0 <= right <= n for right, n in (*itertools.chain(*tasks), probe)):
        raise ValueError("right answers lie between 0 and the number of answers")
    means = [
        float(np.mean([right / n for right, n in level])) if level else math.nan for level in tasks
    ]
    share = probe[0] / probe[1] if probe[1] else math.nan
    found = find_crossings(places, means, share)
    if math.isnan(share) or not any(tasks):
        empty = dict.fromkeys(("lo", "hi", "p_below", "p_above", "p_several", "p_none"), math.nan)
        return ProbeLevel(
            crossings=found, **empty, confidence=confidence, n_draws=0, reason=found.reason
        )
    random = np.random.default_rng(seed)
    maps = np.column_stack([_redraw_mean(random, level, draws) for level in tasks])
    lowest, several, hole = _lowest_crossings(places, maps, _redraw(random, *probe, draws))
    inside = np.sort(lowest[~hole])
    lo, hi = (_quantile(inside, tail) for tail in ((1 - confidence) / 2, (1 + confidence) / 2))
    return ProbeLevel(
        crossings=found,
        lo=lo,
        hi=hi,
        confidence=confidence,
        p_below=float((lowest == -np.inf).mean()),
        p_above=float((lowest == np.inf).mean()),
        p_several=float(several.mean()),
        p_none=float(hole.mean()),
        n_draws=draws,
        reason=None,
    )


def _redraw(random: np.random.Generator, right: float, n: float, draws: int) -> Floats:
    return np.asarray(random.beta(right + 0.5, n - right + 0.5, size=draws))


def _redraw_mean(
    random: np.random.Generator, tasks: Sequence[tuple[float, float]], draws: int
) -> Floats:
    if not tasks:
        return np.full(draws, np.nan)
    return np.asarray(
        np.mean([_redraw(random, right, n, draws) for right, n in tasks], axis=0), dtype=float
    )


def _quantile(rising: Floats, share: float) -> float:
    """The draw at this share: interpolating between infinite draws would be undefined."""
    return (
        float(rising[min(len(rising) - 1, math.floor(share * len(rising)))])
        if len(rising)
        else math.nan
    )


def _lowest_crossings(
    places: Floats, maps: Floats, probe: Floats
) -> tuple[Floats, np.ndarray[Any, np.dtype[np.bool_]], np.ndarray[Any, np.dtype[np.bool_]]]:
    """Per draw: the lowest crossing (-inf below, inf above), whether there are several, whether it
    fell into a hole.
    """
    order = np.argsort(places)
    places, off = places[order], maps[:, order] - probe[:, None]
    left, right = off[:, :-1], off[:, 1:]
    crosses = left * right < 0
    with np.errstate(invalid="ignore", divide="ignore"):
        at = places[:-1] + np.diff(places) * left / (left - right)
    lowest = np.where(crosses, at, np.inf).min(axis=1, initial=np.inf)
    n_crossings = crosses.sum(axis=1)
    known = ~np.isnan(off)
    is_below = (np.where(known, off, -1.0) < 0).all(axis=1)
    is_above = (np.where(known, off, 1.0) > 0).all(axis=1)
    lowest = np.where(is_below, -np.inf, np.where(is_above, np.inf, lowest))
    return lowest, n_crossings > 1, (n_crossings == 0) & ~is_below & ~is_above
