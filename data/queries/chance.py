"""Chance levels of tasks, run by run: they depend on how long the lists are."""

from __future__ import annotations

from data.ladder_chance import read_ladder_chance
from data.queries.asking import OOD_KIND, frame_of
from data.store import Store


def fetch_chance(store: Store) -> dict[tuple[str, str], float]:
    """(run_id, task) -> chance level, 0-1, where one is known.

    Runs whose ID elements are the ladder's have the ladder's lists and its chance levels; none under the OOD kind `length`, where ID and
    OOD have different ones. Other runs have what the catalog states for lists of SCYLLA's lengths.
    """
    found = frame_of(
        store,
        f"""
        WITH answered AS (
            SELECT run_key, task_key FROM cells UNION SELECT run_key, task_key FROM scores WHERE task_key IS NOT NULL)
        SELECT r.run_id, t.task, t.chance, split_part(coalesce(r.id_source, ''), ':', 1) = 'ladder' AS is_ladder,
               coalesce({OOD_KIND}, split_part(r.id_source, ':', 2), '') = 'length' AS is_longer
        FROM answered JOIN runs r USING (run_key) JOIN tasks t USING (task_key) ORDER BY r.run_id, t.task
        """,
    )
    asked = read_ladder_chance()
    levels: dict[tuple[str, str], float] = {}
    for run_id, task, stated, is_ladder, is_longer in found.itertuples(index=False, name=None):
        level = (None if is_longer else asked.get(task)) if is_ladder else stated
        if level is not None and level == level:
            levels[str(run_id), str(task)] = float(level)
    return levels
