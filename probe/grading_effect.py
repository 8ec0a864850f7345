"""The effect of the SCYLLA authors' grader on a perfect solver. The solver gives a random right
answer; their grader accepts one of several.

Instances follow the authors' rules where those differ from ours (`probe.authors_instances`), else
ours.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import combinations, pairwise
from typing import Any

from data.records import Outcome
from probe.authors_instances import MAKERS, authors_batch
from probe.tasks import TASKS, Instance, grade, make_batch
from probe.tasks.base import Answer
from probe.tasks.inputs import Input

N, SEED = 256, 0


def perfect_solver(task: str, split: str, *, n: int = N, seed: int = SEED) -> tuple[int, int]:
    """Of n random right answers: the number that the authors' grader counts as right, and the
    number that ours counts as right.
    """
    rng = random.Random(f"{task} {split} {seed}")
    batch = (
        authors_batch(task, split, n, seed) if task in MAKERS else make_batch(task, split, n, seed)
    )
    theirs = ours = 0
    for instance in batch:
        reply = f"The answer is {rng.choice(_right_answers(instance))}."
        theirs += grade(instance, reply, "scylla").outcome is Outcome.CORRECT
        ours += grade(instance, reply).outcome is Outcome.CORRECT
    return theirs, ours


def _right_answers(instance: Instance) -> list[Answer]:
    """All right answers that differ for the authors' grader; one order of each sum. For other tasks
    the reference, and for a tour also its reverse.
    """
    if instance.task in _SEVERAL:
        distinct = {
            tuple(sorted(one) if TASKS[instance.task].authors_order == "any" else one)
            for one in _SEVERAL[instance.task](instance.input)
        }
        return [list(one) for one in sorted(distinct)]
    reference = instance.reference
    return (
        [reference, reference[::-1]]
        if instance.task == "tsp" and isinstance(reference, list)
        else [reference]
    )


def _sums(
    sizes: Callable[[int], Iterable[int]], is_right: Callable[[int, Input], bool]
) -> Callable[[Input], list[tuple[int, ...]]]:
    def answers(given: Input) -> list[tuple[int, ...]]:
        numbers = given["numbers"]
        return [
            chosen
            for size in sizes(len(numbers))
            for chosen in combinations(numbers, size)
            if is_right(sum(chosen), given)
        ]

    return answers


def _in_range(total: int, given: Input) -> bool:
    return bool(given["low"] < total < given["high"])


def _increasing(given: Input) -> list[tuple[int, ...]]:
    numbers = given["numbers"]
    for size in range(len(numbers), 0, -1):
        found = [
            chosen
            for chosen in combinations(numbers, size)
            if all(a < b for a, b in pairwise(chosen))
        ]
        if found:
            return found
    return []


def _runs(given: Input) -> list[tuple[int, ...]]:
    present = set(given["numbers"])
    found = []
    for start in present:
        end = start
        while end in present:
            end += 1
        found.append(tuple(range(start, end)))
    longest = max(map(len, found))
    return [run for run in found if len(run) == longest]


_SEVERAL: dict[str, Callable[[Input], list[Any]]] = {
    "four_sum_in_range": _sums(lambda n: (4,), _in_range),
    "subset_sum_in_range": _sums(lambda n: range(1, n + 1), _in_range),
    "subset_sum_multiple_ten": _sums(lambda n: range(1, n + 1), lambda total, _: total % 10 == 0),
    "longest_increasing_subsequence": _increasing,
    "longest_consecutive_elements": _runs,
}
