"""Results out of the store and into files of our own format (docs/formats.md), which import back
without loss.

`stored_batches` reads runs from a store as an importer would yield them; `write_jsonl` and
`write_parquet` write such batches, from the store, the probe or an importer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from data.importers.charybdis.source import PARQUET_KEY
from data.importers.kit.base import SAMPLE_SCHEMA, Batch, sample_table
from data.importers.kit.records import read_record, write_record
from data.records import (
    RUN_COLUMNS,
    SAMPLE_COLUMNS,
    SCORE_COLUMNS,
    CharybdisError,
    RunInfo,
    Score,
    ScoredSample,
    StoreError,
    names_of_kind,
)
from data.store import Store
from data.stored_columns import RUN_SQL, SAMPLE_SQL, SAMPLE_TABLES, SCORE_SQL, SCORE_TABLES
from data.writer import table_of_samples

FORMAT_VERSION = 1
BATCH_ROWS = 8192


@dataclass(frozen=True, slots=True)
class Written:
    """How much was written."""

    runs: int = 0
    scores: int = 0
    samples: int = 0


DICTIONARY_BYTES, PAGE_BYTES, ROWS_TOGETHER = 32 << 20, 8 << 20, 1 << 21
"""Of a file written with effort: prompts that many models answered stand in one dictionary, once.
"""


def write_jsonl(path: str | Path, batches: Iterable[Batch]) -> Written:
    """Write batches as one JSON object a line. The file appears when it is complete.

    Raises:
        CharybdisError: the file cannot be written.
    """
    encoder = msgspec.json.Encoder()
    counts = dict.fromkeys(("run", "score", "sample"), 0)
    with _whole_file(Path(path)) as stream:
        for batch in batches:
            for fields in _objects(batch):
                counts[fields["kind"]] += 1
                stream.write(encoder.encode(fields) + b"\n")
    return Written(counts["run"], counts["score"], counts["sample"])


def write_parquet(
    path: str | Path, batches: Iterable[Batch], *, effort: int | None = None
) -> Written:
    """Write the samples as Parquet columns; runs and scores go to the file's metadata, which is
    held in memory until the end.

    Args:
        effort: zstd level, 1 (fast) to 22 (small); None: the library's default.

    Raises:
        CharybdisError: the file cannot be written.
    """
    runs: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    n_samples = 0
    with _whole_file(Path(path)) as stream, _parquet(stream, effort) as writer:
        for batch in batches:
            samples = _samples_of(batch)
            if samples is not None:
                writer.write_table(samples, row_group_size=ROWS_TOGETHER if effort else None)
                n_samples += samples.num_rows
                continue
            for fields in _objects(batch):
                (runs if fields.pop("kind") == "run" else scores).append(fields)
        stated = {"version": FORMAT_VERSION, "runs": runs, "scores": scores}
        writer.add_key_value_metadata({PARQUET_KEY.decode(): msgspec.json.encode(stated).decode()})
    return Written(len(runs), len(scores), n_samples)


def stored_batches(store: Store, run_ids: Sequence[str] = ()) -> Iterator[Batch]:
    """Runs of a store with their scores and samples, as importers yield them; all runs when none is
    named. Names of models are those of the source, names of tasks the canonical ones.

    Raises:
        StoreError: a named run is not stored.
    """
    with store.cursor() as cursor:
        rows = (
            cursor.execute(f"SELECT run_key, {_listed(RUN_SQL)} FROM runs r ORDER BY run_key")
            .to_arrow_table()
            .to_pylist()
        )
    found = {row["run_id"] for row in rows}
    if missing := [run_id for run_id in run_ids if run_id not in found]:
        raise StoreError(
            f"No run {', '.join(missing)} is stored. `store info` and the runs page list those that"
            " are."
        )
    for row in rows:
        if not run_ids or row["run_id"] in run_ids:
            run_key = row.pop("run_key")
            yield _record("run", row)
            yield from _stored_scores(store, run_key)
            yield from _stored_samples(store, run_key)


# -- from the store --------------------------------------------------------------------------------

_JSON_NAMES = frozenset(names_of_kind((*RUN_COLUMNS, *SCORE_COLUMNS, *SAMPLE_COLUMNS), "json"))


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(columns.values())


def _stored_scores(store: Store, run_key: int) -> Iterator[Batch]:
    sql = f"SELECT {_listed(SCORE_SQL)} FROM {SCORE_TABLES} WHERE c.run_key = ? ORDER BY c.rowid"
    for table in _tables(store, sql, run_key):
        yield [
            record
            for row in table.to_pylist()
            if isinstance(record := _record("score", row), Score)
        ]


def _stored_samples(store: Store, run_key: int) -> Iterator[Batch]:
    sql = (
        f"SELECT {_listed(SAMPLE_SQL)} FROM {SAMPLE_TABLES} WHERE s.run_key = ? ORDER BY"
        " s.row_in_run"
    )
    for table in _tables(store, sql, run_key):
        yield _in_schema(table)


def _tables(store: Store, sql: str, run_key: int) -> Iterator[pa.Table]:
    with store.cursor() as cursor:
        for batch in cursor.execute(sql, [run_key]).to_arrow_reader(BATCH_ROWS):
            if batch.num_rows:
                yield pa.Table.from_batches([batch])


def _record(kind: str, row: dict[str, Any]) -> RunInfo | Score | ScoredSample:
    stated = {
        name: json.loads(value) if name in _JSON_NAMES and isinstance(value, str) else value
        for name, value in row.items()
    }
    return read_record(
        kind,
        {name: value for name, value in stated.items() if value is not None or name == "value"},
    )


# -- to a file -------------------------------------------------------------------------------------


@contextmanager
def _whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name when it is complete, and is gone when it is not."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(path)
    except OSError as cause:
        raise CharybdisError(
            f"{path} cannot be written ({cause.strerror or cause}). Name a file in a folder you can"
            " write to."
        ) from cause
    finally:
        part.unlink(missing_ok=True)


def _parquet(stream: IO[bytes], effort: int | None) -> pq.ParquetWriter:
    small: dict[str, int] = (
        {"dictionary_pagesize_limit": DICTIONARY_BYTES, "data_page_size": PAGE_BYTES}
        if effort
        else {}
    )
    return pq.ParquetWriter(
        stream, SAMPLE_SCHEMA, compression="zstd", compression_level=effort, **small
    )


def _objects(batch: Batch) -> Iterator[dict[str, Any]]:
    if isinstance(batch, pa.Table):
        for row in _in_schema(batch).to_pylist():
            stated = {
                name: json.loads(value) if name in _JSON_NAMES else value
                for name, value in row.items()
                if value is not None
            }
            yield {"kind": "sample"} | stated
    else:
        yield from map(write_record, batch if isinstance(batch, list) else [batch])


def _samples_of(batch: Batch) -> pa.Table | None:
    """The samples of a batch as a table; None for a batch of something else."""
    if isinstance(batch, pa.Table):
        return _in_schema(batch)
    samples = batch if isinstance(batch, list) else []
    rows = [sample for sample in samples if isinstance(sample, ScoredSample)]
    return table_of_samples(rows) if rows else None


def _in_schema(table: pa.Table) -> pa.Table:
    """The table with all columns of SAMPLE_SCHEMA, in its order."""
    return sample_table({name: table[name] for name in table.column_names})
