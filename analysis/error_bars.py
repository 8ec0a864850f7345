"""How sure is a mean of answers, or a difference of two? Standard errors, power and resampling of
evaluations (METHODS D2).

Scores are 0-1, one per instance (answers to one instance are averaged first). Clusters are tasks:
answers to instances of one task hang together, so the unit that counts is the task as soon as a
result is to hold for more than the tasks at hand.

Source: Miller, "Adding error bars to evals", arXiv 2411.00640.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from analysis.arrays import Floats
from data.records import NotEnoughDataError

ALPHA, POWER = 0.05, 0.8
"""Two-sided level and power that a minimal detectable difference is stated for."""


def clt_se(scores: ArrayLike) -> float:
    """Standard error of a mean of independent scores: sqrt(sum (s - mean)^2 / ((n - 1) n)). NaN for
    n < 2 or an undefined score.

    >>> round(clt_se([1, 0, 1, 1]), 4)
    0.25
    """
    values = np.asarray(scores, dtype=float).ravel()
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def bernoulli_se(p: ArrayLike, n: ArrayLike) -> Floats:
    """Standard error of a share of n answers: sqrt(p (1 - p) / n). NaN outside 0 <= p <= 1 and for
    n <= 0.
    """
    share, total = np.broadcast_arrays(np.asarray(p, dtype=float), np.asarray(n, dtype=float))
    defined = (share >= 0) & (share <= 1) & (total > 0)
    return np.where(
        defined,
        np.sqrt(np.where(defined, share * (1 - share), 0.0) / np.where(defined, total, 1.0)),
        np.nan,
    )


def cluster_sums(scores: ArrayLike, clusters: Sequence[object] | NDArray[np.int64]) -> Floats:
    """Sums of the deviations from the mean, one per cluster.

    Raises:
        NotEnoughDataError: not one cluster per score.
    """
    values = np.asarray(scores, dtype=float).ravel()
    if len(values) != len(clusters):
        raise NotEnoughDataError(
            f"{len(values)} scores came with {len(clusters)} cluster labels; each score needs the"
            " label of its cluster."
        )
    codes: dict[object, int] = {}
    if isinstance(clusters, np.ndarray):
        places = np.unique(clusters, return_inverse=True)[1]
    else:
        places = np.array(
            [codes.setdefault(label, len(codes)) for label in clusters], dtype=np.int64
        )
    deviations = values - (values.mean() if len(values) else math.nan)
    return np.bincount(places, weights=deviations).astype(float)


def clustered_se(scores: ArrayLike, clusters: Sequence[object] | NDArray[np.int64]) -> float:
    """Miller's equation 4: SE_CLT^2 + (1/n^2) sum over clusters of sum_{i != j} (s_i - mean)(s_j -
    mean). NaN for n < 2.
    """
    values = np.asarray(scores, dtype=float).ravel()
    sums = cluster_sums(values, clusters)
    if len(values) < 2:
        return math.nan
    squares = float(((values - values.mean()) ** 2).sum())
    return math.sqrt(
        max(0.0, clt_se(values) ** 2 + (float((sums**2).sum()) - squares) / len(values) ** 2)
    )


def sandwich_se(scores: ArrayLike, clusters: Sequence[object] | NDArray[np.int64]) -> float:
    """The cluster-robust standard error without small-sample correction: (1/n) sqrt(sum over
    clusters of (sum of deviations)^2).

    The limit of the cluster bootstrap when clusters are equally large; `clustered_se` differs by n
    / (n - 1) in the diagonal part. Of differences of paired scores it is the paired clustered
    standard error. NaN without a score.
    """
    sums = cluster_sums(scores, clusters)
    n = np.size(np.asarray(scores))
    return math.sqrt(float((sums**2).sum())) / n if n else math.nan


def unpaired_variance(var_a: float, var_b: float) -> float:
    """Variance of a difference of two independent means."""
    return var_a + var_b


def paired_variance(var_a: float, var_b: float, corr: float) -> float:
    """Variance of a difference of two means over the same instances, whose scores correlate by
    `corr`.

    Miller's section 4.2 says that a correlation of 1/2 takes 1/6 to 1/9; the formula gives 1/12.
    NaN for a correlation outside [-1, 1] or a negative variance.
    """
    if not (-1 <= corr <= 1 and var_a >= 0 and var_b >= 0):
        return math.nan
    return max(0.0, var_a + var_b - 2 * corr * math.sqrt(var_a * var_b))


def relative_variance(
    k: ArrayLike, *, var_difficulty: float = 1 / 12, mean_noise: float = 1 / 6
) -> Floats:
    """Variance of a mean with K answers per instance, relative to one answer: (Var x + E sigma^2 /
    K) / (Var x + E sigma^2).

    Args:
        k: answers per instance, > 0; NaN elsewhere.
        var_difficulty: variance of the instances' own expected scores x; default: uniform on 0-1,
            which gives (1 + 2/K) / 3.
        mean_noise: mean variance of one answer around x.
    """
    answers = np.asarray(k, dtype=float)
    defined = (answers > 0) & (var_difficulty + mean_noise > 0)
    return np.where(
        defined,
        (var_difficulty + mean_noise / np.where(defined, answers, 1.0))
        / (var_difficulty + mean_noise or 1.0),
        np.nan,
    )


def instances_needed(
    delta: float, variance: float, *, alpha: float = ALPHA, power: float = POWER
) -> float:
    """Instances that show a paired difference `delta`: (z_{alpha/2} + z_beta)^2 variance / delta^2,
    not rounded.

    `variance` is that of one instance's difference: omega^2 + sigma_A^2 / K_A + sigma_B^2 / K_B.
    NaN for delta = 0.
    """
    return (
        float(normal_quantiles(alpha, power) ** 2 * variance / delta**2)
        if delta and variance >= 0
        else math.nan
    )


def detectable_difference(
    n: float, variance: float, *, alpha: float = ALPHA, power: float = POWER
) -> float:
    """Smallest difference that n instances show with the given power: the inverse of
    `instances_needed`. NaN for n <= 0.

    Published (section 5): n = 198, sigma^2 = 1/6, K 1 -> 10 lowers it from 13.2 % to 7.5 %; the
    formula gives 13.27 and 7.57.
    """
    return (
        float(normal_quantiles(alpha, power) * math.sqrt(variance / n))
        if n > 0 and variance >= 0
        else math.nan
    )


def detectable_from_se(
    se: ArrayLike, df: ArrayLike = math.inf, *, alpha: float = ALPHA, power: float = POWER
) -> Floats:
    """Smallest difference that a test with this standard error and these degrees of freedom finds
    with the given power.

    (t_{1 - alpha/2} + t_power) SE; the quantiles are those of the normal for df = infinity.
    """
    degrees = np.asarray(df, dtype=float)
    return np.asarray(
        (special.stdtrit(degrees, 1 - alpha / 2) + special.stdtrit(degrees, power))
        * np.asarray(se, dtype=float)
    )


def normal_quantiles(alpha: float, power: float) -> float:
    """z_{alpha/2} + z_beta of a two-sided test."""
    return float(special.ndtri(1 - alpha / 2) + special.ndtri(power))
