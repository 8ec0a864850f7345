"""Where does the gap between ID and OOD peak for each model, and what explains it?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from data.records import NotEnoughDataError, Selection, Split
from studies.settings import setting
from studies.steps import level_scores, step, task_counts

if TYPE_CHECKING:
    import pandas as pd

    from analysis.account.explanation import Explanation
    from analysis.valley.difficulty import LevelAxis
    from analysis.valley.locating import Valley
    from analysis.valley.published import ScoreBounds
    from data.store import Store

COUNTED, PUBLISHED = "samples", "published"
"""Where a valley comes from: counted answers, or published means of levels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValleySettings:
    """How valleys are estimated."""

    resamples: int = setting(2000, "Bootstrap resamples.", least=1)
    seed: int = setting(0, "Seed of the bootstrap.", least=0)
    explain: bool = setting(False, "Add what explains each gap; takes seconds a model.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValleyStudy:
    """One valley per model of the selection that has one.

    explanations  one per valley, None where there is none; empty unless asked for.
    """

    valleys: tuple[Valley, ...]
    explanations: tuple[Explanation | None, ...]

    @property
    def sentence(self) -> str:
        """Where the gap is largest and what explains it, for all models."""
        from analysis.valley.headline import NO_VALLEY, headline

        return " ".join(headline(self.valleys)).strip() if self.valleys else NO_VALLEY

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON; undefined numbers are None."""
        from analysis.valley.sentences import valley_record

        models = [valley_record(valley) for valley in self.valleys]
        for model, explanation in zip(models, self.explanations, strict=False):
            model["explanation"] = None if explanation is None else explanation.as_record()
        return {"sentence": self.sentence, "models": models}

    def report(self) -> str:
        """The sentence and, per model, the levels, the log-odds gap and every warning."""
        from analysis.valley.sentences import describe_valley

        return "\n\n".join([self.sentence, *map(describe_valley, self.valleys)])


@step(reads_every_model=True)
def valley(store: Store, selection: Selection, settings: ValleySettings) -> ValleyStudy:
    """The valley of every model of the selection with ID and OOD results on levels.

    Counted answers go before published means of the same model. Levels are placed by the
    difficulty that the results of all models give them, so one model's numbers never depend on
    which others are chosen.
    """
    plain = replace(settings, explain=False)
    found = [
        (source, replace(selection, models=(model,))) for model, source in sources(store, selection)
    ]
    return ValleyStudy(
        valleys=tuple(valley_of_model(store, source, one, plain) for source, one in found),
        explanations=tuple(
            _explanation_or_none(store, source, one, plain)
            for source, one in found
            if settings.explain
        ),
    )


@step(reads_denominator=False)
def sources(store: Store, selection: Selection) -> tuple[tuple[str, str], ...]:
    """Models of the selection that have a valley, each with its source: first those with counted
    answers, then those with published means only, both in natural order.
    """
    from analysis.text import natural_order

    counts = task_counts(store, selection)
    is_probe_task = counts["role"].eq("probe").fillna(False).astype(bool)
    counted = _with_both_splits(counts[counts["level"].notna() & ~is_probe_task], "task")
    means = level_scores(store, selection)
    means = means[(means["metric"] == "accuracy") & means["task"].isna()]
    published = _with_both_splits(means, "level") - counted
    return (
        *((model, COUNTED) for model in sorted(counted, key=natural_order)),
        *((model, PUBLISHED) for model in sorted(published, key=natural_order)),
    )


def _with_both_splits(rows: pd.DataFrame, unit: str) -> set[str]:
    n_splits = rows.groupby(["model", unit])["split"].nunique()
    return set(n_splits[n_splits == len(Split)].index.get_level_values("model"))


@step(reads_every_model=True)
def valley_of_model(
    store: Store, source: str, selection: Selection, settings: ValleySettings
) -> Valley:
    """The valley of the one model of the selection. `source`: COUNTED or PUBLISHED."""
    return _located(store, source, selection, settings, _axis_of(store, source, selection))


def _axis_of(store: Store, source: str, selection: Selection) -> LevelAxis | None:
    """What enters a valley of other models' results. Handed on as an argument, so that a valley
    whose axis stays the same is not estimated again.
    """
    return level_axis(store, replace(selection, models=())) if source == COUNTED else None


@step()
def _located(
    store: Store,
    source: str,
    selection: Selection,
    settings: ValleySettings,
    axis: LevelAxis | None,
) -> Valley:
    from analysis.valley.locating import Settings, valley_of
    from analysis.valley.published import valleys_from_published

    estimation = Settings(
        denominator=selection.denominator, resamples=settings.resamples, seed=settings.seed
    )
    if source == PUBLISHED:
        return valleys_from_published(level_scores(store, selection), settings=estimation)[0]
    return valley_of(task_pairs(store, selection), selection.models[0], estimation, axis=axis)


@step()
def task_pairs(store: Store, selection: Selection) -> pd.DataFrame:
    """ID and OOD accuracy of every task. See analysis.valley.locating.pair_tasks."""
    from analysis.valley.locating import Settings, pair_tasks

    return pair_tasks(task_counts(store, selection), Settings(denominator=selection.denominator))


@step()
def level_axis(store: Store, selection: Selection) -> LevelAxis:
    """Where the levels stand by the results of all models of the selection."""
    from analysis.valley.difficulty import difficulty_axis

    return difficulty_axis(task_counts(store, selection), selection.denominator)


@step(reads_every_model=True)
def explanation(
    store: Store, source: str, selection: Selection, settings: ValleySettings
) -> Explanation:
    """What explains the gap of the one model of the selection.

    Raises:
        NotEnoughDataError: no task has both splits, or the valley is of published means.
    """
    return _explained(store, source, selection, settings, _axis_of(store, source, selection))


@step()
def _explained(
    store: Store,
    source: str,
    selection: Selection,
    settings: ValleySettings,
    axis: LevelAxis | None,
) -> Explanation:
    from analysis.account.explanation import explain_valley

    found = _located(store, source, selection, settings, axis)
    return explain_valley(found, seed=settings.seed)


def _explanation_or_none(
    store: Store, source: str, selection: Selection, settings: ValleySettings
) -> Explanation | None:
    try:
        return explanation(store, source, selection, settings)
    except NotEnoughDataError:
        return None


@step(reads_denominator=False)
def score_bounds(store: Store, selection: Selection) -> tuple[ScoreBounds, ...]:
    """What published scores alone say about the gap. See analysis.valley.published."""
    from analysis.valley.published import score_bounds as bounds

    return bounds(level_scores(store, selection))
