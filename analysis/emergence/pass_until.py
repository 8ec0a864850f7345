"""How does the probability of passing grow with size? Sampling until success, and the task scaling
law with its growth type (METHODS C5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from data.records import NotEnoughDataError

FLAT = 1e-6
"""A quadratic coefficient of this size is a straight line up to rounding."""
KINDS = {
    -1: "concave -> super-scaling (accelerated emergence)",
    0: "linear -> scaling law",
    1: "convex -> sub-scaling",
}
GROWTH = {-1: "super-scaling", 0: "not told apart from the law", 1: "sub-scaling"}
"""Growth types by the sign of the interval of the quadratic coefficient; 0: it includes 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRate:
    """A pass rate from sampling until r successes: mle r/K; unbiased (r-1)/(K-1), NaN below two
    successes; upper bound 3/K without a success.
    """

    mle: float
    unbiased: float
    upper: float
    reason: str | None


def pass_until(n_samples: float, n_successes: float) -> PassRate:
    """Estimate a pass rate from the number of samples K until r successes.

    Args:
        n_samples: K >= 1.
        n_successes: r, 0..K. 0 (the cap was reached first) gives no estimate, only the bound 3/K at
            95 %, and never the number 0.

    Source: arXiv 2310.03262 sec 4.1 and theorem 1; (r-1)/(K-1) is the unbiased negative-binomial
    estimate.

    >>> pass_until(10, 10).mle
    1.0
    """
    k, r = float(n_samples), float(n_successes)
    unknown = PassRate(mle=math.nan, unbiased=math.nan, upper=math.nan, reason=None)
    if not (math.isfinite(k) and math.isfinite(r) and k >= 1 and 0 <= r <= k):
        return replace(unknown, reason=f"{n_successes} successes in {n_samples} samples")
    if r == 0:
        why = "no success before the cap: an upper bound only"
        return replace(unknown, upper=min(1.0, 3 / k), reason=why)
    if r < 2:
        return replace(unknown, mle=r / k, reason="one success: r/K is biased upwards")
    return replace(unknown, mle=r / k, unbiased=(r - 1) / (k - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLaw:
    """The task scaling law PU(N) = exp(-c N^-alpha) and the deviation of the growth from it.

    alpha, c         from the straight line of F = ln(-ln PU) over ln N: slope -alpha, intercept ln
                     c.
    quadratic        coefficient of (ln N)^2; negative: faster than the law. NaN below three sizes.
                     *_lo, *_hi: interval from the resamples.
    kind             growth type from the sign of the coefficient alone.
    verdict          growth type that the interval supports, one of GROWTH; None without an
                     interval.
    n_dropped        sizes left out because PU is 0 or 1 (F is infinite).
    is_monotone      F falls from each size to the next, as the law requires.
    log_n, f         the points used.
    """

    alpha: float
    c: float
    quadratic: float
    quadratic_lo: float
    quadratic_hi: float
    curvature: int | None
    kind: str | None
    verdict: str | None
    n_used: int
    n_dropped: int
    is_monotone: bool | None
    log_n: Floats
    f: Floats

    def at(self, size: ArrayLike) -> Floats:
        """Pass rate that the law predicts at sizes above 0."""
        return np.asarray(np.exp(-self.c * np.asarray(size, dtype=float) ** -self.alpha))


def fit_task_law(
    size: ArrayLike,
    pass_rate: ArrayLike,
    resamples: ArrayLike | None = None,
    *,
    confidence: float = 0.95,
) -> TaskLaw:
    """Fit the task scaling law by least squares on F = ln(-ln PU), and test its growth type.

    Args:
        size: (n,), parameters (or another scale), above 0, any order; ties are allowed.
        pass_rate: (n,), 0-1; 0, 1 and NaN are dropped and counted.
        resamples: (n_resamples, n), pass rates resampled with their noise. A resample in which a
            used size has no right answer is left out, unless the caller replaced the 0 with half an
            answer.
        confidence: level of the interval of the quadratic coefficient.

    Raises:
        NotEnoughDataError: fewer than two sizes with a pass rate inside (0, 1).

    Edge cases: two sizes give the law without a test. With four or five sizes the test rarely
    rejects; use the interval.

    Source: arXiv 2310.03262 sec 4.2, definition 1.
    """
    n, pu = np.asarray(size, dtype=float), np.asarray(pass_rate, dtype=float)
    used = np.isfinite(n) & (n > 0) & (pu > 0) & (pu < 1)
    order = np.flatnonzero(used)[np.argsort(n[used], kind="stable")]
    log_n, f = np.log(n[order]), np.log(-np.log(pu[order]))
    if len(np.unique(log_n)) < 2:
        raise NotEnoughDataError(
            "The task scaling law needs two sizes with a pass rate between 0 and 1; there are"
            f" {len(np.unique(log_n))} ({int((~used).sum())} left out at 0, at 1 or without a"
            " number)."
        )
    slope, intercept = np.polynomial.Polynomial.fit(log_n, f, 1).convert().coef[::-1]
    quadratic = float(_curvature(log_n) @ f) if len(np.unique(log_n)) > 2 else math.nan
    lo, hi = _interval(
        log_n,
        np.asarray(resamples, dtype=float)[:, order] if resamples is not None else None,
        confidence,
    )
    is_bent = abs(quadratic) > FLAT
    curvature = None if math.isnan(quadratic) else is_bent * int(np.sign(quadratic))
    return TaskLaw(
        alpha=float(-slope),
        c=math.exp(intercept) if intercept < 700 else math.inf,
        quadratic=quadratic,
        quadratic_lo=lo,
        quadratic_hi=hi,
        curvature=curvature,
        kind=None if curvature is None else KINDS[curvature],
        verdict=None if math.isnan(lo) else GROWTH[(lo > 0) - (hi < 0)],
        n_used=len(order),
        n_dropped=int((~used).sum()),
        is_monotone=_falls(log_n, f),
        log_n=log_n,
        f=f,
    )


def _curvature(log_n: Floats) -> Floats:
    """Weights w with w @ f = quadratic coefficient of the least-squares parabola, shape (n,)."""
    centred = log_n - log_n.mean()
    return np.asarray(
        np.linalg.pinv(np.column_stack([np.ones_like(centred), centred, centred**2]))[2]
    )


def _interval(log_n: Floats, resamples: Floats | None, confidence: float) -> tuple[float, float]:
    if resamples is None or len(np.unique(log_n)) < 3:
        return math.nan, math.nan
    inside = resamples[((resamples > 0) & (resamples < 1)).all(axis=1)]
    if len(inside) < 100:
        return math.nan, math.nan
    drawn = np.log(-np.log(inside)) @ _curvature(log_n)
    lo, hi = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(lo), float(hi)


def _falls(log_n: Floats, f: Floats) -> bool:
    means = [f[log_n == each].mean() for each in np.unique(log_n)]
    return bool(np.all(np.diff(means) < 0))
