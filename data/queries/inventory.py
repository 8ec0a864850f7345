"""What is here: models, tasks, level schemes, runs, imports and what they rejected."""

from __future__ import annotations

from typing import Any

import pandas as pd

from data.migrations import SCHEMA_VERSION
from data.queries.selection_sql import OOD_KIND, frame_of
from data.records import StoreError
from data.store import Store
from data.unfinished import STATUS, now_s


def fetch_store_info(store: Store) -> dict[str, Any]:
    """Path, version, schema version, and how much of everything is stored."""
    counted = ("models", "tasks", "runs", "scores", "samples", "imports", "rejects", "views")
    with store.cursor() as cursor:
        counts = {
            table: cursor.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            for table in counted
        }
        ((counts["imports"], counts["failed_imports"], newest),) = cursor.execute(
            "SELECT count(*) FILTER (status <> 'failed'), count(*) FILTER (status = 'failed'), "
            "max(imported_at) FILTER (status <> 'failed') FROM imports"
        ).fetchall()
        # Models and tasks of the catalog that nothing was measured on are no content.
        ((counts["models"],),) = cursor.execute(
            "SELECT count(DISTINCT model_key) FROM runs"
        ).fetchall()
        ((counts["tasks"],),) = cursor.execute(
            "SELECT count(DISTINCT task_key) FROM (SELECT task_key FROM cells UNION SELECT task_key"
            " FROM scores)"
        ).fetchall()
    return {
        "path": str(store.folder),
        "file": str(store.file),
        "version": store.version,
        "schema_version": SCHEMA_VERSION,
        "n_bytes": sum(
            file.stat().st_size for file in store.folder.glob(f"{store.file.name}*")
        ),  # with the write-ahead log
        "newest_import_at": newest.isoformat() + "Z" if newest else None,
        **counts,
    }


def fetch_models(store: Store) -> pd.DataFrame:
    """Models with results: model, family, n_params, access, tuning, release_date, n_runs,
    n_samples, n_scores, n_tasks, formats.
    """
    return frame_of(
        store,
        """
        WITH per_run AS (
            SELECT r.model_key, r.run_key, r.format,
                   (SELECT coalesce(sum(n_correct + n_wrong + n_unparsed + n_error + n_ungraded),
                       0) FROM cells c
                    WHERE c.run_key = r.run_key AND c.is_primary) AS n_samples
            FROM runs r),
        per_score AS (SELECT run_key, count(*) AS n_scores FROM scores GROUP BY run_key),
        seen AS (
            SELECT r.model_key, count(DISTINCT x.task_key) AS n_tasks
            FROM (SELECT run_key, task_key FROM cells UNION SELECT run_key, task_key FROM scores
                WHERE task_key IS NOT NULL) x
            JOIN runs r USING (run_key)
            GROUP BY r.model_key)
        SELECT m.model, m.family, m.n_params, m.access, m.tuning, m.release_date, count(*)
            AS n_runs, sum(p.n_samples)::BIGINT AS n_samples,
               coalesce(sum(s.n_scores), 0)::BIGINT AS n_scores, coalesce(any_value(t.n_tasks), 0)
                   AS n_tasks,
               string_agg(DISTINCT p.format, ', ' ORDER BY p.format) AS formats
        FROM per_run p JOIN models m USING (model_key) LEFT JOIN per_score s USING (run_key)
            LEFT JOIN seen t USING (model_key)
        GROUP BY m.model, m.family, m.n_params, m.access, m.tuning, m.release_date ORDER BY m.model
        """,
    )


def fetch_tasks(store: Store) -> pd.DataFrame:
    """Tasks with results: task, label, benchmark, chance, n_samples (primary reading), n_models."""
    return frame_of(
        store,
        """
        WITH rows AS (
            SELECT run_key, task_key, n_correct + n_wrong + n_unparsed + n_error + n_ungraded AS n
                FROM cells WHERE is_primary
            UNION ALL SELECT DISTINCT run_key, task_key, 0 FROM scores WHERE task_key IS NOT NULL)
        SELECT t.task, coalesce(t.label, t.task) AS label, t.benchmark, t.chance,
            sum(rows.n)::BIGINT AS n_samples,
               count(DISTINCT r.model_key) AS n_models
        FROM rows JOIN tasks t USING (task_key) JOIN runs r USING (run_key)
        GROUP BY t.task, t.label, t.benchmark, t.chance ORDER BY t.task
        """,
    )


def fetch_schemes(store: Store) -> pd.DataFrame:
    """Level schemes of the catalog and of the stored runs: scheme, label, source, note,
    n_levels.
    """
    return frame_of(
        store,
        """
        WITH named AS (SELECT scheme, label, source, note FROM level_schemes
            UNION ALL SELECT DISTINCT level_scheme, level_scheme, NULL, NULL FROM runs
            WHERE level_scheme IS NOT NULL AND level_scheme NOT IN (SELECT scheme
                FROM level_schemes))
        SELECT n.*, (SELECT count(*) FROM levels l WHERE l.scheme = n.scheme) AS n_levels
            FROM named n ORDER BY scheme
        """,
    )


def fetch_levels(store: Store, scheme: str) -> pd.DataFrame:
    """Levels of a scheme in order: level, label, note."""
    return frame_of(
        store,
        "SELECT level, label, note FROM levels WHERE scheme = $scheme ORDER BY level",
        scheme=scheme,
    )


def fetch_views(store: Store) -> pd.DataFrame:
    """Saved views, newest first: view_id, name, page, query, store_version, note, saved_at."""
    return frame_of(
        store,
        "SELECT view_id, name, page, query, store_version, note, saved_at FROM views ORDER BY"
        " saved_at DESC, name",
    )


def fetch_runs(store: Store) -> pd.DataFrame:
    """Runs, newest first: run_id, model, model_raw, benchmark, format, harness, harness_version,
    status, checkpoint, step, n_shot, level_scheme, id_source, seeds (JSON), started_at, added_at,
    source_path, sha256, n_scores, n_samples, n_correct, n_wrong, n_unparsed, n_error, warnings.
    `status` is the stored one, or "running" (data/unfinished.py).
    """
    return frame_of(
        store,
        f"""
        WITH counted AS (
            SELECT run_key, sum(n_correct)::BIGINT AS n_correct, sum(n_wrong)::BIGINT AS n_wrong,
                sum(n_unparsed)::BIGINT AS n_unparsed,
                   sum(n_error)::BIGINT AS n_error, sum(n_ungraded)::BIGINT AS n_ungraded
            FROM cells WHERE is_primary GROUP BY run_key),
        scored AS (SELECT run_key, count(*) AS n_scores FROM scores GROUP BY run_key)
        SELECT r.run_id, m.model, r.model_raw, r.benchmark, r.format, r.harness, r.harness_version,
            {STATUS} AS status, r.checkpoint,
               r.step, r.n_shot,
               r.level_scheme, r.id_source, r.seeds::VARCHAR AS seeds,
               r.started_at, r.added_at, coalesce(r.source_path, i.path) AS source_path, i.sha256,
               coalesce(s.n_scores, 0) AS n_scores,
                   coalesce(n_correct + n_wrong + n_unparsed + n_error + n_ungraded, 0)
                   AS n_samples,
               coalesce(n_correct, 0) AS n_correct, coalesce(n_wrong, 0) AS n_wrong,
                   coalesce(n_unparsed, 0) AS n_unparsed,
               coalesce(n_error, 0) AS n_error, r.warnings::VARCHAR AS warnings
        FROM runs r JOIN models m USING (model_key) LEFT JOIN imports i USING (import_key)
            LEFT JOIN counted USING (run_key)
        LEFT JOIN scored s USING (run_key) ORDER BY r.added_at DESC, r.run_key DESC
        """,
        now_s=now_s(),
    )


def fetch_run(store: Store, run_id: str) -> dict[str, Any]:
    """Everything stored about one run, as a dictionary. Raises StoreError when there is no such
    run.
    """
    rows = frame_of(
        store,
        f"SELECT r.* EXCLUDE (run_key, import_key, model_key) REPLACE ({STATUS} AS status),"
        " m.model, i.path AS import_path, i.sha256, i.imported_at FROM runs r JOIN models m USING"
        " (model_key) LEFT JOIN imports i USING (import_key) WHERE r.run_id = $run_id",
        run_id=run_id,
        now_s=now_s(),
    )
    if rows.empty:
        raise StoreError(
            f"No run {run_id!r} is stored. `export runs` and the runs page list those that are."
        )
    return dict(rows.astype(object).where(rows.notna(), None).iloc[0])


def fetch_ood_kinds(store: Store) -> pd.DataFrame:
    """Kinds of OOD instances that runs name, the one of most runs first: ood, label str|None (what
    the kind means), n_runs, n_models.
    """
    return frame_of(
        store,
        f"""
        SELECT {OOD_KIND} AS ood, min(r.metadata->>'ood_label') AS label, count(*) AS n_runs,
            count(DISTINCT model_key) AS n_models
        FROM runs r WHERE {OOD_KIND} IS NOT NULL
            AND {OOD_KIND} <> '' GROUP BY 1 ORDER BY n_runs DESC, 1
        """,
    )


def fetch_imports(store: Store) -> pd.DataFrame:
    """Imports, also those that failed (by `status`), newest first: import_key, path, format,
    sha256, importer_version, status, message, n_bytes, n_runs, n_scores, n_samples, n_rejected,
    imported_at.
    """
    return frame_of(
        store, "SELECT * EXCLUDE (files) FROM imports ORDER BY imported_at DESC, import_key DESC"
    )


def fetch_rejects(
    store: Store, import_key: int | None = None, *, limit: int = 1000
) -> pd.DataFrame:
    """Records that could not come in: import_key, path, file, record, field, found, expected; of
    one import or of all.
    """
    where = "" if import_key is None else "WHERE x.import_key = $import_key"
    values = {} if import_key is None else {"import_key": import_key}
    return frame_of(
        store,
        "SELECT x.import_key, i.path, x.file, x.record, x.field, x.found, x.expected "
        "FROM rejects x LEFT JOIN imports i USING (import_key) "
        f"{where} ORDER BY x.import_key DESC, x.rowid LIMIT {int(limit)}",
        **values,
    )
