"""Sort a list."""

from __future__ import annotations

import random
from collections import Counter
from math import factorial, prod

from probe.tasks.base import Answer
from probe.tasks.elements import shuffled
from probe.tasks.inputs import Input
from probe.tasks.lists import OrderedListTask


class SortNumbers(OrderedListTask):
    """The guesser gives the numbers in a random order."""

    name = "sort_numbers"
    authors_name = "SortNumbers"
    level = 2
    instruction = (
        "Sort the numbers of this list from smallest to largest. Keep numbers that occur several"
        " times."
    )
    answer_rule = "the sorted list in square brackets, its numbers separated by commas"
    example = "[12, 34, 56]"

    def solve(self, given: Input) -> list[int]:
        return sorted(given["numbers"])

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        right = sorted(given["numbers"])
        if answer == right:
            return None
        if isinstance(answer, list) and sorted(answer) == right:
            return "the numbers are those of the list, but not in ascending order"
        return f"the sorted list is {right}"

    def guess(self, given: Input, rng: random.Random) -> Answer:
        return shuffled(rng, given["numbers"])

    def chance(self, given: Input) -> float:
        numbers = given["numbers"]
        return prod(map(factorial, Counter(numbers).values())) / factorial(len(numbers))


TASK = SortNumbers()
