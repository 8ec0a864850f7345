"""Does the store agree with itself? Each check counts what contradicts it; a sound store has
nothing of the kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from data.migrations import SCHEMA_VERSION
from data.rollups import COUNT_CELLS
from data.store import Store


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check. `detail` says how much was looked at, or how much is wrong and what to
    do.
    """

    name: str
    passed: bool
    detail: str


_REFERENCES = (
    ("runs", "model_key", "models", "model_key"),
    ("runs", "import_key", "imports", "import_key"),
    ("rejects", "import_key", "imports", "import_key"),
    ("scores", "run_key", "runs", "run_key"),
    ("scores", "task_key", "tasks", "task_key"),
    ("samples", "run_key", "runs", "run_key"),
    ("samples", "task_key", "tasks", "task_key"),
    ("samples", "variant_key", "variants", "variant_key"),
    ("model_aliases", "model", "models", "model"),
    ("task_aliases", "task", "tasks", "task"),
    ("task_levels", "scheme", "level_schemes", "scheme"),
)
"""Which column names a row of which table. An empty one names none."""

_UNIQUE = (("runs", "run_key"), ("runs", "run_id"), ("imports", "import_key"))
"""Keys without a constraint (see schema.sql)."""


def check_store(store: Store) -> tuple[Finding, ...]:
    """Read everything once and hold it against itself."""
    return (
        _check_versions(store),
        _check_blocks(store),
        *(_check_reference(store, *reference) for reference in _REFERENCES),
        *(_check_unique(store, *unique) for unique in _UNIQUE),
        _check_addresses(store),
        _check_rollups(store),
    )


def _check_versions(store: Store) -> Finding:
    meta = {key: value for key, value in _rows(store, "SELECT key, value FROM meta")}
    schema, version = meta.get("schema_version", ""), meta.get("store_version", "")
    passed = schema == str(SCHEMA_VERSION) and version.isdecimal()
    return Finding(
        "versions", passed, f"schema {schema or 'missing'}, store {version or 'missing'}"
    )


def _check_blocks(store: Store) -> Finding:
    """Every value of every table is read, so that DuckDB compares the checksum of every block."""
    tables = [
        name
        for (name,) in _rows(store, "SELECT table_name FROM duckdb_tables() ORDER BY table_name")
    ]
    n_rows = sum(_rows(store, f"SELECT count(hash(t)) FROM {table} t")[0][0] for table in tables)
    return Finding(
        "file",
        True,
        f"{n_rows:,} rows in {len(tables)} tables read, {store.file.stat().st_size:,} bytes",
    )


def _check_reference(
    store: Store, table: str, column: str, target: str, target_column: str
) -> Finding:
    ((n_lost,),) = _rows(
        store,
        f"SELECT coalesce(sum(n), 0)::BIGINT FROM (SELECT {column} AS k, count(*) AS n FROM {table}"
        f" WHERE {column} IS NOT NULL GROUP BY k) WHERE k NOT IN (SELECT {target_column} FROM"
        f" {target})",
    )
    detail = (
        f"{n_lost:,} rows name a row of {target} that is not there; import their sources again"
        if n_lost
        else "all resolve"
    )
    return Finding(f"{table}.{column} -> {target}", not n_lost, detail)


def _check_unique(store: Store, table: str, column: str) -> Finding:
    ((n_double,),) = _rows(
        store,
        f"SELECT count(*) FROM (SELECT {column} FROM {table} GROUP BY {column} HAVING count(*)"
        " > 1)",
    )
    return Finding(
        f"{table}.{column} is unique",
        not n_double,
        f"{n_double:,} stand twice" if n_double else "no double",
    )


def _check_addresses(store: Store) -> Finding:
    ((n_runs, n_broken),) = _rows(
        store,
        "SELECT count(*), count(*) FILTER (n <> last + 1 OR n <> n_distinct) FROM (SELECT count(*)"
        " AS n, max(row_in_run) AS last, count(DISTINCT row_in_run) AS n_distinct FROM samples"
        " GROUP BY run_key)",
    )
    detail = (
        f"in {n_broken:,} of {n_runs:,} runs rows are missing or double; import them again"
        if n_broken
        else f"{n_runs:,} runs"
    )
    return Finding("sample addresses run from 0 without a hole", not n_broken, detail)


def _check_rollups(store: Store) -> Finding:
    """Recount, run by run, so that memory stays small."""
    run_keys = [
        key
        for (key,) in _rows(
            store, "SELECT run_key FROM samples UNION SELECT run_key FROM cells ORDER BY run_key"
        )
    ]
    exact = "* EXCLUDE (score_sum), round(score_sum, 3)"
    n_wrong = n_cells = 0
    for run_key in run_keys:
        stored = f"SELECT {exact} FROM cells WHERE run_key = {int(run_key)}"
        counted = f"SELECT {exact} FROM ({COUNT_CELLS.replace('?', f'[{int(run_key)}]')})"
        ((n, n_different),) = _rows(
            store,
            f"SELECT (SELECT count(*) FROM ({stored})), (SELECT count(*) FROM "
            f"(({stored} EXCEPT {counted}) UNION ALL ({counted} EXCEPT {stored})))",
        )
        n_cells += n
        n_wrong += n_different
    detail = (
        f"{n_wrong:,} cells differ from their samples; remove and import those runs again"
        if n_wrong
        else f"{n_cells:,} cells recounted"
    )
    return Finding("rollups equal recounted samples", not n_wrong, detail)


def _rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.cursor() as cursor:
        rows: list[tuple[Any, ...]] = cursor.execute(sql).fetchall()
    return rows
