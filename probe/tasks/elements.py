"""Which values are ID and which are OOD, and how values are drawn from them.

Draws use `random.Random.random()` alone, whose sequence for an integer seed is the same on every
platform and Python version; `sample`, `shuffle` and `randrange` are not guaranteed to be stable.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import repeat
from math import floor
from typing import TypeVar

from data.records import CharybdisError, Split

T = TypeVar("T")

LARGEST_ELEMENT = 99_999
OOD_RANGE = (0, 9_999)
"""SCYLLA draws OOD elements from this range, without the ID elements (arXiv 2410.01769, section
3.2.2).
"""
_ATTEMPTS = 200


class TaskError(CharybdisError):
    """An instance cannot be made or read as requested."""


def below(rng: random.Random, n: int) -> int:
    """A number from 0 to n - 1, uniform to within 2^-53 n."""
    return floor(rng.random() * n)


def between(rng: random.Random, low: int, high: int) -> int:
    """A number from low to high, both included."""
    return low + floor(rng.random() * (high - low + 1))


def shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    """The items in a random order (Fisher-Yates)."""
    mixed = list(items)
    draw = rng.random
    for place, left in _steps(len(mixed)):
        other = floor(draw() * left)
        mixed[place], mixed[other] = mixed[other], mixed[place]
    return mixed


@lru_cache(maxsize=256)
def _steps(n: int) -> list[tuple[int, float]]:
    """Each position from the last to the second, and the number of items up to it, as a float,
    because its product with a draw is faster.
    """
    return [(place, float(place + 1)) for place in range(n - 1, 0, -1)]


@dataclass(frozen=True)
class Pool:
    """The values of one split. A value listed several times is drawn that much more often."""

    values: tuple[int, ...]

    @cached_property
    def members(self) -> frozenset[int]:
        return frozenset(self.values)

    @cached_property
    def followers(self) -> dict[int, int]:
        """For each value, how many consecutive whole numbers from it on are in the pool, including
        itself.
        """
        found: dict[int, int] = {}
        for value in sorted(self.members, reverse=True):
            found[value] = found.get(value + 1, 0) + 1
        return found

    @cached_property
    def by_last_digit(self) -> tuple[tuple[int, ...], ...]:
        return tuple(
            tuple(value for value in self.values if value % 10 == digit) for digit in range(10)
        )

    def distinct(self, rng: random.Random, n: int) -> list[int]:
        """n different values in the order drawn.

        Raises: TaskError when the pool has fewer than n different values.
        """
        values, draw, size = self.values, rng.random, float(len(self.values))
        drawn = [values[floor(draw() * size)] for _ in repeat(None, n)]
        if len(set(drawn)) == n:
            return drawn
        chosen = dict.fromkeys(drawn)
        attempts = 0
        while len(chosen) < n:
            chosen[values[floor(draw() * size)]] = None
            attempts += 1
            if attempts > _ATTEMPTS * n:
                return self._any_distinct(rng, n)
        return list(chosen)

    def _any_distinct(self, rng: random.Random, n: int) -> list[int]:
        """For pools with too few values, or with a few dominant ones: all distinct values are
        equally likely.
        """
        if len(self.members) < n:
            raise TaskError(
                f"{n} different elements are needed and this source has {len(self.members)}. "
                "Use a source with more elements or shorter lists."
            )
        return shuffled(rng, sorted(self.members))[:n]

    def ending_in(self, rng: random.Random, digits: Sequence[int]) -> list[int]:
        """One value per last digit, all different if the pool allows it.

        Raises: TaskError when no value of the pool ends in one of the digits.
        """
        drawn: list[int] = []
        draw = rng.random
        for digit in digits:
            candidates = self.by_last_digit[digit]
            if not candidates:
                raise TaskError(
                    f"No element of this source ends in {digit}, which the task needs: it has"
                    f" {len(self.members)} elements. Use a source with more elements or leave the"
                    " task out."
                )
            size = float(len(candidates))
            value = candidates[floor(draw() * size)]
            # If all candidates are drawn already, these draws fail and must be fast.
            for _ in repeat(None, _ATTEMPTS):
                if value not in drawn:
                    break
                value = candidates[floor(draw() * size)]
            drawn.append(value)
        return drawn


@dataclass(frozen=True)
class Elements:
    """A named source of ID and OOD values: `range` (stated ranges), `elicited` (written by the
    model itself), `ladder` (trained on).
    """

    name: str
    id_values: tuple[int, ...]
    ood_values: tuple[int, ...]

    def __post_init__(self) -> None:
        """Raises: TaskError unless both sides have elements, all allowed, and share none."""
        for split, values in ((Split.ID, self.id_values), (Split.OOD, self.ood_values)):
            if not values:
                raise TaskError(
                    f"The source '{self.name}' has no {split} elements; it needs at least one."
                )
            low, high = min(values), max(values)
            if low < 0 or high > LARGEST_ELEMENT:
                raise TaskError(
                    f"The source '{self.name}' has {split} elements from {low} to {high}; they must"
                    f" lie in 0 to {LARGEST_ELEMENT}."
                )
        both = sorted(set(self.id_values) & set(self.ood_values))
        if both:
            raise TaskError(
                f"The source '{self.name}' has {len(both)} elements that are ID and OOD at once,"
                f" such as {both[0]}."
            )

    @classmethod
    def from_ranges(
        cls, id_range: tuple[int, int] = (0, 99), ood_range: tuple[int, int] = OOD_RANGE
    ) -> Elements:
        """Every whole number of a range, ends included; OOD has the numbers of its range that are
        not ID.
        """
        return cls.from_values("range", range(id_range[0], id_range[1] + 1), ood_range)

    @classmethod
    def from_values(
        cls, name: str, id_values: Iterable[int], ood_range: tuple[int, int] = OOD_RANGE
    ) -> Elements:
        """ID as listed (repeats have more weight); OOD has the other numbers of the range."""
        listed = tuple(id_values)
        known = frozenset(listed)
        return cls(
            name,
            listed,
            tuple(value for value in range(ood_range[0], ood_range[1] + 1) if value not in known),
        )

    @cached_property
    def pools(self) -> dict[Split, Pool]:
        return {Split.ID: Pool(self.id_values), Split.OOD: Pool(self.ood_values)}


RANGES = Elements.from_ranges()
"""ID 0-99, OOD 100-9999."""
