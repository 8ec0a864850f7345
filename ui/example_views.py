"""Example views as links: on the overview, and on the page that they lead to."""

from __future__ import annotations

import streamlit as st

from data.queries import fetch_models
from data.views import ExampleView, read_example_views
from ui import screen
from ui.kept import kept
from ui.view_links import view_link


def examples(page: str | None = None) -> tuple[ExampleView, ...]:
    """Views whose models are all stored; of one page, or all."""
    stored = set(kept(fetch_models)()["model"])
    return tuple(
        view for view in read_example_views() if view.models <= stored and page in (None, view.page)
    )


def draw_examples(page: str | None = None) -> None:
    """Each view as a link with its sentence; nothing where none can be shown."""
    for view in examples(page):
        with st.container(gap=None):
            view_link(view.name, view.page, view.query, key=f"example {view.view_id}")
            st.caption(screen.plain(view.note))
