"""Could these data show an interior peak? The power of the interior-peak test, and the number of
tasks it needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.arrays import Floats
from analysis.text import counted

ALPHA, TARGET = 0.05, 0.80
MOST_TASKS = 2000
"""The search for the number of tasks per level ends here."""
_REPLICATES = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakPower:
    """How often `interior_peak_test` would find an interior peak if the level gaps and the spread
    of tasks were exactly the observed ones.

    power         share of simulated repeats with p < alpha, with the tasks at hand; NaN when
                  undefined (see `reason`).
    tasks_needed  tasks per level, the same at each, for a power of `target`; None when the largest
                  observed gap is at an end, or when more than MOST_TASKS are needed.
    n_per_level   fewest and most tasks at hand per level.
    reason        why `power` or `tasks_needed` is undefined; None if both are defined.
    """

    power: float
    tasks_needed: int | None
    n_per_level: tuple[int, int]
    alpha: float
    target: float
    reason: str | None


def peak_power(
    gaps: ArrayLike,
    level: ArrayLike,
    *,
    alpha: float = ALPHA,
    target: float = TARGET,
    seed: int = 0,
) -> PeakPower:
    """Simulate the interior-peak test under the observed gaps.

    Each of 4,000 repeats draws the level means from normal distributions around the observed means,
    and the pooled variance from a scaled chi-square distribution.

    Args:
        gaps: signed gap of each task; NaN is left out.
        level: level of each task.

    Returns:
        a PeakPower. This is the power against the observed gaps, which are uncertain themselves:
        read it as the power for "a peak like this one".
    """
    g, numbers = np.asarray(gaps, dtype=float), np.asarray(level, dtype=int)
    g, numbers = g[~np.isnan(g)], numbers[~np.isnan(g)]
    levels, place, n = np.unique(numbers, return_inverse=True, return_counts=True)
    df = len(g) - len(levels)
    at_hand = (int(n.min()), int(n.max())) if len(n) else (0, 0)
    result = partial(PeakPower, n_per_level=at_hand, alpha=alpha, target=target)
    if len(levels) < 3 or df < 1:
        why = (
            f"{counted(len(g), 'task')} at {counted(len(levels), 'level')}; the test needs at least"
            " 3 levels and one task more than levels"
        )
        return result(power=math.nan, tasks_needed=None, reason=why)
    mu = np.bincount(place, weights=g) / n
    s2 = float(((g - mu[place]) ** 2).sum()) / df
    if s2 == 0:
        why = "the tasks of each level have the same gap"
        return result(power=math.nan, tasks_needed=None, reason=why)
    power = _power(mu, s2, n.astype(float), alpha, seed)
    if mu[1:-1].max() <= max(mu[0], mu[-1]):
        why = (
            "the largest gap seen is at the first or the last level, so no number of tasks would"
            " show a peak inside"
        )
        return result(power=power, tasks_needed=None, reason=why)
    needed = _tasks_needed(mu, s2, alpha, target, seed)
    return result(
        power=power,
        tasks_needed=needed,
        reason=None if needed else f"more than {MOST_TASKS:,} tasks per level",
    )


def _power(mu: Floats, s2: float, n: Floats, alpha: float, seed: int) -> float:
    """Share of repeats in which the gap of some inner level is significantly larger than those of
    both end levels. The same seed gives the same draws for every n.
    """
    rng = np.random.default_rng(seed)
    df = float(n.sum() - len(n))
    means = mu + rng.standard_normal((_REPLICATES, len(mu))) * np.sqrt(s2 / n)
    spread = np.sqrt(s2 * stats.chi2.ppf(rng.random(_REPLICATES), df) / df)
    inner = means[:, 1:-1]
    over_ends = [(inner - means[:, [end]]) / np.sqrt(1 / n[1:-1] + 1 / n[end]) for end in (0, -1)]
    t = np.minimum(*over_ends).max(axis=1) / spread
    return float((t > stats.t.isf(alpha / (len(mu) - 2), df)).mean())


def _tasks_needed(mu: Floats, s2: float, alpha: float, target: float, seed: int) -> int | None:
    """The fewest tasks per level with enough power, by doubling and then bisection."""

    def enough(n_tasks: int) -> bool:
        return _power(mu, s2, np.full(len(mu), float(n_tasks)), alpha, seed) >= target

    high = 2
    while not enough(high):
        high *= 2
        if high > MOST_TASKS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
