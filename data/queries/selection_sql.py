"""What every question shares: how a selection becomes SQL, where a result belongs, which run of
several counts, how an answer becomes a frame.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from data.records import Selection
from data.store import Store

CHOSEN_LEVEL = (
    "CASE WHEN tl.task IS NOT NULL THEN tl.level WHEN r.level_scheme = $scheme THEN x.level END"
)
"""A scheme that places the task wins; otherwise the level recorded with the result, if it belongs
to this scheme. In the names of `placed`.
"""

RUN_RANK = (
    "count(DISTINCT split) DESC, any_value(step) DESC NULLS FIRST, sum(n) DESC, any_value(dated_at)"
    " DESC, run_key DESC"
)
"""Of several runs of one model and task: first one with both splits, then the last checkpoint (no
step: the final one), then the one with most answers, so that a quick probe does not stand in for a
whole evaluation; then the newest.
"""

DATED_AT = "coalesce(r.finished_at, r.started_at, r.added_at) AS dated_at"
OOD_KIND = "(r.metadata->>'ood_kind')"
"""What a run says about the kind of its OOD instances; NULL where it says nothing."""


def placed(table: str, condition: str, *columns: str) -> str:
    """The rows of a table, each with its run, model, task and level: a table macro named p, for
    FROM.

    It is text and no macro of the store: a temporary macro is unknown to other cursors, and a
    permanent one would be written into every store and change with the code.

    Args:
        table: cells, samples, scores, or a table of the question with their keys, level and split.
        condition: which rows. x is the row, r its run, m its model, t its task (all NULL where a
            score has none) and tl the task's place in $scheme.
        columns: what else is wanted of x, r, m and t.

    Columns: run_id, step, model, task, role, `columns`, then those of the table; `level` is that in
    $scheme and `split` a word.
    """
    more = "".join(f", {column}" for column in columns)
    # Only a score may lack a task; an outer join of all samples costs a fifth of a count's time.
    tasks = "LEFT JOIN" if table == "scores" else "JOIN"
    return f"""(
        SELECT r.run_id, r.step, m.model, t.task, tl.role{more},
               x.* REPLACE ({CHOSEN_LEVEL} AS level, x.split::VARCHAR AS split)
        FROM {table} x
        JOIN runs r USING (run_key)
        JOIN models m USING (model_key)
        {tasks} tasks t USING (task_key)
        LEFT JOIN task_levels tl ON tl.scheme = $scheme AND tl.task = t.task
        WHERE {condition}) p"""


def older_runs(selection: Selection) -> tuple[str, dict[str, Any]]:
    """SQL for the runs and tasks that give way to another run of the same model and task, among the
    runs of the selection's OOD kind.
    """
    of_kind, values = _of_kind(selection)
    sql = f"""
        WITH dated AS (
            SELECT r.model_key, c.task_key, c.run_key, c.split, r.step, {DATED_AT},
                   n_correct + n_wrong + n_unparsed + n_error AS n, n > 0 AS is_graded
            FROM cells c
            JOIN runs r USING (run_key)
            WHERE c.is_primary AND {of_kind})
        SELECT run_key, task_key
        FROM dated
        GROUP BY model_key, task_key, run_key
        QUALIFY row_number() OVER (
            PARTITION BY model_key, task_key ORDER BY bool_or(is_graded) DESC, {RUN_RANK}) > 1
        """
    return sql, values


def _of_kind(selection: Selection) -> tuple[str, dict[str, Any]]:
    return (f"{OOD_KIND} = $ood", {"ood": selection.ood}) if selection.ood else ("TRUE", {})


def where_selected(selection: Selection, *, tasks: bool = True) -> tuple[str, dict[str, Any]]:
    """SQL condition for a selection. Nothing chosen means everything, without an IN list: that
    would cost three times as much.
    """
    wanted = {"m.model": ("models", selection.models), "r.run_id": ("runs", selection.runs)}
    if tasks:
        wanted["t.task"] = ("tasks", selection.tasks)
    condition, values = _of_kind(selection)
    conditions = [condition]
    for column, (name, names) in wanted.items():
        if names:
            conditions.append(f"{column} IN (SELECT unnest(${name}::VARCHAR[]))")
            values[name] = list(names)
    return " AND ".join(conditions), values


def frame_of(store: Store, sql: str, **values: Any) -> pd.DataFrame:
    """Run one question on a cursor of its own. Values the question does not name are left out."""
    named = {name: value for name, value in values.items() if f"${name}" in sql}
    with store.cursor() as cursor:
        frame: pd.DataFrame = cursor.execute(sql, named or None).df()
    return frame
