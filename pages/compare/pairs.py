"""The answers of two models side by side: the four cells (both, only one, neither right), and one
pair of answers with its text diff.

Cell, place in it, rival and place of the comparison are in the address. What a model wrote is shown
by `st.code` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from analysis.compare.answer_matrix import CELLS, AnswerMatrix
from analysis.compare.comparing import Comparison, records_of
from analysis.compare.rows import PAIRED, mask_of
from analysis.text import level_name, percent, split_label
from data.queries import fetch_sample
from data.records import Selection
from pages.samples.sections import TONES
from studies.compare import answer_matrix
from ui import screen
from ui.kept import kept
from ui.raw_text import excerpt, one_line, visible
from ui.text_diff import text_diff

LONGEST = 6000
"""Characters of a text shown here; the samples page has all of it."""


def follow_click(clicked: Mapping[str, Any] | None) -> None:
    """Let a click on the forest plot choose the two models and the group below it."""
    if clicked:
        st.session_state["against"] = clicked["model"]
        st.session_state["scope"] = _scope_word(clicked)
        st.session_state["view"] = "Side by side"
        _close()


def draw_pairs(comparison: Comparison, chosen: Selection) -> None:
    """The four cells of one model and the baseline, and the pair of answers that is open."""
    rows = comparison.rows[comparison.rows["method"] == PAIRED]
    if rows.empty:
        screen.empty(
            "No answers side by side.",
            "No model shares instances with the baseline; published level means have no answers"
            " behind them.",
        )
        return
    left, right = st.columns(2)
    rivals = list(dict.fromkeys(rows["model"]))
    rival = (
        left.selectbox("Model", rivals, key="against", bind="query-params", on_change=_close)
        or rivals[0]
    )
    there = {_scope_word(row): row for row in records_of(rows[rows["model"] == rival])}
    default = next((place for place, word in enumerate(there) if word == "OOD"), len(there) - 1)
    word = right.selectbox(
        "Where", list(there), index=default, key="scope", bind="query-params", on_change=_close
    )
    row = there[word or next(iter(there))]
    matrix = kept(answer_matrix)(replace(chosen, models=comparison.models))
    _draw_cells(row)
    st.caption(
        screen.plain(
            f"{row['n']:,} shared instances, {_where(row)}. Negative flips:"
            f" {row['n_baseline_only']:,} ({percent(row['flips'], 1)}) are right by"
            f" {row['baseline']} and wrong by {row['model']}. Choose a cell to read the answers."
        )
    )
    with st.container(horizontal=True):
        for name in (row["model"], row["baseline"]):
            level = row["level"]
            screen.page_link(
                "samples",
                f"All answers of {name} here",
                icon=":material/article:",
                model=name,
                task=row["task"],
                level=level,
                split=row["split"] or None,
            )
    cell = st.query_params.get("cell")
    if cell in CELLS:
        _draw_open(matrix, row, cell, chosen)


def _draw_cells(row: Mapping[Any, Any]) -> None:
    head = st.columns([2, 2, 2])
    head[1].caption(screen.plain(f"{row['baseline']} right"))
    head[2].caption(screen.plain(f"{row['baseline']} wrong"))
    for label, cells in (
        ("right", ("both", "model_only")),
        ("wrong", ("baseline_only", "neither")),
    ):
        line = st.columns([2, 2, 2], vertical_alignment="center")
        line[0].caption(screen.plain(f"{row['model']} {label}"))
        for column, cell in zip(line[1:], cells, strict=True):
            n = int(row[f"n_{cell}"])
            column.button(
                f"{_CELL_WORDS[cell]}: {n:,} ({percent(n / row['n'], 1)})",
                key=f"cell {cell}",
                type="primary" if st.query_params.get("cell") == cell else "secondary",
                disabled=not n,
                width="stretch",
                on_click=_open,
                args=(cell, 1),
            )


_CELL_WORDS = {
    "both": "both right",
    "model_only": "only the model",
    "baseline_only": "only the baseline",
    "neither": "neither",
}


def _draw_open(matrix: AnswerMatrix, row: Mapping[Any, Any], cell: str, chosen: Selection) -> None:
    columns = matrix.cell(
        row["model"],
        row["baseline"],
        cell,
        mask_of(matrix, row["grouping"], row["split"], row["level"], row["task"]),
    )
    if not len(columns):
        st.caption("This cell is empty.")
        return
    place = _place(len(columns))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Previous",
            key="pair back",
            icon=":material/arrow_back:",
            disabled=place <= 1,
            on_click=_open,
            args=(cell, place - 1),
        )
        st.button(
            "Next",
            key="pair on",
            icon=":material/arrow_forward:",
            disabled=place >= len(columns),
            on_click=_open,
            args=(cell, place + 1),
        )
        st.button(
            "Close", key="pair close", icon=":material/close:", type="tertiary", on_click=_close
        )
        st.caption(f"{place:,} of {len(columns):,}: {_CELL_WORDS[cell]}")
    _draw_pair(matrix, int(columns[place - 1]), (row["model"], row["baseline"]), chosen)


def _draw_pair(
    matrix: AnswerMatrix, column: int, names: tuple[str, str], chosen: Selection
) -> None:
    samples = {}
    for name in names:
        address = matrix.address(name, column)
        if address is not None:
            samples[name] = kept(fetch_sample)(*address, scheme=chosen.scheme)
    first = next(iter(samples.values()))
    st.caption(
        screen.plain(
            f"{first['task_label']} · {split_label(first['split'])} · instance"
            f" {one_line(str(first['instance_id']), at_most=60)}"
        )
    )
    prompts = {sample["input"] for sample in samples.values()}
    if len(prompts) > 1:
        st.caption(
            "The two runs asked this instance in different words; shown is the prompt of the first."
        )
    _text("Prompt", first["input"])
    _text("Target", first["target"])
    for place, (name, sample) in zip(st.columns(len(samples)), samples.items(), strict=True):
        with place:
            outcome = sample["outcome"] or "not graded"
            st.badge(outcome, color=TONES.get(outcome, "gray"))
            read = sample["parsed_answer"]
            shown = "none" if read is None else one_line(read, at_most=80)
            st.caption(screen.plain(f"{name} · answer read: {shown}"))
            _text("Response", sample["response"])
            if sample["reason"]:
                st.text(visible(sample["reason"]))
            screen.page_link(
                "samples",
                "Open this sample",
                icon=":material/article:",
                sample=f"{sample['run_id']}/{sample['row_in_run']}",
            )
    responses = [sample["response"] for sample in samples.values()]
    if len(responses) == 2 and None not in responses:
        if responses[0] == responses[1]:
            st.caption("The two responses are the same, character by character.")
        else:
            st.caption(
                screen.plain(
                    f"What differs: lines of A are {names[0]}, of B {names[1]}; ⟦ ⟧ marks words"
                    " that the other line lacks"
                )
            )
            st.code(visible(text_diff(*responses)), language=None, wrap_lines=True)


def _text(label: str, text: str | None) -> None:
    if text is None:
        st.caption(f"{label}: not kept by the source")
        return
    st.caption(label)
    if text == "":
        st.caption("(empty)")
        return
    shown = excerpt(text, at_most=LONGEST)
    st.code(
        shown.text,
        language=None,
        wrap_lines=True,
        height=320 if len(shown.text) > 1200 else "content",
    )


def _scope_word(row: Mapping[Any, Any]) -> str:
    """How the address names a group: `OOD`, `OOD level 3`, `ID find_mode`."""
    split = split_label(row["split"])
    if row["grouping"] == "overall":
        return split
    return (
        f"{split} {row['task']}"
        if row["grouping"] == "task"
        else f"{split} level {int(row['level'])}"
    )


def _where(row: Mapping[Any, Any]) -> str:
    split = split_label(row["split"])
    if row["grouping"] == "overall":
        return f"{split}, all tasks"
    return f"{split}, {row['task'] or level_name(row['level_label'], int(row['level']))}"


def _place(n: int) -> int:
    word = st.query_params.get("pair", "1")
    return int(np.clip(int(word), 1, n)) if word.isdecimal() and len(word) < 10 else 1


def _open(cell: str, place: int) -> None:
    st.query_params["cell"] = cell
    st.query_params["pair"] = str(place)


def _close() -> None:
    st.query_params.pop("cell", None)
    st.query_params.pop("pair", None)
