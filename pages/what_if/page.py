"""What if another metric had been used? The same answers under another choice beside the paper's,
and under every choice at once.
"""

from dataclasses import replace

import streamlit as st

from pages.what_if.controls import pick_conclusions, pick_settings, ranked_models
from pages.what_if.sections import (
    GRADING,
    draw_grading,
    draw_length,
    draw_missing,
    draw_multiverse,
    draw_smaller_test,
    draw_what_if,
)
from studies.grading_effect import GradingEffectSettings, grading_effect
from studies.what_if import AUTHORS_GRADER, cells_of, choice_of, metric_cells, what_if
from ui import screen, selection
from ui.asked import asked
from ui.kept import kept

chosen = selection.current()
screen.question("What if another metric had been used?")

with screen.readable_errors():
    models, left_out = ranked_models(chosen)
    if not models:
        screen.empty(
            "No answers and no published level means for this choice.",
            "Change the choice on the left, or import results: with their samples for other"
            " metrics, as level means for the penalty.",
            page="runs",
            link="Import results",
        )
        st.stop()
    ranked = replace(chosen, models=models)
    cells = kept(metric_cells)(ranked, columns=(), authors=False)
    one, every, grading = st.tabs(
        ["Another metric", "Every metric", "Grading effect"],
        key="view",
        on_change="rerun",
        bind="query-params",
    )
    if one.open:
        with one:
            settings = replace(pick_settings(cells), conclusion=())
            choice = choice_of(ranked, settings)
            with st.spinner(GRADING if settings.metric == AUTHORS_GRADER else "Scoring"):
                cells = kept(cells_of)(ranked, settings)
            draw_what_if(kept(what_if)(ranked, settings).what_if, cells, ranked, left_out)
            draw_missing(cells, choice, ranked)
            draw_length(ranked, choice)
            draw_smaller_test(cells, choice)
    if every.open:
        with every:
            settings = pick_conclusions(cells)
            with st.spinner(GRADING):
                tested = kept(what_if)(ranked, settings).multiverses
            for found in tested:
                draw_multiverse(found)
    if grading.open:
        with grading:
            with st.spinner("Grading a perfect solver"):
                graded = kept(grading_effect)(chosen, asked(GradingEffectSettings))
            draw_grading(graded)
