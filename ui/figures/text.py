"""Names of analysis.text that pages still import from here."""

from __future__ import annotations

from functools import partial

from analysis.text import escape, is_number, level_name, points, signed
from analysis.text import percent as whole_percent
from ui.figures.layout import hover

__all__ = ["escape", "hover", "is_number", "level_name", "percent", "points", "signed"]

percent = partial(whole_percent, digits=1)
