"""How is every number made? The hand-kept list of methods behind the methods page, and how far
certified values agree with each.

`data/catalog/methods.toml` says what a number is; `data/catalog/agreement.csv` is written by
`python -m docs.agreement`, and how often intervals and tests keep what they promise,
`data/catalog/calibration.csv`, by `python -m benchmarks.calibration --write`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from data.catalog import FOLDER, CatalogError

METHODS_FILE = FOLDER / "methods.toml"
AGREEMENT_FILE = FOLDER / "agreement.csv"
CALIBRATION_FILE = FOLDER / "calibration.csv"
CERTIFIED_FILE = FOLDER / "certified.json"
"""Certified values that we ship, each made by other code than the product's: `python -m
docs.certified` writes them.
"""
SHIPPED, REFERENCE = "shipped", "reference"
"""Where certified values come from: CERTIFIED_FILE, or a file given to `python -m docs.agreement`.
"""
AGREEMENT_COLUMNS = ("values", "key", "n_vectors", "n_passed", "digits")
CALIBRATION_COLUMNS = ("method", "what", "design", "nominal", "rate", "error", "n", "is_kept")
_LISTS = ("words", "certified", "functions", "pages")
_MAY_BE_EMPTY = ("difference", "undefined", "certified")


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One number as pages show it.

    key          its name in links. topic: the heading it stands under. name: as on screen.
    words        how captions call it.
    formula      LaTeX; plain: the same in plain signs.
    source       paper and section, or whose it is.
    difference   where we differ from the authors' code; empty: nowhere.
    assumptions  under which the number means what it says. undefined: when there is no number;
    empty: never.
    certified    keys of certified values. functions: dotted paths. pages: names of the pages that
                 show it.
    """

    key: str
    topic: str
    name: str
    words: tuple[str, ...]
    formula: str
    plain: str
    source: str
    difference: str
    assumptions: str
    undefined: str
    certified: tuple[str, ...]
    functions: tuple[str, ...]
    pages: tuple[str, ...]


def read_methods(file: Path = METHODS_FILE) -> tuple[Method, ...]:
    """Read and check the list of methods, in its own order.

    Raises:
        CatalogError: the file is missing or no TOML, a field is missing, unknown, empty or of
            another type, or a key stands twice.
    """
    try:
        rows = tomllib.loads(file.read_text(encoding="utf-8")).get("method")
    except (
        OSError,
        ValueError,
    ) as cause:  # TOML and text that is not UTF-8 both come as ValueError
        raise CatalogError(f"The list of methods {file} cannot be read: {cause}.") from cause
    if not isinstance(rows, list) or not rows:
        raise CatalogError(f"{file} lists no methods. Each one is a table [[method]].")
    methods = tuple(_method(file, place, row) for place, row in enumerate(rows, 1))
    keys = [method.key for method in methods]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise CatalogError(f"{file}: {', '.join(twice)} stands twice. A key names one method.")
    return methods


def _method(file: Path, place: int, row: dict[str, Any]) -> Method:
    where = f"{file}, method {place} ({row.get('key', 'without key')})"
    names = [field.name for field in fields(Method)]
    if set(row) != set(names):
        wrong = sorted(set(row) ^ set(names))
        raise CatalogError(
            f"{where}: {', '.join(wrong)} missing or unknown. A method has exactly:"
            f" {', '.join(names)}."
        )
    for name in names:
        value = row[name]
        is_right = (
            isinstance(value, list) and all(isinstance(item, str) and item for item in value)
            if name in _LISTS
            else isinstance(value, str)
        )
        if not is_right or not (value or name in _MAY_BE_EMPTY):
            raise CatalogError(
                f"{where}, field {name}: {value!r} is not allowed. Write"
                f" {'a list of texts' if name in _LISTS else 'a text'}."
            )
    values: dict[str, Any] = {
        name: tuple(row[name]) if name in _LISTS else row[name].strip() for name in names
    }
    return Method(**values)


def read_agreement(file: Path = AGREEMENT_FILE) -> pd.DataFrame:
    """How far certified values agree, one row per kind of values and key: AGREEMENT_COLUMNS.

    `values` is "shipped" or "reference"; `digits` are the fewest that any number of its vectors
    agrees in, NaN where a vector holds no numbers. An absent file gives no rows: nothing was
    checked.
    """
    if not file.is_file():
        return pd.DataFrame({name: pd.Series(dtype="object") for name in AGREEMENT_COLUMNS})
    return pd.read_csv(file)[list(AGREEMENT_COLUMNS)]


def agreement_of(method: Method, agreement: pd.DataFrame) -> dict[str, tuple[int, int, float]]:
    """Vectors, passed vectors and fewest digits over a method's keys, by kind of values; a kind
    without its keys is absent.
    """
    mine = agreement[agreement["key"].isin(method.certified)]
    return {
        str(kind): (
            int(rows["n_vectors"].sum()),
            int(rows["n_passed"].sum()),
            float(rows["digits"].min()),
        )
        for kind, rows in mine.groupby("values", sort=True)
    }


def read_calibration(file: Path = CALIBRATION_FILE) -> pd.DataFrame:
    """What simulations found, one row per interval or test and design: CALIBRATION_COLUMNS.

    `method` is a key of the list of methods; `nominal`, `rate` and its Monte-Carlo `error` are
    shares; intervals are those with a nominal share above one half: they hold the truth that often,
    tests speak without cause that often. An absent file gives no rows.
    """
    if not file.is_file():
        return pd.DataFrame({name: pd.Series(dtype="object") for name in CALIBRATION_COLUMNS})
    return pd.read_csv(file)[list(CALIBRATION_COLUMNS)]
