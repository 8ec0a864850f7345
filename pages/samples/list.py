"""The list of samples, the one that is open, and the way from one to the next. The open sample's
address is in the URL.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from analysis.text import counted, significant, split_label
from data.queries import fetch_neighbours, fetch_sample_page
from pages.samples.filters import PAGE_SIZE, SampleChoice, say_ignored
from ui import reading, screen
from ui.kept import kept
from ui.raw_text import one_line

Address = tuple[str, int]
"""Run id and row in run."""
_FORMATS: dict[str, Callable[[Any], str]] = dict.fromkeys(
    ("log p", "score", "seconds"), significant
)
_LISTED = "samples: addresses on screen"
_NARROW = {"outcome": 76, "task": 110, "answer": 70, "target": 70}
"""Columns of the list beside an open sample, and their widths in pixels."""


def open_address() -> Address | None:
    """The sample that the URL names; a word that is no address is said to be none."""
    word = st.query_params.get("sample")
    if not word:
        return None
    run_id, _, row = word.rpartition("/")
    if run_id and row.isdecimal() and len(row) < 10:
        return run_id, int(row)
    say_ignored("sample", word, "An address is a run's id, a slash and a row number.")
    return None


def draw_list(choice: SampleChoice, n_matching: int, opened: Address | None) -> None:
    """Draw one page of the list with its pages beneath, narrow beside an open sample. A click on a
    row opens that sample.
    """
    is_narrow = opened is not None
    n_pages = max(1, math.ceil(n_matching / PAGE_SIZE))
    page = _current_page(n_pages)
    frame = kept(fetch_sample_page)(
        choice.selection, choice.wanted, sort=choice.sort, page=page - 1, page_size=PAGE_SIZE
    )
    addresses = [
        (str(run), int(row)) for run, row in zip(frame["run_id"], frame["row_in_run"], strict=True)
    ]
    st.session_state[_LISTED] = addresses
    shown = list_table(frame)
    reading.note("table", shown, name="samples")
    marked = [addresses.index(opened)] if opened in addresses else []
    _mark(marked)
    st.dataframe(
        shown.style.format({name: write for name, write in _FORMATS.items() if name in shown}),
        key="list",
        hide_index=True,
        height=min(560, 37 + 35 * len(shown)),
        column_order=list(_NARROW) if is_narrow else None,
        column_config={
            name: st.column_config.TextColumn(width=width) for name, width in _NARROW.items()
        }
        if is_narrow
        else None,
        on_select=_open_selected,
        selection_mode="single-row",
        selection_default=_selection(marked) if marked else None,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if n_pages > 1:
            st.pagination(
                n_pages, key="page", bind="query-params", max_visible_pages=5 if is_narrow else 7
            )
        first = (page - 1) * PAGE_SIZE
        st.caption(
            f"{first + 1:,}–{first + len(frame):,} of {n_matching:,}, sorted by {choice.sort}"
        )
    if not is_narrow:
        screen.downloads(shown, "samples")


def list_table(frame: pd.DataFrame) -> pd.DataFrame:
    """A page of samples as it stands on screen: texts on one line with nothing hidden, columns
    without any value left out.
    """
    texts = {
        name: [None if pd.isna(text) else one_line(str(text)) for text in frame[name]]
        for name in ("parsed_answer", "target", "response")
    }
    table = pd.DataFrame(
        {
            "outcome": frame["outcome"].fillna("not graded"),
            "model": frame["model"],
            "task": frame["task"],
            "level": frame["level"].astype("Int64"),
            "split": frame["split"].map(split_label, na_action="ignore"),
            "answer": texts["parsed_answer"],
            "target": texts["target"],
            "response": texts["response"],
            "score": frame["score"],
            "log p": frame["answer_logprob"],
            "tokens": frame["n_output_tokens"].astype("Int64"),
            "seconds": frame["duration_s"],
            "instance": [one_line(str(name), at_most=80) for name in frame["instance_id"]],
            "run": frame["run_id"],
            "row": frame["row_in_run"],
        }
    )
    return table.drop(
        columns=[name for name in table.columns if table[name].isna().all() and name not in _NARROW]
    )


def draw_steps(choice: SampleChoice, address: Address) -> None:
    """Buttons to the neighbours of the open sample, in the order of the list, and one that closes
    it.
    """
    before, after = kept(fetch_neighbours)(
        choice.selection, choice.wanted, *address, sort=choice.sort
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Previous",
            key="previous",
            shortcut="k",
            icon=":material/arrow_back:",
            disabled=before is None,
            on_click=_go_to,
            args=(before, -1),
        )
        st.button(
            "Next",
            key="next",
            shortcut="j",
            icon=":material/arrow_forward:",
            disabled=after is None,
            on_click=_go_to,
            args=(after, 1),
        )
        st.button(
            "Close",
            key="close",
            shortcut="x",
            icon=":material/close:",
            type="tertiary",
            on_click=_close,
        )


def _current_page(n_pages: int) -> int:
    """The page asked for, by the widget or, before it is drawn for the first time, by the URL;
    never beyond the last.
    """
    if "page" not in st.session_state:
        word = st.query_params.get("page", "1")
        page = int(word) if word.isdecimal() and len(word) < 10 else 0
        if not 1 <= page <= n_pages:
            say_ignored(
                "page", word, f"The list has {counted(n_pages, 'page')}; this is the first."
            )
            page = 1
        return page
    page = min(max(1, int(st.session_state["page"] or 1)), n_pages)
    if page != st.session_state["page"]:
        st.session_state["page"] = page
    return page


def _open_selected() -> None:
    rows = st.session_state["list"]["selection"]["rows"]
    if rows:
        _open(st.session_state[_LISTED][rows[0]])
    else:
        st.query_params.pop("sample", None)


def _go_to(address: Address, direction: int) -> None:
    """Open a neighbour; the list turns its page when the neighbour stands on another."""
    listed: list[Any] = st.session_state.get(_LISTED, [])
    shown = st.query_params.get("sample", "")
    is_edge = bool(listed) and shown == _word(listed[-1] if direction > 0 else listed[0])
    if is_edge and address not in listed:
        st.session_state["page"] = max(1, int(st.session_state.get("page") or 1) + direction)
    _open(address)


def _mark(rows: list[int]) -> None:
    """Let the ticked row be the open one, also after Back or a step. A list that was not drawn yet
    has no ticks to move.
    """
    if "list" in st.session_state and list(st.session_state["list"]["selection"]["rows"]) != rows:
        st.session_state["list"] = _selection(rows)


def _selection(rows: list[int]) -> Any:
    return {"selection": {"rows": rows, "columns": [], "cells": []}}


def _open(address: Address) -> None:
    st.query_params["sample"] = _word(address)


def _word(address: Address) -> str:
    return f"{address[0]}/{address[1]}"


def _close() -> None:
    st.query_params.pop("sample", None)
