"""Take pages along: read them full screen, or save them as one file that opens offline. In the
sidebar of every page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from analysis.text import counted
from data.queries import fetch_runs, fetch_views
from data.records import CharybdisError, Selection
from studies.steps import level_scores, task_counts
from ui.kept import kept, the_store
from ui.meeting.meetings import Meeting, begin, find, read_moment, read_pages
from ui.plain import plain
from ui.reading import Part
from ui.settings import settings
from ui.since import SINCE, news

if TYPE_CHECKING:
    from ui.meeting.snapshot import Page, View

SOURCE_COLUMNS = (
    *("model", "run_id", "format", "harness", "harness_version", "id_source", "seeds"),
    *("n_samples", "n_scores", "source_path", "sha256"),
)
COOKIE = "charybdis_meeting"
"""Word by which a browser finds its meeting again after a reload, and in another tab."""

_MEETING = "meeting"
_OPEN_PAGE = "page that is open"
_remember = st.components.v2.component(
    "charybdis_meeting", js="export default function ({ data }) { document.cookie = data.cookie; }"
)


def draw_meeting(parts: list[Part], chosen: Selection, page: str) -> None:
    """Offer to collect, present and save pages. A page is what stood on it when it was drawn, with
    the store's version of then.
    """
    meeting = _meeting()
    open_page = partial(page_as_drawn, parts, chosen, _address(), basis_of(chosen))
    number = meeting.draws(open_page)
    n = len(meeting.pages)
    with st.popover(
        f"Meeting ({n})" if n else "Meeting", icon=":material/co_present:", type="tertiary"
    ):
        what = counted(n, "collected page") if n else "this page"
        st.link_button(
            f"Present {what}",
            f"/meeting/{meeting.name}{'' if n else f'/{number}'}",
            icon=":material/slideshow:",
        )
        st.download_button(
            f"Save {what} as one file",
            data=partial(_saved, meeting, open_page),
            file_name=f"charybdis-{'meeting' if n else page or 'overview'}.html",
            mime="text/html",
            on_click="ignore",
            icon=":material/file_save:",
            key="save meeting",
        )
        st.button("Collect this page", on_click=_collect, args=(meeting,), icon=":material/add:")
        _offer_saved_views(meeting)
        if n:
            _say_news(meeting)
            st.button("Start over", on_click=meeting.pages.clear, type="tertiary")
        st.caption("Collected pages keep their numbers.  \nThe file opens offline.")
    st.session_state[_OPEN_PAGE] = open_page


def page_as_drawn(parts: Sequence[Part], chosen: Selection, address: str, basis: Basis) -> Page:
    """What stands on the page by now, ready to be kept."""
    from ui.meeting.snapshot import page_of

    return page_of(view_of(parts, chosen, address, basis))


def view_of(parts: Sequence[Part], chosen: Selection, address: str, basis: Basis) -> View:
    """What stands on the page, with what it rests on."""
    from ui.meeting.snapshot import View, selection_words

    return View(
        parts=tuple(parts),
        address=address,
        selection=selection_words(asdict(chosen)),
        store_version=basis.store_version,
        read_at=basis.read_at,
        sources=_sources(parts, basis.runs),
    )


@dataclass(frozen=True, slots=True)
class Basis:
    """What a page rests on when it begins to be drawn. runs: those that charts count, as
    data.queries.fetch_runs.
    """

    store_version: int
    read_at: datetime
    runs: pd.DataFrame


def basis_of(chosen: Selection) -> Basis:
    """Store version, moment and counted runs of now."""
    version, moment = the_store().version, datetime.now(UTC)
    counted_runs = {*kept(task_counts)(chosen)["run_id"], *kept(level_scores)(chosen)["run_id"]}
    runs = kept(fetch_runs)()
    return Basis(version, moment, runs.loc[runs["run_id"].isin(counted_runs), list(SOURCE_COLUMNS)])


def _meeting() -> Meeting:
    """The meeting of this visit: the one this browser had before a reload, if it is still kept."""
    meeting = st.session_state.get(_MEETING) or find(st.context.cookies.get(COOKIE, "")) or begin()
    st.session_state[_MEETING] = meeting
    if meeting.pages:
        with st.sidebar:  # beside the menu its empty place would push Views into a second line
            _remember(
                key="remember meeting",
                data={"cookie": f"{COOKIE}={meeting.name}; path=/; SameSite=Strict; max-age=86400"},
            )
    return meeting


def _collect(meeting: Meeting) -> None:
    meeting.pages.append(st.session_state[_OPEN_PAGE]())


def _saved(meeting: Meeting, open_page: Callable[[], Page]) -> bytes:
    from ui.meeting.snapshot import snapshot

    return snapshot(meeting.pages or [open_page()]).encode("utf-8")


def _offer_saved_views(meeting: Meeting) -> None:
    """A button that collects every saved view, each as it stands on the store of now."""
    views = kept(fetch_views)()
    if views.empty or not st.button(
        f"Collect the {counted(len(views), 'saved view')}", icon=":material/bookmarks:"
    ):
        return
    base = _address().split("?")[0].rsplit("/", 1)[0]
    addresses = [
        f"{base}/{page}?{query}" for page, query in zip(views["page"], views["query"], strict=True)
    ]
    _while_reading(lambda: meeting.pages.extend(_read(addresses)), len(addresses))


def _say_news(meeting: Meeting) -> None:
    """Which runs came in since the collected pages were read, and the button that reads them all
    anew.
    """
    text = news(kept(fetch_runs)(), the_store().version, *read_moment(meeting.pages))
    if text:
        st.info(plain(text), icon=":material/history:")
        if st.button("Refresh all slides", icon=":material/refresh:"):
            _while_reading(lambda: meeting.refresh(None, _read), len(meeting.pages))


def _while_reading(read: Callable[[], None], n: int) -> None:
    try:
        with st.spinner(f"Reading {counted(n, 'page')}"):
            read()
    except CharybdisError as cause:
        st.error(plain(cause), icon=":material/error:")
    else:
        st.rerun()


def _read(addresses: Sequence[str]) -> list[Page]:
    return read_pages(addresses, settings().store)


def _sources(parts: Sequence[Part], runs: pd.DataFrame) -> pd.DataFrame:
    """The runs among those that charts count, of the models that the page names."""
    text = "\n".join(_text(part) for part in parts)
    named = {model for model in runs["model"].unique() if model in text}
    return runs[runs["model"].isin(named)].reset_index(drop=True)


def _text(part: Part) -> str:
    if part.kind == "chart":
        from ui.chart import encode_figure

        return encode_figure(part.content)
    return part.content.to_csv(index=False) if part.kind == "table" else str(part.content)


def _address() -> str:
    words = [
        (key, value)
        for key in st.query_params
        if key != SINCE
        for value in st.query_params.get_all(key)
    ]
    base = (st.context.url or "").split("?")[0]
    return f"{base}?{urlencode(words)}" if words else base
