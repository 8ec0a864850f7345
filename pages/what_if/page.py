"""What if another metric had been used? The same answers under another choice beside the paper's,
and under every choice at once.
"""

import streamlit as st

from pages.what_if.controls import pick_choice, pick_conclusion, ranked_models
from pages.what_if.sections import (
    AUTHORS_GRADER,
    draw_grading,
    draw_length,
    draw_missing,
    draw_multiverse,
    draw_smaller_test,
    draw_what_if,
    graded_anew,
)
from ui import cached, screen, selection

chosen = selection.current()
screen.question("What if another metric had been used?")

with screen.readable_errors():
    cells = cached.metric_cells(chosen)
    models, left_out = ranked_models(cells, chosen)
    if not models:
        screen.empty(
            "No answers and no published level means for this choice.",
            "Change the choice on the left, or import results: with their samples for other"
            " metrics, as level means for the penalty.",
            page="runs",
            link="Import results",
        )
        st.stop()
    shown = cells.narrowed(models)
    one, every, grading = st.tabs(
        ["Another metric", "Every metric", "Grading effect"],
        key="view",
        on_change="rerun",
        bind="query-params",
    )
    if one.open:
        with one:
            choice = pick_choice(shown, chosen)
            shown = graded_anew(chosen, models) if choice.metric == AUTHORS_GRADER else shown
            draw_what_if(shown, choice, chosen, left_out)
            draw_missing(shown, choice, chosen)
            draw_length(shown, choice)
            draw_smaller_test(shown, choice)
    if every.open:
        with every:
            conclusion = pick_conclusion(shown)
            if conclusion is not None:
                draw_multiverse(shown, conclusion, chosen)
    if grading.open:
        with grading:
            draw_grading()
