"""A page, or several, as one HTML file that opens offline: sentence, interactive charts, tables,
what they rest on, and the address.

No streamlit in here: parts in (`ui.reading`), text out. Names and answers are data; the template
escapes them.
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

from analysis.text import NONE, is_number, plain_value, significant, whole
from ui.chart import PAINT_JS, encode_figure
from ui.reading import Part
from ui.settings import version
from ui.since import SINCE, since_word

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
    read_at       when they were read, UTC
    sources       one row per run behind the numbers: where it came from
    """

    parts: Sequence[Part]
    address: str
    selection: str
    store_version: int
    read_at: datetime
    sources: pd.DataFrame


Page = dict[str, Any]
"""A view made ready for the document: text only, so that it can be kept, sent between processes as
JSON, and compared.
"""


def page_of(view: View) -> Page:
    """The view as the document shows it; it does not change any more, whatever becomes of the
    store.
    """
    return {
        "question": next(
            (str(part.content) for part in view.parts if part.kind == "question"), "A view"
        ),
        "blocks": [_block(part) for part in view.parts if part.kind != "question"],
        "address": view.address,
        "live": _live_link(view),
        "selection": view.selection,
        "store_version": view.store_version,
        "read_at": view.read_at.isoformat(),
        "read_at_words": view.read_at.strftime("%Y-%m-%d %H:%M UTC"),
        "sources": _table(view.sources, {}, {}) if len(view.sources) else None,
        "changed": None,
    }


def refreshed(page: Page, before: Page) -> Page:
    """The page read anew, with a sentence about what is another than it was before."""
    version = before["store_version"]
    if page["blocks"] == before["blocks"]:
        return {**page, "changed": f"Read anew; nothing is other than at store version {version}."}
    old, new = sentence_of(before), sentence_of(page)
    if old != new and old:
        return {**page, "changed": f"At store version {version} this read: {old}"}
    return {
        **page,
        "changed": (
            f"The sentence is as it was at store version {version}; numbers beneath it are not."
        ),
    }


def sentence_of(page: Page) -> str:
    """The sentence above a page's first chart; empty where it has none."""
    return next((str(block["text"]) for block in page["blocks"] if block["kind"] == "answer"), "")


def snapshot(
    pages: Sequence[Page],
    *,
    title: str = "Charybdis",
    made_at: datetime | None = None,
    as_deck: bool = False,
    is_served: bool = False,
) -> str:
    """The HTML document; as a deck it shows one page at a time, full screen. `#present` at the end
    of a file's address does so too.

    is_served: the dashboard shows it, and can be asked for news (`ui.startup.routes`); a file asks
    nobody.
    """
    moment = (made_at or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    return _template().render(
        title=title,
        made_at=moment,
        version=version(),
        pages=pages,
        library=_library(),
        paint=PAINT_JS,
        deck=_deck(),
        as_deck=as_deck,
        is_served=is_served,
    )


def _live_link(view: View) -> str:
    """The address with the word by which the live page says what came in since; empty where it
    cannot be followed.
    """
    if not view.address.startswith(("http://", "https://")):
        return ""
    joint = "&" if "?" in view.address else "?"
    since = since_word(view.store_version, pd.Timestamp(view.read_at))
    return f"{view.address}{joint}{SINCE}={since}"


def _block(part: Part) -> dict[str, Any]:
    if part.kind == "chart":
        height = int(part.content["layout"].get("height") or 420)
        return {
            "kind": "chart",
            "json": _inside_script(encode_figure(part.content)),
            "height": height,
            "sentence": _sentence(part.content),
        }
    if part.kind == "table":
        return {
            "kind": "table",
            **_table(part.content, part.how.get("columns") or {}, part.how.get("formats") or {}),
        }
    return {"kind": part.kind, "text": str(part.content)}


def _sentence(figure: Mapping[str, Any]) -> str:
    return str(figure.get("layout", {}).get("meta", {}).get("sentence") or "Chart")


def _inside_script(text: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _table(
    frame: pd.DataFrame, columns: Mapping[str, Any], formats: Mapping[str, Any]
) -> dict[str, Any]:
    shown = frame.head(MAX_ROWS)
    numeric = [
        pd.api.types.is_numeric_dtype(frame[name]) and not pd.api.types.is_bool_dtype(frame[name])
        for name in frame.columns
    ]
    rows = [
        [
            _cell(value, formats.get(str(name)))
            for name, value in zip(frame.columns, row, strict=True)
        ]
        for row in shown.itertuples(index=False)
    ]
    return {
        "is_long": [
            any(len(row[place]) > LONG_TEXT for row in rows) for place in range(len(frame.columns))
        ],
        "heads": [_label(str(name), columns) for name in frame.columns],
        "numeric": numeric,
        "rows": rows,
        "left_out": len(frame) - len(shown),
    }


def _label(name: str, columns: Mapping[str, Any]) -> str:
    config = columns.get(name)
    return str(config.get("label") or name) if isinstance(config, Mapping) else name


def _cell(value: Any, write: Any) -> str:
    if plain_value(value) is None:
        return NONE
    if write is not None:
        return str(write(value))
    if isinstance(value, float):
        return significant(value, 4)
    return whole(value) if is_number(value) and not isinstance(value, bool) else str(value)


@cache
def _library() -> str:
    """plotly.js as the installed package brings it."""
    return (
        files("plotly")
        .joinpath("package_data", "plotly.min.js")
        .read_text(encoding="utf-8")
        .replace("</script", "<\\/script")
    )


@cache
def _deck() -> str:
    """What draws the charts of the document and shows it page by page."""
    return (Path(__file__).parent / "snapshot.js").read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    loader = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return loader.from_string((Path(__file__).parent / "snapshot.html").read_text(encoding="utf-8"))


def selection_words(words: Mapping[str, Any]) -> str:
    """What was chosen, on one line.

    >>> selection_words({"models": ("a", "b"), "tasks": (), "denominator": "parsed_only"})
    'models: a, b; denominator: parsed_only'
    """
    named = {
        key: ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
        for key, value in words.items()
        if value
    }
    return "; ".join(f"{key}: {value}" for key, value in named.items())
