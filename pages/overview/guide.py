"""The first visit: five steps on the overview, each a link to a page that is already set up. Skip
hides them.
"""

from __future__ import annotations

import streamlit as st

from data.queries import fetch_models
from ui.kept import kept
from ui.view_links import view_link

MODELS = ("ladder-80k-s0", "ladder-300k-s0")
OOD_KIND = "decade"
_SKIPPED = "guide: skipped"
_PAIR = tuple(("models", model) for model in MODELS)

STEPS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ("valley", "1. The valley of two models of the ladder", _PAIR),
    ("valley", f"2. The same with OOD kind {OOD_KIND}", (*_PAIR, ("ood", OOD_KIND))),
    ("compare", "3. A paired comparison of the two sizes", _PAIR),
    ("what_if", "4. What if another metric had been used?", _PAIR),
    ("runs", "5. Drop your own results", (("view", "Import"),)),
)
"""Page, label and words of the URL of each step."""


ABOUT = (
    "The ladder: models of 1k to 1M parameters that this project trained itself, so what they have"
    " seen is known exactly. ID: instances like those of training. OOD: instances unlike them, in a"
    " way that the OOD kind names (decade: numbers of the thirties and seventies, which training"
    " kept out of these tasks)."
)


def draw_guide() -> None:
    """The five steps; nothing after Skip, with `guide=off` in the URL, or in a store without the
    ladder.
    """
    if st.session_state.get(_SKIPPED) or st.query_params.get("guide") == "off":
        return
    if not set(MODELS) <= set(kept(fetch_models)()["model"]):
        return
    with st.container(border=True, key="guide", gap=None):
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            st.markdown("**First visit? Five steps**")
            st.button("Skip", key="skip guide", type="tertiary", on_click=_skip)
        st.caption(ABOUT)
        with st.container(horizontal=True, gap="small", key="guide-steps"):
            for page, label, words in STEPS:
                view_link(label, page, words, key=f"guide {label}", icon=":material/arrow_forward:")


def _skip() -> None:
    st.session_state[_SKIPPED] = True
