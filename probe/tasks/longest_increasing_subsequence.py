"""Find a longest strictly increasing subsequence of a list."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from probe.tasks.base import Answer
from probe.tasks.elements import between
from probe.tasks.inputs import Input, numbers_of
from probe.tasks.lists import OrderedListTask
from probe.tasks.sums import pick


class LongestIncreasingSubsequence(OrderedListTask):
    """Several subsequences are usually longest and each is right. The guesser keeps a random
    non-empty choice of positions.
    """

    name = "longest_increasing_subsequence"
    authors_name = "LongestIncreasingSubsequence"
    level = None
    instruction = (
        "Find a longest strictly increasing subsequence of this list: delete as few numbers as"
        " possible so that each remaining number is greater than the one before it, without"
        " changing their order. If several are longest, any of them counts."
    )
    answer_rule = "the subsequence as a list in square brackets, its numbers separated by commas"
    example = "[12, 34, 56]"

    def pattern(self, rng: random.Random, length: int) -> list[int]:
        """As in the authors' code, the list is not all decreasing."""
        while True:
            order = super().pattern(rng, length)
            if any(before < after for before, after in pairwise(order)):
                return order

    def solve(self, given: Input) -> list[int]:
        """Patience sorting: for each length the smallest last number so far, O(n log n)."""
        numbers = numbers_of(given)
        ends: list[int] = []
        places: list[int] = []
        before: list[int] = []
        for place, number in enumerate(numbers):
            at = bisect_left(ends, number)
            before.append(places[at - 1] if at else -1)
            if at == len(ends):
                ends.append(number)
                places.append(place)
            else:
                ends[at] = number
                places[at] = place
        chosen, at = [], places[-1]
        while at >= 0:
            chosen.append(numbers[at])
            at = before[at]
        return chosen[::-1]

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        if not isinstance(answer, list) or not isinstance(reference, list):
            return "a list of numbers is asked for"
        if any(before >= after for before, after in pairwise(answer)):
            return "the numbers do not increase strictly"
        if not is_subsequence(answer, given["numbers"]):
            return "the numbers do not stand in the list in this order"
        return (
            None
            if len(answer) == len(reference)
            else f"{len(answer)} numbers are named, the longest has {len(reference)}"
        )

    def guess(self, given: Input, rng: random.Random) -> Answer:
        numbers = given["numbers"]
        return pick(numbers, between(rng, 1, (1 << len(numbers)) - 1))

    def chance(self, given: Input) -> float:
        numbers = numbers_of(given)
        return count_longest(numbers) / ((1 << len(numbers)) - 1)


def is_subsequence(answer: Sequence[int], numbers: Sequence[int]) -> bool:
    """Whether the answer's numbers occur in the list in their order."""
    rest: Any = iter(numbers)
    return all(number in rest for number in answer)


def count_longest(numbers: Sequence[int]) -> int:
    """How many choices of positions are longest increasing subsequences."""
    best: list[tuple[int, int]] = []
    for place, number in enumerate(numbers):
        behind = [best[earlier] for earlier in range(place) if numbers[earlier] < number]
        length = max((length for length, _ in behind), default=0)
        best.append((length + 1, sum(ways for at, ways in behind if at == length) or 1))
    longest = max(length for length, _ in best)
    return sum(ways for length, ways in best if length == longest)


TASK = LongestIncreasingSubsequence()
