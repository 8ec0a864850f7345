"""Certified values of the critical level against model size (METHODS B4)."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd

from analysis.certified.reading import Inputs, Methods, Outputs, Tables, first_of, number, numbers
from analysis.size.ordered_tests import (
    jonckheere_terpstra,
    mann_whitney,
    rank_trend,
    stratified_trend,
)
from analysis.size.size_trend import interval_regression, least_squares_trend, ordinal_trend

TABLE_2 = "scylla_table2.csv"
LOGARITHMS = {"log10": np.log10, "log2": np.log2, "ln": np.log, "log": np.log}


def _rows(inputs: Inputs, tables: Tables) -> pd.DataFrame:
    """x, level and family of the models that a vector means: lists of its own, or words about Table
    2's models with a size.
    """
    if "level" in inputs or "levels" in inputs:
        level = numbers(first_of(inputs, "level", "levels"))
        given = first_of(
            inputs,
            *(
                name
                for name in ("x", "log10_params", "params_b")
                if isinstance(inputs.get(name), list)
            ),
        )
        x = numbers(given)
        if not isinstance(inputs.get("x"), list) and "log10_params" not in inputs:
            x = np.log10(x)
        families = first_of(inputs, "family", "families", default=[None] * len(level))
        return pd.DataFrame({"x": x, "level": level, "family": families})
    words = str(inputs["data"])
    named = re.search(r"[\w.-]+\.csv", words)
    table = pd.read_csv(tables(named.group() if named else TABLE_2))
    table = _chosen(table.loc[table["params_b"].notna()], words)
    scale = re.match(r"\s*(log10|log2|log|ln)\b", str(inputs.get("x", "log10")))
    sizes = table["params_b"]
    return pd.DataFrame(
        {
            "x": LOGARITHMS[scale.group(1)](sizes) if scale else sizes,
            "level": table["critical_level"].astype(float),
            "family": table["family"],
        }
    )


def _chosen(table: pd.DataFrame, words: str) -> pd.DataFrame:
    """Families that the words name; without the models, families and parts of names that follow
    "without".
    """
    wanted, *dropped = re.split(r"\b(?:without|except|excluding|but)\b", words)
    parts = {
        side: set(re.findall(r"[\w.-]*\w", text))
        for side, text in (("wanted", wanted), ("dropped", " ".join(dropped)))
    }
    families = set(table["family"]) & parts["wanted"]
    kept = table.loc[table["family"].isin(families)] if families else table
    names = ({row.model, row.family, *str(row.model).split("-")} for row in kept.itertuples())
    return kept.loc[[not (known & parts["dropped"]) for known in names]]


def _trend(inputs: Inputs, tables: Tables) -> Outputs:
    rows = _rows(inputs, tables)
    overall, line = (
        rank_trend(rows["x"], rows["level"]),
        least_squares_trend(rows["x"], rows["level"]),
    )
    is_within = rows["family"].notna().any() and (
        "within" in str(inputs.get("data", "")) or "family" in inputs or "families" in inputs
    )
    counted = (
        stratified_trend(rows["x"], rows["level"], rows["family"].tolist())
        if is_within
        else overall
    )
    return {
        "tau_b": overall.tau_b,
        "tau_b_p": overall.p_asymptotic,
        "spearman": overall.spearman,
        "spearman_p": overall.spearman_p,
        "ols_slope": line.slope,
        "ols_p": line.p,
        "kendall_S": counted.s,
        "comparable_pairs": counted.n_pairs,
        "permutation_p_one_sided": counted.p_rising,
        "permutation_p_two_sided": counted.p_two_sided,
        "n": len(rows),
    }


def _ordinal(inputs: Inputs, tables: Tables) -> Outputs:
    rows = _rows(inputs, tables)
    fit = ordinal_trend(rows["x"], rows["level"])
    return {
        "beta": fit.beta,
        "se": fit.se,
        "loglik": fit.log_likelihood,
        "LR_vs_null": fit.lr,
        "LR_p": fit.lr_p,
        "odds_ratio_per_10x": fit.odds_ratio,
        "n": fit.n,
    }


def _interval(inputs: Inputs, tables: Tables) -> Outputs:
    rows = _rows(inputs, tables)
    ends = {
        name: number(inputs[name]) for name in ("lowest", "highest") if inputs.get(name) is not None
    }
    fit = interval_regression(rows["x"], rows["level"], **ends)
    return {
        "b0": fit.b0,
        "b1": fit.b1,
        "sigma": fit.sigma,
        "se_b1": fit.se_b1,
        "neg_loglik": fit.neg_log_likelihood,
        "LR": fit.lr,
        "LR_p": fit.lr_p,
        "n": fit.n,
    }


def _groups(inputs: Inputs, _: Tables) -> Outputs:
    test = jonckheere_terpstra([numbers(group) for group in inputs["groups"]])
    return {
        "J": test.j,
        "max_J": test.max_j,
        "mean": test.mean,
        "var_tie_corrected": test.variance,
        "z": test.z,
        "p_one_sided": test.p_one_sided,
        "kendall_S_on_group_codes": test.kendall_s,
    }


def _open_closed(inputs: Inputs, _: Tables) -> Outputs:
    words = str(first_of(inputs, "alternative", default="closed greater"))
    alternative = next((name for name in ("greater", "less") if name in words), "two-sided")
    if words.startswith("open"):
        alternative = {"greater": "less", "less": "greater"}.get(alternative, alternative)
    test = mann_whitney(numbers(inputs["closed"]), numbers(inputs["open"]), alternative=alternative)
    is_empty = math.isnan(test.share)
    return {"U": math.nan if is_empty else test.u, "p": test.p, "share": test.share}


METHODS: Methods = {
    "critical_level_trend": _trend,
    "critical_level_ordinal": _ordinal,
    "critical_level_interval_regression": _interval,
    "jonckheere_terpstra": _groups,
    "mann_whitney_open_closed": _open_closed,
}
