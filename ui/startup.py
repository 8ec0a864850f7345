"""The page table's row, and what the server does once at its start. Light to import: the heavy
parts come along while nobody waits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

from data.records import CharybdisError
from ui.chart import library_route
from ui.meeting.meetings import find, read_moment, read_pages
from ui.settings import settings
from ui.since import news

if TYPE_CHECKING:
    from ui.meeting.snapshot import Page

_PAGES = Path(__file__).resolve().parent.parent / "pages"


@dataclass(frozen=True, slots=True)
class PageInfo:
    """One page: `pages/<name>/page.py`, reached at `/<name>`. The overview lists the pages that
    have a question, with what they offer.
    """

    name: str
    title: str
    icon: str
    question: str = ""
    offer: str = ""


_known: tuple[PageInfo, ...] = ()


def known_pages() -> tuple[PageInfo, ...]:
    """The page table of this app, in order."""
    return _known


def navigation(pages: Sequence[PageInfo]) -> st.Page:
    """Tell Streamlit the pages; the one that the URL names comes back. The first is the start
    page.
    """
    global _known  # the same for every visit: the table stands in app.py
    _known = tuple(pages)
    return st.navigation(
        [
            st.Page(
                _PAGES / info.name / "page.py",
                title=info.title,
                icon=info.icon,
                url_path=info.name,
                default=place == 0,
            )
            for place, info in enumerate(pages)
        ]
    )


def prepare(pages: Sequence[PageInfo]) -> None:
    """Do what the first visitor would otherwise wait for, or stumble over.

    Until a process has heard of `st.navigation`, Streamlit takes a folder named `pages` for its
    older kind of multipage app: the first link to a page after a start would meet "Page not found".
    So the pages are named here, before anybody comes.
    """
    with quiet():
        navigation(pages)


def routes(pages: Sequence[PageInfo]) -> list[Route]:
    """Addresses beside Streamlit's own: its start page lies at `/` alone, so the page's name leads
    there, with what the link asks for.
    """

    def to_start(request: Request) -> RedirectResponse:
        query = request.url.query
        return RedirectResponse(
            f"./?{query}" if query else "./"
        )  # relative: the server may lie behind a path

    return [Route(f"/{pages[0].name}", to_start), library_route(), *meeting_routes()]


def meeting_routes() -> list[Route]:
    """The slides of a meeting, what came in since they were read, and reading them anew; of one
    page where a number is named.
    """

    def present(request: Request) -> Response:
        slides = _slides(request)
        if not slides:
            return PlainTextResponse(
                "This meeting is over: the server was started anew. Open the page again and"
                " present it.",
                404,
            )
        with quiet():
            from ui.meeting.snapshot import snapshot

            return HTMLResponse(
                snapshot(slides, as_deck=True, is_served=True),
                headers={"Cache-Control": "no-store"},
            )

    def news_of(request: Request) -> Response:
        slides = _slides(request)
        text = None
        if slides:
            with quiet():
                from data.queries import fetch_runs
                from ui.kept import kept, the_store

                text = news(kept(fetch_runs)(), the_store().version, *read_moment(slides))
        return JSONResponse({"text": text}, headers={"Cache-Control": "no-store"})

    def refresh(request: Request) -> Response:
        meeting = find(request.path_params["name"])
        if meeting is None:
            return JSONResponse(
                {"error": "This meeting is over: the server was started anew."}, 404
            )
        try:
            with quiet():
                meeting.refresh(
                    request.path_params.get("number"),
                    partial(read_pages, store_folder=settings().store),
                )
        except CharybdisError as cause:
            return JSONResponse({"error": str(cause)}, 409)
        return JSONResponse({"error": None})

    kinds = [("", present, "GET"), ("/news", news_of, "GET"), ("/refresh", refresh, "POST")]
    return [
        Route(f"/meeting/{{name}}{number}{end}", answer, methods=[method])
        for number in ("", "/{number:int}")
        for end, answer, method in kinds
    ]


def _slides(request: Request) -> list[Page]:
    meeting = find(request.path_params["name"])
    with quiet():
        return meeting.slides(request.path_params.get("number")) if meeting is not None else []


@contextmanager
def quiet() -> Iterator[None]:
    """Streamlit warns when it is used outside a visit, which is the point here."""
    names = (
        "streamlit.runtime.scriptrunner_utils.script_run_context",
        "streamlit.runtime.caching.cache_data_api",
    )
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
