"""Imports that failed: each leaves a row in `imports` with status `failed`, so that what failed and
why can be read later.

Nothing else of such a source is stored. The note goes when the same path or content comes in, fails
anew, or is forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import duckdb

from data.records import Reject, StoreBusyError, StoreError
from data.removing import remove_failures
from data.store import Store
from data.writer import writing

FAILED = "failed"


def note_failure(store: Store, values: dict[str, Any], rejects: Sequence[Reject]) -> None:
    """Note a failed import, in place of an earlier note of its path. `values`: path, format, sha256
    and other columns of `imports`.

    A store that cannot be written, or is busy, is left as it is: the failure itself was told
    already.
    """
    with suppress(StoreError, StoreBusyError, duckdb.Error), writing(store) as writer:
        writer.remove_failures(path=values["path"])
        import_key = writer.add_import(
            {**values, "status": FAILED, "n_runs": 0, "n_scores": 0, "n_samples": 0}
        )
        writer.add_rejects(rejects, import_key=import_key)


def clear_failure(store: Store, path: str) -> None:
    """Take the note of a path away, if there is one: its content is in by now."""
    with store.cursor() as cursor:
        is_noted = cursor.execute(
            "SELECT 1 FROM imports WHERE status = ? AND path = ? LIMIT 1", [FAILED, path]
        ).fetchall()
    if is_noted:
        with store.transaction(changes_catalog=False) as cursor:
            remove_failures(cursor, path=path)


def forget_failures(store: Store) -> int:
    """Take all notes of failed imports away. Returns how many there were. One transaction."""
    with store.transaction(changes_catalog=False) as cursor:
        return remove_failures(cursor)
