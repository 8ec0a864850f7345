"""Which account of the gap do the tasks support? Likelihoods of M0 to M4 for task-level results.

The unit is the task: its ID and OOD logits share the difficulty u of the task and each has its own
noise v, in addition to its counting error. The likelihood of pooled counts is misleading (METHODS
B2) and is not used here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from analysis.arrays import Floats
from analysis.log_odds.gap import empirical_logit
from analysis.text import counted

CURVES = {
    "M0": "no difference between ID and OOD; accuracy falls along a line in logits",
    "M1": "a constant penalty for OOD; accuracy falls along a line in logits",
    "M2": "a penalty that changes along the axis; both splits fall along lines of their own",
    "M3": "a constant penalty for OOD; every level has its own difficulty",
    "M4": "every level has its own difficulty and its own penalty",
}
"""Each account in words."""
_BOUNDS = (math.log(1e-6), math.log(50.0))
_LOG_2_PI = math.log(2 * math.pi)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFit:
    """One account fitted to the tasks.

    n_params   number of coefficients and the two variances.
    loglik     maximum log-likelihood of the empirical logits.
    aicc, bic  lower is better; n is the number of task x split cells.
    d_aicc, d_bic  difference to the best of the five.
    weight     Akaike weight from aicc; all five sum to 1. NaN if aicc is undefined (too few cells).
    penalty    constant log-odds gap in logits; NaN if the account has none (M0) or more than one
               (M2, M4).
    task_sd, split_sd  standard deviations of u and v in logits.
    """

    name: str
    words: str
    n_params: int
    loglik: float
    aicc: float
    bic: float
    d_aicc: float
    d_bic: float
    weight: float
    penalty: float
    task_sd: float
    split_sd: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CurveComparison:
    """M0 to M4 on the same tasks.

    fits       one per account; empty, with a reason, for too few tasks.
    m3_levels  level logits of M3 (mean of both splits).
    """

    fits: tuple[CurveFit, ...]
    m3_levels: Floats
    n_cells: int
    reason: str | None

    def best(self, by: str = "d_aicc") -> CurveFit | None:
        """The account with the lowest criterion; None if no account has one."""
        known = [fit for fit in self.fits if not math.isnan(getattr(fit, by))]
        return min(known, key=lambda fit: float(getattr(fit, by))) if known else None

    def named(self, name: str) -> CurveFit | None:
        """The fit of the account of this name; None if it was not fitted."""
        return next((fit for fit in self.fits if fit.name == name), None)


def compare_curves(
    level: ArrayLike,
    x: ArrayLike,
    k_id: ArrayLike,
    n_id: ArrayLike,
    k_ood: ArrayLike,
    n_ood: ArrayLike,
    *,
    names: Sequence[str] = tuple(CURVES),
) -> CurveComparison:
    """Fit M0 to M4 to the empirical logits of the tasks, by maximum likelihood.

    Each task's pair of logits is normal with variances tau2 + nu2 + (sampling variance) and
    covariance tau2. Given the variances, the coefficients follow by generalised least squares; the
    variances are found numerically.

    Args:
        level: level of each task.
        x: position of each task on the axis.
        k_id, n_id, k_ood, n_ood: right answers and answers of each task.
        names: accounts to fit; must include M3.

    Returns:
        a CurveComparison; without fits for fewer than three tasks or fewer than two levels.

    Source: METHODS B1 and B3 step 9. Unlike a binomial likelihood with random effects, this
    likelihood takes the empirical logits as normal: at 256 answers fixed quadrature fails (METHODS
    B2), and the normal likelihood needs no quadrature.
    """
    numbers, axis = np.asarray(level, dtype=int), np.asarray(x, dtype=float)
    logit_id, var_id = empirical_logit(k_id, n_id)
    logit_ood, var_ood = empirical_logit(k_ood, n_ood)
    levels, place = np.unique(numbers, return_inverse=True)
    n_tasks, n_levels = len(numbers), len(levels)
    if n_tasks < 3 or n_levels < 2:
        why = (
            f"{counted(n_tasks, 'task')} at {counted(n_levels, 'level')}; comparing curves needs at"
            " least 3 tasks at 2 levels"
        )
        return CurveComparison(fits=(), m3_levels=np.array([]), n_cells=2 * n_tasks, reason=why)
    y, v = np.stack([logit_id, logit_ood], axis=1), np.stack([var_id, var_ood], axis=1)
    designs = {
        name: design
        for name, design in _designs(axis, np.eye(n_levels)[place]).items()
        if name in names
    }
    found = {name: _fit(y, v, design) for name, design in designs.items()}
    return CurveComparison(
        fits=_rows(found, designs, 2 * n_tasks),
        m3_levels=found["M3"][1][:n_levels],
        n_cells=2 * n_tasks,
        reason=None,
    )


def _designs(axis: Floats, is_level: Floats) -> dict[str, Floats]:
    """Designs of shape (tasks, 2, columns); the split is coded as +-1/2, so its coefficient is ID
    minus OOD.
    """
    one, side = np.ones((len(axis), 2)), np.broadcast_to([0.5, -0.5], (len(axis), 2))
    x, levels = np.repeat(axis[:, None], 2, axis=1), np.repeat(is_level[:, None, :], 2, axis=1)
    line = np.stack([one, x], axis=2)
    return {
        "M0": line,
        "M1": np.concatenate([line, side[..., None]], axis=2),
        "M2": np.concatenate([line, side[..., None], (side * x)[..., None]], axis=2),
        "M3": np.concatenate([levels, side[..., None]], axis=2),
        "M4": np.concatenate([levels, levels * side[..., None]], axis=2),
    }


def _fit(y: Floats, v: Floats, design: Floats) -> tuple[float, Floats, float, float]:
    """Log-likelihood, coefficients, tau2 and nu2 at the maximum."""

    def cost(logs: Floats) -> float:
        return -_likelihood(y, v, design, *np.exp(logs))[0]

    starts = (np.log([0.5, 0.05]), np.log([0.5, 1e-4]))
    tries = [
        minimize(cost, start, method="L-BFGS-B", bounds=[_BOUNDS, _BOUNDS], options={"maxiter": 60})
        for start in starts
    ]
    best = min(tries, key=lambda one: float(one.fun))
    tau2, nu2 = (float(value) for value in np.exp(best.x))
    loglik, coef = _likelihood(y, v, design, tau2, nu2)
    return loglik, coef, tau2, nu2


def _likelihood(
    y: Floats, v: Floats, design: Floats, tau2: float, nu2: float
) -> tuple[float, Floats]:
    first, second = tau2 + nu2 + v[:, 0], tau2 + nu2 + v[:, 1]
    determinant = first * second - tau2**2
    inverse = np.empty((len(y), 2, 2))
    inverse[:, 0, 0], inverse[:, 1, 1] = second / determinant, first / determinant
    inverse[:, 0, 1] = inverse[:, 1, 0] = -tau2 / determinant
    weighted = inverse @ design
    information = np.tensordot(design, weighted, axes=([0, 1], [0, 1]))
    coef = np.linalg.lstsq(
        information, np.tensordot(weighted, y, axes=([0, 1], [0, 1])), rcond=None
    )[0]
    residual = y - design @ coef
    squares = np.einsum("ti,tij,tj->", residual, inverse, residual)
    return float(-0.5 * (squares + np.log(determinant).sum() + y.size * _LOG_2_PI)), np.asarray(
        coef, dtype=float
    )


def _rows(
    found: dict[str, tuple[float, Floats, float, float]], designs: dict[str, Floats], n: int
) -> tuple[CurveFit, ...]:
    aicc, bic = {}, {}
    for name, (loglik, _, _, _) in found.items():
        k = designs[name].shape[2] + 2
        aicc[name] = (
            -2 * loglik + 2 * k + 2 * k * (k + 1) / (n - k - 1) if n - k - 1 > 0 else math.nan
        )
        bic[name] = -2 * loglik + k * math.log(n)
    lowest = min((value for value in aicc.values() if not math.isnan(value)), default=math.nan)
    parts = {
        name: math.exp(-(value - lowest) / 2)
        for name, value in aicc.items()
        if not math.isnan(value)
    }
    return tuple(
        CurveFit(
            name=name,
            words=CURVES[name],
            n_params=designs[name].shape[2] + 2,
            loglik=loglik,
            aicc=aicc[name],
            bic=bic[name],
            d_aicc=aicc[name] - lowest,
            d_bic=bic[name] - min(bic.values()),
            weight=parts[name] / sum(parts.values()) if name in parts else math.nan,
            penalty=float(coef[-1]) if name in ("M1", "M3") else math.nan,
            task_sd=math.sqrt(tau2),
            split_sd=math.sqrt(nu2),
        )
        for name, (loglik, coef, tau2, nu2) in found.items()
    )
