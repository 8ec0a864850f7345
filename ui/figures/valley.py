"""The generalization valley on screen: accuracy by level and split, the gap between the splits, and
how sure the critical level is.

Results of analysis.valley in, plain figure dicts out. Every point and cell carries customdata
(model, task, level, split), so that a click can open the samples behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from analysis.text import (
    escape,
    is_number,
    level_name,
    percent,
    percent_of_draws,
    points,
    signed,
    split_label,
    whole,
)
from analysis.valley.locating import Valley
from analysis.valley.sentences import summarise_valley
from ui.figures.heat import HeatColors, HeatRow, heatmap
from ui.figures.layout import (
    LEGEND_ROW,
    MANY_LEVELS,
    cell_texts,
    dodge,
    hatched,
    hover,
    in_equal_steps,
    interval_row,
    layout,
    legend_above,
    level_axis,
    name_margin,
    note,
    panel_title,
    stacked,
    whiskers,
)
from ui.figures.theme import (
    CLEAR,
    DASH,
    DIVERGING,
    MAX_LINES,
    SEQUENTIAL,
    Figure,
    ModelStyle,
    Trace,
    faint,
    style_of,
)

ACCURACY_HEIGHT, GAP_HEIGHT, ROW_HEIGHT, BETWEEN = 190, 105, 22, 34
"""Pixels of the panels, of one model's row in the strip, and between panels."""


Styles = Mapping[str, ModelStyle]


def valley_figure(valleys: Sequence[Valley], *, styles: Styles | None = None) -> Figure:
    """ID and OOD accuracy over the levels, the gap beneath with the critical level ringed, and
    P(level is critical) as a shaded strip.

    The gap is drawn signed: clipping at 0 would hide where OOD is easier, and its interval belongs
    to the signed difference. In the strip the critical level is framed and the cells of the level
    set are underlined. One pair of lines per model, ID solid and OOD dashed, all three panels on
    one level axis. Above six models a heat map of the gap takes over (`gap_heatmap_figure`).

    Args:
        valleys: one result per model.
        styles: looks of the models, from `theme.model_styles`.
    Edge cases: no valley gives a note; a level without a number leaves a hole in the line and a
    hatched cell in the strip.
    """
    if not valleys:
        return note("No model to draw: choose one whose results have an ID and an OOD split.")
    if len(valleys) > MAX_LINES:
        return gap_heatmap_figure(valleys)
    levels = _level_names(valleys)
    heights = (ACCURACY_HEIGHT, GAP_HEIGHT, ROW_HEIGHT * len(valleys))
    traces: list[Trace] = [*_split_keys()]
    shapes: list[dict[str, Any]] = []
    for place, (valley, shift) in enumerate(zip(valleys, dodge(len(valleys)), strict=True)):
        style = style_of(valley.model, styles)
        traces += [
            _accuracy_trace(valley, split, shift, style, shade=len(valleys) == 1)
            for split in ("id", "ood")
        ]
        traces += _gap_traces(valley, shift, style)
        shapes += _critical_cell(valley, place, style)
    traces += _strip_traces(valleys, levels)
    return in_equal_steps(
        {"data": traces, "layout": _valley_layout(valleys, levels, heights, shapes)}, levels
    )


def _valley_layout(
    valleys: Sequence[Valley],
    levels: Mapping[int, str],
    heights: Sequence[int],
    shapes: list[dict[str, Any]],
) -> dict[str, Any]:
    top, bottom = 26, 44
    domains, inner = stacked(heights, BETWEEN)
    names = [escape(valley.model, at_most=22) for valley in valleys]
    unit = ", %" if len(levels) > MANY_LEVELS else ""
    titles = ("Accuracy", "Gap, ID − OOD", f"P(level is critical){unit}")
    return layout(
        height=inner + top + bottom + LEGEND_ROW,
        sentence=" ".join(f"{valley.model}: {summarise_valley(valley)}" for valley in valleys),
        file_name="valley",
        margin={
            "l": max(
                64,
                name_margin([valley.model[:22] for valley in valleys]) if len(valleys) > 1 else 0,
            ),
            "r": 16,
            "t": top,
            "b": bottom,
        },
        showlegend=True,
        legend=legend_above(inner),
        xaxis=level_axis(levels, anchor="y3", showline=True, ticks=""),
        yaxis={
            "domain": domains[0],
            "range": [-0.02, 1.02],
            "tickformat": ".0%",
            "zeroline": False,
            "dtick": 0.25,
        },
        yaxis2={
            "domain": domains[1],
            "tickformat": ".0%",
            "zeroline": True,
            "nticks": 5,
            **_gap_range(valleys),
        },
        yaxis3={
            "domain": domains[2],
            "range": [len(valleys) - 0.5, -0.5],
            "tickvals": list(range(len(valleys))) if len(valleys) > 1 else [],
            "ticktext": names,
            "ticks": "",
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
        shapes=shapes,
        annotations=[
            panel_title(text, domain[1]) for text, domain in zip(titles, domains, strict=True)
        ],
        barmode="overlay",
    )


def _gap_range(valleys: Sequence[Valley]) -> dict[str, Any]:
    """As the gaps are; without any the axis stays within what a gap can be."""
    has_gap = any(is_number(gap) for valley in valleys for gap in valley.curve["gap_signed"])
    return {"rangemode": "tozero"} if has_gap else {"range": [0, 1]}


def _split_keys() -> list[Trace]:
    """Two legend entries that say what solid and dashed mean."""
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": [None],
        "y": [None],
        "hoverinfo": "skip",
        "showlegend": True,
    }
    return [
        {
            **line,
            "name": split_label(split),
            "uid": f"key {split}",
            "line": {"color": "@text", "width": 2, "dash": dash},
        }
        for split, dash in DASH.items()
    ]


def _accuracy_trace(
    valley: Valley, split: str, shift: float, style: ModelStyle, *, shade: bool
) -> Trace:
    curve = valley.curve
    column = f"a_{split}"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": _shifted(curve, shift),
        "y": curve[column].tolist(),
        "error_y": whiskers(
            curve[column], curve[f"{column}_lo"], curve[f"{column}_hi"], faint(style.color, 0.7)
        ),
        "line": {"color": style.color, "width": 2.2, "dash": DASH[split]},
        "marker": {
            "symbol": style.symbol,
            "size": 8,
            "color": style.color if split == "id" else "@paper",
            "line": {"color": style.color, "width": 1.8},
        },
        "fill": (
            "tonexty"
            if shade and split == "ood" and curve[["a_id", "a_ood"]].notna().all(axis=None)
            else "none"
        ),
        "fillcolor": faint(style.color, 0.1),
        "name": escape(valley.model, at_most=32),
        "legendgroup": valley.model,
        "showlegend": split == "id",
        "uid": f"{valley.model} {split}",
        "hovertext": [_accuracy_hover(valley, split, row) for row in curve.to_dict("records")],
        "hoverinfo": "text",
        "customdata": [
            {"model": valley.model, "level": int(level), "split": split} for level in curve["level"]
        ],
    }


def _accuracy_hover(valley: Valley, split: str, row: Mapping[Any, Any]) -> str:
    column = f"a_{split}"
    return hover(
        valley.model,
        (
            ("level", level_name(row["level_label"], row["level"])),
            ("split", split_label(split)),
            ("accuracy", percent(row[column], 1)),
            _interval_row(valley, row, column, partial(percent, digits=1)),
            ("interval", row["interval"]),
            ("answers", _count(row[f"n_{split}"])),
            ("estimator", _estimator(row)),
        ),
    )


def _gap_traces(valley: Valley, shift: float, style: ModelStyle) -> list[Trace]:
    curve = valley.curve
    shared = {
        "type": "scatter",
        "xaxis": "x",
        "yaxis": "y2",
        "legendgroup": valley.model,
        "showlegend": False,
        "hoverinfo": "text",
    }
    line = {
        **shared,
        "mode": "lines+markers",
        "x": _shifted(curve, shift),
        "y": curve["gap_signed"].tolist(),
        "error_y": whiskers(
            curve["gap_signed"], curve["gap_lo"], curve["gap_hi"], faint(style.color, 0.7)
        ),
        "line": {"color": style.color, "width": 2.2},
        "marker": {"symbol": style.symbol, "size": 7, "color": style.color},
        "uid": f"{valley.model} gap",
        "hovertext": [_gap_hover(valley, row) for row in curve.to_dict("records")],
        "customdata": [{"model": valley.model, "level": int(level)} for level in curve["level"]],
    }
    critical = curve[curve["level"] == valley.critical_level]
    ring = {
        **shared,
        "mode": "markers",
        "x": _shifted(critical, shift),
        "y": critical["gap_signed"].tolist(),
        "marker": {"symbol": "circle-open", "size": 17, "color": style.color, "line": {"width": 2}},
        "hoverinfo": "skip",
        "uid": f"{valley.model} critical",
    }
    return [line, ring] if len(critical) else [line]


def _gap_hover(valley: Valley, row: Mapping[Any, Any]) -> str:
    critical = row["level"] == valley.critical_level
    return hover(
        valley.model,
        (
            (
                "level",
                level_name(row["level_label"], row["level"])
                + (" (critical level)" if critical else ""),
            ),
            ("ID − OOD", points(row["gap_signed"])),
            _interval_row(valley, row, "gap", points),
            ("interval", row["interval"]),
            (
                "P(level is critical)",
                percent_of_draws(row["p_critical"]),
            ),
            ("answers", f"{_count(row['n_id'])} ID, {_count(row['n_ood'])} OOD"),
            ("estimator", _estimator(row)),
        ),
    )


def _strip_traces(valleys: Sequence[Valley], levels: Mapping[int, str]) -> list[Trace]:
    chances = [[valley.p_critical.get(level) for level in levels] for valley in valleys]
    missing = [
        (place, level)
        for place, row in enumerate(chances)
        for level, chance in zip(levels, row, strict=True)
        if not is_number(chance)
    ]
    cells: Trace = {
        "type": "heatmap",
        "x": list(levels),
        "y": list(range(len(valleys))),
        "z": chances,
        "yaxis": "y3",
        "zmin": 0,
        "zmax": 1,
        "colorscale": SEQUENTIAL,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "hovertext": [
            [
                _chance_hover(valley, level, levels[level], p)
                for level, p in zip(levels, row, strict=True)
            ]
            for valley, row in zip(valleys, chances, strict=True)
        ],
        "hoverinfo": "text",
        "hoverongaps": False,
        "customdata": [
            [{"model": valley.model, "level": level} for level in levels] for valley in valleys
        ],
        "uid": "p critical",
    }
    spell = percent_of_draws if len(levels) <= MANY_LEVELS else _bare_percent
    spoken = [
        (level, place, spell(chance), chance > 0.5)
        for place, row in enumerate(chances)
        for level, chance in zip(levels, row, strict=True)
        if is_number(chance)
    ]
    strip = [cells, *cell_texts(spoken, colors=("@text", "@paper"), yaxis="y3")]
    if not missing:
        return strip
    why = [_chance_hover(valleys[place], level, levels[level], None) for place, level in missing]
    return [
        *strip,
        hatched([(level, place) for place, level in missing], hover_texts=why, yaxis="y3"),
    ]


def _bare_percent(share: float) -> str:
    """As `percent_of_draws`, where many levels leave room for a number only; the unit is in the
    title of the panel.
    """
    return percent_of_draws(share).removesuffix(" %").replace("under ", "<").replace("over ", ">")


def _chance_hover(valley: Valley, level: int, name: str, chance: float | None) -> str:
    share = percent(valley.level_set_share)
    return hover(
        valley.model,
        (
            ("level", name),
            (
                "P(level is critical)",
                (
                    percent_of_draws(chance)
                    if is_number(chance)
                    else "not defined: the level lacks a split"
                ),
            ),
            (
                "P(no gap above 0)",
                percent_of_draws(valley.p_none),
            ),
            (f"in the {share} level set", "yes" if level in valley.level_set else "no"),
            ("estimator", f"bootstrap over tasks, {valley.settings.resamples:,} resamples"),
        ),
    )


def _critical_cell(valley: Valley, place: int, style: ModelStyle) -> list[dict[str, Any]]:
    """A line under every level of the level set, and a frame around the critical level."""
    on_strip = {"xref": "x", "yref": "y3"}
    bottom = place + 0.44
    shapes: list[dict[str, Any]] = [
        {
            "type": "line",
            "x0": level - 0.49,
            "x1": level + 0.49,
            "y0": bottom,
            "y1": bottom,
            **on_strip,
            "line": {"color": style.color, "width": 3},
        }
        for level in valley.level_set
    ]
    level = valley.critical_level
    if level is not None:
        box = {"x0": level - 0.49, "x1": level + 0.49, "y0": place - 0.46, "y1": place + 0.46}
        shapes.append(
            {
                "type": "rect",
                **box,
                **on_strip,
                "line": {"color": style.color, "width": 2.5},
                "fillcolor": CLEAR,
            }
        )
    return shapes


def gap_heatmap_figure(valleys: Sequence[Valley]) -> Figure:
    """The signed ID - OOD difference of many models over the levels, each model's critical level
    marked with a diamond.

    Edge cases: no valley gives a note; a level without both splits is hatched.
    """
    if not valleys:
        return note("No model to draw: choose one whose results have an ID and an OOD split.")
    levels = _level_names(valleys)
    rows = []
    for valley in valleys:
        by_level = {int(row["level"]): row for row in valley.curve.to_dict("records")}
        gaps = [by_level[level]["gap_signed"] if level in by_level else None for level in levels]
        rows.append(
            HeatRow(
                model=valley.model,
                values=gaps,
                texts=[signed(100 * gap, 0) if is_number(gap) else "" for gap in gaps],
                hovers=[
                    (
                        _gap_hover(valley, by_level[level])
                        if level in by_level
                        else hover(valley.model, (("level", name), ("gap", "no results")))
                    )
                    for level, name in levels.items()
                ],
                marked=valley.critical_level,
            )
        )
    limit = max((abs(gap) for row in rows for gap in row.values if is_number(gap)), default=0.1)
    return heatmap(
        rows,
        levels,
        colors=HeatColors(DIVERGING, -limit, limit, ".0%"),
        sentence=(
            f"ID − OOD accuracy of {len(valleys)} models over {len(levels)} levels; diamonds mark"
            " critical levels."
        ),
        file_name="gap-by-level",
    )


def _level_names(valleys: Sequence[Valley]) -> dict[int, str]:
    """Every level of any of the results, in order, with its label."""
    named: dict[int, str] = {}
    for valley in valleys:
        pairs = valley.curve[["level", "level_label"]].itertuples(index=False)
        named |= {int(level): level_name(label, int(level)) for level, label in pairs}
    return dict(sorted(named.items()))


def _shifted(curve: pd.DataFrame, shift: float) -> list[float]:
    return [level + shift for level in curve["level"].tolist()]


def _estimator(row: Mapping[Any, Any]) -> str:
    return str(row["reason"]) if row["reason"] else f"mean over {_count(row['n_tasks'])} tasks"


def _count(n: object) -> str:
    return whole(n) if is_number(n) else "an unknown number of"


def _interval_row(
    valley: Valley, row: Mapping[Any, Any], column: str, write: Callable[[float | None], str]
) -> tuple[str, str]:
    ends = row[f"{column}_lo"], row[f"{column}_hi"]
    return interval_row(valley.settings.confidence, *ends, write)
