"""Find two numbers of a list with a given sum."""

from __future__ import annotations

from probe.tasks.inputs import Input
from probe.tasks.lists import LENGTHS
from probe.tasks.sums import TargetTask, no_answer


class TwoSum(TargetTask):
    name = "two_sum"
    authors_name = "TwoSum"
    level = 2
    size = 2
    lengths = LENGTHS
    instruction = "Find two numbers in this list, at different places, that add up to the target."
    answer_rule = "the two numbers in square brackets, separated by a comma"
    example = "[12, 34]"

    def solve(self, given: Input) -> list[int]:
        """One look-up per number, O(n)."""
        numbers, target = given["numbers"], given["target"]
        behind: dict[int, int] = {}
        for number in reversed(numbers):
            behind[number] = behind.get(number, 0) + 1
        for number in numbers:
            behind[number] -= 1
            if behind.get(target - number, 0):
                return [number, target - number]
        raise no_answer()


TASK = TwoSum()
