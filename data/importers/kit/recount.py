"""Statistics computed again from single answers, to hold against those that a file states."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from statistics import median, mode
from typing import Any

import numpy as np

TOLERANCE = 1e-6
"""Relative to the larger of 1 and the value: files round to seven digits at worst."""


@dataclass(frozen=True, slots=True)
class Recounted:
    """A mean over instances, its standard error (None for under two) and the number of
    instances.
    """

    value: float
    stderr: float | None
    n: int


@dataclass(slots=True)
class _Column:
    values: array[float] = field(default_factory=lambda: array("d"))
    items: array[int] = field(default_factory=lambda: array("q"))
    words: array[int] = field(default_factory=lambda: array("q"))
    """Which value it was before it became a number: a vote tells "no answer" from "incorrect",
    though both count 0.
    """


@dataclass(slots=True)
class Recount:
    """Values by what they belong to (say, a scorer) and by instance; repeats of an instance are
    reduced to one value first.
    """

    has_repeats: bool = True
    """False where no instance comes twice: then nothing is kept of an instance but its value."""
    _columns: dict[Hashable, _Column] = field(default_factory=dict)
    _items: dict[str, int] = field(default_factory=dict)
    _words: dict[Hashable, int] = field(default_factory=dict)

    def __contains__(self, key: Hashable) -> bool:
        """Whether anything was counted under the key."""
        return key in self._columns

    def add(self, key: Hashable, item: str, value: float | None, word: Hashable = None) -> None:
        """Count a value (`word`: as it was written); None and NaN are outside every mean, as in the
        harnesses.
        """
        if value is None or math.isnan(value):
            return
        column = self._columns.setdefault(key, _Column())
        column.values.append(value)
        if self.has_repeats:
            column.items.append(self._items.setdefault(item, len(self._items)))
            column.words.append(
                self._words.setdefault(value if word is None else word, len(self._words))
            )

    def keys(self) -> list[Hashable]:
        """Everything that was counted."""
        return list(self._columns)

    def within_unit(self, key: Hashable) -> bool | None:
        """Whether every value lies from 0 to 1; None without values."""
        column = self._columns.get(key)
        return None if column is None else bool(min(column.values) >= 0 and max(column.values) <= 1)

    def mean(
        self, key: Hashable, reducer: str = "mean", *, n: int | None = None
    ) -> Recounted | None:
        """Mean over instances; None without values, or where the reducer is none that we know.

        Args:
            n: the number of values that the file states. If it is that of all answers, the file
                took each for itself and so does this.
        """
        column = self._columns.get(key)
        if column is None:
            return None
        if not self.has_repeats or (reducer == "mean" and n == len(column.values)):
            values: np.ndarray | None = np.frombuffer(column.values, float)
        else:
            values = _reduced(column, reducer)
        if values is None:
            return None
        if n == len(values) and reducer.startswith("pass_at_"):
            values = np.where(
                np.isnan(values), 1.0, values
            )  # older versions took too few answers for a pass
        values = values[~np.isnan(values)]
        if not len(values):
            return None
        n = len(values)
        stderr = float(values.std(ddof=1) / math.sqrt(n)) if n > 1 else None
        return Recounted(float(values.mean()), stderr, n)


def agrees(stated: float, counted: float) -> bool:
    """Whether two numbers are the same, up to rounding."""
    return math.isclose(stated, counted, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _reduced(column: _Column, reducer: str) -> np.ndarray | None:
    values, items = np.frombuffer(column.values, float), np.frombuffer(column.items, np.int64)
    _, codes = np.unique(items, return_inverse=True)
    if reducer == "mean":
        means: np.ndarray = np.bincount(codes, values) / np.bincount(codes)
        return means
    order = np.argsort(codes, kind="stable")
    parts = np.flatnonzero(np.diff(codes[order])) + 1
    groups = np.split(values[order], parts)
    if reducer == "mode":
        words = np.split(np.frombuffer(column.words, np.int64)[order], parts)
        return np.array(
            [
                group[of_group.tolist().index(mode(of_group.tolist()))]
                for group, of_group in zip(groups, words, strict=True)
            ]
        )
    reduce = _reducer(reducer)
    return None if reduce is None else np.array([reduce(group.tolist()) for group in groups])


def _reducer(name: str) -> Callable[[list[float]], float] | None:
    """Inspect's reducers over the epochs of one sample; NaN where a sample has fewer answers than
    the reducer asks for.
    """
    plain: dict[str, Callable[[list[float]], Any]] = {"max": max, "median": median}
    if name in plain:
        return plain[name]
    found = re.fullmatch(r"(at_least|pass_at|pass_k)_(\d{1,4})", name)
    if found is None:
        return None
    k = int(found[2])
    if found[1] == "at_least":
        return lambda group: float(sum(value >= 1 for value in group) >= k)

    def passes(group: list[float]) -> float:
        n, right = len(group), sum(value >= 1 for value in group)
        if n < k:
            return math.nan
        return (
            1 - math.comb(n - right, k) / math.comb(n, k)
            if found[1] == "pass_at"
            else math.comb(right, k) / math.comb(n, k)
        )

    return passes
