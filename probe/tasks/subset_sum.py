"""Find a subset of a list with a given sum."""

from __future__ import annotations

from probe.tasks.inputs import Input
from probe.tasks.sums import TargetTask, no_answer, reach, subset_with_sum


class SubsetSum(TargetTask):
    name = "subset_sum"
    authors_name = "SubsetSum"
    level = 5
    size = None
    lengths = range(6, 17)
    instruction = (
        "Find a subset of this list whose numbers add up to the target. Any number of them, each"
        " place used at most once."
    )
    answer_rule = "the numbers of the subset in square brackets, separated by commas"
    example = "[12, 34, 56, 78]"

    def solve(self, given: Input) -> list[int]:
        """Which sums can be reached as the bits of one integer per prefix: O(n target / 64)."""
        numbers, target = given["numbers"], given["target"]
        reached = reach(numbers)
        if target < 0 or not reached[-1] >> target & 1:
            raise no_answer()
        return subset_with_sum(numbers, reached, target)


TASK = SubsetSum()
