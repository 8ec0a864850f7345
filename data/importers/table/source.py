"""Plain tables: CSV, TSV and Parquet files with one number, one model or one answer a row.

A table says little about itself, so it is read twice: once for what only all rows together tell
(the scale of each column, repeated rows), once for its records. Values are kept as they stand; a
scale is a decision per column, written into every score and, where the numbers alone cannot tell,
into the run's warnings. `Source.options["mapping"]` corrects the guess (see
`table_mapping.corrected`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from data.catalog import read_catalog
from data.importers.kit.base import Batch, Listing, ReportReject, Source
from data.importers.table.headers import RAW_TWIN
from data.importers.table.mapping import (
    TableMapping,
    corrected,
    guess_mapping,
    mapping_from_options,
    scale_of,
)
from data.importers.table.reading import (
    PARQUET_MAGIC,
    TableHead,
    head_of_text,
    iter_chunks,
    numbers_of,
    read_head,
    texts_of,
)
from data.importers.table.rows import Facts, TableRows
from data.records import ImportFormatError, Reject

MAX_LABELS = 1000
N_NAMED = 8
_TABLE_SUFFIXES = (".csv", ".tsv", ".tab")


class TableImporter:
    """Reads plain tables; contract of `data.importers.kit.base.Importer`. Asked last, because most
    tables have some likeness to results.
    """

    name = "table"
    label = "CSV, TSV or Parquet table"
    version = 2

    def claim(self, listing: Listing) -> list[Source]:
        """Parquet files without nested results, files named as tables, and other text whose header
        row names a model and numbers.
        """
        return [
            Source(self.name, file, (file,))
            for file in listing.files
            if _is_table(file, listing.heads[file])
        ]

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """The table's runs, each before its first row's scores or samples.

        Raises:
            ImportFormatError: it is no table, has no columns for what is needed, or the given
                mapping does not fit.
        """
        head = read_head(source.path)
        mapping = choose_mapping(head, source.options)
        facts = _gather(
            source.path, head, mapping, mapping_from_options(source.options).get("scales", {})
        )
        rows = TableRows(source.path, source.sha256(), mapping, facts, report)
        for chunk in iter_chunks(source.path, head, report):
            yield from rows.read(chunk)


def choose_mapping(head: TableHead, options: Mapping[str, object]) -> TableMapping:
    """The guessed mapping with the corrections in `options["mapping"]`.

    Raises:
        ImportFormatError: nothing could be guessed and nothing is given, or what is given does not
            fit.
    """
    changes = mapping_from_options(options)
    return (
        corrected(guess_mapping(head, checked=False), changes, head)
        if changes
        else guess_mapping(head)
    )


def _is_table(file: Path, start: bytes) -> bool:
    if start.startswith(PARQUET_MAGIC):
        try:
            return not {"doc", "metric", "model_response"} <= set(read_head(file).nested)
        except ImportFormatError:
            return True  # a damaged Parquet file; reading it says so
    if (
        not start.strip()
        or start.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"[")
        or (b"\x00" in start[:1000] and start[:1] not in b"\xff\xfe")
    ):
        return False
    try:
        head = head_of_text(start)
    except ValueError:
        return False
    if len(head.columns) < 2:
        return False
    if file.suffix.lower() in _TABLE_SUFFIXES:
        return True
    try:
        return bool(guess_mapping(head).column("model")) and len(head.rows) > 0
    except ImportFormatError:
        return False


# -- what all rows together tell -------------------------------------------------------------------


class _Ranges:
    """Smallest and largest number of each column or metric."""

    def __init__(self) -> None:
        self.low: dict[str, float] = {}
        self.high: dict[str, float] = {}
        self.percent: set[str] = set()

    def add(self, name: str, values: np.ndarray, *, is_percent: bool) -> None:
        known = values[~np.isnan(values)]
        self.low.setdefault(name, np.inf)
        self.high.setdefault(name, -np.inf)
        if known.size:
            self.low[name] = min(self.low[name], float(known.min()))
            self.high[name] = max(self.high[name], float(known.max()))
        if is_percent:
            self.percent.add(name)


def _gather(path: Path, head: TableHead, mapping: TableMapping, chosen: Mapping[str, str]) -> Facts:
    """First pass over all rows."""
    ranges = _Ranges()
    labels: set[str] = set()
    is_verdict, has_level = True, False
    hashes, lines = [], []
    content = [column for column in head.columns if mapping.roles.get(column) != "index"]
    for chunk in iter_chunks(path, head, _ignore):
        hashes.append(pd.util.hash_pandas_object(chunk[content], index=False).to_numpy())
        lines.append(chunk.index.to_numpy())
        _add_ranges(ranges, chunk, mapping)
        if (label := mapping.column("level_label")) and len(labels) < MAX_LABELS:
            labels |= {
                word.replace(" ", "")
                for word in set(texts_of(chunk[label], missing=mapping.missing))
                if word
            }
        if level := mapping.column("level"):
            has_level = has_level or bool(pd.notna(chunk[level]).any())
        if score := mapping.column("score"):
            values = numbers_of(
                chunk[score], decimal_comma=mapping.decimal_comma, missing=mapping.missing
            ).values
            is_verdict = is_verdict and bool(np.isin(values[~np.isnan(values)], (0.0, 1.0)).all())
    scales, warnings = _scales(ranges, chosen)
    scheme, levels = _levels(labels, mapping, path.stem if has_level else None)
    if labels and not levels and not mapping.column("level"):
        warnings.append(
            f"The labels in column {mapping.column('level_label')!r} belong to no level scheme of"
            " the catalog; no level was set."
        )
    repeats = _repeats(hashes, lines)
    return Facts(
        scales,
        scheme,
        levels,
        is_verdict and bool(mapping.column("score")),
        repeats,
        tuple(warnings),
    )


def _ignore(_: Reject) -> None:
    """Rows that are none are reported by the second pass."""


def _add_ranges(ranges: _Ranges, chunk: pd.DataFrame, mapping: TableMapping) -> None:
    for column in mapping.columns("benchmark_value"):
        read = numbers_of(
            chunk[column], decimal_comma=mapping.decimal_comma, missing=mapping.missing
        )
        ranges.add(column, read.values, is_percent=read.is_percent)
    value = mapping.column("value")
    if mapping.shape != "long" or value is None or mapping.column("scale"):
        return
    metric = mapping.column("metric")
    read = numbers_of(chunk[value], decimal_comma=mapping.decimal_comma, missing=mapping.missing)
    if metric is None:
        ranges.add(mapping.constants.get("metric", value), read.values, is_percent=read.is_percent)
        return
    codes, names = pd.factorize(
        pd.Series(
            [word or value for word in texts_of(chunk[metric], missing=mapping.missing)],
            dtype=object,
        )
    )
    for code, name in enumerate(names):
        ranges.add(str(name), read.values[codes == code], is_percent=read.is_percent)


def _scales(ranges: _Ranges, chosen: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    scales: dict[str, str] = {}
    questions = []
    for name in ranges.low:
        if f"{name}{RAW_TWIN}" in ranges.low and name not in chosen:
            scales[name] = "raw"
            continue
        scales[name], question = scale_of(
            name, ranges.low[name], ranges.high[name], is_percent=name in ranges.percent
        )
        if name in chosen:
            scales[name] = chosen[name]
        elif question:
            questions.append(question)
    more = (
        [
            f"The scale of {len(questions) - N_NAMED} more columns is a guess as well; the mapping"
            " lists them."
        ]
        if len(questions) > N_NAMED
        else []
    )
    normalised = [
        name for name in ranges.low if f"{name}{RAW_TWIN}" in ranges.low and name not in chosen
    ]
    if normalised:
        named = ", ".join(map(repr, normalised[:N_NAMED]))
        more.append(
            f"{named} and the like have a twin named{RAW_TWIN}: they are normalised so that chance"
            " is 0, so they are no shares."
        )
    return scales, [*questions[:N_NAMED], *more]


def _levels(
    labels: set[str], mapping: TableMapping, own: str | None
) -> tuple[str | None, dict[str, int]]:
    """Scheme that has all these labels, with their levels. Levels given as numbers belong to the
    scheme named in the mapping, or to one of the table's own.
    """
    named = mapping.constants.get("level_scheme")
    if mapping.column("level") is not None:
        return named or own, {}
    if not labels:
        return None, {}
    levels = read_catalog().levels
    for scheme, rows in levels.groupby("scheme"):
        known = {
            str(label).replace(" ", ""): int(level)
            for label, level in zip(rows["label"], rows["level"], strict=True)
        }
        if labels <= set(known) and named in (None, scheme):
            return str(scheme), known
    return None, {}


def _repeats(hashes: list[np.ndarray], lines: list[np.ndarray]) -> dict[int, int]:
    """Lines whose whole row stood in the table before, with the line of its first."""
    if not sum(map(len, hashes)):
        return {}
    every, where = np.concatenate(hashes), np.concatenate(lines)
    order = np.argsort(every, kind="stable")
    is_new = np.concatenate(([True], every[order][1:] != every[order][:-1]))
    first = where[order][np.maximum.accumulate(np.where(is_new, np.arange(len(order)), 0))]
    return dict(zip(where[order][~is_new].tolist(), first[~is_new].tolist(), strict=True))


IMPORTER = TableImporter()
