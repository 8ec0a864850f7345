"""Find the smallest number of a list."""

from __future__ import annotations

from probe.tasks.base import Answer
from probe.tasks.inputs import Input, numbers_of
from probe.tasks.lists import OneOfTheListTask


class FindMinimum(OneOfTheListTask):
    name = "find_minimum"
    authors_name = "FindMinimum"
    level = 1
    instruction = "Find the smallest number in this list."

    def solve(self, given: Input) -> int:
        numbers: list[int] = given["numbers"]
        return min(numbers)

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        right = min(numbers_of(given))
        return None if answer == right else f"the smallest number is {right}"


TASK = FindMinimum()
