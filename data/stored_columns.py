"""The columns of records as SQL over the store's tables, where names are keys and words are ENUMs.

Aliases of the tables: runs r, models m, tasks t, variants v, samples s, scores c.
"""

from __future__ import annotations

from collections.abc import Mapping

from data.records import RUN_COLUMNS, SAMPLE_COLUMNS, SCORE_COLUMNS, Column

_AS_TEXT = ("split", "outcome", "json")
"""Kinds that are no plain text in the store, but text in a record."""


def _expression(column: Column, alias: str, elsewhere: Mapping[str, str]) -> str:
    if column.name in elsewhere:
        return elsewhere[column.name]
    place = f"{alias}.{column.name}"
    return f"{place}::VARCHAR AS {column.name}" if column.kind in _AS_TEXT else place


_NAMES = {"run_id": "r.run_id", "task": "t.task"}
RUN_SQL = {column.name: _expression(column, "r", {}) for column in RUN_COLUMNS}
SCORE_SQL = {column.name: _expression(column, "c", _NAMES) for column in SCORE_COLUMNS}
SAMPLE_SQL = {
    column.name: _expression(column, "s", {**_NAMES, "variant": "v.variant"})
    for column in SAMPLE_COLUMNS
}
"""What to select for each column of a record, in the order of its fields."""
SCORE_TABLES = """scores c JOIN runs r USING (run_key) JOIN models m USING (model_key)
    LEFT JOIN tasks t USING (task_key)"""
SAMPLE_TABLES = """samples s JOIN runs r USING (run_key) JOIN models m USING (model_key)
    JOIN tasks t USING (task_key) LEFT JOIN variants v USING (variant_key)"""
"""What to select them from."""
