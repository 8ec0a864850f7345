"""What the nine sum tasks share: which numbers of the list may be named, what their sum must be,
and how many of them.

Three conditions (a target, an open range, a multiple of ten) times fixed sizes (two, three, four)
or any subset. Where an instance can be made with exactly one answer it is, so that ID and OOD have
the same chance level: sums of small numbers collide far more often.
"""

from __future__ import annotations

import random
from abc import abstractmethod
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, combinations, pairwise
from math import comb, factorial
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from probe.tasks.base import Answer, Task
from probe.tasks.elements import Pool, TaskError, below, between, shuffled
from probe.tasks.inputs import Input

DigitSets: TypeAlias = tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]
Ints = npt.NDArray[np.int64]
WORDS = {2: "two", 3: "three", 4: "four"}
SUBSET_SIZES = range(4, 7)
"""A subset task is made so that its answer has 4 to 6 numbers, as the authors'."""


class SumTask(Task):
    """Name numbers of the list, each position at most once, whose sum meets a condition. Order does
    not count.
    """

    size: ClassVar[int | None]
    """How many numbers to name; None for any number of them."""
    authors_order: ClassVar[Literal["given", "any", "either"]] = "any"

    @abstractmethod
    def sum_fault(self, given: Input, total: int) -> str | None:
        """What is wrong with this sum; None when nothing is."""

    @abstractmethod
    def n_right(self, given: Input) -> int:
        """In how many ways positions can be chosen whose sum is right."""

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        if not isinstance(answer, list):
            return "a list of numbers is asked for"
        if self.size is not None and len(answer) != self.size:
            return f"{WORDS[self.size]} numbers are asked for and {len(answer)} are named"
        if not answer:
            return "no number is named"
        return not_taken_from(given["numbers"], answer) or self.sum_fault(given, sum(answer))

    def guess(self, given: Input, rng: random.Random) -> Answer:
        """Fixed size: any positions, each choice as likely. Any size: any subset but the
        empty one.
        """
        numbers = given["numbers"]
        if self.size is not None:
            return shuffled(rng, numbers)[: self.size]
        mask = between(rng, 1, (1 << len(numbers)) - 1)
        return pick(numbers, mask)

    def chance(self, given: Input) -> float:
        n = len(given["numbers"])
        return self.n_right(given) / (comb(n, self.size) if self.size is not None else 2**n - 1)


class TargetTask(SumTask):
    """The sum must equal a target that exactly one choice of positions has."""

    fields: ClassVar[tuple[str, ...]] = ("numbers", "target")

    def pattern(self, rng: random.Random, length: int) -> int:
        return length

    def fill(self, pattern: int, rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        numbers = pool.distinct(rng, pattern)
        totals, _, single = _sums(numbers, self.size)
        if not len(single):
            return None
        return {"numbers": numbers, "target": int(totals[single[below(rng, len(single))]])}

    def sum_fault(self, given: Input, total: int) -> str | None:
        return None if total == given["target"] else f"the sum is {total}, not {given['target']}"

    def n_right(self, given: Input) -> int:
        totals = _all_sums(given["numbers"], self.size)
        return int(np.count_nonzero(totals == given["target"]))


class RangeTask(SumTask):
    """The sum must lie between two numbers, ends excluded; exactly one choice of positions does."""

    fields: ClassVar[tuple[str, ...]] = ("numbers", "low", "high")

    def pattern(self, rng: random.Random, length: int) -> int:
        return length

    def fill(self, pattern: int, rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        numbers = pool.distinct(rng, pattern)
        totals, counts, single = _sums(numbers, self.size)
        if not len(single):
            return None
        total = int(totals[single[below(rng, len(single))]])
        # The bounds are the sums next to the answer's; the smallest and the largest sum have none
        # on one side.
        low, high = _next_below(counts, total), _next_above(counts, total)
        return (
            None if low is None or high is None else {"numbers": numbers, "low": low, "high": high}
        )

    def sum_fault(self, given: Input, total: int) -> str | None:
        if given["low"] < total < given["high"]:
            return None
        return (
            f"the sum is {total}, which is not greater than {given['low']} and less than"
            f" {given['high']}"
        )

    def n_right(self, given: Input) -> int:
        totals = _all_sums(given["numbers"], self.size)
        return int(np.count_nonzero((totals > given["low"]) & (totals < given["high"])))


class TenTask(SumTask):
    """The sum must be a multiple of ten. The last digits decide, so they are the pattern and both
    splits have the same.
    """

    fields: ClassVar[tuple[str, ...]] = ("numbers",)

    @abstractmethod
    def digit_sets(self, length: int) -> DigitSets:
        """The sets of last digits an instance may have, in order, and for each the summed number of
        lists that have it.
        """

    def pattern(self, rng: random.Random, length: int) -> list[int]:
        sets, cumulative = self.digit_sets(length)
        draw = below(rng, cumulative[-1])
        return shuffled(rng, sets[bisect_right(cumulative, draw)])

    def fill(self, pattern: list[int], rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        return {"numbers": pool.ending_in(rng, pattern)}

    def fits(self, pattern: list[int], pool: Pool) -> bool:
        return all([pool.by_last_digit[digit] for digit in pattern])

    def sum_fault(self, given: Input, total: int) -> str | None:
        return None if total % 10 == 0 else f"the sum is {total}, no multiple of ten"

    def n_right(self, given: Input) -> int:
        return int(np.count_nonzero(_all_sums(given["numbers"], self.size) % 10 == 0))


def not_taken_from(numbers: Sequence[int], answer: Sequence[int]) -> str | None:
    """Which number is not in the list, or is named more often than the list has it; None when all
    can be taken.
    """
    for number, times in Counter(answer).items():
        present = numbers.count(number)
        if times > present:
            return (
                f"{number} is not in the list"
                if not present
                else f"{number} is named {times} times and is in the list {present} times"
            )
    return None


def pick(numbers: Sequence[int], mask: int) -> list[int]:
    """The numbers at the places of the bits that are set."""
    return [number for place, number in enumerate(numbers) if mask >> place & 1]


@lru_cache(maxsize=128)
def _positions(n: int, size: int) -> Ints:
    """Every choice of `size` of n positions, in lexicographic order; one row per number of the
    choice.
    """
    return np.array(list(combinations(range(n), size)), dtype=np.int64).reshape(-1, size).T.copy()


@lru_cache(maxsize=32)
def _of_answer_size(n: int) -> Ints:
    """Which subsets of n positions have as many numbers as an answer may."""
    sizes = np.bitwise_count(np.arange(1 << n, dtype=np.int64))
    return np.flatnonzero((sizes >= SUBSET_SIZES[0]) & (sizes <= SUBSET_SIZES[-1]))


def combination_sums(numbers: Sequence[int], size: int) -> Ints:
    """The sum of every choice of `size` positions, in lexicographic order."""
    chosen = np.array(numbers, dtype=np.int64)[_positions(len(numbers), size)]
    totals: Ints = np.add.reduce(chosen, axis=0)
    return totals


def subset_sums(numbers: Sequence[int]) -> Ints:
    """The sum of every subset, by doubling: entry m belongs to the positions whose bits m has;
    entry 0 to the empty one.
    """
    totals = np.zeros(1 << len(numbers), dtype=np.int64)
    for place, number in enumerate(numbers):
        half = 1 << place
        np.add(totals[:half], number, out=totals[half : 2 * half])
    return totals


def _all_sums(numbers: Sequence[int], size: int | None) -> Ints:
    return subset_sums(numbers)[1:] if size is None else combination_sums(numbers, size)


def _sums(numbers: Sequence[int], size: int | None) -> tuple[Ints, Ints, Ints]:
    """Sums of all choices, how many choices have each sum, and the places of those that are alone
    with theirs.
    """
    if size is not None:
        totals = combination_sums(numbers, size)
        counts = np.bincount(totals)
        return totals, counts, np.flatnonzero(counts[totals] == 1)
    totals = subset_sums(numbers)
    counts = np.bincount(totals)
    candidates = _of_answer_size(len(numbers))
    return totals, counts, candidates[counts[totals[candidates]] == 1]


_WINDOW = 512


def _next_below(counts: Ints, total: int) -> int | None:
    """The largest sum that exists below this one, searched for in steps because it is near."""
    for end in range(total, 0, -_WINDOW):
        found = np.flatnonzero(counts[max(0, end - _WINDOW) : end])
        if len(found):
            return max(0, end - _WINDOW) + int(found[-1])
    return None


def _next_above(counts: Ints, total: int) -> int | None:
    for start in range(total + 1, len(counts), _WINDOW):
        found = np.flatnonzero(counts[start : start + _WINDOW])
        if len(found):
            return start + int(found[0])
    return None


def first_combination(numbers: Sequence[int], hits: npt.NDArray[np.bool_], size: int) -> list[int]:
    """The numbers of the first choice that is a hit. Raises: TaskError when none is."""
    place = int(hits.argmax())
    if not hits[place]:
        raise no_answer()
    return [numbers[position] for position in _positions(len(numbers), size)[:, place].tolist()]


def first_multiple_of_ten(numbers: Sequence[int], sizes: Iterable[int]) -> list[int]:
    """The first choice whose sum is one, by size in the order given. For short lists, where a loop
    is faster than arrays.
    """
    for size in sizes:
        for chosen in combinations(numbers, size):
            if sum(chosen) % 10 == 0:
                return list(chosen)
    raise no_answer()


def no_answer() -> TaskError:
    return TaskError(
        "The input has no answer: no choice of its numbers has a sum as asked. Change the target,"
        " the range or the numbers."
    )


def reach(numbers: Sequence[int]) -> list[int]:
    """Which sums non-empty subsets of the first i numbers have: bit s of entry i is set when s is
    one.
    """
    reached = [0]
    for number in numbers:
        so_far = reached[-1]
        reached.append(so_far | so_far << number | 1 << number)
    return reached


def subset_with_sum(numbers: Sequence[int], reached: Sequence[int], total: int) -> list[int]:
    """A subset with this sum, read back from `reach`; the sum must be reached."""
    chosen: list[int] = []
    for place in range(len(numbers), 0, -1):
        if not reached[place - 1] >> total & 1:
            number = numbers[place - 1]
            chosen.append(number)
            total -= number
            if total == 0:
                break
    return chosen[::-1]


def digit_sets(length: int, allowed: Mapping[int, range], some_of: Sequence[int] = ()) -> DigitSets:
    """All multisets of last digits in which the number of choices of a size whose sum ends in 0
    lies in its allowed range.

    Args: allowed by size. some_of: sizes of which at least one must have such a choice.
    Returns: the multisets, and the cumulated number of orders each has, so that a draw by it is a
    draw of a random list that qualifies.
    """
    start = [[1] + [0] * 9] + [[0] * 10 for _ in range(max(*allowed, *some_of, 1))]
    found = [
        digits
        for digits, counts in _grow((), length, start, allowed)
        if all(counts[size][0] in within for size, within in allowed.items())
        and (not some_of or any(counts[size][0] for size in some_of))
    ]
    orders = []
    for digits in found:
        ways = factorial(length)
        for times in Counter(digits).values():
            ways //= factorial(times)
        orders.append(ways)
    return tuple(found), tuple(accumulate(orders))


def _grow(
    digits: tuple[int, ...], length: int, counts: list[list[int]], allowed: Mapping[int, range]
) -> Iterator[tuple[tuple[int, ...], list[list[int]]]]:
    """Extend by digits that keep every count within bounds; counts[j][r] choices of j digits have a
    sum that ends in r.
    """
    if len(digits) == length:
        yield digits, counts
        return
    for digit in range(digits[-1] if digits else 0, 10):
        grown = [counts[0]] + [
            [same + less[(r - digit) % 10] for r, same in enumerate(row)]
            for less, row in pairwise(counts)
        ]
        if all(grown[size][0] < within.stop for size, within in allowed.items()):
            yield from _grow((*digits, digit), length, grown, allowed)
