"""Outcome counts by task and split, the aggregate numbers that sources state, and chance levels."""

from __future__ import annotations

import pandas as pd

from data.catalog.ladder_chance import read_ladder_chance
from data.queries.selection_sql import (
    DATED_AT,
    OOD_KIND,
    RUN_RANK,
    frame_of,
    placed,
    where_selected,
)
from data.records import Selection
from data.store import Store

_COUNTABLE_SCORE = """
    metric IN ('accuracy', 'acc', 'exact_match') AND task_key IS NOT NULL AND split IS NOT NULL
    AND NOT is_group AND flag IS NULL AND subset IS NULL
    AND value01 BETWEEN 0 AND 1 AND n > 0 AND abs(value01 * n - round(value01 * n)) < 0.01
    """


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
    counts = placed(
        "counted",
        chosen,
        "coalesce(t.label, t.task) AS task_label",
        "n_correct + n_wrong + n_unparsed + n_error AS n",
        DATED_AT,
    )
    frame = frame_of(
        store,
        f"""
        WITH counted AS (
            SELECT run_key, task_key, level, split, 'samples' AS source,
                   sum(n_correct) AS n_correct, sum(n_wrong) AS n_wrong,
                   sum(n_unparsed) AS n_unparsed, sum(n_error) AS n_error,
                   sum(n_instances) AS n_instances
            FROM cells
            WHERE is_primary
            GROUP BY ALL
            HAVING sum(n_correct + n_wrong + n_unparsed + n_error) > 0
            UNION ALL BY NAME
            SELECT run_key, task_key, level, split, 'aggregates' AS source,
                   round(value01 * n) AS n_correct, n - round(value01 * n) AS n_wrong,
                   0 AS n_unparsed, 0 AS n_error, NULL AS n_instances
            FROM scores
            WHERE {_COUNTABLE_SCORE} AND run_key NOT IN (SELECT run_key FROM cells)
            QUALIFY row_number() OVER (
                PARTITION BY run_key, task_key, level, split ORDER BY rowid) = 1),
        placed AS (SELECT * FROM {counts}),
        ranked AS (
            SELECT model, task, run_key,
                   dense_rank() OVER (PARTITION BY model, task ORDER BY {RUN_RANK}) AS rank,
                   count(*) OVER (PARTITION BY model, task) - 1 AS n_other_runs
            FROM placed
            GROUP BY model, task, run_key)
        SELECT p.model, p.run_id, p.task, p.task_label, p.level, l.label AS level_label, p.role,
               p.split, p.n_correct::BIGINT AS n_correct, p.n_wrong::BIGINT AS n_wrong,
               p.n_unparsed::BIGINT AS n_unparsed, p.n_error::BIGINT AS n_error,
               p.n_instances::BIGINT AS n_instances, p.source, k.n_other_runs
        FROM placed p
        JOIN ranked k USING (model, task, run_key)
        LEFT JOIN levels l ON l.scheme = $scheme AND l.level = p.level
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
        SELECT p.model, p.run_id, p.metric, p.task, p.level, l.label AS level_label, p.split,
               coalesce(p.value01, p.value) AS value, p.stderr, p.n,
               (p.metadata->>'sd')::DOUBLE AS sd,
               (p.metadata->>'n_tasks')::BIGINT AS n_tasks,
               (p.metadata->>'n_per_task')::BIGINT AS n_per_task,
               coalesce(p.metadata->>'source', p.source_path) AS source
        FROM {placed("scores", chosen, "r.source_path", "r.level_scheme")}
        LEFT JOIN levels l ON l.scheme = $scheme AND l.level = p.level
        WHERE NOT p.is_group AND p.flag IS NULL AND p.value IS NOT NULL
          AND p.metric IN ('accuracy', 'generalization_score', 'critical_level')
          AND (p.level IS NOT NULL OR (p.metric = 'critical_level' AND p.level_scheme = $scheme))
          AND p.run_key NOT IN (SELECT run_key FROM cells)
        ORDER BY p.model, p.metric, p.level, p.split
        """,
        scheme=selection.scheme,
        **values,
    )
    return frame.astype({"level": "Int16", "n": "Int64", "n_tasks": "Int64", "n_per_task": "Int64"})


def fetch_scores(store: Store, selection: Selection, *, limit: int = 100_000) -> pd.DataFrame:
    """Aggregate numbers as their sources state them.

    Columns: model, run_id, step, task, split, level, subset, metric, variant, value, scale,
        value01, stderr, stderr_kind, n, n_kind, n_shot, higher_is_better, is_group, parent_group,
        flag.
    """
    chosen, values = where_selected(selection)
    return frame_of(
        store,
        f"""
        SELECT model, run_id, step, task, split, level, subset, metric, variant, value, scale,
               value01, stderr, stderr_kind, n, n_kind, n_shot, higher_is_better, is_group,
               parent_group, flag
        FROM {placed("scores", chosen, "x.rowid AS place")}
        ORDER BY model, run_id, place
        LIMIT {int(limit)}
        """,
        scheme=selection.scheme,
        **values,
    )


def fetch_chance(store: Store) -> dict[tuple[str, str], float]:
    """(run_id, task) -> chance level, 0-1, where one is known.

    Runs whose ID elements are the ladder's have the ladder's lists and its chance levels; none
    under the OOD kind `length`, where ID and OOD have different ones. Other runs have what the
    catalog states for lists of SCYLLA's lengths, and where it states nothing what follows from the
    choices that were offered (`fetch_choice_chance`).
    """
    found = frame_of(
        store,
        f"""
        WITH answered AS (
            SELECT run_key, task_key FROM cells
            UNION
            SELECT run_key, task_key FROM scores WHERE task_key IS NOT NULL)
        SELECT r.run_id, t.task, t.chance,
               split_part(coalesce(r.id_source, ''), ':', 1) = 'ladder' AS is_ladder,
               coalesce({OOD_KIND}, split_part(r.id_source, ':', 2), '') = 'length' AS is_longer
        FROM answered
        JOIN runs r USING (run_key)
        JOIN tasks t USING (task_key)
        ORDER BY r.run_id, t.task
        """,
    )
    of_ladder = read_ladder_chance()
    levels: dict[tuple[str, str], float] = dict(fetch_choice_chance(store))
    for run_id, task, stated, is_ladder, is_longer in found.itertuples(index=False, name=None):
        level = stated
        if is_ladder:
            level = None if is_longer else of_ladder.get(task)
        if level is not None and level == level:
            levels[str(run_id), str(task)] = float(level)
    return levels


def fetch_choice_chance(store: Store) -> dict[tuple[str, str], float]:
    """(run_id, task) -> chance level derived from the choices: the mean over the run's instances of
    1 / number of choices.

    Only for tasks whose chance the catalog does not state, and only where every answer of the run
    that did not fail has two choices or more on record: by their log-probabilities, or by the
    choices themselves in its metadata. An instance with several right choices is guessed more often
    than that; such instances are not told apart here.
    """
    found = frame_of(
        store,
        """
        WITH offered AS (
            SELECT s.run_key, s.task_key,
                   coalesce(len(s.choice_logprobs),
                            json_array_length(s.metadata, '$.choices')::BIGINT, 0) AS n_choices
            FROM samples s
            JOIN tasks t USING (task_key)
            JOIN runs r USING (run_key)
            WHERE t.chance IS NULL AND s.is_primary AND s.outcome <> 'error'
              AND split_part(coalesce(r.id_source, ''), ':', 1) <> 'ladder')
        SELECT r.run_id, t.task, avg(1.0 / n_choices) AS chance
        FROM offered
        JOIN runs r USING (run_key)
        JOIN tasks t USING (task_key)
        GROUP BY r.run_id, t.task
        HAVING min(n_choices) >= 2
        ORDER BY r.run_id, t.task
        """,
    )
    return {
        (str(run_id), str(task)): float(chance)
        for run_id, task, chance in found.itertuples(index=False, name=None)
    }
