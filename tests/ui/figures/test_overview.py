"""Outcomes as drawn."""

from __future__ import annotations

import pytest

from tests.ui.figures.examples import counts, trace
from ui.figures.overview import OUTCOMES, outcomes_figure


def test_outcomes_are_disjoint_shares_of_all_answers() -> None:
    figure = outcomes_figure(counts("A"))
    shares = {outcome: trace(figure, outcome)["x"][0] for outcome in OUTCOMES}
    answers = 18 * 103
    assert shares == pytest.approx(
        {
            "correct": 846 / answers,
            "wrong": 828 / answers,
            "unparsed": 126 / answers,
            "error": 54 / answers,
        }
    )
    assert "unparsed: 126 of 1,854" in trace(figure, "unparsed")["hovertext"][0]
    assert trace(figure, "wrong")["customdata"] == [{"model": "A", "outcome": "wrong"}]


def test_outcomes_differ_by_more_than_red_and_green() -> None:
    colors = [each["marker"]["color"] for each in outcomes_figure(counts("A"))["data"]]
    assert len(set(colors)) == 4
    assert trace(outcomes_figure(counts("A")), "unparsed")["marker"]["pattern"]["shape"] == "/"
