"""The one DuckDB file behind everything: opened, shared between threads and processes, migrated,
versioned. `data.writer` puts rows in.

Two facts shape this file. One connection used by several threads returns wrong rows without an
error, so every call works on a cursor of its own and the connection never leaves this class. And
while one process has the file open no other can open it, so the store holds it only while somebody
is reading or writing and a moment longer; a shell import and an open dashboard then take turns. A
process that has to wait leaves a mark, and a process that is asked one question after another makes
way for it between two of them.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import threading
import time
import weakref
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from data.records import StoreBusyError, StoreError

_WRITE_NOTHING_UNASKED = "PRAGMA disable_checkpoint_on_shutdown"
"""Else closing a file merges its write-ahead log into it, also when nothing was changed."""
_HERE = Path(__file__).parent


def _migrations(folder: Path) -> dict[int, Path]:
    """SQL files that bring an older store up to a schema version, by that version, in order."""
    return {int(file.stem.removeprefix("to_")): file for file in sorted(folder.glob("to_*.sql"))}


SCHEMA_VERSION = max(_migrations(_HERE / "migrations"))
"""Version of data/schema.sql: that of the last migration."""
NEXT_VERSION = "(SELECT value::BIGINT + 1 FROM meta WHERE key = 'store_version')"
"""SQL, inside a transaction: the version that the store will have once it is committed."""
FILE_NAME = "charybdis.duckdb"
IDLE_S = 0.25
"""How long the file stays open after its last use: long enough for one page's queries, short enough
for another process to get its turn.
"""
WAIT_S = 20.0
"""How long a caller waits for another process before it is told that the store is busy."""
MAKE_WAY_S = 0.5
"""How long a caller holds back for a process that waits, while others in this process still read.
"""
MARK_LIVES_S = 2.0
"""A process that waits renews its mark ten times a second; an older mark is that of a process that
was killed.
"""
MEMORY_LIMIT = "700MB"

_BROKEN = (
    duckdb.IOException,
    duckdb.InternalException,
    duckdb.FatalException,
    duckdb.OutOfMemoryException,
    duckdb.SerializationException,
)
"""What DuckDB says when the file or the machine fails, not the question."""
_writers: dict[Path, threading.RLock] = {}
_writers_guard = threading.Lock()
_opening = threading.Lock()
_stores: weakref.WeakSet[Store] = weakref.WeakSet()
_holding = threading.local()
"""Files that this thread has a cursor on: it never makes way, it would wait for itself."""


@atexit.register
def _close_stores() -> None:
    """Before Python ends: a watcher that is closing a file then would bring the whole process down
    with a signal.
    """
    for store in list(_stores):
        store._close_if_idle()


class Store:
    """An embedded store in one folder. Safe to share between threads; several processes may have
    one on the same folder.

    Args:
        path: folder of the store (made if absent), or a `.duckdb` file inside one.
        wait_s: how long to wait for another process.

    Raises:
        StoreBusyError: another process kept the file open for longer than `wait_s`; names it.
        StoreError: the file is no Charybdis store, or was made by a newer version.
    """

    def __init__(self, path: str | Path, *, wait_s: float = WAIT_S) -> None:
        path = Path(
            os.path.realpath(Path(path).expanduser())
        )  # not `resolve`, which raises on a link that leads to itself
        self.file = path if path.suffix == ".duckdb" else path / FILE_NAME
        self.folder = self.file.parent
        self._wait_s = wait_s
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._n_users = 0
        self._guard = threading.RLock()
        self._idle_since_s = 0.0
        self._watcher: threading.Thread | None = None
        self._seen: tuple[object, int] | None = None
        self._versions = _Versions(-1, 0, {})
        try:
            str(self.file).encode()
            self.folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as cause:
            raise StoreError(
                f"The store's folder {self.folder} cannot be made ({cause}). Name a folder you can"
                " write to."
            ) from cause
        _stores.add(self)
        with _writers_guard:
            self._writer_lock = _writers.setdefault(self.file, threading.RLock())
        with self._writer_lock:
            while self._is_outdated():
                self.close()
                _migrate(self.file, self._wait_s)

    # -- reading -----------------------------------------------------------------------------------

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of the caller's own, for one question and one thread.

        Raises:
            StoreBusyError: another process holds the file.
            StoreError: the file is damaged, or its disk is full.
        """
        held: set[Path] = _holding.__dict__.setdefault("files", set())
        is_first = self.file not in held
        if is_first:
            self._make_way()
        with self._guard:
            if self._connection is None:
                self._connection = _connect(self.file, self._wait_s)
                if self._watcher is None:
                    self._watcher = threading.Thread(
                        target=self._close_when_idle, name="store closer", daemon=True
                    )
                    self._watcher.start()
            self._n_users += 1
            cursor = self._connection.cursor()
        held.add(self.file)
        try:
            yield cursor
        except _BROKEN as cause:
            raise StoreError(
                f"The store {self.file} cannot be used on: {str(cause).splitlines()[0]}. Is the"
                " disk full? If the file is damaged, put a copy of it back, or import the results"
                " into a new store."
            ) from cause
        finally:
            if is_first:
                held.discard(self.file)
            cursor.close()
            with self._guard:
                self._n_users -= 1
                self._idle_since_s = time.monotonic()

    @property
    def version(self) -> int:
        """Number of the last committed change. Never goes back; keys every cache. Costs two file
        look-ups while nothing changes.
        """
        stamp = _stamp_of(self.file)
        if self._seen is not None and self._seen[0] == stamp:
            return self._seen[1]
        with self.cursor() as cursor:
            version = _read_version(cursor)
        self._seen = (stamp, version)
        return version

    def read_versions(self, models: Collection[str] = ()) -> tuple[int, ...]:
        """A key for what is computed from the runs of these models (all models when empty).

        It changes when a run of theirs is added, changed, removed or assigned to another model, and
        when the catalog changes (models, aliases, tasks, levels). It stays the same when other
        models' runs, saved views, watched folders or failed imports change. Costs two file look-ups
        while the store does not change.

        Returns: (version of the catalog, number of runs, version of the newest change of a run).
            No two states of one store share it, because a version is never given twice: equal
            numbers mean that no run was added or changed, and as many runs that none was removed.
        """
        if self._versions.store != self.version:
            with self.cursor() as cursor:
                self._versions = _read_versions(cursor)
        kept = self._versions
        chosen = [kept.runs.get(model, (0, 0)) for model in set(models) or kept.runs]
        newest = max((version for _, version in chosen), default=0)
        return kept.catalog, sum(n_runs for n_runs, _ in chosen), newest

    def close(self) -> None:
        """Let go of the file now. The store stays usable: the next call opens it again."""
        with self._guard:
            if self._n_users:
                raise StoreError(
                    f"The store {self.file} is in use by {self._n_users} callers of this process;"
                    " close it after they are done."
                )
            self._close_if_idle()

    # -- writing -----------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, *, changes_catalog: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor inside a transaction: all of it is stored and the version goes up by one, or
        nothing happened.

        One writer at a time in this process; readers go on with the state before. A statement that
        changes a run sets its `version` to NEXT_VERSION.

        Args:
            changes_catalog: whether anything but runs changes that results are computed from;
                `read_versions` of all models then changes.
        """
        with self._writer_lock, self.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield cursor
                if changes_catalog:
                    cursor.execute(
                        f"INSERT OR REPLACE INTO meta VALUES ('catalog_version', {NEXT_VERSION})"
                    )
                cursor.execute(
                    "UPDATE meta SET value = (value::BIGINT + 1)::VARCHAR WHERE key ="
                    " 'store_version'"
                )
                version = _read_version(cursor)
                cursor.execute("COMMIT")
            except BaseException:
                # A failed COMMIT has rolled back already; a damaged file takes no ROLLBACK either.
                with suppress(duckdb.Error):
                    cursor.execute("ROLLBACK")
                raise
            self._seen = (_stamp_of(self.file), version)

    def compact(self) -> tuple[int, int]:
        """Rewrite the file without the room that removed rows left. Returns its size in bytes
        before and after.

        Other processes wait meanwhile; the version stays, because nothing that can be read changes.

        Raises:
            StoreError: this process is reading or writing right now.
            StoreBusyError: another process is.
        """
        with self._writer_lock, self._guard:
            self.close()
            fresh = self.file.with_name(f"compacting-{FILE_NAME}")
            fresh.unlink(missing_ok=True)
            connection = _connect(self.file, self._wait_s, hardened=False)
            try:
                connection.execute("CHECKPOINT")
                n_bytes_before = self.file.stat().st_size
                _copy_into(connection, fresh)
                fresh.replace(
                    self.file
                )  # while the old file is locked, so that no other process writes to it in between
            finally:
                connection.close()
                fresh.unlink(missing_ok=True)
        return n_bytes_before, self.file.stat().st_size

    # -- details -----------------------------------------------------------------------------------

    def _is_outdated(self) -> bool:
        """Whether the store is of an older schema. A new file gets its tables."""
        with self.cursor() as cursor:
            cursor.execute(_WRITE_NOTHING_UNASKED)
            found = _schema_version(cursor, self.file)
            if 0 < found < SCHEMA_VERSION:
                return True
            cursor.execute("PRAGMA enable_checkpoint_on_shutdown")
            if found == 0:
                _create_schema(cursor)
            return False

    def _make_way(self) -> None:
        """Let a waiting process have the file, as soon as nobody in this process uses it. Every
        store of this process must let go.
        """
        give_up_at = time.monotonic() + MAKE_WAY_S
        while _is_waited_for(self.file) and time.monotonic() < give_up_at:
            for store in list(_stores):
                if store.file == self.file:
                    store._close_if_idle()
            time.sleep(0.005)

    def _close_when_idle(self) -> None:
        """Runs in one thread while the file is open: starting a timer after every question would
        cost as much as a small question.
        """
        wait_s = IDLE_S
        while True:
            time.sleep(wait_s)
            with self._guard:
                idle_s = 0.0 if self._n_users else time.monotonic() - self._idle_since_s
                if idle_s >= IDLE_S:
                    self._close_if_idle()
                if self._connection is None:
                    self._watcher = None
                    return
            wait_s = max(IDLE_S - idle_s, 0.01)

    def _close_if_idle(self) -> None:
        with self._guard:
            if self._n_users == 0 and self._connection is not None:
                self._connection.close()
                self._connection = None


def _wal_of(file: Path) -> Path:
    """The write-ahead log beside a store's file; there while the file lacks a commit."""
    return file.with_name(file.name + ".wal")


def _stamp_of(file: Path) -> tuple[Any, ...]:
    """Changes with every commit of any process: a commit grows the write-ahead log, a checkpoint
    rewrites the file.
    """
    stamp: list[tuple[int, int, int] | None] = []
    for part in (file, _wal_of(file)):
        try:
            stat = part.stat()
            stamp.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
        except FileNotFoundError:
            stamp.append(None)
    return tuple(stamp)


def _connect(file: Path, wait_s: float, *, hardened: bool = True) -> duckdb.DuckDBPyConnection:
    """Open the file, waiting for other processes to let go. Nothing but this file can be reached
    from SQL on it, if `hardened`.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(file.parent / "tmp"),
        "autoinstall_known_extensions": "false",
        "storage_compatibility_version": (
            "v1.2.0"
        ),  # the first with zstd; later ones lack a plain dictionary for short words
        "zstd_min_string_length": (
            1
        ),  # and FSST off, below: text of any length takes zstd, at half of FSST's size
    }
    try:
        return _keep_opening(file, wait_s, config, hardened)
    finally:
        with suppress(OSError):
            _mark_of(file).unlink()


def _keep_opening(
    file: Path, wait_s: float, config: dict[str, Any], hardened: bool
) -> duckdb.DuckDBPyConnection:
    give_up_at = time.monotonic() + wait_s
    pause_s = 0.01
    while True:
        try:
            with (
                _opening
            ):  # two stores of one process on one file share a database, and with it these settings
                connection = duckdb.connect(str(file), config=config)
                ((locked,),) = connection.execute(
                    "SELECT current_setting('lock_configuration')"
                ).fetchall()
                # not in `config`: there FSST would stay on, and the lock refuse the temp_directory
                # beside it
                if not locked:
                    connection.execute("SET disabled_compression_methods = 'fsst'")
                    if hardened:
                        connection.execute(
                            "SET enable_external_access = false; SET lock_configuration = true"
                        )
            return connection
        except duckdb.IOException as cause:
            if "not a valid duckdb" in str(cause).lower():
                raise StoreError(_foreign_text(file, cause)) from cause
            if "could not read enough bytes" in str(cause).lower():
                raise StoreError(
                    f"The store {file} is cut off ({str(cause).splitlines()[0]}). Put a copy of it"
                    " back, or import the results into a new store."
                ) from cause
            if "could not set lock" not in str(cause).lower():
                raise StoreError(
                    f"The store {file} cannot be opened: {cause}. Check the path and its"
                    " permissions."
                ) from cause
            if time.monotonic() > give_up_at:
                raise StoreBusyError(_busy_text(file, str(cause), wait_s)) from cause
        except duckdb.Error as cause:
            raise StoreError(_foreign_text(file, cause)) from cause
        with suppress(OSError):  # without a mark the wait is only less fair
            _mark_of(file).parent.mkdir(exist_ok=True)
            _mark_of(file).touch()
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.1)


def _mark_of(file: Path) -> Path:
    """The file by which this process says that it waits for `file`."""
    return file.parent / "waiting" / f"{file.name}.{os.getpid()}"


def _is_waited_for(file: Path) -> bool:
    """Whether another process waits for the file. Costs a few microseconds while none does."""
    try:
        marks = os.listdir(file.parent / "waiting")
    except OSError:
        return False
    own = _mark_of(file).name
    for name in marks:
        if name != own and name.rpartition(".")[0] == file.name:
            with suppress(OSError):
                if time.time() - (file.parent / "waiting" / name).stat().st_mtime < MARK_LIVES_S:
                    return True
    return False


def _foreign_text(file: Path, cause: Exception) -> str:
    return (
        f"{file} is not a Charybdis store ({str(cause).splitlines()[0]}). Name another folder with"
        " --store, or move this file away."
    )


def _copy_into(connection: duckdb.DuckDBPyConnection, fresh: Path) -> None:
    """Copy every table of an open store into a new file beside it."""
    ((this,),) = connection.execute("SELECT current_database()").fetchall()
    ((last_key,),) = connection.execute(
        "SELECT coalesce(last_value, 0) FROM duckdb_sequences() WHERE sequence_name = 'keys'"
    ).fetchall()
    tables = [
        name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    ]
    quoted = str(fresh).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS fresh (STORAGE_VERSION 'v1.2.0'); USE fresh")
    connection.execute((_HERE / "schema.sql").read_text())
    for table in tables:
        connection.execute(f'INSERT INTO {table} BY NAME SELECT * FROM "{this}".{table}')
    connection.execute(
        f'CREATE OR REPLACE SEQUENCE keys START {last_key + 1}; CHECKPOINT; USE "{this}"; DETACH'
        " fresh"
    )


def _busy_text(file: Path, cause: str, wait_s: float) -> str:
    holder = re.search(r"held in (.+?) \(PID (\d+)\)", cause)
    who = f"process {holder[2]} ({holder[1]})" if holder else "another process"
    return (
        f"The store {file} is busy: {who} has held it for more than {wait_s:.0f} s. Wait until its"
        " import or probe is done and try again, stop that process, or name another store with"
        " --store."
    )


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
        cursor.execute((_HERE / "schema.sql").read_text())
        cursor.execute(
            "INSERT INTO meta VALUES ('store_version', '0'), ('catalog_version', '0'),"
            " ('created_at', ?), ('schema_version', ?)",
            [datetime.now(UTC).isoformat(timespec="seconds"), str(SCHEMA_VERSION)],
        )
        cursor.execute("COMMIT")
    except BaseException:
        cursor.execute("ROLLBACK")
        raise


def _migrate(file: Path, wait_s: float) -> None:
    """Bring a store of an older schema up to date. The work is done on a copy, which takes the
    store's place when it is complete; nobody in this process may have the store open.

    The store may still be of the older schema afterwards, if another process wrote to it meanwhile
    or a killed one left a write-ahead log; then call this again.

    Raises:
        StoreError: the store cannot be migrated. Its files are as they were, byte for byte.
    """
    copy, wal = file.with_name(f"migrating-{os.getpid()}-{file.name}"), _wal_of(file)
    stamp = _stamp_of(file)
    try:
        shutil.copy(file, copy)
        if wal.exists():
            shutil.copy(wal, _wal_of(copy))
        _run_migrations(copy, wait_s)
        with _locked(file, wait_s) as connection:
            if _stamp_of(file) != stamp:
                return
            if wal.exists():  # two files cannot be replaced at once: first make them one
                connection.execute("CHECKPOINT")
                return
            copy.replace(file)
            for left in file.parent.glob(f"migrating-*-{file.name}*"):  # by a killed process
                left.unlink(missing_ok=True)
    except (OSError, duckdb.Error, StoreError) as cause:
        if _stamp_of(file) != stamp:
            return  # the copy was taken while another process wrote
        reason = str(cause).splitlines()[0]
        raise StoreError(
            f"The store {file} is of an earlier version of Charybdis and cannot be brought to"
            f" schema version {SCHEMA_VERSION} ({reason}). It was left as it was. Is there room on"
            " the disk for a second copy of it? Else use it with the earlier version, or import"
            " the results into a new store with --store."
        ) from cause
    finally:
        for left in (copy, _wal_of(copy)):
            left.unlink(missing_ok=True)


def _run_migrations(file: Path, wait_s: float) -> None:
    with _locked(file, wait_s) as connection:
        found = _schema_version(connection, file)
        connection.execute("BEGIN")
        for version, migration in _migrations(_HERE / "migrations").items():
            if version > found:
                connection.execute(migration.read_text())
        connection.execute(
            "UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(SCHEMA_VERSION)]
        )
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT")


@contextmanager
def _locked(file: Path, wait_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that keeps other processes out and writes nothing that it is not asked to."""
    connection = _connect(file, wait_s, hardened=False)
    try:
        connection.execute(_WRITE_NOTHING_UNASKED)
        yield connection
    finally:
        connection.close()


def _read_version(cursor: duckdb.DuckDBPyConnection) -> int:
    ((version,),) = cursor.execute(
        "SELECT value::BIGINT FROM meta WHERE key = 'store_version'"
    ).fetchall()
    return int(version)


@dataclass(frozen=True, slots=True)
class _Versions:
    """What `Store.read_versions` answers from."""

    store: int
    catalog: int
    runs: dict[str, tuple[int, int]]
    """By model: number of its runs, and the newest version among them."""


def _read_versions(cursor: duckdb.DuckDBPyConnection) -> _Versions:
    # One statement, so that all of it is of one state of the store.
    rows = cursor.execute(
        "SELECT (SELECT value::BIGINT FROM meta WHERE key = 'store_version'), (SELECT value::BIGINT"
        " FROM meta WHERE key = 'catalog_version'), model, n, newest FROM (SELECT 1) LEFT JOIN"
        " (SELECT model, count(*) AS n, max(version) AS newest FROM runs JOIN models USING"
        " (model_key) GROUP BY model) ON true"
    ).fetchall()
    store, catalog, *_ = rows[0]
    return _Versions(
        store, catalog, {model: (n, newest) for _, _, model, n, newest in rows if model is not None}
    )
