"""The log-odds view of the valley: is the OOD penalty larger at some level, or does a constant one
only look like a valley?

Results of analysis.valley in, plain figure dicts out. A constant log-odds gap already draws a hump
in probabilities, because accuracy saturates at 0 and 1; so this figure stands beside every valley.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.text import (
    escape,
    is_number,
    level_name,
    listed_or_counted,
    number,
    p_value,
    signed,
    whole,
)
from analysis.valley.locating import Valley
from ui.figures.heat import HeatColors, HeatRow, heatmap
from ui.figures.layout import (
    LEGEND_ROW,
    dodge,
    hover,
    in_equal_steps,
    interval_row,
    layout,
    legend_above,
    level_axis,
    note,
    panel_title,
    whiskers,
)
from ui.figures.theme import DIVERGING, MAX_LINES, Figure, ModelStyle, Trace, faint, style_of

LEVEL_SHARE = 0.82
"""Part of the width for the levels; the rest is for the means over tasks."""


def log_odds_gap_figure(
    valleys: Sequence[Valley], *, styles: Mapping[str, ModelStyle] | None = None, height: int = 360
) -> Figure:
    """Log-odds gap per level with its interval; beside it each model's random-effects mean over
    tasks, continued as a band for one model.

    Args:
        valleys: one result per model; above six a heat map of the levels takes over.
    Edge cases: no valley, or none with a log-odds gap (level means typed from a paper have no
    counts), gives a note.
    """
    drawn = [valley for valley in valleys if valley.curve["log_odds_gap"].notna().any()]
    if not drawn:
        return note(f"No log-odds gap to draw: {_why_empty(valleys)}.")
    names = {
        int(row["level"]): level_name(row["level_label"], int(row["level"]))
        for valley in drawn
        for row in _rows(valley)
    }
    levels = dict(sorted(names.items()))
    if len(drawn) > MAX_LINES:
        return _heatmap(drawn, levels)
    traces: list[Trace] = []
    for valley, shift in zip(drawn, dodge(len(drawn)), strict=True):
        style = style_of(valley.model, styles)
        traces += [_level_trace(valley, shift, style), *_mean_trace(valley, shift, style)]
    return in_equal_steps(
        {"data": traces, "layout": _layout(drawn, levels, _band(drawn, styles), height)}, levels
    )


def _why_empty(valleys: Sequence[Valley]) -> str:
    """The reason the analysis itself gives, where all results give the same one."""
    whole = {
        valley.log_odds.reason
        for valley in valleys
        if valley.log_odds is not None and valley.log_odds.reason
    }
    if len(whole) == 1:
        return whole.pop()
    return (
        "no model is chosen"
        if not valleys
        else "no level has what it takes: counted answers in both splits"
    )


def _heatmap(drawn: Sequence[Valley], levels: Mapping[int, str]) -> Figure:
    rows = []
    for valley in drawn:
        by_level = {int(row["level"]): row for row in _rows(valley)}
        gaps = [by_level[level]["log_odds_gap"] if level in by_level else None for level in levels]
        rows.append(
            HeatRow(
                model=valley.model,
                values=gaps,
                texts=[signed(gap) for gap in gaps],
                hovers=[
                    (
                        _level_hover(valley, by_level[level])
                        if level in by_level
                        else hover(valley.model, (("level", name), ("answers", "none")))
                    )
                    for level, name in levels.items()
                ],
            )
        )
    limit = max(abs(gap) for row in rows for gap in row.values if is_number(gap))
    sentence = f"Log-odds gap between ID and OOD of {len(rows)} models over {len(levels)} levels."
    return heatmap(
        rows,
        levels,
        colors=HeatColors(DIVERGING, -limit, limit),
        sentence=sentence,
        file_name="log-odds-gap",
    )


def _layout(
    drawn: Sequence[Valley], levels: Mapping[int, str], shapes: list[dict[str, Any]], height: int
) -> dict[str, Any]:
    has_means = any(
        valley.log_odds is not None and is_number(valley.log_odds.delta) for valley in drawn
    )
    mean_axis = {
        "domain": [LEVEL_SHARE + 0.02, 1],
        "range": [0.5, 1.5],
        "tickvals": [1],
        "ticktext": ["mean"],
    }
    return layout(
        height=height,
        sentence=(
            "Log-odds gap between ID and OOD per level, and its mean over tasks, of"
            f" {listed_or_counted(valley.model for valley in drawn)}."
        ),
        file_name="log-odds-gap",
        margin={"l": 64, "r": 16, "t": 28, "b": 40},
        showlegend=len(drawn) > 1,
        legend=legend_above(height - LEGEND_ROW),
        xaxis=level_axis(levels, domain=[0, LEVEL_SHARE if has_means else 1], showline=True),
        xaxis2={
            **mean_axis,
            "showgrid": False,
            "zeroline": False,
            "showline": True,
            "fixedrange": True,
            "visible": has_means,
        },
        yaxis={"zeroline": True, "zerolinewidth": 1.5, "nticks": 7, "rangemode": "tozero"},
        shapes=shapes,
        annotations=[panel_title("Log-odds gap (logits)", 1)],
    )


def _level_trace(valley: Valley, shift: float, style: ModelStyle) -> Trace:
    curve = valley.curve
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [level + shift for level in curve["level"].tolist()],
        "y": curve["log_odds_gap"].tolist(),
        "error_y": whiskers(
            curve["log_odds_gap"],
            curve["log_odds_gap_lo"],
            curve["log_odds_gap_hi"],
            faint(style.color, 0.7),
        ),
        "line": {"color": style.color, "width": 1.6},
        "marker": {"symbol": style.symbol, "size": 8, "color": style.color},
        "name": escape(valley.model, at_most=32),
        "legendgroup": valley.model,
        "uid": f"{valley.model} log-odds gap",
        "hovertext": [_level_hover(valley, row) for row in _rows(valley)],
        "hoverinfo": "text",
        "customdata": [{"model": valley.model, "level": int(level)} for level in curve["level"]],
    }


def _level_hover(valley: Valley, row: Mapping[Any, Any]) -> str:
    return hover(
        valley.model,
        (
            ("level", level_name(row["level_label"], row["level"])),
            ("log-odds gap", signed(row["log_odds_gap"])),
            interval_row(
                valley.settings.confidence,
                row["log_odds_gap_lo"],
                row["log_odds_gap_hi"],
                signed,
            ),
            ("tasks", row["n_tasks"]),
            ("answers", f"{whole(row['n_id'])} ID, {whole(row['n_ood'])} OOD"),
            ("estimator", "mean over tasks, empirical logits"),
            ("mean over all tasks", signed(valley.log_odds.delta) if valley.log_odds else None),
        ),
    )


def _mean_trace(valley: Valley, shift: float, style: ModelStyle) -> list[Trace]:
    mean = valley.log_odds
    if mean is None or not is_number(mean.delta):
        return []
    text = hover(
        valley.model,
        (
            ("mean log-odds gap", signed(mean.delta)),
            interval_row(mean.confidence, mean.lo, mean.hi, signed),
            ("p (mean is 0)", p_value(mean.p)),
            ("spread between tasks, tau²", number(mean.tau2)),
            ("tasks", mean.n_tasks),
            ("estimator", "random effects (Paule-Mandel)"),
        ),
    )
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "xaxis": "x2",
            "x": [1 + shift],
            "y": [mean.delta],
            "error_y": whiskers([mean.delta], [mean.lo], [mean.hi], style.color, width=2.2),
            "marker": {"symbol": style.symbol, "size": 11, "color": style.color},
            "legendgroup": valley.model,
            "showlegend": False,
            "uid": f"{valley.model} mean log-odds gap",
            "hovertext": [text],
            "hoverinfo": "text",
            "customdata": [{"model": valley.model}],
        }
    ]


def _band(drawn: Sequence[Valley], styles: Mapping[str, ModelStyle] | None) -> list[dict[str, Any]]:
    """The interval of the mean across the levels: where a constant gap would lie. Several bands
    would hide each other.
    """
    mean = drawn[0].log_odds
    if len(drawn) > 1 or mean is None or not is_number(mean.delta):
        return []
    color = style_of(drawn[0].model, styles).color
    across = {"xref": "paper", "yref": "y", "x0": 0, "x1": 1, "layer": "below"}
    line = {
        "type": "line",
        **across,
        "y0": mean.delta,
        "y1": mean.delta,
        "line": {"color": faint(color, 0.6), "width": 1.5, "dash": "dot"},
    }
    if not (is_number(mean.lo) and is_number(mean.hi)):
        return [line]
    return [
        {
            "type": "rect",
            **across,
            "y0": mean.lo,
            "y1": mean.hi,
            "fillcolor": faint(color, 0.12),
            "line": {"width": 0},
        },
        line,
    ]


def _rows(valley: Valley) -> list[dict[Any, Any]]:
    return list(valley.curve.to_dict("records"))
