"""Take the page along: a button in the sidebar that saves what stands on the page as one file which opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from data.records import Selection
from ui import cached
from ui.reading import Part

if TYPE_CHECKING:
    from ui.snapshot import View

SOURCE_COLUMNS = ("model", "run_id", "format", "harness", "harness_version", "id_source", "n_samples", "n_scores", "source_path", "sha256")


def draw_snapshot_button(parts: list[Part], chosen: Selection, page: str) -> None:
    """Offer the page as a file. It is made when it is asked for, of the parts that stand on the page by then."""
    with st.sidebar:
        st.download_button(
            "Take this page along",
            data=partial(_document, parts, chosen, _address()),
            file_name=f"charybdis-{page or 'overview'}.html",
            mime="text/html",
            on_click="ignore",
            type="tertiary",
            icon=":material/file_save:",
            help="One HTML file with the sentence, the charts, the tables and where the numbers come from. It opens offline.",
            key="take along",
        )


def view_of(parts: Sequence[Part], chosen: Selection, address: str) -> View:
    """What stands on the page, with what it rests on."""
    from ui.snapshot import View, selection_words

    words = {name: value for name, value in asdict(chosen).items() if value}
    return View(
        parts=tuple(parts),
        address=address,
        selection=selection_words(words),
        store_version=cached.store().version,
        sources=_sources(parts, chosen),
    )


def _document(parts: Sequence[Part], chosen: Selection, address: str) -> bytes:
    from ui.snapshot import snapshot

    return snapshot([view_of(parts, chosen, address)]).encode("utf-8")


def _sources(parts: Sequence[Part], chosen: Selection) -> pd.DataFrame:
    """The runs that charts count, of the models that the page names."""
    counted = {*cached.task_counts(chosen)["run_id"], *cached.level_scores(chosen)["run_id"]}
    runs = cached.runs()
    runs = runs[runs["run_id"].isin(counted)]
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
