"""Questions the pages and the shell ask of the store, one function each: Selection in, DataFrame out. All SQL that reads stands here.

Frames have the columns their docstrings list even when no row matches. Shares are 0-1, missing numbers NaN, missing words None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from data.records import SCYLLA_SCHEME, Outcome, Selection, Split, StoreError
from data.store import SCHEMA_VERSION, Store

_CHOSEN_LEVEL = "CASE WHEN tl.task IS NOT NULL THEN tl.level WHEN r.level_scheme = $scheme THEN c.level END"
"""A scheme that places the task wins; otherwise the level recorded with the result, if it belongs to this scheme."""


@dataclass(frozen=True, slots=True)
class SampleFilter:
    """Which samples of a selection to list. None means "any"."""

    split: Split | None = None
    level: int | None = None
    outcome: Outcome | None = None
    text: str = ""
    """Case-insensitive; matches input, response or parsed answer."""
    primary_only: bool = True
    """Leave out further readings (filters, second answers) of the same responses."""
    every_run: bool = False
    """Also list the runs that `fetch_task_counts` leaves out because a newer one of the same model and task is stored."""


SAMPLE_SORTS = {
    "run order": "NULL::DOUBLE",
    "lowest score": "s.score",
    "least likely answer": "s.answer_logprob",
    "longest response": "-length(s.response)",
    "slowest": "-s.duration_s",
}
"""Orders in which samples can be listed, by the words on screen: what ascends. Nulls come last, ties are in run order."""


# -- what is here ------------------------------------------------------------------------------------------------------------------


def fetch_store_info(store: Store) -> dict[str, Any]:
    """Path, version, schema version, and how much of everything is stored."""
    counted = ("models", "tasks", "runs", "scores", "samples", "imports", "rejects", "views")
    with store.cursor() as cursor:
        counts = {table: cursor.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in counted}
        ((newest,),) = cursor.execute("SELECT max(imported_at) FROM imports").fetchall()
        # Models and tasks of the catalog that nothing was measured on are no content.
        ((counts["models"],),) = cursor.execute("SELECT count(DISTINCT model_key) FROM runs").fetchall()
        ((counts["tasks"],),) = cursor.execute(
            "SELECT count(DISTINCT task_key) FROM (SELECT task_key FROM cells UNION SELECT task_key FROM scores)"
        ).fetchall()
    return {
        "path": str(store.folder),
        "file": str(store.file),
        "version": store.version,
        "schema_version": SCHEMA_VERSION,
        "n_bytes": sum(file.stat().st_size for file in store.folder.glob(f"{store.file.name}*")),  # with the write-ahead log
        "newest_import_at": newest.isoformat() + "Z" if newest else None,
        **counts,
    }


def fetch_models(store: Store) -> pd.DataFrame:
    """Models with results: model, family, n_params, access, tuning, release_date, n_runs, n_samples, n_scores, n_tasks, formats."""
    return _frame(
        store,
        """
        WITH per_run AS (
            SELECT r.model_key, r.run_key, r.format,
                   (SELECT coalesce(sum(n_correct + n_wrong + n_unparsed + n_error + n_ungraded), 0) FROM cells c
                    WHERE c.run_key = r.run_key AND c.is_primary) AS n_samples
            FROM runs r),
        per_score AS (SELECT run_key, count(*) AS n_scores FROM scores GROUP BY run_key),
        seen AS (
            SELECT r.model_key, count(DISTINCT x.task_key) AS n_tasks
            FROM (SELECT run_key, task_key FROM cells UNION SELECT run_key, task_key FROM scores WHERE task_key IS NOT NULL) x
            JOIN runs r USING (run_key)
            GROUP BY r.model_key)
        SELECT m.model, m.family, m.n_params, m.access, m.tuning, m.release_date, count(*) AS n_runs, sum(p.n_samples)::BIGINT AS n_samples,
               coalesce(sum(s.n_scores), 0)::BIGINT AS n_scores, coalesce(any_value(t.n_tasks), 0) AS n_tasks,
               string_agg(DISTINCT p.format, ', ' ORDER BY p.format) AS formats
        FROM per_run p JOIN models m USING (model_key) LEFT JOIN per_score s USING (run_key) LEFT JOIN seen t USING (model_key)
        GROUP BY m.model, m.family, m.n_params, m.access, m.tuning, m.release_date ORDER BY m.model
        """,
    )


def fetch_tasks(store: Store) -> pd.DataFrame:
    """Tasks with results: task, label, benchmark, chance, n_samples (primary reading), n_models."""
    return _frame(
        store,
        """
        WITH rows AS (
            SELECT run_key, task_key, n_correct + n_wrong + n_unparsed + n_error + n_ungraded AS n FROM cells WHERE is_primary
            UNION ALL SELECT DISTINCT run_key, task_key, 0 FROM scores WHERE task_key IS NOT NULL)
        SELECT t.task, coalesce(t.label, t.task) AS label, t.benchmark, t.chance, sum(rows.n)::BIGINT AS n_samples,
               count(DISTINCT r.model_key) AS n_models
        FROM rows JOIN tasks t USING (task_key) JOIN runs r USING (run_key)
        GROUP BY t.task, t.label, t.benchmark, t.chance ORDER BY t.task
        """,
    )


def fetch_schemes(store: Store) -> pd.DataFrame:
    """Level schemes of the catalog and of the stored runs: scheme, label, source, note, n_levels."""
    return _frame(
        store,
        """
        WITH named AS (SELECT scheme, label, source, note FROM level_schemes
            UNION ALL SELECT DISTINCT level_scheme, level_scheme, NULL, NULL FROM runs
            WHERE level_scheme IS NOT NULL AND level_scheme NOT IN (SELECT scheme FROM level_schemes))
        SELECT n.*, (SELECT count(*) FROM levels l WHERE l.scheme = n.scheme) AS n_levels FROM named n ORDER BY scheme
        """,
    )


def fetch_levels(store: Store, scheme: str) -> pd.DataFrame:
    """Levels of a scheme in order: level, label, note."""
    return _frame(store, "SELECT level, label, note FROM levels WHERE scheme = $scheme ORDER BY level", scheme=scheme)


def fetch_runs(store: Store) -> pd.DataFrame:
    """Runs, newest first: run_id, model, model_raw, benchmark, format, harness, harness_version, status, checkpoint, step, n_shot,
    level_scheme, id_source, started_at, added_at, source_path, sha256, n_scores, n_samples, n_correct, n_wrong, n_unparsed, n_error,
    warnings."""
    return _frame(
        store,
        """
        WITH counted AS (
            SELECT run_key, sum(n_correct)::BIGINT AS n_correct, sum(n_wrong)::BIGINT AS n_wrong, sum(n_unparsed)::BIGINT AS n_unparsed,
                   sum(n_error)::BIGINT AS n_error, sum(n_ungraded)::BIGINT AS n_ungraded
            FROM cells WHERE is_primary GROUP BY run_key),
        scored AS (SELECT run_key, count(*) AS n_scores FROM scores GROUP BY run_key)
        SELECT r.run_id, m.model, r.model_raw, r.benchmark, r.format, r.harness, r.harness_version, r.status, r.checkpoint, r.step,
               r.n_shot,
               r.level_scheme, r.id_source, r.started_at, r.added_at, coalesce(r.source_path, i.path) AS source_path, i.sha256,
               coalesce(s.n_scores, 0) AS n_scores, coalesce(n_correct + n_wrong + n_unparsed + n_error + n_ungraded, 0) AS n_samples,
               coalesce(n_correct, 0) AS n_correct, coalesce(n_wrong, 0) AS n_wrong, coalesce(n_unparsed, 0) AS n_unparsed,
               coalesce(n_error, 0) AS n_error, r.warnings::VARCHAR AS warnings
        FROM runs r JOIN models m USING (model_key) LEFT JOIN imports i USING (import_key) LEFT JOIN counted USING (run_key)
        LEFT JOIN scored s USING (run_key) ORDER BY r.added_at DESC, r.run_key DESC
        """,
    )


def fetch_run(store: Store, run_id: str) -> dict[str, Any]:
    """Everything stored about one run, as a dictionary. Raises StoreError when there is no such run."""
    rows = _frame(
        store,
        "SELECT r.* EXCLUDE (run_key, import_key, model_key), m.model, i.path AS import_path, i.sha256, i.imported_at "
        "FROM runs r JOIN models m USING (model_key) LEFT JOIN imports i USING (import_key) WHERE r.run_id = $run_id",
        run_id=run_id,
    )
    if rows.empty:
        raise StoreError(f"No run {run_id!r} is stored. `store info` and the runs page list those that are.")
    return dict(rows.astype(object).where(rows.notna(), None).iloc[0])


def fetch_imports(store: Store) -> pd.DataFrame:
    """Imports, newest first: import_key, path, format, sha256, importer_version, status, message, n_bytes, n_runs, n_scores, n_samples,
    n_rejected, imported_at."""
    return _frame(store, "SELECT * EXCLUDE (files) FROM imports ORDER BY imported_at DESC, import_key DESC")


def fetch_rejects(store: Store, import_key: int | None = None, *, limit: int = 1000) -> pd.DataFrame:
    """Records that could not come in: import_key, path, file, record, field, found, expected; of one import or of all."""
    where = "" if import_key is None else "WHERE x.import_key = $import_key"
    values = {} if import_key is None else {"import_key": import_key}
    return _frame(
        store,
        "SELECT x.import_key, i.path, x.file, x.record, x.field, x.found, x.expected "
        "FROM rejects x LEFT JOIN imports i USING (import_key) "
        f"{where} ORDER BY x.import_key DESC, x.rowid LIMIT {int(limit)}",
        **values,
    )


# -- counts and scores -------------------------------------------------------------------------------------------------------------


def fetch_task_counts(store: Store, selection: Selection) -> pd.DataFrame:
    """Outcome counts of the primary reading, one row per model, task, level and split.

    For each model and task one run is taken: of the runs that have both splits if there are any, the one of the last checkpoint, then the
    newest; or every run named in the selection. Aggregate accuracies that state their n stand in where a run has no samples.

    Columns: model str, run_id str, task str, task_label str, level Int16 (NA: none in this scheme), level_label str|None,
        role "anchor"|"probe"|None, split "id"|"ood"|None, n_correct, n_wrong, n_unparsed, n_error int (disjoint),
        source "samples"|"aggregates" (aggregates know no unparsed answers), n_other_runs int (runs of the same model and task left out).
    """
    chosen, values = where_selected(selection)
    frame = _frame(
        store,
        f"""
        WITH counted AS (
            SELECT run_key, task_key, level, split, sum(n_correct) AS n_correct, sum(n_wrong) AS n_wrong, sum(n_unparsed) AS n_unparsed,
                   sum(n_error) AS n_error, 'samples' AS source
            FROM cells WHERE is_primary GROUP BY ALL HAVING sum(n_correct + n_wrong + n_unparsed + n_error) > 0
            UNION ALL BY NAME
            SELECT run_key, task_key, level, split, round(value01 * n) AS n_correct, n - round(value01 * n) AS n_wrong, 0 AS n_unparsed,
                   0 AS n_error, 'aggregates' AS source
            FROM scores WHERE {_COUNTABLE_SCORE} AND run_key NOT IN (SELECT run_key FROM cells)
            QUALIFY row_number() OVER (PARTITION BY run_key, task_key, level, split ORDER BY rowid) = 1),
        placed AS (
            SELECT m.model, r.run_id, r.run_key, r.step, coalesce(r.finished_at, r.started_at, r.added_at) AS dated_at,
                   t.task, coalesce(t.label, t.task) AS task_label, {_CHOSEN_LEVEL} AS level, tl.role, c.split,
                   n_correct, n_wrong, n_unparsed, n_error, c.source
            FROM counted c JOIN runs r USING (run_key) JOIN models m USING (model_key) JOIN tasks t USING (task_key)
            LEFT JOIN task_levels tl ON tl.scheme = $scheme AND tl.task = t.task WHERE {chosen}),
        ranked AS (
            SELECT model, task, run_key, dense_rank() OVER (
                PARTITION BY model, task
                ORDER BY count(DISTINCT split) DESC, any_value(step) DESC NULLS FIRST, any_value(dated_at) DESC, run_key DESC)
                AS rank, count(*) OVER (PARTITION BY model, task) - 1 AS n_other_runs
            FROM placed GROUP BY model, task, run_key)
        SELECT p.model, p.run_id, p.task, p.task_label, p.level, l.label AS level_label, p.role, p.split::VARCHAR AS split,
               p.n_correct::BIGINT AS n_correct, p.n_wrong::BIGINT AS n_wrong, p.n_unparsed::BIGINT AS n_unparsed,
               p.n_error::BIGINT AS n_error, p.source, k.n_other_runs
        FROM placed p JOIN ranked k USING (model, task, run_key) LEFT JOIN levels l ON l.scheme = $scheme AND l.level = p.level
        WHERE k.rank = 1 OR {str(bool(selection.runs)).upper()}
        ORDER BY p.model, p.level, p.task, p.split
        """,
        scheme=selection.scheme,
        **values,
    )
    frame["level"] = frame["level"].astype("Int16")
    return frame


def fetch_level_scores(store: Store, selection: Selection) -> pd.DataFrame:
    """Aggregate numbers by level that have no samples behind them: published figures, and tables of level means.

    Columns: model, run_id, metric ("accuracy" | "generalization_score" | "critical_level"), task str|None, level Int16, level_label,
        split, value (0-1 where the scale allows it, else as stated), stderr, n Int64, sd, n_tasks Int64, n_per_task Int64, source str|None.
    """
    chosen, values = where_selected(selection, tasks=False)
    frame = _frame(
        store,
        f"""
        SELECT m.model, r.run_id, c.metric, t.task, {_CHOSEN_LEVEL} AS level, l.label AS level_label, c.split::VARCHAR AS split,
               coalesce(c.value01, c.value) AS value, c.stderr, c.n, (c.metadata->>'sd')::DOUBLE AS sd,
               (c.metadata->>'n_tasks')::BIGINT AS n_tasks, (c.metadata->>'n_per_task')::BIGINT AS n_per_task,
               coalesce(c.metadata->>'source', r.source_path) AS source
        FROM scores c JOIN runs r USING (run_key) JOIN models m USING (model_key) LEFT JOIN tasks t USING (task_key)
        LEFT JOIN task_levels tl ON tl.scheme = $scheme AND tl.task = t.task
        LEFT JOIN levels l ON l.scheme = $scheme AND l.level = {_CHOSEN_LEVEL}
        WHERE {chosen} AND NOT c.is_group AND c.flag IS NULL AND c.value IS NOT NULL
          AND c.metric IN ('accuracy', 'generalization_score', 'critical_level')
          AND ({_CHOSEN_LEVEL} IS NOT NULL OR (c.metric = 'critical_level' AND r.level_scheme = $scheme))
          AND r.run_key NOT IN (SELECT run_key FROM cells)
        ORDER BY m.model, c.metric, level, split
        """,
        scheme=selection.scheme,
        **values,
    )
    return frame.astype({"level": "Int16", "n": "Int64", "n_tasks": "Int64", "n_per_task": "Int64"})


def fetch_scores(store: Store, selection: Selection, *, limit: int = 100_000) -> pd.DataFrame:
    """Aggregate numbers as their sources state them: model, run_id, step, task, split, level, subset, metric, variant, value, scale,
    value01,     stderr, stderr_kind, n, n_kind, n_shot, higher_is_better, is_group, parent_group, flag."""
    chosen, values = where_selected(selection)
    return _frame(
        store,
        f"""
        SELECT m.model, r.run_id, r.step, t.task, c.split::VARCHAR AS split, {_CHOSEN_LEVEL} AS level, c.subset, c.metric, c.variant,
               c.value, c.scale, c.value01, c.stderr, c.stderr_kind, c.n, c.n_kind, c.n_shot, c.higher_is_better, c.is_group,
               c.parent_group, c.flag
        FROM scores c JOIN runs r USING (run_key) JOIN models m USING (model_key) LEFT JOIN tasks t USING (task_key)
        LEFT JOIN task_levels tl ON tl.scheme = $scheme AND tl.task = t.task
        WHERE {chosen} ORDER BY m.model, r.run_id, c.rowid LIMIT {int(limit)}
        """,
        scheme=selection.scheme,
        **values,
    )


# -- samples -----------------------------------------------------------------------------------------------------------------------


def count_samples(store: Store, selection: Selection, wanted: SampleFilter) -> int:
    """How many samples match."""
    where, values = _where_samples(store, selection, wanted)
    return int(_frame(store, f"SELECT count(*) AS n {_SAMPLE_JOINS} WHERE {where}", scheme=selection.scheme, **values)["n"][0])


def fetch_sample_page(
    store: Store, selection: Selection, wanted: SampleFilter, *, sort: str = "run order", page: int = 0, page_size: int = 50
) -> pd.DataFrame:
    """One page of samples: run_id, row_in_run, model, task, level, split, instance_id, epoch, variant, outcome, score, answer_logprob,
    parsed_answer, target, response (first 200 characters), n_output_tokens, duration_s.
    `sort` is a key of SAMPLE_SORTS, `page` counts from 0."""
    key = _sort_key(sort)
    order = f"{key} ASC NULLS LAST, r.run_id, s.row_in_run" if sort != "run order" else "r.run_id, s.row_in_run"
    where, values = _where_samples(store, selection, wanted)
    # The text columns are read for the rows of the page only: first their addresses, then the rows.
    return _frame(
        store,
        f"""
        WITH page AS (
            SELECT s.rowid AS address {_SAMPLE_JOINS} WHERE {where}
            ORDER BY {order} LIMIT {int(page_size)} OFFSET {int(page) * int(page_size)})
        SELECT r.run_id, s.row_in_run, m.model, t.task, {_CHOSEN_LEVEL.replace("c.level", "s.level")} AS level, s.split::VARCHAR AS split,
               s.instance_id, s.epoch, v.variant, s.outcome::VARCHAR AS outcome, s.score, s.answer_logprob, s.parsed_answer, s.target,
               s.response[:200] AS response, s.n_output_tokens, s.duration_s
        {_SAMPLE_JOINS} LEFT JOIN variants v USING (variant_key) WHERE s.rowid IN (SELECT address FROM page) ORDER BY {order}
        """,
        scheme=selection.scheme,
        **values,
    )


def fetch_sample(store: Store, run_id: str, row_in_run: int, *, scheme: str = SCYLLA_SCHEME) -> dict[str, Any]:
    """Everything stored about one sample; `level` is its level in `scheme`. Raises StoreError when there is none at that address."""
    with store.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT r.run_id, m.model, r.model_raw, r.format, r.source_path, r.status AS run_status, t.task,
                   coalesce(t.label, t.task) AS task_label, v.variant, s.* EXCLUDE (run_key, task_key, variant_key) REPLACE (
                   s.split::VARCHAR AS split, s.outcome::VARCHAR AS outcome, {_CHOSEN_LEVEL.replace("c.level", "s.level")} AS level)
            {_SAMPLE_JOINS} LEFT JOIN variants v USING (variant_key)
            WHERE s.run_key = (SELECT run_key FROM runs WHERE run_id = $run_id) AND s.row_in_run = $row
            """,
            {"run_id": run_id, "row": row_in_run, "scheme": scheme},
        )
        names = [column[0] for column in cursor.description or []]
        rows = cursor.fetchall()
    if not rows:
        raise StoreError(f"No sample {row_in_run} of run {run_id!r} is stored. It may have been removed; list the samples again.")
    return dict(zip(names, rows[0], strict=True))


def fetch_neighbours(
    store: Store, selection: Selection, wanted: SampleFilter, run_id: str, row_in_run: int, *, sort: str = "run order"
) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
    """Addresses of the matching samples before and after one, in the order of `sort`; None at either end. The one need not match itself."""
    where, values = _where_samples(store, selection, wanted)
    key = _sort_key(sort)
    place = f"({key} IS NULL, coalesce({key}, 0), r.run_id, s.row_in_run)"
    neighbours: list[tuple[str, int] | None] = []
    for comparison, order in (("<", "DESC"), (">", "ASC")):
        frame = _frame(
            store,
            f"""
            WITH here AS (
                SELECT {place} AS place FROM samples s JOIN runs r USING (run_key) WHERE r.run_id = $run_id AND s.row_in_run = $row)
            SELECT r.run_id, s.row_in_run {_SAMPLE_JOINS} WHERE {where} AND {place} {comparison} (SELECT place FROM here)
            ORDER BY {place} {order} LIMIT 1
            """,
            scheme=selection.scheme,
            run_id=run_id,
            row=row_in_run,
            **values,
        )
        neighbours.append(None if frame.empty else (str(frame["run_id"][0]), int(frame["row_in_run"][0])))
    return neighbours[0], neighbours[1]


# -- details -----------------------------------------------------------------------------------------------------------------------

_COUNTABLE_SCORE = """metric IN ('accuracy', 'acc', 'exact_match') AND task_key IS NOT NULL AND split IS NOT NULL AND NOT is_group
            AND flag IS NULL AND subset IS NULL AND value01 BETWEEN 0 AND 1 AND n > 0 AND abs(value01 * n - round(value01 * n)) < 0.01"""

_SAMPLE_JOINS = """FROM samples s JOIN runs r USING (run_key) JOIN models m USING (model_key) JOIN tasks t USING (task_key)
        LEFT JOIN task_levels tl ON tl.scheme = $scheme AND tl.task = t.task"""


_RUN_RANK = "count(DISTINCT split) DESC, any_value(step) DESC NULLS FIRST, any_value(dated_at) DESC, run_key DESC"
"""Of several runs of one model and task: first one with both splits, then the last checkpoint (no step: the final one), then the newest."""

_OLDER_RUNS = f"""
    WITH dated AS (
        SELECT r.model_key, c.task_key, c.run_key, c.split, r.step, coalesce(r.finished_at, r.started_at, r.added_at) AS dated_at,
               n_correct + n_wrong + n_unparsed + n_error > 0 AS is_graded
        FROM cells c JOIN runs r USING (run_key) WHERE c.is_primary)
    SELECT run_key, task_key FROM dated GROUP BY model_key, task_key, run_key
    QUALIFY row_number() OVER (PARTITION BY model_key, task_key ORDER BY bool_or(is_graded) DESC, {_RUN_RANK}) > 1"""


def where_selected(selection: Selection, *, tasks: bool = True) -> tuple[str, dict[str, Any]]:
    """SQL condition for a selection. Nothing chosen means everything, without an IN list: that would cost three times as much."""
    wanted = {"m.model": ("models", selection.models), "r.run_id": ("runs", selection.runs)}
    if tasks:
        wanted["t.task"] = ("tasks", selection.tasks)
    conditions, values = ["TRUE"], {}
    for column, (name, names) in wanted.items():
        if names:
            conditions.append(f"{column} IN (SELECT unnest(${name}::VARCHAR[]))")
            values[name] = list(names)
    return " AND ".join(conditions), values


def _sort_key(sort: str) -> str:
    if sort not in SAMPLE_SORTS:
        raise StoreError(f"Samples cannot be sorted by {sort!r}. Possible: {', '.join(SAMPLE_SORTS)}.")
    return SAMPLE_SORTS[sort]


def _where_samples(store: Store, selection: Selection, wanted: SampleFilter) -> tuple[str, dict[str, Any]]:
    condition, values = where_selected(selection)
    conditions = [condition]
    if not (wanted.every_run or selection.runs):
        older = _frame(store, _OLDER_RUNS)
        if not older.empty:
            conditions.append("(s.run_key, s.task_key) NOT IN (SELECT unnest($older_runs::INTEGER[]), unnest($older_tasks::INTEGER[]))")
            values |= {"older_runs": older["run_key"].tolist(), "older_tasks": older["task_key"].tolist()}
    if wanted.primary_only:
        conditions.append("s.is_primary")
    if wanted.split is not None:
        conditions.append("s.split = $split")
        values["split"] = str(wanted.split)
    if wanted.level is not None:
        conditions.append(f"({_CHOSEN_LEVEL.replace('c.level', 's.level')}) = $level")
        values["level"] = wanted.level
    if wanted.outcome is not None:
        conditions.append("s.outcome = $outcome")
        values["outcome"] = str(wanted.outcome)
    if wanted.text:
        conditions.append(
            "(contains(lower(s.response), $text) OR contains(lower(s.input), $text) OR contains(lower(s.parsed_answer), $text))"
        )
        values["text"] = wanted.text.lower()
    return " AND ".join(conditions), values


def _frame(store: Store, sql: str, **values: Any) -> pd.DataFrame:
    """Run one question on a cursor of its own. Values the question does not name are left out."""
    named = {name: value for name, value in values.items() if f"${name}" in sql}
    with store.cursor() as cursor:
        frame: pd.DataFrame = cursor.execute(sql, named or None).df()
    return frame
