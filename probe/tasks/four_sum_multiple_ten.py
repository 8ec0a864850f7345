"""Find four numbers of a list whose sum is a multiple of ten."""

from __future__ import annotations

from functools import cache

from probe.tasks.inputs import Input
from probe.tasks.sums import DigitSets, TenTask, digit_sets, first_multiple_of_ten


class FourSumMultipleTen(TenTask):
    """Exactly one choice of positions is right."""

    name = "four_sum_multiple_ten"
    authors_name = "FourSumMultipleTen"
    level = 4
    size = 4
    lengths = range(5, 9)
    instruction = (
        "Find four numbers in this list, at different places, whose sum is a multiple of ten."
    )
    answer_rule = "the four numbers in square brackets, separated by commas"
    example = "[12, 34, 56, 78]"

    def digit_sets(self, length: int) -> DigitSets:
        return _digit_sets(length)

    def solve(self, given: Input) -> list[int]:
        """The lists are short: the first that fits."""
        return first_multiple_of_ten(given["numbers"], (self.size,))


@cache
def _digit_sets(length: int) -> DigitSets:
    return digit_sets(length, {4: range(1, 2)})


TASK = FourSumMultipleTen()
