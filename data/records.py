"""The facts Charybdis stores, as plain values. Everything else speaks in these types; this file
imports nothing of ours.

The fields of RunInfo, Score and ScoredSample are the one list of the store's columns. A field gives
name, type, width, default and meaning; `RUN_COLUMNS`, `SCORE_COLUMNS` and `SAMPLE_COLUMNS` say the
same as values. From these follow the Arrow types, the limits of JSON numbers, the exported tables
and the fields of our own files; tests/data/test_columns.py holds data/schema.sql to them.

Results flow one way: result file -> importer -> RunInfo, Score, ScoredSample -> store -> queries ->
analysis -> figure -> page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

Int16 = Annotated[int, "int16"]
Int32 = Annotated[int, "int32"]
Int64 = Annotated[int, "int64"]
Float32 = Annotated[float, "float32"]
Float64 = Annotated[float, "float64"]
"""Numbers, by the width of their column."""


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
    step: Int64 | None = None
    train_tokens: Float64 | None = None
    """Tokens seen up to this checkpoint."""
    n_params: Int64 | None = None
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
    n_shot: Int32 | None = None
    sample_limit: Float64 | None = None
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
    task: str | None = None
    """None for a number over several tasks (a level mean, a group)."""
    split: Split | None = None
    level: Int16 | None = None
    subset: str | None = None
    metric: str
    variant: str | None = None
    """Filter, scorer, prompt or answer pass that tells several readings of the same answers apart.
    """
    value: Float64 | None
    """In the source's own scale; None when the source states none. Never NaN."""
    scale: str = "0-1"
    """0-1 | 0-100 | logprob | raw."""
    value01: Float64 | None = None
    """The value on 0-1, when the scale allows it."""
    stderr: Float64 | None = None
    stderr_kind: str | None = None
    """reported | recomputed | inferred; None without a standard error."""
    n: Int64 | None = None
    n_kind: str | None = None
    """reported | counted | inferred; None when n is unknown."""
    n_shot: Int32 | None = None
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
    level: Int16 | None = None
    epoch: Int16 = 1
    """1-based repeat of the same instance."""
    variant: str | None = None
    """As in Score. Samples whose variant equals the run's first one for that task are its primary
    reading.
    """
    outcome: Outcome | None = None
    score: Float32 | None = None
    """The primary metric's value for this answer; 1 or 0 for right or wrong."""
    input: str | None = None
    target: str | None = None
    response: str | None = None
    parsed_answer: str | None = None
    reason: str | None = None
    """Why the outcome is what it is, in words for the reader."""
    answer_logprob: Float32 | None = None
    """Natural log of the probability the model gave to the reference answer, summed over its
    tokens.
    """
    token_logprobs: tuple[Float32, ...] | None = None
    """Natural log-probabilities of the tokens of the response (or of the answer, where the source
    scores it).
    """
    choice_logprobs: tuple[Float32, ...] | None = None
    """Natural log-probabilities of the offered choices, in their order."""
    n_input_tokens: Int32 | None = None
    n_output_tokens: Int32 | None = None
    duration_s: Float32 | None = None
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


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a record as a column of the store."""

    name: str
    kind: str
    """text | bool | int16 | int32 | int64 | float32 | float64 | time | split | outcome | json |
    float32 list.
    """
    is_required: bool
    """Whether every row has a value."""
    default: Any = None
    """What a row has that states nothing; None: null, or no row may do so."""


_KINDS: Mapping[Any, str] = {
    str: "text",
    bool: "bool",
    datetime: "time",
    Split: "split",
    Outcome: "outcome",
    RunStatus: "text",
    dict[str, Any]: "json",
    tuple[str, ...]: "json",
    tuple[Float32, ...]: "float32 list",
}


def _kind_of(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        return str(get_args(hint)[1])
    return _KINDS[hint]


def _columns_of(record_type: type) -> tuple[Column, ...]:
    hints = get_type_hints(record_type, include_extras=True)
    columns = []
    for one in fields(record_type):
        hint, is_optional = hints[one.name], False
        if get_origin(hint) in (Union, UnionType):
            (hint,) = (part for part in get_args(hint) if part is not NoneType)
            is_optional = True
        kind = _kind_of(hint)
        default = None if one.default is MISSING else one.default
        columns.append(Column(one.name, kind, not is_optional and kind != "json", default))
    return tuple(columns)


def names_of_kind(columns: Sequence[Column], *kinds: str) -> tuple[str, ...]:
    """Names of the columns that are of one of these kinds, in order."""
    return tuple(column.name for column in columns if column.kind in kinds)


RUN_COLUMNS = _columns_of(RunInfo)
SCORE_COLUMNS = _columns_of(Score)
SAMPLE_COLUMNS = _columns_of(ScoredSample)


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
