"""Find the number that occurs most often in a list."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from probe.tasks.base import Answer
from probe.tasks.elements import Pool, between, shuffled
from probe.tasks.inputs import Input, numbers_of
from probe.tasks.lists import OneOfTheListTask, by_symbols


class FindMode(OneOfTheListTask):
    """The pattern is how often each number occurs; one occurs more often than any other. If there
    are several modes, each is right.
    """

    name = "find_mode"
    authors_name = "FindMode"
    level = 1
    instruction = (
        "Find the mode of this list: the number that occurs most often. If several occur equally"
        " often, any of them counts."
    )

    def pattern(self, rng: random.Random, length: int) -> list[int]:
        most = between(rng, 2, length // 2)
        symbols, left, symbol = [0] * most, length - most, 1
        while left:
            times = between(rng, 1, min(most - 1, left))
            symbols += [symbol] * times
            left, symbol = left - times, symbol + 1
        return shuffled(rng, symbols)

    def fill(self, pattern: list[int], rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        return {"numbers": by_symbols(pattern, pool.distinct(rng, max(pattern) + 1))}

    def solve(self, given: Input) -> int:
        numbers = numbers_of(given)
        return max(numbers, key=numbers.count)

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        times = Counter(numbers_of(given))
        most = max(times.values())
        found = times[answer] if isinstance(answer, int) else 0
        return (
            None if found == most else f"{answer} occurs {found} times, another number {most} times"
        )

    def chance(self, given: Input) -> float:
        times = Counter(numbers_of(given))
        most = max(times.values())
        return sum(found == most for found in times.values()) / len(times)


TASK = FindMode()
