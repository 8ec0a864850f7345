"""The tokens of one reply on screen: coloured by probability, the likeliest alternatives beside the
one that is pointed at.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from analysis.text import counted
from probe.models import Token
from ui.raw_text import visible

AT_MOST = 4000
"""So many tokens of a reply are shown."""
_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "charybdis_tokens",
    html=(
        '<pre class="tokens" tabindex="0" role="group"></pre><div class="likely"'
        ' role="tooltip"></div>'
    ),
    css=(_HERE / "tokens.css").read_text(encoding="utf-8"),
    js=(_HERE / "tokens.js").read_text(encoding="utf-8"),
)

ShownToken = tuple[str, float | None, list[tuple[str, float]]]


def show_tokens(tokens: Sequence[Token], *, key: str, job: int, is_running: bool) -> None:
    """Draw tokens; those of the same job are added to what is there.

    Args:
        job: number of what the tokens belong to; another number begins anew.
        is_running: whether more are to come.
    """
    shown = [shown_token(token) for token in tokens[:AT_MOST]]
    label = f"Reply of {counted(len(tokens), 'token')}. Arrow keys walk through them."
    _component(
        key=key, data={"tokens": shown, "job": job, "is_running": is_running, "label": label}
    )


def shown_token(token: Token) -> ShownToken:
    r"""Text, log-probability and alternatives of a token, with everything that acts or hides
    written out.

    >>> shown_token(Token("a\n"))
    ('a⏎\n', None, [])
    """
    likely = [(visible(text, keep_lines=False), logprob) for text, logprob in token.alternatives]
    return visible(token.text).replace("\n", "⏎\n"), token.logprob, likely
