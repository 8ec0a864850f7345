"""The one DuckDB file behind everything: shared between threads and processes, versioned.
`data.opening` opens it, `data.migrations` makes its tables, `data.writer` puts rows in.

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
import threading
import time
import weakref
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from data.migrations import SCHEMA, is_outdated, migrate
from data.opening import WAIT_S, connect, is_waited_for, stamp_of
from data.records import StoreError

NEXT_VERSION = "(SELECT value::BIGINT + 1 FROM meta WHERE key = 'store_version')"
"""SQL, inside a transaction: the version that the store will have once it is committed."""
FILE_NAME = "charybdis.duckdb"
IDLE_S = 0.25
"""How long the file stays open after its last use: long enough for one page's queries, short enough
for another process to get its turn.
"""
MAKE_WAY_S = 0.5
"""How long a caller holds back for a process that waits, while others in this process still read.
"""

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
                migrate(self.file, self._wait_s)

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
                self._connection = connect(self.file, self._wait_s)
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
        stamp = stamp_of(self.file)
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
            self._seen = (stamp_of(self.file), version)

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
            connection = connect(self.file, self._wait_s, hardened=False)
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
        with self.cursor() as cursor:
            return is_outdated(cursor, self.file)

    def _make_way(self) -> None:
        """Let a waiting process have the file, as soon as nobody in this process uses it. Every
        store of this process must let go.
        """
        give_up_at = time.monotonic() + MAKE_WAY_S
        while is_waited_for(self.file) and time.monotonic() < give_up_at:
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
    connection.execute(SCHEMA.read_text())
    for table in tables:
        connection.execute(f'INSERT INTO {table} BY NAME SELECT * FROM "{this}".{table}')
    connection.execute(
        f'CREATE OR REPLACE SEQUENCE keys START {last_key + 1}; CHECKPOINT; USE "{this}"; DETACH'
        " fresh"
    )


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
