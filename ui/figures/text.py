"""Text on figures: data is never markup, and numbers are written the same way everywhere.

Plotly reads a subset of HTML in every text it draws, so each name that comes from data passes
through `escape`; tags are ours alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from numbers import Real
from typing import TypeGuard

_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Control characters, and the marks that make a browser draw text in another direction than it is
# stored.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_POWER = re.compile(r"\^([0-9N]+)")
_RAISED = str.maketrans("0123456789N", "⁰¹²³⁴⁵⁶⁷⁸⁹ᴺ")


def escape(text: object, *, at_most: int | None = None) -> str:
    """Text from data, made safe to draw: markup is shown as written, unseen characters as a
    replacement mark.

    Args:
        at_most: longest text in characters; the rest becomes an ellipsis.

    >>> escape("<b>&lt;</b>")
    '&lt;b&gt;&amp;lt;&lt;/b&gt;'
    """
    plain = _UNSEEN.sub("\ufffd", str(text))
    if at_most is not None and len(plain) > at_most:
        plain = plain[: at_most - 1] + "…"
    # Plotly takes text between two dollar signs for TeX where MathJax is present (a notebook): a
    # space in front keeps it text.
    if plain.startswith("$"):
        plain = " " + plain
    return plain.translate(_MARKUP)


def level_name(label: object, level: int) -> str:
    """A level's label with raised powers, or its number; not yet escaped.

    >>> level_name("O([N^2,N^3])", 3)
    'O([N²,N³])'
    """
    if not isinstance(label, str) or not label:
        return f"level {level}"
    return _POWER.sub(lambda power: power.group(1).translate(_RAISED), label)


def is_number(value: object) -> TypeGuard[float]:
    """Whether there is a number at all: None, NaN and infinities are not."""
    return isinstance(value, Real) and math.isfinite(value)


def percent(share: float | None) -> str:
    """A share of 0-1 as percent; a dash where it is undefined.

    >>> percent(0.1234), percent(float("nan"))
    ('12.3 %', '–')
    """
    return f"{100 * share:.1f} %" if is_number(share) else "–"


def points(difference: float | None) -> str:
    """A difference of shares in signed percentage points.

    >>> points(-0.05)
    '−5.0 points'
    """
    return f"{signed(100 * difference, 1)} points" if is_number(difference) else "–"


def signed(value: float | None, digits: int = 2) -> str:
    """A number with its sign, minus as a minus sign; a dash where it is undefined.

    >>> signed(0.5), signed(-1.25, 1), signed(-0.001)
    ('+0.50', '−1.2', '0.00')
    """
    if not is_number(value):
        return "–"
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}".replace("-", "−") if rounded else f"{0:.{digits}f}"


def hover(title: object, rows: Iterable[tuple[str, object]]) -> str:
    """A tooltip: a title and one `name: value` line each; data in it is escaped. Rows whose value
    is None are left out.
    """
    lines = [
        f"{escape(name)}: {escape(value, at_most=80)}" for name, value in rows if value is not None
    ]
    return "<br>".join([f"<b>{escape(title, at_most=60)}</b>", *lines])
