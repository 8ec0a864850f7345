"""The file of a store, opened in turns: while one process has it open no other can open it.

A process that has to wait leaves a mark, so that the one that has the file can make way.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

from data.records import StoreBusyError, StoreError

WAIT_S = 20.0
"""How long a caller waits for another process before it is told that the store is busy."""
MARK_LIVES_S = 2.0
"""A process that waits renews its mark ten times a second; an older mark is that of a process that
was killed.
"""
MEMORY_LIMIT = "700MB"
WRITE_NOTHING_UNASKED = "PRAGMA disable_checkpoint_on_shutdown"
"""Else closing a file merges its write-ahead log into it, also when nothing was changed."""
_opening = threading.Lock()


def connect(file: Path, wait_s: float, *, hardened: bool = True) -> duckdb.DuckDBPyConnection:
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


def is_waited_for(file: Path) -> bool:
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


def _busy_text(file: Path, cause: str, wait_s: float) -> str:
    holder = re.search(r"held in (.+?) \(PID (\d+)\)", cause)
    who = f"process {holder[2]} ({holder[1]})" if holder else "another process"
    return (
        f"The store {file} is busy: {who} has held it for more than {wait_s:.0f} s. Wait until its"
        " import or probe is done and try again, stop that process, or name another store with"
        " --store."
    )


@contextmanager
def locked(file: Path, wait_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that keeps other processes out and writes nothing that it is not asked to."""
    connection = connect(file, wait_s, hardened=False)
    try:
        connection.execute(WRITE_NOTHING_UNASKED)
        yield connection
    finally:
        connection.close()


def wal_of(file: Path) -> Path:
    """The write-ahead log beside a store's file; there while the file lacks a commit."""
    return file.with_name(file.name + ".wal")


def stamp_of(file: Path) -> tuple[Any, ...]:
    """Changes with every commit of any process: a commit grows the write-ahead log, a checkpoint
    rewrites the file.
    """
    stamp: list[tuple[int, int, int] | None] = []
    for part in (file, wal_of(file)):
        try:
            stat = part.stat()
            stamp.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
        except FileNotFoundError:
            stamp.append(None)
    return tuple(stamp)
