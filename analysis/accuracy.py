"""How often is a model right? The one definition of accuracy: counts by outcome and a named
denominator in, accuracy with an interval out.

Level counts (data.queries.fetch_task_counts) come in here; every other module of `analysis` takes
its accuracies from here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from analysis.arrays import Floats
from analysis.text import counted, percent
from data.records import Denominator, NotEnoughDataError

OUTCOME_COLUMNS = ("n_correct", "n_wrong", "n_unparsed", "n_error")
DEFAULT_DENOMINATOR = Denominator.UNPARSED_IS_WRONG
FIRST_ANSWER_SHARE = 0.10
"""SCYLLA step 6: with fewer than this share of first answers parsed, the accuracy is set to 0."""
SECOND_ANSWER_SHARE = 0.50
"""The same for the answers to SCYLLA's second prompt."""
TASK_INTERVAL = "over tasks"
ITEM_INTERVAL = "item level only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """One accuracy: the number, what it was taken over and how sure it is.

    accuracy    0-1; NaN when undefined (see `reason`).
    lo, hi      Wilson interval; NaN when undefined or when the accuracy was set by a rule instead
                of counted.
    n           answers in the denominator.
    n_unparsed, n_error  counted separately, whatever the denominator.
    reason      None for a plain share.
    """

    accuracy: float
    lo: float
    hi: float
    n: int
    n_correct: int
    n_unparsed: int
    n_error: int
    denominator: Denominator
    reason: str | None


def binomial_interval(
    n_correct: ArrayLike, n: ArrayLike, *, method: str = "wilson", confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Give the interval of a share, elementwise.

    Args:
        n_correct: right answers, 0..n; may be fractional (an unweighted mean times its answers).
        n: answers; 0 gives NaN.
        method: "wilson" (default everywhere) or "beta" (Clopper-Pearson, conservative).
        confidence: 0-1.

    Returns:
        lower and upper ends within [0, 1], NaN where n is 0, an input is NaN or n_correct is not
        within 0..n.

    Source: Newcombe 1998; statsmodels `proportion_confint`.

    >>> [round(float(end), 4) for end in binomial_interval(81, 263)]
    [0.2553, 0.3662]
    """
    k, total = np.broadcast_arrays(np.asarray(n_correct, dtype=float), np.asarray(n, dtype=float))
    defined = (total > 0) & (k >= 0) & (k <= total * (1 + 1e-12))
    right, asked = np.where(defined, np.minimum(k, total), 0.0), np.where(defined, total, 1.0)
    lo, hi = proportion_confint(right, asked, alpha=1 - confidence, method=method)
    share = right / asked  # rounding may leave an end on the wrong side of it
    return np.where(defined, np.clip(lo, 0.0, share), np.nan), np.where(
        defined, np.clip(hi, share, 1.0), np.nan
    )


def accuracy(
    n_correct: int,
    n_wrong: int,
    n_unparsed: int = 0,
    n_error: int = 0,
    *,
    denominator: Denominator = DEFAULT_DENOMINATOR,
    min_parsed_share: float = FIRST_ANSWER_SHARE,
    confidence: float = 0.95,
) -> Accuracy:
    """Give the accuracy of one cell of counts. Same rules as `accuracy_table`.

    >>> accuracy(60, 30, 10, denominator=Denominator.AUTHORS).accuracy == 60 / 90
    True
    """
    counts = pd.DataFrame(
        [[n_correct, n_wrong, n_unparsed, n_error]], columns=list(OUTCOME_COLUMNS)
    )
    row = accuracy_table(
        counts, denominator, min_parsed_share=min_parsed_share, confidence=confidence
    ).iloc[0]
    return Accuracy(
        accuracy=float(row["accuracy"]),
        lo=float(row["accuracy_lo"]),
        hi=float(row["accuracy_hi"]),
        n=int(row["n"]),
        n_correct=int(n_correct),
        n_unparsed=int(n_unparsed),
        n_error=int(n_error),
        denominator=denominator,
        reason=row["reason"] if isinstance(row["reason"], str) else None,
    )


def accuracy_table(
    counts: pd.DataFrame,
    denominator: Denominator = DEFAULT_DENOMINATOR,
    *,
    min_parsed_share: float = FIRST_ANSWER_SHARE,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Add accuracy and its Wilson interval to every row of counts.

    unparsed_is_wrong: correct / (correct + wrong + unparsed). parsed_only: correct / (correct +
    wrong).
    authors: as parsed_only, but 0 when parsed / (parsed + unparsed) < `min_parsed_share`
    (strictly). Errors are in none of them.

    Args:
        counts: any frame with n_correct, n_wrong, n_unparsed, n_error (int >= 0, disjoint).
        denominator: which answers count.
        min_parsed_share: the cliff of `authors`; FIRST_ANSWER_SHARE, or SECOND_ANSWER_SHARE for
            answers to the second prompt.
        confidence: of the interval.

    Returns:
        A new frame: the columns of `counts`, then n (answers in the denominator), accuracy,
        accuracy_lo, accuracy_hi, is_by_rule (the cliff set the accuracy to 0; the interval is then
        NaN), reason (None for a plain share).

    Raises:
        NotEnoughDataError: a needed column is missing or holds a negative or unknown count.

    Edge cases: no answer in the denominator gives NaN with a reason (the authors' code raises, or
    divides by zero).

    Source: SCYLLA step 6 (arXiv 2410.01769, code). Differs from the authors' code in comparing
    parsed / total with the threshold, so that exactly the threshold is kept for every total (their
    product 0.1 * 70 is a little above 7).
    """
    check_counts(counts)
    denominator = Denominator(denominator)  # its plain word, say from a URL, means the same
    correct, wrong, unparsed, errors = (
        counts[name].to_numpy(dtype=np.int64) for name in OUTCOME_COLUMNS
    )
    parsed, answered = correct + wrong, correct + wrong + unparsed
    n = answered if denominator is Denominator.UNPARSED_IS_WRONG else parsed
    by_rule = np.zeros(len(counts), dtype=bool)
    if denominator is Denominator.AUTHORS:
        by_rule = (answered > 0) & (parsed / np.maximum(answered, 1) < min_parsed_share)
    share = np.where(by_rule, 0.0, np.where(n > 0, correct / np.maximum(n, 1), np.nan))
    lo, hi = binomial_interval(correct, np.where(by_rule, 0, n), confidence=confidence)
    return counts.assign(
        n=n,
        accuracy=share,
        accuracy_lo=lo,
        accuracy_hi=hi,
        is_by_rule=by_rule,
        reason=pd.Series(
            _reasons(n, unparsed, errors, by_rule, min_parsed_share),
            index=counts.index,
            dtype=object,
        ),
    )


def _reasons(
    n: NDArray[np.int64],
    unparsed: NDArray[np.int64],
    errors: NDArray[np.int64],
    by_rule: NDArray[np.bool_],
    share: float,
) -> list[str | None]:
    texts: list[str | None] = [None] * len(n)
    for i in np.flatnonzero((n == 0) | by_rule):
        if by_rule[i]:
            texts[i] = (
                f"set to 0 by the authors' rule: {n[i]} of {n[i] + unparsed[i]} answers parse,"
                f" under {percent(share)}"
            )
        elif unparsed[i]:
            texts[i] = f"undefined: none of the {unparsed[i]} answers could be parsed"
        elif errors[i]:
            texts[i] = f"undefined: all {errors[i]} attempts ended in an error"
        else:
            texts[i] = "undefined: no answers"
    return texts


def check_counts(counts: pd.DataFrame, also: Iterable[str] = ()) -> None:
    """Refuse a frame without the count columns (and those named in `also`), or with negative or
    unknown counts.
    """
    missing = [name for name in (*also, *OUTCOME_COLUMNS) if name not in counts.columns]
    if missing:
        raise NotEnoughDataError(
            f"The counts lack the columns {', '.join(missing)}. Present:"
            f" {', '.join(map(str, counts.columns)) or 'none'}. Take them from"
            " data.queries.fetch_task_counts."
        )
    for name in OUTCOME_COLUMNS:
        column = counts[name]
        if column.isna().any() or (column < 0).any():
            raise NotEnoughDataError(
                f"Column {name} of the counts holds a negative or unknown count; counts are whole"
                " numbers from 0 up."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelMean:
    """The unweighted mean accuracy over the tasks of a level, with two intervals that answer two
    questions.

    accuracy          mean over the tasks; NaN without a task.
    lo, hi            for "these tasks stand for tasks like them": score interval over the task
                      accuracies, t with n_tasks - 1 degrees of freedom, never narrower than the
                      item-level one. With one task: the item-level interval.
    item_lo, item_hi  for "exactly these tasks, other instances": Wilson on the effective number of
    answers. Too narrow for any
                      statement about the level, because it treats answers to one task as
                      independent.
    interval          "over tasks" or "item level only": which of the two lo and hi are.
    """

    accuracy: float
    lo: float
    hi: float
    item_lo: float
    item_hi: float
    n: int
    n_tasks: int
    interval: str
    warning: str | None


def level_mean(accuracies: ArrayLike, n: ArrayLike, *, confidence: float = 0.95) -> LevelMean:
    """Average task accuracies of one level and split, each task counting the same.

    item level: Wilson at the mean with n_eff = T^2 / sum(1/n_t) answers (all answers when every
    task has as many). over tasks: Wilson's interval with t_{T-1} for z and m (1 - m) T / s^2 for
    the answers, so that the spread between tasks shrinks towards 0 and 1 as that of shares does. In
    simulations with 3 or 4 tasks a level (docs/calibration.md) it holds the level's true mean in
    about 94 % of models at nominal 95 %; mean +- t s / sqrt(T), as wide, does in 89-91 %.

    Args:
        accuracies: task accuracies, 0-1; undefined ones (NaN) are left out and counted in the
            warning.
        n: answers behind each.
        confidence: of both intervals.

    Returns:
        a LevelMean; NaN with a warning when no task has an accuracy.

    >>> mean = level_mean([0.2, 0.4, 0.6], [100, 100, 100])
    >>> round(mean.accuracy, 3), round(mean.lo, 3), round(mean.item_lo, 3)
    (0.4, 0.098, 0.346)
    """
    values, answers = np.asarray(accuracies, dtype=float), np.asarray(n, dtype=float)
    defined = ~np.isnan(values)
    left_out = int((~defined).sum())
    values, answers = values[defined], answers[defined]
    if not len(values):
        nan = math.nan
        return LevelMean(
            accuracy=nan,
            lo=nan,
            hi=nan,
            item_lo=nan,
            item_hi=nan,
            n=0,
            n_tasks=0,
            interval=ITEM_INTERVAL,
            warning="no task has an accuracy",
        )
    mean = float(values.mean())
    n_eff = len(values) ** 2 / float((1 / answers).sum()) if (answers > 0).all() else 0.0
    spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    lo, hi, item_lo, item_hi = mean_interval(
        mean, spread, len(values), n_eff, confidence=confidence
    )
    interval = TASK_INTERVAL if len(values) > 1 else ITEM_INTERVAL
    notes = [f"{counted(left_out, 'task')} without a defined accuracy left out"] if left_out else []
    notes += (
        ["one task only: the interval covers other instances of it, not other tasks"]
        if len(values) == 1
        else []
    )
    return LevelMean(
        accuracy=mean,
        lo=lo,
        hi=hi,
        item_lo=item_lo,
        item_hi=item_hi,
        n=int(answers.sum()),
        n_tasks=len(values),
        interval=interval,
        warning="; ".join(notes) or None,
    )


def mean_interval(
    mean: float, sd: float, n_tasks: int, n: float, *, confidence: float = 0.95
) -> tuple[float, float, float, float]:
    """Give both intervals of a level mean, see LevelMean: lo, hi over tasks, then lo, hi at item
    level.

    Args:
        mean: mean accuracy over the tasks, 0-1.
        sd: standard deviation over the tasks (n - 1); NaN leaves the item-level interval only.
        n_tasks: tasks behind the mean.
        n: effective answers behind the mean; 0 leaves the interval over tasks only.

    Returns:
        four ends within [0, 1]; NaN where neither can be had.

    Source: Wilson's score interval on an effective sample size with t quantiles, as for clustered
    samples (Dean and Pagano 2015, J. Survey Stat. Methodol. 3).
    """
    item_lo, item_hi = (float(end) for end in binomial_interval(mean * n, n, confidence=confidence))
    if n_tasks < 2 or math.isnan(sd):
        return item_lo, item_hi, item_lo, item_hi
    if not 0 < mean < 1:  # then all tasks agree, and their spread says nothing
        return item_lo, item_hi, item_lo, item_hi
    c = (
        float(stats.t.isf((1 - confidence) / 2, n_tasks - 1)) ** 2
        * sd**2
        / n_tasks
        / (mean * (1 - mean))
    )
    centre, half = mean + c / 2, math.sqrt(c * mean * (1 - mean) + c**2 / 4)
    return (
        float(np.fmin((centre - half) / (1 + c), item_lo)),
        float(np.fmax((centre + half) / (1 + c), item_hi)),
        item_lo,
        item_hi,
    )


def task_accuracies(
    counts: pd.DataFrame,
    denominator: Denominator = DEFAULT_DENOMINATOR,
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Give the accuracy of every anchor task of every level: one row per model, level, task and
    split, in that order.

    Several runs of one model on one task are pooled by adding their counts (`n_runs` says how
    many).

    Args:
        counts: level counts (docs/architecture.md); rows with role "probe", without level or
            without split are left out.

    Returns:
        model, level (int), level_label, task, split, n_runs, n_instances (as many as answers where
        that is not known), is_aggregate (counts made from a stated accuracy and n), the four
        counts, then what `accuracy_table` adds.
    """
    check_counts(counts, ("model", "level", "task", "split"))
    kept = counts.loc[counts["level"].notna() & counts["split"].notna()]
    kept = kept.loc[kept["role"].ne("probe").fillna(True).astype(bool)] if "role" in kept else kept
    answers = kept[list(OUTCOME_COLUMNS)].sum(axis=1)
    kept = kept.assign(
        level=kept["level"].astype(int),
        level_label=kept["level_label"].astype(object) if "level_label" in kept else None,
        n_runs=1,
        is_aggregate=kept["source"].eq("aggregates") if "source" in kept else False,
        # Without their number every answer is one of its own instance.
        n_instances=kept.get("n_instances", answers).fillna(answers).astype(np.int64),
    )
    pooled = kept.groupby(["model", "level", "task", "split"], as_index=False, sort=True).agg(
        {"level_label": "first", "n_runs": "sum", "n_instances": "sum", "is_aggregate": "max"}
        | dict.fromkeys(OUTCOME_COLUMNS, "sum")
    )
    pooled["level_label"] = [
        label if isinstance(label, str) else f"level {level}"
        for label, level in zip(pooled["level_label"], pooled["level"], strict=True)
    ]
    return accuracy_table(pooled, denominator, confidence=confidence)
