"""Tests and intervals of differences: hand-worked tables, other libraries' numbers, error rates by
simulation.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from analysis.compare.pairing import (
    OVER_INSTANCES,
    OVER_TASKS,
    adjust,
    mcnemar,
    newcombe,
    paired_bootstrap,
    paired_over_instances,
    paired_over_tasks,
    unpaired_over_instances,
    unpaired_over_tasks,
)
from analysis.error_bars import (
    clustered_se,
    detectable_difference,
    detectable_from_se,
    instances_needed,
    relative_variance,
    sandwich_se,
)
from data.records import NotEnoughDataError


def test_mcnemar_of_few_discordant_pairs_is_the_binomial_test() -> None:
    """1 against 5: two-sided p = 2 (C(6,0) + C(6,1)) / 2^6 = 14/64; the mid p takes half of P(1) =
    6/64 twice away: 8/64.
    """
    found = mcnemar(1, 5)
    assert found.kind == "exact"
    assert found.p == pytest.approx(14 / 64)
    assert found.mid_p == pytest.approx(8 / 64)
    assert found.chi2 == pytest.approx((4 - 1) ** 2 / 6)


def test_mcnemar_of_many_discordant_pairs_is_the_chi2_test() -> None:
    """30 against 10: (20 - 1)^2 / 40 = 9.025."""
    found = mcnemar(30, 10)
    assert found.kind == "chi2"
    assert found.chi2 == pytest.approx(9.025)
    assert found.p == pytest.approx(float(stats.chi2.sf(9.025, 1)))


def test_mcnemar_turns_from_exact_to_chi2_at_25_discordant_pairs() -> None:
    assert [mcnemar(12, 12).kind, mcnemar(12, 13).kind] == ["exact", "chi2"]


def test_mcnemar_without_discordant_pairs_finds_nothing() -> None:
    found = mcnemar(0, 0)
    assert (found.p, found.exact_p, found.mid_p, found.chi2_p) == (1.0, 1.0, 1.0, 1.0)
    assert math.isnan(found.chi2)


def test_undefined_p_value_belongs_to_no_family() -> None:
    """Holm over .01 and .04 alone: .02 and .04."""
    assert adjust([0.04, math.nan, 0.01]) == pytest.approx([0.04, math.nan, 0.02], nan_ok=True)


def test_unknown_adjustment_and_impossible_p_are_refused() -> None:
    with pytest.raises(NotEnoughDataError, match="Possible: holm, bh, bonferroni"):
        adjust([0.1], "none")
    with pytest.raises(NotEnoughDataError, match="outside 0-1"):
        adjust([1.2])


def test_clustered_test_of_equal_tasks_is_the_t_test_of_their_means() -> None:
    values = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], size=(7, 40), p=[0.1, 0.6, 0.3])
    found = paired_over_tasks(values.ravel(), np.repeat(np.arange(7), 40))
    expected = stats.ttest_1samp(values.mean(axis=1), 0.0)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.lo, found.hi) == pytest.approx(tuple(expected.confidence_interval()))
    assert (found.df, found.unit) == (6, OVER_TASKS)


def test_one_task_falls_back_to_instances_and_says_so() -> None:
    found = paired_over_tasks(np.array([1.0, 0.0, 0.0, -1.0, 1.0]), np.zeros(5, dtype=np.int64))
    assert found.unit == OVER_INSTANCES
    assert found.reason is not None
    assert found.reason.startswith("one task only")
    assert found.p == 1.0


def test_interval_of_identical_models_holds_zero_and_has_a_width() -> None:
    """Bonett and Price without discordant pairs, n = 98: sqrt(2/100 / 100) = .01414 times 1.96."""
    found = paired_over_tasks(np.zeros(98), np.repeat([0, 1], 49))
    assert found.difference == 0
    assert found.p == 1.0
    assert (found.lo, found.hi) == pytest.approx((-0.02772, 0.02772), abs=1e-5)


def test_averages_over_epochs_take_the_t_test() -> None:
    values = np.array([0.5, 0.0, -0.5, 1.0, 0.5, 0.25])
    found = paired_over_instances(values)
    assert found.test == "paired t over instances"
    assert found.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue)


def test_newcombe_interval_is_the_published_one() -> None:
    """Newcombe 1998, method 10: 56/70 against 48/80 gives .0524 to .3339."""
    found = newcombe(56, 70, 48, 80)
    assert (found.lo, found.hi) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_welch_takes_over_for_averages_of_different_instances() -> None:
    a, b = np.array([0.5, 1.0, 0.25, 0.75]), np.array([0.0, 0.5, 0.25])
    assert unpaired_over_instances(a, b).p == pytest.approx(
        stats.ttest_ind(a, b, equal_var=False).pvalue
    )


def test_unpaired_difference_over_shared_tasks_takes_their_difficulty_out() -> None:
    """Both models solve task 0 always and task 1 never: no noise is left between tasks, so the
    interval falls back to instances.
    """
    a, tasks = np.repeat([1.0, 0.0], 30), np.repeat([0, 1], 30)
    found = unpaired_over_tasks(a, tasks, a, tasks)
    assert found.difference == 0
    assert found.reason is not None
    assert "no spread between tasks" in found.reason


def _task_differences(
    random: np.random.Generator, n_tasks: int, n: int, sd: float
) -> tuple[np.ndarray, np.ndarray]:
    """Paired differences of two models of equal ability whose difference varies from task to
    task.
    """
    shift = random.normal(0, sd, n_tasks).repeat(n)
    return (
        (random.random(n_tasks * n) < 0.5 + shift).astype(float)
        - (random.random(n_tasks * n) < 0.5 - shift),
        np.repeat(np.arange(n_tasks), n),
    )


def test_bootstrap_error_is_within_3_percent_of_the_analytic_one() -> None:
    random = np.random.default_rng(3)
    for n_tasks in (5, 16, 40):
        values, tasks = _task_differences(random, n_tasks, 50, 0.05)
        assert paired_bootstrap(values, tasks).se == pytest.approx(
            sandwich_se(values, tasks), rel=0.03
        )
    values, _ = _task_differences(random, 1, 300, 0.0)
    assert paired_bootstrap(values, None).se == pytest.approx(
        values.std() / math.sqrt(300), rel=0.03
    )


def test_bootstrap_interval_agrees_with_scipys_bca() -> None:
    random = np.random.default_rng(4)
    values, tasks = _task_differences(random, 16, 64, 0.08)
    means = values.reshape(16, 64).mean(axis=1)
    expected = stats.bootstrap(
        (means,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    found = paired_bootstrap(values, tasks)
    assert (found.lo, found.hi) == pytest.approx(
        tuple(expected), abs=0.05 * (expected.high - expected.low)
    )


@pytest.mark.parametrize("n_tasks", [3, 16])
def test_clustered_test_errs_in_5_percent_of_equal_models(n_tasks: int) -> None:
    """2,000 draws: the Monte Carlo error of 5 % is half a point, so 3.5 % to 6.5 % is three of
    them.
    """
    random = np.random.default_rng(5)
    errors = [
        paired_over_tasks(*_task_differences(random, n_tasks, 30, 0.1)).p < 0.05
        for _ in range(2000)
    ]
    assert 0.035 < np.mean(errors) < 0.065


def test_ignoring_tasks_errs_far_more_often_when_models_differ_by_task() -> None:
    random = np.random.default_rng(6)
    errors = [
        paired_over_instances(_task_differences(random, 16, 60, 0.1)[0]).p < 0.05
        for _ in range(400)
    ]
    assert np.mean(errors) > 0.15


def test_power_and_smallest_difference_are_each_others_inverse() -> None:
    n = instances_needed(0.03, 1 / 9)
    assert n == pytest.approx(968.9975, abs=1e-3)
    assert detectable_difference(n, 1 / 9) == pytest.approx(0.03)
    assert float(detectable_from_se(math.sqrt(1 / 9 / n))) == pytest.approx(0.03)


def test_few_tasks_detect_less_than_the_normal_says() -> None:
    """Two degrees of freedom: (4.3027 + 1.0607) SE instead of (1.9600 + 0.8416) SE."""
    assert float(detectable_from_se(1.0, 2)) == pytest.approx(5.3634, abs=1e-3)
    assert float(detectable_from_se(1.0)) == pytest.approx(2.8016, abs=1e-3)


def test_resampling_reductions_are_the_published_ones() -> None:
    assert 1 - relative_variance([2, 4, 6]) == pytest.approx([1 / 3, 1 / 2, 5 / 9])
    assert np.isnan(relative_variance(0))


def test_answers_alike_within_tasks_make_the_clustered_error_the_error_of_tasks() -> None:
    """Two tasks of three equal answers: deviations of 1/2 add up to 1.5 twice, so (1/6)
    sqrt(4.5).
    """
    assert sandwich_se([1, 1, 1, 0, 0, 0], ["a"] * 3 + ["b"] * 3) == pytest.approx(
        math.sqrt(4.5) / 6
    )
    assert math.isnan(clustered_se([1.0], ["a"]))
    with pytest.raises(NotEnoughDataError, match="3 scores came with 2"):
        clustered_se([1, 0, 1], ["a", "b"])
