"""Links to views that choose models, tasks or scheme themselves.

The selection's widgets live on every page and write their words into every address, so a plain link
to a page cannot change them: what such a view chooses is put into the widgets first, and then its
page is opened.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ui import screen
from ui.plain import plain
from ui.selection import URL_KEYS, choose_words

Words = Sequence[tuple[str, str]]


def view_link(
    label: str, page: str, words: Words, *, key: str, icon: str = ":material/bookmark:"
) -> None:
    """A link to a page with these words, those of the selection among them; what the selection had
    before is replaced.
    """
    if st.button(
        plain(label),
        key=key,
        icon=icon,
        type="tertiary",
        on_click=choose_words,
        args=(tuple(words),),
    ):
        screen.open_page(page, **{name: word for name, word in words if name not in URL_KEYS})
