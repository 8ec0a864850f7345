"""The critical level against model size: ranks, ordered groups, ordinal and interval-censored
regression.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations, pairwise, permutations
from typing import Any

import numpy as np
from scipy import optimize

from docs.certified_values.tools import Vectors, made, sigmoid, vector

PAIRS = "every pair counted; variance and p over every order that is possible"
SEARCH = "likelihood from math.erfc, searched by Nelder and Mead; curvature by differences"


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _trend(inputs: dict[str, Any]) -> dict[str, Any]:
    """Kendall's S by pairs, its p from every order of the levels; Spearman and the line by their
    sums.
    """
    x, y = inputs["x"], inputs["level"]

    def s(values: Any) -> int:
        return sum(
            _sign(x[j] - x[i]) * _sign(values[j] - values[i])
            for i, j in combinations(range(len(x)), 2)
        )

    def correlation(a: Any, b: Any) -> tuple[float, float]:
        da, db = [one - sum(a) / len(a) for one in a], [one - sum(b) / len(b) for one in b]
        cross = math.fsum(p * q for p, q in zip(da, db, strict=True))
        return cross / math.sqrt(
            math.fsum(p * p for p in da) * math.fsum(q * q for q in db)
        ), cross / math.fsum(p * p for p in da)

    def ranks(values: list[float]) -> list[float]:
        return [sum((other < one) + (other == one) / 2 for other in values) for one in values]

    pairs = list(combinations(range(len(x)), 2))
    untied = [math.sqrt(sum(values[i] != values[j] for i, j in pairs)) for values in (x, y)]
    every = [s(order) for order in permutations(y)]
    return {
        "kendall_S": s(y),
        "tau_b": s(y) / math.prod(untied),
        "spearman": correlation(ranks(x), ranks(y))[0],
        "ols_slope": correlation(x, y)[1],
        "permutation_p_one_sided": sum(one >= s(y) for one in every) / len(every),
    }


def _jonckheere(inputs: dict[str, Any]) -> dict[str, Any]:
    """J by pairs; mean and variance over every assignment of the values to the groups."""
    groups = inputs["groups"]
    values, ends = [one for group in groups for one in group], np.cumsum([0, *map(len, groups)])

    def j(order: Any) -> float:
        dealt = [order[a:b] for a, b in pairwise(ends)]
        return sum(
            (b > a) + (a == b) / 2
            for first, second in combinations(dealt, 2)
            for a in first
            for b in second
        )

    every = [j(order) for order in permutations(values)]
    mean = math.fsum(every) / len(every)
    variance = math.fsum((one - mean) ** 2 for one in every) / len(every)
    z = (j(values) - mean) / math.sqrt(variance)
    return {
        "J": j(values),
        "mean": mean,
        "var_tie_corrected": variance,
        "z": z,
        "p_one_sided": math.erfc(z / math.sqrt(2)) / 2,
        "kendall_S_on_group_codes": 2 * (j(values) - mean),
        "max_J": sum(len(a) * len(b) for a, b in combinations(groups, 2)),
    }


def _open_closed(inputs: dict[str, Any]) -> dict[str, Any]:
    """U by pairs, the normal tail with the variance of ranks with ties, half a pair for
    continuity.
    """
    a, b = inputs["closed"], inputs["open"]
    u, n = sum((one > other) + (one == other) / 2 for one in a for other in b), len(a) + len(b)
    ties = sum(count**3 - count for count in Counter([*a, *b]).values())
    sd = math.sqrt(len(a) * len(b) / 12 * (n + 1 - ties / (n * (n - 1))))
    off = u - len(a) * len(b) / 2
    side = -1 if "less" in inputs["alternative"] else 1
    one = math.erfc((side * off - 0.5) / sd / math.sqrt(2)) / 2
    both = math.erfc((abs(off) - 0.5) / sd / math.sqrt(2))
    return {"U": u, "p": min(1.0, both) if inputs["alternative"] == "two-sided" else one}


def _lowest(function: Any, starts: list[list[float]]) -> tuple[list[float], float]:
    options = {"xatol": 1e-10, "fatol": 1e-13, "maxiter": 20_000, "maxfev": 20_000}
    found = min(
        (
            optimize.minimize(function, start, method="Nelder-Mead", options=options)
            for start in starts
        ),
        key=lambda r: float(r.fun),
    )
    return [float(value) for value in found.x], float(found.fun)


def _error_of(function: Any, at: list[float], place: int, step: float = 1e-4) -> float:
    """Standard error of one parameter: the curvature of the negative log-likelihood by central
    differences, inverted.
    """
    size = len(at)

    def moved(*changes: tuple[int, float]) -> float:
        point = list(at)
        for index, change in changes:
            point[index] += change
        return float(function(point))

    bent = [
        [
            (
                moved((i, step), (j, step))
                - moved((i, step), (j, -step))
                - moved((i, -step), (j, step))
                + moved((i, -step), (j, -step))
            )
            / (4 * step**2)
            for j in range(size)
        ]
        for i in range(size)
    ]
    return math.sqrt(np.linalg.inv(bent)[place, place])


def _interval(inputs: dict[str, Any]) -> dict[str, Any]:
    x, level = inputs["x"], inputs["level"]

    def below(z: float) -> float:
        return math.erfc(-z / math.sqrt(2)) / 2

    def miss(b0: float, b1: float, sigma: float) -> float:
        if sigma <= 0:
            return math.inf
        total = 0.0
        for at, k in zip(x, level, strict=True):
            upper = 1.0 if k == 5 else below((k + 0.5 - b0 - b1 * at) / sigma)
            lower = 0.0 if k == 1 else below((k - 0.5 - b0 - b1 * at) / sigma)
            total -= math.log(max(upper - lower, 1e-300))
        return total

    line, lowest = _lowest(lambda t: miss(*t), [[1.0, 1.0, 1.0], [3.0, 0.0, 0.7]])
    flat = _lowest(lambda t: miss(t[0], 0.0, t[1]), [[2.0, 1.0], [3.0, 1.5]])[1]
    lr = 2 * (flat - lowest)
    return {
        "b0": line[0],
        "b1": line[1],
        "sigma": line[2],
        "se_b1": _error_of(lambda t: miss(*t), line, 1),
        "neg_loglik": lowest,
        "LR": lr,
        "LR_p": math.erfc(math.sqrt(lr / 2)),
    }


def _ordinal(inputs: dict[str, Any]) -> dict[str, Any]:
    x, level = inputs["x"], inputs["level"]
    known = sorted(set(level))

    def miss(t: list[float]) -> float:
        cuts = [-math.inf, *t[1:], math.inf]
        if any(a >= b for a, b in pairwise(cuts)):
            return math.inf
        at = [
            (cuts[known.index(k)] - t[0] * one, cuts[known.index(k) + 1] - t[0] * one)
            for one, k in zip(x, level, strict=True)
        ]
        return -sum(
            math.log((sigmoid(b) if b < math.inf else 1.0) - (sigmoid(a) if a > -math.inf else 0.0))
            for a, b in at
        )

    start = [float(place) for place in range(len(known) - 1)]
    fit, lowest = _lowest(miss, [[0.0, *start], [2.0, *start]])
    flat = _lowest(lambda t: miss([0.0, *t]), [start])[1]
    lr = 2 * (flat - lowest)
    return {
        "beta": fit[0],
        "se": _error_of(miss, fit, 0),
        "loglik": -lowest,
        "LR_vs_null": lr,
        "LR_p": math.erfc(math.sqrt(lr / 2)),
        "odds_ratio_per_10x": math.exp(fit[0]),
    }


SIZES, LEVELS = [0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1], [2, 1, 3, 2, 4, 3, 5, 4]
SMALL: dict[str, Any] = {"x": [0.2, 0.5, 0.5, 1.1, 1.6, 2.0], "level": [1, 2, 1, 3, 3, 5]}

VECTORS: Vectors = {
    "critical_level_trend": [
        made(SMALL, _trend, PAIRS, 1e-9),
        made(
            {"x": [0, 1, 2, 3, 4], "level": [5, 4, 4, 2, 1]},
            _trend,
            f"{PAIRS}; a level that falls",
            1e-9,
        ),
    ],
    "jonckheere_terpstra": [
        made({"groups": [[1, 3], [2, 3, 3], [4, 2]]}, _jonckheere, PAIRS, 1e-9),
        made(
            {"groups": [[5, 3, 4], [1], [2, 2]]}, _jonckheere, f"{PAIRS}; the other way round", 1e-9
        ),
        vector(
            {"groups": [[2, 2], [2, 2]]},
            {"J": 2, "z": None, "p_one_sided": None},
            "by hand: all tied, no spread",
        ),
    ],
    "mann_whitney_open_closed": [
        made(
            {"closed": [4, 4, 5], "open": [1, 2, 2, 4, 3], "alternative": "closed greater"},
            _open_closed,
            "pairs, rank variance",
            1e-9,
        ),
        made(
            {"closed": [1, 2, 2], "open": [2, 3, 3, 5], "alternative": "closed less"},
            _open_closed,
            "pairs, rank variance",
            1e-9,
        ),
        made(
            {"closed": [4, 4, 5, 1], "open": [1, 2, 2, 3], "alternative": "two-sided"},
            _open_closed,
            "pairs, rank variance",
            1e-9,
        ),
        vector(
            {"closed": [], "open": [1, 2]}, {"U": None, "p": None}, "by hand: nobody to compare"
        ),
    ],
    "critical_level_interval_regression": [
        made({"x": SIZES, "level": LEVELS}, _interval, SEARCH, {"rel": 1e-4})
    ],
    "critical_level_ordinal": [
        made({"x": SIZES, "level": LEVELS}, _ordinal, SEARCH, {"rel": 1e-4}),
        made(
            {"x": SIZES, "level": [2, 4, 2, 2, 4, 2, 4, 4]},
            _ordinal,
            f"{SEARCH}; two levels only",
            {"rel": 1e-4},
        ),
    ],
}
