"""An app that shows tokens a hostile model could write; tests/ui/test_token_view.py drives it."""

import streamlit as st

from probe.models import Token
from ui.token_view import show_tokens

HOSTILE = "<img src=x onerror=alert(1)>"
tokens = [
    Token(" sure", -0.01, ((" sure", -0.01), ("</pre><b>", -5.0))),
    Token(HOSTILE, -2.3, (("other", -0.2), (HOSTILE, -2.3))),
    Token("\u202e[31m\n", -1.0, (("rare", -0.1),)),
    Token("\nTherefore", None),
]
n = 4 if st.button("More") else 2
show_tokens(tokens[:n], key="tokens", job=1, is_running=n < 4)
