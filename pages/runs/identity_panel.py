"""Who is who on screen: models that may be one, names and checkpoints, runs that came in twice.
Nothing is merged without a click.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from analysis.text import counted, listed
from data.identity import (
    decided_names,
    keep_apart,
    merge_models,
    split_model,
    suggested_merges,
    suggested_same_runs,
)
from data.importers import format_label
from data.queries import fetch_checkpoints, fetch_model_names, fetch_runs
from data.records import CharybdisError
from ui import screen
from ui.kept import kept, the_store
from ui.raw_text import one_line

N_SHOWN = 12
"""So many suggestions, names and pairs of runs stand with buttons; the tables hold all."""
_SAID = "identity: what became of it"
_MERGED, _KEPT = "models to merge", "model to keep"


def draw_identity_panel() -> None:
    """Suggestions, merging by hand, names that were merged, checkpoints, runs that are probably
    one.
    """
    said = st.session_state.pop(_SAID, None)
    if said is not None:
        is_done, text = said
        (st.success if is_done else st.error)(
            screen.plain(text), icon=":material/check_circle:" if is_done else ":material/error:"
        )
    if kept(fetch_runs)().empty:
        screen.empty(
            "The store holds no models yet.",
            "Import results first; the names their sources give to models are listed here then.",
        )
        return
    _draw_suggestions(kept(suggested_merges)())
    _draw_merge_by_hand()
    _draw_names()
    _draw_same_runs()
    _draw_checkpoints()


def _draw_suggestions(suggestions: list[tuple[str, str, str]]) -> None:
    st.subheader("Models that may be one", anchor=False)
    if not suggestions:
        st.caption("No two names of models look like one model.")
        return
    st.caption(
        "Each stays a model of its own until you merge it. A merge is undone below, by splitting"
        " the name."
    )
    for place, (merged, into, reason) in enumerate(suggestions[:N_SHOWN]):
        words, merge, keep = st.columns([6, 1, 1], vertical_alignment="center")
        words.markdown(
            f"**{screen.plain(one_line(merged))}** may be **{screen.plain(one_line(into))}**:"
            f" {screen.plain(one_line(reason))}."
        )
        merge.button(
            "Merge",
            key=f"merge {place}",
            on_click=_merge,
            args=([merged], into),
            icon=":material/merge:",
        )
        keep.button(
            "Two models",
            key=f"apart {place}",
            on_click=_keep_apart,
            args=(merged, into),
            type="tertiary",
        )
    if len(suggestions) > N_SHOWN:
        st.caption(
            f"{counted(len(suggestions) - N_SHOWN, 'more suggestion')} come when these are"
            " answered; the table has them all."
        )
        screen.table(
            pd.DataFrame(suggestions, columns=["model", "may be", "reason"]),
            "suggested merges",
            height=220,
        )


def _draw_merge_by_hand() -> None:
    with st.expander("Merge other models"):
        names = kept(fetch_model_names)()
        used = sorted(names["model"][names["n_runs"] > 0].unique())
        left, middle, right = st.columns([4, 3, 1], vertical_alignment="bottom")
        merged = left.multiselect("Merge", used, key=_MERGED, placeholder="one or more models")
        into = middle.selectbox(
            "into",
            sorted(names["model"].unique()),
            index=None,
            key=_KEPT,
            placeholder="the model to keep",
        )
        right.button(
            "Merge",
            key="merge by hand",
            disabled=not merged or into is None or merged == [into],
            on_click=_merge,
            args=(merged, into),
        )


def name_table(names: pd.DataFrame, decided: dict[str, str]) -> pd.DataFrame:
    """Names that stand for a model of another name, decided ones first: name, model, runs, formats,
    by.
    """
    others = names[
        (names["name"] != names["model"])
        & ((names["n_runs"] > 0) | names["name"].isin(list(decided)))
    ]
    table = pd.DataFrame(
        {
            "name": others["name"],
            "model": others["model"],
            "runs": others["n_runs"],
            "formats": others["formats"],
            "by": ["you" if name in decided else "the catalog" for name in others["name"]],
        }
    )
    return table.sort_values(
        ["by", "model", "name"],
        key=lambda column: column.eq("the catalog") if column.name == "by" else column,
    )


def _draw_names() -> None:
    st.subheader("Names that stand for a model", anchor=False)
    table = name_table(kept(fetch_model_names)(), kept(decided_names)()).reset_index(drop=True)
    if table.empty:
        st.caption("Every run came under the name its model has here.")
        return
    st.caption(
        "Runs that come in later under one of these names are runs of its model. Splitting takes"
        " the name and its runs out again."
    )
    wanted = (
        st.text_input("Find a name", key="name to find", placeholder="part of a name")
        if len(table) > N_SHOWN
        else ""
    )
    hits = table[
        table["name"].str.contains(wanted, case=False, regex=False)
        | table["model"].str.contains(wanted, case=False, regex=False)
    ]
    for name, model, n_runs, _, by in hits.head(N_SHOWN).itertuples(index=False):
        words, split = st.columns([7, 1], vertical_alignment="center")
        words.markdown(
            f"**{screen.plain(one_line(name))}** is {screen.plain(one_line(model))} ·"
            f" {counted(n_runs, 'run')} · decided by {by}"
        )
        split.button(
            "Split",
            key=f"split {name}",
            on_click=_split,
            args=(name,),
            icon=":material/call_split:",
        )
    screen.table(table, "model names", height=min(250, 38 + 35 * len(table)))


def _draw_same_runs() -> None:
    st.subheader("Runs that are probably one", anchor=False)
    pairs = kept(suggested_same_runs)()
    if not pairs:
        st.caption(
            "No two runs of a model have the same answers, or state the same numbers in two"
            " formats."
        )
        return
    st.caption(
        "Both are kept. Of several runs of one model and task the analyses take one, so nothing is"
        " counted twice; remove one of them if it is in the way."
    )
    for pair in pairs[:N_SHOWN]:
        formats = (
            f"twice in {format_label(pair.first_format)}"
            if pair.first_format == pair.second_format
            else f"in {format_label(pair.first_format)} and in {format_label(pair.second_format)}"
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{screen.plain(one_line(pair.model))}** {screen.plain(formats)}:"
                f" {screen.plain(pair.reason)}."
            )
            screen.page_link("runs", f"Run {pair.first}", icon=":material/article:", run=pair.first)
            screen.page_link(
                "runs", f"Run {pair.second}", icon=":material/article:", run=pair.second
            )
    if len(pairs) > N_SHOWN:
        rows = [
            (
                pair.model,
                pair.first,
                pair.first_format,
                pair.second,
                pair.second_format,
                pair.reason,
            )
            for pair in pairs
        ]
        columns = ["model", "first run", "first format", "second run", "second format", "reason"]
        screen.table(pd.DataFrame(rows, columns=columns), "runs that are one", height=220)


def _draw_checkpoints() -> None:
    st.subheader("Checkpoints", anchor=False)
    table = kept(fetch_checkpoints)()
    n_steps = int(table["step"].notna().sum())
    st.caption(
        "A checkpoint is a model at a revision and a training step:"
        f" {counted(len(table), 'checkpoint')} of {counted(table['model'].nunique(), 'model')},"
        f" {counted(n_steps, 'of them', 'of them')} with a known step."
    )
    shown = table.rename(columns={"n_runs": "runs"})
    shown["revision"] = pd.Series(
        [_short(word) for word in shown["revision"]], index=shown.index, dtype=object
    )
    screen.table(shown, "checkpoints", height=min(320, 38 + 35 * len(shown)))


def _short(word: Any) -> str | None:
    return None if pd.isna(word) else one_line(str(word), at_most=60)


# -- what a click does -----------------------------------------------------------------------------


def _merge(merged: list[str], kept: str) -> None:
    def merge() -> str:
        n_moved = merge_models(the_store(), merged, kept)
        return (
            f"{listed([one_line(name) for name in merged])} merged into {one_line(kept)}:"
            f" {counted(n_moved, 'run')} moved."
        )

    _do(merge)
    st.session_state.pop(_MERGED, None)


def _split(name: str) -> None:
    def split() -> str:
        return (
            f"{one_line(name)} was split: its runs are runs of"
            f" {one_line(split_model(the_store(), name))}."
        )

    _do(split)


def _keep_apart(first: str, second: str) -> None:
    def keep() -> str:
        keep_apart(the_store(), first, second)
        return (
            f"{one_line(first)} and {one_line(second)} are two models; they are not suggested"
            " again."
        )

    _do(keep)


def _do(act: Callable[[], str]) -> None:
    try:
        st.session_state[_SAID] = (True, act())
    except CharybdisError as error:
        st.session_state[_SAID] = (False, f"Nothing changed. {error}")
