"""Remove duplicates from a list and keep the order."""

from __future__ import annotations

import random
from math import factorial, floor
from typing import Any

from probe.tasks.base import Answer
from probe.tasks.elements import Pool, between, shuffled
from probe.tasks.inputs import Input
from probe.tasks.lists import OrderedListTask, by_symbols


class RemoveDuplicateNumbers(OrderedListTask):
    """The pattern is which positions repeat an earlier number. The guesser gives the distinct
    numbers in a random order.
    """

    name = "remove_duplicate_numbers"
    authors_name = "RemoveDuplicateNumbers"
    level = 2
    instruction = (
        "Remove duplicates from this list: keep the first occurrence of every number and leave the"
        " order as it is."
    )
    answer_rule = "the remaining list in square brackets, its numbers separated by commas"
    example = "[12, 34, 56]"

    def pattern(self, rng: random.Random, length: int) -> list[int]:
        different = between(rng, length // 2, length - 1)
        symbols, draw = list(range(different)), rng.random
        for n in range(different, length):
            # A repeat may be anywhere after the first occurrence; symbols keep the order of first
            # occurrence.
            symbol = floor(draw() * different)
            behind = symbols.index(symbol) + 1
            symbols.insert(behind + floor(draw() * (n - behind + 1)), symbol)
        return symbols

    def fill(self, pattern: list[int], rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        return {"numbers": by_symbols(pattern, pool.distinct(rng, max(pattern) + 1))}

    def solve(self, given: Input) -> list[int]:
        return list(dict.fromkeys(given["numbers"]))

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        right = self.solve(given)
        if answer == right:
            return None
        if isinstance(answer, list) and sorted(answer) == sorted(right):
            return "the numbers are right, but not in the order of their first occurrence"
        return f"the list without duplicates is {right}"

    def guess(self, given: Input, rng: random.Random) -> Answer:
        return shuffled(rng, self.solve(given))

    def chance(self, given: Input) -> float:
        return 1 / factorial(len(set(given["numbers"])))


TASK = RemoveDuplicateNumbers()
