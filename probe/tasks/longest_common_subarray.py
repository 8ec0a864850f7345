"""Find the longest stretch of numbers that two lists share."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import repeat
from math import floor
from typing import Any

from probe.tasks.base import Answer, Task
from probe.tasks.elements import Pool, below
from probe.tasks.inputs import Input
from probe.tasks.lists import LENGTHS, by_symbols


class LongestCommonSubarray(Task):
    """The pattern is which positions have the same number: a shared stretch, and elsewhere single
    numbers of the first list or new ones.

    The guesser gives a random stretch of the first list.
    """

    name = "longest_common_subarray"
    authors_name = "LongestCommonSubarray"
    level = None
    lengths = LENGTHS
    fields = ("first", "second")
    instruction = (
        "Find a longest common subarray of these two lists: the longest sequence of numbers that"
        " stands without gaps and in the same order in both. If several are longest, any of them"
        " counts."
    )
    answer_rule = "the subarray as a list in square brackets, its numbers separated by commas"
    example = "[12, 34, 56]"

    def pattern(self, rng: random.Random, length: int) -> tuple[int, int, list[int]]:
        """Both lengths, the number of distinct numbers, and the second list; the first is 0, 1, ..
        length - 1.
        """
        draw, twice = rng.random, 2.0 * length
        while True:
            shared = 1 + floor(draw() * (length - 2))
            room = length - shared + 1
            start, at = floor(draw() * room), floor(draw() * room)
            # Half of the other places are new numbers; otherwise the same draw selects a number of
            # the first list.
            second = [floor(draw() * twice) for _ in repeat(None, length)]
            second[at : at + shared] = range(start, start + shared)
            n_different = _number_new(length, second, start + shared - 1, shared)
            if n_different is not None:
                return length, n_different, second

    def fill(
        self, pattern: tuple[int, int, list[int]], rng: random.Random, pool: Pool
    ) -> dict[str, Any] | None:
        length, n_different, second = pattern
        values = pool.distinct(rng, n_different)
        return {"first": values[:length], "second": by_symbols(second, values)}

    def solve(self, given: Input) -> list[int]:
        """The first one in the first list. If the first list repeats no number, one pass over the
        second list finds it; otherwise a window over the first never shrinks, so about 2 n searches
        in the second suffice.
        """
        first: list[int] = given["first"]
        places = {number: place for place, number in enumerate(first)}
        if len(places) == len(first):
            return _by_places(first, given["second"], places)
        one, other = _code(first, given["second"])
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
        return (
            None
            if len(answer) == len(reference)
            else f"{len(answer)} numbers are named, the longest has {len(reference)}"
        )

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
        n_right = (
            sum(
                tuple(first[start : start + length]) in longest
                for start in range(len(first) - length + 1)
            )
            if length
            else 0
        )
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


def _number_new(length: int, second: list[int], last: int, shared: int) -> int | None:
    """Number the new elements of the second list from `length` on. None when it shares another
    stretch with 0, 1, .. length - 1 that is as long as the intended longest one, which has `shared`
    numbers and ends with `last`.

    Returns: the number of distinct numbers in both lists together.
    """
    run, expected, new = 0, -1, length
    for place, symbol in enumerate(second):
        if symbol == expected and symbol < length:
            run += 1
        elif symbol < length:
            run = 1
        else:
            second[place] = new
            new += 1
            expected = -1
            continue
        if run >= shared and (run > shared or symbol != last):
            return None
        expected = symbol + 1
    return new


def _by_places(first: list[int], second: Sequence[int], places: Mapping[int, int]) -> list[int]:
    """The longest common stretch that ends first in the first list, in which each number occurs
    once.
    """
    best, end_best, run, expected = 0, 0, 0, -1
    for number in second:
        place = places.get(number, -2)
        run = run + 1 if place == expected else 1
        expected = place + 1
        if place >= 0 and (run > best or (run == best and place < end_best)):
            best, end_best = run, place
    return first[end_best + 1 - best : end_best + 1]


def _code(first: Sequence[int], second: Sequence[int]) -> tuple[str, str]:
    """Both lists as strings with one character per distinct number, because searching strings is
    fast.
    """
    characters = {
        number: chr(place) for place, number in enumerate(dict.fromkeys((*first, *second)))
    }
    return "".join([characters[number] for number in first]), "".join(
        [characters[number] for number in second]
    )


def _stands_in(answer: Sequence[int], numbers: Sequence[int]) -> bool:
    n = len(answer)
    return any(numbers[start : start + n] == answer for start in range(len(numbers) - n + 1))


TASK = LongestCommonSubarray()
