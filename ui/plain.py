"""Names from data in the few places where Streamlit reads Markdown."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~$:&@.])")
# What Streamlit still finds in the text after the escapes: :icons:, bare addresses, arrows. An unseen joiner takes them apart.
_FOUND_LATER = re.compile(r"(\\:(?=[\w\\/+\-]+\\:|//)|\\@|www(?=\\\.)|\\-(?=\\>)|\\<(?=\\-|=)|\\>(?==)|=(?=\\>))", re.IGNORECASE)
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def plain(text: object) -> str:
    r"""Text that Streamlit's Markdown shows as it stands: no emphasis, link, formula, icon or HTML; control characters become visible.

    >>> plain("[x] $a$ <b>")
    '\\[x\\] \\$a\\$ \\<b\\>'
    """
    return _FOUND_LATER.sub("\\1\u2060", _MARKUP.sub(r"\\\1", _UNSEEN.sub("\ufffd", " ".join(str(text).split()))))
