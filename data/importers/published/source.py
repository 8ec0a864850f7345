"""Figures typed from papers (`data/published/`): SCYLLA's Table 2 and Figure 5, one run per model
and figure.

Table 2 states the generalization score S and the critical level, Figure 5 the accuracy in and out
of distribution. They are aggregates over the tasks of a level, so a score has a level and no task.
The README beside the files tells how they were typed and where the paper contradicts itself.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from data.importers.kit.base import Batch, Listing, ReportReject, Source, stable_run_id
from data.records import SCYLLA_SCHEME, ImportFormatError, Reject, RunInfo, Score, Split

PAPER = "arXiv 2410.01769v2"
LABELS = ("O(N)", "O([N,N^2])", "O([N^2,N^3])", "O([N^3,N^4])", "O(2^N)")
N_TASKS = (3, 4, 3, 3, 4)
"""Tasks of each level (Table 1 of the paper)."""
N_PER_TASK = 256
_SCORE_COLUMNS = ("s_N", "s_N_N2", "s_N2_N3", "s_N3_N4", "s_2N")

_MODEL_NOTES = {
    "Qwen2.5-7B": (
        "Section 4.4 quotes 0.136 for level 4; Table 2 has 0.122 there and 0.136 at level 5."
    ),
}


@dataclass(frozen=True, slots=True)
class _Figure:
    """One of the known figures, told by the columns of its file."""

    name: str
    columns: tuple[str, ...]
    warning: str

    def source(self) -> str:
        return f"{PAPER}, {self.name}"


TABLE_2 = _Figure(
    "Table 2",
    ("model", "params_b", *_SCORE_COLUMNS, "critical_complexity", "critical_level"),
    "Table 2 states S only: the gap is known within bounds, and ID and OOD accuracy are not.",
)
FIGURE_5 = _Figure(
    "Figure 5",
    (
        "model",
        "params_b",
        "level",
        "complexity",
        "id_mean",
        "id_std",
        "ood_mean",
        "ood_std",
        "n_tasks",
        "n_samples_per_task",
    ),
    "Level means over tasks, two decimals; unreadable answers are left out of the denominator.",
)


class PublishedImporter:
    """Reads the typed figures; contract of `data.importers.kit.base.Importer`."""

    name = "published"
    label = "figures typed from papers"
    version = 1

    def claim(self, listing: Listing) -> list[Source]:
        """Files whose first row has all columns of a known figure."""
        return [
            Source(self.name, file, (file,))
            for file in listing.files
            if _figure_of(_first_row(listing.heads[file])) is not None
        ]

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """One run per model, then its scores. Rows with a wrong field are reported and left out."""
        try:
            rows = list(csv.DictReader(source.path.read_text(encoding="utf-8-sig").splitlines()))
        except UnicodeDecodeError as cause:
            raise ImportFormatError(
                f"{source.path} is not UTF-8 text (byte {cause.start}). Save it as UTF-8."
            ) from cause
        figure = _figure_of(tuple(rows[0]) if rows else ())
        if figure is None:
            raise ImportFormatError(
                f"{source.path} has no rows of a known figure. Columns of {TABLE_2.name}:"
                f" {', '.join(TABLE_2.columns)}; of {FIGURE_5.name}: {', '.join(FIGURE_5.columns)}."
            )
        read_row = _table_2_scores if figure is TABLE_2 else _figure_5_scores
        runs: dict[str, list[Score]] = {}
        sizes: dict[str, str] = {}
        for number, row in enumerate(rows, start=2):
            try:
                model = row["model"].strip() or _refuse("model", "", "a model's name")
                scores = read_row(stable_run_id(self.name, figure.source(), model), row, figure)
                _number(row, "params_b", may_be_empty=True)
            except _BadFieldError as bad:
                report(
                    Reject(source.path.name, f"row {number}", bad.field, bad.found, bad.expected)
                )
                continue
            runs.setdefault(model, []).extend(scores)
            sizes[model] = row["params_b"]
        for model, scores in runs.items():
            yield _run(model, figure, sizes[model], str(source.path))
            yield scores


def _first_row(head: bytes) -> tuple[str, ...]:
    line = head.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip()
    return tuple(line.split(","))


def _figure_of(columns: tuple[str, ...]) -> _Figure | None:
    return next(
        (figure for figure in (TABLE_2, FIGURE_5) if set(figure.columns) <= set(columns)), None
    )


def _run(model: str, figure: _Figure, params_b: str, path: str) -> RunInfo:
    return RunInfo(
        run_id=stable_run_id("published", figure.source(), model),
        model_raw=model,
        format="published",
        benchmark="scylla",
        n_params=round(float(params_b) * 1e9) if params_b else None,
        harness="scylla",
        level_scheme=SCYLLA_SCHEME,
        id_source="elicited",
        source_path=path,
        generation={"temperature": 0.0, "max_new_tokens": 2048},
        metadata={"source": figure.source(), "denominator": "authors"},
        warnings=(
            figure.warning,
            *((_MODEL_NOTES[model],) if figure is TABLE_2 and model in _MODEL_NOTES else ()),
        ),
    )


# -- rows ------------------------------------------------------------------------------------------


def _table_2_scores(run_id: str, row: Mapping[str, str], figure: _Figure) -> list[Score]:
    critical = _level(row, "critical_level", "critical_complexity")
    scores = [
        Score(
            run_id=run_id,
            metric="generalization_score",
            value=_number(row, column, low=-1.0, high=1.0),
            level=level,
            scale="raw",
            higher_is_better=True,
            metadata={
                "n_tasks": N_TASKS[level - 1],
                "n_per_task": N_PER_TASK,
                "source": figure.source(),
            },
        )
        for level, column in enumerate(_SCORE_COLUMNS, start=1)
    ]
    marked = Score(
        run_id=run_id,
        metric="critical_level",
        value=float(critical),
        scale="raw",
        metadata={"source": figure.source()},
    )
    return [*scores, marked]


def _figure_5_scores(run_id: str, row: Mapping[str, str], figure: _Figure) -> list[Score]:
    level = _level(row, "level", "complexity")
    n_tasks, n_per_task = (_count(row, name) for name in ("n_tasks", "n_samples_per_task"))
    return [
        Score(
            run_id=run_id,
            metric="accuracy",
            value=(mean := _number(row, f"{split}_mean", low=0.0, high=1.0)),
            value01=mean,
            split=split,
            level=level,
            n=n_tasks * n_per_task,
            n_kind="inferred",
            higher_is_better=True,
            metadata={
                "sd": _number(row, f"{split}_std", low=0.0, high=1.0),
                "n_tasks": n_tasks,
                "n_per_task": n_per_task,
                "source": figure.source(),
            },
        )
        for split in Split
    ]


class _BadFieldError(Exception):
    def __init__(self, field: str, found: str, expected: str) -> None:
        super().__init__(field)
        self.field, self.found, self.expected = field, found, expected


def _refuse(field: str, found: Any, expected: str) -> Any:
    raise _BadFieldError(field, repr(found), expected)


def _number(
    row: Mapping[str, str],
    field: str,
    *,
    low: float = 0.0,
    high: float = math.inf,
    may_be_empty: bool = False,
) -> float | None:
    text = row[field]
    if may_be_empty and text == "":
        return None
    try:
        number = float(text)
    except (TypeError, ValueError):
        number = math.nan
    return (
        number
        if low <= number <= high
        else _refuse(field, text, f"a number from {low:g} to {high:g}")
    )


def _count(row: Mapping[str, str], field: str) -> int:
    text = row[field]
    return (
        int(text)
        if text and text.isdecimal() and int(text)
        else _refuse(field, text, "a whole number above 0")
    )


def _level(row: Mapping[str, str], field: str, label_field: str) -> int:
    """The level's number; its label, typed beside it, must agree."""
    text = row[field]
    if text not in ("1", "2", "3", "4", "5"):
        _refuse(field, text, "a level from 1 to 5")
    if row[label_field] != LABELS[int(text) - 1]:
        _refuse(
            label_field, row[label_field], f"{LABELS[int(text) - 1]}, the label of level {text}"
        )
    return int(text)


IMPORTER = PublishedImporter()
