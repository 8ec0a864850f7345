"""How certain is the critical level? Resampled level gaps, the share of resamples in which each
level is the peak, and the smallest level set.

The unit is the task: tasks are resampled within their level, and the accuracy of each is drawn
again from the distribution given its answers.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.arrays import Floats, Ints

DEFAULT_RESAMPLES = 2000
LEVEL_SET_SHARE = 0.90


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCells:
    """Tasks with both splits, one entry each, sorted by level.

    level    level number.
    k_*, n_*  right answers, and answers in the denominator.
    fixed_*  whether a rule set the accuracy to 0 (it is then 0 in every resample).
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
        a_id, a_ood = (
            np.where(fixed, 0.0, k / np.where(fixed, 1.0, n))
            for k, n, fixed in (
                (self.k_id, self.n_id, self.fixed_id),
                (self.k_ood, self.n_ood, self.fixed_ood),
            )
        )
        return a_id, a_ood


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelDraws:
    """Resampled levels: one row per resample and one column per entry of `levels`.

    gaps         signed level gaps, a_id - a_ood.
    a_id, a_ood  accuracies; stretched like the gaps, so they may be slightly outside 0 to 1.
    n_tasks      tasks of each level; empty if unknown: `interval` then uses plain percentiles.
    """

    levels: tuple[int, ...]
    gaps: Floats
    a_id: Floats
    a_ood: Floats
    n_tasks: tuple[int, ...] = ()

    def interval(self, confidence: float) -> tuple[Floats, Floats]:
        """Expanded percentile interval of each level's signed gap, clipped to [-1, 1].

        Percentiles from few tasks correspond to normal quantiles, but t quantiles are needed. The
        tail probability is therefore the normal probability beyond the t quantile with 2 (T - 1)
        degrees of freedom, those of a difference of two means of T tasks: T = 3 uses the 0.3rd
        percentile instead of the 2.5th. A level with one task, where only the answers vary, uses
        plain percentiles.

        Source: Hesterberg 2015 (The American Statistician 69), expanded percentile interval; the
        degrees of freedom are ours. T - 1 would cover 98-99 % in simulations, because redrawn
        answers add variance that the spread of tasks already includes (docs/calibration.md).
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
        is above 0; they sum to 1.
        """
        some = self.gaps.max(axis=1) > 0
        peaks = np.bincount(self.gaps.argmax(axis=1)[some], minlength=len(self.levels))
        return peaks / len(self.gaps), float(1 - some.mean())


def resample_levels(
    cells: TaskCells, *, resamples: int = DEFAULT_RESAMPLES, seed: int = 0
) -> LevelDraws:
    """Draw level gaps: tasks with replacement within each level, and each accuracy from
    Beta(y + .5, n - y + .5).

    The variance of a resampled mean of T tasks is too small by a factor (T - 1) / T, so deviations
    from the observed level gap are stretched by sqrt(T / (T - 1)). With one task at a level, tasks
    cannot vary: only its answers do.

    Args:
        cells: at least one task. The order of tasks within a level must be fixed, so that the same
            seed gives the same numbers everywhere.
        resamples: number of rows to draw.
        seed: seed of `numpy.random.default_rng`.

    Coverage of intervals and sets in simulations: docs/calibration.md.
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
        p: probability of each level.
        p_none: probability that no level has a gap.
        share: probability to reach.

    Returns:
        positions of the chosen levels in increasing order, and whether "no critical level" is in
        the set.

    >>> smallest_set(np.array([0.2, 0.7, 0.05]), 0.05)
    ((0, 1), False)
    """
    outcomes = np.append(p, p_none)
    order = np.argsort(-outcomes, kind="stable")
    reached = np.cumsum(outcomes[order]) >= share - 1e-12
    count = int(reached.argmax()) + 1 if reached.any() else len(order)
    chosen = order[:count]
    return tuple(sorted(int(i) for i in chosen if i < len(p))), bool((chosen == len(p)).any())
