"""Where does the ID-OOD gap peak, and how certain is that? One `Valley` per model from level
counts.

Level counts come from data.queries.fetch_task_counts, accuracies from analysis.accuracy;
ui.figures.valley draws the result. For published level means without samples,
analysis.valley.published returns the same `Valley`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.accuracy import (
    ITEM_INTERVAL,
    OUTCOME_COLUMNS,
    TASK_INTERVAL,
    check_counts,
    level_mean,
    task_accuracies,
)
from analysis.log_odds.constant_gap import constant_gap_of_tasks
from analysis.log_odds.critical import (
    CHANGE_P,
    constancy_test,
    half_point,
    interior_peak_test,
    level_change_test,
)
from analysis.log_odds.gap import LogOddsGap, combine_tasks
from analysis.text import counted, listed, number
from analysis.valley.complexity import LevelMeans, locate_complexity
from analysis.valley.difficulty import LevelAxis, number_axis
from analysis.valley.level_bootstrap import LevelDraws, TaskCells, resample_levels
from analysis.valley.result import (
    CURVE_COLUMNS,
    DEFAULT_SETTINGS,
    Evidence,
    Settings,
    Valley,
    assemble_valley,
)
from analysis.valley.task_gaps import TASK_COLUMNS, pair_splits
from data.records import NotEnoughDataError

__all__ = [
    "CURVE_COLUMNS",
    "DEFAULT_SETTINGS",
    "TASK_COLUMNS",
    "Settings",
    "Valley",
    "locate_valley",
    "locate_valleys",
    "pair_tasks",
    "valley_of",
]


def locate_valleys(
    counts: pd.DataFrame, settings: Settings = DEFAULT_SETTINGS, *, axis: LevelAxis | None = None
) -> tuple[Valley, ...]:
    """Locate the valley of every model that has answers with a level and a split, ordered by name.

    Each model is estimated separately: its numbers do not depend on other models (except through
    `axis`) or on the order of rows.

    Args:
        counts: level counts (docs/architecture.md): model, task, level, split, the four counts;
            level_label and role if known. Rows with role "probe", without a level or without a
            split are ignored.
        settings: denominator, interval, resamples, seed, penalty.
        axis: difficulties of the levels from all models (analysis.valley.difficulty). Level numbers
            are used if it is None or lacks a level of the model.

    Returns:
        one Valley per model; an empty tuple if no row has both a level and a split.

    Raises:
        NotEnoughDataError: a required column is missing, or a count is negative or unknown.
    """
    tasks = pair_tasks(counts, settings)
    models = sorted(tasks["model"].astype(str).unique())
    return tuple(valley_of(tasks, model, settings, axis=axis) for model in models)


def pair_tasks(counts: pd.DataFrame, settings: Settings = DEFAULT_SETTINGS) -> pd.DataFrame:
    """The tasks of all models with their splits paired (task_gaps.pair_splits), as the input of
    `valley_of`.

    Args:
        counts, settings: as in `locate_valleys`, which also lists the errors.

    Returns:
        one row per model, level and task; an empty table with only the column model if no row has
        both a level and a split.
    """
    cells = task_accuracies(counts, settings.denominator, confidence=settings.confidence)
    if cells.empty:
        return cells[["model"]]
    return pair_splits(cells, confidence=settings.confidence, penalty=settings.penalty)


def locate_valley(
    counts: pd.DataFrame,
    *,
    model: str | None = None,
    settings: Settings = DEFAULT_SETTINGS,
    axis: LevelAxis | None = None,
) -> Valley:
    """Locate the valley of one model; see `locate_valleys`.

    Args:
        counts: level counts.
        model: name of the model; optional if the counts contain a single model.
        settings, axis: as in `locate_valleys`.

    Raises:
        NotEnoughDataError: the model has no answers with a level and a split, or there are several
            models and `model` is None.
    """
    check_counts(counts, ("model", "level", "task", "split"))
    present = sorted(str(name) for name in counts["model"].dropna().unique())
    if model is None and len(present) != 1:
        raise NotEnoughDataError(
            f"The counts hold {len(present)} models, a valley belongs to one. Name one of:"
            f" {', '.join(present) or '-'}."
        )
    chosen = present[0] if model is None else model
    return valley_of(
        pair_tasks(counts.loc[counts["model"] == chosen], settings), chosen, settings, axis=axis
    )


def valley_of(
    tasks: pd.DataFrame,
    model: str,
    settings: Settings = DEFAULT_SETTINGS,
    *,
    axis: LevelAxis | None = None,
) -> Valley:
    """The valley of one model from the paired tasks of any number of models; see `pair_tasks` and
    `locate_valleys`.

    Raises:
        NotEnoughDataError: the model has no answers with a level and a split.
    """
    mine = tasks.loc[tasks["model"] == model]
    if mine.empty:
        present = sorted(tasks["model"].astype(str).unique())
        raise NotEnoughDataError(
            f"{model} has no answers with both a level and a split (id or ood). Models with such"
            f" answers: {', '.join(present) or 'none'}. Import results with levels, or choose a"
            " level scheme that covers their tasks."
        )
    return _locate(model, mine, settings, axis)


def _locate(model: str, tasks: pd.DataFrame, settings: Settings, axis: LevelAxis | None) -> Valley:
    paired = tasks.loc[tasks["gap_signed"].notna()]
    used = _axis_of(paired["level"].unique().tolist(), axis)
    x = used.at(paired["level"])
    log_odds = combine_tasks(
        paired["log_odds_gap"],
        paired["log_odds_var"],
        paired["gap_signed"],
        confidence=settings.confidence,
    )
    levels = [
        _level_row(level, group, log_odds, settings.confidence)
        for level, group in tasks.groupby("level", sort=True)
    ]
    curve = pd.DataFrame(levels)
    draws = (
        resample_levels(_cells(paired), resamples=settings.resamples, seed=settings.seed)
        if len(paired)
        else None
    )
    constancy = constancy_test(
        paired["log_odds_gap"], paired["log_odds_var"], x, confidence=settings.confidence
    )
    change = level_change_test(paired["log_odds_gap"], paired["log_odds_var"], paired["level"])
    half = half_point(paired["mid_logit"], x)
    counted = paired.loc[paired["log_odds_gap"].notna()]
    constant = None
    if min(constancy.p, 1.0 if math.isnan(change.p) else change.p) < CHANGE_P:
        at = used.at(counted["level"])
        constant, _ = constant_gap_of_tasks(
            counted,
            at,
            log_odds,
            constancy,
            change,
            confidence=settings.confidence,
            seed=settings.seed,
        )
    return assemble_valley(
        model,
        settings,
        curve=curve,
        tasks=tasks[list(TASK_COLUMNS)].reset_index(drop=True),
        draws=draws,
        evidence=Evidence(
            axis=used,
            complexity=locate_complexity(
                _level_means(curve, draws), half, used, slope_p=constancy.p
            ),
            log_odds=log_odds,
            constancy=constancy,
            level_change=change,
            half_point=half,
            interior_peak=interior_peak_test(paired["gap_signed"], paired["level"]),
            constant_gap=constant,
        ),
        warnings=_warnings(tasks, curve),
    )


def _axis_of(levels: list[int], axis: LevelAxis | None) -> LevelAxis:
    """The given axis if it has every level of the model; otherwise the level numbers, with the
    reason.
    """
    if axis is None:
        return number_axis(levels, "no other models were given to take difficulties from")
    if axis.covers(levels):
        return axis
    absent = ", ".join(f"level {level}" for level in sorted(set(levels) - set(axis.levels)))
    return number_axis(
        levels, axis.reason or f"the difficulty axis of the other models lacks {absent}"
    )


def _level_means(curve: pd.DataFrame, draws: LevelDraws | None) -> LevelMeans | None:
    if draws is None:
        return None
    rows = curve.loc[curve["level"].isin(draws.levels)]
    a_id, a_ood, n_tasks, n_id = (
        rows[name].to_numpy(dtype=float) for name in ("a_id", "a_ood", "n_tasks", "n_id")
    )
    return LevelMeans(
        levels=draws.levels, a_id=a_id, a_ood=a_ood, n_tasks=n_tasks, n_answers=n_id, draws=draws
    )


def _level_row(
    level: Any, tasks: pd.DataFrame, log_odds: LogOddsGap, confidence: float
) -> dict[str, Any]:
    """Means over the tasks with both splits; without such a task, the mean of each split and no
    gap.
    """
    paired = tasks.loc[tasks["gap_signed"].notna()]
    used = paired if len(paired) else tasks
    seen, unseen = (
        level_mean(used[f"a_{split}"], used[f"n_{split}"], confidence=confidence)
        for split in ("id", "ood")
    )
    row = {
        "level": int(level),
        "level_label": tasks["level_label"].iloc[0],
        "n_tasks": len(paired),
        "gap_signed": math.nan,
        "gap": math.nan,
        "score": math.nan,
        "n_id": seen.n,
        "n_ood": unseen.n,
        "n_unparsed": int(tasks["n_unparsed"].sum()),
        "n_error": int(tasks["n_error"].sum()),
        "interval": (
            TASK_INTERVAL if TASK_INTERVAL in (seen.interval, unseen.interval) else ITEM_INTERVAL
        ),
        "reason": (
            None if len(paired) else "no task of this level has both an ID and an OOD accuracy"
        ),
    }
    for name, mean in (("a_id", seen), ("a_ood", unseen)):
        row |= {name: mean.accuracy, f"{name}_lo": mean.lo, f"{name}_hi": mean.hi}
    if len(paired):
        signed = float(paired["gap_signed"].mean())
        row |= {
            "gap_signed": signed,
            "gap": max(0.0, signed),
            "score": float(paired["score"].mean()),
        }
    return row | _level_log_odds(paired, log_odds)


def _level_log_odds(tasks: pd.DataFrame, log_odds: LogOddsGap) -> dict[str, float]:
    """Mean log-odds gap of a level with weights 1 / (v + tau2); tau2 and the degrees of freedom
    come from all tasks of the model.
    """
    known = tasks.loc[tasks["log_odds_gap"].notna()]
    if log_odds.reason is not None or not len(known):
        return dict.fromkeys(("log_odds_gap", "log_odds_gap_lo", "log_odds_gap_hi"), math.nan)
    weights = 1 / (known["log_odds_var"].to_numpy() + log_odds.tau2)
    mean = float(np.average(known["log_odds_gap"], weights=weights))
    half = float(stats.t.isf((1 - log_odds.confidence) / 2, log_odds.n_tasks - 1)) / math.sqrt(
        float(weights.sum())
    )
    return {"log_odds_gap": mean, "log_odds_gap_lo": mean - half, "log_odds_gap_hi": mean + half}


def _cells(paired: pd.DataFrame) -> TaskCells:
    return TaskCells(
        level=paired["level"].to_numpy(dtype=np.int64),
        k_id=paired["n_correct_id"].to_numpy(dtype=float),
        n_id=paired["n_id"].to_numpy(dtype=float),
        k_ood=paired["n_correct_ood"].to_numpy(dtype=float),
        n_ood=paired["n_ood"].to_numpy(dtype=float),
        fixed_id=paired["is_by_rule_id"].to_numpy(dtype=bool),
        fixed_ood=paired["is_by_rule_ood"].to_numpy(dtype=bool),
    )


def _warnings(tasks: pd.DataFrame, curve: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    unpaired = tasks.loc[tasks["gap_signed"].isna(), "task"].tolist()
    if unpaired:
        notes.append(
            f"{counted(len(unpaired), 'task')} without both splits left out of the level means:"
            f" {listed(unpaired)}."
        )
    single = curve.loc[curve["n_tasks"] == 1, "level_label"].tolist()
    if single:
        notes.append(
            f"One task only at {listed(single)}: intervals there cover other instances of it,"
            " not other tasks."
        )
    n_answers = int(
        tasks[[f"{name}_{split}" for name in OUTCOME_COLUMNS for split in ("id", "ood")]]
        .to_numpy()
        .sum()
    )
    n_instances = int(tasks[["n_instances_id", "n_instances_ood"]].to_numpy().sum())
    if n_instances < n_answers:
        notes.append(
            f"Instances were asked {number(n_answers / n_instances, 1)} times on average: intervals"
            " of single tasks take their answers as independent and are too narrow; those over the"
            " tasks of a level are not."
        )
    aggregates = int(tasks["is_aggregate"].sum())
    if aggregates:
        notes.append(
            f"On {counted(aggregates, 'task')} only aggregate scores are known: unreadable answers"
            " cannot be told from wrong ones there."
        )
    pooled = int((tasks["n_runs"] > 1).sum())
    if pooled:
        notes.append(f"On {counted(pooled, 'task')} the answers of several runs are pooled.")
    ruled = int((tasks["is_by_rule_id"] | tasks["is_by_rule_ood"]).sum())
    if ruled:
        notes.append(
            f"On {counted(ruled, 'task')} the authors' rule set an accuracy to 0; these have no"
            " log-odds gap."
        )
    for column, text in (
        ("n_unparsed", "could not be parsed"),
        ("n_error", "ended in an error and count nowhere"),
    ):
        if total := int(tasks[column].sum()):
            notes.append(f"{total:,} of {n_answers:,} answers {text}.")
    return tuple(notes)
