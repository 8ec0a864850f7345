"""Critical level against size, answer probabilities and probe tasks as drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.likelihood.answer_likelihood import AnswerLikelihood, answer_likelihood
from analysis.probe_tasks.probe_tasks import ProbeReading, probe_readings
from analysis.size.level_by_size import LevelBySize, level_by_size
from tests.ui.figures.examples import HOSTILE, LABELS, counts, texts, trace
from ui.chart import encode_figure
from ui.figures.likelihood import density_figure, min_k_figure
from ui.figures.probe_level import probe_level_figure
from ui.figures.size import size_figure
from ui.figures.theme import as_plotly

LEVELS = dict(enumerate(LABELS, start=1))


def by_size(*rows: tuple[str, float | None, int], family: str = "F") -> LevelBySize:
    frame = pd.DataFrame(rows, columns=["model", "n_params", "level"]).assign(
        family=family, access="open", level_label=None
    )
    return level_by_size(
        frame.astype({"n_params": "Int64"}), source="published", lowest=1, highest=3
    )


def likelihood(model: str = "A") -> AnswerLikelihood:
    random = np.random.default_rng(0)
    tokens = [
        np.log(np.clip(random.normal(0.8 if place < 30 else 0.5, 0.1, 3), 0.01, 0.99))
        for place in range(60)
    ]
    frame = pd.DataFrame(
        {
            "split": ["id"] * 30 + ["ood"] * 30,
            "outcome": ["correct", "wrong"] * 30,
            "target": "1",
            "token_logprobs": tokens,
        }
    )
    return answer_likelihood(
        frame.assign(answer_logprob=[float(one.sum()) for one in tokens]), model
    )


def readings(model: str = "A") -> tuple[ProbeReading, ...]:
    probe = (
        counts(model)
        .head(2)
        .assign(
            role="probe",
            level=pd.array([pd.NA] * 2, dtype="Int16"),
            task=["lis", "lcs"],
            split="ood",
        )
    )
    probe["n_correct"], probe["n_wrong"] = [60, 100], [43, 0]
    return probe_readings(pd.concat([counts(model), probe], ignore_index=True))


def drawn(name: str, model: str) -> dict[str, Any]:
    figures = {
        "size": lambda: size_figure(
            by_size(
                (model, 10**9, 1), (model + "2", 10**10, 2), (model + "3", 10**11, 3), family=model
            ),
            LEVELS,
        ),
        "density": lambda: density_figure([likelihood(model)]),
        "min k": lambda: min_k_figure([likelihood(model)]),
        "probe": lambda: probe_level_figure(readings(model)),
    }
    return figures[name]()


@pytest.mark.parametrize("palette", ["light", "dark"])
@pytest.mark.parametrize("name", ["size", "density", "min k", "probe"])
def test_figures_are_plain_named_and_harmless(name: str, palette: str) -> None:
    figure = drawn(name, HOSTILE)
    encode_figure(figure)
    assert "@" not in as_plotly(figure, palette=palette).to_json()
    uids = [one["uid"] for one in figure["data"]]
    assert len(set(uids)) == len(uids) and figure["layout"]["meta"]["sentence"].endswith(".")
    assert not [text for text in texts(figure) if "<img" in text]


def test_a_point_stands_at_its_size_and_the_ends_of_the_scheme_carry_arrows() -> None:
    figure = size_figure(by_size(("a", 10**9, 1), ("b", 10**10, 2), ("c", 10**11, 3)), LEVELS)
    points = trace(figure, "family F")
    assert points["x"] == pytest.approx([9, 10, 11]) and points["y"] == [1, 2, 3]
    assert trace(figure, "heads below")["x"] == pytest.approx([9]) and trace(figure, "heads above")[
        "x"
    ] == pytest.approx([11])
    assert (
        "or below" in points["hovertext"][0]
        and "or above" in points["hovertext"][2]
        and "1B" in points["hovertext"][0]
    )


def test_models_of_one_size_and_level_do_not_hide_each_other() -> None:
    points = trace(
        size_figure(
            by_size(("a", 10**9, 2), ("b", 10**9, 2), ("c", 10**9, 2), ("d", 10**12, 2)), LEVELS
        ),
        "family F",
    )
    assert sorted(points["y"]) == pytest.approx([1.75, 2, 2, 2.25])


def test_without_a_slope_there_is_no_line_and_without_a_size_a_note() -> None:
    flat = size_figure(by_size(("a", 10**9, 2), ("b", 10**10, 2), ("c", 10**11, 2)), LEVELS)
    assert "regression" not in {one["uid"] for one in flat["data"]}
    assert size_figure(by_size(("a", None, 2)), LEVELS)["data"] == []


def test_densities_are_the_curves_that_the_divergence_compares() -> None:
    one = likelihood()
    figure = density_figure([one, likelihood("B")])
    assert trace(figure, "A id")["y"] == one.normalised.density_id.tolist()
    assert (
        trace(figure, "A ood")["line"]["dash"] == "dash" and trace(figure, "B id")["yaxis"] == "y2"
    )
    assert density_figure([])["data"] == [] and min_k_figure([])["data"] == []


def test_min_k_lines_hold_the_table_of_their_subset() -> None:
    one = likelihood()
    rows = one.min_k[(one.min_k["keep_percent"] == 60) & (one.min_k["split"] == "ood")]
    assert trace(min_k_figure([one], keep_percent=60), "A ood")["y"] == rows["acc_norm"].tolist()


def test_probe_tasks_show_crossings_and_where_they_are_censored() -> None:
    points = trace(probe_level_figure(readings()), "A")
    by_task = {
        data["task"]: (x, symbol)
        for data, x, symbol in zip(
            points["customdata"], points["x"], points["marker"]["symbol"], strict=True
        )
    }
    # lcs: always right, easier than level 1. lis: 60 of 110 OOD answers, between level 1 and 2.
    assert by_task["lcs"][1] == "triangle-left" and by_task["lcs"][0] < 1
    assert 1 < by_task["lis"][0] < 2
    assert probe_level_figure([])["data"] == []
