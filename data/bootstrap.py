"""A store to start from: made on first use with the catalog and the shipped sources in it, and kept
in step with edits of the catalog.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pandas as pd

from data.catalog import Catalog, read_catalog
from data.identity import lay_over
from data.importers.kit.base import Source
from data.importing import Progress, discover, import_sources
from data.records import StoreError
from data.store import NEXT_VERSION, Store

SHIPPED = (Path(__file__).parent / "published", Path(__file__).parent / "ladder")
"""Sources every new store starts with."""
_NONE_WANTED = "none wanted"


def open_store(path: str | Path, *, empty: bool = False, progress: Progress | None = None) -> Store:
    """Open a store. A new one gets the shipped sources, unless `empty`; an older one those that
    came with a later version of Charybdis.

    A shipped source that somebody removed stays away, as long as it does not change: each is
    brought in once. Edits of the catalog are taken over.

    Raises:
        StoreBusyError, StoreError: as `Store`.
        CatalogError: a hand-kept table has a wrong entry.
    """
    store = Store(path)
    sync_catalog(store, read_catalog())
    known = _read_meta(store, "shipped_sources")
    if known is None and empty:
        _write_meta(store, "shipped_sources", _NONE_WANTED)
    elif known != _NONE_WANTED:
        brought = set(json.loads(known or "[]"))
        new = [source for source in discover(SHIPPED).sources if _name(source) not in brought]
        for source, result in zip(new, import_sources(store, new, progress=progress), strict=True):
            if result.status == "failed":
                raise StoreError(
                    f"A source shipped with Charybdis cannot be imported: {result.message} Restore"
                    " the file from the repository."
                )
            brought.add(_name(source))
        if new:
            _write_meta(store, "shipped_sources", json.dumps(sorted(brought)))
    return store


def sync_catalog(store: Store, catalog: Catalog) -> bool:
    """Take the hand-kept tables over into the store if they changed since the last time. Returns
    whether they had.

    Models and tasks that results brought in stay; what the catalog says about them is filled in,
    and runs follow a new alias. Names that a person decided on stay as decided (`data.identity`).
    """
    if _read_meta(store, "catalog_sha256") == catalog.sha256:
        return False
    with store.transaction() as cursor:
        for table, frame in catalog.plain_tables().items():
            cursor.execute(f"DELETE FROM {table}")
            _insert(cursor, table, frame)
        _merge(cursor, "models", "model", catalog.models)
        _merge(cursor, "tasks", "task", catalog.tasks)
        lay_over(cursor)
        cursor.execute(
            f"UPDATE runs SET version = {NEXT_VERSION}, model_key = m.model_key FROM"
            " model_aliases a JOIN models m ON m.model = a.model WHERE a.alias = runs.model_raw AND"
            " runs.model_key <> m.model_key"
        )
        cursor.execute("INSERT OR REPLACE INTO meta VALUES ('catalog_sha256', ?)", [catalog.sha256])
    return True


def _insert(cursor: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame) -> None:
    columns = ", ".join(frame.columns)
    cursor.register("incoming", frame)
    cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM incoming")
    cursor.unregister("incoming")


def _merge(cursor: duckdb.DuckDBPyConnection, table: str, name: str, frame: pd.DataFrame) -> None:
    """Fill what the catalog says into rows that results brought in under the same name, and add the
    others.
    """
    columns = ", ".join(frame.columns)
    facts = ", ".join(f"{column} = incoming.{column}" for column in frame.columns if column != name)
    cursor.register("incoming", frame)
    cursor.execute(
        f"UPDATE {table} SET {facts} FROM incoming WHERE {table}.{name} = incoming.{name}"
    )
    cursor.execute(
        f"INSERT INTO {table} ({name}_key, {columns}) SELECT nextval('keys'), {columns} FROM"
        f" incoming WHERE {name} NOT IN (SELECT {name} FROM {table})"
    )
    cursor.unregister("incoming")


def _name(source: Source) -> str:
    """Name and content: a later version of a shipped file comes in too, in place of the runs it had
    before.
    """
    return f"{source.path.relative_to(Path(__file__).parent).as_posix()}@{source.sha256()[:12]}"


def _read_meta(store: Store, key: str) -> str | None:
    with store.cursor() as cursor:
        rows = cursor.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchall()
    return rows[0][0] if rows else None


def _write_meta(store: Store, key: str, value: str) -> None:
    with store.transaction(changes_catalog=False) as cursor:
        cursor.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])
