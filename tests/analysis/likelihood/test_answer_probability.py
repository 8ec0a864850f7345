"""Answer probabilities: by hand, against the definition, and where nothing can be said."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.likelihood.answer_likelihood import (
    MOST_ANSWERS,
    OF_ANSWER,
    OF_RESPONSE,
    PER_CHARACTER,
    PER_TOKEN,
    WHOLE,
    answer_likelihood,
)
from analysis.likelihood.answer_probability import (
    ScoredAnswer,
    answer_probability,
    divergence,
    in_mode,
    min_k_accuracy,
    min_k_matrix,
    min_k_probability,
    perplexity,
)
from data.records import Denominator

ID = [0.9, 0.8, 0.85, 0.95, 0.7]
OOD = [0.5, 0.4, 0.65, 0.7, 0.3]


def test_probability_is_the_geometric_mean_and_perplexity_its_inverse() -> None:
    logs = np.log([0.9, 0.4, 0.3])
    assert answer_probability(logs) == pytest.approx(0.108 ** (1 / 3))
    assert perplexity(logs) == pytest.approx(0.108 ** (-1 / 3))
    assert answer_probability([math.log(0.5), -math.inf]) == 0
    assert math.isnan(answer_probability([])) and math.isnan(perplexity([]))


def test_author_mode_is_the_plain_sum_over_the_grid_and_halves_with_it() -> None:
    """Their densities neither sum to 1 nor carry the grid step, so the number follows the number of
    points.
    """
    grid = np.linspace(0.3, 0.95, 100)
    p, q = (np.maximum(stats.gaussian_kde(values)(grid), 1e-10) for values in (ID, OOD))
    found = divergence(ID, OOD, mode="author")
    assert found.kl == pytest.approx(float((p * np.log(p / q)).sum()))
    assert divergence(ID, OOD, mode="author", n_grid=50).kl == pytest.approx(found.kl / 2, rel=0.03)
    fine, coarse = (divergence(ID, OOD, n_grid=n) for n in (100, 50))
    assert fine.kl == pytest.approx(coarse.kl, rel=0.03)


def test_normalised_divergences_are_bounded_and_symmetric_where_they_must_be() -> None:
    there, back = divergence(ID, OOD), divergence(OOD, ID)
    assert there.js == pytest.approx(back.js) and 0 < there.js < math.log(2)
    assert there.kl == pytest.approx(back.kl_reversed)
    far = divergence([0.01, 0.02, 0.03], [0.97, 0.98, 0.99])
    assert far.js == pytest.approx(math.log(2), abs=1e-6)
    assert divergence(ID, ID).js == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ([], OOD, "fewer than two ID"),
        (ID, [0.5], "fewer than two OOD"),
        ([0.5] * 9, OOD, "all 9 ID values are the same"),
        (ID, [math.nan, 0.2], "fewer than two OOD"),
        (ID, [1.0] * 4, "all 4 OOD values are the same"),
    ],
)
@pytest.mark.parametrize("mode", ["normalised", "author"])
def test_no_density_is_a_reason_and_no_number(
    first: list[float], second: list[float], why: str, mode: str
) -> None:
    found = divergence(first, second, mode=mode)
    assert why in str(found.reason)
    assert math.isnan(found.kl) and math.isnan(found.js) and math.isnan(found.kl_reversed)


def test_the_other_mode_of_the_same_densities_is_that_mode() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.beta(2, 3, 200), rng.beta(3, 2, 150)
    asked, turned = (
        divergence(first, second, mode="author"),
        in_mode(divergence(first, second), "author"),
    )
    assert (turned.mode, turned.kl, turned.kl_reversed, turned.js) == (
        "author",
        asked.kl,
        asked.kl_reversed,
        asked.js,
    )
    assert (turned.n_id, turned.n_ood) == (200, 150) and in_mode(
        divergence([1.0], [2.0]), "author"
    ).reason is not None


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="author"):
        divergence(ID, OOD, mode="paper")


def test_min_k_takes_the_least_likely_tokens_at_least_one() -> None:
    tokens = [0.9, 0.4, 0.3, 0.8, 0.7]
    assert min_k_probability(tokens, 10) == pytest.approx(0.3)
    assert min_k_probability(tokens, 40) == pytest.approx((0.3 * 0.4) ** 0.5)
    assert min_k_probability(tokens, 100) == pytest.approx((0.9 * 0.4 * 0.3 * 0.8 * 0.7) ** 0.2)
    assert min_k_probability([0.0, 0.5], 50) == 0
    assert math.isnan(min_k_probability([], 50)) and math.isnan(
        min_k_probability([0.5, math.nan], 50)
    )


def test_the_share_of_tokens_is_exact_where_floating_point_is_not() -> None:
    """0.7 * 90 is 62.99... in floating point; 63 tokens are kept."""
    tokens = np.linspace(0.1, 0.9, 90)
    assert min_k_probability(tokens, 70) == pytest.approx(float(np.exp(np.log(tokens[:63]).mean())))


def test_many_answers_at_once_agree_with_one_by_one() -> None:
    random = np.random.default_rng(2)
    answers = [np.log(random.uniform(0.05, 1, size)) for size in (5, 1, 0, 12, 3)]
    answers[4][0] = -np.inf
    together = min_k_matrix(answers, [10, 50, 90])
    for logs, row in zip(answers, together, strict=True):
        assert row == pytest.approx(
            [min_k_probability(np.exp(logs), k) for k in (10, 50, 90)], nan_ok=True
        )
    answers.append(np.array([np.nan]))
    assert min_k_matrix(answers, [50])[:-1] == pytest.approx(together[:, 1:2], nan_ok=True)


def one(probability: float, *tokens: float) -> ScoredAnswer:
    return ScoredAnswer(probability=probability, token_probabilities=tokens)


def test_the_likeliest_of_several_answers_counts() -> None:
    found = min_k_accuracy(
        [[one(0.2, 0.2), one(0.5, 0.5)], [one(0.3, 0.3)]], [True, False], ks=[50]
    )
    assert (found.accuracy, found.probability, found.min_k[50]) == (
        0.5,
        pytest.approx(0.4),
        pytest.approx(0.4),
    )
    assert found.normalised[50] == pytest.approx(0.5 / 0.4)


def test_zero_probabilities_leave_nothing_to_divide_by() -> None:
    found = min_k_accuracy([[one(0.0, 0.0, 0.9)], [one(0.0, 0.0)]], [True, True], ks=[50])
    assert (
        found.min_k[50] == 0
        and math.isnan(found.normalised[50])
        and "probability 0" in str(found.reason)
    )


def test_no_outcome_and_no_instance_are_said() -> None:
    assert (
        min_k_accuracy([[one(0.4, 0.4)]], [None]).reason == "no kept instance has a known outcome"
    )
    none = min_k_accuracy([[one(0.4, 0.4)]], [True], keep_percent=60)  # 60 % of one, rounded down
    assert none.n == 0 and math.isnan(none.accuracy) and "no instance" in str(none.reason)
    with pytest.raises(ValueError, match="equal numbers"):
        min_k_accuracy([], [True])


# -- stored answers --------------------------------------------------------------------------------


def stored(n: int = 40, **changes: object) -> pd.DataFrame:
    """n answers a split; two tokens each, those of the reference answer; ID likelier."""
    random = np.random.default_rng(1)
    rows = []
    for split, centre in (("id", 0.8), ("ood", 0.4)):
        for place in range(n):
            tokens = np.log(np.clip(random.normal(centre, 0.05, 2), 0.01, 0.99))
            rows.append(
                {
                    "split": split,
                    "outcome": "correct" if place % 2 else "wrong",
                    "target": "12",
                    "token_logprobs": tokens,
                    "answer_logprob": float(tokens.sum()),
                }
            )
    return pd.DataFrame(rows).assign(**changes)


def test_tokens_of_the_reference_answer_give_the_papers_measure() -> None:
    found = answer_likelihood(stored(), "m")
    assert (found.measure, found.tokens) == (PER_TOKEN, OF_ANSWER)
    assert found.mean_id == pytest.approx(0.8, abs=0.03) and found.mean_ood == pytest.approx(
        0.4, abs=0.03
    )
    assert 0.5 < found.js_lo <= found.normalised.js <= math.log(2)
    json.dumps(found.as_record(), allow_nan=False)


def test_tokens_of_a_response_are_never_taken_for_those_of_the_answer() -> None:
    frame = stored()
    frame["answer_logprob"] -= 1.0
    found = answer_likelihood(frame, "m")
    assert (found.measure, found.tokens) == (PER_CHARACTER, OF_RESPONSE)
    # Two characters: exp((log p1 + log p2 - 1) / 2).
    expected = np.exp(frame.loc[frame["split"] == "id", "answer_logprob"] / 2).mean()
    assert found.mean_id == pytest.approx(expected)
    assert answer_likelihood(frame.assign(target=None), "m").measure == WHOLE


def test_min_k_of_stored_answers_is_accuracy_over_its_mean() -> None:
    found = answer_likelihood(stored(), "m").min_k
    row = found[
        (found["split"] == "id") & (found["keep_percent"] == 100) & (found["k"] == 50)
    ].iloc[0]
    tokens = stored().loc[lambda frame: frame["split"] == "id", "token_logprobs"]
    assert row["min_k"] == pytest.approx(np.mean([np.exp(one.min()) for one in tokens]))
    assert row["accuracy"] == 0.5 and row["acc_norm"] == pytest.approx(0.5 / row["min_k"])
    assert row["acc_norm_lo"] < row["acc_norm"] < row["acc_norm_hi"]
    assert set(found.loc[found["keep_percent"] == 60, "n"]) == {24}


def test_unparsed_answers_follow_the_denominator() -> None:
    frame = stored(outcome="unparsed")
    wrong = answer_likelihood(frame, "m").min_k.iloc[0]
    left_out = answer_likelihood(frame, "m", denominator=Denominator.PARSED_ONLY).min_k.iloc[0]
    assert (wrong["accuracy"], wrong["n_graded"]) == (0.0, wrong["n"])
    assert (
        math.isnan(left_out["accuracy"])
        and left_out["n_graded"] == 0
        and math.isnan(left_out["acc_norm"])
    )


def test_without_probabilities_or_splits_there_is_a_reason() -> None:
    found = answer_likelihood(stored(answer_logprob=math.nan, token_logprobs=None), "m")
    assert (
        found.n_without == 80
        and "fewer than two ID" in str(found.reason)
        and found.min_k_reason is not None
    )
    assert math.isnan(found.js_lo)
    assert answer_likelihood(stored(split=None), "m").reason is not None
    json.dumps(found.as_record(), allow_nan=False)


def test_too_many_answers_are_thinned_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.likelihood.answer_likelihood.MOST_ANSWERS", 30)
    found = answer_likelihood(stored(), "m")
    assert (found.n_id, found.n_ood, found.n_left_out) == (30, 30, 20)
    assert MOST_ANSWERS == 20_000
