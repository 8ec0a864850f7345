"""The zero-shot prompt: the task in words, its input, the required form of the answer, and the
instruction to think step by step.

Modelled on SCYLLA's prompts (arXiv 2410.01769, section 4) and in our own words; where theirs are
ambiguous, these are explicit.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from probe.tasks.inputs import Input, show_input

SECOND_TRIGGER = "Therefore, the answer is"
"""Appended to a first reply to request the answer alone. Grade the trigger together with the text
that follows it.
"""


class Wording(Protocol):
    """The fields of a task that a prompt uses; they are those of `probe.tasks.base.Task`."""

    fields: tuple[str, ...]
    instruction: str
    answer_rule: str
    example: str

    def __hash__(self) -> int: ...


def zero_shot(task: Wording, given: Input) -> str:
    """The full prompt for one input."""
    before, after = _around_input(task)
    return before + show_input(task.fields, given) + after


@lru_cache(maxsize=64)
def _around_input(task: Wording) -> tuple[str, str]:
    return (
        f"{task.instruction}\n\n",
        f'\n\nEnd your reply with "The answer is <answer>.", where <answer> is {task.answer_rule}. '
        f"{example_sentence(task)}\n\nLet's think step by step.",
    )


def example_sentence(task: Wording) -> str:
    """The sentence that shows the form of an answer."""
    return f'For example: "The answer is {task.example}."'
