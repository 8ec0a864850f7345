"""Instances made by the authors' rules, and how much a list repeats itself."""

from __future__ import annotations

from collections import Counter

from probe.authors_instances import MAKERS, authors_batch

__all__ = ["MAKERS", "authors_batch", "different_share"]


def different_share(numbers: list[int]) -> float:
    """Share of different numbers in a list."""
    return len(Counter(numbers)) / len(numbers)
