"""CSV, TSV and Parquet tables as a head to guess from and as chunks of rows; and cells as
numbers.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.importers.kit.base import ReportReject
from data.records import ImportFormatError, Reject

CHUNK_ROWS = 20_000
CHUNK_BYTES = 32 << 20
HEAD_ROWS = 500
MAX_COLUMNS = 4000
"""More columns are no table but a list on one line; guessing what each means would take minutes."""
SEPARATORS = (",", ";", "\t", "|")
PARQUET_MAGIC = b"PAR1"
MISSING = ("", "-", "–", "—", "na", "n/a", "nan", "none", "null", "nil", "?", "#n/a", "<na>")
"""Words for a missing value, in lower case. The empty one says nothing; the others say that there
is no number.
"""
_MAX_CELL = 128 << 20
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class TableHead:
    """The first rows of a table as text, and how the file is laid out."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    separator: str | None = None
    """None for Parquet."""
    encoding: str = "utf-8"
    nested: tuple[str, ...] = ()
    """Parquet columns that hold lists or structures; they are left out."""

    def column(self, name: str) -> list[str | None]:
        """Cells of one column."""
        index = self.columns.index(name)
        return [row[index] for row in self.rows]


# -- the head --------------------------------------------------------------------------------------


def read_head(file: Path) -> TableHead:
    """Columns and first rows of a table.

    Raises:
        ImportFormatError: the file is empty, damaged, or no table.
    """
    try:
        with file.open("rb") as stream:
            start = stream.read(1 << 20)
        return _parquet_head(file) if start.startswith(PARQUET_MAGIC) else head_of_text(start)
    except (OSError, pa.ArrowException, ValueError) as cause:
        raise ImportFormatError(
            f"{file} cannot be read as a table ({cause}). CSV, TSV and Parquet files with a header"
            " row can."
        ) from cause


def head_of_text(start: bytes) -> TableHead:
    """Columns and first rows of separated text, of which `start` is the beginning.

    Raises:
        ValueError: it has no header row, or one of more than MAX_COLUMNS fields.
    """
    encoding = encoding_of(start)
    text = start.decode(encoding, "replace")
    separator = _separator(text)
    rows = []
    for row in _safe_rows(csv.reader(io.StringIO(text, newline=""), delimiter=separator)):
        rows.append(row)
        if len(rows) > HEAD_ROWS:
            break
    if not rows:
        raise ValueError("it has no header row")
    if len(rows[0]) > MAX_COLUMNS:
        raise ValueError(
            f"its header row has {len(rows[0]):,} fields; a table of results has up to"
            f" {MAX_COLUMNS:,}"
        )
    columns = unique_names(rows[0])
    whole = [tuple(row) for row in rows[1:] if len(row) == len(columns)]
    return TableHead(columns, tuple(whole), separator, encoding)


def encoding_of(start: bytes) -> str:
    """UTF-16 when the file says so by its first bytes (as spreadsheet exports do), else UTF-8 with
    or without a byte-order mark.
    """
    return "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def unique_names(header: Sequence[str]) -> tuple[str, ...]:
    """Column names without surrounding blanks, each once; an empty one gets a number."""
    names: dict[str, None] = {}
    copies: Counter[str] = Counter()
    for index, raw in enumerate(header):
        name = base = raw.strip() or f"Unnamed: {index}"
        while name in names:
            copies[base] += 1
            name = f"{base}.{copies[base]}"
        names[name] = None
    return tuple(names)


def _separator(text: str) -> str:
    """The separator that cuts the first lines into most columns of equal number."""
    sample = text[: 64 << 10]
    lines = sample.split("\n")[:-1] or [sample]
    best, best_score = ",", 0.0
    for separator in SEPARATORS:
        rows = list(_safe_rows(csv.reader(lines[:50], delimiter=separator)))
        if rows and len(rows[0]) > 1:
            score = len(rows[0]) * sum(len(row) == len(rows[0]) for row in rows) / len(rows)
            if score > best_score:
                best, best_score = separator, score
    return best


def _safe_rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from (row for row in reader if row)
    except csv.Error:
        return


def _parquet_head(file: Path) -> TableHead:
    with pq.ParquetFile(file) as parquet:
        nested = tuple(
            field.name for field in parquet.schema_arrow if pa.types.is_nested(field.type)
        )
        names = [name for name in parquet.schema_arrow.names if name not in nested]
        batch = next(parquet.iter_batches(HEAD_ROWS, columns=names), None)
        cells = (
            []
            if batch is None
            else [[_text(value) for value in column.to_pylist()] for column in batch.columns]
        )
        return TableHead(tuple(names), tuple(zip(*cells, strict=True)), nested=nested)


def _text(value: object) -> str | None:
    return None if value is None or value != value else str(value)


# -- all rows --------------------------------------------------------------------------------------


def iter_chunks(file: Path, head: TableHead, report: ReportReject) -> Iterator[pd.DataFrame]:
    """All rows in frames of bounded size, indexed by line number (Parquet: by row number from 1).
    Rows that are no rows are reported.

    Raises:
        ImportFormatError: a Parquet file is damaged.
    """
    if head.separator is not None:
        yield from _text_chunks(file, head, report)
        return
    try:
        with pq.ParquetFile(file) as parquet:
            first = 1
            for batch in parquet.iter_batches(CHUNK_ROWS, columns=list(head.columns)):
                frame = pa.Table.from_batches([batch]).to_pandas(
                    ignore_metadata=True, date_as_object=False
                )
                frame.index = pd.RangeIndex(first, first + len(frame))
                first += len(frame)
                yield frame
    except (OSError, pa.ArrowException, ValueError) as cause:
        raise ImportFormatError(
            f"{file} is damaged ({cause}). Write it again; nothing of it was stored."
        ) from cause


def _text_chunks(file: Path, head: TableHead, report: ReportReject) -> Iterator[pd.DataFrame]:
    csv.field_size_limit(_MAX_CELL)
    n_columns = len(head.columns)
    errors = "surrogateescape" if head.encoding == "utf-8-sig" else "replace"
    with file.open(encoding=head.encoding, errors=errors, newline="") as stream:
        reader = csv.reader(stream, delimiter=head.separator or ",")
        rows: list[list[str]] = []
        numbers: list[int] = []
        n_bytes, seen_header, line = 0, False, 0
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as cause:
                report(
                    Reject(
                        file.name, f"line {line}", "row", str(cause), "a row of separated values"
                    )
                )
                continue
            if not row or not seen_header:
                seen_header = seen_header or bool(row)
            elif len(row) != n_columns:
                report(
                    Reject(
                        file.name,
                        f"line {line}",
                        "row",
                        f"{len(row)} fields",
                        f"{n_columns} fields, as in the header",
                    )
                )
            else:
                rows.append(row)
                numbers.append(line)
                n_bytes += sum(map(len, row))
            if len(rows) >= CHUNK_ROWS or n_bytes > CHUNK_BYTES:
                yield _frame(rows, numbers, head, file, report)
                rows, numbers, n_bytes = [], [], 0
        if rows:
            yield _frame(rows, numbers, head, file, report)


def _frame(
    rows: list[list[str]], numbers: list[int], head: TableHead, file: Path, report: ReportReject
) -> pd.DataFrame:
    """Rows as a frame of text; those with bytes that are not UTF-8 are reported and left out."""
    try:
        "".join("".join(row) for row in rows).encode()
    except UnicodeEncodeError:
        good = []
        for number, row in zip(numbers, rows, strict=True):
            bad = [
                name
                for name, cell in zip(head.columns, row, strict=True)
                if any("\ud800" <= letter <= "\udfff" for letter in cell)
            ]
            if bad:
                report(
                    Reject(
                        file.name,
                        f"line {number}",
                        ", ".join(bad),
                        "bytes that are not UTF-8",
                        "UTF-8 text",
                    )
                )
            else:
                good.append((number, row))
        numbers, rows = [number for number, _ in good], [row for _, row in good]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(head.columns)
    return pd.DataFrame(
        {
            name: pd.Series(cells, dtype=object)
            for name, cells in zip(head.columns, columns, strict=True)
        }
    ).set_axis(numbers)


# -- cells -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column read as numbers."""

    values: np.ndarray
    """NaN where there is none."""
    is_bad: np.ndarray
    """Something stands there that is no finite number."""
    is_blank: np.ndarray
    """Nothing stands there at all; a word for "missing" (say `-`) is neither bad nor blank."""
    is_percent: bool
    """Some value carries a percent sign."""


def numbers_of(
    cells: pd.Series, *, decimal_comma: bool, missing: Sequence[str] = MISSING
) -> Numbers:
    """Read cells as numbers: percent signs, thousands separators, decimal commas and words for
    "missing" are understood.

    >>> read = numbers_of(pd.Series(["96.7%", "-", "", "1,234", "x"]), decimal_comma=False)
    >>> read.values.tolist()[0], read.values.tolist()[3], read.is_bad.tolist(), read.is_percent
    (96.7, 1234.0, [False, False, False, False, True], True)
    """
    if pd.api.types.is_bool_dtype(cells.dtype) or pd.api.types.is_numeric_dtype(cells.dtype):
        values = cells.to_numpy(dtype=float, na_value=np.nan)
        infinite = np.isinf(values)
        return Numbers(
            np.where(infinite, np.nan, values), infinite, np.isnan(values), is_percent=False
        )
    values = np.full(len(cells), np.nan)
    is_bad, is_blank = np.zeros(len(cells), dtype=bool), np.zeros(len(cells), dtype=bool)
    is_percent = False
    for index, cell in enumerate(cells.tolist()):
        text = "" if cell is None or cell != cell else str(cell).strip()
        if not text:
            is_blank[index] = True
        elif text.lower() not in missing:
            is_percent = is_percent or text.endswith("%")
            values[index] = _number(text.rstrip("% "), decimal_comma=decimal_comma)
            is_bad[index] = values[index] != values[index]
    return Numbers(values, is_bad, is_blank, is_percent)


def _number(text: str, *, decimal_comma: bool) -> float:
    """The finite number that a text states, or NaN."""
    if decimal_comma:
        text = text.replace(".", "").replace(",", ".")
    elif "," in text and _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    try:
        number = float(text) if "_" not in text else math.nan
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def texts_of(cells: pd.Series, *, missing: Sequence[str] = MISSING) -> list[str | None]:
    """Cells as words without surrounding blanks; None for nothing and for words that mean
    "missing". Whole numbers lose their `.0`.
    """
    if pd.api.types.is_float_dtype(cells.dtype):
        return [
            None if value != value else f"{value:g}" if value % 1 else str(int(value))
            for value in cells.tolist()
        ]
    known: dict[object, str | None] = {}
    words: list[str | None] = []
    for cell in cells.tolist():
        if cell not in known:
            word = "" if cell is None or cell != cell else str(cell).strip()
            known[cell] = None if word.lower() in missing else word
        words.append(known[cell])
    return words
