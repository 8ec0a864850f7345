"""The facts Charybdis stores, as plain values. Everything else speaks in these types; this file
imports nothing of ours.

Results flow one way: result file -> importer -> RunInfo, Score, ScoredSample -> store -> queries ->
analysis -> figure -> page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias


class Split(StrEnum):
    """Where an instance's elements come from. A result without the distinction has no split
    (`None`).
    """

    ID = "id"
    OOD = "ood"


class Outcome(StrEnum):
    """What became of one answer. `None` on a sample means: scored, but not as right or wrong (say,
    a perplexity).
    """

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSED = "unparsed"
    ERROR = "error"


class Denominator(StrEnum):
    """Which answers an accuracy is taken over. Errors (no answer was obtained) are outside all
    three and counted beside them.

    UNPARSED_IS_WRONG  correct / (correct + wrong + unparsed); the default.
    PARSED_ONLY        correct / (correct + wrong).
    AUTHORS            as PARSED_ONLY, but 0 when under 10 % of the answers parse (SCYLLA's step 6).
    """

    UNPARSED_IS_WRONG = "unparsed_is_wrong"
    PARSED_ONLY = "parsed_only"
    AUTHORS = "authors"


class RunStatus(StrEnum):
    """How a run ended in its own harness. Anything but SUCCESS stands beside the run's numbers on
    screen.
    """

    SUCCESS = "success"
    ERROR = "error"
    CANCELLED = "cancelled"
    STARTED = "started"
    PARTIAL = "partial"


SCYLLA_SCHEME = "scylla"
"""Name of the first level scheme; see data/catalog/levels.csv."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """One model evaluated once under one configuration."""

    run_id: str
    """Stable across re-imports: derived from the content of the source, never from the clock."""
    model_raw: str
    """The model's name exactly as the source writes it; the store resolves it through the alias
    table.
    """
    format: str
    """Name of the importer, `probe` for live runs, `published` for figures typed from papers."""
    benchmark: str | None = None
    format_version: str | None = None
    checkpoint: str | None = None
    """Revision, branch or hash of the weights, as given."""
    step: int | None = None
    train_tokens: float | None = None
    """Tokens seen up to this checkpoint."""
    n_params: int | None = None
    dtype: str | None = None
    harness: str | None = None
    harness_version: str | None = None
    code_git: str | None = None
    code_git_meaning: str | None = None
    """Which repository `code_git` names (it differs by tool): cwd | task | training | harness."""
    status: RunStatus = RunStatus.SUCCESS
    started_at: datetime | None = None
    finished_at: datetime | None = None
    date_source: str | None = None
    n_shot: int | None = None
    sample_limit: float | None = None
    """The harness's own limit on instances, if one was set: such a run is not the whole benchmark.
    """
    level_scheme: str | None = None
    """Scheme that the `level` of this run's scores and samples belongs to; None when they carry no
    level.
    """
    id_source: str | None = None
    """Where ID comes from: elicited | range | ladder | free text of the source; None when the run
    has no splits.
    """
    source_path: str | None = None
    seeds: dict[str, Any] = field(default_factory=dict)
    generation: dict[str, Any] = field(default_factory=dict)
    """Decoding settings."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Everything the source says that has no field of its own."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One aggregate number of one run: as the source states it, and on the 0-1 scale where that has
    a meaning.
    """

    run_id: str
    metric: str
    value: float | None
    """In the source's own scale; None when the source states none. Never NaN."""
    task: str | None = None
    """None for a number over several tasks (a level mean, a group)."""
    split: Split | None = None
    level: int | None = None
    subset: str | None = None
    variant: str | None = None
    """Filter, scorer, prompt or answer pass that tells several readings of the same answers apart.
    """
    scale: str = "0-1"
    """0-1 | 0-100 | logprob | raw."""
    value01: float | None = None
    """The value on 0-1, when the scale allows it."""
    stderr: float | None = None
    stderr_kind: str | None = None
    """reported | recomputed | inferred; None without a standard error."""
    n: int | None = None
    n_kind: str | None = None
    """reported | counted | inferred; None when n is unknown."""
    n_shot: int | None = None
    higher_is_better: bool | None = None
    is_group: bool = False
    """A number the harness computed over other rows of the same file; never averaged again."""
    parent_group: str | None = None
    flag: str | None = None
    """A known inconsistency of the source, in one word (say `shots_mislabelled`)."""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredSample:
    """One model's answer to one instance, read one way."""

    run_id: str
    task: str
    instance_id: str
    split: Split | None = None
    level: int | None = None
    epoch: int = 1
    """1-based repeat of the same instance."""
    variant: str | None = None
    """As in Score. Samples whose variant equals the run's first one for that task are its primary
    reading.
    """
    outcome: Outcome | None = None
    score: float | None = None
    """The primary metric's value for this answer; 1 or 0 for right or wrong."""
    input: str | None = None
    target: str | None = None
    response: str | None = None
    parsed_answer: str | None = None
    reason: str | None = None
    """Why the outcome is what it is, in words for the reader."""
    answer_logprob: float | None = None
    """Natural log of the probability the model gave to the reference answer, summed over its
    tokens.
    """
    token_logprobs: tuple[float, ...] | None = None
    """Natural log-probabilities of the tokens of the response (or of the answer, where the source
    scores it).
    """
    choice_logprobs: tuple[float, ...] | None = None
    """Natural log-probabilities of the offered choices, in their order."""
    n_input_tokens: int | None = None
    n_output_tokens: int | None = None
    duration_s: float | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    """Every metric the source gives for this answer, by name, as it stands there."""
    metadata: dict[str, Any] = field(default_factory=dict)


SampleColumns: TypeAlias = Mapping[str, Sequence[Any]]
"""Samples by column: fields of ScoredSample by name, all equally long; `metrics` and `metadata` as
JSON text. A field left out is empty.
"""


@dataclass(frozen=True, slots=True)
class Reject:
    """One record that could not come in: where it stands, what was found and what was expected."""

    file: str
    record: str
    """Line number, row number or key, as a person would look it up."""
    field: str
    found: str
    expected: str


FAMILY_WORD = "family:"
"""`family:Qwen1.5` among the models of a link stands for all models of that family with results."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the reader is looking at. Empty tuples mean "all". Hashable, so that it can key a cache;
    its fields are URL words.
    """

    models: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    scheme: str = SCYLLA_SCHEME
    denominator: Denominator = Denominator.UNPARSED_IS_WRONG
    runs: tuple[str, ...] = ()
    """Run ids. Empty: for each model, task and split the run of the last checkpoint with most
    answers, then the newest.
    """
    ood: str = ""
    """Kind of OOD instances, as runs name it (`ood_kind` in their metadata). Empty: each model's
    main kind; else only runs of this one.
    """


def field_names(record_type: type) -> tuple[str, ...]:
    """Column names of a record type, in order."""
    return tuple(f.name for f in fields(record_type))


class CharybdisError(Exception):
    """A message for the person at the screen: what happened, where, what is allowed, what to do
    next.
    """


class ImportFormatError(CharybdisError):
    """A source cannot be read at all; nothing of it was stored."""


class StoreBusyError(CharybdisError):
    """Another process holds the store."""


class StoreError(CharybdisError):
    """The store cannot be opened or used as asked."""


class NotEnoughDataError(CharybdisError):
    """An estimate is undefined on the data at hand; the text names what is missing."""
