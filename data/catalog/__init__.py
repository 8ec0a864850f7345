"""The hand-kept tables: models and their other names, benchmarks, tasks, level schemes. Edit the
CSV files; the store takes edits over.

One file per table, UTF-8, first row = column names, an empty field = unknown. Names in `aliases`
are separated by `;`. `read_catalog` checks every field, so that a typing slip is named with its
file and row and nothing half-right reaches the store.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from data.records import CharybdisError

FOLDER = Path(__file__).parent
ROLES = ("anchor", "probe")
"""Anchor tasks define the levels of a scheme; probe tasks are placed among them by their accuracy.
"""


class CatalogError(CharybdisError):
    """A hand-kept table has a wrong entry; the text names file, row and field."""


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """The catalog's tables, each with the columns that the store's table of the same name has (keys
    aside). Unknown is None.
    """

    models: pd.DataFrame
    model_aliases: pd.DataFrame
    benchmarks: pd.DataFrame
    tasks: pd.DataFrame
    task_aliases: pd.DataFrame
    level_schemes: pd.DataFrame
    levels: pd.DataFrame
    task_levels: pd.DataFrame
    sha256: str
    """Of all files together; changes with every edit."""

    def plain_tables(self) -> dict[str, pd.DataFrame]:
        """The tables the store replaces as a whole; `models` and `tasks` have keys of the store's
        own and are merged.
        """
        names = (
            "model_aliases",
            "benchmarks",
            "task_aliases",
            "level_schemes",
            "levels",
            "task_levels",
        )
        return {name: getattr(self, name) for name in names}


def read_catalog(folder: str | Path = FOLDER) -> Catalog:
    """Read and check the hand-kept tables.

    Args:
        folder: where the six CSV files lie.

    Raises:
        CatalogError: a file is missing or not UTF-8, a column is missing or unknown, a field has a
            wrong value, a name or alias is taken, or a name refers to nothing; says where and what
            is allowed.
    """
    folder = Path(folder)
    tables = {
        name: _read_table(folder / f"{name}.csv", columns) for name, columns in _COLUMNS.items()
    }
    _check_unique(folder, tables)
    _check_references(folder, tables)
    digest = sha256(
        "\n".join(f"{name} {_digest(folder / f'{name}.csv')}" for name in _COLUMNS).encode()
    ).hexdigest()
    frames = {
        name: _frame(rows, [c for c in _COLUMNS[name] if c != "aliases"], _COLUMNS[name])
        for name, rows in tables.items()
    }
    return Catalog(
        **frames,
        model_aliases=_alias_frame(folder, tables["models"], "model"),
        task_aliases=_alias_frame(folder, tables["tasks"], "task"),
        sha256=digest,
    )


# -- fields ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one field is read, what is allowed in it, and the column type it becomes."""

    read: Callable[[str], Any]
    allowed: str
    dtype: str = "object"
    required: bool = False


def _positive(number: float) -> float:
    if not 0 < number < float("inf"):
        raise ValueError
    return number


def _share(text: str) -> float:
    if not 0 <= float(text) <= 1:
        raise ValueError
    return float(text)


def _one_of(*words: str) -> _Kind:
    return _Kind(lambda text: words[words.index(text)], "one of " + ", ".join(words))


_NAME = _Kind(str, "a name", required=True)
_TEXT = _Kind(str, "text")
_ALIASES = _Kind(
    lambda text: [alias.strip() for alias in text.split(";") if alias.strip()],
    "names separated by ;",
)
_COUNT = _Kind(lambda text: int(_positive(int(text))), "a whole number above 0, in digits", "Int64")
_AMOUNT = _Kind(lambda text: _positive(float(text)), "a number above 0", "float64")
_LEVEL = _Kind(lambda text: int(_positive(int(text))), "a whole number from 1", "Int16")
_SHARE = _Kind(_share, "a share from 0 to 1", "float64")
_DATE = _Kind(date.fromisoformat, "a date as YYYY-MM-DD")


def _required(kind: _Kind) -> _Kind:
    return _Kind(kind.read, kind.allowed, kind.dtype, required=True)


_COLUMNS: Mapping[str, Mapping[str, _Kind]] = {
    "models": {
        "model": _NAME,
        "aliases": _ALIASES,
        "family": _TEXT,
        "n_params": _COUNT,
        "n_params_active": _COUNT,
        "train_tokens": _AMOUNT,
        "train_flops": _AMOUNT,
        "tuning": _one_of("base", "instruct"),
        "access": _one_of("open", "closed"),
        "release_date": _DATE,
        "note": _TEXT,
    },
    "benchmarks": {"benchmark": _NAME, "label": _TEXT, "source": _TEXT, "note": _TEXT},
    "tasks": {
        "task": _NAME,
        "label": _TEXT,
        "benchmark": _TEXT,
        "aliases": _ALIASES,
        "chance": _SHARE,
        "note": _TEXT,
    },
    "level_schemes": {"scheme": _NAME, "label": _NAME, "source": _TEXT, "note": _TEXT},
    "levels": {"scheme": _NAME, "level": _required(_LEVEL), "label": _NAME, "note": _TEXT},
    "task_levels": {
        "scheme": _NAME,
        "task": _NAME,
        "level": _LEVEL,
        "role": _required(_one_of(*ROLES)),
    },
}
_KEYS = {
    "models": ("model",),
    "benchmarks": ("benchmark",),
    "tasks": ("task",),
    "level_schemes": ("scheme",),
    "levels": ("scheme", "level"),
    "task_levels": ("scheme", "task"),
}


# -- reading ---------------------------------------------------------------------------------------

_Rows = dict[int, dict[str, Any]]
"""Fields of each row by its line number."""


def _read_table(file: Path, columns: Mapping[str, _Kind]) -> _Rows:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as cause:
        raise CatalogError(
            f"The catalog's file {file} is missing. Put it back; its columns are"
            f" {', '.join(columns)}."
        ) from cause
    except UnicodeDecodeError as cause:
        raise CatalogError(
            f"{file} is not UTF-8 text (byte {cause.start}). Save it as UTF-8."
        ) from cause
    reader = csv.DictReader(text.splitlines(), strict=True)
    if set(reader.fieldnames or ()) != set(columns):
        found = ", ".join(reader.fieldnames or ()) or "nothing"
        raise CatalogError(
            f"{file} has the columns {found}. It needs exactly: {', '.join(columns)}."
        )
    rows: _Rows = {}
    try:
        for row in reader:
            rows[reader.line_num] = _read_row(file, reader.line_num, row, columns)
    except csv.Error as cause:
        raise CatalogError(
            f"{file}, row {reader.line_num + 1}, is not CSV ({cause}). Put a field that holds"
            " commas or quotes in quotes."
        ) from cause
    return rows


def _read_row(
    file: Path, line: int, row: Mapping[str | None, Any], columns: Mapping[str, _Kind]
) -> dict[str, Any]:
    if None in row or None in row.values():
        raise CatalogError(
            f"{file}, row {line}, has not as many fields as the first row. It needs {len(columns)}:"
            f" {', '.join(columns)}."
        )
    values: dict[str, Any] = {}
    for name, kind in columns.items():
        text = row[name].strip()
        try:
            values[name] = kind.read(text) if text else None
        except ValueError as cause:
            raise CatalogError(
                f"{file}, row {line}, field {name}: {text!r} is not allowed. Write {kind.allowed},"
                " or nothing if unknown."
            ) from cause
        if kind.required and values[name] is None:
            raise CatalogError(f"{file}, row {line}, field {name} is empty. Write {kind.allowed}.")
    return values


# -- checks between rows ---------------------------------------------------------------------------


def _check_unique(folder: Path, tables: Mapping[str, _Rows]) -> None:
    for table, key in _KEYS.items():
        seen: dict[tuple[Any, ...], int] = {}
        for line, row in tables[table].items():
            name = tuple(row[field] for field in key)
            if name in seen:
                words = ", ".join(map(str, name))
                raise CatalogError(
                    f"{folder / table}.csv, row {line}, field {key[-1]}: {words} stands in row"
                    f" {seen[name]} already. Keep one of them."
                )
            seen[name] = line


def _check_references(folder: Path, tables: Mapping[str, _Rows]) -> None:
    """Every name that one table takes from another stands there."""
    levels = {(row["scheme"], row["level"]) for row in tables["levels"].values()}
    for table, field, other in (
        ("tasks", "benchmark", "benchmarks"),
        ("levels", "scheme", "level_schemes"),
        ("task_levels", "scheme", "level_schemes"),
        ("task_levels", "task", "tasks"),
    ):
        known = {row[field] for row in tables[other].values()}
        for line, row in tables[table].items():
            if row[field] is not None and row[field] not in known:
                raise CatalogError(
                    f"{folder / table}.csv, row {line}, field {field}: {row[field]!r} does not"
                    f" stand in {other}.csv. Add it there, or use one of"
                    f" {', '.join(sorted(known))}."
                )
    for line, row in tables["task_levels"].items():
        place = f"{folder / 'task_levels'}.csv, row {line}, field level"
        if row["level"] is None and row["role"] == "anchor":
            raise CatalogError(
                f"{place} is empty for an anchor task. Write its level, or make its role probe."
            )
        if row["level"] is not None and (row["scheme"], row["level"]) not in levels:
            raise CatalogError(
                f"{place}: {row['level']} is no level of {row['scheme']!r} in levels.csv. Add it"
                " there, or correct the number."
            )


def _alias_frame(folder: Path, rows: _Rows, name: str) -> pd.DataFrame:
    owners = {row[name]: row[name] for row in rows.values()}
    aliases = []
    for line, row in rows.items():
        for alias in row["aliases"] or ():
            if alias in owners:
                raise CatalogError(
                    f"{folder / f'{name}s'}.csv, row {line}, field aliases: {alias!r} already means"
                    f" {owners[alias]!r}. One name can mean one {name} only."
                )
            owners[alias] = row[name]
            aliases.append((alias, row[name]))
    return pd.DataFrame(aliases, columns=["alias", name])


def _frame(rows: _Rows, names: list[str], columns: Mapping[str, _Kind]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: pd.Series([row[name] for row in rows.values()], dtype=columns[name].dtype)
            for name in names
        }
    )


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()
