"""One look per model on every page."""

from __future__ import annotations

import colorsys
import math
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from analysis.text import natural_order
from ui.figures.theme import (
    DIVERGING,
    MODEL_HUES,
    OKABE_ITO,
    ModelStyle,
    is_dark,
    model_styles,
    style_of,
)

FAMILIES = {f"Q-{size}B": "Qwen" for size in (1.8, 4, 7, 14, 32, 72)} | {
    "L-8B": "Llama",
    "L-70B": "Llama",
    "x": None,
}


def test_models_that_come_later_change_the_look_of_none_that_is_there() -> None:
    styles = model_styles(FAMILIES)
    later = model_styles({**FAMILIES, "A-1B": "Aardvark", "K-2B": "Koala"})
    assert {model: later[model] for model in styles} == styles
    assert later["A-1B"].symbol not in {styles["Q-7B"].symbol, styles["L-8B"].symbol}
    assert {model: style_of(model, styles) for model in ("Q-7B", "x")} == {
        "Q-7B": styles["Q-7B"],
        "x": styles["x"],
    }


@given(st.integers(6, 40), st.data())
def test_up_to_six_models_shown_together_have_six_hues_and_the_earliest_keeps_its_own(
    n_stored: int, data: st.DataObject
) -> None:
    families = {f"m{place}": None for place in range(n_stored)}
    together = data.draw(st.sets(st.sampled_from(list(families)), min_size=1, max_size=6))
    styles = model_styles(families, together=together)
    colors = [styles[model].color for model in together]
    assert len(set(colors)) == len(colors) and set(colors) <= set(MODEL_HUES)
    first = min(together, key=list(families).index)
    assert styles[first].color == MODEL_HUES[list(families).index(first) % 6]
    later = model_styles({**families, "new": None}, together=together)
    assert {model: later[model] for model in together} == {
        model: styles[model] for model in together
    }


def test_six_neighbours_differ_in_hue_and_eighteen_models_in_color() -> None:
    styles = model_styles({f"m{place}": None for place in range(18)})
    colors = [style.color for style in styles.values()]
    assert [color.upper() for color in colors[:6]] == list(MODEL_HUES)
    assert len(set(colors)) == 18


def test_neighbours_are_told_apart_also_where_one_shade_ends_and_the_next_begins() -> None:
    colors = [
        style.color for style in model_styles({f"m{place}": None for place in range(19)}).values()
    ]
    channels = [[int(color[start : start + 2], 16) for start in (1, 3, 5)] for color in colors]
    assert min(math.dist(a, b) for a, b in pairwise(channels)) > 70


def test_symbol_is_the_family_and_unknown_families_are_circles() -> None:
    styles = model_styles(FAMILIES)
    symbols = {
        family: {styles[model].symbol for model, of in FAMILIES.items() if of == family}
        for family in ("Qwen", "Llama", None)
    }
    assert [len(found) for found in symbols.values()] == [1, 1, 1]
    assert symbols["Qwen"] != symbols["Llama"]


def test_model_the_store_does_not_know_keeps_one_color() -> None:
    assert style_of("new", None) == style_of("new", {"other": ModelStyle("#000000", "x")})


def test_models_are_colored_from_okabe_and_ito() -> None:
    assert set(MODEL_HUES) < set(OKABE_ITO.values())
    assert OKABE_ITO["yellow"] not in MODEL_HUES


def test_diverging_scale_goes_from_blue_over_white_to_orange() -> None:
    assert [place for place, _ in DIVERGING] == [0.0, 0.25, 0.5, 0.75, 1.0]
    hues = [
        colorsys.rgb_to_hls(*(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)))[0] * 360
        for _, color in DIVERGING
    ]
    assert DIVERGING[2][1] == "#ffffff"
    assert all(195 < hue < 225 for hue in hues[:2]) and all(15 < hue < 45 for hue in hues[3:])


def test_text_is_white_on_dark_cells_only() -> None:
    scale = [[0, "#ffffff"], [1, "#000000"]]
    assert [is_dark(value, scale, -1, 1) for value in (-5, -1, 0, 1, 5)] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_sizes_sort_as_numbers() -> None:
    names = ["Q-110B", "Q-1.8B", "q-4B", "Q-14B"]
    assert sorted(names, key=natural_order) == ["Q-1.8B", "q-4B", "Q-14B", "Q-110B"]
    assert all(natural_order(a) != natural_order(b) for a, b in combinations(names, 2))


def test_the_unit_behind_a_number_counts_in_the_order() -> None:
    names = [
        "ladder-1k-s0",
        "ladder-3k-badlr-s0",
        "ladder-3k-s0",
        "ladder-300k-s1",
        "ladder-1M-s0",
        "ladder-1B",
    ]
    assert sorted(reversed(names), key=natural_order) == names
    assert sorted(["p-1b", "p-70m", "p-2base"], key=natural_order) == [
        "p-2base",
        "p-70m",
        "p-1b",
    ]  # the b of a word is no unit
    assert natural_order("p-1000k") != natural_order("p-1M")
