"""Samples of Inspect logs as records: one row per sample, epoch and score (a scorer that returns a
dictionary gives one row per key).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from data.importers.kit.field_map import (
    COUNT16,
    COUNT32,
    LIST,
    NAME,
    NUMBER,
    TABLE,
    TEXT,
    WORDS,
    BadFieldError,
    Mapped,
    Reader,
    mapped,
    pick,
    read_fields,
)
from data.importers.kit.recount import Recount
from data.importers.kit.values import clean, content_text, prompt_text, shorten
from data.records import Outcome, ScoredSample, Split

MAX_LOGPROBS = 100_000
_ATTACHMENT = "attachment://"


class RawSample(msgspec.Struct):
    """The parts of a sample that are looked at; the others (events, stores) are skipped without
    being built.
    """

    id: Any = None
    epoch: Any = None
    input: Any = None
    choices: Any = None
    target: Any = None
    output: Any = None
    scores: Any = None
    score: Any = None
    metadata: Any = None
    error: Any = None
    limit: Any = None
    model_usage: Any = None
    total_time: Any = None
    uuid: Any = None
    invalidation: Any = None
    attachments: Any = None


def _target(value: Any) -> str | None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    text: str | None = WORDS.read(value)
    return text


def _logprobs(value: Any) -> tuple[float, ...] | None:
    if not isinstance(value, list):
        raise TypeError
    return tuple(float(token["logprob"]) for token in value[:MAX_LOGPROBS]) or None


CONTENT = Reader(content_text, "text, or a list of parts")

SAMPLE: tuple[Mapped, ...] = (
    mapped("instance_id", "id", NAME, is_required=True),
    mapped("epoch", "epoch", COUNT16),
    mapped("input", "input", Reader(prompt_text, "text, or a list of messages")),
    mapped("target", "target", Reader(_target, "text, or a list")),
    mapped("response", "output.completion | output.choices.0.message.content", CONTENT),
    mapped(
        "token_logprobs",
        "output.choices.0.logprobs.content",
        Reader(_logprobs, "a list of tokens with logprob"),
    ),
    mapped("n_input_tokens", "output.usage.input_tokens", COUNT32),
    mapped("n_output_tokens", "output.usage.output_tokens", COUNT32),
    mapped("duration_s", "total_time | output.time", NUMBER),
)
"""Fields of every row of a sample."""

KEPT: tuple[Mapped, ...] = (
    mapped("choices", "choices", LIST),
    mapped("stop_reason", "output.choices.0.stop_reason", TEXT),
    mapped("limit", "limit.type", TEXT),
    mapped("error", "error.message", WORDS),
    mapped("invalidation", "invalidation", TABLE),
    mapped("uuid", "uuid", TEXT),
    mapped("model_usage", "model_usage", TABLE),
)
"""What goes into a row's metadata, beside the sample's own."""

SCORE: tuple[Mapped, ...] = (
    mapped("parsed_answer", "answer", WORDS),
    mapped("explanation", "explanation", WORDS),
    mapped("reason", "reason | metadata.unscored_reason", TEXT),
    mapped("metadata", "metadata", TABLE),
    mapped("history", "history", LIST),
)
"""Fields of one scorer's verdict, beside its value."""

_LETTERS = {
    "C": (1.0, Outcome.CORRECT),
    "I": (0.0, Outcome.WRONG),
    "P": (0.5, None),
    "N": (0.0, Outcome.UNPARSED),
}
_NO_ANSWER = frozenset({"invalid_response_format", "no_response", "refusal"})
"""Reasons of a scorer that say that there was no answer to be right or wrong."""
_WORDS_OF_VERDICT = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}


@dataclass(slots=True)
class SampleReader:
    """Turns the samples of one log into rows, and counts their scores."""

    run_id: str
    task: str
    primary: str | None
    """Variant whose rows come first; a sample without any score is a row of it."""
    verdicts: Mapping[str, bool]
    """Whether the numbers of a variant say right and wrong; absent: not known, so 0 and 1 do."""
    levels: Mapping[str, int]
    recount: Recount
    group_keys: tuple[str, ...] = ()
    """Fields of the samples' metadata that stated numbers are grouped by."""
    n_read: int = 0
    n_errors: int = 0
    n_scored: int = 0
    """Samples that some scorer gave a value."""
    not_understood: dict[str, str] = field(default_factory=dict)
    """By variant, the first value that is no score."""

    def rows(self, raw: RawSample) -> list[ScoredSample]:
        """The rows of one sample, the primary reading first.

        Raises:
            BadFieldError: a field is not as in Inspect logs.
        """
        sample = _with_attachments(raw)
        shared = self._shared(sample)
        found = list(scores_of(sample))
        rows = [self._scored(shared, variant, value, verdict) for variant, value, verdict in found]
        rows.sort(key=lambda row: row.variant != self.primary)
        if not rows or rows[0].variant != self.primary:
            rows.insert(0, self._unscored(shared, sample, has_others=bool(rows)))
        self.n_read += 1
        self.n_scored += bool(found)
        self.n_errors += sample.error is not None
        for row in rows:
            word = row.metrics.get("value")
            self.recount.add(row.variant, row.instance_id, row.score, word)
            for key in self.group_keys:
                self.recount.add(
                    (row.variant, key, str(pick(sample.metadata, key))),
                    row.instance_id,
                    row.score,
                    word,
                )
        return rows

    def _shared(self, sample: RawSample) -> dict[str, Any]:
        record = {name: getattr(sample, name) for name in sample.__struct_fields__}
        values = read_fields(record, SAMPLE)
        own = sample.metadata if isinstance(sample.metadata, Mapping) else {}
        kept = read_fields(record, KEPT)
        metadata = {
            **own,
            **{
                (name if name not in own else f"inspect_{name}"): value
                for name, value in kept.items()
            },
        }
        split = own.get("split")
        level = own.get("level")
        return {
            **values,
            "run_id": self.run_id,
            "task": self.task,
            "epoch": values.get("epoch", 1),
            "split": Split(split) if split in ("id", "ood") else None,
            "level": self.levels.get(level.replace(" ", "")) if isinstance(level, str) else None,
            "metadata": metadata,
        }

    def _scored(
        self, shared: Mapping[str, Any], variant: str, value: Any, verdict: Any
    ) -> ScoredSample:
        score, outcome, reason = self._judge(variant, value)
        said = read_fields(verdict, SCORE) if isinstance(verdict, Mapping) else {}
        if outcome is Outcome.WRONG and said.get("reason") in _NO_ANSWER:
            outcome = Outcome.UNPARSED
        if "reason" in said:
            reason = f"{reason} ({said['reason']})"
        explanation = said.get("explanation")
        if explanation and explanation not in (shared.get("response"), said.get("parsed_answer")):
            reason = f"{reason}: {explanation}"
        extra = {
            f"score_{name}": said[name]
            for name in ("reason", "metadata", "history")
            if name in said
        }
        return ScoredSample(
            **{**shared, "metadata": {**shared["metadata"], **extra}},
            variant=variant,
            outcome=outcome,
            score=score,
            parsed_answer=said.get("parsed_answer"),
            reason=reason,
            metrics={"value": value},
        )

    def _unscored(
        self, shared: Mapping[str, Any], sample: RawSample, *, has_others: bool
    ) -> ScoredSample:
        outcome, reason = None, "this scorer gave no value" if has_others else "not scored"
        if sample.error is not None:
            outcome, reason = (
                Outcome.ERROR,
                f"the sample failed: {shared['metadata'].get('error', sample.error)}",
            )
        return ScoredSample(**shared, variant=self.primary, outcome=outcome, reason=reason)

    def _judge(self, variant: str, value: Any) -> tuple[float | None, Outcome | None, str]:
        """Score, outcome and reason of a scorer's value; see `value_of`."""
        score, outcome, is_letter = value_of(value)
        if score is None:
            if is_unscored(value):
                return None, None, f"{variant} left it unscored (NaN)"
            self.not_understood.setdefault(variant, shorten(value))
            return None, None, f"{variant} gives {shorten(value)}, which is no score"
        if not is_letter and self.verdicts.get(variant, True) and score in (0, 1):
            outcome = Outcome.CORRECT if score else Outcome.WRONG
        return score, outcome, f"{variant} gives {shorten(value)}"


def scores_of(sample: RawSample) -> Iterator[tuple[str, Any, Any]]:
    """Variant, value and verdict of each score of a sample.

    Raises:
        BadFieldError: `scores` is no table, or a score states no value.
    """
    scores = sample.scores
    if scores is None and sample.score is not None:
        scores = {"score": sample.score}  # before scorers could be several
    if scores is None:
        return
    if not isinstance(scores, Mapping):
        raise BadFieldError("scores", scores, "an object: scores by scorer")
    for scorer, verdict in scores.items():
        value = verdict.get("value") if isinstance(verdict, Mapping) else verdict
        if isinstance(verdict, Mapping) and "value" not in verdict:
            raise BadFieldError(f"scores.{scorer}.value", "nothing", "a value")
        if isinstance(value, Mapping):
            for key, part in value.items():
                yield variant_of(str(scorer), str(key)), part, verdict
        else:
            yield clean(str(scorer)), value, verdict


def variant_of(scorer: str, name: str) -> str:
    """Name of one reading: the scorer, and the key of its dictionary if it returns one."""
    return clean(scorer if name == scorer else f"{scorer}/{name}")


def graded_variants(samples: Iterable[RawSample]) -> set[str]:
    """Variants among whose values are numbers beside 0 and 1."""
    graded = set()
    for sample in samples:
        try:
            graded |= {
                variant
                for variant, value, _ in scores_of(sample)
                if value_of(value)[0] not in (0, 1, None) and value != "P"
            }
        except BadFieldError:
            continue
    return graded


def value_of(value: Any) -> tuple[float | None, Outcome | None, bool]:
    """Score, outcome, and whether the value is a verdict by itself (a letter, yes or no): C is
    correct, I incorrect, P partly correct (0.5, no outcome), N no answer (0, unparsed). Numbers and
    numbers as text are scores. Anything else, and NaN, is none.
    """
    if isinstance(value, bool):
        return float(value), Outcome.CORRECT if value else Outcome.WRONG, True
    if isinstance(value, str):
        word = value.strip()
        if word in _LETTERS:
            return (*_LETTERS[word], True)
        if word.lower() in _WORDS_OF_VERDICT:
            score = _WORDS_OF_VERDICT[word.lower()]
            return score, Outcome.CORRECT if score else Outcome.WRONG, True
        try:
            value = float(word)
        except ValueError:
            return None, None, False
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None, None, False
        return (number if math.isfinite(number) else None), None, False
    return None, None, False


def is_unscored(value: Any) -> bool:
    """Whether a value says "deliberately not scored"."""
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or (isinstance(value, str) and value.strip().lower() == "nan")
    )


def _with_attachments(sample: RawSample) -> RawSample:
    """The sample with texts that stand in its attachments put back in their place."""
    if isinstance(sample.attachments, Mapping) and sample.attachments:
        for name in ("input", "output", "target", "choices", "metadata", "scores"):
            setattr(sample, name, _resolved(getattr(sample, name), sample.attachments))
    return sample


def _resolved(value: Any, attachments: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return (
            attachments.get(value[len(_ATTACHMENT) :], value)
            if value.startswith(_ATTACHMENT)
            else value
        )
    if isinstance(value, list):
        return [_resolved(item, attachments) for item in value]
    if isinstance(value, dict):
        return {key: _resolved(item, attachments) for key, item in value.items()}
    return value
