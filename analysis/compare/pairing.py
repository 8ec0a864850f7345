"""Do two models differ on the same instances? Tests and intervals for paired and unpaired
differences (METHODS D2-D4).

`analysis.compare.comparing` applies these functions to levels, splits and tasks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

from analysis.arrays import Floats
from analysis.error_bars import clt_se, cluster_sums
from data.records import NotEnoughDataError

EXACT_BELOW = 25
"""With fewer discordant pairs, McNemar's exact test is used."""
OVER_TASKS, OVER_INSTANCES = "over tasks", "over instances"


@dataclass(frozen=True, slots=True, kw_only=True)
class McNemar:
    """McNemar's test on b and c discordant pairs.

    p, kind   p of the reported test, and which it is: "exact" below 25 discordant pairs, otherwise
              "chi2" with continuity correction.
    exact_p   two-sided, binomial(b + c, 1/2).
    mid_p     exact_p with half the weight on the observed count.
    chi2, chi2_p  (|b - c| - 1)^2 / (b + c) and its p. Without discordant pairs chi2 is NaN and
              every p is 1.
    """

    p: float
    kind: str
    exact_p: float
    mid_p: float
    chi2: float
    chi2_p: float


def mcnemar(b: int, c: int) -> McNemar:
    """Test whether two models are right equally often on the same instances, from the numbers of
    instances that only one of them gets right.

    Not valid across splits: ID and OOD have different instances.

    Source: METHODS D3; agrees with statsmodels `mcnemar`.

    >>> mcnemar(3, 10).kind, round(mcnemar(3, 10).p, 4)
    ('exact', 0.0923)
    """
    if b < 0 or c < 0:
        raise NotEnoughDataError(f"Discordant pairs are counted from 0 up, found {b} and {c}.")
    total, fewer = b + c, min(b, c)
    if total == 0:
        return McNemar(p=1.0, kind="exact", exact_p=1.0, mid_p=1.0, chi2=math.nan, chi2_p=1.0)
    twice = 2 * float(special.bdtr(fewer, total, 0.5))
    exact_p, mid_p = min(1.0, twice), min(1.0, twice - _half_binomial(fewer, total))
    chi2 = (abs(b - c) - 1) ** 2 / total
    chi2_p = float(special.chdtrc(1, chi2))
    is_exact = total < EXACT_BELOW
    return McNemar(
        p=exact_p if is_exact else chi2_p,
        kind="exact" if is_exact else "chi2",
        exact_p=exact_p,
        mid_p=mid_p,
        chi2=chi2,
        chi2_p=chi2_p,
    )


def _half_binomial(k: int, n: int) -> float:
    """Binomial probability of k out of n with p = 1/2."""
    return math.exp(
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
    )


def adjust(p: ArrayLike, method: str = "holm") -> Floats:
    """p-values adjusted for multiple testing; undefined ones (NaN) are not counted and stay
    undefined.

    Args:
        method: "holm" (family-wise, step-down), "bh" (Benjamini-Hochberg, false discovery rate) or
            "bonferroni".

    Source: METHODS D4; agrees with statsmodels `multipletests`.

    >>> [round(float(q), 3) for q in adjust([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=float).ravel()
    if ((values < 0) | (values > 1)).any():
        raise NotEnoughDataError("A p-value lies outside 0-1.")
    adjusted = np.full(len(values), np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    m, ranked = len(order), values[order]
    if method == "holm":
        adjusted[order] = np.maximum.accumulate(ranked * (m - np.arange(m)))
    elif method == "bh":
        adjusted[order] = np.minimum.accumulate((ranked * m / (np.arange(m) + 1))[::-1])[::-1]
    elif method == "bonferroni":
        adjusted[order] = ranked * m
    else:
        raise NotEnoughDataError(
            f"No adjustment is called {method!r}. Possible: holm, bh, bonferroni."
        )
    return np.asarray(np.minimum(adjusted, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A difference of two means with its interval and test.

    difference  -1 to 1.
    se, df      standard error; degrees of freedom of t (infinity: normal).
    lo, hi, p   interval, and two-sided p of no difference; NaN when undefined (see `reason`).
    unit        "over tasks" (generalizes to other tasks) or "over instances" (the same tasks, new
                instances).
    test        name of the test.
    """

    difference: float
    se: float
    df: float
    lo: float
    hi: float
    p: float
    unit: str
    test: str
    reason: str | None = None


def undefined(reason: str) -> Difference:
    """The result if there is no difference to estimate."""
    numbers = dict.fromkeys(("difference", "se", "df", "lo", "hi", "p"), math.nan)
    return Difference(**numbers, unit="", test="no test possible", reason=reason)


def t_difference(
    difference: float, se: float, df: float, *, unit: str, test: str, confidence: float = 0.95
) -> Difference:
    """A difference with the interval and p-value of Student's t; the interval is clipped to -1 to
    1.
    """
    half = float(special.stdtrit(df, 0.5 + confidence / 2)) * se
    p = float(2 * special.stdtr(df, -abs(difference) / se)) if se > 0 else math.nan
    return Difference(
        difference=difference,
        se=se,
        df=df,
        lo=max(-1.0, difference - half),
        hi=min(1.0, difference + half),
        p=p,
        unit=unit,
        test=test,
    )


def paired_over_tasks(
    values: Floats, tasks: NDArray[np.int64], *, confidence: float = 0.95
) -> Difference:
    """Mean of paired differences with tasks as clusters: sandwich error times sqrt(C / (C - 1)),
    Student's t with C - 1 degrees of freedom.

    With few clusters the uncorrected error is too small; for tasks of equal size this is exactly
    the t test of the mean differences of the tasks. Falls back to `paired_over_instances` (with a
    reason) for one task, or if there is no variance between tasks.

    Args:
        values: differences of scores, one per shared instance.
        tasks: the task of each instance, as integers from 0.
        confidence: level of the interval.
    """
    if not len(values):
        return undefined("no shared instance")
    present, codes = np.unique(tasks, return_inverse=True)
    n_tasks = len(present)
    sums = cluster_sums(values, codes)
    se = math.sqrt(float((sums**2).sum())) / len(values)
    if n_tasks < 2 or se < 1e-12:
        why = "one task only" if n_tasks < 2 else "no spread between tasks"
        return replace(
            paired_over_instances(values, confidence=confidence),
            reason=f"{why}: the interval holds for new instances of the same tasks, not for other"
            " tasks",
        )
    corrected = se * math.sqrt(n_tasks / (n_tasks - 1))
    return t_difference(
        float(values.mean()),
        corrected,
        n_tasks - 1,
        unit=OVER_TASKS,
        test="paired t, clustered by task",
        confidence=confidence,
    )


def paired_over_instances(values: Floats, *, confidence: float = 0.95) -> Difference:
    """Mean of paired differences for fixed tasks: McNemar's test with the adjusted Wald interval of
    Bonett and Price (2012).

    The interval adds one to both discordant counts and two to n, so its width is positive even
    without discordant pairs. If answers were averaged over epochs and differences are not only -1,
    0 and 1, the test is a paired t test.
    """
    n = len(values)
    if not n:
        return undefined("no shared instance")
    difference, se = float(values.mean()), clt_se(values)
    if not np.isin(values, (-1.0, 0.0, 1.0)).all():
        if not se > 0:
            return undefined("all differences are equal")
        return t_difference(
            difference,
            se,
            n - 1,
            unit=OVER_INSTANCES,
            test="paired t over instances",
            confidence=confidence,
        )
    up, down = int((values > 0).sum()), int((values < 0).sum())
    share_up, share_down = (up + 1) / (n + 2), (down + 1) / (n + 2)
    middle = share_up - share_down
    half = float(special.ndtri(0.5 + confidence / 2)) * math.sqrt(
        (share_up + share_down - middle**2) / (n + 2)
    )
    test = mcnemar(up, down)
    return Difference(
        difference=difference,
        se=se,
        df=math.inf,
        lo=max(-1.0, min(difference, middle - half)),
        hi=min(1.0, max(difference, middle + half)),
        p=test.p,
        unit=OVER_INSTANCES,
        test="McNemar, exact" if test.kind == "exact" else "McNemar, chi2",
    )


def unpaired_over_tasks(
    a: Floats,
    a_tasks: NDArray[np.int64],
    b: Floats,
    b_tasks: NDArray[np.int64],
    *,
    confidence: float = 0.95,
) -> Difference:
    """Difference of two means over different instances of (partly) the same tasks: Welch's
    difference, clustered by task.

    The deviations of both models are summed within each task, so a task that is hard for both does
    not count twice as noise. Falls back to `unpaired_over_instances` for fewer than two tasks.
    """
    if not len(a) or not len(b):
        return undefined("one of the models has no answer")
    tasks = np.union1d(a_tasks, b_tasks)
    sums = np.zeros(len(tasks))
    np.add.at(sums, np.searchsorted(tasks, a_tasks), (a - a.mean()) / len(a))
    np.subtract.at(sums, np.searchsorted(tasks, b_tasks), (b - b.mean()) / len(b))
    se = math.sqrt(float((sums**2).sum()))
    if len(tasks) < 2 or se < 1e-12:
        why = "one task only" if len(tasks) < 2 else "no spread between tasks"
        return replace(
            unpaired_over_instances(a, b, confidence=confidence),
            reason=f"{why}: the interval is over instances",
        )
    corrected = se * math.sqrt(len(tasks) / (len(tasks) - 1))
    difference = float(a.mean() - b.mean())
    return t_difference(
        difference,
        corrected,
        len(tasks) - 1,
        unit=OVER_TASKS,
        test="unpaired: Welch's difference, clustered by task",
        confidence=confidence,
    )


def unpaired_over_instances(a: Floats, b: Floats, *, confidence: float = 0.95) -> Difference:
    """Difference of two means over different instances: Newcombe's interval for shares, Welch's t
    for averages over epochs.
    """
    if not len(a) or not len(b):
        return undefined("one of the models has no answer")
    if np.isin(a, (0.0, 1.0)).all() and np.isin(b, (0.0, 1.0)).all():
        return newcombe(float(a.sum()), len(a), float(b.sum()), len(b), confidence=confidence)
    errors = clt_se(a), clt_se(b)
    se = math.hypot(*errors)
    if not se > 0:
        return undefined("no spread between instances")
    df = se**4 / sum(
        error**4 / (len(values) - 1)
        for error, values in zip(errors, (a, b), strict=True)
        if error > 0
    )
    return t_difference(
        float(a.mean() - b.mean()),
        se,
        df,
        unit=OVER_INSTANCES,
        test="unpaired: Welch's t over instances",
        confidence=confidence,
    )


def newcombe(
    right_a: float, n_a: float, right_b: float, n_b: float, *, confidence: float = 0.95
) -> Difference:
    """Difference of two independent shares: Newcombe's hybrid score interval and the score test.

    Args:
        right_a, right_b: right answers, 0..n; may be fractional (a published mean times its number
            of answers).
        n_a, n_b: answers.
        confidence: level of the interval.
    """
    if not (n_a > 0 and n_b > 0):
        return undefined("no test possible: the number of answers is not known")
    share_a, share_b = right_a / n_a, right_b / n_b
    lo, hi = confint_proportions_2indep(
        right_a, n_a, right_b, n_b, method="newcomb", compare="diff", alpha=1 - confidence
    )
    se = math.sqrt(share_a * (1 - share_a) / n_a + share_b * (1 - share_b) / n_b)
    pooled = (right_a + right_b) / (n_a + n_b)
    p = 1.0
    if 0 < pooled < 1:
        p = float(
            test_proportions_2indep(
                right_a, n_a, right_b, n_b, method="score", compare="diff", correction=False
            ).pvalue
        )
    difference = share_a - share_b
    return Difference(
        difference=difference,
        se=se,
        df=math.inf,
        lo=max(-1.0, min(difference, float(lo))),
        hi=min(1.0, max(difference, float(hi))),
        p=p,
        unit=OVER_INSTANCES,
        test="unpaired: Newcombe's difference of proportions",
    )


# -- bootstrap -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """Standard error and BCa interval of a paired bootstrap; NaN without data to resample."""

    se: float
    lo: float
    hi: float
    resamples: int
    unit: str


def paired_bootstrap(
    values: Floats,
    tasks: NDArray[np.int64] | None,
    *,
    resamples: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Bootstrap:
    """Resample whole tasks (or instances, if `tasks` is None or has one task) of paired
    differences; BCa interval.

    Only the number of times a task is drawn matters, so a resample is one multinomial draw of
    counts. For instances the same holds for the few distinct values of their differences. Tasks may
    differ in their numbers of instances, so the mean of a resample is a ratio. 0 resamples give
    NaN.

    Source: METHODS D2 (at least 10,000 resamples, BCa); agrees with
    `scipy.stats.bootstrap(method="BCa")`.
    """
    n = len(values)
    if n < 2 or not resamples:
        return Bootstrap(se=math.nan, lo=math.nan, hi=math.nan, resamples=resamples, unit="")
    present, codes = (
        np.unique(tasks, return_inverse=True)
        if tasks is not None
        else (np.zeros(1), np.zeros(n, dtype=np.int64))
    )
    if len(present) > 1:
        unit, sizes = OVER_TASKS, np.bincount(codes).astype(float)
        sums, weights = np.bincount(codes, weights=values), np.ones(len(present))
    else:  # instances with equal differences are drawn together
        unit = OVER_INSTANCES
        sums, weights = (part.astype(float) for part in np.unique(values, return_counts=True))
        sizes = np.ones(len(sums))
    n_units = round(weights.sum())
    drawn = _draws(n_units, tuple(weights), resamples, seed)
    means = (drawn @ sums) / (drawn @ sizes)
    total, size = float(weights @ sums), float(weights @ sizes)
    left_out = (total - sums) / np.where(size - sizes > 0, size - sizes, np.nan)
    lo, hi = _bca(means, total / size, left_out, weights, confidence)
    return Bootstrap(se=float(means.std(ddof=1)), lo=lo, hi=hi, resamples=resamples, unit=unit)


@lru_cache(maxsize=8)
def _draws(n_units: int, weights: tuple[float, ...], resamples: int, seed: int) -> Floats:
    """How often each unit is drawn, resamples x units. Groups with the same number of tasks share
    their draws.
    """
    shares = np.array(weights) / sum(weights)
    return np.random.default_rng(seed).multinomial(n_units, shares, size=resamples).astype(float)


def _bca(
    means: Floats, estimate: float, left_out: Floats, weights: Floats, confidence: float
) -> tuple[float, float]:
    """Bounds of the bias-corrected and accelerated interval; plain percentiles if the correction is
    undefined (no variance).
    """
    below = ((means < estimate).sum() + 0.5 * (means == estimate).sum()) / len(means)
    deviations = np.average(left_out, weights=weights) - left_out
    spread = float(weights @ deviations**2)
    z = special.ndtri([(1 - confidence) / 2, (1 + confidence) / 2])
    shares = special.ndtr(z)
    if 0 < below < 1 and spread > 1e-30:
        bias = float(special.ndtri(below))
        acceleration = float(weights @ deviations**3) / (6 * spread**1.5)
        shares = special.ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))
    lo, hi = np.quantile(means, shares)
    return float(lo), float(hi)
