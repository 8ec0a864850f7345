"""Chance levels of tasks, run by run: they depend on how long the lists are."""

from __future__ import annotations

from data.catalog.ladder_chance import read_ladder_chance
from data.queries.selection_sql import OOD_KIND, frame_of
from data.store import Store


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
            SELECT run_key, task_key FROM cells UNION SELECT run_key, task_key FROM scores
                WHERE task_key IS NOT NULL)
        SELECT r.run_id, t.task, t.chance, split_part(coalesce(r.id_source, ''), ':', 1) = 'ladder'
            AS is_ladder,
               coalesce({OOD_KIND}, split_part(r.id_source, ':', 2), '') = 'length' AS is_longer
        FROM answered JOIN runs r USING (run_key) JOIN tasks t USING (task_key) ORDER BY r.run_id,
            t.task
        """,
    )
    asked = read_ladder_chance()
    levels: dict[tuple[str, str], float] = dict(fetch_choice_chance(store))
    for run_id, task, stated, is_ladder, is_longer in found.itertuples(index=False, name=None):
        level = (None if is_longer else asked.get(task)) if is_ladder else stated
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
                   coalesce(len(s.choice_logprobs), json_array_length(s.metadata,
                       '$.choices')::BIGINT, 0) AS n_choices
            FROM samples s JOIN tasks t USING (task_key) JOIN runs r USING (run_key)
            WHERE t.chance IS NULL AND s.is_primary AND s.outcome <> 'error'
                AND split_part(coalesce(r.id_source, ''), ':', 1) <> 'ladder')
        SELECT r.run_id, t.task, avg(1.0 / n_choices) AS chance
        FROM offered JOIN runs r USING (run_key) JOIN tasks t USING (task_key)
        GROUP BY r.run_id, t.task HAVING min(n_choices) >= 2 ORDER BY r.run_id, t.task
        """,
    )
    return {
        (str(run_id), str(task)): float(chance)
        for run_id, task, chance in found.itertuples(index=False, name=None)
    }
