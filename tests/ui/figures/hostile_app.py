"""Figures of models with hostile names, for tests/ui/figures/test_hostile_names.py."""

import streamlit as st

from tests.ui.figures.examples import FIGURES, HOSTILE
from ui.chart import library_route, show_chart

if __name__ == "__main__":
    for name in ("valley", "scores"):
        figure = FIGURES[name](HOSTILE, HOSTILE + "2")
        st.subheader(name)
        show_chart(figure, key=name)
else:
    app = st.App(__file__, routes=[library_route()])
