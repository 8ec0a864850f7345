"""Critical level against size: certified numbers, the sentence, coverage by simulation, and where
no answer is one.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.size.level_by_size import counted_levels, level_by_size, published_levels
from analysis.size.size_trend import interval_regression, least_squares_trend, ordinal_trend
from analysis.text import short_count
from analysis.valley.locating import locate_valleys
from tests.analysis.conftest import CountsOf

TABLE = pd.read_csv(
    Path(__file__).resolve().parents[3] / "data" / "published" / "scylla_table2.csv"
)


@pytest.fixture
def known() -> pd.DataFrame:
    """The models of Table 2 as data.queries.fetch_models gives them."""
    return TABLE[["model", "family", "access"]].assign(
        n_params=(TABLE["params_b"] * 1e9).round().astype("Int64")
    )


def test_an_exact_line_is_found_with_censored_ends() -> None:
    """Twelve sizes, levels drawn around 1 + 2 x with little noise: the slope comes out, least
    squares flattens it.
    """
    x = np.linspace(0, 3, 60)
    latent = 1 + 2 * x + np.random.default_rng(3).normal(0, 0.6, 60)
    level = np.clip(np.round(latent), 1, 5)
    fit = interval_regression(x, level)
    assert fit.lo < 2 < fit.hi and fit.b1 == pytest.approx(2, abs=0.35)
    assert least_squares_trend(x, level).slope < fit.b1 - 0.2
    assert (fit.n_lowest, fit.n_highest) == (int((level == 1).sum()), int((level == 5).sum()))


def test_intervals_of_the_slope_cover_it() -> None:
    """80 data sets of 40 models, slope 0.9, sigma 0.8: a 95 % Wald interval covers in 88-100 %
    (binomial noise and small n).
    """
    random = np.random.default_rng(11)
    x = np.tile(np.linspace(0.2, 2.6, 20), 2)
    covered = 0
    for _ in range(80):
        level = np.clip(np.round(1.9 + 0.9 * x + random.normal(0, 0.8, len(x))), 1, 5)
        fit = interval_regression(x, level)
        covered += fit.lo <= 0.9 <= fit.hi
    assert 0.88 <= covered / 80 <= 1


def test_the_likelihood_ratio_rejects_a_flat_line_at_its_level() -> None:
    """100 data sets without a trend: p < .05 in 1-12 % of them."""
    random = np.random.default_rng(5)
    x = np.linspace(0.2, 2.6, 30)
    rejected = sum(
        interval_regression(x, np.clip(np.round(random.normal(3, 1, 30)), 1, 5)).lr_p < 0.05
        for _ in range(100)
    )
    assert 0 < rejected <= 12


def test_levels_that_size_separates_have_no_interval_and_say_so() -> None:
    fit = interval_regression([0.0, 0.5, 1.0, 1.5, 2.0, 2.5], [1, 1, 2, 3, 5, 5])
    assert fit.is_separated and fit.neg_log_likelihood == pytest.approx(0, abs=1e-6)
    assert math.isnan(fit.lo) and math.isnan(fit.lr_p) and "many lines" in str(fit.reason)
    ordinal = ordinal_trend([0.0, 0.5, 1.0, 1.5, 2.0, 2.5], [1, 1, 2, 3, 5, 5])
    assert math.isnan(ordinal.beta) and "infinite" in str(ordinal.reason)


@pytest.mark.parametrize(
    ("x", "level", "why"),
    [
        ([], [], "fewer than three"),
        ([1.0], [3], "fewer than three"),
        ([1, 2, math.nan, 3], [1, 2, 3, math.nan], "fewer than three"),
        ([1, 1, 1], [1, 2, 3], "same size"),
        ([1, 2, 3], [4, 4, 4], "same critical level"),
    ],
)
def test_no_fit_is_a_reason_and_no_number(x: list[float], level: list[float], why: str) -> None:
    for fit in (
        interval_regression(x, level),
        ordinal_trend(x, level),
        least_squares_trend(x, level),
    ):
        assert why in str(fit.reason)
        assert math.isnan(getattr(fit, "b1", math.nan)) and math.isnan(
            getattr(fit, "beta", math.nan)
        )


def test_the_unit_of_size_does_not_change_the_slope() -> None:
    x, level = [0.3, 0.8, 1.2, 1.6, 2.1, 2.4, 0.9, 1.9], [1, 2, 2, 4, 3, 5, 1, 4]
    first, second = (interval_regression([one + shift for one in x], level) for shift in (0, 9))
    assert first.b1 == pytest.approx(second.b1, abs=1e-4) and first.se_b1 == pytest.approx(
        second.se_b1, rel=1e-3
    )


def test_the_published_levels_give_the_sentence_of_the_page(
    published_levels_frame: pd.DataFrame, known: pd.DataFrame
) -> None:
    found = level_by_size(published_levels(published_levels_frame, known), source="published")
    assert (
        found.sentence()
        == "Across 23 open models the critical level rises by 0.92 [0.32, 1.51] levels per tenfold"
        " size (interval-censored regression, p = .005); within families it rises in 25 of 31"
        " comparable pairs and falls in none (exact permutation, p < .001)."
    )
    assert found.within.p_rising == pytest.approx(
        1 / 30240
    )  # each of the five families at its best: 210 * 3 * 2 * 6 * 4 orders
    assert found.groups.j == 134.5 and found.access.u == 96
    assert any("Here 5" in text for text in found.caveats())
    json.dumps(found.as_record(), allow_nan=False)


@pytest.fixture
def published_levels_frame(published_levels: pd.DataFrame) -> pd.DataFrame:
    return published_levels


def test_closed_models_stay_out_with_a_reason(
    published_levels_frame: pd.DataFrame, known: pd.DataFrame
) -> None:
    rows = level_by_size(
        published_levels(published_levels_frame, known), source="published"
    ).models.set_index("model")
    assert rows["reason"]["GPT-4o-mini"] == "its size is not published"
    assert rows["censored"]["o1-mini"] == "above" and rows["censored"]["Qwen1.5-4B"] == "below"
    assert rows["reason"].notna().sum() == 5


def test_levels_from_counts_are_those_of_the_valleys(counts_of: CountsOf) -> None:
    counts = pd.concat(
        [
            counts_of({1: [(90, 88)], 2: [(80, 40), (70, 50)], 3: [(20, 10)]}, model="a"),
            counts_of({1: [(90, 60)], 2: [(80, 70)]}, model="b"),
            counts_of({1: [(50, 60)], 2: [(40, 45)]}, model="flat"),
        ]
    )
    known = pd.DataFrame(
        {
            "model": ["a", "b", "flat"],
            "family": "f",
            "access": "open",
            "n_params": [10**9, 10**8, 10**7],
        }
    )
    rows = counted_levels(counts, known).set_index("model")
    valleys = {valley.model: valley.critical_level for valley in locate_valleys(counts)}
    assert valleys == {"a": 2, "b": 1, "flat": None}
    assert rows["level"]["a"] == 2 and rows["level"]["b"] == 1 and math.isnan(rows["level"]["flat"])
    found = level_by_size(rows.reset_index(), source="samples", lowest=1, highest=3)
    assert "no slope" in found.sentence() and any(
        "without a critical level" in text for text in found.caveats()
    )
    json.dumps(found.as_record(), allow_nan=False)


def test_no_model_at_all_is_said(known: pd.DataFrame) -> None:
    empty = pd.DataFrame(
        {"model": [], "family": [], "access": [], "n_params": [], "level": [], "level_label": []}
    )
    found = level_by_size(empty, source="samples")
    assert found.entered.empty and "no slope" in found.sentence()


def test_sizes_as_people_write_them() -> None:
    assert [short_count(n) for n in (405e9, 1.8e9, 979584, 1000, 12)] == [
        "405B",
        "1.8B",
        "980k",
        "1k",
        "12",
    ]
