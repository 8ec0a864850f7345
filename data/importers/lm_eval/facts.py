"""What lm-evaluation-harness files of all versions share: direction and scale of metrics, n behind
a standard error, model arguments.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

HARNESS = "lm-evaluation-harness"

LOWER_IS_BETTER = frozenset(
    {
        "ppl",
        "perplexity",
        "word_perplexity",
        "byte_perplexity",
        "bits_per_byte",
        "likelihood_diff",
        "likelihood_difference",
    }
    | {"pct_stereotype", "brier_score", "ter"}
)
_HIGHER_IS_BETTER = frozenset(
    {
        "em",
        "exact",
        "f1",
        "mcc",
        "bleu",
        "chrf",
        "rouge1",
        "rouge2",
        "rougeL",
        "rougeLsum",
        "mc1",
        "mc2",
    }
)
_ON_PERCENT = frozenset({"bleu", "chrf"})
_UNBOUNDED = (LOWER_IS_BETTER - {"pct_stereotype"}) | {"mcc", "bypass"}

ZERO_ONE = frozenset(
    {
        "acc",
        "acc_norm",
        "acc_bytes",
        "acc_mutual_info",
        "acc_greedy",
        "exact_match",
        "em",
        "exact",
        "pct_stereotype",
    }
)
"""Metrics that give each instance 0 or 1, so that value and standard error fix n."""

_LARGEST_N = 1e15
_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")

GRADED = re.compile(
    r"f1|mcc|bleu|chrf|rouge|ter$|bertscore|bleurt|meteor|perplexity|ppl|bits_per_byte|likelihood|brier|_diff|mc2|_prob"
)
"""Metrics that grade an answer on more than two steps: a 0 or 1 among their values is a grade, not
a verdict.
"""


def load_json(text: bytes) -> Any:
    """The JSON value of a file. Half a surrogate pair, which no text can hold, becomes a question
    mark, as in samples.

    Raises:
        ValueError, RecursionError: it is no JSON.
    """
    content = json.loads(text)
    if _HALF_PAIR.search(text):
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


def points_up(metric: str) -> bool | None:
    """Whether more of a metric is better, for files that do not say; None when the name tells
    nothing.
    """
    if metric in LOWER_IS_BETTER:
        return False
    return (
        True
        if metric in _HIGHER_IS_BETTER or metric.startswith(("acc", "exact_match", "pass@"))
        else None
    )


def value_scale(metric: str, value: float | None) -> tuple[str, float | None]:
    """Scale of an aggregate, and the value on 0-1 where that has a meaning."""
    if metric in _ON_PERCENT:
        return "0-100", None if value is None else value / 100
    if metric in _UNBOUNDED or (value is not None and not 0 <= value <= 1):
        return "raw", None
    return "0-1", value


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


def read_model_args(model_args: object) -> dict[str, Any]:
    """Model arguments as a dictionary; text is split at commas that a new `key=` follows, because
    values may hold commas.
    """
    if isinstance(model_args, Mapping):
        return dict(model_args)
    if not isinstance(model_args, str):
        return {}
    pairs = (part.partition("=") for part in re.split(r",(?=\s*[\w.\-]+=)", model_args))
    return {key.strip(): value for key, equals, value in pairs if equals}


def step_of(revision: object) -> int | None:
    """Training step that a revision names (`step1000`, `global_step1000`)."""
    found = re.search(r"step[-_]?(\d{1,18})(?!\d)", str(revision or ""))
    return int(found[1]) if found else None


def shorten(value: object, limit: int = 120) -> str:
    """A found value as a person can read it in a table of rejects."""
    text = value if isinstance(value, str) and value.strip() else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text):,} characters)"
