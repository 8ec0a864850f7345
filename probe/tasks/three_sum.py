"""Find three numbers of a list with a given sum."""

from __future__ import annotations

from probe.tasks.inputs import Input
from probe.tasks.lists import LENGTHS
from probe.tasks.sums import TargetTask, no_answer


class ThreeSum(TargetTask):
    name = "three_sum"
    authors_name = "ThreeSum"
    level = 3
    size = 3
    lengths = LENGTHS
    instruction = "Find three numbers in this list, at different places, that add up to the target."
    answer_rule = "the three numbers in square brackets, separated by commas"
    example = "[12, 34, 56]"

    def solve(self, given: Input) -> list[int]:
        """For every pair the last place of the number that is missing, O(n^2)."""
        numbers, target = given["numbers"], given["target"]
        last = {number: place for place, number in enumerate(numbers)}
        place_of = last.get
        for i, one in enumerate(numbers):
            rest = target - one
            for j in range(i + 1, len(numbers)):
                missing = rest - numbers[j]
                if place_of(missing, -1) > j:
                    return [one, numbers[j], missing]
        raise no_answer()


TASK = ThreeSum()
