"""How a table is to be read: the guess, shown column by column, for the person who imports it to
correct.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from analysis.text import counted
from data.importers.kit.base import Source
from data.importers.table.headers import ROLES, SCALES, SHAPES
from data.importers.table.mapping import TableMapping, corrected, guess_mapping
from data.importers.table.reading import TableHead, read_head
from data.mappings import forget_mapping, remembered_mapping
from ui import screen
from ui.kept import the_store
from ui.raw_text import one_line

N_EXAMPLES = 3
ASKED_FOR = {"long": ("model", "task", "metric"), "wide": ("model",), "samples": ("model", "task")}
"""What may hold for the whole table when no column says it, by shape."""


def pick_mapping(source: Source, *, name: str, key: str) -> dict[str, Any]:
    """Show the guessed mapping and return the importer's options with the person's corrections; no
    corrections, no options.

    Raises:
        ImportFormatError: the table cannot be read, or the mapping as corrected lacks what its
            shape needs.
    """
    head = read_head(source.path)
    remembered = remembered_mapping(the_store(), head)
    guess = _start_of(head, remembered)
    questions = len(guess.questions)
    title = f"{name} · {guess.shape} · {counted(len(head.columns), 'column')}"
    with st.expander(
        screen.plain(title + (f" · {counted(questions, 'question')}" if questions else "")),
        expanded=True,
    ):
        if remembered:
            words, forget = st.columns([5, 1], vertical_alignment="center")
            words.caption("These columns came before; they are shown as they were confirmed then.")
            forget.button(
                "Forget",
                key=f"{key} forget",
                on_click=forget_mapping,
                args=(the_store(), head),
                type="tertiary",
            )
        # Other defaults are other widgets: what was forgotten must not stay in them.
        changes = _joined(
            remembered, _pick_changes(head, guess, f"{key} remembered" if remembered else key)
        )
        corrected(guess_mapping(head, checked=False), changes, head)
    return {"mapping": changes} if changes else {}


def _start_of(head: TableHead, remembered: dict[str, Any]) -> TableMapping:
    """What the form shows at first: the guess, with what is remembered of these columns laid over
    it.
    """
    guess = guess_mapping(head, checked=False)
    start = corrected(guess, remembered, head, checked=False)
    return replace(start, scales={**guess.scales, **start.scales})


def _joined(remembered: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Corrections on top of remembered ones."""
    joined = {**remembered, **changes}
    if "roles" in joined:
        joined["roles"] = {**remembered.get("roles", {}), **changes.get("roles", {})}
    return joined


def _pick_changes(head: TableHead, guess: TableMapping, key: str) -> dict[str, Any]:
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    shape = left.selectbox(
        "What a row is",
        list(SHAPES),
        index=list(SHAPES).index(guess.shape),
        format_func=lambda word: f"{word}: {SHAPES[word]}",
        key=f"{key} shape",
    )
    decimal_comma = guess.decimal_comma
    if guess.separator is not None:
        decimal_comma = right.checkbox(
            "Numbers have a decimal comma (0,97)",
            value=guess.decimal_comma,
            key=f"{key} comma",
            help=f"Columns are separated by {guess.separator!r}.",
        )
    changes: dict[str, Any] = {"shape": shape} if shape != guess.shape else {}
    if decimal_comma != guess.decimal_comma:
        changes["decimal_comma"] = decimal_comma
    roles = _pick_roles(head, guess, key)
    if roles:
        changes["roles"] = roles
    constants = _pick_constants({**guess.roles, **roles}, shape, key)
    if constants:
        changes["constants"] = constants
    scales = _pick_scales(guess, key)
    if scales:
        changes["scales"] = scales
    return changes


def _pick_roles(head: TableHead, guess: TableMapping, key: str) -> dict[str, str]:
    """Roles that the person changed, by column."""
    frame = pd.DataFrame(
        {
            "column": [one_line(column) for column in head.columns],
            "holds": [guess.roles.get(column, "metadata") for column in head.columns],
            "guess in words": [
                ROLES.get(guess.roles.get(column, "metadata"), "") for column in head.columns
            ],
            "for instance": [_examples(head, column) for column in head.columns],
            "question": [guess.questions.get(column, "") for column in head.columns],
        }
    )
    for column, question in zip(frame["column"], frame["question"], strict=True):
        if question:
            st.caption(screen.plain(f"{column}: {question}"))
    edited = st.data_editor(
        frame.drop(columns="question"),
        key=f"{key} roles",
        hide_index=True,
        disabled=["column", "guess in words", "for instance"],
        height=min(320, 37 + 35 * len(frame)),
        column_config={
            "holds": st.column_config.SelectboxColumn(
                options=list(ROLES), required=True, help="Click to change what the column means."
            ),
            "for instance": st.column_config.TextColumn(width="medium"),
        },
    )
    return {
        column: role
        for column, role, was in zip(head.columns, edited["holds"], frame["holds"], strict=True)
        if role != was
    }


def _pick_constants(roles: dict[str, str], shape: str, key: str) -> dict[str, str]:
    """What holds for the whole table, where no column says it."""
    absent = [role for role in ASKED_FOR[shape] if role not in roles.values()]
    if not absent:
        return {}
    typed = {
        role: place.text_input(
            f"{role.capitalize()} of all rows",
            key=f"{key} constant {role}",
            placeholder="no column says it",
        )
        for role, place in zip(absent, st.columns(len(absent)), strict=True)
    }
    return {role: word.strip() for role, word in typed.items() if word and word.strip()}


def _pick_scales(guess: TableMapping, key: str) -> dict[str, str]:
    """The scale of everything whose numbers alone do not tell it: what the person sees here is what
    they confirm.
    """
    asked = [name for name in guess.scales if name in guess.questions]
    if not asked:
        return {}
    st.caption(
        "The numbers alone do not tell these scales. Nothing is divided unless you say so here."
    )
    edited = st.data_editor(
        pd.DataFrame(
            {
                "numbers": [one_line(name) for name in asked],
                "scale": [guess.scales[name] for name in asked],
                "why": [guess.questions[name] for name in asked],
            }
        ),
        key=f"{key} scales",
        hide_index=True,
        disabled=["numbers", "why"],
        height=min(250, 37 + 35 * len(asked)),
        column_config={
            "scale": st.column_config.SelectboxColumn(options=list(SCALES), required=True),
            "why": st.column_config.TextColumn(width="large"),
        },
    )
    return dict(zip(asked, edited["scale"], strict=True))


def _examples(head: TableHead, column: str) -> str:
    known = dict.fromkeys(cell for cell in head.column(column) if cell)
    return one_line(", ".join(list(known)[:N_EXAMPLES]), at_most=60)
