"""Many fits at once are the fits one by one: against statsmodels, at the edges, and in any
shape.
"""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from analysis.log_odds.batched_fit import CURVES, curve_design, fit_many
from analysis.log_odds.curves import fit_pooled_curves

LEVELS = np.arange(1.0, 6.0)


def _counts(seed: int, n: int = 256, *, size: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    eta = rng.normal(0.5, 1.0, (size, 1)) - 1.0 * (LEVELS - 3) + rng.normal(0, 0.3, (size, 5))
    p = 1 / (1 + np.exp(-np.concatenate([eta + 0.25, eta - 0.25], axis=1)))
    return rng.binomial(n, p).astype(float)


@pytest.mark.parametrize("curve", CURVES)
def test_every_fit_is_the_one_of_statsmodels(curve: str) -> None:
    design, counts = curve_design(LEVELS, curve), _counts(1)
    fit = fit_many(design, counts, 256)
    assert fit.has_converged.all() and fit.is_determined.all()
    for row, coef, deviance in zip(counts, fit.coef, fit.deviance, strict=True):
        peer = sm.GLM(np.column_stack([row, 256 - row]), design, family=sm.families.Binomial()).fit(
            tol=1e-13
        )
        np.testing.assert_allclose(coef, peer.params, atol=1e-7)
        assert deviance == pytest.approx(peer.deviance, abs=1e-7)


def test_the_curves_are_those_of_the_one_fit_at_a_time() -> None:
    right_id, right_ood = [599, 461, 38, 23, 51], [507, 348, 38, 8, 31]
    n = [768, 1024, 768, 768, 1024]
    one = fit_pooled_curves(LEVELS, right_id, right_ood, n)
    fits = {
        curve: fit_many(curve_design(LEVELS, curve), [*right_id, *right_ood], [*n, *n])
        for curve in CURVES
    }
    assert float(fits["M0"].deviance) == pytest.approx(one.m0_deviance, abs=1e-6)
    assert float(fits["M1"].deviance) == pytest.approx(one.m1_deviance, abs=1e-6)
    assert float(fits["M2"].deviance) == pytest.approx(one.m2_deviance, abs=1e-6)
    assert float(fits["M1"].coef[-1]) == pytest.approx(one.shift, abs=1e-8)
    # METHODS B2 prints 7.5 for M3 on these counts.
    assert float(fits["M3"].deviance) == pytest.approx(7.5, abs=0.05)


def test_two_cells_have_their_logits_for_coefficients() -> None:
    # 30 of 40 and 10 of 40: logits log 3 and -log 3, shift log 9, and the middle is 0.
    fit = fit_many(curve_design([1.0], "M3"), [30, 10], 40)
    np.testing.assert_allclose(fit.coef, [0.0, np.log(9)], atol=1e-10)
    assert float(fit.deviance) == pytest.approx(0.0, abs=1e-9)


def test_a_level_without_a_right_answer_leaves_the_shift_as_it_is_without_that_level() -> None:
    counts = np.array([200.0, 150, 90, 40, 0, 180, 120, 70, 25, 0])
    fit = fit_many(curve_design(LEVELS, "M3"), counts, 256)
    without = fit_many(curve_design(LEVELS[:4], "M3"), counts[[0, 1, 2, 3, 5, 6, 7, 8]], 256)
    assert fit.has_converged and not fit.is_determined and without.is_determined
    assert float(fit.coef[-1]) == pytest.approx(float(without.coef[-1]), abs=1e-7)
    assert float(fit.deviance) == pytest.approx(float(without.deviance), abs=1e-6)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nothing_right_and_everything_right_end_without_a_finite_curve(share: float) -> None:
    fit = fit_many(curve_design(LEVELS, "M1"), np.full(10, share * 50), 50)
    assert not fit.is_determined
    assert float(fit.deviance) == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite(fit.coef).all()


def test_a_cell_without_answers_takes_no_part() -> None:
    counts = _counts(3, size=5)
    n = np.full_like(counts, 256)
    n[:, 4] = 0
    missing = counts.copy()
    missing[:, 4] = np.nan
    keep = [0, 1, 2, 3, 5, 6, 7, 8, 9]
    design = curve_design(LEVELS, "M1")
    np.testing.assert_allclose(
        fit_many(design, missing, n).coef,
        fit_many(design[keep], counts[:, keep], 256).coef,
        atol=1e-8,
    )
    assert not fit_many(
        curve_design(LEVELS, "M3"),
        np.r_[missing[0, :5], missing[0, 5:9], np.nan],
        np.r_[n[0, :9], 0],
    ).is_determined


def test_the_shape_of_the_batch_comes_back() -> None:
    counts = _counts(5, size=12).reshape(3, 4, 10)
    fit = fit_many(curve_design(LEVELS, "M1"), counts, 256)
    assert fit.coef.shape == (3, 4, 3) and fit.deviance.shape == (3, 4) == fit.is_determined.shape
    np.testing.assert_allclose(
        fit.coef[2, 1], fit_many(curve_design(LEVELS, "M1"), counts[2, 1], 256).coef, atol=1e-9
    )


def test_wrong_shapes_counts_and_names_are_refused() -> None:
    with pytest.raises(ValueError, match="last axis is the cells"):
        fit_many(curve_design(LEVELS, "M1"), np.ones((3, 9)), 256)
    with pytest.raises(ValueError, match="more than it has answers"):
        fit_many(curve_design(LEVELS, "M1"), np.full(10, 300), 256)
    with pytest.raises(ValueError, match="M0, M1, M2, M3"):
        curve_design(LEVELS, "M9")
