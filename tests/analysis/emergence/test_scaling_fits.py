"""Forms recover what was planted, weights prefer the planted form, the break's test errs as often
as it says.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.emergence.change_point import find_change_point
from analysis.emergence.scaling_fits import FORMS, fit_forms

X = np.linspace(3.0, 6.0, 16)
PLANTED = {
    "linear": 0.1 + 0.2 * (X - 3),
    "power": 0.05 * 10 ** (0.4 * (X - 3)),
    "logistic": 0.8 / (1 + np.exp(-(X - 4.5) / 0.2)),
    "hinge": 0.05 + 0.3 * np.maximum(0, X - 4.2),
    "broken power": 0.3 * np.exp(3 * np.minimum(X - 4.4, 0) + 0.4 * np.maximum(X - 4.4, 0)),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_planted_form_weighs_most_and_fits(form: str) -> None:
    noise = np.random.default_rng(7).normal(0, 0.004, len(X))
    fits = {fit.form: fit for fit in fit_forms(X, PLANTED[form] + noise)}
    best = max(fits.values(), key=lambda fit: fit.weight)
    assert best.form == form
    assert sum(fit.weight for fit in fits.values()) == pytest.approx(1)
    assert np.abs(best.at(X) - PLANTED[form]).max() < 0.02
    assert np.allclose(best.fitted + best.residual, PLANTED[form] + noise)
    assert abs(best.held_out_error) < 0.06


def test_parameters_come_back() -> None:
    fits = {
        form: {fit.form: fit for fit in fit_forms(X, scores)}[form].parameters
        for form, scores in PLANTED.items()
    }
    assert fits["linear"]["slope"] == pytest.approx(0.2)
    assert fits["power"]["exponent"] == pytest.approx(0.4 * math.log(10), rel=1e-4)
    assert fits["logistic"] == pytest.approx({"centre": 4.5, "width": 0.2, "height": 0.8}, rel=1e-3)
    assert fits["hinge"] == pytest.approx({"onset": 4.2, "floor": 0.05, "slope": 0.3}, rel=1e-3)
    assert fits["broken power"]["break"] == pytest.approx(4.4, abs=1e-3)


def test_aicc_of_the_straight_line_is_the_textbook_value() -> None:
    y = np.array([0.0, 1.0, 0.0, 1.0, 2.0])
    line = fit_forms(np.arange(5.0), y)[0]
    # Slope .4, intercept 0: residuals 0, .6, -.8, -.2, .4; squared error 1.2; k = 3 with the
    # variance.
    assert line.rss == pytest.approx(1.2)
    assert line.aicc == pytest.approx(5 * math.log(1.2 / 5) + 6 + 2 * 3 * 4 / (5 - 3 - 1))


def test_log_probabilities_have_no_floor_and_a_power_runs_up_to_zero() -> None:
    fits = {fit.form: fit for fit in fit_forms(X, -3.0 * 10 ** (-0.8 * (X - 3)), floor=None)}
    assert fits["power"].weight > 0.9
    assert fits["logistic"].n_parameters == 4
    assert all(np.allclose(fit.at(X), fit.fitted) for fit in fits.values())


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([1.0, 2.0], [0.1, 0.2], "2 different scale"),
        ([1.0, 1.0, 1.0, 1.0], [0.1, 0.2, 0.1, 0.2], "1 different scale"),
        ([1.0, 2.0, 3.0, 4.0], [0.0] * 4, "same at every scale"),
        ([1.0, 2.0, 3.0, 4.0], [1.0] * 4, "same at every scale"),
        ([1.0, 2.0, math.nan, 4.0], [0.1, 0.2, 0.3, 0.4], "undefined"),
    ],
)
def test_what_cannot_be_fitted_says_why(x: list[float], y: list[float], words: str) -> None:
    for fit in fit_forms(x, y):
        assert math.isnan(fit.weight) and math.isnan(fit.held_out_error)
        assert words in str(fit.reason)
    change = find_change_point(x, y)
    assert math.isnan(change.p) and change.reason


def test_forms_with_too_many_parameters_for_the_points_have_no_weight() -> None:
    fits = {
        fit.form: fit for fit in fit_forms([1.0, 2.0, 3.0, 4.0, 5.0], [0.1, 0.25, 0.28, 0.45, 0.5])
    }
    assert math.isfinite(fits["linear"].weight)
    assert math.isnan(fits["broken power"].weight) and "AICc needs 7" in str(
        fits["broken power"].reason
    )


def test_a_planted_break_is_found_between_its_neighbours() -> None:
    y = np.where(X < 4.5, 0.05, 0.9) + np.random.default_rng(8).normal(0, 0.02, len(X))
    found = find_change_point(X, y)
    assert found.left < 4.5 < found.right
    assert found.x_lo <= 4.5 <= found.x_hi
    assert found.p < 0.01 and found.step > 0.7


def test_the_break_test_errs_at_its_level_on_a_straight_line_also_with_ties() -> None:
    rng = np.random.default_rng(9)
    for x in (np.linspace(0, 1, 10), np.repeat(np.linspace(0, 1, 7), 3)):
        p = [
            find_change_point(x, x + rng.normal(0, 0.3, len(x)), resamples=199, seed=seed).p
            for seed in range(400)
        ]
        assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.085  # 5 % within Monte-Carlo error


def test_a_perfect_line_has_no_break() -> None:
    assert find_change_point(X, 0.1 * X).p == 1.0


def test_twenty_eight_models_and_many_checkpoints_are_no_trouble() -> None:
    rng = np.random.default_rng(10)
    x = np.sort(rng.uniform(3, 9, 28))
    assert math.isfinite(fit_forms(x, np.clip(0.1 * x + rng.normal(0, 0.05, 28), 0, 1))[0].weight)
    x = np.linspace(3, 9, 600)
    assert find_change_point(x, np.tanh(x - 6) + rng.normal(0, 0.1, 600), resamples=99).p <= 0.02
