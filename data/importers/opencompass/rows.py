"""Answers of OpenCompass: predictions joined with the details of their results, one row per example
and replica.

What OpenCompass calls PPL is the mean negative log-likelihood of a token, in nats; it is kept under
that name, never as a log-probability.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from data.importers.kit.base import ReportReject
from data.importers.kit.field_map import (
    NAME,
    WORDS,
    BadFieldError,
    Mapped,
    Reader,
    mapped,
    pick,
    read_fields,
)
from data.importers.kit.json_parts import (
    MAX_RECORD_BYTES,
    Spans,
    decode,
    read_members,
    read_spans,
    split_json,
)
from data.importers.kit.recount import Recount, agrees
from data.importers.kit.values import clean, shorten
from data.records import Outcome, Reject, ScoredSample

_LABEL = "label: "
_NUMBER_AT_END = re.compile(r"(\d{1,9})$")
_EXPECTED = "an OpenCompass file: one JSON object"


def _prompt(value: Any) -> str | None:
    """Text, or the turns of a conversation under their roles."""
    if isinstance(value, str):
        return clean(value)
    if not isinstance(value, list) or not all(isinstance(turn, Mapping) for turn in value):
        raise TypeError
    return clean(
        "\n\n".join(
            f"[{turn.get('role', 'turn')}]\n{turn.get('prompt', turn.get('content', ''))}"
            for turn in value
        )
    )


def _replicas(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _verdicts(value: Any) -> list[bool | None]:
    found = _replicas(value)
    if not all(item is None or isinstance(item, bool) or item in (0, 1) for item in found):
        raise TypeError
    return [None if item is None else bool(item) for item in found]


REPLICAS = Reader(_replicas, "a value, or a list of one per replica")

ROW: tuple[Mapped, ...] = (
    mapped(
        "input",
        "prediction.origin_prompt | detail.prompt | detail.origin_prediction.origin_prompt",
        Reader(_prompt, "text, or a list of turns"),
    ),
    mapped(
        "said",
        "prediction.prediction | detail.origin_prediction | detail.pred | detail.prediction",
        REPLICAS,
    ),
    mapped("parsed", "detail.parsed | detail.predictions", REPLICAS),
    mapped(
        "target",
        "prediction.gold | detail.references | detail.refr | detail.answer |"
        " detail.origin_prediction.gold",
        REPLICAS,
    ),
    mapped("correct", "detail.correct", Reader(_verdicts, "true or false, or a list of them")),
    mapped("choices", "prediction.choices", REPLICAS),
    mapped("label", "prediction.pred_label", NAME),
    mapped("examples", "prediction.in-context examples", WORDS),
)
"""Fields of a row: `prediction` is the entry in predictions/, `detail` that in the details of
results/.
"""


@dataclass(slots=True)
class Dataset:
    """The files of one model and dataset."""

    predictions: list[Path] = field(default_factory=list)
    """One, or its shards in order."""
    results: Path | None = None


@dataclass(slots=True)
class Results:
    """A results file: its metrics, and where its details stand."""

    metrics: dict[str, Any]
    file: Path | None = None
    spans: Spans = field(default_factory=Spans)
    places: dict[str, int] = field(default_factory=dict)
    """By index of the example."""

    def detail(self, index: str, stream: BinaryIO) -> Any:
        """The details of an example; None without."""
        place = self.places.get(index)
        if place is None:
            return None
        stream.seek(self.spans.starts[place])
        text = stream.read(self.spans.ends[place] - self.spans.starts[place])
        found = re.match(rb'\s*"(?:[^"\\]|\\.)*"\s*:', text)
        return decode(text[found.end() :] if found else text)


def read_results(file: Path, report: ReportReject) -> Results:
    """A results file. Details that cannot be read are reported.

    Raises:
        ImportFormatError: the file as a whole cannot be read.
    """
    parts = split_json(file, ("details",), expected=_EXPECTED)
    found = Results(
        {key: value for key, value in parts.rest.items() if key != "details"},
        file,
        parts.spans.get("details") or Spans(),
    )
    if isinstance(parts.rest.get("details"), dict):
        for place, (key, text) in enumerate(read_members(file, found.spans)):
            if key.isdecimal() and text is not None:
                found.places[key] = place
    else:
        for place, text in enumerate(read_spans(file, found.spans)):
            found.places[_index_of(text, place, file, report)] = place
    return found


def _index_of(text: bytes | None, place: int, file: Path, report: ReportReject) -> str:
    """Index of an example of a list of details: from its name, else its place."""
    try:
        name = pick(decode(text or b"null"), "example_abbr")
    except (ValueError, RecursionError):
        report(
            Reject(
                file.name,
                f"details[{place}]",
                "record",
                shorten((text or b"")[:80].decode(errors="replace")),
                "one JSON object",
            )
        )
        return str(place)
    found = _NUMBER_AT_END.search(name) if isinstance(name, str) else None
    return str(int(found[1])) if found else str(place)


@dataclass(slots=True)
class RowReader:
    """Reads the rows of one model and dataset."""

    run_id: str
    task: str
    variant: str | None
    files: Dataset
    results: Results
    accuracy: float | None
    """What the results state, 0-1: verdicts that are not stated are taken from equal texts only if
    they agree with it.
    """
    recount: Recount
    report: ReportReject
    _by_equality: bool = False

    def rows(self) -> Iterator[ScoredSample]:
        """One row per example and replica, in the order of the predictions."""
        self._by_equality = self._equality_agrees()
        for place, record in self._records(self.report):
            try:
                found = read_fields(record, ROW)
                rows = self._replicated(place, found, record)
            except BadFieldError as cause:
                file = (
                    self.files.predictions[0]
                    if self.files.predictions and cause.field.startswith("prediction.")
                    else self.results.file
                )
                self.report(cause.at(file.name if file else self.task, place))
                continue
            for row in rows:
                self.recount.add((self.task, self.variant), row.instance_id, row.score)
                yield row

    def _records(self, report: ReportReject) -> Iterator[tuple[str, dict[str, Any]]]:
        """Index and parts of each example: those of the predictions, else those of the details."""
        with ExitStack() as stack:
            stream = (
                stack.enter_context(self.results.file.open("rb")) if self.results.file else None
            )
            n_before = 0
            for file in self.files.predictions:
                spans = split_json(file, ("",), expected=_EXPECTED).spans.get("") or Spans()
                for key, text in read_members(file, spans):
                    index = str(int(key) + n_before) if key.isdecimal() and len(key) < 10 else key
                    if (record := self._record(file, index, text, stream, report)) is not None:
                        yield index, record
                n_before += len(spans)
            if not self.files.predictions:
                for index in self.results.places:
                    if (
                        record := self._record(self.results.file, index, b"{}", stream, report)
                    ) is not None:
                        yield index, record

    def _record(
        self,
        file: Path | None,
        index: str,
        text: bytes | None,
        stream: BinaryIO | None,
        report: ReportReject,
    ) -> dict[str, Any] | None:
        name = file.name if file else self.task
        if text is None:
            report(
                Reject(
                    name,
                    index,
                    "record",
                    f"over {MAX_RECORD_BYTES >> 20} MB",
                    f"at most {MAX_RECORD_BYTES >> 20} MB",
                )
            )
            return None
        try:
            prediction, detail = (
                decode(text),
                (self.results.detail(index, stream) if stream else None),
            )
        except (ValueError, RecursionError) as cause:
            report(
                Reject(
                    name,
                    index,
                    "record",
                    shorten(str(cause) or "nested too deeply"),
                    "one JSON object",
                )
            )
            return None
        if not isinstance(prediction, dict):
            report(Reject(name, index, "record", shorten(prediction), "an object with prediction"))
            return None
        return {"prediction": prediction, "detail": detail}

    def _equality_agrees(self) -> bool:
        """Whether "the answer as read equals the reference" gives the stated accuracy, where the
        details have no verdicts.
        """
        if self.accuracy is None:
            return False
        n = n_equal = 0
        for _, record in self._records(_ignore):
            try:
                found = read_fields(record, ROW)
            except BadFieldError:
                continue
            if "correct" in found:
                return False
            n += 1
            n_equal += _equal(found, 0)
        return n > 0 and agrees(n_equal / n, self.accuracy)

    def _replicated(
        self, index: str, found: Mapping[str, Any], record: Mapping[str, Any]
    ) -> list[ScoredSample]:
        prediction, detail = record["prediction"], record["detail"]
        losses = _losses(prediction) or _losses(pick(detail, "origin_prediction"))
        probabilities = _probabilities(found) if "choices" in found and "label" in found else None
        said = (
            [found.get("label")]
            if probabilities
            else []
            if losses and "prediction" not in prediction
            else found.get("said", [])
        )
        n = max(1, len(said), len(found.get("correct", ())))
        kept = {
            "choices": found.get("choices"),
            "in_context_examples": found.get("examples"),
            "detail": (
                {key: value for key, value in detail.items() if key not in _KNOWN_DETAIL}
                if isinstance(detail, Mapping)
                else None
            ),
        }
        rows = []
        for replica in range(n):
            verdict, reason = self._verdict(found, replica)
            response = _of(said, replica)
            parsed = _of(found.get("parsed", []), replica)
            rows.append(
                ScoredSample(
                    run_id=self.run_id,
                    task=self.task,
                    instance_id=index,
                    epoch=replica + 1,
                    variant=self.variant,
                    outcome=(
                        None if verdict is None else Outcome.CORRECT if verdict else Outcome.WRONG
                    ),
                    score=None if verdict is None else float(verdict),
                    input=found.get("input"),
                    target=_text(_of(found.get("target", []), replica)),
                    response=_text(response if response is not None else parsed),
                    parsed_answer=_text(parsed),
                    reason=reason,
                    choice_logprobs=probabilities,
                    metrics={**losses, **({} if verdict is None else {"correct": verdict})},
                    metadata={name: value for name, value in kept.items() if value},
                )
            )
        return rows

    def _verdict(self, found: Mapping[str, Any], replica: int) -> tuple[bool | None, str]:
        verdict = _of(found.get("correct", []), replica)
        if verdict is not None:
            return verdict, f"the evaluator says {'correct' if verdict else 'wrong'}"
        if self._by_equality:
            return (
                _equal(found, replica),
                (
                    "compared with the reference here; the share of equal ones is the reported"
                    " accuracy"
                ),
            )
        return None, "the results state no verdict for single answers"


_KNOWN_DETAIL = frozenset(
    {
        "example_abbr",
        "origin_prediction",
        "predictions",
        "references",
        "correct",
        "prompt",
        "pred",
        "parsed",
        "refr",
        "answer",
        "prediction",
    }
)


def _ignore(reject: Reject) -> None:
    """For the look ahead: what is wrong is reported when the rows are read."""


def _of(values: list[Any], replica: int) -> Any:
    """The value of a replica; a single value is that of all."""
    return values[replica] if replica < len(values) else values[0] if len(values) == 1 else None


def _equal(found: Mapping[str, Any], replica: int) -> bool:
    answer = _of(found.get("parsed", []) or found.get("said", []), replica)
    target = _of(found.get("target", []), replica)
    return answer is not None and target is not None and str(answer).strip() == str(target).strip()


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text: str | None = WORDS.read(value)
    return text


def _losses(entry: Any) -> dict[str, Any]:
    """Mean negative log-likelihoods (and bits per byte) of the labels, of answers chosen by
    them.
    """
    if not isinstance(entry, Mapping):
        return {}
    labels = {
        str(key).removeprefix(_LABEL): value
        for key, value in entry.items()
        if isinstance(value, Mapping) and "PPL" in value
    }
    found: dict[str, Any] = {}
    for ours, theirs in (("mean_nll", "PPL"), ("bits_per_byte", "BPB")):
        values = {
            label: value[theirs]
            for label, value in labels.items()
            if isinstance(value.get(theirs), int | float)
        }
        if values:
            found[ours] = values
    return found


def _probabilities(found: Mapping[str, Any]) -> tuple[float, ...] | None:
    """Log-probabilities of choices that were weighed against each other (clp)."""
    said = found.get("said", [])
    if len(said) != len(found["choices"]) or not all(
        isinstance(p, int | float) and 0 < p <= 1 for p in said
    ):
        return None
    return tuple(math.log(p) for p in said)


def as_json(value: Any) -> str:
    """A value as stable text, to take a hash of."""
    return json.dumps(value, sort_keys=True, default=str)
