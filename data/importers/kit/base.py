"""What an importer is. Each format has a folder next to this one and one row in
`data.importers.IMPORTERS`.

An importer claims sources among the files it is shown and reads one source into records, in order
and as a stream. It stores nothing: `data/importing.py` walks folders, asks the importers, and
writes each source in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from os.path import relpath
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pyarrow as pa

from data.records import SAMPLE_COLUMNS, Reject, RunInfo, Score, ScoredSample

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "bool": pa.bool_(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "time": pa.timestamp("us"),
    "split": pa.string(),
    "outcome": pa.string(),
    "json": pa.string(),
    "float32 list": pa.list_(pa.float32()),
}
"""Arrow type of each kind of column; `json` is JSON text."""
SAMPLE_SCHEMA = pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in SAMPLE_COLUMNS])
"""ScoredSample as Arrow columns, in field order; `metrics` and `metadata` are JSON text. Importers
of large files yield tables of this schema (a missing column counts as all null); the others yield
lists of ScoredSample.
"""


@dataclass(frozen=True, slots=True)
class RunNotice:
    """What came to light about a run while its samples were read (say, that they contradict a
    stated number): further warnings of it.
    """

    run_id: str
    warnings: tuple[str, ...]


Batch: TypeAlias = RunInfo | RunNotice | list[Score] | list[ScoredSample] | pa.Table
"""A run comes before its scores, samples and notices; samples come in the order in which the source
lists them.
"""

ReportReject = Callable[[Reject], None]


@dataclass(frozen=True, slots=True)
class Source:
    """One thing that is imported as a whole: a file, or the files that make up one result."""

    importer: str
    path: Path
    """The file or folder a person would name; what `import --json` prints."""
    files: tuple[Path, ...]
    """Every file that is read, `path` first when it is a file."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Choices of the person importing (say, a column mapping)."""

    def sha256(self) -> str:
        """Identity of the content: of the bytes of the one file, or of the sorted list of (name
        within the source, sha256) of several.
        """
        return self.identity_of({file: file_sha256(file) for file in self.files})

    def identity_of(self, digests: Mapping[Path, str]) -> str:
        """`sha256` from the digests of the files, where these are known already."""
        if len(self.files) == 1:
            return digests[self.files[0]]
        base = self.path if self.path.is_dir() else self.path.parent
        listing = "\n".join(
            sorted(f"{Path(relpath(file, base)).as_posix()} {digests[file]}" for file in self.files)
        )
        return sha256(listing.encode()).hexdigest()


def file_sha256(file: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    with file.open("rb") as stream:
        digest = sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Listing:
    """The files under consideration, each with its first bytes, so that formats are told by content
    and no file is opened twice.
    """

    files: tuple[Path, ...]
    heads: Mapping[Path, bytes]
    """First 64 KiB of each file."""


class Importer(Protocol):
    """One file format (or folder layout) of one harness."""

    name: str
    """Short name: file name, `--format` word, `runs.format`."""
    label: str
    """For people."""
    version: int
    """Raised whenever the same file would give other rows."""

    def claim(self, listing: Listing) -> list[Source]:
        """Sources of this format among the files, told by content, never by extension alone. Must
        not raise on foreign files.
        """
        ...

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """Stream one source. Bad records are reported and left out; a source that cannot be read
        raises ImportFormatError.
        """
        ...


def stable_run_id(*parts: object) -> str:
    """Run id from what identifies the run's content (file hash, model, configuration): `r` and 15
    hex digits.
    """
    return "r" + sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:15]


def sample_table(columns: Mapping[str, Sequence[Any] | pa.ChunkedArray | None]) -> pa.Table:
    """Arrow table of SAMPLE_SCHEMA from some of its columns; the others have their default (epoch:
    1; else null).

    Raises:
        pa.ArrowException: a value does not fit its column.
    """
    given = {name: values for name, values in columns.items() if values is not None}
    n_rows = len(next(iter(given.values()))) if given else 0
    arrays = []
    for column in SAMPLE_COLUMNS:
        values, arrow_type = given.get(column.name), ARROW_TYPES[column.kind]
        if values is None:
            arrays.append(pa.repeat(pa.scalar(column.default, arrow_type), n_rows))
        elif isinstance(values, pa.Array | pa.ChunkedArray):
            arrays.append(values.cast(arrow_type))
        else:
            arrays.append(pa.array(values, arrow_type))
    return pa.Table.from_arrays(arrays, schema=SAMPLE_SCHEMA)
