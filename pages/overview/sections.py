"""What a store holds, as the overview shows it: by benchmark and format, by level and split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

import pandas as pd
import streamlit as st

from analysis.text import ago, counted
from data.records import Split
from data.unfinished import RUNNING
from ui import screen
from ui.chart import show_chart
from ui.figures.overview import outcomes_figure
from ui.startup import PageInfo

MAX_DRAWN = 24
"""Up to this many models stand in the chart of the overview; of more, those with most answers."""


def headline(
    runs: pd.DataFrame, n_with_both: int, *, when: Callable[[pd.Timestamp], str] = ago
) -> str:
    """One sentence: `28 models, 7 with ID and OOD results; newest run added 3 minutes ago.`"""
    n_models = runs["model"].nunique()
    both = (
        f"{n_with_both} with ID and OOD results"
        if n_with_both
        else "none with both ID and OOD results"
    )
    n_running = int((runs["status"] == RUNNING).sum())
    going_on = f"; {counted(n_running, 'run')} still running" if n_running else ""
    return (
        f"{counted(n_models, 'model')}, {both}; newest run added"
        f" {when(runs['added_at'].max())}{going_on}."
    )


def draw_questions(pages: Sequence[PageInfo]) -> None:
    """The question of each page as a link, two beside each other, and beneath it what the page
    offers.
    """
    asked = [page for page in pages if page.question]
    for row in zip_longest(asked[::2], asked[1::2]):
        for page, place in zip(row, st.columns(2, gap="small"), strict=True):
            if page is not None:
                with place, st.container(gap=None):
                    screen.page_link(page.name, page.question, icon=page.icon)
                    st.caption(page.offer)


def content_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per benchmark and format: their models, runs, answers (primary reading), scores,
    newest. `runs` as fetch_runs.
    """
    named = runs.assign(benchmark=runs["benchmark"].fillna("not named"))
    grouped = named.groupby(["benchmark", "format"], sort=True)
    table = grouped.agg(
        models=("model", "nunique"),
        runs=("run_id", "size"),
        answers=("n_samples", "sum"),
        scores=("n_scores", "sum"),
        newest=("added_at", "max"),
    )
    return table.reset_index()


def coverage_table(
    counts: pd.DataFrame, published: pd.DataFrame, levels: pd.DataFrame
) -> pd.DataFrame:
    """One row per level of the scheme: models, tasks and graded answers in each split, and
    published accuracies.

    Args:
        counts: as data.queries.fetch_task_counts.
        published: as data.queries.fetch_level_scores.
        levels: as data.queries.fetch_levels.

    Returns:
        level, label, tasks, ID models, ID answers, OOD models, OOD answers, published ID, published
        OOD (models with a published accuracy of that level and split), published S (models with a
        published generalization score).
    """
    outcomes = ["n_correct", "n_wrong", "n_unparsed"]
    rows = []
    for level, label in zip(levels["level"], levels["label"], strict=True):
        mine = counts[(counts["level"] == level).fillna(False).astype(bool)]
        stated = published[(published["level"] == level).fillna(False).astype(bool)]
        row = {"level": int(level), "label": label, "tasks": mine["task"].nunique()}
        for split, word in ((Split.ID, "ID"), (Split.OOD, "OOD")):
            part = mine[mine["split"] == split]
            row[f"{word} models"] = part["model"].nunique()
            row[f"{word} answers"] = int(part[outcomes].to_numpy().sum())
        accuracies = stated[stated["metric"] == "accuracy"]
        for split, word in ((Split.ID, "ID"), (Split.OOD, "OOD")):
            row[f"published {word}"] = accuracies.loc[
                accuracies["split"] == split, "model"
            ].nunique()
        row["published S"] = stated.loc[
            stated["metric"] == "generalization_score", "model"
        ].nunique()
        rows.append(row)
    return pd.DataFrame(
        rows,
        columns=[
            "level",
            "label",
            "tasks",
            "ID models",
            "ID answers",
            "OOD models",
            "OOD answers",
            "published ID",
            "published OOD",
            "published S",
        ],
    )


def draw_answers(counts: pd.DataFrame) -> None:
    """What became of the answers, by model; a click leads to the samples. `counts` as
    fetch_task_counts.
    """
    if counts.empty:
        return
    shown, left_out = most_answered(counts)
    st.subheader("What became of the answers", anchor=False)
    clicked = show_chart(outcomes_figure(shown), key="outcomes")
    screen.caption(
        n=f"n = {int(shown[_COUNTS].to_numpy().sum()):,} answers",
        estimator="share of each outcome, all answers of a model counting the same",
        more=[
            "Denominator: all answers of the runs that charts count, errors included",
            *([left_out] if left_out else []),
        ],
    )
    if clicked:
        screen.open_page("samples", model=clicked["model"], outcome=clicked["outcome"])


def most_answered(
    counts: pd.DataFrame, *, at_most: int = MAX_DRAWN
) -> tuple[pd.DataFrame, str | None]:
    """The counts of the models with most answers, and the sentence that says so when some are left
    out.
    """
    answers = (
        counts.set_index("model")[_COUNTS]
        .sum(axis=1)
        .groupby(level="model")
        .sum()
        .sort_values(ascending=False, kind="stable")
    )
    if len(answers) <= at_most:
        return counts, None
    left_out = (
        f"Drawn are the {at_most} of {len(answers)} models with most answers; choose others under"
        " Models on the left"
    )
    return counts[counts["model"].isin(answers.index[:at_most])], left_out


_COUNTS = ["n_correct", "n_wrong", "n_unparsed", "n_error"]
