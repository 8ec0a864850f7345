"""How much do tasks differ beyond chance? Paule and Mandel's between-task variance, for one set of tasks or many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_HALVINGS = 60


def between_task_variance(effect: ArrayLike, variance: ArrayLike, design: ArrayLike) -> Floats:
    """Find tau2 such that the weighted sum of squared residuals of a regression equals its degrees of freedom; 0 if it is less without.

    Weights 1 / (v + tau2). The sum falls with tau2, so halving an interval finds the root, for all rows at once.

    Args:
        effect, variance: shape (..., tasks), without NaN.
        design: shape (tasks, columns), of full rank.

    Returns:
        tau2, shape (...); 0 where no degree of freedom is left.

    Source: Paule and Mandel 1982; DerSimonian and Kacker 2007 for regressions.
    """
    y, v, columns = np.asarray(effect, dtype=float), np.asarray(variance, dtype=float), np.asarray(design, dtype=float)
    df = columns.shape[0] - columns.shape[1]
    low = np.zeros(y.shape[:-1])
    if df < 1:
        return low
    high = np.var(y, axis=-1) + v.max(axis=-1)
    while (too_low := _excess(y, v, columns, high) > df).any():
        high = np.where(too_low, 2 * high, high)
    needed = _excess(y, v, columns, low) > df
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = _excess(y, v, columns, middle) > df
        low, high = np.where(above, middle, low), np.where(above, high, middle)
        if (high - low <= 1e-15 + 1e-13 * high).all():
            break
    found: Floats = np.where(needed, (low + high) / 2, 0.0)
    return found


def weighted_line(effect: Floats, weights: Floats, design: Floats) -> tuple[Floats, Floats]:
    """Coefficients (..., columns) of a weighted regression and their covariance (..., columns, columns) where weights are precisions."""
    information = np.einsum("...t,ti,tj->...ij", weights, design, design)
    covariance = np.linalg.inv(information)
    coef = np.einsum("...ij,...j->...i", covariance, np.einsum("...t,ti->...i", weights * effect, design))
    return coef, covariance


def _excess(y: Floats, v: Floats, design: Floats, tau2: Floats) -> Floats:
    """Weighted sum of squared residuals at a tau2."""
    weights = 1 / (v + tau2[..., None])
    coef, _ = weighted_line(y, weights, design)
    found: Floats = (weights * (y - coef @ design.T) ** 2).sum(axis=-1)
    return found
