"""Rows into the store: records become table rows, names become keys, rollups follow. One Writer
lives inside one transaction.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.importers.kit.base import ARROW_TYPES, SAMPLE_SCHEMA, Batch, RunNotice
from data.model_order import keep_model_order
from data.name_keys import NameKeys
from data.records import (
    RUN_COLUMNS,
    SAMPLE_COLUMNS,
    SCORE_COLUMNS,
    Reject,
    RunInfo,
    SampleColumns,
    Score,
    ScoredSample,
    StoreError,
    field_names,
    names_of_kind,
)
from data.removing import remove_failures, remove_runs
from data.rollups import refresh_cells
from data.store import NEXT_VERSION, Store
from data.unfinished import IS_OPEN

_STORED_AS_IS = tuple(
    name for name in SAMPLE_SCHEMA.names if name not in ("run_id", "task", "variant")
)  # the others become run_key, task_key, variant_key


@contextmanager
def writing(store: Store) -> Iterator[Writer]:
    """A Writer in a transaction of its own: everything written through it is stored together, or
    nothing is.
    """
    with store.transaction(changes_catalog=False) as cursor:
        writer = Writer(cursor)
        yield writer
        writer.finish()


class Writer:
    """Turns records into rows. Not for use outside `writing`."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        self._names = NameKeys(cursor)
        self._columns: dict[str, list[str]] = {}
        self._runs: dict[str, int] = {}
        self._rows_of_run: dict[int, int] = {}
        self._new_runs: list[dict[str, Any]] = []
        self._had_samples: set[str] = set()
        self._primary_variant: dict[tuple[int, int], int] = {}
        self.n_runs = self.n_scores = self.n_samples = 0

    # -- records -----------------------------------------------------------------------------------

    def add(self, batch: Batch, *, import_key: int | None = None) -> None:
        """Store one batch of an importer, whichever it is."""
        if isinstance(batch, RunInfo):
            self.add_run(batch, import_key=import_key)
        elif isinstance(batch, RunNotice):
            self.add_warnings(batch.run_id, batch.warnings)
        elif isinstance(batch, pa.Table):
            self.add_sample_table(batch)
        elif batch and isinstance(batch[0], Score):
            self.add_scores([row for row in batch if isinstance(row, Score)])
        else:
            self.add_samples([row for row in batch if isinstance(row, ScoredSample)])

    def add_run(self, run: RunInfo, *, import_key: int | None = None) -> None:
        """Start a run. A run of the same id that is stored already is replaced as a whole.

        Raises:
            StoreError: this Writer was given a run of that id before.
        """
        if run.run_id in self._runs:
            raise StoreError(
                f"Run {run.run_id} ({run.model_raw}) came twice in one import. A run comes once,"
                " before its scores and samples."
            )
        run_key = self._names.next()
        self._new_runs.append(
            {
                **{column.name: getattr(run, column.name) for column in RUN_COLUMNS},
                **{name: _json(getattr(run, name)) for name in names_of_kind(RUN_COLUMNS, "json")},
                "warnings": json.dumps(list(run.warnings), ensure_ascii=False),
                "run_key": run_key,
                "import_key": import_key,
                "model_key": self._names.of_model(run.model_raw),
                "added_at": _now(),
                "version": self.store_version() + 1,
            }
        )
        self._runs[run.run_id] = run_key
        self._rows_of_run[run_key] = 0
        self.n_runs += 1

    def continue_run(self, run_id: str) -> None:
        """Go on writing samples to a run that is stored already (a probe that streams, or
        resumes).
        """
        # From the rollups: the samples themselves would be read anew for every batch of a probe.
        rows = self._cursor.execute(
            "SELECT r.run_key, c.task_key, coalesce(c.variant_key, -1), coalesce(c.is_primary,"
            " false), coalesce(c.n_correct + c.n_wrong + c.n_unparsed + c.n_error + c.n_ungraded,"
            " 0) FROM runs r LEFT JOIN cells c USING (run_key) WHERE r.run_id = ?",
            [run_id],
        ).fetchall()
        if not rows:
            raise StoreError(f"No run {run_id} is stored. Start it with add_run first.")
        run_key = rows[0][0]
        self._runs[run_id], self._rows_of_run[run_key] = run_key, sum(n for *_, n in rows)
        self._primary_variant |= {
            (run_key, task_key): variant_key
            for _, task_key, variant_key, is_primary, _ in rows
            if is_primary
        }

    def change_run(self, run_id: str, values: Mapping[str, Any]) -> None:
        """Set columns of a stored run (say, how it ended). Its samples stay.

        Raises:
            StoreError: no run of that id is stored.
        """
        assignments = ", ".join(f"{name} = ?" for name in values)
        changed = self._cursor.execute(
            f"UPDATE runs SET version = {NEXT_VERSION}, {assignments} WHERE run_id = ?",
            [*values.values(), run_id],
        ).fetchall()
        if changed != [(1,)]:
            raise StoreError(
                f"No run {run_id} is stored, so nothing about it can be changed. `export runs`"
                " lists what there is."
            )

    def add_warnings(self, run_id: str, warnings: Sequence[str]) -> None:
        """Add to the warnings of a run that this Writer added before."""
        run_key = self._run_key(run_id)
        self._flush_runs()
        ((known,),) = self._cursor.execute(
            "SELECT warnings FROM runs WHERE run_key = ?", [run_key]
        ).fetchall()
        every = dict.fromkeys([*json.loads(known or "[]"), *warnings])
        self.change_run(run_id, {"warnings": json.dumps(list(every), ensure_ascii=False)})

    def drop_errors(self, run_id: str) -> int:
        """Remove the samples of a stored run that are errors, so that they can be asked again; the
        others close up. Returns how many.
        """
        self.continue_run(run_id)
        run_key = self._runs[run_id]
        ((n_dropped,),) = self._cursor.execute(
            "DELETE FROM samples WHERE run_key = ? AND outcome = 'error'", [run_key]
        ).fetchall()
        if n_dropped:
            self._cursor.execute(
                "UPDATE samples SET row_in_run = place FROM (SELECT row_in_run AS old, row_number()"
                " OVER (ORDER BY row_in_run) - 1 AS place FROM samples WHERE run_key = $run) WHERE"
                " run_key = $run AND row_in_run = old",
                {"run": run_key},
            )
            self._rows_of_run[run_key] -= int(n_dropped)
        return int(n_dropped)

    def store_version(self) -> int:
        """The store's version before this Writer's transaction; it counts every transaction of
        every process.
        """
        ((version,),) = self._cursor.execute(
            "SELECT value::BIGINT FROM meta WHERE key = 'store_version'"
        ).fetchall()
        return int(version)

    def stored_instances(
        self, run_id: str, instance_ids: Sequence[str]
    ) -> set[tuple[str, str, str]]:
        """Task, split and instance id of those of these instances that the run has samples of."""
        return set(
            self._cursor.execute(
                "SELECT t.task, s.split::VARCHAR, s.instance_id FROM samples s JOIN tasks t USING"
                " (task_key) WHERE s.run_key = ? AND s.instance_id IN (SELECT"
                " unnest(?::VARCHAR[]))",
                [self._run_key(run_id), list(instance_ids)],
            ).fetchall()
        )

    def add_scores(self, scores: Sequence[Score]) -> None:
        """Store aggregate numbers of runs that were added before."""
        if not scores:
            return
        self._flush_runs()
        columns = {
            "run_key": pa.array([self._run_key(score.run_id) for score in scores], pa.int32()),
            "task_key": pa.array(
                [
                    None if score.task is None else self._names.of_task(score.task)
                    for score in scores
                ],
                pa.int32(),
            ),
        }
        for column in SCORE_COLUMNS:
            if column.name not in ("run_id", "task"):
                values = [getattr(score, column.name) for score in scores]
                if column.kind == "json":
                    values = [_json(value) for value in values]
                columns[column.name] = pa.array(values, ARROW_TYPES[column.kind])
        self._insert_arrow("scores", pa.table(columns))
        self.n_scores += len(scores)

    def add_samples(self, samples: Sequence[ScoredSample]) -> None:
        """Store single answers."""
        if samples:
            self.add_sample_table(table_of_samples(samples))

    def add_sample_columns(self, samples: SampleColumns) -> None:
        """Store single answers given by column."""
        self.add_sample_table(
            pa.table(
                {name: pa.array(samples[name], SAMPLE_SCHEMA.field(name).type) for name in samples}
            )
        )

    def add_sample_table(self, table: pa.Table) -> None:
        """Store single answers given as Arrow columns (`SAMPLE_SCHEMA`; missing columns are null),
        keeping their order.
        """
        if table.num_rows == 0:
            return
        self._flush_runs()
        run_keys, run_codes, run_ids = self._keys(table["run_id"], self._run_key)
        task_keys, task_codes, tasks = self._keys(table["task"], self._names.of_task)
        variants = (
            table["variant"]
            if "variant" in table.column_names
            else pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
        )
        variant_keys, _, _ = self._keys(variants, self._names.of_variant)
        filled = np.where(variants.is_null().to_numpy(), -1, variant_keys)
        columns = {
            "run_key": pa.array(run_keys),
            "row_in_run": pa.array(self._rows(run_keys, run_codes, len(run_ids))),
            "task_key": pa.array(task_keys),
            "variant_key": pa.array(variant_keys, mask=filled < 0),
            "is_primary": pa.array(
                self._is_primary(run_keys, task_keys, run_codes * len(tasks) + task_codes, filled)
            ),
        }
        for name in _STORED_AS_IS:
            if name in table.column_names:
                columns[name] = table[name]
        for column in SAMPLE_COLUMNS:
            if column.default is not None and column.name not in columns:
                default = pa.scalar(column.default, ARROW_TYPES[column.kind])
                columns[column.name] = pa.repeat(default, table.num_rows)
        self._insert_arrow("samples", pa.table(columns))
        self.n_samples += table.num_rows

    def add_rejects(self, rejects: Iterable[Reject], *, import_key: int) -> None:
        """Keep what could not come in, with its place."""
        rows = [asdict(reject) for reject in rejects]
        if rows:
            table = pa.table(
                {"import_key": [import_key] * len(rows)}
                | {name: [row[name] for row in rows] for name in field_names(Reject)}
            )
            self._insert_arrow("rejects", table)

    def add_import(self, values: Mapping[str, Any]) -> int:
        """Note one import; returns its key. `values` are columns of `imports`."""
        import_key = self._names.next()
        self._insert("imports", {"import_key": import_key, "imported_at": _now(), **values})
        return import_key

    def remove_parts(self, digests: Set[str], importer: str) -> None:
        """Take away earlier imports of some, but not all, of these files: what comes now has them
        in it, and counts them once.
        """
        rows = self._cursor.execute(
            "SELECT import_key, files FROM imports WHERE format = ? AND"
            " json_array_length(files) < ?",
            [importer, len(digests)],
        ).fetchall()
        parts = [
            key for key, files in rows if {file["sha256"] for file in json.loads(files)} < digests
        ]
        runs = self._cursor.execute(
            "SELECT run_id FROM runs WHERE import_key IN (SELECT unnest(?::INTEGER[]))", [parts]
        ).fetchall()
        remove_runs(self._cursor, [run_id for (run_id,) in runs])

    def remove_failures(self, *, path: str, sha256: str | None = None) -> None:
        """Take away notes that this path, or this content, failed before."""
        remove_failures(self._cursor, path=path, sha256=sha256)

    def remove_unfinished(self, paths: Set[str], importer: str) -> None:
        """Take away the runs that came in from an earlier state of these files and had no end
        yet.
        """
        rows = self._cursor.execute(
            "SELECT r.run_id, i.files FROM runs r JOIN imports i USING (import_key) WHERE i.format"
            f" = ? AND {IS_OPEN}",
            [importer],
        ).fetchall()
        stale = [
            run_id
            for run_id, files in rows
            if any(file["path"] in paths and "changed_at_s" in file for file in json.loads(files))
        ]
        remove_runs(self._cursor, stale)

    def close_import(self, import_key: int, values: Mapping[str, Any]) -> None:
        """Complete the note of an import, once everything is in."""
        assignments = ", ".join(f"{name} = ?" for name in values)
        self._cursor.execute(
            f"UPDATE imports SET {assignments} WHERE import_key = ?", [*values.values(), import_key]
        )

    def emptied_runs(self) -> list[str]:
        """Runs that were stored with samples and would be replaced by the same runs without any."""
        self._flush_runs()
        return sorted(
            run_id for run_id in self._had_samples if not self._rows_of_run[self._runs[run_id]]
        )

    def finish(self) -> None:
        """Write what is still held back and bring the rollups of every touched run up to date."""
        self._flush_runs()
        keep_model_order(self._cursor)
        refresh_cells(self._cursor, list(self._rows_of_run))
        self._cursor.execute(
            f"UPDATE runs SET version = {NEXT_VERSION} WHERE run_key IN (SELECT"
            f" unnest(?::INTEGER[])) AND version <> {NEXT_VERSION}",
            [list(self._rows_of_run)],
        )

    # -- keys --------------------------------------------------------------------------------------

    def _run_key(self, run_id: str) -> int:
        if run_id not in self._runs:
            raise StoreError(
                f"A score or sample names run {run_id}, which was not added before it. Importers"
                " yield the run first."
            )
        return self._runs[run_id]

    @staticmethod
    def _keys(column: pa.ChunkedArray, key_of: Any) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Integer keys and small codes for a column of names, and its distinct names. A null has
        code and key -1.
        """
        encoded = column.combine_chunks().dictionary_encode()
        names = encoded.dictionary.to_pylist()
        codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        keys = np.array([*(key_of(name) for name in names), -1], dtype=np.int32)
        return keys[codes], codes.astype(np.int64), names

    def _rows(self, run_keys: np.ndarray, run_codes: np.ndarray, n_runs: int) -> np.ndarray:
        """Position of each sample in its run, going on from what the run holds already."""
        rows = np.empty(len(run_keys), dtype=np.int32)
        for code in range(n_runs):
            mine = np.flatnonzero(run_codes == code)
            run_key = int(run_keys[mine[0]])
            first = self._rows_of_run[run_key]
            rows[mine] = np.arange(first, first + len(mine))
            self._rows_of_run[run_key] = first + len(mine)
        return rows

    def _is_primary(
        self,
        run_keys: np.ndarray,
        task_keys: np.ndarray,
        pairs: np.ndarray,
        variant_keys: np.ndarray,
    ) -> np.ndarray:
        """Whether each sample is read in the first variant that its run has for its task."""
        _, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
        primary = [
            self._primary_variant.setdefault(
                (int(run_keys[i]), int(task_keys[i])), int(variant_keys[i])
            )
            for i in first
        ]
        return np.asarray(np.array(primary)[inverse] == variant_keys)

    # -- rows --------------------------------------------------------------------------------------

    def _insert(self, table: str, values: Mapping[str, Any]) -> None:
        marks = ", ".join("?" * len(values))
        self._cursor.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values())
        )

    def _flush_runs(self) -> None:
        """Write the runs added since the last time, at once: row by row a table of a thousand runs
        takes ten seconds.
        """
        if self._new_runs:
            self._had_samples |= self._with_samples([run["run_id"] for run in self._new_runs])
            remove_runs(self._cursor, [run["run_id"] for run in self._new_runs])
            columns = {
                name: pa.array([run[name] for run in self._new_runs], _RUN_TYPES[name])
                for name in self._new_runs[0]
            }
            self._insert_arrow("runs", pa.table(columns))
            self._new_runs.clear()

    def _with_samples(self, run_ids: list[str]) -> set[str]:
        """Those of the runs that are stored with samples."""
        sql = (
            "SELECT run_id FROM runs WHERE run_id IN (SELECT unnest(?::VARCHAR[])) AND run_key IN"
            " (SELECT run_key FROM cells)"
        )
        return {run_id for (run_id,) in self._cursor.execute(sql, [run_ids]).fetchall()}

    def _insert_arrow(self, table: str, rows: pa.Table) -> None:
        """Append rows; columns they lack are null. Not by `register`: a name, once given up, still
        holds its rows until the commit.
        """
        if table not in self._columns:
            self._columns[table] = [
                name for name, *_ in self._cursor.execute(f"DESCRIBE {table}").fetchall()
            ]
        given = set(rows.column_names)
        projection = ", ".join(
            name if name in given else f"NULL AS {name}" for name in self._columns[table]
        )
        self._cursor.from_arrow(rows).project(projection).insert_into(table)


_SAMPLE_VALUES = attrgetter(*SAMPLE_SCHEMA.names)


def table_of_samples(samples: Sequence[ScoredSample]) -> pa.Table:
    """Samples as Arrow columns of SAMPLE_SCHEMA."""
    columns: dict[str, Any] = dict(
        zip(SAMPLE_SCHEMA.names, zip(*map(_SAMPLE_VALUES, samples), strict=True), strict=True)
    )
    for name in names_of_kind(SAMPLE_COLUMNS, "json"):
        columns[name] = [_json(value) for value in columns[name]]
    return pa.table(columns, schema=SAMPLE_SCHEMA)


_RUN_TYPES = {column.name: ARROW_TYPES[column.kind] for column in RUN_COLUMNS} | {
    "run_key": pa.int32(),
    "import_key": pa.int32(),
    "model_key": pa.int32(),
    "added_at": pa.timestamp("us"),
    "version": pa.int64(),
}


_encode = json.JSONEncoder(default=str, ensure_ascii=False, allow_nan=False).encode
"""`json.dumps` with these settings makes an encoder for every call."""


def _json(value: Mapping[str, Any]) -> str | None:
    """JSON text, or None for nothing. Values JSON has no word for are written as their text, NaN
    and infinities too.
    """
    if not value:
        return None
    try:
        return _encode(value)
    except ValueError:
        return json.dumps(_finite(value), default=str, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
