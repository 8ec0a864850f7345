"""What if we had used another metric, denominator, average or penalty? One choice evaluated on
cells, always beside the paper's.

Cells (analysis.what_if.scoring) in; per model the number that is ranked, its interval and its rank
under the paper's definition and the chosen one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.scylla import critical_level
from analysis.text import percent_of_draws, plain_value, significant
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
from analysis.what_if.metric_list import Metric, metric_named
from analysis.what_if.scoring import Cells
from data.records import Denominator, NotEnoughDataError

RESAMPLES = 500
CONFIDENCE = 0.95


class Quantity(StrEnum):
    """What models are ranked by: the generalization score S, accuracy (or another metric) OOD or
    ID, the gap (small is better), or all answers whatever their split.
    """

    SCORE = "score"
    OOD = "ood"
    ID = "id"
    GAP = "gap"
    ALL = "all"


QUANTITY_NAMES = {
    Quantity.SCORE: "generalization score",
    Quantity.OOD: "OOD value",
    Quantity.ID: "ID value",
    Quantity.GAP: "ID-OOD gap",
    Quantity.ALL: "value over all answers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way to turn answers into a number. The defaults are the SCYLLA paper's (arXiv 2410.01769,
    sec. 4, and its code).

    weights  one per level in their order, >= 0, for Averaging.LEVELS; empty: equal.
    penalty  lambda of S = A_OOD - lambda * max(0, A_ID - A_OOD), >= 0.
    """

    metric: str = "exact_match"
    denominator: Denominator = Denominator.AUTHORS
    averaging: Averaging = Averaging.LEVELS
    order: ScoreOrder = ScoreOrder.TASK_FIRST
    penalty: float = 1.0
    weights: tuple[float, ...] = ()
    quantity: Quantity = Quantity.SCORE

    def as_paper(self) -> Choice:
        """The paper's definition of the same quantity."""
        return Choice(quantity=self.quantity)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """A choice on every model.

    values, lo, hi  [model]: the ranked number in the metric's own direction, with its interval; NaN
    where undefined (see `reasons`).
    draws           [resample, model], oriented: higher is better.
    levels          one row per model and level: id, ood, gap (signed, positive: OOD is worse),
                    score, each with _lo and _hi, n_tasks, n.
    critical        model -> critical level by the largest gap of level means, or None.
    reasons         model -> why it has no value.
    """

    choice: Choice
    metric: Metric
    models: tuple[str, ...]
    values: Floats
    lo: Floats
    hi: Floats
    draws: Floats
    levels: pd.DataFrame
    critical: Mapping[str, int | None]
    reasons: Mapping[str, str]

    @property
    def oriented(self) -> Floats:
        sign = -1.0 if self.choice.quantity is Quantity.GAP else self.metric.sign
        return sign * self.values

    def ranks(self) -> Floats:
        """Rank of each model, 1 is best; ties share the best rank; NaN without a value."""
        known = self.oriented
        better = np.array([[other > value + 1e-12 for other in known] for value in known]).reshape(
            len(known), len(known)
        )
        return np.where(np.isnan(known), np.nan, 1.0 + better.sum(axis=1))


def evaluate(
    cells: Cells, choice: Choice, *, resamples: int = RESAMPLES, seed: int = 0
) -> Evaluation:
    """Evaluate one choice on every model of the cells.

    Intervals: percentile over resamples, in which the tasks of each level are drawn with
    replacement (the same for all models, so that differences are paired) and every cell's mean is
    redrawn around itself with its standard error; deviations of a level of T tasks are stretched by
    sqrt(T / (T - 1)). With one task at a level they say how answers vary, not tasks.

    Raises:
        NotEnoughDataError: the cells do not hold the metric, or weights do not fit the levels.
    """
    place = cells.place(choice.metric)
    metric = cells.metrics[place]
    numbers, members = level_matrix(cells)
    weights = _weights(choice, len(numbers))
    means = cell_means(cells, [place], [choice.denominator])[0, 0]
    basis = 0 if choice.denominator is Denominator.UNPARSED_IS_WRONG else 1
    n = cells.n[place, basis]
    splits = {Quantity.OOD: (OOD,), Quantity.ID: (ID,), Quantity.ALL: ()}.get(
        choice.quantity, (ID, OOD)
    )
    n_tasks, n_level = _counts(cells, means, n, members, splits)
    observed = _levels_of(means, n, members, choice)
    drawn_cells, picked = _redraw(cells, place, basis, means, members, resamples, seed)
    drawn = _levels_of(drawn_cells, n, members, choice, picked)
    stretch = np.sqrt(n_tasks / np.maximum(n_tasks - 1, 1))
    drawn = {
        name: observed[name] + stretch * (values - observed[name]) for name, values in drawn.items()
    }
    total = average_levels(observed["ranked"], choice.averaging, weights, n_tasks, n_level)
    draws = average_levels(drawn["ranked"], choice.averaging, weights, n_tasks, n_level)
    sign = -1.0 if choice.quantity is Quantity.GAP else metric.sign
    lo, hi = _interval(sign * draws)
    reasons = {
        model: _why(cells, choice, model)
        for model, value in zip(cells.models, total, strict=True)
        if np.isnan(value)
    }
    return Evaluation(
        choice=choice,
        metric=metric,
        models=cells.models,
        values=sign * total,
        lo=np.where(np.isnan(total), np.nan, lo),
        hi=np.where(np.isnan(total), np.nan, hi),
        draws=draws,
        levels=_level_table(cells, numbers, observed, drawn, metric, n_tasks, n_level),
        critical={
            model: critical_level(numbers, row).level
            for model, row in zip(cells.models, observed["gap"], strict=True)
        },
        reasons=reasons,
    )


def _weights(choice: Choice, n_levels: int) -> Floats:
    if not choice.weights:
        return np.ones(n_levels)
    weights = np.array(choice.weights, dtype=float)
    if len(weights) != n_levels or not (weights >= 0).all() or weights.sum() == 0:
        raise NotEnoughDataError(
            f"{len(weights)} weights {', '.join(map(significant, weights))} for"
            f" {n_levels} levels. Give one weight of at least 0 per level, not all 0."
        )
    return weights


def _counts(
    cells: Cells, means: Floats, n: Floats, members: Floats, splits: Sequence[int]
) -> tuple[Floats, Floats]:
    """Tasks and answers behind every level's number: [model, level] each."""
    wanted = list(splits) if splits else [0, 1, 2]
    defined = ~np.isnan(means[..., wanted])
    present = (defined.all(axis=-1) if splits else defined.any(axis=-1)).astype(float)
    return (
        present @ members,
        (np.where(defined, n[..., wanted], 0.0).sum(axis=-1) * present) @ members,
    )


def _levels_of(
    means: Floats, n: Floats, members: Floats, choice: Choice, picked: Floats | None = None
) -> dict[str, Floats]:
    """Oriented level values by name: id, ood, gap, score and what is ranked; [..., model,
    level].
    """
    one = level_means(means, n, members, choice.averaging, both=False, picked=picked)
    both = level_means(means, n, members, choice.averaging, both=True, picked=picked)
    found = {"id": one[..., ID, :], "ood": one[..., OOD, :]}
    found["gap"] = gaps_on_scale(both, n, GapScale.DIFFERENCE, sign=1.0, high=1.0)
    found["score"] = level_scores(
        means, n, members, choice.averaging, choice.order, choice.penalty, picked=picked
    )
    if choice.quantity is Quantity.ALL:
        used = np.where(np.isnan(means), 0.0, np.broadcast_to(n, means.shape))
        of_task = used.sum(axis=-1)
        pooled = np.divide(
            (np.nan_to_num(means) * used).sum(axis=-1),
            of_task,
            out=np.full(of_task.shape, np.nan),
            where=of_task > 0,
        )
        wide = np.stack([pooled] * means.shape[-1], axis=-1)
        found["ranked"] = level_means(
            wide,
            n.sum(axis=-1, keepdims=True) + 0 * n,
            members,
            choice.averaging,
            both=False,
            picked=picked,
        )[..., ID, :]
    else:
        found["ranked"] = (
            -found["gap"] if choice.quantity is Quantity.GAP else found[str(choice.quantity)]
        )
    return found


def _redraw(
    cells: Cells, place: int, basis: int, means: Floats, members: Floats, resamples: int, seed: int
) -> tuple[Floats, Floats]:
    """Resampled cell means, [resample, model, unit, split], and how often each unit is picked,
    [resample, unit].
    """
    rng = np.random.default_rng(seed)
    metric, n = cells.metrics[place], np.maximum(cells.n[place, basis], 1)
    mean = cells.total[place, basis] / n
    variance = np.maximum(cells.squares[place, basis] / n - mean**2, 0.0)
    if metric.is_share:  # all right or all wrong is no certainty
        share = (np.clip(mean, 0, 1) * n + 0.5) / (n + 1)
        variance = np.maximum(
            variance, np.where((mean <= 0) | (mean >= 1), share * (1 - share), 0.0)
        )
    noise = rng.standard_normal((resamples, *means.shape)) * np.sqrt(variance / n)
    lowest, highest = sorted((metric.sign * metric.low, metric.sign * metric.high))
    drawn = np.clip(means + noise, lowest, highest)
    picked = np.zeros((resamples, members.shape[0]))
    for level in range(members.shape[1]):
        units = np.flatnonzero(members[:, level])
        picks = rng.integers(len(units), size=(resamples, len(units)))
        for place_in_level, unit in enumerate(units):
            picked[:, unit] = (picks == place_in_level).sum(axis=1)
    return drawn, picked


def _interval(draws: Floats) -> tuple[Floats, Floats]:
    tail = (1 - CONFIDENCE) / 2
    known = ~np.isnan(draws).all(axis=0)
    lo, hi = np.full(draws.shape[1:], np.nan), np.full(draws.shape[1:], np.nan)
    if known.any():
        lo[known], hi[known] = np.nanquantile(draws[:, known], [tail, 1 - tail], axis=0)
    return lo, hi


def _level_table(
    cells: Cells,
    numbers: Sequence[int],
    observed: Mapping[str, Floats],
    drawn: Mapping[str, Floats],
    metric: Metric,
    n_tasks: Floats,
    n: Floats,
) -> pd.DataFrame:
    rows: dict[str, Any] = {
        "model": np.repeat(cells.models, len(numbers)),
        "level": list(numbers) * len(cells.models),
        "level_label": [cells.level_labels[level] for level in numbers] * len(cells.models),
        "n_tasks": n_tasks.astype(int).ravel(),
        "n": n.astype(int).ravel(),
    }
    for name in ("id", "ood", "gap", "score"):
        sign = 1.0 if name == "gap" else metric.sign
        lo, hi = _interval(sign * drawn[name])
        undefined = np.isnan(observed[name])
        rows |= {name: (sign * observed[name]).ravel()}
        rows |= {
            f"{name}_{end}": np.where(undefined, np.nan, values).ravel()
            for end, values in (("lo", lo), ("hi", hi))
        }
    return pd.DataFrame(rows)


def _why(cells: Cells, choice: Choice, model: str) -> str:
    missing = cells.lacking.get((choice.metric, model))
    if missing:
        return missing
    if (
        not np.isfinite(metric_named(choice.metric).worst)
        and choice.denominator is Denominator.AUTHORS
    ):
        return (
            "the authors' rule sets a value where few answers parse, and this metric has no worst"
            " value"
        )
    return "no task has answers in the splits that this needs"


# -- next to the paper -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WhatIf:
    """A choice next to the paper's definition.

    ranks      one row per model, best under the paper first: model, paper, paper_lo, paper_hi,
               paper_rank, value, value_lo, value_hi, rank, moved (places gained), paper_critical,
               critical, reason.
    overtakes  (winner, loser, share of resamples under the choice in which the winner is ahead) for
    pairs in the other order than under
               the paper's definition, surest first.
    has_answers  whether one of the ranked models has answers; published level means alone are
    beyond the reach of a denominator.
    """

    paper: Evaluation
    chosen: Evaluation
    ranks: pd.DataFrame
    overtakes: tuple[tuple[str, str, float], ...]
    warnings: tuple[str, ...] = field(default=())
    has_answers: bool = True

    @property
    def n_ranked(self) -> int:
        return int((self.ranks["rank"].notna() & self.ranks["paper_rank"].notna()).sum())

    @property
    def n_changed(self) -> int:
        """Models whose rank is another one, of those that have both."""
        both = self.ranks.dropna(subset=["rank", "paper_rank"])
        return int((both["rank"] != both["paper_rank"]).sum())

    @property
    def is_paper(self) -> bool:
        return self.chosen.choice == self.paper.choice

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "choice": plain_value(self.chosen.choice),
            "n_ranked": self.n_ranked,
            "n_changed": self.n_changed,
            "models": plain_value(self.ranks),
            "levels": plain_value(self.chosen.levels),
            "paper_levels": plain_value(self.paper.levels),
            "overtakes": [
                {"winner": a, "loser": b, "share_of_resamples": share}
                for a, b, share in self.overtakes
            ],
            "warnings": list(self.warnings),
            "resamples": len(self.chosen.draws),
        }


def compare_with_paper(
    cells: Cells, choice: Choice, *, resamples: int = RESAMPLES, seed: int = 0
) -> WhatIf:
    """Evaluate a choice and the paper's definition of the same quantity, and compare the ranks of
    the models that have both.
    """
    paper = evaluate(cells, choice.as_paper(), resamples=resamples, seed=seed)
    chosen = evaluate(cells, choice, resamples=resamples, seed=seed)
    both = [
        place
        for place in range(len(cells.models))
        if np.isfinite(paper.values[place]) and np.isfinite(chosen.values[place])
    ]
    rows = pd.DataFrame(
        {
            "model": cells.models,
            "paper": paper.values,
            "paper_lo": paper.lo,
            "paper_hi": paper.hi,
            "value": chosen.values,
            "value_lo": chosen.lo,
            "value_hi": chosen.hi,
            "paper_critical": [paper.critical[model] for model in cells.models],
            "critical": [chosen.critical[model] for model in cells.models],
            "reason": [
                chosen.reasons.get(model) or paper.reasons.get(model) for model in cells.models
            ],
        }
    )
    for name, evaluation in (("paper_rank", paper), ("rank", chosen)):
        rows[name] = _ranks_among(evaluation.oriented, both)
    rows["moved"] = rows["paper_rank"] - rows["rank"]
    rows = rows.astype({"paper_critical": "Int64", "critical": "Int64"})
    return WhatIf(
        paper=paper,
        chosen=chosen,
        ranks=rows.sort_values(["paper_rank", "rank", "model"], ignore_index=True),
        overtakes=_overtakes(paper, chosen, both),
        warnings=_warnings(cells, choice),
        has_answers=not both or any(cells.models[place] not in cells.published for place in both),
    )


def _ranks_among(oriented: Floats, places: Sequence[int]) -> Floats:
    ranks = np.full(len(oriented), np.nan)
    for place in places:
        ranks[place] = 1 + sum(oriented[other] > oriented[place] + 1e-12 for other in places)
    return ranks


def _overtakes(
    paper: Evaluation, chosen: Evaluation, places: Sequence[int]
) -> tuple[tuple[str, str, float], ...]:
    found = []
    for one, other in combinations(places, 2):
        before, after = (
            paper.oriented[one] - paper.oriented[other],
            chosen.oriented[one] - chosen.oriented[other],
        )
        if before * after < 0 and min(abs(before), abs(after)) > 1e-12:
            winner, loser = (one, other) if after > 0 else (other, one)
            ahead = chosen.draws[:, winner] - chosen.draws[:, loser]
            found.append(
                (
                    paper.models[winner],
                    paper.models[loser],
                    float((ahead[~np.isnan(ahead)] > 0).mean()),
                )
            )
    return tuple(sorted(found, key=lambda pair: -pair[2]))


def _warnings(cells: Cells, choice: Choice) -> tuple[str, ...]:
    texts = [
        f"{model}: only {percent_of_draws(share)} of its answers have what"
        f" {metric_named(choice.metric).label} needs."
        for (key, model), share in cells.partial.items()
        if key == choice.metric and model in cells.models
    ]
    counted = [model for model in cells.models if model not in cells.published]
    sets = {
        tuple((cells.n_answered[cells.models.index(model)].sum(axis=-1) > 0).tolist())
        for model in counted
    }
    if len(sets) > 1:
        texts.append(
            "The models answered different sets of tasks: a rank compares them on different"
            " questions."
        )
    if cells.published & set(cells.models) and len(counted) < len(cells.models):
        texts.append(
            "Published level means keep their source's denominator, and S is taken of level means"
            " there."
        )
    return tuple(texts)
