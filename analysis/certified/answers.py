"""Certified values of answer probabilities and of the complexity used on probe tasks (METHODS A3,
A4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
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
from analysis.likelihood.answer_probability import (
    MIN_K,
    ScoredAnswer,
    answer_probability,
    divergence,
    min_k_accuracy,
)
from analysis.probe_tasks.probe_level import find_crossings

SAME_INSTANCES: dict[str, Any] = {
    "instances": [
        [
            {"prob": 0.5, "suffix_probs": [0.9, 0.4, 0.3, 0.8, 0.7]},
            {"prob": 0.6, "suffix_probs": [0.95, 0.5, 0.2, 0.9]},
        ],
        [{"prob": 0.3, "suffix_probs": [0.1, 0.6, 0.4]}],
        [{"prob": 0.8, "suffix_probs": [0.99, 0.7, 0.9, 0.85, 0.6, 0.95, 0.5, 0.8, 0.75, 0.65]}],
        [{"prob": 0.2, "suffix_probs": [0.2]}],
        [{"prob": 0.45, "suffix_probs": [0.5, 0.5]}],
    ],
    "correct": [True, False, True, None, False],
}
"""What a vector of the Min-K% key means by `same_instances`: those of that key's first vector."""


def _divergence(inputs: Inputs, _: Tables) -> Outputs:
    bins = count(first_of(inputs, "num_bins", "n_grid", default=100))
    author, normalised = (
        divergence(numbers(inputs["id"]), numbers(inputs["ood"]), mode=mode, n_grid=bins)
        for mode in ("author", "normalised")
    )
    return {
        f"{measure}_{mode}{end}": getattr(found, field)
        for mode, found in (("author", author), ("normalised", normalised))
        for measure, end, field in (
            ("kl", "", "kl"),
            ("kl", "_reversed", "kl_reversed"),
            ("js", "", "js"),
        )
    }


def _min_k(inputs: Inputs, _: Tables) -> Outputs:
    given: Mapping[str, Any] = (
        {**SAME_INSTANCES, **inputs} if inputs.get("same_instances") else inputs
    )
    shares = np.atleast_1d(numbers(first_of(given, "K", "k", "ks", default=list(MIN_K))))
    names = [int(share) if share == int(share) else float(share) for share in shares.tolist()]
    instances = [[_answer(answer) for answer in answers] for answers in given["instances"]]
    keep = number(first_of(given, "topk_percent", "top_percent", default=100))
    found = min_k_accuracy(instances, given["correct"], ks=names, keep_percent=keep)
    return {
        "acc": found.accuracy,
        "avg_prob": found.probability,
        "min_k": {str(k): value for k, value in found.min_k.items()},
        "acc_norm": {str(k): value for k, value in found.normalised.items()},
    }


def _answer(given: Mapping[str, Any]) -> ScoredAnswer:
    tokens = np.atleast_1d(numbers(given["suffix_probs"]))
    stated = given.get("prob")
    with np.errstate(divide="ignore"):
        probability = number(stated) if stated is not None else answer_probability(np.log(tokens))
    return ScoredAnswer(probability=probability, token_probabilities=tuple(tokens.tolist()))


def _probe(inputs: Inputs, _: Tables) -> Outputs:
    anchors = np.atleast_1d(numbers(first_of(inputs, "anchor_ood", "anchors")))
    places = np.atleast_1d(
        numbers(first_of(inputs, "levels", "level", default=list(range(1, len(anchors) + 1))))
    )
    probe = first_of(inputs, "probe_ood", "probe")
    found = find_crossings(places, anchors, math.nan if probe is None else number(probe))
    return {
        "levels": list(found.levels),
        "censored": found.censored,
        "n_crossings": len(found.levels),
    }


METHODS: Methods = {
    "scylla_kl_js": _divergence,
    "scylla_min_k_norm": _min_k,
    "scylla_probe_level": _probe,
}
