"""What is in the store, at a glance: what became of the answers of each model.

Frames of data.queries.fetch_task_counts in (see docs/architecture.md), plain figure dicts out.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.text import escape, natural_order, percent
from ui.figures.layout import hover, layout, legend_above, name_margin, note
from ui.figures.theme import CLEAR, DIVERGING, OKABE_ITO, Figure, Trace

OUTCOMES = {
    "correct": "n_correct",
    "wrong": "n_wrong",
    "unparsed": "n_unparsed",
    "error": "n_error",
}
# Never red and green for wrong and right. What is no answer at all is hatched, as everything
# missing is.
_OUTCOME_MARKERS: dict[str, dict[str, Any]] = {
    "correct": {"color": OKABE_ITO["blue"]},
    "wrong": {"color": DIVERGING[3][1]},
    "unparsed": {
        "color": CLEAR,
        "pattern": {"shape": "/", "size": 5, "solidity": 0.3, "fgcolor": "@muted"},
        "line": {"color": "@muted", "width": 1},
    },
    "error": {"color": "@text"},
}
COUNT_NAMES = list(OUTCOMES.values())
ROW_HEIGHT = 26


def outcomes_figure(task_counts: pd.DataFrame) -> Figure:
    """One bar per model: its answers by outcome, as shares, with the counts in the tooltip.

    Args:
        task_counts: model, n_correct, n_wrong, n_unparsed, n_error; one or more rows per model.
    Edge cases: an empty frame, or one without answers, gives a note; a model without answers has no
    bar.
    """
    totals = (
        task_counts.groupby("model")[COUNT_NAMES].sum()
        if len(task_counts)
        else pd.DataFrame(columns=COUNT_NAMES)
    )
    totals = totals[totals.sum(axis=1) > 0]
    if totals.empty:
        return note("No answers in the store yet: import result files on the runs page.")
    models = sorted(totals.index, key=natural_order)
    names = [escape(model, at_most=34) for model in models]
    return {
        "data": [
            _outcome_trace(totals.loc[models], outcome, column)
            for outcome, column in OUTCOMES.items()
        ],
        "layout": layout(
            height=ROW_HEIGHT * len(models) + 84,
            sentence=f"Answers of {len(models)} models by outcome.",
            file_name="outcomes",
            margin={"l": name_margin([model[:34] for model in models]), "r": 28, "t": 8, "b": 32},
            barmode="stack",
            bargap=0.3,
            showlegend=True,
            legend={**legend_above(ROW_HEIGHT * len(models), space=6), "traceorder": "normal"},
            xaxis={"range": [0, 1.002], "tickformat": ".0%", "zeroline": False},
            yaxis={
                "range": [len(models) - 0.5, -0.5],
                "tickvals": list(range(len(models))),
                "ticktext": names,
                "showgrid": False,
                "zeroline": False,
            },
        ),
    }


def _outcome_trace(totals: pd.DataFrame, outcome: str, column: str) -> Trace:
    answers = totals.sum(axis=1)
    shares = (totals[column] / answers).tolist()
    models: list[str] = totals.index.tolist()
    return {
        "type": "bar",
        "orientation": "h",
        "x": shares,
        "y": list(range(len(models))),
        "name": outcome,
        "marker": _OUTCOME_MARKERS[outcome],
        "uid": outcome,
        "hovertext": [
            hover(model, ((outcome, f"{count:,} of {total:,}"), ("share", percent(share, 1))))
            for model, count, total, share in zip(
                models, totals[column], answers, shares, strict=True
            )
        ],
        "hoverinfo": "text",
        "customdata": [{"model": model, "outcome": outcome} for model in models],
    }
