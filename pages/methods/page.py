"""How is every number made, and is it right? The list of methods, and one of them in full."""

import streamlit as st

from data.methods import read_agreement, read_calibration, read_methods
from pages.methods.sections import draw_method, found_methods, headline, method_table
from pages.samples.filters import say_ignored
from ui import screen

screen.question("How is every number made, and is it right?")

with screen.readable_errors():
    methods, agreement, calibration = (
        read_methods(),
        read_agreement(),
        read_calibration(),
    )
    screen.answer(headline(methods, agreement))

    by_key = {method.key: method for method in methods}
    left, right = st.columns([2, 1])
    words = left.text_input(
        "Find",
        key="find",
        bind="query-params",
        placeholder="a word of a name, formula, source or caption: Wilson, Fieller",
    )
    topics = list(dict.fromkeys(method.topic for method in methods))
    topic = right.selectbox(
        "Topic", topics, index=None, key="topic", bind="query-params", placeholder="all topics"
    )
    shown = found_methods(methods, words or "", topic)

    if shown:
        rows = screen.table(
            method_table(shown, agreement),
            "methods",
            # another list: the tick must not pass on to the next method
            key=f"method list {words} {topic}",
            on_select=True,
            height=min(388, 38 + 35 * len(shown)),
            columns={
                "topic": st.column_config.TextColumn(width=120),
                "method": st.column_config.TextColumn(width=260, pinned=True),
                "formula": st.column_config.TextColumn(width=330),
                "agreement": st.column_config.TextColumn(width=190),
            },
        )
        if rows:
            st.query_params["method"] = shown[rows[0]].key
    else:
        screen.empty(
            "No method has these words.", "Use fewer or other words, or choose all topics."
        )

    asked = st.query_params.get("method") or (shown[0].key if len(shown) == 1 else None)
    for key in (asked or "").split(","):  # a caption's link names all the methods behind its chart
        if key in by_key:
            draw_method(by_key[key], agreement, calibration)
        elif key:
            say_ignored("method", key, "The list shows the methods there are.")
    if not asked:
        st.caption(
            "Select a row to see a method in full: formula, source, where we differ, assumptions,"
            " agreement, pages."
        )
