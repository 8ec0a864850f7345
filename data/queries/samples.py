"""Single answers: how many match, one page of them, one of them, its neighbours, or all of them as
one frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from data.queries.selection_sql import (
    CHOSEN_LEVEL,
    frame_of,
    older_runs,
    placed,
    where_selected,
)
from data.records import SAMPLE_COLUMNS, SCYLLA_SCHEME, Outcome, Selection, Split, StoreError
from data.store import Store


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
    "lowest score": "score",
    "least likely answer": "answer_logprob",
    "longest response": "-length(response)",
    "slowest": "-duration_s",
}
"""Orders in which samples can be listed, by the words on screen: what ascends. Nulls come last,
ties are in run order.
"""

_ALWAYS = ("run_id", "task", "instance_id", "split", "level", "epoch", "variant", "outcome")
EXTRA_COLUMNS = tuple(column.name for column in SAMPLE_COLUMNS if column.name not in _ALWAYS)
"""What `fetch_answers` can give on top of a sample's address, place and outcome. Text and lists
cost time: ask for what is used.
"""


def count_samples(store: Store, selection: Selection, wanted: SampleFilter) -> int:
    """How many samples match."""
    where, values = _where_samples(store, selection, wanted)
    found = frame_of(
        store,
        f"SELECT count(*) AS n FROM {placed('samples', where)}",
        scheme=selection.scheme,
        **values,
    )
    return int(found["n"][0])


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
    order = "run_id, row_in_run"
    if sort != "run order":
        order = f"{key} ASC NULLS LAST, {order}"
    where, values = _where_samples(store, selection, wanted)
    # The text columns are read for the rows of the page only: first their addresses, then the rows.
    return frame_of(
        store,
        f"""
        WITH page AS (
            SELECT address
            FROM {placed("samples", where, "x.rowid AS address")}
            ORDER BY {order}
            LIMIT {int(page_size)} OFFSET {int(page) * int(page_size)})
        SELECT run_id, row_in_run, model, task, level, split, instance_id, epoch, variant,
               outcome::VARCHAR AS outcome, score, answer_logprob, parsed_answer, target,
               response[:200] AS response, n_output_tokens, duration_s
        FROM {placed("samples", "x.rowid IN (SELECT address FROM page)")}
        LEFT JOIN variants USING (variant_key)
        ORDER BY {order}
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
    there = "run_key = (SELECT run_key FROM runs WHERE run_id = $run_id) AND row_in_run = $row"
    of_run = ("r.model_raw", "r.format", "r.source_path", "r.status AS run_status")
    sample = placed("samples", there, *of_run, "coalesce(t.label, t.task) AS task_label")
    with store.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT * EXCLUDE (run_key, task_key, variant_key, step, role)
                     REPLACE (outcome::VARCHAR AS outcome)
            FROM {sample}
            LEFT JOIN variants USING (variant_key)
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
    where, values = _where_samples(store, selection, wanted)
    key = _sort_key(sort)
    place = f"({key} IS NULL, coalesce({key}, 0), run_id, row_in_run)"
    neighbours: list[tuple[str, int] | None] = []
    for comparison, order in (("<", "DESC"), (">", "ASC")):
        on_this_side = f"{where} AND {place} {comparison} (SELECT place FROM here)"
        frame = frame_of(
            store,
            f"""
            WITH here AS (
                SELECT {place} AS place
                FROM samples
                JOIN runs USING (run_key)
                WHERE run_id = $run_id AND row_in_run = $row)
            SELECT run_id, row_in_run
            FROM {placed("samples", on_this_side)}
            ORDER BY {place} {order}
            LIMIT 1
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


def fetch_answers(
    store: Store,
    selection: Selection,
    *,
    columns: Sequence[str] = (),
    wanted: SampleFilter | None = None,
) -> pd.DataFrame:
    """Samples of the primary reading, one row per answer, of the runs that `fetch_task_counts`
    takes (all of them with `every_run`): what comparison and metric what-ifs start from.

    Args:
        columns: of EXTRA_COLUMNS.
        wanted: narrows further; default: nothing.

    Returns:
        model, run_id, step Int64, row_in_run int, task, level Int16, level_label, role, split
        "id"|"ood"|None, instance_id, epoch int, outcome "correct"|"wrong"|"unparsed"|"error"|None
        (ungraded), then `columns`. Names that repeat are categories. In run order.

    Raises:
        StoreError: a column that samples do not have.
    """
    unknown = [name for name in columns if name not in EXTRA_COLUMNS]
    if unknown:
        raise StoreError(
            f"Samples have no column {', '.join(unknown)}. Possible: {', '.join(EXTRA_COLUMNS)}."
        )
    where, values = _where_samples(store, selection, wanted or SampleFilter())
    frame = frame_of(
        store,
        f"""
        SELECT p.model, p.run_id, p.step, p.row_in_run, p.task, p.level, l.label AS level_label,
               p.role, p.split, p.instance_id, p.epoch, p.outcome::VARCHAR AS outcome
               {"".join(f", p.{name}" for name in columns)}
        FROM {placed("samples", where)}
        LEFT JOIN levels l ON l.scheme = $scheme AND l.level = p.level
        ORDER BY p.run_id, p.row_in_run
        """,
        scheme=selection.scheme,
        **values,
    )
    repeated = ("model", "run_id", "task", "level_label", "role", "split", "outcome")
    return frame.astype({**dict.fromkeys(repeated, "category"), "level": "Int16", "step": "Int64"})


def _sort_key(sort: str) -> str:
    if sort not in SAMPLE_SORTS:
        raise StoreError(
            f"Samples cannot be sorted by {sort!r}. Possible: {', '.join(SAMPLE_SORTS)}."
        )
    return SAMPLE_SORTS[sort]


def _where_samples(
    store: Store, selection: Selection, wanted: SampleFilter
) -> tuple[str, dict[str, Any]]:
    """SQL condition, in the names of `placed`, and its values."""
    condition, values = where_selected(selection)
    conditions = [condition]
    if not (wanted.every_run or selection.runs):
        older_sql, kind = older_runs(selection)
        older = frame_of(store, older_sql, **kind)
        if not older.empty:
            conditions.append(
                "(x.run_key, x.task_key) NOT IN (SELECT unnest($older_runs::INTEGER[]),"
                " unnest($older_tasks::INTEGER[]))"
            )
            values |= {
                "older_runs": older["run_key"].tolist(),
                "older_tasks": older["task_key"].tolist(),
            }
    if wanted.primary_only:
        conditions.append("x.is_primary")
    if wanted.split is not None:
        conditions.append("x.split = $split")
        values["split"] = str(wanted.split)
    if wanted.level is not None:
        conditions.append(f"({CHOSEN_LEVEL}) = $level")
        values["level"] = wanted.level
    if wanted.outcome is not None:
        conditions.append("x.outcome = $outcome")
        values["outcome"] = str(wanted.outcome)
    if wanted.text:
        conditions.append(
            "(contains(lower(x.response), $text) OR contains(lower(x.input), $text) OR"
            " contains(lower(x.parsed_answer), $text))"
        )
        values["text"] = wanted.text.lower()
    return " AND ".join(conditions), values
