"""Certified values of comparisons: McNemar, many tests, agreement, ranking over tasks, error bars
(METHODS D2-D4, D6, D7).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from analysis.certified.reading import (
    Inputs,
    Methods,
    Outputs,
    Tables,
    count,
    first_of,
    number,
    numbers,
)
from analysis.compare.agreement import Agreement, capa, error_consistency, one_hot
from analysis.compare.pairing import adjust, mcnemar
from analysis.compare.ranking import borda, kemeny, pairwise_wins
from analysis.error_bars import (
    ALPHA,
    POWER,
    bernoulli_se,
    clt_se,
    clustered_se,
    detectable_difference,
    instances_needed,
    paired_variance,
    relative_variance,
    sandwich_se,
    unpaired_variance,
)

_TABLE_2 = {(0.655, 5000.0): 0.7, (0.836, 164.0): 3.2}
"""Standard errors in percent as Miller's Table 2 prints them; its tables are declared fictional; n
= 164 does not give 3.2.
"""
_TABLE_4 = {"DROP": (1.34, 0.44), "RACE-H": (0.51, 0.46), "MGSM": (1.62, 0.86)}
"""Standard errors in percent, clustered and not, as Miller's Table 4 prints them (real
evaluations).
"""


def _mcnemar(inputs: Inputs, _: Tables) -> Outputs:
    table = first_of(inputs, "table")
    b, c = (table[0][1], table[1][0]) if table is not None else (inputs["b"], inputs["c"])
    found = mcnemar(count(b), count(c))
    return {
        "p": found.p,
        "kind": found.kind,
        "exact_p": found.exact_p,
        "mid_p": found.mid_p,
        "chi2_corrected": found.chi2,
        "chi2": found.chi2,
        "chi2_p": found.chi2_p,
    }


def _multiple(inputs: Inputs, _: Tables) -> Outputs:
    p = numbers(inputs["p"])
    return {method: adjust(p, method) for method in ("holm", "bh", "bonferroni")}


def _capa(inputs: Inputs, _: Tables) -> Outputs:
    correct = [count(place) for place in first_of(inputs, "gt", "y", default=[])]
    models = (inputs["a"], inputs["b"])
    is_discrete = first_of(inputs, "one_hot", default=False) or not all(
        isinstance(row, list) for row in [*models[0], *models[1]]
    )
    if is_discrete:
        rows = _discrete(models, correct, first_of(inputs, "n_options"))
    else:
        rows = [[numbers(row) for row in listed] for listed in models]
    found = capa(rows[0], rows[1], correct)
    right = [
        [float(np.argmax(row) == place) for row, place in zip(listed, correct, strict=True)]
        for listed in rows
    ]
    return _agreement(found) | {"error_consistency": error_consistency(*right).kappa}


def _discrete(models: tuple[Any, Any], correct: list[int], n_options: Any) -> list[list[Any]]:
    """One-hot rows of both models; without `n_options` their length follows from the rows."""
    chosen = [[_choice(row) for row in rows] for rows in models]
    if n_options is None and models[0] and isinstance(models[0][0], list):
        n_options = [len(row) for row in models[0]]
    elif n_options is None:
        n_options = 1 + max([*chosen[0], *chosen[1], *correct])
    sizes = n_options if isinstance(n_options, list) else [n_options] * len(models[0])
    return [one_hot(choices, [count(n) for n in sizes]) for choices in chosen]


def _choice(row: Any) -> int:
    return int(np.argmax(numbers(row))) if isinstance(row, list) else count(row)


def _agreement(found: Agreement) -> Outputs:
    return {
        "kappa_p": found.kappa,
        "c_obs": found.c_obs,
        "c_exp": found.c_exp,
        "p_bar_a": found.mean_a,
        "p_bar_b": found.mean_b,
        "inv_options": found.inv_options,
    }


def _ranking(inputs: Inputs, _: Tables) -> Outputs:
    scores = np.array([numbers(row) for row in inputs["scores_system_by_task"]])
    higher = inputs.get("higher_is_better")
    if isinstance(higher, bool):
        higher = [higher] * scores.shape[1]
    points = borda(scores, higher_is_better=higher)
    order, disagreements = kemeny(scores, higher_is_better=higher)
    oriented = scores if higher is None else np.where(higher, scores, -scores)
    return {
        "borda_0_is_worst": points,
        "borda_ranking_best_first": np.argsort(-points, kind="stable"),
        "kemeny_best_first": list(order),
        "kemeny_disagreements": disagreements,
        "mean_ranking_best_first": np.argsort(-oriented.mean(axis=1), kind="stable"),
        "pairwise_wins_row_over_col": pairwise_wins(scores, higher_is_better=higher),
    }


def _paired(inputs: Inputs, _: Tables) -> Outputs:
    if "scores_a" in inputs:
        a, b = numbers(inputs["scores_a"]), numbers(inputs["scores_b"])
        clusters = first_of(inputs, "cluster", "clusters")
        paired = {
            "se": clt_se(a - b),
            "se_paired": clt_se(a - b),
            "se_unpaired": math.hypot(clt_se(a), clt_se(b)),
            "mean": (a - b).mean(),
        }
        return paired | ({} if clusters is None else {"se_clustered": sandwich_se(a - b, clusters)})
    corr = number(first_of(inputs, "corr", "rho", default=0.0))
    if "se_a" in inputs:
        var_a, var_b = number(inputs["se_a"]) ** 2, number(inputs["se_b"]) ** 2
    else:
        var_a, var_b = number(inputs["var_a"]), number(inputs["var_b"])
    paired_var, unpaired_var = paired_variance(var_a, var_b, corr), unpaired_variance(var_a, var_b)
    se = math.sqrt(paired_var)
    return {
        "se": se,
        "published": se,
        "se_paired": se,
        "se_unpaired": math.sqrt(unpaired_var),
        "var_paired": paired_var,
        "var_unpaired": unpaired_var,
    }


def _power(inputs: Inputs, _: Tables) -> Outputs:
    k_a, k_b = (number(first_of(inputs, name, "K", default=1)) for name in ("K_A", "K_B"))
    noise = [number(first_of(inputs, name, default=0.0)) for name in ("sigma2_A", "sigma2_B")]
    variance = number(inputs["omega2"]) + noise[0] / k_a + noise[1] / k_b
    level = {
        "alpha": number(first_of(inputs, "alpha", default=ALPHA)),
        "power": number(first_of(inputs, "power", default=POWER)),
    }
    found: Outputs = {}
    if inputs.get("delta") is not None:
        exact = instances_needed(number(inputs["delta"]), variance, **level)
        found |= {
            "n_exact": exact,
            "n": math.ceil(exact - 1e-9) if math.isfinite(exact) else math.nan,
        }
    if inputs.get("n") is not None:
        smallest = detectable_difference(number(inputs["n"]), variance, **level)
        found |= {"mde": smallest, "mde_published": smallest}
    return found


def _resampling(inputs: Inputs, _: Tables) -> Outputs:
    parts = {"var_x": "var_difficulty", "mean_sigma2": "mean_noise", "sigma2": "mean_noise"}
    given = {
        ours: number(inputs[name]) for name, ours in parts.items() if inputs.get(name) is not None
    }
    difficulty = inputs.get("difficulty", "uniform")
    if isinstance(difficulty, list):
        shares = numbers(difficulty)
        given = {
            "var_difficulty": float(shares.var()),
            "mean_noise": float((shares * (1 - shares)).mean()),
        }
    elif difficulty != "uniform" and not given:
        raise ValueError(
            f"difficulty is 'uniform' or a list of expected scores, found {difficulty!r}"
        )
    ratio = relative_variance(numbers(inputs["K"]), **given)
    return {"relative_variance": ratio, "reduction": 1 - ratio}


def _bernoulli(inputs: Inputs, _: Tables) -> Outputs:
    p, n = numbers(inputs["p"]), numbers(inputs["n"])
    se = bernoulli_se(p, n)
    printed = _TABLE_2.get((float(p), float(n))) if np.ndim(p) == np.ndim(n) == 0 else None
    return {"se": se, "published_percent": np.round(100 * se, 1) if printed is None else printed}


def _clustered(inputs: Inputs, _: Tables) -> Outputs:
    if "table" in inputs:
        named = [name for name in _TABLE_4 if name in str(inputs["table"])] or list(_TABLE_4)
        clustered, plain = (np.array([_TABLE_4[name][place] for name in named]) for place in (0, 1))
        return {"clustered": clustered, "clt": plain, "ratio": clustered / plain}
    # A verdict of true or false is a score of 1 or 0, as in the vectors of other keys.
    scores = numbers(
        [float(score) if isinstance(score, bool) else score for score in inputs["scores"]]
    )
    clusters = first_of(inputs, "cluster", "clusters")
    return {
        "se_clt": clt_se(scores),
        "se_clustered_miller_eq4": clustered_se(scores, clusters),
        "se_cluster_sandwich_no_correction": sandwich_se(scores, clusters),
        "n_clusters": len(set(clusters)),
    }


METHODS: Methods = {
    "mcnemar": _mcnemar,
    "multiple_comparisons": _multiple,
    "capa": _capa,
    "rank_aggregation": _ranking,
    "miller_paired_se": _paired,
    "miller_power": _power,
    "miller_resampling": _resampling,
    "miller_bernoulli_se": _bernoulli,
    "clustered_se": _clustered,
}
