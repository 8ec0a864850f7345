"""A what-if on screen: ranks under the paper's definition and under the chosen one, and the values
per level behind both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.text import escape, is_number, level_name, number, span, split_label, whole
from analysis.what_if.evaluating import Evaluation, WhatIf
from ui.figures.layout import (
    hover,
    in_equal_steps,
    layout,
    legend_above,
    level_axis,
    note,
    panel_title,
)
from ui.figures.theme import DASH, Figure, ModelStyle, Trace, style_of

ROW, TOP, BOTTOM = 26, 36, 12
NAME_UNITS, NAME_LENGTH = 4.5, 18
"""Room for names on either side, as a multiple of the lines' width, and how many characters fit
there in half a page.
"""


def rank_slope_figure(what_if: WhatIf, *, styles: Mapping[str, ModelStyle] | None = None) -> Figure:
    """One line per model from its rank under the paper's definition to its rank under the choice; a
    rank that changes is drawn strong.

    Edge cases: models without a value under one of both are left out (the page lists them); no
    model at all gives a note. Models that share a rank stand one below the other under the same
    number.
    """
    ranks = what_if.ranks.dropna(subset=["paper_rank", "rank"])
    if ranks.empty:
        return note(
            "No model has a value under both definitions: choose another metric or other models, or"
            " import their answers."
        )
    left = {
        model: place
        for place, model in enumerate(ranks.sort_values(["paper_rank", "model"])["model"])
    }
    right = {
        model: place
        for place, model in enumerate(ranks.sort_values(["rank", "paper_rank", "model"])["model"])
    }
    rows = ranks.to_dict("records")
    traces = [
        _line(row, left[row["model"]], right[row["model"]], style_of(row["model"], styles), what_if)
        for row in rows
    ]
    names = [text for row in rows for text in _names(row, left[row["model"]], right[row["model"]])]
    heads = [_head("Paper’s definition", 0, "right"), _head("Your choice", 1, "left")]
    return {
        "data": traces,
        "layout": layout(
            height=TOP + BOTTOM + ROW * max(len(rows), 2),
            sentence=(
                f"Ranks of {len(rows)} models under the paper’s definition and under another"
                f" choice; {what_if.n_changed} change."
            ),
            file_name="what-if-ranks",
            margin={"l": 8, "r": 8, "t": TOP, "b": BOTTOM},
            xaxis={"range": [-NAME_UNITS, 1 + NAME_UNITS], "visible": False, "fixedrange": True},
            yaxis={"range": [max(len(rows), 2) - 0.5, -0.5], "visible": False, "fixedrange": True},
            annotations=heads + names,
        ),
    }


def _line(
    row: Mapping[Any, Any], left: int, right: int, style: ModelStyle, what_if: WhatIf
) -> Trace:
    moved = row["rank"] != row["paper_rank"]
    quantity = str(what_if.chosen.choice.quantity)
    text = hover(
        row["model"],
        (
            (f"paper: {quantity}", _with_interval(row["paper"], row["paper_lo"], row["paper_hi"])),
            ("paper: rank", whole(row["paper_rank"])),
            (
                f"{what_if.chosen.metric.label}: {quantity}",
                _with_interval(row["value"], row["value_lo"], row["value_hi"]),
            ),
            ("rank", whole(row["rank"])),
        ),
    )
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [0, 1],
        "y": [left, right],
        "line": {"color": style.color, "width": 3 if moved else 1.4},
        "marker": {"color": style.color, "symbol": style.symbol, "size": 9},
        "opacity": 1 if moved else 0.65,
        "hovertext": [text, text],
        "hoverinfo": "text",
        "customdata": [{"model": row["model"]}] * 2,
        "showlegend": False,
        "uid": f"ranks {row['model']}",
    }


def _with_interval(value: float, low: float, high: float) -> str:
    if not (is_number(low) and is_number(high)):
        return _short(value)
    return f"{_short(value)} ({span(low, high, _short)})"


def _short(value: float | None) -> str:
    return number(value, 2 if is_number(value) and abs(value) >= 10 else 3)


def _names(row: Mapping[Any, Any], left: int, right: int) -> list[dict[str, Any]]:
    # Set apart, for a name that runs from right to left would turn its rank and value round.
    name = f"\u2068{escape(row['model'], at_most=NAME_LENGTH)}\u2069"
    common = {"showarrow": False, "xref": "x", "yref": "y", "font": {"size": 10}}
    moved = row["rank"] != row["paper_rank"]
    before = f"{name}  {_short(row['paper'])}  {whole(row['paper_rank'])}"
    rank = whole(row["rank"])
    after = f"{f'<b>{rank}</b>' if moved else rank}  {_short(row['value'])}  {name}"
    return [
        {"x": 0, "y": left, "text": before, "xanchor": "right", "xshift": -10, **common},
        {"x": 1, "y": right, "text": after, "xanchor": "left", "xshift": 10, **common},
    ]


def _head(text: str, x: float, side: str) -> dict[str, Any]:
    shift = -10 if side == "right" else 10
    place = {
        "x": x,
        "y": 1,
        "xref": "x",
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 4,
        "xanchor": side,
        "xshift": shift,
    }
    return {"text": f"<b>{text}</b>", "showarrow": False, "font": {"size": 13}, **place}


def what_if_levels_figure(
    what_if: WhatIf, models: Sequence[str], *, styles: Mapping[str, ModelStyle] | None = None
) -> Figure:
    """ID (solid) and OOD (dashed) values over the levels: under the paper's definition on the left,
    under the choice on the right.

    Args:
        models: which of them to draw, at most a handful.
    """
    frames = [
        evaluation.levels[evaluation.levels["model"].isin(models)]
        for evaluation in (what_if.paper, what_if.chosen)
    ]
    if not any(frame["id"].notna().any() or frame["ood"].notna().any() for frame in frames):
        return note("No ID or OOD values to draw: the answers here have no split.")
    levels = {
        int(level): level_name(label, level)
        for level, label in zip(frames[0]["level"], frames[0]["level_label"], strict=True)
    }
    traces = [
        _curve(
            frame[frame["model"] == model], model, split, side, evaluation, style_of(model, styles)
        )
        for side, (frame, evaluation) in enumerate(
            zip(frames, (what_if.paper, what_if.chosen), strict=True)
        )
        for model in models
        for split in ("id", "ood")
    ]
    axis = level_axis(levels, tickangle=0, tickfont={"size": 10})
    axis["ticktext"] = [name.replace(",", ",<br>") for name in axis["ticktext"]]
    chosen = escape(what_if.chosen.metric.label, at_most=19)
    titles = [
        panel_title("Paper: exact match", 1),
        panel_title(f"Choice: {chosen}", 1) | {"x": 0.54},
    ]
    figure = {
        "data": traces,
        "layout": layout(
            height=330,
            sentence=(
                f"ID and OOD values of {len(models)} models over {len(levels)} levels, the paper’s"
                f" metric beside {what_if.chosen.metric.label}."
            ),
            file_name="what-if-levels",
            margin={"l": 56, "r": 16, "t": 32, "b": 48},
            showlegend=True,
            legend=legend_above(240),
            xaxis={**axis, "domain": [0, 0.46], "anchor": "y"},
            xaxis2={**axis, "domain": [0.54, 1], "anchor": "y2"},
            yaxis={"zeroline": False, "tickformat": ".0%" if what_if.paper.metric.is_share else ""},
            yaxis2={
                "zeroline": False,
                "anchor": "x2",
                "tickformat": ".0%" if what_if.chosen.metric.is_share else "",
            },
            annotations=titles,
        ),
    }
    return in_equal_steps(figure, levels, axes=("x", "x2"))


def _curve(
    frame: pd.DataFrame,
    model: str,
    split: str,
    side: int,
    evaluation: Evaluation,
    style: ModelStyle,
) -> Trace:
    axes = {"xaxis": "x2", "yaxis": "y2"} if side else {}
    texts = [
        hover(
            model,
            (
                (f"{split_label(split)}, {evaluation.metric.label}", _with_interval(value, lo, hi)),
                ("tasks", n),
            ),
        )
        for value, lo, hi, n in zip(
            frame[split], frame[f"{split}_lo"], frame[f"{split}_hi"], frame["n_tasks"], strict=True
        )
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": frame["level"].tolist(),
        "y": frame[split].tolist(),
        "line": {"color": style.color, "dash": DASH[split], "width": 2},
        "marker": {"color": style.color, "symbol": style.symbol, "size": 7},
        "hovertext": texts,
        "hoverinfo": "text",
        "customdata": [
            {"model": model, "level": int(level), "split": split} for level in frame["level"]
        ],
        "name": escape(f"{model} {split_label(split)}", at_most=40),
        "showlegend": side == 0,
        "uid": f"{side} {model} {split}",
        **axes,
    }
