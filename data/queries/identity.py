"""Who is who: names that sources give to models, checkpoints, and what tells whether two runs are
one.
"""

from __future__ import annotations

import pandas as pd

from data.queries.selection_sql import frame_of
from data.store import Store


def fetch_model_names(store: Store) -> pd.DataFrame:
    """Names that stand for a model: those that runs were imported under, those that a person
    decided on, and models of the catalog.

    Columns: name str, model str, family str|None (known of models of the catalog), n_params float
        (of the model, else the largest number its runs state), n_runs int, formats str|None.
    """
    return frame_of(
        store,
        """
        WITH used AS (
            SELECT model_raw AS name, model_key, count(*) AS n_runs, string_agg(DISTINCT format,
                ', ' ORDER BY format) AS formats
            FROM runs GROUP BY ALL),
        stated AS (SELECT model_key, max(n_params) AS n_params FROM runs GROUP BY ALL),
        decided AS (
            SELECT unnest(json_keys(value)) AS name, value FROM meta WHERE key = 'model_names'),
        named AS (
            SELECT name, model_key, n_runs, formats FROM used
            UNION ALL
            SELECT d.name, m.model_key, 0, NULL FROM decided d JOIN model_aliases a
                ON a.alias = d.name JOIN models m ON m.model = a.model
            WHERE d.name NOT IN (SELECT name FROM used)
            UNION ALL
            SELECT model, model_key, 0, NULL FROM models
            WHERE family IS NOT NULL AND model NOT IN (SELECT name FROM used)
                AND model NOT IN (SELECT name FROM decided)
              AND model NOT IN (SELECT alias FROM model_aliases WHERE alias <> model))
        SELECT n.name, m.model, m.family, coalesce(m.n_params, s.n_params)::DOUBLE AS n_params,
            n.n_runs, n.formats
        FROM named n JOIN models m USING (model_key) LEFT JOIN stated s USING (model_key)
        ORDER BY m.model, n.n_runs DESC, n.name
        """,
    )


def fetch_checkpoints(store: Store) -> pd.DataFrame:
    """One row per model, revision and step: model str, revision str|None, step Int64, n_runs int,
    formats str, names str.
    """
    frame = frame_of(
        store,
        """
        SELECT m.model, r.checkpoint AS revision, r.step, count(*) AS n_runs,
               string_agg(DISTINCT r.format, ', ' ORDER BY r.format) AS formats,
               string_agg(DISTINCT r.model_raw, ', ' ORDER BY r.model_raw) AS names
        FROM runs r JOIN models m USING (model_key) GROUP BY m.model, r.checkpoint, r.step
        ORDER BY m.model, r.step NULLS LAST, r.checkpoint NULLS LAST
        """,
    )
    frame["step"] = frame["step"].astype("Int64")
    return frame


def fetch_fingerprints(store: Store) -> pd.DataFrame:
    """What the answers of each run look like, order aside; only runs with samples of a primary
    reading.

    Columns: run_id, model, format str, checkpoint str|None, step, n_shot Int64, n_samples int,
        n_kinds int (different outcomes), outcomes str (of task, instance, epoch and outcome, or
        score where there is none), responses str|None (of the texts as well; None where an answer
        has none).
    """
    frame = frame_of(
        store,
        """
        WITH marks AS (
            SELECT run_key, outcome, response IS NULL AS is_mute,
                   hash(task_key, instance_id, epoch, outcome, CASE
                       WHEN outcome IS NULL THEN round(score, 4) END) AS mark,
                   hash(task_key, instance_id, epoch, response) AS text_mark
            FROM samples WHERE is_primary),
        prints AS (
            SELECT run_key, count(*) AS n_samples, count(DISTINCT outcome) AS n_kinds,
                sum(mark::HUGEINT)::VARCHAR AS outcomes,
                   CASE WHEN NOT bool_or(is_mute) THEN sum(text_mark::HUGEINT)::VARCHAR END
                       AS responses
            FROM marks GROUP BY run_key)
        SELECT r.run_id, m.model, r.format, r.checkpoint, r.step, r.n_shot, p.n_samples, p.n_kinds,
            p.outcomes, p.responses
        FROM prints p JOIN runs r USING (run_key) JOIN models m USING (model_key) ORDER BY r.run_key
        """,
    )
    return frame.astype({"step": "Int64", "n_shot": "Int64"})


def fetch_stated_scores(store: Store) -> pd.DataFrame:
    """Aggregate numbers of every run that two formats may share, one row each; an accuracy is
    counted where a run states no number at all.

    Columns: run_id, model, format str, checkpoint str|None, step, n_shot Int64, place str (task,
        split, level, subset and metric in one word), value float (0-1 where the scale allows it).
    """
    frame = frame_of(
        store,
        """
        WITH stated AS (
            SELECT run_key, task_key, split, level, subset, CASE metric WHEN 'acc' THEN 'accuracy'
                ELSE metric END AS metric,
                   coalesce(value01, value) AS value
            FROM scores WHERE value IS NOT NULL AND NOT is_group
            UNION ALL
            SELECT run_key, task_key, split, level, NULL, 'accuracy',
                sum(n_correct) / sum(n_correct + n_wrong + n_unparsed)
            FROM cells WHERE is_primary AND run_key NOT IN (SELECT run_key FROM scores)
            GROUP BY run_key, task_key, split,
                level HAVING sum(n_correct + n_wrong + n_unparsed) > 0)
        SELECT r.run_id, m.model, r.format, r.checkpoint, r.step, r.n_shot,
               concat_ws(' | ', coalesce(t.task, ''), coalesce(x.split::VARCHAR, ''),
                   coalesce(x.level::VARCHAR, ''),
                         coalesce(x.subset, ''), x.metric) AS place, x.value
        FROM stated x JOIN runs r USING (run_key) JOIN models m USING (model_key)
            LEFT JOIN tasks t USING (task_key)
        QUALIFY count(DISTINCT round(x.value, 6)) OVER (PARTITION BY r.run_key, place) = 1
        ORDER BY r.run_key, place
        """,
    )
    return frame.drop_duplicates(["run_id", "place"], ignore_index=True).astype(
        {"step": "Int64", "n_shot": "Int64"}
    )
