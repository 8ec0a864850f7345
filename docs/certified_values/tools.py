"""Constructors of certified vectors, and small tools that share no code with the product."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

Vector = dict[str, Any]
Vectors = dict[str, list[Callable[[], Vector]]]


def vector(
    inputs: dict[str, Any],
    expected: dict[str, Any],
    source: str,
    tolerance: float | dict[str, float] = 1e-9,
) -> Callable[[], Vector]:
    """A vector whose expected values are given."""
    return lambda: {
        "inputs": inputs,
        "expected": expected,
        "tolerance": tolerance,
        "source": source,
    }


def made(
    inputs: dict[str, Any],
    make: Callable[[dict[str, Any]], dict[str, Any]],
    source: str,
    tolerance: float | dict[str, float] = 1e-9,
) -> Callable[[], Vector]:
    """A vector whose expected values are computed from its inputs when the file is written."""
    return lambda: {
        "inputs": inputs,
        "expected": make(inputs),
        "tolerance": tolerance,
        "source": source,
    }


def root(function: Callable[[float], float], lo: float, hi: float) -> float:
    """The root of a function that changes its sign between lo and hi, by bisection."""
    below = function(lo) < 0
    for _ in range(200):
        middle = (lo + hi) / 2
        lo, hi = (middle, hi) if (function(middle) < 0) == below else (lo, middle)
    return (lo + hi) / 2


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Gauss-Jordan with pivoting, in plain lists."""
    rows = [[*map(float, row), float(value)] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for column in range(size):
        best = max(range(column, size), key=lambda place: abs(rows[place][column]))
        rows[column], rows[best] = rows[best], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for place in range(size):
            if place != column:
                factor = rows[place][column]
                rows[place] = [
                    a - factor * b for a, b in zip(rows[place], rows[column], strict=True)
                ]
    return [row[-1] for row in rows]


def sigmoid(z: float) -> float:
    """1 / (1 + e^-z)."""
    return 1 / (1 + math.exp(-z))
