"""Find a shortest round trip through all cities."""

from __future__ import annotations

import random
from functools import lru_cache
from itertools import pairwise
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt

from probe.tasks.base import Answer, Task
from probe.tasks.elements import Pool, shuffled
from probe.tasks.inputs import Input

Ints = npt.NDArray[np.int64]
Step = tuple[Ints, Ints, Ints]


class TSP(Task):
    """Distances are symmetric elements of the split. Every shortest tour is right, in either
    direction; ties are allowed.

    A list that is not a round trip from city 0 does not have the required form, which is
    distinguished from a tour that is too long. The guesser visits the other cities in a random
    order.
    """

    name = "tsp"
    authors_name = "TSP"
    level = 5
    authors_order = "either"
    lengths = range(4, 11)
    fields = ("distances",)
    instruction = (
        "Find a shortest round trip: start in city 0, visit every other city once, and return to"
        " city 0. The cities are numbered from 0. Row i of this matrix has the distances from city"
        " i to each city."
    )
    answer_rule = (
        "the list of the cities in the order of the visit, in square brackets and separated by"
        " commas, with 0 first and 0 last"
    )
    example = "[0, 1, 2, 3, 0]"

    def pattern(self, rng: random.Random, length: int) -> int:
        return length

    def fill(self, pattern: int, rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        n_pairs = pattern * (pattern - 1) // 2
        values = pool.values
        draw, size = rng.random, len(values)
        drawn = iter([values[int(draw() * size)] for _ in range(n_pairs)])
        rows = [[0] * pattern for _ in range(pattern)]
        for i in range(pattern):
            for j in range(i):
                rows[i][j] = rows[j][i] = next(drawn)
        return {"distances": rows}

    def solve(self, given: Input) -> list[int]:
        """Held and Karp (1962), one NumPy step per number of cities visited; of several shortest
        tours, the first in lexicographic order.
        """
        rows = given["distances"]
        best = _shortest_paths(rows)
        left = (1 << (len(rows) - 1)) - 1
        tour, here, to_go = [0], 0, None
        while left:
            for city in range(1, len(rows)):
                if left >> (city - 1) & 1:
                    rest = rows[here][city] + int(best[left, city - 1])
                    if to_go is None or rest < to_go:
                        to_go, chosen = rest, city
            assert to_go is not None
            tour.append(chosen)
            to_go = None
            here, left = chosen, left & ~(1 << (chosen - 1))
        return [*tour, 0]

    def format_fault(self, given: Input, answer: Answer) -> str | None:
        n = len(given["distances"])
        if not isinstance(answer, list) or len(answer) < 2 or answer[0] != 0 or answer[-1] != 0:
            return "the tour must begin and end with city 0"
        if sorted(answer[:-1]) != list(range(n)):
            return f"the tour must visit each of the cities 0 to {n - 1} once"
        return None

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        if not isinstance(answer, list) or not isinstance(reference, list):
            return "a list of cities is asked for"
        length, shortest = (
            tour_length(given["distances"], answer),
            tour_length(given["distances"], reference),
        )
        return None if length == shortest else f"the tour is {length} long, the shortest {shortest}"

    def guess(self, given: Input, rng: random.Random) -> Answer:
        return [0, *shuffled(rng, range(1, len(given["distances"]))), 0]

    def chance(self, given: Input) -> float:
        rows = given["distances"]
        return count_shortest(rows) / factorial(len(rows) - 1)


def tour_length(rows: list[list[int]], tour: list[int]) -> int:
    """The sum of the distances along a tour."""
    return sum(rows[here][there] for here, there in pairwise(tour))


@lru_cache(maxsize=16)
def _steps(m: int) -> tuple[Step, ...]:
    """For each number of cities visited: sets of that size, a last city in each, and the set before
    it, as flat indices.
    """
    sizes = np.bitwise_count(np.arange(1 << m))
    steps = []
    for size in range(2, m + 1):
        masks = np.flatnonzero(sizes == size)
        has = (masks[:, None] >> np.arange(m)) & 1
        rows, last = np.nonzero(has)
        steps.append((masks[rows], last, masks[rows] ^ (1 << last)))
    return tuple(steps)


_FAR = np.int64(1) << 40


def _shortest_paths(rows: list[list[int]]) -> Ints:
    """Entry [set, city]: the shortest path from city 0 through exactly the set, ending in the city;
    by symmetry also its reverse.
    """
    m = len(rows) - 1
    distances = np.array(rows, dtype=np.int64)
    inner = distances[1:, 1:]
    best = np.full((1 << m, m), _FAR)
    best[1 << np.arange(m), np.arange(m)] = distances[0, 1:]
    for masks, last, before in _steps(m):
        best[masks, last] = np.min(best[before] + inner[last], axis=1)
    return best


def count_shortest(rows: list[list[int]]) -> int:
    """How many tours are shortest, each direction counted."""
    m = len(rows) - 1
    distances = np.array(rows, dtype=np.int64)
    best = _shortest_paths(rows)
    ways = np.zeros_like(best)
    ways[1 << np.arange(m), np.arange(m)] = 1
    for masks, last, before in _steps(m):
        is_best = best[before] + distances[1:, 1:][last] == best[masks, last][:, None]
        ways[masks, last] = np.sum(ways[before] * is_best, axis=1)
    total = best[-1] + distances[1:, 0]
    return int(ways[-1][total == total.min()].sum())


TASK = TSP()
