"""The input of an instance: JSON fields of three kinds, checked before anything is computed, and
shown in a prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from probe.tasks.elements import LARGEST_ELEMENT, TaskError

Input: TypeAlias = Mapping[str, Any]
"""JSON object, see `FIELDS`."""

NUMBER, NUMBERS, MATRIX = "number", "list of numbers", "square matrix"
FIELDS = {
    "numbers": (NUMBERS, "Numbers"),
    "k": (NUMBER, "k"),
    "target": (NUMBER, "Target"),
    "low": (NUMBER, "a"),
    "high": (NUMBER, "b"),
    "first": (NUMBERS, "First list"),
    "second": (NUMBERS, "Second list"),
    "distances": (MATRIX, "Distances"),
}
"""Every field that an input may have: its kind, and its name in a prompt."""
LARGEST_NUMBER = LARGEST_ELEMENT * 64
"""Targets and bounds are sums of elements."""


def numbers_of(given: Input) -> list[int]:
    """The list of an input that has one."""
    numbers: list[int] = given["numbers"]
    return numbers


def show_input(fields: Sequence[str], given: Input) -> str:
    """The input as a prompt shows it, one field a line."""
    if len(fields) == 1:
        return _show_field(*FIELDS[fields[0]], given[fields[0]])
    return "\n".join([_show_field(*FIELDS[name], given[name]) for name in fields])


def _show_field(kind: str, label: str, value: Any) -> str:
    if kind is NUMBERS:
        return f"{label}: {_spaced(value)}"
    if kind is NUMBER:
        return f"{label}: {value}"
    return f"{label}:\n" + "\n".join([_spaced(row) for row in value])


def _spaced(numbers: list[int]) -> str:
    # Stripping brackets and commas from JSON takes a third of the time of joining strings.
    return msgspec.json.encode(numbers)[1:-1].decode().replace(",", " ")


def validate_input(task: str, fields: Sequence[str], lengths: range, given: Any) -> None:
    """Raises TaskError unless the input has exactly these fields, each of its kind, its lengths and
    its range.
    """
    if not isinstance(given, dict) or set(given) != set(fields):
        found = f"the fields {sorted(given)}" if isinstance(given, dict) else repr(given)[:40]
        raise TaskError(f"{task}: the input has {found}; needed are exactly {list(fields)}.")
    for name in fields:
        value, kind = given[name], FIELDS[name][0]
        if kind is NUMBER:
            if type(value) is not int or not 0 <= value <= LARGEST_NUMBER:
                raise TaskError(
                    f"{task}: input field '{name}' is {repr(value)[:60]}; needed is a whole number"
                    f" from 0 to {LARGEST_NUMBER}."
                )
            continue
        valid = isinstance(value, list) and len(value) in lengths
        if not valid or not (
            all(map(_is_element, value)) if kind is NUMBERS else _is_distance_matrix(value)
        ):
            raise TaskError(
                f"{task}: input field '{name}' is {repr(value)[:60]}; needed is a"
                f" {kind}{' of distances' if kind is MATRIX else ''}, length {lengths[0]} to"
                f" {lengths[-1]}, of whole numbers from 0 to {LARGEST_ELEMENT}."
            )


def _is_element(value: object) -> bool:
    # A bool is an int in Python, but not a number here.
    return type(value) is int and 0 <= value <= LARGEST_ELEMENT


def _is_distance_matrix(rows: list[Any]) -> bool:
    n = len(rows)
    if not all(
        isinstance(row, list) and len(row) == n and all(map(_is_element, row)) for row in rows
    ):
        return False
    return all(rows[i][j] == (rows[j][i] if i != j else 0) for i in range(n) for j in range(i + 1))
