"""Complexity used on probe tasks: the model's own accuracies on levels as a map, and where each
probe task falls on it.

analysis.probe_tasks.probe_tasks results in, plain figure dicts out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from analysis.probe_tasks.probe_tasks import ProbeReading
from analysis.text import (
    escape,
    is_number,
    level_name,
    listed,
    listed_or_counted,
    number,
    percent,
    percent_of_draws,
    whole,
)
from ui.figures.layout import dodge, hover, layout, legend_above, level_axis, note
from ui.figures.theme import MAX_LINES, Figure, ModelStyle, Trace, faint, style_of


def probe_level_figure(
    readings: Sequence[ProbeReading], *, styles: Mapping[str, ModelStyle] | None = None
) -> Figure:
    """One row per probe task and model: the interval of the complexity used, every crossing as a
    point, arrows where it is censored.

    Edge cases: no reading gives a note; of more than six models the first six are drawn.
    """
    models = list(dict.fromkeys(reading.model for reading in readings))[:MAX_LINES]
    drawn = [reading for reading in readings if reading.model in models]
    names = {
        int(level): level_name(label, int(level))
        for reading in drawn
        for level, label in zip(
            reading.anchors["level"], reading.anchors["level_label"], strict=True
        )
    }
    if not drawn or not names:
        return note(
            "No probe task to place: no model has OOD answers on a probe task and on tasks with a"
            " level."
        )
    levels = dict(sorted(names.items()))
    tasks = sorted({reading.task for reading in drawn})
    shifts = dict(zip(models, dodge(len(models), step=0.12), strict=True))
    low, high = min(levels), max(levels)
    traces: list[Trace] = []
    for model in models:
        own = [reading for reading in drawn if reading.model == model]
        traces += _model_traces(own, tasks, shifts[model], (low, high), style_of(model, styles))
    height = 60 * len(tasks) + 40
    return {
        "data": traces,
        "layout": layout(
            height=height + 110,
            sentence=(
                f"Complexity that {listed_or_counted(models)} used on {len(tasks)} probe tasks,"
                " with intervals."
            ),
            file_name="probe-tasks",
            margin={"l": 20 + 7 * max(map(len, tasks)), "r": 16, "t": 16, "b": 44},
            showlegend=True,
            legend=legend_above(height),
            xaxis=level_axis(levels, range=[low - 0.6, high + 0.6], showgrid=True),
            yaxis={
                "tickvals": list(range(len(tasks))),
                "ticktext": [escape(task, at_most=32) for task in tasks],
                "range": [len(tasks) - 0.5, -0.5],
                "zeroline": False,
                "showgrid": False,
            },
        ),
    }


def _model_traces(
    own: Sequence[ProbeReading],
    tasks: Sequence[str],
    shift: float,
    ends: tuple[int, int],
    style: ModelStyle,
) -> list[Trace]:
    x: list[float | None] = []
    y: list[float | None] = []
    points: list[tuple[float, float, str, ProbeReading]] = []
    for reading in own:
        row = tasks.index(reading.task) + shift
        found = reading.level
        if not math.isnan(found.lo):
            x += [max(found.lo, ends[0] - 0.45), min(found.hi, ends[1] + 0.45), None]
            y += [row, row, None]
        points += [(level, row, "", reading) for level in found.crossings.levels]
        if found.crossings.censored == "below":
            points.append((ends[0] - 0.45, row, "triangle-left", reading))
        if found.crossings.censored == "above":
            points.append((ends[1] + 0.45, row, "triangle-right", reading))
    model = own[0].model
    shared = {"type": "scatter", "legendgroup": model}
    return [
        {
            **shared,
            "mode": "lines",
            "x": x,
            "y": y,
            "line": {"color": faint(style.color, 0.6), "width": 3},
            "hoverinfo": "skip",
            "showlegend": False,
            "uid": f"{model} intervals",
        },
        {
            **shared,
            "mode": "markers",
            "x": [point[0] for point in points],
            "y": [point[1] for point in points],
            "marker": {
                "symbol": [point[2] or style.symbol for point in points],
                "size": 10,
                "color": style.color,
            },
            "name": escape(model, at_most=32),
            "uid": model,
            "hovertext": [_hover(point[3]) for point in points],
            "hoverinfo": "text",
            "customdata": [
                {"model": model, "task": point[3].task, "split": "ood"} for point in points
            ],
        },
    ]


def _hover(reading: ProbeReading) -> str:
    found = reading.level
    crossings = listed(map(number, found.crossings.levels)) or found.crossings.reason
    return hover(
        reading.model,
        (
            ("task", reading.task),
            ("OOD accuracy", percent(reading.accuracy, 1)),
            ("answers", whole(reading.n)),
            ("level", crossings),
            (f"{percent(found.confidence)} interval", f"{_end(found.lo)} to {_end(found.hi)}"),
            (
                "several crossings",
                f"{percent_of_draws(found.p_several)} of draws"
                if is_number(found.p_several)
                else None,
            ),
        ),
    )


def _end(value: float) -> str:
    if math.isinf(value):
        return "below the lowest level" if value < 0 else "above the highest level"
    return number(value)
