"""The authors' generation of instances for five tasks, reimplemented: the score of a perfect solver
under their grader depends on it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import combinations
from typing import Any

from data.records import Split
from probe.tasks import TASKS, Instance

SIZES = (4, 5, 6)
VALUES = {"id": range(100), "ood": range(1_000, 10_000)}


def authors_batch(task: str, split: str, n: int, seed: int) -> list[Instance]:
    """n instances as their steps 2 and 3 would make them from random ID lists."""
    rng = random.Random(f"{task} {split} {seed}")
    made: list[Instance] = []
    while len(made) < n:
        given = MAKERS[task](rng, split)
        if given is not None:
            made.append(TASKS[task].instance(given, Split(split)))
    return made


def _drawn(rng: random.Random, split: str, low: int, high: int) -> list[int]:
    return rng.choices(VALUES[split], k=rng.randint(low, high))


def _four_sum_in_range(rng: random.Random, split: str) -> dict[str, Any] | None:
    """Bounds are neighbours among the *distinct* sums: the number of choices that share the sum
    between them is lost.
    """
    numbers = _drawn(rng, split, 5, 11)
    sums = sorted({sum(four) for four in combinations(numbers, 4)})
    if len(sums) < 3:
        return None
    place = rng.randint(1, len(sums) - 2)
    return {"numbers": numbers, "low": sums[place - 1], "high": sums[place + 1]}


def _subset_sum_in_range(rng: random.Random, split: str) -> dict[str, Any] | None:
    """Bounds are neighbours among the sums of subsets of 4 to 6 numbers; smaller and larger subsets
    fit as well.
    """
    numbers = _drawn(rng, split, 6, 8)
    sums = sorted(sum(subset) for size in SIZES for subset in combinations(numbers, size))
    alone = [
        place
        for place in range(1, len(sums) - 1)
        if sums[place - 1] < sums[place] < sums[place + 1]
    ]
    if not alone:
        return None
    place = rng.choice(alone)
    return {"numbers": numbers, "low": sums[place - 1], "high": sums[place + 1]}


def _n_tens(numbers: list[int]) -> int:
    return sum(sum(subset) % 10 == 0 for size in SIZES for subset in combinations(numbers, size))


def _subset_sum_multiple_ten(rng: random.Random, split: str) -> dict[str, Any] | None:
    """One subset of 4 to 6 numbers fits. A list without such a subset is overwritten with one of
    its own numbers until it has one.
    """
    numbers = _drawn(rng, split, 6, 9)
    number = rng.choice(numbers)
    for attempt in range(50):
        found = _n_tens(numbers)
        if found == 1:
            return {"numbers": numbers}
        if found == 0:
            numbers[rng.randrange(len(numbers))] += 1
            continue
        if attempt % 10 == 9:
            number += 1
        numbers[rng.randrange(len(numbers))] = number
    return None


def _increasing(rng: random.Random, split: str) -> dict[str, Any] | None:
    numbers = _drawn(rng, split, 4, 11)
    return {"numbers": numbers} if any(a < b for a, b in combinations(numbers, 2)) else None


def _consecutive(rng: random.Random, split: str) -> dict[str, Any] | None:
    """A list without a run gets the neighbours of half of its numbers, which makes the list longer
    and the runs equal.
    """
    numbers = _drawn(rng, split, 4, 10)
    present = set(numbers)
    if not any(number + 1 in present for number in numbers):
        if split == "id":
            return None
        for number in rng.sample(numbers, len(numbers) // 2):
            numbers += [near for near in (number + 1, number - 1) if near not in numbers]
    return {"numbers": numbers}


MAKERS: dict[str, Callable[[random.Random, str], dict[str, Any] | None]] = {
    "four_sum_in_range": _four_sum_in_range,
    "subset_sum_in_range": _subset_sum_in_range,
    "subset_sum_multiple_ten": _subset_sum_multiple_ten,
    "longest_increasing_subsequence": _increasing,
    "longest_consecutive_elements": _consecutive,
}
