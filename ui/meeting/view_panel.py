"""Saved views: the page as it is addressed, under a name, for everybody who uses this store. And
what changed since a view was saved.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import streamlit as st

from analysis.text import ago
from data.queries import fetch_runs, fetch_views
from data.records import CharybdisError
from data.views import remove_view, save_view
from ui.kept import kept, the_store
from ui.plain import plain
from ui.since import SINCE, changes, read_since, since_word
from ui.view_links import view_link

_NAME, _PROBLEM = "name of the view", "view: problem"


def draw_view_panel(page: str) -> None:
    """In a popover: save this page's address under a name; the views saved so far, as links."""
    saved = kept(fetch_views)()
    with st.popover(
        f"Views ({len(saved)})" if len(saved) else "Views",
        icon=":material/bookmark:",
        type="tertiary",
    ):
        with st.form("save view", border=False, clear_on_submit=True):
            st.text_input(
                "Save this view as",
                key=_NAME,
                max_chars=80,
                placeholder="name that colleagues will understand",
            )
            st.form_submit_button(
                "Save", icon=":material/bookmark_add:", on_click=_save, args=(page or "overview",)
            )
        if problem := st.session_state.pop(_PROBLEM, None):
            st.error(plain(problem), icon=":material/error:")
        draw_saved_views(removable=True)


def draw_saved_views(*, removable: bool = False) -> None:
    """Every saved view as a link, with when it was saved and how much has changed since."""
    for view in kept(fetch_views)().to_dict("records"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            words = [
                *parse_qsl(str(view["query"])),
                (SINCE, since_word(int(view["store_version"]), view["saved_at"])),
            ]
            view_link(view["name"], view["page"], words, key=f"view {view['view_id']} {removable}")
            st.caption(plain(f"saved {ago(view['saved_at'])}"))
            if removable:
                st.button(
                    "Forget",
                    key=f"forget {view['view_id']}",
                    on_click=_forget,
                    args=(view["view_id"],),
                    type="tertiary",
                    icon=":material/close:",
                )


def say_what_changed() -> None:
    """On a page that was opened by a saved view: which runs came into the store after it was
    saved.
    """
    word = st.query_params.get(SINCE)
    found = read_since(word) if word else None
    if found is None:
        return
    text = changes(kept(fetch_runs)(), the_store().version, *found)
    if text:
        st.info(plain(text), icon=":material/history:")


def _save(page: str) -> None:
    words = [
        (key, value)
        for key in st.query_params
        if key != SINCE
        for value in st.query_params.get_all(key)
    ]
    try:
        save_view(the_store(), name=str(st.session_state[_NAME]), page=page, query=urlencode(words))
    except CharybdisError as cause:
        st.session_state[_PROBLEM] = str(cause)


def _forget(view_id: str) -> None:
    remove_view(the_store(), view_id)
