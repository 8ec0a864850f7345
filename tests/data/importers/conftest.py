"""What every importer's tests need: claim and read files the way `data.importing` does, with
everything it yields sorted by kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data.importers.kit.base import Importer, Listing, RunNotice, Source
from data.records import Reject, RunInfo, Score, ScoredSample


@dataclass
class Read:
    """Everything that reading some sources gave."""

    sources: list[Source] = field(default_factory=list)
    runs: list[RunInfo] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    samples: list[Any] = field(default_factory=list)
    """ScoredSample, or a dictionary for a row of a table."""
    rejects: list[Reject] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    """Warnings that came after the run."""

    def run_of(self, model: str) -> RunInfo:
        (found,) = [run for run in self.runs if run.model_raw == model]
        return found


ReadFiles = Callable[..., Read]


@pytest.fixture
def read_files() -> ReadFiles:
    """Claim files (or all files of folders) with one importer and read what it claims."""

    def read(importer: Importer, *paths: Path, options: Mapping[str, Any] | None = None) -> Read:
        files = [
            file
            for path in paths
            for file in (sorted(path.rglob("*")) if path.is_dir() else [path])
            if file.is_file()
        ]
        found = Read(
            importer.claim(
                Listing(tuple(files), {file: file.read_bytes()[: 64 * 1024] for file in files})
            )
        )
        for source in found.sources:
            chosen = Source(source.importer, source.path, source.files, options or {})
            for batch in importer.read(chosen, found.rejects.append):
                if isinstance(batch, RunInfo):
                    found.runs.append(batch)
                elif isinstance(batch, RunNotice):
                    found.notices.extend(batch.warnings)
                elif isinstance(batch, pa.Table):
                    found.samples.extend(batch.to_pylist())
                else:
                    found.scores.extend(row for row in batch if isinstance(row, Score))
                    found.samples.extend(row for row in batch if isinstance(row, ScoredSample))
        return found

    return read
