"""Tables as heads and chunks, and cells as numbers and words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.importers.table.reading import (
    CHUNK_ROWS,
    head_of_text,
    iter_chunks,
    numbers_of,
    read_head,
    texts_of,
    unique_names,
)
from data.records import ImportFormatError, Reject


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_that_cuts_lines_alike(separator: str) -> None:
    text = (
        separator.join(("model", "a, b", "c; d"))
        .replace("a, b", '"a, b"')
        .replace("c; d", '"c; d"')
        + "\n"
        + separator.join("xyz")
        + "\n"
    )
    head = head_of_text(text.encode())
    assert (head.separator, head.columns, head.rows) == (
        separator,
        ("model", "a, b", "c; d"),
        (("x", "y", "z"),),
    )


def test_column_names_are_made_unique() -> None:
    assert unique_names([" a ", "", "a", "a"]) == ("a", "Unnamed: 1", "a.1", "a.2")


def test_numbers_are_read_in_the_ways_people_write_them() -> None:
    read = numbers_of(
        pd.Series([" 1.5 ", "96.7%", "1,234,567.5", "", None, "-", "1_000", "inf", "1e-3", "12,5"]),
        decimal_comma=False,
    )
    assert read.values[[0, 1, 2, 8]].tolist() == [1.5, 96.7, 1234567.5, 0.001]
    assert np.flatnonzero(read.is_bad).tolist() == [6, 7, 9]
    assert np.flatnonzero(read.is_blank).tolist() == [3, 4]
    assert read.is_percent
    assert numbers_of(pd.Series(["1.234,5", "0,25%"]), decimal_comma=True).values.tolist() == [
        1234.5,
        0.25,
    ]
    assert numbers_of(pd.Series([1.5, np.inf, np.nan]), decimal_comma=False).is_bad.tolist() == [
        False,
        True,
        False,
    ]


def test_words_lose_blanks_and_missing_codes_and_whole_numbers_their_point() -> None:
    assert texts_of(pd.Series([" a ", "N/A", "", None, "nan", "0"], dtype=object)) == [
        "a",
        None,
        None,
        None,
        None,
        "0",
    ]
    assert texts_of(pd.Series([1.0, 0.5, np.nan])) == ["1", "0.5", None]


def test_parquet_comes_in_chunks_without_its_nested_columns(tmp_path: Path) -> None:
    n_rows = CHUNK_ROWS + 10
    table = pa.table(
        {"model": ["a"] * n_rows, "n": pa.array(range(n_rows)), "nested": [[1]] * n_rows}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    head = read_head(tmp_path / "a.parquet")
    assert (head.columns, head.nested, head.separator) == (("model", "n"), ("nested",), None)
    chunks = list(iter_chunks(tmp_path / "a.parquet", head, print))
    assert [(chunk.index[0], len(chunk)) for chunk in chunks] == [
        (1, CHUNK_ROWS),
        (CHUNK_ROWS + 1, 10),
    ]


def test_a_row_over_several_lines_is_known_by_its_first(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b\n1,"x\ny"\n\n2,z\n3\n', encoding="utf-8")
    rejects: list[Reject] = []
    (chunk,) = iter_chunks(tmp_path / "a.csv", read_head(tmp_path / "a.csv"), rejects.append)
    assert chunk.index.tolist() == [2, 5]
    assert chunk["b"].tolist() == ["x\ny", "z"]
    assert [reject.record for reject in rejects] == ["line 6"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"PAR1 and no more"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ImportFormatError, match=r"a\.csv cannot be read as a table"):
        read_head(tmp_path / "a.csv")
