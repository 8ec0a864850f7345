"""Many models over levels: one heat map for gaps and for scores, with missing cells hatched and one
level per model marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.text import escape, is_number
from ui.figures.layout import cell_texts, hatched, layout, level_axis, name_margin
from ui.figures.theme import Figure, Trace, is_dark

ROW_HEIGHT, TOP, BOTTOM = 24, 40, 16


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One model's row: a number (or None), its text and its tooltip for each level, and the level
    to mark, if any.
    """

    model: str
    values: Sequence[float | None]
    texts: Sequence[str]
    hovers: Sequence[str]
    marked: int | None = None


@dataclass(frozen=True, slots=True)
class HeatColors:
    """How numbers become colours: a scale, its ends, and the format of the colour bar's ticks."""

    scale: Sequence[Sequence[Any]]
    low: float
    high: float
    tick_format: str = ".1f"


def heatmap(
    rows: Sequence[HeatRow],
    levels: Mapping[int, str],
    *,
    colors: HeatColors,
    sentence: str,
    file_name: str,
) -> Figure:
    """Draw the rows from top to bottom, one column per level; names stay readable at 30 rows and
    more because height follows rows.

    Args:
        rows: one per model, each with as many values as there are levels; None and NaN are missing.
        levels: level -> label, in order.
    """
    names = [escape(row.model, at_most=34) for row in rows]
    height = TOP + BOTTOM + ROW_HEIGHT * len(rows)
    return {
        "data": [
            _cells(rows, levels, colors, height),
            *_missing(rows, levels),
            *_texts(rows, levels, colors),
            *_marks(rows, levels),
        ],
        "layout": layout(
            height=height,
            sentence=sentence,
            file_name=file_name,
            margin={
                "l": name_margin([row.model[:34] for row in rows]),
                "r": 16,
                "t": TOP,
                "b": BOTTOM,
            },
            xaxis=level_axis(levels, side="top", ticks="", showline=False),
            yaxis={
                "range": [len(rows) - 0.5, -0.5],
                "tickvals": list(range(len(rows))),
                "ticktext": names,
                "showgrid": False,
                "zeroline": False,
            },
            annotations=[_mark_key()] if any(row.marked for row in rows) else [],
            barmode="overlay",
        ),
    }


def _cells(
    rows: Sequence[HeatRow], levels: Mapping[int, str], colors: HeatColors, height: int
) -> Trace:
    return {
        "type": "heatmap",
        "x": list(levels),
        "y": list(range(len(rows))),
        "z": [list(row.values) for row in rows],
        "zmin": colors.low,
        "zmax": colors.high,
        "colorscale": colors.scale,
        "colorbar": {
            "thickness": 10,
            "outlinewidth": 0,
            "tickformat": colors.tick_format,
            "nticks": 5,
            "len": min(260, height),
            "lenmode": "pixels",
            "y": 1,
            "yanchor": "top",
        },
        "xgap": 2,
        "ygap": 2,
        "hovertext": [list(row.hovers) for row in rows],
        "hoverinfo": "text",
        "hoverongaps": False,
        "customdata": [[{"model": row.model, "level": level} for level in levels] for row in rows],
        "uid": "cells",
    }


def _texts(rows: Sequence[HeatRow], levels: Mapping[int, str], colors: HeatColors) -> list[Trace]:
    cells = [
        (level, place, text, is_dark(value, colors.scale, colors.low, colors.high))
        for place, row in enumerate(rows)
        for level, value, text in zip(levels, row.values, row.texts, strict=True)
        if is_number(value)
    ]
    return cell_texts(cells, colors=("#1f2328", "#ffffff"))


def _mark_key() -> dict[str, Any]:
    place = {
        "x": 0,
        "y": 1,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "right",
        "yanchor": "bottom",
        "xshift": -6,
        "yshift": 4,
    }
    return {
        "text": "◇ critical level",
        **place,
        "showarrow": False,
        "font": {"size": 12, "color": "@muted"},
    }


def _missing(rows: Sequence[HeatRow], levels: Mapping[int, str]) -> list[Trace]:
    gone = [
        ((level, place), row.hovers[column])
        for place, row in enumerate(rows)
        for column, level in enumerate(levels)
        if not is_number(row.values[column])
    ]
    return (
        [hatched([cell for cell, _ in gone], hover_texts=[text for _, text in gone])]
        if gone
        else []
    )


def _marks(rows: Sequence[HeatRow], levels: Mapping[int, str]) -> list[Trace]:
    marked = [
        (row.marked + 0.36, place)
        for place, row in enumerate(rows)
        if row.marked in levels and row.marked is not None
    ]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [x for x, _ in marked],
            "y": [y for _, y in marked],
            "marker": {
                "symbol": "diamond",
                "size": 10,
                "color": "#ffffff",
                "line": {"color": "#222222", "width": 1.6},
            },
            "hoverinfo": "skip",
            "uid": "critical levels",
        }
    ]
