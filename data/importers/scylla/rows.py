"""Rows of SCYLLA's evaluation files: graded answers and answer probabilities as samples."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.importers.kit.base import ReportReject
from data.records import Outcome, Reject, ScoredSample, Split

Row = tuple[str, str, dict[str, Any]]
"""File, place in it, fields."""

_ID = re.compile(r"(.+)-([A-Za-z]+)-(instruction|fewshot|mixed)-(\d+)", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"[\s,]*")
MAX_FOUND = 80


@dataclass(frozen=True, slots=True)
class Pass:
    """One of the two answers in a row: its variant and its fields."""

    variant: str
    response: str
    parsed: str
    correct: str


FIRST = Pass("first", "model_generation", "model_answer_js", "correct")
SECOND = Pass("second", "second_model_generation", "second_model_answer_js", "second_correct")


# -- files -----------------------------------------------------------------------------------------


def read_json(file: Path, report: ReportReject) -> Any:
    """The one JSON value of a file; None, and a reject, when it has none."""
    text = file.read_bytes().decode("utf-8", "surrogateescape")
    try:
        if _SURROGATE.search(text):
            raise ValueError("not UTF-8")
        return json.loads(text)
    except (ValueError, RecursionError) as cause:
        report(Reject(str(file), "file", "json", _short(cause), "JSON, UTF-8"))
        return None


def read_rows(file: Path, report: ReportReject) -> Iterator[Row]:
    """Objects of a JSON array (or the one object of a cached item), up to the first place where the
    text is broken.
    """
    text = file.read_bytes().decode("utf-8", "surrogateescape").lstrip("\ufeff \n\r\t")
    if not text.startswith("["):
        item = read_json(file, report)
        if isinstance(item, dict) and not _has_half_pairs(text, 0, len(text), item):
            yield str(file), "item", item
        elif item is not None:
            report(
                Reject(
                    str(file),
                    "file",
                    "json",
                    type(item).__name__,
                    "a list of answers, or one, in valid Unicode",
                )
            )
        return
    position, number = 1, 0
    while (position := _end_of_blank(text, position)) < len(text) and text[position] != "]":
        try:
            item, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as cause:
            report(
                Reject(
                    str(file),
                    f"row {number}",
                    "json",
                    _short(cause),
                    "an answer as JSON; the file is broken from here on",
                )
            )
            return
        if _SURROGATE.search(text, position, end) or _has_half_pairs(text, position, end, item):
            report(
                Reject(str(file), f"row {number}", "text", "bytes that are not UTF-8", "UTF-8 text")
            )
        elif not isinstance(item, dict):
            report(Reject(str(file), f"row {number}", "json", type(item).__name__, "an object"))
        else:
            yield str(file), f"row {number}", item
        position, number = end, number + 1
    if position >= len(text):
        report(
            Reject(
                str(file),
                f"after row {number - 1}",
                "json",
                "end of the file",
                "] at the end: the file is cut off",
            )
        )


def _has_half_pairs(text: str, position: int, end: int, item: Any) -> bool:
    """Whether an escape such as \\ud83d stands without its other half: no text can hold that."""
    if not _ESCAPED_SURROGATE.search(text, position, end):
        return False
    try:
        json.dumps(item, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def model_and_task(file: Path) -> tuple[str, str]:
    """Model and task that the first id of a result file outside a tree names; the folder's and the
    file's name if it has none.
    """
    with file.open("rb") as stream:
        head = stream.read(4096).decode("utf-8", "replace")
    found = re.search(r'"id"\s*:\s*"([^"]+)"', head)
    parts = _ID.fullmatch(found[1]) if found else None
    return (parts[1], parts[2]) if parts else (file.parent.name, file.stem)


def prompt_mode(file: Path) -> str:
    """Prompt mode that the name of a cached item states."""
    found = _ID.fullmatch(file.stem)
    return found[3] if found else "instruction"


def _end_of_blank(text: str, position: int) -> int:
    found = _BLANK.match(text, position)
    return found.end() if found else position


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= MAX_FOUND else text[:MAX_FOUND] + "..."


# -- graded answers --------------------------------------------------------------------------------


@dataclass(slots=True)
class AnswerReader:
    """Reads the extrinsic rows of one task and split, once per pass."""

    run_id: str
    task: str
    split: Split | None
    inputs: dict[tuple[Split | None, str], str]
    """Question of each instance, so that the intrinsic rows find the instance they ask about."""
    report: ReportReject
    _rejected: set[tuple[str, str]] = field(default_factory=set)

    def read(self, found: Sequence[Row], answer: Pass) -> Iterator[ScoredSample]:
        """One sample per row that has this answer."""
        graded = any(row.get(answer.correct) is not None for _, _, row in found)
        for index, (file, place, row) in enumerate(found):
            if (file, place) in self._rejected or (answer is SECOND and SECOND.response not in row):
                continue
            if problem := _problem(row, answer):
                self._rejected.add((file, place))
                self.report(Reject(file, place, *problem))
                continue
            yield self._sample(index, row, answer, graded)

    def _sample(self, index: int, row: dict[str, Any], answer: Pass, graded: bool) -> ScoredSample:
        instance_id = _instance_id(self.split, row["id"], index)
        if answer is FIRST:
            self.inputs[self.split, instance_id] = _question(row.get("model_input") or "")
        parsed = _unwrapped(row[answer.parsed])
        outcome, reason = _outcome(row, answer, parsed, graded)
        n_answers = len(row["desired_output_js"])
        return ScoredSample(
            run_id=self.run_id,
            task=self.task,
            instance_id=instance_id,
            split=self.split,
            variant=answer.variant,
            outcome=outcome,
            score={Outcome.CORRECT: 1.0, Outcome.WRONG: 0.0}.get(outcome) if outcome else None,
            input=row.get("model_input") if answer is FIRST else None,
            target=row["desired_output_js"][0],
            response=row[answer.response],
            parsed_answer=parsed,
            reason=reason,
            metadata={"n_listed_answers": n_answers} if n_answers > 1 else {},
        )


def _problem(row: dict[str, Any], answer: Pass) -> tuple[str, str, str] | None:
    """First field that is not as the format has it: field, found, expected."""
    targets = row.get("desired_output_js")
    checks = (
        ("id", isinstance(row.get("id"), str), "text"),
        (
            "desired_output_js",
            isinstance(targets, list) and bool(targets) and isinstance(targets[0], str),
            "a list of answers as JSON text",
        ),
        ("model_input", isinstance(row.get("model_input"), str | None), "text"),
        (answer.response, isinstance(row.get(answer.response, 0), str | None), "text or null"),
        (answer.parsed, isinstance(row.get(answer.parsed, 0), str | None), "JSON text or null"),
        (
            answer.correct,
            isinstance(row.get(answer.correct, 0), bool | None),
            "true, false or null",
        ),
    )
    return next(
        (
            (name, _short(repr(row.get(name, "nothing"))), expected)
            for name, is_right, expected in checks
            if not is_right
        ),
        None,
    )


def _outcome(
    row: dict[str, Any], answer: Pass, parsed: str | None, graded: bool
) -> tuple[Outcome | None, str]:
    """What became of an answer. Ungraded files (the authors' step 5.5 was not run) have no outcome;
    that is not the same as unparsed.
    """
    correct = row[answer.correct]
    if not row[answer.response]:
        return (
            Outcome.ERROR,
            (
                "no answer was obtained: the response is empty, which the authors' code also writes"
                " after failed calls"
            ),
        )
    if not graded:
        return None, "not graded: the authors' step 5.5 was not run on this file"
    if parsed is None:
        return Outcome.UNPARSED, "the authors' reader found no answer in the response"
    if correct is None:
        return Outcome.UNPARSED, "the authors' grader gave no verdict"
    if correct:
        return Outcome.CORRECT, "the authors' grader accepted it"
    return Outcome.WRONG, "differs from the one answer the authors' grader accepts"


def _unwrapped(text: str | None) -> str | None:
    """The parsed answer. Answers graded inside step 5 are encoded twice, and a missing one is the
    text null.
    """
    if text is None or text == "null":
        return None
    if text.startswith('"'):
        try:
            inner = json.loads(text)
        except ValueError:
            return text
        return inner if isinstance(inner, str) else text
    return text


def _instance_id(split: Split | None, row_id: str, index: int) -> str:
    """Unique within a task: the file's ids are the same for both splits."""
    found = _ID.fullmatch(row_id)
    return f"{split or 'any'}-{int(found[4]) if found else index}"


def _question(prompt: str) -> str:
    """The instance's own part of a prompt, zero-shot or few-shot."""
    if "following input:\n" in prompt:
        return prompt.split("following input:\n", 1)[1].split("\n\nIMPORTANT", 1)[0]
    return prompt.rsplit("Input: ", 1)[-1].rsplit("\nOutput:", 1)[0]


# -- answer probabilities --------------------------------------------------------------------------


def read_probabilities(
    run_id: str,
    task: str,
    split: Split | None,
    found: Sequence[Row],
    variant: str,
    inputs: dict[tuple[Split | None, str], str],
    report: ReportReject,
) -> Iterator[ScoredSample]:
    """One sample per intrinsic row: the probability of the most likely of the acceptable answers
    that were scored (at most six).

    A row about the same question as a graded answer takes that answer's instance id. There is no
    response and no outcome.
    """
    for index, (file, place, row) in enumerate(found):
        scored = row.get("metrics")
        usable = (
            [entry for entry in scored if _is_scored(entry)] if isinstance(scored, list) else []
        )
        if not isinstance(row.get("id"), str) or not isinstance(row.get("full_input"), str):
            report(
                Reject(
                    file,
                    place,
                    "id, full_input",
                    _short(repr((row.get("id"), row.get("full_input")))),
                    "text",
                )
            )
            continue
        if not usable or len(usable) < len(scored or ()):
            report(
                Reject(
                    file,
                    place,
                    "metrics",
                    _short(repr(scored)),
                    "a list with prob, ppl and suffix_negative_log_probs of every answer",
                )
            )
            continue
        instance_id = _instance_id(split, row["id"], index)
        known = inputs.get((split, instance_id))
        if known is not None and known != _question(row["full_input"]):
            instance_id = instance_id.replace("-", "-mixed-", 1)
        yield _probability_sample(
            row,
            usable,
            {
                "run_id": run_id,
                "task": task,
                "split": split,
                "variant": variant,
                "instance_id": instance_id,
            },
        )


def _is_scored(entry: Any) -> bool:
    if not isinstance(entry, dict) or not all(
        isinstance(entry.get(name), int | float) for name in ("prob", "ppl")
    ):
        return False
    losses = entry.get("suffix_negative_log_probs")
    return (
        0 <= entry["prob"] <= 1
        and isinstance(losses, list)
        and bool(losses)
        and all(isinstance(loss, int | float) for loss in losses)
    )


def _probability_sample(
    row: dict[str, Any], scored: Sequence[dict[str, Any]], place: dict[str, Any]
) -> ScoredSample:
    best = max(scored, key=lambda entry: float(entry["prob"]))
    losses = [float(loss) for loss in best["suffix_negative_log_probs"]]
    finite = all(map(math.isfinite, losses))
    answer = next((text for name, text in best.items() if name.startswith("desired_output")), None)
    reason = "probability of the most likely acceptable answer; nothing was generated"
    ppl = min(float(entry["ppl"]) for entry in scored)
    return ScoredSample(
        **place,
        score=float(best["prob"]),
        input=row["full_input"],
        target=answer if isinstance(answer, str) else None,
        reason=(
            reason
            if finite
            else reason + "; a token of it has probability 0, so it has no log-probability"
        ),
        answer_logprob=-math.fsum(losses) if finite else None,
        token_logprobs=tuple(-loss for loss in losses) if finite else None,
        metrics={"prob": float(best["prob"]), "ppl": ppl if math.isfinite(ppl) else None},
        metadata={"probs": [float(entry["prob"]) for entry in scored]} if len(scored) > 1 else {},
    )
