"""Certified values of emergence: breakthroughness, resolution, pass until, task scaling law, loss
threshold (METHODS C1, C4-C6).
"""

from __future__ import annotations

import numpy as np

from analysis.certified.reading import Inputs, Methods, Outputs, Tables, number, numbers
from analysis.emergence.breakthrough import breakthroughness_and_linearity
from analysis.emergence.loss_threshold import fit_loss_threshold, threshold_size
from analysis.emergence.pass_until import fit_task_law, pass_until
from analysis.emergence.resolution import resolution
from data.records import NotEnoughDataError

LAW_FIELDS = ("alpha", "c", "PU_at_2p4e9", "curvature_sign", "quadratic_coef", "kind")
THRESHOLD_FIELDS = ("eta", "A", "base", "rss")


def _breakthroughness(inputs: Inputs, _: Tables) -> Outputs:
    y = numbers(inputs["y"])
    b, linearity = (float(value) for value in breakthroughness_and_linearity(y))
    # JSON has no infinity: the vectors write it as a word.
    return {
        "B": str(b) if np.isinf(b) else b,
        "L": linearity,
        "L_over_steps": linearity / (len(y) - 1) if len(y) > 1 else np.nan,
    }


def _resolution(inputs: Inputs, _: Tables) -> Outputs:
    found = resolution(
        number(inputs["n"]),
        number(inputs.get("p")),
        confidence=number(inputs.get("confidence", 0.95)),
    )
    return {
        "min_step": found.min_step,
        "prob_all_zero": found.prob_all_zero,
        "rule_of_three_upper95": found.rule_of_three,
        "exact_upper95": found.exact_upper,
        "n_for_95pct_seeing_one": found.n_to_see_one,
    }


def _pass_until(inputs: Inputs, _: Tables) -> Outputs:
    """Either samples and successes, or a published pair of a real and a predicted pass rate."""
    if "real" in inputs:
        real, predicted = number(inputs["real"]), number(inputs["predicted"])
        return {
            "relative_deviation_percent": 100 * abs(predicted - real) / real if real else np.nan
        }
    found = pass_until(number(inputs["samples_until_stop"]), number(inputs["successes_r"]))
    return {"mle": found.mle, "unbiased": found.unbiased, "upper95": found.upper}


def _task_law(inputs: Inputs, _: Tables) -> Outputs:
    try:
        law = fit_task_law(numbers(inputs["N"]), numbers(inputs["PU"]))
    except NotEnoughDataError:
        return dict.fromkeys(LAW_FIELDS, np.nan)
    found = (law.alpha, law.c, float(law.at(2.4e9)), law.curvature, law.quadratic, law.kind)
    return dict(zip(LAW_FIELDS, found, strict=True))


def _loss_threshold(inputs: Inputs, _: Tables) -> Outputs:
    """A known loss law with its threshold, or losses with scores."""
    if "N0" in inputs:
        return {
            "N_threshold": threshold_size(
                *(number(inputs[name]) for name in ("N0", "alpha", "L_inf", "eta"))
            )
        }
    chance = inputs.get("chance", inputs.get("base", 0.0))
    loss, score = (
        numbers(inputs.get("loss", inputs.get("L"))),
        numbers(inputs.get("y", inputs.get("score"))),
    )
    try:
        found = fit_loss_threshold(
            loss, score, base=None if chance is None else number(chance), resamples=0
        )
    except NotEnoughDataError:
        return dict.fromkeys(THRESHOLD_FIELDS, np.nan)
    return dict(zip(THRESHOLD_FIELDS, (found.eta, found.slope, found.base, found.rss), strict=True))


METHODS: Methods = {
    "breakthroughness_linearity": _breakthroughness,
    "resolution": _resolution,
    "passuntil": _pass_until,
    "task_scaling_law": _task_law,
    "loss_threshold": _loss_threshold,
}
