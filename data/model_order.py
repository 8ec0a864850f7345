"""The order in which models first came to have results. Colours follow it (`ui.figures.theme`), so
it only ever grows at its end.

It is kept in the store and not derived from the runs: a run that is imported anew or removed would
move its model, and recolour others.
"""

from __future__ import annotations

import json

import duckdb

from data.store import Store

_KEY = "model_order"


def fetch_model_order(store: Store) -> tuple[str, ...]:
    """Every model that ever had results in this store, by when it first had some; its place never
    changes.
    """
    with store.cursor() as cursor:
        return tuple(_order(cursor))


def keep_model_order(cursor: duckdb.DuckDBPyConnection) -> None:
    """Write down the models that have results by now. Call it inside a transaction that brings
    models in or takes runs away.
    """
    cursor.execute(
        "INSERT OR REPLACE INTO meta VALUES (?, ?)",
        [_KEY, json.dumps(_order(cursor), ensure_ascii=False)],
    )


def _order(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    kept = cursor.execute("SELECT value FROM meta WHERE key = ?", [_KEY]).fetchall()
    order: list[str] = json.loads(kept[0][0]) if kept else []
    stored = cursor.execute(
        "SELECT model FROM models JOIN runs USING (model_key) GROUP BY model ORDER BY min(run_key)"
    ).fetchall()
    return list(dict.fromkeys([*order, *(model for (model,) in stored)]))
