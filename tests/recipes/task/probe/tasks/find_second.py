"""Find the second smallest number of a list."""

from __future__ import annotations

from probe.tasks.base import Answer
from probe.tasks.inputs import Input, numbers_of
from probe.tasks.lists import OneOfTheListTask


class FindSecond(OneOfTheListTask):
    """All numbers differ, so the second smallest is one number."""

    name = "find_second"
    level = None
    instruction = "Find the second smallest number of this list."

    def solve(self, given: Input) -> int:
        return sorted(numbers_of(given))[1]

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        return None if answer == reference else f"the second smallest number is {reference}"


TASK = FindSecond()
