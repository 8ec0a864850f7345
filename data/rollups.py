"""Rollups: what each cell (run, task, variant, level, split) holds, counted once and kept beside
its samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

COUNT_CELLS = """
    SELECT run_key, task_key, variant_key, is_primary, level, split,
           count(*) FILTER (outcome = 'correct') AS n_correct, count(*) FILTER (outcome = 'wrong')
               AS n_wrong,
           count(*) FILTER (outcome = 'unparsed') AS n_unparsed,
               count(*) FILTER (outcome = 'error') AS n_error,
           count(*) FILTER (outcome IS NULL) AS n_ungraded, count(DISTINCT instance_id)
               AS n_instances,
           sum(score::DOUBLE) AS score_sum, count(score) AS n_scored
    FROM samples WHERE run_key IN (SELECT unnest(?::INTEGER[]))
    GROUP BY run_key, task_key, variant_key, is_primary, level, split
"""
"""What `cells` must hold for these runs."""


def refresh_cells(cursor: duckdb.DuckDBPyConnection, run_keys: Sequence[int]) -> None:
    """Recount the rollups of these runs from their samples. Outcomes are counted per answer;
    `n_instances` counts distinct instances.
    """
    if not run_keys:
        return
    cursor.execute(
        "DELETE FROM cells WHERE run_key IN (SELECT unnest(?::INTEGER[]))", [list(run_keys)]
    )
    cursor.execute(f"INSERT INTO cells BY NAME {COUNT_CELLS}", [list(run_keys)])
