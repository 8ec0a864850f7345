"""Does an ability emerge with scale, and is the jump the model's or the metric's? One score over
one scale, read in every way.
"""

from dataclasses import replace

import streamlit as st

from data.queries import fetch_models
from studies.emergence import emergence
from ui import screen, selection
from ui.kept import kept

chosen = selection.current()
screen.question("Does an ability emerge with scale?")

with screen.readable_errors():
    if kept(fetch_models)().empty:
        screen.empty(
            "The store holds no results yet.",
            "Bring in results of models of several sizes, or of several checkpoints of one: result"
            " files of a harness, or a table.",
            page="runs",
            link="Import results",
        )
        st.stop()

    # The analysis brings scipy along: it is loaded by the page that needs it.
    from pages.emergence import sections
    from pages.emergence.controls import against_of, pick, points_of

    sections.draw_example_list()
    choice = pick(chosen)
    if not len(points_of(choice)):
        screen.empty(
            "No run has this score over this scale.",
            "Choose another scale, task or split above, or other models on the left. A run needs a"
            " size, a step, tokens or a loss.",
        )
        st.stop()
    answer, chart = st.container(), st.container()
    tab = st.segmented_control(
        "View",
        ["Fits", "Mirage", "Pass until", "Loss threshold", "Numbers"],
        default="Fits",
        required=True,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    settings = replace(choice.settings, against=against_of(choice, draw=tab == "Mirage"))
    study = kept(emergence)(choice.selection, settings)
    found = study.found
    with answer:
        screen.answer(study.sentence)
    with chart:
        sections.draw_curve(study, choice)
    if tab == "Mirage":
        sections.draw_mirage(study.mirage, study.metric)
    elif tab == "Pass until":
        sections.draw_law(found)
    elif tab == "Loss threshold":
        sections.draw_threshold(choice)
    elif tab == "Numbers":
        sections.draw_numbers(found)
    else:
        sections.draw_forms(found)
