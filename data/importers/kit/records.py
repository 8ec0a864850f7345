"""Records of our own format from JSON fields, each checked; and back."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

import msgspec

from data.records import RUN_COLUMNS, SAMPLE_COLUMNS, SCORE_COLUMNS, RunInfo, Score, ScoredSample

KINDS: Mapping[str, type] = {"run": RunInfo, "score": Score, "sample": ScoredSample}
SCALES = ("0-1", "0-100", "logprob", "raw")
_PATH = re.compile(r" - at `\$\.?([^`]*)`")
_MISSING_FIELD = re.compile(r"missing required field `(\w+)`")

Record = RunInfo | Score | ScoredSample


class BadRecordError(Exception):
    """A field that is not as described: its name, what was found, what was expected."""

    def __init__(self, field: str, found: str, expected: str) -> None:
        super().__init__(f"{field}: found {found}, expected {expected}")
        self.field, self.found, self.expected = field, found[:80], expected


def _defaults(record_type: type) -> dict[str, Any]:
    """Default of each field; MISSING where there is none."""
    return {
        field.name: (
            field.default_factory() if field.default_factory is not MISSING else field.default
        )
        for field in fields(record_type)
    }


_DEFAULTS = {kind: _defaults(record_type) for kind, record_type in KINDS.items()}


def read_record(kind: str, stated: Any) -> Record:
    """The record that a JSON object states. Fields it leaves out have their defaults; fields we do
    not know go to `metadata`.

    Raises:
        BadRecordError: a field is missing, of a wrong type or outside what is allowed; names it.
    """
    if not isinstance(stated, dict):
        raise BadRecordError(kind, type(stated).__name__, "an object")
    known = _DEFAULTS[kind]
    unknown = {name: value for name, value in stated.items() if name not in known}
    if unknown:
        metadata = stated.get("metadata") or {}
        clashes = [name for name in unknown if isinstance(metadata, dict) and name in metadata]
        if clashes:
            raise BadRecordError(
                clashes[0],
                repr(unknown[clashes[0]]),
                "one of the fields of docs/formats.md, or a name that metadata lacks",
            )
        if isinstance(metadata, dict):
            stated = {name: value for name, value in stated.items() if name in known} | {
                "metadata": {**metadata, **unknown}
            }
    try:
        record: Record = msgspec.convert(stated, KINDS[kind])
    except msgspec.ValidationError as cause:
        raise _bad_field(str(cause), stated) from cause
    _check(record)
    return record


def _bad_field(text: str, stated: Mapping[str, Any]) -> BadRecordError:
    missing, path = _MISSING_FIELD.search(text), _PATH.search(text)
    if missing:
        return BadRecordError(missing[1], "nothing", "a value: this field is required")
    name = path[1] if path else ""
    return BadRecordError(
        name or "record", repr(stated.get(re.split(r"[.\[]", name)[0])), _PATH.sub("", text)
    )


def _check(record: Record) -> None:
    """What types alone do not tell."""
    if not record.run_id:
        raise BadRecordError("run_id", "''", "a run id")
    if isinstance(record, RunInfo):
        if not record.model_raw:
            raise BadRecordError("model_raw", "''", "a model's name")
    elif record.level is not None and not 0 <= record.level < 1 << 15:
        raise BadRecordError("level", repr(record.level), "a whole number from 0 to 32767, or null")
    elif isinstance(record, Score):
        if record.scale not in SCALES:
            raise BadRecordError("scale", repr(record.scale), ", ".join(SCALES))
        if record.value01 is not None and not 0 <= record.value01 <= 1:
            raise BadRecordError("value01", repr(record.value01), "a share from 0 to 1, or null")
    elif not 1 <= record.epoch < 1 << 15:
        raise BadRecordError("epoch", repr(record.epoch), "a whole number from 1")
    for name, check in _NUMBERS[type(record)]:
        value = getattr(record, name)
        if value is not None:
            check(name, value)


def _check_float32(name: str, value: float) -> None:
    _check_float64(name, value)
    if abs(value) > _LARGEST_SINGLE:
        raise BadRecordError(
            name, repr(value), "a number that single precision holds (up to 3.4e38), or null"
        )


def _check_float64(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise BadRecordError(name, repr(value), "a finite number or null")


def _check_floats(name: str, values: Sequence[float]) -> None:
    if not all(map(math.isfinite, values)):
        raise BadRecordError(name, "a number that is not finite", "finite numbers")


def _check_whole(n_bits: int) -> Callable[[str, int], None]:
    bound = 1 << n_bits - 1

    def check(name: str, value: int) -> None:
        if not -bound <= value < bound:
            raise BadRecordError(name, repr(value), f"a whole number of {n_bits} bits, or null")

    return check


_LARGEST_SINGLE = (2 - 2**-23) * 2.0**127
_CHECKS: Mapping[str, Callable[[str, Any], None]] = {
    "int16": _check_whole(16),
    "int32": _check_whole(32),
    "int64": _check_whole(64),
    "float32": _check_float32,
    "float64": _check_float64,
    "float32 list": _check_floats,
}
"""Raises BadRecordError unless a number fits its column, by the column's kind."""
_NUMBERS = {
    record_type: [
        (column.name, _CHECKS[column.kind]) for column in columns if column.kind in _CHECKS
    ]
    for record_type, columns in (
        (RunInfo, RUN_COLUMNS),
        (Score, SCORE_COLUMNS),
        (ScoredSample, SAMPLE_COLUMNS),
    )
}


def write_record(record: Record) -> dict[str, Any]:
    """A record as the JSON object that reads back to it: `kind` first, fields that hold their
    default left out.

    >>> write_record(Score(run_id="r1", metric="accuracy", value=0.5))
    {'kind': 'score', 'run_id': 'r1', 'metric': 'accuracy', 'value': 0.5}
    """
    kind = next(kind for kind, record_type in KINDS.items() if isinstance(record, record_type))
    stated = {
        name: value
        for name, default in _DEFAULTS[kind].items()
        if (value := getattr(record, name)) != default
    }
    return {"kind": kind} | stated
