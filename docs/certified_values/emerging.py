"""What-if and emergence: chains from a token's probability, choices, pass@k, breakthroughness,
resolution, scaling laws, loss threshold.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations, pairwise, product
from typing import Any

from docs.certified_values.tools import Vectors, made, root, solve, vector

EXACT = "exact fractions"


def _chain(inputs: dict[str, Any]) -> dict[str, Any]:
    """Every pattern of right and wrong tokens, with its probability."""
    p, length = Fraction(str(inputs["per_token_p"])), inputs["L"]
    right, distance = Fraction(0), Fraction(0)
    for pattern in product((0, 1), repeat=length):
        weight = math.prod((p if token else 1 - p for token in pattern), start=Fraction(1))
        right += weight * all(pattern)
        distance += weight * (length - sum(pattern))
    return {"exact_match": float(right), "token_edit_distance": float(distance)}


def _scaling(inputs: dict[str, Any]) -> dict[str, Any]:
    """The chain in logarithms to base 2."""
    loss = 2 ** (inputs["alpha"] * (math.log2(inputs["N"]) - math.log2(inputs["c"])))
    p = 2 ** (-loss / math.log(2))
    return {
        "cross_entropy": loss,
        "p": p,
        "exact_match": p ** inputs["L"],
        "token_edit_distance": inputs["L"] * (1 - p),
    }


def _brier(inputs: dict[str, Any]) -> dict[str, Any]:
    rows = [[Fraction(str(p)) for p in row] for row in inputs["P"]]
    each = [
        sum((p - (place == right)) ** 2 for place, p in enumerate(row))
        for row, right in zip(rows, inputs["y"], strict=True)
    ]
    return {"brier": float(sum(each) / len(each))}


def _choices(inputs: dict[str, Any]) -> dict[str, Any]:
    p, right = [math.exp(one) for one in inputs["logp_vocab"]], inputs["correct"]
    shares = [one / math.fsum(p) for one in p]
    return {
        "log_p_vocab": inputs["logp_vocab"][right],
        "p_vocab": p[right],
        "p_choices": shares[right],
        "accuracy": float(all(p[right] > one for place, one in enumerate(p) if place != right)),
        "brier": math.fsum((one - (place == right)) ** 2 for place, one in enumerate(shares)),
    }


def _pass_at_k(inputs: dict[str, Any]) -> dict[str, Any]:
    """Every choice of k attempts out of n: the share that contains a right one."""
    drawn = list(combinations(range(inputs["n"]), inputs["k"]))
    return {"pass_at_k": sum(min(places) < inputs["c"] for places in drawn) / len(drawn)}


def _correlations(inputs: dict[str, Any]) -> dict[str, Any]:
    """The area under the survival curve step by step."""
    values = sorted(Fraction(str(one)) for one in inputs["per_sample_corr"])
    n, at = len(values), Fraction(-1)
    area = Fraction(0)
    for place, value in enumerate(values):
        area += (value - at) * Fraction(n - place, n)
        at = value
    half = n // 2
    above = sum(value > Fraction(str(inputs["threshold"])) for value in values)
    return {
        "mean": float(sum(values) / n),
        "median": float(values[half] if n % 2 else (values[half - 1] + values[half]) / 2),
        "ccdf_at_threshold": above / n,
        "ccdf_area": float(area),
    }


def _suddenness(inputs: dict[str, Any]) -> dict[str, Any]:
    y = [Fraction(str(one)) for one in inputs["y"]]
    squares = sorted((after - before) ** 2 for before, after in pairwise(y))
    middle = len(squares) // 2
    median = squares[middle] if len(squares) % 2 else (squares[middle - 1] + squares[middle]) / 2
    rise = (max(y) - min(y)) * (1 if y.index(max(y)) > y.index(min(y)) else -1)
    linearity = float(rise) / math.sqrt(sum(squares) / len(squares))
    return {
        "B": float(rise) / math.sqrt(median),
        "L": linearity,
        "L_over_steps": linearity / len(squares),
    }


def _resolution(inputs: dict[str, Any]) -> dict[str, Any]:
    n, p = inputs["n"], inputs["p"]
    needed = next(tries for tries in range(1, 100_000) if (1 - p) ** tries <= 0.05)
    return {
        "min_step": 1 / n,
        "prob_all_zero": float((1 - Fraction(str(p))) ** n),
        "rule_of_three_upper95": 3 / n,
        "exact_upper95": root(lambda rate: (1 - rate) ** n - 0.05, 0.0, 1.0),
        "n_for_95pct_seeing_one": needed,
    }


def _law(inputs: dict[str, Any]) -> dict[str, Any]:
    """Normal equations of F = log(-log PU) on log N, line and parabola, solved by elimination."""
    x = [math.log(size) for size in inputs["N"]]
    f = [math.log(-math.log(rate)) for rate in inputs["PU"]]

    def fit(degree: int, at: list[float]) -> list[float]:
        powers = range(degree + 1)
        left = [[math.fsum(one ** (i + j) for one in at) for j in powers] for i in powers]
        return solve(
            left,
            [math.fsum(one**i * value for one, value in zip(at, f, strict=True)) for i in powers],
        )

    intercept, slope = fit(1, x)
    centre = math.fsum(x) / len(x)
    curvature = fit(2, [one - centre for one in x])[2]
    return {
        "alpha": -slope,
        "c": math.exp(intercept),
        "PU_at_2p4e9": math.exp(-math.exp(intercept + slope * math.log(2.4e9))),
        "quadratic_coef": curvature,
    }


def _threshold(inputs: dict[str, Any]) -> dict[str, Any]:
    """The size at which the loss law equals eta, by bisection over log N."""

    def above(log_size: float) -> float:
        return float(
            inputs["L_inf"] + (inputs["N0"] / math.exp(log_size)) ** inputs["alpha"] - inputs["eta"]
        )

    return {"N_threshold": math.exp(root(above, 0.0, 80.0))}


VECTORS: Vectors = {
    "metric_transform": [
        made(
            {"per_token_p": 0.7, "L": 6},
            _chain,
            f"all 64 patterns of right and wrong tokens, {EXACT}",
            1e-12,
        ),
        made({"per_token_p": 0.95, "L": 3}, _chain, f"all 8 patterns, {EXACT}", 1e-12),
        made({"per_token_p": 1, "L": 5}, _chain, f"all 32 patterns, {EXACT}", 1e-12),
        vector(
            {"exact_match": 0.4096, "L": 4},
            {"per_token_p": 0.8, "token_edit_distance": 0.8},
            "by hand: .8^4 = .4096",
            1e-12,
        ),
        vector(
            {"exact_match": 0, "L": 2, "n": 1},
            {"per_token_p": None, "per_token_p_upper95": math.sqrt(0.95)},
            "by hand: 0 of 1 leaves up to .95 for two tokens",
            1e-12,
        ),
    ],
    "metric_transform_scaling": [
        made(
            {"N": 1e9, "c": 2e9, "alpha": -0.25, "L": 4},
            _scaling,
            "the chain in logarithms to base 2",
            1e-12,
        ),
        vector(
            {"N": 5e8, "c": 5e8, "alpha": -0.4, "L": 2},
            {
                "cross_entropy": 1.0,
                "p": math.exp(-1),
                "exact_match": math.exp(-2),
                "token_edit_distance": 2 - 2 * math.exp(-1),
            },
            "by hand: N = c gives a loss of 1",
            1e-12,
        ),
    ],
    "brier_multiclass": [
        made({"P": [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]], "y": [0, 2]}, _brier, EXACT, 1e-12),
        made(
            {"P": [[0.25, 0.25, 0.25, 0.25]], "y": [1]},
            _brier,
            f"{EXACT}; guessing gives (C - 1) / C",
            1e-12,
        ),
        made({"P": [[0, 1]], "y": [0]}, _brier, f"{EXACT}; as wrong as can be", 1e-12),
        made(
            {"P": [[0.1, 0.9], [0.2, 0.3, 0.5]], "y": [1, 0]},
            _brier,
            f"{EXACT}; two choices, then three",
            1e-12,
        ),
    ],
    "mc_metric_chain": [
        made(
            {"logp_vocab": [-1.5, -2.5, -4.0], "correct": 0},
            _choices,
            "sums of math.exp, by definition",
            1e-12,
        ),
        made(
            {"logp_vocab": [-3.0, -2.0, -6.5, -2.25], "correct": 3},
            _choices,
            "sums of math.exp, by definition",
            1e-12,
        ),
    ],
    "pass_at_k": [
        made(
            {"n": 12, "c": 3, "k": 4},
            _pass_at_k,
            "every choice of 4 attempts out of 12 counted",
            1e-12,
        ),
        made({"n": 6, "c": 0, "k": 2}, _pass_at_k, "every choice counted; none right", 1e-12),
        made(
            {"n": 9, "c": 7, "k": 3},
            _pass_at_k,
            "every choice counted; 2 wrong cannot fill 3",
            1e-12,
        ),
        vector(
            {"n": 5, "c": 2, "k": 6},
            {"pass_at_k": None},
            "by hand: 6 attempts cannot be drawn from 5",
        ),
    ],
    "correlation_distribution": [
        made(
            {"per_sample_corr": [0.9, -0.4, 0.35, 0.6, 0.1], "threshold": 0.5},
            _correlations,
            f"survival curve in steps, {EXACT}",
            1e-12,
        ),
        made(
            {"per_sample_corr": [-0.8, 0.2, 0.2, 0.75], "threshold": 0.2},
            _correlations,
            f"the same; a tie at it, {EXACT}",
            1e-12,
        ),
    ],
    "breakthroughness_linearity": [
        made({"y": [0.02, 0.05, 0.04, 0.4, 0.85]}, _suddenness, f"{EXACT} up to the last root"),
        made(
            {"y": [0.9, 0.7, 0.6, 0.2]},
            _suddenness,
            f"{EXACT} up to the last root; a score that falls",
        ),
        vector(
            {"y": [0.9, 0.1, 0.1, 0.1]},
            {"B": "-inf", "L": -math.sqrt(3), "L_over_steps": -1 / math.sqrt(3)},
            "by hand: one fall",
        ),
        vector({"y": [0.1, None, 0.4, 0.5]}, {"B": None, "L": None}, "by hand: a score is missing"),
    ],
    "resolution": [
        made(
            {"n": 40, "p": 0.03},
            _resolution,
            "tail inverted by halving; instances tried one by one",
        ),
        made(
            {"n": 250, "p": 0.005},
            _resolution,
            "tail inverted by halving; instances tried one by one",
        ),
        vector(
            {"n": 8, "p": 0},
            {"prob_all_zero": 1, "n_for_95pct_seeing_one": None},
            "by hand: what never happens is never seen",
        ),
    ],
    "passuntil": [
        vector(
            {"samples_until_stop": 500, "successes_r": 4},
            {"mle": 0.008, "unbiased": 3 / 499},
            "by hand: 4 / 500 and 3 / 499",
            1e-12,
        ),
        vector(
            {"samples_until_stop": 20, "successes_r": 1},
            {"mle": 0.05, "unbiased": None},
            "by hand; one: no unbiased form",
            1e-12,
        ),
    ],
    "task_scaling_law": [
        made(
            {"N": [2e7, 8e7, 3e8, 1.2e9], "PU": [0.002, 0.03, 0.15, 0.5]},
            _law,
            "normal equations by elimination",
            {"rel": 1e-9},
        ),
        vector(
            {"N": [1e7, 1e8, 1e9], "PU": [0, 1, 0.5]},
            {"alpha": None, "c": None},
            "by hand: 0 and 1 have no place: one is left",
        ),
        made(
            {"N": [1e8, 2e8, 4e8, 8e8, 1.6e9], "PU": [0.05, 0.07, 0.12, 0.35, 0.7]},
            _law,
            "normal equations, eliminated",
            {"rel": 1e-9},
        ),
    ],
    "loss_threshold": [
        made(
            {"N0": 1e9, "alpha": 0.3, "L_inf": 1.5, "eta": 2.2},
            _threshold,
            "the loss law met by halving over log N",
            {"rel": 1e-9},
        ),
        vector(
            {
                "loss": [3.0, 2.5, 2.0, 1.5, 1.0],
                "y": [0.25, 0.25, 0.25, 0.45, 0.65],
                "chance": 0.25,
            },
            {"eta": 2.0, "A": 0.4, "base": 0.25},
            "drawn on a hinge that bends at 2 with slope .4",
            1e-6,
        ),
        vector(
            {"N0": 1e9, "alpha": 0.3, "L_inf": 1.5, "eta": 1.4},
            {"N_threshold": None},
            "eta below the floor: no size reaches it",
        ),
    ],
}
