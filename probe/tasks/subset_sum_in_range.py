"""Find a subset of a list whose sum lies in a range."""

from __future__ import annotations

from probe.tasks.inputs import Input
from probe.tasks.sums import RangeTask, no_answer, reach, subset_with_sum


class SubsetSumInRange(RangeTask):
    """Exactly one subset of any size is right; the authors look at subsets of 4 to 6 numbers and
    state no size.
    """

    name = "subset_sum_in_range"
    authors_name = "SubsetSumInRange"
    level = 5
    size = None
    lengths = range(6, 17)
    instruction = (
        "Find a subset of this list whose sum is greater than a and less than b. Any number of"
        " them, each place used at most once."
    )
    answer_rule = "the numbers of the subset in square brackets, separated by commas"
    example = "[12, 34, 56, 78]"

    def solve(self, given: Input) -> list[int]:
        """The smallest sum above a that can be reached, if it is below b."""
        numbers, low, high = given["numbers"], given["low"], given["high"]
        reached = reach(numbers)
        above = reached[-1] >> (low + 1)
        total = low + (above & -above).bit_length()
        if not above or total >= high:
            raise no_answer()
        return subset_with_sum(numbers, reached, total)


TASK = SubsetSumInRange()
