"""The figure of token log-probabilities: one bar a token, gaps where nothing finite stands, a
stated cut.
"""

from __future__ import annotations

import math

from ui.figures.theme import as_plotly
from ui.figures.tokens import token_logprobs_figure


def test_each_token_has_its_bar_in_order() -> None:
    figure = token_logprobs_figure([-0.5, -2.0])
    (trace,) = figure["data"]
    assert list(trace["x"]) == [1, 2]
    assert list(trace["y"]) == [-0.5, -2.0]
    assert "0.1353" in trace["hovertext"][1]
    assert as_plotly(figure).layout.height == 200


def test_token_without_a_finite_log_probability_is_a_gap() -> None:
    values = token_logprobs_figure([-0.5, -math.inf, math.nan])["data"][0]["y"]
    assert [math.isnan(value) for value in values] == [False, True, True]


def test_no_tokens_give_a_note() -> None:
    assert token_logprobs_figure([])["data"] == []


def test_long_answer_is_cut_and_says_so() -> None:
    figure = token_logprobs_figure([-1.0] * 5000)
    assert len(figure["data"][0]["x"]) == 2000
    assert (
        figure["layout"]["meta"]["sentence"]
        == "Log-probabilities of the first 2,000 of 5,000 tokens."
    )
