"""The valley as drawn: what is solid, what is dashed, what is marked, what is missing."""

from __future__ import annotations

import math

import pytest

from analysis.simulate import simulate_tasks
from analysis.valley.locating import locate_valleys
from tests.ui.figures.examples import SEVEN, counts, trace, valleys
from ui.figures.log_odds import log_odds_gap_figure
from ui.figures.valley import gap_heatmap_figure, valley_figure


def test_id_is_solid_and_ood_dashed_in_the_models_color() -> None:
    figure = valley_figure(valleys("A", "B"))
    lines = {uid: trace(figure, uid)["line"] for uid in ("A id", "A ood", "B id", "B ood")}
    assert [line["dash"] for line in lines.values()] == ["solid", "dash", "solid", "dash"]
    assert lines["A id"]["color"] == lines["A ood"]["color"] != lines["B id"]["color"]


def test_numbers_drawn_are_those_of_the_result() -> None:
    (valley,) = valleys("A")
    figure = valley_figure([valley])
    for uid, column in (("A id", "a_id"), ("A ood", "a_ood"), ("A gap", "gap_signed")):
        drawn = trace(figure, uid)
        assert drawn["y"] == valley.curve[column].tolist()
        low = [
            value - below
            for value, below in zip(drawn["y"], drawn["error_y"]["arrayminus"], strict=True)
        ]
        high = [
            value + above
            for value, above in zip(drawn["y"], drawn["error_y"]["array"], strict=True)
        ]
        ends = column.removesuffix("_signed")
        assert low == pytest.approx(valley.curve[f"{ends}_lo"].tolist())
        assert high == pytest.approx(valley.curve[f"{ends}_hi"].tolist())


def test_critical_level_is_ringed_and_framed_and_the_level_set_underlined() -> None:
    (valley,) = valleys("A")
    assert valley.critical_level == 2
    figure = valley_figure([valley])
    assert trace(figure, "A critical")["x"] == [2]
    kinds = [
        (shape["type"], round((shape["x0"] + shape["x1"]) / 2))
        for shape in figure["layout"]["shapes"]
    ]
    assert kinds == [*(("line", level) for level in valley.level_set), ("rect", 2)]


def test_points_open_their_samples_by_model_level_and_split() -> None:
    figure = valley_figure(valleys("A"))
    assert trace(figure, "A ood")["customdata"][1] == {"model": "A", "level": 2, "split": "ood"}
    assert trace(figure, "A gap")["customdata"][2] == {"model": "A", "level": 3}
    assert trace(figure, "p critical")["customdata"][0][1] == {"model": "A", "level": 2}


def test_tooltip_says_number_interval_n_and_estimator() -> None:
    text = trace(valley_figure(valleys("A")), "A ood")["hovertext"][1]
    for part in (
        "level: O([N,N²])",
        "split: OOD",
        "accuracy: 28.0 %",
        "95 % interval: ",
        "answers: 300",
        "mean over 3 tasks",
    ):
        assert part in text


def test_level_without_a_split_is_a_hole_and_a_hatched_cell() -> None:
    figure = valley_figure(valleys("A", without=(3, "ood")))
    assert math.isnan(trace(figure, "A gap")["y"][2])
    missing = trace(figure, "missing")
    assert missing["x"] == [3]
    assert missing["marker"]["pattern"]["shape"] == "/"
    assert "not defined" in missing["hovertext"][0]
    assert trace(figure, "A ood")["fill"] == "none"


def test_models_are_kept_apart_around_each_level_in_the_same_way_on_all_panels() -> None:
    figure = valley_figure(valleys("A", "B"))
    assert trace(figure, "A id")["x"] == trace(figure, "A gap")["x"] != trace(figure, "B gap")["x"]
    assert sum(trace(figure, "A id")["x"] + trace(figure, "B id")["x"]) == pytest.approx(
        2 * (1 + 2 + 3)
    )


def test_panels_do_not_overlap_and_share_the_level_axis() -> None:
    layout = valley_figure(valleys("A", "B"))["layout"]
    top, middle, strip = (layout[axis]["domain"] for axis in ("yaxis", "yaxis2", "yaxis3"))
    assert top[1] == 1 and top[0] > middle[1] > middle[0] > strip[1] > strip[0] == pytest.approx(0)
    assert "xaxis2" not in layout


def test_more_than_six_models_become_a_heat_map_of_signed_gaps() -> None:
    results = valleys(*SEVEN)
    figure = valley_figure(results)
    cells = trace(figure, "cells")
    assert cells["z"] == [valley.curve["gap_signed"].tolist() for valley in results]
    assert cells["zmin"] == -cells["zmax"] == -max(map(max, cells["z"]))
    assert trace(figure, "critical levels")["x"] == [2.36] * 7


def test_heat_map_hatches_what_is_missing() -> None:
    figure = gap_heatmap_figure([*valleys("A"), *valleys("B", without=(1, "id"))])
    assert (trace(figure, "missing")["x"], trace(figure, "missing")["base"]) == ([1], [0.52])


def test_gap_axis_without_a_gap_stays_within_what_a_gap_can_be() -> None:
    assert valley_figure(valleys("A"))["layout"]["yaxis2"]["rangemode"] == "tozero"
    nothing = counts("A").assign(n_error=100, n_correct=0, n_wrong=0, n_unparsed=0)
    assert valley_figure(locate_valleys(nothing))["layout"]["yaxis2"]["range"] == [0, 1]


def test_many_levels_have_short_labels_and_cells() -> None:
    results = simulate_tasks(n_tasks=2, beta=[0.5 * level for level in range(12)], n=64)
    figure = valley_figure(locate_valleys(results))
    assert figure["layout"]["xaxis"]["ticktext"] == [str(level) for level in range(1, 13)]
    assert figure["layout"]["xaxis"]["title"]["text"] == "level"
    words = [text for each in figure["data"] if each.get("mode") == "text" for text in each["text"]]
    assert len(words) == 12 and not any("%" in text for text in words)
    assert any(
        text["text"] == "<b>P(level is critical), %</b>" for text in figure["layout"]["annotations"]
    )


def test_levels_with_numbers_left_out_stand_one_step_apart() -> None:
    results = simulate_tasks(n_tasks=2, beta=[0, 2, 4, 6], levels=[2, 5, 10, 100], n=64)
    found = locate_valleys(results)
    figure = valley_figure(found)
    axis = figure["layout"]["xaxis"]
    assert (axis["tickvals"], axis["range"]) == ([1, 2, 3, 4], [0.5, 4.5])
    assert [text.removeprefix("level ") for text in axis["ticktext"]] == ["2", "5", "10", "100"]
    assert trace(figure, "simulated id")["x"] == trace(figure, "p critical")["x"] == [1, 2, 3, 4]
    assert trace(figure, "simulated ood")["customdata"][3]["level"] == 100
    assert all(0.5 <= shape["x0"] < shape["x1"] <= 4.5 for shape in figure["layout"]["shapes"])
    assert trace(log_odds_gap_figure(found), "simulated log-odds gap")["x"] == [1, 2, 3, 4]
