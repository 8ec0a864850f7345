"""Find the largest or the smallest number of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from probe.tasks.base import Answer
from probe.tasks.inputs import Input, numbers_of
from probe.tasks.lists import OneOfTheListTask


class FindExtreme(OneOfTheListTask):
    level = 1

    def __init__(
        self, name: str, authors_name: str, adjective: str, extreme: Callable[[Sequence[int]], int]
    ) -> None:
        self.name = name
        self.authors_name = authors_name
        self.instruction = f"Find the {adjective} number in this list."
        self.adjective = adjective
        self.extreme = extreme

    def solve(self, given: Input) -> int:
        return self.extreme(numbers_of(given))

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        right = self.solve(given)
        return None if answer == right else f"the {self.adjective} number is {right}"


TASKS = (
    FindExtreme("find_maximum", "FindMaximum", "largest", max),
    FindExtreme("find_minimum", "FindMinimum", "smallest", min),
)
