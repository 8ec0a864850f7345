"""While folders are watched: a note on every page when the store has more than the page shows."""

from __future__ import annotations

import streamlit as st

from data.watching import PAUSE_S
from ui import cached
from ui.words import counted


def draw_freshness() -> None:
    """In the sidebar, while folders are watched: a note as soon as the store holds more than the
    page shows.
    """
    if not cached.watched_folders():
        return
    cached.watch()
    with st.sidebar:
        _note(cached.store().version)


@st.fragment(run_every=PAUSE_S)
def _note(shown_version: int) -> None:
    newer = cached.store().version - shown_version
    if newer and st.button(
        f"{counted(newer, 'change')} since: show",
        icon=":material/refresh:",
        key="show newer",
        type="tertiary",
    ):
        st.rerun(scope="app")
