"""Every answer of a selection as one frame, with the columns that an analysis asks for: what
comparison and metric what-ifs start from.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from data.queries.samples import SAMPLE_JOINS, SampleFilter, where_samples
from data.queries.selection_sql import CHOSEN_LEVEL, frame_of
from data.records import SAMPLE_COLUMNS, Selection, StoreError
from data.store import Store

_ALWAYS = ("run_id", "task", "instance_id", "split", "level", "epoch", "variant", "outcome")
EXTRA_COLUMNS = tuple(column.name for column in SAMPLE_COLUMNS if column.name not in _ALWAYS)
"""What can be asked for on top of a sample's address, place and outcome. Text and lists cost time:
ask for what is used.
"""


def fetch_answers(
    store: Store,
    selection: Selection,
    *,
    columns: Sequence[str] = (),
    wanted: SampleFilter | None = None,
) -> pd.DataFrame:
    """Samples of the primary reading, one row per answer, of the runs that `fetch_task_counts`
    takes (all of them with `every_run`).

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
    where, values = where_samples(store, selection, wanted or SampleFilter())
    level = CHOSEN_LEVEL.replace("c.level", "s.level")
    frame = frame_of(
        store,
        f"""
        SELECT m.model, r.run_id, r.step, s.row_in_run, t.task, {level} AS level, l.label
            AS level_label, tl.role,
               s.split::VARCHAR AS split, s.instance_id, s.epoch, s.outcome::VARCHAR
                   AS outcome{"".join(f", s.{name}" for name in columns)}
        {SAMPLE_JOINS} LEFT JOIN levels l ON l.scheme = $scheme AND l.level = {level}
        WHERE {where} ORDER BY r.run_id, s.row_in_run
        """,
        scheme=selection.scheme,
        **values,
    )
    repeated = ("model", "run_id", "task", "level_label", "role", "split", "outcome")
    return frame.astype({**dict.fromkeys(repeated, "category"), "level": "Int16", "step": "Int64"})
