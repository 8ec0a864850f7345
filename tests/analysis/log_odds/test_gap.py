"""Log-odds gaps and their random-effects mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.log_odds.gap import (
    combine_tasks,
    empirical_logit,
    log_odds_gap,
    sign_flip_p,
    wilcoxon_p,
)
from analysis.text import counted


def test_empirical_logit_adds_a_half_to_each_side() -> None:
    """3 of 10: log(3.5 / 7.5) = -.762140, variance 1/3.5 + 1/7.5 = .419048. 0 of 10 and 10 of 10
    stay finite and mirror.
    """
    value, variance = empirical_logit([3, 0, 10], [10, 10, 10])
    assert value == pytest.approx(
        [math.log(3.5 / 7.5), math.log(0.5 / 10.5), -math.log(0.5 / 10.5)]
    )
    assert variance[0] == pytest.approx(1 / 3.5 + 1 / 7.5)


def test_no_answers_have_no_logit() -> None:
    d, variance = log_odds_gap([5, 5], [10, 0], [0, 5], [0, 10])
    assert np.isnan(d).all() and np.isnan(variance).all()


def test_the_gap_changes_sign_with_the_splits() -> None:
    there, back = log_odds_gap(60, 100, 40, 100), log_odds_gap(40, 100, 60, 100)
    assert float(there[0]) == pytest.approx(2 * math.log(60.5 / 40.5)) == -float(back[0])
    assert float(there[1]) == float(back[1])


def test_equal_tasks_give_their_common_gap_and_no_spread() -> None:
    """Three tasks at d = .5, v = .04: mean .5, se sqrt(.04 / 3), Q 0, tau2 0, I2 0; t(2)
    interval.
    """
    mean = combine_tasks([0.5] * 3, [0.04] * 3, [0.1] * 3)
    assert (mean.delta, mean.se, mean.q, mean.tau2, mean.i2) == pytest.approx(
        (0.5, math.sqrt(0.04 / 3), 0, 0, 0)
    )
    assert (mean.lo, mean.hi) == pytest.approx(
        (0.5 - 4.302652729911275 * mean.se, 0.5 + 4.302652729911275 * mean.se)
    )
    assert mean.sign_flip_p == 0.25  # of 8 patterns only +++ and --- are as far out
    assert mean.t_p == 0.0


def test_tasks_that_differ_widen_the_interval() -> None:
    alike, apart = (
        combine_tasks([0.5 - s, 0.5, 0.5 + s], [0.01] * 3, [0.1] * 3) for s in (0.0, 1.0)
    )
    assert apart.delta == pytest.approx(alike.delta)
    assert apart.tau2 == pytest.approx(1 - 0.01)  # sample variance 1 minus the sampling variance
    assert apart.hi - apart.lo > 5 * (alike.hi - alike.lo)


@pytest.mark.parametrize("n_tasks", [0, 1])
def test_a_mean_over_tasks_needs_two(n_tasks: int) -> None:
    mean = combine_tasks([0.5] * n_tasks, [0.1] * n_tasks, [0.1] * n_tasks)
    assert math.isnan(mean.delta) and math.isnan(mean.p)
    assert (
        mean.reason == f"{counted(n_tasks, 'task')} with both ID and OOD answers; a mean over tasks"
        " needs at least 2"
    )


def test_undefined_tasks_are_left_out() -> None:
    whole = combine_tasks([0.5, 0.7, 0.4], [0.1, 0.2, 0.1], [0.1, 0.2, 0.1])
    assert (
        combine_tasks([0.5, math.nan, 0.7, 0.4], [0.1, math.nan, 0.2, 0.1], [0.1, 0.3, 0.2, 0.1])
        == whole
    )


def test_no_gap_at_all_is_no_evidence() -> None:
    mean = combine_tasks([0.0] * 4, [0.1] * 4, [0.0] * 4)
    assert (mean.delta, mean.p, mean.wilcoxon_p, mean.t_p, mean.sign_flip_p) == (
        0.0,
        1.0,
        1.0,
        1.0,
        1.0,
    )
    assert wilcoxon_p([0.0, 0.0]) == 1.0


@given(st.lists(st.integers(-256, 256), min_size=1, max_size=10))
def test_sign_flips_count_patterns(gaps: list[int]) -> None:
    """Against plain enumeration of all patterns, in whole numbers."""
    patterns = 2 ** len(gaps)
    sums = [sum(g if code >> i & 1 else -g for i, g in enumerate(gaps)) for code in range(patterns)]
    expected = sum(abs(total) >= abs(sum(gaps)) for total in sums) / patterns
    assert sign_flip_p(np.array(gaps) / 256) == pytest.approx(expected)


def test_many_tasks_are_drawn_instead_of_enumerated() -> None:
    """24 equal gaps: 2 / 2^24 exactly; the drawn estimate is at most a few in 100,000, and the same
    each time.
    """
    p = sign_flip_p([0.1] * 24)
    assert 0 < p <= 5e-5 and p == sign_flip_p([0.1] * 24)
    assert sign_flip_p([0.1, -0.1] * 12) == 1.0


def test_without_values_there_is_no_p() -> None:
    assert math.isnan(sign_flip_p([]))
