"""Single answers: how many match, one page of them, one of them, its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from data.queries.selection_sql import CHOSEN_LEVEL, frame_of, older_runs, where_selected
from data.records import SCYLLA_SCHEME, Outcome, Selection, Split, StoreError
from data.store import Store

SAMPLE_JOINS = """FROM samples s JOIN runs r USING (run_key) JOIN models m USING (model_key)
    JOIN tasks t USING (task_key)
        LEFT JOIN task_levels tl ON tl.scheme = $scheme AND tl.task = t.task"""


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
    """Also list the runs that `fetch_task_counts` leaves out because a newer one of the same model
    and task is stored.
    """


SAMPLE_SORTS = {
    "run order": "NULL::DOUBLE",
    "lowest score": "s.score",
    "least likely answer": "s.answer_logprob",
    "longest response": "-length(s.response)",
    "slowest": "-s.duration_s",
}
"""Orders in which samples can be listed, by the words on screen: what ascends. Nulls come last,
ties are in run order.
"""


def count_samples(store: Store, selection: Selection, wanted: SampleFilter) -> int:
    """How many samples match."""
    where, values = where_samples(store, selection, wanted)
    return int(
        frame_of(
            store,
            f"SELECT count(*) AS n {SAMPLE_JOINS} WHERE {where}",
            scheme=selection.scheme,
            **values,
        )["n"][0]
    )


def fetch_sample_page(
    store: Store,
    selection: Selection,
    wanted: SampleFilter,
    *,
    sort: str = "run order",
    page: int = 0,
    page_size: int = 50,
) -> pd.DataFrame:
    """One page of samples: run_id, row_in_run, model, task, level, split, instance_id, epoch,
    variant, outcome, score, answer_logprob, parsed_answer, target, response (first 200 characters),
    n_output_tokens, duration_s. `sort` is a key of SAMPLE_SORTS, `page` counts from 0.
    """
    key = _sort_key(sort)
    order = (
        f"{key} ASC NULLS LAST, r.run_id, s.row_in_run"
        if sort != "run order"
        else "r.run_id, s.row_in_run"
    )
    where, values = where_samples(store, selection, wanted)
    # The text columns are read for the rows of the page only: first their addresses, then the rows.
    return frame_of(
        store,
        f"""
        WITH page AS (
            SELECT s.rowid AS address {SAMPLE_JOINS} WHERE {where}
            ORDER BY {order} LIMIT {int(page_size)} OFFSET {int(page) * int(page_size)})
        SELECT r.run_id, s.row_in_run, m.model, t.task, {
            CHOSEN_LEVEL.replace("c.level", "s.level")
        } AS level, s.split::VARCHAR AS split,
               s.instance_id, s.epoch, v.variant, s.outcome::VARCHAR AS outcome, s.score,
                   s.answer_logprob, s.parsed_answer, s.target,
               s.response[:200] AS response, s.n_output_tokens, s.duration_s
        {SAMPLE_JOINS} LEFT JOIN variants v USING (variant_key) WHERE s.rowid IN (SELECT address
            FROM page) ORDER BY {order}
        """,
        scheme=selection.scheme,
        **values,
    )


def fetch_sample(
    store: Store, run_id: str, row_in_run: int, *, scheme: str = SCYLLA_SCHEME
) -> dict[str, Any]:
    """Everything stored about one sample; `level` is its level in `scheme`. Raises StoreError when
    there is none at that address.
    """
    with store.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT r.run_id, m.model, r.model_raw, r.format, r.source_path, r.status AS run_status,
                t.task,
                   coalesce(t.label, t.task) AS task_label, v.variant, s.* EXCLUDE (run_key,
                       task_key, variant_key) REPLACE (
                   s.split::VARCHAR AS split, s.outcome::VARCHAR AS outcome,
                       {CHOSEN_LEVEL.replace("c.level", "s.level")} AS level)
            {SAMPLE_JOINS} LEFT JOIN variants v USING (variant_key)
            WHERE s.run_key = (SELECT run_key FROM runs WHERE run_id = $run_id)
                AND s.row_in_run = $row
            """,
            {"run_id": run_id, "row": row_in_run, "scheme": scheme},
        )
        names = [column[0] for column in cursor.description or []]
        rows = cursor.fetchall()
    if not rows:
        raise StoreError(
            f"No sample {row_in_run} of run {run_id!r} is stored. It may have been removed; list"
            " the samples again."
        )
    return dict(zip(names, rows[0], strict=True))


def fetch_neighbours(
    store: Store,
    selection: Selection,
    wanted: SampleFilter,
    run_id: str,
    row_in_run: int,
    *,
    sort: str = "run order",
) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
    """Addresses of the matching samples before and after one, in the order of `sort`; None at
    either end. The one need not match itself.
    """
    where, values = where_samples(store, selection, wanted)
    key = _sort_key(sort)
    place = f"({key} IS NULL, coalesce({key}, 0), r.run_id, s.row_in_run)"
    neighbours: list[tuple[str, int] | None] = []
    for comparison, order in (("<", "DESC"), (">", "ASC")):
        frame = frame_of(
            store,
            f"""
            WITH here AS (
                SELECT {place} AS place FROM samples s JOIN runs r USING (run_key)
                    WHERE r.run_id = $run_id AND s.row_in_run = $row)
            SELECT r.run_id, s.row_in_run {SAMPLE_JOINS} WHERE {where}
                AND {place} {comparison} (SELECT place FROM here)
            ORDER BY {place} {order} LIMIT 1
            """,
            scheme=selection.scheme,
            run_id=run_id,
            row=row_in_run,
            **values,
        )
        neighbours.append(
            None if frame.empty else (str(frame["run_id"][0]), int(frame["row_in_run"][0]))
        )
    return neighbours[0], neighbours[1]


def _sort_key(sort: str) -> str:
    if sort not in SAMPLE_SORTS:
        raise StoreError(
            f"Samples cannot be sorted by {sort!r}. Possible: {', '.join(SAMPLE_SORTS)}."
        )
    return SAMPLE_SORTS[sort]


def where_samples(
    store: Store, selection: Selection, wanted: SampleFilter
) -> tuple[str, dict[str, Any]]:
    condition, values = where_selected(selection)
    conditions = [condition]
    if not (wanted.every_run or selection.runs):
        older_sql, kind = older_runs(selection)
        older = frame_of(store, older_sql, **kind)
        if not older.empty:
            conditions.append(
                "(s.run_key, s.task_key) NOT IN (SELECT unnest($older_runs::INTEGER[]),"
                " unnest($older_tasks::INTEGER[]))"
            )
            values |= {
                "older_runs": older["run_key"].tolist(),
                "older_tasks": older["task_key"].tolist(),
            }
    if wanted.primary_only:
        conditions.append("s.is_primary")
    if wanted.split is not None:
        conditions.append("s.split = $split")
        values["split"] = str(wanted.split)
    if wanted.level is not None:
        conditions.append(f"({CHOSEN_LEVEL.replace('c.level', 's.level')}) = $level")
        values["level"] = wanted.level
    if wanted.outcome is not None:
        conditions.append("s.outcome = $outcome")
        values["outcome"] = str(wanted.outcome)
    if wanted.text:
        conditions.append(
            "(contains(lower(s.response), $text) OR contains(lower(s.input), $text) OR"
            " contains(lower(s.parsed_answer), $text))"
        )
        values["text"] = wanted.text.lower()
    return " AND ".join(conditions), values
