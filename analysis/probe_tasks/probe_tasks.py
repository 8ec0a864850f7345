"""Complexity used on probe tasks, for every model and probe task with OOD answers (METHODS A4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.accuracy import DEFAULT_DENOMINATOR, OUTCOME_COLUMNS, accuracy_table, task_accuracies
from analysis.probe_tasks.probe_level import ProbeLevel, probe_level
from analysis.text import plain_value
from data.records import Denominator


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProbeReading:
    """Complexity that one model used on one probe task.

    accuracy, n  OOD, on the probe task. anchors  level, level_label, a_ood, n_tasks, n of the
    model's own anchor tasks, rising.
    level        the crossings, and how sure they are.
    """

    model: str
    task: str
    accuracy: float
    n: int
    anchors: pd.DataFrame
    level: ProbeLevel

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON: undefined numbers are None; an end of the interval beyond the
        levels is "below" or "above".
        """
        found = self.level
        return {
            "model": self.model,
            "task": self.task,
            "accuracy_ood": plain_value(self.accuracy),
            "n": self.n,
            "levels": list(found.crossings.levels),
            "censored": found.crossings.censored,
            "interval": [_end(found.lo), _end(found.hi)],
            "confidence": found.confidence,
            **plain_value(shares(found)),
            "n_draws": found.n_draws,
            "reason": found.reason or found.crossings.reason,
        }


def shares(found: ProbeLevel) -> dict[str, float]:
    """Shares of draws that need a word of their own."""
    return {
        name: float(getattr(found, name)) for name in ("p_below", "p_above", "p_several", "p_none")
    }


def _end(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return {-math.inf: "below", math.inf: "above"}.get(value, value)


def probe_readings(
    counts: pd.DataFrame,
    denominator: Denominator = DEFAULT_DENOMINATOR,
    *,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[ProbeReading, ...]:
    """Read every probe task of every model off that model's own level accuracies.

    Args:
        counts: level counts (docs/architecture.md) with role; rows of role "probe" are read, all
            with a level are the map. OOD only.

    Returns:
        one ProbeReading per model and probe task in the order of their names; none without
        probe-task answers.
    """
    if "role" not in counts or counts.empty:
        return ()
    is_ood = counts["split"].eq("ood").fillna(False).astype(bool)
    probes = counts.loc[is_ood & counts["role"].eq("probe").fillna(False).astype(bool)]
    if probes.empty:
        return ()
    pooled = probes.groupby(["model", "task"], as_index=False, sort=True)[
        list(OUTCOME_COLUMNS)
    ].sum()
    anchors = task_accuracies(
        counts.loc[is_ood & counts["model"].isin(pooled["model"])], denominator
    )
    found = []
    for row in accuracy_table(pooled, denominator).to_dict("records"):
        of_model = anchors.loc[(anchors["model"] == row["model"]) & anchors["accuracy"].notna()]
        levels = {int(level): group for level, group in of_model.groupby("level", sort=True)}
        tasks = [
            list(zip(group["accuracy"] * group["n"], group["n"], strict=True))
            for group in levels.values()
        ]
        share, n = float(row["accuracy"]), int(row["n"])
        found.append(
            ProbeReading(
                model=str(row["model"]),
                task=str(row["task"]),
                accuracy=share,
                n=n,
                anchors=_anchor_table(levels),
                level=probe_level(
                    tasks,
                    (share * n if n else 0.0, n),
                    numbers=list(levels),
                    seed=seed,
                    confidence=confidence,
                ),
            )
        )
    return tuple(found)


def _anchor_table(levels: dict[int, pd.DataFrame]) -> pd.DataFrame:
    rows = [
        (
            level,
            group["level_label"].iloc[0],
            float(group["accuracy"].mean()),
            len(group),
            int(group["n"].sum()),
        )
        for level, group in levels.items()
    ]
    return pd.DataFrame(rows, columns=["level", "level_label", "a_ood", "n_tasks", "n"])
