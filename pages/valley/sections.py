"""Sections of the valley page: the charts of the chosen models, their tables, and what published
figures add.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from analysis.text import NONE, listed_or_counted, natural_order, number, percent, raised
from analysis.valley.sentences import paper_table
from analysis.valley.task_gaps import ESTIMATE_COLUMNS
from data.queries import fetch_runs
from data.records import Selection
from pages.valley.sentences import id_source_words, scores_headline, why_missing
from studies.steps import level_scores, task_counts
from studies.valley import score_bounds
from ui import screen, selection
from ui.calibration_captions import simulated
from ui.chart import show_chart
from ui.figures.log_odds import log_odds_gap_figure
from ui.figures.scores import gap_bounds_figure, score_heatmap_figure
from ui.figures.theme import MAX_LINES
from ui.figures.valley import gap_heatmap_figure, valley_figure
from ui.kept import kept

if TYPE_CHECKING:
    from analysis.valley.locating import Valley

_ESTIMATES = tuple(name for name in ESTIMATE_COLUMNS if name != "gap")
_COUNTS = ("n_id", "n_ood", "n_unparsed", "n_error")
LEVEL_COLUMNS = (
    *(
        "model",
        "level",
        "level_label",
        "p_critical",
        "in_level_set",
        "gap",
        *_ESTIMATES,
        "n_tasks",
        *_COUNTS,
    ),
    *("interval", "source", "reason"),
)
TASK_COLUMNS = ("model", "level", "level_label", "task", *_ESTIMATES, *_COUNTS, "n_runs", "reason")


def draw_charts(valleys: Sequence[Valley], chosen: Selection) -> None:
    """The valley, the log-odds gap beside it, the line under them; a click leads to the samples or
    the source behind a point.
    """
    styles = selection.styles([valley.model for valley in valleys])
    if len(valleys) > MAX_LINES:
        clicked = show_chart(gap_heatmap_figure(valleys), key="valley heat map")
        st.caption(
            "The same on the log-odds scale, where a constant penalty would be one colour in a row."
        )
        clicked = show_chart(log_odds_gap_figure(valleys), key="log-odds heat map") or clicked
    else:
        figure = valley_figure(valleys, styles=styles)
        left, right = st.columns([0.6, 0.4], gap="small")
        with left:
            clicked = show_chart(figure, key="valley")
        with right:
            log_odds = log_odds_gap_figure(
                valleys, styles=styles, height=figure["layout"]["height"]
            )
            clicked = show_chart(_narrow(log_odds), key="log-odds") or clicked
    _caption(valleys, chosen)
    if clicked:
        follow(clicked, {valley.model: valley.source for valley in valleys})


def _narrow(figure: dict[str, Any]) -> dict[str, Any]:
    """Break level names after their comma, and sentences of ours where they get long, so that they
    fit a narrow chart.
    """
    axis = figure["layout"].get("xaxis", {})
    for annotation in figure["layout"].get("annotations", []):  # the sentence of an empty chart
        annotation["text"] = "<br>".join(wrap(annotation["text"], 40))
    if "ticktext" in axis:
        broken = [name.replace(",", ",<br>") for name in axis["ticktext"]]
        figure["layout"]["xaxis"] = {**axis, "ticktext": broken, "tickangle": 0}
    return figure


def follow(clicked: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    """Open what lies behind a clicked point: its samples, or the runs page with its source where
    only published numbers are.
    """
    model = str(clicked["model"])
    if sources.get(model) == "samples":
        screen.open_page(
            "samples",
            model=model,
            task=clicked.get("task"),
            level=clicked.get("level"),
            split=clicked.get("split"),
        )
    screen.open_page("runs", model=model)


def _caption(valleys: Sequence[Valley], chosen: Selection) -> None:
    counted = [valley for valley in valleys if valley.source == "samples"]
    n = sum(int(valley.curve["n_id"].sum() + valley.curve["n_ood"].sum()) for valley in valleys)
    settings = valleys[0].settings
    confidence = percent(settings.confidence)
    held = simulated(
        "In simulations with 3 or 4 tasks a level, 95 % intervals of accuracies hold the truth in"
        " {mean}, those of gaps in {gap}, and 90 % level sets in {level_set}",
        mean=("level_mean", "accuracy"),
        gap=("level_gap", "gap"),
        level_set=("level_set", "90 %"),
    )
    published = [
        "Published numbers keep their source's own denominator",
        "Their log-odds gaps are those of the level means, without intervals",
    ]
    screen.caption(
        n=f"n = {n:,} answers",
        estimator=(
            "accuracy is the mean over a level's tasks, each counting the same; P(level is"
            f" critical) from {settings.resamples:,} bootstrap resamples of tasks and answers"
        ),
        interval=(
            f"{confidence}, over tasks where a level has several, else over instances (Wilson)"
        ),
        denominator=chosen.denominator if counted else None,
        more=[
            *id_source_words(_id_sources(valleys, chosen)),
            *held,
            *(published if len(counted) < len(valleys) else []),
        ],
        methods=("level_mean", "level_gap", "level_probability", "level_set", "log_odds_gap"),
    )


def _id_sources(valleys: Sequence[Valley], chosen: Selection) -> dict[str, list[str]]:
    """Model -> how the runs behind its valley tell ID from OOD, where they say so."""
    behind = pd.concat(
        [
            frame[["model", "run_id"]]
            for frame in (kept(task_counts)(chosen), kept(level_scores)(chosen))
        ]
    )
    sources = behind.assign(
        id_source=behind["run_id"].map(kept(fetch_runs)().set_index("run_id")["id_source"])
    ).dropna()
    return {
        valley.model: sorted(sources.loc[sources["model"] == valley.model, "id_source"].unique())
        for valley in valleys
    }


def draw_notes(valleys: Sequence[Valley], missing: Sequence[str], chosen: Selection) -> None:
    """What to keep in mind: warnings of the drawn models, and why the others are not drawn."""
    everything = replace(chosen, models=())
    counts, scores = (
        (kept(task_counts)(everything), kept(level_scores)(everything)) if missing else (None, None)
    )
    absent_by_reason: dict[str, list[str]] = {}
    for model in missing:
        if counts is not None and scores is not None:
            absent_by_reason.setdefault(why_missing(model, counts, scores), []).append(model)
    absent = [
        f"{listed_or_counted(models)}: {reason}" for reason, models in absent_by_reason.items()
    ]
    models_of: dict[str, list[str]] = {}
    for valley in valleys:
        for text in valley.warnings:
            models_of.setdefault(text, []).append(valley.model)
    notes = [f"{listed_or_counted(models)}: {raised(text)}" for text, models in models_of.items()]
    if chosen.tasks and any(valley.source == "published" for valley in valleys):
        notes.append(
            "The choice of tasks does not reach published level means: they are means over all"
            " tasks of a level."
        )
    if absent:
        st.info(
            "Not drawn.\n\n" + "\n".join(f"- {screen.plain(text)}" for text in absent),
            icon=":material/visibility_off:",
        )
    if notes:
        with st.expander(f"What to keep in mind ({len(notes)})"):
            st.markdown("\n".join(f"- {screen.plain(text)}" for text in notes))


def draw_level_table(valleys: Sequence[Valley]) -> None:
    """One row per model and level: everything the charts draw, as numbers."""
    if not valleys:
        st.caption("No model is drawn, so there are no numbers per level.")
        return
    frames = [valley.curve.assign(model=valley.model, source=valley.source) for valley in valleys]
    frame = pd.concat(frames, ignore_index=True)[list(LEVEL_COLUMNS)]
    screen.table(
        _without_empty(frame, "reason"),
        "valley-levels",
        columns=_columns(),
        formats=_FORMATS,
        paper=paper_table(frame),
    )
    st.caption(
        "CSV and JSON hold every column; LaTeX holds those that fit a page: accuracies and gap with"
        " intervals, S, P(critical)."
    )


def draw_task_table(valleys: Sequence[Valley], chosen: Selection) -> None:
    """One row per model and task; a selected row leads to its samples."""
    frames = [valley.tasks.assign(model=valley.model) for valley in valleys if len(valley.tasks)]
    if not valleys:
        st.caption("No model is drawn, so there are no numbers per task.")
        return
    if not frames:
        screen.empty(
            "No numbers per task.",
            "The chosen models have published level means only. Import result files to see their"
            " tasks.",
        )
        return
    frame = _without_empty(pd.concat(frames, ignore_index=True)[list(TASK_COLUMNS)], "reason")
    rows = screen.table(
        frame, "valley-tasks", columns=_columns(), formats=_FORMATS, on_select=True, key="task rows"
    )
    if rows:
        row = frame.iloc[rows[0]]
        screen.page_link(
            "samples",
            f"Samples of {row['model']} on {row['task']}",
            icon=":material/article:",
            model=row["model"],
            task=row["task"],
        )


def draw_scores(chosen: Selection) -> None:
    """S of many models with the published critical levels."""
    published = kept(level_scores)(chosen)
    n_models = published.loc[published["metric"] == "generalization_score", "model"].nunique()
    if not n_models:
        screen.empty(
            "No published scores for this choice.",
            "Clear the choice of models on the left, or choose the scheme scylla.",
        )
        return
    screen.answer(scores_headline(published))
    order = st.segmented_control(
        "Order",
        ["score", "model"],
        default="score",
        required=True,
        key="order",
        label_visibility="collapsed",
    )
    clicked = show_chart(score_heatmap_figure(published, order_by=order or "score"), key="scores")
    screen.caption(
        n=f"{n_models} models",
        estimator="S = A_OOD − max(0, A_ID − A_OOD), averaged over a level's tasks by the source",
        more=["Diamonds: critical level as published", "No intervals are published"],
    )
    if clicked:
        screen.open_page("runs", model=clicked["model"])


def draw_bounds(chosen: Selection) -> None:
    """What S alone says about the gap."""
    bounds = sorted(kept(score_bounds)(chosen), key=lambda bound: natural_order(bound.model))
    if not bounds:
        screen.empty(
            "No published scores for this choice.",
            "Clear the choice of models on the left, or choose the scheme scylla.",
        )
        return
    agree = sum(1 for bound in bounds if bound.is_consistent)
    stated = sum(1 for bound in bounds if bound.published_level is not None)
    screen.answer(
        "A score S allows every gap between max(0, −S) and (1 − S) / 2: the published critical"
        f" level is possible for {agree} of {stated} models, and no score proves it."
        if len(bounds) > 1
        else f"{bounds[0].model}: {raised(bounds[0].sentence())}"
    )
    scores = kept(level_scores)(chosen)
    clicked = show_chart(
        gap_bounds_figure(scores, styles=selection.styles(scores["model"])), key="bounds"
    )
    screen.caption(
        n=f"{len(bounds)} models",
        estimator="bounds from S alone, since both accuracies lie between 0 and 1",
        more=["Only SCYLLA's Figure 5 states ID and OOD accuracies; they stand in the first chart"],
    )
    frame = pd.concat(
        [bound.curve.assign(model=bound.model) for bound in bounds], ignore_index=True
    )
    screen.table(
        frame[["model", *(name for name in frame.columns if name != "model")]],
        "gap-bounds",
        columns=_columns(),
        formats=_FORMATS,
    )
    if clicked:
        screen.open_page("runs", model=clicked["model"])


_SHARES = {
    "a_id": "ID accuracy",
    "a_id_lo": "ID from",
    "a_id_hi": "ID to",
    "a_ood": "OOD accuracy",
    "a_ood_lo": "OOD from",
    "a_ood_hi": "OOD to",
    "gap_signed": "ID − OOD",
    "gap_lo": "gap from",
    "gap_hi": "gap to",
    "gap": "gap",
    "p_critical": "P(critical)",
    "gap_lower": "gap at least",
    "gap_upper": "gap at most",
}


_LOGITS = {
    "score": "S",
    "log_odds_gap": "log-odds gap",
    "log_odds_gap_lo": "log-odds from",
    "log_odds_gap_hi": "log-odds to",
}


def _level_cell(label: Any) -> str:
    return raised(label) if isinstance(label, str) else NONE


_FORMATS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(_SHARES, partial(percent, digits=1)),
    **dict.fromkeys(_LOGITS, partial(number, digits=3)),
    "level_label": _level_cell,
}


def _columns() -> dict[str, Any]:
    """Labels by column; the files that are downloaded hold the plain numbers under the plain
    names.
    """
    numeric, text = st.column_config.NumberColumn, st.column_config.TextColumn
    counts = {
        "n_tasks": "tasks",
        "n_id": "n ID",
        "n_ood": "n OOD",
        "n_unparsed": "unparsed",
        "n_error": "errors",
        "n_runs": "runs",
    }
    return {
        "model": text("model", pinned=True),
        "level": numeric("level", format="%d", width=50),
        "level_label": text("level name", width=110),
        "in_level_set": st.column_config.CheckboxColumn("in 90 % set"),
        "can_be_critical": st.column_config.CheckboxColumn("can be critical"),
        **{name: numeric(label) for name, label in _SHARES.items()},
        **{name: numeric(label) for name, label in _LOGITS.items()},
        **{name: numeric(label, format="localized") for name, label in counts.items()},
    }


def _without_empty(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    return frame.drop(columns=[name for name in names if frame[name].isna().all()])
