"""Sentences about answer probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from analysis.likelihood.answer_likelihood import AnswerLikelihood
from analysis.text import number, with_interval

NO_LIKELIHOOD = "No model of this choice has stored answer probabilities."


def headline(found: Sequence[AnswerLikelihood]) -> str:
    """The models for which the ID and OOD distributions differ most and least."""
    known = sorted((one for one in found if one.reason is None), key=lambda one: -one.normalised.js)
    if not known:
        return (
            f"How far ID and OOD lie apart in answer probability cannot be said: {found[0].reason}."
        )
    first, last = known[0], known[-1]

    thousandths = partial(number, digits=3)

    def say(one: AnswerLikelihood) -> str:
        apart = with_interval(one.normalised.js, one.js_lo, one.js_hi, thousandths)
        return f"for {one.model} ({apart})"

    apart = (
        f"furthest apart {say(first)} and closest {say(last)}"
        if last is not first
        else f"apart {say(first)}"
    )
    return (
        f"In the probability of the reference answer ID and OOD lie {apart}: JS divergence in nats,"
        " at most 0.693."
    )
