"""Views: links into the dashboard with a name. Example views ship (data/catalog/views.csv); saved
views are what readers keep in the store.

A saved view remembers the store version it was made at, so that whoever opens it later is told what
has changed since.
"""

from __future__ import annotations

import csv
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl

from data.records import CharybdisError
from data.store import Store

FILE = Path(__file__).parent / "catalog" / "views.csv"
COLUMNS = ("view_id", "name", "page", "query", "needs", "note")


@dataclass(frozen=True, slots=True)
class ExampleView:
    """One link: the page's name, its words as in a URL, and a sentence about what is seen there."""

    view_id: str
    name: str
    page: str
    query: tuple[tuple[str, str], ...]
    needs: frozenset[str]
    """Models that the note speaks of although the view names none: it shows all that are stored."""
    note: str

    @property
    def models(self) -> frozenset[str]:
        """Models without which the view shows nothing, or something else than its note says."""
        return self.needs | {word for key, word in self.query if key == "models"}


@cache
def read_example_views(file: Path = FILE) -> tuple[ExampleView, ...]:
    """Read the hand-kept views, in their order.

    Raises:
        ValueError: the columns are others than COLUMNS, or a field is empty (a fault of ours: the
            file ships).
    """
    with file.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle, strict=True)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(
                f"{file} has the columns {reader.fieldnames}; it needs {', '.join(COLUMNS)}"
            )
        rows = list(reader)
    empty = [row for row in rows if not all(row[name] for name in COLUMNS if name != "needs")]
    if empty:
        raise ValueError(f"{file}: empty fields in {empty}")
    return tuple(
        ExampleView(
            row["view_id"],
            row["name"],
            row["page"],
            tuple(parse_qsl(row["query"], strict_parsing=True)),
            frozenset(row["needs"].split()),
            row["note"],
        )
        for row in rows
    )


def save_view(store: Store, *, name: str, page: str, query: str, note: str | None = None) -> str:
    """Keep the words of a link under a name; a view of the same name is replaced. Returns its id.

    Args:
        query: what stands after `?` in the link.

    Raises:
        CharybdisError: the name is empty or longer than 80 characters.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= 80:
        raise CharybdisError("A view needs a name of 1 to 80 characters.")
    view_id = uuid.uuid4().hex[:12]
    with store.transaction(changes_catalog=False) as cursor:
        # A saved view changes no number: it is kept under the version before this transaction,
        # which readers saw.
        ((version,),) = cursor.execute(
            "SELECT value::BIGINT FROM meta WHERE key = 'store_version'"
        ).fetchall()
        cursor.execute("DELETE FROM views WHERE name = ?", [name])
        now = datetime.now(UTC).replace(tzinfo=None)
        cursor.execute(
            "INSERT INTO views VALUES (?, ?, ?, ?, ?, ?, ?)",
            [view_id, name, page, query, int(version) + 1, note, now],
        )
    return view_id


def remove_view(store: Store, view_id: str) -> None:
    """Forget a saved view."""
    with store.transaction(changes_catalog=False) as cursor:
        cursor.execute("DELETE FROM views WHERE view_id = ?", [view_id])
