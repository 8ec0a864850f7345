"""Find four numbers of a list whose sum lies in a range."""

from __future__ import annotations

from probe.tasks.inputs import Input
from probe.tasks.sums import RangeTask, combination_sums, first_combination


class FourSumInRange(RangeTask):
    name = "four_sum_in_range"
    authors_name = "FourSumInRange"
    level = 4
    size = 4
    lengths = range(5, 17)
    instruction = (
        "Find four numbers in this list, at different places, whose sum is greater than a and less"
        " than b."
    )
    answer_rule = "the four numbers in square brackets, separated by commas"
    example = "[12, 34, 56, 78]"

    def solve(self, given: Input) -> list[int]:
        """All sums at once in NumPy."""
        totals = combination_sums(given["numbers"], self.size)
        return first_combination(
            given["numbers"], (totals > given["low"]) & (totals < given["high"]), self.size
        )


TASK = FourSumInRange()
