"""Find the k-th largest number of a list."""

from __future__ import annotations

import random
from typing import Any

from probe.tasks.base import Answer
from probe.tasks.elements import Pool, TaskError, between, shuffled
from probe.tasks.inputs import Input, numbers_of
from probe.tasks.lists import OneOfTheListTask


class FindTopk(OneOfTheListTask):
    """k is stored with the instance. Equal numbers count separately, as the prompt states; the
    lists made here have none.
    """

    name = "find_topk"
    authors_name = "FindTopk"
    level = 2
    fields = ("numbers", "k")
    instruction = (
        "Find the k-th largest number in this list: the one at place k when the numbers are sorted"
        " from largest to smallest, where equal numbers take a place each."
    )

    def pattern(self, rng: random.Random, length: int) -> Any:
        return shuffled(rng, range(length)), between(rng, 2, length // 2)

    def fill(self, pattern: Any, rng: random.Random, pool: Pool) -> dict[str, Any] | None:
        order, k = pattern
        ascending = pool.distinct(rng, len(order))
        ascending.sort()
        return {"numbers": [ascending[rank] for rank in order], "k": k}

    def validate(self, given: Any) -> None:
        super().validate(given)
        if not 1 <= given["k"] <= len(given["numbers"]):
            raise TaskError(
                f"{self.name}: k is {given['k']}; it must be from 1 to {len(given['numbers'])}, the"
                " length of the list."
            )

    def solve(self, given: Input) -> int:
        k: int = given["k"]
        return sorted(numbers_of(given))[-k]

    def fault(self, given: Input, reference: Answer, answer: Answer) -> str | None:
        right = self.solve(given)
        return None if answer == right else f"number {given['k']} from the largest is {right}"


TASK = FindTopk()
