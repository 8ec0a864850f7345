"""What the columns of a plain table mean: guessed from its head, shown as plain values, corrected
by the person importing.

Three shapes are known. long: one number a row (model, task, value). wide: one model a row, one
benchmark a column.
samples: one answer a row (model, task, sample id, correct or score).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from data.importers.table.headers import (
    AVERAGES,
    HEADERS,
    HEADERS_BY_SHAPE,
    HEADERS_OF_MANY,
    INDEX_NAME,
    NO_BENCHMARK,
    ROLES,
    SCALES,
    SHAPES,
    normalised,
)
from data.importers.table.reading import MISSING, TableHead, numbers_of
from data.records import ImportFormatError

_SPLIT_WORDS = frozenset(("id", "ood", "in_distribution", "out_of_distribution", "iid"))
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+%?")
_LONE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+%?")


@dataclass(frozen=True, slots=True)
class TableMapping:
    """How a table is read. Plain values throughout: shown to a person, saved, sent back
    corrected.
    """

    shape: str
    roles: Mapping[str, str]
    """Role of each column; see ROLES."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """What holds for every row, by role, where no column says it (say model or metric)."""
    separator: str | None = None
    decimal_comma: bool = False
    missing: tuple[str, ...] = MISSING
    scales: Mapping[str, str] = field(default_factory=dict)
    """Scale by column (wide) or metric (long). Before import from the head; at import from all
    rows, unless a person has chosen.
    """
    questions: Mapping[str, str] = field(default_factory=dict)
    """What the person should confirm, by column or metric."""
    header_hash: str = ""
    """Identity of the column names: a corrected mapping fits every table with the same ones."""

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists."""
        return {**asdict(self), "missing": list(self.missing)}

    def columns(self, role: str) -> list[str]:
        """Columns with a role, in the table's order."""
        return [column for column, its_role in self.roles.items() if its_role == role]

    def column(self, role: str) -> str | None:
        """The column with a role, if there is one."""
        return next(iter(self.columns(role)), None)


def is_average(header: str) -> bool:
    """Whether a column averages others of the same table."""
    return normalised(header) in AVERAGES


# -- guessing --------------------------------------------------------------------------------------


def header_hash(head: TableHead) -> str:
    """Identity of the column names, in their order."""
    return sha256("\n".join(head.columns).encode()).hexdigest()


def guess_mapping(head: TableHead, *, checked: bool = True) -> TableMapping:
    """What the columns probably mean. Unchecked, it may lack what its shape needs: a person is to
    complete it.

    Raises:
        ImportFormatError: the table does not look like results; names the columns found and what is
            needed.
    """
    names = {column: normalised(column) for column in head.columns}
    shape = _shape(set(names.values()))
    decimal_comma = _has_decimal_commas(head)
    roles = _roles(head, names, shape, decimal_comma)
    mapping = TableMapping(
        shape,
        roles,
        separator=head.separator,
        decimal_comma=decimal_comma,
        header_hash=header_hash(head),
    )
    if checked:
        check_mapping(mapping, head.columns)
    scales, questions = _head_scales(head, mapping)
    return replace(mapping, scales=scales, questions={**questions, **_column_questions(mapping)})


def corrected(
    guess: TableMapping | None, changes: Mapping[str, Any], head: TableHead, *, checked: bool = True
) -> TableMapping:
    """The guess with a person's corrections; `roles`, `constants` and `scales` name only what is to
    be changed.

    Raises:
        ImportFormatError: a correction names an unknown field, column, role, shape or scale, or the
            result lacks what its shape needs.
    """
    allowed = {
        "shape",
        "roles",
        "constants",
        "separator",
        "decimal_comma",
        "missing",
        "scales",
        "questions",
        "header_hash",
    }
    if unknown := set(changes) - allowed:
        raise ImportFormatError(
            f"The column mapping has no field {', '.join(sorted(unknown))}. It has:"
            f" {', '.join(sorted(allowed))}."
        )
    base = guess or TableMapping(str(changes.get("shape", "long")), {}, separator=head.separator)
    roles = {column: base.roles.get(column, "metadata") for column in head.columns} | dict(
        changes.get("roles", {})
    )
    mapping = replace(
        base,
        shape=str(changes.get("shape", base.shape)),
        roles={column: role for column, role in roles.items() if role},
        constants={**base.constants, **changes.get("constants", {})},
        separator=head.separator,
        decimal_comma=bool(changes.get("decimal_comma", base.decimal_comma)),
        missing=tuple(str(word).lower() for word in changes.get("missing", base.missing)),
        scales=dict(changes.get("scales", {})),
    )
    _check_words(mapping, head.columns)
    if checked:
        _check_needs(mapping, head.columns)
    return mapping


def check_mapping(mapping: TableMapping, columns: Sequence[str]) -> None:
    """Whether a mapping fits these columns and has what its shape needs.

    Raises:
        ImportFormatError: it does not; says what is allowed.
    """
    _check_words(mapping, columns)
    _check_needs(mapping, columns)


def _check_words(mapping: TableMapping, columns: Sequence[str]) -> None:
    """Every word of the mapping is known."""
    for what, found, allowed in (
        ("shape", {mapping.shape}, set(SHAPES)),
        ("role", set(mapping.roles.values()) | set(mapping.constants), set(ROLES)),
        ("column", set(mapping.roles), set(columns)),
        ("scale", set(mapping.scales.values()), set(SCALES)),
    ):
        if wrong := found - allowed:
            raise ImportFormatError(
                f"The column mapping names {what} {', '.join(sorted(wrong))}. Allowed:"
                f" {', '.join(sorted(allowed))}."
            )


def _check_needs(mapping: TableMapping, columns: Sequence[str]) -> None:
    """What every shape needs is there."""
    have = set(mapping.roles.values()) | set(mapping.constants)
    needed = {
        "long": ("model", "task", "value"),
        "wide": ("model", "benchmark_value"),
        "samples": ("model", "task", "sample_id"),
    }[mapping.shape]
    missing = [role for role in needed if role not in have]
    if mapping.shape == "samples" and not have & {"correct", "outcome", "score"}:
        missing.append("correct (or outcome, or score)")
    if missing:
        raise ImportFormatError(
            f"The table does not look like results: no column for {', '.join(missing)}. Columns"
            f" found: {', '.join(columns)}. Needed are model, task and value (one number a row), or"
            " model and numeric benchmark columns (one model a row), or model, task, sample_id and"
            " correct or score (one answer a row). Rename columns, or say in the mapping what they"
            " are."
        )


def _shape(names: set[str]) -> str:
    def has(role: str) -> bool:
        return bool(names & set(HEADERS[role]))

    if has("sample_id") and (
        has("correct") or has("outcome") or names & set(HEADERS_BY_SHAPE["samples"]["score"])
    ):
        return "samples"
    return "long" if has("task") and has("value") else "wide"


def _roles(
    head: TableHead, names: Mapping[str, str], shape: str, decimal_comma: bool
) -> dict[str, str]:
    roles = _roles_by_header(names, shape)
    for column in head.columns:
        cells = head.column(column)
        series = pd.Series(cells, dtype=object)
        if column not in roles:
            roles[column] = _role_by_content(series, names[column], shape, decimal_comma)
        elif roles[column] == "split" and not _are_splits(cells):
            roles[column] = "subset"
        elif names[column] == "checkpoint" and "step" not in roles.values() and _are_whole(cells):
            roles[column] = "step"
        elif (
            roles[column] == "params"
            and np.nanmax(numbers_of(series, decimal_comma=decimal_comma).values, initial=0) < 1e4
        ):
            roles[column] = "params_b"
    return {column: roles[column] for column in head.columns}


def _roles_by_header(names: Mapping[str, str], shape: str) -> dict[str, str]:
    roles: dict[str, str] = {}
    for role, headers in {**HEADERS, **HEADERS_BY_SHAPE[shape]}.items():
        found = [
            column
            for header in headers
            for column, name in names.items()
            if name == header and column not in roles
        ]
        if found and _fits_shape(role, shape):
            roles[found[0]] = role
            if role == "task" and len(found) > 1:
                roles[found[1]] = "parent_group"
    if (
        "run_id" in names.values()
    ):  # an export of ours, where variant means what it means in data.records
        roles |= {column: "variant" for column, name in names.items() if name == "variant"}
    for role, headers in HEADERS_OF_MANY.items():
        roles |= {
            column: role
            for column, name in names.items()
            if name in headers and column not in roles
        }
    return roles


def _fits_shape(role: str, shape: str) -> bool:
    if role == "task":
        return shape != "wide"
    if role in ("value", "metric", "stderr", "n", "scale", "flag"):
        return shape == "long"
    if role in ("sample_id", "correct", "outcome", "epoch", "answer_logprob", "duration_s"):
        return shape == "samples"
    return True


def _role_by_content(cells: pd.Series, name: str, shape: str, decimal_comma: bool) -> str:
    read = numbers_of(cells, decimal_comma=decimal_comma)
    n_bad, n_known = int(read.is_bad.sum()), int((~np.isnan(read.values)).sum())
    if INDEX_NAME.fullmatch(name) and n_known and not n_bad and not (read.values % 1).any():
        return "index"
    if shape == "wide" and name not in NO_BENCHMARK and n_bad <= 0.1 * (n_bad + n_known):
        return "benchmark_value"
    return "metadata"


def _are_whole(cells: Sequence[str | None]) -> bool:
    words = {cell.strip() for cell in cells if cell and cell.strip()}
    return bool(words) and all(word.isdecimal() for word in words)


def _are_splits(cells: Sequence[str | None]) -> bool:
    words = {normalised(cell) for cell in cells if cell and cell.strip()}
    return bool(words) and words <= _SPLIT_WORDS


def _has_decimal_commas(head: TableHead) -> bool:
    """Whether numbers are written 0,97: some cell can only be read so, and none has a decimal
    point.
    """
    if head.separator is None:
        return False
    cells = {cell.strip() for row in head.rows for cell in row if cell}
    with_comma = {cell for cell in cells if _DECIMAL_COMMA.fullmatch(cell)}
    has_point = any(re.fullmatch(r"[+-]?\d*\.\d+%?", cell) for cell in cells)
    return not has_point and any(not _LONE_THOUSANDS.fullmatch(cell) for cell in with_comma)


# -- scales ----------------------------------------------------------------------------------------

_UNBOUNDED = re.compile(
    r"(ppl|perplexity|bits_per|likelihood|logprob|loss|elo\b|mt_?bench|abench.oa|rouge|wer\b)",
    re.IGNORECASE,
)
_LOWER_IS_BETTER = re.compile(r"(ppl|perplexity|bits_per|loss|wer\b|error)", re.IGNORECASE)
_HIGHER_IS_BETTER = re.compile(
    r"(acc|accuracy|exact_match|em|f1|bleu|rouge|pass|score)", re.IGNORECASE
)


def scale_of(name: str, low: float, high: float, *, is_percent: bool) -> tuple[str, str | None]:
    """Scale of a column or metric from its range over all rows, and the question to ask when the
    range alone cannot tell.

    >>> scale_of("MMLU", 24.6, 86.4, is_percent=False)[0]
    '0-100'
    >>> scale_of("ppl", 3.2, 9e8, is_percent=False)[0]
    'raw'
    """
    if is_percent:
        return "0-100", None
    spread = f"{name!r} runs from {low:.4g} to {high:.4g}"
    if not low <= high:
        return "raw", None
    if name.endswith(",norm"):
        return "raw", None  # normalised for chance
    if low < 0:
        return (
            "raw",
            (
                f"{spread}: below 0, so it is no share. Is it normalised for chance, or a"
                " log-probability (scale logprob)?"
            ),
        )
    if high <= 1 and not re.search(r"perplexity|ppl|loss", name, re.IGNORECASE):
        return "0-1", None
    if _UNBOUNDED.search(name):
        return "raw", None
    if high <= 1.5 or high > 100:
        return "raw", f"{spread}: neither shares (0-1) nor percent (0-100). Which scale is it?"
    return "0-100", f"{spread}: taken as percent (0-100). Is it another scale, say 0-10?"


@lru_cache(maxsize=1024)
def direction_of(metric: str) -> bool | None:
    """Whether more is better, for metrics whose name tells."""
    if _LOWER_IS_BETTER.search(metric):
        return False
    return True if _HIGHER_IS_BETTER.match(metric) else None


def _head_scales(head: TableHead, mapping: TableMapping) -> tuple[dict[str, str], dict[str, str]]:
    found: dict[str, tuple[str, str | None]] = {}
    if mapping.shape == "wide":
        for column in mapping.columns("benchmark_value"):
            found[column] = _head_scale(
                column, pd.Series(head.column(column), dtype=object), mapping
            )
    elif (
        mapping.shape == "long"
        and (value := mapping.column("value"))
        and not mapping.column("scale")
    ):
        cells = pd.Series(head.column(value), dtype=object)
        metric = mapping.column("metric")
        words = pd.Series(
            head.column(metric) if metric else [value] * len(cells), dtype=object
        ).fillna("")
        for name in dict.fromkeys(words):
            found[name] = _head_scale(name, cells[(words == name).to_numpy()], mapping)
    return {name: scale for name, (scale, _) in found.items()}, {
        name: question for name, (_, question) in found.items() if question
    }


def _head_scale(name: str, cells: pd.Series, mapping: TableMapping) -> tuple[str, str | None]:
    read = numbers_of(cells, decimal_comma=mapping.decimal_comma, missing=mapping.missing)
    known = read.values[~np.isnan(read.values)]
    return scale_of(
        name, min(known, default=np.nan), max(known, default=np.nan), is_percent=read.is_percent
    )


def _column_questions(mapping: TableMapping) -> dict[str, str]:
    asked = {
        column: "True may mean 'passes the filter' rather than what the name says; not used."
        for column in mapping.columns("untrusted")
    }
    for column in mapping.columns("model_variant"):
        asked[column] = (
            "Does it tell models apart (role model_variant), or readings of the same answers (role"
            " variant)?"
        )
    answer = mapping.column("parsed_answer")
    if mapping.shape == "samples" and answer:
        asked[answer] = (
            "A wrong answer with nothing in this column counts as unparsed. Is it the answer as it"
            " was read?"
        )
    return asked


def mapping_from_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The corrections a person gave with an import: an object, or its JSON text.

    Raises:
        ImportFormatError: it is neither.
    """
    given = options.get("mapping") or {}
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as cause:
            raise ImportFormatError(
                f"The column mapping is not JSON ({cause}). Give an object like {{'roles':"
                " {'Score': 'value'}}."
            ) from cause
    if not isinstance(given, Mapping):
        raise ImportFormatError(
            f"The column mapping is {type(given).__name__}. Give an object like {{'roles':"
            " {'Score': 'value'}}."
        )
    return given
