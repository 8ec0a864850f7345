"""Figures of what explains a gap: what a constant penalty draws, half right along the axis,
critical complexity of several models.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.account.explanation import Explanation, explain_valley
from analysis.simulate import simulate_tasks
from analysis.valley.locating import Settings, Valley, locate_valley
from ui.figures.explanation import complexity_figure, constant_gap_figure, half_point_figure
from ui.figures.theme import as_plotly


@pytest.fixture(scope="module")
def valley() -> Valley:
    return locate_valley(simulate_tasks(seed=3, model="<b>m</b>"), settings=Settings(resamples=100))


@pytest.fixture(scope="module")
def explanation(valley: Valley) -> Explanation:
    return explain_valley(valley)


def trace(figure, uid: str):
    return next(one for one in figure["data"] if one["uid"] == uid)


def test_the_gap_seen_stands_over_the_band_of_a_constant_penalty(
    valley: Valley, explanation: Explanation
) -> None:
    figure = constant_gap_figure(valley, explanation)
    assert as_plotly(figure, palette="dark").data
    seen, band = trace(figure, "seen"), trace(figure, "band")
    assert seen["y"] == pytest.approx([100 * gap for gap in valley.curve["gap_signed"]])
    assert len(band["x"]) == 10 and explanation.constant is not None
    assert band["y"][:5] == pytest.approx([100 * high for high in explanation.constant.gap_hi])
    assert (
        "<b>m</b>" not in seen["hovertext"][0].replace("<b>&lt;", "")
        and "&lt;b&gt;m" in seen["hovertext"][0]
    )


def test_half_right_is_marked_on_the_axis_with_its_interval(
    valley: Valley, explanation: Explanation
) -> None:
    figure = half_point_figure(valley, explanation)
    assert as_plotly(figure).data
    mark, found = trace(figure, "critical complexity"), valley.complexity
    assert found is not None and mark["x"] == [pytest.approx(found.level)]
    assert mark["error_x"]["array"] == [pytest.approx(found.hi - found.level)]
    assert len(trace(figure, "tasks")["x"]) == 17


def test_without_a_penalty_there_is_a_note(valley: Valley, explanation: Explanation) -> None:
    figure = constant_gap_figure(
        valley, replace(explanation, constant=None, constant_reason="too few tasks")
    )
    assert figure["data"] == [] and "too few tasks" in figure["layout"]["annotations"][0]["text"]


def test_every_model_has_a_row_and_censored_ends_point_outward(valley: Valley) -> None:
    weak = locate_valley(
        simulate_tasks(ability=-6.0, seed=1, model="weak"), settings=Settings(resamples=100)
    )
    figure = complexity_figure([valley, weak])
    assert as_plotly(figure).data
    assert [
        text.replace("&lt;", "<").replace("&gt;", ">")
        for text in figure["layout"]["yaxis"]["ticktext"]
    ] == ["weak", "<b>m</b>"]
    assert trace(figure, "weak complexity")["marker"]["symbol"] == "triangle-left"
    assert trace(figure, "<b>m</b> complexity")["marker"]["symbol"] == "circle"


def test_models_without_complexity_leave_a_note(counts_one_level) -> None:
    assert complexity_figure([locate_valley(counts_one_level)])["data"] == []


@pytest.fixture
def counts_one_level():
    counts = simulate_tasks(seed=3)
    return counts[counts["level"] == 1]
