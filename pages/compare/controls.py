"""What is compared, and how: models, baseline, grouping and unit of the compare page, all in the
address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from analysis.text import natural_order
from data.records import Selection
from studies.compare import CompareSettings
from studies.steps import level_scores, task_counts
from ui import selection
from ui.asked import asked, labelled
from ui.kept import kept
from ui.models import model_sizes, model_styles

GROUP_WORDS = {"level": "by level", "task": "by task", "overall": "overall"}
OVER_WORDS = {"tasks": "over tasks", "instances": "over instances"}
OVER_HELP = (
    "Over tasks: would the difference hold for other tasks of the kind? Tasks count as drawn from"
    " more tasks (clusters). Over instances: for new instances of exactly these tasks."
)


def compared_models(chosen: Selection) -> tuple[tuple[str, ...], str | None]:
    """The models to compare and the sentence about those left out: the reader's own, else an even
    spread of those with answers.
    """
    counts, means = kept(task_counts)(chosen), kept(level_scores)(chosen)
    counted = sorted(counts.loc[counts["source"] == "samples", "model"].unique(), key=natural_order)
    is_mean = (means["metric"] == "accuracy") & means["task"].isna()
    published = sorted(set(means.loc[is_mean, "model"]) - set(counted), key=natural_order)
    sizes = model_sizes()
    models, left_out = selection.shown_models(
        chosen, counted, published, styles=model_styles(), sizes=sizes
    )
    families = {sizes.get(model, ("", 0))[0] for model in models}
    if len(families) == 1 and not chosen.models:
        # Of one family that nobody chose: the smallest first, as the baseline.
        models = tuple(sorted(models, key=lambda model: sizes.get(model, ("", 0))[1]))
    return models, left_out


def pick_comparison(models: Sequence[str]) -> CompareSettings:
    """Draw the controls and return what they say, with what else the address says."""
    settings = asked(CompareSettings)
    left, middle, right = st.columns([2, 2, 2])
    baseline = left.selectbox("Baseline", models, key="baseline", bind="query-params")
    by = labelled(
        middle.segmented_control,
        "Differences",
        "by",
        list(GROUP_WORDS),
        settings.by,
        labels=GROUP_WORDS.__getitem__,
        default="level",
        required=True,
    )
    over = labelled(
        right.segmented_control,
        "Intervals",
        "over",
        list(OVER_WORDS),
        settings.over,
        labels=OVER_WORDS.__getitem__,
        default="tasks",
        required=True,
        help=OVER_HELP,
    )
    return replace(settings, baseline=baseline or models[0], by=by, over=over)
