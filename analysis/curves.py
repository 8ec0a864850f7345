"""What does a constant log-odds penalty draw? Logistic accuracy curves over levels, in closed form and fitted to level counts.

M0: equal ID and OOD curves. M1: one slope, two thresholds: the log-odds gap is constant and yet the probability gap has a hump.
M2: two slopes. Fitted to pooled counts they treat answers as independent: descriptions of a curve, no base for intervals or tests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special
from statsmodels.stats.contingency_tables import StratifiedTable

Floats = NDArray[np.float64]


def common_slope_gap(x: ArrayLike, *, a: float, b_id: float, b_ood: float) -> Floats:
    """Gap of M1: sigma(-a (x - b_id)) - sigma(-a (x - b_ood)), elementwise; its log-odds gap a (b_id - b_ood) is constant."""
    axis = np.asarray(x, dtype=float)
    gap: Floats = special.expit(-a * (axis - b_id)) - special.expit(-a * (axis - b_ood))
    return gap


def common_slope_peak(*, a: float, b_id: float, b_ood: float) -> tuple[float, float]:
    """Where the gap of M1 is largest, and how large: x* = (b_id + b_ood) / 2, height tanh(a (b_id - b_ood) / 4).

    >>> [round(number, 6) for number in common_slope_peak(a=1.0, b_id=2.7, b_ood=2.3)]
    [2.5, 0.099668]
    """
    return (b_id + b_ood) / 2, math.tanh(a * (b_id - b_ood) / 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledCurves:
    """M0, M1 and M2 fitted to level counts, and the item-level tests on the same counts. Item level only: see the module docstring.

    slope_a, shift, centre, centre_se, peak_gap  of M1: fall per level, log-odds gap, where its gap is largest (delta-method standard
        error), how large. m2_peak_x, m2_peak_gap  the same place and height under M2.
    odds_ratio, cmh_*, breslow_day_*  Mantel-Haenszel over the levels.
    """

    m0_deviance: float
    m1_deviance: float
    m2_deviance: float
    slope_a: float
    shift: float
    centre: float
    centre_se: float
    peak_gap: float
    m2_peak_x: float
    m2_peak_gap: float
    odds_ratio: float
    cmh_corrected: float
    cmh_uncorrected: float
    breslow_day_tarone: float
    breslow_day_tarone_p: float


def fit_pooled_curves(level: ArrayLike, k_id: ArrayLike, k_ood: ArrayLike, n: ArrayLike) -> PooledCurves:
    """Fit M0, M1 and M2 to the right answers of both splits at each level.

    Args:
        level: position of each level on the axis.
        k_id, k_ood: right answers; n: answers per split, the same in both.

    Source: binomial GLMs with columns [1, x, 1[ID], x 1[ID]]; statsmodels `GLM`, `StratifiedTable`.
    """
    x, right_id, right_ood = (np.asarray(values, dtype=float) for values in (level, k_id, k_ood))
    total = np.broadcast_to(np.asarray(n, dtype=float), x.shape)
    is_id = np.repeat([1.0, 0.0], len(x))
    axis = np.tile(x, 2)
    right, asked = np.concatenate([right_id, right_ood]), np.tile(total, 2)
    outcome = np.column_stack([right, asked - right])
    columns = np.column_stack([np.ones(len(axis)), axis, is_id, axis * is_id])
    m0, m1, m2 = (sm.GLM(outcome, columns[:, :width], family=sm.families.Binomial()).fit(tol=1e-12) for width in (2, 3, 4))
    c0, c1, c2 = (float(c) for c in m1.params)
    a = -c1
    centre = (c0 + c2 / 2) / a
    gradient = np.array([1 / a, (c0 + c2 / 2) / a**2, 1 / (2 * a)])
    peak_x, peak_gap = _separate_slopes_peak(np.asarray(m2.params, dtype=float), x)
    tables = [np.array([[i, t - i], [o, t - o]]) for i, o, t in zip(right_id, right_ood, total, strict=True)]
    strata = StratifiedTable(tables)
    homogeneous = strata.test_equal_odds(adjust=True)
    return PooledCurves(
        m0_deviance=float(m0.deviance),
        m1_deviance=float(m1.deviance),
        m2_deviance=float(m2.deviance),
        slope_a=a,
        shift=c2,
        centre=centre,
        centre_se=math.sqrt(float(gradient @ m1.cov_params() @ gradient)),
        peak_gap=math.tanh(c2 / 4),
        m2_peak_x=peak_x,
        m2_peak_gap=peak_gap,
        odds_ratio=float(strata.oddsratio_pooled),
        cmh_corrected=float(strata.test_null_odds(correction=True).statistic),
        cmh_uncorrected=float(strata.test_null_odds(correction=False).statistic),
        breslow_day_tarone=float(homogeneous.statistic),
        breslow_day_tarone_p=float(homogeneous.pvalue),
    )


def _separate_slopes_peak(c: Floats, x: Floats) -> tuple[float, float]:
    """Largest gap of M2 between the first and the last level: the best of a fine grid, polished."""

    def gap(at: ArrayLike) -> Floats:
        axis = np.asarray(at, dtype=float)
        found: Floats = special.expit(c[0] + c[2] + (c[1] + c[3]) * axis) - special.expit(c[0] + c[1] * axis)
        return found

    grid = np.linspace(x.min(), x.max(), 2001)
    best = int(gap(grid).argmax())
    ends = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = optimize.minimize_scalar(lambda at: -float(gap(at)), bounds=ends, method="bounded", options={"xatol": 1e-10})
    return float(found.x), float(-found.fun)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DifficultyAxis:
    """Difficulty of the levels in logits, from many models: logit p = alpha_m - beta_l +- delta_m / 2, the first level at 0.

    beta      of each level, as fitted. is_rising: it never falls from one level to the next.
    alpha, delta  ability and log-odds gap of each model.
    """

    beta: tuple[float, ...]
    alpha: tuple[float, ...]
    delta: tuple[float, ...]
    deviance: float
    df_resid: int
    is_rising: bool


def fit_difficulty_axis(k_id: ArrayLike, k_ood: ArrayLike, n: ArrayLike) -> DifficultyAxis:
    """Fit one difficulty per level to the level counts of several models (a Rasch model with a split shift per model).

    Args:
        k_id, k_ood: right answers, one row per model and one column per level.
        n: answers per split, of each level or of each model and level.

    Source: statsmodels `GLM`, binomial. Item level: no intervals are taken from it.
    """
    right = np.stack([np.asarray(k_id, dtype=float), np.asarray(k_ood, dtype=float)])
    n_models, n_levels = right.shape[1:]
    asked = np.broadcast_to(np.asarray(n, dtype=float), right.shape)
    split, model, level = (index.ravel() for index in np.indices(right.shape))
    ability = np.eye(n_models)[model]
    design = np.hstack([ability, -np.eye(n_levels)[level][:, 1:], ability * np.where(split == 0, 0.5, -0.5)[:, None]])
    outcome = np.column_stack([right.ravel(), (asked - right).ravel()])
    fit = sm.GLM(outcome, design, family=sm.families.Binomial()).fit(tol=1e-12)
    params = [float(c) for c in fit.params]
    beta = (0.0, *params[n_models : n_models + n_levels - 1])
    return DifficultyAxis(
        beta=beta,
        alpha=tuple(params[:n_models]),
        delta=tuple(params[n_models + n_levels - 1 :]),
        deviance=float(fit.deviance),
        df_resid=int(fit.df_resid),
        is_rising=bool((np.diff(beta) >= 0).all()),
    )
