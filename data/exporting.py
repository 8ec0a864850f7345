"""Tables out of the store and off the screen: CSV, JSON, Parquet and LaTeX, as bytes of one frame
or streamed at any size.

`table_as` writes exactly the frame it is given (a download of what is on screen); `export_table`
writes a whole table of the store.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from data import queries
from data.records import SAMPLE_COLUMNS, CharybdisError, Selection, names_of_kind
from data.store import Store
from data.stored_columns import SAMPLE_SQL, SAMPLE_TABLES, SCORE_SQL, SCORE_TABLES

FORMATS = {
    "csv": "text/csv",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "latex": "application/x-tex",
    "markdown": "text/markdown",
}
"""Formats of a table and their media types."""
SUFFIXES = {"csv": "csv", "json": "json", "parquet": "parquet", "latex": "tex", "markdown": "md"}
MAX_LATEX_ROWS = 2000
"""Longer tables are data, not part of a paper."""
BATCH_ROWS = 8192


class ExportError(CharybdisError):
    """A table cannot be written as asked."""


# -- one frame -------------------------------------------------------------------------------------


def table_as(frame: pd.DataFrame, table_format: str) -> bytes:
    """Write exactly this frame, without its index. Undefined numbers are empty in CSV and LaTeX and
    null in JSON and Parquet.

    Raises:
        ExportError: no such format, or more rows than a LaTeX table takes.

    >>> table_as(pd.DataFrame({"model": ["a"], "gap": [float("nan")]}), "json")
    b'[{"model":"a","gap":null}]'
    """
    if table_format not in FORMATS:
        raise ExportError(
            f"A table cannot be written as {table_format!r}. Possible: {', '.join(FORMATS)}."
        )
    return _WRITERS[table_format](frame)


def _as_csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()


def _as_json(frame: pd.DataFrame) -> bytes:
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return msgspec.json.encode(rows, enc_hook=_plain)


def _as_parquet(frame: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    pa.parquet.write_table(
        pa.Table.from_pandas(frame, preserve_index=False), sink, compression="zstd"
    )
    return sink.getvalue()


def _as_latex(frame: pd.DataFrame) -> bytes:
    """A booktabs table. Text from data is text: nothing in it reaches LaTeX as a command."""
    if len(frame) > MAX_LATEX_ROWS:
        raise ExportError(
            f"The table has {len(frame):,} rows; LaTeX takes up to {MAX_LATEX_ROWS:,}. Narrow the"
            " selection, or write CSV or Parquet."
        )
    shown = pd.DataFrame(
        {_line(str(name)): [_cell(value) for value in frame[name]] for name in frame.columns}
    )
    numeric = [
        pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
        for dtype in frame.dtypes
    ]
    styler = shown.style.hide(axis="index").format(_latex_text).format_index(_latex_text, axis=1)
    text = styler.to_latex(
        hrules=True, column_format="".join("r" if is_number else "l" for is_number in numeric)
    )
    return ("% needs \\usepackage{booktabs}\n" + text).encode()


def _as_markdown(frame: pd.DataFrame) -> bytes:
    """A pipe table. Text from data is text: nothing in it is markup."""
    if len(frame) > MAX_LATEX_ROWS:
        raise ExportError(
            f"The table has {len(frame):,} rows; Markdown takes up to {MAX_LATEX_ROWS:,}. Narrow"
            " the selection, or write CSV or Parquet."
        )
    rule = [
        (
            "---:"
            if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
            else "---"
        )
        for dtype in frame.dtypes
    ]
    rows = [
        [_line(str(name)) for name in frame.columns],
        *([_cell(value) for value in row] for row in frame.itertuples(index=False)),
    ]
    lines = [
        "| " + " | ".join(_MARKDOWN.sub(r"\\\g<0>", cell) for cell in row) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join(rule) + "|", *lines[1:], ""]).encode()


def _cell(value: Any) -> str:
    if (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, float) and math.isnan(value))
    ):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else _line(str(value))


def _line(text: str) -> str:
    """The text on one line: a blank line would end a paragraph inside the table."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
}
"""Beside LaTeX's own signs: [ and * at the start of a row would be read as arguments of the line
end before it.
"""
_LATEX_TABLE = str.maketrans(_LATEX)


def _latex_text(text: object) -> str:
    return str(text).translate(_LATEX_TABLE)


_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~$&!@]")

_WRITERS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "csv": _as_csv,
    "json": _as_json,
    "parquet": _as_parquet,
    "latex": _as_latex,
    "markdown": _as_markdown,
}


# -- tables of the store ---------------------------------------------------------------------------


def _select(columns: Mapping[str, str], beside: Mapping[str, tuple[str, ...]]) -> str:
    """The model and the columns of a record, some of them followed by others."""
    expressions = ["m.model"]
    for name, expression in columns.items():
        expressions += [expression, *beside.get(name, ())]
    return ", ".join(expressions)


_SCORE_LIST = _select(
    SCORE_SQL, {"run_id": ("r.checkpoint", "r.step"), "level": ("r.level_scheme",)}
)
_SCORES = f"""
    SELECT {_SCORE_LIST} FROM {SCORE_TABLES} WHERE {{chosen}} ORDER BY c.run_key, c.rowid
"""
_LISTS = {
    name: f"to_json(s.{name})::VARCHAR AS {name}"  # CSV has no lists
    for name in names_of_kind(SAMPLE_COLUMNS, "float32 list")
}
_SAMPLE_LIST = _select(
    SAMPLE_SQL | _LISTS,
    {"run_id": ("s.row_in_run",), "level": ("r.level_scheme",), "variant": ("s.is_primary",)},
)
_SAMPLES = f"SELECT {_SAMPLE_LIST} FROM {SAMPLE_TABLES} WHERE {{chosen}}"
_LEVELS = """
    SELECT l.scheme, l.level, l.label, l.note, string_agg(tl.task, ', ' ORDER BY tl.task) AS tasks
    FROM levels l LEFT JOIN task_levels tl USING (scheme, level) GROUP BY ALL ORDER BY scheme, level
"""
_REJECTS = """
    SELECT x.import_key, i.path, x.file, x.record, x.field, x.found, x.expected
    FROM rejects x LEFT JOIN imports i USING (import_key) ORDER BY x.import_key, x.rowid
"""
_STREAMED = {"levels": _LEVELS, "rejects": _REJECTS, "scores": _SCORES, "samples": _SAMPLES}
_FETCHED: dict[str, Callable[[Store, Selection], pd.DataFrame]] = {
    "models": lambda store, _: queries.fetch_models(store),
    "tasks": lambda store, _: queries.fetch_tasks(store),
    "runs": lambda store, _: queries.fetch_runs(store),
    "imports": lambda store, _: queries.fetch_imports(store),
    "task_counts": queries.fetch_task_counts,
    "level_scores": queries.fetch_level_scores,
}
TABLES = (*_FETCHED, *_STREAMED)
"""Tables that `export_table` knows."""


def export_table(
    store: Store,
    table: str,
    table_format: str,
    sink: IO[bytes],
    *,
    selection: Selection | None = None,
) -> int:
    """Write a table of the store to `sink`, in batches; returns the number of rows. `selection`
    narrows scores, samples and counts.

    Raises:
        ExportError: no such table or format, or more rows than a LaTeX table takes.
    """
    if table not in TABLES:
        raise ExportError(
            f"There is no table {table!r} to export. Possible: {', '.join(sorted(TABLES))}."
        )
    with _open_table(store, table, selection or Selection()) as batches:
        if table_format in _STREAM_WRITERS:
            return _STREAM_WRITERS[table_format](batches, sink)
        return write_frame(_few_rows(batches), table_format, sink)


def write_frame(frame: pd.DataFrame, table_format: str, sink: IO[bytes]) -> int:
    """Write a frame to `sink` as `table_as` does; returns the number of rows."""
    sink.write(table_as(frame, table_format))
    return len(frame)


@contextmanager
def _open_table(store: Store, table: str, selection: Selection) -> Iterator[pa.RecordBatchReader]:
    if table in _FETCHED:
        yield pa.Table.from_pandas(
            _FETCHED[table](store, selection), preserve_index=False
        ).to_reader(max_chunksize=BATCH_ROWS)
        return
    chosen, values = queries.where_selected(selection)
    sql = _STREAMED[table].format(chosen=chosen)
    with store.cursor() as cursor:
        yield cursor.execute(
            sql, values if "{chosen}" in _STREAMED[table] else None
        ).to_arrow_reader(BATCH_ROWS)


def _few_rows(batches: pa.RecordBatchReader) -> pd.DataFrame:
    """The rows as a frame; no more of them than it takes to see that they are too many for
    LaTeX.
    """
    kept: list[pa.RecordBatch] = []
    for batch in batches:
        kept.append(batch)
        if sum(one.num_rows for one in kept) > MAX_LATEX_ROWS:
            break
    frame: pd.DataFrame = pa.Table.from_batches(kept, batches.schema).to_pandas()
    return frame


def _stream_csv(batches: pa.RecordBatchReader, sink: IO[bytes]) -> int:
    n_rows = 0
    with pa.csv.CSVWriter(sink, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            n_rows += batch.num_rows
    return n_rows


def _stream_json(batches: pa.RecordBatchReader, sink: IO[bytes]) -> int:
    n_rows = 0
    sink.write(b"[")
    for row in _encoded_rows(batches):
        sink.write((b",\n" if n_rows else b"\n") + row)
        n_rows += 1
    sink.write(b"\n]\n")
    return n_rows


def _stream_jsonl(batches: pa.RecordBatchReader, sink: IO[bytes]) -> int:
    n_rows = 0
    for row in _encoded_rows(batches):
        sink.write(row + b"\n")
        n_rows += 1
    return n_rows


def _encoded_rows(batches: pa.RecordBatchReader) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder(enc_hook=_plain)
    for batch in batches:
        yield from map(encoder.encode, batch.to_pylist())


def _stream_parquet(batches: pa.RecordBatchReader, sink: IO[bytes]) -> int:
    n_rows = 0
    with pa.parquet.ParquetWriter(sink, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            n_rows += batch.num_rows
    return n_rows


_STREAM_WRITERS: dict[str, Callable[[pa.RecordBatchReader, IO[bytes]], int]] = {
    "csv": _stream_csv,
    "json": _stream_json,
    "jsonl": _stream_jsonl,
    "parquet": _stream_parquet,
}


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's, anything else as its text."""
    return value.item() if hasattr(value, "item") else str(value)
