"""Does the critical level rise with model size? Regressions for a level that is ordinal and
censored at both ends.

The lowest level means "here or below", the highest "here or above". Size is confounded with family
and generation, so the test within families comes first. Models whose size is not published are left
out; sizes are never guessed.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats
from scipy.special import ndtr
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.regression.linear_model import OLS

from analysis.arrays import Floats

FIRST_GUESS = (2.0, 1.0, 0.0)
"""Start values of intercept, slope and log sigma. They determine the result if the optimum is not
unique.
"""
SEPARATED = 1e-6
"""Below this negative log-likelihood, size alone predicts the level of every model."""
STEEPEST = 1e3
"""Above this ordinal slope the levels are separated: the likelihood increases towards an infinite
slope.
"""
SMALLEST_CHANCE = 1e-300
NOTHING_KNOWN = "fewer than three models have a size and a critical level"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalFit:
    """Level = b0 + b1 x + normal error with standard deviation sigma. Each level is an interval;
    the lowest and the highest are open.

    b1            slope in levels per unit of x (per tenfold size for x = log10 parameters).
    lo, hi        Wald interval of b1.
    lr, lr_p      likelihood-ratio test of b1 = 0.
    n_lowest, n_highest  censored models.
    is_separated  a line passes through the intervals of all models: sigma tends to 0, and b0 and b1
                  are one of many solutions, without interval and test.
    reason        why there is no interval, or no fit at all (all numbers are then NaN).
    """

    b0: float
    b1: float
    sigma: float
    se_b1: float
    lo: float
    hi: float
    confidence: float
    neg_log_likelihood: float
    lr: float
    lr_p: float
    n: int
    n_lowest: int
    n_highest: int
    is_separated: bool
    reason: str | None


def interval_regression(
    x: ArrayLike,
    level: ArrayLike,
    *,
    lowest: float = 1,
    highest: float = 5,
    confidence: float = 0.95,
) -> IntervalFit:
    """Fit a line to interval-censored levels: level k is (k - 1/2, k + 1/2], the lowest (-inf,
    ...], the highest (..., inf).

    Maximum likelihood by Nelder-Mead, also from the least-squares line, then refined by BFGS. The
    standard error comes from the Hessian by central differences in (b0, b1, log sigma); the
    logarithm keeps sigma above 0.

    Args:
        x: (n,) size, for example log10 of the number of parameters; models with NaN are left out.
        level: (n,) critical levels; models with NaN are left out. Values outside [lowest, highest]
            count as the nearest end.

    Returns:
        an IntervalFit; undefined for fewer than three models, one size, or a single level.
    """
    sizes, levels = _known(x, level)
    n_lowest, n_highest = int((levels <= lowest).sum()), int((levels >= highest).sum())
    counts: dict[str, Any] = {
        "confidence": confidence,
        "n": len(sizes),
        "n_lowest": n_lowest,
        "n_highest": n_highest,
    }
    reason = _why_no_fit(sizes, levels)
    if reason is not None:
        names = ("b0", "b1", "sigma", "se_b1", "lo", "hi", "neg_log_likelihood", "lr", "lr_p")
        return IntervalFit(**_undefined(*names), **counts, is_separated=False, reason=reason)
    lower = np.where(levels <= lowest, -np.inf, levels - 0.5)
    upper = np.where(levels >= highest, np.inf, levels + 0.5)

    def loss(theta: Floats) -> float:
        return -_interval_log_likelihood(
            theta[0] + theta[1] * sizes, math.exp(min(theta[2], 50.0)), lower, upper
        )

    def flat_loss(theta: Floats) -> float:
        return loss(np.array([theta[0], 0.0, theta[1]]))

    theta, value = _minimise(loss, FIRST_GUESS)
    if value > SEPARATED:
        slope, start = np.polyfit(sizes, levels, 1)
        spread = math.log(max(0.1, float(np.std(levels - start - slope * sizes))))
        theta, value = _better((theta, value), _minimise(loss, (start, slope, spread)))
        theta, value = _better((theta, value), _minimise(loss, theta, method="BFGS"))
    estimates: dict[str, Any] = {
        "b0": float(theta[0]),
        "b1": float(theta[1]),
        "sigma": math.exp(theta[2]),
        "neg_log_likelihood": max(0.0, value),
    }
    flat = min(
        _minimise(flat_loss, (float(levels.mean()), math.log(max(0.1, float(levels.std())))))[1],
        _flat_limit(lower, upper),
    )
    lr = 2 * (flat - value)
    if value <= SEPARATED:
        missing = _undefined("se_b1", "lo", "hi", "lr_p")
        reason = (
            "size alone places every model in its level: many lines fit perfectly, so the slope has"
            " no interval"
        )
        return IntervalFit(
            **estimates, **missing, lr=lr, **counts, is_separated=True, reason=reason
        )
    se = _standard_error(loss, theta)
    half = float(stats.norm.isf((1 - confidence) / 2)) * se
    return IntervalFit(
        **estimates,
        se_b1=se,
        lo=estimates["b1"] - half,
        hi=estimates["b1"] + half,
        lr=lr,
        lr_p=float(stats.chi2.sf(max(0.0, lr), 1)),
        **counts,
        is_separated=False,
        reason=(
            None
            if math.isfinite(se)
            else "the likelihood is flat in the slope, so it has no interval"
        ),
    )


def _undefined(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, math.nan)


def _interval_log_likelihood(mean: Floats, sigma: float, lower: Floats, upper: Floats) -> float:
    a, b = (lower - mean) / sigma, (upper - mean) / sigma
    swap = a > 0  # differences of tiny upper tails are accurate if computed in the lower tail
    chance = ndtr(np.where(swap, -a, b)) - ndtr(np.where(swap, -b, a))
    return float(np.log(np.maximum(chance, SMALLEST_CHANCE)).sum())


def _minimise(loss: Any, start: ArrayLike, *, method: str = "Nelder-Mead") -> tuple[Floats, float]:
    options = {"xatol": 1e-8, "fatol": 1e-10, "maxiter": 20_000, "maxfev": 20_000}
    found = optimize.minimize(
        loss,
        np.array(start, dtype=float),
        method=method,
        options=options if method == "Nelder-Mead" else None,
    )
    return np.asarray(found.x, dtype=float), float(found.fun)


def _better(one: tuple[Floats, float], other: tuple[Floats, float]) -> tuple[Floats, float]:
    return other if math.isfinite(other[1]) and other[1] < one[1] - 1e-10 else one


def _flat_limit(lower: Floats, upper: Floats) -> float:
    """Smallest loss of a flat line that no search reaches: if all models are at one end of the
    levels, the likelihood tends to 1.
    """
    return 0.0 if np.isneginf(lower).all() or np.isposinf(upper).all() else math.inf


def _standard_error(loss: Any, theta: Floats) -> float:
    step = 1e-4 * np.maximum(1.0, np.abs(theta))
    shifts = np.diag(step)
    hessian = np.array(
        [
            [
                (
                    loss(theta + a + b)
                    - loss(theta + a - b)
                    - loss(theta - a + b)
                    + loss(theta - a - b)
                )
                / (4 * step[i] * step[j])
                for j, b in enumerate(shifts)
            ]
            for i, a in enumerate(shifts)
        ]
    )
    try:
        variance = float(np.linalg.inv(hessian)[1, 1])
    except np.linalg.LinAlgError:
        return math.nan
    return math.sqrt(variance) if variance > 0 else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdinalFit:
    """Proportional odds: logit P(level > k) = beta x - threshold_k, the same beta for every k.

    beta, lo, hi  slope per unit of x with its Wald interval.
    odds_ratio    exp(beta).
    lr, lr_p      likelihood-ratio test of beta = 0.
    """

    beta: float
    se: float
    lo: float
    hi: float
    confidence: float
    odds_ratio: float
    log_likelihood: float
    lr: float
    lr_p: float
    n: int
    reason: str | None


def ordinal_trend(x: ArrayLike, level: ArrayLike, *, confidence: float = 0.95) -> OrdinalFit:
    """Fit proportional odds (statsmodels OrderedModel, logit, BFGS). Only the order of the levels
    is used, so censoring does not matter.

    Returns:
        an OrdinalFit; all numbers are NaN for fewer than three models, one size or one level, and
        if size separates the levels (the estimate would be infinite).
    """
    sizes, levels = _known(x, level)
    reason = _why_no_fit(sizes, levels)
    if reason is None and _is_separated(sizes, levels):
        reason = "size separates the levels perfectly: the estimate is infinite"
    if reason is not None:
        return _no_ordinal(len(sizes), confidence, reason)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # convergence is checked by the estimates below
        codes = np.unique(levels, return_inverse=True)[1]
        fit = OrderedModel(codes, sizes[:, None], distr="logit").fit(
            method="bfgs", disp=False, maxiter=2000, gtol=1e-8
        )
        beta, se = float(fit.params[0]), float(fit.bse[0])
    if not math.isfinite(beta) or abs(beta) > STEEPEST or not math.isfinite(se):
        return _no_ordinal(len(sizes), confidence, "the fit did not converge")
    per_level = np.unique(levels, return_counts=True)[1]
    lr = 2 * (float(fit.llf) - float((per_level * np.log(per_level / len(levels))).sum()))
    half = float(stats.norm.isf((1 - confidence) / 2)) * se
    return OrdinalFit(
        beta=beta,
        se=se,
        lo=beta - half,
        hi=beta + half,
        confidence=confidence,
        odds_ratio=math.exp(min(beta, 700.0)),
        log_likelihood=float(fit.llf),
        lr=lr,
        lr_p=float(stats.chi2.sf(max(0.0, lr), 1)),
        n=len(sizes),
        reason=None,
    )


def _is_separated(sizes: Floats, levels: Floats) -> bool:
    """Whether levels never fall with size, or never rise: each level starts where the previous one
    ends, or later.
    """
    edges = [
        (sizes[levels == level].min(), sizes[levels == level].max()) for level in np.unique(levels)
    ]
    rising = all(left[1] <= right[0] for left, right in pairwise(edges))
    return rising or all(left[0] >= right[1] for left, right in pairwise(edges))


def _no_ordinal(n: int, confidence: float, reason: str) -> OrdinalFit:
    names = ("beta", "se", "lo", "hi", "odds_ratio", "log_likelihood", "lr", "lr_p")
    return OrdinalFit(**_undefined(*names), confidence=confidence, n=n, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFit:
    """Least squares, for comparison. It treats levels as distances and ignores censoring."""

    slope: float
    se: float
    p: float
    n: int
    reason: str | None


def least_squares_trend(x: ArrayLike, level: ArrayLike) -> LineFit:
    """Ordinary least squares of the level on x; NaN for fewer than three models, one size or one
    level.
    """
    sizes, levels = _known(x, level)
    reason = _why_no_fit(sizes, levels)
    if reason is not None:
        return LineFit(slope=math.nan, se=math.nan, p=math.nan, n=len(sizes), reason=reason)
    fit = OLS(levels, np.column_stack([np.ones(len(sizes)), sizes])).fit()
    return LineFit(
        slope=float(fit.params[1]),
        se=float(fit.bse[1]),
        p=float(fit.pvalues[1]),
        n=len(sizes),
        reason=None,
    )


def _known(x: ArrayLike, level: ArrayLike) -> tuple[Floats, Floats]:
    sizes, levels = np.asarray(x, dtype=float).ravel(), np.asarray(level, dtype=float).ravel()
    if len(sizes) != len(levels):
        raise ValueError(f"sizes and levels must pair up: found {len(sizes)} and {len(levels)}")
    known = np.isfinite(sizes) & np.isfinite(levels)
    return sizes[known], levels[known]


def _why_no_fit(sizes: Floats, levels: Floats) -> str | None:
    if len(sizes) < 3:
        return NOTHING_KNOWN
    if len(np.unique(sizes)) == 1:
        return "all models have the same size"
    return "all models have the same critical level" if len(np.unique(levels)) == 1 else None
