"""Find the largest number of a list."""

from __future__ import annotations

from probe.tasks.base import Answer
from probe.tasks.inputs import Input, numbers_of
from probe.tasks.lists import OneOfTheListTask


class FindMaximum(OneOfTheListTask):
    name = "find_maximum"
    authors_name = "FindMaximum"
    level = 1
    instruction = "Find the largest number in this list."

    def solve(self, given: Input) -> int:
        numbers: list[int] = given["numbers"]
        return max(numbers)

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        right = max(numbers_of(given))
        return None if answer == right else f"the largest number is {right}"


TASK = FindMaximum()
