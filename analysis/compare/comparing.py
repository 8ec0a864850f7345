"""Which of two to six models is better, where, and how certain is that? Paired differences to a
baseline, ranks, and notes on their limits.

The input are a matrix of answers (analysis.compare.answer_matrix) and published level means. Every
number on the compare page and in `cli.py analyse compare` comes from the resulting `Comparison`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from analysis.compare.answer_matrix import AnswerMatrix
from analysis.compare.pairing import adjust
from analysis.compare.ranking import bootstrap_ranks, borda, kemeny, rank_ranges, tie_groups
from analysis.compare.rows import (
    NONE,
    PAIRED,
    SPLIT_ORDER,
    UNPAIRED,
    CompareSettings,
    Place,
    Row,
    comparison_rows,
    groups_of,
    published_means,
    row_of,
)
from analysis.text import plain_value
from data.records import NotEnoughDataError

FEWEST_MODELS, MOST_MODELS = 2, 6
SURE = 0.05
"""A difference is significant if its adjusted p-value is below this."""

COLUMNS = tuple(field.name for field in fields(Row))
RANK_COLUMNS = (
    "split",
    "model",
    "rank",
    "accuracy",
    "rank_best",
    "rank_worst",
    "boot_rank_lo",
    "boot_rank_hi",
    "p_best",
    "tie_group",
    "borda",
    "borda_rank",
    "kemeny_rank",
    "n",
    "n_tasks",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """The results of a comparison.

    answered  the models that have graded answers.
    rows      `COLUMNS`, one row per model, split and group, and one per model and split over all
              ("overall").
    pairs     the same columns, grouping "pair": the models of the ranking against each other,
              without the baseline.
    ranking   `RANK_COLUMNS`, best first within each split; models with answers only.
    kemeny_disagreements  number of disagreements per split.
    family_size  number of tests in Holm's adjustment: rows and pairs, each distinct test once.
    notes     limits of the comparison, for the reader.
    """

    models: tuple[str, ...]
    answered: tuple[str, ...]
    baseline: str
    settings: CompareSettings
    denominator: str
    rows: pd.DataFrame
    pairs: pd.DataFrame
    ranking: pd.DataFrame
    kemeny_disagreements: dict[str, int]
    family_size: int
    notes: tuple[str, ...]

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON; undefined numbers are None."""
        return {
            "models": list(self.models),
            "baseline": self.baseline,
            **{field.name: getattr(self.settings, field.name) for field in fields(self.settings)},
            "denominator": self.denominator,
            "family_size": self.family_size,
            "comparisons": plain_value(self.rows),
            "pairs": plain_value(self.pairs),
            "ranking": plain_value(self.ranking),
            "kemeny_disagreements": self.kemeny_disagreements,
            "notes": list(self.notes),
        }


def compare_models(
    matrix: AnswerMatrix,
    published: pd.DataFrame,
    models: Sequence[str],
    baseline: str | None = None,
    settings: CompareSettings | None = None,
) -> Comparison:
    """Compare two to six models with a baseline.

    Paired if at least two instances are shared, otherwise unpaired on all answers, otherwise on
    published level means.

    Args:
        matrix: answers of the models that have any.
        published: result of data.queries.fetch_level_scores; level accuracies are used for models
            without answers.
        models: the models, including the baseline.
        baseline: one of the models; default: the first.

    Raises:
        NotEnoughDataError: fewer than two or more than six models, or the baseline is not one of
            them.

    Source: METHODS D2 (paired, clustered), D3 (McNemar), D4 (Holm), D7 (ranks).
    """
    named = tuple(dict.fromkeys(models))
    check_models(named, baseline)
    chosen = settings or CompareSettings()
    first = baseline or named[0]
    means = published_means(published, named)
    others = [model for model in named if model != first]
    groups = groups_of(matrix, chosen.grouping)
    rows = [
        row
        for model in others
        for row in comparison_rows(matrix, groups, means, model, first, chosen)
    ]
    pairs = _pairs(matrix, first, chosen)
    rows, pairs, family = _with_holm(rows, pairs)
    ranking, disagreements = _ranking(
        matrix, [*pairs, *(row for row in rows if row.grouping == "overall")], chosen
    )
    return Comparison(
        models=named,
        answered=matrix.models,
        baseline=first,
        settings=chosen,
        denominator=str(matrix.denominator),
        rows=_frame(rows),
        pairs=_frame(pairs),
        ranking=ranking,
        kemeny_disagreements=disagreements,
        family_size=family,
        notes=tuple(_notes(matrix, means, rows, named)),
    )


def check_models(models: Sequence[str], baseline: str | None = None) -> None:
    """Check the number of models and the baseline.

    Raises:
        NotEnoughDataError: fewer than two or more than six models, or the baseline is not one of
            them.
    """
    if not FEWEST_MODELS <= len(models) <= MOST_MODELS:
        raise NotEnoughDataError(
            f"A comparison takes {FEWEST_MODELS} to {MOST_MODELS} models, and {len(models)} are"
            f" chosen{': ' + ', '.join(models[:MOST_MODELS]) if models else ''}"
            f"{' and more' if len(models) > MOST_MODELS else ''}."
            f" {'Add some' if len(models) < FEWEST_MODELS else 'Take some away'}."
        )
    if baseline is not None and baseline not in models:
        raise NotEnoughDataError(
            f"The baseline {baseline!r} is none of the models compared: {', '.join(models)}."
        )


# -- details ---------------------------------------------------------------------------------------


def _pairs(matrix: AnswerMatrix, baseline: str, settings: CompareSettings) -> list[Row]:
    """All pairs of models with answers over each whole split, without the baseline, which has rows
    already.
    """
    others = [model for model in matrix.models if model != baseline]
    splits = [split for split in SPLIT_ORDER if (matrix.instances["split"] == split).any()]
    return [
        row
        for split in splits
        for a, b in combinations(others, 2)
        for row in row_of(
            matrix, a, b, Place(grouping="pair", split=split), matrix.mask(split=split), settings
        )
    ]


def _with_holm(rows: list[Row], pairs: list[Row]) -> tuple[list[Row], list[Row], int]:
    """Adjust over every test on the page. Rows from the same answers (for example, a split with one
    level) count as one test.
    """
    everything = [*rows, *pairs]
    whole = {
        (row.model, row.baseline, row.split): (row.n, row.n_baseline)
        for row in rows
        if row.grouping == "overall"
    }

    def test_of(row: Row) -> tuple[Any, ...]:
        pair = (row.model, row.baseline, row.split)
        # A group is part of the whole, so the same number of answers means the same answers.
        is_whole = whole.get(pair) == (row.n, row.n_baseline)
        return pair if is_whole else (*pair, row.grouping, row.level, row.task)

    first: dict[tuple[Any, ...], Row] = {}
    for row in everything:
        if math.isfinite(row.p):
            first.setdefault(test_of(row), row)
    adjusted = {
        name: dict(zip(first, adjust([getattr(row, name) for row in first.values()]), strict=True))
        for name in _TESTS
    }
    done = []
    for row in everything:
        p_holm, mcnemar_p_holm = (
            float(adjusted[name].get(test_of(row), math.nan)) for name in _TESTS
        )
        done.append(replace(row, p_holm=p_holm, mcnemar_p_holm=mcnemar_p_holm))
    return done[: len(rows)], done[len(rows) :], len(first)


_TESTS = ("p", "mcnemar_p")


def _ranking(
    matrix: AnswerMatrix, rows: list[Row], settings: CompareSettings
) -> tuple[pd.DataFrame, dict[str, int]]:
    frames, disagreements = [], {}
    for split in SPLIT_ORDER:
        of_split = [
            row
            for row in rows
            if row.split == split and {row.model, row.baseline} <= set(matrix.models)
        ]
        common = (
            matrix.mask(split=split) & np.isfinite(matrix.scores).all(axis=0)
            if matrix.models
            else np.zeros(0, dtype=bool)
        )
        if len(matrix.models) < FEWEST_MODELS or not common.any():
            continue
        frame, disagreement = _ranks(matrix, common, of_split, settings)
        frames.append(frame.assign(split=split))
        disagreements[split] = disagreement
    ranking = (
        pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(RANK_COLUMNS))
    )
    return ranking[list(RANK_COLUMNS)], disagreements


def _ranks(
    matrix: AnswerMatrix, common: Any, rows: list[Row], settings: CompareSettings
) -> tuple[pd.DataFrame, int]:
    """Ranks of one split on the instances that all models answered."""
    scores, (present, codes) = (
        matrix.scores[:, common],
        np.unique(matrix.task_codes[common], return_inverse=True),
    )
    sizes = np.bincount(codes)
    sums = np.stack([np.bincount(codes, weights=row, minlength=len(present)) for row in scores])
    by_task, accuracy = sums / sizes, scores.mean(axis=1)
    better = np.zeros((len(scores), len(scores)), dtype=bool)
    for row in rows:
        if row.p_holm < SURE:
            winner, loser = (
                (row.model, row.baseline) if row.difference > 0 else (row.baseline, row.model)
            )
            better[matrix.place(winner), matrix.place(loser)] = True
    best, worst = rank_ranges(better)
    lo, hi, p_best = bootstrap_ranks(
        sums,
        sizes,
        resamples=settings.resamples,
        seed=settings.seed,
        confidence=settings.confidence,
    )
    points, (order, disagreements) = borda(np.round(by_task, 12)), kemeny(np.round(by_task, 12))
    by_accuracy = np.argsort(-np.round(accuracy, 12), kind="stable")
    groups = tie_groups(better | better.T)
    letters = _letters(groups, by_accuracy)
    frame = pd.DataFrame(
        {
            "model": matrix.models,
            "rank": _places_of(accuracy),
            "accuracy": accuracy,
            "rank_best": best,
            "rank_worst": worst,
            "boot_rank_lo": lo,
            "boot_rank_hi": hi,
            "p_best": p_best,
            "tie_group": letters,
            "borda": points,
            "borda_rank": _places_of(points),
            "kemeny_rank": 1 + np.argsort(order),
            "n": int(common.sum()),
            "n_tasks": len(present),
        }
    )
    return frame.iloc[by_accuracy], disagreements


def _places_of(values: Any) -> Any:
    """Ranks from 1, largest value first; ties share the best of their ranks."""
    rounded = np.round(np.asarray(values, dtype=float), 12)
    return 1 + (rounded[None, :] > rounded[:, None]).sum(axis=1)


def _letters(groups: Sequence[Sequence[int]], by_accuracy: Any) -> list[str]:
    """A letter per tie group, "a" for the group with the best model; models that share a letter do
    not differ significantly.
    """
    place = {int(system): rank for rank, system in enumerate(by_accuracy)}
    ordered = sorted(groups, key=lambda group: sorted(place[member] for member in group))
    return [
        "".join(chr(ord("a") + at) for at, group in enumerate(ordered) if system in group)
        for system in range(len(place))
    ]


def _frame(rows: list[Row]) -> pd.DataFrame:
    whole = {"level", "n", "n_baseline", "n_both", "n_model_only", "n_baseline_only", "n_neither"}
    words = {field.name for field in fields(Row) if "str" in str(field.type)}
    # Text columns have dtype object, so that missing text is None.
    kinds: dict[str, Any] = dict.fromkeys(whole, "Int64") | dict.fromkeys(words, object)
    return pd.DataFrame(
        {
            name: pd.Series([getattr(row, name) for row in rows], dtype=kinds.get(name))
            for name in COLUMNS
        }
    )


def records_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain dicts: a missing integer is None, an undefined share NaN."""
    return [
        {str(name): None if value is pd.NA else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _notes(
    matrix: AnswerMatrix, means: pd.DataFrame, rows: Sequence[Row], models: Sequence[str]
) -> Iterator[str]:
    """Limits of the comparison, in sentences."""
    for model in models:
        if model not in matrix.models:
            yield (
                f"{model} has published level means only: it is compared unpaired, by level"
                if model in set(means["model"])
                else f"{model} has neither graded answers nor level means here"
            )
    yield from _answer_notes(matrix)
    yield from _pairing_notes(matrix, rows)


def _answer_notes(matrix: AnswerMatrix) -> Iterator[str]:
    for model, epochs in zip(matrix.models, matrix.n_epochs, strict=True):
        if epochs > 1:
            yield (
                f"{model} has up to {epochs} answers to an instance: they are averaged first; the"
                " four cells count an instance as right when more than half of its answers are,"
                " and McNemar's test is left out where averages differ from 0 and 1"
            )
    for model, n_errors, n_unparsed in zip(
        matrix.models, matrix.n_errors, matrix.n_unparsed_left_out, strict=True
    ):
        if n_errors:
            yield (
                f"{model}: {n_errors:,} answers ended in an error; a pair with one of them is"
                " left out"
            )
        if n_unparsed:
            yield (
                f"{model}: {n_unparsed:,} answers are not parsed; the denominator leaves out a pair"
                " when either is not parsed"
            )
    for model, task, split in matrix.by_rule[:6]:
        yield (
            f"{model}: under 10 % of the {split.upper() or 'unsplit'} answers to {task} parse; the"
            " authors' rule sets its accuracy to 0"
        )


def _pairing_notes(matrix: AnswerMatrix, rows: Sequence[Row]) -> Iterator[str]:
    unshared = {row.model for row in rows if row.method == UNPAIRED} & set(matrix.models)
    if unshared and any(row.baseline in matrix.models for row in rows):
        yield (
            f"Instances are not shared with the baseline by {', '.join(sorted(unshared))}: an"
            " unpaired test is used, named in the table"
        )
    left_out = {
        row.model: row.n_left_out
        for row in rows
        if row.method == PAIRED and row.grouping == "overall" and row.n_left_out
    }
    for model, n in left_out.items():
        yield (
            f"{model}: {n:,} instances that only one of the two answered are left out of the pairs"
        )
    if any(row.method == NONE for row in rows):
        yield "Where no test is possible the table says why"
