"""Closed forms, pooled curves, difficulty axis, task-level statistics."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from scipy import integrate, optimize, stats

from docs.certified_values.tools import Vectors, made, root, sigmoid, solve, vector


def _closed_form(inputs: dict[str, Any]) -> dict[str, Any]:
    """The peak by golden-section search on the gap itself."""

    def gap(x: float) -> float:
        return sigmoid(-inputs["a"] * (x - inputs["b_id"])) - sigmoid(
            -inputs["a"] * (x - inputs["b_ood"])
        )

    middle = (inputs["b_id"] + inputs["b_ood"]) / 2
    found = optimize.minimize_scalar(
        lambda x: -gap(x),
        bracket=(middle - 3, middle + 0.1, middle + 3),
        method="golden",
        tol=1e-12,
    )
    at = inputs["x"]
    return {
        "centre": round(float(found.x), 6),
        "peak_gap": gap(float(found.x)),
        "gap_at_x": [gap(x) for x in at],
    }


def _logistic_fit(
    columns: list[list[float]], right: list[float], n: list[float]
) -> tuple[list[float], float]:
    """Maximum likelihood by Newton's method in plain lists; coefficients and deviance."""
    width = len(columns[0])
    coef = [0.0] * width
    for _ in range(100):
        p = [sigmoid(sum(c * x for c, x in zip(coef, row, strict=True))) for row in columns]
        gradient = [
            sum((y - m * q) * row[j] for y, m, q, row in zip(right, n, p, columns, strict=True))
            for j in range(width)
        ]
        information = [
            [
                sum(
                    m * q * (1 - q) * row[i] * row[j]
                    for m, q, row in zip(n, p, columns, strict=True)
                )
                for j in range(width)
            ]
            for i in range(width)
        ]
        step = solve(information, gradient)
        coef = [c + s for c, s in zip(coef, step, strict=True)]
        if max(map(abs, step)) < 1e-14:
            break
    p = [sigmoid(sum(c * x for c, x in zip(coef, row, strict=True))) for row in columns]

    def part(y: float, fitted: float) -> float:
        return y * math.log(y / fitted) if y else 0.0

    deviance = 2 * sum(
        part(y, m * q) + part(m - y, m * (1 - q)) for y, m, q in zip(right, n, p, strict=True)
    )
    return coef, deviance


def _pooled(inputs: dict[str, Any]) -> dict[str, Any]:
    level, k_id, k_ood = inputs["level"], inputs["id_correct"], inputs["ood_correct"]
    n = [inputs["n"]] * len(level) if isinstance(inputs["n"], int) else inputs["n"]
    rows = [[1.0, x, s, x * s] for s in (1.0, 0.0) for x in level]
    right, asked = [*k_id, *k_ood], [*n, *n]
    fits = [_logistic_fit([row[:width] for row in rows], right, asked) for width in (2, 3, 4)]
    c0, c1, c2 = fits[1][0]
    # Mantel-Haenszel by the textbook sums: a, b right and wrong on ID; c, d on OOD.
    tables = [(i, m - i, o, m - o) for i, o, m in zip(k_id, k_ood, n, strict=True)]
    odds = sum(a * d / (a + b + c + d) for a, b, c, d in tables) / sum(
        b * c / (a + b + c + d) for a, b, c, d in tables
    )
    over = sum(a - (a + b) * (a + c) / (a + b + c + d) for a, b, c, d in tables)
    spread = sum(
        (a + b) * (c + d) * (a + c) * (b + d) / ((a + b + c + d) ** 2 * (a + b + c + d - 1))
        for a, b, c, d in tables
    )
    return {
        "M0_deviance": fits[0][1],
        "M1_deviance": fits[1][1],
        "M2_deviance": fits[2][1],
        "M1_slope_a": -c1,
        "M1_shift_logit": c2,
        "M1_centre": -(c0 + c2 / 2) / c1,
        "M1_peak_gap": math.tanh(c2 / 4),
        "CMH_pooled_OR": odds,
        "CMH_chi2_uncorrected": over**2 / spread,
        "CMH_chi2_corrected": (abs(over) - 0.5) ** 2 / spread,
    }


def _difficulty(inputs: dict[str, Any]) -> dict[str, Any]:
    n_models, n_levels = len(inputs["id_correct"]), len(inputs["id_correct"][0])
    rows, right, asked = [], [], []
    for sign, counts in ((0.5, inputs["id_correct"]), (-0.5, inputs["ood_correct"])):
        for model in range(n_models):
            for level in range(n_levels):
                row = [0.0] * (2 * n_models + n_levels - 1)
                row[model] = 1.0
                if level:
                    row[n_models + level - 1] = -1.0
                row[n_models + n_levels - 1 + model] = sign
                rows.append(row)
                right.append(counts[model][level])
                asked.append(inputs["n"][level])
    coef, deviance = _logistic_fit(rows, right, asked)
    return {
        "alpha": coef[:n_models],
        "beta": [0.0, *coef[n_models : n_models + n_levels - 1]],
        "delta": coef[n_models + n_levels - 1 :],
        "deviance": deviance,
        "df_resid": len(rows) - len(coef),
    }


def _t_tail(t: float, df: int) -> float:
    """P(T > t) by integrating the density."""
    constant = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    area, _ = integrate.quad(
        lambda x: constant * (1 + x * x / df) ** (-(df + 1) / 2),
        0,
        abs(t),
        epsabs=1e-14,
        epsrel=1e-13,
    )
    return 0.5 - area if t >= 0 else 0.5 + area


def _paule_mandel(
    d: list[float], v: list[float], x: list[float] | None
) -> tuple[float, float, float, float, float]:
    """tau2, intercept (the mean without x), its standard error, slope, its standard error; tau2 by
    bisection, the others by sums.
    """

    def line(tau2: float) -> tuple[float, float, float, float, float]:
        w = [1 / (value + tau2) for value in v]
        total = sum(w)
        if x is None:
            mean = sum(a * b for a, b in zip(w, d, strict=True)) / total
            return (
                sum(a * (b - mean) ** 2 for a, b in zip(w, d, strict=True)),
                mean,
                total**-0.5,
                math.nan,
                math.nan,
            )
        centre = sum(a * b for a, b in zip(w, x, strict=True)) / total
        sxx = sum(a * (b - centre) ** 2 for a, b in zip(w, x, strict=True))
        slope = sum(a * (b - centre) * c for a, b, c in zip(w, x, d, strict=True)) / sxx
        start = sum(a * c for a, c in zip(w, d, strict=True)) / total - slope * centre
        rest = sum(a * (c - start - slope * b) ** 2 for a, b, c in zip(w, x, d, strict=True))
        return rest, start, math.nan, slope, sxx**-0.5

    df = len(d) - (1 if x is None else 2)
    tau2 = root(lambda value: line(value)[0] - df, 0.0, 100.0) if line(0.0)[0] > df else 0.0
    return tau2, *line(tau2)[1:]


def _task_level(inputs: dict[str, Any]) -> dict[str, Any]:
    level, k_id, k_ood = inputs["level"], inputs["id_correct"], inputs["ood_correct"]
    n = inputs["n"] if isinstance(inputs["n"], list) else [inputs["n"]] * len(level)
    logits = [
        [math.log((y + 0.5) / (m - y + 0.5)) for y, m in zip(counts, n, strict=True)]
        for counts in (k_id, k_ood)
    ]
    v = [
        1 / (a + 0.5) + 1 / (m - a + 0.5) + 1 / (b + 0.5) + 1 / (m - b + 0.5)
        for a, b, m in zip(k_id, k_ood, n, strict=True)
    ]
    d = [a - b for a, b in zip(*logits, strict=True)]
    mid = [(a + b) / 2 for a, b in zip(*logits, strict=True)]
    gaps = [(a - b) / m for a, b, m in zip(k_id, k_ood, n, strict=True)]
    size = len(d)
    tau2, mean, se, _, _ = _paule_mandel(d, v, None)
    t95 = root(lambda t: 0.025 - _t_tail(t, size - 1), 0.0, 100.0)
    line_tau2, start, _, slope, slope_se = _paule_mandel(d, v, level)
    return {
        "level_gap": [
            float(np.mean([g for g, one in zip(gaps, level, strict=True) if one == at]))
            for at in sorted(set(level))
        ],
        "random_effect": mean,
        "random_ci95_t": [mean - t95 * se, mean + t95 * se],
        "tau2_paule_mandel": tau2,
        "metareg_intercept": start,
        "metareg_slope": slope,
        "metareg_slope_se": slope_se,
        "metareg_tau2": line_tau2,
        "metareg_slope_p": 2 * _t_tail(abs(slope / slope_se), size - 2),
        "fieller90_level_index": _fieller(level, mid),
        "iut_p_interior_peak": _interior_peak(level, gaps),
        "signflip_exact_p": _sign_flips(gaps),
        "wilcoxon_p": float(
            stats.permutation_test(
                (d,), _signed_ranks, permutation_type="samples", n_resamples=math.inf
            ).pvalue
        ),
        "ttest_logodds_p": (
            2
            * _t_tail(
                abs(float(np.mean(d)) / (float(np.std(d, ddof=1)) / math.sqrt(size))), size - 1
            )
        ),
    }


def _signed_ranks(d: Any) -> float:
    return float((np.sign(d) * stats.rankdata(np.abs(d))).sum())


def _sign_flips(gaps: list[float]) -> float:
    sums = [
        abs(sum(s * g for s, g in zip(signs, gaps, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(gaps))
    ]
    return sum(one >= abs(sum(gaps)) - 1e-12 for one in sums) / len(sums)


def _fieller(x: list[float], m: list[float]) -> list[float]:
    """The root of the line, and the points at which a t test of 'the line is 0 here' just rejects
    at 10 %.
    """
    fit = stats.linregress(x, m)
    size, centre = len(x), float(np.mean(x))
    sxx = sum((one - centre) ** 2 for one in x)
    s2 = sum((b - fit.intercept - fit.slope * a) ** 2 for a, b in zip(x, m, strict=True)) / (
        size - 2
    )
    t = root(lambda value: 0.05 - _t_tail(value, size - 2), 0.0, 100.0)

    def rejects(at: float) -> float:
        return abs(fit.intercept + fit.slope * at) - t * math.sqrt(
            s2 * (1 / size + (at - centre) ** 2 / sxx)
        )

    middle = -fit.intercept / fit.slope
    return [middle, root(rejects, middle - 50, middle), root(rejects, middle, middle + 50)]


def _interior_peak(level: list[float], gaps: list[float]) -> float:
    groups = [
        [g for g, one in zip(gaps, level, strict=True) if one == at] for at in sorted(set(level))
    ]
    df = len(gaps) - len(groups)
    means = [sum(group) / len(group) for group in groups]
    s2 = sum((g - mean) ** 2 for group, mean in zip(groups, means, strict=True) for g in group) / df
    ps = []
    for k in range(1, len(groups) - 1):
        contrasts = [
            (means[k] - means[e]) / math.sqrt(s2 * (1 / len(groups[k]) + 1 / len(groups[e])))
            for e in (0, len(groups) - 1)
        ]
        ps.append(max(_t_tail(t, df) for t in contrasts))
    return min(1.0, (len(groups) - 2) * min(ps))


BY_LISTS = "Newton's method in plain lists, Mantel-Haenszel by its sums"
BY_SUMS = (
    "sums over tasks, tau2 by halving, t tails by integration, Fieller by inverting the test, every"
    " sign pattern"
)
VECTORS: Vectors = {
    "valley_closed_form": [
        made(
            {"a": 0.7, "b_id": 4.1, "b_ood": 2.2, "x": [1.0, 3.0, 5.5]},
            _closed_form,
            "golden-section search on the gap",
            1e-6,
        ),
        made(
            {"a": 2.5, "b_id": 1.0, "b_ood": -0.5, "x": [0.25]},
            _closed_form,
            "golden-section search on the gap",
            1e-6,
        ),
    ],
    "valley_glm_fig5": [
        made(
            {
                "level": [1, 2, 3, 4, 5],
                "id_correct": [95, 82, 60, 31, 9],
                "ood_correct": [90, 70, 38, 17, 6],
                "n": 100,
            },
            _pooled,
            BY_LISTS,
            1e-8,
        ),
        made(
            {
                "level": [1, 2, 3],
                "id_correct": [40, 50, 10],
                "ood_correct": [44, 30, 12],
                "n": [50, 80, 60],
            },
            _pooled,
            BY_LISTS,
            1e-8,
        ),
    ],
    "rasch_level_difficulty_fig5": [
        made(
            {
                "id_correct": [[90, 50, 10], [95, 70, 22], [60, 31, 4], [99, 90, 55]],
                "ood_correct": [[80, 41, 9], [90, 60, 12], [55, 20, 3], [98, 70, 30]],
                "n": [100, 100, 100],
            },
            _difficulty,
            BY_LISTS,
            1e-7,
        ),
        made(
            {"id_correct": [[30, 10], [20, 15]], "ood_correct": [[25, 12], [22, 5]], "n": [40, 30]},
            _difficulty,
            BY_LISTS,
            1e-7,
        ),
    ],
    "valley_task_level": [
        made(
            {
                "level": [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
                "n": 64,
                "id_correct": [63, 60, 58, 50, 41, 55, 33, 20, 28, 9, 14, 5],
                "ood_correct": [60, 61, 50, 31, 30, 47, 20, 19, 11, 6, 10, 5],
            },
            _task_level,
            BY_SUMS,
            1e-7,
        ),
        made(
            {
                "level": [1, 1, 2, 2, 3, 3],
                "n": [50, 40, 50, 40, 50, 40],
                "id_correct": [45, 33, 30, 21, 10, 9],
                "ood_correct": [44, 30, 20, 18, 8, 3],
            },
            _task_level,
            BY_SUMS,
            1e-7,
        ),
        made(
            {
                "level": [9, 2, 5, 2, 9, 5],
                "n": 10.0,
                "id_correct": [2, 10, 6, 9, 0, 5],
                "ood_correct": [1, 10, 4, 8, 0, 5],
            },
            _task_level,
            f"{BY_SUMS}; levels out of order and with gaps, none right and all right",
            1e-7,
        ),
        vector(
            {
                "level": [1, 2, 3, 4],
                "n": 10,
                "id_correct": [9, 7, 4, 1],
                "ood_correct": [8, 4, 3, 1],
            },
            {"level_gap": [0.1, 0.3, 0.1, 0.0], "critical_level": 2, "iut_p_interior_peak": None},
            "by hand: one task a level cannot say how tasks differ",
        ),
        made(
            {
                "level": [1, 1, 2, 2, 3, 3, 3],
                "n": 200,
                "id_correct": [199, 180, 150, 90, 40, 20, 11],
                "ood_correct": [150, 178, 60, 85, 39, 4, 20],
            },
            _task_level,
            BY_SUMS,
            1e-7,
        ),
    ],
}
