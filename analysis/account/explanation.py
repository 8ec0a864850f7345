"""What explains the gap of one model? A comparison of the accounts M0 to M4, the gaps under a
constant log-odds gap, and the power of the data.

The input is a `Valley` made from tasks. These estimates take a tenth of a second for each model,
which is too slow for every valley that is drawn.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.account.peak_power import PeakPower, peak_power
from analysis.arrays import Floats
from analysis.log_odds.constant_gap import ConstantGap, constant_gap_of_tasks
from analysis.log_odds.task_curves import CurveComparison, compare_curves
from analysis.text import plain_value
from analysis.valley.result import Valley
from data.records import NotEnoughDataError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaskPoints:
    """The tasks in the comparison: number and position of their level, and mid-logit (mean of the
    ID and OOD logits).
    """

    task: tuple[str, ...]
    level: tuple[int, ...]
    x: Floats
    mid_logit: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """The accounts of the gap of one model.

    levels    levels with tasks in both splits; `level_gaps` and `constant` have the same order.
    level_gaps  signed gap of each level.
    constant  gaps under a constant log-odds gap; None if its size cannot be estimated
              (`constant_reason`).
    """

    model: str
    levels: tuple[int, ...]
    level_gaps: Floats
    points: TaskPoints
    curves: CurveComparison
    power: PeakPower
    constant: ConstantGap | None
    constant_reason: str | None

    def as_record(self) -> dict[str, Any]:
        """The result as plain values for JSON: undefined numbers are None."""
        constant = asdict(self.constant) | {"levels": self.levels} if self.constant else None
        return {
            "curves": plain_value(self.curves.fits),
            "curves_n_cells": self.curves.n_cells,
            "curves_reason": self.curves.reason,
            "interior_peak_power": plain_value(self.power),
            "constant_penalty": plain_value(constant),
            "constant_penalty_reason": self.constant_reason,
        }


def explain_valley(valley: Valley, *, seed: int = 0) -> Explanation:
    """Compare accounts of the gap of one model from its tasks.

    Raises:
        NotEnoughDataError: the valley comes from published level means, or no task has both splits.
    """
    tasks = valley.tasks.loc[valley.tasks["log_odds_gap"].notna()]
    if valley.axis is None or valley.log_odds is None or not len(tasks):
        raise NotEnoughDataError(
            f"{valley.model} has no task with counted answers in both splits; what explains its gap"
            " cannot be asked of level means. Import results per task or per sample."
        )
    level = tasks["level"].to_numpy(dtype=int)
    x = valley.axis.at(level)
    k_id, n_id, k_ood, n_ood = (
        tasks[name].to_numpy(dtype=float)
        for name in ("n_correct_id", "n_id", "n_correct_ood", "n_ood")
    )
    levels, place = np.unique(level, return_inverse=True)
    gaps = tasks["gap_signed"].to_numpy(dtype=float)
    level_gaps = np.bincount(place, weights=gaps) / np.bincount(place)
    curves = compare_curves(level, x, k_id, n_id, k_ood, n_ood)
    mid = (
        np.log((k_id + 0.5) / (n_id - k_id + 0.5)) + np.log((k_ood + 0.5) / (n_ood - k_ood + 0.5))
    ) / 2
    constant, reason = valley.constant_gap, None
    if constant is None and valley.constancy is not None and valley.level_change is not None:
        tests = valley.log_odds, valley.constancy, valley.level_change
        constant, reason = constant_gap_of_tasks(
            tasks, x, *tests, confidence=valley.settings.confidence, seed=seed, curves=curves
        )
    return Explanation(
        model=valley.model,
        levels=tuple(int(number) for number in levels),
        level_gaps=level_gaps,
        points=TaskPoints(
            task=tuple(tasks["task"].astype(str)), level=tuple(level.tolist()), x=x, mid_logit=mid
        ),
        curves=curves,
        power=peak_power(gaps, level, seed=seed),
        constant=constant,
        constant_reason=reason,
    )
