"""The schema of a store: its version, a new store's tables, and an older store brought up to date.

Each step is a file `to_<version>.sql` here, its number in three digits; the version of the schema
is that of the last one.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from data.opening import WRITE_NOTHING_UNASKED, locked, stamp_of, wal_of
from data.records import StoreError

FOLDER = Path(__file__).parent
SCHEMA = FOLDER.parent / "schema.sql"


def _migrations(folder: Path) -> dict[int, Path]:
    """SQL files that bring an older store up to a schema version, by that version, in order."""
    return {int(file.stem.removeprefix("to_")): file for file in sorted(folder.glob("to_*.sql"))}


SCHEMA_VERSION = max(_migrations(FOLDER))
"""Version of data/schema.sql: that of the last migration."""


def is_outdated(cursor: duckdb.DuckDBPyConnection, file: Path) -> bool:
    """Whether an open store is of an older schema, so that `migrate` has to be called. A new file
    gets its tables.

    Raises:
        StoreError: the file is no Charybdis store, or was made by a newer version. It is left as it
            was, byte for byte.
    """
    cursor.execute(WRITE_NOTHING_UNASKED)
    found = _schema_version(cursor, file)
    if 0 < found < SCHEMA_VERSION:
        return True
    cursor.execute("PRAGMA enable_checkpoint_on_shutdown")
    if found == 0:
        _create_schema(cursor)
    return False


def _schema_version(cursor: duckdb.DuckDBPyConnection, file: Path) -> int:
    """Schema version of a store that this Charybdis can use, or can bring up to date; 0: it is
    empty.
    """
    tables = {
        name for (name,) in cursor.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    }
    if not tables:
        return 0
    if "meta" not in tables:
        raise StoreError(
            f"{file} is a DuckDB file but not a Charybdis store (tables:"
            f" {', '.join(sorted(tables))}). Name another with --store."
        )
    try:
        ((found,),) = cursor.execute(
            "SELECT value::INTEGER FROM meta WHERE key = 'schema_version'"
        ).fetchall()
    except (duckdb.Error, ValueError) as cause:
        raise StoreError(
            f"{file} is a DuckDB file whose table meta names no schema version, so it is no"
            " Charybdis store. Name another with --store."
        ) from cause
    if found > SCHEMA_VERSION:
        raise StoreError(
            f"The store {file} has schema version {found}; this Charybdis knows versions up to"
            f" {SCHEMA_VERSION}. Update Charybdis, or name another store with --store."
        )
    return int(found)


def _create_schema(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of a new store, in one transaction."""
    cursor.execute("BEGIN")
    try:
        cursor.execute(SCHEMA.read_text())
        cursor.execute(
            "INSERT INTO meta VALUES ('store_version', '0'), ('catalog_version', '0'),"
            " ('created_at', ?), ('schema_version', ?)",
            [datetime.now(UTC).isoformat(timespec="seconds"), str(SCHEMA_VERSION)],
        )
        cursor.execute("COMMIT")
    except BaseException:
        cursor.execute("ROLLBACK")
        raise


def migrate(file: Path, wait_s: float) -> None:
    """Bring a store of an older schema up to date. The work is done on a copy, which takes the
    store's place when it is complete; nobody in this process may have the store open.

    The store may still be of the older schema afterwards, if another process wrote to it meanwhile
    or a killed one left a write-ahead log; then call this again.

    Raises:
        StoreError: the store cannot be migrated. Its files are as they were, byte for byte.
    """
    copy, wal = file.with_name(f"migrating-{os.getpid()}-{file.name}"), wal_of(file)
    stamp = stamp_of(file)
    try:
        shutil.copy(file, copy)
        if wal.exists():
            shutil.copy(wal, wal_of(copy))
        _run_migrations(copy, wait_s)
        with locked(file, wait_s) as connection:
            if stamp_of(file) != stamp:
                return
            if wal.exists():  # two files cannot be replaced at once: first make them one
                connection.execute("CHECKPOINT")
                return
            copy.replace(file)
            for left in file.parent.glob(f"migrating-*-{file.name}*"):  # by a killed process
                left.unlink(missing_ok=True)
    except (OSError, duckdb.Error, StoreError) as cause:
        if stamp_of(file) != stamp:
            return  # the copy was taken while another process wrote
        reason = str(cause).splitlines()[0]
        raise StoreError(
            f"The store {file} is of an earlier version of Charybdis and cannot be brought to"
            f" schema version {SCHEMA_VERSION} ({reason}). It was left as it was. Is there room on"
            " the disk for a second copy of it? Else use it with the earlier version, or import"
            " the results into a new store with --store."
        ) from cause
    finally:
        for left in (copy, wal_of(copy)):
            left.unlink(missing_ok=True)


def _run_migrations(file: Path, wait_s: float) -> None:
    with locked(file, wait_s) as connection:
        found = _schema_version(connection, file)
        connection.execute("BEGIN")
        for version, migration in _migrations(FOLDER).items():
            if version > found:
                connection.execute(migration.read_text())
        connection.execute(
            "UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(SCHEMA_VERSION)]
        )
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT")
