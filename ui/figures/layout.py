"""Pieces that figures are put together from: layouts, the level axis, stacked panels, whiskers,
hatched cells, the empty note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from analysis.text import escape, is_number, number, percent, span
from ui.figures.theme import CLEAR, Figure, Trace

LEGEND_ROW = 30
"""Pixels of one row of a legend."""
MANY_NAMES = 4
"""Up to this many levels without a name of their own are called "level 2"; of more, the axis says
"level" once.
"""
MANY_LEVELS = 7
"""Up to this many levels have room for words in the cells above them."""


def layout(*, height: int, sentence: str, file_name: str, **more: Any) -> dict[str, Any]:
    """What all layouts share. `sentence` is what a screen reader says, `file_name` what the saved
    SVG is called.
    """
    return {
        "height": height,
        "margin": {"l": 64, "r": 16, "t": 16, "b": 48},
        "hovermode": "closest",
        "showlegend": False,
        "meta": {"sentence": sentence, "file_name": file_name},
        **more,
    }


def level_axis(levels: Mapping[int, str], **more: Any) -> dict[str, Any]:
    """An axis over ordinal levels: equal steps, each with its label. Complexity levels are an
    order, not a cost scale.
    """
    places = list(levels)
    names = list(levels.values())
    title = {}
    if len(places) > MANY_NAMES and names == [f"level {place}" for place in places]:
        names, title = (
            [str(place) for place in places],
            {"title": {"text": "level", "standoff": 2, "font": {"size": 12}}},
        )
    return {
        "tickmode": "array",
        "tickvals": places,
        "ticktext": [escape(name, at_most=24) for name in names],
        "range": [min(places) - 0.5, max(places) + 0.5] if places else [0.5, 1.5],
        "zeroline": False,
        "showgrid": False,
        **title,
        **more,
    }


def in_equal_steps(
    figure: Figure, levels: Iterable[int], *, axes: Sequence[str] = ("x",)
) -> Figure:
    """The figure with its levels one step apart where their numbers leave some out (2, 5, 10, 100);
    what stands beside one stays beside it.

    Args:
        axes: the axes that are `level_axis`, as traces name them.
    """
    places = sorted(levels)
    if not places or places[-1] - places[0] == len(places) - 1:
        return figure
    step = {level: place for place, level in enumerate(places, start=1)}

    def moved(x: Any) -> Any:
        if not is_number(x):
            return x
        nearest = min(places, key=lambda level: abs(level - x))
        return step[nearest] + x - nearest

    for trace in figure["data"]:
        if trace.get("xaxis", "x") in axes and "x" in trace:
            trace["x"] = [moved(x) for x in trace["x"]]
    for shape in figure["layout"].get("shapes", ()):
        if shape.get("xref", "x") in axes:
            shape |= {"x0": moved(shape["x0"]), "x1": moved(shape["x1"])}
    for name in axes:
        axis = figure["layout"][name.replace("x", "xaxis")]
        axis |= {
            "tickvals": [moved(x) for x in axis["tickvals"]],
            "range": [0.5, len(places) + 0.5],
        }
    return figure


def hatched(
    cells: Iterable[tuple[float, float]], *, hover_texts: Iterable[str], **more: Any
) -> Trace:
    """Missing cells of a heat map, at (x, y) with both sides 1: hatched, so that absence never
    looks like a value.
    """
    places = list(cells)
    return {
        "type": "bar",
        "x": [x for x, _ in places],
        "y": [0.96 for _ in places],
        "base": [y - 0.48 for _, y in places],
        "width": 0.98,
        "marker": {
            "color": CLEAR,
            "line": {"width": 0},
            "pattern": {"shape": "/", "size": 6, "solidity": 0.18, "fgcolor": "@muted"},
        },
        "hovertext": list(hover_texts),
        "hoverinfo": "text",
        "showlegend": False,
        "uid": "missing",
        **more,
    }


def cell_texts(
    cells: Iterable[tuple[float, float, str, bool]], *, colors: tuple[str, str], **more: Any
) -> list[Trace]:
    """Texts over the cells of a heat map, given as (x, y, text, on dark); `colors` are those for
    text on light and on dark cells.
    """
    every = list(cells)
    return [
        {
            "type": "scatter",
            "mode": "text",
            "x": [x for x, _, _, dark in every if dark == on_dark],
            "y": [y for _, y, _, dark in every if dark == on_dark],
            "text": [escape(text) for _, _, text, dark in every if dark == on_dark],
            "textfont": {"color": color, "size": 12},
            "hoverinfo": "skip",
            "showlegend": False,
            "uid": f"cell texts {on_dark}",
            **more,
        }
        for on_dark, color in zip((False, True), colors, strict=True)
    ]


def whiskers(
    values: Iterable[float],
    low: Iterable[float],
    high: Iterable[float],
    color: str,
    *,
    width: float = 1.4,
) -> dict[str, Any]:
    """Interval whiskers around values, given by the interval's ends."""
    triples = list(zip(values, low, high, strict=True))
    return {
        "type": "data",
        "symmetric": False,
        "array": [
            max(0.0, top - value) if is_number(value) and is_number(top) else None
            for value, _, top in triples
        ],
        "arrayminus": [
            max(0.0, value - bottom) if is_number(value) and is_number(bottom) else None
            for value, bottom, _ in triples
        ],
        "color": color,
        "thickness": width,
        "width": 3,
    }


def note(text: str, *, height: int = 160) -> Figure:
    """A figure that says why there is nothing to draw. `text` is ours, not data."""
    words = {
        "text": text,
        "x": 0.5,
        "y": 0.5,
        "xref": "paper",
        "yref": "paper",
        "showarrow": False,
        "font": {"color": "@muted", "size": 14},
    }
    hidden = {"visible": False, "fixedrange": True}
    return {
        "data": [],
        "layout": layout(
            height=height,
            sentence=text,
            file_name="empty",
            xaxis=hidden,
            yaxis=hidden,
            annotations=[words],
        ),
    }


def stacked(heights: Sequence[int], between: int) -> tuple[list[list[float]], int]:
    """Domains of panels stacked from the top, given their heights and the space between them in
    pixels; and the height of the stack.
    """
    total = sum(heights) + between * (len(heights) - 1)
    tops = [total - sum(heights[:place]) - between * place for place in range(len(heights))]
    return [
        [(top - height) / total, top / total] for top, height in zip(tops, heights, strict=True)
    ], total


def panel_title(text: str, top: float) -> dict[str, Any]:
    """A title on the upper left edge of a panel that ends at `top` (0-1 of the plot). `text` is
    ours, not data.
    """
    place = {
        "x": 0,
        "y": top,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 3,
    }
    return {"text": f"<b>{text}</b>", **place, "showarrow": False, "font": {"size": 13}}


def legend_above(plot_height: int, *, space: int = 24) -> dict[str, Any]:
    """A legend above the plot, `space` pixels for a panel title between them. Plotly makes room for
    as many rows as the width asks for.
    """
    return {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": 1 + space / plot_height,
        "yanchor": "bottom",
        "tracegroupgap": 4,
    }


def dodge(n: int, *, step: float = 0.085) -> list[float]:
    """Horizontal shifts that keep n models apart around a level, centred on it."""
    return [step * (place - (n - 1) / 2) for place in range(n)]


def name_margin(names: Iterable[str]) -> int:
    """Pixels left of a plot whose rows carry these names, in the widest of the fonts that may draw
    them.
    """
    return 20 + round(7.9 * max(map(len, names), default=0))


def hover(title: object, rows: Iterable[tuple[str, object]]) -> str:
    """A tooltip: a title and one `name: value` line each. Data in it is escaped; rows whose value
    is None are left out.

    >>> hover("<m>", [("n", 3), ("gone", None)])
    '<b>&lt;m&gt;</b><br>n: 3'
    """
    lines = [
        f"{escape(name)}: {escape(value, at_most=80)}" for name, value in rows if value is not None
    ]
    return "<br>".join([f"<b>{escape(title, at_most=60)}</b>", *lines])


def interval_row(
    confidence: float, low: float, high: float, write: Callable[[float | None], str] = number
) -> tuple[str, str]:
    """The line of a tooltip that gives an interval.

    >>> interval_row(0.9, -0.2, 1.35)
    ('90 % interval', '−0.20 to 1.35')
    """
    return f"{percent(confidence)} interval", span(low, high, write)
