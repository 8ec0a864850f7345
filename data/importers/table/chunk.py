"""One chunk of a plain table, its columns by role; a row with a wrong field is reported once and
left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data.importers.table.headers import normalised
from data.importers.table.mapping import TableMapping
from data.importers.table.reading import Numbers, numbers_of, texts_of
from data.records import Outcome, Split

_SPLITS = {
    "id": Split.ID,
    "in_distribution": Split.ID,
    "iid": Split.ID,
    "ood": Split.OOD,
    "out_of_distribution": Split.OOD,
}
_TRUTH = {word: True for word in ("true", "1", "1.0", "yes", "correct", "right", "t", "y")} | {
    word: False for word in ("false", "0", "0.0", "no", "incorrect", "wrong", "f", "n")
}
_UNITS = {
    "params": 1.0,
    "params_b": 1e9,
    "params_m": 1e6,
    "tokens": 1.0,
    "tokens_b": 1e9,
    "tokens_t": 1e12,
}


class Chunk:
    """Columns of a chunk by role; `keep` marks the rows that stay. A row with a wrong field is
    reported once and left out.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        mapping: TableMapping,
        reject: Callable[[int, str, str, str], None],
    ) -> None:
        self._frame, self._mapping, self._reject = frame, mapping, reject
        self._lines: list[int] = frame.index.tolist()
        self.keep = np.ones(len(frame), dtype=bool)
        self.extra_columns = tuple(mapping.columns("metadata") + mapping.columns("untrusted"))
        if mapping.column("level_label") is not None and mapping.column("level") is not None:
            self.extra_columns += (str(mapping.column("level_label")),)
        self._words: dict[str, list[str | None]] = {}
        self._numbers: dict[str, Numbers] = {}
        self._read_extras: list[tuple[Any, ...]] | None = None

    def drop(
        self, lines: Mapping[int, int], describe: Callable[[int], tuple[int, str, str, str]]
    ) -> None:
        """Leave out the rows on these lines."""
        if lines:
            for index in np.flatnonzero(np.isin(self._frame.index, list(lines))).tolist():
                self.keep[index] = False
                self._reject(*describe(self._lines[index]))

    def require(self, role: str, expected: str, *, unless: Sequence[Any] | None = None) -> None:
        """Leave out rows that have nothing here."""
        column = self._mapping.column(role) or role
        for index, word in enumerate(self.words(role)):
            if word is None and self.keep[index] and (unless is None or unless[index] is None):
                self._out(index, column, "nothing", expected)

    def row(self, index: int) -> Row:
        """One row by roles."""
        return Row(self, index)

    def words(self, role: str) -> list[str | None]:
        """Words of the role's column, of its constant, or nothing."""
        column = self._mapping.column(role)
        if column is not None:
            return self.column_words(column)
        return [self._mapping.constants.get(role)] * len(self._frame)

    def column_words(self, column: str) -> list[str | None]:
        """Words of a column."""
        if column not in self._words:
            self._words[column] = texts_of(self._frame[column], missing=self._mapping.missing)
        return self._words[column]

    def raw_words(self, role: str) -> list[str | None]:
        """Text exactly as it stands; an empty cell is None."""
        column = self._mapping.column(role)
        if column is None:
            return [None] * len(self._frame)
        return [
            None if cell is None or cell != cell or cell == "" else str(cell)
            for cell in self._frame[column].tolist()
        ]

    def numbers(self, role: str, *, whole: bool = False) -> list[float | None]:
        """Numbers of the role's column. A row with something else there is left out."""
        column = self._mapping.column(role)
        if column is None:
            constant = self._mapping.constants.get(role)
            return [None if constant is None else float(constant)] * len(self._frame)
        read = self.column_numbers(column, leave_out=True)
        values = [None if value != value else value for value in read.values.tolist()]
        if whole:
            for index, value in enumerate(values):
                if value is not None and value % 1:
                    self._out(index, column, f"{value:g}", "a whole number")
        return values

    def number_at(self, role: str, index: int) -> float | None:
        """Number of one row; None where there is none, or something else."""
        column = self._mapping.column(role)
        if column is None:
            constant = self._mapping.constants.get(role)
            return None if constant is None else float(constant)
        value = float(self._read(column).values[index])
        return None if math.isnan(value) else value

    def column_numbers(self, column: str, *, leave_out: bool = False) -> Numbers:
        """Numbers of a column; cells that hold something else are reported, and their rows left out
        if asked.
        """
        read = self._read(column)
        for index in np.flatnonzero(read.is_bad).tolist():
            if self.keep[index]:
                self._reject(
                    self._lines[index], column, repr(self._frame[column].iloc[index]), "a number"
                )
                self.keep[index] = not leave_out
        return read

    def _read(self, column: str) -> Numbers:
        if column not in self._numbers:
            cells = self._frame[column]
            self._numbers[column] = numbers_of(
                cells, decimal_comma=self._mapping.decimal_comma, missing=self._mapping.missing
            )
        return self._numbers[column]

    def splits(self) -> list[Split | None]:
        """Split of each row; a row with an unknown word is left out."""
        found: list[Split | None] = []
        for index, word in enumerate(self.words("split")):
            split = _SPLITS.get(normalised(word)) if word else None
            if word and split is None:
                self._out(index, self._mapping.column("split") or "split", repr(word), "id or ood")
            found.append(split)
        return found

    def verdicts(self, *, from_scores: Sequence[float | None] | None) -> list[bool | None]:
        """Whether each answer is right, from the column `correct` or from scores of 0 and 1."""
        if from_scores is not None:
            return [None if score is None else score == 1 for score in from_scores]
        found: list[bool | None] = []
        for index, word in enumerate(self.words("correct")):
            verdict = None if word is None else _TRUTH.get(word.lower())
            if word is not None and verdict is None:
                self._out(
                    index, self._mapping.column("correct") or "correct", repr(word), "true or false"
                )
            found.append(verdict)
        return found

    def outcomes(self) -> list[Outcome | None]:
        """Outcome of each row where a column states it."""
        found: list[Outcome | None] = []
        for index, word in enumerate(self.words("outcome")):
            known = word.lower() if word else None
            if known is not None and known not in tuple(Outcome):
                self._out(
                    index,
                    self._mapping.column("outcome") or "outcome",
                    repr(word),
                    ", ".join(Outcome),
                )
                known = None
            found.append(None if known is None else Outcome(known))
        return found

    def extras(self) -> list[tuple[Any, ...]]:
        """Everything of each row that has no role of its own."""
        if self._read_extras is None:
            columns = [
                _plain(self._frame[column], self.column_words) for column in self.extra_columns
            ]
            self._read_extras = (
                list(zip(*columns, strict=True)) if columns else [()] * len(self._frame)
            )
        return self._read_extras

    def _out(self, index: int, column: str, found: str, expected: str) -> None:
        if self.keep[index]:
            self.keep[index] = False
            self._reject(self._lines[index], column, found, expected)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a chunk, read by roles."""

    chunk: Chunk
    index: int

    def word(self, role: str) -> str | None:
        return self.chunk.words(role)[self.index]

    def whole(self, role: str) -> int | None:
        return whole_number(self.chunk.number_at(role, self.index))

    def amount(self, *roles: str) -> float | None:
        """The first of these that is stated, without its unit's factor. 0 means that nobody
        knows.
        """
        for role in roles:
            value = self.chunk.number_at(role, self.index)
            if value:
                return value * _UNITS[role]
        return None


def _plain(cells: pd.Series, words: Callable[[str], list[str | None]]) -> list[Any]:
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return [None if value != value else value for value in cells.tolist()]
    return words(str(cells.name))


def whole_number(value: float | None) -> int | None:
    """The nearest whole number; None stays None."""
    return None if value is None else round(value)
