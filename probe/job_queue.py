"""One model at a time, for all users: a job queue and the single thread that opens the model and
runs the jobs.

    queue = JobQueue()
    job = queue.submit(AskJob(ModelChoice("demo:echo"), instance))
    job.wait(1.0)

A model belongs to one thread and fills the memory, so a process has one queue. A job for another
model waits until the jobs before it are finished; the model is closed before the next one is
opened. A single question to the open model runs between two batches of a running probe: it takes
seconds, a probe takes hours.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from data.records import CharybdisError, RunStatus
from probe.id_sources import Elicitation
from probe.models import Model, ModelFacts, StoppedError, Token, open_model
from probe.models.demo import OracleModel
from probe.prompts import SECOND_MAX_NEW_TOKENS, style_named
from probe.run_loop import (
    BatchDone,
    Event,
    Finished,
    ProbeError,
    ProbeSpec,
    Sink,
    Started,
    plan_run,
    run_probe,
)
from probe.tasks import Grade, Instance

UNWATCHED_S = 90.0
"""A question that has not been polled for this long is cancelled, because its page was closed. For
a hidden page, a browser may poll only once a minute.
"""
KEPT = 12
"""Number of finished jobs to keep."""
_numbers = itertools.count(1)
_log = logging.getLogger(__name__)


class JobState(StrEnum):
    """State of a job."""

    WAITING = "waiting"
    OPENING = "opening the model"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model, and how to open it. See `probe.models.open_model`."""

    ref: str
    device: str | None = None
    dtype: str | None = None


class Job:
    """A job that needs a model. Written by the queue's thread, read by any thread."""

    def __init__(self, choice: ModelChoice) -> None:
        self.number = next(_numbers)
        self.choice = choice
        self.state = JobState.WAITING
        self.message = ""
        """Why it stopped or failed."""
        self.model_name = choice.ref
        """Name of the model in its runs, once it is open."""
        self.facts: ModelFacts | None = None
        self._stop = threading.Event()
        self._over = threading.Event()

    @property
    def is_over(self) -> bool:
        """Whether the job has ended."""
        return self._over.is_set()

    def stop(self) -> None:
        """Request the job to end; its results so far are kept."""
        self._stop.set()

    def should_stop(self) -> bool:
        """Whether a stop was requested."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until the job has ended, up to the timeout. Returns whether it has."""
        return self._over.wait(seconds)

    def work(self, model: Model, between: Callable[[], None]) -> None:
        """Run the job. `between` is called at points where a short job may run."""
        raise NotImplementedError

    def _end(self, state: JobState, message: str = "") -> None:
        self.state, self.message = state, message
        self._over.set()


class AskJob(Job):
    """One instance, the model's reply token by token, and its grade. Nothing is stored."""

    def __init__(
        self,
        choice: ModelChoice,
        instance: Instance,
        *,
        style: str | None = None,
        max_new_tokens: int | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(choice)
        self.instance = instance
        self.style, self.max_new_tokens, self.temperature, self.seed = (
            style,
            max_new_tokens,
            temperature,
            seed,
        )
        self.prompt = ""
        self.tokens: list[Token] = []
        self.grade: Grade | None = None
        self.answer_logprob: float | None = None
        """Log-probability of the reference, as in a stored sample; None if the model does not
        provide it.
        """
        self.duration_s = 0.0
        self._watched_s = time.monotonic()

    def watch(self) -> None:
        """Note that a page is polling the job."""
        self._watched_s = time.monotonic()

    def should_stop(self) -> bool:
        return super().should_stop() or time.monotonic() - self._watched_s > UNWATCHED_S

    def work(self, model: Model, between: Callable[[], None]) -> None:
        style = style_named(self.style or model.facts.style)
        prompt = style.prompt(self.instance)
        self.prompt, began = prompt.text, time.monotonic()
        decoding = style.decoding(self.max_new_tokens, self.temperature, self.seed)
        if isinstance(model, OracleModel):
            model.learn({prompt.text: f"The answer is {self.instance.reference}."})
        for lead, limit in (
            ("", decoding.max_new_tokens),
            (style.second_trigger, SECOND_MAX_NEW_TOKENS),
        ):
            if lead is None:
                break
            if lead:  # no answer could be read: request the answer alone, as the run loop does
                self.tokens.append(Token(f"\n{lead}"))
            asked = replace(prompt, lead=prompt.lead + "".join(token.text for token in self.tokens))
            for token in model.stream(asked, replace(decoding, max_new_tokens=limit)):
                if self.should_stop():
                    raise StoppedError("Stopped before the reply was complete; it is not graded.")
                self.tokens.append(token)
            self.duration_s = time.monotonic() - began
            self.grade = style.grade(self.instance, "".join(token.text for token in self.tokens))
            if self.grade.answer is not None:
                break
        if model.facts.has_answer_logprobs:
            (self.answer_logprob,) = model.answer_logprobs([style.question(self.instance, prompt)])


class BatchJob(Job):
    """A probe of many instances; samples are stored as they arrive.

    Args:
        resumes: the run to resume; the job fails when model and settings would start another run.
    """

    def __init__(
        self,
        choice: ModelChoice,
        spec: ProbeSpec,
        sink: Sink,
        *,
        retry_errors: bool = False,
        resumes: str | None = None,
    ) -> None:
        super().__init__(choice)
        self.spec, self.sink, self.retry_errors, self.resumes = spec, sink, retry_errors, resumes
        self.run_id: str | None = None
        self.n_done = self.n_before = 0
        """Stored samples of the run, and how many of them existed before."""
        self.n_total: int | None = None
        self.rate_per_s: float | None = None
        self.left_s: float | None = None
        self.outcomes: Counter[str] = Counter()
        """Outcomes of this call."""
        self.notes: tuple[str, ...] = ()
        self.elicitation: Elicitation | None = None

    def again(self, *, retry_errors: bool = False) -> BatchJob:
        """The same probe as a new job, which resumes where this one ended."""
        return BatchJob(
            self.choice, self.spec, self.sink, retry_errors=retry_errors, resumes=self.run_id
        )

    def work(self, model: Model, between: Callable[[], None]) -> None:
        if self.resumes is not None and plan_run(model, self.spec).run_id != self.resumes:
            raise ProbeError(
                f"Run {self.resumes} cannot go on: its model or settings are others now (say, the"
                " weights were replaced). Start a new run."
            )
        events = run_probe(
            model,
            self.spec,
            self.sink,
            retry_errors=self.retry_errors,
            should_stop=self.should_stop,
        )
        try:
            for event in events:
                self._take(event)
                between()
        finally:
            self.notes = model.notes()

    def _take(self, event: Event) -> None:
        if isinstance(event, Elicitation):
            self.elicitation = event
        elif isinstance(event, Started):
            self.elicitation = None
            self.run_id, self.n_total, self.n_done, self.n_before = (
                event.run.run_id,
                event.n_total,
                event.n_done,
                event.n_done,
            )
        elif isinstance(event, BatchDone):
            self.outcomes.update(map(str, event.outcomes))
            self.n_done, self.rate_per_s, self.left_s, self.notes = (
                event.n_done,
                event.rate_per_s,
                event.left_s,
                event.notes,
            )
        elif isinstance(event, Finished) and event.status is not RunStatus.SUCCESS:
            raise StoppedError(event.message)


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """The model in memory."""

    choice: ModelChoice
    name: str
    facts: ModelFacts


class JobQueue:
    """See the module docstring. Every method may be called from any thread."""

    def __init__(self, opener: Callable[..., Model] = open_model) -> None:
        self._opener = opener
        self._changed = threading.Condition()
        self._waiting: list[Job] = []
        self._running: list[Job] = []
        self._past: list[Job] = []
        self._thread: threading.Thread | None = None
        self._model: Model | None = None
        self._opened: OpenedModel | None = None
        self._is_let_go = self._is_closed = False

    @property
    def opened(self) -> OpenedModel | None:
        """The model in memory, or None."""
        return self._opened

    def jobs(self) -> tuple[Job, ...]:
        """The running job, waiting jobs in their order, then finished jobs, the newest first."""
        with self._changed:
            return (*self._running, *self._waiting, *reversed(self._past))

    def before(self, job: Job) -> int:
        """Number of jobs ahead of this one."""
        with self._changed:
            return len(self._running) + self._waiting.index(job) if job in self._waiting else 0

    def submit(self, job: Job) -> None:
        """Put a job at the end of the queue."""
        with self._changed:
            self._is_closed = self._is_let_go = False
            self._waiting.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="probe queue", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def let_go(self) -> None:
        """Close the model as soon as no job is running, to free its memory; the next job opens a
        model again.
        """
        with self._changed:
            self._is_let_go = True
            self._changed.notify_all()

    def close(self, wait_s: float = 5.0) -> None:
        """Stop all jobs and free the model's memory."""
        with self._changed:
            self._is_closed = True
            for job in (*self._running, *self._waiting):
                job.stop()
            thread = self._thread
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(wait_s)

    # -- the queue's own thread --------------------------------------------------------------------

    def _work(self) -> None:
        while (job := self._next()) is not None:
            self._do(job)
        self._close_model()

    def _next(self) -> Job | None:
        """The next job; None when the queue is closed and no job is waiting."""
        with self._changed:
            while not self._waiting:
                if self._is_closed:
                    self._thread = None
                    return None
                if self._is_let_go:
                    self._is_let_go = False
                    self._close_model()
                self._changed.wait()
            return self._begin(0)

    def _begin(self, place: int) -> Job:
        job = self._waiting.pop(place)
        self._running.insert(0, job)
        return job

    def _do(self, job: Job) -> None:
        try:
            if job.should_stop():
                raise StoppedError("Stopped before it began.")
            model = self._model_for(job)
            job.model_name, job.facts, job.state = model.name, model.facts, JobState.RUNNING
            job.work(model, self._ask_in_between)
        except StoppedError as stopped:
            ended = JobState.STOPPED, str(stopped)
        except CharybdisError as fault:
            ended = JobState.FAILED, str(fault)
        except Exception as fault:  # noqa: BLE001 (this thread must outlive errors of a model's library)
            _log.exception("A job of the probe failed unexpectedly")
            ended = (
                JobState.FAILED,
                (
                    f"An unexpected fault ({type(fault).__name__}: {fault}). The server's log has"
                    " the details."
                ),
            )
        else:
            ended = JobState.DONE, ""
        with self._changed:
            self._running.remove(job)
            self._past = [*self._past, job][-KEPT:]
        job._end(*ended)

    def _ask_in_between(self) -> None:
        while True:
            with self._changed:
                opened = self._opened
                places = [
                    place
                    for place, job in enumerate(self._waiting)
                    if isinstance(job, AskJob)
                    and opened is not None
                    and job.choice == opened.choice
                ]
                if not places:
                    return
                job = self._begin(places[0])
            self._do(job)

    def _model_for(self, job: Job) -> Model:
        if (
            self._model is not None
            and self._opened is not None
            and self._opened.choice == job.choice
        ):
            return self._model
        self._close_model()
        job.state = JobState.OPENING
        choice = job.choice
        self._model = self._opener(choice.ref, device=choice.device, dtype=choice.dtype)
        self._opened = OpenedModel(choice, self._model.name, self._model.facts)
        return self._model

    def _close_model(self) -> None:
        model, self._model, self._opened = self._model, None, None
        if model is not None:
            model.close()
