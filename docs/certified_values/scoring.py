"""Accuracy, gap, score, bounds, intervals, answer-format rule."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from docs.certified_values.tools import Vectors, made, root, vector

EXACT = "exact fractions"
HAND = "worked by hand from the definition"


def _gap(inputs: dict[str, Any]) -> dict[str, Any]:
    pairs = [
        (Fraction(str(a)), Fraction(str(b)))
        for a, b in zip(inputs["id_acc"], inputs["ood_acc"], strict=True)
    ]
    clipped = [max(Fraction(0), a - b) for a, b in pairs]
    return {
        "diff": [float(gap) for gap in clipped],
        "signed_diff": [float(a - b) for a, b in pairs],
        "ratio": [float(b / a) if a else 1.0 for a, b in pairs],
        "relative_diff": [
            float(gap / a) if a else 1.0 for gap, (a, _) in zip(clipped, pairs, strict=True)
        ],
    }


def _score(inputs: dict[str, Any]) -> dict[str, Any]:
    a, b = Fraction(str(inputs["id_acc"])), Fraction(str(inputs["ood_acc"]))
    penalty = Fraction(str(inputs.get("penalty", 1)))
    return {"S": float(b - penalty * max(Fraction(0), a - b))}


def _bounds(inputs: dict[str, Any]) -> dict[str, Any]:
    """Ends of the gap over all pairs of accuracies, in thousandths, that give this score."""
    lower, upper = [], []
    for score in inputs["S"]:
        wanted = round(score * 1000)
        gaps = [
            max(0, a - b)
            for b in range(1001)
            for a in {min(1000, max(0, 2 * b - wanted)), *([b] if b == wanted else [])}
            if b - max(0, a - b) == wanted
        ]
        lower.append(min(gaps) / 1000)
        upper.append(max(gaps) / 1000)
    return {"lower": lower, "upper": upper}


def _normal_cdf(z: float) -> float:
    return math.erfc(-z / math.sqrt(2)) / 2


def _tail(k: int, n: int, p: float) -> float:
    """P(at least k of n)."""
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def _binomial(inputs: dict[str, Any]) -> dict[str, Any]:
    """Both intervals by inverting their tests: Wilson's score test, and the exact binomial
    tails.
    """
    k, n, alpha = inputs["k"], inputs["n"], inputs.get("alpha", 0.05)
    z = root(lambda value: _normal_cdf(value) - (1 - alpha / 2), 0.0, 10.0)
    share = k / n

    def beyond(p: float) -> float:
        return (share - p) ** 2 * n - z * z * p * (1 - p)

    wilson = [
        0.0 if k == 0 else root(beyond, 1e-15, share - 1e-12),
        1.0 if k == n else root(beyond, share + 1e-12, 1 - 1e-15),
    ]
    exact = [
        0.0 if k == 0 else root(lambda p: _tail(k, n, p) - alpha / 2, 0.0, 1.0),
        1.0 if k == n else root(lambda p: (1 - _tail(k + 1, n, p)) - alpha / 2, 0.0, 1.0),
    ]
    return {"wilson": wilson, "clopper_pearson": exact}


INVERTED = "score test and binomial tails inverted by halving; normal quantile from math.erfc"


def _cell(correct: int, wrong: int, unparsed: int) -> dict[str, int]:
    return {"correct": correct, "wrong": wrong, "unparsed": unparsed}


VECTORS: Vectors = {
    "scylla_gap": [
        made({"id_acc": [0.91, 0.5, 0.07, 1], "ood_acc": [0.36, 0.5, 0.09, 0]}, _gap, EXACT, 1e-12),
        made({"id_acc": [0, 0], "ood_acc": [0, 0.3]}, _gap, f"{EXACT}; nothing right on ID", 1e-12),
        vector(
            {"id_acc": [0.5, None], "ood_acc": [None, 0.2]},
            {"diff": [None, None], "ratio": [None, None], "relative_diff": [None, None]},
            "undefined where a split is undefined",
        ),
    ],
    "scylla_generalization_score": [
        made({"id_acc": 0.84, "ood_acc": 0.31}, _score, EXACT, 1e-12),
        made({"id_acc": 0.31, "ood_acc": 0.84}, _score, EXACT, 1e-12),
        made({"id_acc": 0.84, "ood_acc": 0.31, "penalty": 0.25}, _score, EXACT, 1e-12),
        made({"id_acc": 1, "ood_acc": 0}, _score, f"{EXACT}; the lowest score there is", 1e-12),
    ],
    "scylla_critical_level": [
        vector(
            {"id_mean": [0.9, 0.8, 0.7], "ood_mean": [0.7, 0.6, 0.6]},
            {"gap": [0.2, 0.2, 0.1], "critical_level": 1, "tie": True, "tied_levels": [1, 2]},
            f"{HAND}; a tie goes to the lowest level although 0.9 - 0.7 and 0.8 - 0.6 differ in the"
            " last bit",
        ),
        vector(
            {"level": [3, 7, 9], "id_mean": [0.5, None, 0.4], "ood_mean": [0.5, 0.1, 0.1]},
            {"gap": [0.0, None, 0.3], "critical_level": 9, "tie": False},
            f"{HAND}; an undefined level cannot be critical",
        ),
        vector(
            {"id_mean": [0.2, 0.1], "ood_mean": [0.2, 0.4]},
            {"gap": [0, 0], "critical_level": None},
            f"{HAND}; no gap above 0",
        ),
    ],
    "scylla_gap_bounds_from_S": [
        made(
            {"S": [1, 0.5, 0, -0.25, -1]},
            _bounds,
            "every pair of accuracies in thousandths that has this score",
        ),
        vector(
            {"S": [1.2, None, -1.01]},
            {"lower": [None] * 3, "upper": [None] * 3},
            "no two accuracies have such a score",
        ),
    ],
    "scylla_format_rule": [
        vector(
            {"id": _cell(7, 3, 90), "ood": _cell(9, 0, 91), "threshold": 0.1},
            {"id_acc": 0.7, "ood_acc": 0, "acc_diff": 0.7, "acc_ratio": 0, "acc_relative_diff": 1},
            f"{HAND}; exactly a tenth is kept, a hundredth less is set to 0",
        ),
        vector(
            {"id": _cell(5, 2, 63), "ood": _cell(1, 3, 4), "threshold": 0.1},
            {"id_acc": 5 / 7, "ood_acc": 0.25, "acc_diff": 13 / 28, "acc_ratio": 0.35},
            f"{HAND}; 7 of 70 are a tenth although 0.1 * 70 is above 7 in floating point",
        ),
        vector(
            {"id": _cell(0, 0, 0), "ood": _cell(1, 1, 0), "threshold": 0.1},
            {"id_acc": None, "ood_acc": 0.5, "acc_diff": None},
            f"{HAND}; without answers there is no accuracy",
        ),
        vector(
            {"id": _cell(30, 20, 50), "ood": _cell(10, 10, 80), "policy": "unparsed_is_wrong"},
            {"id_acc": 0.3, "ood_acc": 0.1, "acc_diff": 0.2},
            f"{HAND}; unparsed answers are wrong",
        ),
        vector(
            {"id": _cell(30, 20, 50), "ood": _cell(10, 10, 80), "policy": "parsed_only"},
            {"id_acc": 0.6, "ood_acc": 0.5, "acc_diff": 0.1},
            f"{HAND}; parsed answers only",
        ),
    ],
    "scylla_table2_facts": [
        vector(
            {"file": "scylla_table2.csv"},
            {
                "n_models": 28,
                "n_open": 23,
                "n_closed": 5,
                "level_counts": {"1": 2, "2": 7, "3": 7, "4": 10, "5": 2},
            },
            "counted in the printed table",
        ),
    ],
    "binomial_ci": [
        made({"k": 17, "n": 40}, _binomial, INVERTED),
        made({"k": 0, "n": 12}, _binomial, INVERTED),
        made({"k": 12, "n": 12}, _binomial, INVERTED),
        made({"k": 1, "n": 256}, _binomial, INVERTED),
        made({"k": 9, "n": 30, "alpha": 0.1}, _binomial, INVERTED),
        vector(
            {"k": 0, "n": 0},
            {"wilson": [None, None], "clopper_pearson": [None, None]},
            f"{HAND}; nothing was asked",
        ),
    ],
}
