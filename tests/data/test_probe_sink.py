"""What a live probe leaves in the store."""

from __future__ import annotations

from pathlib import Path

from data.probe_sink import StoreSink
from data.records import Outcome, RunInfo, SampleColumns, Split
from data.store import Store


def _samples(instances: str) -> SampleColumns:
    """One right answer per letter."""
    n = len(instances)
    return {
        "run_id": ["p1"] * n,
        "task": ["sort_numbers"] * n,
        "instance_id": list(instances),
        "split": [Split.ID] * n,
        "outcome": [Outcome.CORRECT] * n,
        "score": [1.0] * n,
    }


def test_two_probes_of_one_run_store_each_instance_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = RunInfo(run_id="p1", model_raw="M", format="probe")
    shell, page = StoreSink(store), StoreSink(store)
    shell.begin(run)
    page.begin(run)
    shell.add(_samples("ab"))
    page.add(_samples("bc"))
    with store.cursor() as cursor:
        rows = cursor.execute(
            "SELECT row_in_run, instance_id FROM samples ORDER BY row_in_run"
        ).fetchall()
        ((n_correct,),) = cursor.execute("SELECT sum(n_correct) FROM cells").fetchall()
    assert rows == [(0, "a"), (1, "b"), (2, "c")]
    assert n_correct == 3
    assert page.done_instances() == {("sort_numbers", "id", name) for name in "abc"}
