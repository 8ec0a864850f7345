"""Published level means as cells, so that the penalty and the weights of a what-if reach models
without samples.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.what_if.metric_list import METRICS
from analysis.what_if.scoring import SPLITS, Cells

NO_ANSWERS = (
    "its numbers are published level means: no answers are stored that another metric could score;"
    " import or probe it"
)


def cells_of_published(level_scores: pd.DataFrame) -> Cells:
    """One unit per level, from accuracies that are published per level and split; empty when there
    are none.

    Args:
        level_scores: data.queries.fetch_level_scores.

    The number of answers is n, else n_tasks * n_per_task, else 1. The source's own denominator
    holds whatever is chosen.
    """
    rows = level_scores[
        (level_scores["metric"] == "accuracy")
        & level_scores["task"].isna()
        & level_scores["split"].isin(["id", "ood"])
    ]
    models = tuple(dict.fromkeys(rows["model"].astype(str)))
    levels = sorted({int(level) for level in rows["level"].dropna()})
    shape = (len(models), len(levels), len(SPLITS))
    n, total = np.zeros(shape), np.zeros(shape)
    counted = (
        rows["n"]
        .astype(float)
        .fillna((rows["n_tasks"] * rows["n_per_task"]).astype(float))
        .fillna(1.0)
    )
    for model, level, split, value, answers in zip(
        rows["model"], rows["level"], rows["split"], rows["value"], counted, strict=True
    ):
        place = models.index(str(model)), levels.index(int(level)), SPLITS.index(split)
        n[place], total[place] = answers, answers * value
    labels = {
        int(level): label
        for level, label in zip(rows["level"], rows["level_label"], strict=True)
        if isinstance(label, str)
    }
    return Cells(
        models=models,
        metrics=(METRICS["exact_match"],),
        tasks=("level mean",) * len(levels),
        levels=np.array(levels, dtype=np.int64),
        level_labels={level: labels.get(level, f"level {level}") for level in levels},
        n=np.stack([n, n])[None],
        total=np.stack([total, total])[None],
        squares=np.stack([total, total])[None],
        n_answered=n,
        n_parsed=n,
        n_error=np.zeros(shape),
        tokens=np.full(shape, np.nan),
        lacking={},
        partial={},
        published=frozenset(models),
    )


def join_cells(counted: Cells, published: Cells) -> Cells:
    """Both in one: the models of the second follow those of the first, their units as well. Models
    with samples keep their samples.
    """
    added = [model for model in published.models if model not in counted.models]
    if not added:
        return counted
    other = published.narrowed(added)
    metrics = counted.metrics or other.metrics
    m1, m2, u1, u2 = len(counted.models), len(added), len(counted.tasks), len(other.tasks)

    def widened(name: str) -> NDArray[np.float64]:
        first, second = getattr(counted, name), getattr(other, name)
        lead = (len(metrics), 2) if first.ndim == 5 else ()
        joined = np.full(
            (*lead, m1 + m2, u1 + u2, len(SPLITS)), np.nan if name == "tokens" else 0.0
        )
        if m1:
            joined[..., :m1, :u1, :] = first
        if lead:
            joined[0, :, m1:, u1:] = second[0]
        else:
            joined[m1:, u1:] = second
        return joined

    lacking = {(metric.key, model): NO_ANSWERS for metric in metrics[1:] for model in added}
    arrays: dict[str, Any] = {
        name: widened(name)
        for name in ("n", "total", "squares", "n_answered", "n_parsed", "n_error", "tokens")
    }
    return replace(
        counted,
        models=(*counted.models, *added),
        metrics=metrics,
        tasks=(*counted.tasks, *other.tasks),
        levels=np.concatenate([counted.levels, other.levels]),
        level_labels={**other.level_labels, **counted.level_labels},
        lacking={**counted.lacking, **lacking},
        published=counted.published | set(added),
        **arrays,
    )
