"""Valleys from published numbers: level means give a valley with approximate uncertainty; scores
alone give bounds on the gap.

Published levels come from data.queries.fetch_level_scores. SCYLLA's Figure 5 reports ID and OOD
means, its Table 2 only the score S.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from analysis.accuracy import ITEM_INTERVAL, TASK_INTERVAL, mean_interval
from analysis.arrays import Floats
from analysis.log_odds.batched_fit import curve_design, fit_many
from analysis.log_odds.gap import log_odds_gap
from analysis.scylla import gap_bounds, gap_table
from analysis.text import plain_value
from analysis.valley.complexity import LevelMeans, isotonic_half_point
from analysis.valley.difficulty import number_axis
from analysis.valley.level_bootstrap import LevelDraws, TaskCells, resample_levels
from analysis.valley.result import (
    DEFAULT_SETTINGS,
    Evidence,
    MeansFit,
    Settings,
    Valley,
    assemble_valley,
)
from analysis.valley.task_gaps import TASK_COLUMNS
from data.records import NotEnoughDataError

NEEDED_COLUMNS = (
    "model",
    "run_id",
    "metric",
    "task",
    "level",
    "level_label",
    "split",
    "value",
    "n",
    "sd",
    "n_tasks",
    "n_per_task",
    "source",
)
BOUND_COLUMNS = ("level", "level_label", "score", "gap_lower", "gap_upper", "can_be_critical")
UNNAMED_SOURCE = "published figures"
PSEUDO_TASKS = (
    "P(level is critical) and the gap intervals come from pseudo-tasks spread as the published"
    " standard deviations, with the same tasks easy in both splits: approximate."
)
MEANS_ONLY = (
    "Score and log-odds gap are those of the level means; scores averaged over tasks differ, and"
    " the spread over tasks is not published."
)


def valleys_from_published(
    level_scores: pd.DataFrame, settings: Settings = DEFAULT_SETTINGS
) -> tuple[Valley, ...]:
    """Locate the valley of every model with published ID and OOD level means (SCYLLA Figure 5),
    ordered by name.

    Intervals of the means: t over tasks from the published sd, n_tasks - 1 degrees of freedom.
    P(critical) and gap intervals are approximate: they come from the level bootstrap on comonotone
    pseudo-tasks (the easiest task is the easiest in both splits) at mean +- sd in equal steps.

    Args:
        level_scores: published levels (docs/architecture.md). Only rows with metric "accuracy", a
            level, a split and no task are used.
        settings: as for counted samples; the denominator is that of the source and is not applied.

    Returns:
        one Valley per model and run with `source` "published"; `tasks` is empty, `log_odds` is None
        and log_odds_gap of a level has no interval. If sd, n_tasks or n_per_task is missing at some
        level, P(critical) is missing and there is a warning.

    Raises:
        NotEnoughDataError: a required column is missing.

    Source: arXiv 2410.01769 Figure 5. It does not state whether its sd uses n or n - 1; n - 1 is
    assumed.
    """
    _check_columns(level_scores)
    accuracies = level_scores.loc[
        (level_scores["metric"] == "accuracy")
        & level_scores["level"].notna()
        & level_scores["split"].isin(["id", "ood"])
        & level_scores["task"].isna()
    ]
    return tuple(
        _valley(str(model), group, settings)
        for (model, _), group in accuracies.groupby(["model", "run_id"], sort=True)
    )


def _check_columns(level_scores: pd.DataFrame) -> None:
    missing = [name for name in NEEDED_COLUMNS if name not in level_scores.columns]
    if missing:
        raise NotEnoughDataError(
            f"The published levels lack the columns {', '.join(missing)}. Needed:"
            f" {', '.join(NEEDED_COLUMNS)}. Take them from data.queries.fetch_level_scores."
        )


def _valley(model: str, scores: pd.DataFrame, settings: Settings) -> Valley:
    sides = _pair_levels(scores)
    rows = [_level_row(row, settings) for row in sides.to_dict("records")]
    curve = gap_table(pd.DataFrame(rows), penalty=settings.penalty)
    curve["reason"] = [
        None if known else "one split is not published" for known in curve["gap"].notna()
    ]
    paired = sides.loc[curve["gap"].notna()]
    draws = _resample(paired, settings)
    known = curve["log_odds_gap"].notna()
    warnings = [f"Published numbers ({_origin(scores)}), in the source's own denominator."] + (
        [MEANS_ONLY] if known.any() else []
    )
    if draws is not None:
        warnings.append(PSEUDO_TASKS)
    elif len(paired) > 1:
        warnings.append(
            "Without a standard deviation over tasks and the number of tasks at every level,"
            " P(level is critical) is unknown."
        )
    return assemble_valley(
        model,
        settings,
        curve=curve,
        tasks=pd.DataFrame(columns=list(TASK_COLUMNS)),
        draws=draws,
        evidence=_evidence(paired, curve, draws),
        warnings=tuple(warnings),
        origin=_origin(scores),
    )


def _evidence(paired: pd.DataFrame, curve: pd.DataFrame, draws: LevelDraws | None) -> Evidence:
    """Evidence from level means without tasks: where half the answers are right, and the gaps of a
    constant log-odds gap fitted to the means.
    """
    levels = [int(level) for level in paired["level"]]
    axis = number_axis(levels, "only level means are published")
    rows = curve.loc[curve["gap"].notna()]
    a_id, a_ood, n_tasks, n_id, n_ood = (
        rows[name].to_numpy(dtype=float) for name in ("a_id", "a_ood", "n_tasks", "n_id", "n_ood")
    )
    complexity = None
    if draws is not None and len(levels) > 1:
        means = LevelMeans(
            levels=draws.levels,
            a_id=a_id,
            a_ood=a_ood,
            n_tasks=n_tasks,
            n_answers=n_id,
            draws=draws,
        )
        complexity = isotonic_half_point(means)
    return Evidence(
        axis=axis, complexity=complexity, means_fit=_fit_means(levels, a_id, n_id, a_ood, n_ood)
    )


def _fit_means(
    levels: list[int], a_id: Floats, n_id: Floats, a_ood: Floats, n_ood: Floats
) -> MeansFit | None:
    """M3 by maximum likelihood on the counts that correspond to the means; None if the numbers of
    answers are unknown.
    """
    if len(levels) < 2 or (n_id <= 0).any() or (n_ood <= 0).any():
        return None
    fit = fit_many(
        curve_design(levels, "M3"),
        np.concatenate([a_id * n_id, a_ood * n_ood]),
        np.concatenate([n_id, n_ood]),
    )
    heights, delta = fit.coef[:-1], float(fit.coef[-1])
    gaps = expit(heights + delta / 2) - expit(heights - delta / 2)
    misses = np.abs(gaps - (a_id - a_ood))
    return MeansFit(
        delta=delta,
        levels=tuple(levels),
        gaps=tuple(float(gap) for gap in gaps),
        peak_level=levels[int(gaps.argmax())],
        worst_miss=float(misses.max()),
    )


def _origin(scores: pd.DataFrame) -> str:
    named = scores["source"].dropna().unique()
    return str(named[0]) if len(named) else UNNAMED_SOURCE


def _pair_levels(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per level, increasing, with value, sd, n, n_tasks and n_per_task of both splits; NaN
    if not published.
    """
    numbers = ["value", "sd", "n", "n_tasks", "n_per_task"]
    flat = scores.assign(
        level=scores["level"].astype(int),
        **{name: scores[name].astype("Float64").astype(float) for name in numbers},
    )
    labels = flat.groupby("level")["level_label"].first()
    flat = flat.drop_duplicates(["level", "split"]).set_index("level")
    wide = pd.DataFrame(index=labels.index)
    wide["level_label"] = [
        text if isinstance(text, str) else f"level {level}" for level, text in labels.items()
    ]
    for split in ("id", "ood"):
        wide = wide.join(flat.loc[flat["split"] == split, numbers].add_suffix(f"_{split}"))
    return wide.reset_index()


def _level_row(sides: dict[Any, Any], settings: Settings) -> dict[str, Any]:
    row: dict[str, Any] = {
        "level": int(sides["level"]),
        "level_label": sides["level_label"],
        "n_unparsed": math.nan,
        "n_error": math.nan,
    }
    answers, intervals = {}, set()
    for split in ("id", "ood"):
        mean, sd, n_tasks = sides[f"value_{split}"], sides[f"sd_{split}"], sides[f"n_tasks_{split}"]
        n = sides[f"n_{split}"]
        n = n if n > 0 else n_tasks * sides[f"n_per_task_{split}"]
        answers[split] = 0.0 if math.isnan(n) else float(n)
        tasks = 0 if math.isnan(n_tasks) else int(n_tasks)
        lo, hi, _, _ = mean_interval(
            mean, sd, tasks, answers[split], confidence=settings.confidence
        )
        row |= {
            f"a_{split}": mean,
            f"a_{split}_lo": lo,
            f"a_{split}_hi": hi,
            f"n_{split}": int(answers[split]),
        }
        intervals.add(TASK_INTERVAL if tasks > 1 and not math.isnan(sd) else ITEM_INTERVAL)
        row["n_tasks"] = max(row.get("n_tasks", 0), tasks)
    k_id, k_ood = (
        round(row[f"a_{split}"] * answers[split]) if row[f"a_{split}"] >= 0 else math.nan
        for split in ("id", "ood")
    )
    d, _ = log_odds_gap(k_id, answers["id"], k_ood, answers["ood"])
    row |= {"log_odds_gap": float(d), "log_odds_gap_lo": math.nan, "log_odds_gap_hi": math.nan}
    return row | {"interval": TASK_INTERVAL if TASK_INTERVAL in intervals else ITEM_INTERVAL}


def _resample(paired: pd.DataFrame, settings: Settings) -> LevelDraws | None:
    columns = [
        f"{name}_{split}" for name in ("sd", "n_tasks", "n_per_task") for split in ("id", "ood")
    ]
    if (
        not len(paired)
        or paired[columns].isna().to_numpy().any()
        or (paired[columns[2:]] < 1).to_numpy().any()
        or (paired["n_tasks_id"] != paired["n_tasks_ood"]).any()
        or (paired["n_tasks_id"] < 2).any()
    ):
        return None
    cells = [_pseudo_tasks(row) for row in paired.to_dict("records")]
    level, k_id, n_id, k_ood, n_ood = (np.concatenate(parts) for parts in zip(*cells, strict=True))
    never = np.zeros(len(level), dtype=bool)
    stacked = TaskCells(
        level=level.astype(np.int64),
        k_id=k_id,
        n_id=n_id,
        k_ood=k_ood,
        n_ood=n_ood,
        fixed_id=never,
        fixed_ood=never,
    )
    return resample_levels(stacked, resamples=settings.resamples, seed=settings.seed)


def _pseudo_tasks(row: dict[Any, Any]) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Counts of tasks in equal steps around the mean whose sd (n - 1) is the published one; clipped
    to valid counts.
    """
    n_tasks = int(row["n_tasks_id"])
    steps = np.arange(n_tasks) - (n_tasks - 1) / 2
    pattern = steps / steps.std(ddof=1)
    counts = []
    for split in ("id", "ood"):
        n = float(row[f"n_per_task_{split}"])
        share = np.clip(row[f"value_{split}"] + pattern * row[f"sd_{split}"], 0.0, 1.0)
        counts += [np.round(n * share), np.full(n_tasks, n)]
    return np.full(n_tasks, float(row["level"])), *counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreBounds:
    """Bounds on the gap of a model whose generalization scores alone are published.

    curve            one row per level, increasing: BOUND_COLUMNS. gap_lower and gap_upper are the
                     bounds on the gap of the level; NaN for a score outside [-1, 1].
                     can_be_critical: the bounds allow a gap above 0, and no other level necessarily
                     has a larger gap.
    possible_levels  levels that can be critical.
    published_level  critical level according to the source; None if the source has none.
    is_consistent    whether the published level is among the possible levels; None without one.
    """

    model: str
    origin: str
    curve: pd.DataFrame
    possible_levels: tuple[int, ...]
    published_level: int | None
    published_label: str | None
    is_consistent: bool | None

    def sentence(self) -> str:
        """A sentence about the bounds on the gap and the levels that can be critical."""
        labels = dict(zip(self.curve["level"], self.curve["level_label"], strict=True))
        total, n_possible = len(self.curve), len(self.possible_levels)
        names = ", ".join(str(labels[level]) for level in self.possible_levels)
        if not n_possible:
            said = "Only the score S is published; it leaves no level with a gap above 0."
        elif n_possible == total:
            said = (
                "Only the score S is published: it bounds the gap at each level, and by these"
                " bounds any level can be critical."
            )
        else:
            said = (
                f"Only the score S is published: by its bounds on the gap {n_possible} of {total}"
                f" levels can be critical ({names})."
            )
        if self.published_level is None:
            return said
        agrees = "agrees with" if self.is_consistent else "contradicts"
        return f"{said} The published critical level, {self.published_label}, {agrees} them."

    def as_record(self) -> dict[str, Any]:
        """The result as plain values for JSON: undefined numbers are None."""
        return {
            "model": self.model,
            "source": "published",
            "origin": self.origin,
            "critical_level": self.published_level,
            "critical_level_label": self.published_label,
            "possible_levels": list(self.possible_levels),
            "is_consistent": self.is_consistent,
            "levels": plain_value(self.curve),
            "sentence": self.sentence(),
        }


def score_bounds(level_scores: pd.DataFrame, *, penalty: float = 1.0) -> tuple[ScoreBounds, ...]:
    """Bound the gap of every model with published scores S (SCYLLA Table 2), ordered by name.

    A level can be critical if its upper bound is above 0 and not below the largest lower bound of
    all levels.

    Args:
        level_scores: published levels: metric "generalization_score" with a level and without a
            task, and "critical_level", whose value is a level number.
        penalty: weight of the gap in S, as in the source.

    Returns:
        one ScoreBounds per model and run.

    Raises:
        NotEnoughDataError: a required column is missing.

    Source: S = A_OOD - gap with A_OOD >= 0 and A_ID <= 1; see analysis.scylla.gap_bounds.
    """
    _check_columns(level_scores)
    of_level = level_scores.loc[
        (level_scores["metric"] == "generalization_score")
        & level_scores["level"].notna()
        & level_scores["task"].isna()
    ]
    marked = level_scores.loc[
        (level_scores["metric"] == "critical_level") & level_scores["value"].notna()
    ]
    return tuple(
        _bounds(
            str(model),
            group,
            marked.loc[(marked["model"] == model) & (marked["run_id"] == run)],
            penalty,
        )
        for (model, run), group in of_level.groupby(["model", "run_id"], sort=True)
    )


def _bounds(model: str, scores: pd.DataFrame, marked: pd.DataFrame, penalty: float) -> ScoreBounds:
    scores = scores.drop_duplicates("level").sort_values("level")
    levels = [int(level) for level in scores["level"]]
    labels = [
        text if isinstance(text, str) else f"level {level}"
        for text, level in zip(scores["level_label"], levels, strict=True)
    ]
    s = scores["value"].to_numpy(dtype=float)
    lower, upper = gap_bounds(s, penalty=penalty)
    floor = float(np.nanmax(lower)) if (~np.isnan(lower)).any() else math.nan
    possible = (upper > 0) & (upper >= floor)
    curve = pd.DataFrame(
        dict(zip(BOUND_COLUMNS, (levels, labels, s, lower, upper, possible), strict=True))
    )
    published = int(marked["value"].iloc[0]) if len(marked) else None
    return ScoreBounds(
        model=model,
        origin=_origin(scores),
        curve=curve,
        possible_levels=tuple(int(level) for level in curve.loc[possible, "level"]),
        published_level=published,
        published_label=(
            None
            if published is None
            else dict(zip(levels, labels, strict=True)).get(published, f"level {published}")
        ),
        is_consistent=(
            None if published is None else bool(published in curve.loc[possible, "level"].tolist())
        ),
    )
