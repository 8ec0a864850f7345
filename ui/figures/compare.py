"""Comparisons on screen: a forest plot of differences to a baseline, and a heat map of agreement.

Results of analysis.compare in, plain figure dicts out. Points carry customdata (model, split,
level, task), so that a click can open the answers behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.compare.comparing import Comparison, records_of
from analysis.text import (
    counted,
    escape,
    is_number,
    level_name,
    number,
    p_value,
    percent,
    points,
    signed,
    span,
    split_label,
    whole,
)
from ui.figures.heat import HeatColors, HeatRow
from ui.figures.layout import cell_texts, dodge, hatched, hover, layout, name_margin, note
from ui.figures.theme import DASH, Figure, ModelStyle, Trace, is_dark, style_of

AGREEMENT: list[list[Any]] = [[0.0, "#f2b661"], [0.5, "#ffffff"], [1.0, "#0b4f8a"]]
"""Agreement beyond chance: below 0 orange, above blue."""
_ROW, _TOP, _BOTTOM = 15, 56, 46
_SHORT_DASH = "5px,3px"
"""Dashes that also show on a short interval."""


def forest_figure(
    comparison: Comparison, *, styles: Mapping[str, ModelStyle] | None = None
) -> Figure:
    """Differences to the baseline with their intervals: a row per group, a panel per split, ID
    filled and solid, OOD hollow and dashed.

    Edge cases: no difference at all gives a note; a group without one shows nothing, and the table
    says why.
    """
    rows = comparison.rows
    if rows["difference"].notna().sum() == 0:
        return note("No difference to draw: the models share neither instances nor levels.")
    groups = _groups(rows)
    splits = [split for split in ("id", "ood", "") if (rows["split"] == split).any()]
    models = [model for model in comparison.models if model != comparison.baseline]
    shifts = dict(
        zip(models, dodge(len(models), step=min(0.16, 0.8 / max(1, len(models)))), strict=True)
    )
    records = records_of(rows[rows["difference"].notna()])
    traces: list[Trace] = []
    for panel, split in enumerate(splits):
        for model in models:
            drawn = [row for row in records if row["split"] == split and row["model"] == model]
            traces += _marks(
                drawn,
                groups,
                shifts[model],
                style_of(model, styles),
                panel=panel,
                show_legend=split == splits[0],
            )
    return {"data": traces, "layout": _layout(comparison, groups, splits, len(models))}


def _groups(rows: pd.DataFrame) -> dict[tuple[Any, ...], tuple[int, str]]:
    """Place and name of every group, top to bottom; the whole comes last."""
    named: dict[tuple[Any, ...], str] = {}
    for row in records_of(rows.sort_values(["level", "task"], na_position="last", kind="stable")):
        if row["grouping"] != "overall":
            level = row["level"]
            named[_key(row)] = (
                row["task"] if row["task"] else level_name(row["level_label"], level or 0)
            )
    named[("overall",)] = "all"
    return {key: (place, name) for place, (key, name) in enumerate(named.items())}


def _key(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    if row["grouping"] == "overall":
        return ("overall",)
    return (row["task"],) if row["grouping"] == "task" else (int(row["level"]),)


def _marks(
    records: Sequence[Mapping[Any, Any]],
    groups: Mapping[tuple[Any, ...], tuple[int, str]],
    shift: float,
    style: ModelStyle,
    *,
    panel: int,
    show_legend: bool,
) -> list[Trace]:
    if not records:
        return []
    split, model = records[0]["split"], records[0]["model"]
    places = [groups[_key(row)][0] + shift for row in records]
    axes = {"xaxis": f"x{panel + 1 if panel else ''}", "yaxis": "y", "legendgroup": model}
    line: Trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [end for row in records for end in (100 * row["lo"], 100 * row["hi"], None)],
        "y": [end for place in places for end in (place, place, None)],
        "line": {
            "color": style.color,
            "width": 2,
            "dash": _SHORT_DASH if DASH.get(split) == "dash" else "solid",
        },
        "marker": {
            "symbol": "line-ns-open",
            "size": 7,
            "color": style.color,
            "line": {"width": 1.5},
        },
        "hoverinfo": "skip",
        "showlegend": False,
        "uid": f"interval {model} {split}",
        **axes,
    }
    is_hollow = split == "ood"
    marks: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [100 * row["difference"] for row in records],
        "y": places,
        "name": escape(model, at_most=40),
        "marker": {
            "symbol": style.symbol,
            "opacity": 1,
            "size": [11 if row["grouping"] == "overall" else 9 for row in records],
            "color": "@paper" if is_hollow else style.color,
            "line": {"color": style.color, "width": 2},
        },
        "hovertext": [_hover(row) for row in records],
        "hoverinfo": "text",
        "customdata": [
            {
                "model": model,
                "split": split,
                "grouping": row["grouping"],
                "level": row["level"],
                "task": row["task"],
            }
            for row in records
        ],
        "showlegend": show_legend,
        "uid": f"difference {model} {split}",
        **axes,
    }
    return [line, marks]


def _hover(row: Mapping[Any, Any]) -> str:
    group = row["task"] or (
        level_name(row["level_label"], int(row["level"])) if row["level"] is not None else "all"
    )
    n = whole(row["n"]) if row["n"] is not None else "not stated"
    return hover(
        f"{row['model']} against {row['baseline']}",
        (
            ("where", f"{split_label(row['split'])}, {group}"),
            ("difference", points(row["difference"])),
            (
                "interval",
                (
                    f"{span(row['lo'], row['hi'], points)}, {row['unit']}"
                    if is_number(row["lo"])
                    else "not defined"
                ),
            ),
            ("test", row["test"]),
            ("p, adjusted", f"{p_value(row['p'])}, {p_value(row['p_holm'])}"),
            (
                "McNemar adjusted",
                p_value(row["mcnemar_p_holm"]) if is_number(row["mcnemar_p"]) else None,
            ),
            (
                "accuracies",
                f"{percent(row['accuracy'], 1)} and {percent(row['baseline_accuracy'], 1)}",
            ),
            (
                "detectable",
                f"{percent(row['mde'], 1)} with 80 % power" if is_number(row["mde"]) else None,
            ),
            ("n", f"{n} instances of {row['n_tasks']} tasks" if row["n_tasks"] else n),
            ("note", row["reason"]),
        ),
    )


def _layout(
    comparison: Comparison,
    groups: Mapping[tuple[Any, ...], tuple[int, str]],
    splits: Sequence[str],
    n_models: int,
) -> dict[str, Any]:
    names = [name for _, name in groups.values()]
    height = _TOP + _BOTTOM + len(names) * max(30, _ROW * n_models + 12)
    width, between = (1 - 0.04 * (len(splits) - 1)) / len(splits), 0.04
    finite = comparison.rows[["lo", "hi", "difference"]].to_numpy(dtype=float)
    known = finite[pd.notna(finite)]
    ends = [100 * min(0.0, float(known.min())), 100 * max(0.0, float(known.max()))]
    room = max(2.0, 0.04 * (ends[1] - ends[0]))
    axes: dict[str, Any] = {}
    shapes, titles = [], []
    for panel, split in enumerate(splits):
        left = panel * (width + between)
        name = f"x{panel + 1 if panel else ''}"
        axes[f"xaxis{panel + 1 if panel else ''}"] = {
            "domain": [left, left + width],
            "range": [ends[0] - room, ends[1] + room],
            "title": {"text": "difference in accuracy, points", "font": {"size": 13}},
            "zeroline": False,
        }
        shapes.append(
            {
                "type": "line",
                "xref": name,
                "yref": "paper",
                "x0": 0,
                "x1": 0,
                "y0": 0,
                "y1": 1,
                "line": {"color": "@muted", "width": 1.5},
            }
        )
        text = f"<b>{split_label(split)}</b>"
        place = {
            "x": left,
            "y": 1,
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
            "yshift": 3,
        }
        titles.append({"text": text, **place, "showarrow": False, "font": {"size": 13}})
    last = len(names) - 1
    if last:
        shapes.append(
            {
                "type": "line",
                "xref": "paper",
                "yref": "y",
                "x0": 0,
                "x1": 1,
                "y0": last - 0.5,
                "y1": last - 0.5,
                "line": {"color": "@grid", "width": 1},
            }
        )
    return layout(
        height=height,
        sentence=(
            f"Differences of {counted(n_models, 'model')} to {escape(comparison.baseline)}, with"
            f" intervals, in {counted(len(names), 'group')}."
        ),
        file_name="differences",
        margin={"l": name_margin([name[:28] for name in names]), "r": 16, "t": _TOP, "b": _BOTTOM},
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1 + 22 / (height - _TOP - _BOTTOM),
            "yanchor": "bottom",
        },
        yaxis={
            "range": [last + 0.5, -0.5],
            "tickvals": list(range(len(names))),
            "ticktext": [escape(name, at_most=28) for name in names],
            "showgrid": False,
            "zeroline": False,
        },
        shapes=shapes,
        annotations=titles,
        **axes,
    )


def agreement_figure(table: pd.DataFrame, models: Sequence[str], split: str) -> Figure:
    """Chance-corrected agreement of every two models in one split; hatched where it is not defined.

    Args:
        table: analysis.compare.agreement.agreement_table.
    """
    of_split = table[table["split"] == split]
    known = {(row["model"], row["other"]): row for row in records_of(of_split)}
    known |= {(b, a): row for (a, b), row in known.items()}
    if not known:
        return note("No two models share instances here.")
    there = [model for model in models if any(model in pair for pair in known)]
    rows = [
        HeatRow(
            model=model,
            values=[
                known[model, other]["kappa"] if (model, other) in known else None for other in there
            ],
            texts=[_kappa_text(known.get((model, other))) for other in there],
            hovers=[_kappa_hover(model, other, known.get((model, other))) for other in there],
        )
        for model in there
    ]
    return _square(rows, there, HeatColors(AGREEMENT, -1.0, 1.0, ".1f"))


def _kappa_text(row: Mapping[Any, Any] | None) -> str:
    return signed(row["kappa"]) if row else ""


def _kappa_hover(model: str, other: str, row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return (
            hover(model, (("", "itself"),))
            if model == other
            else hover(f"{model} and {other}", (("agreement", "no shared instances"),))
        )
    return hover(
        f"{model} and {other}",
        (
            (
                row["kind"],
                (
                    f"{signed(row['kappa'])} ± {number(row['se'])} (standard error)"
                    if is_number(row["kappa"])
                    else "not defined: no room above chance"
                ),
            ),
            ("observed, by chance", f"{percent(row['c_obs'], 1)}, {percent(row['c_exp'], 1)}"),
            ("n", counted(row["n"], "instance")),
        ),
    )


def _square(rows: Sequence[HeatRow], names: Sequence[str], colors: HeatColors) -> Figure:
    size = range(len(rows))
    cells: Trace = {
        "type": "heatmap",
        "x": list(size),
        "y": list(size),
        "z": [list(row.values) for row in rows],
        "zmin": colors.low,
        "zmax": colors.high,
        "colorscale": colors.scale,
        "colorbar": {
            "thickness": 10,
            "outlinewidth": 0,
            "tickformat": colors.tick_format,
            "nticks": 5,
        },
        "xgap": 2,
        "ygap": 2,
        "hovertext": [list(row.hovers) for row in rows],
        "hoverinfo": "text",
        "hoverongaps": False,
        "uid": "agreement",
    }
    values = [(x, y, row.texts[x], row.values[x]) for y, row in enumerate(rows) for x in size]
    texts = [
        (float(x), float(y), text, is_dark(value, colors.scale, colors.low, colors.high))
        for x, y, text, value in values
        if is_number(value)
    ]
    gone = [(float(x), float(y)) for x, y, _, value in values if not is_number(value)]
    labels = [escape(name, at_most=24) for name in names]
    height = 70 + 46 * len(rows)
    return {
        "data": [
            cells,
            hatched(gone, hover_texts=[rows[int(y)].hovers[int(x)] for x, y in gone]),
            *cell_texts(texts, colors=("#1f2328", "#ffffff")),
        ],
        "layout": layout(
            height=height,
            sentence=f"Agreement of {len(rows)} models beyond chance.",
            file_name="agreement",
            margin={"l": name_margin([name[:24] for name in names]), "r": 16, "t": 40, "b": 16},
            xaxis={
                "tickvals": list(size),
                "ticktext": labels,
                "side": "top",
                "showgrid": False,
                "zeroline": False,
                "range": [-0.5, len(rows) - 0.5],
            },
            yaxis={
                "tickvals": list(size),
                "ticktext": labels,
                "showgrid": False,
                "zeroline": False,
                "range": [len(rows) - 0.5, -0.5],
            },
            barmode="overlay",
        ),
    }
