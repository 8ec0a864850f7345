"""How single values of foreign files are read and shown: JSON, numbers, steps, message texts; n and
standard error of a mean of zeros and ones.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_LARGEST_N = 1e15
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_HALF_PAIR_BYTES = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")


def clean(text: str) -> str:
    """Text that can be stored: half of a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode() if _HALF_PAIR.search(text) else text


def load_json(text: bytes) -> Any:
    """The JSON value of a file. Half a surrogate pair, which no text can hold, becomes a question
    mark, as in samples.

    Raises:
        ValueError, RecursionError: it is no JSON.
    """
    content = json.loads(text)
    if _HALF_PAIR_BYTES.search(text):
        content = json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
    return content


def whole_number(value: object, *, n_bits: int = 32) -> int | None:
    """A whole number from 0 up that fits a column of so many bits; None for anything else."""
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << n_bits - 1
        else None
    )


def finite_number(value: object) -> float | None:
    """A number of a configuration; None for anything that is no finite one."""
    try:
        return None if isinstance(value, str | list) else read_number(value)
    except ValueError:
        return None


def read_number(value: object) -> float | None:
    """A number written as number or text; None for the harness's words for "none" (`N/A`, `[]`,
    null), NaN and infinities.

    Raises:
        ValueError: the value is something else.
    """
    if (
        value is None
        or value == []
        or (isinstance(value, str) and value.strip() in ("N/A", "-", ""))
    ):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"not a number: {value!r}")
    try:
        number = float(value)
    except OverflowError as cause:
        raise ValueError(f"too large: {shorten(value)}") from cause
    return number if math.isfinite(number) else None


def infer_n(value: float | None, stderr: float | None) -> int | None:
    """n behind a mean of zeros and ones, from its standard error: round(v (1 - v) / se^2 + 1). None
    where it cannot be told.
    """
    if value is None or not stderr or not 0 < value < 1:
        return None
    n = value * (1 - value) / stderr / stderr + 1
    return round(n) if n < _LARGEST_N else None  # a standard error of next to nothing tells no n


def binomial_stderr(value: float, n: int) -> float:
    """Standard error of a mean of n zeros and ones, as the harness computes it: sqrt(v (1 - v) / (n
    - 1)).
    """
    return math.sqrt(value * (1 - value) / (n - 1))


def step_of(revision: object) -> int | None:
    """Training step that a revision names (`step1000`, `global_step1000`)."""
    found = re.search(r"step[-_]?(\d{1,18})(?!\d)", str(revision or ""))
    return int(found[1]) if found else None


def shorten(value: object, limit: int = 120) -> str:
    """A found value as a person can read it in a table of rejects."""
    text = value if isinstance(value, str) and value.strip() else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text):,} characters)"


def content_text(value: Any) -> str | None:
    """Text of a message's content: text, or a list of parts; a part that is no text is named by its
    kind.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(value, str):
        return clean(value)
    if not isinstance(value, list) or not all(isinstance(part, str | Mapping) for part in value):
        raise TypeError
    parts = [
        part if isinstance(part, str) else part.get("text") or f"[{part.get('type') or 'part'}]"
        for part in value
    ]
    return clean("\n".join(map(str, parts)))


def prompt_text(value: Any) -> str | None:
    """Text of a sample's input: text as it stands; messages one after the other, each under its
    role (a single one without).
    """
    if isinstance(value, str):
        return clean(value)
    if not isinstance(value, list) or not all(isinstance(message, Mapping) for message in value):
        raise TypeError
    texts = [
        (str(message.get("role") or "message"), content_text(message.get("content") or "") or "")
        for message in value
    ]
    return (
        texts[0][1] if len(texts) == 1 else "\n\n".join(f"[{role}]\n{text}" for role, text in texts)
    )
