"""Formulas of metrics: numbers worked by hand, limits, and what stays undefined."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from analysis.verify import verify_vectors
from analysis.what_if.metrics import (
    brier,
    choice_chain,
    correlation_distribution,
    edit_distance,
    ladder_tokens,
    own_tokens,
    pass_at_k,
    scaling_chain,
    token_accuracy,
    token_chain,
    token_probability,
    words,
    zero_upper_bound,
)


def test_tokens_of_the_ladder_carry_their_space_and_words_lose_brackets() -> None:
    assert ladder_tokens(" 02 148$") == (" 0", "2", " 1", "4", "8", "$")
    assert own_tokens(" 02 1", " 02 14$") == (" 0", "2", " 1")
    assert own_tokens("[12, 7]", "[12,7]") == words("12 7") == ("12", "7")
    assert words(" \n") == ()


@pytest.mark.parametrize(
    ("answer", "target", "distance", "right_places"),
    [
        ("a b c", "a b c", 0, 1),
        ("a c", "a b c", 1 / 3, 1 / 3),  # b is missing; c stands in b's place
        ("a b c d", "a b c", 1 / 4, 1),  # one too many, over the longer list
        ("x y", "a b c", 1, 0),
        ("", "a b c", 1, 0),
    ],
)
def test_edit_distance_and_token_accuracy(
    answer: str, target: str, distance: float, right_places: float
) -> None:
    assert edit_distance(words(answer), words(target)) == pytest.approx(distance)
    assert token_accuracy(words(answer), words(target)) == pytest.approx(right_places)


def test_an_empty_reference_has_no_places() -> None:
    assert edit_distance((), ()) == 0
    assert math.isnan(token_accuracy(("a",), ()))


def test_the_chain_and_its_inverse_meet() -> None:
    chain = token_chain([0.9, 0.5, 0.0, 1.0], 3)
    assert chain.exact_match == pytest.approx([0.729, 0.125, 0, 1])
    assert chain.token_edit_distance == pytest.approx([0.3, 1.5, 3, 0])
    p, bound = token_probability(chain.exact_match, 3, 100)
    assert p[[0, 1, 3]] == pytest.approx([0.9, 0.5, 1])
    assert math.isnan(p[2]) and bound[2] == pytest.approx((1 - 0.05 ** (1 / 100)) ** (1 / 3))
    assert np.isnan(bound[[0, 1, 3]]).all()


@pytest.mark.parametrize(("p", "length"), [(-0.1, 2), (1.1, 2), (0.5, -1), (math.nan, 0)])
def test_what_is_no_probability_or_length_stays_undefined(p: float, length: float) -> None:
    assert math.isnan(token_chain(p, length).exact_match)
    assert np.isnan(token_probability(p, length, 10)).all()


def test_what_a_zero_can_hide() -> None:
    assert zero_upper_bound([256, 1]) == pytest.approx([0.01163, 0.95], abs=1e-5)
    assert math.isnan(zero_upper_bound(0))


def test_scaling_without_a_size_is_undefined() -> None:
    chain = scaling_chain([0.0, -1.0, math.nan, 1.0], c=1.0, alpha=0.0, length=2)
    assert np.isnan(chain.p[:3]).all()
    assert chain.exact_match[3] == pytest.approx(math.exp(-2))


def test_brier_by_hand_and_at_its_ends() -> None:
    assert brier([[0.7, 0.2, 0.1]], [0]) == pytest.approx([0.09 + 0.04 + 0.01])
    assert brier([[1, 0], [1, 0]], [0, 1]) == pytest.approx([0, 2])
    assert np.isnan(brier([[0.5, 0.5]] * 3, [-1, 2, math.nan])).all()


def test_a_choice_that_is_hopelessly_unlikely_still_has_shares() -> None:
    chain = choice_chain([-1000.0, -1001.0], 0)
    assert chain.p_vocab == 0 and chain.accuracy == 1
    assert chain.p_choices == pytest.approx(1 / (1 + math.exp(-1)))
    assert chain.brier == pytest.approx(2 * (1 - chain.p_choices) ** 2)


@pytest.mark.parametrize(
    ("logs", "correct"),
    [([], 0), ([-1.0, math.nan], 0), ([-1.0], 1), ([-1.0], math.nan), ([-math.inf] * 2, 0)],
)
def test_a_choice_that_is_not_there_is_undefined(logs: list[float], correct: float) -> None:
    assert math.isnan(choice_chain(logs, correct).accuracy)


def test_pass_at_k_equals_counting_all_draws() -> None:
    """Every choice of k of n answers, by enumeration."""
    for n, c, k in ((5, 2, 1), (5, 2, 3), (6, 1, 4), (4, 4, 2), (4, 0, 4)):
        draws = list(combinations([1] * c + [0] * (n - c), k))
        assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))
    assert pass_at_k(5, 2, 0) == 0
    assert np.isnan(pass_at_k([3, 0, 3, 3], [1, 0, 4, -1], [4, 1, 1, 1])).all()


@pytest.mark.parametrize(
    ("n", "c", "expected"),
    [(1, 0, 0.0), (1, 1, 1.0), (2, 1, 1.0), (5, 0, 0.0), (5, 1, 1.0), (5, 5, 1.0)],
)
def test_pass_at_k_of_all_answers_is_whether_any_is_right(n: int, c: int, expected: float) -> None:
    """At k = n the one draw holds all answers: 1 - C(n - c, n) / C(n, n) is 0 for c = 0, else 1."""
    assert pass_at_k(n, c, n) == expected


def test_correlations_leave_out_items_without_one() -> None:
    found = correlation_distribution([0.5, math.nan, 1.0], 0.5)
    assert (found.n, found.mean, found.ccdf_at_threshold) == (2, 0.75, 0.5)
    assert found.neg_min_wasserstein == pytest.approx(-0.25)
    assert math.isnan(correlation_distribution([math.nan], 0).median)


@pytest.mark.parametrize(
    ("key", "inputs", "expected"),
    [
        ("pass_at_k", {"n": 3, "c": 1, "k": 5}, {"pass_at_k": None}),
        (
            "metric_transform",
            {"per_token_p": None, "L": 4},
            {"exact_match": None, "token_edit_distance": None},
        ),
        ("brier_multiclass", {"P": [], "y": []}, {"brier": None}),
        (
            "mc_metric_chain",
            {"logp_vocab": [-1, None], "correct": 0},
            {"p_choices": None, "accuracy": None},
        ),
        (
            "correlation_distribution",
            {"per_sample_corr": [], "threshold": 0},
            {"mean": None, "ccdf_area": None},
        ),
        (
            "metric_transform",
            {"per_token_p": [0.5, 1.0], "L": 2},
            {"exact_match": [0.25, 1.0], "token_edit_distance": [1.0, 0.0]},
        ),
    ],
)
def test_vectors_with_odd_inputs_are_answered(
    key: str, inputs: dict[str, object], expected: dict[str, object]
) -> None:
    found = verify_vectors({key: [{"inputs": inputs, "expected": expected, "tolerance": 1e-12}]})
    assert found["summary"]["n_passed"] == 1, found
