"""How much accuracy does each task lose from ID to OOD? One row per model, level and task from task
accuracies.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from analysis.log_odds.gap import empirical_logit, log_odds_gap
from analysis.scylla import gap_table

ESTIMATE_COLUMNS = (
    *(
        "a_id",
        "a_id_lo",
        "a_id_hi",
        "a_ood",
        "a_ood_lo",
        "a_ood_hi",
        "gap_signed",
        "gap",
        "gap_lo",
        "gap_hi",
        "score",
    ),
    *("log_odds_gap", "log_odds_gap_lo", "log_odds_gap_hi"),
)
"""Estimates for a task and for a level."""
TASK_COLUMNS = (
    *(
        "level",
        "level_label",
        "task",
        *ESTIMATE_COLUMNS,
        "n_id",
        "n_ood",
        "n_correct_id",
        "n_correct_ood",
    ),
    *("n_unparsed", "n_error", "n_runs", "reason"),
)


def pair_splits(cells: pd.DataFrame, *, confidence: float, penalty: float) -> pd.DataFrame:
    """Pair the ID and OOD accuracies of each task, with gap, score and log-odds gap.

    Args:
        cells: result of `task_accuracies` for any number of models.
        confidence: level of the intervals: Wilson (from `cells`), Newcombe for the gap, normal for
            the log-odds gap.
        penalty: weight of the gap in the score.

    Returns:
        one row per model, level and task, in increasing order: model, TASK_COLUMNS, log_odds_var,
        mid_logit, is_by_rule_id, is_by_rule_ood, is_aggregate, and the counts per split. A split
        without answers is NaN (see `reason`).
    """
    keys = ["model", "level", "level_label", "task"]
    labels = cells.groupby("level")["level_label"].first()
    cells = cells.assign(level_label=cells["level"].map(labels))
    sides = {
        split: cells.loc[cells["split"] == split].drop(columns="split") for split in ("id", "ood")
    }
    both = sides["id"].merge(
        sides["ood"], on=keys, how="outer", suffixes=("_id", "_ood"), sort=True
    )
    counted = [name for name in map(str, both.columns) if name.startswith(("n_", "is_"))]
    both = both.assign(**{name: both[name].astype(float).fillna(0.0) for name in counted})
    both = both.rename(
        columns={
            f"accuracy{end}_{split}": f"a_{split}{end}"
            for end in ("", "_lo", "_hi")
            for split in ("id", "ood")
        }
    )
    both = gap_table(both, penalty=penalty)
    for split in ("id", "ood"):
        both[f"is_by_rule_{split}"] = both[f"is_by_rule_{split}"] > 0
        both[f"n_{split}"] = both[f"n_{split}"].astype(int)
    both["n_unparsed"] = (both["n_unparsed_id"] + both["n_unparsed_ood"]).astype(int)
    both["n_error"] = (both["n_error_id"] + both["n_error_ood"]).astype(int)
    both["n_runs"] = both[["n_runs_id", "n_runs_ood"]].max(axis=1).astype(int)
    both["is_aggregate"] = both[["is_aggregate_id", "is_aggregate_ood"]].max(axis=1) > 0
    both["reason"] = _task_reasons(both)
    return _with_task_intervals(both, confidence)


def _task_reasons(both: pd.DataFrame) -> list[str | None]:
    sides = []
    for split in ("id", "ood"):
        reasons = both[f"reason_{split}"].where(both[f"n_runs_{split}"] > 0, "no answers")
        sides.append(
            [f"{split.upper()}: {text}" if isinstance(text, str) else None for text in reasons]
        )
    return ["; ".join(note for note in notes if note) or None for notes in zip(*sides, strict=True)]


def _with_task_intervals(tasks: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Newcombe's interval of the gap from the two Wilson intervals, and the log-odds gap with a
    normal interval.
    """
    gap = tasks["gap_signed"]
    below = np.hypot(tasks["a_id"] - tasks["a_id_lo"], tasks["a_ood_hi"] - tasks["a_ood"])
    above = np.hypot(tasks["a_id_hi"] - tasks["a_id"], tasks["a_ood"] - tasks["a_ood_lo"])
    n_id, n_ood = (
        tasks[f"n_{split}"].where(~tasks[f"is_by_rule_{split}"], 0) for split in ("id", "ood")
    )
    d, variance = log_odds_gap(tasks["n_correct_id"], n_id, tasks["n_correct_ood"], n_ood)
    half = float(stats.norm.isf((1 - confidence) / 2)) * np.sqrt(variance)
    return tasks.assign(
        gap_lo=gap - below,
        gap_hi=gap + above,
        log_odds_gap=d,
        log_odds_gap_lo=d - half,
        log_odds_gap_hi=d + half,
        log_odds_var=variance,
        mid_logit=(
            empirical_logit(tasks["n_correct_id"], n_id)[0]
            + empirical_logit(tasks["n_correct_ood"], n_ood)[0]
        )
        / 2,
    )
