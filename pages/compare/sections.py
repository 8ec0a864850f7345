"""Sections of the compare page: the forest plot, the table behind it, ranks, agreement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from analysis.compare.comparing import Comparison
from analysis.compare.pairing import OVER_TASKS
from analysis.text import (
    NONE,
    counted,
    is_number,
    level_name,
    number,
    p_value,
    percent,
    signed,
    split_label,
)
from data.records import Selection
from ui import screen, selection
from ui.calibration_captions import simulated
from ui.chart import show_chart
from ui.figures.compare import agreement_figure, forest_figure


def draw_forest(comparison: Comparison, chosen: Selection) -> dict[str, Any] | None:
    """The forest plot with the line under it; returns what was clicked."""
    clicked = show_chart(
        forest_figure(comparison, styles=selection.styles(comparison.models)), key="differences"
    )
    rows = comparison.rows
    sizes = rows.loc[rows["grouping"] == "overall", "n"].dropna()
    settings = comparison.settings
    is_paired = bool((rows["method"] == "paired").all())
    unit = (
        "Student's t over tasks as clusters; over instances where there is one task or level means"
        " only"
        if settings.unit == OVER_TASKS
        else "over instances of these tasks (Bonett-Price for pairs, Newcombe without)"
    )
    span = (
        f"{sizes.min():,}"
        if len(sizes) and sizes.min() == sizes.max()
        else f"{sizes.min():,} to {sizes.max():,}"
        if len(sizes)
        else "unknown"
    )
    screen.caption(
        n=f"n = {span} instances per split" + (", paired" if is_paired else ""),
        estimator="difference of mean accuracy over "
        + (
            "the same instances"
            if is_paired
            else "the same instances where they are shared, else over all, unpaired"
        )
        + ", epochs averaged first, each instance counting the same",
        interval=f"{percent(settings.confidence)}, {unit}",
        denominator=chosen.denominator,
        more=[
            (
                "p-values, and McNemar's, are adjusted by Holm over a family of"
                f" {counted(comparison.family_size, 'test')}: all on this page"
            ),
            *(
                []
                if set(comparison.answered) == set(comparison.models)
                else ["Published means keep their source's own denominator"]
            ),
            "The table has the smallest difference that each comparison could have found",
            *simulated(
                "In simulations without a difference McNemar's test finds one at p < 0.05 in {item}"
                " of repeats, most where tasks differ: it takes instances as independent; the"
                " clustered test in {clustered}",
                item=("mcnemar", "McNemar"),
                clustered=("paired_difference", "paired difference (tasks as clusters)"),
            ),
        ],
        methods=(
            "paired_difference",
            "mcnemar",
            "multiple_comparisons",
            "minimal_detectable_difference",
        ),
    )
    return clicked


def draw_notes(comparison: Comparison) -> None:
    """What to keep in mind."""
    if comparison.notes:
        with st.expander(f"What to keep in mind ({len(comparison.notes)})"):
            st.markdown("\n".join(f"- {screen.plain(text)}." for text in comparison.notes))


_NAMES = {
    "model": "model",
    "split": "split",
    "level_label": "level",
    "task": "task",
    "difference": "difference",
    "lo": "from",
    "hi": "to",
    "p": "p",
    "p_holm": "p adjusted",
    "mcnemar_p": "McNemar p",
    "mcnemar_p_holm": "McNemar adjusted",
    "mde": "detectable",
    "n": "n",
    "n_tasks": "tasks",
    "accuracy": "accuracy",
    "baseline_accuracy": "baseline",
    "n_both": "both",
    "n_model_only": "only model",
    "n_baseline_only": "only baseline",
    "n_neither": "neither",
    "flips": "negative flips",
    "boot_lo": "bootstrap from",
    "boot_hi": "bootstrap to",
    "se": "se",
    "se_sandwich": "se sandwich",
    "boot_se": "se bootstrap",
    "se_instances": "se instances",
    "unit": "interval",
    "test": "test",
    "reason": "note",
}


def _in_points(difference: float | None) -> str:
    return signed(100 * difference, 1) if is_number(difference) else NONE


_FORMATS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("difference", "lo", "hi", "boot_lo", "boot_hi"), _in_points),
    **dict.fromkeys(("p", "p_holm", "mcnemar_p", "mcnemar_p_holm"), p_value),
    **dict.fromkeys(
        (
            "mde",
            "accuracy",
            "baseline_accuracy",
            "flips",
            "p_best",
            "se",
            "se_sandwich",
            "boot_se",
            "se_instances",
        ),
        partial(percent, digits=1),
    ),
    "split": split_label,
    "level_label": lambda label: level_name(label, 0) if isinstance(label, str) else "all",
    "rank_best": lambda rank: f"{rank}",
}


def draw_table(comparison: Comparison) -> None:
    """One row per model, split and group: everything the forest plot draws, as numbers."""
    frame = comparison.rows[list(_NAMES)]
    frame = frame.drop(
        columns=[name for name in ("task", "level_label", "reason") if frame[name].isna().all()]
    )
    if "level_label" in frame:  # an empty cell would be drawn as a dash, where the chart says all
        of_all = frame["level_label"].isna() & (frame["task"].isna() if "task" in frame else True)
        frame["level_label"] = frame["level_label"].mask(of_all, "all")
    paper = frame[
        [
            "model",
            "split",
            *(name for name in ("level_label", "task") if name in frame),
            "difference",
            "lo",
            "hi",
            "p_holm",
            "mde",
            "n",
        ]
    ]
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns: dict[str, Any] = {
        name: text(label) if frame[name].dtype == object else number(label)
        for name, label in _NAMES.items()
        if name in frame
    }
    columns["model"] = text("model", pinned=True)
    screen.table(frame, "comparison", columns=columns, formats=_FORMATS, paper=paper)
    screen.caption(
        estimator=(
            "detectable: the smallest true difference that such data show with 80 % power at the 5"
            " % level, one test alone; negative flips: right by the baseline and wrong by the"
            " model, of all shared instances"
        ),
        interval=(
            f"bootstrap: BCa, {comparison.settings.resamples:,} resamples of tasks (of instances"
            " where there is one task)"
        ),
        more=[
            "se sandwich is the paired error clustered by task; the bootstrap estimates it, the t"
            " interval enlarges it for few tasks"
        ],
    )


def draw_ranks(comparison: Comparison) -> None:
    """Order of the models in each split, and how far it may be wrong."""
    ranking = comparison.ranking
    if ranking.empty:
        screen.empty(
            "No ranks.",
            "Ranks need answers of at least two models to the same instances; level means have"
            " none.",
        )
        return
    for split in ranking["split"].unique():
        of_split = ranking[ranking["split"] == split]
        first = of_split.iloc[0]
        rivals = list(of_split.loc[of_split["rank_best"] == 1, "model"])
        screen.answer(
            f"{split_label(split)}: {first['model']} is first by accuracy; "
            + (
                "no other may be."
                if rivals == [first["model"]]
                else f"{len(rivals)} models may be, by the pairwise tests."
            )
        )
        shown = of_split.assign(
            open_ranks=[
                _span(lo, hi)
                for lo, hi in zip(of_split["rank_best"], of_split["rank_worst"], strict=True)
            ],
            bootstrap_ranks=[
                _span(lo, hi)
                for lo, hi in zip(of_split["boot_rank_lo"], of_split["boot_rank_hi"], strict=True)
            ],
        )[
            [
                "model",
                "rank",
                "accuracy",
                "open_ranks",
                "bootstrap_ranks",
                "p_best",
                "tie_group",
                "borda",
                "borda_rank",
                "kemeny_rank",
                "n",
                "n_tasks",
            ]
        ]
        labels: dict[str, Any] = {
            "borda": st.column_config.NumberColumn("Borda", format="%.1f"),
            "open_ranks": "ranks by tests",
            "bootstrap_ranks": "ranks by bootstrap",
            "p_best": "P(best)",
            "tie_group": "tie group",
            "borda_rank": "Borda rank",
            "kemeny_rank": "Kemeny rank",
            "n_tasks": "tasks",
        }
        screen.table(
            shown,
            f"ranks-{split or 'all'}",
            columns=labels,
            formats={"accuracy": partial(percent, digits=1), "p_best": partial(percent, digits=1)},
            key=f"ranks {split}",
        )
    screen.caption(
        estimator=(
            "ranks by tests: what the pairwise tests leave open after Holm's adjustment; models"
            " that share a letter do not differ significantly; ranks by bootstrap: 95 % of"
            " resamples of these tasks; Borda: sum of ranks over tasks, 0 for the worst; Kemeny:"
            " the order with the fewest pairwise disagreements with the tasks"
        ),
        more=[
            f"Kemeny's order disagrees with {n} comparisons ({split_label(split)})"
            for split, n in comparison.kemeny_disagreements.items()
        ],
        methods=("tie_groups", "rank_aggregation"),
    )


def _span(lo: float, hi: float) -> str:
    if pd.isna(lo) or pd.isna(hi):
        return "–"
    return f"{int(lo)}" if lo == hi else f"{int(lo)}–{int(hi)}"


def draw_agreement(table: pd.DataFrame, comparison: Comparison, chosen: Selection) -> None:
    """Are the models wrong on the same instances? `table`: studies.compare.agreement."""
    if table.empty:
        screen.empty(
            "No agreement to show.",
            "Agreement needs answers of at least two models to the same instances.",
        )
        return
    splits = list(table["split"].unique())
    split = splits[-1]
    if len(splits) > 1:
        split = st.segmented_control(
            "Split",
            splits,
            default=splits[-1],
            format_func=split_label,
            required=True,
            key="agree",
            bind="query-params",
        )
    of_split = table[table["split"] == split]
    screen.answer(_agreement_sentence(of_split, split_label(split)))
    show_chart(
        agreement_figure(table, comparison.models, split or ""), key="agreement", on_click=False
    )
    kinds = " and ".join(sorted(of_split["kind"].unique()))
    screen.caption(
        n=f"n = {of_split['n'].min():,}"
        + ("" if of_split["n"].min() == of_split["n"].max() else f" to {of_split['n'].max():,}")
        + " instances",
        estimator=(
            f"{kinds}: agreement beyond what models of these accuracies would have if their errors"
            " were independent (0: as if independent, 1: always alike)"
        ),
        interval="standard errors from 1,000 resamples of instances",
        denominator=chosen.denominator,
        more=(
            []
            if "CAPA" in kinds
            else ["CAPA needs the probabilities of the choices, which these runs do not have"]
        ),
        methods=("error_consistency",),
    )
    formats: dict[str, Callable[[Any], str]] = {
        **dict.fromkeys(("c_obs", "c_exp"), partial(percent, digits=1)),
        "kappa": signed,
        "se": partial(number, digits=3),
        "split": split_label,
    }
    screen.table(
        table,
        "agreement",
        columns={"c_obs": "observed", "c_exp": "by chance", "se": "standard error"},
        formats=formats,
    )


def _agreement_sentence(of_split: pd.DataFrame, split: str) -> str:
    known = of_split.dropna(subset=["kappa"])
    if known.empty:
        return f"{split}: agreement beyond chance is not defined, for no room is left above chance."
    most: Mapping[Any, Any] = known.sort_values("kappa").iloc[-1].to_dict()
    error = f" ± {number(1.96 * most['se'])}" if is_number(most["se"]) else ""
    return (
        f"{split}: {most['model']} and {most['other']} are most alike in what they get wrong"
        f" ({most['kind']} {number(most['kappa'])}{error}, n = {most['n']:,})."
    )
