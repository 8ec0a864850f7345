"""M0 to M4 on tasks, what a constant penalty draws, and the power of the interior-peak test."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from analysis.account.explanation import explain_valley
from analysis.account.peak_power import peak_power
from analysis.log_odds.critical import constancy_test, interior_peak_test, level_change_test
from analysis.log_odds.task_curves import CurveComparison, compare_curves
from analysis.log_odds.tau2 import between_task_variance
from analysis.simulate import FIGURE_5_DIFFICULTY, Design, counts_frame, simulate_cells
from analysis.valley.locating import Settings, locate_valley
from analysis.valley.published import valleys_from_published
from data.records import NotEnoughDataError


def accounts(design: Design, seed: int = 0) -> CurveComparison:
    drawn = simulate_cells(design, seed=seed)
    n = np.full(len(drawn.level), float(drawn.n_id))
    return compare_curves(
        drawn.level, design.difficulty[drawn.level - 1], drawn.k_id[0], n, drawn.k_ood[0], n
    )


# -- M0 to M4 --------------------------------------------------------------------------------------


def test_a_likelihood_is_that_of_the_stated_normal() -> None:
    """M0 with everything known: the log-likelihood at the maximum is scipy's for the same means and
    covariances, and no nearby variances beat it.
    """
    fits = accounts(Design(n_tasks=3))
    m0 = fits.named("M0")
    assert m0 is not None
    drawn = simulate_cells(Design(n_tasks=3))
    k = np.stack([drawn.k_id[0], drawn.k_ood[0]], axis=1)
    y, v = np.log((k + 0.5) / (256 - k + 0.5)), 1 / (k + 0.5) + 1 / (256 - k + 0.5)
    x = np.repeat(np.asarray(FIGURE_5_DIFFICULTY)[drawn.level - 1], 2)
    design = np.column_stack([np.ones(30), x])

    def loglik(task_sd: float, split_sd: float) -> float:
        big = np.zeros((30, 30))
        for t in range(15):
            big[2 * t : 2 * t + 2, 2 * t : 2 * t + 2] = task_sd**2 + np.diag(split_sd**2 + v[t])
        inverse = np.linalg.inv(big)
        coef = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ y.ravel())
        return float(stats.multivariate_normal(design @ coef, big).logpdf(y.ravel()))

    best = loglik(m0.task_sd, m0.split_sd)
    assert m0.loglik == pytest.approx(best, abs=1e-6)
    assert all(
        loglik(m0.task_sd * a, m0.split_sd * b) < best for a in (0.9, 1.1) for b in (0.9, 1.1)
    )
    # k = 2 coefficients + 2 variances, n = 30 cells
    assert m0.aicc == pytest.approx(-2 * best + 8 + 2 * 4 * 5 / 25) and m0.bic == pytest.approx(
        -2 * best + 4 * math.log(30)
    )


def test_nested_accounts_never_fit_worse() -> None:
    fits = accounts(Design(delta=[0.1, 0.9, 0.3, 0.8, 0.2]))
    loglik = {fit.name: fit.loglik for fit in fits.fits}
    for small, large in (("M0", "M1"), ("M1", "M2"), ("M1", "M3"), ("M3", "M4"), ("M2", "M4")):
        assert loglik[small] <= loglik[large] + 1e-5, (small, large)
    assert sum(fit.weight for fit in fits.fits) == pytest.approx(1) and fits.n_cells == 34


@pytest.mark.parametrize(
    ("design", "best"),
    [
        (Design(delta=0.0), "M0"),
        (Design(delta=1.2), "M1"),
        (Design(delta=[0.0, 0.5, 1.5, 1.7, 2.0]), "M2"),
        (Design(delta=1.0, beta=(0.0, 0.0, 4.0, 4.0, 0.0), task_sd=0.2), "M3"),
        (
            Design(
                delta=[0.0, 2.5, 0.0, 2.5, 0.0],
                beta=(0.0, 1.0, 0.0, 1.0, 2.0),
                task_sd=0.1,
                split_sd=0.05,
                n_tasks=8,
            ),
            "M4",
        ),
    ],
    ids=["M0", "M1", "M2", "M3", "M4"],
)
def test_the_account_that_made_the_tasks_is_preferred_most_often(design: Design, best: str) -> None:
    """On the index axis where the truth is not a line; of 8 data sets."""
    x = design.difficulty if best in ("M0", "M1", "M2") else design.numbers.astype(float)
    names = []
    for seed in range(8):
        drawn = simulate_cells(design, seed=seed)
        n = np.full(len(drawn.level), 256.0)
        found = compare_curves(
            drawn.level, x[drawn.level - 1], drawn.k_id[0], n, drawn.k_ood[0], n
        ).best()
        names.append(found.name if found else "")
    assert names.count(best) >= 5, names


def test_the_penalty_comes_back_and_only_constant_accounts_have_one() -> None:
    fits = accounts(Design(delta=0.8, n_tasks=30, split_sd=0.3))
    by_name = {fit.name: fit for fit in fits.fits}
    for name in ("M1", "M3"):
        assert by_name[name].penalty == pytest.approx(0.8, abs=0.15)
        assert by_name[name].task_sd == pytest.approx(0.9, abs=0.15) and by_name[
            name
        ].split_sd == pytest.approx(0.3, abs=0.1)
    assert all(math.isnan(by_name[name].penalty) for name in ("M0", "M2", "M4"))


def test_too_few_tasks_or_cells_are_told() -> None:
    one = compare_curves([1, 1], [1.0, 1.0], [5, 6], [10, 10], [4, 4], [10, 10])
    assert (
        one.fits == ()
        and "needs at least 3 tasks at 2 levels" in str(one.reason)
        and one.best() is None
    )
    tight = compare_curves([1, 2, 3], [1.0, 2.0, 3.0], [9, 6, 2], [10] * 3, [8, 4, 1], [10] * 3)
    assert math.isnan(
        next(fit.aicc for fit in tight.fits if fit.name == "M4")
    )  # 8 parameters, 6 cells


# -- between-task variance, level change -----------------------------------------------------------


def test_between_task_variance_of_many_rows_is_that_of_each() -> None:
    rng = np.random.default_rng(0)
    d, v = rng.normal(0, [[0.1], [0.5], [2.0]], (3, 9)), rng.uniform(0.02, 0.1, (3, 9))
    design = np.column_stack([np.ones(9), np.arange(9.0)])
    together = between_task_variance(d, v, design)
    for row in range(3):
        alone = float(between_task_variance(d[row], v[row], design))
        assert together[row] == pytest.approx(alone) and alone == pytest.approx(
            constancy_test(d[row], v[row], np.arange(9.0)).tau2
        )
    assert between_task_variance([1.0, 2.0], [0.1, 0.1], np.eye(2)).tolist() == 0.0


def test_between_task_variance_makes_the_weighted_squares_their_degrees_of_freedom() -> None:
    rng = np.random.default_rng(3)
    d, v = rng.normal(0, 2, (40, 12)), rng.uniform(0.01, 1.0, (40, 12))
    design = np.column_stack([np.ones(12), np.arange(12.0)])
    for tau2, row, variance in zip(between_task_variance(d, v, design), d, v, strict=True):
        root = np.sqrt(1 / (variance + tau2))
        rest = np.linalg.lstsq(design * root[:, None], row * root, rcond=None)[1]
        assert tau2 > 0 and rest == pytest.approx([10.0], rel=1e-9)
    assert between_task_variance(d / 1000, v, design).tolist() == [0.0] * 40


def test_levels_that_differ_without_a_trend_are_found() -> None:
    d = [0.1, 0.0, -0.1, 1.4, 1.5, 1.6, 0.0, 0.1, -0.1]
    level = np.repeat([1, 2, 3], 3)
    assert constancy_test(d, [0.05] * 9, level).p > 0.5
    found = level_change_test(d, [0.05] * 9, level)
    # Within-level squares .02 / .05 each: less than chance makes them, so tau2 = 0 and F = sum 60
    # (mean - .5)^2 / 2 = 45.
    assert (
        found.tau2 == 0
        and found.f == pytest.approx(45.0)
        and found.p == pytest.approx(float(stats.f.sf(45.0, 2, 6)))
    )


def test_a_level_comparison_needs_levels_and_spare_tasks() -> None:
    assert "needs two" in str(level_change_test([0.1, 0.2], [0.1, 0.1], [1, 1]).reason)
    assert math.isnan(level_change_test([0.1, 0.2], [0.1, 0.1], [1, 2]).p)


# -- power -----------------------------------------------------------------------------------------


def tasks_at(means: list[float], n: list[int], sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Gaps with exactly these level means and pooled sd."""
    gaps = []
    for mean, count in zip(means, n, strict=True):
        z = np.arange(count) - (count - 1) / 2
        gaps.append(mean + sd * z / z.std(ddof=1))
    return np.concatenate(gaps), np.repeat(np.arange(1, len(n) + 1), n)


def test_power_is_the_share_of_simulated_tests_that_find_the_peak() -> None:
    gaps, level = tasks_at([0.02, 0.05, 0.17, 0.05, 0.02], [3, 4, 3, 3, 4], 0.06)
    found = peak_power(gaps, level)
    rng = np.random.default_rng(5)
    mu = np.array([0.02, 0.05, 0.17, 0.05, 0.02])[level - 1]
    hits = np.mean(
        [interior_peak_test(mu + rng.normal(0, 0.06, 17), level).p < 0.05 for _ in range(1500)]
    )
    assert found.power == pytest.approx(float(hits), abs=0.04)
    assert found.n_per_level == (3, 4)


def test_the_tasks_needed_reach_the_target_and_one_less_does_not() -> None:
    means, sd = [0.029, 0.084, 0.095, 0.078, 0.052], 0.06
    found = peak_power(*tasks_at(means, [3, 4, 3, 3, 4], sd))
    assert found.power < 0.3 and found.tasks_needed is not None
    # METHODS B3 step 8: about 32 tasks per level for 87 %, 16 for 58 % in such a valley.
    assert 20 <= found.tasks_needed <= 36
    assert peak_power(*tasks_at(means, [found.tasks_needed] * 5, sd)).power >= 0.79
    assert peak_power(*tasks_at(means, [found.tasks_needed // 2] * 5, sd)).power < 0.75


@pytest.mark.parametrize(
    ("means", "n", "why"),
    [
        ([0.3, 0.1, 0.0], [3, 3, 3], "first or the last level"),
        ([0.1, 0.3], [3, 3], "at least 3 levels"),
        ([0.1, 0.3, 0.1], [1, 1, 1], "more than levels"),
    ],
)
def test_where_there_is_no_peak_inside_no_number_of_tasks_helps(
    means: list[float], n: list[int], why: str
) -> None:
    gaps, level = (
        tasks_at(means, n, 0.05) if min(n) > 1 else (np.array(means), np.arange(1, len(means) + 1))
    )
    found = peak_power(gaps, level)
    assert found.tasks_needed is None and why in str(found.reason)


# -- what a constant penalty draws -----------------------------------------------------------------


def test_repeats_of_a_constant_penalty_look_like_the_results_it_made() -> None:
    """A model of the design: its own gaps are typical, its intervals hold, and the seed fixes every
    number.
    """
    counts = counts_frame(simulate_cells(Design(delta=0.6), seed=3))
    valley = locate_valley(counts)
    drawn = explain_valley(valley).constant
    assert drawn is not None and drawn.delta == valley.log_odds.delta
    assert drawn.p_critical.sum() + drawn.p_none == pytest.approx(1)
    assert (
        (drawn.gap_lo <= drawn.gap).all()
        and (drawn.gap <= drawn.gap_hi).all()
        and drawn.gap.max() == drawn.gap[1:4].max()
    )
    assert 0.02 < drawn.p_shape <= 1 and 0.90 <= drawn.delta_coverage <= 0.99
    again = explain_valley(valley).constant
    assert again is not None and again.p_shape == drawn.p_shape


def test_a_gap_at_one_level_only_is_not_what_a_constant_penalty_draws() -> None:
    design = Design(delta=[0.0, 2.5, 0.0, 0.0, 0.0], task_sd=0.3, split_sd=0.1, n_tasks=6)
    valley = locate_valley(counts_frame(simulate_cells(design, seed=1)))
    drawn = explain_valley(valley).constant
    assert drawn is not None and drawn.p_levels < 0.05
    assert (
        valley.constant_gap is not None
    )  # simulated with the valley, since a test speaks against it


def test_the_record_is_plain_json_and_published_means_are_refused(published_levels) -> None:
    counts = counts_frame(simulate_cells(Design(n_tasks=2), seed=3))
    record = explain_valley(locate_valley(counts, settings=Settings(resamples=50))).as_record()
    loaded = json.loads(json.dumps(record, allow_nan=False))
    assert [row["name"] for row in loaded["curves"]] == ["M0", "M1", "M2", "M3", "M4"]
    assert loaded["constant_penalty"]["levels"] == [1, 2, 3, 4, 5]
    with pytest.raises(NotEnoughDataError, match="cannot be asked of level means"):
        explain_valley(valleys_from_published(published_levels)[0])


def test_few_tasks_explain_what_they_can(counts_of) -> None:
    found = explain_valley(locate_valley(counts_of({1: [(80, 40)], 2: [(60, 55)]})))
    assert found.constant is None and "needs at least 3 tasks" in str(found.constant_reason)
    assert math.isnan(found.power.power)
