"""Two metrics of the same answers: drawn with the same tasks and instances, narrower than apart,
and right in simulation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.emergence.paired_series import PairedDraws, difference, draw_together
from analysis.emergence.scale_series import Series, Wanted, gather
from analysis.emergence.sentences import steepness_sentence
from analysis.emergence.studying import compare_metrics, study
from tests.analysis.emergence.test_emergence import counts, scales, stated

N, LENGTH = 200, 6
RATES = np.array([0.3, 0.55, 0.75, 0.9, 0.97])


def answers(
    rng: np.random.Generator, tasks: tuple[str, ...] = ("sort",), *, draw: bool = True
) -> tuple[Series, Series, pd.DataFrame]:
    """Targets of six tokens at five sizes: exact match and the share of right tokens of the same
    answers, and how they go together.
    """
    exact, share, together = [], [], []
    for task in tasks:
        tokens = rng.random((len(RATES), N, LENGTH)) < RATES[:, None, None]
        right, part = tokens.all(axis=2), tokens.mean(axis=2)
        exact.append(counts(right.sum(axis=1), N, task=task))
        share.append(
            stated(part.mean(axis=1), 0.0, is_share=True).assign(
                se=part.std(axis=1, ddof=1) / np.sqrt(N), n=float(N), task=task
            )
        )
        r = [
            np.corrcoef(a, b)[0, 1] if a.any() and not a.all() else np.nan
            for a, b in zip(right, part, strict=True)
        ]
        together.append(counts([0] * len(RATES), N, task=task).assign(correlation=r))
    sizes = scales([1e3, 1e4, 1e5, 1e6, 1e7])
    both = ((exact, "accuracy"), (share, "token_accuracy"))
    first, second = (
        gather(sizes, pd.concat(rows), metric, Wanted(), draw=draw) for rows, metric in both
    )
    return (
        first,
        second,
        pd.concat(together)[["run_id", "task", "level", "split", "reading", "correlation"]],
    )


def middle(_: Any, scores: Any) -> Any:
    return scores[:, 2]


def drawn(
    series: tuple[Series, Series, pd.DataFrame], *, paired: bool, seed: int = 0
) -> PairedDraws:
    found = draw_together(*series[:2], series[2] if paired else None, seed=seed)
    assert found is not None and found.is_paired is paired
    return found


def test_the_interval_of_the_difference_is_narrower_and_holds_the_truth() -> None:
    """Exact match and token share of the same answers go up and down together, so their difference
    is surer than apart.
    """
    rng = np.random.default_rng(3)
    truth = RATES[2] ** LENGTH - RATES[2]
    inside, widths = [], []
    for seed in range(120):
        series = answers(rng, draw=False)
        both = [
            difference(drawn(series, paired=paired, seed=seed), middle) for paired in (True, False)
        ]
        inside.append([lo <= truth <= hi for _, lo, hi, _ in both])
        widths.append([hi - lo for _, lo, hi, _ in both])
    covered = np.mean(inside, axis=0)
    paired, apart = np.mean(widths, axis=0)
    assert 0.905 <= covered[0] <= 0.99  # 95 %, give or take two Monte-Carlo errors
    assert covered[1] > covered[0]  # apart, the interval is too wide
    assert paired < 0.85 * apart
    # What theory says of the standard error: Var(a) + Var(b) - 2 Cov(a, b), with Cov = P(all right)
    # (1 - p) for a share of tokens.
    p = RATES[2]
    exact, share, cov = p**LENGTH * (1 - p**LENGTH), p * (1 - p) / LENGTH, p**LENGTH * (1 - p)
    assert paired == pytest.approx(2 * 1.96 * np.sqrt((exact + share - 2 * cov) / N), rel=0.06)


def test_both_are_drawn_with_the_same_tasks() -> None:
    """Three tasks of very different height: drawn with other tasks the two would be apart, with the
    same tasks they move together.
    """
    sizes = scales([1e3, 1e4])
    right = [counts([20 + 60 * place, 40 + 60 * place], N, task=f"t{place}") for place in range(3)]
    share = [
        rows.assign(value=rows["n_correct"].astype(float) / N, se=0.001, n=float(N))
        for rows in right
    ]
    none = pd.array([pd.NA] * 2, dtype="Int64")
    share = [
        rows.assign(n_correct=none, n_wrong=none, n_unparsed=none, n_error=none) for rows in share
    ]
    first, second = (
        gather(sizes, pd.concat(rows), metric, Wanted())
        for rows, metric in ((right, "accuracy"), (share, "token_accuracy"))
    )
    found = draw_together(first, second)
    assert found is not None and not found.is_paired
    assert np.corrcoef(found.first_draws[:, 0], found.second_draws[:, 0])[0, 1] > 0.9


def test_a_resampled_curve_keeps_its_own_spread() -> None:
    series = answers(np.random.default_rng(5))
    paired, apart = drawn(series, paired=True), drawn(series, paired=False)
    assert (paired.first_draws == apart.first_draws).all()
    assert paired.second_draws.std(axis=0) == pytest.approx(
        apart.second_draws.std(axis=0), rel=0.15
    )
    assert series[1].parts is not None and paired.second_draws.std(axis=0) == pytest.approx(
        series[1].parts.se[0], rel=0.15
    )


def test_metrics_of_other_tasks_or_points_are_not_drawn_together() -> None:
    rng = np.random.default_rng(6)
    first, _, _ = answers(rng)
    _, other, _ = answers(rng, ("max",))
    assert draw_together(first, other) is None
    told = steepness_sentence(compare_metrics(study(first), study(other)))
    assert "cannot be said" in told and "nan" not in told


def test_the_sentence_gives_the_difference_with_its_interval() -> None:
    first, second, together = answers(np.random.default_rng(7), ("sort", "max", "min"))
    mirage = compare_metrics(study(first), study(second), together)
    assert (
        mirage.pairing == "tasks and instances"
        and mirage.steeper_by_lo <= mirage.steeper_by <= mirage.steeper_by_hi
    )
    assert "drawn with the same tasks and instances for both" in steepness_sentence(mirage)
