"""How a vector's values are read, and the types that every certified method shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Inputs = Mapping[str, Any]
Outputs = dict[str, Any]
Tables = Callable[[str], Path]
"""Finds a table that a vector names."""
Methods = dict[str, Callable[[Inputs, Tables], Outputs]]
"""Method key -> inputs of a vector in, its expected fields out."""


def numbers(value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Numbers of a vector; null is undefined. Booleans and texts are refused: no vector means them as numbers."""
    listed = value if isinstance(value, list) else [value]
    if any(isinstance(item, bool | str) for item in listed):
        raise TypeError(f"expected numbers, found {value!r}")
    array = np.array([math.nan if item is None else item for item in listed], dtype=float)
    return array if isinstance(value, list) else array[0]


def number(value: Any) -> float:
    """One number of a vector, as `numbers` reads it."""
    return float(numbers(value))


def count(value: Any) -> int:
    found = number(value)
    if found < 0 or found % 1:
        raise ValueError(f"expected a number of answers, found {value!r}")
    return int(found)
