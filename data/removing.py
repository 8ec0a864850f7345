"""Rows out of the store: runs with everything that hangs on them, and notes of what failed."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from data.model_order import keep_model_order


def remove_runs(cursor: duckdb.DuckDBPyConnection, run_ids: Sequence[str]) -> int:
    """Delete runs with everything that hangs on them; an import none of whose runs is left goes
    too. Returns how many runs there were.

    An import that has other runs left is noted as "partly removed", so that importing its source
    again brings the missing ones back.
    """
    found = cursor.execute(
        "SELECT run_key, import_key FROM runs WHERE run_id IN (SELECT unnest(?::VARCHAR[]))",
        [list(run_ids)],
    ).fetchall()
    if not found:
        return 0
    run_keys = [run_key for run_key, _ in found]
    keep_model_order(cursor)
    for table in ("samples", "cells", "scores", "runs"):
        cursor.execute(
            f"DELETE FROM {table} WHERE run_key IN (SELECT unnest(?::INTEGER[]))", [run_keys]
        )
    import_keys = [import_key for _, import_key in found if import_key is not None]
    orphans = (
        "import_key IN (SELECT unnest(?::INTEGER[])) AND import_key NOT IN (SELECT import_key FROM"
        " runs WHERE import_key IS NOT NULL)"
    )
    for table in ("rejects", "imports"):
        cursor.execute(f"DELETE FROM {table} WHERE {orphans}", [import_keys])
    cursor.execute(
        "UPDATE imports SET status = 'partly removed' WHERE import_key IN (SELECT"
        " unnest(?::INTEGER[]))",
        [import_keys],
    )
    return len(run_keys)


def remove_failures(
    cursor: duckdb.DuckDBPyConnection, *, path: str | None = None, sha256: str | None = None
) -> int:
    """Delete the notes of failed imports of this path or this content, or all, with their rejects.
    Returns how many there were.
    """
    mine = "TRUE" if path is None else "(path = $path OR sha256 = $sha256)"
    values = (
        {} if path is None else {"path": path, "sha256": sha256 or path}
    )  # a path is no hash, so that none is meant
    found = cursor.execute(
        f"SELECT import_key FROM imports WHERE status = 'failed' AND {mine}", values
    ).fetchall()
    for table in ("rejects", "imports") if found else ():
        cursor.execute(
            f"DELETE FROM {table} WHERE import_key IN (SELECT unnest(?::INTEGER[]))",
            [[key for (key,) in found]],
        )
    return len(found)
