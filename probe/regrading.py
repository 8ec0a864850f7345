"""Regrading of stored replies with the SCYLLA authors' grader and with ours. Instances are rebuilt
from the stored data.

The input comes from a sample's metadata or is read from its prompt; if the task's hash of the input
equals the sample's id, it is the original question. Otherwise the reply is not graded, and the
reason is given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from data.records import Outcome, Split
from probe.ladder import compact
from probe.tasks import TASKS, Answer, Instance, Task, TaskError
from probe.tasks.base import instance_id
from probe.tasks.grading import judge
from probe.tasks.inputs import FIELDS, MATRIX, NUMBER
from probe.tasks.parsing import read_answer
from probe.tasks.scylla_grader import GraderHalt, authors_answer, evaluate, extract

NEEDED_COLUMNS = ("input", "response", "metadata")
"""The columns that `data.queries.fetch_answers` must return in addition to a sample's address."""
COLUMNS = ("task", "instance_id", "outcome", *NEEDED_COLUMNS)
"""The columns that `regrade` reads, in this order."""
NO_TASK = "it is no task of SCYLLA's, whose grader knows no other"
NO_PROMPT = "neither its input nor its prompt is stored"
NO_INPUT = "its input cannot be read from its prompt: the prompt is in none of our forms"
OTHER_ID = (
    "its id is not that of the input in its prompt, so it cannot be proved which question was asked"
)
NO_REPLY = "no reply is stored"

_LEAD = "The answer is"
_LINE = r"\d+(?: \d+)*"
_COMPACT = re.compile(r"(?P<word>[a-z]+)(?P<before>(?: \d+)*):(?P<numbers>(?: \d+)+)=")
_Key = tuple[str, str, str | None]


class Regraded(NamedTuple):
    """The graders' outcomes for one stored reply: values of Outcome, or None with the reason."""

    authors_outcome: str | None
    our_outcome: str | None
    reason: str | None
    """The reason why there is no outcome; None if there is one, and for attempts that ended in an
    error.
    """


def regrade(samples: Iterable[tuple[Any, ...]]) -> list[Regraded]:
    """Regrade every stored reply; equal replies are graded once.

    Args:
        samples: one row per sample with the columns `COLUMNS`; metadata as a mapping or as its JSON
            text. A value that is not text counts as absent.

    A reply in the compact form has no brackets and no words, so the authors' extraction would find
    no list in it: their grader gets its answer as "The answer is [...]." To a reply that continues
    after "The answer is", these words are prepended.
    """
    instances: dict[_Key, Instance | str] = {}
    golds: dict[str, Answer | None] = {}
    graded: dict[tuple[_Key, str], Regraded] = {}
    found = []
    for task, known_as, outcome, prompt, reply, metadata in samples:
        if outcome == Outcome.ERROR or not isinstance(reply, str):
            found.append(Regraded(None, None, None if outcome == Outcome.ERROR else NO_REPLY))
            continue
        key = (task, known_as, prompt if isinstance(prompt, str) else None)
        if (key, reply) not in graded:
            if key not in instances:
                instances[key] = rebuilt(*key, metadata)
            instance = instances[key]
            graded[key, reply] = (
                Regraded(None, None, instance)
                if isinstance(instance, str)
                else _outcomes(instance, reply, golds)
            )
        found.append(graded[key, reply])
    return found


def rebuilt(
    task_name: str, known_as: str, prompt: str | None, metadata: Any = None
) -> Instance | str:
    """The instance that a sample answered, verified by its id; or the reason why there is none. Its
    prompt is the stored one.
    """
    task = TASKS.get(task_name)
    if task is None:
        return NO_TASK
    stored = _stored_input(metadata)
    if prompt is None and stored is None:
        return NO_PROMPT
    read = [] if prompt is None else list(inputs_in(task, prompt))
    candidates = [stored, *read] if stored is not None else read
    for given in candidates:
        try:
            task.validate(given)
            if instance_id(task.name, given) == known_as:
                # The split does not matter to a grader, and may be unknown for an import.
                return Instance(
                    known_as,
                    task.name,
                    task.level,
                    Split.ID,
                    given,
                    prompt or "",
                    task.solve(given),
                )
        except TaskError:
            continue
    return OTHER_ID if candidates else NO_INPUT


def _stored_input(metadata: Any) -> dict[str, Any] | None:
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError:
            return None
    found = metadata.get("input") if isinstance(metadata, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else None


def inputs_in(task: Task, prompt: str) -> Iterator[dict[str, Any]]:
    """Candidate inputs in a prompt of one of our forms, the last one first: solved examples come
    before the question.
    """
    short = _COMPACT.fullmatch(prompt)
    if short:
        given = _compact_input(task, short)
        if given is not None:
            yield given
        return
    for match in reversed(list(_worded(task.fields).finditer(prompt))):
        try:
            yield {
                name: _value(FIELDS[name][0], text)
                for name, text in zip(task.fields, match.groups(), strict=True)
            }
        except ValueError:  # more digits than Python converts
            continue


def _compact_input(task: Task, match: re.Match[str]) -> dict[str, Any] | None:
    names = [name for name in ("k", "target", "low", "high") if name in task.fields]
    before = match["before"].split()
    if compact.WORDS.get(task.name) != match["word"] or len(before) != len(names):
        return None
    values: dict[str, Any] = dict(zip(names, map(int, before), strict=True))
    return {
        name: [int(one) for one in match["numbers"].split()] if name == "numbers" else values[name]
        for name in task.fields
    }


@lru_cache(maxsize=64)
def _worded(fields: tuple[str, ...]) -> re.Pattern[str]:
    forms = {NUMBER: r" (\d+)", MATRIX: rf"\n({_LINE}(?:\n{_LINE})*)"}
    lines = [
        f"{re.escape(label)}:{forms.get(kind, f' ({_LINE})')}"
        for kind, label in (FIELDS[name] for name in fields)
    ]
    return re.compile(rf"^{chr(10).join(lines)}$", re.MULTILINE)


def _value(kind: str, text: str) -> Any:
    if kind is NUMBER:
        return int(text)
    rows = [[int(one) for one in line.split(" ")] for line in text.split("\n")]
    return rows if kind is MATRIX else rows[0]


# -- grading ---------------------------------------------------------------------------------------


def _outcomes(instance: Instance, reply: str, golds: dict[str, Answer | None]) -> Regraded:
    task = TASKS[instance.task]
    if _COMPACT.fullmatch(instance.prompt):
        reading = compact.read(task, reply)
        worded = "" if reading.answer is None else f"{_LEAD} {reading.answer}."
    else:
        worded = (
            f"{_LEAD}{reply.split(chr(10), 1)[0]}"
            if instance.prompt.endswith(f"\n{_LEAD}")
            else reply
        )
        reading = read_answer(worded, task.kind)
    return Regraded(
        _authors_outcome(task, instance, worded, golds).value,
        judge(task, instance, reading).outcome.value,
        None,
    )


def _authors_outcome(
    task: Task, instance: Instance, worded: str, golds: dict[str, Answer | None]
) -> Outcome:
    """Like `scylla_grader.grade_as_authors`, but the stored answer is computed once per instance
    and not per reply.
    """
    found = extract(task, worded)
    if found is None:
        return Outcome.UNPARSED
    known_as = f"{task.name} {instance.instance_id}"
    if known_as not in golds:
        golds[known_as] = authors_answer(task, instance.input, instance.reference)
    gold = golds[known_as]
    if gold is None:
        return Outcome.ERROR
    try:
        return Outcome.CORRECT if evaluate(task, found, gold) else Outcome.WRONG
    except GraderHalt:
        return Outcome.ERROR
