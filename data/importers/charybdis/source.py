"""Our own format, JSONL and Parquet: what the probe and `data.interchange` write. Described in
docs/formats.md; nothing is lost on the way.

JSONL: one record a line, told apart by `kind` (run | score | sample), with the field names of
`data.records`. Parquet: the samples as columns of SAMPLE_SCHEMA, runs and scores as JSON in the
file's metadata under the key `charybdis`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.importers.kit.base import (
    SAMPLE_SCHEMA,
    Batch,
    Listing,
    ReportReject,
    Source,
    sample_table,
)
from data.importers.kit.record_blocks import read_blocks
from data.importers.kit.records import KINDS, BadRecordError, read_record
from data.records import (
    SAMPLE_COLUMNS,
    ImportFormatError,
    Outcome,
    Reject,
    RunInfo,
    Score,
    ScoredSample,
    Split,
    names_of_kind,
)

BATCH_ROWS = 10_000
PARQUET_KEY = b"charybdis"
_JSON_NAMES = names_of_kind(SAMPLE_COLUMNS, "json")
_HEAD = re.compile(rb'^[ \t]*\{\s*+"kind"\s*:\s*"(run|score|sample)"', re.MULTILINE)
"""Blanks before the brace, but no line ends: with them, a file of nothing but line ends would take
seconds.
"""


class CharybdisImporter:
    """Reads our own files; contract of `data.importers.kit.base.Importer`."""

    name = "charybdis"
    label = "Charybdis samples (JSONL or Parquet)"
    version = 1

    def claim(self, listing: Listing) -> list[Source]:
        """Text with a line that begins with a `kind` of ours, and Parquet files with our key in
        their metadata.
        """
        return [
            Source(self.name, file, (file,))
            for file in listing.files
            if _is_ours(file, listing.heads[file])
        ]

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """Runs, scores and samples in file order. A score or sample whose run was not described
        before it is left out.

        Raises:
            ImportFormatError: a Parquet file is damaged, or its metadata is not as described.
        """
        reader = _Reader(source.path.name, report)
        with source.path.open("rb") as stream:
            is_parquet = stream.read(4) == b"PAR1"
        yield from reader.parquet(source.path) if is_parquet else reader.lines(source.path)


def _is_ours(file: Path, start: bytes) -> bool:
    if not start.startswith(b"PAR1"):
        return _HEAD.search(start) is not None
    try:
        return PARQUET_KEY in (pq.read_metadata(file).metadata or {})
    except (OSError, pa.ArrowException):
        return False


class _Reader:
    """Reads one file; knows which runs were described so far."""

    def __init__(self, file: str, report: ReportReject) -> None:
        self._file, self._report = file, report
        self._runs: set[str] = set()

    # -- JSONL -------------------------------------------------------------------------------------

    def lines(self, path: Path) -> Iterator[Batch]:
        """Records of a JSONL file, those of one kind that follow each other together."""
        scores: list[Score] = []
        samples: list[ScoredSample] = []
        for block in read_blocks(path, self._report):
            for number, line in block.lines():
                record = self._record_of_line(line, number)
                if scores and (not isinstance(record, Score) or len(scores) >= BATCH_ROWS):
                    yield scores
                    scores = []
                if samples and (not isinstance(record, ScoredSample) or len(samples) >= BATCH_ROWS):
                    yield samples
                    samples = []
                if isinstance(record, RunInfo):
                    yield record
                elif isinstance(record, Score):
                    scores.append(record)
                elif isinstance(record, ScoredSample):
                    samples.append(record)
        if scores:
            yield scores
        if samples:
            yield samples

    def _record_of_line(self, line: bytes, number: int) -> RunInfo | Score | ScoredSample | None:
        try:
            fields = msgspec.json.decode(line)
        except (msgspec.DecodeError, ValueError, RecursionError) as cause:
            found = f"{line[:60].decode(errors='replace')} ({cause})"
            self._report(
                Reject(
                    self._file,
                    f"line {number}",
                    "json",
                    found,
                    "one JSON object, UTF-8; a number that is none is null",
                )
            )
            return None
        if not isinstance(fields, dict) or fields.get("kind") not in KINDS:
            found = repr(fields.get("kind") if isinstance(fields, dict) else fields)[:60]
            self._report(
                Reject(self._file, f"line {number}", "kind", found, "run, score or sample")
            )
            return None
        return self._record(fields.pop("kind"), fields, f"line {number}")

    def _record(
        self, kind: str, fields: dict[str, Any], place: str
    ) -> RunInfo | Score | ScoredSample | None:
        try:
            record = read_record(kind, fields)
            is_run = isinstance(record, RunInfo)
            if is_run == (record.run_id in self._runs):
                expected = (
                    "a run_id that was not used before it"
                    if is_run
                    else "the run_id of a run described before it"
                )
                raise BadRecordError("run_id", repr(record.run_id), expected)
        except BadRecordError as bad:
            self._report(Reject(self._file, place, bad.field, bad.found, bad.expected))
            return None
        if is_run:
            self._runs.add(record.run_id)
        return record

    # -- Parquet -----------------------------------------------------------------------------------

    def parquet(self, path: Path) -> Iterator[Batch]:
        """Runs and scores of the file's metadata, then its samples, one batch of rows at a time."""
        try:
            with pq.ParquetFile(path) as parquet:
                yield from self._described(parquet.metadata.metadata or {})
                first = 1
                for batch in parquet.iter_batches(BATCH_ROWS):
                    yield from self._samples(pa.Table.from_batches([batch]), first)
                    first += batch.num_rows
        except (OSError, pa.ArrowException) as cause:
            raise ImportFormatError(
                f"{path} is damaged ({cause}). Write it again; nothing of it was stored."
            ) from cause

    def _described(self, metadata: dict[bytes, bytes]) -> Iterator[Batch]:
        try:
            stated = msgspec.json.decode(metadata.get(PARQUET_KEY, b"{}"))
        except (msgspec.DecodeError, ValueError) as cause:
            raise ImportFormatError(
                f"{self._file}: the metadata under {PARQUET_KEY.decode()!r} is not JSON ({cause})."
            ) from cause
        lists = [
            stated.get(name, []) if isinstance(stated, dict) else None
            for name in ("runs", "scores")
        ]
        if not all(isinstance(found, list) for found in lists):
            raise ImportFormatError(
                f"{self._file}: the metadata under {PARQUET_KEY.decode()!r} is no object with lists"
                " of runs and scores (docs/formats.md)."
            )
        scores: list[Score] = []
        for kind, found in zip(("run", "score"), lists, strict=True):
            for index, fields in enumerate(found or []):
                record = self._record(kind, fields, f"metadata, {kind} {index}")
                if isinstance(record, RunInfo):
                    yield record
                elif isinstance(record, Score):
                    scores.append(record)
        if scores:
            yield scores

    def _samples(self, rows: pa.Table, first: int) -> Iterator[Batch]:
        table = _as_samples(rows)
        if table is not None and self._is_right(table):
            yield table
            return
        good = [
            self._record("sample", _fields_of_row(row), f"row {first + index}")
            for index, row in enumerate(rows.to_pylist())
        ]
        samples = [record for record in good if isinstance(record, ScoredSample)]
        if samples:
            yield samples

    def _is_right(self, table: pa.Table) -> bool:
        """Whether every row of the batch passes, so that none has to be looked at by itself."""
        required = all(
            table[column.name].null_count == 0 for column in SAMPLE_COLUMNS if column.is_required
        )
        known = set(table["run_id"].unique().to_pylist()) <= self._runs
        words = all(
            set(table[name].unique().to_pylist()) <= {None, *allowed}
            for kind, allowed in (("split", Split), ("outcome", Outcome))
            for name in names_of_kind(SAMPLE_COLUMNS, kind)
        )
        numbers = (column for column in table.columns if pa.types.is_floating(column.type))
        finite = all(pc.all(pc.is_finite(column), min_count=0).as_py() for column in numbers)
        epochs = table.num_rows == 0 or pc.min(table["epoch"]).as_py() >= 1
        objects = all(
            _is_object(text) for name in _JSON_NAMES for text in table[name].unique().to_pylist()
        )
        return bool(required and known and words and finite and epochs and objects)


def _as_samples(rows: pa.Table) -> pa.Table | None:
    """The rows in SAMPLE_SCHEMA; None where they do not fit it as they are."""
    if set(rows.column_names) - set(SAMPLE_SCHEMA.names):
        return None
    try:
        return sample_table({name: rows[name] for name in rows.column_names})
    except pa.ArrowException:
        return None


def _is_object(text: str | None) -> bool:
    try:
        return text is None or isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, ValueError):
        return False


def _fields_of_row(row: dict[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in row.items() if value is not None}
    for name in _JSON_NAMES:
        if isinstance(fields.get(name), str):
            try:
                fields[name] = msgspec.json.decode(fields[name])
            except (msgspec.DecodeError, ValueError):
                continue  # stays text, which the field does not take
    return fields


IMPORTER = CharybdisImporter()
