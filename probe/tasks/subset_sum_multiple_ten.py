"""Find a subset of a list whose sum is a multiple of ten."""

from __future__ import annotations

from functools import cache
from itertools import chain

from probe.tasks.inputs import Input, numbers_of
from probe.tasks.sums import SUBSET_SIZES, DigitSets, TenTask, digit_sets, first_multiple_of_ten


class SubsetSumMultipleTen(TenTask):
    """Every subset that fits is right, and none that fits has fewer than 4 numbers.

    Without that the task is to find a pair: a random list of 6 to 9 numbers nearly always has one.
    """

    name = "subset_sum_multiple_ten"
    authors_name = "SubsetSumMultipleTen"
    level = 5
    size = None
    lengths = range(6, 10)
    instruction = (
        "Find a subset of this list, with at least one number, whose sum is a multiple of ten. "
        "Any number of them, each place used at most once."
    )
    answer_rule = "the numbers of the subset in square brackets, separated by commas"
    example = "[12, 34, 56, 78]"

    def digit_sets(self, length: int) -> DigitSets:
        return _digit_sets(length)

    def solve(self, given: Input) -> list[int]:
        """Sizes that instances are made with first, then the others for lists that were not made
        here.
        """
        numbers = numbers_of(given)
        return first_multiple_of_ten(
            numbers,
            chain(
                SUBSET_SIZES,
                range(1, SUBSET_SIZES[0]),
                range(SUBSET_SIZES[-1] + 1, len(numbers) + 1),
            ),
        )


@cache
def _digit_sets(length: int) -> DigitSets:
    return digit_sets(
        length, dict.fromkeys(range(1, SUBSET_SIZES[0]), range(1)), some_of=SUBSET_SIZES
    )


TASK = SubsetSumMultipleTen()
