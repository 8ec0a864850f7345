"""The grader of the SCYLLA authors, reimplemented: for parity with published numbers and to show
the effect of grading alone on a valley.

Their rules (github.com/zhentingqi/scylla at d7162d68), defects included: the last number or list
after the first of a few key phrases that matches, else the last one anywhere; numbers have no sign;
values are cut to integers or compared within 1e-5 of their size; one stored answer counts, in any
order for sums and in either direction for tours. Not reproduced: their list of phrases grows with
every call, which changes the cost but not the result. Where their code halts in a debugger or
raises an exception, the outcome is `error`.
"""

from __future__ import annotations

import json
import re
import warnings
from itertools import combinations
from typing import Any

import numpy as np

from data.records import Outcome
from probe.tasks.base import Answer, AnswerKind, Grade, Instance, Task
from probe.tasks.inputs import Input

_NUMBER_PHRASES = ("answer is", "answer:", "answer is:", "answer to the task is", "")
_LIST_PHRASES = (*_NUMBER_PHRASES[:-1], "numbers are", "numbers are:", "numbers:", "")
_REMOVED = ("```json", "```python", "`", "\n", '"')
_NUMBER = re.compile(r"[0-9]+\.?[0-9]*")
_SPACE = re.compile(r"\s*")
_SUBSET_SIZES = range(4, 7)


class GraderHalt(Exception):
    """The authors' code stops here."""


def grade_as_authors(task: Task, instance: Instance, reply: str) -> Grade:
    """The authors' outcome for one reply.

    Returns: outcome unparsed when their extraction finds nothing, error when their evaluation
    halts, else right or wrong against the one answer they store. `answer` is the value that they
    read, as integers where possible.
    """
    found = extract(task, reply)
    if found is None:
        return Grade(Outcome.UNPARSED, None, "the authors' extraction finds nothing")
    gold = authors_answer(task, instance.input, instance.reference)
    if gold is None:
        return Grade(
            Outcome.ERROR, _as_answer(found), "the authors' code has no answer to this input"
        )
    try:
        is_right = evaluate(task, found, gold)
    except GraderHalt as halt:
        return Grade(Outcome.ERROR, _as_answer(found), f"the authors' grader halts: {halt}")
    return Grade(
        Outcome.CORRECT if is_right else Outcome.WRONG,
        _as_answer(found),
        f"'{found[:40]}' against the one stored answer {gold}",
    )


def extract(task: Task, reply: str) -> str | None:
    """The JSON text of the answer that the authors' extraction takes from a reply."""
    text = reply
    for removed in _REMOVED:
        text = text.replace(removed, "")
    if task.kind is AnswerKind.INTEGER:
        return _extract_number(text)
    found = _extract_list(text)
    return None if found is None or "{" in found or "}" in found else found


def _extract_number(text: str) -> str | None:
    for phrase in _NUMBER_PHRASES:
        found = None
        at = 0
        while (at := text.find(phrase, at)) >= 0:
            match = (
                _NUMBER.search(text, at)
                if not phrase
                else _NUMBER.match(text, _after_space(text, at + len(phrase)))
            )
            if match is None:
                if not phrase:
                    break
                at += 1
                continue
            found, at = match.group(), match.end()
        if found is not None:
            return json.dumps(float(found))
    return None


def _extract_list(text: str) -> str | None:
    for phrase in _LIST_PHRASES:
        found = _last_list_after(text, phrase)
        if found is None:
            continue
        try:
            json.loads(found)
        except json.JSONDecodeError:
            continue
        except (ValueError, RecursionError):
            # An integer with more digits than Python converts: it causes a halt later.
            return found
        return found
    return None


def _last_list_after(text: str, phrase: str) -> str | None:
    found, at = None, 0
    while (at := text.find(phrase or "[", at)) >= 0:
        opening = _after_space(text, at + len(phrase))
        if text[opening : opening + 1] != "[":
            at += 1
            continue
        closing = text.find("]", opening)
        if closing < 0:
            break
        found, at = text[opening : closing + 1], closing + 1
    return found


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def authors_answer(task: Task, given: Input, reference: Answer) -> Answer | None:
    """The answer that their solver would store for this input; None when it finds none.

    Our references equal theirs where only one answer exists, and for the tasks not listed here also
    in the choice among several.
    """
    if task.name == "longest_increasing_subsequence":
        return _first_increasing(given["numbers"])
    if task.name == "longest_consecutive_elements":
        return _first_run(given["numbers"])
    if task.name == "subset_sum_in_range":
        return _first_small_subset(
            given["numbers"], lambda total: given["low"] < total < given["high"]
        )
    if task.name == "subset_sum_multiple_ten":
        return _first_small_subset(given["numbers"], lambda total: total % 10 == 0)
    return reference


def _first_small_subset(numbers: list[int], is_hit: Any) -> list[int] | None:
    """Only subsets of 4 to 6 numbers are looked at, smallest numbers first; their prompt does not
    state a size.
    """
    ordered = sorted(numbers)
    for size in _SUBSET_SIZES:
        for subset in combinations(ordered, size):
            if is_hit(sum(subset)):
                return list(subset)
    return None


def _first_increasing(numbers: list[int]) -> list[int]:
    """The longest increasing subsequence that ends first; each number follows the first predecessor
    that gives its length.
    """
    length, before = [1] * len(numbers), [-1] * len(numbers)
    for place, number in enumerate(numbers):
        for earlier in range(place):
            if numbers[earlier] < number and length[earlier] >= length[place]:
                length[place], before[place] = length[earlier] + 1, earlier
    at = length.index(max(length))
    chosen = []
    while at >= 0:
        chosen.append(numbers[at])
        at = before[at]
    return chosen[::-1]


def _first_run(numbers: list[int]) -> list[int]:
    """The first longest run in the order in which Python walks the set of the numbers."""
    present = set(numbers)
    best: list[int] = []
    for start in present:
        if start - 1 not in present:
            end = start
            while end + 1 in present:
                end += 1
            if end - start + 1 > len(best):
                best = list(range(start, end + 1))
    return best


def evaluate(task: Task, found: str, gold: Answer) -> bool:
    """Whether the authors count this JSON text as equal to their stored answer. Raises: GraderHalt
    where their code stops.
    """
    try:
        answer = json.loads(found)
    except (ValueError, RecursionError):
        raise GraderHalt("the number is too long to read") from None
    if not isinstance(gold, list):
        try:
            return int(float(answer)) == gold
        except (TypeError, ValueError, OverflowError):
            return False
    if not isinstance(answer, list):
        raise GraderHalt("the answer is no list")
    if len(answer) != len(gold):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours, theirs = np.array(answer, dtype=float), np.array(gold, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise GraderHalt("the list does not become an array of numbers") from None
    if task.authors_order == "any":
        ours, theirs = np.sort(ours), np.sort(theirs)
    try:
        return bool(
            np.allclose(ours, theirs)
            or (task.authors_order == "either" and np.allclose(ours, theirs[::-1]))
        )
    except ValueError:
        raise GraderHalt("the lists have different shapes") from None


def _as_answer(found: str) -> Answer | None:
    try:
        answer = json.loads(found)
        if isinstance(answer, list):
            return [int(number) for number in answer]
        return int(answer)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
