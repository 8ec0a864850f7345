"""What explains the gap: the gap a constant penalty draws beside the one seen, and where half the
answers are right.

Results of analysis.valley in, plain figure dicts out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from analysis.account.explanation import Explanation
from analysis.log_odds.constant_gap import ConstantGap
from analysis.text import (
    counted,
    escape,
    is_number,
    level_name,
    number,
    percent,
    percent_of_draws,
    points,
    signed,
    span,
)
from analysis.valley.complexity import CriticalComplexity
from analysis.valley.locating import Valley
from ui.figures.layout import (
    LEGEND_ROW,
    hover,
    layout,
    legend_above,
    level_axis,
    name_margin,
    note,
    panel_title,
    whiskers,
)
from ui.figures.theme import Figure, ModelStyle, Trace, faint, style_of

_HEIGHT = 340
_ROW = 30
_SHOWN_ROUTES = {
    "line": "half right, line (Fieller)",
    "isotonic": "half right, level means (bootstrap)",
    "smooth": "smooth curves (bootstrap)",
}


def constant_gap_figure(
    valley: Valley, explanation: Explanation, *, styles: Mapping[str, ModelStyle] | None = None
) -> Figure:
    """The gap of each level as seen, over the band in which a constant penalty would put it with
    the same tasks.
    """
    drawn = explanation.constant
    if drawn is None:
        return note(f"No constant penalty to draw: {explanation.constant_reason}.", height=_HEIGHT)
    style = style_of(valley.model, styles)
    rows = {int(row["level"]): row for row in valley.curve.to_dict("records")}
    levels = {level: level_name(rows[level]["level_label"], level) for level in explanation.levels}
    x = list(levels)
    low, high = (
        [100 * float(value) for value in values] for values in (drawn.gap_lo, drawn.gap_hi)
    )
    seen, seen_lo, seen_hi = (
        [100 * float(rows[level][name]) for level in x]
        for name in ("gap_signed", "gap_lo", "gap_hi")
    )
    texts = [
        hover(
            valley.model,
            (
                ("level", levels[level]),
                ("ID − OOD", points(rows[level]["gap_signed"])),
                ("a constant penalty draws", f"{span(lo, hi, partial(signed, digits=1))} points"),
                ("largest there in", f"{percent_of_draws(float(share))} of its repeats"),
                ("tasks", rows[level]["n_tasks"]),
            ),
        )
        for level, lo, hi, share in zip(x, low, high, drawn.p_critical, strict=True)
    ]
    observed = {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": seen,
        "error_y": whiskers(seen, seen_lo, seen_hi, style.color),
        "marker": {"symbol": style.symbol, "size": 9, "color": style.color},
        "name": "seen",
        "hovertext": texts,
        "hoverinfo": "text",
        "uid": "seen",
        "customdata": [{"model": valley.model, "level": level} for level in x],
    }
    return {
        "data": [*_constant_gap_band(drawn, x, style.color), observed],
        "layout": layout(
            height=_HEIGHT,
            sentence=(
                f"Gap of {valley.model} per level beside the gap that a constant log-odds penalty"
                f" of {number(drawn.delta)} draws."
            ),
            file_name="constant-penalty",
            margin={"l": 56, "r": 12, "t": 28, "b": 56},
            showlegend=True,
            legend=legend_above(_HEIGHT - LEGEND_ROW),
            xaxis=level_axis(levels, showline=True) | _broken(levels),
            yaxis={"zeroline": True, "zerolinewidth": 1.5, "ticksuffix": "", "nticks": 7},
            annotations=[panel_title("ID − OOD (points)", 1)],
        ),
    }


def _constant_gap_band(drawn: ConstantGap, x: Sequence[int], color: str) -> list[Trace]:
    """Where repeats of a constant penalty put the gap of each level, in points, and their mean."""
    gaps, low, high = (
        [100 * float(value) for value in values]
        for values in (drawn.gap, drawn.gap_lo, drawn.gap_hi)
    )
    line = {"type": "scatter", "mode": "lines", "hoverinfo": "skip"}
    band = {
        **line,
        "x": [*x, *reversed(x)],
        "y": [*high, *reversed(low)],
        "fill": "toself",
        "fillcolor": faint(color, 0.14),
        "line": {"width": 0},
        "name": f"constant penalty, {percent(drawn.confidence)} of repeats",
        "uid": "band",
    }
    centre = {
        **line,
        "x": list(x),
        "y": gaps,
        "line": {"color": faint(color, 0.7), "width": 1.6, "dash": "dot"},
        "name": "its mean",
        "uid": "centre",
    }
    return [band, centre]


def _broken(levels: Mapping[int, str]) -> dict[str, Any]:
    """Level names in two lines after their comma; the break is ours, the name is escaped."""
    return {
        "ticktext": [
            ",<br>".join(escape(part, at_most=24) for part in name.split(",", 1))
            for name in levels.values()
        ],
        "tickangle": 0,
    }


def half_point_figure(
    valley: Valley, explanation: Explanation, *, styles: Mapping[str, ModelStyle] | None = None
) -> Figure:
    """The tasks' mid-logits along the axis, a line through them, and the critical complexity with
    its interval at height 0.
    """
    axis, tasks = valley.axis, explanation.points
    if axis is None or not len(tasks.x):
        return note("No tasks to draw.", height=_HEIGHT)
    style = style_of(valley.model, styles)
    texts = [
        hover(
            valley.model,
            (
                ("task", task),
                ("level", valley.label(level)),
                ("mean of ID and OOD logits", signed(float(mid))),
            ),
        )
        for task, level, mid in zip(tasks.task, tasks.level, tasks.mid_logit, strict=True)
    ]
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": tasks.x.tolist(),
            "y": tasks.mid_logit.tolist(),
            "marker": {"symbol": style.symbol, "size": 8, "color": faint(style.color, 0.55)},
            "name": "tasks",
            "hovertext": texts,
            "hoverinfo": "text",
            "uid": "tasks",
            "customdata": [
                {"model": valley.model, "task": task, "level": level}
                for task, level in zip(tasks.task, tasks.level, strict=True)
            ],
        }
    ]
    if np.ptp(tasks.x) > 0:
        slope, height = np.polyfit(tasks.x, tasks.mid_logit, 1)
        ends = [float(tasks.x.min()), float(tasks.x.max())]
        line = {"color": faint(style.color, 0.8), "width": 1.6}
        at = [float(height + slope * end) for end in ends]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": ends,
                "y": at,
                "line": line,
                "name": "line",
                "hoverinfo": "skip",
                "uid": "line",
            }
        )
    found = valley.complexity
    if found is not None and is_number(found.level):
        place, low, high = (
            float(np.interp(value, axis.levels, axis.positions))
            for value in (found.level, found.lo, found.hi)
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [place],
                "y": [0],
                "error_x": whiskers([place], [low], [high], "@text", width=2.4),
                "marker": {"symbol": "diamond", "size": 12, "color": "@text"},
                "name": "critical complexity",
                "hovertext": [_complexity_hover(valley.model, found)],
                "hoverinfo": "text",
                "uid": "critical complexity",
            }
        )
    unit = "difficulty of the level (logits)" if axis.is_fitted else "level number"
    return {
        "data": traces,
        "layout": layout(
            height=_HEIGHT,
            sentence=(
                f"Mean of the ID and OOD logits of each task of {valley.model} along the {unit},"
                " and the critical complexity."
            ),
            file_name="critical-complexity",
            margin={"l": 56, "r": 12, "t": 28, "b": 64},
            showlegend=True,
            legend=legend_above(_HEIGHT - LEGEND_ROW),
            xaxis={
                "title": {"text": unit, "font": {"size": 12}},
                "zeroline": False,
                "showline": True,
            },
            yaxis={"zeroline": True, "zerolinewidth": 1.5, "nticks": 7},
            annotations=[
                panel_title("Mean of ID and OOD logits (0: half right)", 1),
                *_level_marks(valley),
            ],
        ),
    }


def _level_marks(valley: Valley) -> list[dict[str, Any]]:
    """Level numbers under the top of the chart, at their positions; those that share one stand
    together.
    """
    axis = valley.axis
    if axis is None or not axis.is_fitted:
        return []
    at: dict[float, list[int]] = {}
    for level, position in zip(axis.levels, axis.positions, strict=True):
        at.setdefault(round(position, 6), []).append(level)
    return [
        {
            "text": "L" + ",".join(map(str, levels)),
            "x": position,
            "y": 0.0,
            "xref": "x",
            "yref": "paper",
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"color": "@muted", "size": 11},
        }
        for position, levels in at.items()
    ]


def complexity_figure(
    valleys: Sequence[Valley], *, styles: Mapping[str, ModelStyle] | None = None
) -> Figure:
    """Critical complexity of each model between the levels, with its interval; triangles point to
    where a value lies beyond the levels.
    """
    drawn = [
        valley
        for valley in valleys
        if valley.complexity is not None and is_number(valley.complexity.level)
    ]
    if not drawn:
        return note(
            "No critical complexity to draw: it needs two levels with both splits, and a gap."
        )
    names = {
        int(row["level"]): level_name(row["level_label"], int(row["level"]))
        for v in drawn
        for row in v.curve.to_dict("records")
    }
    levels = dict(sorted(names.items()))
    traces = [
        trace
        for row, valley in enumerate(reversed(drawn))
        for trace in _complexity_traces(valley, row, styles)
    ]
    height = 74 + _ROW * len(drawn)
    return {
        "data": traces,
        "layout": layout(
            height=height,
            sentence=(
                "Critical complexity between the levels, with intervals, of"
                f" {counted(len(drawn), 'model')}."
            ),
            file_name="critical-complexity-of-models",
            margin={
                "l": name_margin(valley.model[:32] for valley in drawn),
                "r": 16,
                "t": 28,
                "b": 46,
            },
            xaxis=level_axis(levels, showline=True, showgrid=True),
            yaxis={
                "tickvals": list(range(len(drawn))),
                "ticktext": [escape(valley.model, at_most=32) for valley in reversed(drawn)],
                "range": [-0.6, len(drawn) - 0.4],
                "zeroline": False,
                "showgrid": False,
                "fixedrange": True,
            },
            annotations=[
                panel_title("Critical complexity: where the gap peaks, between the levels", 1)
            ],
        ),
    }


def _complexity_traces(
    valley: Valley, row: int, styles: Mapping[str, ModelStyle] | None
) -> list[Trace]:
    found = valley.complexity
    assert found is not None
    style = style_of(valley.model, styles)
    pointing = {"left": "triangle-left", "right": "triangle-right", None: "circle"}
    point = {
        "type": "scatter",
        "mode": "markers",
        "x": [found.level],
        "y": [row],
        "error_x": whiskers([found.level], [found.lo], [found.hi], style.color, width=2.0),
        "marker": {
            "symbol": pointing[found.side],
            "size": 10,
            "color": style.color if found.is_identified else "@paper",
            "line": {"color": style.color, "width": 2},
        },
        "hovertext": [_complexity_hover(valley.model, found)],
        "hoverinfo": "text",
        "showlegend": False,
        "uid": f"{valley.model} complexity",
        "customdata": [{"model": valley.model}],
    }
    ends = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [end],
            "y": [row],
            "marker": {"symbol": pointing[side], "size": 8, "color": style.color},
            "hoverinfo": "skip",
            "showlegend": False,
            "uid": f"{valley.model} complexity {side}",
        }
        for end, side in ((found.lo, found.lo_side), (found.hi, found.hi_side))
        if side is not None and is_number(end)
    ]
    return [*ends, point]


def _complexity_hover(model: str, found: CriticalComplexity) -> str:
    at = {"left": "at or below ", "right": "at or above ", None: ""}
    interval = (
        f"{at[found.lo_side]}{number(found.lo)} to {at[found.hi_side]}{number(found.hi)}"
        if found.is_identified
        else "not identified"
    )
    return hover(
        model,
        (
            ("critical complexity", f"{at[found.side]}level {number(found.level)}"),
            (f"{percent(found.confidence)} interval", interval),
            ("route", _SHOWN_ROUTES[found.route]),
            ("tasks", found.n_tasks),
        ),
    )
