"""How a vector's values are read, and the types that every certified method shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data.records import NotEnoughDataError

Inputs = Mapping[str, Any]
Outputs = dict[str, Any]
Tables = Callable[[str], Path]
"""Finds a table that a vector names."""
Methods = dict[str, Callable[[Inputs, Tables], Outputs]]
"""Method key -> inputs of a vector in, its expected fields out."""


def numbers(value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Numbers of a vector; null is undefined. Booleans and texts are refused: no vector means them
    as numbers.
    """
    listed = value if isinstance(value, list) else [value]
    if any(isinstance(item, bool | str) for item in listed):
        raise TypeError(f"expected numbers, found {value!r}")
    array = np.array([math.nan if item is None else item for item in listed], dtype=float)
    return array if isinstance(value, list) else array[0]


def number(value: Any) -> float:
    """One number of a vector, as `numbers` reads it."""
    return float(numbers(value))


def count(value: Any) -> int:
    """A number of answers of a vector: whole, from 0 up."""
    found = number(value)
    if found < 0 or found % 1:
        raise ValueError(f"expected a number of answers, found {value!r}")
    return int(found)


def first_of(inputs: Inputs, *names: str, default: Any = None) -> Any:
    """The value under the first of several names that a vector may use; null counts as absent."""
    return next((inputs[name] for name in names if inputs.get(name) is not None), default)


def listed(inputs: Inputs, *names: str) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """Values under several names as numbers of one length; a single number among lists holds for
    every entry.

    Raises:
        NotEnoughDataError: the lists differ in length; the message names them.
    """
    values = [numbers(inputs[name]) for name in names]
    lengths = {
        name: len(array) for name, array in zip(names, values, strict=True) if np.ndim(array)
    }
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise NotEnoughDataError(
            f"the lists differ in length: {told}; each entry of one belongs to the same entry of"
            " the others"
        )
    return values
