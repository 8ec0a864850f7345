"""Runs out of the store as records of Every Eval Ever (schema 0.3.0): for each run an aggregate
record, and its samples beside it.

Files stand where the schema wants them (`data/<benchmark>/<developer>/<model>/<uuid>.json`,
`<uuid>_samples.jsonl`), in a folder or in a zip archive. The uuid follows from the run's id, so
that writing a run again replaces its files. How our fields stand in the records:
`data/importers/every_eval_ever/own.py`.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any
from uuid import UUID

import msgspec
import pyarrow as pa

from data.importers.every_eval_ever.own import result_object, run_object, sample_object
from data.importers.kit.base import Batch, file_sha256
from data.interchange import Written, stored_batches
from data.records import (
    SAMPLE_COLUMNS,
    CharybdisError,
    Outcome,
    RunInfo,
    Score,
    Split,
    names_of_kind,
)
from data.store import Store

Cell = tuple[str, str | None, int | None, str | None]
"""Task, split, level, variant."""
_GRADED = (Outcome.CORRECT, Outcome.WRONG, Outcome.UNPARSED)
_JSON_TEXTS = names_of_kind(SAMPLE_COLUMNS, "json")


def write_every_eval_ever(out: str | Path, store: Store, run_ids: Sequence[str] = ()) -> Written:
    """Write these runs, or all, below the folder `out`, or into it when its name ends in `.zip`.
    Samples are written as they are read.

    Raises:
        StoreError: a named run is not stored.
        CharybdisError: nothing can be written there.
    """
    out = Path(out)
    try:
        if out.suffix == ".zip":
            return _write_archive(out, store, run_ids)
        return _write_folder(out, store, run_ids)
    except OSError as cause:
        raise CharybdisError(
            f"{out} cannot be written ({cause.strerror or cause}). Name a folder, or a .zip file,"
            " that you can write."
        ) from cause


def _write_archive(out: Path, store: Store, run_ids: Sequence[str]) -> Written:
    part = out.with_name(out.name + ".part")
    try:
        with TemporaryDirectory(prefix="charybdis-records-") as folder:
            written = _write_folder(Path(folder), store, run_ids)
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
                for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
                    archive.write(file, file.relative_to(folder))
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return written


def _write_folder(folder: Path, store: Store, run_ids: Sequence[str]) -> Written:
    with store.cursor() as cursor:
        added = dict(cursor.execute("SELECT run_id, added_at FROM runs").fetchall())
    n_runs = n_scores = n_samples = 0
    batches = stored_batches(store, run_ids)
    for run, rest in _by_run(batches):
        files = _RunFiles(folder, run, added[run.run_id].replace(tzinfo=UTC).timestamp())
        files.write(rest)
        n_runs, n_scores, n_samples = (
            n_runs + 1,
            n_scores + len(files.scores),
            n_samples + files.n_samples,
        )
    return Written(n_runs, n_scores, n_samples)


def _by_run(batches: Iterator[Batch]) -> Iterator[tuple[RunInfo, Iterator[Batch]]]:
    current: RunInfo | None = None

    def run_of(batch: Batch) -> RunInfo | None:
        nonlocal current
        current = batch if isinstance(batch, RunInfo) else current
        return current

    for run, group in groupby(batches, key=run_of):
        if run is not None:
            yield run, group


@dataclass(slots=True)
class _RunFiles:
    """The two files of one run."""

    folder: Path
    run: RunInfo
    retrieved_s: float
    scores: list[Score] = field(default_factory=list)
    counts: Counter[tuple[Cell, str]] = field(default_factory=Counter)
    n_samples: int = 0

    @property
    def place(self) -> str:
        """Path of both files from the folder on, without their endings."""
        developer, slash, model = self.run.model_raw.strip("/").rpartition("/")
        names = (self.run.benchmark or self.run.format, developer if slash else "unknown", model)
        return "/".join(
            ["data", *(_folder_name(name) for name in names), str(_uuid(self.run.run_id))]
        )

    @property
    def evaluation_id(self) -> str:
        """`eval_name/model_id/retrieved_timestamp`, the run in the name: runs of one model may have
        come in at the same second.
        """
        return (
            f"{self.run.benchmark or self.run.format}"
            f" {self.run.run_id}/{self.run.model_raw}/{self.retrieved_s:.0f}"
        )

    def write(self, batches: Iterator[Batch]) -> None:
        """Write the samples as they come, then the aggregate record, which states how many they are
        and their checksum.
        """
        record_file = self.folder / f"{self.place}.json"
        sample_file = self.folder / f"{self.place}_samples.jsonl"
        part = sample_file.with_name(sample_file.name + ".part")
        record_file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as stream:
                for batch in batches:
                    if isinstance(batch, pa.Table):
                        self._write_samples(batch, stream)
                    elif isinstance(batch, list):
                        self.scores.extend(score for score in batch if isinstance(score, Score))
            if self.n_samples:
                part.replace(sample_file)
        finally:
            part.unlink(missing_ok=True)
        record = self._record()
        if self.n_samples:
            record["detailed_evaluation_results"] = {
                "format": "jsonl",
                "file_path": f"{self.place}_samples.jsonl",
                "hash_algorithm": "sha256",
                "checksum": file_sha256(sample_file),
                "total_rows": self.n_samples,
            }
        record_file.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")

    def _write_samples(self, table: pa.Table, stream: IO[bytes]) -> None:
        encoder = msgspec.json.Encoder()
        for row in table.to_pylist():
            sample = {
                name: (
                    msgspec.json.decode(row[name])
                    if name in _JSON_TEXTS and row[name]
                    else row[name]
                )
                for name in row
            }
            cell = (row["task"], row["split"], row["level"], row["variant"])
            is_graded = row["outcome"] in _GRADED
            self.counts[cell, row["outcome"]] += 1
            result_id = _result_id("accuracy", cell) if is_graded else None
            record = sample_object(
                sample, self.run, evaluation_id=self.evaluation_id, result_id=result_id
            )
            stream.write(encoder.encode(record) + b"\n")
        self.n_samples += table.num_rows

    def _record(self) -> dict[str, Any]:
        stated = [score for score in self.scores if score.value is not None]
        results = [
            result_object(
                score,
                self.run,
                _result_id(
                    f"{number} {score.metric}",
                    (score.task or "all", score.split, score.level, score.variant),
                ),
            )
            for number, score in enumerate(stated, start=1)
        ]
        counted = [
            result_object(score, self.run, _result_id("accuracy", cell), is_counted=True)
            for cell, score in self._counted()
        ]
        without = [score for score in self.scores if score.value is None]
        record = run_object(
            self.run, without, evaluation_id=self.evaluation_id, retrieved_s=self.retrieved_s
        )
        return record | {"evaluation_results": [*results, *counted]}

    def _counted(self) -> Iterator[tuple[Cell, Score]]:
        """Accuracies of the samples, so that instance records have a result to belong to. No graded
        answer, no number.
        """
        for cell in dict.fromkeys(cell for cell, _ in self.counts):
            n = sum(self.counts[cell, outcome] for outcome in _GRADED)
            if n:
                task, split, level, variant = cell
                value = self.counts[cell, Outcome.CORRECT] / n
                yield (
                    cell,
                    Score(
                        run_id=self.run.run_id,
                        metric="accuracy",
                        value=value,
                        value01=value,
                        n=n,
                        task=task,
                        variant=variant,
                        split=Split(split) if split else None,
                        level=level,
                        higher_is_better=True,
                    ),
                )


def _result_id(name: str, cell: Cell) -> str:
    return "/".join([name, *("-" if part is None else str(part) for part in cell)])


def _folder_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "unknown"


def _uuid(run_id: str) -> UUID:
    """An id of the form that the schema wants (version 4), always the same one for a run."""
    return UUID(bytes=sha256(run_id.encode()).digest()[:16], version=4)
