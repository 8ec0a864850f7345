"""Which function answers which method of the certified values? One entry per method key: inputs of a vector in, its expected fields out.

`analysis.verify` runs these. A method stands here when Charybdis computes it; nothing is computed for the check alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.accuracy import FIRST_ANSWER_SHARE, SECOND_ANSWER_SHARE, accuracy, binomial_interval
from analysis.critical import constancy_test, half_point, interior_peak_test, to_level
from analysis.curves import common_slope_gap, common_slope_peak, fit_difficulty_axis, fit_pooled_curves
from analysis.log_odds import combine_tasks, empirical_logit, log_odds_gap
from analysis.scylla import accuracy_ratio, critical_level, gap_bounds, generalization_gap, generalization_score, relative_gap, signed_gap
from data.records import Denominator, NotEnoughDataError

Inputs = Mapping[str, Any]
Outputs = dict[str, Any]
Tables = Callable[[str], Path]
"""Finds a table that a vector names."""

OUTCOMES = ("correct", "wrong", "unparsed", "error")
TABLE_2_SCORES = ("s_N", "s_N_N2", "s_N2_N3", "s_N3_N4", "s_2N")


def _numbers(value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Numbers of a vector; null is undefined. Booleans and texts are refused: no vector means them as numbers."""
    listed = value if isinstance(value, list) else [value]
    if any(isinstance(item, bool | str) for item in listed):
        raise TypeError(f"expected numbers, found {value!r}")
    array = np.array([math.nan if item is None else item for item in listed], dtype=float)
    return array if isinstance(value, list) else array[0]


def _number(value: Any) -> float:
    """One number of a vector, as `_numbers` reads it."""
    return float(_numbers(value))


def _count(value: Any) -> int:
    number = _number(value)
    if number < 0 or number % 1:
        raise ValueError(f"expected a number of answers, found {value!r}")
    return int(number)


def _gap(inputs: Inputs, _: Tables) -> Outputs:
    a_id, a_ood = _numbers(inputs["id_acc"]), _numbers(inputs["ood_acc"])
    return {
        "diff": generalization_gap(a_id, a_ood),
        "signed_diff": signed_gap(a_id, a_ood),
        "ratio": accuracy_ratio(a_id, a_ood),
        "relative_diff": relative_gap(a_id, a_ood),
    }


def _score(inputs: Inputs, _: Tables) -> Outputs:
    penalty = _number(inputs.get("penalty", inputs.get("lambda", 1.0)))
    return {"S": generalization_score(_numbers(inputs["id_acc"]), _numbers(inputs["ood_acc"]), penalty=penalty)}


def _critical(inputs: Inputs, _: Tables) -> Outputs:
    given = "gap" in inputs
    gap = _numbers(inputs["gap"]) if given else generalization_gap(_numbers(inputs["id_mean"]), _numbers(inputs["ood_mean"]))
    found = critical_level(inputs.get("level", list(range(1, len(gap) + 1))), gap)
    return {"gap": gap, "critical_level": found.level, "tie": found.is_tie, "tied_levels": list(found.tied)}


def _bounds(inputs: Inputs, _: Tables) -> Outputs:
    lower, upper = gap_bounds(_numbers(inputs["S"]), penalty=_number(inputs.get("penalty", inputs.get("lambda", 1.0))))
    return {"lower": lower, "upper": upper}


def _format_rule(inputs: Inputs, _: Tables) -> Outputs:
    second = str(inputs.get("which", "first")).startswith("second")
    threshold = _number(inputs.get("threshold", SECOND_ANSWER_SHARE if second else FIRST_ANSWER_SHARE))
    denominator = Denominator(inputs.get("denominator", inputs.get("policy", Denominator.AUTHORS)))
    a_id, a_ood = (
        accuracy(
            *(_count(cell.get(name, 0) if name in ("unparsed", "error") else cell[name]) for name in OUTCOMES),
            denominator=denominator,
            min_parsed_share=threshold,
        ).accuracy
        for cell in (inputs["id"], inputs["ood"])
    )
    return {
        "id_acc": a_id,
        "ood_acc": a_ood,
        "acc_diff": generalization_gap(a_id, a_ood),
        "acc_ratio": accuracy_ratio(a_id, a_ood),
        "acc_relative_diff": relative_gap(a_id, a_ood),
    }


def _table_2_facts(inputs: Inputs, tables: Tables) -> Outputs:
    table = pd.read_csv(tables(inputs["file"]))
    is_open = table["access"] == "open"
    per_level = table["critical_level"].value_counts().sort_index()
    return {
        "n_models": len(table),
        "n_open": int(is_open.sum()),
        "n_closed": int((table["access"] == "closed").sum()),
        "level_counts": {str(level): int(count) for level, count in per_level.items()},
        "negative_scores": [int((table[name] < 0).sum()) for name in TABLE_2_SCORES],
        "mean_level_open": float(table.loc[is_open, "critical_level"].mean()),
        "mean_level_closed": float(table.loc[~is_open, "critical_level"].mean()),
    }


def _binomial(inputs: Inputs, _: Tables) -> Outputs:
    confidence = _number(inputs.get("confidence", 1 - _number(inputs.get("alpha", 0.05))))
    ends = {
        name: [float(end) for end in binomial_interval(_number(inputs["k"]), _number(inputs["n"]), method=method, confidence=confidence)]
        for name, method in (("wilson", "wilson"), ("clopper_pearson", "beta"))
    }
    return {
        **ends,
        "published_wilson_4dp": [round(end, 4) for end in ends["wilson"]],
        "published_cp_4dp": [round(end, 4) for end in ends["clopper_pearson"]],
    }


def _closed_form(inputs: Inputs, _: Tables) -> Outputs:
    curve = {name: _number(inputs[name]) for name in ("a", "b_id", "b_ood")}
    centre, height = common_slope_peak(**curve)
    found: Outputs = {"centre": centre, "peak_gap": height}
    return found | ({"gap_at_x": common_slope_gap(_numbers(inputs["x"]), **curve)} if "x" in inputs else {})


def _pooled_curves(inputs: Inputs, _: Tables) -> Outputs:
    level, k_id, k_ood, n = (_numbers(inputs[name]) for name in ("level", "id_correct", "ood_correct", "n"))
    fit = fit_pooled_curves(level, k_id, k_ood, n)
    gap = generalization_gap(k_id / n, k_ood / n)
    return {
        "discrete_gap": gap,
        "critical_level": critical_level(inputs["level"], gap).level,
        "M0_deviance": fit.m0_deviance,
        "M1_deviance": fit.m1_deviance,
        "M2_deviance": fit.m2_deviance,
        "M1_slope_a": fit.slope_a,
        "M1_shift_logit": fit.shift,
        "M1_Delta": fit.shift / fit.slope_a,
        "M1_centre": fit.centre,
        "M1_centre_se_delta_binomial": fit.centre_se,
        "M1_peak_gap": fit.peak_gap,
        "M2_peak_x": fit.m2_peak_x,
        "M2_peak_gap": fit.m2_peak_gap,
        "LR_M1_vs_M0": fit.m0_deviance - fit.m1_deviance,
        "CMH_pooled_OR": fit.odds_ratio,
        "CMH_chi2_corrected": fit.cmh_corrected,
        "CMH_chi2_uncorrected": fit.cmh_uncorrected,
        "breslow_day_tarone_chi2": fit.breslow_day_tarone,
        "breslow_day_tarone_p": fit.breslow_day_tarone_p,
    }


def _difficulty(inputs: Inputs, tables: Tables) -> Outputs:
    """Counts in the inputs, or made from a table of level means: y = round(n * mean), n = n_tasks * n_samples_per_task."""
    if "id_correct" in inputs:
        k_id, k_ood, n = (np.asarray(inputs[name], dtype=float) for name in ("id_correct", "ood_correct", "n"))
    else:
        table = pd.read_csv(tables(str(inputs["data"]).split(",", 1)[0].strip()))
        table["n"] = table["n_tasks"] * table["n_samples_per_task"]
        order = table["model"].drop_duplicates()
        k_id, k_ood, n = (
            table.assign(value=values).pivot(index="model", columns="level", values="value").loc[order].to_numpy(dtype=float)
            for values in ((table["n"] * table["id_mean"]).round(), (table["n"] * table["ood_mean"]).round(), table["n"])
        )
    fit = fit_difficulty_axis(k_id, k_ood, n)
    return {"beta": list(fit.beta), "alpha": list(fit.alpha), "delta": list(fit.delta), "deviance": fit.deviance, "df_resid": fit.df_resid}


def _task_level(inputs: Inputs, _: Tables) -> Outputs:
    level = _numbers(inputs["level"]).astype(int)
    k_id, k_ood = _numbers(inputs["id_correct"]), _numbers(inputs["ood_correct"])
    n_id, n_ood = (_numbers(inputs.get(name, inputs.get("n"))) for name in ("n_id", "n_ood"))
    if not len(level) == len(k_id) == len(k_ood):
        raise NotEnoughDataError(f"level, id_correct and ood_correct have {len(level)}, {len(k_id)} and {len(k_ood)} entries.")
    levels = [int(number) for number in np.unique(level)]
    difficulty = [float(beta) for beta in inputs.get("difficulty_axis") or levels]
    x = np.array(difficulty)[np.searchsorted(levels, level)]
    gaps = signed_gap(k_id / n_id, k_ood / n_ood)
    d, variance = log_odds_gap(k_id, n_id, k_ood, n_ood)
    mid = (empirical_logit(k_id, n_id)[0] + empirical_logit(k_ood, n_ood)[0]) / 2
    level_gap = [float(gaps[level == number].mean()) for number in levels]
    mean, line, peak = combine_tasks(d, variance, gaps), constancy_test(d, variance, x), interior_peak_test(gaps, level)
    by_index, by_difficulty = half_point(mid, level), half_point(mid, x)
    at_difficulty = [by_difficulty.x, by_difficulty.lo, by_difficulty.hi]
    return {
        "level_gap": level_gap,
        "critical_level": critical_level(levels, level_gap).level,
        "fixed_effect": mean.fixed_delta,
        "fixed_se": mean.fixed_se,
        "random_effect": mean.delta,
        "random_ci95_t": [mean.lo, mean.hi],
        "tau2_paule_mandel": mean.tau2,
        "Q": mean.q,
        "I2": mean.i2,
        "metareg_intercept": line.intercept,
        "metareg_slope": line.slope,
        "metareg_slope_se": line.slope_se,
        "metareg_tau2": line.tau2,
        "metareg_slope_p": line.p,
        "fieller90_level_index": [by_index.x, by_index.lo, by_index.hi],
        "fieller90_difficulty": at_difficulty,
        "x50_difficulty_mapped_to_level": [to_level(value, difficulty, levels)[0] for value in at_difficulty],
        "iut_p_interior_peak": peak.p,
        "iut_p_per_level": list(peak.per_level),
        "ttest_logodds_p": mean.t_p,
        "wilcoxon_p": mean.wilcoxon_p,
        "signflip_exact_p": mean.sign_flip_p,
    }


METHODS: dict[str, Callable[[Inputs, Tables], Outputs]] = {
    "scylla_gap": _gap,
    "scylla_generalization_score": _score,
    "scylla_critical_level": _critical,
    "scylla_gap_bounds_from_S": _bounds,
    "scylla_format_rule": _format_rule,
    "scylla_table2_facts": _table_2_facts,
    "binomial_ci": _binomial,
    "valley_closed_form": _closed_form,
    "valley_glm_fig5": _pooled_curves,
    "valley_task_level": _task_level,
    "rasch_level_difficulty_fig5": _difficulty,
}
"""Every method of the certified values that Charybdis computes, by its key."""
