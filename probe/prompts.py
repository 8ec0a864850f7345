"""The prompt styles, by name: how an instance becomes a prompt and how the reply is read.

zero_shot  the task in words, the form of the answer, "Let's think step by step" (SCYLLA's set-up),
as plain text;
chat       the same as a user's turn in the model's chat template;
few_shot   three solved instances of the same task before the question, with answers but no
           reasoning, as plain text; compact    the ladder's own form: `sort: 48 02 64=`, with the
           answer ` 02 48 64$`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from data.records import CharybdisError, Split
from probe.models.base import Decoding, Prompt
from probe.tasks import RANGES, TASKS, Grade, Instance, Reading, Task
from probe.tasks.grading import judge, read_reply
from probe.tasks.inputs import show_input
from probe.tasks.parsing import read_answer
from probe.tasks.prompts import SECOND_TRIGGER

N_SHOTS = 3


class PromptError(CharybdisError):
    """A prompt style does not exist or does not fit the task."""


@dataclass(frozen=True, slots=True)
class PromptStyle:
    """One form of prompt, with its reader."""

    name: str
    label: str
    render: Callable[[Task, Instance], str]
    read: Callable[[Task, str], Reading]
    write_reference: Callable[[Instance], str]
    """The reference as a reply would state it after `answer_lead`; answer log-probabilities are
    those of this text.
    """
    max_new_tokens: int
    is_chat: bool = False
    second_trigger: str | None = None
    """Appended to a reply in which no answer can be read, to request the answer alone."""
    answer_lead: str = ""
    """The text between the prompt and a bare answer."""
    end_sign: str = ""
    """The sign that ends a reply, if the reader needs it."""
    n_shot: int = 0
    tasks: frozenset[str] | None = None
    """The tasks that it supports; None for all."""

    def prompt(self, instance: Instance) -> Prompt:
        """The instance as a prompt. Raises: PromptError for an unsupported task."""
        if self.tasks is not None and instance.task not in self.tasks:
            raise PromptError(
                f"Prompt style '{self.name}' cannot ask about {instance.task}. It has words for:"
                f" {', '.join(sorted(self.tasks))}."
            )
        return Prompt(self.render(TASKS[instance.task], instance), self.is_chat)

    def question(self, instance: Instance, prompt: Prompt) -> tuple[Prompt, str]:
        """Prompt and reference for `Model.answer_logprobs`: the answer directly follows the text
        that leads to it.
        """
        asked = replace(prompt, lead=f"\n{self.answer_lead}") if self.answer_lead else prompt
        return asked, self.write_reference(instance)

    def decoding(
        self, max_new_tokens: int | None = None, temperature: float = 0.0, seed: int = 0
    ) -> Decoding:
        """Decoding of replies in this style; None: as long as the style allows."""
        return Decoding(
            max_new_tokens or self.max_new_tokens,
            temperature,
            seed,
            bool(self.end_sign),
            self.end_sign,
        )

    def grade(self, instance: Instance, reply: str) -> Grade:
        """The grade of a reply in this style."""
        task = TASKS[instance.task]
        return judge(task, instance, self.read(task, reply))


SECOND_MAX_NEW_TOKENS = 256
"""SCYLLA's limit for the reply to the second trigger."""


def _zero_shot(task: Task, instance: Instance) -> str:
    return instance.prompt


def _few_shot(task: Task, instance: Instance) -> str:
    return (
        f"{task.instruction}\n\n{_shots(task.name)}{show_input(task.fields, instance.input)}\nThe"
        " answer is"
    )


@lru_cache(maxsize=64)
def _shots(task_name: str) -> str:
    """The solved instances, the same for every question of a task: ID elements of the stated
    ranges, drawn with a fixed seed.
    """
    task, rng = TASKS[task_name], random.Random(20_410_01769)
    shown = [task.make(rng, Split.ID, None, RANGES) for _ in range(N_SHOTS)]
    return "".join(
        f"{show_input(task.fields, one.input)}\nThe answer is {one.reference}.\n\n" for one in shown
    )


def _read_after_lead(task: Task, reply: str) -> Reading:
    """A base model continues with further questions of its own: its answer is the first line."""
    return read_answer("The answer is" + reply.split("\n", 1)[0], task.kind)


def _write(instance: Instance) -> str:
    return f" {instance.reference}."


_WORDED = {
    "zero_shot": PromptStyle(
        "zero_shot",
        "Zero-shot, step by step",
        _zero_shot,
        read_reply,
        _write,
        2048,
        second_trigger=SECOND_TRIGGER,
        answer_lead=SECOND_TRIGGER,
    ),
    "chat": PromptStyle(
        "chat",
        "Zero-shot in the chat template",
        _zero_shot,
        read_reply,
        _write,
        2048,
        True,
        SECOND_TRIGGER,
        answer_lead=SECOND_TRIGGER,
    ),
    "few_shot": PromptStyle(
        "few_shot",
        f"{N_SHOTS} worked examples",
        _few_shot,
        _read_after_lead,
        _write,
        64,
        n_shot=N_SHOTS,
    ),
}
STYLES = (*_WORDED, "compact")


def style_named(name: str) -> PromptStyle:
    """The style with this name. Raises: PromptError that lists the names."""
    if name in _WORDED:
        return _WORDED[name]
    if name == "compact":
        return _compact()
    raise PromptError(f"There is no prompt style '{name}'. Styles are: {', '.join(STYLES)}.")


@lru_cache(maxsize=1)
def _compact() -> PromptStyle:
    from probe.ladder import compact

    return PromptStyle(
        "compact",
        "The ladder's compact form",
        lambda task, instance: compact.render(task, instance.input),
        compact.read,
        lambda instance: compact.render_answer(instance.input, instance.reference),
        compact.MAX_NEW_TOKENS,
        end_sign=compact.END,
        tasks=frozenset(compact.WORDS),
    )
