"""Figures of the compare page: plotly takes them, splits look apart, points carry what a click
needs, names stay text.
"""

from __future__ import annotations

import pandas as pd

from analysis.compare.answer_matrix import answer_matrix
from analysis.compare.comparing import compare_models
from analysis.compare.rows import CompareSettings
from ui.figures.compare import agreement_figure, forest_figure
from ui.figures.theme import as_plotly

HOSTILE = "<b>a</b>"


def _answers() -> pd.DataFrame:
    rows = [
        {
            "model": model,
            "run_id": model,
            "row_in_run": place,
            "task": task,
            "level": 1 + (task == "u"),
            "level_label": "O(N)",
            "role": None,
            "split": split,
            "instance_id": str(place),
            "epoch": 1,
            "outcome": "correct" if (place * weight) % 3 else "wrong",
        }
        for model, weight in (("base", 1), (HOSTILE, 2), ("c", 3))
        for task in ("t", "u")
        for split in ("id", "ood")
        for place in range(12)
    ]
    return pd.DataFrame(rows).astype({"level": "Int16"})


def test_forest_tells_splits_and_models_apart_and_points_lead_on() -> None:
    answers = _answers()
    models = ("base", HOSTILE, "c")
    none = pd.DataFrame(
        columns=[
            "model",
            "metric",
            "task",
            "level",
            "level_label",
            "split",
            "value",
            "n",
            "n_tasks",
            "n_per_task",
        ]
    )
    found = compare_models(
        answer_matrix(answers, models), none, models, settings=CompareSettings(resamples=100)
    )
    figure = forest_figure(found)
    marks = [trace for trace in figure["data"] if "customdata" in trace]
    assert len(marks) == 4
    assert {trace["marker"]["color"] for trace in marks if trace["xaxis"] == "x2"} == {"@paper"}
    assert marks[0]["customdata"][0] == {
        "model": HOSTILE,
        "split": "id",
        "grouping": "level",
        "level": 1,
        "task": None,
    }
    assert marks[0]["name"] == "&lt;b&gt;a&lt;/b&gt;"
    assert figure["layout"]["yaxis"]["ticktext"][-1] == "all"
    assert as_plotly(figure).data


def test_agreement_is_drawn_both_ways_and_hatched_where_there_is_none() -> None:
    table = pd.DataFrame(
        [
            {
                "split": "id",
                "model": "a",
                "other": "b",
                "kind": "error consistency",
                "kappa": 0.4,
                "se": 0.1,
                "c_obs": 0.7,
                "c_exp": 0.5,
                "n": 9,
            }
        ]
    )
    figure = agreement_figure(table, ("a", "b", "c"), "id")
    assert figure["data"][0]["z"] == [[None, 0.4], [0.4, None]]
    assert len(figure["data"][1]["x"]) == 2
    assert as_plotly(figure).data
    assert (
        "No two models"
        in as_plotly(agreement_figure(table, ("a", "b"), "ood")).layout.annotations[0].text
    )
