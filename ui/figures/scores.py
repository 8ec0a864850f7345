"""Published generalization scores on screen: S of many models over the levels, and what S alone
says about the gap.

Frames of data.queries.fetch_level_scores in (see docs/architecture.md), plain figure dicts out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.scylla import gap_bounds
from analysis.text import (
    escape,
    is_number,
    level_name,
    listed_or_counted,
    natural_order,
    percent,
    percent_range,
    signed,
    whole,
)
from ui.figures.heat import HeatColors, HeatRow, heatmap
from ui.figures.layout import dodge, hover, layout, legend_above, level_axis, note, panel_title
from ui.figures.theme import (
    DIVERGING,
    MAX_LINES,
    Figure,
    ModelStyle,
    Trace,
    faint,
    style_of,
)

# A low score means reliance on seen inputs: orange, as a gap is.
SCORE_COLORS = HeatColors([[1 - place, color] for place, color in reversed(DIVERGING)], -1.0, 1.0)
# A gap has one direction: the orange half of the scale.
GAP_BOUND_COLORS = HeatColors(
    [[2 * place - 1, color] for place, color in DIVERGING[2:]], 0.0, 0.6, ".0%"
)


def score_heatmap_figure(level_scores: pd.DataFrame, *, order_by: str = "score") -> Figure:
    """S = A_OOD - max(0, A_ID - A_OOD) of every model at every level; a diamond marks the published
    critical level.

    Args:
        level_scores: model, metric ("generalization_score" and "critical_level"), level,
            level_label, value, source; others are ignored.
        order_by: "score" (highest mean first) or "model" (by name, 4B before 14B).
    Edge cases: an empty frame gives a note; a level without a score is hatched.
    Source: arXiv 2410.01769, sec. 4.3 and Table 2.
    """
    scores, levels, critical = _read(level_scores)
    if not scores:
        return note(
            "No generalization scores in the store: import published scores, or results with both"
            " splits."
        )
    rows = [
        HeatRow(
            model=model,
            values=[of_level.get(level, {}).get("value") for level in levels],
            texts=[
                signed(of_level.get(level, {}).get("value")) if level in of_level else ""
                for level in levels
            ],
            hovers=[
                _score_hover(model, name, of_level.get(level), critical.get(model) == level)
                for level, name in levels.items()
            ],
            marked=critical.get(model),
        )
        for model, of_level in _ordered(scores, order_by)
    ]
    sentence = (
        f"Generalization score S of {len(rows)} models over {len(levels)} levels; diamonds mark"
        " published critical levels."
    )
    return heatmap(
        rows, levels, colors=SCORE_COLORS, sentence=sentence, file_name="generalization-score"
    )


def _score_hover(model: str, level: str, row: Mapping[str, Any] | None, is_critical: bool) -> str:
    if row is None:
        return hover(model, (("level", level), ("S", "not published")))
    return hover(
        model,
        (
            ("level", level + (" (published critical level)" if is_critical else "")),
            ("S", signed(row["value"], 3)),
            ("gap, from S alone", "{} to {}".format(*map(percent, _bounds(row["value"])))),
            ("tasks", _count(row.get("n_tasks"))),
            ("answers per task and split", _count(row.get("n_per_task"))),
            ("source", row.get("source")),
        ),
    )


def _bounds(score: float) -> tuple[float, float]:
    low, high = gap_bounds(score)
    return float(low), float(high)


def gap_bounds_figure(
    level_scores: pd.DataFrame, *, styles: Mapping[str, ModelStyle] | None = None
) -> Figure:
    """The gaps that a published score leaves possible, per level: a bar from the smallest to the
    largest; above six models a heat map.

    Args:
        level_scores: as in `score_heatmap_figure`.
    Edge cases: an empty frame gives a note; a level without a score has no bar.
    """
    scores, levels, _ = _read(level_scores)
    if not scores:
        return note("No generalization scores in the store, so nothing bounds the gap.")
    models = sorted(scores, key=natural_order)
    if len(models) > MAX_LINES:
        return _bounds_heatmap(scores, levels, models)
    shifts = dodge(len(models), step=0.12)
    traces = [
        _bounds_trace(model, scores[model], levels, shift, style_of(model, styles))
        for model, shift in zip(models, shifts, strict=True)
    ]
    return {
        "data": traces,
        "layout": layout(
            height=340,
            sentence=(
                f"Gaps that the published score of {listed_or_counted(models)} leaves possible at"
                " each level."
            ),
            file_name="gap-bounds",
            margin={"l": 64, "r": 16, "t": 28, "b": 40},
            showlegend=True,
            legend=legend_above(250),
            xaxis=level_axis(levels, showline=True),
            yaxis={"range": [-0.02, 1.02], "tickformat": ".0%", "zeroline": False},
            annotations=[panel_title("Possible gap, ID − OOD", 1)],
            barmode="overlay",
        ),
    }


def _bounds_trace(
    model: str,
    of_level: Mapping[int, Mapping[str, Any]],
    levels: Mapping[int, str],
    shift: float,
    style: ModelStyle,
) -> Trace:
    known = [level for level in levels if level in of_level]
    bounds = [_bounds(of_level[level]["value"]) for level in known]
    return {
        "type": "bar",
        "x": [level + shift for level in known],
        "base": [low for low, _ in bounds],
        # A bar without height would vanish: the exact gap of a perfect score is worth a hairline.
        "y": [max(high - low, 0.004) for low, high in bounds],
        "width": 0.09,
        "marker": {"color": faint(style.color, 0.45), "line": {"color": style.color, "width": 1.5}},
        "name": escape(model, at_most=32),
        "uid": model,
        "hovertext": [
            _score_hover(model, levels[level], of_level[level], False) for level in known
        ],
        "hoverinfo": "text",
        "customdata": [{"model": model, "level": level} for level in known],
    }


def _bounds_heatmap(
    scores: Mapping[str, Mapping[int, Mapping[str, Any]]],
    levels: Mapping[int, str],
    models: list[str],
) -> Figure:
    rows = []
    for model in models:
        bounds = [
            _bounds(scores[model][level]["value"]) if level in scores[model] else None
            for level in levels
        ]
        rows.append(
            HeatRow(
                model=model,
                values=[pair[1] if pair else None for pair in bounds],
                texts=[percent_range(*pair).removesuffix(" %") if pair else "" for pair in bounds],
                hovers=[
                    _score_hover(model, name, scores[model].get(level), False)
                    for level, name in levels.items()
                ],
            )
        )
    sentence = (
        f"Smallest and largest gap, in points, that the published score of {len(models)} models"
        " leaves possible; colour is the largest."
    )
    return heatmap(rows, levels, colors=GAP_BOUND_COLORS, sentence=sentence, file_name="gap-bounds")


def _read(
    level_scores: pd.DataFrame,
) -> tuple[dict[str, dict[int, dict[str, Any]]], dict[int, str], dict[str, int]]:
    """Scores by model and level, labels by level, critical level by model."""
    scores: dict[str, dict[int, dict[str, Any]]] = {}
    levels: dict[int, str] = {}
    critical: dict[str, int] = {}
    for row in map(_named, level_scores.to_dict("records")):
        if not is_number(row["value"]):
            continue
        if row["metric"] == "critical_level":
            critical[row["model"]] = int(row["value"])
        elif row["metric"] == "generalization_score":
            level = int(row["level"])
            scores.setdefault(row["model"], {})[level] = row
            levels[level] = level_name(row["level_label"], level)
    return scores, dict(sorted(levels.items())), critical


def _named(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _ordered(
    scores: dict[str, dict[int, dict[str, Any]]], order_by: str
) -> list[tuple[str, dict[int, dict[str, Any]]]]:
    if order_by == "model":
        return sorted(scores.items(), key=lambda pair: natural_order(pair[0]))
    return sorted(
        scores.items(),
        key=lambda pair: -sum(row["value"] for row in pair[1].values()) / len(pair[1]),
    )


def _count(n: float | None) -> str | None:
    return whole(n) if is_number(n) else None
