"""Watched folders on screen: which they are, and what came in lately."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from data.importing import path_text
from data.records import CharybdisError
from data.watching import watch_folders, watched_folders
from pages.runs.import_panel import Report, is_local, report_table
from ui.kept import kept, the_store, the_watch
from ui.plain import plain

_ASKED, _PROBLEM = "folder to watch", "watch: problem"


def draw_watch_panel() -> None:
    """Folders that are watched, with a field for another one, and what became of the newest
    files.
    """
    st.subheader("Watched folders", anchor=False)
    if not is_local():
        st.caption("Watching folders is off: this server listens beyond this machine.")
        return
    st.caption(
        "Result files that appear or grow in these folders come in by themselves while the"
        " dashboard runs."
    )
    folders = kept(watched_folders)()
    for folder in folders:
        left, right = st.columns([6, 1], vertical_alignment="center")
        left.markdown(plain(path_text(folder)))
        right.button(
            "Stop",
            key=f"unwatch {folder}",
            on_click=_watch,
            args=([other for other in folders if other != folder],),
            type="tertiary",
        )
    with st.form("watch a folder", border=False, clear_on_submit=True):
        left, right = st.columns([5, 1], vertical_alignment="bottom")
        left.text_input(
            "Watch a folder on this machine", key=_ASKED, placeholder="folder, say ~/runs"
        )
        right.form_submit_button(
            "Watch", icon=":material/visibility:", on_click=_add, args=(folders,)
        )
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(plain(problem), icon=":material/error:")
    if folders:
        watch = the_watch()
        if watch.problem:
            st.warning(plain(watch.problem), icon=":material/warning:")
        if watch.results:
            st.dataframe(
                report_table(Report(results=watch.results)), hide_index=True, placeholder="–"
            )


def _add(folders: tuple[Path, ...]) -> None:
    if wanted := str(st.session_state[_ASKED]).strip():
        _watch([*folders, Path(wanted)])


def _watch(folders: list[Path]) -> None:
    try:
        watch_folders(the_store(), folders)
    except CharybdisError as cause:
        st.session_state[_PROBLEM] = str(cause)
