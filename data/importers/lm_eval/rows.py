"""Rows of an lm-evaluation-harness v0.4 samples file: their shape over the versions 0.4.0 to
0.4.13, and what they say of the answers.

What kind of request a row holds is told by the second argument of its requests: a text is a
continuation whose log-probability was asked for (one: loglikelihood; several: multiple choice), a
mapping holds the settings of a generation, and none means rolling log-likelihood. Everything here
works on whole columns, which is several times faster than row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import UNSET, Raw, UnsetType

MAX_CHOICES = 10_000
INVALID = "[invalid]"
"""What a regex filter writes when it finds no answer."""

_NULL = Raw(b"null")


class _NamedArguments(msgspec.Struct, gc=False):
    """A request's arguments since 0.4.3."""

    arg_0: Any = None
    arg_1: Any = None


class _ListedArguments(msgspec.Struct, array_like=True, gc=False):
    """A request's arguments before 0.4.3."""

    arg_0: Any = None
    arg_1: Any = None


class _RawNamedArguments(msgspec.Struct, gc=False):
    """The same where several requests repeat one prompt, which is not worth decoding each time."""

    arg_0: Raw = _NULL
    arg_1: Any = None


class _RawListedArguments(msgspec.Struct, array_like=True, gc=False):
    arg_0: Raw = _NULL
    arg_1: Any = None


_FIELDS: dict[str, Any] = {
    "doc_id": int,
    "doc": Raw | UnsetType,
    "target": Any,
    "arguments": dict[str, _RawNamedArguments] | list[_RawListedArguments],
    "resps": Raw | UnsetType,
    "filtered_resps": list[Any],
    "filter": str | None,
    "metrics": Raw | UnsetType,
    "doc_hash": Raw | UnsetType,
    "prompt_hash": Raw | UnsetType,
    "target_hash": Raw | UnsetType,
}
_DEFAULTS: dict[str, Any] = {"target": None, "filter": None} | dict.fromkeys(
    ("doc", "resps", "metrics", "doc_hash", "prompt_hash", "target_hash"), UNSET
)
KNOWN_FIELDS = frozenset(_FIELDS)


_OF_GENERATIONS = {"resps": Any, "arguments": dict[str, _NamedArguments] | list[_ListedArguments]}


def row_decoder(others: Sequence[str], *, of_generations: bool) -> msgspec.json.Decoder[Any]:
    """Decoder of rows whose fields beside the known ones are `others`; they become o0, o1, ... of a
    row. A field not named is refused.

    Fields stand in the order in which the harness writes them, because msgspec finds them fastest
    so. Rows of either kind can be read with either decoder; the one for generations decodes replies
    and prompts at once.
    """
    types = _FIELDS | (_OF_GENERATIONS if of_generations else {})
    fields = [
        (name, kind, _DEFAULTS[name]) if name in _DEFAULTS else (name, kind)
        for name, kind in types.items()
    ]
    fields += [(f"o{i}", Any, UNSET) for i in range(len(others))]
    rename = {f"o{i}": name for i, name in enumerate(others)}
    row = msgspec.defstruct(
        "Row", fields, kw_only=True, rename=rename, forbid_unknown_fields=True, gc=False
    )
    return msgspec.json.Decoder(row)


class Kept(msgspec.Struct, omit_defaults=True, gc=False):
    """What goes into a sample's metadata: all that has no column of its own."""

    doc: Any = UNSET
    doc_hash: Any = UNSET
    prompt_hash: Any = UNSET
    target_hash: Any = UNSET
    generation: Any = UNSET
    choices: Any = UNSET
    is_greedy: Any = UNSET
    unconditional_logprobs: Any = UNSET
    prompts: Any = UNSET
    resps: Any = UNSET
    other: Any = UNSET


@dataclass(slots=True)
class Answers:
    """What some rows of one kind say of the answers, column by column."""

    prompt: list[Any]
    kept: list[Kept]
    response: Any = None
    parsed: Any = None
    logprob: Any = None
    choice_logprobs: Any = None
    unreadable: np.ndarray | None = None
    """Whether the filter found no answer."""
    picked: Any = None
    gold: Any = None


Requests = list[Sequence[Any]]
"""The requests of each row."""


def requests_of(rows: Sequence[Any]) -> Requests:
    """The requests of each row, whichever way the version writes them."""
    return [
        list(row.arguments.values()) if type(row.arguments) is dict else row.arguments
        for row in rows
    ]


def kinds_of(requests: Requests) -> list[str]:
    """Kind of each row: choices | continuation | generation | rolling.

    Raises:
        IndexError: a row holds no request.
    """
    return [
        (
            "generation"
            if kind is dict
            else "rolling"
            if kind is not str
            else "choices"
            if len(of_row) > 1
            else "continuation"
        )
        for of_row in requests
        for kind in (type(of_row[0].arg_1),)
    ]


def read_answers(
    kind: str,
    rows: Sequence[Any],
    requests: Requests,
    *,
    has_unconditional: bool,
    target_is_text: bool,
) -> Answers:
    """Columns of rows that are all of one kind.

    Args:
        has_unconditional: the task asks for each choice twice, the second time without the question
            (`acc_mutual_info`).
        target_is_text: a target of digits is the text of a choice, not its index.

    Raises:
        ValueError, TypeError, IndexError: the responses of some row do not have the shape that its
            requests ask for.
    """
    prompts = [of_row[0].arg_0 for of_row in requests]
    if kind == "generation":
        return _read_generations(rows, requests, prompts)
    if kind == "choices":
        return _read_choices(rows, requests, prompts, has_unconditional, target_is_text)
    kept = [Kept(row.doc, row.doc_hash, row.prompt_hash, row.target_hash) for row in rows]
    firsts = [row.filtered_resps[0] for row in rows]
    if kind == "continuation":
        for mine, pair in zip(kept, firsts, strict=True):
            mine.is_greedy = _as_flags([pair[1]])
        firsts = [pair[0] for pair in firsts]
    return Answers(prompts, kept, logprob=_nullable(_as_floats(firsts)))


def _read_generations(rows: Sequence[Any], requests: Requests, prompts: list[Any]) -> Answers:
    kept = [
        Kept(row.doc, row.doc_hash, row.prompt_hash, row.target_hash, of_row[0].arg_1)
        for row, of_row in zip(rows, requests, strict=True)
    ]
    filtered = [row.filtered_resps[0] for row in rows]
    unreadable = np.array([answer == INVALID for answer in filtered])
    parsed = texts_of([None if answer == INVALID else answer for answer in filtered])
    replies = []
    for row, mine in zip(rows, kept, strict=True):
        of_row = row.resps
        if type(of_row) is Raw:
            of_row = msgspec.json.decode(of_row)
        reply = of_row[0] if of_row else None
        if type(reply) is list:
            if len(reply) > 1:
                mine.resps = of_row
            reply = reply[0] if reply else None
        replies.append(reply)
    return Answers(prompts, kept, texts_of(replies), parsed, unreadable=unreadable)


def _read_choices(
    rows: Sequence[Any],
    requests: Requests,
    prompts: list[Any],
    has_unconditional: bool,
    target_is_text: bool,
) -> Answers:
    pairs = [row.filtered_resps for row in rows]
    unconditional: list[Any] = []
    if has_unconditional:
        unconditional = [
            _nullable(_as_floats([pair[0] for pair in both[len(both) // 2 :]])).to_pylist()
            for both in pairs
        ]
        pairs, requests = (
            [each[: len(each) // 2] for each in column] for column in (pairs, requests)
        )
    lengths = list(map(len, pairs))
    if 0 in lengths or list(map(len, requests)) != lengths:
        raise ValueError("filtered_resps: not one response for each request")
    counts = np.array(lengths)
    ends = np.cumsum(counts)
    starts = ends - counts
    choices = [request.arg_1 for of_row in requests for request in of_row]
    kept = _keep_choices(
        rows,
        requests,
        choices,
        _as_flags([pair[1] for of_row in pairs for pair in of_row]),
        starts,
        ends,
    )
    for mine, logprobs_without in zip(kept, unconditional, strict=False):
        mine.unconditional_logprobs = logprobs_without
    logprobs = _as_floats([pair[0] for of_row in pairs for pair in of_row])
    picked = _first_largest(logprobs, starts, counts)
    response = pa.array(choices, pa.string()).take(
        pa.array(np.where(picked < 0, 0, starts + picked), mask=picked < 0)
    )
    index = _indices([row.target for row in rows], target_is_text)
    gold = np.where((index >= 0) & (index < counts), index, -1)
    parsed = pa.array(picked, mask=picked < 0).cast(pa.string())
    by_text = np.flatnonzero(index < 0)
    if len(by_text):
        gold[by_text] = [
            _matching_choice(rows[i].target, kept[i].choices) for i in by_text.tolist()
        ]
        parsed = pa.array(
            np.where(
                index < 0,
                response.to_numpy(zero_copy_only=False),
                parsed.to_numpy(zero_copy_only=False),
            ),
            pa.string(),
        )
    answer = pa.array(
        logprobs[np.where(gold < 0, 0, starts + gold)],
        pa.float32(),
        mask=gold < 0,
        from_pandas=True,
    )
    of_choices = pa.ListArray.from_arrays(
        pa.array(np.append(starts, ends[-1]), pa.int32()), _nullable(logprobs)
    )
    return Answers(prompts, kept, response, parsed, answer, of_choices, picked=picked, gold=gold)


def _keep_choices(
    rows: Sequence[Any],
    requests: Requests,
    choices: list[str],
    flags: list[bool],
    starts: np.ndarray,
    ends: np.ndarray,
) -> list[Kept]:
    """Metadata of multiple-choice rows; with the prompts, where not the choices differ but what
    stands before them (winogrande).
    """
    kept = [
        Kept(
            row.doc,
            row.doc_hash,
            row.prompt_hash,
            row.target_hash,
            UNSET,
            choices[start:end],
            flags[start:end],
        )
        for row, start, end in zip(rows, starts.tolist(), ends.tolist(), strict=True)
    ]
    for mine, of_row in zip(kept, requests, strict=True):
        if len(of_row) > 1 and of_row[0].arg_1 == of_row[1].arg_1:
            mine.prompts = [request.arg_0 for request in of_row]
    return kept


def _first_largest(values: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Position of the first largest value within each stretch; -1 where a value is unknown."""
    largest = np.maximum.reduceat(values, starts)
    hits = np.append(np.flatnonzero(values == np.repeat(largest, counts)), len(values))
    return np.asarray(np.where(np.isnan(largest), -1, hits[np.searchsorted(hits, starts)] - starts))


def _as_floats(values: list[Any]) -> np.ndarray:
    """Log-probabilities, numbers or text (since 0.4.3), as floats; NaN for NaN and nothing."""
    try:
        texts = pa.array(values, pa.string())
    except pa.ArrowTypeError:
        return np.array([float("nan") if value is None else float(value) for value in values])
    return np.asarray(texts.cast(pa.float64()).to_numpy(zero_copy_only=False))


def _as_flags(values: list[Any]) -> list[bool]:
    """Flags; they are text since 0.4.3, and bool("False") is True."""
    if values.count("False") == len(
        values
    ):  # hardly any continuation is the likeliest of all texts
        return [False] * len(values)
    return [value in ("True", True) for value in values]


def _nullable(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.float32(), from_pandas=True)


def _indices(targets: list[Any], target_is_text: bool) -> np.ndarray:
    """The choices that targets name by their index (a number before 0.4.4, its digits since); -1
    for those that do not.
    """
    if set(map(type, targets)) == {str} and not target_is_text:
        try:
            return np.asarray(pa.array(targets, pa.string()).cast(pa.int64()).to_numpy())
        except pa.ArrowInvalid:
            pass  # some are no numbers
    return np.array([_index_of(target, target_is_text) for target in targets])


def _index_of(target: object, target_is_text: bool) -> int:
    if type(target) is int:
        return target if 0 <= target < MAX_CHOICES else -1
    return (
        int(target)
        if type(target) is str and not target_is_text and target.isdecimal() and len(target) < 5
        else -1
    )


def _matching_choice(target: object, choices: Sequence[str]) -> int:
    """The choice whose text the target is; -1 where it does not tell (several references, or the
    text of no choice or of several).
    """
    if type(target) is not str:
        return -1
    wanted = target.strip()
    matches = [i for i, choice in enumerate(choices) if choice.strip() == wanted]
    return matches[0] if len(matches) == 1 else -1


def texts_of(values: list[Any]) -> pa.Array:
    """Values as a column of texts: themselves, or their JSON. None stays None."""
    try:
        return pa.array(values, pa.string())
    except pa.ArrowTypeError:
        return pa.array([as_text(value) for value in values], pa.string())


def as_text(value: object) -> str | None:
    """A value as text: itself, or its JSON. None stays None."""
    if value is None or type(value) is str:
        return value
    return msgspec.json.encode(value).decode()
