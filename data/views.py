"""Example views: links into the dashboard that show something worth seeing on what ships, kept by hand in data/catalog/views.csv."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl

FILE = Path(__file__).parent / "catalog" / "views.csv"
COLUMNS = ("view_id", "name", "page", "query", "note")


@dataclass(frozen=True, slots=True)
class ExampleView:
    """One link: the page's name, its words as in a URL, and a sentence about what is seen there."""

    view_id: str
    name: str
    page: str
    query: tuple[tuple[str, str], ...]
    note: str

    @property
    def models(self) -> frozenset[str]:
        """Models that the view names; without them it shows nothing."""
        return frozenset(word for key, word in self.query if key == "models")


@cache
def read_example_views(file: Path = FILE) -> tuple[ExampleView, ...]:
    """Read the hand-kept views, in their order.

    Raises:
        ValueError: the columns are others than COLUMNS, or a field is empty (a fault of ours: the file ships).
    """
    with file.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle, strict=True)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"{file} has the columns {reader.fieldnames}; it needs {', '.join(COLUMNS)}")
        rows = list(reader)
    empty = [row for row in rows if not all(row[name] for name in COLUMNS)]
    if empty:
        raise ValueError(f"{file}: empty fields in {empty}")
    return tuple(
        ExampleView(row["view_id"], row["name"], row["page"], tuple(parse_qsl(row["query"], strict_parsing=True)), row["note"])
        for row in rows
    )
