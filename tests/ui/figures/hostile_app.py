"""Figures of models with hostile names, for tests/ui/figures/test_hostile_names.py."""

from pathlib import Path

import streamlit as st

from tests.ui.figures.examples import FIGURES, HOSTILE
from ui.chart import provide_library, show_chart

provide_library(Path(__file__).parent / "static")
for name in ("valley", "scores"):
    figure = FIGURES[name](HOSTILE, HOSTILE + "2")
    st.subheader(name)
    show_chart(figure, key=name)
