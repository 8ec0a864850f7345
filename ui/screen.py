"""Parts that every page is put together from: question, answer, empty state, errors, captions,
tables with downloads, links.

Data is never markup: names pass through `plain`, and what a model wrote is shown by `verbatim`
only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import streamlit as st

from data.exporting import FORMATS, MAX_LATEX_ROWS, SUFFIXES, table_as
from data.records import CharybdisError, Denominator
from ui import reading
from ui.plain import plain

__all__ = [
    "answer",
    "caption",
    "downloads",
    "empty",
    "open_page",
    "page_link",
    "plain",
    "question",
    "readable_errors",
    "save_button",
    "table",
    "verbatim",
]

DENOMINATOR_NAMES = {
    Denominator.UNPARSED_IS_WRONG: "unparsed answers count as wrong",
    Denominator.PARSED_ONLY: "parsed answers only",
    Denominator.AUTHORS: "the SCYLLA authors' rule (parsed answers only; 0 when under 10 % parse)",
}

_FOLLOWED = "followed-link"
_follow = st.components.v2.component(
    "charybdis_follow", js=(Path(__file__).parent / "follow.js").read_text(encoding="utf-8")
)


def question(text: str) -> None:
    """The question that the page answers, as its title."""
    reading.note("question", text)
    st.title(text, anchor=False)


def answer(text: str, *, kept: str | None = None) -> None:
    """The one sentence above a chart: what is seen, and how sure that is. Names in it may come from
    data.

    kept: what a slide or a file says instead, where the text holds only at the moment ("3 minutes
    ago").
    """
    reading.note("answer", kept or text)
    st.markdown(f"##### {plain(text)}")


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn an error that is meant for the reader into a notice. Anything else is a fault of ours
    and goes through.
    """
    try:
        yield
    except CharybdisError as error:
        st.error(plain(error), icon=":material/error:")


def empty(what: str, how: str, *, page: str | None = None, link: str | None = None) -> None:
    """An empty state: what is missing, what to do next, and a link to the page where to do it."""
    reading.note("empty", f"{what} {how}")
    with st.container(border=True):
        st.markdown(f"**{plain(what)}**")
        st.markdown(plain(how))
        if page is not None:
            page_link(page, link or f"Go to {page}")


def caption(
    *,
    n: str | int | None = None,
    estimator: str | None = None,
    interval: str | None = None,
    denominator: Denominator | None = None,
    more: Sequence[str] = (),
    methods: Sequence[str] = (),
) -> None:
    """The line under a chart: how many answers, which estimator, which interval, which denominator.
    Absent parts are left out.

    methods: keys of the methods page that say how the numbers are made; one link beneath opens them
    all.
    """
    parts = [
        f"n = {n:,}" if isinstance(n, int) else n,
        f"Estimator: {estimator}" if estimator else None,
        f"Intervals: {interval}" if interval else None,
        f"Denominator: {DENOMINATOR_NAMES[denominator]}" if denominator else None,
        *more,
    ]
    text = ". ".join(part.rstrip(".") for part in parts if part) + "."
    reading.note("caption", text)
    st.caption(plain(text))
    if methods:
        page_link(
            "methods",
            "How these numbers are made",
            icon=":material/function:",
            method=",".join(methods),
        )


def table(
    frame: pd.DataFrame,
    name: str,
    *,
    columns: Mapping[str, Any] | None = None,
    key: str | None = None,
    on_select: bool = False,
    height: int | None = None,
    formats: Mapping[str, Callable[[Any], str]] | None = None,
    paper: pd.DataFrame | None = None,
) -> list[int]:
    """Show a frame with its downloads beneath; returns the positions of selected rows.

    Args:
        columns: st.column_config entries.
        formats: how the cells of a column are written on screen; sorting and downloads keep the
            values.
        paper: what the LaTeX download holds instead, where the frame is too wide for a page.
    """
    reading.note(
        "table",
        frame if paper is None else paper,
        columns=dict(columns or {}),
        formats=dict(formats or {}),
        name=name,
    )
    options: dict[str, Any] = {
        "hide_index": True,
        "column_config": columns,
        "key": key,
        "placeholder": "–",
    }
    shown: Any = (
        frame.style.format({name: write for name, write in formats.items() if name in frame})
        if formats
        else frame
    )
    if height is not None:
        options["height"] = height
    if on_select:
        event = st.dataframe(shown, on_select="rerun", selection_mode="single-row", **options)
        rows = list(event["selection"]["rows"])
    else:
        st.dataframe(shown, **options)
        rows = []
    downloads(frame, name, paper=paper)
    return rows


def downloads(frame: pd.DataFrame, name: str, *, paper: pd.DataFrame | None = None) -> None:
    """Buttons that save exactly this frame as CSV, JSON or (while it is short enough for a paper)
    LaTeX; made when asked for.
    """
    labels = {"csv": "CSV", "json": "JSON"} | (
        {"latex": "LaTeX", "markdown": "Markdown"} if len(frame) <= MAX_LATEX_ROWS else {}
    )
    with st.container(horizontal=True, gap="small"):
        for table_format, label in labels.items():
            shown = paper if paper is not None and table_format in ("latex", "markdown") else frame
            save_button(
                label,
                partial(table_as, shown, table_format),
                f"{name}.{SUFFIXES[table_format]}",
                FORMATS[table_format],
                key=f"download {name} {table_format}",
            )


def save_button(
    label: str,
    make: Callable[[], bytes | str],
    file_name: str,
    mime: str,
    *,
    key: str,
    help: str | None = None,
) -> None:
    """A quiet button that saves a file, made when it is asked for; the page stays as it is."""
    st.download_button(
        label,
        data=make,
        file_name=file_name,
        mime=mime,
        key=key,
        help=help,
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )


def verbatim(text: str, *, language: str | None = None) -> None:
    """Show text that came from a model or a file, as it stands."""
    st.code(text, language=language, wrap_lines=True)


def open_page(name: str, **params: str | int | None) -> NoReturn:
    """Go to a page with these query parameters (None is left out). The global selection goes along,
    and Back returns in one step.
    """
    with st.container(key=_FOLLOWED):
        page_link(name, f"Opening {name}", icon=":material/arrow_forward:", **params)
    _follow(key="follow", data={"link": _FOLLOWED})
    st.stop()


def page_link(
    name: str, label: str, *, icon: str | None = None, **params: str | int | None
) -> None:
    """A link to a page with these query parameters. The global selection goes along."""
    st.page_link(
        f"pages/{name}/page.py", label=plain(label), icon=icon, query_params=_words(params)
    )


def _words(params: Mapping[str, str | int | None]) -> dict[str, str]:
    return {key: str(value) for key, value in params.items() if value is not None}
