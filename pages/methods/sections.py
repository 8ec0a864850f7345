"""The methods page's parts: what the list says, how far certified values agree, one method in
full.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from analysis.text import counted, listed, number
from data.methods import CERTIFIED_FILE, REFERENCE, SHIPPED, Method, agreement_of
from ui import screen
from ui.calibration_captions import calibration_lines
from ui.startup import known_pages

KINDS = {
    SHIPPED: "shipped with Charybdis, made by other code",
    REFERENCE: "of the reference file, not shipped",
}
"""Kinds of certified values, in words."""


def found_methods(methods: Sequence[Method], words: str, topic: str | None) -> list[Method]:
    """The methods of a topic in whose name, words, formula, source or remarks every searched word
    stands.
    """
    wanted = words.casefold().split()
    return [
        method
        for method in methods
        if topic in (None, method.topic) and all(word in _text(method) for word in wanted)
    ]


def _text(method: Method) -> str:
    parts = (
        method.name,
        method.topic,
        method.plain,
        method.source,
        method.difference,
        method.assumptions,
        *method.words,
        *method.certified,
    )
    return " ".join(parts).casefold()


def headline(methods: Sequence[Method], agreement: pd.DataFrame) -> str:
    """How much is explained, and how far it is checked."""
    said = (
        f"{counted(len(methods), 'method')} behind the numbers on screen, each with formula and"
        " source"
    )
    parts = []
    for kind in (SHIPPED, REFERENCE):
        rows = agreement[agreement["values"] == kind]
        if len(rows):
            n, passed = int(rows["n_vectors"].sum()), int(rows["n_passed"].sum())
            parts.append(f"{passed:,} of {n:,} certified vectors {KINDS[kind].split(',')[0]}")
    return (
        f"{said}; {listed(parts)} agree." if parts else f"{said}; no certified values were checked."
    )


def agreement_words(found: Mapping[str, tuple[int, int, float]]) -> str:
    """How far one method agrees, over all its certified values, in a table cell.

    >>> agreement_words({"shipped": (3, 3, 8.9), "reference": (2, 2, 6.8)})
    '6.8 digits, 5 of 5 vectors'
    """
    if not found:
        return "no certified values"
    n, passed = sum(one[0] for one in found.values()), sum(one[1] for one in found.values())
    digits = [one[2] for one in found.values() if not math.isnan(one[2])]
    return (
        f"{number(min(digits), 1)} digits, {passed} of {n} vectors"
        if digits
        else f"{passed} of {n} vectors"
    )


def method_table(methods: Sequence[Method], agreement: pd.DataFrame) -> pd.DataFrame:
    """The list as it stands on screen, one row a method."""
    return pd.DataFrame(
        {
            "topic": [method.topic for method in methods],
            "method": [method.name for method in methods],
            "formula": [method.plain for method in methods],
            "agreement": [agreement_words(agreement_of(method, agreement)) for method in methods],
            "source": [method.source for method in methods],
        }
    )


def draw_method(method: Method, agreement: pd.DataFrame, calibration: pd.DataFrame) -> None:
    """One method in full."""
    with st.container(border=True):
        st.markdown(f"**{screen.plain(method.name)}**")
        st.latex(method.formula)
        st.caption(screen.plain(method.plain))
        rows = {
            "Source": method.source,
            "Where we differ from the authors": method.difference or "Nowhere.",
            "Assumptions": method.assumptions,
            "Undefined": method.undefined or "Never.",
            "Computed by": ", ".join(method.functions),
        }
        for label, text in rows.items():
            st.markdown(f"**{label}.** {screen.plain(text)}")
        _draw_calibration(method, calibration)
        _draw_agreement(method, agreement)
        _draw_links(method)


def _draw_calibration(method: Method, calibration: pd.DataFrame) -> None:
    lines = calibration_lines(method.key, calibration)
    if lines:
        st.markdown(
            "**In simulation.**\n" + "\n".join(f"- {screen.plain(line)}." for line in lines)
        )
        st.caption(
            "± is one Monte-Carlo error. Kept: 93-97 % for 95 % intervals, 87-93 % for 90 % ones,"
            " at most 7 % for tests, give or take two such errors. The simulated results are"
            " described in docs/calibration.md."
        )


def _draw_agreement(method: Method, agreement: pd.DataFrame) -> None:
    found = agreement_of(method, agreement)
    if not method.certified:
        st.markdown(
            "**Agreement.** No certified values: checked by hand-worked numbers and simulation in"
            " the tests."
        )
        return
    told = [
        f"{agreement_words({kind: one})} ({KINDS.get(kind, kind)})" for kind, one in found.items()
    ]
    st.markdown(
        f"**Agreement.** {screen.plain('; '.join(told) or 'not checked yet')}."
        f" {screen.plain('Keys: ' + ', '.join(method.certified))}."
    )
    st.caption(
        "Digits are the fewest significant digits in which any number of the vectors agrees;"
        " published values are printed with few. Your own values: cli.py verify FILE.json."
    )
    if st.button(
        "Compute the shipped vectors now", key=f"compute {method.key}", icon=":material/calculate:"
    ):
        vectors = shipped_vectors(method.certified)
        if vectors.empty:
            st.caption("None of the shipped values has these keys.")
        else:
            screen.table(
                vectors,
                f"vectors-{method.key}",
                columns={"digits": st.column_config.NumberColumn(format="%.1f")},
            )


def shipped_vectors(keys: Sequence[str]) -> pd.DataFrame:
    """Compute the shipped vectors of these keys here and now: one row each with source, agreement
    and largest difference.
    """
    from analysis.verify import verify_vectors

    content = json.loads(CERTIFIED_FILE.read_text(encoding="utf-8"))
    mine = {key: content[key] for key in keys if key in content}
    checked = verify_vectors(mine)["methods"]
    return pd.DataFrame(
        [
            {
                "key": key,
                "vector": place,
                "made by": mine[key][place - 1].get("source"),
                "agrees": entry["passed"],
                "digits": entry["digits"],
                "largest difference": entry["worst_difference"],
            }
            for key, entries in checked.items()
            for place, entry in enumerate(entries, 1)
        ]
    )


def _draw_links(method: Method) -> None:
    titles = {page.name: page.title for page in known_pages()}
    shown = [name for name in method.pages if name in titles]
    if not shown:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Shown on")
        for name in shown:
            screen.page_link(name, titles[name], icon=":material/arrow_forward:")
