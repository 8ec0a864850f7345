"""Take pages along: read them full screen, or save them as one file that opens offline. In the sidebar of every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from data.records import Selection
from ui import cached, reading
from ui.meeting.meetings import Meeting, begin
from ui.reading import Part
from ui.words import counted

if TYPE_CHECKING:
    from ui.meeting.snapshot import View

SOURCE_COLUMNS = ("model", "run_id", "format", "harness", "harness_version", "id_source", "n_samples", "n_scores", "source_path", "sha256")

_MEETING = "meeting"


def draw_meeting(parts: list[Part], chosen: Selection, page: str) -> None:
    """Offer to collect, present and save pages. What is saved is made when it is asked for, of what stands on the page by then."""
    meeting = st.session_state.setdefault(_MEETING, None) or begin()
    st.session_state[_MEETING] = meeting
    meeting.page = partial(view_of, parts, chosen, _address())
    n = len(meeting.views)
    with st.popover(f"Meeting ({n})" if n else "Meeting", icon=":material/co_present:", type="tertiary"):
        what = counted(n, "collected page") if n else "this page"
        st.link_button(f"Present {what}", f"/meeting/{meeting.name}", icon=":material/slideshow:")
        st.download_button(
            f"Save {what} as one file",
            data=partial(_saved, meeting),
            file_name=f"charybdis-{'meeting' if n else page or 'overview'}.html",
            mime="text/html",
            on_click="ignore",
            icon=":material/file_save:",
            key="save meeting",
        )
        st.button("Collect this page", on_click=_collect, args=(meeting, chosen, _address()), icon=":material/add:")
        if n:
            st.button("Start over", on_click=meeting.views.clear, type="tertiary")
        st.caption("Collected pages keep their numbers.  \nThe file opens offline.")


def view_of(parts: Sequence[Part], chosen: Selection, address: str) -> View:
    """What stands on the page, with what it rests on."""
    from ui.meeting.snapshot import View, selection_words

    return View(
        parts=tuple(parts),
        address=address,
        selection=selection_words(asdict(chosen)),
        store_version=cached.store().version,
        sources=_sources(parts, chosen),
    )


def _collect(meeting: Meeting, chosen: Selection, address: str) -> None:
    meeting.views.append(view_of(reading.parts(), chosen, address))


def _saved(meeting: Meeting) -> bytes:
    return meeting.document(as_deck=False).encode("utf-8")


def _sources(parts: Sequence[Part], chosen: Selection) -> pd.DataFrame:
    """The runs that charts count, of the models that the page names."""
    counted_runs = {*cached.task_counts(chosen)["run_id"], *cached.level_scores(chosen)["run_id"]}
    runs = cached.runs()
    runs = runs[runs["run_id"].isin(counted_runs)]
    text = "\n".join(_text(part) for part in parts)
    named = {model for model in runs["model"].unique() if model in text}
    return runs.loc[runs["model"].isin(named), list(SOURCE_COLUMNS)].reset_index(drop=True)


def _text(part: Part) -> str:
    if part.kind == "chart":
        from ui.chart import encode_figure

        return encode_figure(part.content)
    return part.content.to_csv(index=False) if part.kind == "table" else str(part.content)


def _address() -> str:
    words = [(key, value) for key in st.query_params for value in st.query_params.get_all(key)]
    base = (st.context.url or "").split("?")[0]
    return f"{base}?{urlencode(words)}" if words else base
