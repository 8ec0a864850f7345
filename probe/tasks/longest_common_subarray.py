"""Find the longest stretch of numbers that two lists share."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, ClassVar

from probe.tasks.base import Answer, Task
from probe.tasks.elements import Pool, below, between
from probe.tasks.inputs import Input
from probe.tasks.lists import LENGTHS, by_symbols


class LongestCommonSubarray(Task):
    """Which places hold the same number is the pattern: a shared stretch, and elsewhere single numbers of the first list or new ones.

    The guesser gives a random stretch of the first list.
    """

    name = "longest_common_subarray"
    authors_name = "LongestCommonSubarray"
    level = None
    lengths: ClassVar[range] = LENGTHS
    fields: ClassVar[tuple[str, ...]] = ("first", "second")
    instruction = (
        "Find a longest common subarray of these two lists: the longest sequence of numbers that stands without gaps and in the same order "
        "in both. If several are longest, any of them counts."
    )
    answer_rule = "the subarray as a list in square brackets, its numbers separated by commas"
    example = "[12, 34, 56]"

    def pattern(self, rng: random.Random, length: int) -> tuple[list[int], list[int]]:
        while True:
            shared = between(rng, 1, length - 2)
            start, at = between(rng, 0, length - shared), between(rng, 0, length - shared)
            draw = rng.random
            # Half of the other places are new numbers; the draw that says so also says which number of the first list it is else.
            second = [int(draw() * 2 * length) for _ in range(length)]
            second = [symbol if symbol < length else length + place for place, symbol in enumerate(second)]
            second[at : at + shared] = range(start, start + shared)
            if _only_longest(length, second, start, shared):
                return list(range(length)), _renumbered(second, length)

    def fill(self, pattern: tuple[list[int], list[int]], rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        first, second = pattern
        values = pool.distinct(rng, max(*first, *second) + 1)
        return {"first": by_symbols(first, values), "second": by_symbols(second, values)}

    def solve(self, given: Input) -> list[int]:
        """The window over the first list only ever grows, so about 2 n searches in the second suffice."""
        first: list[int] = given["first"]
        if not (code := _code(first, given["second"])):
            return []
        one, other = code
        best, end_best, start = 0, 0, 0
        for end in range(1, len(one) + 1):
            if one[start:end] in other:
                if end - start > best:
                    best, end_best = end - start, end
            else:
                start += 1
        return first[end_best - best : end_best]

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        if not isinstance(answer, list) or not isinstance(reference, list):
            return "a list of numbers is asked for"
        for name in self.fields:
            if not _stands_in(answer, given[name]):
                return f"the numbers do not stand side by side in the {name} list"
        return None if len(answer) == len(reference) else f"{len(answer)} numbers are named, the longest has {len(reference)}"

    def guess(self, given: Input, rng: random.Random) -> Answer:
        first = given["first"]
        place = below(rng, len(first) * (len(first) + 1) // 2)
        for start in range(len(first)):
            if place < len(first) - start:
                return first[start : start + place + 1]  # type: ignore[no-any-return]
            place -= len(first) - start
        return []

    def chance(self, given: Input) -> float:
        first = given["first"]
        longest = stretches(first, given["second"])
        length = len(next(iter(longest), ()))
        n_right = sum(tuple(first[start : start + length]) in longest for start in range(len(first) - length + 1)) if length else 0
        return n_right / (len(first) * (len(first) + 1) // 2)


def stretches(first: Sequence[int], second: Sequence[int]) -> set[tuple[int, ...]]:
    """All longest stretches that both lists have; empty when they share no number."""
    longest: set[tuple[int, ...]] = set()
    length, before = 1, [0] * (len(second) + 1)
    for place, number in enumerate(first):
        now = [0] * (len(second) + 1)
        for at, other in enumerate(second):
            if other == number:
                now[at + 1] = shared = before[at] + 1
                if shared > length:
                    length, longest = shared, set()
                if shared == length:
                    longest.add(tuple(first[place + 1 - shared : place + 1]))
        before = now
    return longest


def _only_longest(length: int, second: list[int], start: int, shared: int) -> bool:
    """Whether the second list and 0, 1, .. length - 1 share no other stretch as long as this one."""
    run = 0
    before = -2
    for symbol in [*second, -2]:
        if symbol == before + 1 and symbol < length:
            run += 1
        else:
            # The run ended with `before`; one as long as the shared stretch must be it.
            if 0 <= before < length and (run > shared or (run == shared and before != start + shared - 1)):
                return False
            run = 1
        before = symbol
    return True


def _code(first: Sequence[int], second: Sequence[int]) -> tuple[str, str]:
    """Both lists as texts with one character per different number, because searching texts is fast."""
    characters = {number: chr(place) for place, number in enumerate(dict.fromkeys((*first, *second)))}
    return "".join([characters[number] for number in first]), "".join([characters[number] for number in second])


def _stands_in(answer: Sequence[int], numbers: Sequence[int]) -> bool:
    n = len(answer)
    return any(numbers[start : start + n] == answer for start in range(len(numbers) - n + 1))


def _renumbered(second: list[int], length: int) -> list[int]:
    """The new numbers of the second list counted from `length` without gaps."""
    new: dict[int, int] = {}
    return [symbol if symbol < length else new.setdefault(symbol, length + len(new)) for symbol in second]


TASK = LongestCommonSubarray()
