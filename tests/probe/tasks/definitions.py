"""Every right answer of an input, found by trying all that could be: the definition of each task,
written without its code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations, pairwise, permutations
from typing import Any

Given = dict[str, Any]


def right_answers(task: str, given: Given) -> list[Any]:
    """Every right answer; for subsets one order of each, for tours both directions."""
    return BY_DEFINITION[task](given)


def _subsets(numbers: list[int], sizes: Iterable[int]) -> Iterable[list[int]]:
    for size in sizes:
        yield from map(list, combinations(numbers, size))


def _sum_of(
    size: int | None, is_right: Callable[[int, Given], bool]
) -> Callable[[Given], list[Any]]:
    def answers(given: Given) -> list[Any]:
        numbers = given["numbers"]
        sizes = range(1, len(numbers) + 1) if size is None else (size,)
        return [chosen for chosen in _subsets(numbers, sizes) if is_right(sum(chosen), given)]

    return answers


def _target(total: int, given: Given) -> bool:
    return bool(total == given["target"])


def _range(total: int, given: Given) -> bool:
    return bool(given["low"] < total < given["high"])


def _ten(total: int, given: Given) -> bool:
    return total % 10 == 0


def _modes(given: Given) -> list[Any]:
    numbers = given["numbers"]
    most = max(numbers.count(number) for number in numbers)
    return [number for number in set(numbers) if numbers.count(number) == most]


def _longest(candidates: Iterable[list[int]]) -> list[Any]:
    kept = list(candidates)
    longest = max(map(len, kept))
    return [list(one) for one in {tuple(one) for one in kept if len(one) == longest}]


def _increasing(given: Given) -> list[Any]:
    numbers = given["numbers"]
    return _longest(
        one
        for one in _subsets(numbers, range(1, len(numbers) + 1))
        if all(a < b for a, b in pairwise(one))
    )


def _runs(given: Given) -> list[Any]:
    numbers = set(given["numbers"])

    def upwards(start: int) -> list[int]:
        return [start, *upwards(start + 1)] if start in numbers else []

    return _longest(upwards(number) for number in numbers)


def _stretches(numbers: list[int]) -> set[tuple[int, ...]]:
    return {
        tuple(numbers[a:b]) for a in range(len(numbers)) for b in range(a + 1, len(numbers) + 1)
    }


def _common(given: Given) -> list[Any]:
    return _longest(list(one) for one in _stretches(given["first"]) & _stretches(given["second"]))


def _tours(given: Given) -> list[Any]:
    rows = given["distances"]
    tours = [[0, *order, 0] for order in permutations(range(1, len(rows)))]
    lengths = [sum(rows[a][b] for a, b in pairwise(tour)) for tour in tours]
    return [tour for tour, length in zip(tours, lengths, strict=True) if length == min(lengths)]


def _without_repeats(given: Given) -> list[Any]:
    numbers = given["numbers"]
    return [[number for place, number in enumerate(numbers) if number not in numbers[:place]]]


def _kth(given: Given) -> list[Any]:
    left = list(given["numbers"])
    for _ in range(given["k"] - 1):
        left.remove(max(left))
    return [max(left)]


def _ascending(given: Given) -> list[Any]:
    left, ordered = list(given["numbers"]), []
    while left:
        ordered.append(min(left))
        left.remove(min(left))
    return [ordered]


BY_DEFINITION: dict[str, Callable[[Given], list[Any]]] = {
    "find_minimum": lambda given: [
        next(a for a in given["numbers"] if all(a <= b for b in given["numbers"]))
    ],
    "find_maximum": lambda given: [
        next(a for a in given["numbers"] if all(a >= b for b in given["numbers"]))
    ],
    "find_mode": _modes,
    "find_topk": _kth,
    "sort_numbers": _ascending,
    "remove_duplicate_numbers": _without_repeats,
    "two_sum": _sum_of(2, _target),
    "three_sum": _sum_of(3, _target),
    "four_sum": _sum_of(4, _target),
    "subset_sum": _sum_of(None, _target),
    "three_sum_in_range": _sum_of(3, _range),
    "four_sum_in_range": _sum_of(4, _range),
    "subset_sum_in_range": _sum_of(None, _range),
    "three_sum_multiple_ten": _sum_of(3, _ten),
    "four_sum_multiple_ten": _sum_of(4, _ten),
    "subset_sum_multiple_ten": _sum_of(None, _ten),
    "tsp": _tours,
    "longest_common_subarray": _common,
    "longest_increasing_subsequence": _increasing,
    "longest_consecutive_elements": _runs,
}
