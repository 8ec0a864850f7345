"""Instance-level records of every_eval_ever (0.2.0 to 0.3.0) as samples, one a line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.importers.every_eval_ever.own import is_own_sample, read_own_sample
from data.importers.kit.base import ReportReject
from data.importers.kit.field_map import (
    BOOLEAN,
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
from data.importers.kit.json_parts import decode
from data.importers.kit.record_blocks import read_blocks
from data.importers.kit.records import BadRecordError
from data.importers.kit.recount import Recount
from data.importers.kit.values import content_text, prompt_text, shorten
from data.records import Outcome, Reject, ScoredSample

BATCH_ROWS = 2000


def _first(value: Any) -> str | None:
    return (
        content_text(value[0] if value else "")
        if isinstance(value, list) and (not value or isinstance(value[0], str))
        else content_text(value)
    )


SAMPLE: tuple[Mapped, ...] = (
    mapped("evaluation_id", "evaluation_id", NAME, is_required=True),
    mapped("model_id", "model_id", NAME),
    mapped("evaluation_name", "evaluation_name", TEXT, is_required=True),
    mapped("evaluation_result_id", "evaluation_result_id", NAME),
    mapped("instance_id", "sample_id", NAME, is_required=True),
    mapped(
        "input", "input.formatted | input.raw", Reader(prompt_text, "text, or a list of messages")
    ),
    mapped(
        "reference",
        "input.reference",
        Reader(
            lambda value: [str(value)] if isinstance(value, str) else _texts(value),
            "a list of texts",
        ),
    ),
    mapped("choices", "input.choices", Reader(lambda value: _texts(value), "a list of texts")),
    mapped("response", "output.raw", Reader(_first, "a list of texts")),
    mapped(
        "responses",
        "output.raw",
        Reader(
            lambda value: value if isinstance(value, list) and len(value) > 1 else None, "a list"
        ),
    ),
    mapped("reasoning", "output.reasoning_trace", WORDS),
    mapped("messages", "messages | interactions", LIST),
    mapped("answers", "answer_attribution", LIST),
    mapped("score", "evaluation.score", NUMBER),
    mapped("is_correct", "evaluation.is_correct", BOOLEAN),
    mapped("n_input_tokens", "token_usage.input_tokens", COUNT32),
    mapped("n_output_tokens", "token_usage.output_tokens", COUNT32),
    mapped("duration_ms", "performance.generation_time_ms | performance.latency_ms", NUMBER),
    mapped("error", "error", TEXT),
    mapped("epoch", "metadata.epoch", COUNT16),
    mapped("filter", "metadata.filter", TEXT),
    mapped(
        "all_metrics",
        "metadata.lm_eval_metrics",
        Reader(lambda value: _metrics(value), "metrics by name, as JSON text"),
    ),
    mapped("metadata", "metadata", TABLE),
    mapped("sample_hash", "sample_hash", TEXT),
    mapped("interaction_type", "interaction_type", TEXT),
)
"""Fields of a record."""


def _texts(value: Any) -> list[str] | None:
    if not isinstance(value, list) or not all(
        isinstance(item, str | int | float) for item in value
    ):
        raise TypeError
    return [str(item) for item in value] or None


def _metrics(value: Any) -> dict[str, Any] | None:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise TypeError
    return found or None


@dataclass(frozen=True, slots=True)
class Reading:
    """Task and variant that an evaluation's name stands for."""

    task: str
    variant: str | None = None


@dataclass(slots=True)
class RecordReader:
    """Reads the records of one file."""

    file: Path
    report: ReportReject
    recount: Recount
    reading_of: Any
    """From an evaluation's result id (or None) and name to a Reading."""
    n_read: int = 0
    n_of_others: Counter[str] = field(default_factory=Counter)

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Place and fields of each record that can be read."""
        for block in read_blocks(self.file, self.report):
            for number, line in block.lines():
                try:
                    record = _object(line)
                    own = {"own": read_own_sample(record)} if is_own_sample(record) else {}
                    yield str(number), read_fields(record, SAMPLE) | own
                except BadFieldError as cause:
                    self.report(cause.at(self.file.name, str(number)))
                except BadRecordError as bad:
                    self.report(
                        Reject(self.file.name, str(number), bad.field, bad.found, bad.expected)
                    )
                except (ValueError, RecursionError) as cause:
                    found = (
                        f"{shorten(line[:80].decode(errors='replace'), 80)}"
                        f" ({shorten(str(cause) or 'nested too deeply')})"
                    )
                    self.report(
                        Reject(
                            self.file.name, str(number), "line", found, "one complete JSON object"
                        )
                    )

    def sample(self, run_id: str, found: Mapping[str, Any]) -> ScoredSample:
        """One record as a sample."""
        if "own" in found:
            self.n_read += 1
            stated: ScoredSample = found["own"]
            return replace(stated, run_id=run_id)
        reading: Reading = self.reading_of(
            found.get("evaluation_result_id"), found["evaluation_name"]
        )
        score, outcome, reason = _judge(found)
        self.n_read += 1
        self.recount.add(reading.task, found["instance_id"], score)
        answers = [answer for answer in found.get("answers", ()) if isinstance(answer, Mapping)]
        final = [answer for answer in answers if answer.get("is_terminal") is not False] or answers
        parsed = pick(final[-1], "extracted_value") if final else None
        kept = {
            name: found[name]
            for name in ("choices", "reasoning", "responses", "sample_hash", "error")
            if name in found
        }
        own = {
            name: value
            for name, value in found.get("metadata", {}).items()
            if name not in ("epoch", "lm_eval_metrics")
        }
        if found.get("interaction_type") not in (None, "single_turn"):
            kept["interaction_type"], kept["n_messages"] = (
                found["interaction_type"],
                len(found.get("messages", ())),
            )
        return ScoredSample(
            run_id=run_id,
            task=reading.task,
            instance_id=found["instance_id"],
            epoch=found.get("epoch", 1),
            variant=found.get("filter") or reading.variant,
            outcome=outcome,
            score=score,
            input=found.get("input"),
            target=_target(found),
            response=found.get("response") or _last_words(found.get("messages", ())),
            parsed_answer=None if parsed is None else str(parsed),
            reason=reason,
            n_input_tokens=found.get("n_input_tokens"),
            n_output_tokens=found.get("n_output_tokens"),
            duration_s=found["duration_ms"] / 1000 if "duration_ms" in found else None,
            metrics={
                **({"score": score} if score is not None else {}),
                **found.get("all_metrics", {}),
            },
            metadata={**own, **kept},
        )


def _object(line: bytes) -> dict[str, Any]:
    record = decode(line)
    if not isinstance(record, dict):
        raise ValueError(f"a {type(record).__name__}")
    return record


def _judge(found: Mapping[str, Any]) -> tuple[float | None, Outcome | None, str]:
    """Score, outcome and reason: a record's own verdict counts where its score is 0 or 1; other
    scores grade.
    """
    score, is_correct = found.get("score"), found.get("is_correct")
    if found.get("error") and not score:
        return None, Outcome.ERROR, f"the record states an error: {found['error']}"
    if score is None and is_correct is not None:
        score = float(is_correct)
    if score not in (0, 1) or (is_correct is not None and bool(score) != is_correct):
        return (
            score,
            None,
            "no score" if score is None else f"the score is {score:g}, which is no verdict",
        )
    outcome = Outcome.CORRECT if score else Outcome.WRONG
    return score, outcome, f"the record says {outcome}"


def _target(found: Mapping[str, Any]) -> str | None:
    """The reference as text. One that is the number of a choice (lm-evaluation-harness) stands for
    that choice's text.
    """
    reference, choices = found.get("reference"), found.get("choices", [])
    if not reference:
        return None
    if len(reference) > 1:
        return json.dumps(reference, ensure_ascii=False)
    (only,) = reference
    if only.isdecimal() and only not in choices and len(only) < 6 and int(only) < len(choices):
        return str(choices[int(only)])
    return str(only)


def _last_words(messages: Any) -> str | None:
    """What the model said last in a conversation."""
    said = [
        message.get("content")
        for message in messages
        if isinstance(message, Mapping) and message.get("role") == "assistant"
    ]
    texts = [text for text in said if isinstance(text, str) and text]
    return texts[-1] if texts else None
