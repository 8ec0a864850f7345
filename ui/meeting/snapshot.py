"""A page, or several, as one HTML file that opens offline: sentence, interactive charts, tables, what they rest on, and the address.

No streamlit in here: parts in (`ui.reading`), text out. Names and answers are data; the template escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from ui.chart import encode_figure
from ui.figures.text import is_number
from ui.figures.theme import as_plotly
from ui.reading import Part

MAX_ROWS = 200
"""Longer tables are cut, and say so: the file is for a meeting, the whole table is an export."""

LONG_TEXT = 48
"""Characters of a cell from which a column is allowed to break its lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One page as it stood.

    address       where the live view is found
    selection     what was chosen, in words
    store_version number of the last change of the store that the numbers were read at
    sources       one row per run behind the numbers: where it came from
    """

    parts: Sequence[Part]
    address: str
    selection: str
    store_version: int
    sources: pd.DataFrame


def snapshot(views: Sequence[View], *, title: str = "Charybdis", made_at: datetime | None = None, as_deck: bool = False) -> str:
    """The HTML document; as a deck it shows one view at a time, full screen. `#present` at the end of a file's address does so too."""
    moment = (made_at or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    pages = [
        {
            "question": next((part.content for part in view.parts if part.kind == "question"), "A view"),
            "blocks": [_block(part) for part in view.parts if part.kind != "question"],
            "address": view.address,
            "selection": view.selection,
            "store_version": view.store_version,
            "sources": _table(view.sources, {}, {}) if len(view.sources) else None,
        }
        for view in views
    ]
    return _template().render(title=title, made_at=moment, pages=pages, library=_library(), as_deck=as_deck)


def _block(part: Part) -> dict[str, Any]:
    if part.kind == "chart":
        figure = as_plotly(part.content).to_plotly_json()
        figure["layout"].pop("width", None)
        height = int(figure["layout"].get("height") or 420)
        return {"kind": "chart", "json": _inside_script(encode_figure(figure)), "height": height, "sentence": _sentence(part.content)}
    if part.kind == "table":
        return {"kind": "table", **_table(part.content, part.how.get("columns") or {}, part.how.get("formats") or {})}
    return {"kind": part.kind, "text": str(part.content)}


def _sentence(figure: Mapping[str, Any]) -> str:
    return str(figure.get("layout", {}).get("meta", {}).get("sentence") or "Chart")


def _inside_script(text: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _table(frame: pd.DataFrame, columns: Mapping[str, Any], formats: Mapping[str, Any]) -> dict[str, Any]:
    shown = frame.head(MAX_ROWS)
    numeric = [pd.api.types.is_numeric_dtype(frame[name]) and not pd.api.types.is_bool_dtype(frame[name]) for name in frame.columns]
    rows = [
        [_cell(value, formats.get(str(name))) for name, value in zip(frame.columns, row, strict=True)]
        for row in shown.itertuples(index=False)
    ]
    return {
        "is_long": [any(len(row[place]) > LONG_TEXT for row in rows) for place in range(len(frame.columns))],
        "heads": [_label(str(name), columns) for name in frame.columns],
        "numeric": numeric,
        "rows": rows,
        "left_out": len(frame) - len(shown),
    }


def _label(name: str, columns: Mapping[str, Any]) -> str:
    config = columns.get(name)
    return str(config.get("label") or name) if isinstance(config, Mapping) else name


def _cell(value: Any, write: Any) -> str:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value):
        return "–"
    if write is not None:
        return str(write(value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if is_number(value) and not isinstance(value, bool) else str(value)


@cache
def _library() -> str:
    """plotly.js as the installed package brings it."""
    return files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8").replace("</script", "<\\/script")


@cache
def _template() -> jinja2.Template:
    loader = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return loader.from_string((Path(__file__).parent / "snapshot.html").read_text(encoding="utf-8"))


def selection_words(words: Mapping[str, Any]) -> str:
    """What was chosen, on one line.

    >>> selection_words({"models": ("a", "b"), "tasks": (), "denominator": "parsed_only"})
    'models: a, b; denominator: parsed_only'
    """
    named = {key: ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value) for key, value in words.items() if value}
    return "; ".join(f"{key}: {value}" for key, value in named.items())
