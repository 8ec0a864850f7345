"""The run loop on real stores and real models: nothing is lost, nothing is asked twice, every end
is said.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data.bootstrap import open_store
from data.checking import check_store
from data.interchange import stored_batches
from data.probe_sink import StoreSink
from data.queries import fetch_run, fetch_task_counts
from data.records import CharybdisError, RunStatus, Selection, Split, StoreError
from data.store import Store
from probe.models import Decoding, ModelError, Prompt, Reply, open_model
from probe.models.demo import EchoModel, OracleModel
from probe.run_loop import BatchDone, Finished, ProbeSpec, Started, plan_run, run_probe
from probe.tasks import TASKS, make_batch
from probe.tasks import grade as grade_reply

ROOT = Path(__file__).resolve().parent.parent.parent
SPEC = ProbeSpec(tasks=("sort_numbers", "find_minimum"), n=24)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store", empty=True)


def rows_of(store: Store) -> list[tuple[Any, ...]]:
    """Task, split, instance id, outcome and response of every sample, in the order they came."""
    with store.cursor() as cursor:
        return cursor.execute(
            "SELECT t.task, s.split::VARCHAR, s.instance_id, s.outcome::VARCHAR, s.response FROM"
            " samples s JOIN tasks t USING (task_key) ORDER BY run_key, row_in_run"
        ).fetchall()


def only_run(store: Store) -> Any:
    with store.cursor() as cursor:
        ((run_id,),) = cursor.execute("SELECT run_id FROM runs").fetchall()
    return fetch_run(store, run_id)


class FailingModel(OracleModel):
    """An oracle that cannot answer some prompts, or breaks at one call."""

    def __init__(self, *, error_on: str = "never", break_at: int = -1) -> None:
        super().__init__(0.0, 0)
        self.n_calls, self._error_on, self._break_at = 0, error_on, break_at
        self.batch_size = 16

    def reply(self, prompts: Sequence[Prompt], decoding: Decoding, **others: Any) -> list[Reply]:
        self.n_calls += 1
        if self.n_calls == self._break_at:
            raise ModelError("The model broke.")
        replies = super().reply(prompts, decoding, **others)
        return [
            Reply(error="no answer came") if self._error_on in prompt.text else reply
            for prompt, reply in zip(prompts, replies, strict=True)
        ]


def test_samples_reach_the_store_with_what_was_asked(store: Store) -> None:
    events = list(run_probe(OracleModel(), SPEC, StoreSink(store)))
    assert isinstance(events[0], Started) and isinstance(events[-1], Finished)
    assert (events[-1].status, events[-1].n_done, events[-1].n_total) == (RunStatus.SUCCESS, 96, 96)
    counts = fetch_task_counts(store, Selection())
    assert list(counts["n_correct"]) == [24] * 4
    run = only_run(store)
    assert (run["format"], run["id_source"], run["status"], run["level_scheme"]) == (
        "probe",
        "range",
        "success",
        "scylla",
    )
    assert all(finding.passed for finding in check_store(store))


def test_every_cell_fills_evenly(store: Store) -> None:
    for event in run_probe(FailingModel(), SPEC, StoreSink(store)):
        if isinstance(event, BatchDone):
            break
    seen = Counter(row[:2] for row in rows_of(store))
    assert seen and max(seen.values()) - min(seen.values()) <= 8


def test_the_same_command_goes_on_where_it_was_stopped(store: Store) -> None:
    stop_after = iter([False, False, False, False, False])
    first = list(
        run_probe(
            FailingModel(), SPEC, StoreSink(store), should_stop=lambda: next(stop_after, True)
        )
    )
    assert isinstance(first[-1], Finished)
    assert first[-1].status is RunStatus.PARTIAL and first[-1].n_done < 96
    assert only_run(store)["status"] == "partial" and len(rows_of(store)) == first[-1].n_done
    again = list(run_probe(FailingModel(), SPEC, StoreSink(store)))
    assert isinstance(again[0], Started) and again[0].n_done == first[-1].n_done
    assert (
        sum(len(event.outcomes) for event in again if isinstance(event, BatchDone))
        == 96 - first[-1].n_done
    )
    whole = rows_of(store)
    assert (
        len(whole) == len({row[:3] for row in whole}) == 96
        and only_run(store)["status"] == "success"
    )


def test_closing_the_generator_keeps_what_is_done_as_partial(store: Store) -> None:
    events: Iterator[Any] = run_probe(FailingModel(), SPEC, StoreSink(store))
    next(events), next(events)
    events.close()  # type: ignore[attr-defined]
    assert only_run(store)["status"] == "partial" and len(rows_of(store)) == 16


def test_samples_that_come_by_column_are_stored_as_the_same_samples(store: Store) -> None:
    list(run_probe(OracleModel(0.5, 1), SPEC, StoreSink(store)))
    run_id = str(only_run(store)["run_id"])
    (table,) = [batch for batch in stored_batches(store, [run_id]) if isinstance(batch, pa.Table)]
    asked = {
        one.instance_id: one
        for task in SPEC.tasks
        for split in Split
        for one in make_batch(task, split, 24, 0)
    }
    for row in table.to_pylist():
        instance = asked[row["instance_id"]]
        grade = grade_reply(instance, row["response"])
        assert (row["outcome"], row["reason"]) == (str(grade.outcome), grade.reason)
        assert row["parsed_answer"] == (None if grade.answer is None else str(grade.answer))
        assert (row["target"], row["level"], row["epoch"]) == (
            str(instance.reference),
            instance.level,
            1,
        )
        assert row["score"] == (grade.outcome == "correct") and json.loads(row["metadata"]) == {
            "input": instance.input
        }


def test_a_run_that_is_whole_asks_nothing(store: Store) -> None:
    list(run_probe(OracleModel(), SPEC, StoreSink(store)))
    model = FailingModel()
    model.ref = OracleModel().ref
    assert isinstance(list(run_probe(model, SPEC, StoreSink(store)))[-1], Finished)
    assert model.n_calls == 0


def test_an_instance_without_an_answer_is_an_error_with_its_message(store: Store) -> None:
    model = FailingModel(error_on="Sort the numbers")
    list(run_probe(model, SPEC, StoreSink(store)))
    outcomes = Counter(row[3] for row in rows_of(store))
    assert outcomes["error"] > 0 and outcomes["correct"] == 96 - outcomes["error"]
    with store.cursor() as cursor:
        assert cursor.execute(
            "SELECT DISTINCT reason, score, response FROM samples WHERE outcome = 'error'"
        ).fetchall() == [("no answer came", None, None)]


def test_errors_are_asked_again_when_that_is_wanted(store: Store) -> None:
    list(run_probe(FailingModel(error_on="Sort the numbers"), SPEC, StoreSink(store)))
    list(run_probe(FailingModel(), SPEC, StoreSink(store)))
    assert "error" in {row[3] for row in rows_of(store)}
    list(run_probe(FailingModel(), SPEC, StoreSink(store), retry_errors=True))
    whole = rows_of(store)
    assert {row[3] for row in whole} == {"correct"} and len({row[:3] for row in whole}) == len(
        whole
    ) == 96
    assert all(finding.passed for finding in check_store(store))


def test_a_model_that_breaks_leaves_its_samples_and_says_why(store: Store) -> None:
    with pytest.raises(ModelError, match="The model broke"):
        list(run_probe(FailingModel(break_at=2), SPEC, StoreSink(store)))
    run = only_run(store)
    assert (
        run["status"] == "error"
        and "The model broke." in str(run["warnings"])
        and len(rows_of(store)) == 16
    )


def test_nothing_but_errors_ends_the_run(store: Store) -> None:
    model = FailingModel(error_on="")
    model.batch_size = 4
    with pytest.raises(
        ModelError, match="nothing but errors for 3 batches; the last one: no answer came"
    ):
        list(run_probe(model, SPEC, StoreSink(store)))
    assert {row[3] for row in rows_of(store)} == {"error"} and model.n_calls == 3


def test_a_run_that_ends_before_three_batches_with_errors_alone_is_no_success(store: Store) -> None:
    model = FailingModel(error_on="")
    with pytest.raises(
        ModelError, match="nothing but errors for 1 batch; the last one: no answer came"
    ):
        list(run_probe(model, ProbeSpec(tasks=("sort_numbers",), n=4), StoreSink(store)))
    assert only_run(store)["status"] == "error" and len(rows_of(store)) == 8
    list(
        run_probe(
            FailingModel(),
            ProbeSpec(tasks=("sort_numbers",), n=4),
            StoreSink(store),
            retry_errors=True,
        )
    )
    assert only_run(store)["status"] == "success" and {row[3] for row in rows_of(store)} == {
        "correct"
    }


def test_a_chat_prompt_for_a_model_without_a_template_begins_no_run(
    store: Store, tiny: Path
) -> None:
    with (
        open_model(str(tiny)) as model,
        pytest.raises(CharybdisError, match="tiny has no chat template"),
    ):
        list(run_probe(model, ProbeSpec(levels=(1,), n=1, style="chat"), StoreSink(store)))
    with store.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM runs").fetchall() == [(0,)]


def test_all_twenty_tasks_are_asked_when_none_is_named(store: Store) -> None:
    list(run_probe(EchoModel(), ProbeSpec(n=4), StoreSink(store)))
    whole = rows_of(store)
    assert Counter(row[:2] for row in whole) == {
        (task, split): 4 for task in TASKS for split in ("id", "ood")
    }
    assert "error" not in {row[3] for row in whole}


def test_an_oracle_errs_as_often_as_it_should(store: Store) -> None:
    list(
        run_probe(OracleModel(0.25, 3), ProbeSpec(tasks=("find_maximum",), n=200), StoreSink(store))
    )
    share = Counter(row[3] for row in rows_of(store))["correct"] / 400
    assert abs(share - 0.75) < 0.07


def test_a_second_trigger_asks_for_the_answer_alone(store: Store) -> None:
    class Thinker(OracleModel):
        def _answer(self, prompt: Prompt) -> str:
            return (
                f" {self._answers[prompt.text].split('is ')[1]}"
                if prompt.lead
                else "Let me think about it."
            )

    list(run_probe(Thinker(), SPEC, StoreSink(store)))
    whole = rows_of(store)
    assert {row[3] for row in whole} == {"correct"}
    assert whole[0][4].startswith("Let me think about it.\nTherefore, the answer is ")


def test_two_names_of_one_id_source_are_one_run() -> None:
    model = OracleModel()
    asked = {
        source: (
            plan_run(
                model, ProbeSpec(tasks=("sort_numbers",), style="compact", id_source=source)
            ).run_id
        )
        for source in (None, "ladder", "ladder:scatter", "ladder:decade")
    }
    assert asked[None] == asked["ladder"] == asked["ladder:scatter"] != asked["ladder:decade"]


def test_other_questions_are_other_runs(tiny: Path) -> None:
    model = OracleModel()
    ids = [
        plan_run(model, spec).run_id
        for spec in (
            SPEC,
            ProbeSpec(tasks=SPEC.tasks, n=25),
            ProbeSpec(tasks=SPEC.tasks, n=24, seed=1),
            ProbeSpec(tasks=SPEC.tasks, n=24, style="few_shot"),
            ProbeSpec(tasks=SPEC.tasks, n=24, splits=(Split.OOD,)),
            ProbeSpec(tasks=SPEC.tasks, n=24, max_new_tokens=9),
            ProbeSpec(tasks=SPEC.tasks, n=24, id_source="elicited"),
            ProbeSpec(tasks=SPEC.tasks[:1], n=24),
        )
    ]
    assert len(set(ids)) == len(ids) and plan_run(OracleModel(), SPEC).run_id == ids[0]
    assert plan_run(OracleModel(0.5), SPEC).run_id not in ids


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (ProbeSpec(tasks=("juggling",)), "no task 'juggling'"),
        (ProbeSpec(levels=(9,)), "no instance at all"),
        (ProbeSpec(n=0), "no instance at all"),
        (ProbeSpec(n=100_000_000), "100,000,000 instances per task and split are more"),
        (
            ProbeSpec(style="compact", tasks=("subset_sum_multiple_ten",), n=1024),
            "Only 440 different ood instances",
        ),
        (ProbeSpec(style="haiku"), "no prompt style 'haiku'"),
        (ProbeSpec(id_source="dream"), "no ID source 'dream'"),
        (ProbeSpec(id_source="range:decade"), "no ID source 'range:decade'"),
        (ProbeSpec(style="compact", tasks=("tsp",)), "cannot ask about tsp"),
        (ProbeSpec(temperature=99.0), "temperature 99"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_stored(
    store: Store, spec: ProbeSpec, words: str
) -> None:
    with pytest.raises(CharybdisError, match=words):
        list(run_probe(OracleModel(), spec, StoreSink(store)))
    with store.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM runs").fetchall() == [(0,)]


def test_a_local_model_is_stored_with_log_probabilities_device_and_versions(
    store: Store, tiny: Path
) -> None:
    with open_model(str(tiny)) as model:
        list(run_probe(model, ProbeSpec(levels=(1,), n=8, style="compact"), StoreSink(store)))
    run = only_run(store)
    assert (run["id_source"], run["n_params"], run["dtype"]) == ("ladder", 5872, "float32")
    with store.cursor() as cursor:
        ((n, n_answers, n_tokens),) = cursor.execute(
            "SELECT count(*), count(answer_logprob), count(*) FILTER (len(token_logprobs) ="
            " n_output_tokens) FROM samples"
        ).fetchall()
    assert n == n_answers == n_tokens == 3 * 2 * 8
    metadata = StoreSink(store).stored_metadata(run["run_id"])
    assert (
        metadata is not None
        and metadata["prompt_style"] == "compact"
        and "torch" in metadata["versions"]
    )
    assert metadata["id_source"] == {"name": "ladder", "ood": "scatter"} and metadata[
        "device"
    ].startswith("CPU")


KILLED = """
import sys, time
from data.bootstrap import open_store
from data.probe_sink import StoreSink
from probe import run_loop
from probe.models.hf import LocalModel
from probe.run_loop import ProbeSpec, run_probe

folder, tiny, where = sys.argv[1:]

class Slow(LocalModel):
    batch_size = 16
    n_calls = 0
    def reply(self, *args, **kwargs):
        self.n_calls += 1
        if where == "model" and self.n_calls == 3:
            print("now", flush=True)
            time.sleep(60)
        return super().reply(*args, **kwargs)

class SlowSink(StoreSink):
    def add(self, samples):
        if where == "store" and model.n_calls == 3:
            from data.writer import writing
            with writing(self._store) as writer:
                writer.continue_run(self.run_id)
                writer.add_sample_columns(samples)
                print("now", flush=True)
                time.sleep(60)
        super().add(samples)

store = open_store(folder, empty=True)
model = Slow(tiny, ref="tiny")
model.batch_size = 16
run_loop._Loop._next_size = lambda *_: 64
spec = ProbeSpec(
    tasks=("sort_numbers", "find_minimum"), n=64, style="compact", max_new_tokens=8
)
for _ in run_probe(model, spec, SlowSink(store)):
    pass
"""


@pytest.mark.parametrize("where", ["model", "store"])
def test_a_process_killed_in_the_middle_of_a_batch_loses_that_batch_alone(
    tmp_path: Path, tiny: Path, where: str
) -> None:
    folder = tmp_path / "store"
    command = [sys.executable, "-c", KILLED, str(folder), str(tiny), where]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "now\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
    store = open_store(folder, empty=True)
    left = rows_of(store)
    assert (
        len(left) == 16 + 64 and only_run(store)["status"] == "started"
    )  # two whole batches; the third one is gone
    assert all(finding.passed for finding in check_store(store))
    with open_model(str(tiny)) as model:
        model.ref = "tiny"
        spec = ProbeSpec(
            tasks=("sort_numbers", "find_minimum"), n=64, style="compact", max_new_tokens=8
        )
        started, *_, finished = run_probe(model, spec, StoreSink(store))
        assert isinstance(started, Started) and started.n_done == len(left)
        assert isinstance(finished, Finished) and finished.n_done == 256
        whole = rows_of(store)
        assert whole[: len(left)] == left and len(whole) == len({row[:3] for row in whole}) == 256
        unbroken = open_store(tmp_path / "unbroken", empty=True)
        list(run_probe(model, spec, StoreSink(unbroken)))
    assert sorted(rows_of(unbroken)) == sorted(whole)


def test_a_sink_without_a_run_says_so(store: Store) -> None:
    with pytest.raises(StoreError, match="No run was begun"):
        StoreSink(store).done_instances()
