"""Does an ability emerge with scale, and is the jump the model's or the metric's? One score over
one scale, read in every way.
"""

from dataclasses import replace

import streamlit as st

from data.queries import SAMPLE_METRICS
from ui import cached, screen, selection

chosen = selection.current()
screen.question("Does an ability emerge with scale?")

with screen.readable_errors():
    if cached.models().empty:
        screen.empty(
            "The store holds no results yet.",
            "Bring in results of models of several sizes, or of several checkpoints of one: result"
            " files of a harness, or a table.",
            page="runs",
            link="Import results",
        )
        st.stop()

    # The analysis brings scipy along: it is loaded by the page that needs it.
    from analysis.emergence.sentences import headline
    from pages.emergence import sections
    from pages.emergence.controls import pick, pick_against

    sections.draw_example_list()
    choice = pick(chosen)
    found = cached.emergence(chosen, choice.metric, choice.wanted, choice.chance)
    if found is None:
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
    against = pick_against(choice) if tab == "Mirage" else choice.against
    reading = None if against in SAMPLE_METRICS else choice.wanted.reading
    partner = replace(choice.wanted, reading=reading)
    mirage = (
        cached.mirage(chosen, (choice.metric, against), (choice.wanted, partner), choice.chance)
        if against
        else None
    )
    with answer:
        screen.answer(headline(found, mirage, about=choice.about))
    with chart:
        sections.draw_curve(found, choice)
    if tab == "Mirage":
        sections.draw_mirage(mirage, choice)
    elif tab == "Pass until":
        sections.draw_law(found)
    elif tab == "Loss threshold":
        sections.draw_threshold(choice)
    elif tab == "Numbers":
        sections.draw_numbers(found)
    else:
        sections.draw_forms(found)
