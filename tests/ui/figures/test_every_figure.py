"""What holds for all figures: plain, accepted by plotly, named, hostile text harmless, empty input
explained.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.figures.examples import EMPTY, FIGURES, HOSTILE, SEVEN, texts
from ui.chart import encode_figure
from ui.figures.theme import as_plotly

OUR_TAGS = re.compile("</?b>|<br>")
many_and_few = pytest.mark.parametrize("models", [("A",), ("A", "B"), SEVEN], ids=len)
every_figure = pytest.mark.parametrize("draw", FIGURES.values(), ids=list(FIGURES))


@every_figure
@many_and_few
@pytest.mark.parametrize("palette", ["light", "dark"])
def test_figure_is_plain_and_plotly_accepts_every_field(
    draw: Callable[..., dict[str, Any]], models: tuple[str, ...], palette: str
) -> None:
    figure = draw(*models)
    encode_figure(figure)
    checked = as_plotly(figure, palette=palette)
    assert len(checked.data) == len(figure["data"]) > 0
    assert "@" not in checked.to_json(), "a colour of the theme was not filled in"


@every_figure
@many_and_few
def test_traces_keep_their_identity_and_every_chart_has_a_sentence(
    draw: Callable[..., dict[str, Any]], models: tuple[str, ...]
) -> None:
    figure = draw(*models)
    names = [trace["uid"] for trace in figure["data"]]
    assert len(set(names)) == len(names)
    assert figure["layout"]["meta"]["sentence"].endswith(".")
    assert figure["layout"]["meta"]["file_name"]
    assert figure["layout"]["height"] > 0


@every_figure
@pytest.mark.parametrize("models", [(HOSTILE,), tuple(HOSTILE + name for name in SEVEN)], ids=len)
def test_markup_in_names_and_labels_is_never_markup_on_screen(
    draw: Callable[..., dict[str, Any]], models: tuple[str, ...]
) -> None:
    figure = draw(*models, labels=(HOSTILE, HOSTILE + "2", HOSTILE + "3"))
    shown = [OUR_TAGS.sub("", text) for text in texts(figure["data"])] + [
        OUR_TAGS.sub("", text) for text in texts(figure["layout"])
    ]
    assert any("&lt;img" in text for text in shown)
    for text in shown:
        assert "<" not in text
        assert "\u202e" not in text
    for trace in figure["data"]:
        assert not {"hovertemplate", "texttemplate"} & set(trace), (
            "a template would expand %{x} in a name"
        )


@every_figure
@many_and_few
def test_clicks_can_name_the_model_as_it_is_stored(
    draw: Callable[..., dict[str, Any]], models: tuple[str, ...]
) -> None:
    named = [
        dict(cell) for trace in draw(*models)["data"] for cell in flat(trace.get("customdata", []))
    ]
    assert {cell["model"] for cell in named} == set(models)
    assert {type(cell["level"]) for cell in named if "level" in cell} <= {int}


def flat(cells: list[Any]) -> list[dict[str, Any]]:
    return [cell for part in cells for cell in (part if isinstance(part, list) else [part])]


@pytest.mark.parametrize("draw", EMPTY.values(), ids=list(EMPTY))
def test_nothing_to_draw_is_said_and_the_next_step_named(
    draw: Callable[[], dict[str, Any]],
) -> None:
    figure = draw()
    assert figure["data"] == []
    (said,) = figure["layout"]["annotations"]
    assert len(said["text"]) > 30
    as_plotly(figure)
