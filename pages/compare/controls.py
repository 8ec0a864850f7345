"""What is compared, and how: models, baseline, grouping and unit of the compare page, all in the
address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from data.records import Selection
from ui import cached, selection
from ui.figures.theme import natural_order

GROUP_WORDS = {"level": "by level", "task": "by task", "overall": "overall"}
UNIT_WORDS = ("over tasks", "over instances")
UNIT_HELP = (
    "Over tasks: would the difference hold for other tasks of the kind? Tasks count as drawn from"
    " more tasks (clusters). Over instances: for new instances of exactly these tasks."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareChoice:
    """What the reader asks for."""

    models: tuple[str, ...]
    baseline: str
    grouping: str
    unit: str


def compared_models(chosen: Selection) -> tuple[tuple[str, ...], str | None]:
    """The models to compare and the sentence about those left out: the reader's own, else an even
    spread of those with answers.
    """
    counts, means = cached.task_counts(chosen), cached.level_scores(chosen)
    counted = sorted(counts.loc[counts["source"] == "samples", "model"].unique(), key=natural_order)
    is_mean = (means["metric"] == "accuracy") & means["task"].isna()
    published = sorted(set(means.loc[is_mean, "model"]) - set(counted), key=natural_order)
    sizes = cached.sizes()
    models, left_out = selection.shown_models(
        chosen, counted, published, styles=cached.styles(), sizes=sizes
    )
    if (
        len({sizes.get(model, ("", 0))[0] for model in models}) == 1
    ):  # of one family: the smallest first, as the baseline
        models = tuple(sorted(models, key=lambda model: sizes.get(model, ("", 0))[1]))
    return models, left_out


def pick_comparison(models: Sequence[str]) -> CompareChoice:
    """Draw the controls and return what they say."""
    left, middle, right = st.columns([2, 2, 2])
    baseline = left.selectbox("Baseline", models, key="baseline", bind="query-params")
    grouping = middle.segmented_control(
        "Differences",
        list(GROUP_WORDS),
        format_func=GROUP_WORDS.__getitem__,
        default="level",
        required=True,
        key="group",
        bind="query-params",
    )
    unit = right.segmented_control(
        "Intervals",
        UNIT_WORDS,
        default=UNIT_WORDS[0],
        required=True,
        key="unit",
        bind="query-params",
        help=UNIT_HELP,
    )
    return CompareChoice(
        models=tuple(models),
        baseline=baseline or models[0],
        grouping=grouping or "level",
        unit=unit or UNIT_WORDS[0],
    )
