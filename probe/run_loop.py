"""The run loop: instances are generated, a model replies, replies are graded, samples are written
to a sink. The shell and the page share it.

    for event in run_probe(model, ProbeSpec(tasks=("sort_numbers",), n=64), sink):
        ...

A run's id is computed from its specification, so the same call resumes an earlier run and computes
only the missing samples.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol, TypeAlias

import msgspec

from data.records import (
    SCYLLA_SCHEME,
    CharybdisError,
    Outcome,
    RunInfo,
    RunStatus,
    SampleColumns,
    Split,
)
from probe.id_sources import Elicitation, IdSource, elicit, ladder_source, range_source, read_source
from probe.models.base import Decoding, Model, ModelError, ShouldStop, StoppedError, never
from probe.prompts import SECOND_MAX_NEW_TOKENS, PromptStyle, style_named
from probe.replies import Answers, ask
from probe.tasks import TASKS, Instance, make_batch, task_named

VERSION = "1"
"""Increased whenever the same spec would give other samples from the same replies."""
ID_SOURCES = ("range", "ladder", "elicited")
SHORTEST_BATCH_S, LONGEST_BATCH_S = 2.0, 4.0
"""The size of a batch is chosen so that it takes about 33 times as long as storing the last one,
within these limits: with larger batches more is lost when the process is killed, with smaller ones
storing takes most of the time. (If the smallest batch of a model takes longer, it is used.)
"""
_STORING_SHARE = 0.03
_GROWTH = 32.0
"""Largest growth from one batch to the next; the first batch includes warm-up and predicts the next
one poorly.
"""
_BATCH_AT_MOST = 8_192
_ROUND = 8
"""Instances of one task and split in a row, before the next task and split: all cells fill evenly.
"""
_FAILED_BATCHES = 3
"""The run ends after this many consecutive batches with errors only."""


N_AT_MOST = 100_000
"""Instances per task and split."""


class ProbeError(CharybdisError):
    """A probe cannot be run as specified."""


class Sink(Protocol):
    """Destination of a run's samples. Each call is stored before it returns."""

    def stored_metadata(self, run_id: str) -> Mapping[str, Any] | None:
        """The stored metadata of this run; None for a new run."""
        ...

    def begin(self, run: RunInfo) -> None:
        """Start a run, or resume the one with this id."""
        ...

    def done_instances(self) -> set[tuple[str, str, str]]:
        """Task, split and instance id of every stored sample of the run."""
        ...

    def drop_errors(self) -> int:
        """Delete the samples that are errors, so they are probed again. Returns their number."""
        ...

    def add(self, samples: SampleColumns) -> None:
        """Store a batch: all of it, or nothing if the process is killed."""
        ...

    def finish(self, status: RunStatus, warnings: Sequence[str]) -> None:
        """Store how the run ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSpec:
    """Specification of a run. Empty or None: the default for the model."""

    tasks: tuple[str, ...] = ()
    levels: tuple[int, ...] = ()
    """Only tasks of these levels."""
    splits: tuple[Split, ...] = (Split.ID, Split.OOD)
    n: int = 64
    """Instances per task and split."""
    seed: int = 0
    style: str | None = None
    id_source: str | None = None
    """range | ladder | ladder:KIND | elicited. None: ladder for models of the ladder, range for
    others.
    """
    max_new_tokens: int | None = None
    temperature: float = 0.0
    with_answer_logprobs: bool = True
    """Whether local models also compute the log-probability of the reference."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A spec without open choices."""

    run_id: str
    tasks: tuple[str, ...]
    splits: tuple[Split, ...]
    n: int
    seed: int
    style: PromptStyle
    decoding: Decoding
    id_source: str
    with_answer_logprobs: bool

    @property
    def n_total(self) -> int:
        return len(self.tasks) * len(self.splits) * self.n


@dataclass(frozen=True, slots=True)
class Started:
    """The run is in the store; `n_done` of its samples existed already."""

    run: RunInfo
    n_total: int
    n_done: int


@dataclass(frozen=True, slots=True)
class BatchDone:
    """These samples are stored."""

    outcomes: tuple[Outcome, ...]
    """Of each sample, in order."""
    n_done: int
    n_total: int
    rate_per_s: float
    """Samples per second since the start of this call."""
    left_s: float
    """At this rate."""
    notes: tuple[str, ...]
    """Departures from the request, each once."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event."""

    run_id: str
    status: RunStatus
    n_done: int
    n_total: int
    message: str
    model_s: float
    """Time in the model."""
    loop_s: float
    """Time for everything else: instances, grading, store."""


Event: TypeAlias = Elicitation | Started | BatchDone | Finished


def plan_run(model: Model, spec: ProbeSpec) -> Plan:
    """Decide the open choices of the spec.

    Raises: ProbeError, TaskError, PromptError naming the invalid value and the valid ones.
    """
    style = style_named(spec.style or model.facts.style)
    is_ladder = style.name == "compact"
    tasks = (
        [task_named(name).name for name in spec.tasks]
        if spec.tasks
        else [t for t in TASKS if style.tasks is None or t in style.tasks]
    )
    tasks = [
        name for name in dict.fromkeys(tasks) if not spec.levels or TASKS[name].level in spec.levels
    ]
    unasked = [name for name in tasks if style.tasks is not None and name not in style.tasks]
    if unasked and style.tasks is not None:
        raise ProbeError(
            f"Prompt style '{style.name}' cannot ask about {', '.join(unasked)}. It has words for:"
            f" {', '.join(sorted(style.tasks))}."
        )
    if not tasks or not spec.splits or spec.n < 1:
        levels = ", ".join(sorted({str(task.level) for task in TASKS.values() if task.level}))
        raise ProbeError(
            f"This asks for no instance at all. Choose a task, levels of {levels}, a split, and at"
            " least 1 instance."
        )
    if spec.n > N_AT_MOST:
        raise ProbeError(
            f"{spec.n:,} instances per task and split are more than can be held at once. Ask for at"
            f" most {N_AT_MOST:,}."
        )
    if style.is_chat and not model.facts.has_chat_template:
        raise ProbeError(
            f"{model.name} has no chat template. Use the prompt style zero_shot or few_shot."
        )
    id_source = spec.id_source or ("ladder" if is_ladder else "range")
    if (id_source if not id_source.startswith("ladder:") else "ladder") not in ID_SOURCES:
        raise ProbeError(
            f"There is no ID source '{id_source}'. Choose one of {', '.join(ID_SOURCES)}."
        )
    if id_source == "ladder:scatter":
        id_source = "ladder"  # the same numbers under the other name must be the same run
    decoding = style.decoding(spec.max_new_tokens, spec.temperature, spec.seed)
    asked = (
        VERSION,
        model.ref,
        model.facts.checkpoint,
        tasks,
        spec.splits,
        spec.n,
        spec.seed,
        style.name,
        decoding,
        id_source,
    )
    run_id = "p" + sha256("\x1f".join(map(str, asked)).encode()).hexdigest()[:15]
    splits = tuple(dict.fromkeys(map(Split, spec.splits)))
    return Plan(
        run_id,
        tuple(tasks),
        splits,
        spec.n,
        spec.seed,
        style,
        decoding,
        id_source,
        spec.with_answer_logprobs,
    )


def run_probe(
    model: Model,
    spec: ProbeSpec,
    sink: Sink,
    *,
    retry_errors: bool = False,
    should_stop: ShouldStop = never,
) -> Iterator[Event]:
    """Compute the missing samples of a probe; yields an event after every step that is stored.

    Ends with `Finished`: success, or partial when `should_stop` became true. Closing the generator
    also stops the run. When the model cannot continue, the run is stored as `error` with its
    samples so far, and the exception propagates.

    Args:
        retry_errors: repeat instances that ended in an error.

    Raises: ProbeError, ModelError, TaskError, PromptError, IdSourceError.
    """
    plan = plan_run(model, spec)
    source: IdSource | None = None
    try:
        for step in _id_source(model, plan, sink, should_stop):
            if isinstance(step, IdSource):
                source = step
            else:
                yield step
    except StoppedError:
        pass
    if source is None:
        yield Finished(
            plan.run_id,
            RunStatus.PARTIAL,
            0,
            plan.n_total,
            "Stopped while the model was asked for test inputs.",
            0.0,
            0.0,
        )
        return
    yield from _Loop(model, plan, source, sink, should_stop).run(retry_errors)


def _id_source(
    model: Model, plan: Plan, sink: Sink, should_stop: ShouldStop
) -> Iterator[Elicitation | IdSource]:
    stored = sink.stored_metadata(plan.run_id)
    if stored is not None and "id_source" in stored:
        yield read_source(stored["id_source"])
    elif plan.id_source == "elicited":
        yield from elicit(model, plan.tasks, seed=plan.seed, should_stop=should_stop)
    elif plan.id_source.startswith("ladder"):
        yield ladder_source(plan.id_source.partition(":")[2] or "scatter")
    else:
        yield range_source()


class _Loop:
    """One call of `run_probe`."""

    def __init__(
        self, model: Model, plan: Plan, source: IdSource, sink: Sink, should_stop: ShouldStop
    ) -> None:
        self._model, self._plan, self._source, self._sink, self._should_stop = (
            model,
            plan,
            source,
            sink,
            should_stop,
        )
        self._model_s = 0.0
        self._began_s = time.monotonic()
        self._n_done = self._n_new = self._n_errors = self._n_failed_batches = 0

    def run(self, retry_errors: bool) -> Iterator[Event]:
        try:
            asked = (
                self._instances()
            )  # before anything is stored: if they cannot be made, there is no run
        except StoppedError:
            message = "Stopped while the instances were made; nothing was asked."
            yield Finished(
                self._plan.run_id, RunStatus.PARTIAL, 0, self._plan.n_total, message, 0.0, 0.0
            )
            return
        run = run_info(self._model, self._plan, self._source)
        self._sink.begin(run)
        status, message = RunStatus.PARTIAL, "Stopped; the same command goes on from here."
        try:
            if retry_errors:
                self._sink.drop_errors()
            done = self._sink.done_instances()
            missing = [
                one for one in asked if (one.task, str(one.split), one.instance_id) not in done
            ]
            self._n_done = self._plan.n_total - len(missing)
            yield Started(run, self._plan.n_total, self._n_done)
            yield from self._batches(missing)
            status, message = RunStatus.SUCCESS, "Done."
        except StoppedError:
            pass
        except CharybdisError as fault:
            status, message = RunStatus.ERROR, str(fault)
            raise
        finally:
            self._sink.finish(
                status, (*self._model.notes(), *((message,) if status is RunStatus.ERROR else ()))
            )
        loop_s = time.monotonic() - self._began_s - self._model_s
        yield Finished(
            self._plan.run_id,
            status,
            self._n_done,
            self._plan.n_total,
            message,
            self._model_s,
            loop_s,
        )

    def _instances(self) -> list[Instance]:
        """All instances in the order of probing: a few of every task and split, then a few more."""
        plan = self._plan
        cells = []
        for task in plan.tasks:
            said = self._source.of(task)
            cells += [
                make_batch(
                    task, split, plan.n, plan.seed, lengths=said.lengths, elements=said.elements
                )
                for split in plan.splits
            ]
            if self._should_stop():
                raise StoppedError("Stopped.")
        return [
            one
            for first in range(0, plan.n, _ROUND)
            for cell in cells
            for one in cell[first : first + _ROUND]
        ]

    def _batches(self, missing: list[Instance]) -> Iterator[BatchDone]:
        size, first = self._model.batch_size, 0
        while first < len(missing):
            if self._should_stop():
                raise StoppedError("Stopped.")
            batch = missing[first : first + size]
            began = time.monotonic()
            answers = self._ask(batch)
            batch_s = time.monotonic() - began
            self._sink.add(answers.columns)
            stored_s = time.monotonic() - began - batch_s
            first += len(batch)
            self._n_done, self._n_new = self._n_done + len(batch), self._n_new + len(batch)
            rate = self._n_new / max(1e-9, time.monotonic() - self._began_s)
            left_s = (len(missing) - first) / max(rate, 1e-9)
            yield BatchDone(
                answers.outcomes,
                self._n_done,
                self._plan.n_total,
                rate,
                left_s,
                self._model.notes(),
            )
            self._check_errors(answers, first == len(missing))
            size = self._next_size(len(batch), batch_s, stored_s)

    def _next_size(self, n: int, batch_s: float, stored_s: float) -> int:
        """Size of the next batch, after n instances took `batch_s` and storing them `stored_s`."""
        wanted_s = min(max(stored_s / _STORING_SHARE, SHORTEST_BATCH_S), LONGEST_BATCH_S)
        if self._n_failed_batches:
            return (
                self._model.batch_size
            )  # failures are fast: thousands of instances would be errors before the run ends
        larger = n * min(_GROWTH, wanted_s / max(batch_s, 1e-6))
        return min(max(round(larger), self._model.batch_size), _BATCH_AT_MOST)

    def _ask(self, batch: list[Instance]) -> Answers:
        plan = self._plan
        answers = ask(
            self._model,
            plan.run_id,
            plan.style,
            plan.decoding,
            batch,
            with_answer_logprobs=plan.with_answer_logprobs,
            should_stop=self._should_stop,
        )
        self._model_s += answers.model_s
        return answers

    def _check_errors(self, answers: Answers, is_last: bool) -> None:
        """Raises: ModelError when the last batches, or all until the end, have errors only."""
        errors = answers.errors
        self._n_failed_batches = (
            self._n_failed_batches + 1 if len(errors) == len(answers.outcomes) else 0
        )
        self._n_errors += len(errors)
        if self._n_failed_batches == _FAILED_BATCHES or (is_last and self._n_errors == self._n_new):
            batches = f"{self._n_failed_batches} batch{'es' if self._n_failed_batches > 1 else ''}"
            raise ModelError(
                f"{self._model.name} gave nothing but errors for {batches}; the last one:"
                f" {errors[-1]} What was asked is stored; run the same command with --retry-errors"
                " once the cause is gone."
            )


def run_info(model: Model, plan: Plan, source: IdSource) -> RunInfo:
    """The stored record of the run itself."""
    facts, style = model.facts, plan.style
    return RunInfo(
        run_id=plan.run_id,
        model_raw=model.name,
        format="probe",
        benchmark="scylla",
        checkpoint=facts.checkpoint,
        n_params=facts.n_params,
        dtype=facts.dtype,
        harness="charybdis",
        harness_version=VERSION,
        status=RunStatus.STARTED,
        started_at=datetime.now(UTC).replace(tzinfo=None),
        date_source="clock of the machine that ran the probe",
        n_shot=style.n_shot,
        level_scheme=SCYLLA_SCHEME,
        id_source=source.name,
        seeds={"instances": plan.seed}
        | ({"decoding": plan.decoding.seed} if plan.decoding.temperature else {}),
        generation={
            "decoding": "sampling" if plan.decoding.temperature else "greedy",
            "temperature": plan.decoding.temperature,
            "max_new_tokens": plan.decoding.max_new_tokens,
            "second_max_new_tokens": SECOND_MAX_NEW_TOKENS if style.second_trigger else None,
        },
        metadata={
            "ref": model.ref,
            "prompt_style": style.name,
            "second_trigger": style.second_trigger,
            "answer_lead": style.answer_lead,
            "tasks": list(plan.tasks),
            "splits": [str(split) for split in plan.splits],
            "n_per_cell": plan.n,
            "device": facts.device_label,
            "versions": {"python": platform.python_version(), **facts.versions},
            "id_source": msgspec.to_builtins(source.facts),
            **facts.metadata,
        },
    )
