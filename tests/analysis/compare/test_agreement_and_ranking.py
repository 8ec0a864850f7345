"""Agreement beyond accuracy, and orders over tasks: limits, hand-worked numbers, what every order
must respect.
"""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

from analysis.compare.agreement import capa, choice_probabilities, error_consistency, one_hot
from analysis.compare.ranking import (
    _by_program,
    bootstrap_ranks,
    borda,
    kemeny,
    pairwise_wins,
    rank_ranges,
    tie_groups,
)
from data.records import NotEnoughDataError


def test_independent_models_agree_as_chance_says() -> None:
    """Half right each, all four cells alike: observed 1/2, expected 1/2."""
    found = error_consistency([1, 1, 0, 0], [1, 0, 1, 0])
    assert (found.c_obs, found.c_exp, found.kappa) == (0.5, 0.5, 0.0)


def test_a_model_agrees_wholly_with_itself_unless_it_is_always_right() -> None:
    assert error_consistency([1, 0, 1], [1, 0, 1]).kappa == pytest.approx(1.0)
    assert math.isnan(error_consistency([1, 1], [1, 1]).kappa)
    assert error_consistency([], []).n == 0


def test_two_option_capa_of_one_hot_rows_is_error_consistency() -> None:
    random = np.random.default_rng(0)
    a, b, correct = (random.integers(2, size=60) for _ in range(3))
    rows = [one_hot(list(chosen), [2] * 60) for chosen in (a, b)]
    expected = error_consistency((a == correct).astype(float), (b == correct).astype(float))
    assert capa(rows[0], rows[1], list(correct)).kappa == pytest.approx(expected.kappa)


def test_capa_is_symmetric_and_needs_the_same_options() -> None:
    a, b = [[0.7, 0.3], [0.2, 0.8]], [[0.6, 0.4], [0.5, 0.5]]
    assert capa(a, b, [0, 1]).kappa == capa(b, a, [0, 1]).kappa
    with pytest.raises(NotEnoughDataError, match="2 and 3 options"):
        capa([[0.5, 0.5]], [[0.2, 0.3, 0.5]], [0])


def test_bootstrap_error_of_agreement_is_near_the_spread_over_new_instances() -> None:
    random = np.random.default_rng(1)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        hard = random.random(400)
        return (random.random(400) < hard).astype(float), (random.random(400) < hard).astype(float)

    spread = np.std([error_consistency(*draw()).kappa for _ in range(400)])
    assert error_consistency(*draw(), resamples=1000).se == pytest.approx(spread, rel=0.15)


def test_correct_choice_is_the_one_that_has_the_answers_probability() -> None:
    found = choice_probabilities([math.log(0.2), math.log(0.6)], math.log(0.6))
    assert found is not None
    assert found[0] == pytest.approx([0.25, 0.75])
    assert found[1] == 1
    assert choice_probabilities([-1.0, -1.0], -1.0) is None
    assert choice_probabilities([-1.0, -2.0], math.nan) is None


def test_ties_share_their_ranks() -> None:
    assert borda([[0.5, 0.9], [0.5, 0.1], [0.1, 0.5]]) == pytest.approx([1.5 + 2, 1.5 + 0, 0 + 1])


def test_losses_count_the_other_way() -> None:
    assert borda([[0.9, 3.0], [0.1, 1.0]], higher_is_better=[True, False]) == pytest.approx([1, 1])


def test_task_that_a_system_lacks_counts_in_no_borda_sum() -> None:
    assert borda([[0.9, np.nan, 0.2], [0.1, 0.5, 0.1]]) == pytest.approx([2, 0])


def test_kemeny_follows_the_condorcet_winner() -> None:
    scores = [[3, 3, 1, 1, 1], [2, 2, 3, 3, 2], [1, 1, 2, 2, 3]]
    order, disagreements = kemeny(scores)
    assert (order, disagreements) == ((1, 2, 0), 5)


def test_program_finds_orders_as_good_as_trying_all() -> None:
    random = np.random.default_rng(2)
    for _ in range(5):
        wins = pairwise_wins(random.random((6, 9)))
        cost = {
            order: sum(wins[order[j], order[i]] for i in range(6) for j in range(i + 1, 6))
            for order in permutations(range(6))
        }
        assert cost[_by_program(wins)] == min(cost.values())


def test_ranks_stay_open_where_no_test_tells() -> None:
    """0 beats 2, nothing else is sure: 0 may be first or second, 1 anything, 2 second or third."""
    better = np.zeros((3, 3), dtype=bool)
    better[0, 2] = True
    best, worst = rank_ranges(better)
    assert (best.tolist(), worst.tolist()) == ([1, 1, 2], [2, 3, 3])
    assert tie_groups(better | better.T) == ((0, 1), (1, 2))


def test_bootstrap_ranks_of_a_model_that_always_wins_are_1() -> None:
    lo, hi, p_best = bootstrap_ranks([[5, 6, 7], [1, 2, 3]], [10, 10, 10], resamples=500)
    assert (lo.tolist(), hi.tolist(), p_best.tolist()) == ([1, 2], [1, 2], [1, 0])
    assert np.isnan(bootstrap_ranks([[5], [1]], [10])[0]).all()
