"""Breakthroughness, onset, resolution, sampling until success, task law, loss threshold: by hand,
at the edges, by simulation.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.certified.emergence import METHODS
from analysis.emergence.breakthrough import (
    breakthroughness_and_linearity,
    onset_by_rule,
    suddenness,
)
from analysis.emergence.loss_threshold import fit_loss_threshold, threshold_size
from analysis.emergence.pass_until import fit_task_law, pass_until
from analysis.emergence.resolution import resolution
from data.records import NotEnoughDataError


def test_a_jump_has_infinite_breakthroughness_and_the_linearity_of_its_one_step() -> None:
    b, linearity = breakthroughness_and_linearity([0.1, 0.1, 0.1, 0.9])
    assert b == math.inf
    assert linearity == pytest.approx(math.sqrt(3))


def test_falling_and_constant_series_and_those_too_short() -> None:
    b, linearity = breakthroughness_and_linearity(
        [[1.0, 0.5, 0.0], [0.3, 0.3, 0.3], [0.0, math.nan, 1.0]]
    )
    assert b[:2].tolist() == [-2.0, 0.0]
    assert linearity[:2].tolist() == [-2.0, 0.0]
    assert np.isnan(b[2])
    assert np.isnan(breakthroughness_and_linearity([0.0, 1.0])[0])
    assert "needs 3" in str(suddenness([0.0, 1.0]).reason)


def test_linearity_is_at_most_the_number_of_steps() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((500, 7))
    assert np.abs(breakthroughness_and_linearity(scores)[1]).max() <= 6 + 1e-12


def test_the_guard_flags_a_plateau_whose_steps_are_noise_and_spares_an_even_rise() -> None:
    # Seen with two seeds: the plateau is flagged in 85.5 and 86.5 % of 400 runs (standard error 1.8
    # points), the even rise never.
    rng = np.random.default_rng(1)
    shares = []
    for truth in (np.array([0.05] * 6 + [0.9]), np.linspace(0.05, 0.95, 7)):
        found = []
        for _ in range(400):
            seen = rng.binomial(256, truth) / 256
            found.append(suddenness(seen, rng.binomial(256, seen, size=(200, 7)) / 256))
        assert all(each.b_guarded <= each.b for each in found)
        shares.append(np.mean([each.is_noise for each in found]))
    assert shares[0] > 0.80 and shares[1] < 0.05


def test_onset_needs_two_scales_on_either_side_and_no_overlap() -> None:
    x = [1, 2, 3, 4]
    assert onset_by_rule(x, [0.0, 0.0, 0.3, 0.4], [0.1, 0.1, 0.5, 0.6], 0.0).scale == 3
    assert "on either side" in str(onset_by_rule(x, [0.0, 0.2, 0.3, 0.4], [0.1] * 4, 0.0).reason)
    assert "alternate" in str(onset_by_rule(x, [0.0, 0.2, 0.0, 0.4], [0.1] * 4, 0.0).reason)
    assert "above chance already" in str(onset_by_rule(x, [0.3] * 4, [0.5] * 4, 0.25).reason)
    assert "no scale" in str(onset_by_rule(x, [0.1] * 4, [0.5] * 4, 0.25).reason)
    assert onset_by_rule(x, [math.nan] * 4, [0.5] * 4, 0.25).scale is None


def test_models_of_one_size_are_judged_together() -> None:
    found = onset_by_rule([1, 2, 3, 3, 4], [0.0, 0.0, 0.3, 0.0, 0.4], [0.1] * 5, 0.0)
    assert found.scale is None


def test_resolution_at_its_edges() -> None:
    assert math.isnan(resolution(256, 0.0).n_to_see_one)
    assert resolution(256, 1.0).n_to_see_one == 1
    assert resolution(1, 0.5).exact_upper == pytest.approx(0.95)
    assert math.isnan(resolution(0, 0.5).min_step)
    assert math.isnan(resolution(256, 1.5).prob_all_zero)
    # The bound is what it says: at it, "0 of n" still has 5 %.
    assert (1 - resolution(40).exact_upper) ** 40 == pytest.approx(0.05)


def test_pass_until_never_gives_zero() -> None:
    capped = pass_until(100_000, 0)
    assert math.isnan(capped.mle)
    assert capped.upper == pytest.approx(3e-5)
    assert pass_until(11, 2).unbiased == pytest.approx(0.1)
    assert math.isnan(pass_until(5, 6).mle)


def test_the_unbiased_pass_rate_is_unbiased() -> None:
    rng = np.random.default_rng(2)
    tried = rng.negative_binomial(2, 0.2, size=4000) + 2
    rates = [(pass_until(k, 2).unbiased, pass_until(k, 2).mle) for k in tried]
    unbiased, mle = np.mean(rates, axis=0)
    assert unbiased == pytest.approx(0.2, abs=0.01)
    assert mle > 0.24


def test_the_task_law_recovers_what_was_planted_and_drops_zeros_and_ones() -> None:
    size = np.array([1e3, 1e4, 1e5, 1e6, 1e7, 1e8])
    rate = np.exp(-30 * size**-0.3)
    rate[0], rate[-1] = 0.0, 1.0
    law = fit_task_law(size, rate)
    assert (law.alpha, law.c) == (pytest.approx(0.3), pytest.approx(30))
    assert (law.n_used, law.n_dropped, law.curvature, law.is_monotone) == (4, 2, 0, True)
    with pytest.raises(NotEnoughDataError, match="two sizes"):
        fit_task_law([1e3, 1e4], [0.0, 1.0])
    two = fit_task_law([1e3, 1e4], [0.1, 0.2])
    assert math.isnan(two.quadratic) and two.kind is None


def test_growth_type_is_wrongly_called_at_about_its_level_on_the_law_itself() -> None:
    rng = np.random.default_rng(3)
    size = np.logspace(3, 6, 7)
    truth = np.exp(-8 * size**-0.2)
    wrong = 0
    for _ in range(200):
        seen = rng.binomial(400, truth) / 400
        draws = rng.binomial(400, seen, size=(300, 7)) / 400
        wrong += fit_task_law(size, seen, draws).verdict != "not told apart from the law"
    assert wrong / 200 < 0.10  # nominal 5 %


def test_two_circuits_grow_faster_than_the_law_and_are_found() -> None:
    rng = np.random.default_rng(4)
    size = np.logspace(3, 6, 7)
    truth = np.exp(-np.exp(1.0 - 0.06 * np.log(size / 1e3) ** 2))
    seen = rng.binomial(2000, truth) / 2000
    assert (
        fit_task_law(size, seen, rng.binomial(2000, seen, size=(400, 7)) / 2000).verdict
        == "super-scaling"
    )


def test_threshold_size_is_undefined_where_the_loss_never_gets_there() -> None:
    assert math.isnan(threshold_size(1e9, 0.1, 2.2, 2.2))
    assert math.isnan(threshold_size(1e9, 0.0, 1.7, 2.2))
    assert threshold_size(1e9, 0.1, 1.7, 2.7) == pytest.approx(1e9)


def test_the_hinge_recovers_a_planted_threshold_exactly_without_noise_and_covers_it_with() -> None:
    loss = np.linspace(1.5, 3.0, 16)
    exact = fit_loss_threshold(loss, 0.8 * np.maximum(0, 2.23 - loss), resamples=0)
    assert (exact.eta, exact.slope) == (pytest.approx(2.23, abs=1e-6), pytest.approx(0.8, abs=1e-6))
    rng = np.random.default_rng(5)
    covered = 0
    for place in range(60):
        seen = 0.25 + 0.8 * np.maximum(0, 2.2 - loss) + rng.normal(0, 0.02, 16)
        found = fit_loss_threshold(loss, seen, base=0.25, seed=place, resamples=200)
        covered += found.eta_lo <= 2.2 <= found.eta_hi
    assert covered >= 48


def test_a_score_that_does_not_rise_has_no_threshold() -> None:
    found = fit_loss_threshold([1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0])
    assert math.isnan(found.eta) and found.slope == 0 and "does not rise" in str(found.reason)
    fitted = fit_loss_threshold(
        [1.0, 2.0, 3.0, 4.0], [-5.0, -4.0, -3.0, -2.0], base=None, resamples=50
    )
    assert math.isnan(fitted.eta)
    with pytest.raises(NotEnoughDataError, match="4 points"):
        fit_loss_threshold([1.0, 2.0], [0.1, 0.2])


def test_certified_inputs_at_the_edges_are_undefined_instead_of_raising() -> None:
    def tables(name: str) -> None:
        raise AssertionError(name)

    law = METHODS["task_scaling_law"]({"N": [1e3], "PU": [0.5]}, tables)  # type: ignore[arg-type]
    assert math.isnan(law["alpha"])
    assert METHODS["breakthroughness_linearity"]({"y": [0.0, 0.0, 0.0, 1.0]}, tables)["B"] == "inf"  # type: ignore[arg-type]
    assert math.isnan(
        METHODS["passuntil"]({"samples_until_stop": 10, "successes_r": 0}, tables)["mle"]
    )  # type: ignore[arg-type]
