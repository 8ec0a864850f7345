"""Fit many small logistic regressions at once, for bootstraps that refit a valley's curves for
every model and every resample.

All fits share one design (the same levels and splits) and differ in their counts. Each Newton step
is therefore a few array operations over all fits. Used for intervals and predictive checks of M0 to
M3; `analysis.log_odds.curves` describes a single fit in full.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Flags, Floats

GRADIENT_TOLERANCE = 1e-9
"""Largest |d loglik / d coefficient| at the optimum, in answers."""
MOST_STEPS = 60
_SINGULAR = 1e-7
_JITTER = 1e-10

CURVES = ("M0", "M1", "M2", "M3")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchedFit:
    """One entry per fit; the leading shape is that of the counts without their last axis.

    coef           maximum-likelihood coefficients, last axis = columns of the design.
    deviance       residual deviance; correct even where coefficients diverge to infinity.
    has_converged  the gradient is 0 to GRADIENT_TOLERANCE.
    is_determined  every coefficient has a finite value. False where a level is all right or all
                   wrong, or has no answers: the coefficients of that level are then large or
                   arbitrary, but the others (for example the shift) are still valid.
    n_steps        Newton steps of the slowest fit.
    """

    coef: Floats
    deviance: Floats
    has_converged: Flags
    is_determined: Flags
    n_steps: int


def curve_design(level: ArrayLike, curve: str) -> Floats:
    """Design matrix of a valley's curve: all ID cells in the order of `level`, then all OOD cells.

    Args:
        level: positions of the levels, shape (L,): level numbers or difficulties.
        curve: "M0" [1, x]; "M1" [1, x, 1[ID]]; "M2" [1, x, 1[ID], x 1[ID]]; "M3" [one column per
            level, +-1/2 for ID/OOD].

    Returns:
        shape (2 L, columns). Under M1 and M3 the last coefficient is the shift: the log-odds gap ID
        minus OOD.
    """
    if curve not in CURVES:
        raise ValueError(f"no curve {curve!r}; one of {', '.join(CURVES)}")
    x = np.asarray(level, dtype=float)
    axis, is_id = np.tile(x, 2), np.repeat([1.0, 0.0], len(x))
    if curve == "M3":
        return np.column_stack([np.tile(np.eye(len(x)), (2, 1)), is_id - 0.5])
    columns = np.column_stack([np.ones(2 * len(x)), axis, is_id, axis * is_id])
    return columns[:, : 2 + CURVES.index(curve)]


def fit_many(design: ArrayLike, n_correct: ArrayLike, n: ArrayLike) -> BatchedFit:
    """Fit binomial logistic regressions of the same design to many sets of counts.

    Newton's method on all fits at once, starting from one weighted least-squares step. A fit whose
    likelihood falls halves its step. Every bootstrap that refits a curve should use this function:
    `fit_many(curve_design(levels, "M3"), draws, n).coef[..., -1]` is the shift of every resample.

    Args:
        design: shape (cells, columns).
        n_correct: right answers, shape (..., cells); not necessarily whole numbers.
        n: answers of each cell, anything that broadcasts to the same shape; cells with 0 or NaN are
            ignored.

    Returns:
        a BatchedFit at item level, like every pooled fit. The unit of an interval is the task: for
        an interval, resample tasks and refit.

    Raises:
        ValueError: shapes do not match, or there are more right answers than answers.
    """
    columns = np.ascontiguousarray(design, dtype=float)
    y, total = np.broadcast_arrays(np.asarray(n_correct, dtype=float), np.asarray(n, dtype=float))
    if columns.ndim != 2 or y.ndim < 1 or y.shape[-1] != columns.shape[0]:
        raise ValueError(
            f"a design of shape {columns.shape} does not fit counts of shape {y.shape}: the last"
            " axis is the cells"
        )
    batch = y.shape[:-1]
    # With cells as the first axis, every operation below is contiguous in memory.
    y, total = (values.reshape(-1, columns.shape[0]).T for values in (y, total))
    used = (total > 0) & ~np.isnan(y)
    y, total = np.where(used, y, 0.0), np.where(used, total, 0.0)
    if (y < 0).any() or (y > total).any():
        raise ValueError("a cell has fewer than 0 right answers or more than it has answers")
    coef, converged, pivot, steps = _newton(columns, y, total)
    deviance = np.maximum(
        0.0, 2 * (_saturated(y, total) - _likelihood(columns @ coef, y, total)[0])
    )
    return BatchedFit(
        coef=coef.T.reshape(*batch, columns.shape[1]),
        deviance=deviance.reshape(batch),
        has_converged=converged.reshape(batch),
        is_determined=(converged & (pivot > _SINGULAR)).reshape(batch),
        n_steps=steps,
    )


def _newton(design: Floats, y: Floats, total: Floats) -> tuple[Floats, Flags, Floats, int]:
    """Coefficients (columns, fits), whether each fit converged, its smallest pivot as a share of
    the largest possible information, and the number of steps.
    """
    right, wrong = y + 0.5, total - y + 0.5
    weights = np.where(total > 0, right * wrong / (right + wrong), 0.0)
    coef, pivot = _solve(
        _information(design, weights), design.T @ (weights * np.log(right / wrong))
    )
    best, p = _likelihood(design @ coef, y, total)
    scale = np.ones(y.shape[1])
    converged = np.zeros(y.shape[1], dtype=bool)
    active, steps = np.arange(y.shape[1]), 0
    right, answered = y, total
    while len(active) and steps < MOST_STEPS:
        steps += 1
        gradient = design.T @ (right - answered * p)
        move, pivot[active] = _solve(_information(design, answered * p * (1 - p)), gradient)
        done = np.abs(gradient).max(axis=0) <= GRADIENT_TOLERANCE
        converged[active[done]] = True
        if done.any():
            active, move, p, right, answered = (
                active[~done],
                move[:, ~done],
                p[:, ~done],
                right[:, ~done],
                answered[:, ~done],
            )
        trial = coef[:, active] + scale[active] * move
        loglik, p_trial = _likelihood(design @ trial, right, answered)
        worse = loglik < best[active] - 1e-9 * (1 + np.abs(best[active]))
        coef[:, active] = np.where(worse, coef[:, active], trial)
        best[active] = np.where(worse, best[active], loglik)
        p = np.where(worse, p, p_trial)
        scale[active] = np.where(worse, scale[active] / 2, np.minimum(1.0, scale[active] * 2))
    most = ((design**2).T @ (total / 4)).max(axis=0)
    return coef, converged, pivot / np.maximum(most, 1e-300), steps


def _information(design: Floats, weights: Floats) -> Floats:
    """X' W X of every fit, shape (columns, columns, fits), as one matrix product."""
    n_cells, width = design.shape
    products = (design[:, :, None] * design[:, None, :]).reshape(n_cells, width * width)
    return np.asarray((products.T @ weights).reshape(width, width, -1))


def _solve(matrix: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Solve all small systems by Cholesky, column by column; also return their smallest pivots.

    A jitter far below the information in the answers keeps undetermined systems solvable. It
    changes a step, never the optimum.
    """
    width = len(right)
    largest = np.maximum(matrix[np.arange(width), np.arange(width)].max(axis=0), 1e-300)
    lower = np.zeros_like(matrix)
    smallest = np.full(right.shape[1], np.inf)
    for j in range(width):
        pivot = matrix[j, j] - (lower[j, :j] ** 2).sum(axis=0)
        smallest = np.minimum(smallest, pivot)
        lower[j, j] = np.sqrt(np.maximum(pivot, 0.0) + _JITTER * largest)
        for i in range(j + 1, width):
            lower[i, j] = (matrix[i, j] - (lower[i, :j] * lower[j, :j]).sum(axis=0)) / lower[j, j]
    solution = right.copy()
    for i in range(width):
        solution[i] = (solution[i] - (lower[i, :i] * solution[:i]).sum(axis=0)) / lower[i, i]
    for i in reversed(range(width)):
        solution[i] = (solution[i] - (lower[i + 1 :, i] * solution[i + 1 :]).sum(axis=0)) / lower[
            i, i
        ]
    return solution, smallest


def _likelihood(eta: Floats, y: Floats, total: Floats) -> tuple[Floats, Floats]:
    """Sum over cells of y eta - n log(1 + e^eta), and the probabilities, from one exponential."""
    small = np.exp(-np.abs(eta))
    loglik = (y * eta - total * (np.maximum(eta, 0.0) + np.log1p(small))).sum(axis=0)
    return loglik, np.where(eta >= 0, 1.0, small) / (1 + small)


def _saturated(y: Floats, total: Floats) -> Floats:
    """Log-likelihood of the saturated model, which fits every cell exactly; 0 log 0 = 0."""
    wrong = total - y
    safe = np.maximum(total, 1e-300)
    parts = y * np.log(np.where(y > 0, y / safe, 1.0)) + wrong * np.log(
        np.where(wrong > 0, wrong / safe, 1.0)
    )
    return np.asarray(parts.sum(axis=0))
