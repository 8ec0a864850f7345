"""Certified values of SCYLLA's own definitions: gap, score, critical level, answer-format rule,
intervals (METHODS A, D1).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.accuracy import FIRST_ANSWER_SHARE, SECOND_ANSWER_SHARE, accuracy, binomial_interval
from analysis.certified.reading import (
    Inputs,
    Methods,
    Outputs,
    Tables,
    count,
    first_of,
    listed,
    number,
    numbers,
)
from analysis.scylla import (
    accuracy_ratio,
    critical_level,
    gap_bounds,
    generalization_gap,
    generalization_score,
    relative_gap,
    signed_gap,
)
from data.records import Denominator, NotEnoughDataError

OUTCOMES = ("correct", "wrong", "unparsed", "error")
TABLE_2_SCORES = ("s_N", "s_N_N2", "s_N2_N3", "s_N3_N4", "s_2N")


def _gap(inputs: Inputs, _: Tables) -> Outputs:
    a_id, a_ood = listed(inputs, "id_acc", "ood_acc")
    return {
        "diff": generalization_gap(a_id, a_ood),
        "signed_diff": signed_gap(a_id, a_ood),
        "ratio": accuracy_ratio(a_id, a_ood),
        "relative_diff": relative_gap(a_id, a_ood),
    }


def _score(inputs: Inputs, _: Tables) -> Outputs:
    a_id, a_ood = listed(inputs, "id_acc", "ood_acc")
    return {"S": generalization_score(a_id, a_ood, penalty=_penalty(inputs))}


def _penalty(inputs: Inputs) -> float:
    return number(first_of(inputs, "penalty", "lambda", "lam", "lambda_", default=1.0))


def _critical(inputs: Inputs, _: Tables) -> Outputs:
    given = first_of(inputs, "gap", "gaps")
    gap = np.atleast_1d(
        numbers(given)
        if given is not None
        else generalization_gap(*listed(inputs, "id_mean", "ood_mean"))
    )
    levels = np.atleast_1d(first_of(inputs, "level", "levels", default=[]))
    if not len(levels) or levels.dtype.kind not in "iuf":  # names of levels stand in their order
        levels = np.arange(1, len(gap) + 1)
    if len(levels) != len(gap):
        raise NotEnoughDataError(f"there are {len(levels)} levels and {len(gap)} gaps")
    found = critical_level(levels, gap)
    return {
        "gap": gap,
        "critical_level": found.level,
        "tie": found.is_tie,
        "tied_levels": list(found.tied),
    }


def _bounds(inputs: Inputs, _: Tables) -> Outputs:
    lower, upper = gap_bounds(numbers(inputs["S"]), penalty=_penalty(inputs))
    return {"lower": lower, "upper": upper}


def _format_rule(inputs: Inputs, _: Tables) -> Outputs:
    second = str(inputs.get("which", "first")).startswith("second")
    threshold = number(
        first_of(inputs, "threshold", default=SECOND_ANSWER_SHARE if second else FIRST_ANSWER_SHARE)
    )
    denominator = Denominator(
        first_of(inputs, "denominator", "policy", default=Denominator.AUTHORS)
    )
    a_id, a_ood = (
        accuracy(
            *(
                count(cell.get(name, 0) if name in ("unparsed", "error") else cell[name])
                for name in OUTCOMES
            ),
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
    confidence = number(
        first_of(inputs, "confidence", default=1 - number(first_of(inputs, "alpha", default=0.05)))
    )
    n = number(inputs["n"])
    k = number(inputs["k"]) if "k" in inputs else number(inputs["p"]) * n
    ends = {
        name: [float(end) for end in binomial_interval(k, n, method=method, confidence=confidence)]
        for name, method in (("wilson", "wilson"), ("clopper_pearson", "beta"))
    }
    return {
        **ends,
        "published_wilson_4dp": [round(end, 4) for end in ends["wilson"]],
        "published_cp_4dp": [round(end, 4) for end in ends["clopper_pearson"]],
    }


METHODS: Methods = {
    "scylla_gap": _gap,
    "scylla_generalization_score": _score,
    "scylla_critical_level": _critical,
    "scylla_gap_bounds_from_S": _bounds,
    "scylla_format_rule": _format_rule,
    "scylla_table2_facts": _table_2_facts,
    "binomial_ci": _binomial,
}
