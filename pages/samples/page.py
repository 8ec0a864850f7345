"""Which answers went wrong, and why? From a filter to a list to one answer; everything has an
address.
"""

import streamlit as st

from data.queries import count_samples, fetch_sample, fetch_store_info
from pages.samples.filters import clear_filters, in_words, lies_outside, pick_samples
from pages.samples.list import draw_list, draw_steps, open_address
from pages.samples.sections import draw_sample, level_labels
from ui import screen, selection
from ui.kept import kept

chosen = selection.current()
screen.question("Which answers went wrong, and why?")

with screen.readable_errors():
    if not kept(fetch_store_info)()["samples"]:
        screen.empty(
            "No samples are stored yet.",
            "Samples are single answers. Published figures come without them; import result files"
            " that hold the answers of a run.",
        )
        screen.page_link("runs", "Import results", icon=":material/upload:", view="Import")
        st.stop()

    choice = pick_samples(chosen)
    n_matching = kept(count_samples)(choice.selection, choice.wanted)
    screen.answer(in_words(choice, n_matching))

    if n_matching:
        address = open_address()
        if address is None:
            draw_list(choice, n_matching, None)
        else:
            left, right = st.columns([4, 6], gap="medium")
            with left:
                draw_list(choice, n_matching, address)
            with right, screen.readable_errors():
                sample = kept(fetch_sample)(*address, scheme=chosen.scheme)
                draw_steps(choice, address)
                if lies_outside(sample, choice):
                    st.caption(
                        "This sample lies outside of the filters; Previous and Next lead to samples"
                        " that match them."
                    )
                draw_sample(sample, level_labels(chosen.scheme))
    else:
        screen.empty(
            "No sample matches.",
            "Published figures have no samples behind them. Take filters away, or choose other"
            " models or tasks on the left.",
        )
        if choice.is_narrowed or choice.selection != chosen:
            st.button("Clear the filters", on_click=clear_filters, icon=":material/filter_alt_off:")
