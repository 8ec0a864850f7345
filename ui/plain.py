"""Names from data in the few places where Streamlit reads Markdown."""

from __future__ import annotations

import re

from analysis.text import UNSEEN

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~$:&@.])")
# What Streamlit still finds in the text after the escapes: :icons:, bare addresses, arrows. An
# unseen joiner takes them apart.
_FOUND_LATER = re.compile(
    r"(\\:(?=[\w\\/+\-]+\\:|//)|\\@|www(?=\\\.)|\\-(?=\\>)|\\<(?=\\-|=)|\\>(?==)|=(?=\\>))",
    re.IGNORECASE,
)

# A word of a script that runs from right to left, with its neighbours of the kind; a comma behind
# it belongs to the sentence.
_RIGHT_TO_LEFT = (
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_WORD = rf"\S*{_RIGHT_TO_LEFT}(?:\S*[^\s,;:.)\]])?"
_ITS_OWN_WAY = re.compile(rf"{_WORD}(?:\s+{_WORD})*")


def plain(text: object) -> str:
    r"""Text that Streamlit's Markdown shows as it is written: no emphasis, link, formula, icon or
    HTML. Control characters become visible.

    Words that run from right to left are isolated (U+2068 to U+2069). Without that they reverse the
    numbers next to them: an interval [-5.7, 11.2] reads as [11.2, 5.7-].

    >>> plain("[x] $a$ <b>")
    '\\[x\\] \\$a\\$ \\<b\\>'
    """
    seen = UNSEEN.sub("\ufffd", " ".join(str(text).split()))
    return _FOUND_LATER.sub(
        "\\1\u2060", _MARKUP.sub(r"\\\1", _ITS_OWN_WAY.sub("\u2068\\g<0>\u2069", seen))
    )
