"""Would another, equally defensible choice say the same? Every combination of choices at once, for
one stated conclusion.

A specification is one option per dimension (metric, denominator, averaging, ...). All are computed
in a few array steps from cells (analysis.what_if.scoring). What cannot be computed is counted
apart, with its reason, and never as "does not hold". Source of the idea: specification curves; of
the question: "Are Emergent Abilities a Mirage?" (arXiv 2304.15004).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.arrays import Floats, Ints
from analysis.text import significant
from analysis.what_if.aggregation import (
    ID,
    OOD,
    Averaging,
    GapScale,
    ScoreOrder,
    average_levels,
    cell_means,
    gaps_on_scale,
    level_matrix,
    level_means,
    level_scores,
)
from analysis.what_if.conclusions import Conclusion, Kind
from analysis.what_if.evaluating import Quantity
from analysis.what_if.metric_list import METRICS, metric_named, threshold_key
from analysis.what_if.scoring import Cells
from data.records import Denominator, NotEnoughDataError

PENALTIES = (1.0, 0.0, 0.5, 2.0)
LITTLE, MUCH = 0.1, 0.5
"""An ability emerges between two models when at most LITTLE of the whole rise is reached by the
first and at least MUCH by the second.
"""
DENOMINATOR_WORDS = {
    Denominator.AUTHORS: "the authors' rule for unparsed answers",
    Denominator.UNPARSED_IS_WRONG: "unparsed answers counted as wrong",
    Denominator.PARSED_ONLY: "parsed answers only",
}
DENOMINATORS = tuple(DENOMINATOR_WORDS)
"""Treatments of answers that could not be parsed, the paper's rule first."""
STANDARD_METRICS = (
    *METRICS,
    threshold_key("edit_distance", 0.5),
    threshold_key("edit_distance", 0.8),
    threshold_key("token_accuracy", 0.5),
    threshold_key("token_accuracy", 0.8),
    threshold_key("token_probability", 0.5),
)
"""Metrics that are varied, the paper's first; those of pass@k follow where they are stored."""

LEVEL_AVERAGES = (
    "levels the same",
    "tasks the same",
    "answers the same",
    "all but the last level",
    "higher levels more",
)
"""Options of the dimension "averaging": equal levels (the paper), tasks, answers, equal levels
without the last (at SCYLLA's lengths its 2^N is no harder than N^4, METHODS A5), and levels
weighted 1, 2, 3, ...
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A choice to be made; the first option is the paper's."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Multiverse:
    """Every specification of a conclusion.

    choices       [specification, dimension]: place of the option taken.
    values        margin by which the conclusion holds (above 0) or not; `unit` says of what. NaN
                  where not computable.
    reasons       why a specification cannot be computed; None where it can.
    by_choice     dimension, option, n, n_computable, n_hold, share (NaN without a computable one).
    single_flips  (dimension, option): changing this alone, from the paper's specification, turns
    the verdict.
    min_changes   fewest choices other than the paper's that turn it; None when none does.
    """

    conclusion: Conclusion
    text: str
    unit: str
    dimensions: tuple[Dimension, ...]
    choices: Ints
    values: Floats
    holds: NDArray[np.bool_]
    reasons: tuple[str | None, ...]
    by_choice: pd.DataFrame
    paper_holds: bool | None
    single_flips: tuple[tuple[str, str], ...]
    min_changes: int | None

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def n_computable(self) -> int:
        return int((~np.isnan(self.values)).sum())

    @property
    def n_hold(self) -> int:
        return int(self.holds.sum())

    @property
    def share(self) -> float:
        """Of the computable specifications, those in which the conclusion holds; NaN without
        any.
        """
        return self.n_hold / self.n_computable if self.n_computable else float("nan")

    def reason_counts(self) -> dict[str, int]:
        """Specifications that cannot be computed, by reason."""
        found: dict[str, int] = {}
        for reason in self.reasons:
            if reason is not None:
                found[reason] = found.get(reason, 0) + 1
        return found

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "conclusion": self.text,
            "n_specifications": self.n,
            "n_computable": self.n_computable,
            "n_hold": self.n_hold,
            "share": self.share,
            "paper_holds": self.paper_holds,
            "single_flips": [
                {"dimension": name, "option": option} for name, option in self.single_flips
            ],
            "min_changes": self.min_changes,
            "by_choice": self.by_choice.to_dict("records"),
            "not_computable": self.reason_counts(),
        }


# -- all specifications ----------------------------------------------------------------------------


def multiverse(cells: Cells, conclusion: Conclusion) -> Multiverse:
    """Compute a conclusion under every combination of defensible choices.

    Args:
        cells: of all models that matter; only tasks that the compared models share count for ABOVE.

    Raises:
        NotEnoughDataError: a model or level of the conclusion is not in the cells.
    """
    _check(cells, conclusion)
    metrics = _metrics(cells)
    if conclusion.kind is Kind.CRITICAL:
        dimensions, values, unit = _critical(cells, conclusion, metrics)
    elif conclusion.kind is Kind.EMERGES:
        dimensions, values, unit = _emerges(cells, conclusion, metrics)
    else:
        dimensions, values, unit = _above(cells, conclusion, metrics)
    if cells.published & {conclusion.first, conclusion.second}:
        values = values.copy()
        values[:, 1:] = np.nan  # a published mean has one denominator, its source's
    flat = np.where(np.isfinite(values), values, np.nan).ravel()
    choices = np.stack(np.unravel_index(np.arange(flat.size), values.shape), axis=1).astype(
        np.int64
    )
    holds = np.nan_to_num(flat, nan=-1.0) > 0
    return _summarise(cells, conclusion, dimensions, choices, flat, holds, unit)


def _check(cells: Cells, conclusion: Conclusion) -> None:
    for name in filter(None, (conclusion.first, conclusion.second)):
        if name not in cells.models:
            raise NotEnoughDataError(
                f"No model {name!r} is among those compared: {', '.join(cells.models) or 'none'}."
            )
    if conclusion.level is not None and conclusion.level not in cells.level_labels:
        raise NotEnoughDataError(
            f"There is no level {conclusion.level}. Levels here:"
            f" {', '.join(map(str, cells.level_labels)) or 'none'}."
        )
    if conclusion.kind is not Kind.CRITICAL and (
        conclusion.second is None or conclusion.second == conclusion.first
    ):
        raise NotEnoughDataError("A comparison needs two different models.")
    if conclusion.kind is Kind.CRITICAL and conclusion.level is None:
        raise NotEnoughDataError("Say which level is said to be critical.")


def _metrics(cells: Cells) -> tuple[str, ...]:
    held = {metric.key for metric in cells.metrics}
    passes = [
        metric.key
        for metric in cells.metrics
        if metric.key.startswith("pass@") and metric.key in cells.available()
    ]
    return tuple(key for key in (*STANDARD_METRICS, *passes) if key in held)


def _dimensions(metrics: Sequence[str], *more: tuple[str, Sequence[str]]) -> tuple[Dimension, ...]:
    return (
        Dimension(name="metric", options=tuple(metric_named(key).label for key in metrics)),
        Dimension(name="denominator", options=tuple(DENOMINATOR_WORDS.values())),
        *(Dimension(name=name, options=tuple(options)) for name, options in more),
    )


def _averagings(n_levels: int, one_level: bool) -> list[tuple[str, Averaging, Floats]]:
    """Options of averaging: name, how, level weights. At one level only what counts within it
    differs.
    """
    equal = np.ones(n_levels)
    ways = [(Averaging.LEVELS, equal), (Averaging.TASKS, equal), (Averaging.SAMPLES, equal)]
    ways += [
        (Averaging.LEVELS, np.r_[np.ones(n_levels - 1), 0.0]),
        (Averaging.LEVELS, np.arange(1.0, n_levels + 1)),
    ]
    named = [(name, *way) for name, way in zip(LEVEL_AVERAGES, ways, strict=True)]
    if one_level or n_levels == 1:
        return [("tasks the same", *ways[1]), named[2]]
    return named


def _above(
    cells: Cells, conclusion: Conclusion, metrics: Sequence[str]
) -> tuple[tuple[Dimension, ...], Floats, str]:
    assert conclusion.second is not None
    pair = cells.narrowed([conclusion.first, conclusion.second])
    means = cell_means(pair, [pair.place(key) for key in metrics], DENOMINATORS)
    means = np.where(
        np.isnan(means).any(axis=2, keepdims=True), np.nan, means
    )  # tasks that both have
    values, names, orders = _ranked(pair, conclusion, means)
    spread = np.nanmax(np.abs(values), axis=-1, initial=0.0)
    difference = values[..., 0] - values[..., 1]
    dimensions = _dimensions(metrics, ("averaging", names), *orders)
    # Metrics have different units: the difference is shown relative to the larger of the two
    # values.
    return (
        dimensions,
        np.divide(
            difference, spread, out=np.where(np.isnan(difference), np.nan, 0.0), where=spread > 0
        ),
        "relative difference",
    )


def _ranked(
    cells: Cells, conclusion: Conclusion, means: Floats
) -> tuple[Floats, list[str], list[tuple[str, Sequence[str]]]]:
    """The oriented number of every model under every specification: [metric, denominator,
    averaging(, order, penalty), model].
    """
    numbers, members = level_matrix(cells)
    n = cells.n_answered
    level = conclusion.level
    at = None if level is None else {k: place for place, k in enumerate(numbers)}.get(level, -1)
    ways = _averagings(len(numbers), at is not None)
    splits = {Quantity.OOD: [OOD], Quantity.ID: [ID]}.get(conclusion.quantity, [ID, OOD])
    present = (n[..., splits] > 0).all(axis=-1).astype(float)
    n_tasks, n_level = present @ members, (n[..., splits].sum(axis=-1) * present) @ members

    def total(of_level: Floats, way: Averaging, weights: Floats) -> Floats:
        if at is not None:
            return of_level[..., at] if at >= 0 else np.full(of_level.shape[:-1], np.nan)
        return average_levels(of_level, way, weights, n_tasks, n_level)

    if conclusion.quantity is not Quantity.SCORE:
        columns = []
        for _, way, weights in ways:
            averaged = level_means(means, n, members, way, both=conclusion.quantity is Quantity.GAP)
            of_level = averaged[..., splits[0], :]
            if conclusion.quantity is Quantity.GAP:
                of_level = averaged[..., OOD, :] - averaged[..., ID, :]
            columns.append(total(of_level, way, weights))
        return np.stack(columns, axis=2), [name for name, _, _ in ways], []
    table = [
        [
            [
                total(level_scores(means, n, members, way, order, penalty), way, weights)
                for penalty in PENALTIES
            ]
            for order in ScoreOrder
        ]
        for _, way, weights in ways
    ]
    values = np.moveaxis(np.array(table), (0, 1, 2), (2, 3, 4))
    return (
        values,
        [name for name, _, _ in ways],
        [
            ("S taken", ["of each task", "of level means"]),
            ("penalty", [f"penalty {significant(penalty)}" for penalty in PENALTIES]),
        ],
    )


def _critical(
    cells: Cells, conclusion: Conclusion, metrics: Sequence[str]
) -> tuple[tuple[Dimension, ...], Floats, str]:
    one = cells.narrowed([conclusion.first])
    numbers, members = level_matrix(one)
    means = cell_means(one, [one.place(key) for key in metrics], DENOMINATORS)
    gaps = np.full((len(metrics), len(DENOMINATORS), 2, len(GapScale), len(numbers)), np.nan)
    n = one.n_answered
    n_level = np.moveaxis(np.stack([n[..., split] @ members for split in range(n.shape[-1])]), 0, 1)
    for column, way in enumerate((Averaging.TASKS, Averaging.SAMPLES)):
        averaged = level_means(means, n, members, way, both=True)
        for row, key in enumerate(metrics):
            metric = metric_named(key)
            for place, scale in enumerate(GapScale):
                if scale is GapScale.DIFFERENCE or metric.is_share:
                    of_scale = gaps_on_scale(
                        averaged[row], n_level, scale, sign=metric.sign, high=metric.high
                    )
                    gaps[row, :, column, place] = of_scale[..., 0, :]
    at = numbers.index(conclusion.level) if conclusion.level in numbers else -1
    values = _margin(gaps, at)
    scales = ["difference", "relative to ID", "log-odds"]
    return (
        _dimensions(
            metrics, ("within a level", ["tasks the same", "answers the same"]), ("gap", scales)
        ),
        values,
        "margin over other levels",
    )


def _margin(gaps: Floats, at: int) -> Floats:
    """Lead of one level's gap over the largest other, over the largest gap; at most 0 when another
    is larger or no gap is above 0.

    Ties go to the lowest level, as in analysis.scylla.critical_level; such a lead is 1e-9. NaN
    where the level or all others lack a gap.
    """
    if at < 0:
        return np.full(gaps.shape[:-1], np.nan)
    mine, others = gaps[..., at], np.delete(gaps, at, axis=-1)
    undefined = np.isnan(mine) | np.isnan(others).all(axis=-1)
    rival = np.where(
        undefined,
        0.0,
        np.nanmax(np.where(np.isnan(others), -np.inf, others), axis=-1, initial=-np.inf),
    )
    scale = np.nanmax(np.abs(np.where(np.isnan(gaps), 0.0, gaps)), axis=-1, initial=0.0)
    lead = np.divide(mine - rival, scale, out=np.zeros(mine.shape), where=scale > 0)
    before = np.where(np.isnan(others), -np.inf, others)[..., :at].max(axis=-1, initial=-np.inf)
    lead = np.where((np.abs(lead) <= 1e-12) & (mine > before + 1e-12), 1e-9, lead)
    lead = np.where(mine > 1e-12, lead, np.minimum(lead, 0.0) - 1e-9)
    return np.where(undefined, np.nan, lead)


def _emerges(
    cells: Cells, conclusion: Conclusion, metrics: Sequence[str]
) -> tuple[tuple[Dimension, ...], Floats, str]:
    assert conclusion.second is not None
    means = cell_means(cells, [cells.place(key) for key in metrics], DENOMINATORS)
    values, names, orders = _ranked(cells, conclusion, means)
    low, high = (
        np.nanmin(values, axis=-1, initial=np.inf),
        np.nanmax(values, axis=-1, initial=-np.inf),
    )
    rise = np.where(np.isfinite(high - low), high - low, 0.0)
    reached = np.divide(
        values - low[..., None],
        rise[..., None],
        out=np.full(values.shape, np.nan),
        where=rise[..., None] > 1e-12,
    )
    before, after = (
        reached[..., cells.models.index(name)] for name in (conclusion.first, conclusion.second)
    )
    # Above 0 exactly when both conditions hold: the smaller of the two margins.
    margin = np.minimum(LITTLE - before, after - MUCH) + 1e-12
    return (
        _dimensions(metrics, ("averaging", names), *orders),
        margin,
        "share of the whole rise to spare",
    )


# -- summary ---------------------------------------------------------------------------------------


def _summarise(
    cells: Cells,
    conclusion: Conclusion,
    dimensions: tuple[Dimension, ...],
    choices: Ints,
    values: Floats,
    holds: NDArray[np.bool_],
    unit: str,
) -> Multiverse:
    computable = ~np.isnan(values)
    rows = []
    for column, dimension in enumerate(dimensions):
        for place, option in enumerate(dimension.options):
            mine = choices[:, column] == place
            n, n_hold = int((mine & computable).sum()), int((mine & holds).sum())
            rows.append(
                {
                    "dimension": dimension.name,
                    "option": option,
                    "n": int(mine.sum()),
                    "n_computable": n,
                    "n_hold": n_hold,
                    "share": n_hold / n if n else float("nan"),
                }
            )
    paper = bool(holds[0]) if computable[0] else None
    distance = (choices != 0).sum(axis=1)
    turned = (
        computable & (holds != paper) if paper is not None else np.zeros(len(values), dtype=bool)
    )
    flips = []
    for place in np.flatnonzero(turned & (distance == 1)).tolist():
        column = int(np.flatnonzero(choices[place])[0])
        flips.append((dimensions[column].name, dimensions[column].options[choices[place, column]]))
    return Multiverse(
        conclusion=conclusion,
        text=conclusion.text(dict(cells.level_labels)),
        unit=unit,
        dimensions=dimensions,
        choices=choices,
        values=values,
        holds=holds,
        reasons=_reasons(cells, conclusion, dimensions, choices, computable),
        by_choice=pd.DataFrame(rows),
        paper_holds=paper,
        single_flips=tuple(flips),
        min_changes=int(distance[turned].min()) if turned.any() else None,
    )


def _reasons(
    cells: Cells,
    conclusion: Conclusion,
    dimensions: tuple[Dimension, ...],
    choices: Ints,
    computable: NDArray[np.bool_],
) -> tuple[str | None, ...]:
    """The most basic reason why each specification cannot be computed; None if it can."""
    models = [name for name in (conclusion.first, conclusion.second) if name is not None]
    keys = _metrics(cells)
    names = [dimension.name for dimension in dimensions]
    scale = choices[:, names.index("gap")] if "gap" in names else np.zeros(len(choices), dtype=int)

    def reason(metric_place: int, denominator_place: int, scale_place: int) -> str:
        key = keys[metric_place]
        metric = metric_named(key)
        lacking = [cells.lacking[key, name] for name in models if (key, name) in cells.lacking]
        if lacking:
            return f"{metric.label}: {lacking[0]}"
        if scale_place and not metric.is_share:
            return f"{metric.label} is no share of 0-1, so its gap has neither a ratio nor log-odds"
        if denominator_place and cells.published & set(models):
            return "published level means have the denominator of their source and no other"
        is_authors = DENOMINATORS[denominator_place] is Denominator.AUTHORS
        if is_authors and not np.isfinite(metric.worst):
            return f"{metric.label} has no worst value, which the authors' rule would set"
        return "the models have no tasks in common that this needs, or do not differ at all"

    return tuple(
        None if can else reason(int(chosen[0]), int(chosen[1]), int(gap))
        for can, chosen, gap in zip(computable, choices, scale, strict=True)
    )
