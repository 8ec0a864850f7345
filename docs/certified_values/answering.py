"""Answer probabilities and the complexity used on probe tasks."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from statistics import fmean, stdev
from typing import Any

from docs.certified_values.tools import Vectors, made, vector

KERNELS = "a sum of normal densities with Scott's width on the grid, divergences by their sums"
SORTED = "the definition in plain lists"
SEGMENTS = "straight lines between neighbours, exact fractions"


def _divergence(inputs: dict[str, Any]) -> dict[str, Any]:
    both = [*inputs["id"], *inputs["ood"]]
    bins = inputs.get("num_bins", 100)
    grid = [min(both) + (max(both) - min(both)) * place / (bins - 1) for place in range(bins)]

    def density(values: list[float]) -> list[float]:
        width = stdev(values) * len(values) ** -0.2
        scale = len(values) * width * math.sqrt(2 * math.pi)
        return [
            max(
                1e-10,
                math.fsum(math.exp(-(((at - one) / width) ** 2) / 2) for one in values) / scale,
            )
            for at in grid
        ]

    def kl(p: list[float], q: list[float]) -> float:
        return math.fsum(a * math.log(a / b) for a, b in zip(p, q, strict=True))

    p, q = density(inputs["id"]), density(inputs["ood"])
    found: dict[str, Any] = {"kl_author_reversed": kl(q, p)}
    for name, (a, b) in (
        ("author", (p, q)),
        ("normalised", ([x / math.fsum(p) for x in p], [x / math.fsum(q) for x in q])),
    ):
        middle = [(x + y) / 2 for x, y in zip(a, b, strict=True)]
        found |= {f"kl_{name}": kl(a, b), f"js_{name}": (kl(a, middle) + kl(b, middle)) / 2}
    return found


def _min_k(inputs: dict[str, Any]) -> dict[str, Any]:
    best = [max(answers, key=lambda one: float(one["prob"])) for answers in inputs["instances"]]
    kept = sorted(range(len(best)), key=lambda i: -best[i]["prob"])[
        : len(best) * inputs.get("topk_percent", 100) // 100
    ]
    graded = [inputs["correct"][i] for i in kept if inputs["correct"][i] is not None]
    accuracy = sum(graded) / len(graded)
    found = {}
    for k in inputs["K"]:
        lowest = [
            sorted(best[i]["suffix_probs"])[: max(1, len(best[i]["suffix_probs"]) * k // 100)]
            for i in kept
        ]
        found[str(k)] = fmean(math.prod(tokens) ** (1 / len(tokens)) for tokens in lowest)
    return {
        "acc": accuracy,
        "avg_prob": fmean(best[i]["prob"] for i in kept),
        "min_k": found,
        "acc_norm": {k: accuracy / value if value else None for k, value in found.items()},
    }


def _levels(inputs: dict[str, Any]) -> dict[str, Any]:
    curve, wanted = (
        [Fraction(str(one)) for one in inputs["anchor_ood"]],
        Fraction(str(inputs["probe_ood"])),
    )
    places = {Fraction(i + 1) for i, value in enumerate(curve) if value == wanted}
    for i, (a, b) in enumerate(pairwise(curve)):
        if (a - wanted) * (b - wanted) < 0:
            places.add(i + 1 + (a - wanted) / (a - b))
    return {"levels": [float(place) for place in sorted(places)]}


ID_VALUES, OOD_VALUES = [0.2, 0.4, 0.4, 0.9], [0.1, 0.3, 0.8]
UNDEFINED = {"kl_author": None, "js_author": None, "kl_normalised": None, "js_normalised": None}
ANSWERS = [
    [
        {"prob": 0.4, "suffix_probs": [0.9, 0.2, 0.5, 0.6]},
        {"prob": 0.7, "suffix_probs": [0.8, 0.6]},
    ],
    [{"prob": 0.3, "suffix_probs": [0.0, 0.5, 0.5, 0.9]}],
    [{"prob": 0.6, "suffix_probs": [0.7]}],
    [{"prob": 0.9, "suffix_probs": [0.99, 0.95, 0.8, 0.9, 0.97]}],
]

VECTORS: Vectors = {
    "scylla_kl_js": [
        made(
            {"id": ID_VALUES, "ood": OOD_VALUES, "num_bins": 200},
            _divergence,
            KERNELS,
            {"rel": 1e-9},
        ),
        made(
            {"id": OOD_VALUES, "ood": ID_VALUES},
            _divergence,
            f"{KERNELS}; 100 points where none are named",
            {"rel": 1e-9},
        ),
        vector(
            {"id": [0.5, 0.5], "ood": OOD_VALUES},
            UNDEFINED,
            "by hand: no width where all values are the same",
        ),
        vector({"id": [0.5], "ood": OOD_VALUES}, UNDEFINED, "by hand: no width with one value"),
    ],
    "scylla_min_k_norm": [
        made(
            {"instances": ANSWERS, "correct": [True, False, None, True], "K": [20, 50, 100]},
            _min_k,
            SORTED,
            1e-12,
        ),
        made(
            {"instances": ANSWERS, "correct": [1, 0, None, 1], "K": [30], "topk_percent": 60},
            _min_k,
            f"{SORTED}; 2 of 4 kept",
            1e-12,
        ),
        vector(
            {"instances": [[{"prob": 0, "suffix_probs": [0, 0]}]], "correct": [True], "K": [50]},
            {"acc": 1, "avg_prob": 0, "min_k": {"50": 0}, "acc_norm": {"50": None}},
            "by hand: no division by 0",
        ),
    ],
    "scylla_probe_level": [
        made(
            {"anchor_ood": [0.9, 0.2, 0.8, 0.1, 0.5], "probe_ood": 0.4},
            _levels,
            f"{SEGMENTS}; four crossings",
            1e-12,
        ),
        made(
            {"anchor_ood": [0.9, 0.2, 0.8, 0.1, 0.5], "probe_ood": 0.2},
            _levels,
            f"{SEGMENTS}; one of them at a level",
            1e-12,
        ),
        vector(
            {"anchor_ood": [0.9, 0.5, 0.3], "probe_ood": 0.95},
            {"levels": [], "n_crossings": 0},
            "by hand: above every level",
        ),
        vector(
            {"anchor_ood": [0.9, 0.5, 0.3], "probe_ood": 0.3},
            {"levels": [3]},
            "by hand: at the last level",
        ),
    ],
}
