"""Find a longest run of consecutive numbers in a list."""

from __future__ import annotations

import random
from itertools import pairwise
from math import floor
from typing import Any

from probe.tasks.base import Answer, Task
from probe.tasks.elements import Pool, between, shuffled
from probe.tasks.inputs import Input, numbers_of
from probe.tasks.lists import LENGTHS
from probe.tasks.sums import not_taken_from, pick

_TRIES = range(40)


class LongestConsecutiveElements(Task):
    """The pattern is the lengths of the runs and their mixing; ties occur, and each longest run is
    right.

    The guesser keeps a random non-empty choice of the distinct numbers, sorted.
    """

    name = "longest_consecutive_elements"
    authors_name = "LongestConsecutiveElements"
    level = None
    lengths = LENGTHS
    fields = ("numbers",)
    instruction = (
        "Find a longest run of consecutive numbers in this list: numbers that all occur in it, in"
        " whatever places, each exactly 1 greater than the one before. If several runs are longest,"
        " any of them counts."
    )
    answer_rule = (
        "the run in ascending order as a list in square brackets, its numbers separated by commas"
    )
    example = "[12, 13, 14]"

    def pattern(self, rng: random.Random, length: int) -> tuple[list[int], list[int]]:
        longest = between(rng, 2, max(2, length // 2))
        runs, left, draw = [longest], length - longest, rng.random
        while left:
            run = 1 + floor(draw() * (longest if longest < left else left))
            runs.append(run)
            left -= run
        runs.sort(reverse=True)
        return runs, shuffled(rng, range(length))

    def fill(
        self, pattern: tuple[list[int], list[int]], rng: random.Random, pool: Pool
    ) -> dict[str, Any] | None:
        runs, order = pattern
        values, followers, draw, size = (
            pool.values,
            pool.followers,
            rng.random,
            float(len(pool.values)),
        )
        numbers: list[int] = []
        closed: set[int] = set()
        for run in runs:
            for _ in _TRIES:
                start = values[floor(draw() * size)]
                # Runs are separated by a gap of one number; otherwise they would be one run. No run
                # is longer than an earlier one, so it touches an earlier one exactly when its first
                # or its last number does.
                if (
                    start not in closed
                    and start + run - 1 not in closed
                    and followers[start] >= run
                ):
                    break
            else:
                return None
            numbers += range(start, start + run)
            closed.update(range(start - 1, start + run + 1))
        return {"numbers": [numbers[place] for place in order]}

    def solve(self, given: Input) -> list[int]:
        """The first longest run, from the smallest number up."""
        best_start, best, start, before = 0, 0, 0, -2
        for number in sorted(given["numbers"]):
            if number > before + 1:
                start = number
            before = number
            if number - start >= best:
                best_start, best = start, number - start + 1
        return list(range(best_start, best_start + best))

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        if not isinstance(answer, list) or not isinstance(reference, list):
            return "a list of numbers is asked for"
        if any(after != before + 1 for before, after in pairwise(answer)):
            return "the numbers are not each 1 greater than the one before"
        absent = not_taken_from(given["numbers"], answer)
        if absent:
            return absent
        return (
            None
            if len(answer) == len(reference)
            else f"{len(answer)} numbers are named, the longest run has {len(reference)}"
        )

    def guess(self, given: Input, rng: random.Random) -> Answer:
        present = sorted(set(given["numbers"]))
        return pick(present, between(rng, 1, (1 << len(present)) - 1))

    def chance(self, given: Input) -> float:
        present = set(numbers_of(given))
        longest = len(self.solve(given))
        n_longest = sum(
            number - 1 not in present and present.issuperset(range(number, number + longest))
            for number in present
        )
        return n_longest / ((1 << len(present)) - 1)


TASK = LongestConsecutiveElements()
