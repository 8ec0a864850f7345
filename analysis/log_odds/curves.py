"""Logistic accuracy curves over levels, in closed form and fitted to level counts.

M0: equal ID and OOD curves.
M1: one slope and two thresholds. The log-odds gap is constant, but the probability gap has a hump.
M2: two slopes.

A fit to pooled counts treats answers as independent. It describes a curve, but is no basis for
intervals or tests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.stats.contingency_tables import StratifiedTable

from analysis.arrays import Floats
from analysis.log_odds.batched_fit import fit_many
from data.records import NotEnoughDataError

FLAT = 1e-9
"""Smaller slopes, in logits per level, are rounding errors: a flat curve has no position where half
the answers are right.
"""


def common_slope_gap(
    x: ArrayLike, *, a: float, b_id: float, b_ood: float, guess: float = 0.0, slip: float = 0.0
) -> Floats:
    """Gap of M1: (1 - guess - slip) [sigma(-a (x - b_id)) - sigma(-a (x - b_ood))], elementwise.

    If guess (the floor) and slip (1 - the ceiling) are 0, the log-odds gap a (b_id - b_ood) is
    constant.
    """
    axis = np.asarray(x, dtype=float)
    return np.asarray(
        (1 - guess - slip)
        * (special.expit(-a * (axis - b_id)) - special.expit(-a * (axis - b_ood)))
    )


def common_slope_peak(
    *, a: float, b_id: float, b_ood: float, guess: float = 0.0, slip: float = 0.0
) -> tuple[float, float]:
    """Position and height of the largest gap of M1: x* = (b_id + b_ood) / 2, height
    (1 - guess - slip) tanh(a (b_id - b_ood) / 4).

    >>> [round(number, 6) for number in common_slope_peak(a=1.0, b_id=2.7, b_ood=2.3)]
    [2.5, 0.099668]
    """
    return (b_id + b_ood) / 2, (1 - guess - slip) * math.tanh(a * (b_id - b_ood) / 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledCurves:
    """M0, M1 and M2 fitted to level counts, and item-level tests on the same counts (see the module
    docstring).

    slope_a, shift      of M1: decrease in logits per level; log-odds gap.
    centre, centre_se   of M1: position of the largest gap and its delta-method standard error.
    peak_gap            of M1: largest gap.
    m2_peak_x, m2_peak_gap  position and height of the largest gap of M2.
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


def fit_pooled_curves(
    level: ArrayLike,
    k_id: ArrayLike,
    k_ood: ArrayLike,
    n: ArrayLike,
    n_ood: ArrayLike | None = None,
) -> PooledCurves:
    """Fit M0, M1 and M2 to the right answers of both splits at each level.

    Args:
        level: position of each level on the axis.
        k_id, k_ood: right answers. Levels with an undefined (NaN) count or without answers in a
            split are left out.
        n: answers of the ID split.
        n_ood: answers of the OOD split, if they differ from `n`.

    Returns:
        PooledCurves; coefficients and peaks without a finite value (everything right or wrong, a
        single level, a flat curve) are NaN; deviances are always defined.

    Source: binomial GLMs with columns [1, x, 1[ID], x 1[ID]]; fitted by `fit_many`; statsmodels
    `StratifiedTable`.
    """
    shared = n if n_ood is None else n_ood
    columns_of_levels = np.stack(
        np.broadcast_arrays(
            *(np.asarray(values, dtype=float) for values in (level, k_id, k_ood, n, shared))
        )
    )
    known = ~np.isnan(columns_of_levels[:3]).any(axis=0) & (columns_of_levels[3:] > 0).all(axis=0)
    x, right_id, right_ood, n_id, n_out = columns_of_levels[:, known]
    if not len(x):
        raise NotEnoughDataError("No level has answers in both splits. A curve needs at least one.")
    is_id = np.repeat([1.0, 0.0], len(x))
    axis = np.tile(x, 2)
    right, total = np.concatenate([right_id, right_ood]), np.concatenate([n_id, n_out])
    columns = np.column_stack([np.ones(len(axis)), axis, is_id, axis * is_id])
    m0, m1, m2 = (fit_many(columns[:, :width], right, total) for width in (2, 3, 4))
    c0, c1, c2 = (float(c) if m1.is_determined else math.nan for c in m1.coef)
    a = -c1
    is_steep = abs(a) > FLAT
    centre = (c0 + c2 / 2) / a if is_steep else math.nan
    gradient = np.array([1 / a, (c0 + c2 / 2) / a**2, 1 / (2 * a)] if is_steep else [math.nan] * 3)
    peak_x, peak_gap = (
        _separate_slopes_peak(m2.coef, x) if m2.is_determined else (math.nan, math.nan)
    )
    counts = zip(right_id, n_id, right_ood, n_out, strict=True)
    tables = [np.array([[i, t_id - i], [o, t_ood - o]]) for i, t_id, o, t_ood in counts]
    # A level that is all right or all wrong gives 0 / 0, which is undefined.
    with np.errstate(divide="ignore", invalid="ignore"):
        strata = StratifiedTable(tables)
        homogeneous = strata.test_equal_odds(adjust=True)
        corrected, uncorrected = (
            float(strata.test_null_odds(correction=use).statistic) for use in (True, False)
        )
        odds_ratio = float(strata.oddsratio_pooled)
    return PooledCurves(
        m0_deviance=float(m0.deviance),
        m1_deviance=float(m1.deviance),
        m2_deviance=float(m2.deviance),
        slope_a=a,
        shift=c2,
        centre=centre,
        centre_se=(
            _delta_method_se(gradient, columns[:, :3], m1.coef, total) if is_steep else math.nan
        ),
        peak_gap=math.tanh(c2 / 4),
        m2_peak_x=peak_x,
        m2_peak_gap=peak_gap,
        odds_ratio=odds_ratio,
        cmh_corrected=corrected,
        cmh_uncorrected=uncorrected,
        breslow_day_tarone=float(homogeneous.statistic),
        breslow_day_tarone_p=float(homogeneous.pvalue),
    )


def _delta_method_se(gradient: Floats, design: Floats, coef: Floats, total: Floats) -> float:
    """Standard error of a function of the coefficients, from the binomial information."""
    p = special.expit(design @ coef)
    return math.sqrt(
        float(gradient @ np.linalg.inv((design.T * (total * p * (1 - p))) @ design) @ gradient)
    )


def _separate_slopes_peak(c: Floats, x: Floats) -> tuple[float, float]:
    """Largest gap of M2 between the first and the last level: best grid point, then refined."""

    def gap(at: ArrayLike) -> Floats:
        axis = np.asarray(at, dtype=float)
        return np.asarray(
            special.expit(c[0] + c[2] + (c[1] + c[3]) * axis) - special.expit(c[0] + c[1] * axis)
        )

    grid = np.linspace(x.min(), x.max(), 2001)
    best = int(gap(grid).argmax())
    ends = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = optimize.minimize_scalar(
        lambda at: -float(gap(at)), bounds=ends, method="bounded", options={"xatol": 1e-10}
    )
    return float(found.x), float(-found.fun)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DifficultyAxis:
    """Difficulty of the levels in logits, from many models: logit p = alpha_m - beta_l +-
    delta_m / 2, with the first level at 0.

    beta          fitted difficulty of each level.
    alpha, delta  ability and log-odds gap of each model.
    is_rising     beta never falls from one level to the next.
    """

    beta: tuple[float, ...]
    alpha: tuple[float, ...]
    delta: tuple[float, ...]
    deviance: float
    df_resid: int
    is_rising: bool


def fit_difficulty_axis(k_id: ArrayLike, k_ood: ArrayLike, n: ArrayLike) -> DifficultyAxis:
    """Fit one difficulty per level to the level counts of several models (a Rasch model with a
    split shift per model).

    Args:
        k_id, k_ood: right answers, one row per model and one column per level.
        n: answers per split, of each level or of each model and level.

    Source: statsmodels `GLM`, binomial. This is an item-level fit: do not derive intervals from it.
    """
    right = np.stack([np.asarray(k_id, dtype=float), np.asarray(k_ood, dtype=float)])
    n_models, n_levels = right.shape[1:]
    total = np.broadcast_to(np.asarray(n, dtype=float), right.shape)
    split, model, level = (index.ravel() for index in np.indices(right.shape))
    ability = np.eye(n_models)[model]
    design = np.hstack(
        [
            ability,
            -np.eye(n_levels)[level][:, 1:],
            ability * np.where(split == 0, 0.5, -0.5)[:, None],
        ]
    )
    outcome = np.column_stack([right.ravel(), (total - right).ravel()])
    fit = GLM(outcome, design, family=Binomial()).fit(tol=1e-12)
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
