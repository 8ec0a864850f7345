"""The log-odds view: levels, the mean beside them, and its band."""

from __future__ import annotations

import pytest

from tests.ui.figures.examples import SEVEN, trace, valleys
from ui.figures.log_odds import log_odds_gap_figure


def test_levels_and_mean_are_those_of_the_result() -> None:
    (valley,) = valleys("A")
    assert valley.log_odds is not None
    figure = log_odds_gap_figure([valley])
    assert trace(figure, "A log-odds gap")["y"] == valley.curve["log_odds_gap"].tolist()
    mean = trace(figure, "A mean log-odds gap")
    assert (mean["y"], mean["xaxis"]) == ([valley.log_odds.delta], "x2")
    assert mean["error_y"]["array"] == pytest.approx([valley.log_odds.hi - valley.log_odds.delta])


def test_one_model_has_the_band_of_its_mean_and_several_have_none() -> None:
    (valley,) = valleys("A")
    assert valley.log_odds is not None
    band, line = log_odds_gap_figure([valley])["layout"]["shapes"]
    assert (band["y0"], band["y1"], line["y0"]) == (
        valley.log_odds.lo,
        valley.log_odds.hi,
        valley.log_odds.delta,
    )
    assert log_odds_gap_figure(valleys("A", "B"))["layout"]["shapes"] == []


def test_more_than_six_models_become_a_heat_map() -> None:
    results = valleys(*SEVEN)
    cells = trace(log_odds_gap_figure(results), "cells")
    assert cells["z"] == [valley.curve["log_odds_gap"].tolist() for valley in results]
    assert cells["zmin"] == -cells["zmax"]
