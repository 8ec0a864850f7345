"""One batch of instances sent to a model: its replies, the second prompt where no answer could be
read, and the grades.

The results are columns and not one object per answer: for the smallest model of the ladder, making
an object of 22 fields for every answer cost a tenth of the model's time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from data.records import Outcome, SampleColumns
from probe.models.base import Decoding, Model, Prompt, Reply, ShouldStop
from probe.models.demo import OracleModel
from probe.prompts import SECOND_MAX_NEW_TOKENS, PromptStyle
from probe.tasks import Grade, Instance

_write_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to a batch, in the form that the store accepts."""

    columns: SampleColumns
    """One entry per instance, in their order."""
    outcomes: tuple[Outcome, ...]
    model_s: float
    """Time in the model."""

    @property
    def errors(self) -> list[str]:
        """The reason for every instance without an answer."""
        pairs = zip(self.columns["reason"], self.outcomes, strict=True)
        return [reason for reason, outcome in pairs if outcome is Outcome.ERROR]


def ask(
    model: Model,
    run_id: str,
    style: PromptStyle,
    decoding: Decoding,
    batch: Sequence[Instance],
    *,
    with_answer_logprobs: bool,
    should_stop: ShouldStop,
) -> Answers:
    """Send a batch to the model and grade the replies. Raises: StoppedError, ModelError."""
    prompts = [style.prompt(instance) for instance in batch]
    if isinstance(model, OracleModel):
        model.learn(
            {
                p.text: f"The answer is {one.reference}."
                for p, one in zip(prompts, batch, strict=True)
            }
        )
    asks_logprobs = with_answer_logprobs and model.facts.has_answer_logprobs
    questions = (
        [style.question(one, prompt) for one, prompt in zip(batch, prompts, strict=True)]
        if asks_logprobs
        else []
    )
    began = time.monotonic()
    replies = model.reply(prompts, decoding, should_stop=should_stop)
    logprobs: list[float | None] = (
        model.answer_logprobs(questions) if asks_logprobs else [None] * len(batch)
    )
    model_s = time.monotonic() - began
    grades = _grade(style, batch, replies)
    if style.second_trigger is not None:
        model_s += _ask_again(model, style, decoding, batch, prompts, replies, grades, should_stop)
    return Answers(
        _columns(run_id, batch, prompts, replies, grades, logprobs),
        tuple(map(_outcome, grades)),
        model_s,
    )


def _grade(
    style: PromptStyle, batch: Sequence[Instance], replies: Sequence[Reply]
) -> list[Grade | None]:
    """The grades; None where there is no reply."""
    return [
        None if reply.error is not None else style.grade(one, reply.text)
        for one, reply in zip(batch, replies, strict=True)
    ]


def _outcome(grade: Grade | None) -> Outcome:
    return Outcome.ERROR if grade is None else grade.outcome


def _ask_again(
    model: Model,
    style: PromptStyle,
    decoding: Decoding,
    batch: Sequence[Instance],
    prompts: Sequence[Prompt],
    replies: list[Reply],
    grades: list[Grade | None],
    should_stop: ShouldStop,
) -> float:
    """Where no answer could be read, request the answer alone, after the model's own reply and the
    second trigger.

    Replies and grades are replaced in place. Returns the time in the model, s.
    """
    again = [
        place for place, grade in enumerate(grades) if grade is not None and grade.answer is None
    ]
    if not again:
        return 0.0
    began = time.monotonic()
    leads = [f"{replies[place].text.rstrip()}\n{style.second_trigger}" for place in again]
    asked = [replace(prompts[place], lead=lead) for place, lead in zip(again, leads, strict=True)]
    seconds = model.reply(
        asked, replace(decoding, max_new_tokens=SECOND_MAX_NEW_TOKENS), should_stop=should_stop
    )
    model_s = time.monotonic() - began
    for place, lead, second in zip(again, leads, seconds, strict=True):
        if second.error is None:
            replies[place] = _merge(replies[place], lead, second)
            grades[place] = style.grade(batch[place], replies[place].text)
    return model_s


def _merge(first: Reply, lead: str, second: Reply) -> Reply:
    """Both replies joined, with the trigger between them. Token log-probabilities are those of the
    generated tokens.
    """
    both = first.token_logprobs is not None and second.token_logprobs is not None
    return Reply(
        text=lead + second.text,
        token_logprobs=(
            (*(first.token_logprobs or ()), *(second.token_logprobs or ())) if both else None
        ),
        n_input_tokens=first.n_input_tokens,
        n_output_tokens=(first.n_output_tokens or 0) + (second.n_output_tokens or 0),
        duration_s=(first.duration_s or 0.0) + (second.duration_s or 0.0),
        is_cut=second.is_cut,
    )


def _columns(
    run_id: str,
    batch: Sequence[Instance],
    prompts: Sequence[Prompt],
    replies: Sequence[Reply],
    grades: Sequence[Grade | None],
    logprobs: list[float | None],
) -> SampleColumns:
    return {
        "run_id": [run_id] * len(batch),
        "task": [one.task for one in batch],
        "instance_id": [one.instance_id for one in batch],
        "split": [one.split for one in batch],
        "level": [one.level for one in batch],
        "outcome": [_outcome(grade) for grade in grades],
        "score": [
            None if grade is None else 1.0 if grade.outcome is Outcome.CORRECT else 0.0
            for grade in grades
        ],
        "input": [prompt.text for prompt in prompts],
        "target": [str(one.reference) for one in batch],
        "response": [
            None if grade is None else reply.text
            for grade, reply in zip(grades, replies, strict=True)
        ],
        "parsed_answer": [
            None if grade is None or grade.answer is None else str(grade.answer) for grade in grades
        ],
        "reason": [
            reply.error if grade is None else grade.reason
            for grade, reply in zip(grades, replies, strict=True)
        ],
        "answer_logprob": logprobs,
        "token_logprobs": [reply.token_logprobs for reply in replies],
        "n_input_tokens": [reply.n_input_tokens for reply in replies],
        "n_output_tokens": [reply.n_output_tokens for reply in replies],
        "duration_s": [reply.duration_s for reply in replies],
        "metadata": [_metadata(one, reply) for one, reply in zip(batch, replies, strict=True)],
    }


def _metadata(instance: Instance, reply: Reply) -> str:
    stated = {"input": instance.input, "cut": True} if reply.is_cut else {"input": instance.input}
    return _write_json(stated).decode()
