"""Where a live probe's samples go: into the store, each batch in a transaction of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import compress
from typing import Any

from data.records import RunInfo, RunStatus, SampleColumns, StoreError
from data.store import Store
from data.writer import writing


class StoreSink:
    """The sink of `probe.run_loop` on a store. One run at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._run_id: str | None = None
        self._version_left: int | None = None
        """The store's version after this sink's last batch: while it stands, nobody else has
        written anything.
        """

    @property
    def run_id(self) -> str:
        """Of the run that was begun."""
        if self._run_id is None:
            raise StoreError("No run was begun in this sink. Call begin first.")
        return self._run_id

    def stored_metadata(self, run_id: str) -> Mapping[str, Any] | None:
        """Metadata of a stored run; None when there is no run of that id."""
        with self._store.cursor() as cursor:
            rows = cursor.execute("SELECT metadata FROM runs WHERE run_id = ?", [run_id]).fetchall()
        return None if not rows else json.loads(rows[0][0] or "{}")

    def begin(self, run: RunInfo) -> None:
        """Add the run, or note that the stored one of this id goes on; what it has stays."""
        with writing(self._store) as writer:
            if self.stored_metadata(run.run_id) is None:
                writer.add_run(run)
            else:
                writer.change_run(run.run_id, {"status": RunStatus.STARTED, "finished_at": None})
        self._run_id = run.run_id

    def done_instances(self) -> set[tuple[str, str, str]]:
        """Task, split and instance id of the run's samples."""
        with self._store.cursor() as cursor:
            return set(
                cursor.execute(
                    "SELECT t.task, s.split::VARCHAR, s.instance_id FROM samples s JOIN runs r"
                    " USING (run_key) JOIN tasks t USING (task_key) WHERE r.run_id = ?",
                    [self.run_id],
                ).fetchall()
            )

    def drop_errors(self) -> int:
        """Remove the run's samples that are errors."""
        with writing(self._store) as writer:
            return writer.drop_errors(self.run_id)

    def add(self, samples: SampleColumns) -> None:
        """Store one batch. What another process (shell and page at work on one run) has stored
        meanwhile is left out: once is enough.
        """
        with writing(self._store) as writer:
            writer.continue_run(self.run_id)
            version = writer.store_version()
            if version != self._version_left:
                done = writer.stored_instances(self.run_id, samples["instance_id"])
                asked = zip(samples["task"], samples["split"], samples["instance_id"], strict=True)
                is_new = [one not in done for one in asked]
                samples = {name: list(compress(values, is_new)) for name, values in samples.items()}
            writer.add_sample_columns(samples)
        self._version_left = version + 1

    def finish(self, status: RunStatus, warnings: Sequence[str]) -> None:
        """Note how the run ended, and what was remarkable."""
        with writing(self._store) as writer:
            writer.change_run(
                self.run_id,
                {
                    "status": status,
                    "finished_at": datetime.now(UTC).replace(tzinfo=None),
                    "warnings": json.dumps(list(warnings), ensure_ascii=False),
                },
            )
