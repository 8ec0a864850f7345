"""Chance levels of tasks, as the catalog states them."""

from __future__ import annotations

from data.queries.asking import frame_of
from data.records import Split
from data.store import Store


def fetch_chance(store: Store) -> dict[tuple[str, str | None], float]:
    """(task, split) -> chance level of the task, 0-1, for the tasks that have one; the catalog states one for all splits."""
    known = frame_of(store, "SELECT task, chance FROM tasks WHERE chance IS NOT NULL ORDER BY task")
    pairs = list(zip(known["task"], known["chance"], strict=True))
    return {(str(task), split): float(chance) for task, chance in pairs for split in (*map(str, Split), None)}
