"""How every figure looks: colour = model, dash = split, symbol = family; diverging
blue-white-orange; missing is hatched.

A figure is a plain dict of `data` and `layout` (plotly's own classes take 145 ms to check what a
page draws on every rerun); `as_plotly` turns one into a `go.Figure` for notebooks. Colours that
depend on light or dark are named, not given: "@text", "@muted", "@grid", "@paper", "@surface"; the
page's chart component, or `as_plotly`, fills them in.
"""

from __future__ import annotations

import copy
import re
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Figure = dict[str, Any]
Trace = dict[str, Any]

OKABE_ITO = {
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
}
# Okabe and Ito's set without yellow, which vanishes on white, in an order that keeps neighbours
# apart, also where one shade ends and the next begins.
MODEL_HUES = tuple(
    OKABE_ITO[name] for name in ("blue", "vermillion", "green", "sky", "orange", "purple")
)
# Where the hues run out, the next models take them greyer, then lighter: (mixed with, share). Not
# darker: that vanishes on a dark page.
_SHADES = (("#000000", 0.0), ("#8a8a8a", 0.5), ("#ffffff", 0.28))
SYMBOLS = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "pentagon",
    "star",
    "hexagon",
    "triangle-right",
    "cross",
    "triangle-left",
)
DASH = {"id": "solid", "ood": "dash"}
# Low to high: an OOD advantage is blue, an ID advantage (a gap) is orange.
DIVERGING: list[list[Any]] = [
    [0.0, "#0b4f8a"],
    [0.25, "#6fb1de"],
    [0.5, "#ffffff"],
    [0.75, "#f2b661"],
    [1.0, "#c65102"],
]
SEQUENTIAL = [[0.0, "@paper"], [1.0, "@text"]]
CLEAR = "rgba(0,0,0,0)"
MAX_LINES = 6
"""Up to this many models are drawn as lines; more become a heat map."""

PALETTES = {
    "light": {
        "@text": "#31333F",
        "@muted": "#70727b",
        "@grid": "#e6e7ea",
        "@paper": "#ffffff",
        "@surface": "#f0f2f6",
    },
    "dark": {
        "@text": "#fafafa",
        "@muted": "#a9abb1",
        "@grid": "#2f333b",
        "@paper": "#0e1117",
        "@surface": "#262730",
    },
}


@dataclass(frozen=True, slots=True)
class ModelStyle:
    """How one model looks on every page. hue: place of its hue in MODEL_HUES."""

    color: str
    symbol: str
    hue: int | None = None


def model_styles(
    families: Mapping[str, str | None], *, together: Collection[str] = ()
) -> dict[str, ModelStyle]:
    """Give every model of the store its look.

    A model's hue is its place in the order in which models came into the store, so neither
    filtering nor a further import changes it. Up to six models that are shown together have one of
    the six plain hues each: where two have the same, the one that came first keeps it, and the
    other takes the next that is free. Beyond six, greyer and lighter shades tell models of one hue
    apart. The symbol is the place of the family in the same order.

    Args:
        families: model -> family (None when unknown) of the whole store, in the order in which the
            models came.
        together: the models that are chosen or drawn.
    """
    symbols: dict[str, str] = {}
    for family in families.values():
        if family is not None:
            symbols.setdefault(family, SYMBOLS[len(symbols) % len(SYMBOLS)])
    styles = {
        model: ModelStyle(
            _color(place), symbols.get(family or "", SYMBOLS[0]), place % len(MODEL_HUES)
        )
        for place, (model, family) in enumerate(families.items())
    }
    if len(set(together)) <= len(MODEL_HUES):
        free = list(range(len(MODEL_HUES)))
        for model in (model for model in families if model in together):
            own = styles[model].hue or 0
            hue = own if own in free else free[0]
            free.remove(hue)
            styles[model] = ModelStyle(MODEL_HUES[hue], styles[model].symbol, hue)
    return styles


def style_of(model: str, styles: Mapping[str, ModelStyle] | None) -> ModelStyle:
    """The look of a model; one that the list does not know gets a colour from its name alone,
    always the same.
    """
    if styles and model in styles:
        return styles[model]
    return ModelStyle(
        _color(zlib.crc32(model.encode()) % (len(MODEL_HUES) * len(_SHADES))), SYMBOLS[0]
    )


def _color(place: int) -> str:
    other, share = _SHADES[place // len(MODEL_HUES) % len(_SHADES)]
    return _mix(MODEL_HUES[place % len(MODEL_HUES)], other, share)


def _mix(color: str, other: str, share: float) -> str:
    channels = (
        round((1 - share) * a + share * b) for a, b in zip(_rgb(color), _rgb(other), strict=True)
    )
    return "#{:02x}{:02x}{:02x}".format(*channels)


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def is_dark(value: float, scale: Sequence[Sequence[Any]], low: float, high: float) -> bool:
    """Whether a number's colour on a scale is so dark that text on it must be white."""
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    upper = next(place for place in range(1, len(scale)) if share <= scale[place][0])
    (left, before), (right, after) = scale[upper - 1], scale[upper]
    red, green, blue = (
        _linear(channel) for channel in _rgb(_mix(before, after, (share - left) / (right - left)))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.2


def _linear(channel: int) -> float:
    part = channel / 255
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def faint(color: str, opacity: float) -> str:
    """A `#rrggbb` colour with an opacity.

    >>> faint("#0072B2", 0.2)
    'rgba(0,114,178,0.2)'
    """
    return "rgba({},{},{},{})".format(*_rgb(color), opacity)


def as_plotly(figure: Figure, *, palette: str = "light") -> Any:
    """A `go.Figure` for notebooks and reports, with the colours of one palette ("light" or "dark")
    filled in.
    """
    import plotly.graph_objects as go

    colors = PALETTES[palette]
    painted = _paint(copy.deepcopy(figure), colors, is_color=False)
    axis = {
        "gridcolor": colors["@grid"],
        "linecolor": colors["@muted"],
        "zerolinecolor": colors["@muted"],
    }
    template = {
        "layout": {
            "font": {"color": colors["@text"]},
            "paper_bgcolor": colors["@paper"],
            "plot_bgcolor": colors["@paper"],
            "xaxis": axis,
            "yaxis": axis,
        }
    }
    return go.Figure(data=painted["data"], layout={**painted["layout"], "template": template})


def _paint(value: Any, colors: Mapping[str, str], *, is_color: bool) -> Any:
    if isinstance(value, str):
        return colors.get(value, value) if is_color else value
    if isinstance(value, list):
        return [_paint(part, colors, is_color=is_color) for part in value]
    if isinstance(value, dict):
        return {
            key: (
                part
                if key == "customdata"
                else _paint(part, colors, is_color=bool(re.search(r"color(scale|way)?$", key)))
            )
            for key, part in value.items()
        }
    return value
