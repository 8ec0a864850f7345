"""Outcome counts by task and split, and the aggregate numbers that sources state."""

from __future__ import annotations

import pandas as pd

from data.queries.selection_sql import CHOSEN_LEVEL, RUN_RANK, frame_of, where_selected
from data.records import Selection
from data.store import Store

_COUNTABLE_SCORE = """metric IN ('accuracy', 'acc', 'exact_match') AND task_key IS NOT NULL
    AND split IS NOT NULL AND NOT is_group
            AND flag IS NULL AND subset IS NULL AND value01 BETWEEN 0 AND 1 AND n > 0
                AND abs(value01 * n - round(value01 * n)) < 0.01"""


def fetch_task_counts(store: Store, selection: Selection) -> pd.DataFrame:
    """Outcome counts of the primary reading, one row per model, task, level and split.

    For each model and task one run is taken: of the runs that have both splits if there are any,
    the one of the last checkpoint, then the one with most answers, then the newest; or every run
    named in the selection. Aggregate accuracies that state their n stand in where a run has no
    samples.

    Columns: model str, run_id str, task str, task_label str, level Int16 (NA: none in this scheme),
        level_label str|None, role "anchor"|"probe"|None, split "id"|"ood"|None, n_correct, n_wrong,
        n_unparsed, n_error int (disjoint), n_instances Int64 (fewer than answers where instances
        were asked several times; NA for aggregates), source "samples"|"aggregates" (aggregates know
        no unparsed answers), n_other_runs int (runs of the same model and task left out).
    """
    chosen, values = where_selected(selection)
    frame = frame_of(
        store,
        f"""
        WITH counted AS (
            SELECT run_key, task_key, level, split, sum(n_correct) AS n_correct, sum(n_wrong)
                AS n_wrong, sum(n_unparsed) AS n_unparsed,
                   sum(n_error) AS n_error, sum(n_instances) AS n_instances, 'samples' AS source
            FROM cells WHERE is_primary GROUP BY ALL
            HAVING sum(n_correct + n_wrong + n_unparsed + n_error) > 0
            UNION ALL BY NAME
            SELECT run_key, task_key, level, split, round(value01 * n) AS n_correct,
                n - round(value01 * n) AS n_wrong, 0 AS n_unparsed,
                   0 AS n_error, NULL AS n_instances, 'aggregates' AS source
            FROM scores WHERE {_COUNTABLE_SCORE} AND run_key NOT IN (SELECT run_key FROM cells)
            QUALIFY row_number() OVER (PARTITION BY run_key, task_key, level,
                split ORDER BY rowid) = 1),
        placed AS (
            SELECT m.model, r.run_id, r.run_key, r.step, coalesce(r.finished_at, r.started_at,
                r.added_at) AS dated_at,
                   t.task, coalesce(t.label, t.task) AS task_label, {CHOSEN_LEVEL} AS level,
                       tl.role, c.split,
                   n_correct, n_wrong, n_unparsed, n_error,
                       n_correct + n_wrong + n_unparsed + n_error AS n, c.n_instances, c.source
            FROM counted c JOIN runs r USING (run_key) JOIN models m USING (model_key)
                JOIN tasks t USING (task_key)
            LEFT JOIN task_levels tl ON tl.scheme = $scheme AND tl.task = t.task WHERE {chosen}),
        ranked AS (
            SELECT model, task, run_key, dense_rank() OVER (
                PARTITION BY model, task
                ORDER BY {RUN_RANK})
                AS rank, count(*) OVER (PARTITION BY model, task) - 1 AS n_other_runs
            FROM placed GROUP BY model, task, run_key)
        SELECT p.model, p.run_id, p.task, p.task_label, p.level, l.label AS level_label, p.role,
            p.split::VARCHAR AS split,
               p.n_correct::BIGINT AS n_correct, p.n_wrong::BIGINT AS n_wrong, p.n_unparsed::BIGINT
                   AS n_unparsed,
               p.n_error::BIGINT AS n_error, p.n_instances::BIGINT AS n_instances, p.source,
                   k.n_other_runs
        FROM placed p JOIN ranked k USING (model, task, run_key) LEFT JOIN levels l
            ON l.scheme = $scheme AND l.level = p.level
        WHERE k.rank = 1 OR {str(bool(selection.runs)).upper()}
        ORDER BY p.model, p.level, p.task, p.split
        """,
        scheme=selection.scheme,
        **values,
    )
    return frame.astype({"level": "Int16", "n_instances": "Int64"})


def fetch_level_scores(store: Store, selection: Selection) -> pd.DataFrame:
    """Aggregate numbers by level that have no samples behind them: published figures, and tables of
    level means.

    Columns: model, run_id, metric ("accuracy" | "generalization_score" | "critical_level"), task
        str|None, level Int16, level_label, split, value (0-1 where the scale allows it, else as
        stated), stderr, n Int64, sd, n_tasks Int64, n_per_task Int64, source str|None.
    """
    chosen, values = where_selected(selection, tasks=False)
    frame = frame_of(
        store,
        f"""
        SELECT m.model, r.run_id, c.metric, t.task, {CHOSEN_LEVEL} AS level, l.label
            AS level_label, c.split::VARCHAR AS split,
               coalesce(c.value01, c.value) AS value, c.stderr, c.n, (c.metadata->>'sd')::DOUBLE
                   AS sd,
               (c.metadata->>'n_tasks')::BIGINT AS n_tasks, (c.metadata->>'n_per_task')::BIGINT
                   AS n_per_task,
               coalesce(c.metadata->>'source', r.source_path) AS source
        FROM scores c JOIN runs r USING (run_key) JOIN models m USING (model_key)
            LEFT JOIN tasks t USING (task_key)
        LEFT JOIN task_levels tl ON tl.scheme = $scheme AND tl.task = t.task
        LEFT JOIN levels l ON l.scheme = $scheme AND l.level = {CHOSEN_LEVEL}
        WHERE {chosen} AND NOT c.is_group AND c.flag IS NULL AND c.value IS NOT NULL
          AND c.metric IN ('accuracy', 'generalization_score', 'critical_level')
          AND ({CHOSEN_LEVEL} IS NOT NULL OR (c.metric = 'critical_level'
              AND r.level_scheme = $scheme))
          AND r.run_key NOT IN (SELECT run_key FROM cells)
        ORDER BY m.model, c.metric, level, split
        """,
        scheme=selection.scheme,
        **values,
    )
    return frame.astype({"level": "Int16", "n": "Int64", "n_tasks": "Int64", "n_per_task": "Int64"})


def fetch_scores(store: Store, selection: Selection, *, limit: int = 100_000) -> pd.DataFrame:
    """Aggregate numbers as their sources state them: model, run_id, step, task, split, level,
    subset, metric, variant, value, scale,
    value01,     stderr, stderr_kind, n, n_kind, n_shot, higher_is_better, is_group, parent_group,
                 flag.
    """
    chosen, values = where_selected(selection)
    return frame_of(
        store,
        f"""
        SELECT m.model, r.run_id, r.step, t.task, c.split::VARCHAR AS split, {CHOSEN_LEVEL}
            AS level, c.subset, c.metric, c.variant,
               c.value, c.scale, c.value01, c.stderr, c.stderr_kind, c.n, c.n_kind, c.n_shot,
                   c.higher_is_better, c.is_group,
               c.parent_group, c.flag
        FROM scores c JOIN runs r USING (run_key) JOIN models m USING (model_key)
            LEFT JOIN tasks t USING (task_key)
        LEFT JOIN task_levels tl ON tl.scheme = $scheme AND tl.task = t.task
        WHERE {chosen} ORDER BY m.model, r.run_id, c.rowid LIMIT {int(limit)}
        """,
        scheme=selection.scheme,
        **values,
    )
