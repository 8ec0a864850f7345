"""Scores over scale as one series: the runs, the uncertainty of each score, and resamples of the
series with its noise.

The input are tables of data.queries.scales; analysis.emergence.studying analyses the series.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.accuracy import OUTCOME_COLUMNS, accuracy_table, mean_interval
from analysis.arrays import Floats
from analysis.text import counted
from data.records import Denominator

AXES = {
    "parameters": "n_params",
    "FLOPs": "train_flops",
    "tokens": "train_tokens",
    "step": "step",
    "loss": "loss",
}
"""Names of the axes, and their columns of data.queries.fetch_scales."""
NO_FAMILY = "no family"
TRAINING_AXES = ("tokens", "step")
"""Axes along which one model grows: each model is a line of its own."""
LOGARITHMS = ("ppl", "perplexity", "word_perplexity", "byte_perplexity")
"""Metrics that are the exponential of a loss: read as minus their logarithm."""
RESAMPLES = 400
Z_95 = 1.959964
FROM_ERROR = "95 %, from the standard error over instances"
SE_ROUNDING = 0.1
"""How far the square of a stated standard error may lie from that of a coin for rounding alone."""
COMMON_SHARE = 0.9
"""A task that fewer of the points have is left out of a mean over tasks; then points that lack one
of the others are.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which scores to put over which scale."""

    axis: str = "parameters"
    tasks: tuple[str, ...] = ()
    """Empty: all tasks. Several are averaged, each counting the same, over the tasks that the
    points share.
    """
    level: int | None = None
    split: str | None = None
    reading: str | None = None
    every_checkpoint: bool = False
    """Else only the last checkpoint of each model. Training axes always take every one."""
    line: str | None = None
    """Family (or on a training axis model) whose points are taken; None: all."""
    denominator: Denominator = Denominator.UNPARSED_IS_WRONG


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """The parts whose means are the points of a series: matrices with one row per part (task,
    level, split, reading) and one column per point.

    names    names of the rows.
    points   names of the columns (model and step).
    runs     run of every cell.
    counted  whether value is a share of n answers that are right or wrong: the noise is then
             binomial, otherwise normal with se.
    """

    names: tuple[str, ...]
    points: tuple[str, ...]
    runs: NDArray[np.object_]
    value: Floats
    n: Floats
    se: Floats
    counted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Scores over scale, sorted by scale.

    points   model, family, line, run_id, checkpoint, step, scale (as on the axis), x (what is
             fitted: log10 of the scale, or minus the loss), y, lo, hi (95 %), se, n (answers),
             n_tasks, upper_if_zero (largest success rate that a zero leaves possible; NaN unless
             0).
    draws    (RESAMPLES, points): the series with its noise drawn anew; None with a reason when a
             point has neither n nor standard error.
    parts    the parts whose means are the points; None without points.
    interval the kind of interval of lo and hi, in words.
    """

    metric: str
    wanted: Wanted
    points: pd.DataFrame
    is_share: bool
    draws: Floats | None
    interval: str
    notes: tuple[str, ...] = ()
    loss_name: str | None = None
    lines: tuple[str, ...] = field(default=())
    parts: Parts | None = None

    @property
    def n_scales(self) -> int:
        """Number of different scales."""
        return int(self.points["x"].nunique())


def gather(
    scales: pd.DataFrame,
    values: pd.DataFrame,
    metric: str,
    wanted: Wanted,
    *,
    draw: bool = True,
    seed: int = 0,
) -> Series:
    """Put one metric of many runs over a scale.

    Args:
        scales: data.queries.fetch_scales.
        values: data.queries.fetch_scale_values of `metric`.
        metric: its name; perplexities become minus their logarithm.
        wanted: axis, tasks, level, split, reading, checkpoints, line.
        draw: whether to resample the series for intervals; not needed if it is only displayed.

    Returns:
        a Series; without points if no run matches (the notes list the runs left out).

    One task: Wilson interval where answers are right or wrong and n is known, else the standard
    error over instances (`has_fractions`). Several: t interval over the tasks, never narrower than
    that over instances. Draws resample the tasks (the same for every point, since they are the same
    tasks) and the answers within each.
    """
    notes: list[str] = []
    rows = _rows(scales, values, metric, wanted, notes)
    loss_name = None
    if wanted.axis == "loss" and len(rows):
        rows, loss_name = _one_loss(rows, notes)
    rows = _one_per_point(rows, notes)
    points, by_task = _points(rows, wanted, notes)
    is_share = bool(len(rows)) and bool(rows["is_share"].all())
    lines = tuple(rows["line"].drop_duplicates()) if len(rows) else ()
    if not len(points):
        return Series(
            metric=metric,
            wanted=wanted,
            points=points,
            is_share=is_share,
            draws=None,
            interval="",
            notes=tuple(notes),
            lines=lines,
        )
    interval = _intervals(points, by_task, is_share)
    parts = _parts(points, by_task, is_share)
    draws = _draws(parts, seed) if draw else None
    if draws is None and draw:
        notes.append(
            "some scores have neither a number of answers nor a standard error, so nothing can be"
            " drawn anew"
        )
    return Series(
        metric=metric,
        wanted=wanted,
        points=points,
        is_share=is_share,
        draws=draws,
        interval=interval,
        notes=tuple(notes),
        loss_name=loss_name,
        lines=lines,
        parts=parts,
    )


POINT_COLUMNS = (
    "model",
    "family",
    "line",
    "run_id",
    "checkpoint",
    "step",
    "scale",
    "x",
    "y",
    "lo",
    "hi",
    "se",
    "n",
    "n_tasks",
    "upper_if_zero",
)


def _rows(
    scales: pd.DataFrame, values: pd.DataFrame, metric: str, wanted: Wanted, notes: list[str]
) -> pd.DataFrame:
    """Scores with their scale, one row per run and task: filtered, valued, oriented upwards."""
    kept = values
    if wanted.tasks:
        kept = kept[kept["task"].isin(wanted.tasks)]
    if wanted.level is not None:
        kept = kept[kept["level"].eq(wanted.level).fillna(False).astype(bool)]
    if wanted.split is not None:
        kept = kept[kept["split"] == wanted.split]
    if wanted.reading is not None:
        kept = kept[kept["reading"] == wanted.reading]
    rows = kept.merge(scales, on="run_id", how="inner", validate="many_to_one")
    if not wanted.every_checkpoint and wanted.axis not in TRAINING_AXES:
        rows = rows[rows["is_last"].astype(bool)]
    line = (
        rows["model"]
        if wanted.axis in TRAINING_AXES
        else rows["family"].where(rows["family"].notna(), NO_FAMILY)
    )
    rows = rows.assign(
        line=line.astype(str),
        scale=pd.to_numeric(rows[AXES[wanted.axis]], errors="coerce").astype(float),
    )
    if wanted.line is not None:
        rows = rows[rows["line"] == wanted.line]
    placed = rows["scale"].notna() & (rows["scale"] > 0)
    if n := rows.loc[~placed, "model"].nunique():
        notes.append(
            f"runs of {counted(n, 'model')} are left out: their {wanted.axis} are unknown or 0"
        )
    rows = rows[placed]
    return _valued(rows, metric, wanted.denominator, notes)


def _valued(
    rows: pd.DataFrame, metric: str, denominator: Denominator, notes: list[str]
) -> pd.DataFrame:
    """Fill value and n from counts, and turn metrics where less is better round.

    Answers to one instance are no independent ones: where it was asked several times, n is the
    number of instances, which makes intervals wider than need be and never too narrow (METHODS D2:
    the mean over instances of their means varies no more than that).
    """
    counted = rows["n_correct"].notna()
    value, n, se = (rows[name].to_numpy(dtype=float, copy=True) for name in ("value", "n", "se"))
    if counted.any():
        table = accuracy_table(rows.loc[counted, list(OUTCOME_COLUMNS)].astype(int), denominator)
        asked = rows.loc[counted, "n_instances"].to_numpy(dtype=float, na_value=np.inf)
        value[counted], n[counted] = table["accuracy"], np.fmin(table["n"], asked)
        if (asked < table["n"]).any():
            notes.append("instances were asked several times: n counts instances, not answers")
    if metric in LOGARITHMS:
        with np.errstate(divide="ignore", invalid="ignore"):
            se, value = se / value, -np.log(value)
    elif metric in ("bits_per_byte", "loss", "nll", "cross_entropy"):
        value = -value
    valued: pd.DataFrame = rows.assign(value=value, n=n, se=se)[np.isfinite(value)]
    return valued


def _one_loss(rows: pd.DataFrame, notes: list[str]) -> tuple[pd.DataFrame, str]:
    """Losses of one name only: those of different corpora or tokenisers are no common axis."""
    names = (
        rows.groupby("loss_name")["run_id"].nunique().sort_values(ascending=False, kind="stable")
    )
    name = str(names.index[0])
    if len(names) > 1:
        notes.append(
            f"losses of other kinds are left out ({', '.join(map(str, names.index[1:4]))}): only"
            f" {name} is drawn"
        )
    return rows[rows["loss_name"] == name], name


def _one_per_point(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """A point is a model at a checkpoint. Several runs may fill it with different tasks; of one
    task stated twice the first counts.
    """
    rows = rows.assign(
        point=rows["model"].astype(str) + "\x00" + rows["step"].astype("string").fillna("")
    )
    # Loss is a run's own, so two runs at one checkpoint may differ in the last digit.
    rows["scale"] = rows.groupby("point")["scale"].transform("first")
    key = ["point", "task", "level", "split", "reading"]
    again = rows.duplicated(key, keep="first")
    if again.any():
        notes.append(
            f"{counted(int(again.sum()), 'score')} stated twice for one model, checkpoint and task:"
            " the first counts"
        )
    rows = rows[~again]
    several = rows.duplicated(["point", "task"], keep=False)
    if several.any():
        notes.append(
            "levels, splits or readings of a task are averaged; choose one to keep them apart"
        )
    return rows


def part_names(rows: pd.DataFrame) -> pd.Series[str]:
    """Which part of a mean each row is: its task with level, split and reading."""
    words = rows[["task", "level", "split", "reading"]].astype("string").fillna("")
    return words["task"].str.cat(words[["level", "split", "reading"]], sep="\x00")


def _parts(points: pd.DataFrame, by_task: Mapping[str, Any], is_share: bool) -> Parts:
    value, n, se = by_task["value"], by_task["n"], by_task["se"]
    counted = (
        is_share
        & np.isfinite(n)
        & (n > 0)
        & (value >= 0)
        & (value <= 1)
        & ~has_fractions(value, n, se)
    )
    keys = points["model"].astype(str) + "\x00" + points["step"].astype("string").fillna("")
    return Parts(
        names=by_task["names"],
        points=tuple(keys),
        runs=by_task["run_id"],
        value=value,
        n=n,
        se=se,
        counted=counted,
    )


def _points(
    rows: pd.DataFrame, wanted: Wanted, notes: list[str]
) -> tuple[pd.DataFrame, Mapping[str, Any]]:
    """One row per point, and per-part matrices (parts, points) of value, n, se. A part is a task
    (with its level, split, reading).
    """
    if rows.empty:
        return pd.DataFrame(columns=list(POINT_COLUMNS)), {}
    rows = rows.assign(part=part_names(rows))
    n_points = rows["point"].nunique()
    shares = rows.groupby("part")["point"].nunique() / n_points
    common = shares.index[shares >= min(COMMON_SHARE, shares.max())]
    if len(common) < len(shares):
        notes.append(
            f"left out of the mean: {counted(len(shares) - len(common), 'task')} that many points"
            " lack"
        )
    kept = rows[rows["part"].isin(common)]
    complete = kept.groupby("point")["part"].nunique() == len(common)
    if not complete.all():
        notes.append(
            f"left out: {counted(int((~complete).sum()), 'point')} without a task of the mean"
        )
    kept = kept[kept["point"].isin(complete.index[complete])]
    if kept.empty:
        return pd.DataFrame(columns=list(POINT_COLUMNS)), {}
    first = kept.drop_duplicates("point").set_index("point")
    tables = {
        name: kept.pivot(index="part", columns="point", values=name)
        for name in ("value", "n", "se", "run_id")
    }
    by_task = {
        name: table.to_numpy(dtype=object if name == "run_id" else float)
        for name, table in tables.items()
    }
    points = first.loc[sorted(first.index)]
    points = points.assign(
        x=-points["scale"] if wanted.axis == "loss" else np.log10(points["scale"]),
        n_tasks=len(common),
    )
    order = np.lexsort((points.index.to_numpy(dtype=str), points["x"].to_numpy()))
    by_task = {name: matrix[:, order] for name, matrix in by_task.items()}
    points = points.iloc[order].reset_index(drop=True)
    points = points.assign(
        y=by_task["value"].mean(axis=0), n=by_task["n"].sum(axis=0), lo=np.nan, hi=np.nan, se=np.nan
    )
    upper = np.where(
        (points["y"] == 0) & (points["n"] > 0),
        -np.expm1(math.log(0.05) / points["n"].where(points["n"] > 0)),
        np.nan,
    )
    return points.assign(upper_if_zero=upper)[list(POINT_COLUMNS)], {
        **by_task,
        "names": tuple(tables["value"].index),
    }


def has_fractions(value: Floats, n: Floats, se: Floats) -> NDArray[np.bool_]:
    """Which shares are no counts of right answers: their standard error is known and not that of a
    coin (divided by n or by n - 1).

    That of fractional scores, such as token accuracy, is smaller; that of scores clustered by the
    source may be larger. Where nothing varies (0, 1, or all scores the same) the standard error
    has no information, and that of the coin, which is never narrower, is used.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = se**2 / (value * (1 - value))
        fits: NDArray[np.bool_] = (ratio * n > (1 - SE_ROUNDING)) & (
            ratio * (n - 1) < 1 + SE_ROUNDING
        )
    known: NDArray[np.bool_] = np.isfinite(se) & (se > 0) & (value > 0) & (value < 1)
    return known & ~fits


def _over_instances(points: pd.DataFrame, by_task: Mapping[str, Any]) -> str:
    """As `_intervals`, for shares whose number of answers is known."""
    value, n, se = by_task["value"], by_task["n"], by_task["se"]
    n_tasks, fractions = len(value), has_fractions(value, n, se)
    variance = np.where(fractions, se**2, value * (1 - value) / n)
    # As many right-or-wrong answers as would be this sure.
    answers = np.divide(value * (1 - value), variance, out=n.astype(float), where=fractions)
    n_eff = n_tasks**2 / (1 / answers).sum(axis=0)
    spread = value.std(axis=0, ddof=1) if n_tasks > 1 else np.full(value.shape[1], np.nan)
    ends = [
        mean_interval(*row)
        for row in zip(points["y"], spread, [n_tasks] * len(points), n_eff, strict=True)
    ]
    lo, hi = np.array([end[0] for end in ends]), np.array([end[1] for end in ends])
    if n_tasks == 1:
        half = Z_95 * np.sqrt(variance[0])
        lo = np.where(fractions[0], np.clip(value[0] - half, 0, 1), lo)
        hi = np.where(fractions[0], np.clip(value[0] + half, 0, 1), hi)
    points["lo"], points["hi"], points["se"] = lo, hi, np.sqrt(variance.sum(axis=0)) / n_tasks
    if n_tasks > 1:
        return "95 %, over tasks"
    if not fractions.any():
        return "95 % Wilson, over instances"
    return (
        FROM_ERROR
        if fractions.all()
        else f"{FROM_ERROR}; Wilson where answers are right or wrong only"
    )


def _intervals(points: pd.DataFrame, by_task: Mapping[str, Any], is_share: bool) -> str:
    """Set lo, hi and se of the points; return the kind of interval in words."""
    value, n, se = by_task["value"], by_task["n"], by_task["se"]
    n_tasks = len(value)
    if is_share and np.isfinite(n).all() and (n > 0).all():
        return _over_instances(points, by_task)
    if n_tasks > 1:
        spread = value.std(axis=0, ddof=1) / math.sqrt(n_tasks)
        half, words = float(stats.t.isf(0.025, n_tasks - 1)) * spread, "95 %, over tasks"
    else:
        spread, words = se[0], FROM_ERROR
        half = Z_95 * spread
    points["se"], points["lo"], points["hi"] = spread, points["y"] - half, points["y"] + half
    if is_share:
        points["lo"], points["hi"] = points["lo"].clip(0, 1), points["hi"].clip(0, 1)
    return (
        words
        if np.isfinite(half).any()
        else "none: the source states neither a number of answers nor a standard error"
    )


def _draws(parts: Parts, seed: int) -> Floats | None:
    """Resamples of the series: tasks (jointly for all points), then answers within each task."""
    if not (parts.counted | np.isfinite(parts.se)).all():
        return None
    rng = np.random.default_rng(seed)
    n_tasks, n_points = parts.value.shape
    drawn = np.empty((RESAMPLES, n_points))
    for place in range(RESAMPLES):
        tasks = rng.integers(0, n_tasks, size=(n_tasks,), dtype=np.int64)
        drawn[place] = draw_parts(parts, tasks, rng).mean(axis=0)
    return drawn


def draw_parts(parts: Parts, tasks: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """The parts `tasks` of every point with resampled noise of their answers: binomial if they are
    counted, otherwise normal.
    """
    value, se, counted = parts.value[tasks], np.nan_to_num(parts.se[tasks]), parts.counted[tasks]
    answers = np.where(counted, parts.n[tasks], 0).round().astype(np.int64)
    binomial = rng.binomial(answers, shrunk(parts)[tasks]) / np.maximum(answers, 1)
    return np.where(counted, binomial, value + se * rng.standard_normal(value.shape))


def shrunk(parts: Parts) -> Floats:
    """Shares with half a right and half a wrong answer added, .5 where nothing is counted: a plain
    bootstrap of "0 of n" would make 0 certain.
    """
    right = np.where(parts.counted, parts.value * parts.n, 0.0)
    return np.asarray((right + 0.5) / (np.where(parts.counted, parts.n, 0.0) + 1))


def scale_means(series: Series) -> tuple[Floats, Floats, Floats | None]:
    """Different x in order, mean score at each, and the draws of those means: models of one size
    (seeds) are one scale.
    """
    x = series.points["x"].to_numpy(dtype=float)
    places: Floats = np.array(sorted(set(x)))
    weights = (x[:, None] == places).astype(float)
    weights = weights / weights.sum(axis=0)
    y = series.points["y"].to_numpy(dtype=float) @ weights
    return places, y, None if series.draws is None else series.draws @ weights


def as_scale(x: Any, axis: str) -> Any:
    """Convert x from the units of the fits to those of the axis, elementwise."""
    return -np.asarray(x, dtype=float) if axis == "loss" else 10 ** np.asarray(x, dtype=float)
