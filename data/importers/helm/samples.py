"""Answers of HELM runs: one row per instance, train trial and perturbation, put together from the
files of the run folder.

The files are joined on (instance, trial, perturbation). Each is indexed in a first pass and its
records are then read one by one, so that a `scenario_state.json` of gigabytes passes through in
bounded memory.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from data.importers.kit.base import ReportReject
from data.importers.kit.field_map import (
    COUNT16,
    COUNT32,
    LIST,
    NAME,
    NUMBER,
    TABLE,
    TEXT,
    BadFieldError,
    Mapped,
    Reader,
    mapped,
    pick,
    read_fields,
)
from data.importers.kit.json_parts import MAX_RECORD_BYTES, Spans, decode, split_json
from data.importers.kit.recount import Recount
from data.importers.kit.values import prompt_text, shorten
from data.records import Outcome, Reject, ScoredSample

Key = tuple[str, int, str]
"""Instance id, train trial, perturbation as JSON text ("" for none)."""

MAX_LOGPROBS = 100_000
VERDICTS = (
    "exact_match",
    "quasi_exact_match",
    "prefix_exact_match",
    "quasi_prefix_exact_match",
    "final_number_exact_match",
    "chain_of_thought_correctness",
    "math_equiv",
    "math_equiv_chain_of_thought",
    "ifeval_strict_accuracy",
)
"""Metrics that know only right and wrong of one answer."""

LISTS = {
    "stats": ("per_instance_stats.json", ""),
    "prediction": ("display_predictions.json", ""),
    "display": ("display_requests.json", ""),
    "state": ("scenario_state.json", "request_states"),
    "instance": ("instances.json", ""),
}
"""File of each part of a row, and the list in it."""

_PROMPT_PATHS = (
    "state.request.prompt | display.request.prompt | state.request.messages |"
    " state.instance.input.text | instance.input.text"
)
SAMPLE: tuple[Mapped, ...] = (
    mapped("input", _PROMPT_PATHS, Reader(prompt_text, "text, or a list of messages")),
    mapped("response", "state.result.completions.0.text | prediction.predicted_text", TEXT),
    mapped("parsed_answer", "prediction.mapped_output", NAME),
    mapped("references", "state.instance.references | instance.references", LIST),
    mapped("output_mapping", "state.output_mapping", TABLE),
    mapped("tokens", "state.result.completions.0.tokens", LIST),
    mapped("completions", "state.result.completions", LIST),
    mapped("duration_s", "state.result.request_time", NUMBER),
    mapped("error", "state.result.error", TEXT),
    mapped("n_train_instances", "state.num_train_instances", COUNT16),
    mapped("stats", "stats.stats", LIST),
    mapped("split", "state.instance.split | instance.split", TEXT),
)
"""Fields of a row put together."""

STAT: tuple[Mapped, ...] = (
    mapped("metric", "name.name", TEXT, is_required=True),
    mapped("split", "name.split", TEXT),
    mapped("perturbation", "name.perturbation", TABLE),
    mapped("value", "mean", NUMBER),
    mapped("count", "count", COUNT32),
    mapped("stddev", "stddev", NUMBER),
)
"""Fields of one statistic, of an instance or of the run."""
ANSWER_STAT = tuple(row for row in STAT if row.field in ("metric", "split", "value"))
"""What is used of a statistic of one answer, of which there are some thirty each."""


class _Name(msgspec.Struct):
    id: Any = None
    split: Any = None
    perturbation: Any = None


class _Result(msgspec.Struct):
    request_datetime: Any = None


class _Head(msgspec.Struct):
    """What a record is joined by."""

    instance_id: Any = None
    train_trial_index: Any = 0
    perturbation: Any = None
    instance: _Name | None = None
    id: Any = None
    split: Any = None
    result: _Result | None = None
    reference_index: Any = None


@dataclass(slots=True)
class Indexed:
    """The list of one file: where its records stand, by key."""

    file: Path
    spans: Spans
    places: dict[Key, list[int]] = field(default_factory=dict)
    order: list[Key] = field(default_factory=list)
    first_time: float | None = None
    last_time: float | None = None

    def read(self, key: Key, stream: BinaryIO) -> Iterator[Any]:
        """The records of a key."""
        for place in self.places.get(key, ()):
            start, end = self.spans.starts[place], self.spans.ends[place]
            stream.seek(start)
            yield decode(stream.read(end - start))


def index(folder: Path, part: str, report: ReportReject) -> Indexed | None:
    """Go through one file of a run; None if it is not there. Records that cannot be read are
    reported.

    Raises:
        ImportFormatError: the file as a whole cannot be read.
    """
    name, inner = LISTS[part]
    file = folder / name
    if not file.is_file():
        return None
    parts = split_json(file, (inner,) if inner else (), expected=f"{name} of a HELM run")
    found = Indexed(file, parts.spans.get(inner) or Spans())
    with file.open("rb") as stream:
        for place, (start, end) in enumerate(
            zip(found.spans.starts, found.spans.ends, strict=True)
        ):
            where = f"{inner}[{place}]" if inner else f"[{place}]"
            if end - start > MAX_RECORD_BYTES:
                report(
                    Reject(
                        file.name,
                        where,
                        "record",
                        f"over {MAX_RECORD_BYTES >> 20} MB",
                        f"at most {MAX_RECORD_BYTES >> 20} MB",
                    )
                )
                continue
            stream.seek(start)
            try:
                _note(
                    found,
                    place,
                    decode(stream.read(end - start), _Head),
                    is_instance=part == "instance",
                )
            except BadFieldError as cause:
                report(cause.at(file.name, where))
            except (ValueError, RecursionError) as cause:
                report(
                    Reject(
                        file.name,
                        where,
                        "record",
                        shorten(str(cause) or "nested too deeply"),
                        "one JSON object",
                    )
                )
    return found


def _note(found: Indexed, place: int, head: _Head, *, is_instance: bool) -> None:
    name = head.instance or _Name()
    instance_id = (
        head.id if is_instance else head.instance_id if head.instance_id is not None else name.id
    )
    trial = head.train_trial_index if head.train_trial_index is not None else 0
    if not isinstance(instance_id, str | int) or isinstance(instance_id, bool):
        raise BadFieldError("id" if is_instance else "instance_id", instance_id, "text")
    if not isinstance(trial, int) or isinstance(trial, bool) or not 0 <= trial < 1 << 14:
        raise BadFieldError("train_trial_index", trial, "a whole number from 0 up")
    key = (str(instance_id), trial, _perturbation_text(head.perturbation or name.perturbation))
    if key not in found.places:
        found.order.append(key)
    found.places.setdefault(key, []).append(place)
    time = head.result.request_datetime if head.result else None
    if isinstance(time, int | float) and 0 < time < 4e9:
        found.first_time = min(time, found.first_time or time)
        found.last_time = max(time, found.last_time or time)


def _perturbation_text(perturbation: Any) -> str:
    """What tells a perturbation; on which version of the instance a statistic was computed does not
    belong to it.
    """
    if not isinstance(perturbation, Mapping):
        return ""
    return json.dumps(
        {name: value for name, value in perturbation.items() if name != "computed_on"},
        sort_keys=True,
    )


@dataclass(slots=True)
class AnswerReader:
    """Puts the rows of one run together."""

    run_id: str
    task: str
    main_split: str | None
    """Split whose unperturbed rows are the primary reading."""
    main_metric: str | None
    lists: Mapping[str, Indexed]
    recount: Recount
    report: ReportReject

    def rows(self) -> Iterator[ScoredSample]:
        """Every row: first the primary reading, then the other splits and the perturbed ones."""
        base = next(
            (self.lists[part] for part in ("stats", "state", "prediction") if part in self.lists),
            None,
        )
        if base is None:
            return
        streams = {part: found.file.open("rb") for part, found in self.lists.items()}
        try:
            later: list[Key] = []
            for is_primary in (True, False):
                for key in base.order if is_primary else later:
                    row = None if is_primary and key[2] else self._row(key, base, streams)
                    if is_primary and (key[2] or (row is not None and row.variant is not None)):
                        later.append(key)
                    elif row is not None:
                        self._count(row)
                        yield row
        finally:
            for stream in streams.values():
                stream.close()

    def _row(self, key: Key, base: Indexed, streams: Mapping[str, BinaryIO]) -> ScoredSample | None:
        place = f"[{base.places[key][0]}]"
        try:
            record = {
                part: next(found.read(key, streams[part]), None)
                for part, found in self.lists.items()
                if part != "instance"
            }
            if "instance" in self.lists:
                of_instance = self.lists["instance"]
                own = (
                    (key[0], 0, key[2])
                    if (key[0], 0, key[2]) in of_instance.places
                    else (key[0], 0, "")
                )
                record["instance"] = next(of_instance.read(own, streams["instance"]), None)
            states = (
                list(self.lists["state"].read(key, streams["state"]))
                if "state" in self.lists
                else []
            )
            return self._sample(key, read_fields(record, SAMPLE), states)
        except BadFieldError as cause:
            self.report(cause.at(base.file.name, place))
        except (ValueError, TypeError, RecursionError) as cause:
            self.report(
                Reject(
                    base.file.name,
                    place,
                    "record",
                    shorten(str(cause)),
                    "records as HELM writes them",
                )
            )
        return None

    def _sample(self, key: Key, found: Mapping[str, Any], states: list[Any]) -> ScoredSample:
        stats = [read_fields(stat, ANSWER_STAT) for stat in found.get("stats", ())]
        metrics = {stat["metric"]: stat["value"] for stat in stats if "value" in stat}
        split = next((stat["split"] for stat in stats if "split" in stat), found.get("split"))
        score = metrics.get(self.main_metric or "")
        outcome, reason = self._judge(score)
        if found.get("error") or any(pick(state, "result.success") is False for state in states):
            score, outcome, reason = (
                None,
                Outcome.ERROR,
                f"the request failed: {found.get('error', 'no reason given')}",
            )
        references = [
            reference for reference in found.get("references", ()) if isinstance(reference, Mapping)
        ]
        texts = [str(pick(reference, "output.text")) for reference in references]
        golds = [
            text
            for text, reference in zip(texts, references, strict=True)
            if "correct" in (reference.get("tags") or ())
        ]
        mapping = found.get("output_mapping", {})
        response = found.get("response")
        parsed = found.get("parsed_answer") or mapping.get((response or "").strip())
        completions = [pick(item, "text") for item in found.get("completions", ())]
        kept = {
            "split": split,
            "perturbation": json.loads(key[2]) if key[2] else None,
            "choices": texts if len(texts) > 1 else None,
            "output_mapping": mapping,
            "n_train_instances": found.get("n_train_instances"),
            "completions": completions if len(completions) > 1 else None,
        }
        return ScoredSample(
            run_id=self.run_id,
            task=self.task,
            instance_id=key[0],
            epoch=key[1] + 1,
            variant=self._variant(key, split),
            outcome=outcome,
            score=score,
            input=found.get("input"),
            target=golds[0] if len(golds) == 1 else json.dumps(golds) if golds else None,
            response=response,
            parsed_answer=parsed,
            reason=reason,
            token_logprobs=_logprobs(found.get("tokens", ())),
            choice_logprobs=_choice_logprobs(states, len(texts)),
            n_input_tokens=_count_of(metrics, "num_prompt_tokens"),
            n_output_tokens=_count_of(metrics, "num_output_tokens"),
            duration_s=found.get("duration_s"),
            metrics=metrics,
            metadata={name: value for name, value in kept.items() if value},
        )

    def _variant(self, key: Key, split: str | None) -> str | None:
        """None for the primary reading; otherwise the split, if it is not the main one, and the
        perturbation.
        """
        parts = [split] if split and split != self.main_split else []
        parts += [str(json.loads(key[2]).get("name", "perturbed"))] if key[2] else []
        return " ".join(parts) or None

    def _judge(self, score: float | None) -> tuple[Outcome | None, str]:
        if score is None:
            return None, (
                "no metric that grades this answer"
                if self.main_metric is None
                else f"{self.main_metric} is missing"
            )
        if self.main_metric in VERDICTS and score in (0, 1):
            return (Outcome.CORRECT if score else Outcome.WRONG), f"{self.main_metric} is {score:g}"
        return (
            None,
            f"{self.main_metric} is {score:g}, which grades on more steps than right and wrong",
        )

    def _count(self, row: ScoredSample) -> None:
        for metric, value in row.metrics.items():
            self.recount.add((row.variant, metric), row.instance_id, value)


def _logprobs(tokens: Any) -> tuple[float, ...] | None:
    """Log-probabilities of the tokens; all 0 is how interfaces that give none are written."""
    found = [pick(token, "logprob") for token in tokens[:MAX_LOGPROBS]]
    if not found or not all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        for value in found
    ):
        return None
    return tuple(map(float, found)) if any(found) else None


def _choice_logprobs(states: list[Any], n_choices: int) -> tuple[float, ...] | None:
    """Log-probability of each choice, where each was asked by itself
    (multiple_choice_separate_original): the tokens after the prompt.
    """
    asked = {
        pick(state, "reference_index"): state
        for state in states
        if pick(state, "request_mode") in (None, "original")
    }
    if n_choices < 2 or set(asked) != set(range(n_choices)):
        return None
    sums = []
    for choice in range(n_choices):
        tokens = _logprobs(pick(asked[choice], "result.completions.0.tokens") or ())
        first = pick(asked[choice], "num_conditioning_tokens")
        if tokens is None or not isinstance(first, int):
            return None
        sums.append(math.fsum(tokens[first:]))
    return tuple(sums)


def _count_of(metrics: Mapping[str, float], name: str) -> int | None:
    value = metrics.get(name)
    return int(value) if value is not None and 0 <= value < 1 << 31 else None
