"""Scores over scale on screen: the curve with its fit and break, the forms, two metrics on one
axis, the task law, the loss threshold.

Results of analysis.emergence in, plain figure dicts out. Colour is the model; other lines than the
one that is read are grey.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from analysis.emergence.loss_threshold import LossThreshold
from analysis.emergence.scale_series import Series, as_scale, scale_means
from analysis.emergence.scaling_fits import ScalingFit
from analysis.emergence.sentences import (
    AXIS_UNITS,
    break_sentence,
    metric_name,
    scale_words,
    score_words,
)
from analysis.emergence.studying import NEGLIGIBLE_CHANCE, Emergence, Mirage
from analysis.text import (
    capitalised,
    counted,
    escape,
    is_number,
    number,
    percent,
    signed,
    span,
    whole,
)
from ui.figures.layout import hover, layout, legend_above, note, panel_title, stacked, whiskers
from ui.figures.theme import Figure, ModelStyle, Trace, faint, style_of

CURVE_HEIGHT, RESIDUAL_HEIGHT, BETWEEN = 250, 60, 30
MAX_NAMED = 8
"""Up to this many models each get an entry in the legend."""
FORM_DASHES = {
    "linear": "solid",
    "power": "dash",
    "logistic": "dot",
    "hinge": "dashdot",
    "broken power": "longdash",
}
_FINE = 160

Styles = Mapping[str, ModelStyle]


def curve_figure(
    found: Emergence, *, others: Series | None = None, styles: Styles | None = None
) -> Figure:
    """Scores with intervals over scale, the best form, the break, chance and what zeros can hide;
    the form's residuals beneath.

    Args:
        found: what is read.
        others: all lines of the same metric; those that are not read are drawn grey.
        styles: looks of the models.

    Edge cases: without a form that has a weight there is no fit and no residual panel.
    """
    series, axis = found.series, found.series.wanted.axis
    best = found.best
    heights = (CURVE_HEIGHT, RESIDUAL_HEIGHT) if best is not None else (CURVE_HEIGHT,)
    domains, inner = stacked(heights, BETWEEN)
    bottom = "y2" if best is not None else "y"
    traces = [*_other_lines(series, others), *_model_traces(series, styles)]
    if best is not None:
        traces += [
            _form_trace(
                best, series, width=2.4, name=f"{best.form} form, weight {number(best.weight)}"
            ),
            _residual_trace(found, best, styles),
        ]
    traces += _zero_traces(series)
    top, low = 26, 52
    panels: dict[str, Any] = {
        "yaxis": {"domain": domains[0], "zeroline": False, **_score_axis(series)},
        "xaxis": _scale_axis(axis, anchor=bottom),
    }
    titles = [panel_title(capitalised(metric_name(series.metric)), domains[0][1])]
    if best is not None:
        panels["yaxis2"] = {
            "domain": domains[1],
            "zeroline": True,
            "nticks": 4,
            **({"tickformat": ".0%"} if series.is_share else {}),
        }
        titles.append(panel_title(f"Residuals of the {best.form} form", domains[1][1]))
    return {
        "data": traces,
        "layout": layout(
            height=inner + top + low + 30,
            sentence=break_sentence(found),
            file_name="emergence",
            margin={"l": 64, "r": 16, "t": top, "b": low},
            showlegend=True,
            legend=legend_above(inner),
            shapes=[*_break_shapes(found), *_chance_shapes(found)],
            annotations=[*titles, *_chance_words(found)],
            **panels,
        ),
    }


def forms_figure(found: Emergence, *, styles: Styles | None = None) -> Figure:
    """All forms over the same points: how much the shape is open."""
    weighed = [fit for fit in found.fits if math.isfinite(fit.rss)]
    if not weighed:
        return note(f"No form can be fitted: {found.fits[0].reason}.")
    traces = _model_traces(found.series, styles, named=False)
    for fit in weighed:
        weight = number(fit.weight) if math.isfinite(fit.weight) else "none"
        traces.append(
            _form_trace(
                fit,
                found.series,
                width=2.6 if fit is found.best else 1.4,
                name=f"{fit.form} ({weight})",
            )
        )
    return {
        "data": traces,
        "layout": layout(
            height=360,
            sentence="Five forms fitted to the scores, with their AICc weights.",
            file_name="emergence-forms",
            showlegend=True,
            legend=legend_above(260),
            margin={"l": 64, "r": 16, "t": 26, "b": 52},
            xaxis=_scale_axis(found.series.wanted.axis),
            yaxis={"zeroline": False, **_score_axis(found.series)},
        ),
    }


def mirage_figure(mirage: Mirage) -> Figure:
    """Both metrics on one axis, each as the share of its own whole change, with 95 % intervals of
    the resamples.
    """
    traces: list[Trace] = []
    colors = ("#D55E00", "#0072B2")
    for found, color, dash in zip(
        (mirage.discontinuous, mirage.continuous), colors, ("solid", "dash"), strict=True
    ):
        places, means, draws = scale_means(found.series)
        low, span = means.min(), float(np.ptp(means))
        if span == 0:
            continue
        y = (means - low) / span
        ends = (
            np.quantile((draws - low) / span, [0.025, 0.975], axis=0)
            if draws is not None
            else np.full((2, len(y)), np.nan)
        )
        name = metric_name(found.series.metric)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": _on_axis(places, found),
                "y": y.tolist(),
                "error_y": whiskers(
                    y.tolist(), ends[0].tolist(), ends[1].tolist(), faint(color, 0.6)
                ),
                "line": {"color": color, "width": 2.2, "dash": dash},
                "marker": {"size": 8, "color": color},
                "name": f"{capitalised(name)}: {found.shape}",
                "uid": f"mirage {found.series.metric}",
                "hoverinfo": "text",
                "hovertext": [
                    _mirage_hover(found, x, mean, share)
                    for x, mean, share in zip(places, means, y, strict=True)
                ],
            }
        )
    if not traces:
        return note("Neither metric changes over this scale.")
    return {
        "data": traces,
        "layout": layout(
            height=360,
            sentence="Two metrics of the same answers, each as the share of its whole change.",
            file_name="emergence-mirage",
            showlegend=True,
            legend=legend_above(260),
            margin={"l": 64, "r": 16, "t": 26, "b": 52},
            xaxis=_scale_axis(mirage.discontinuous.series.wanted.axis),
            yaxis={
                "title": {"text": "share of the whole change"},
                "tickformat": ".0%",
                "zeroline": False,
            },
        ),
    }


def _mirage_hover(found: Emergence, x: float, mean: float, share: float) -> str:
    axis = found.series.wanted.axis
    score = score_words(float(mean), is_share=found.series.is_share)
    rows = (
        (AXIS_UNITS[axis], scale_words(float(as_scale(x, axis)), axis)),
        ("score", score),
        ("share of its change", number(share)),
    )
    return hover(metric_name(found.series.metric), rows)


def law_figure(found: Emergence) -> Figure:
    """F = ln(−ln PU) over the scale: a straight line is the task scaling law, a bend downwards is
    faster growth.
    """
    law = found.law
    if law is None:
        return note(f"No task scaling law: {found.law_reason}.")
    x = np.exp(law.log_n)
    fine = np.exp(np.linspace(law.log_n.min(), law.log_n.max(), 40))
    line = np.log(law.c) - law.alpha * np.log(fine)
    point = {"size": 9, "color": "@text"}
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "x": fine.tolist(),
                "y": line.tolist(),
                "line": {"color": "@muted", "width": 2},
                "name": "the law: a straight line",
                "hoverinfo": "skip",
                "uid": "law",
            },
            {
                "type": "scatter",
                "mode": "markers",
                "x": x.tolist(),
                "y": law.f.tolist(),
                "marker": point,
                "name": "pass rates",
                "uid": "pass rates",
                "hoverinfo": "text",
                "hovertext": [
                    hover(
                        scale_words(n, found.series.wanted.axis),
                        (("pass rate", percent(math.exp(-math.exp(f)), 2)), ("F", number(f))),
                    )
                    for n, f in zip(x.tolist(), law.f.tolist(), strict=True)
                ],
            },
        ],
        "layout": layout(
            height=340,
            sentence="F over the scale, with the straight line of the task scaling law.",
            file_name="emergence-law",
            showlegend=True,
            legend=legend_above(240),
            margin={"l": 64, "r": 16, "t": 26, "b": 52},
            xaxis=_scale_axis(found.series.wanted.axis),
            yaxis={"title": {"text": "F = ln(−ln PU)"}, "zeroline": False},
        ),
    }


def threshold_figure(
    series: Series, found: LossThreshold, *, styles: Styles | None = None
) -> Figure:
    """Scores over loss (falling to the right) with the hinge, and the interval of its threshold
    shaded.
    """
    traces = _model_traces(series, styles, named=series.points["model"].nunique() <= MAX_NAMED)
    loss = series.points["scale"]
    fine = np.linspace(loss.max(), loss.min(), _FINE)
    shapes: list[dict[str, Any]] = []
    if math.isfinite(found.eta):
        hinge = {"color": "@text", "width": 2.2}
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": fine.tolist(),
                "y": found.at(fine).tolist(),
                "line": hinge,
                "name": "hinge",
                "hoverinfo": "skip",
                "uid": "hinge",
            }
        )
        if math.isfinite(found.eta_lo):
            shapes.append(_band(found.eta_lo, found.eta_hi))
        shapes.append(_upright(found.eta))
    return {
        "data": traces,
        "layout": layout(
            height=360,
            sentence="Scores over loss, with the hinge that fits best.",
            file_name="emergence-loss-threshold",
            showlegend=True,
            legend=legend_above(260),
            margin={"l": 64, "r": 16, "t": 26, "b": 52},
            shapes=shapes,
            xaxis=_scale_axis("loss", name=series.loss_name),
            yaxis={"zeroline": False, **_score_axis(series)},
        ),
    }


# -- pieces ----------------------------------------------------------------------------------------


def _scale_axis(axis: str, *, name: str | None = None, **more: Any) -> dict[str, Any]:
    """Logarithmic for what grows, falling to the right for loss."""
    title = {"text": escape(name or AXIS_UNITS[axis]), "standoff": 6}
    if axis == "loss":
        return {"title": title, "autorange": "reversed", "zeroline": False, **more}
    return {
        "title": title,
        "type": "log",
        "zeroline": False,
        "exponentformat": "power" if axis == "FLOPs" else "B",
        "dtick": 1,
        **more,
    }


def _score_axis(series: Series) -> dict[str, Any]:
    return {"tickformat": ".0%", "rangemode": "tozero"} if series.is_share else {}


def _on_axis(x: Any, found: Emergence) -> list[float]:
    return [float(value) for value in as_scale(x, found.series.wanted.axis)]


def _model_traces(series: Series, styles: Styles | None, *, named: bool = True) -> list[Trace]:
    """One trace per model: points with whiskers; along training a line joins a model's
    checkpoints.
    """
    n_points, by_model = len(series.points), _records_by_model(series)
    joined = series.wanted.axis in ("tokens", "step")
    return [
        {
            "type": "scatter",
            "mode": "lines+markers" if joined else "markers",
            "x": [row["scale"] for row in rows],
            "y": [row["y"] for row in rows],
            "error_y": whiskers(
                [row["y"] for row in rows],
                [row["lo"] for row in rows],
                [row["hi"] for row in rows],
                faint(style_of(model, styles).color, 0.55),
            ),
            "line": {"color": style_of(model, styles).color, "width": 1.6},
            "marker": {
                "symbol": style_of(model, styles).symbol,
                "size": 9 if n_points < 60 else 6,
                "color": style_of(model, styles).color,
                "line": {"width": 1, "color": "@paper"},
            },
            "name": escape(model, at_most=28),
            "showlegend": named and len(by_model) <= MAX_NAMED,
            "uid": f"points {model}",
            "hoverinfo": "text",
            "hovertext": [_point_hover(series, row) for row in rows],
            "customdata": [{"model": model, "run": row["run_id"]} for row in rows],
        }
        for model, rows in by_model.items()
    ]


def _records_by_model(series: Series) -> dict[str, list[dict[Any, Any]]]:
    """The points of each model, models in the order of their first point. One conversion for all: a
    frame a model costs milliseconds.
    """
    found: dict[str, list[dict[Any, Any]]] = {}
    for row in series.points.to_dict("records"):
        found.setdefault(row["model"], []).append(row)
    return found


def _point_hover(series: Series, row: Mapping[Any, Any]) -> str:
    axis = series.wanted.axis
    interval = None
    if math.isfinite(row["lo"]):
        interval = span(row["lo"], row["hi"], partial(score_words, is_share=series.is_share))
    hidden = (
        f"up to {percent(row['upper_if_zero'], 2)} (95 %)"
        if math.isfinite(row["upper_if_zero"])
        else None
    )
    return hover(
        row["model"],
        (
            (AXIS_UNITS[axis], scale_words(row["scale"], axis)),
            ("step", whole(row["step"]) if is_number(row["step"]) else None),
            ("score", score_words(row["y"], is_share=series.is_share)),
            ("95 %", interval),
            ("this zero can hide", hidden),
            ("answers", whole(row["n"]) if is_number(row["n"]) and row["n"] > 0 else None),
            ("tasks", row["n_tasks"] if row["n_tasks"] > 1 else None),
        ),
    )


def _other_lines(series: Series, others: Series | None) -> list[Trace]:
    if others is None or not len(others.points):
        return []
    rest = (
        others.points[others.points["line"] != series.wanted.line]
        if series.wanted.line is not None
        else others.points.iloc[:0]
    )
    if rest.empty:
        return []
    x: list[float | None] = []
    y: list[float | None] = []
    for _, group in rest.groupby("line", sort=True):
        means = group.groupby("scale", sort=True)["y"].mean()
        x += [*means.index, None]
        y += [*means, None]
    n = rest["line"].nunique()
    return [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": x,
            "y": y,
            "line": {"color": "@grid", "width": 1.2},
            "marker": {"size": 4, "color": "@grid"},
            "name": counted(n, "other line"),
            "hoverinfo": "skip",
            "uid": "other lines",
        }
    ]


def _form_trace(fit: ScalingFit, series: Series, *, width: float, name: str) -> Trace:
    x = series.points["x"].to_numpy(dtype=float)
    fine = np.linspace(x.min(), x.max(), _FINE)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [float(value) for value in as_scale(fine, series.wanted.axis)],
        "y": fit.at(fine).tolist(),
        "line": {"color": "@text", "width": width, "dash": FORM_DASHES[fit.form]},
        "name": name,
        "hoverinfo": "skip",
        "uid": f"form {fit.form}",
    }


def _residual_trace(found: Emergence, best: ScalingFit, styles: Styles | None) -> Trace:
    points = found.series.points
    return {
        "type": "scatter",
        "mode": "markers",
        "x": points["scale"].tolist(),
        "y": best.residual.tolist(),
        "yaxis": "y2",
        "marker": {
            "size": 6,
            "color": [style_of(model, styles).color for model in points["model"]],
        },
        "showlegend": False,
        "name": "residuals",
        "uid": "residuals",
        "hoverinfo": "text",
        "hovertext": [
            hover(model, (("residual", signed(residual, 3)),))
            for model, residual in zip(points["model"], best.residual, strict=True)
        ],
    }


def _zero_traces(series: Series) -> list[Trace]:
    """An open mark and an upright bar at each zero: success rates up to its end are as possible as
    0.
    """
    zeros = series.points[series.points["upper_if_zero"].notna()]
    if zeros.empty:
        return []
    x: list[float | None] = []
    y: list[float | None] = []
    for scale, upper in zip(zeros["scale"], zeros["upper_if_zero"], strict=True):
        x += [scale, scale, None]
        y += [0.0, upper, None]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": y,
            "line": {"color": "@muted", "width": 6},
            "opacity": 0.5,
            "name": "what a zero can hide (95 %)",
            "hoverinfo": "skip",
            "uid": "zeros",
        }
    ]


def _break_shapes(found: Emergence) -> Sequence[dict[str, Any]]:
    if math.isnan(found.change.p) or found.change.p >= 0.05:
        return []
    at, lo, hi = found.break_scale
    return [_band(lo, hi), _upright(at)]


def _band(one: float, other: float) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": one,
        "x1": other,
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": "@surface",
    }


def _upright(at: float) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"color": "@muted", "width": 1.2, "dash": "dot"},
    }


def _chance_shapes(found: Emergence) -> Sequence[dict[str, Any]]:
    if not math.isfinite(found.chance) or found.chance <= NEGLIGIBLE_CHANCE:
        return []
    line = {"color": "@muted", "width": 1.2, "dash": "dash"}
    return [
        {
            "type": "line",
            "xref": "paper",
            "yref": "y",
            "x0": 0,
            "x1": 1,
            "y0": found.chance,
            "y1": found.chance,
            "line": line,
        }
    ]


def _chance_words(found: Emergence) -> Sequence[dict[str, Any]]:
    if not math.isfinite(found.chance) or found.chance <= NEGLIGIBLE_CHANCE:
        return []
    place = {
        "x": 1,
        "xref": "paper",
        "xanchor": "right",
        "y": found.chance,
        "yref": "y",
        "yanchor": "bottom",
    }
    return [
        {"text": "chance", **place, "showarrow": False, "font": {"color": "@muted", "size": 12}}
    ]
