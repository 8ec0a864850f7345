"""What stands around every page: page config, navigation, the store's first start, the global
selection.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from ui import reading, screen, selection
from ui.chart import preload_chart
from ui.freshness import draw_freshness
from ui.kept import the_store
from ui.meeting.snapshot_panel import draw_meeting
from ui.meeting.view_panel import draw_view_panel, say_what_changed
from ui.startup import PageInfo, navigation

_HERE = Path(__file__).parent


def run(pages: Sequence[PageInfo]) -> None:
    """Draw the shell and run the page that the URL names."""
    st.set_page_config(
        page_title="Charybdis", page_icon="🌀", layout="wide", initial_sidebar_state="expanded"
    )
    st.html(_HERE / "shell.css")
    st.logo(_HERE / "logo.svg", size="large")
    page = navigation(pages)
    preload_chart()
    is_ready = False
    with (
        screen.readable_errors()
    ):  # without a store there is nothing a page could show; the notice says what to do
        the_store()
        above = st.sidebar.container()  # above the selection, where it is found without scrolling
        selection.choose()
        is_ready = True
    if is_ready:
        draw_freshness()
        with above, st.container(horizontal=True):
            draw_meeting(reading.start(), selection.current(), page.url_path)
            draw_view_panel(page.url_path)
        say_what_changed()
        page.run()
