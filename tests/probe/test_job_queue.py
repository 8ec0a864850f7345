"""One model at a time: jobs wait, questions go in between batches, stopping keeps what is done, a
failed job leaves the queue working.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from data.bootstrap import open_store
from data.probe_sink import StoreSink
from data.queries import fetch_runs
from data.records import Split
from data.store import Store
from probe.job_queue import AskJob, BatchJob, Job, JobQueue, JobState, ModelChoice
from probe.models import Decoding, Model, Prompt, Reply, Token, open_model
from probe.models.base import ShouldStop, never
from probe.models.demo import OracleModel
from probe.run_loop import ProbeSpec
from probe.tasks import Instance, make_batch

ORACLE, ECHO = ModelChoice("demo:oracle:0:1"), ModelChoice("demo:echo")
SPEC = ProbeSpec(tasks=("find_minimum", "sort_numbers"), n=4, splits=(Split.ID, Split.OOD))
LONG_S = 30.0


class GatedModel(OracleModel):
    """A right-answering model that replies only while its gate is open, two prompts at a time."""

    batch_size = 2

    def __init__(self, gate: threading.Event) -> None:
        super().__init__()
        self._gate, self.is_closed = gate, False

    def reply(
        self, prompts: Sequence[Prompt], decoding: Decoding, *, should_stop: ShouldStop = never
    ) -> list[Reply]:
        while not self._gate.wait(0.01) and not should_stop():
            pass
        return super().reply(prompts, decoding, should_stop=should_stop)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "store", empty=True)
    yield opened
    opened.close()


@pytest.fixture
def queue() -> Iterator[JobQueue]:
    made = JobQueue()
    yield made
    made.close()


def instance(task: str = "sort_numbers") -> Instance:
    return make_batch(task, "ood", 1, 0)[0]


def done(queue: JobQueue, job: Job) -> Job:
    queue.submit(job)
    assert job.wait(LONG_S)
    return job


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


def gated(queue: JobQueue) -> tuple[threading.Event, list[GatedModel]]:
    """Let the queue open gated models in place of oracles."""
    gate, opened = threading.Event(), []

    def opener(ref: str, **options: Any) -> Model:
        if not ref.startswith("demo:oracle"):
            return open_model(ref, **options)
        opened.append(GatedModel(gate))
        return opened[-1]

    queue._opener = opener
    return gate, opened


def test_question_is_answered_token_by_token_and_graded(queue: JobQueue) -> None:
    job = AskJob(ORACLE, instance())
    done(queue, job)
    assert job.state is JobState.DONE
    assert job.grade is not None and job.grade.outcome == "correct"
    assert len(job.tokens) > 3
    assert "".join(token.text for token in job.tokens) == f"The answer is {job.instance.reference}."
    assert queue.opened is not None and queue.opened.name == ORACLE.ref


def test_reply_without_an_answer_is_asked_for_the_answer_alone(queue: JobQueue) -> None:
    leads: list[str] = []

    class Silent(OracleModel):
        def stream(self, prompt: Prompt, decoding: Decoding) -> Iterator[Token]:
            leads.append(prompt.lead)
            yield Token("no idea" if not prompt.lead else " 12")

    queue._opener = lambda ref, **_: Silent()
    job = AskJob(ORACLE, instance("find_minimum"))
    done(queue, job)
    assert [lead.partition("\n")[0] for lead in leads] == ["", "no idea"]
    assert job.grade is not None and job.grade.answer == 12


def test_model_that_cannot_be_opened_fails_its_job_and_nothing_else(queue: JobQueue) -> None:
    failed = done(queue, AskJob(ModelChoice("/no/such/folder/"), instance()))
    assert failed.state is JobState.FAILED
    assert "cannot be loaded" in failed.message or "/no/such/folder" in failed.message
    assert queue.opened is None
    assert done(queue, AskJob(ORACLE, instance())).state is JobState.DONE


def test_unexpected_fault_of_a_model_is_told_and_the_desk_goes_on(queue: JobQueue) -> None:
    def broken(ref: str, **_: Any) -> Model:
        raise ZeroDivisionError("within the library")

    queue._opener = broken
    failed = done(queue, AskJob(ORACLE, instance()))
    assert "ZeroDivisionError: within the library" in failed.message
    queue._opener = open_model
    assert done(queue, AskJob(ORACLE, instance())).state is JobState.DONE


def test_batch_is_stored_and_counted(queue: JobQueue, store: Store) -> None:
    job = BatchJob(ORACLE, SPEC, StoreSink(store))
    done(queue, job)
    assert (job.state, job.n_done, job.n_total) == (JobState.DONE, 16, 16)
    assert job.outcomes == {"correct": 16}
    (run,) = fetch_runs(store).itertuples()
    assert (run.run_id, run.status, run.n_samples) == (job.run_id, "success", 16)


def test_stopped_batch_keeps_what_is_done_and_goes_on_from_there(
    queue: JobQueue, store: Store
) -> None:
    gate, _ = gated(queue)
    job = BatchJob(ORACLE, SPEC, StoreSink(store))
    gate.set()
    between = job._take

    def stop_after_the_first_batch(event: Any) -> None:
        between(event)
        if job.n_done:
            job.stop()

    job._take = stop_after_the_first_batch  # type: ignore[method-assign]
    done(queue, job)
    assert job.state is JobState.STOPPED
    assert 0 < job.n_done < 16
    assert fetch_runs(store)["status"].tolist() == ["partial"]
    again = job.again()
    done(queue, again)
    assert (again.state, again.n_before, again.n_done) == (JobState.DONE, job.n_done, 16)
    assert again.outcomes.total() == 16 - job.n_done
    assert fetch_runs(store)["run_id"].tolist() == [job.run_id]


def test_run_of_another_model_does_not_go_on_in_its_place(queue: JobQueue, store: Store) -> None:
    job = BatchJob(ECHO, SPEC, StoreSink(store), resumes="p000")
    done(queue, job)
    assert job.state is JobState.FAILED
    assert "Run p000 cannot go on" in job.message
    assert fetch_runs(store).empty


def test_question_to_the_open_model_goes_in_between_batches(queue: JobQueue, store: Store) -> None:
    gate, _ = gated(queue)
    batch = BatchJob(ORACLE, SPEC, StoreSink(store))
    queue.submit(batch)
    until(lambda: batch.state is JobState.RUNNING)
    question = AskJob(ORACLE, instance())
    queue.submit(question)
    assert queue.before(question) == 1
    gate.set()
    assert question.wait(LONG_S)
    assert batch.wait(LONG_S)
    assert (question.state, batch.state) == (JobState.DONE, JobState.DONE)
    assert [job.number for job in queue.jobs()] == [
        batch.number,
        question.number,
    ]  # the newest that is over stands first


def test_question_to_another_model_waits_and_the_first_model_is_closed_for_it(
    queue: JobQueue, store: Store
) -> None:
    gate, opened = gated(queue)
    batch = BatchJob(ORACLE, SPEC, StoreSink(store))
    question = AskJob(ECHO, instance())
    queue.submit(batch)
    queue.submit(question)
    until(lambda: batch.state is JobState.RUNNING)
    assert question.state is JobState.WAITING
    gate.set()
    assert question.wait(LONG_S)
    assert batch.is_over
    assert opened[0].is_closed
    assert queue.opened is not None and queue.opened.choice == ECHO


def test_waiting_job_can_be_stopped(queue: JobQueue, store: Store) -> None:
    gate, _ = gated(queue)
    batch, question = BatchJob(ORACLE, SPEC, StoreSink(store)), AskJob(ECHO, instance())
    queue.submit(batch)
    queue.submit(question)
    question.stop()
    gate.set()
    assert question.wait(LONG_S)
    assert question.state is JobState.STOPPED
    assert question.tokens == []


def test_question_that_nobody_watches_is_given_up(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.job_queue.UNWATCHED_S", -1.0)
    assert done(queue, AskJob(ORACLE, instance())).state is JobState.STOPPED


def test_let_go_closes_the_model_once_nothing_runs(queue: JobQueue) -> None:
    gate, opened = gated(queue)
    gate.set()
    done(queue, AskJob(ORACLE, instance()))
    queue.let_go()
    until(lambda: queue.opened is None)
    assert opened[0].is_closed
    assert done(queue, AskJob(ORACLE, instance())).state is JobState.DONE


def test_closing_stops_what_runs_and_frees_the_model(store: Store) -> None:
    queue = JobQueue()
    gate, opened = gated(queue)
    batch, waiting = BatchJob(ORACLE, SPEC, StoreSink(store)), AskJob(ORACLE, instance())
    queue.submit(batch)
    until(lambda: batch.state is JobState.RUNNING)
    queue.submit(waiting)
    queue.close()
    assert (batch.state, waiting.state) == (JobState.STOPPED, JobState.STOPPED)
    assert opened[0].is_closed
    assert not gate.is_set()
