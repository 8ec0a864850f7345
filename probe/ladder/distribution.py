"""The exact training distribution of the ladder, and its kinds of OOD.

The 100 two-digit values 00 to 99 fall into three sets:

* ID, 68 values: drawn with p(rank) ~ 1 / (rank + 5), ranks shuffled once for all, without
  replacement within a list;
* scatter, 12 values: never seen. Both digits of each are seen in the same positions, in other
  numbers: compositional OOD, and the default;
* decade, 20 values 3x and 7x: seen in the `copy` task of training alone, never in a task that is
  measured.

One training instance in a hundred has three-digit values, from a half of 100 to 999; the other half
is never seen. Everything here follows from `SEED` and is the same on every platform.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from probe.tasks.elements import Elements, Pool, shuffled

SEED: Final = 20410
N_RANKS = 68
_WEIGHT = 5_000
"""A value of rank r occurs round(5000 / (r + 5)) times in the pool: the distribution is a list of
whole numbers, known exactly.
"""


def _lay_out() -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    rng = random.Random(SEED)
    others = shuffled(rng, [value for value in range(100) if value // 10 not in (3, 7)])
    scatter: list[int] = []
    # Every last digit once, so that multiples of ten are possible, and two more values; no first
    # digit more than twice.
    for wanted in [*range(10), None, None]:
        for value in others:
            fits = wanted is None or value % 10 == wanted
            if (
                fits
                and value not in scatter
                and sum(value // 10 == other // 10 for other in scatter) < 2
            ):
                scatter.append(value)
                break
    ranked = tuple(value for value in others if value not in scatter)
    decade = tuple(value for value in range(100) if value // 10 in (3, 7))
    return ranked, tuple(sorted(scatter)), decade


RANKED, SCATTER, DECADE = _lay_out()
"""Trained values from the most to the least frequent; values that are never trained; values that
are only copied.
"""
TAIL = RANKED[-20:]
"""The 20 rarest trained values."""
_LONGER = shuffled(random.Random(SEED + 1), range(100, 1000))
LONGER_TRAINED, LONGER_UNSEEN = tuple(sorted(_LONGER[:450])), tuple(sorted(_LONGER[450:]))

WEIGHTS: Mapping[int, int] = {
    value: round(_WEIGHT / (rank + 5)) for rank, value in enumerate(RANKED)
}
ID_VALUES = tuple(value for value, weight in WEIGHTS.items() for _ in range(weight))
ELEMENTS = Elements("ladder", ID_VALUES, SCATTER)
"""ID and OOD elements for `probe.tasks`: the source named `ladder`."""


def probability(value: int) -> float:
    """The probability that the first number of a two-digit training list is this one."""
    return WEIGHTS.get(value, 0) / len(ID_VALUES)


def is_trained(value: int) -> bool:
    """Whether the number is an element of any training instance, including `copy`. Targets and
    bounds are sums, not elements.
    """
    return value in WEIGHTS or value in DECADE or value in LONGER_TRAINED


# -- tasks and lengths -----------------------------------------------------------------------------

_LISTS = (4, 5, 6)
_SUBSETS = (6, 7, 8)
LENGTHS: Mapping[str, tuple[int, ...]] = {
    "find_minimum": _LISTS,
    "find_maximum": _LISTS,
    "find_mode": _LISTS,
    "find_topk": _LISTS,
    "two_sum": _LISTS,
    "sort_numbers": _LISTS,
    "remove_duplicate_numbers": _LISTS,
    "three_sum": (5, 6),
    "three_sum_in_range": (5, 6),
    "three_sum_multiple_ten": (5, 6),
    "four_sum": (6, 7),
    "four_sum_in_range": (6, 7),
    "four_sum_multiple_ten": (6, 7),
    "subset_sum": _SUBSETS,
    "subset_sum_in_range": _SUBSETS,
    "subset_sum_multiple_ten": _SUBSETS,
}
"""The trained tasks and the lengths of their lists, ID and OOD. TSP is not among them: with five
cities it has 12 tours, which is easier than two-sum, and the order of levels would not be the order
of difficulty.
"""


@dataclass(frozen=True, slots=True)
class OodKind:
    """One kind of departure from the training distribution."""

    name: str
    label: str
    values: tuple[int, ...]
    extra_length: int = 0
    """By how many numbers the longest list exceeds the longest trained list; the shortest exceeds
    it by one.
    """


OOD_KINDS: Mapping[str, OodKind] = {
    kind.name: kind
    for kind in (
        OodKind("scatter", "12 values never seen, of digits seen in their places", SCATTER),
        OodKind("decade", "20 values (3x, 7x) seen in the copy task only", DECADE),
        OodKind("tail", "the 20 rarest trained values", TAIL),
        # The weight of each decade value is a twentieth of that of all trained values: they make up
        # half of the draws.
        OodKind(
            "mix",
            "half trained values, half decade",
            ID_VALUES + DECADE * (len(ID_VALUES) // len(DECADE)),
        ),
        OodKind(
            "digit3", "three-digit values never seen; others were in 1 % of training", LONGER_UNSEEN
        ),
        OodKind(
            "length",
            "trained values in lists one or two numbers longer than any trained",
            ID_VALUES,
            extra_length=2,
        ),
    )
}


def lengths_of(task: str, kind: str = "scatter") -> tuple[int, ...]:
    """Lengths of a task's lists under an OOD kind."""
    from probe.tasks.registry import TASKS

    extra = OOD_KINDS[kind].extra_length
    longest = LENGTHS[task][-1]
    return (
        tuple(n for n in range(longest + 1, longest + extra + 1) if n in TASKS[task].lengths)
        if extra
        else LENGTHS[task]
    )


def pool_of(kind: str) -> Pool:
    """The values of an OOD kind."""
    return Pool(OOD_KINDS[kind].values)
