"""The textbook's side of `benchmarks.tasks`: brute force over all choices, in plain code, with the
standard library only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import combinations, permutations
from typing import Any

Given = dict[str, Any]
Choices = Callable[[list[int]], Iterable[tuple[int, ...]]]
Making = Callable[[list[int], random.Random], Given | None]
SUBSET_SIZES = range(4, 7)


# Answers: an input in, one right answer out.


def _minimum(given: Given) -> Any:
    smallest = given["numbers"][0]
    for number in given["numbers"]:
        if number < smallest:
            smallest = number
    return smallest


def _maximum(given: Given) -> Any:
    largest = given["numbers"][0]
    for number in given["numbers"]:
        if number > largest:
            largest = number
    return largest


def _mode(given: Given) -> Any:
    best, most = None, 0
    for number in given["numbers"]:
        times = sum(other == number for other in given["numbers"])
        if times > most:
            best, most = number, times
    return best


def _topk(given: Given) -> Any:
    left = list(given["numbers"])
    for _ in range(given["k"] - 1):
        left.remove(max(left))
    return max(left)


def _sort(given: Given) -> Any:
    ordered = list(given["numbers"])
    for end in range(len(ordered) - 1, 0, -1):
        for place in range(end):
            if ordered[place] > ordered[place + 1]:
                ordered[place], ordered[place + 1] = ordered[place + 1], ordered[place]
    return ordered


def _remove_duplicates(given: Given) -> Any:
    kept: list[int] = []
    for number in given["numbers"]:
        if number not in kept:
            kept.append(number)
    return kept


def _increasing(given: Given) -> Any:
    """The quadratic recursion of the textbook; trying all subsequences would be unfairly slow."""
    numbers: list[int] = given["numbers"]
    best: list[list[int]] = []
    for place, number in enumerate(numbers):
        before = [best[earlier] for earlier in range(place) if numbers[earlier] < number]
        best.append([*max(before, key=len, default=[]), number])
    return max(best, key=len)


def _consecutive(given: Given) -> Any:
    numbers: list[int] = given["numbers"]
    longest: list[int] = []
    for number in numbers:
        run = [number]
        while run[-1] + 1 in numbers:
            run.append(run[-1] + 1)
        longest = max(longest, run, key=len)
    return longest


def _common(given: Given) -> Any:
    first, second = given["first"], given["second"]
    lengths = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    best, end = 0, 0
    for i, number in enumerate(first, 1):
        for j, other in enumerate(second, 1):
            if number == other:
                lengths[i][j] = lengths[i - 1][j - 1] + 1
                if lengths[i][j] > best:
                    best, end = lengths[i][j], i
    return first[end - best : end]


def _tour(given: Given) -> Any:
    rows, best, shortest = given["distances"], None, 0
    for order in permutations(range(1, len(rows))):
        length, here = 0, 0
        for city in order:
            length += rows[here][city]
            here = city
        length += rows[here][0]
        if best is None or length < shortest:
            best, shortest = [0, *order, 0], length
    return best


def _of(size: int) -> Choices:
    return lambda numbers: combinations(numbers, size)


def _subsets(numbers: list[int]) -> Iterable[tuple[int, ...]]:
    for mask in range(1, 1 << len(numbers)):
        yield tuple(number for place, number in enumerate(numbers) if mask >> place & 1)


def _small_subsets(numbers: list[int]) -> Iterable[tuple[int, ...]]:
    for size in SUBSET_SIZES:
        yield from combinations(numbers, size)


def _first(choices: Choices) -> Callable[[Given], Any]:
    def answer(given: Given) -> Any:
        if "target" in given:
            return next(
                list(chosen)
                for chosen in choices(given["numbers"])
                if sum(chosen) == given["target"]
            )
        if "low" in given:
            return next(
                list(chosen)
                for chosen in choices(given["numbers"])
                if given["low"] < sum(chosen) < given["high"]
            )
        return next(list(chosen) for chosen in choices(given["numbers"]) if sum(chosen) % 10 == 0)

    return answer


# Inputs: values in, an input with the properties that the task guarantees out, or None when these
# values do not give one.


def _list(numbers: list[int], rng: random.Random) -> Given | None:
    return {"numbers": numbers}


def _list_and_k(numbers: list[int], rng: random.Random) -> Given | None:
    return {"numbers": numbers, "k": rng.randint(2, len(numbers) // 2)}


def _list_with_a_repeat(numbers: list[int], rng: random.Random) -> Given | None:
    return {"numbers": [*numbers[:-1], numbers[0]]}


def _list_with_a_neighbour(numbers: list[int], rng: random.Random) -> Given | None:
    return {"numbers": [*numbers[:-1], numbers[0] + 1]}


def _two_lists(numbers: list[int], rng: random.Random) -> Given | None:
    return {
        "first": numbers,
        "second": [rng.choice((number, rng.choice(numbers))) for number in numbers],
    }


def _matrix(numbers: list[int], rng: random.Random) -> Given | None:
    rows = [[0] * len(numbers) for _ in numbers]
    for i in range(len(numbers)):
        for j in range(i):
            rows[i][j] = rows[j][i] = rng.choice(numbers)
    return {"distances": rows}


def _with_target(choices: Choices, sizes: range = range(20)) -> Making:
    def make(numbers: list[int], rng: random.Random) -> Given | None:
        by_sum: dict[int, list[tuple[int, ...]]] = {}
        for chosen in choices(numbers):
            by_sum.setdefault(sum(chosen), []).append(chosen)
        single = [
            total for total, found in by_sum.items() if len(found) == 1 and len(found[0]) in sizes
        ]
        return {"numbers": numbers, "target": rng.choice(single)} if single else None

    return make


def _with_range(choices: Choices, *, sorts_again: bool = False) -> Making:
    def make(numbers: list[int], rng: random.Random) -> Given | None:
        sums: list[int] = []
        for chosen in choices(numbers):
            sums.append(sum(chosen))
            if sorts_again:
                sums = sorted(sums)
        sums.sort()
        single = [
            place
            for place in range(1, len(sums) - 1)
            if sums[place - 1] < sums[place] < sums[place + 1]
        ]
        if not single:
            return None
        place = rng.choice(single)
        return {"numbers": numbers, "low": sums[place - 1], "high": sums[place + 1]}

    return make


def _with_ten(choices: Choices, *, may_have_several: bool = False) -> Making:
    def make(numbers: list[int], rng: random.Random) -> Given | None:
        n_right = sum(sum(chosen) % 10 == 0 for chosen in choices(numbers))
        return {"numbers": numbers} if n_right == 1 or (n_right and may_have_several) else None

    return make


BRUTE_FORCE: dict[str, tuple[Making, Callable[[Given], Any]]] = {
    "find_minimum": (_list, _minimum),
    "find_maximum": (_list, _maximum),
    "find_mode": (_list_with_a_repeat, _mode),
    "find_topk": (_list_and_k, _topk),
    "sort_numbers": (_list, _sort),
    "remove_duplicate_numbers": (_list_with_a_repeat, _remove_duplicates),
    "longest_increasing_subsequence": (_list, _increasing),
    "longest_consecutive_elements": (_list_with_a_neighbour, _consecutive),
    "longest_common_subarray": (_two_lists, _common),
    "two_sum": (_with_target(_of(2)), _first(_of(2))),
    "three_sum": (_with_target(_of(3)), _first(_of(3))),
    "three_sum_in_range": (_with_range(_of(3)), _first(_of(3))),
    "three_sum_multiple_ten": (_with_ten(_of(3)), _first(_of(3))),
    "four_sum": (_with_target(_of(4)), _first(_of(4))),
    "four_sum_in_range": (_with_range(_of(4)), _first(_of(4))),
    "four_sum_multiple_ten": (_with_ten(_of(4)), _first(_of(4))),
    "subset_sum": (_with_target(_subsets, SUBSET_SIZES), _first(_subsets)),
    "subset_sum_in_range": (_with_range(_small_subsets), _first(_small_subsets)),
    "subset_sum_in_range (re-sorting)": (
        _with_range(_small_subsets, sorts_again=True),
        _first(_small_subsets),
    ),
    "subset_sum_multiple_ten": (
        _with_ten(_small_subsets, may_have_several=True),
        _first(_small_subsets),
    ),
    "tsp": (_matrix, _tour),
}
