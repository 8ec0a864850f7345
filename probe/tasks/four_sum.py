"""Find four numbers of a list with a given sum."""

from __future__ import annotations

from probe.tasks.inputs import Input
from probe.tasks.sums import TargetTask, no_answer


class FourSum(TargetTask):
    name = "four_sum"
    authors_name = "FourSum"
    level = 4
    size = 4
    lengths = range(5, 17)
    instruction = "Find four numbers in this list, at different places, that add up to the target."
    answer_rule = "the four numbers in square brackets, separated by commas"
    example = "[12, 34, 56, 78]"

    def solve(self, given: Input) -> list[int]:
        """The sums of all pairs so far against each pair behind them, O(n^2)."""
        numbers, target = given["numbers"], given["target"]
        pairs: dict[int, tuple[int, int]] = {}
        for j, third in enumerate(numbers):
            rest = target - third
            for fourth in numbers[j + 1 :]:
                if rest - fourth in pairs:
                    return [*pairs[rest - fourth], third, fourth]
            for before in numbers[:j]:
                pairs.setdefault(before + third, (before, third))
        raise no_answer()


TASK = FourSum()
