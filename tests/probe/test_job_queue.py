"""One model at a time: jobs wait, questions go in between batches, stopping keeps what is done, a
failed job leaves the desk working.
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
from probe.job_queue import AskJob, BatchJob, Desk, Job, JobState, ModelChoice
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
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


def instance(task: str = "sort_numbers") -> Instance:
    return make_batch(task, "ood", 1, 0)[0]


def done(desk: Desk, job: Job) -> Job:
    desk.submit(job)
    assert job.wait(LONG_S)
    return job


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


def gated(desk: Desk) -> tuple[threading.Event, list[GatedModel]]:
    """Let the desk open gated models in place of oracles."""
    gate, opened = threading.Event(), []

    def opener(ref: str, **options: Any) -> Model:
        if not ref.startswith("demo:oracle"):
            return open_model(ref, **options)
        opened.append(GatedModel(gate))
        return opened[-1]

    desk._opener = opener
    return gate, opened


def test_question_is_answered_token_by_token_and_graded(desk: Desk) -> None:
    job = AskJob(ORACLE, instance())
    done(desk, job)
    assert job.state is JobState.DONE
    assert job.grade is not None and job.grade.outcome == "correct"
    assert len(job.tokens) > 3
    assert "".join(token.text for token in job.tokens) == f"The answer is {job.instance.reference}."
    assert desk.opened is not None and desk.opened.name == ORACLE.ref


def test_reply_without_an_answer_is_asked_for_the_answer_alone(desk: Desk) -> None:
    leads: list[str] = []

    class Silent(OracleModel):
        def stream(self, prompt: Prompt, decoding: Decoding) -> Iterator[Token]:
            leads.append(prompt.lead)
            yield Token("no idea" if not prompt.lead else " 12")

    desk._opener = lambda ref, **_: Silent()
    job = AskJob(ORACLE, instance("find_minimum"))
    done(desk, job)
    assert [lead.partition("\n")[0] for lead in leads] == ["", "no idea"]
    assert job.grade is not None and job.grade.answer == 12


def test_model_that_cannot_be_opened_fails_its_job_and_nothing_else(desk: Desk) -> None:
    failed = done(desk, AskJob(ModelChoice("/no/such/folder/"), instance()))
    assert failed.state is JobState.FAILED
    assert "cannot be loaded" in failed.message or "/no/such/folder" in failed.message
    assert desk.opened is None
    assert done(desk, AskJob(ORACLE, instance())).state is JobState.DONE


def test_unexpected_fault_of_a_model_is_told_and_the_desk_goes_on(desk: Desk) -> None:
    def broken(ref: str, **_: Any) -> Model:
        raise ZeroDivisionError("within the library")

    desk._opener = broken
    failed = done(desk, AskJob(ORACLE, instance()))
    assert "ZeroDivisionError: within the library" in failed.message
    desk._opener = open_model
    assert done(desk, AskJob(ORACLE, instance())).state is JobState.DONE


def test_batch_is_stored_and_counted(desk: Desk, store: Store) -> None:
    job = BatchJob(ORACLE, SPEC, StoreSink(store))
    done(desk, job)
    assert (job.state, job.n_done, job.n_total) == (JobState.DONE, 16, 16)
    assert job.outcomes == {"correct": 16}
    (run,) = fetch_runs(store).itertuples()
    assert (run.run_id, run.status, run.n_samples) == (job.run_id, "success", 16)


def test_stopped_batch_keeps_what_is_done_and_goes_on_from_there(desk: Desk, store: Store) -> None:
    gate, _ = gated(desk)
    job = BatchJob(ORACLE, SPEC, StoreSink(store))
    gate.set()
    between = job._take

    def stop_after_the_first_batch(event: Any) -> None:
        between(event)
        if job.n_done:
            job.stop()

    job._take = stop_after_the_first_batch  # type: ignore[method-assign]
    done(desk, job)
    assert job.state is JobState.STOPPED
    assert 0 < job.n_done < 16
    assert fetch_runs(store)["status"].tolist() == ["partial"]
    again = job.again()
    done(desk, again)
    assert (again.state, again.n_before, again.n_done) == (JobState.DONE, job.n_done, 16)
    assert again.outcomes.total() == 16 - job.n_done
    assert fetch_runs(store)["run_id"].tolist() == [job.run_id]


def test_run_of_another_model_does_not_go_on_in_its_place(desk: Desk, store: Store) -> None:
    job = BatchJob(ECHO, SPEC, StoreSink(store), resumes="p000")
    done(desk, job)
    assert job.state is JobState.FAILED
    assert "Run p000 cannot go on" in job.message
    assert fetch_runs(store).empty


def test_question_to_the_open_model_goes_in_between_batches(desk: Desk, store: Store) -> None:
    gate, _ = gated(desk)
    batch = BatchJob(ORACLE, SPEC, StoreSink(store))
    desk.submit(batch)
    until(lambda: batch.state is JobState.RUNNING)
    question = AskJob(ORACLE, instance())
    desk.submit(question)
    assert desk.before(question) == 1
    gate.set()
    assert question.wait(LONG_S)
    assert batch.wait(LONG_S)
    assert (question.state, batch.state) == (JobState.DONE, JobState.DONE)
    assert [job.number for job in desk.jobs()] == [
        batch.number,
        question.number,
    ]  # the newest that is over stands first


def test_question_to_another_model_waits_and_the_first_model_is_closed_for_it(
    desk: Desk, store: Store
) -> None:
    gate, opened = gated(desk)
    batch = BatchJob(ORACLE, SPEC, StoreSink(store))
    question = AskJob(ECHO, instance())
    desk.submit(batch)
    desk.submit(question)
    until(lambda: batch.state is JobState.RUNNING)
    assert question.state is JobState.WAITING
    gate.set()
    assert question.wait(LONG_S)
    assert batch.is_over
    assert opened[0].is_closed
    assert desk.opened is not None and desk.opened.choice == ECHO


def test_waiting_job_can_be_stopped(desk: Desk, store: Store) -> None:
    gate, _ = gated(desk)
    batch, question = BatchJob(ORACLE, SPEC, StoreSink(store)), AskJob(ECHO, instance())
    desk.submit(batch)
    desk.submit(question)
    question.stop()
    gate.set()
    assert question.wait(LONG_S)
    assert question.state is JobState.STOPPED
    assert question.tokens == []


def test_question_that_nobody_watches_is_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.job_queue.UNWATCHED_S", -1.0)
    assert done(desk, AskJob(ORACLE, instance())).state is JobState.STOPPED


def test_let_go_closes_the_model_once_nothing_runs(desk: Desk) -> None:
    gate, opened = gated(desk)
    gate.set()
    done(desk, AskJob(ORACLE, instance()))
    desk.let_go()
    until(lambda: desk.opened is None)
    assert opened[0].is_closed
    assert done(desk, AskJob(ORACLE, instance())).state is JobState.DONE


def test_closing_stops_what_runs_and_frees_the_model(store: Store) -> None:
    desk = Desk()
    gate, opened = gated(desk)
    batch, waiting = BatchJob(ORACLE, SPEC, StoreSink(store)), AskJob(ORACLE, instance())
    desk.submit(batch)
    until(lambda: batch.state is JobState.RUNNING)
    desk.submit(waiting)
    desk.close()
    assert (batch.state, waiting.state) == (JobState.STOPPED, JobState.STOPPED)
    assert opened[0].is_closed
    assert not gate.is_set()
