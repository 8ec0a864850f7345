"""Which of two to six models is better, and how sure is that?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from data.records import Selection
from studies.settings import setting
from studies.steps import level_scores, step

if TYPE_CHECKING:
    import pandas as pd

    from analysis.compare.answer_matrix import AnswerMatrix
    from analysis.compare.comparing import Comparison
    from data.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareSettings:
    """What is compared with what."""

    baseline: str | None = setting(
        None, "Model that the others are compared with. Default: the first."
    )
    by: str = setting("level", "Group differences by this.", words=("level", "task", "overall"))
    over: str = setting(
        "tasks",
        "Intervals for other tasks of the kind, or for new instances of these tasks.",
        words=("tasks", "instances"),
    )
    resamples: int = setting(10_000, "Bootstrap resamples of the ranks.", least=1)
    seed: int = setting(0, "Seed of the bootstrap.", least=0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompareStudy:
    """Differences to the baseline, ranks, and who is wrong on the same instances.

    agreement  analysis.compare.agreement.agreement_table.
    """

    comparison: Comparison
    agreement: pd.DataFrame

    @property
    def sentence(self) -> str:
        """Who is better out of distribution (else in the split there is), and how sure that is."""
        from analysis.compare.sentences import headline

        return headline(self.comparison)

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON; undefined numbers are None."""
        from analysis.compare.comparing import records_of
        from analysis.text import plain_value

        agreement = plain_value(records_of(self.agreement))
        return {"sentence": self.sentence, **self.comparison.as_record(), "agreement": agreement}

    def report(self) -> str:
        """The sentence, a line per comparison, the ranks, and what to keep in mind."""
        from analysis.compare.sentences import report

        return f"{self.sentence}\n\n{report(self.comparison)}"


def compare(store: Store, selection: Selection, settings: CompareSettings) -> CompareStudy:
    """The two to six models of the selection against a baseline.

    Raises:
        NotEnoughDataError: fewer than two or more than six models, or a baseline that is none of
            them.
    """
    from analysis.compare.comparing import check_models

    check_models(selection.models, settings.baseline)
    return CompareStudy(
        comparison=comparison(store, selection, settings), agreement=agreement(store, selection)
    )


@step()
def comparison(
    store: Store, selection: Selection, settings: CompareSettings, *, bootstrap: bool = True
) -> Comparison:
    """The models against the baseline; without `bootstrap` for what shows none of its numbers."""
    from analysis.compare.comparing import compare_models
    from analysis.compare.rows import CompareSettings as Options

    options = Options(
        grouping=settings.by,
        unit=f"over {settings.over}",
        resamples=settings.resamples if bootstrap else 0,
        seed=settings.seed,
    )
    matrix, means = answer_matrix(store, selection), level_scores(store, selection)
    return compare_models(matrix, means, selection.models, settings.baseline, options)


@step()
def agreement(store: Store, selection: Selection) -> pd.DataFrame:
    """Which of the models are wrong on the same instances."""
    from analysis.compare.agreement import agreement_table, choices_by_column
    from data.queries import fetch_answers

    matrix = answer_matrix(store, selection)
    columns = ("choice_logprobs", "answer_logprob")
    answers = fetch_answers(store, replace(selection, models=matrix.models), columns=columns)
    return agreement_table(matrix, choices_by_column(matrix, answers))


@step(is_large=True)
def answer_matrix(store: Store, selection: Selection) -> AnswerMatrix:
    """Answers of the models of the selection side by side."""
    from analysis.compare.answer_matrix import answer_matrix as build

    return build(outcomes(store, selection), selection.models, selection.denominator)


@step(is_large=True, reads_denominator=False)
def outcomes(store: Store, selection: Selection) -> pd.DataFrame:
    """What became of every answer. See data.queries.fetch_answers."""
    from data.queries import fetch_answers

    return fetch_answers(store, selection)
