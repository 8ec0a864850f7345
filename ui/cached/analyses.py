"""What was computed from the store, one function per analysis.

The analyses bring scipy along, which costs half a second: each is loaded by the first page that
needs it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from data import queries
from data.queries import SAMPLE_METRICS
from data.records import NotEnoughDataError, Selection, Split
from ui.cached.keeping import kept, shared, store
from ui.cached.reads import any_denominator, level_scores, levels, models, scales, task_counts
from ui.figures.theme import natural_order

if TYPE_CHECKING:
    from analysis.account.explanation import Explanation
    from analysis.compare.answer_matrix import AnswerMatrix
    from analysis.compare.comparing import Comparison
    from analysis.emergence.loss_threshold import LossThreshold
    from analysis.emergence.scale_series import Series, Wanted
    from analysis.emergence.studying import Emergence, Mirage
    from analysis.likelihood.answer_likelihood import AnswerLikelihood
    from analysis.probe_tasks.probe_tasks import ProbeReading
    from analysis.size.level_by_size import LevelBySize
    from analysis.valley.difficulty import LevelAxis
    from analysis.valley.locating import Valley
    from analysis.valley.published import ScoreBounds
    from analysis.what_if.conclusions import Conclusion
    from analysis.what_if.multiverse import Multiverse
    from analysis.what_if.scoring import Cells


# -- valleys ---------------------------------------------------------------------------------------


def valley_sources(selection: Selection) -> tuple[tuple[str, str], ...]:
    """Models of the selection that have a valley, each with its source: those with counted
    "samples", then those with "published" means.
    """
    return _valley_sources(any_denominator(selection))


@kept
def _valley_sources(selection: Selection) -> tuple[tuple[str, str], ...]:
    counts = task_counts(selection)
    counts = counts[counts["level"].notna() & counts["role"].ne("probe").fillna(True).astype(bool)]
    counted = _with_both_splits(counts, ["model", "task"])
    means = level_scores(selection)
    means = means[(means["metric"] == "accuracy") & means["task"].isna()]
    published = _with_both_splits(means, ["model", "level"])
    return (
        *((model, "samples") for model in sorted(counted, key=natural_order)),
        *((model, "published") for model in sorted(published - counted, key=natural_order)),
    )


def _with_both_splits(frame: pd.DataFrame, pair: list[str]) -> set[str]:
    n_splits = frame.groupby(pair)["split"].nunique()
    return set(n_splits[n_splits == len(Split)].index.get_level_values("model"))


def valley(model: str, source: str, selection: Selection) -> Valley:
    """The valley of one model, from "samples" or "published". See analysis.valley.locating and
    analysis.valley.published.
    """
    return _valley(source, replace(selection, models=(model,)))


@kept
def _valley(source: str, selection: Selection) -> Valley:
    from analysis.valley.locating import Settings, valley_of
    from analysis.valley.published import valleys_from_published

    estimation = Settings(denominator=selection.denominator)
    if source == "published":
        return valleys_from_published(level_scores(selection), estimation)[0]
    axis = _level_axis(replace(selection, models=()))
    return valley_of(
        _task_pairs(replace(selection, models=())), selection.models[0], estimation, axis=axis
    )


@shared
def _task_pairs(selection: Selection) -> pd.DataFrame:
    from analysis.valley.locating import Settings, pair_tasks

    return pair_tasks(task_counts(selection), Settings(denominator=selection.denominator))


@kept
def _level_axis(selection: Selection) -> LevelAxis:
    from analysis.valley.difficulty import difficulty_axis

    return difficulty_axis(task_counts(selection), selection.denominator)


def explanation(model: str, source: str, selection: Selection) -> Explanation:
    """What explains the gap of one model. See analysis.account.explanation. Raises
    NotEnoughDataError for published means.
    """
    return _explanation(source, replace(selection, models=(model,)))


@kept
def _explanation(source: str, selection: Selection) -> Explanation:
    from analysis.account.explanation import explain_valley

    return explain_valley(_valley(source, selection))


@kept
def score_bounds(selection: Selection) -> tuple[ScoreBounds, ...]:
    """What published scores alone say about the gap. See analysis.valley.published.score_bounds."""
    from analysis.valley.published import score_bounds as bound

    return bound(level_scores(selection))


# -- scores over scale -----------------------------------------------------------------------------


def series(selection: Selection, metric: str, wanted: Wanted, *, draw: bool = True) -> Series:
    """One metric over one scale; without `draw` for a look at the points only. See
    analysis.emergence.scale_series.gather.
    """
    return _series(any_denominator(replace(selection, tasks=())), metric, wanted, draw)


@shared
def _series(selection: Selection, metric: str, wanted: Wanted, draw: bool) -> Series:
    from analysis.emergence.scale_series import gather

    # The rollups of a metric are read once: every further task, level or split is then a filter in
    # memory. Of what only answers themselves tell, reading the tasks that are wanted is a tenth of
    # reading all.
    tasks = wanted.tasks if metric in SAMPLE_METRICS[1:] else ()
    return gather(
        scales(selection),
        _scale_values(replace(selection, tasks=tasks), metric),
        metric,
        wanted,
        draw=draw,
    )


@shared
def _scale_values(selection: Selection, metric: str) -> pd.DataFrame:
    return queries.fetch_scale_values(store(), selection, metric)


def emergence(
    selection: Selection,
    metric: str,
    wanted: Wanted,
    chance: float | None,
    *,
    hold_out: bool = True,
) -> Emergence | None:
    """What is computed of one series; None where no run has it. See
    analysis.emergence.studying.study.
    """
    found = series(selection, metric, wanted)
    if not len(found.points):
        return None
    return _emergence(
        any_denominator(replace(selection, tasks=())),
        metric,
        wanted,
        chance if found.is_share else None,
        hold_out,
    )


@shared
def _emergence(
    selection: Selection, metric: str, wanted: Wanted, chance: float | None, hold_out: bool
) -> Emergence:
    from analysis.emergence.studying import study

    return study(series(selection, metric, wanted), chance=chance, hold_out=hold_out)


@kept
def mirage(
    selection: Selection,
    metrics: tuple[str, str],
    wanted: tuple[Wanted, Wanted],
    chance: float | None,
) -> Mirage | None:
    """A discontinuous and a continuous metric of the same answers; None where a run lacks one. See
    analysis.emergence.studying.
    """
    from analysis.emergence.studying import compare_metrics

    found = emergence(selection, metrics[0], wanted[0], chance)
    other = emergence(selection, metrics[1], wanted[1], chance, hold_out=False)
    if found is None or other is None:
        return None
    answers = any_denominator(replace(selection, tasks=wanted[0].tasks))
    return compare_metrics(
        found, other, queries.fetch_metric_correlations(store(), answers, *metrics)
    )


@kept
def loss_threshold(
    selection: Selection, metric: str, wanted: Wanted, chance: float | None
) -> LossThreshold | str:
    """Hinge of a metric against loss, or why there is none. See
    analysis.emergence.studying.threshold_of.
    """
    from analysis.emergence.studying import threshold_of

    try:
        return threshold_of(series(selection, metric, wanted), chance=chance)
    except NotEnoughDataError as error:
        return str(error)


# -- critical level and size, probe tasks, answer probabilities ------------------------------------


@kept
def level_by_size(source: str, selection: Selection) -> LevelBySize:
    """Critical levels against size, of "published" levels or those of stored "samples". See
    analysis.size.level_by_size.
    """
    from analysis.size.level_by_size import counted_levels, published_levels
    from analysis.size.level_by_size import level_by_size as fit

    known = models()
    if source == "published":
        rows = published_levels(level_scores(selection), known)
    else:
        rows = counted_levels(task_counts(selection), known, selection.denominator)
    places = [int(level) for level in levels(selection.scheme)["level"]] or [
        int(level) for level in rows["level"].dropna()
    ]
    return fit(rows, source=source, lowest=min(places, default=1), highest=max(places, default=5))


@kept
def probe_readings(selection: Selection) -> tuple[ProbeReading, ...]:
    """Complexity used on probe tasks. See analysis.probe_tasks.probe_tasks."""
    from analysis.probe_tasks.probe_tasks import probe_readings as read

    return read(task_counts(selection), selection.denominator)


def answer_likelihood(model: str, selection: Selection) -> AnswerLikelihood:
    """How likely the reference answers were to one model. See
    analysis.likelihood.answer_likelihood.
    """
    return _answer_likelihood(replace(selection, models=(model,)))


@kept
def _answer_likelihood(selection: Selection) -> AnswerLikelihood:
    from analysis.likelihood.answer_likelihood import answer_likelihood as measure

    answers = queries.fetch_answers(
        store(), selection, columns=("answer_logprob", "token_logprobs", "target")
    )
    return measure(answers, selection.models[0], denominator=selection.denominator)


# -- comparisons -----------------------------------------------------------------------------------


def answer_matrix(models: tuple[str, ...], selection: Selection) -> AnswerMatrix:
    """Answers of these models side by side. See analysis.compare.answer_matrix."""
    return _answer_matrix(replace(selection, models=models))


@shared
def _answer_matrix(selection: Selection) -> AnswerMatrix:
    from analysis.compare.answer_matrix import answer_matrix as build

    return build(_outcomes(any_denominator(selection)), selection.models, selection.denominator)


@shared
def _outcomes(selection: Selection) -> pd.DataFrame:
    return queries.fetch_answers(store(), selection)


def comparison(
    models: tuple[str, ...],
    baseline: str,
    grouping: str,
    unit: str,
    selection: Selection,
    *,
    bootstrap: bool = True,
) -> Comparison:
    """These models against a baseline; without `bootstrap` for what shows none of its numbers. See
    analysis.compare.comparing.
    """
    return _comparison(baseline, grouping, unit, replace(selection, models=models), bootstrap)


@kept
def _comparison(
    baseline: str, grouping: str, unit: str, selection: Selection, bootstrap: bool
) -> Comparison:
    from analysis.compare.comparing import compare_models
    from analysis.compare.rows import CompareSettings

    matrix, means = _answer_matrix(selection), level_scores(selection)
    settings = CompareSettings(grouping=grouping, unit=unit)
    return compare_models(
        matrix,
        means,
        selection.models,
        baseline,
        settings if bootstrap else replace(settings, resamples=0),
    )


def agreement(models: tuple[str, ...], selection: Selection) -> pd.DataFrame:
    """Which of these models are wrong on the same instances. See
    analysis.compare.agreement.agreement_table.
    """
    return _agreement(replace(selection, models=models))


@kept
def _agreement(selection: Selection) -> pd.DataFrame:
    from analysis.compare.agreement import agreement_table, choices_by_column

    matrix = _answer_matrix(selection)
    answers = queries.fetch_answers(
        store(), selection, columns=("choice_logprobs", "answer_logprob")
    )
    return agreement_table(matrix, choices_by_column(matrix, answers))


# -- what if ---------------------------------------------------------------------------------------


def metric_cells(selection: Selection, *, authors: bool = False) -> Cells:
    """The selection's answers under every metric, and published level means, summed by cell.
    Sliders re-aggregate what this returns.

    authors: with the outcomes of the authors' grader, for which every stored reply is graded anew:
    seconds, the first time.
    """
    return _metric_cells(
        any_denominator(selection), authors
    )  # the denominator is one of the things that re-aggregation varies


@shared
def _metric_cells(selection: Selection, authors: bool) -> Cells:
    from analysis.what_if.published_cells import cells_of_published, join_cells
    from analysis.what_if.scoring import NEEDED_COLUMNS, reduce_samples

    answers = queries.fetch_answers(store(), selection, columns=NEEDED_COLUMNS)
    if authors:
        outcomes = regraded(selection).set_index(["run_id", "row_in_run"])["authors_outcome"]
        here = pd.MultiIndex.from_arrays([answers["run_id"].astype(str), answers["row_in_run"]])
        answers = answers.assign(authors_outcome=outcomes.reindex(here).to_numpy())
    published = cells_of_published(level_scores(selection))
    return join_cells(reduce_samples(answers, chance=queries.fetch_chance(store())), published)


def regraded(selection: Selection) -> pd.DataFrame:
    """Stored replies under the authors' grader and ours: model, run_id, row_in_run, outcome and
    what probe.regrading.regrade returns.

    Of all models and tasks, whichever are selected: another choice then needs no second look at the
    replies.
    """
    return _regraded(replace(any_denominator(selection), models=(), tasks=()))


@shared
def _regraded(selection: Selection) -> pd.DataFrame:
    from probe.regrading import COLUMNS, NEEDED_COLUMNS, Regraded, regrade

    answers = queries.fetch_answers(store(), selection, columns=NEEDED_COLUMNS)
    address = answers[["model", "run_id", "row_in_run", "outcome"]].astype(
        {"model": str, "run_id": str, "outcome": object}
    )
    found = regrade(answers[list(COLUMNS)].itertuples(index=False, name=None))
    return address.join(
        pd.DataFrame(found, index=answers.index, columns=list(Regraded._fields), dtype=object)
    )


def multiverse(
    selection: Selection, models: tuple[str, ...], conclusion: Conclusion, *, authors: bool = False
) -> Multiverse:
    """Every specification of a conclusion on these models; `authors` as for `metric_cells`. See
    analysis.what_if.multiverse.
    """
    return _multiverse(any_denominator(selection), models, conclusion, authors)


@kept
def _multiverse(
    selection: Selection, models: tuple[str, ...], conclusion: Conclusion, authors: bool
) -> Multiverse:
    from analysis.what_if.multiverse import multiverse as compute

    return compute(_metric_cells(selection, authors).narrowed(models), conclusion)
