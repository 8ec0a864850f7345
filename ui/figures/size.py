"""The critical level of models against their size: one point a model, symbol = family, an arrow
where the level is an end of the scheme.

analysis.size.level_by_size results in, plain figure dicts out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.size.level_by_size import LevelBySize
from analysis.text import escape, level_name, short_count, signed
from ui.figures.layout import hover, layout, legend_above, level_axis, note
from ui.figures.theme import Figure, ModelStyle, Trace, faint, style_of

PLOT_HEIGHT = 300
APART = 0.25
"""Levels between models of about one size and one critical level, which would hide each other."""
ALIKE = 0.03
"""Part of the width within which sizes are about one."""
NO_FAMILY = "no family named"


def size_figure(
    found: LevelBySize, levels: Mapping[int, str], *, styles: Mapping[str, ModelStyle] | None = None
) -> Figure:
    """Critical level over the number of parameters, with the line of the interval-censored
    regression.

    Args:
        found: the models and their tests.
        levels: level numbers with their labels, all levels of the scheme.
    Edge cases: no model with both a size and a level gives a note; without a slope that can be
    given there is no line.
    """
    rows = found.entered
    if rows.empty:
        return note("No model has both a published size and a critical level.")
    placed = rows.assign(y=_apart(rows))
    traces = [*_line(found), *_arrows(placed, styles)]
    for family, group in placed.groupby(placed["family"].fillna(NO_FAMILY), sort=True):
        traces.append(_family_trace(str(family), group, levels, styles))
    sizes = _log_sizes(rows)
    low, high = min(sizes), max(sizes)
    axis = level_axis({level: level_name(name, level) for level, name in levels.items()})
    margin = max(0.15, 0.06 * (high - low))
    return {
        "data": traces,
        "layout": layout(
            height=PLOT_HEIGHT + 130,
            sentence=found.sentence(),
            file_name=f"critical-level-by-size-{found.source}",
            margin={"l": 104, "r": 16, "t": 16, "b": 48},
            showlegend=True,
            legend=legend_above(PLOT_HEIGHT),
            xaxis={
                "title": {"text": "Parameters"},
                "range": [low - margin, high + margin],
                "zeroline": False,
                **_ticks(low, high),
            },
            yaxis={**axis, "range": [found.lowest - 0.8, found.highest + 0.8], "showgrid": True},
        ),
    }


def _log_sizes(rows: pd.DataFrame) -> list[float]:
    return [math.log10(float(n_params)) for n_params in rows["n_params"]]


def _apart(rows: pd.DataFrame) -> list[float]:
    """Levels, spread a little where several models have one level and about one size."""
    sizes, numbers = _log_sizes(rows), [int(level) for level in rows["level"]]
    near = ALIKE * max(max(sizes) - min(sizes), 0.1)
    piles: list[list[int]] = []
    for place in sorted(range(len(sizes)), key=lambda one: (numbers[one], sizes[one])):
        last = piles[-1][-1] if piles else None
        if (
            last is not None
            and numbers[last] == numbers[place]
            and sizes[place] - sizes[last] <= near
        ):
            piles[-1].append(place)
        else:
            piles.append([place])
    spread = [float(number) for number in numbers]
    for pile in piles:
        step = min(APART, 0.8 / max(1, len(pile) - 1))
        for rank, place in enumerate(pile):
            spread[place] += step * (rank - (len(pile) - 1) / 2)
    return spread


def _ticks(low: float, high: float) -> dict[str, Any]:
    """Whole powers of ten, and 2 and 5 times them where the sizes span little."""
    steps = (
        (0.0,)
        if high - low > 4
        else (0.0, math.log10(2), math.log10(5))
        if high - low < 1.5
        else (0.0, math.log10(3))
    )
    places = [
        power + step for power in range(math.floor(low) - 1, math.ceil(high) + 1) for step in steps
    ]
    return {
        "tickmode": "array",
        "tickvals": places,
        "ticktext": [short_count(float(f"{10**place:.1g}")) for place in places],
    }


def _line(found: LevelBySize) -> list[Trace]:
    fit = found.interval
    if not math.isfinite(fit.lo):
        return []
    sizes = _log_sizes(found.entered)
    ends = [min(sizes), max(sizes)]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": ends,
            "y": [fit.b0 + fit.b1 * end for end in ends],
            "line": {"color": "@muted", "width": 2, "dash": "dot"},
            "name": "interval-censored regression",
            "uid": "regression",
            "hovertext": f"{signed(fit.b1)} levels per tenfold size",
            "hoverinfo": "text",
        }
    ]


def _arrows(placed: pd.DataFrame, styles: Mapping[str, ModelStyle] | None) -> list[Trace]:
    """A stem and an arrowhead that lead out of the scheme, from each model whose level is an end of
    it.
    """
    traces: list[Trace] = []
    for way, head in (("below", "triangle-down"), ("above", "triangle-up")):
        rows = placed.loc[placed["censored"] == way]
        if rows.empty:
            continue
        x = _log_sizes(rows)
        step = -0.62 if way == "below" else 0.62
        tips = [float(level) + step for level in rows["level"]]
        colors = [style_of(model, styles).color for model in rows["model"]]
        shared = {"type": "scatter", "hoverinfo": "skip", "showlegend": False}
        stems = {
            "x": [v for one in x for v in (one, one, None)],
            "y": [v for y, tip in zip(rows["y"], tips, strict=True) for v in (y, tip, None)],
        }
        traces.append(
            {
                **shared,
                "mode": "lines",
                **stems,
                "line": {"color": "@muted", "width": 1.2},
                "uid": f"stems {way}",
            }
        )
        traces.append(
            {
                **shared,
                "mode": "markers",
                "x": x,
                "y": tips,
                "marker": {"symbol": head, "size": 8, "color": colors},
                "uid": f"heads {way}",
            }
        )
    return traces


def _family_trace(
    family: str,
    rows: pd.DataFrame,
    levels: Mapping[int, str],
    styles: Mapping[str, ModelStyle] | None,
) -> Trace:
    looks = [style_of(model, styles) for model in rows["model"]]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": _log_sizes(rows),
        "y": rows["y"].tolist(),
        "marker": {
            "symbol": [look.symbol for look in looks],
            "size": 11,
            "color": [faint(look.color, 0.85) for look in looks],
            "line": {"color": "@text", "width": 1},
        },
        "name": escape(family, at_most=24),
        "uid": f"family {family}",
        "hovertext": [_hover(row, levels) for row in rows.to_dict("records")],
        "hoverinfo": "text",
        "customdata": [{"model": model} for model in rows["model"]],
    }


def _hover(row: Mapping[Any, Any], levels: Mapping[int, str]) -> str:
    level = int(row["level"])
    end = {"below": " or below", "above": " or above"}.get(
        row["censored"] if isinstance(row["censored"], str) else "", ""
    )
    return hover(
        row["model"],
        (
            ("family", row["family"] if isinstance(row["family"], str) else None),
            ("parameters", short_count(float(row["n_params"]))),
            ("critical level", level_name(levels.get(level), level) + end),
        ),
    )
