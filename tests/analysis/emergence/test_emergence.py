"""Series from frames, shapes and verdicts: worked by hand, at the edges, and the mirage of a
planted chain.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.emergence.scale_series import Wanted, gather, scale_means
from analysis.emergence.sentences import (
    break_sentence,
    headline,
    law_sentence,
    onset_sentence,
    scale_words,
    suddenness_sentence,
)
from analysis.emergence.studying import compare_metrics, study, threshold_of, verdict_of
from data.records import NotEnoughDataError

SIZES = np.array([1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6])


def scales(sizes: Any = SIZES, **more: Any) -> pd.DataFrame:
    n = len(sizes)
    frame = pd.DataFrame(
        {
            "run_id": [f"r{place}" for place in range(n)],
            "model": [f"m{place}" for place in range(n)],
            "family": "f",
            "checkpoint": None,
            "step": pd.array([pd.NA] * n, dtype="Int64"),
            "is_last": True,
            "n_params": np.asarray(sizes, dtype=float),
            "train_tokens": 1e6,
            "train_flops": 6e6 * np.asarray(sizes, dtype=float),
            "flops_source": "6 x parameters x tokens",
            "loss": 3 - 0.2 * np.arange(n),
            "loss_name": "answer loss",
        }
    )
    return frame.assign(**more)


def counts(correct: Any, n: int = 256, *, task: str = "sort") -> pd.DataFrame:
    right = np.asarray(correct, dtype=int)
    return pd.DataFrame(
        {
            "run_id": [f"r{place}" for place in range(len(right))],
            "task": task,
            "level": pd.array([1] * len(right), dtype="Int16"),
            "split": "id",
            "reading": "",
            "source": "samples",
            "value": np.nan,
            "se": np.nan,
            "n": np.nan,
            "n_correct": pd.array(right, dtype="Int64"),
            "n_wrong": pd.array(n - right, dtype="Int64"),
            "n_unparsed": pd.array([0] * len(right), dtype="Int64"),
            "n_error": pd.array([0] * len(right), dtype="Int64"),
            "n_instances": pd.array([n] * len(right), dtype="Int64"),
            "is_share": True,
        }
    )


def test_answers_to_one_instance_are_not_counted_as_independent() -> None:
    once = gather(scales(SIZES[:2]), counts([64, 128]), "accuracy", Wanted())
    four = gather(scales(SIZES[:2]), counts([64, 128]).assign(n_instances=64), "accuracy", Wanted())
    assert list(once.points["n"]) == [256, 256] and list(four.points["n"]) == [64, 64]
    wide, narrow = (one.points["hi"] - one.points["lo"] for one in (four, once))
    assert list(four.points["y"]) == [0.25, 0.5] and (wide > 1.8 * narrow).all()
    assert any("n counts instances" in note for note in four.notes) and not once.notes


def stated(values: Any, se: float, *, is_share: bool = False) -> pd.DataFrame:
    none = pd.array([pd.NA] * len(values), dtype="Int64")
    frame = counts([0] * len(values)).assign(
        value=np.asarray(values, dtype=float), se=se, is_share=is_share, source="aggregates"
    )
    return frame.assign(n_correct=none, n_wrong=none, n_unparsed=none, n_error=none)


def test_a_series_is_sorted_and_carries_wilson_intervals_and_what_zeros_hide() -> None:
    series = gather(scales(SIZES[::-1][:3]), counts([256, 128, 0]), "accuracy", Wanted())
    assert series.points["y"].tolist() == [0.0, 0.5, 1.0]
    assert series.points["lo"].iloc[1] == pytest.approx(0.43916, abs=1e-4)  # Wilson, 128 of 256
    assert series.points["upper_if_zero"].iloc[0] == pytest.approx(1 - 0.05 ** (1 / 256))
    assert series.points["upper_if_zero"].iloc[1:].isna().all()
    assert "Wilson" in series.interval


def fractional(scores: list[np.ndarray[Any, Any]], *, task: str = "sort") -> pd.DataFrame:
    """Rows as data.queries.fetch_scale_values makes them of scores between 0 and 1."""
    values, errors = (
        [one.mean() for one in scores],
        [one.std(ddof=1) / math.sqrt(len(one)) for one in scores],
    )
    return stated(values, 0.0, is_share=True).assign(
        se=errors, n=[float(len(one)) for one in scores], task=task, source="samples"
    )


def test_fractional_scores_have_the_interval_of_their_own_spread_and_verdicts_wilsons() -> None:
    rng = np.random.default_rng(3)
    scores = [rng.beta(8, 8, 256), np.repeat([0.0, 1.0], 128), np.ones(256), np.full(256, 0.25)]
    series = gather(scales(SIZES[:4]), fractional(scores), "token_accuracy", Wanted())
    points, expected = series.points, scores[0].std(ddof=1) / 16
    assert points["se"].iloc[0] == pytest.approx(expected)
    assert (points["hi"] - points["lo"]).iloc[0] == pytest.approx(2 * 1.959964 * expected)
    assert expected < 0.5 * math.sqrt(0.25 / 256)  # a coin is twice as unsure
    assert points["lo"].iloc[1] == pytest.approx(0.43916, abs=1e-4)  # Wilson, 128 of 256
    assert 0.98 < points["lo"].iloc[2] < points["hi"].iloc[2] == 1.0
    assert points["hi"].iloc[3] - points["lo"].iloc[3] > 0.1  # no spread is no certainty
    assert (
        series.interval
        == "95 %, from the standard error over instances; Wilson where answers are right or wrong"
        " only"
    )
    assert series.draws is not None and series.draws[:, 0].std() == pytest.approx(
        expected, rel=0.15
    )
    assert gather(
        scales(SIZES[:1]), fractional(scores[:1]), "token_accuracy", Wanted()
    ).interval.endswith("over instances")


def test_a_stated_error_of_a_coin_but_for_rounding_keeps_wilson_and_a_clustered_one_counts() -> (
    None
):
    coin = stated([0.3], round(math.sqrt(0.21 / 99), 3), is_share=True).assign(n=100.0)
    assert (
        gather(scales(SIZES[:1]), coin, "acc", Wanted()).interval == "95 % Wilson, over instances"
    )
    clustered = gather(scales(SIZES[:1]), coin.assign(se=0.1), "acc", Wanted())
    assert clustered.points[["lo", "hi"]].iloc[0].tolist() == pytest.approx(
        [0.104, 0.496], abs=1e-3
    )


def test_fractional_scores_of_several_tasks_are_never_surer_than_their_tasks() -> None:
    rng = np.random.default_rng(4)
    tasks = [fractional([rng.beta(a, 8, 64)] * 2, task=f"t{a}") for a in (2, 8, 20)]
    series = gather(scales(SIZES[:2]), pd.concat(tasks), "token_accuracy", Wanted())
    errors = np.array([frame["se"].iloc[0] for frame in tasks])
    assert series.points["se"].iloc[0] == pytest.approx(math.sqrt((errors**2).sum()) / 3)
    assert (series.points["hi"] - series.points["lo"]).iloc[0] > 4 * series.points["se"].iloc[0]
    assert series.interval == "95 %, over tasks"


def test_several_tasks_are_averaged_over_those_that_the_points_share() -> None:
    both = pd.concat(
        [counts([0, 128, 256]), counts([128, 128, 128], task="max"), counts([256], task="rare")]
    )
    series = gather(scales(SIZES[:3]), both, "accuracy", Wanted())
    assert series.points["y"].tolist() == [0.25, 0.5, 0.75]
    assert series.points["n_tasks"].tolist() == [2, 2, 2]
    assert any("left out of the mean" in text for text in series.notes)
    assert series.interval == "95 %, over tasks"


def test_seeds_of_one_size_are_one_scale() -> None:
    series = gather(scales([1e3, 1e3, 1e4]), counts([64, 192, 256]), "accuracy", Wanted())
    x, means, draws = scale_means(series)
    assert (x.tolist(), means.tolist()) == ([3.0, 4.0], [0.5, 1.0])
    assert draws is not None and draws.shape[1] == 2


def test_runs_without_a_size_are_left_out_and_said() -> None:
    series = gather(scales([1e3, math.nan, 1e4]), counts([1, 2, 3]), "accuracy", Wanted())
    assert len(series.points) == 2
    assert "runs of 1 model are left out: their parameters are unknown" in " ".join(series.notes)
    assert not len(gather(scales([math.nan]), counts([1]), "accuracy", Wanted()).points)


def test_only_one_kind_of_loss_stands_on_an_axis() -> None:
    mixed = scales(SIZES[:4], loss_name=["a", "a", "a", "b"])
    series = gather(mixed, counts([1, 2, 3, 4]), "accuracy", Wanted(axis="loss"))
    assert (len(series.points), series.loss_name) == (3, "a")
    assert series.points["x"].tolist() == sorted(series.points["x"])


def test_perplexities_become_minus_their_logarithm_with_the_error_propagated() -> None:
    series = gather(scales(SIZES[:3]), stated([100.0, 10.0, 2.0], 0.5), "ppl", Wanted())
    assert series.points["y"].tolist() == pytest.approx(
        [-math.log(100), -math.log(10), -math.log(2)]
    )
    assert series.points["se"].tolist() == pytest.approx([0.005, 0.05, 0.25])


def test_scores_without_n_or_error_are_drawn_without_intervals() -> None:
    found = study(
        gather(
            scales(), stated(np.linspace(0.1, 0.8, 8), math.nan, is_share=True), "score", Wanted()
        )
    )
    assert found.series.draws is None
    assert math.isnan(found.suddenness.b_lo) and math.isfinite(found.suddenness.b)
    assert found.shape == "smooth"


@pytest.mark.parametrize(
    ("correct", "shape"),
    [([0] * 8, "flat"), ([256] * 8, "flat"), ([3], "undecided"), ([3, 200], "undecided")],
)
def test_all_zero_all_one_one_and_two_points_stay_honest(correct: list[int], shape: str) -> None:
    found = study(gather(scales(SIZES[: len(correct)]), counts(correct), "accuracy", Wanted()))
    assert found.shape == shape
    assert found.law is None or math.isnan(found.law.quadratic)
    for sentence in (break_sentence, suddenness_sentence, onset_sentence, law_sentence):
        assert "nan" not in sentence(found).lower()
    assert "nan" not in headline(found, None, about="sort")


def test_no_point_at_all_is_said() -> None:
    with pytest.raises(NotEnoughDataError, match="No run has accuracy over step"):
        study(gather(scales(), counts([1] * 8), "accuracy", Wanted(axis="step")))


def test_a_power_law_in_the_token_and_exact_match_of_many_tokens_is_the_metrics_jump() -> None:
    """METHODS C3: p = exp(-(N/c)^alpha); all of 30 tokens right is p^30. Planted mirage, found as
    one.
    """
    rng = np.random.default_rng(11)
    sizes = np.logspace(3, 7, 14)
    log_p = -((sizes / 3e3) ** -0.5)
    exact = gather(
        scales(sizes), counts(rng.binomial(2000, np.exp(30 * log_p)), 2000), "accuracy", Wanted()
    )
    values = 30 * log_p * (1 + rng.normal(0, 0.01, 14))
    smooth = gather(scales(sizes), stated(values, 0.05), "answer_logprob", Wanted())
    mirage = compare_metrics(study(exact), study(smooth))
    assert (mirage.discontinuous.shape, mirage.continuous.shape) == ("sharp", "smooth")
    assert mirage.verdict == "the metric's"
    assert "the jump may be the metric's." in headline(mirage.discontinuous, mirage, about="sort")


def test_a_jump_of_both_metrics_is_not_blamed_on_the_metric() -> None:
    rng = np.random.default_rng(12)
    sizes = np.logspace(3, 7, 14)
    jump = sizes > 1e5
    exact = gather(
        scales(sizes),
        counts(rng.binomial(500, np.where(jump, 0.9, 0.02)), 500),
        "accuracy",
        Wanted(),
    )
    log_p = gather(
        scales(sizes),
        stated(np.where(jump, -0.3, -8.0) + rng.normal(0, 0.1, 14), 0.1),
        "answer_logprob",
        Wanted(),
    )
    mirage = compare_metrics(study(exact), study(log_p))
    assert mirage.verdict == "not the metric's alone"


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("sharp", "smooth", "the metric's"),
        ("sharp", "sharp", "not the metric's alone"),
        ("sharp", "flat", "undecided"),
        ("sharp", "undecided", "undecided"),
        ("smooth", "smooth", "no jump"),
        ("smooth", "sharp", "reverse"),
        ("undecided", "smooth", "undecided"),
        ("flat", "undecided", "no jump"),
    ],
)
def test_verdicts(first: str, second: str, verdict: str) -> None:
    assert verdict_of(first, second) == verdict


def test_a_straight_rise_is_rarely_called_sharp() -> None:
    rng = np.random.default_rng(13)
    truth = np.linspace(0.2, 0.8, 8)
    shapes = [
        study(gather(scales(), counts(rng.binomial(256, truth)), "accuracy", Wanted())).shape
        for _ in range(60)
    ]
    assert shapes.count("sharp") <= 6


def test_a_loss_threshold_comes_from_a_series_over_loss_only() -> None:
    right = (256 * np.maximum(0, 2.4 - (3 - 0.2 * np.arange(8)))).round()
    series = gather(scales(), counts(right), "accuracy", Wanted(axis="loss"))
    assert threshold_of(series).eta == pytest.approx(2.4, abs=0.01)
    with pytest.raises(NotEnoughDataError, match="over parameters"):
        threshold_of(gather(scales(), counts(right), "accuracy", Wanted()))


def test_places_on_the_axis_in_words() -> None:
    assert [scale_words(size, "parameters") for size in (512, 2868, 979_584, 1.4e9)] == [
        "512",
        "2.87k",
        "980k",
        "1.4B",
    ]
    assert (scale_words(1976, "step"), scale_words(math.nan, "FLOPs")) == ("1,976", "–")


def test_unknown_chance_is_no_zero() -> None:
    found = study(
        gather(scales(), counts([0, 0, 0, 10, 100, 200, 250, 256]), "accuracy", Wanted()),
        chance=None,
    )
    assert math.isnan(found.chance)
    assert found.onset.scale is None and "chance level is unknown" in str(found.onset.reason)
    assert found.law is None and "not known" in str(found.law_reason)


def test_a_step_that_every_smooth_form_misses_is_not_called_smooth() -> None:
    """Seven sizes leave AICc no room for the bent forms; the straight line that weighs most misses
    the step by forty points.
    """
    rates = np.array([0.05, 0.12, 0.98, 0.96, 0.95, 0.97, 0.96])
    found = study(
        gather(scales(SIZES[:7]), counts((rates * 256).round()), "accuracy", Wanted()), chance=None
    )
    assert found.smooth_weight > 0.5 and found.shape == "undecided"
    assert "no smooth form explains more than" in found.shape_reason


def test_noise_about_a_level_may_be_called_smooth() -> None:
    """A line explains nothing of pure noise, and leaves no more than noise either."""
    rng = np.random.default_rng(14)
    shapes = [
        study(gather(scales(), counts(rng.binomial(256, 0.5, 8)), "accuracy", Wanted())).shape
        for _ in range(20)
    ]
    assert shapes.count("smooth") >= 14


def test_models_that_share_no_task_give_no_points_and_say_so(
    recwarn: pytest.WarningsRecorder,
) -> None:
    apart = pd.concat([counts([128, 128])[:1], counts([64, 64], task="max")[1:]])
    series = gather(scales(SIZES[:2]), apart, "accuracy", Wanted())
    assert not len(series.points) and "without a task of the mean" in " ".join(series.notes)
    assert not recwarn.list
