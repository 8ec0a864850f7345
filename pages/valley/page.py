"""Where does generalization break down, and how sure is that? Accuracy, gap and critical level of a
few models; scores of many.
"""

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from analysis.text import natural_order
from analysis.valley.headline import headline
from data.queries import fetch_models
from pages.valley.explanation_sections import draw_explanation
from pages.valley.likelihood_sections import draw_likelihood
from pages.valley.sections import (
    draw_bounds,
    draw_charts,
    draw_level_table,
    draw_notes,
    draw_scores,
    draw_task_table,
)
from pages.valley.size_sections import draw_probe_tasks, draw_size
from studies.valley import ValleySettings, valley
from studies.valley import sources as valley_sources
from ui import screen, selection
from ui.asked import asked
from ui.kept import kept
from ui.models import model_sizes, model_styles

chosen = selection.current()
screen.question("Where does generalization break down?")

with screen.readable_errors():
    if kept(fetch_models)().empty:
        screen.empty(
            "The store holds no results yet.",
            "Bring in result files of an evaluation harness, or a CSV table: the valley needs"
            " answers with a level and a split.",
            page="runs",
            link="Import results",
        )
        st.stop()

    settings = asked(ValleySettings)
    sources = dict(kept(valley_sources)(chosen))
    by_source = {
        kind: [model for model in sources if sources[model] == kind]
        for kind in ("samples", "published")
    }
    shown, left_out = selection.shown_models(
        chosen,
        by_source["samples"],
        by_source["published"],
        styles=model_styles(),
        sizes=model_sizes(),
    )
    found = kept(valley)(replace(chosen, models=shown or chosen.models), settings)
    by_model = {one.model: one for one in found.valleys}
    valleys = [by_model[model] for model in shown]
    missing = sorted(set(chosen.models) - set(shown), key=natural_order)

    if valleys:
        sentence, more = headline(valleys)
        screen.answer(sentence)
        st.caption(screen.plain(" ".join(part for part in (more, left_out) if part)))
        draw_charts(valleys, chosen)
    else:
        screen.empty(
            (
                "No valley to draw for this choice."
                if chosen.models or chosen.tasks
                else "No model has ID and OOD results on levels yet."
            ),
            "A valley needs answers in both splits (ID and OOD) of tasks that have a level in the"
            " chosen scheme. Change the choice on the left, or import such results.",
            page="runs",
            link="Import results",
        )
    draw_notes(valleys, missing, chosen)

    views: dict[str, Callable[[], None]] = {
        "Levels": lambda: draw_level_table(valleys),
        "What explains the gap": lambda: draw_explanation(valleys, chosen, settings),
        "Tasks": lambda: draw_task_table(valleys, chosen),
        "Published scores S": lambda: draw_scores(chosen),
        "Possible gaps": lambda: draw_bounds(chosen),
        "Critical level against size": lambda: draw_size(chosen),
        "Probe tasks": lambda: draw_probe_tasks(chosen),
        "Answer probabilities": lambda: draw_likelihood(shown, chosen),
    }
    for tab, draw in zip(
        st.tabs(list(views), key="view", on_change="rerun", bind="query-params"),
        views.values(),
        strict=True,
    ):
        if tab.open:
            with tab:
                draw()
