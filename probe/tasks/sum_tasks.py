"""The ten sum tasks: name two, three, four or any number of the list's numbers whose sum equals a
target, lies in an open range or is a multiple of ten.

Where possible, an instance has exactly one answer, so that ID and OOD have the same chance level:
sums of small numbers collide far more often.
"""

from __future__ import annotations

import random
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from math import comb
from typing import Any, ClassVar

import numpy as np

from probe.tasks.base import Answer, Task
from probe.tasks.elements import Pool, below, between, shuffled
from probe.tasks.inputs import Input, numbers_of
from probe.tasks.lists import LENGTHS
from probe.tasks.sums import (
    SUBSET_SIZES,
    DigitSets,
    all_sums,
    combination_sums,
    digit_sets,
    first_combination,
    first_multiple_of_ten,
    four_with_sum,
    next_sum_above,
    next_sum_below,
    not_taken_from,
    pick,
    subset_in_range,
    subset_with_sum,
    three_with_sum,
    two_with_sum,
    unique_sums,
)

_WORDS = {2: "two", 3: "three", 4: "four"}
_LEVELS = {2: 2, 3: 3, 4: 4, None: 5}
_ANSWER_RULES = {
    2: "the two numbers in square brackets, separated by a comma",
    3: "the three numbers in square brackets, separated by commas",
    4: "the four numbers in square brackets, separated by commas",
    None: "the numbers of the subset in square brackets, separated by commas",
}


class SumTask(Task):
    """Name numbers of the list, each position at most once, whose sum meets a condition. Order does
    not count.
    """

    authors_order = "any"
    fixed_size_instruction: ClassVar[str]
    subset_instruction: ClassVar[str]

    def __init__(
        self, name: str, authors_name: str, size: int | None, lengths: range, example: str
    ) -> None:
        """Size: how many numbers to name; None for any number of them."""
        self.name = name
        self.authors_name = authors_name
        self.level = _LEVELS[size]
        self.size = size
        self.lengths = lengths
        self.example = example
        self.answer_rule = _ANSWER_RULES[size]
        self.instruction = (
            self.subset_instruction
            if size is None
            else self.fixed_size_instruction.format(size=_WORDS[size])
        )

    @abstractmethod
    def sum_fault(self, given: Input, total: int) -> str | None:
        """The fault of this sum; None when it is right."""

    @abstractmethod
    def n_right(self, given: Input) -> int:
        """The number of choices of positions whose sum is right."""

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        if not isinstance(answer, list):
            return "a list of numbers is asked for"
        if self.size is not None and len(answer) != self.size:
            return f"{_WORDS[self.size]} numbers are asked for and {len(answer)} are named"
        if not answer:
            return "no number is named"
        return not_taken_from(given["numbers"], answer) or self.sum_fault(given, sum(answer))

    def guess(self, given: Input, rng: random.Random) -> Answer:
        """Fixed size: any positions, all choices equally likely. Any size: any non-empty subset."""
        numbers = given["numbers"]
        if self.size is not None:
            return shuffled(rng, numbers)[: self.size]
        mask = between(rng, 1, (1 << len(numbers)) - 1)
        return pick(numbers, mask)

    def chance(self, given: Input) -> float:
        n = len(given["numbers"])
        return self.n_right(given) / (comb(n, self.size) if self.size is not None else 2**n - 1)


class TargetTask(SumTask):
    """The sum must equal a target that exactly one choice of positions has."""

    fields = ("numbers", "target")
    fixed_size_instruction = (
        "Find {size} numbers in this list, at different places, that add up to the target."
    )
    subset_instruction = (
        "Find a subset of this list whose numbers add up to the target. Any number of them, each"
        " place used at most once."
    )
    solvers: ClassVar[dict[int | None, Callable[[Sequence[int], int], list[int]]]] = {
        2: two_with_sum,
        3: three_with_sum,
        4: four_with_sum,
        None: subset_with_sum,
    }

    def pattern(self, rng: random.Random, length: int) -> int:
        return length

    def fill(self, pattern: int, rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        numbers = pool.distinct(rng, pattern)
        totals, _, single = unique_sums(numbers, self.size)
        if not len(single):
            return None
        return {"numbers": numbers, "target": int(totals[single[below(rng, len(single))]])}

    def solve(self, given: Input) -> list[int]:
        return self.solvers[self.size](given["numbers"], given["target"])

    def sum_fault(self, given: Input, total: int) -> str | None:
        return None if total == given["target"] else f"the sum is {total}, not {given['target']}"

    def n_right(self, given: Input) -> int:
        totals = all_sums(given["numbers"], self.size)
        return int(np.count_nonzero(totals == given["target"]))


class RangeTask(SumTask):
    """The sum must lie between two numbers, ends excluded; exactly one choice of positions does.

    The authors consider subsets of 4 to 6 numbers and state no size; here one subset of any size is
    right.
    """

    fields = ("numbers", "low", "high")
    fixed_size_instruction = (
        "Find {size} numbers in this list, at different places, whose sum is greater than a and"
        " less than b."
    )
    subset_instruction = (
        "Find a subset of this list whose sum is greater than a and less than b. Any number of"
        " them, each place used at most once."
    )

    def pattern(self, rng: random.Random, length: int) -> int:
        return length

    def fill(self, pattern: int, rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        numbers = pool.distinct(rng, pattern)
        totals, counts, single = unique_sums(numbers, self.size)
        if not len(single):
            return None
        total = int(totals[single[below(rng, len(single))]])
        # The bounds are the sums next to the answer's; the smallest and the largest sum have none
        # on one side.
        low, high = next_sum_below(counts, total), next_sum_above(counts, total)
        if low is None or high is None:
            return None
        return {"numbers": numbers, "low": low, "high": high}

    def solve(self, given: Input) -> list[int]:
        numbers, low, high = given["numbers"], given["low"], given["high"]
        if self.size is None:
            return subset_in_range(numbers, low, high)
        totals = combination_sums(numbers, self.size)
        return first_combination(numbers, (totals > low) & (totals < high), self.size)

    def sum_fault(self, given: Input, total: int) -> str | None:
        if given["low"] < total < given["high"]:
            return None
        return (
            f"the sum is {total}, which is not greater than {given['low']} and less than"
            f" {given['high']}"
        )

    def n_right(self, given: Input) -> int:
        totals = all_sums(given["numbers"], self.size)
        return int(np.count_nonzero((totals > given["low"]) & (totals < given["high"])))


class TenTask(SumTask):
    """The sum must be a multiple of ten. The last digits decide, so they are the pattern and both
    splits have the same. With a fixed size, exactly one choice of positions is right; with any
    size, every subset that fits is right.
    """

    fields = ("numbers",)
    fixed_size_instruction = (
        "Find {size} numbers in this list, at different places, whose sum is a multiple of ten."
    )
    subset_instruction = (
        "Find a subset of this list, with at least one number, whose sum is a multiple of ten. "
        "Any number of them, each place used at most once."
    )

    def pattern(self, rng: random.Random, length: int) -> list[int]:
        sets, cumulative = _digit_sets(self.size, length)
        draw = below(rng, cumulative[-1])
        return shuffled(rng, sets[bisect_right(cumulative, draw)])

    def fill(self, pattern: list[int], rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        return {"numbers": pool.ending_in(rng, pattern)}

    def fits(self, pattern: list[int], pool: Pool) -> bool:
        return all([pool.by_last_digit[digit] for digit in pattern])

    def solve(self, given: Input) -> list[int]:
        numbers = numbers_of(given)
        if self.size is not None:
            return first_multiple_of_ten(numbers, (self.size,))
        # First the sizes of generated instances, then the others, for lists that were not generated
        # here.
        small, large = range(1, SUBSET_SIZES[0]), range(SUBSET_SIZES[-1] + 1, len(numbers) + 1)
        return first_multiple_of_ten(numbers, chain(SUBSET_SIZES, small, large))

    def sum_fault(self, given: Input, total: int) -> str | None:
        return None if total % 10 == 0 else f"the sum is {total}, no multiple of ten"

    def n_right(self, given: Input) -> int:
        return int(np.count_nonzero(all_sums(given["numbers"], self.size) % 10 == 0))


@cache
def _digit_sets(size: int | None, length: int) -> DigitSets:
    """The sets of last digits that an instance may have, see `sums.digit_sets`.

    No subset of fewer than 4 numbers is right. Otherwise the task would be to find a pair: a random
    list of 6 to 9 numbers nearly always has one.
    """
    if size is not None:
        return digit_sets(length, {size: range(1, 2)})
    none_small = dict.fromkeys(range(1, SUBSET_SIZES[0]), range(1))
    return digit_sets(length, none_small, some_of=SUBSET_SIZES)


TASKS = (
    TargetTask("two_sum", "TwoSum", 2, LENGTHS, "[12, 34]"),
    TargetTask("three_sum", "ThreeSum", 3, LENGTHS, "[12, 34, 56]"),
    TargetTask("four_sum", "FourSum", 4, range(5, 17), "[12, 34, 56, 78]"),
    TargetTask("subset_sum", "SubsetSum", None, range(6, 17), "[12, 34, 56, 78]"),
    RangeTask("three_sum_in_range", "ThreeSumInRange", 3, LENGTHS, "[12, 34, 56]"),
    RangeTask("four_sum_in_range", "FourSumInRange", 4, range(5, 17), "[12, 34, 56, 78]"),
    RangeTask("subset_sum_in_range", "SubsetSumInRange", None, range(6, 17), "[12, 34, 56, 78]"),
    TenTask("three_sum_multiple_ten", "ThreeSumMultipleTen", 3, range(4, 9), "[12, 34, 54]"),
    TenTask("four_sum_multiple_ten", "FourSumMultipleTen", 4, range(5, 9), "[12, 34, 56, 78]"),
    TenTask(
        "subset_sum_multiple_ten", "SubsetSumMultipleTen", None, range(6, 10), "[12, 34, 56, 78]"
    ),
)
