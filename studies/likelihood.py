"""How likely were the reference answers to the models, in and out of distribution?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from data.records import Selection
from studies.settings import setting
from studies.steps import step, task_counts

if TYPE_CHECKING:
    from analysis.likelihood.answer_likelihood import AnswerLikelihood
    from data.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodSettings:
    """How many answers are read, and how they are resampled."""

    most_answers: int = setting(
        200_000,
        "Models with more stored answers are left out; choose tasks to read fewer.",
        least=0,
    )
    seed: int = setting(0, "Seed of the bootstrap.", least=0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LikelihoodStudy:
    """One result per model with stored answer probabilities.

    left_out  models with more stored answers than are read.
    """

    models: tuple[AnswerLikelihood, ...]
    left_out: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Where ID and OOD lie furthest apart in answer probability, and where closest."""
        from analysis.likelihood.sentences import NO_LIKELIHOOD, headline

        return headline(self.models) if self.models else NO_LIKELIHOOD

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON; undefined numbers are None."""
        return {
            "sentence": self.sentence,
            "models": [one.as_record() for one in self.models],
            "left_out": list(self.left_out),
        }

    def report(self) -> str:
        """The sentence and which models were left out."""
        more = f"Left out, for too many answers: {', '.join(self.left_out)}."
        return "\n".join([self.sentence, *([more] if self.left_out else [])])


def likelihood(store: Store, selection: Selection, settings: LikelihoodSettings) -> LikelihoodStudy:
    """Answer probabilities of every model of the selection that has some. Reads every answer of
    the models that it does not leave out.
    """
    counts = task_counts(store, selection)
    n_stored = (
        counts[["n_correct", "n_wrong", "n_unparsed", "n_error"]]
        .sum(axis=1)
        .groupby(counts["model"])
        .sum()
    )
    models = [name for name in selection.models or n_stored.index if name in n_stored.index]
    large = tuple(name for name in models if n_stored[name] > settings.most_answers)
    found = [
        likelihood_of_model(store, replace(selection, models=(name,)), settings.seed)
        for name in models
        if name not in large
    ]
    return LikelihoodStudy(
        models=tuple(one for one in found if one.n_id or one.n_ood or len(one.min_k)),
        left_out=large,
    )


@step()
def likelihood_of_model(store: Store, selection: Selection, seed: int) -> AnswerLikelihood:
    """The one model of the selection. See analysis.likelihood.answer_likelihood."""
    from analysis.likelihood.answer_likelihood import answer_likelihood
    from data.queries import fetch_answers

    columns = ("answer_logprob", "token_logprobs", "target")
    answers = fetch_answers(store, selection, columns=columns)
    model = selection.models[0]
    return answer_likelihood(answers, model, denominator=selection.denominator, seed=seed)
