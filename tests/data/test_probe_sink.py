"""What a live probe leaves in the store."""

from __future__ import annotations

from pathlib import Path

from data.probe_sink import StoreSink
from data.records import Outcome, RunInfo, ScoredSample, Split
from data.store import Store


def _sample(instance: str) -> ScoredSample:
    return ScoredSample(run_id="p1", task="sort_numbers", instance_id=instance, split=Split.ID, outcome=Outcome.CORRECT, score=1.0)


def test_two_probes_of_one_run_store_each_instance_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = RunInfo(run_id="p1", model_raw="M", format="probe")
    shell, page = StoreSink(store), StoreSink(store)
    shell.begin(run)
    page.begin(run)
    shell.add([_sample("a"), _sample("b")])
    page.add([_sample("b"), _sample("c")])
    with store.cursor() as cursor:
        rows = cursor.execute("SELECT row_in_run, instance_id FROM samples ORDER BY row_in_run").fetchall()
        ((n_correct,),) = cursor.execute("SELECT sum(n_correct) FROM cells").fetchall()
    assert rows == [(0, "a"), (1, "b"), (2, "c")]
    assert n_correct == 3
    assert page.done_instances() == {("sort_numbers", "id", name) for name in "abc"}
