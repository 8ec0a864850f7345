"""While folders are watched: a note on every page when the store has more than the page shows."""

from __future__ import annotations

import streamlit as st

from analysis.text import counted
from data.watching import PAUSE_S, watched_folders
from ui.kept import kept, the_store, the_watch


def draw_freshness() -> None:
    """In the sidebar, while folders are watched: a note as soon as the store holds more than the
    page shows.
    """
    if not kept(watched_folders)():
        return
    the_watch()
    with st.sidebar:
        _note(the_store().version)


@st.fragment(run_every=PAUSE_S)
def _note(shown_version: int) -> None:
    newer = the_store().version - shown_version
    if newer and st.button(
        f"{counted(newer, 'change')} since: show",
        icon=":material/refresh:",
        key="show newer",
        type="tertiary",
    ):
        st.rerun(scope="app")
