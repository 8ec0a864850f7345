"""Base classes of tasks over one list of distinct numbers: the order is the pattern, the values
come from the split.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from probe.tasks.base import Answer, AnswerKind, Task
from probe.tasks.elements import Pool, below, shuffled
from probe.tasks.inputs import Input, numbers_of

LENGTHS = range(4, 17)
"""SCYLLA's lists mostly have 4 to 16 numbers."""


class OrderedListTask(Task):
    """A list of distinct numbers; the pattern is the rank of each."""

    lengths = LENGTHS
    fields: tuple[str, ...] = ("numbers",)

    def pattern(self, rng: random.Random, length: int) -> list[int]:
        return shuffled(rng, range(length))

    def fill(self, pattern: list[int], rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        ascending = pool.distinct(rng, len(pattern))
        ascending.sort()
        return {"numbers": [ascending[rank] for rank in pattern]}


class OneOfTheListTask(OrderedListTask):
    """The answer is one number of the list. The guesser names one of its distinct numbers."""

    kind = AnswerKind.INTEGER
    answer_rule = "one whole number, without words or units"
    example = "123"

    def guess(self, given: Input, rng: random.Random) -> Answer:
        present = sorted(set(numbers_of(given)))
        return present[below(rng, len(present))]

    def chance(self, given: Input) -> float:
        return 1 / len(set(numbers_of(given)))


def by_symbols(symbols: Sequence[int], values: Sequence[int]) -> list[int]:
    """The list in which each symbol stands for its value."""
    return [values[symbol] for symbol in symbols]
