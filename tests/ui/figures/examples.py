"""Results to draw, made by the real analysis from counts with known shares, and every figure drawn
from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from analysis.valley.locating import Valley, locate_valleys
from ui.figures.log_odds import log_odds_gap_figure
from ui.figures.overview import outcomes_figure
from ui.figures.scores import gap_bounds_figure, score_heatmap_figure
from ui.figures.valley import gap_heatmap_figure, valley_figure

LABELS = ("O(N)", "O([N,N^2])", "O([N^2,N^3])")
CORRECT = {"id": (90, 60, 20), "ood": (80, 30, 14)}
"""Right answers of 100 per task; the gap peaks at level 2. Task number t has 2 t fewer."""
HOSTILE = "<img src=x onerror=alert(1)> <b>&lt;\u202e $x$ %{x}"


def counts(
    *models: str, labels: tuple[str, ...] = LABELS, without: tuple[int, str] | None = None
) -> pd.DataFrame:
    """Level counts as data.queries gives them: three tasks a level; `without` leaves out one
    (level, split).
    """
    rows = [
        {
            "model": model,
            "run_id": f"run {model}",
            "task": f"task {level}.{task}",
            "level": level,
            "level_label": labels[level - 1],
            "role": "anchor",
            "split": split,
            "n_correct": correct[level - 1] - 2 * task,
            "n_wrong": 93 - correct[level - 1] + 2 * task,
            "n_unparsed": 7,
            "n_error": 3,
        }
        for model in models
        for split, correct in CORRECT.items()
        for level in (1, 2, 3)
        for task in range(3)
        if (level, split) != without
    ]
    return pd.DataFrame(rows).astype({"level": "Int16"})


def valleys(*models: str, **options: Any) -> tuple[Valley, ...]:
    return locate_valleys(counts(*models, **options))


def level_scores(*models: str, labels: tuple[str, ...] = LABELS) -> pd.DataFrame:
    """Published scores as data.queries gives them: S = 0.9, 0.5, -0.2; critical level 2."""
    rows = [
        {
            "model": model,
            "metric": metric,
            "level": level,
            "level_label": labels[level - 1],
            "value": value,
            "source": labels[0],
        }
        for model in models
        for metric, level, value in (
            ("generalization_score", 1, 0.9),
            ("generalization_score", 2, 0.5),
            ("generalization_score", 3, -0.2),
            ("critical_level", 2, 2.0),
        )
    ]
    return (
        pd.DataFrame(rows)
        .assign(n_tasks=3, n_per_task=256)
        .astype({"level": "Int16", "n_tasks": "Int64", "n_per_task": "Int64"})
    )


FIGURES: dict[str, Callable[..., dict[str, Any]]] = {
    "valley": lambda *models, **options: valley_figure(valleys(*models, **options)),
    "gap heat map": lambda *models, **options: gap_heatmap_figure(valleys(*models, **options)),
    "log-odds gap": lambda *models, **options: log_odds_gap_figure(valleys(*models, **options)),
    "scores": lambda *models, **options: score_heatmap_figure(level_scores(*models, **options)),
    "gap bounds": lambda *models, **options: gap_bounds_figure(level_scores(*models, **options)),
    "outcomes": lambda *models, **options: outcomes_figure(counts(*models, **options)),
}
EMPTY: dict[str, Callable[[], dict[str, Any]]] = {
    "valley": lambda: valley_figure([]),
    "gap heat map": lambda: gap_heatmap_figure([]),
    "log-odds gap": lambda: log_odds_gap_figure([]),
    "scores": lambda: score_heatmap_figure(level_scores("A").iloc[:0]),
    "gap bounds": lambda: gap_bounds_figure(level_scores("A").iloc[:0]),
    "outcomes": lambda: outcomes_figure(counts("A").iloc[:0]),
}
SEVEN = tuple("ABCDEFG")


def trace(figure: dict[str, Any], uid: str) -> dict[str, Any]:
    """The one trace with this uid."""
    (found,) = [each for each in figure["data"] if each["uid"] == uid]
    return found


def texts(value: Any, *, shown: bool = False) -> Iterator[str]:
    """Every string of a figure that Plotly would draw as text."""
    if isinstance(value, str):
        if shown:
            yield value
    elif isinstance(value, list):
        for part in value:
            yield from texts(part, shown=shown)
    elif isinstance(value, dict):
        for key, part in value.items():
            if key != "meta":
                yield from texts(part, shown=key in ("name", "text", "hovertext", "ticktext"))
