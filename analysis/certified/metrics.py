"""Certified values of metrics: the chain from a token's probability, choices, pass@k, correlations
of items (METHODS C3, C4, C7).
"""

from __future__ import annotations

import numpy as np

from analysis.certified.reading import Inputs, Methods, Outputs, Tables, number, numbers
from analysis.what_if.metrics import (
    brier,
    choice_chain,
    correlation_distribution,
    pass_at_k,
    scaling_chain,
    token_chain,
    token_probability,
)


def _transform(inputs: Inputs, _: Tables) -> Outputs:
    """From a token's probability forwards, or from an exact match (of n answers) back to it."""
    length = numbers(inputs["L"])
    if "per_token_p" in inputs:
        p, back = numbers(inputs["per_token_p"]), {}
    else:
        p, upper = token_probability(
            numbers(inputs["exact_match"]), length, numbers(inputs.get("n"))
        )
        back = {"per_token_p": p, "per_token_p_upper95": upper}
    chain = token_chain(p, length)
    return {
        "exact_match": chain.exact_match,
        "token_edit_distance": chain.token_edit_distance,
    } | back


def _scaling(inputs: Inputs, _: Tables) -> Outputs:
    c, alpha, length = (number(inputs[name]) for name in ("c", "alpha", "L"))
    chain = scaling_chain(numbers(inputs["N"]), c=c, alpha=alpha, length=length)
    return {
        name: getattr(chain, name)
        for name in ("cross_entropy", "p", "exact_match", "token_edit_distance")
    }


def _brier(inputs: Inputs, _: Tables) -> Outputs:
    rows = [numbers(row) for row in inputs["P"]]
    if not rows:
        return {"brier": np.nan}
    # Row by row: instances may have different numbers of choices.
    each = [
        float(brier(row, place)[0]) for row, place in zip(rows, numbers(inputs["y"]), strict=True)
    ]
    return {"brier": float(np.mean(each))}


def _choices(inputs: Inputs, _: Tables) -> Outputs:
    chain = choice_chain(numbers(inputs["logp_vocab"]), number(inputs["correct"]))
    return {
        name: getattr(chain, name)
        for name in ("log_p_vocab", "p_vocab", "p_choices", "accuracy", "brier")
    }


def _pass_at_k(inputs: Inputs, _: Tables) -> Outputs:
    return {"pass_at_k": pass_at_k(*(numbers(inputs[name]) for name in ("n", "c", "k")))}


def _correlations(inputs: Inputs, _: Tables) -> Outputs:
    found = correlation_distribution(
        numbers(inputs["per_sample_corr"]), number(inputs.get("threshold"))
    )
    summary = {
        name: getattr(found, name)
        for name in ("mean", "median", "ccdf_at_threshold", "ccdf_area", "neg_min_wasserstein")
    }
    return summary | {"scipy_check": found.neg_min_wasserstein}


METHODS: Methods = {
    "metric_transform": _transform,
    "metric_transform_scaling": _scaling,
    "brier_multiclass": _brier,
    "mc_metric_chain": _choices,
    "pass_at_k": _pass_at_k,
    "correlation_distribution": _correlations,
}
