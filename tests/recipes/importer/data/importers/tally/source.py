"""Tally files: one JSON object is one run of one model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from data.importers.kit.base import Batch, Listing, ReportReject, Source, stable_run_id
from data.importers.kit.field_map import (
    BOOLEAN,
    LIST,
    NAME,
    WORDS,
    BadFieldError,
    Mapped,
    Reader,
    mapped,
    read_fields,
)
from data.importers.kit.json_parts import load_object
from data.records import ImportFormatError, Outcome, RunInfo, ScoredSample, Split

BATCH_ROWS = 1000
_HEAD = re.compile(rb'^\s*+\{\s*+"tally"\s*+:')
_EXPECTED = "a tally: one JSON object with `tally`, `model` and `answers`"

RUN: tuple[Mapped, ...] = (
    mapped("model_raw", "model", NAME, is_required=True),
    mapped("format_version", "tally", NAME),
)
_ANSWERS = mapped("answers", "answers", LIST, is_required=True)
ANSWER: tuple[Mapped, ...] = (
    mapped("task", "task", NAME, is_required=True),
    mapped("instance_id", "id", NAME, is_required=True),
    mapped("split", "split", Reader(Split, "id or ood")),
    mapped("right", "right", BOOLEAN, is_required=True),
    mapped("response", "reply", WORDS),
)


class TallyImporter:
    """Reads tally files; contract of `data.importers.kit.base.Importer`."""

    name = "tally"
    label = "Tally"
    version = 1

    def claim(self, listing: Listing) -> list[Source]:
        """Files that begin as an object whose first key is `tally`."""
        return [
            Source(self.name, file, (file,))
            for file in listing.files
            if _HEAD.match(listing.heads[file])
        ]

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """The run, then its answers in the order of the file.

        Raises:
            ImportFormatError: the file is cut off, or names no model or no answers.
        """
        content = load_object(source.path, expected=_EXPECTED)
        run_id = stable_run_id(self.name, source.sha256())
        try:
            run, answers = read_fields(content, RUN), read_fields(content, (_ANSWERS,))["answers"]
        except BadFieldError as cause:
            raise ImportFormatError(f"{source.path}: {cause}.") from cause
        yield RunInfo(run_id=run_id, format=self.name, source_path=str(source.path), **run)
        samples: list[ScoredSample] = []
        for number, answer in enumerate(answers, start=1):
            try:
                samples.append(_sample(run_id, answer))
            except BadFieldError as cause:
                report(cause.at(source.path.name, f"answer {number}"))
            if len(samples) == BATCH_ROWS:
                yield samples
                samples = []
        yield samples


def _sample(run_id: str, answer: Any) -> ScoredSample:
    fields = read_fields(answer, ANSWER)
    is_right = fields.pop("right")
    return ScoredSample(
        run_id=run_id, outcome=Outcome.CORRECT if is_right else Outcome.WRONG, **fields
    )


IMPORTER = TallyImporter()
