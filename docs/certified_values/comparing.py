"""Paired comparisons: McNemar, many tests, agreement, ranking over tasks, error bars, power."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations, permutations
from typing import Any

from docs.certified_values.tools import Vectors, made, root, vector

COINS = "every number of heads of b + c coins, in exact fractions; chi-square tail from math.erfc"
DEFINITION = "the definition, in exact fractions up to the last root"


def _mcnemar(inputs: dict[str, Any]) -> dict[str, Any]:
    (_, b), (c, _) = inputs["table"]
    n, fewer = b + c, min(b, c)
    weights = [Fraction(math.comb(n, heads), 2**n) for heads in range(n + 1)]
    tail = 2 * sum(weights[: fewer + 1])
    chi2 = (abs(b - c) - 1) ** 2 / n
    return {
        "exact_p": float(min(Fraction(1), tail)),
        "mid_p": float(min(Fraction(1), tail - weights[fewer])),
        "chi2_corrected": chi2,
        "chi2_p": math.erfc(math.sqrt(chi2 / 2)),
    }


def _multiple(inputs: dict[str, Any]) -> dict[str, Any]:
    """Each adjusted p by its definition, one test at a time: the maximum or minimum over the other
    tests.
    """
    p = [Fraction(str(one)) for one in inputs["p"]]
    m, one = len(p), Fraction(1)
    rank = [1 + sum((q, j) < (own, i) for j, q in enumerate(p)) for i, own in enumerate(p)]
    holm = [
        max(min(one, (m - rank[j] + 1) * q) for j, q in enumerate(p) if rank[j] <= rank[i])
        for i in range(m)
    ]
    bh = [
        min(min(one, Fraction(m, rank[j]) * q) for j, q in enumerate(p) if rank[j] >= rank[i])
        for i in range(m)
    ]
    return {
        "holm": [*map(float, holm)],
        "bh": [*map(float, bh)],
        "bonferroni": [float(min(one, m * q)) for q in p],
    }


def _capa(inputs: dict[str, Any]) -> dict[str, Any]:
    rows = [[[Fraction(str(p)) for p in row] for row in inputs[side]] for side in ("a", "b")]
    n = len(inputs["gt"])
    observed = (
        sum(
            sum(p * q for p, q in zip(first, second, strict=True))
            for first, second in zip(*rows, strict=True)
        )
        / n
    )
    mean_a, mean_b = (
        sum(row[right] for row, right in zip(side, inputs["gt"], strict=True)) / n for side in rows
    )
    others = sum(Fraction(1, len(row) - 1) for row in rows[0]) / n
    expected = mean_a * mean_b + (1 - mean_a) * (1 - mean_b) * others
    return {
        "kappa_p": float((observed - expected) / (1 - expected)),
        "c_obs": float(observed),
        "c_exp": float(expected),
        "p_bar_a": float(mean_a),
        "p_bar_b": float(mean_b),
        "inv_options": float(others),
    }


def _ranking(inputs: dict[str, Any]) -> dict[str, Any]:
    """Borda by counting rivals below (a tie is half of one), Kemeny by trying every order."""
    scores = inputs["scores_system_by_task"]
    systems, tasks = range(len(scores)), range(len(scores[0]))
    below = [
        sum(
            (scores[j][t] < scores[i][t]) + (scores[j][t] == scores[i][t]) / 2
            for j in systems
            if j != i
            for t in tasks
        )
        for i in systems
    ]

    def cost(order: tuple[int, ...]) -> int:
        return sum(
            scores[lower][t] > scores[upper][t]
            for upper, lower in combinations(order, 2)
            for t in tasks
        )

    best = min(permutations(systems), key=cost)
    wins = [[sum(scores[i][t] > scores[j][t] for t in tasks) for j in systems] for i in systems]
    return {
        "borda_0_is_worst": below,
        "kemeny_best_first": list(best),
        "kemeny_disagreements": cost(best),
        "pairwise_wins_row_over_col": wins,
    }


def _clustered(inputs: dict[str, Any]) -> dict[str, Any]:
    """Miller's equation 4 over all pairs of one cluster, one pair at a time."""
    s, of = [Fraction(str(one)) for one in inputs["scores"]], inputs["cluster"]
    n = len(s)
    off = [one - sum(s) / n for one in s]
    plain = sum(d * d for d in off) / ((n - 1) * n)
    cross = (
        sum(off[i] * off[j] for i in range(n) for j in range(n) if i != j and of[i] == of[j]) / n**2
    )
    every = sum(off[i] * off[j] for i in range(n) for j in range(n) if of[i] == of[j]) / n**2
    return {
        "se_clt": math.sqrt(plain),
        "se_clustered_miller_eq4": math.sqrt(plain + cross),
        "se_cluster_sandwich_no_correction": math.sqrt(every),
    }


def _power(inputs: dict[str, Any]) -> dict[str, Any]:
    """The difference or the number of instances at which the normal power has the required value,
    by bisection on the power itself.
    """
    alpha, power = inputs.get("alpha", 0.05), inputs.get("power", 0.8)
    critical = root(lambda z: 1 - math.erfc(z / math.sqrt(2)) / 2 - (1 - alpha / 2), 0.0, 10.0)
    variance = (
        inputs["omega2"] + inputs["sigma2_A"] / inputs["K"] + inputs["sigma2_B"] / inputs["K"]
    )

    def miss(delta: float, n: float) -> float:
        return float(
            math.erfc(-(critical - delta / math.sqrt(variance / n)) / math.sqrt(2)) / 2
            - (1 - power)
        )

    if "delta" in inputs:
        return {"n_exact": root(lambda n: miss(inputs["delta"], n), 1.0, 1e7)}
    return {"mde": root(lambda delta: miss(delta, inputs["n"]), 0.0, 10.0)}


HALVED = "normal power function solved by halving; quantile from math.erfc"
FOUR_SYSTEMS = [
    [0.9, 0.5, 0.7, 0.2],
    [0.8, 0.5, 0.9, 0.4],
    [0.1, 0.6, 0.9, 0.3],
    [0.3, 0.2, 0.1, 0.9],
]

VECTORS: Vectors = {
    "mcnemar": [
        made({"table": [[30, 2], [11, 7]]}, _mcnemar, COINS),
        made({"table": [[55, 40], [21, 12]]}, _mcnemar, COINS),
        made({"table": [[5, 6], [6, 0]]}, _mcnemar, f"{COINS}; as many on either side"),
        vector(
            {"table": [[10, 0], [0, 5]]},
            {"exact_p": 1, "mid_p": 1, "chi2_p": 1},
            "by hand: never different",
        ),
    ],
    "multiple_comparisons": [
        made(
            {"p": [0.04, 0.001, 0.03, 0.2, 0.012]},
            _multiple,
            "the definition for one test at a time, in exact fractions",
            1e-12,
        ),
        made(
            {"p": [0.02, 0.02, 0.9, 0.6]}, _multiple, "the same; a tie, and products above 1", 1e-12
        ),
        made({"p": [0.03]}, _multiple, "the same; a family of one", 1e-12),
        vector(
            {"p": [0.01, None, 0.03]},
            {"holm": [0.02, None, 0.03]},
            "by hand: an undefined test is none of the family",
        ),
    ],
    "capa": [
        made(
            {
                "a": [[0.5, 0.3, 0.2], [0.1, 0.9], [0.25] * 4],
                "b": [[0.2, 0.2, 0.6], [0.4, 0.6], [0.7, 0.1, 0.1, 0.1]],
                "gt": [0, 1, 3],
            },
            _capa,
            f"{DEFINITION}; items with 3, 2 and 4 options",
            1e-12,
        ),
        vector(
            {"a": [0, 1, 2], "b": [0, 1, 2], "gt": [0, 1, 2], "n_options": 4, "one_hot": True},
            {"kappa_p": None, "c_obs": 1, "c_exp": 1},
            "by hand: both always right",
        ),
        made(
            {
                "a": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
                "b": [[1, 0, 0], [0, 1, 0], [1, 0, 0]],
                "gt": [0, 0, 2],
            },
            _capa,
            DEFINITION,
            1e-12,
        ),
    ],
    "rank_aggregation": [
        made(
            {"scores_system_by_task": FOUR_SYSTEMS},
            _ranking,
            "rivals counted one by one; all 24 orders tried",
            0,
        ),
        made(
            {"scores_system_by_task": [[0.3, 0.9], [0.6, 0.4], [0.1, 0.2]]},
            _ranking,
            "rivals counted one by one; all 6 orders tried",
            0,
        ),
    ],
    "clustered_se": [
        made(
            {"scores": [1, 0, 1, 1, 0, 0, 1], "cluster": [0, 0, 0, 1, 1, 2, 2]},
            _clustered,
            "equation 4 pair by pair; unequal clusters",
        ),
        vector(
            {"scores": [True, True, False, False], "cluster": ["a", "a", "b", "b"]},
            {"se_clt": math.sqrt(1 / 12), "se_cluster_sandwich_no_correction": math.sqrt(1 / 8)},
            "by hand: verdicts, clusters by name",
        ),
        made(
            {"scores": [0.5, 0.25, 1, 0], "cluster": [0, 1, 2, 3]},
            _clustered,
            "equation 4 pair by pair; every score its own cluster",
        ),
    ],
    "miller_paired_se": [
        vector(
            {"var_a": 0.04, "var_b": 0.09, "corr": 0.25},
            {"var_paired": 0.1, "var_unpaired": 0.13, "se_paired": math.sqrt(0.1)},
            "by hand: .04 + .09 - 2 * .25 * .2 * .3",
            1e-12,
        ),
        vector(
            {"se_a": 0.3, "se_b": 0.4, "corr": 0},
            {"se_paired": 0.5, "se_unpaired": 0.5},
            "by hand: 3, 4, 5",
            1e-12,
        ),
    ],
    "miller_bernoulli_se": [
        vector({"p": 0.2, "n": 100}, {"se": 0.04}, "by hand: sqrt(.16 / 100)", 1e-12),
        vector({"p": 1, "n": 50}, {"se": 0}, "by hand: no spread", 1e-12),
    ],
    "miller_resampling": [
        vector(
            {"K": 3, "difficulty": "uniform"},
            {"relative_variance": 5 / 9},
            "by hand: (1 + 2/3) / 3",
            1e-12,
        ),
        vector(
            {"K": 5, "difficulty": [0.5, 0.5]},
            {"relative_variance": 0.2},
            "by hand: alike instances: all is one answer's",
            1e-12,
        ),
    ],
    "miller_power": [
        made(
            {"omega2": 0.1, "sigma2_A": 0.05, "sigma2_B": 0.02, "K": 4, "delta": 0.05},
            _power,
            HALVED,
            1e-5,
        ),
        made(
            {
                "omega2": 0.2,
                "sigma2_A": 0,
                "sigma2_B": 0,
                "K": 1,
                "n": 300,
                "alpha": 0.01,
                "power": 0.9,
            },
            _power,
            HALVED,
            1e-9,
        ),
    ],
}
