"""Declared fields of foreign records: a table says where in the source each of our fields stands
and how its value is read.

Every reader answers what it was given with a value, or None for "the source states none"; anything
else raises BadFieldError, which names the place in the source, what was found there and what was
expected.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from data.importers.kit.base import ReportReject
from data.importers.kit.values import clean, shorten
from data.records import CharybdisError, Reject

_NO_NUMBER = frozenset({"", "-", "n/a", "na", "nan", "none", "null"})


class BadFieldError(CharybdisError):
    """A value that is not as its format has it."""

    def __init__(self, field: str, found: object, expected: str) -> None:
        super().__init__(f"{field}: found {shorten(found)}, expected {expected}")
        self.field, self.found, self.expected = field, shorten(found), expected

    def at(self, file: str, record: str) -> Reject:
        """The reject that says so, with its place."""
        return Reject(file, record, self.field, self.found, self.expected)


@dataclass(frozen=True, slots=True)
class Reader:
    """How a value is read, and what it has to be, in words for the person whose file has
    another.
    """

    read: Callable[[Any], Any]
    """Raises ValueError or TypeError for a value that is not `expected`; is never given None."""
    expected: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """One of our fields: where it stands in the source (the first of these paths that states
    something), and how it is read.
    """

    field: str
    paths: tuple[str, ...]
    """Keys joined by dots; a number takes an item of a list."""
    reader: Reader
    is_required: bool = False
    routes: tuple[tuple[str, tuple[str, ...]], ...] = dataclass_field(init=False, repr=False)
    """Each path with its keys, told apart once: records are read field by field, millions of times.
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "routes", tuple((path, _keys(path)) for path in self.paths))


def mapped(field: str, paths: str, reader: Reader, *, is_required: bool = False) -> Mapped:
    """A row of a table of fields; `paths` separated by " | "."""
    return Mapped(field, tuple(paths.split(" | ")), reader, is_required)


def pick(record: Any, path: str) -> Any:
    """What stands at a path, or None.

    >>> pick({"a": [{"b": 3}]}, "a.0.b")
    3
    """
    return _follow(record, _keys(path))


def _follow(record: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if type(record) is dict or isinstance(
            record, Mapping
        ):  # the first test takes a tenth of the second's time
            record = record.get(key)
        elif isinstance(record, list) and key.isdigit() and int(key) < len(record):
            record = record[int(key)]
        else:
            return None
    return record


@lru_cache(4096)
def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def read_field(record: Any, row: Mapped) -> Any:
    """The value of one field.

    Raises:
        BadFieldError: a value is not as expected, or a required one is absent.
    """
    for path, keys in row.routes:
        value = _follow(record, keys)
        if value is None:
            continue
        try:
            found = row.reader.read(value)
        except (ValueError, TypeError, OverflowError, RecursionError) as cause:
            raise BadFieldError(path, value, row.reader.expected) from cause
        if found is not None:
            return found
    if row.is_required:
        raise BadFieldError(row.paths[0], "nothing", row.reader.expected)
    return None


def read_fields(record: Any, table: Sequence[Mapped]) -> dict[str, Any]:
    """The values of a table of fields, by our names; fields without a value are left out.

    Raises:
        BadFieldError: as `read_field`.
    """
    return {row.field: value for row in table if (value := read_field(record, row)) is not None}


def read_leniently(
    record: Any, table: Sequence[Mapped], report: ReportReject, file: str, place: str
) -> dict[str, Any]:
    """As `read_fields`, but a value that cannot be read is reported and left out, unless its field
    is required.

    Raises:
        BadFieldError: a required field is absent or cannot be read.
    """
    values = {}
    for row in table:
        try:
            value = read_field(record, row)
        except BadFieldError as cause:
            if row.is_required:
                raise
            report(cause.at(file, place))
            continue
        if value is not None:
            values[row.field] = value
    return values


# -- readers ---------------------------------------------------------------------------------------


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        raise TypeError
    return clean(value) or None


def _name(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    return clean(str(value)) or None


def _words(value: Any) -> str | None:
    """Any value as text a person can read: text as it stands, everything else as JSON."""
    if isinstance(value, str):
        return clean(value)
    return clean(json.dumps(value, ensure_ascii=False, default=str))


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str):
        if value.strip().lower() in _NO_NUMBER or value.strip() in ("Infinity", "-Infinity"):
            return None
        if value.strip().endswith("%"):
            return float(value.strip()[:-1])
    number = float(value)
    return number if math.isfinite(number) else None


def whole(n_bits: int) -> Reader:
    """Whole numbers from 0 that fit a column of so many bits; a number written as text, or as 3.0,
    is one too.
    """

    def read(value: Any) -> int | None:
        number = _number(value)
        if number is None:
            return None
        if number % 1 or not 0 <= number < 1 << n_bits - 1:
            raise ValueError
        return int(value) if isinstance(value, int) else int(number)

    return Reader(read, "a whole number from 0 up")


def _mapping(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        raise TypeError
    return dict(value) or None


def _list(value: Any) -> list[Any] | None:
    if not isinstance(value, list):
        raise TypeError
    return value or None


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def read_time(value: Any) -> datetime | None:
    """A point in time, in UTC without a zone: ISO 8601 text (kept as it stands if it names no
    zone), or seconds since 1970.

    Raises:
        ValueError, TypeError: it is neither.
    """
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str) and not re.fullmatch(r"\s*\d+(\.\d*)?\s*", value):
        if not value.strip():
            return None
        time = datetime.fromisoformat(value.strip())
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    seconds = float(value)
    if not 0 < seconds < 4e9:
        raise ValueError
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


TEXT = Reader(_text, "text")
NAME = Reader(_name, "text or a number")
WORDS = Reader(_words, "a value")
NUMBER = Reader(_number, "a number")
COUNT = whole(64)
COUNT32 = whole(32)
COUNT16 = whole(16)
TABLE = Reader(_mapping, "an object")
LIST = Reader(_list, "a list")
BOOLEAN = Reader(_boolean, "true or false")
TIME = Reader(read_time, "a date and time (ISO 8601, or seconds since 1970)")
