"""Published scores as drawn, with distinct values in every field."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.ui.figures.examples import SEVEN, level_scores, trace
from ui.figures.scores import gap_bounds_figure, score_heatmap_figure


def test_scores_stand_under_their_levels_and_the_published_critical_level_is_marked() -> None:
    figure = score_heatmap_figure(level_scores("A"))
    assert trace(figure, "cells")["z"] == [[0.9, 0.5, -0.2]]
    assert trace(figure, "critical levels")["x"] == [2.36]
    assert figure["layout"]["xaxis"]["ticktext"] == ["O(N)", "O([N,N²])", "O([N²,N³])"]
    assert "published critical level" in trace(figure, "cells")["hovertext"][0][1]


def test_low_scores_are_orange_and_high_ones_blue() -> None:
    scale = trace(score_heatmap_figure(level_scores("A")), "cells")["colorscale"]
    assert [place for place, _ in scale] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert (scale[0][1], scale[2][1], scale[4][1]) == ("#c65102", "#ffffff", "#0b4f8a")


def test_missing_score_is_hatched_and_said() -> None:
    scores = level_scores("A", "B").drop(index=0)
    figure = score_heatmap_figure(scores, order_by="model")
    assert trace(figure, "cells")["z"][0] == [None, 0.5, -0.2]
    assert "not published" in trace(figure, "missing")["hovertext"][0]


@pytest.mark.parametrize(("order_by", "first"), [("score", "B-14B"), ("model", "B-4B")])
def test_rows_are_ordered_by_mean_score_or_by_name(order_by: str, first: str) -> None:
    better = level_scores("B-14B").assign(
        value=lambda frame: frame["value"] + 0.05 * (frame["metric"] == "generalization_score")
    )
    figure = score_heatmap_figure(pd.concat([level_scores("B-4B"), better]), order_by=order_by)
    assert figure["layout"]["yaxis"]["ticktext"][0] == first


def test_bounds_run_from_the_smallest_to_the_largest_gap_that_a_score_allows() -> None:
    bars = trace(gap_bounds_figure(level_scores("A")), "A")
    assert bars["base"] == pytest.approx([0, 0, 0.2])
    assert [
        low + height for low, height in zip(bars["base"], bars["y"], strict=True)
    ] == pytest.approx([0.05, 0.25, 0.6])
    assert bars["customdata"][2] == {"model": "A", "level": 3}


def test_bounds_of_many_models_are_a_heat_map_of_the_largest_gap() -> None:
    cells = trace(gap_bounds_figure(level_scores(*SEVEN)), "cells")
    assert cells["z"][0] == pytest.approx([0.05, 0.25, 0.6])
    assert [place for place, _ in cells["colorscale"]] == [0.0, 0.5, 1.0]
