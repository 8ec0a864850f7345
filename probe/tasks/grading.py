"""Grading: reply in, `Grade` out: correct, wrong or unparsed, with the reason as text."""

from __future__ import annotations

from typing import Literal, TypeAlias

from data.records import Outcome
from probe.tasks.base import Grade, Instance, Reading, Task
from probe.tasks.elements import TaskError
from probe.tasks.parsing import read_answer
from probe.tasks.prompts import example_sentence
from probe.tasks.scylla_grader import grade_as_authors

Grader: TypeAlias = Literal["charybdis", "scylla"]
GRADERS: tuple[Grader, ...] = ("charybdis", "scylla")


def grade_reply(task: Task, instance: Instance, reply: str, grader: str = "charybdis") -> Grade:
    """The grade of one reply.

    `charybdis` reads the last well-formed answer (rules in `parsing`) and accepts every right one;
    `scylla` follows the authors. Raises: TaskError for another grader.
    """
    if grader == "scylla":
        return grade_as_authors(task, instance, reply)
    if grader != "charybdis":
        raise TaskError(f"There is no grader '{grader}'. Choose one of {', '.join(GRADERS)}.")
    return judge(task, instance, read_reply(task, reply))


def read_reply(task: Task, reply: str) -> Reading:
    """The answer in a reply to a prompt in words. The example of the prompt does not count when a
    reply repeats the prompt.
    """
    return read_answer(reply.replace(example_sentence(task), " "), task.kind)


def judge(task: Task, instance: Instance, reading: Reading) -> Grade:
    """Grade the answer that was read, for any prompt style."""
    if reading.answer is None:
        return Grade(Outcome.UNPARSED, None, reading.reason)
    answer = reading.answer
    lacking = task.format_fault(instance.input, answer)
    if lacking is not None:
        return Grade(Outcome.UNPARSED, answer, f"not in the form asked for: {lacking}")
    fault = task.fault(instance.input, instance.reference, answer)
    if fault is not None:
        return Grade(Outcome.WRONG, answer, fault)
    return Grade(Outcome.CORRECT, answer, reading.reason)
