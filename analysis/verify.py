"""Do Charybdis's numbers agree with certified values? Checks a file of test vectors.

The file maps a method key to vectors {"inputs", "expected", "tolerance"}; `analysis.certified` maps
the keys to functions. Only full agreement passes: an unknown key is "not built", and a vector with
a field that is not computed does not pass.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from statsmodels.tools.sm_exceptions import MissingDataError

from analysis.certified import METHODS
from analysis.text import plain_value
from data.records import CharybdisError, ImportFormatError

MOST_DIGITS = 16.0
"""Digits reported for equal numbers: those of a double."""
FEWEST_PRINTED_DIGITS = 8
SHIPPED_TABLES = Path(__file__).parents[1] / "data" / "published"
_CALCULATION_ERRORS = (
    CharybdisError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
    MissingDataError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """The largest difference from the certified value: `absolute`, or `relative` times the value if
    that is larger.
    """

    absolute: float
    relative: float = 0.0

    def allows(self, expected: float, actual: float) -> bool:
        """Whether `actual` agrees."""
        return abs(actual - expected) <= max(self.absolute, self.relative * abs(expected))


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCheck:
    """One expected field.

    difference  largest absolute difference; None without numbers.
    digits      fewest digits in agreement; None without numbers.
    by_digits   the field passed although a number differs by more than the tolerance: that number
                is printed with fewer digits than the tolerance requires (at least 8), and ours
                rounds to exactly these digits.
    """

    expected: Any
    actual: Any
    passed: bool
    by_digits: bool
    difference: float | None
    digits: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorCheck:
    """One vector. It is `passed` only if every expected field was computed and agrees; otherwise
    `message` is the reason.
    """

    passed: bool
    digits: float | None
    worst_difference: float | None
    fields: dict[str, FieldCheck]
    unchecked: tuple[str, ...]
    message: str | None


def verify_file(path: str | Path, *, tables: Iterable[Path] = ()) -> dict[str, Any]:
    """Check every vector of a file of certified values.

    Args:
        path: JSON, {method key: [{"inputs": {...}, "expected": {...}, "tolerance": number | {"abs",
            "rel"}}]}; keys with a leading underscore are notes.
        tables: folders with the tables that vectors name; they are searched before the folder of
            the file and the published tables of this package.

    Returns:
        plain values for JSON: "file"; "methods": {key: [one entry per vector]}, an entry
        {"not_built": true} or {passed, digits, worst_difference, fields: {name: {expected, actual,
        passed, by_digits, difference, digits}}, unchecked, message}; "summary": {n_methods,
        n_built, n_vectors, n_passed, n_failed, n_not_built}.

    Raises:
        ImportFormatError: the file cannot be read or is no JSON object.
    """
    source = Path(path)
    try:
        content = json.loads(source.read_text(encoding="utf-8"))
    except OSError as cause:
        raise ImportFormatError(
            f"{source} cannot be read: {cause.strerror or cause}. Name a JSON file of certified"
            " values."
        ) from cause
    except ValueError as cause:
        raise ImportFormatError(
            f"{source} is not JSON: {cause}. Expected {{method: [{{inputs, expected,"
            " tolerance}]}."
        ) from cause
    if not isinstance(content, dict):
        raise ImportFormatError(
            f"{source} holds a JSON {type(content).__name__}, not an object. Expected {{method:"
            " [{inputs, expected, tolerance}]}."
        )
    folders = [*tables, source.parent, source.parent / "published", SHIPPED_TABLES]
    return {"file": str(source), **verify_vectors(content, tables=folders)}


def verify_vectors(
    content: Mapping[str, Any], *, tables: Iterable[Path] = (SHIPPED_TABLES,)
) -> dict[str, Any]:
    """Check vectors that have been read already; see `verify_file`."""
    folders = tuple(tables)
    methods = {
        key: _verify_method(key, vectors, folders)
        for key, vectors in content.items()
        if not key.startswith("_")
    }
    entries = [entry for listed in methods.values() for entry in listed]
    n_not_built = sum("not_built" in entry for entry in entries)
    n_passed = sum(entry.get("passed") is True for entry in entries)
    summary = {
        "n_methods": len(methods),
        "n_built": sum(key in METHODS for key in methods),
        "n_vectors": len(entries),
        "n_passed": n_passed,
        "n_failed": len(entries) - n_passed - n_not_built,
        "n_not_built": n_not_built,
    }
    return {"methods": methods, "summary": summary}


def _verify_method(key: str, vectors: Any, folders: tuple[Path, ...]) -> list[dict[str, Any]]:
    if key not in METHODS:
        return [
            {"not_built": True}
            for _ in (vectors if isinstance(vectors, list) and vectors else [None])
        ]
    if not isinstance(vectors, list) or not vectors:
        return [
            _as_entry(
                _refused(
                    f"expected a list with at least one vector under {key!r}, found"
                    f" {_shown(vectors)}"
                )
            )
        ]
    return [_as_entry(check_vector(key, vector, folders)) for vector in vectors]


def check_vector(key: str, vector: Any, folders: Iterable[Path] = (SHIPPED_TABLES,)) -> VectorCheck:
    """Compute one vector of a built method and compare field by field."""
    try:
        inputs, expected, tolerance = _parts(vector)
    except _MalformedError as problem:
        return _refused(str(problem))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter(
                "ignore"
            )  # a vector may be extreme on purpose; what comes out is compared, not trusted
            actual = METHODS[key](inputs, lambda name: _find_table(name, folders))
    except _CALCULATION_ERRORS as problem:
        return _refused(
            f"cannot be computed from these inputs: {type(problem).__name__}: {problem}"
        )
    fields = {
        name: _check_field(value, plain_value(actual[name]), tolerance)
        for name, value in expected.items()
        if name in actual
    }
    unchecked = tuple(name for name in expected if name not in actual)
    failed = [name for name, check in fields.items() if not check.passed]
    notes = [f"disagrees: {', '.join(failed)}"] if failed else []
    notes += [f"not built, so not checked: {', '.join(unchecked)}"] if unchecked else []
    passed = not notes
    rounded = [name for name, check in fields.items() if check.by_digits]
    if rounded:
        notes.append(
            "agrees in every printed digit, which are fewer than the tolerance asks for:"
            f" {', '.join(rounded)}"
        )
    digits = [check.digits for check in fields.values() if check.digits is not None]
    differences = [check.difference for check in fields.values() if check.difference is not None]
    return VectorCheck(
        passed=passed,
        digits=min(digits, default=None),
        worst_difference=max(differences, default=None),
        fields=fields,
        unchecked=unchecked,
        message="; ".join(notes) or None,
    )


class _MalformedError(Exception):
    """A vector does not have the required format."""


def _parts(vector: Any) -> tuple[dict[str, Any], dict[str, Any], Tolerance]:
    if not isinstance(vector, dict):
        raise _MalformedError(
            "malformed vector: expected an object with inputs, expected and tolerance, found"
            f" {_shown(vector)}"
        )
    for name in ("inputs", "expected"):
        if not isinstance(vector.get(name), dict) or not vector[name]:
            raise _MalformedError(
                f"malformed vector: {name!r} must be an object with at least one entry, found"
                f" {_shown(vector.get(name))}"
            )
    given = vector.get("tolerance")
    is_noted = isinstance(given, dict) and set(given) == {"note"} and isinstance(given["note"], str)
    if is_noted and any(name.startswith("published") for name in vector["expected"]):
        # Such a note means that the published figure does not follow from the formula. The figure
        # is ignored; everything else is checked.
        checked = {
            name: value
            for name, value in vector["expected"].items()
            if not name.startswith("published")
        }
        if not checked:
            raise _MalformedError(
                "malformed vector: its tolerance is a note and it expects published figures only,"
                " so nothing is checked"
            )
        return vector["inputs"], checked, Tolerance(absolute=0.0)
    return vector["inputs"], vector["expected"], _tolerance(given)


def _tolerance(given: Any) -> Tolerance:
    limits: dict[str, Any] = given if isinstance(given, dict) else {"abs": given}
    sizes: list[Any] = [limits.get(name, 0.0) for name in ("abs", "rel")]
    if {"abs", "rel"} & set(limits) and all(_is_number(size) and size >= 0 for size in sizes):
        return Tolerance(absolute=float(sizes[0]), relative=float(sizes[1]))
    raise _MalformedError(
        "malformed vector: tolerance must be a number from 0 up or an object with abs or rel,"
        f" found {_shown(given)}"
    )


def _refused(message: str) -> VectorCheck:
    return VectorCheck(
        passed=False, digits=None, worst_difference=None, fields={}, unchecked=(), message=message
    )


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _find_table(name: str, folders: Iterable[Path]) -> Path:
    if not isinstance(name, str) or Path(name).name != name:
        raise ValueError(f"a table is named by its file name alone, found {name!r}")
    looked = list(folders)
    for folder in looked:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"no table {name!r} in {', '.join(map(str, looked))}")


def _as_entry(check: VectorCheck) -> dict[str, Any]:
    entry: dict[str, Any] = plain_value(check)
    return entry


def _check_field(expected: Any, actual: Any, tolerance: Tolerance) -> FieldCheck:
    same, pairs = _pair(expected, actual)
    differences = [abs(b - a) for a, b in pairs]
    off = [(a, b) for a, b in pairs if not tolerance.allows(a, b)]
    passed = same and all(_same_printed_digits(a, b) for a, b in off)
    return FieldCheck(
        expected=expected,
        actual=actual,
        passed=passed,
        by_digits=passed and bool(off),
        difference=max(differences, default=None),
        digits=min((_digits(a, b) for a, b in pairs), default=None) if same else 0.0,
    )


def _pair(expected: Any, actual: Any) -> tuple[bool, list[tuple[float, float]]]:
    """Compare two values recursively: whether everything except numbers is equal, and all pairs of
    numbers.
    """
    if expected is None or expected != expected:
        undefined = (
            all(item is None for item in actual) if isinstance(actual, list) else actual is None
        )
        return undefined, []
    if isinstance(expected, dict) and isinstance(actual, dict):
        shared = [(expected[name], actual[name]) for name in expected if name in actual]
        return _pair_all(shared, set(expected) == set(actual))
    if isinstance(expected, list) and isinstance(actual, list):
        shared = list(zip(expected, actual, strict=False))
        return _pair_all(shared, len(expected) == len(actual))
    if _is_number(expected) and _is_number(actual):
        return True, [(float(expected), float(actual))]
    return type(expected) is type(actual) and expected == actual, []


def _pair_all(
    shared: list[tuple[Any, Any]], is_complete: bool
) -> tuple[bool, list[tuple[float, float]]]:
    parts = [_pair(a, b) for a, b in shared]
    same = is_complete and all(same for same, _ in parts)
    return same, [pair for _, pairs in parts for pair in pairs]


def _is_number(value: Any) -> bool:
    """Whether it is a number in the range of a float; larger ones agree with nothing."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max
    )


def _same_printed_digits(expected: float, actual: float) -> bool:
    """Whether `actual` rounds to `expected`, if that is printed with enough digits to be a strong
    test.
    """
    printed = len(Decimal(repr(expected)).normalize().as_tuple().digits)
    return printed >= FEWEST_PRINTED_DIGITS and float(f"{actual:.{printed - 1}e}") == expected


def _digits(expected: float, actual: float) -> float:
    """Significant digits in agreement; decimal places where 0 is expected."""
    off = abs(actual - expected) / (abs(expected) or 1.0)
    return MOST_DIGITS if off == 0 else round(min(MOST_DIGITS, max(0.0, -math.log10(off))), 2)
