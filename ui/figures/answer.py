"""One answer, put on the stored valley of its model."""

from __future__ import annotations

from analysis.text import escape, is_number, percent, split_label
from analysis.valley.locating import Valley
from ui.figures.layout import hover
from ui.figures.theme import Figure
from ui.figures.valley import Styles, valley_figure


def answer_figure(
    valley: Valley, *, level: int, split: str, outcome: str, styles: Styles | None = None
) -> Figure:
    """The valley of one model with an answer marked: a star at 100 % (right) or 0 % (not right), a
    ring around its point of the curve.

    Args:
        valley: what is stored of the model, without this answer.
        level, split: where the answer belongs.
        outcome: what became of it.
    Edge cases: without an accuracy at that level and split there is no ring; the star stands there
    all the same.
    """
    figure = valley_figure([valley], styles=styles)
    height = 1.0 if outcome == "correct" else 0.0
    rows = valley.curve.loc[valley.curve["level"] == level, f"a_{split}"]
    stored = float(rows.iloc[0]) if len(rows) and is_number(rows.iloc[0]) else None
    said = hover(
        f"this answer: {outcome}",
        (("split", split_label(split)), ("stored accuracy", percent(stored, 1))),
    )
    common = {
        "type": "scatter",
        "hoverinfo": "text",
        "hovertext": said,
        "showlegend": False,
        "mode": "markers",
    }
    star = {"symbol": "star", "size": 17, "color": "@text", "line": {"width": 1, "color": "@paper"}}
    figure["data"].append(
        {
            **common,
            "x": [level],
            "y": [height],
            "marker": star,
            "uid": "this answer",
            "name": "this answer",
            "showlegend": True,
        }
    )
    if stored is not None:
        ring = {"symbol": "circle-open", "size": 18, "color": "@text", "line": {"width": 2}}
        figure["data"].append(
            {**common, "x": [level], "y": [stored], "marker": ring, "uid": "its point"}
        )
        line = {"color": "@muted", "width": 1, "dash": "dot"}
        figure["data"].append(
            {
                **common,
                "mode": "lines",
                "x": [level] * 2,
                "y": [stored, height],
                "line": line,
                "uid": "to its point",
            }
        )
    words = (
        f"{escape(valley.model)}: this answer ({outcome}, {split_label(split)}) on the stored"
        " valley."
    )
    figure["layout"]["meta"] = {"sentence": words, "file_name": "answer-on-valley"}
    return figure
