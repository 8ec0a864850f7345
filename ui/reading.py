"""What stands on the page just now: every part that a page draws through `ui.screen` and `ui.chart`
is noted here, in order.

A snapshot (`ui.meeting.snapshot`) is made of these parts, so that what is taken along is what was
on screen, whatever the page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import streamlit as st

Kind = Literal["question", "answer", "caption", "chart", "table", "empty"]

PARTS = "parts on the page"
"""Where a visit keeps them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a page. content: its text; of a chart the figure, of a table the frame. how: what
    else drawing it takes.
    """

    kind: Kind
    content: Any
    how: dict[str, Any] = field(default_factory=dict)


def start() -> list[Part]:
    """Begin a page anew; the list that comes back fills while the page is drawn."""
    parts: list[Part] = []
    st.session_state[PARTS] = parts
    return parts


def note(kind: Kind, content: Any, **how: Any) -> None:
    """Note a part that is being drawn. Outside of a started page nothing is kept."""
    parts = st.session_state.get(PARTS)
    if parts is not None:
        parts.append(Part(kind=kind, content=content, how=how))


def parts() -> list[Part]:
    """The parts that stand on the page so far."""
    return list(st.session_state.get(PARTS) or [])
