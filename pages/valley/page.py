"""Where does generalization break down, and how sure is that? Accuracy, gap and critical level of a
few models; scores of many.
"""

from collections.abc import Callable

import streamlit as st

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
from pages.valley.sentences import headline
from pages.valley.size_sections import draw_probe_tasks, draw_size
from ui import cached, screen, selection
from ui.figures.theme import natural_order

chosen = selection.current()
screen.question("Where does generalization break down?")

with screen.readable_errors():
    if cached.models().empty:
        screen.empty(
            "The store holds no results yet.",
            "Bring in result files of an evaluation harness, or a CSV table: the valley needs"
            " answers with a level and a split.",
            page="runs",
            link="Import results",
        )
        st.stop()

    sources = dict(cached.valley_sources(chosen))
    by_source = {
        kind: [model for model in sources if sources[model] == kind]
        for kind in ("samples", "published")
    }
    shown, left_out = selection.shown_models(
        chosen,
        by_source["samples"],
        by_source["published"],
        styles=cached.styles(),
        sizes=cached.sizes(),
    )
    valleys = [cached.valley(model, sources[model], chosen) for model in shown]
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
        "What explains the gap": lambda: draw_explanation(valleys, chosen),
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
