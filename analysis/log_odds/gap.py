"""Is OOD harder than ID at all? Log-odds gaps of tasks and their random-effects mean.

Near accuracies of 0 and 1 the probability gap is always small; the log-odds gap is not. A constant
log-odds gap therefore produces a hump in the probability gap (see docs). The unit is the task:
answers to one task are not independent, so intervals from pooled counts would be far too narrow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from analysis.arrays import Floats, complete
from analysis.text import counted

EXACT_UP_TO = 20
"""Up to this many tasks all sign flips are enumerated (2^20 patterns, 8 MB); above, they are drawn
at random.
"""
DRAWN_FLIPS = 99_999
EQUAL = 1e-12


def empirical_logit(n_correct: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """log((y + 0.5) / (n - y + 0.5)) and its variance 1/(y + 0.5) + 1/(n - y + 0.5), elementwise;
    NaN where n is 0 or undefined.

    >>> [round(float(x), 4) for x in empirical_logit(3, 10)]
    [-0.7621, 0.419]
    """
    y, total = np.asarray(n_correct, dtype=float), np.asarray(n, dtype=float)
    total = np.where(total > 0, total, np.nan)
    right, wrong = y + 0.5, total - y + 0.5
    return np.log(right / wrong), 1 / right + 1 / wrong


def log_odds_gap(
    k_id: ArrayLike, n_id: ArrayLike, k_ood: ArrayLike, n_ood: ArrayLike
) -> tuple[Floats, Floats]:
    """Empirical logit of ID minus that of OOD, elementwise, and its variance.

    The variance is the sum of both variances, because the splits have different items. A positive
    gap means that OOD is harder. NaN where a split has no answers.
    """
    logit_id, var_id = empirical_logit(k_id, n_id)
    logit_ood, var_ood = empirical_logit(k_ood, n_ood)
    return logit_id - logit_ood, var_id + var_ood


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOddsGap:
    """The mean log-odds gap of a model over its tasks.

    delta, lo, hi, se  random-effects mean (Paule-Mandel), its t interval with n_tasks - 1 degrees
                       of freedom, and its standard error; NaN when undefined.
    p                  two-sided p of delta = 0, from the same t distribution.
    prediction_lo, prediction_hi  prediction interval for the log-odds gap of a further task,
                       n_tasks - 2 degrees of freedom; NaN with fewer than three tasks.
    tau2               variance of the true gap between tasks (logits squared).
    i2                 share of the variance between tasks that is not due to chance, 0-1.
    q                  Cochran's Q.
    fixed_delta, fixed_se  fixed-effect mean: valid only if every task has the same gap.
    wilcoxon_p, t_p    p of the signed-rank and the t test of the unweighted log-odds gaps.
    sign_flip_p        two-sided p of the sign-flip test of the probability gaps; exact up to 20
                       tasks. Assumes only that gaps are symmetric about 0 if there is no effect.
    reason             None, or why there is no estimate.
    """

    delta: float
    lo: float
    hi: float
    se: float
    p: float
    prediction_lo: float
    prediction_hi: float
    tau2: float
    i2: float
    q: float
    fixed_delta: float
    fixed_se: float
    wilcoxon_p: float
    t_p: float
    sign_flip_p: float
    n_tasks: int
    confidence: float
    reason: str | None

    @property
    def direction(self) -> int:
        """1 if OOD is harder over all tasks, -1 if it is easier, 0 if that is not settled.

        Settled means that the interval excludes 0 and the sign-flip test agrees
        (p < 1 - confidence). The t interval has 7-8 % false positives in simulations instead of 5 %
        (docs/calibration.md); the sign-flip test keeps the 5 %. With too few tasks for any pattern
        of signs to reach this p, the interval alone decides.
        """
        alpha = 1 - self.confidence
        agrees = self.sign_flip_p < alpha or 2.0 ** (1 - self.n_tasks) >= alpha
        return int(agrees and self.lo > 0) - int(agrees and self.hi < 0)


def combine_tasks(
    d: ArrayLike, variance: ArrayLike, gaps: ArrayLike, *, confidence: float = 0.95
) -> LogOddsGap:
    """Combine the log-odds gaps of tasks into a mean whose interval allows tasks to differ.

    delta = sum(w d) / sum(w), w = 1 / (v + tau2), tau2 such that sum(w (d - delta)^2) = T - 1 (0 if
    the sum is already smaller at tau2 = 0).

    Args:
        d, variance: log-odds gap of each task and its sampling variance; undefined tasks (NaN) are
            left out.
        gaps: signed probability gaps of the same tasks, for the sign-flip test.
        confidence: level of the interval.

    Returns:
        a LogOddsGap; NaN with a reason for fewer than two tasks.

    Coverage in simulations (17 tasks, 256 + 256 answers, task sd .9, split sd 0 to .4 logit):
    91-98 % at nominal 95 %. Source: Paule and Mandel 1982; statsmodels
    `combine_effects(method_re="iterated", use_t=True)`.
    """
    effect, var, gap = complete(d, variance, gaps)
    n_tasks = len(effect)
    if n_tasks < 2:
        return _undefined(n_tasks, confidence)
    # statsmodels divides by Q, which is 0 if all tasks agree exactly.
    with np.errstate(divide="ignore", invalid="ignore"):
        fit = combine_effects(effect, var, method_re="iterated", use_t=True, atol=1e-9, maxiter=500)
    half = float(stats.t.isf((1 - confidence) / 2, n_tasks - 1)) * float(fit.sd_eff_w_re)
    delta, se = float(fit.mean_effect_re), float(fit.sd_eff_w_re)
    spread = (
        float(stats.t.isf((1 - confidence) / 2, n_tasks - 2)) * math.sqrt(float(fit.tau2) + se**2)
        if n_tasks > 2
        else math.nan
    )
    return LogOddsGap(
        delta=delta,
        prediction_lo=delta - spread,
        prediction_hi=delta + spread,
        lo=delta - half,
        hi=delta + half,
        se=se,
        p=float(2 * stats.t.sf(abs(delta / se), n_tasks - 1)),
        tau2=float(fit.tau2),
        i2=max(0.0, float(fit.i2)) if fit.q > 0 else 0.0,
        q=float(fit.q),
        fixed_delta=float(fit.mean_effect_fe),
        fixed_se=float(fit.sd_eff_w_fe),
        wilcoxon_p=wilcoxon_p(effect),
        t_p=_t_p(effect),
        sign_flip_p=sign_flip_p(gap),
        n_tasks=n_tasks,
        confidence=confidence,
        reason=None,
    )


def _undefined(n_tasks: int, confidence: float) -> LogOddsGap:
    others = {"n_tasks", "confidence", "reason"}
    return LogOddsGap(
        **{f.name: math.nan for f in fields(LogOddsGap) if f.name not in others},
        n_tasks=n_tasks,
        confidence=confidence,
        reason=(
            f"{counted(n_tasks, 'task')} with both ID and OOD answers; a mean over tasks needs at"
            " least 2"
        ),
    )


def _t_p(values: Floats) -> float:
    spread = float(values.std(ddof=1))
    if spread <= EQUAL:
        return 1.0 if abs(float(values.mean())) <= EQUAL else 0.0
    return float(stats.ttest_1samp(values, 0.0).pvalue)


def wilcoxon_p(values: ArrayLike) -> float:
    """Two-sided p of the signed-rank test of symmetry about 0; 1 if all values are 0."""
    x = np.asarray(values, dtype=float)
    x = np.where(np.abs(x) <= EQUAL, 0.0, x)
    return float(stats.wilcoxon(x).pvalue) if x.any() else 1.0


def sign_flip_p(values: ArrayLike, *, seed: int = 0) -> float:
    """Two-sided p of the mean under random sign flips: share of sign patterns whose mean is at
    least as far from 0 as the observed one.

    All 2^T patterns up to 20 values; above, 99,999 random patterns and the observed one. NaN
    without values.

    >>> sign_flip_p([0.1, 0.2, 0.3])
    0.25
    """
    x = np.asarray(values, dtype=float)
    if not len(x):
        return math.nan
    observed = abs(float(x.sum())) - EQUAL
    if len(x) > EXACT_UP_TO:
        signs = np.random.default_rng(seed).integers(
            0, 2, size=(DRAWN_FLIPS, len(x)), dtype=np.int8
        )
        sums = 2.0 * (signs @ x) - x.sum()
        return float((1 + np.count_nonzero(np.abs(sums) >= observed)) / (DRAWN_FLIPS + 1))
    sums = np.array([x[0]])  # the first sign is fixed: flipping all signs changes no two-sided p
    for value in x[1:]:
        sums = np.concatenate([sums + value, sums - value])
    return float(np.mean(np.abs(sums) >= observed))
