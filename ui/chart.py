"""Draw a figure on a page so that the reader's zoom outlives every change of it, and tell the page
what was clicked.

`st.plotly_chart` builds a new chart for every new figure; this component hands the figure to
`Plotly.react` on the node that is already there. plotly.js is the one inside the installed plotly
package; the server gives it out under an address of its own (see `library_route`).
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ui import reading

_HERE = Path(__file__).parent
_LIBRARY_NAME = f"plotly-{version('plotly')}.min.js.gz"
_DEFAULT_HEIGHT = 420

_CSS = (_HERE / "chart.css").read_text(encoding="utf-8")
PAINT_JS = (_HERE / "paint.js").read_text(encoding="utf-8")
_JS = PAINT_JS + (_HERE / "chart.js").read_text(encoding="utf-8")
# Not isolated: plotly.js writes its own styles into the document, out of reach of a shadow root.
_component = st.components.v2.component(
    "charybdis_chart",
    html='<div class="charybdis-chart"></div>',
    css=_CSS,
    js=_JS,
    isolate_styles=False,
)
_preload_component = st.components.v2.component(
    "charybdis_preload",
    html='<span class="charybdis-preload"></span>',
    css=_CSS,
    js=_JS,
    isolate_styles=False,
)


@cache
def library() -> bytes:
    """plotly.js, compressed with gzip."""
    source = files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    return gzip.compress(source, compresslevel=6, mtime=0)


def library_route() -> Route:
    """The address that charts load plotly.js from. It contains the version, so that a browser may
    keep the answer for good.
    """

    def answer(_: Request) -> Response:
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(library(), media_type="application/gzip", headers=headers)

    return Route(_library_url(), answer)


def preload_chart() -> None:
    """Let the browser fetch plotly.js while the page is still computing. Call once at the top of
    app.py.
    """
    _preload_component(key="charybdis_preload", data={"library_url": _library_url()})


def show_chart(
    figure: Mapping[str, Any],
    *,
    key: str,
    label: str | None = None,
    file_name: str | None = None,
    on_click: bool = True,
    height: int | None = None,
) -> dict[str, Any] | None:
    """Draw `figure` and return the customdata of the point clicked, in the one rerun that the click
    causes; otherwise None.

    Args:
        figure: plain dict with `data` and `layout`, as ui.figures builds them. NaN is drawn as
            missing.
        key: names the chart; the same key keeps the same node, and with it the reader's zoom.
        label: the chart's sentence, for screen readers; default: `layout.meta.sentence`.
        file_name: name of the SVG the mode bar saves; default: `layout.meta.file_name`, else the
            key.
        on_click: whether a click on a point reaches the page.
        height: pixels; default: `layout.height`, else 420.
    """
    layout = figure.get("layout", {})
    meta = layout.get("meta", {})
    pixels = height or layout.get("height") or _DEFAULT_HEIGHT
    drawn = {"data": figure["data"], "layout": {**layout, "height": pixels}}
    reading.note("chart", drawn, key=key)
    result = _component(
        key=key,
        data={
            "figure": encode_figure(drawn),
            "label": label or meta.get("sentence") or "Chart",
            "file_name": file_name or meta.get("file_name") or key,
            "on_click": on_click,
            "height": pixels,
            "library_url": _library_url(),
        },
        on_click_change=_ignore,
    )
    clicked = result.get("click")
    return clicked if on_click and isinstance(clicked, dict) else None


def encode_figure(figure: Mapping[str, Any]) -> str:
    """A figure as JSON that browsers read: NaN and infinities become null, numpy becomes plain.

    >>> encode_figure({"y": [1.5, float("nan")]})
    '{"y":[1.5,null]}'
    """
    return msgspec.json.encode(figure, enc_hook=_from_numpy).decode()


def _library_url() -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' + base if base else ''}/library/{_LIBRARY_NAME}"


def _ignore() -> None:
    """Streamlit reports a trigger only when a callback is named for it."""


def _from_numpy(value: object) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if value is pd.NA:
        return None
    raise TypeError(
        f"A figure holds a {type(value).__name__}; allowed are numbers, text, lists, dicts and"
        " numpy arrays."
    )
