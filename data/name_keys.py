"""Names become integer keys, each written once. Aliases lead to the one name of a model or task."""

from __future__ import annotations

from functools import cached_property

import duckdb


class NameKeys:
    """Keys of models, tasks and variants in one transaction. Each table of names is read when it is
    first needed: a batch of a probe needs one of the five.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        self._free_keys: list[int] = []

    def next(self) -> int:
        """A new key; taken from the store in blocks, because a thousand runs in one table must not
        ask a thousand times.
        """
        if not self._free_keys:
            self._free_keys = [
                key
                for (key,) in self._cursor.execute(
                    "SELECT nextval('keys')::INTEGER FROM range(64)"
                ).fetchall()
            ][::-1]
        return self._free_keys.pop()

    def of_model(self, name: str) -> int:
        """Key of the model that a source names so."""
        return self._key_of(self._model_aliases.get(name, name), self._models, "models", "model")

    def of_task(self, name: str) -> int:
        """Key of the task that a source names so."""
        return self._key_of(self._task_aliases.get(name, name), self._tasks, "tasks", "task")

    def of_variant(self, name: str) -> int:
        """Key of a reading of answers."""
        return self._key_of(name, self._variants, "variants", "variant")

    def _key_of(self, name: str, known: dict[str, int], table: str, column: str) -> int:
        if name not in known:
            known[name] = self.next()
            self._cursor.execute(
                f"INSERT INTO {table} ({column}_key, {column}) VALUES (?, ?)", [known[name], name]
            )
        return known[name]

    @cached_property
    def _model_aliases(self) -> dict[str, str]:
        return dict(self._cursor.execute("SELECT alias, model FROM model_aliases").fetchall())

    @cached_property
    def _task_aliases(self) -> dict[str, str]:
        return dict(self._cursor.execute("SELECT alias, task FROM task_aliases").fetchall())

    @cached_property
    def _models(self) -> dict[str, int]:
        return dict(self._cursor.execute("SELECT model, model_key FROM models").fetchall())

    @cached_property
    def _tasks(self) -> dict[str, int]:
        return dict(self._cursor.execute("SELECT task, task_key FROM tasks").fetchall())

    @cached_property
    def _variants(self) -> dict[str, int]:
        return dict(self._cursor.execute("SELECT variant, variant_key FROM variants").fetchall())
