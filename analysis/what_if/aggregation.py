"""How do cells become one number? Denominator, average over tasks, score with a penalty, average
over levels, each as one array step.

All functions take leading axes of any shape, so that the what-if page (one choice) and the
multiverse (every choice at once) share them. Values are *oriented* here: multiplied by the metric's
sign, so that higher is better for every metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from analysis.accuracy import FIRST_ANSWER_SHARE
from analysis.arrays import Floats
from analysis.what_if.scoring import Cells
from data.records import Denominator

ID, OOD, UNSPLIT = 0, 1, 2
"""Places on the split axis."""


class Averaging(StrEnum):
    """How tasks and levels are averaged into one number.

    LEVELS        tasks of a level count the same, then levels by their weights (equal in the
                  paper).
    TASKS         all tasks count the same.
    SAMPLES       all answers count the same.
    """

    LEVELS = "levels"
    TASKS = "tasks"
    SAMPLES = "samples"


class ScoreOrder(StrEnum):
    """Whether S is taken of every task and then averaged (the paper's table), or of the averaged
    accuracies of a level.
    """

    TASK_FIRST = "task_first"
    LEVEL_MEANS = "level_means"


class GapScale(StrEnum):
    """On which scale the levels' gaps are compared: A - B, (A - B) / A, or logit A - logit B."""

    DIFFERENCE = "difference"
    RELATIVE = "relative"
    LOG_ODDS = "log_odds"


def cell_means(cells: Cells, places: Sequence[int], denominators: Sequence[Denominator]) -> Floats:
    """Mean of every cell, oriented: [metric, denominator, model, unit, split].

    unparsed_is_wrong: over all answers. parsed_only: over parsed ones. authors: as parsed_only, but
    the metric's worst value where under 10 % of the answers parse; NaN there for a metric without a
    worst value. NaN where a cell holds no value.
    """
    n, total = cells.n[list(places)], cells.total[list(places)]
    means = np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)
    is_cut = (cells.n_answered > 0) & (
        cells.n_parsed / np.maximum(cells.n_answered, 1) < FIRST_ANSWER_SHARE
    )
    found = np.empty((len(places), len(denominators), *means.shape[2:]))
    for row, place in enumerate(places):
        metric = cells.metrics[place]
        for column, denominator in enumerate(denominators):
            values = means[row, 0 if denominator is Denominator.UNPARSED_IS_WRONG else 1]
            if denominator is Denominator.AUTHORS and is_cut.any():
                worst = metric.worst if np.isfinite(metric.worst) else np.nan
                values = np.where(is_cut & (n[row, 0] > 0), worst, values)
            found[row, column] = metric.sign * values
    return found


def level_matrix(cells: Cells) -> tuple[tuple[int, ...], Floats]:
    """Levels in order, and [unit, level]: 1 where a task stands at a level."""
    levels = tuple(sorted({int(level) for level in cells.levels}))
    return levels, (cells.levels[:, None] == np.array(levels)).astype(float)


def average_units(values: Floats, weights: Floats, members: Floats) -> Floats:
    """Weighted mean over the units of each level: [..., unit] and weights alike -> [..., level];
    undefined units are left out.

    Args:
        values: NaN where undefined. weights: >= 0. members: [unit, level] of `level_matrix`.
    """
    used = np.where(np.isnan(values), 0.0, weights)
    of_level = used @ members
    summed = (np.nan_to_num(values) * used) @ members
    return _divide(summed, of_level)


def level_means(
    means: Floats,
    n: Floats,
    members: Floats,
    averaging: Averaging,
    *,
    both: bool,
    picked: Floats | None = None,
) -> Floats:
    """Mean of every level: [..., model, unit, split] -> [..., model, split, level].

    Args:
        means: of `cell_means`; n: answers behind each, [model, unit, split].
        both: take a task only where ID and OOD are defined, as gaps need it.
        picked: how often each unit counts, [..., unit]; for resamples.
    """
    values = np.swapaxes(means, -1, -2)
    if both:
        whole = ~np.isnan(values[..., [ID, OOD], :]).any(axis=-2, keepdims=True)
        values = np.where(whole, values, np.nan)
    weights = (
        np.swapaxes(n, -1, -2) if averaging is Averaging.SAMPLES else np.ones(values.shape[-3:])
    )
    weights = weights if picked is None else weights * picked[..., None, None, :]
    return average_units(values, np.broadcast_to(weights, values.shape), members)


def level_scores(
    means: Floats,
    n: Floats,
    members: Floats,
    averaging: Averaging,
    order: ScoreOrder,
    penalty: float,
    *,
    picked: Floats | None = None,
) -> Floats:
    """S of every level, oriented: [..., model, unit, split] -> [..., model, level]. See
    analysis.scylla.generalization_score.
    """
    if order is ScoreOrder.LEVEL_MEANS:
        averaged = level_means(means, n, members, averaging, both=True, picked=picked)
        return averaged[..., OOD, :] - penalty * np.maximum(
            0.0, averaged[..., ID, :] - averaged[..., OOD, :]
        )
    scores = means[..., OOD] - penalty * np.maximum(0.0, means[..., ID] - means[..., OOD])
    weights = (
        n[..., [ID, OOD]].sum(axis=-1)
        if averaging is Averaging.SAMPLES
        else np.ones(scores.shape[-2:])
    )
    weights = weights if picked is None else weights * picked[..., None, :]
    return average_units(scores, np.broadcast_to(weights, scores.shape), members)


def average_levels(
    values: Floats, averaging: Averaging, weights: Floats, n_tasks: Floats, n: Floats
) -> Floats:
    """Mean over levels, [..., model, level] -> [..., model]: by weight, by number of tasks, or by
    number of answers.

    Args:
        weights: one per level, >= 0. n_tasks, n: [model, level], tasks and answers behind each.
    """
    of_level = {
        Averaging.LEVELS: np.broadcast_to(weights, n_tasks.shape),
        Averaging.TASKS: n_tasks,
        Averaging.SAMPLES: n,
    }[averaging]
    used = np.where(np.isnan(values), 0.0, of_level)
    total = used.sum(axis=-1)
    return _divide((np.nan_to_num(values) * used).sum(axis=-1), total)


def gaps_on_scale(
    averaged: Floats, n: Floats, scale: GapScale, *, sign: float, high: float
) -> Floats:
    """Gap of every level on a scale, from oriented level means: [..., split, level] -> [...,
    level].

    Args:
        n: answers behind each level and split, [..., split, level] or broadcastable; for the half
            answer that keeps log-odds finite.
        sign, high: of the metric; relative gaps and log-odds are of x for a share and of high - x
            for a distance.

    relative: NaN where ID is 0.
    """
    if scale is GapScale.DIFFERENCE:
        return np.asarray(averaged[..., ID, :] - averaged[..., OOD, :])
    goodness = averaged if sign > 0 else high + averaged
    if scale is GapScale.RELATIVE:
        seen = goodness[..., ID, :]
        return _divide(seen - goodness[..., OOD, :], seen)
    right = goodness * n
    with np.errstate(divide="ignore", invalid="ignore"):
        logits: Floats = np.log((right + 0.5) / (n - right + 0.5))
    return np.asarray(logits[..., ID, :] - logits[..., OOD, :])


def _divide(above: Floats, below: Floats) -> Floats:
    """Elementwise; NaN where the divisor is 0."""
    return np.asarray(
        np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0), dtype=float
    )
