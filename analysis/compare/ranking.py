"""Which of several systems is best over tasks, and how uncertain is the order? Borda, Kemeny, tie
groups and rank ranges.

Source: Colombo et al., arXiv 2202.03799 (Borda, Kemeny); METHODS D7. This differs from the authors'
code in ties: their code breaks ties by position (a double argsort); here equal scores share the
mean of their ranks.
"""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from analysis.arrays import Floats, Ints
from data.records import NotEnoughDataError

BRUTE_FORCE = 8
"""Up to this many systems all orders are tried to find Kemeny's; above, it is found by an integer
program.
"""


def _matrix(scores: ArrayLike, higher_is_better: ArrayLike | None) -> Floats:
    matrix = np.asarray(scores, dtype=float)
    if matrix.ndim != 2:
        raise NotEnoughDataError(
            "Scores to rank come as one row per system and one column per task."
        )
    return (
        matrix
        if higher_is_better is None
        else np.where(np.asarray(higher_is_better, dtype=bool), matrix, -matrix)
    )


def borda(scores: ArrayLike, *, higher_is_better: ArrayLike | None = None) -> Floats:
    """Sum over tasks of each system's rank within the task, 0 for the worst; ties share the mean of
    their ranks.

    Tasks where some system has no score (NaN) are left out, because ranks among fewer systems are
    not comparable.

    Args:
        scores: systems x tasks.
        higher_is_better: one flag per task; default: all True.

    >>> [float(points) for points in borda([[0.9, 0.2], [0.5, 0.5]])]
    [1.0, 1.0]
    """
    matrix = _matrix(scores, higher_is_better)
    complete = matrix[:, ~np.isnan(matrix).any(axis=0)]
    return (
        np.asarray((stats.rankdata(complete, method="average", axis=0) - 1).sum(axis=1))
        if complete.size
        else np.zeros(len(matrix))
    )


def pairwise_wins(scores: ArrayLike, *, higher_is_better: ArrayLike | None = None) -> Ints:
    """Number of tasks on which the system of the row scores above that of the column; ties and
    missing scores do not count.
    """
    matrix = _matrix(scores, higher_is_better)
    with np.errstate(invalid="ignore"):
        return np.asarray((matrix[:, None, :] > matrix[None, :, :]).sum(axis=2), dtype=np.int64)


def kemeny(
    scores: ArrayLike, *, higher_is_better: ArrayLike | None = None
) -> tuple[tuple[int, ...], int]:
    """The order with the fewest pairwise disagreements with the tasks, best first, and their
    number.

    A disagreement is a task on which a lower-ranked system scores strictly higher. Of several
    optimal orders, the first by position is returned. A Condorcet winner is always first, unlike
    with Borda. The result is exact: all orders are tried up to 8 systems, otherwise an integer
    program is solved (scipy.optimize.milp).
    """
    wins = pairwise_wins(scores, higher_is_better=higher_is_better)
    size = len(wins)
    order = _by_trying(wins) if size <= BRUTE_FORCE else _by_program(wins)
    return order, int(sum(wins[lower, upper] for upper, lower in combinations(order, 2)))


def _by_trying(wins: Ints) -> tuple[int, ...]:
    pairs = np.array(list(combinations(range(len(wins)), 2)), dtype=np.int64).reshape(-1, 2)
    orders = np.array(list(permutations(range(len(wins)))), dtype=np.int64)
    costs = wins[orders[:, pairs[:, 1]], orders[:, pairs[:, 0]]].sum(axis=1)
    return tuple(int(place) for place in orders[int(np.argmin(costs))])


def _by_program(wins: Ints) -> tuple[int, ...]:
    """x_ij = 1 if i is ranked above j, for i < j; the constraints exclude cycles of three."""
    size = len(wins)
    places = {pair: place for place, pair in enumerate(combinations(range(size), 2))}
    costs = np.array([wins[j, i] - wins[i, j] for i, j in places], dtype=float)
    rows = []
    for i, j, k in combinations(range(size), 3):
        row = np.zeros(len(places))
        row[[places[i, j], places[j, k], places[i, k]]] = (1, 1, -1)
        rows.append(row)
    found = optimize.milp(
        costs,
        integrality=np.ones(len(places)),
        bounds=optimize.Bounds(0, 1),
        constraints=optimize.LinearConstraint(np.array(rows), 0, 1),
    )
    above = np.zeros(size)
    for (i, j), place in places.items():
        above[i if found.x[place] > 0.5 else j] += 1
    return tuple(int(system) for system in np.argsort(-above, kind="stable"))


def rank_ranges(is_better: ArrayLike) -> tuple[Ints, Ints]:
    """Best and worst rank (from 1) that pairwise tests allow: 1 + the number of significantly
    better systems, and the number of systems minus the significantly worse ones.

    Args:
        is_better: [i, j] whether i is significantly better than j.
    """
    better = np.asarray(is_better, dtype=bool)
    return 1 + better.sum(axis=0), len(better) - better.sum(axis=1)


def tie_groups(differs: ArrayLike) -> tuple[tuple[int, ...], ...]:
    """The largest sets of systems in which no two differ significantly. Every system is in at least
    one set.

    Args:
        differs: [i, j] whether i and j differ, symmetric. At most 12 systems, because all subsets
            are tried.
    """
    apart = np.asarray(differs, dtype=bool)
    if len(apart) > 12:
        raise NotEnoughDataError(f"Tie groups are found for up to 12 systems, not {len(apart)}.")
    groups: list[set[int]] = []
    for size in range(len(apart), 0, -1):
        for members in combinations(range(len(apart)), size):
            alike = not any(apart[i, j] for i, j in combinations(members, 2))
            if alike and not any(set(members) <= group for group in groups):
                groups.append(set(members))
    return tuple(tuple(sorted(group)) for group in sorted(groups, key=sorted))


def bootstrap_ranks(
    sums: ArrayLike,
    sizes: ArrayLike,
    *,
    resamples: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[Floats, Floats, Floats]:
    """Range of each system's rank (1: best) and its probability of being best, over resamples of
    the tasks.

    Args:
        sums: systems x tasks, summed scores on the instances that all systems answered.
        sizes: instances per task.

    Returns:
        lower and upper bound of the rank, and probability of rank 1 (ties share it); NaN for fewer
        than two tasks or no resamples.
    """
    totals, weights = np.asarray(sums, dtype=float), np.asarray(sizes, dtype=float)
    n_systems, n_tasks = totals.shape
    if n_tasks < 2 or not resamples:
        nothing = np.full(n_systems, np.nan)
        return nothing, nothing, nothing
    drawn = np.random.default_rng(seed).multinomial(
        n_tasks, np.full(n_tasks, 1 / n_tasks), size=resamples
    )
    means = np.round((drawn @ totals.T) / (drawn @ weights)[:, None], 12)
    above = (means[:, None, :] > means[:, :, None]).sum(axis=2)
    ranks = 1 + above + ((means[:, None, :] == means[:, :, None]).sum(axis=2) - 1) / 2
    is_best = above == 0
    tail = (1 - confidence) / 2
    return (
        np.floor(np.quantile(ranks, tail, axis=0)),
        np.ceil(np.quantile(ranks, 1 - tail, axis=0)),
        (is_best / is_best.sum(axis=1, keepdims=True)).mean(axis=0),
    )
