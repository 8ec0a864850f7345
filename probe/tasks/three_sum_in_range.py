"""Find three numbers of a list whose sum lies in a range."""

from __future__ import annotations

from probe.tasks.inputs import Input
from probe.tasks.lists import LENGTHS
from probe.tasks.sums import RangeTask, combination_sums, first_combination


class ThreeSumInRange(RangeTask):
    name = "three_sum_in_range"
    authors_name = "ThreeSumInRange"
    level = 3
    size = 3
    lengths = LENGTHS
    instruction = (
        "Find three numbers in this list, at different places, whose sum is greater than a and less"
        " than b."
    )
    answer_rule = "the three numbers in square brackets, separated by commas"
    example = "[12, 34, 56]"

    def solve(self, given: Input) -> list[int]:
        """All sums at once in NumPy."""
        totals = combination_sums(given["numbers"], self.size)
        return first_combination(
            given["numbers"], (totals > given["low"]) & (totals < given["high"]), self.size
        )


TASK = ThreeSumInRange()
