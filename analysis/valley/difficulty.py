"""How hard is each level? A difficulty axis in logits, estimated from all models with results and
used to interpolate between levels.

Level numbers are an order, not a scale: the increase in difficulty from O([N,N^2]) to O([N^2,N^3])
may be much larger than from there to O([N^3,N^4]). The axis measures it with the models' results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from analysis.accuracy import DEFAULT_DENOMINATOR, task_accuracies
from analysis.arrays import Floats
from analysis.log_odds.critical import to_level
from analysis.log_odds.curves import fit_difficulty_axis
from analysis.text import counted
from data.records import Denominator

FEWEST_MODELS = 4
LEVEL_NUMBER, DIFFICULTY = "level number", "difficulty"


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelAxis:
    """Positions of the levels on the axis of fitted lines and half points.

    levels      level numbers, increasing.
    positions   position of each level, non-decreasing: difficulty in logits with the first level at
                0, or the level numbers if no axis could be fitted.
    kind        "difficulty" or "level number".
    n_models    number of models in the fit; 0 for level numbers.
    violations  neighbouring levels whose fitted order is reversed; they were pooled and share a
                position.
    deviance, df_resid  of the fit, at item level. A deviance far above the degrees of freedom means
                that models differ in which levels they find hard, so one axis for all is an
                approximation. NaN and 0 for level numbers.
    reason      None, or why level numbers are used.
    """

    levels: tuple[int, ...]
    positions: tuple[float, ...]
    kind: str
    n_models: int
    violations: tuple[tuple[int, int], ...]
    deviance: float
    df_resid: int
    reason: str | None

    @property
    def is_fitted(self) -> bool:
        """Whether the positions are difficulties, not level numbers."""
        return self.kind == DIFFICULTY

    @property
    def is_strict(self) -> bool:
        """Whether no two levels share a position."""
        return bool((np.diff(self.positions) > 0).all())

    def covers(self, levels: Sequence[int]) -> bool:
        """Whether all of these levels have a position."""
        return set(levels) <= set(self.levels)

    def at(self, level: ArrayLike) -> Floats:
        """Positions of levels that the axis covers."""
        place = np.searchsorted(self.levels, np.asarray(level, dtype=int))
        return np.asarray(np.asarray(self.positions)[place])

    def to_level(self, x: float) -> tuple[float, str | None]:
        """Convert a position to a level coordinate, with "left" or "right" if it is outside the
        levels; see analysis.log_odds.critical.to_level.
        """
        return to_level(x, self.positions, self.levels)


def number_axis(levels: Sequence[int], reason: str) -> LevelAxis:
    """An axis with the level numbers as positions."""
    numbers = tuple(sorted({int(level) for level in levels}))
    positions = tuple(float(level) for level in numbers)
    return LevelAxis(
        levels=numbers,
        positions=positions,
        kind=LEVEL_NUMBER,
        n_models=0,
        violations=(),
        deviance=float("nan"),
        df_resid=0,
        reason=reason,
    )


def difficulty_axis(
    counts: pd.DataFrame, denominator: Denominator = DEFAULT_DENOMINATOR
) -> LevelAxis:
    """Fit the difficulties of the levels to all models with both splits at every level, followed by
    isotonic (non-decreasing) regression.

    Rasch model with a split shift per model: logit p = ability_m - beta_l +- delta_m / 2, with beta
    of the first level 0. A model that is all right or all wrong in a split has no information about
    the order of levels and is left out.

    Args:
        counts: level counts of all models (docs/architecture.md). Only tasks with both splits are
            used; they are pooled by level.
        denominator: which answers count.

    Returns:
        a LevelAxis; with level numbers and a reason for fewer than four such models, or if at some
        level no answer of any model is right (or wrong).

    Source: METHODS B3 step 4. The fit assumes that all models answered the same tasks at each
    level; otherwise the axis is biased.
    """
    cells = task_accuracies(counts, denominator)
    cells = cells.loc[(cells["n"] > 0) & ~cells["is_by_rule"]]
    has_both = cells.groupby(["model", "level", "task"])["split"].transform("nunique") == 2
    cells = cells.loc[has_both]
    levels = [int(level) for level in sorted(cells["level"].unique())]
    if len(levels) < 2:
        return number_axis(levels, "fewer than two levels have results in both splits")
    k_id, n_id, k_ood, n_ood = (
        _by_model(cells, split, name, levels)
        for split in ("id", "ood")
        for name in ("n_correct", "n")
    )
    usable = ~np.isnan(k_id + k_ood).any(axis=1)
    for right, total in ((k_id, n_id), (k_ood, n_ood)):
        usable &= (right.sum(axis=1) > 0) & (right.sum(axis=1) < total.sum(axis=1))
    n_models = int(usable.sum())
    if n_models < FEWEST_MODELS:
        why = (
            f"{counted(n_models, 'model')} with both splits at every level, not all right or wrong;"
            f" an axis needs at least {FEWEST_MODELS}"
        )
        return number_axis(levels, why)
    k_id, n_id, k_ood, n_ood = (counts_of[usable] for counts_of in (k_id, n_id, k_ood, n_ood))
    level_right, level_total = (k_id + k_ood).sum(axis=0), (n_id + n_ood).sum(axis=0)
    if ((level_right == 0) | (level_right == level_total)).any():
        return number_axis(
            levels,
            "at some level every answer of every model is wrong, or right: how hard it is cannot be"
            " said",
        )
    fit = fit_difficulty_axis(k_id, k_ood, np.stack([n_id, n_ood]))
    beta = np.asarray(fit.beta)
    rising = isotonic_regression(beta, weights=level_total).x
    falls = [(levels[i], levels[i + 1]) for i in range(len(levels) - 1) if beta[i + 1] < beta[i]]
    return LevelAxis(
        levels=tuple(levels),
        positions=tuple(float(x) for x in rising - rising[0]),
        kind=DIFFICULTY,
        n_models=n_models,
        violations=tuple(falls),
        deviance=fit.deviance,
        df_resid=fit.df_resid,
        reason=None,
    )


def _by_model(cells: pd.DataFrame, split: str, name: str, levels: Sequence[int]) -> Floats:
    """One row per model and one column per level; NaN where a model has no answers."""
    models = sorted(cells["model"].unique())
    table = cells.loc[cells["split"] == split].pivot_table(
        index="model", columns="level", values=name, aggfunc="sum"
    )
    return table.reindex(index=models, columns=list(levels)).to_numpy(dtype=float)
