"""Answer probabilities on screen: how ID and OOD differ, per model, and accuracy set against
Min-K%.

analysis.likelihood.answer_likelihood results in, plain figure dicts out. ID is solid, OOD dashed;
colour = model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from analysis.likelihood.answer_likelihood import AnswerLikelihood
from analysis.text import (
    escape,
    listed_or_counted,
    number,
    percent,
    split_label,
    whole,
    with_interval,
)
from ui.figures.layout import (
    dodge,
    hover,
    layout,
    legend_above,
    note,
    panel_title,
    stacked,
    whiskers,
)
from ui.figures.theme import (
    DASH,
    MAX_LINES,
    Figure,
    ModelStyle,
    Trace,
    faint,
    style_of,
)

PANEL_HEIGHT, BETWEEN = 96, 30


def density_figure(
    found: Sequence[AnswerLikelihood], *, styles: Mapping[str, ModelStyle] | None = None
) -> Figure:
    """Densities of the answer probability, one panel a model, ID over OOD: exactly the curves that
    KL and JS compare.

    Edge cases: a model without a density (a constant sample, fewer than two answers) is left out;
    none left gives a note.
    """
    drawn = [one for one in found if one.reason is None][:MAX_LINES]
    if not drawn:
        return note(f"No densities to draw: {found[0].reason if found else 'no model is chosen'}.")
    domains, inner = stacked([PANEL_HEIGHT] * len(drawn), BETWEEN)
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [None],
            "y": [None],
            "hoverinfo": "skip",
            "showlegend": True,
            "name": split_label(split),
            "uid": f"key {split}",
            "line": {"color": "@text", "width": 2, "dash": dash},
        }
        for split, dash in DASH.items()
    ]
    axes: dict[str, Any] = {}
    for place, (one, domain) in enumerate(zip(drawn, domains, strict=True)):
        number = "" if place == 0 else str(place + 1)
        axes[f"yaxis{number}"] = {
            "domain": domain,
            "showticklabels": False,
            "ticks": "",
            "rangemode": "tozero",
            "zeroline": False,
            "nticks": 3,
        }
        traces += [
            _density(one, split, f"y{number}", style_of(one.model, styles))
            for split in ("id", "ood")
        ]
    last = "" if len(drawn) == 1 else str(len(drawn))
    return {
        "data": traces,
        "layout": layout(
            height=inner + 110,
            sentence=(
                "Densities of the probability of reference answers, ID and OOD, of"
                f" {listed_or_counted([one.model for one in drawn])}."
            ),
            file_name="answer-probability",
            margin={"l": 24, "r": 16, "t": 26, "b": 48},
            showlegend=True,
            legend=legend_above(inner),
            xaxis={
                "anchor": f"y{last}",
                "title": {"text": f"Probability of the reference answer, {drawn[0].measure}"},
                "zeroline": False,
            },
            annotations=[
                panel_title(escape(one.model, at_most=40), domain[1])
                for one, domain in zip(drawn, domains, strict=True)
            ],
            **axes,
        ),
    }


def _density(one: AnswerLikelihood, split: str, axis: str, style: ModelStyle) -> Trace:
    found = one.normalised
    values = found.density_id if split == "id" else found.density_ood
    n, mean = (one.n_id, one.mean_id) if split == "id" else (one.n_ood, one.mean_ood)
    text = hover(
        one.model,
        (
            ("split", split_label(split)),
            ("mean probability", percent(mean, 1)),
            ("answers", whole(n)),
        ),
    )
    return {
        "type": "scatter",
        "mode": "lines",
        "x": found.grid.tolist(),
        "y": values.tolist(),
        "xaxis": "x",
        "yaxis": axis,
        "line": {"color": style.color, "width": 2, "dash": DASH[split]},
        "fill": "tozeroy" if split == "id" else "none",
        "fillcolor": faint(style.color, 0.15),
        "name": f"{escape(one.model, at_most=32)} {split_label(split)}",
        "showlegend": False,
        "uid": f"{one.model} {split}",
        "hovertext": [text] * len(values),
        "hoverinfo": "text",
        "customdata": [{"model": one.model, "split": split}] * len(values),
    }


def min_k_figure(
    found: Sequence[AnswerLikelihood],
    *,
    keep_percent: int = 100,
    styles: Mapping[str, ModelStyle] | None = None,
) -> Figure:
    """Min-K% normalised accuracy over K, one pair of lines a model.

    Edge cases: no model with stored token probabilities gives a note.
    """
    drawn = [one for one in found if len(one.min_k)][:MAX_LINES]
    if not drawn:
        return note("No token log-probabilities are stored, so there is no Min-K%.")
    traces = []
    for one, shift in zip(drawn, dodge(len(drawn), step=0.9), strict=True):
        rows = one.min_k.loc[one.min_k["keep_percent"] == keep_percent]
        for split, group in rows.groupby("split", sort=True):
            traces.append(_min_k_trace(one, str(split), group, shift, style_of(one.model, styles)))
    return {
        "data": traces,
        "layout": layout(
            height=320,
            sentence=(
                "Accuracy over mean Min-K% probability of"
                f" {listed_or_counted([one.model for one in drawn])}, ID and OOD."
            ),
            file_name="min-k-accuracy",
            margin={"l": 56, "r": 16, "t": 16, "b": 48},
            showlegend=True,
            legend=legend_above(230),
            xaxis={
                "title": {"text": "K: least likely tokens kept"},
                "tickmode": "array",
                "tickvals": [10, 30, 50, 70, 90],
                "ticktext": [f"{k} %" for k in (10, 30, 50, 70, 90)],
                "zeroline": False,
            },
            yaxis={
                "title": {"text": "accuracy / Min-K%"},
                "rangemode": "tozero",
                "zeroline": False,
            },
        ),
    }


def _min_k_trace(
    one: AnswerLikelihood, split: str, rows: pd.DataFrame, shift: float, style: ModelStyle
) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [k + shift for k in rows["k"]],
        "y": rows["acc_norm"].tolist(),
        "error_y": whiskers(
            rows["acc_norm"], rows["acc_norm_lo"], rows["acc_norm_hi"], faint(style.color, 0.7)
        ),
        "line": {"color": style.color, "width": 2, "dash": DASH[split]},
        "marker": {
            "symbol": style.symbol,
            "size": 7,
            "color": style.color if split == "id" else "@paper",
            "line": {"color": style.color, "width": 1.6},
        },
        "name": escape(one.model, at_most=32),
        "legendgroup": one.model,
        "showlegend": split == "id",
        "uid": f"{one.model} {split}",
        "hovertext": [_min_k_hover(one, split, row) for row in rows.to_dict("records")],
        "hoverinfo": "text",
        "customdata": [{"model": one.model, "split": split}] * len(rows),
    }


def _min_k_hover(one: AnswerLikelihood, split: str, row: Mapping[Any, Any]) -> str:
    return hover(
        one.model,
        (
            ("split", split_label(split)),
            ("K", f"{row['k']} %"),
            (
                "accuracy / Min-K%",
                with_interval(
                    row["acc_norm"],
                    row["acc_norm_lo"],
                    row["acc_norm_hi"],
                    partial(number, digits=3),
                ),
            ),
            ("accuracy", percent(row["accuracy"], 1)),
            ("mean Min-K%", percent(row["min_k"], 1)),
            ("answers", whole(row["n"])),
        ),
    )
