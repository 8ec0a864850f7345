"""Many instances of a task by name, one printed instance back from JSON, and grading by
instance.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from statistics import fmean
from typing import Any

from data.records import Split
from probe.tasks.base import Answer, AnswerKind, Grade, Instance, Task, instance_id
from probe.tasks.elements import RANGES, Elements, TaskError
from probe.tasks.grading import grade_reply
from probe.tasks.registry import TASKS, task_named

_REPEATS = 200
_KEYS = ("instance_id", "task", "level", "split", "input", "prompt", "reference")


def make_batch(
    task: str,
    split: Split | str,
    n: int,
    seed: int,
    *,
    lengths: Sequence[int] | None = None,
    elements: Elements = RANGES,
) -> list[Instance]:
    """n instances, no two with equal input. The same arguments give the same instances everywhere;
    a larger n extends the list.

    Instance number i has the same pattern in both splits, so OOD has exactly the lengths of ID.
    Raises: TaskError when the elements and lengths do not give n different instances.
    """
    maker, side = task_named(task), _split(split)
    patterns, values = (
        _generator(maker.name, "patterns", seed),
        _generator(maker.name, f"values of {side}", seed),
    )
    pool = elements.pools[side]
    made: list[Instance] = []
    seen: set[str] = set()
    while len(made) < n:
        pattern = maker.draw_pattern(patterns, lengths, elements)
        for _ in range(_REPEATS):
            instance = maker.instance(maker.draw(pattern, values, pool), side)
            if instance.instance_id not in seen:
                break
        else:
            raise TaskError(
                f"Only {len(made)} different {side} instances of {maker.name} were found and {n}"
                " are asked for. Ask for fewer, or use longer lists or a source with more"
                " elements."
            )
        seen.add(instance.instance_id)
        made.append(instance)
    return made


def _split(split: Split | str) -> Split:
    try:
        return Split(split)
    except ValueError:
        raise TaskError(f"There is no split '{split}'. Splits are: {', '.join(Split)}.") from None


def _generator(task: str, part: str, seed: int) -> random.Random:
    # An integer seed and random() are the same on every platform; a hash keeps neighbouring seeds
    # apart.
    return random.Random(
        int.from_bytes(blake2b(f"{task}\n{part}\n{seed}".encode(), digest_size=16).digest())
    )


def read_instance(record: Any) -> Instance:
    """An instance as `Instance.to_json` gives it.

    Raises: TaskError for a missing or unknown key, an invalid input, an id that is not that of the
    input, or a reference that is not a right answer.
    """
    if not isinstance(record, Mapping) or not set(_KEYS) <= set(record):
        found = (
            f"the keys {sorted(map(str, record))}"
            if isinstance(record, Mapping)
            else repr(record)[:40]
        )
        raise TaskError(
            f"An instance needs the keys {', '.join(_KEYS)}; this one has {found}. Pass it on as it"
            " was printed."
        )
    if (
        not isinstance(record["task"], str)
        or not isinstance(record["prompt"], str)
        or not isinstance(record["split"], str)
    ):
        raise TaskError(
            "The task, split and prompt of an instance are texts. Pass the instance on as it was"
            " printed."
        )
    task = task_named(record["task"])
    given = record["input"]
    task.validate(given)
    expected = instance_id(task.name, given)
    if record["instance_id"] != expected:
        raise TaskError(
            f"Instance '{str(record['instance_id'])[:40]}' of {task.name} does not belong to its"
            f" input, whose id is {expected}. Pass the instance on as it was printed."
        )
    reference = record["reference"]
    if (
        not is_answer(task, reference)
        or task.fault(given, task.solve(given), reference)
        or task.format_fault(given, reference)
    ):
        raise TaskError(
            f"The reference of instance {expected} of {task.name} is no right answer. Pass the"
            " instance on as it was printed."
        )
    return Instance(
        expected, task.name, task.level, _split(record["split"]), given, record["prompt"], reference
    )


def is_answer(task: Task, value: Any) -> bool:
    """Whether a JSON value has the type of this task's answers."""
    if task.kind is AnswerKind.INTEGER:
        return type(value) is int
    return isinstance(value, list) and all(type(number) is int for number in value)


def grade(instance: Instance, reply: str, grader: str = "charybdis") -> Grade:
    """The grade of one reply: outcome, the answer read from it, and the reason. See
    `grading.grade_reply`.
    """
    return grade_reply(TASKS[instance.task], instance, reply, grader)


def check(instance: Instance, answer: Answer) -> bool:
    """Whether an answer is right; every right answer is accepted."""
    return TASKS[instance.task].check(instance, answer)


@lru_cache(maxsize=256)
def chance_level(
    task: str,
    split: str,
    *,
    lengths: tuple[int, ...] | None = None,
    elements: Elements = RANGES,
    n: int = 256,
) -> float:
    """The expected score of a guesser who knows only the list and gives an answer of valid form:
    the mean of `Task.chance` over n instances of seed 0.
    """
    maker = task_named(task)
    return fmean(
        maker.chance(instance.input)
        for instance in make_batch(task, split, n, 0, lengths=lengths, elements=elements)
    )
