"""How likely was the reference answer to the model? Answer probability, its divergence between ID
and OOD, and accuracy normalised by Min-K%.

Source: SCYLLA's intrinsic mode (arXiv 2410.01769, authors' steps 5-7). All logarithms are natural.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import rel_entr

from analysis.arrays import Floats

GRID_POINTS = 100
SMALLEST_DENSITY = 1e-10
MIN_K = (10, 30, 50, 70, 90)
"""Percentages of the least likely tokens that step 7 keeps."""
SUBSETS = (60, 80, 100)
"""Percentages of the instances, those with the most likely answers, that step 7 keeps."""
MOST_ANSWERS = 6
"""Largest number of acceptable answers that the authors score per instance."""


def answer_probability(log_probabilities: ArrayLike) -> float:
    """Geometric mean of an answer's token probabilities, 0-1: (p_1 ... p_T)^(1/T) = 1 / perplexity.

    Args:
        log_probabilities: (tokens,) natural logs of the token probabilities, at most 0; -inf for a
            token of probability 0.

    Returns:
        0 if a token has probability 0; NaN without tokens or if one is unknown.

    >>> round(answer_probability([math.log(0.9), math.log(0.4)]), 9)
    0.6
    """
    logs = np.asarray(log_probabilities, dtype=float).ravel()
    return float(np.exp(logs.mean())) if logs.size else math.nan


def perplexity(log_probabilities: ArrayLike) -> float:
    """exp(-mean log p) = 1 / `answer_probability`; infinite if a token has probability 0, NaN
    without tokens.

    >>> perplexity([math.log(0.5), math.log(0.5)])
    2.0
    """
    logs = np.asarray(log_probabilities, dtype=float).ravel()
    return float(np.exp(-logs.mean())) if logs.size else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """Divergence of two samples, from their kernel densities on a grid.

    kl, kl_reversed   sum p log(p / q) and sum q log(q / p) in nats.
    js                the same against the mean of both. In mode "normalised" js is at most log 2;
                      in mode "author" all three grow with the number of grid points and have no
                      unit. NaN when undefined (see `reason`).
    grid              (n_grid,) equally spaced from the smallest to the largest of both samples.
    density_id, density_ood   (n_grid,) probability densities before any rescaling.
    """

    mode: str
    kl: float
    kl_reversed: float
    js: float
    n_id: int
    n_ood: int
    grid: Floats
    density_id: Floats
    density_ood: Floats
    reason: str | None


def divergence(
    id_values: ArrayLike,
    ood_values: ArrayLike,
    *,
    mode: str = "normalised",
    n_grid: int = GRID_POINTS,
) -> Divergence:
    """KL and JS divergence of the ID from the OOD values.

    Gaussian kernel densities (Scott's bandwidth) of both samples on one grid, at least 1e-10, then
    sums over the grid. Mode "author" sums the densities unchanged, as in the authors' code:
    neither sums to 1 and the grid step is missing, so the result depends on the grid and may be
    negative. Mode "normalised" divides each density by its sum first.

    Args:
        id_values, ood_values: numbers on one scale; NaN is left out.
        mode: "normalised" or "author".

    Returns:
        a Divergence; undefined if either sample has fewer than two values or is constant (its
        density would be a spike).

    Raises:
        ValueError: an unknown mode, or fewer than two grid points.
    """
    if mode not in ("normalised", "author") or n_grid < 2:
        raise ValueError(
            f"mode is 'normalised' or 'author' and n_grid at least 2; found {mode!r} and {n_grid}"
        )
    p, q = (
        values[np.isfinite(values)]
        for values in (np.asarray(side, dtype=float).ravel() for side in (id_values, ood_values))
    )
    reason = _why_no_density(p, "ID") or _why_no_density(q, "OOD")
    if reason is not None:
        none = np.empty(0)
        undefined = {"kl": math.nan, "kl_reversed": math.nan, "js": math.nan}
        return Divergence(
            mode=mode,
            **undefined,
            n_id=len(p),
            n_ood=len(q),
            grid=none,
            density_id=none,
            density_ood=none,
            reason=reason,
        )
    grid = np.linspace(min(p.min(), q.min()), max(p.max(), q.max()), n_grid)
    density_id, density_ood = (stats.gaussian_kde(values)(grid) for values in (p, q))
    return _between(mode, grid, density_id, density_ood, len(p), len(q))


def in_mode(found: Divergence, mode: str) -> Divergence:
    """The same result in another mode of `divergence`, without repeating the slow densities."""
    if found.reason is not None:
        return replace(found, mode=mode)
    return _between(mode, found.grid, found.density_id, found.density_ood, found.n_id, found.n_ood)


def _between(
    mode: str, grid: Floats, density_id: Floats, density_ood: Floats, n_id: int, n_ood: int
) -> Divergence:
    clipped = [np.maximum(density, SMALLEST_DENSITY) for density in (density_id, density_ood)]
    if mode == "normalised":
        clipped = [density / density.sum() for density in clipped]
    first, second = clipped
    middle = (first + second) / 2
    return Divergence(
        mode=mode,
        kl=float(rel_entr(first, second).sum()),
        kl_reversed=float(rel_entr(second, first).sum()),
        js=float(rel_entr(first, middle).sum() + rel_entr(second, middle).sum()) / 2,
        n_id=n_id,
        n_ood=n_ood,
        grid=grid,
        density_id=density_id,
        density_ood=density_ood,
        reason=None,
    )


def _why_no_density(values: Floats, side: str) -> str | None:
    if len(values) < 2:
        return f"fewer than two {side} values ({len(values)})"
    spread = float(np.ptp(values))
    if spread <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return f"all {len(values)} {side} values are the same, so they have no density"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredAnswer:
    """One acceptable answer of one instance: its probability (0-1, geometric mean over tokens) and
    the probability of each token.
    """

    probability: float
    token_probabilities: tuple[float, ...]


def min_k_probability(token_probabilities: ArrayLike, k: float) -> float:
    """Geometric mean of the k % least likely tokens, at least one: max(1, floor(k T / 100)). NaN
    without tokens; 0 if one of these tokens has probability 0.

    The number of tokens is computed exactly; the floating-point product of the authors gives 62
    instead of 63 of 90 tokens at k = 70.

    >>> round(min_k_probability([0.9, 0.4, 0.3, 0.8, 0.7], 50), 9) == round((0.3 * 0.4) ** 0.5, 9)
    True
    """
    with np.errstate(divide="ignore"):
        return float(
            min_k_matrix([np.log(np.asarray(token_probabilities, dtype=float))], [k])[0, 0]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MinKAccuracy:
    """Accuracy, normalised by how likely the answers were to the model.

    accuracy     share of right answers among instances with a known outcome; NaN without one.
    probability  mean over instances of the probability of the most likely acceptable answer.
    min_k        by K: mean over instances of `min_k_probability` of that answer.
    normalised   by K: accuracy / min_k. May exceed 1. NaN if min_k is 0 or either is undefined (see
                 `reason`).
    n, n_graded  number of kept instances, and of those with a known outcome.
    """

    accuracy: float
    probability: float
    min_k: dict[float, float]
    normalised: dict[float, float]
    n: int
    n_graded: int
    reason: str | None


def min_k_accuracy(
    instances: Sequence[Sequence[ScoredAnswer]],
    correct: Sequence[bool | None],
    *,
    ks: Sequence[float] = MIN_K,
    keep_percent: float = 100,
) -> MinKAccuracy:
    """Min-K% normalised accuracy (authors' step 7).

    Args:
        instances: acceptable answers of each instance; the most likely one counts (the first of
            ties). Instances without an answer of known probability are left out.
        correct: outcome of each instance; None if it is unknown.
        ks: percentages of tokens, above 0.
        keep_percent: percentage of the instances to keep, those with the most likely answers
            (rounded down; ties in their order).

    Returns:
        a MinKAccuracy; all numbers are undefined if no instance is kept.

    Raises:
        ValueError: the two differ in length, or keep_percent is not in (0, 100].
    """
    if len(instances) != len(correct) or not 0 < keep_percent <= 100:
        raise ValueError(
            f"{len(instances)} instances, {len(correct)} outcomes, keep_percent {keep_percent}:"
            " need equal numbers, 0-100"
        )
    likeliest = [_likeliest(answers) for answers in instances]
    known = [
        (answer, outcome)
        for answer, outcome in zip(likeliest, correct, strict=True)
        if answer is not None
    ]
    with np.errstate(divide="ignore"):
        logs = [np.log(np.asarray(answer.token_probabilities, dtype=float)) for answer, _ in known]
    probabilities = np.array([answer.probability for answer, _ in known], dtype=float)
    kept = most_likely(probabilities, keep_percent)
    per_answer = min_k_matrix([logs[place] for place in kept], ks)
    graded = [
        bool(outcome) for _, outcome in (known[place] for place in kept) if outcome is not None
    ]
    accuracy = sum(graded) / len(graded) if graded else math.nan
    min_k = {
        k: float(per_answer[:, place].mean()) if len(kept) else math.nan
        for place, k in enumerate(ks)
    }
    return MinKAccuracy(
        accuracy=accuracy,
        probability=float(probabilities[kept].mean()) if len(kept) else math.nan,
        min_k=min_k,
        normalised={k: accuracy / value if value > 0 else math.nan for k, value in min_k.items()},
        n=len(kept),
        n_graded=len(graded),
        reason=_why_not_normalised(len(kept), len(graded), min_k),
    )


def most_likely(
    probabilities: ArrayLike, keep_percent: float
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Indices of the most likely answers: keep_percent of all, rounded down; ties in their
    order.
    """
    values = np.asarray(probabilities, dtype=float)
    return np.argsort(-values, kind="stable")[: math.floor(keep_percent * len(values) / 100)]


def min_k_matrix(log_probabilities: Sequence[ArrayLike], ks: Sequence[float]) -> Floats:
    """`min_k_probability` of many answers at once: (answers, ks), from natural logs of their token
    probabilities; NaN without tokens.
    """
    tokens = [np.asarray(logs, dtype=float).ravel() for logs in log_probabilities]
    n = np.array([len(logs) for logs in tokens], dtype=np.int64)
    found = np.full((len(tokens), len(ks)), np.nan)
    if not n.sum():
        return found
    owner = np.repeat(np.arange(len(tokens)), n)
    values = np.concatenate(tokens)
    values = values[np.lexsort((values, owner))]
    starts = np.concatenate([[0], np.cumsum(n)])[:-1]
    finite = np.where(np.isneginf(values), 0.0, values)
    totals = np.concatenate([[0.0], np.cumsum(finite)])
    zeros = np.concatenate([[0], np.cumsum(np.isneginf(values))])
    unknown = np.bincount(owner, weights=np.isnan(values), minlength=len(tokens)) > 0
    if unknown.any():  # a NaN would make every later cumulative sum undefined
        for place in np.flatnonzero(~unknown & (n > 0)):
            found[place] = min_k_matrix([tokens[place]], ks)[0]
        return found
    some = np.flatnonzero(n)
    for column, k in enumerate(ks):
        taken = np.maximum(1, np.floor(k * n[some] / 100)).astype(np.int64)
        ends = starts[some] + taken
        means = (totals[ends] - totals[starts[some]]) / taken
        found[some, column] = np.where(zeros[ends] > zeros[starts[some]], 0.0, np.exp(means))
    return found


def _likeliest(answers: Sequence[ScoredAnswer]) -> ScoredAnswer | None:
    known = [answer for answer in answers if not math.isnan(answer.probability)]
    return max(known, key=lambda answer: answer.probability) if known else None


def _why_not_normalised(n: int, n_graded: int, min_k: dict[float, float]) -> str | None:
    if not n:
        return "no instance with a known answer probability is kept"
    if not n_graded:
        return "no kept instance has a known outcome"
    if any(math.isnan(value) for value in min_k.values()):
        return "the token probabilities of some answer are unknown"
    return (
        "the least likely tokens have probability 0 in every instance"
        if any(value == 0 for value in min_k.values())
        else None
    )
