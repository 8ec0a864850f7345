"""Runs that are still being written: no end of theirs is known, and a file of theirs in a watched
folder grew lately.

Whether a run is running is told when it is asked for, from the stored status and the time its files
last changed; stored is what the file itself says. So a run that was killed stops being called
running by itself, also when no dashboard is open.
"""

from __future__ import annotations

import time

from data.store import Store

RUNNING = "running"
"""Status of such a run wherever runs are listed."""
QUIET_S = 600
"""A run whose files have not grown for so long is not called running any more."""

_RESULTS_COME_LATER = ("lm_eval_v04", "every_eval_ever", "lighteval")
"""Formats whose results are a file of their own beside the samples."""
IS_OPEN = f"""
    (r.status = 'started' OR (i.format = 'opencompass' AND r.status = 'partial')
     OR (i.format IN {_RESULTS_COME_LATER} AND r.status = 'success'
         AND r.run_key NOT IN (SELECT run_key FROM scores)))
"""
"""Whether the source of run `r`, import `i`, leaves open how it ended."""
IS_RUNNING = (
    f"({IS_OPEN} AND coalesce(list_max(json_extract(i.files, '$[*].changed_at_s')::DOUBLE[]) >"
    f" $now_s - {QUIET_S}, false))"
)
"""Whether it is running; `$now_s` is `now_s()`. Only watched files have the time they changed."""
STATUS = f"CASE WHEN {IS_RUNNING} THEN '{RUNNING}' ELSE r.status END"


def now_s() -> float:
    """Seconds since 1970."""
    return time.time()


def running_runs(store: Store) -> frozenset[str]:
    """Ids of the runs that are running now."""
    with store.cursor() as cursor:
        sql = f"SELECT r.run_id FROM runs r JOIN imports i USING (import_key) WHERE {IS_RUNNING}"
        return frozenset(run_id for (run_id,) in cursor.execute(sql, {"now_s": now_s()}).fetchall())
