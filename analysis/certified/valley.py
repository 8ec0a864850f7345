"""Certified values of the valley: closed forms, pooled curves, difficulty axis, task-level data
(METHODS B1-B3).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from analysis.certified.reading import (
    Inputs,
    Methods,
    Outputs,
    Tables,
    first_of,
    listed,
    number,
    numbers,
)
from analysis.log_odds.critical import constancy_test, half_point, interior_peak_test, to_level
from analysis.log_odds.curves import (
    common_slope_gap,
    common_slope_peak,
    fit_difficulty_axis,
    fit_pooled_curves,
)
from analysis.log_odds.gap import combine_tasks, empirical_logit, log_odds_gap
from analysis.scylla import critical_level, generalization_gap, signed_gap
from data.records import NotEnoughDataError


def _closed_form(inputs: Inputs, _: Tables) -> Outputs:
    curve = {name: number(inputs[name]) for name in ("a", "b_id", "b_ood")}
    curve["guess"] = number(first_of(inputs, "guess", "gamma", default=0.0))
    curve["slip"] = number(first_of(inputs, "slip", "eps", default=0.0))
    centre, height = common_slope_peak(**curve)
    found: Outputs = {"centre": centre, "peak_gap": height}
    return found | (
        {"gap_at_x": common_slope_gap(numbers(inputs["x"]), **curve)} if "x" in inputs else {}
    )


def _pooled_curves(inputs: Inputs, _: Tables) -> Outputs:
    sides = {name: first_of(inputs, name, "n") for name in ("n_id", "n_ood")}
    level, k_id, k_ood, n_id, n_ood = listed(
        {**inputs, **sides}, "level", "id_correct", "ood_correct", "n_id", "n_ood"
    )
    fit = fit_pooled_curves(level, k_id, k_ood, n_id, n_ood)
    gap = generalization_gap(k_id / n_id, k_ood / n_ood)
    return {
        "discrete_gap": gap,
        "critical_level": critical_level(inputs["level"], gap).level,
        "M0_deviance": fit.m0_deviance,
        "M1_deviance": fit.m1_deviance,
        "M2_deviance": fit.m2_deviance,
        "M1_slope_a": fit.slope_a,
        "M1_shift_logit": fit.shift,
        "M1_Delta": fit.shift / fit.slope_a if fit.slope_a else math.nan,
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
    """Counts in the inputs, or made from a table of level means: y = round(n * mean), n = n_tasks *
    n_samples_per_task.
    """
    if "id_correct" in inputs:
        k_id, k_ood, n = (
            np.asarray(inputs[name], dtype=float) for name in ("id_correct", "ood_correct", "n")
        )
    else:
        table = pd.read_csv(tables(str(inputs["data"]).split(",", 1)[0].strip()))
        table["n"] = table["n_tasks"] * table["n_samples_per_task"]
        order = table["model"].drop_duplicates()
        k_id, k_ood, n = (
            table.assign(value=values)
            .pivot(index="model", columns="level", values="value")
            .loc[order]
            .to_numpy(dtype=float)
            for values in (
                (table["n"] * table["id_mean"]).round(),
                (table["n"] * table["ood_mean"]).round(),
                table["n"],
            )
        )
    fit = fit_difficulty_axis(k_id, k_ood, n)
    return {
        "beta": list(fit.beta),
        "alpha": list(fit.alpha),
        "delta": list(fit.delta),
        "deviance": fit.deviance,
        "df_resid": fit.df_resid,
    }


def _task_level(inputs: Inputs, _: Tables) -> Outputs:
    sides = {name: first_of(inputs, name, "n") for name in ("n_id", "n_ood")}
    level, k_id, k_ood, n_id, n_ood = listed(
        {**inputs, **sides}, "level", "id_correct", "ood_correct", "n_id", "n_ood"
    )
    level = level.astype(int)
    levels = [int(number) for number in np.unique(level)]
    difficulty = [float(beta) for beta in first_of(inputs, "difficulty_axis", default=levels)]
    if len(difficulty) != len(levels):
        raise NotEnoughDataError(
            f"difficulty_axis has {len(difficulty)} entries for {len(levels)} levels"
        )
    x = np.array(difficulty)[np.searchsorted(levels, level)]
    gaps = signed_gap(k_id / n_id, k_ood / n_ood)
    d, variance = log_odds_gap(k_id, n_id, k_ood, n_ood)
    mid = (empirical_logit(k_id, n_id)[0] + empirical_logit(k_ood, n_ood)[0]) / 2
    level_gap = [float(gaps[level == number].mean()) for number in levels]
    mean, line, peak = (
        combine_tasks(d, variance, gaps),
        constancy_test(d, variance, x),
        interior_peak_test(gaps, level),
    )
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
        "x50_difficulty_mapped_to_level": [
            to_level(value, difficulty, levels)[0] for value in at_difficulty
        ],
        "iut_p_interior_peak": peak.p,
        "iut_p_per_level": list(peak.per_level),
        "ttest_logodds_p": mean.t_p,
        "wilcoxon_p": mean.wilcoxon_p,
        "signflip_exact_p": mean.sign_flip_p,
    }


METHODS: Methods = {
    "valley_closed_form": _closed_form,
    "valley_glm_fig5": _pooled_curves,
    "valley_task_level": _task_level,
    "rasch_level_difficulty_fig5": _difficulty,
}
