"""How sure is the critical level? Resampled level gaps, the share of resamples in which each level
is the peak, the smallest level set.

Tasks are resampled within their level (they are the unit) and the accuracy of each is redrawn from
its answers.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DEFAULT_RESAMPLES = 2000
LEVEL_SET_SHARE = 0.90


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCells:
    """Tasks with both splits, one entry each, sorted by level.

    level  number of the level.  k_*, n_*  right answers and answers in the denominator.
    fixed_*  the accuracy was set by a rule (then it is 0 in every resample).
    """

    level: Ints
    k_id: Floats
    n_id: Floats
    k_ood: Floats
    n_ood: Floats
    fixed_id: NDArray[np.bool_]
    fixed_ood: NDArray[np.bool_]

    def accuracies(self) -> tuple[Floats, Floats]:
        """Observed A_ID and A_OOD of each task."""
        a_id = np.where(self.fixed_id, 0.0, self.k_id / np.where(self.fixed_id, 1.0, self.n_id))
        a_ood = np.where(
            self.fixed_ood, 0.0, self.k_ood / np.where(self.fixed_ood, 1.0, self.n_ood)
        )
        return a_id, a_ood


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelDraws:
    """Resampled levels: one row per resample and one column per entry of `levels`.

    gaps         signed level gaps.
    a_id, a_ood  the accuracies whose difference they are; stretched like the gaps, so they may
    leave 0 to 1 a little.
    n_tasks      tasks behind each level; empty: not known, then `interval` takes plain percentiles.
    """

    levels: tuple[int, ...]
    gaps: Floats
    a_id: Floats
    a_ood: Floats
    n_tasks: tuple[int, ...] = ()

    def interval(self, confidence: float) -> tuple[Floats, Floats]:
        """Expanded percentile interval of each level's signed gap, clipped to [-1, 1].

        Percentiles of few tasks behave like normal quantiles where t is due. The tail is that which
        the normal has beyond t with 2 (T - 1) degrees of freedom, those of a difference of two
        means of T tasks: T = 3 reads the 0.3rd percentile instead of the 2.5th. A level with one
        task, whose answers alone vary, keeps plain percentiles.

        Source: Hesterberg 2015 (The American Statistician 69), expanded percentile interval; the
        degrees of freedom are ours. With T - 1 it covers 98-99 % in simulations, since redrawn
        answers add to a spread of tasks that holds theirs already (docs/calibration.md).
        """
        tail = np.full(len(self.levels), (1 - confidence) / 2)
        if self.n_tasks:
            df = 2.0 * (np.array(self.n_tasks) - 1)
            tail = np.where(
                df > 0, stats.norm.sf(stats.t.isf(tail, np.where(df > 0, df, 1.0))), tail
            )
        ends = [np.quantile(self.gaps[:, place], [one, 1 - one]) for place, one in enumerate(tail)]
        lo, hi = np.clip(np.transpose(ends), -1.0, 1.0)
        return lo, hi

    def p_critical(self) -> tuple[Floats, float]:
        """Share of resamples in which each level has the largest gap, and the share in which no gap
        is above 0; together 1.
        """
        some = self.gaps.max(axis=1) > 0
        peaks = np.bincount(self.gaps.argmax(axis=1)[some], minlength=len(self.levels))
        return peaks / len(self.gaps), float(1 - some.mean())


def resample_levels(
    cells: TaskCells, *, resamples: int = DEFAULT_RESAMPLES, seed: int = 0
) -> LevelDraws:
    """Draw level gaps: tasks with replacement within each level, each accuracy anew from Beta(y +
    .5, n - y + .5).

    A resampled mean of T tasks varies too little by a factor (T - 1) / T, so deviations from the
    observed level gap are stretched by sqrt(T / (T - 1)). A level with one task cannot show how
    tasks differ: only its answers vary there.

    Args:
        cells: at least one task; tasks of a level in a fixed order, for the same seed must give the
            same numbers everywhere.
        resamples: rows drawn.
        seed: of `numpy.random.default_rng`.

    How often intervals and sets hold the truth in simulations: docs/calibration.md.
    """
    rng = np.random.default_rng(seed)
    levels, starts = np.unique(cells.level, return_index=True)
    bounds = [*starts.tolist(), len(cells.level)]
    observed = cells.accuracies()
    draws = np.empty((2, resamples, len(levels)))
    for column, (first, end) in enumerate(itertools.pairwise(bounds)):
        n_tasks = end - first
        picked = rng.integers(first, end, size=(resamples, n_tasks))
        drawn = (
            _draw(rng, cells.k_id, cells.n_id, cells.fixed_id, picked),
            _draw(rng, cells.k_ood, cells.n_ood, cells.fixed_ood, picked),
        )
        stretch = math.sqrt(n_tasks / (n_tasks - 1)) if n_tasks > 1 else 1.0
        for side in (0, 1):
            centre = observed[side][first:end].mean()
            draws[side, :, column] = centre + stretch * (drawn[side].mean(axis=1) - centre)
    return LevelDraws(
        levels=tuple(int(level) for level in levels),
        gaps=draws[0] - draws[1],
        a_id=draws[0],
        a_ood=draws[1],
        n_tasks=tuple(int(n) for n in np.diff(bounds)),
    )


def _draw(
    rng: np.random.Generator, k: Floats, n: Floats, fixed: NDArray[np.bool_], picked: Ints
) -> Floats:
    drawn = rng.beta((k + 0.5)[picked], (n - k + 0.5)[picked])
    return np.where(fixed[picked], 0.0, drawn) if fixed.any() else drawn


def smallest_set(
    p: Floats, p_none: float, share: float = LEVEL_SET_SHARE
) -> tuple[tuple[int, ...], bool]:
    """Pick the fewest outcomes whose probabilities reach `share`.

    Args:
        p: probability of each level; p_none: that no level has a gap.

    Returns:
        positions of the chosen levels in rising order, and whether "no critical level" had to be
        taken in.

    >>> smallest_set(np.array([0.2, 0.7, 0.05]), 0.05)
    ((0, 1), False)
    """
    outcomes = np.append(p, p_none)
    order = np.argsort(-outcomes, kind="stable")
    reached = np.cumsum(outcomes[order]) >= share - 1e-12
    count = int(reached.argmax()) + 1 if reached.any() else len(order)
    chosen = order[:count]
    return tuple(sorted(int(i) for i in chosen if i < len(p))), bool((chosen == len(p)).any())
