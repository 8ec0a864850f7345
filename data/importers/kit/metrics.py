"""Direction, scale and kind of metrics by their names, for files that do not say."""

from __future__ import annotations

import re

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

GRADED = re.compile(
    r"f1|mcc|bleu|chrf|rouge|ter$|bertscore|bleurt|meteor|perplexity|ppl|bits_per_byte|likelihood|brier|_diff|mc2|_prob"
)
"""Metrics that grade an answer on more than two steps: a 0 or 1 among their values is a grade, not
a verdict.
"""


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
