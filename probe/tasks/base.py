"""Definition of a task: instances drawn from a split, reference answers, and a check that accepts
every right answer.

A file of this folder ends in `TASK = ...`, or in `TASKS = (...)` where several tasks are rows of
one table; the registry finds them. A new task needs only this file and one row in
data/catalog/task_levels.csv.

How an instance is made, and why ID and OOD are comparable:

1. the *pattern* is drawn first: length, order, repeated numbers, position of the answer. It is
   independent of the split;
2. then it is *filled* with values of the split, and filled again until the instance has the
   properties that its task guarantees.

With the same seed, instance number i has the same pattern in both splits, so lengths and structure
are matched exactly and only the elements differ. (The authors' OOD lists differ in length and in
repeated numbers as well.)

Adding another prompt form. `Instance.prompt` is text made by a prompt style; the instance itself is
its input. A style is a name and two functions: `render(task, given) -> str`, and `read(task, reply)
-> Reading`. The zero-shot style is `prompts.zero_shot` with `parsing.read_answer`. The compact form
of the ladder (`sort: 48 02 64=` answered by `02 48 64$`) renders the same input with its task word,
target before the list, zero-padded values, and reads the text before `$`; an instance is converted
to it by `msgspec.structs.replace(instance, prompt=style.render(task, instance.input))`, and
`grading.judge(task, instance, style.read(task, reply))` grades it as for any other style, because
the grade depends only on the input and the answer, not on the prompt.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from math import floor
from typing import Any, Literal, TypeAlias

import msgspec

from data.records import Outcome, Split
from probe.tasks.elements import RANGES, Elements, Pool, TaskError
from probe.tasks.inputs import Input, validate_input
from probe.tasks.prompts import zero_shot

Answer: TypeAlias = int | list[int]


_ATTEMPTS = 2_000
_TRIES = range(_ATTEMPTS)


class AnswerKind(StrEnum):
    INTEGER = "integer"
    LIST = "list"


class Instance(msgspec.Struct, frozen=True):
    """One question with its input and one right answer. A struct, because constructing a frozen
    dataclass takes eight times as long.
    """

    instance_id: str
    """Hash of task and input: equal inputs have equal ids everywhere."""
    task: str
    level: int | None
    split: Split
    input: Input
    prompt: str
    reference: Answer
    """One right answer; `Task.fault` decides whether another is also right."""

    def to_json(self) -> dict[str, Any]:
        """The object that the shell prints and reads."""
        return {
            "instance_id": self.instance_id,
            "task": self.task,
            "level": self.level,
            "split": str(self.split),
            "input": dict(self.input),
            "prompt": self.prompt,
            "reference": self.reference,
        }


class Reading(msgspec.Struct, frozen=True):
    """The result of reading a reply: an answer, or the reason why there is none."""

    answer: Answer | None
    reason: str


class Grade(msgspec.Struct, frozen=True):
    """The grade of one reply."""

    outcome: Outcome
    answer: Answer | None
    """None when no answer was read."""
    reason: str
    """The reason, as text for the reader."""


def instance_id(task: str, given: Input) -> str:
    """16 hexadecimal digits that depend only on the task's name and the input."""
    hashed = _hash_of_name(task).copy()
    hashed.update(_written(given))
    return hashed.hexdigest()


_written = msgspec.json.Encoder(order="deterministic").encode


@lru_cache(maxsize=64)
def _hash_of_name(task: str) -> blake2b:
    return blake2b(task.encode() + b"\n", digest_size=8)


class Task(ABC):
    """One task of a benchmark. Instances of this class hold no state."""

    name: str
    """As in data/catalog/tasks.csv."""
    authors_name: str = ""
    """Class name in SCYLLA's code; empty for a task that is not SCYLLA's."""
    level: int | None
    """None for tasks without a level of their own."""
    authors_order: Literal["given", "any", "either"] = "given"
    """The orders of a list's numbers that the authors' grader accepts: as stored, any, or either
    direction.
    """
    lengths: range
    """Allowed lengths of an instance: those of SCYLLA."""
    fields: tuple[str, ...]
    kind: AnswerKind = AnswerKind.LIST
    instruction: str
    answer_rule: str
    """The form of <answer>, for the prompt."""
    example: str

    @abstractmethod
    def pattern(self, rng: random.Random, length: int) -> Any:
        """The part of an instance that does not depend on the split."""

    @abstractmethod
    def fill(self, pattern: Any, rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        """The input with values of the pool; None when these values do not give the properties that
        the task guarantees, so that others are drawn.
        """

    @abstractmethod
    def solve(self, given: Input) -> Answer:
        """One right answer. Raises TaskError when the input has none."""

    @abstractmethod
    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        """The reason why the answer is wrong; None when it is right, whether or not it equals the
        reference.
        """

    @abstractmethod
    def guess(self, given: Input, rng: random.Random) -> Answer:
        """A random answer of valid form, from a guesser who knows only the question."""

    @abstractmethod
    def chance(self, given: Input) -> float:
        """The exact probability that `guess` is right."""

    def fits(self, pattern: Any, pool: Pool) -> bool:
        """Whether the pool has the values that the pattern needs, such as numbers that end in its
        digits.
        """
        return True

    def format_fault(self, given: Input, answer: Answer) -> str | None:
        """The fault in the form of a readable answer; None when it has the form that the prompt
        requires.
        """
        return None

    def make(
        self,
        rng: random.Random,
        split: Split | str,
        lengths: Sequence[int] | None = None,
        elements: Elements = RANGES,
    ) -> Instance:
        """One instance: the same generator state gives the same instance on every platform.

        Args: lengths to choose from (default: all the task allows). elements: the ID and OOD
        values.
        Raises: TaskError for a length the task does not allow, or when the elements cannot give a
        valid instance.
        """
        split = Split(split)
        shapes, values = random.Random(rng.getrandbits(64)), random.Random(rng.getrandbits(64))
        return self.instance(
            self.draw(self.draw_pattern(shapes, lengths, elements), values, elements.pools[split]),
            split,
        )

    def draw_pattern(
        self, rng: random.Random, lengths: Sequence[int] | None, elements: Elements = RANGES
    ) -> Any:
        """A pattern of one of the lengths, all equally likely, that both splits can fill."""
        allowed = self.lengths if lengths is None else lengths
        length = allowed[floor(rng.random() * len(allowed))]
        if length not in self.lengths:
            raise TaskError(
                f"{self.name} cannot have length {length}: allowed are {self.lengths[0]} to"
                f" {self.lengths[-1]}."
            )
        inside, outside = elements.pools.values()
        for _ in range(_ATTEMPTS):
            pattern = self.pattern(rng, length)
            if self.fits(pattern, inside) and self.fits(pattern, outside):
                return pattern
        raise TaskError(
            f"The elements of the source '{elements.name}' allow no {self.name} instance of length"
            f" {length}: of {_ATTEMPTS} patterns none could be filled in both splits. Use a source"
            " with more elements or leave the task out."
        )

    def draw(self, pattern: Any, rng: random.Random, pool: Pool) -> dict[str, Any]:
        """An input of this pattern with values of the pool."""
        for _ in _TRIES:
            given = self.fill(pattern, rng, pool)
            if given is not None:
                return given
        raise TaskError(
            f"No valid {self.name} instance came of {_ATTEMPTS} draws from {len(pool.members)}"
            f" elements ({min(pool.values)} to {max(pool.values)}). Use a source with more elements"
            " or other lengths."
        )

    def instance(self, given: dict[str, Any], split: Split) -> Instance:
        """The instance with this input."""
        return Instance(
            instance_id(self.name, given),
            self.name,
            self.level,
            split,
            given,
            zero_shot(self, given),
            self.solve(given),
        )

    def check(self, instance: Instance, answer: Answer) -> bool:
        """Whether the answer is right. Every right answer is accepted."""
        given = instance.input
        return (
            self.format_fault(given, answer) is None
            and self.fault(given, instance.reference, answer) is None
        )

    def validate(self, given: Any) -> None:
        """Raises TaskError unless this is a valid input of the task."""
        validate_input(self.name, self.fields, self.lengths, given)
