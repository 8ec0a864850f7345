"""Names of analysis.text that pages still import from here."""

from __future__ import annotations

from analysis.text import ago, at, counted, listed
from analysis.text import size_text as size
from data.importers import format_label

__all__ = ["ago", "at", "counted", "format_label", "listed", "size"]
