"""A constant log-odds penalty draws a hump: closed form, fits, difficulty axis."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from analysis.log_odds.curves import (
    common_slope_gap,
    common_slope_peak,
    fit_difficulty_axis,
    fit_pooled_curves,
)


@given(a=st.floats(0.3, 3), b_ood=st.floats(1, 5), shift=st.floats(0, 3))
def test_the_closed_form_peak_is_the_largest_gap_on_a_grid(
    a: float, b_ood: float, shift: float
) -> None:
    curve = {"a": a, "b_id": b_ood + shift, "b_ood": b_ood}
    centre, height = common_slope_peak(**curve)
    grid = common_slope_gap(np.linspace(centre - 5, centre + 5, 1001), **curve)
    assert float(common_slope_gap(centre, **curve)) == pytest.approx(height, abs=1e-12)
    assert grid.max() <= height + 1e-12


def test_at_the_peak_the_mean_logit_is_zero() -> None:
    """Half way between the thresholds ID is at sigma(a D / 2), OOD at sigma(-a D / 2): mirror
    images about one half.
    """
    centre, _ = common_slope_peak(a=1.4, b_id=4.2, b_ood=3.4)
    assert centre == pytest.approx(3.8)
    assert float(expit(-1.4 * (centre - 4.2)) + expit(-1.4 * (centre - 3.4))) == pytest.approx(1.0)


def test_a_fit_recovers_the_curve_that_made_the_counts() -> None:
    level = np.arange(1, 6)
    k_id, k_ood = (
        np.round(1e5 * expit(-1.2 * (level - 3.4))),
        np.round(1e5 * expit(-1.2 * (level - 2.6))),
    )
    fit = fit_pooled_curves(level, k_id, k_ood, 1e5)
    assert (fit.slope_a, fit.shift, fit.centre) == pytest.approx((1.2, 0.96, 3.0), abs=1e-4)
    assert fit.peak_gap == pytest.approx(math.tanh(0.24), abs=1e-4)
    assert fit.m2_peak_x == pytest.approx(3.0, abs=1e-3)
    assert fit.m1_deviance < 1e-3 < 1e3 < fit.m0_deviance


def test_unequal_numbers_of_answers_and_unknown_levels() -> None:
    # Level 3 is unknown on one side: what remains is the fit of levels 1, 2 and 4, with 50 OOD
    # answers where ID has 100.
    whole = fit_pooled_curves([1, 2, 3, 4], [90, 70, 50, 20], [40, 25, math.nan, 5], 100, 50)
    part = fit_pooled_curves([1, 2, 4], [90, 70, 20], [40, 25, 5], [100] * 3, [50] * 3)
    assert (whole.shift, whole.m1_deviance, whole.odds_ratio) == (
        part.shift,
        part.m1_deviance,
        part.odds_ratio,
    )
    assert whole.shift > 0.5


@pytest.mark.parametrize(
    ("k_id", "k_ood"), [([0] * 4, [0] * 4), ([50] * 4, [50] * 4)], ids=["all wrong", "all right"]
)
def test_a_curve_that_runs_off_has_no_place(k_id: list[int], k_ood: list[int]) -> None:
    fit = fit_pooled_curves([1, 2, 3, 4], k_id, k_ood, 50)
    assert math.isnan(fit.shift) and math.isnan(fit.centre) and math.isnan(fit.m2_peak_x)
    assert fit.m1_deviance == pytest.approx(0.0, abs=1e-6)


def test_a_flat_curve_has_a_shift_and_no_centre() -> None:
    fit = fit_pooled_curves([1, 2, 3], [30, 30, 30], [20, 20, 20], 40)
    # logit 3/4 - logit 2/4 = log 3
    assert (
        fit.shift == pytest.approx(math.log(3))
        and math.isnan(fit.centre)
        and math.isnan(fit.centre_se)
    )


def test_floor_and_ceiling_shrink_the_gap_in_proportion() -> None:
    curve = {"a": 1.0, "b_id": 3.0, "b_ood": 2.0}
    full, shrunk = common_slope_peak(**curve), common_slope_peak(**curve, guess=0.25, slip=0.05)
    assert shrunk == pytest.approx((2.5, 0.7 * full[1]))
    assert float(common_slope_gap(2.5, **curve, guess=0.25, slip=0.05)) == pytest.approx(shrunk[1])


def test_difficulties_of_simulated_levels_are_recovered() -> None:
    beta, alpha, delta = (
        np.array([0.0, 1.5, 4.0]),
        np.array([1.0, 2.0, 3.0]),
        np.array([0.2, 0.4, 0.6]),
    )
    logit = alpha[:, None] - beta
    k_id, k_ood = (np.round(1e6 * expit(logit + sign * delta[:, None] / 2)) for sign in (1, -1))
    axis = fit_difficulty_axis(k_id, k_ood, 1e6)
    assert axis.beta == pytest.approx(tuple(beta), abs=1e-5)
    assert axis.alpha == pytest.approx(tuple(alpha), abs=1e-5)
    assert axis.delta == pytest.approx(tuple(delta), abs=1e-5)
    assert axis.is_rising and axis.df_resid == 18 - 8


def test_levels_out_of_order_are_reported() -> None:
    right = np.array([[900.0, 300.0, 600.0], [950.0, 400.0, 700.0]])
    assert not fit_difficulty_axis(right, right, 1000).is_rising


def test_figure_5_has_one_difficulty_axis(published_levels: pd.DataFrame) -> None:
    """0, 1.70, 4.18, 4.68, 5.40 logits from all seven models."""
    means = published_levels.loc[published_levels["metric"] == "accuracy"]
    k_id, k_ood = (
        (
            means.loc[means["split"] == split].assign(
                k=lambda rows: (rows["value"] * rows["n"]).round()
            )
        ).pivot(index="model", columns="level", values="k")
        for split in ("id", "ood")
    )
    axis = fit_difficulty_axis(
        k_id.to_numpy(dtype=float), k_ood.to_numpy(dtype=float), [768, 1024, 768, 768, 1024]
    )
    assert axis.beta == pytest.approx((0, 1.7024, 4.1758, 4.6750, 5.4006), abs=1e-4)
