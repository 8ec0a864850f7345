"""How much do tasks differ beyond chance? Paule and Mandel's between-task variance for one or many
sets of tasks at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats

_MOST_STEPS = 100


def between_task_variance(effect: ArrayLike, variance: ArrayLike, design: ArrayLike) -> Floats:
    """Find tau2 such that the weighted sum of squared residuals of a regression equals its degrees
    of freedom; 0 if the sum is already smaller at tau2 = 0.

    Weights 1 / (v + tau2). The sum decreases with tau2 and is convex, so Newton steps from 0
    approach the root from below. All rows are solved at once.

    Args:
        effect, variance: shape (..., tasks), without NaN.
        design: shape (tasks, columns), of full rank.

    Returns:
        tau2, shape (...); 0 where no degree of freedom is left.

    Source: Paule and Mandel 1982; DerSimonian and Kacker 2007 for regressions.
    """
    y, v, columns = (np.asarray(values, dtype=float) for values in (effect, variance, design))
    df = columns.shape[0] - columns.shape[1]
    tau2 = np.zeros(y.shape[:-1])
    if df < 1:
        return tau2
    for _ in range(_MOST_STEPS):
        excess, fall = _excess(y, v, columns, tau2)
        step = np.divide(
            np.maximum(excess - df, 0.0), fall, out=np.zeros_like(tau2), where=fall > 0
        )
        tau2 = tau2 + step
        if (step <= 1e-15 + 1e-13 * tau2).all():
            break
    return tau2


def weighted_line(effect: Floats, weights: Floats, design: Floats) -> tuple[Floats, Floats]:
    """Coefficients (..., columns) of a weighted regression and their covariance (..., columns,
    columns) where weights are precisions.
    """
    information = np.einsum("...t,ti,tj->...ij", weights, design, design)
    covariance = np.linalg.inv(information)
    coef = np.einsum(
        "...ij,...j->...i", covariance, np.einsum("...t,ti->...i", weights * effect, design)
    )
    return coef, covariance


def _excess(y: Floats, v: Floats, design: Floats, tau2: Floats) -> tuple[Floats, Floats]:
    """Weighted sum of squared residuals at tau2, and its negative derivative.

    The coefficients minimise the sum, so only the weights contribute to the derivative.
    """
    weights = 1 / (v + tau2[..., None])
    coef, _ = weighted_line(y, weights, design)
    squares = weights * (y - coef @ design.T) ** 2
    excess: Floats = squares.sum(axis=-1)
    fall: Floats = (weights * squares).sum(axis=-1)
    return excess, fall
