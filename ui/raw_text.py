"""Text that a model or a file wrote, made fit to be looked at: nothing in it acts, nothing in it
hides, and length is said.

What is shown comes from `visible` or `excerpt` and goes to `st.code` or a table cell, never to
Markdown or HTML. A download holds the text as it is.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

SCREEN_CHARACTERS = 20_000
"""Longest text that is put on screen whole: a browser takes seconds to lay out more, and nobody
reads it there.
"""
HEAD_SHARE = 0.75
"""Of a text that is cut, this share of what is shown is its beginning; the rest is its end, where
answers tend to stand.
"""

# Zero-width joiners shape emoji and many scripts; beside an ASCII character they only hide
# something.
_LONE_JOINER = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")
_JOINERS = "\u200c\u200d"
_HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_ALWAYS_HIDDEN = "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
"""Invisible although their category is that of a letter or mark."""
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}")
"""One variation selector picks an emoji's look; a row of them carries hidden data."""
_STACKED_MARKS = re.compile("(?<=[\u0300-\u036f]{4})[\u0300-\u036f]+")
"""More accents on one letter than any language has would be drawn over the lines around it."""


def visible(text: str, *, keep_lines: bool = True) -> str:
    r"""The text with everything that acts or hides written out: terminal codes, direction marks,
    invisible and control characters.

    Line feeds and tabs stay, unless `keep_lines` is False (for table cells): then they are written
    out as well.

    >>> visible("\x1b[31mred\x1b[0m 12\u202e34")
    '\\x1b[31mred\\x1b[0m 12\\u202e34'
    """
    if text.isascii() and text.isprintable():
        return text
    text = _LONE_JOINER.sub(_written_out, text)
    text = _VARIATION.sub(_written_out, text)
    text = _STACKED_MARKS.sub(_written_out, text)
    kept = "\n\t" + _JOINERS if keep_lines else _JOINERS
    return "".join(sign if sign in kept or not _is_hidden(sign) else _escape(sign) for sign in text)


def one_line(text: str, *, at_most: int = 200) -> str:
    """The beginning of a text on one line, for a table cell."""
    cut = text[:at_most]
    return visible(cut, keep_lines=False) + ("…" if len(text) > at_most else "")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What of a text is put on screen."""

    text: str
    """Visible text; where something was left out, a line says how much."""
    n_characters: int
    """Of the whole text."""
    n_left_out: int

    @property
    def is_cut(self) -> bool:
        """Whether the screen shows less than the whole text."""
        return self.n_left_out > 0


def excerpt(text: str, *, at_most: int = SCREEN_CHARACTERS) -> Excerpt:
    """The text, or its beginning and end when it is longer than `at_most` characters."""
    n_left_out = max(0, len(text) - at_most)
    if not n_left_out:
        return Excerpt(visible(text), len(text), 0)
    head = round(at_most * HEAD_SHARE)
    tail = at_most - head
    gap = f"\n\n[… {n_left_out:,} of {len(text):,} characters are left out here …]\n\n"
    return Excerpt(visible(text[:head]) + gap + visible(text[-tail:]), len(text), n_left_out)


def _is_hidden(sign: str) -> bool:
    return unicodedata.category(sign) in _HIDDEN_CATEGORIES or sign in _ALWAYS_HIDDEN


def _written_out(match: re.Match[str]) -> str:
    return "".join(map(_escape, match[0]))


def _escape(sign: str) -> str:
    code = ord(sign)
    if sign in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[sign]
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )
