"""A specification curve: the margin of a conclusion in every specification, sorted, and beneath it
which options each one takes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.text import escape, is_number, percent_of_draws, signed
from analysis.what_if.multiverse import Multiverse
from ui.figures.layout import layout, legend_above, note, panel_title, stacked
from ui.figures.theme import OKABE_ITO, Figure, Trace

HOLDS, DOES_NOT = OKABE_ITO["blue"], OKABE_ITO["orange"]
CURVE_HEIGHT, ROW = 170, 17
MAX_DRAWN = 600
"""Of more specifications an even spread along the curve is drawn; shares are always of all."""


def specification_curve_figure(found: Multiverse) -> Figure:
    """Margins from the lowest to the highest (above 0 the conclusion holds), the paper's own
    marked; dots show the options taken.

    Edge cases: without a computable specification a note. Options that can never be computed here
    have no row (the page lists them).
    """
    computable = np.flatnonzero(~np.isnan(found.values))
    if not len(computable):
        return note("No specification can be computed from what is stored: see the reasons below.")
    order = computable[np.argsort(found.values[computable], kind="stable")]
    if len(order) > MAX_DRAWN:
        order = order[np.unique(np.linspace(0, len(order) - 1, MAX_DRAWN).round().astype(int))]
        if found.paper_holds is not None and 0 not in order:
            order = np.insert(order, int(np.searchsorted(found.values[order], found.values[0])), 0)
    rows = _rows(found)
    names = [name for name, _, _ in rows]
    domains, height = stacked((CURVE_HEIGHT, ROW * max(len(rows), 1)), 34)
    holds = found.holds[order]
    traces = [
        *(
            _margins(found, order, holds == state, state)
            for state in (True, False)
            if (holds == state).any()
        ),
        *(
            _dots(found, order, holds == state, state, rows)
            for state in (True, False)
            if (holds == state).any()
        ),
        *_paper(found, order),
    ]
    below = {
        "range": [len(rows) - 0.5, -0.5],
        "tickvals": list(range(len(rows))),
        "ticktext": names,
        "showgrid": False,
        "zeroline": False,
    }
    return {
        "data": traces,
        "layout": layout(
            height=height + 90,
            sentence=(
                f"Specification curve: {found.text} holds in {found.n_hold} of {found.n_computable}"
                " specifications."
            ),
            file_name="multiverse",
            margin={
                "l": 16 + round(6.1 * max(map(len, names), default=0)),
                "r": 16,
                "t": 56,
                "b": 24,
            },
            showlegend=True,
            legend=legend_above(height),
            xaxis={
                "visible": False,
                "range": [-0.02 * len(order) - 0.5, 1.02 * len(order)],
                "anchor": "y2",
            },
            yaxis={"domain": domains[0], "zeroline": True, "zerolinewidth": 2, "nticks": 5},
            yaxis2={"domain": domains[1], "tickfont": {"size": 11}, **below},
            annotations=[
                panel_title(f"Margin ({found.unit}); above 0 the conclusion holds", domains[0][1]),
                panel_title(
                    "Options taken, with the share of their specifications in which it holds",
                    domains[1][1],
                ),
            ],
        ),
    }


def _rows(found: Multiverse) -> list[tuple[str, int, int]]:
    """Label, dimension and option of every option that can be computed somewhere."""
    options = found.by_choice.to_dict("records")
    rows: list[tuple[str, int, int]] = []
    at = 0
    for column, dimension in enumerate(found.dimensions):
        for place, option in enumerate(dimension.options):
            if options[at]["n_computable"]:
                share = options[at]["share"]
                rows.append(
                    (
                        (
                            f"{escape(option, at_most=44)}  {percent_of_draws(share)}"
                            if is_number(share)
                            else option
                        ),
                        column,
                        place,
                    )
                )
            at += 1
    return rows


def _margins(
    found: Multiverse, order: np.ndarray[Any, Any], shown: np.ndarray[Any, Any], state: bool
) -> Trace:
    places = np.flatnonzero(shown)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": places.tolist(),
        "y": found.values[order[places]].tolist(),
        "marker": {
            "color": HOLDS if state else DOES_NOT,
            "size": 4,
            "symbol": "circle" if state else "x-thin-open",
        },
        "hovertext": [_hover(found, int(one)) for one in order[places]],
        "hoverinfo": "text",
        "name": "holds" if state else "does not hold",
        "uid": f"margins {state}",
    }


def _dots(
    found: Multiverse,
    order: np.ndarray[Any, Any],
    shown: np.ndarray[Any, Any],
    state: bool,
    rows: list[tuple[str, int, int]],
) -> Trace:
    places = np.flatnonzero(shown)
    taken = found.choices[order[places]]
    x: list[int] = []
    y: list[int] = []
    for row, (_, column, option) in enumerate(rows):
        mine = places[taken[:, column] == option]
        x += mine.tolist()
        y += [row] * len(mine)
    marker = {
        "color": HOLDS if state else DOES_NOT,
        "size": 7,
        "symbol": "line-ns-open",
        "line": {"width": 1},
    }
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "yaxis": "y2",
        "marker": marker,
        "hoverinfo": "skip",
        "showlegend": False,
        "uid": f"options {state}",
    }


def _paper(found: Multiverse, order: np.ndarray[Any, Any]) -> list[Trace]:
    places = np.flatnonzero(order == 0)
    if found.paper_holds is None or not len(places):
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": places.tolist(),
            "y": [float(found.values[0])],
            "marker": {
                "color": "@text",
                "size": 12,
                "symbol": "diamond-open",
                "line": {"width": 2},
            },
            "hovertext": [_hover(found, 0)],
            "hoverinfo": "text",
            "name": "the paper’s definition",
            "uid": "paper",
        }
    ]


def _hover(found: Multiverse, place: int) -> str:
    options = [
        dimension.options[found.choices[place, column]]
        for column, dimension in enumerate(found.dimensions)
    ]
    return "<br>".join(
        [
            f"<b>{signed(float(found.values[place]))}</b>",
            *(escape(option, at_most=60) for option in options),
        ]
    )
