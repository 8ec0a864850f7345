"""Choices of positions of a list and their sums: counting them, and finding one with a given sum, a
sum in a range or a multiple of ten. The sum tasks are built on these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, combinations, pairwise
from math import factorial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from probe.tasks.elements import TaskError

DigitSets: TypeAlias = tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]
Ints = npt.NDArray[np.int64]
SUBSET_SIZES = range(4, 7)
"""The answer of a subset task has 4 to 6 numbers, as in the authors' code."""


def not_taken_from(numbers: Sequence[int], answer: Sequence[int]) -> str | None:
    """The number that is not in the list, or that is named more often than it occurs in the list;
    None when all can be taken.
    """
    for number, times in Counter(answer).items():
        present = numbers.count(number)
        if not present:
            return f"{number} is not in the list"
        if times > present:
            return f"{number} is named {times} times and is in the list {present} times"
    return None


def pick(numbers: Sequence[int], mask: int) -> list[int]:
    """The numbers at the positions of the bits that are set."""
    return [number for place, number in enumerate(numbers) if mask >> place & 1]


@lru_cache(maxsize=128)
def _positions(n: int, size: int) -> Ints:
    """Every choice of `size` of n positions, in lexicographic order; one row per number of the
    choice.
    """
    return np.array(list(combinations(range(n), size)), dtype=np.int64).reshape(-1, size).T.copy()


@lru_cache(maxsize=32)
def _of_answer_size(n: int) -> Ints:
    """Which subsets of n positions have an allowed number of elements."""
    sizes = np.bitwise_count(np.arange(1 << n, dtype=np.int64))
    return np.flatnonzero((sizes >= SUBSET_SIZES[0]) & (sizes <= SUBSET_SIZES[-1]))


def combination_sums(numbers: Sequence[int], size: int) -> Ints:
    """The sum of every choice of `size` positions, in lexicographic order."""
    chosen = np.array(numbers, dtype=np.int64)[_positions(len(numbers), size)]
    totals: Ints = np.add.reduce(chosen, axis=0)
    return totals


def subset_sums(numbers: Sequence[int]) -> Ints:
    """The sum of every subset, by doubling: entry m is for the positions whose bits are set in m;
    entry 0 for the empty subset.
    """
    totals = np.zeros(1 << len(numbers), dtype=np.int64)
    for place, number in enumerate(numbers):
        half = 1 << place
        np.add(totals[:half], number, out=totals[half : 2 * half])
    return totals


def all_sums(numbers: Sequence[int], size: int | None) -> Ints:
    return subset_sums(numbers)[1:] if size is None else combination_sums(numbers, size)


def unique_sums(numbers: Sequence[int], size: int | None) -> tuple[Ints, Ints, Ints]:
    """Sums of all choices, how many choices have each sum, and the indices of the choices with a
    unique sum.
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


def next_sum_below(counts: Ints, total: int) -> int | None:
    """The largest existing sum below this one, searched for in steps because it is near."""
    for end in range(total, 0, -_WINDOW):
        found = np.flatnonzero(counts[max(0, end - _WINDOW) : end])
        if len(found):
            return max(0, end - _WINDOW) + int(found[-1])
    return None


def next_sum_above(counts: Ints, total: int) -> int | None:
    for start in range(total + 1, len(counts), _WINDOW):
        found = np.flatnonzero(counts[start : start + _WINDOW])
        if len(found):
            return start + int(found[0])
    return None


def first_combination(numbers: Sequence[int], hits: npt.NDArray[np.bool_], size: int) -> list[int]:
    """The numbers of the first matching choice. Raises: TaskError when none is."""
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


def two_with_sum(numbers: Sequence[int], total: int) -> list[int]:
    """Two numbers with this sum: one look-up per number, O(n). Raises: TaskError if there are
    none.
    """
    behind: dict[int, int] = {}
    for number in reversed(numbers):
        behind[number] = behind.get(number, 0) + 1
    for number in numbers:
        behind[number] -= 1
        if behind.get(total - number, 0):
            return [number, total - number]
    raise no_answer()


def three_with_sum(numbers: Sequence[int], total: int) -> list[int]:
    """Three numbers with this sum: for every pair the last position of the missing number, O(n^2).
    Raises: TaskError if there are none.
    """
    last = {number: place for place, number in enumerate(numbers)}
    place_of = last.get
    for i, one in enumerate(numbers):
        rest = total - one
        for j in range(i + 1, len(numbers)):
            missing = rest - numbers[j]
            if place_of(missing, -1) > j:
                return [one, numbers[j], missing]
    raise no_answer()


def four_with_sum(numbers: Sequence[int], total: int) -> list[int]:
    """Four numbers with this sum: the sums of all pairs so far against each later pair, O(n^2).
    Raises: TaskError if there are none.
    """
    pairs: dict[int, tuple[int, int]] = {}
    for j, third in enumerate(numbers):
        rest = total - third
        for fourth in numbers[j + 1 :]:
            if rest - fourth in pairs:
                return [*pairs[rest - fourth], third, fourth]
        for before in numbers[:j]:
            pairs.setdefault(before + third, (before, third))
    raise no_answer()


def subset_with_sum(numbers: Sequence[int], total: int) -> list[int]:
    """A subset with this sum, O(n total / 64). Raises: TaskError if there is none."""
    reached = _reach(numbers)
    if total < 0 or not reached[-1] >> total & 1:
        raise no_answer()
    return _read_back(numbers, reached, total)


def subset_in_range(numbers: Sequence[int], low: int, high: int) -> list[int]:
    """The subset with the smallest sum above `low`, if it is below `high`. Raises: TaskError if
    there is none.
    """
    reached = _reach(numbers)
    above = reached[-1] >> (low + 1)
    total = low + (above & -above).bit_length()
    if not above or total >= high:
        raise no_answer()
    return _read_back(numbers, reached, total)


def _reach(numbers: Sequence[int]) -> list[int]:
    """The sums of non-empty subsets of the first i numbers: bit s of entry i is set when s is such
    a sum.
    """
    reached = [0]
    for number in numbers:
        so_far = reached[-1]
        reached.append(so_far | so_far << number | 1 << number)
    return reached


def _read_back(numbers: Sequence[int], reached: Sequence[int], total: int) -> list[int]:
    """A subset with this sum, reconstructed from `_reach`; the sum must be reachable."""
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
    """All multisets of last digits in which, for each size, the number of choices whose sum ends in
    0 is in its allowed range.

    Args: allowed by size. some_of: sizes of which at least one must have such a choice.
    Returns: the multisets, and the cumulative number of orders of each, so that a draw proportional
    to it is a draw of a random qualifying list.
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
