"""Names are data, numbers look the same everywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.figures.text import escape, hover, is_number, level_name, percent, points, signed


@given(st.text())
def test_escaped_text_holds_no_markup(text: str) -> None:
    escaped = escape(text)
    assert "<" not in escaped and ">" not in escaped
    assert not escaped.startswith("$")
    assert escaped.count("&") == escaped.count("&lt;") + escaped.count("&gt;") + escaped.count(
        "&amp;"
    )


def test_direction_marks_and_control_characters_are_shown_as_replaced() -> None:
    assert escape("a\u202eb\x00c\u200bd") == "a\ufffdb\ufffdc\ufffdd"


def test_long_text_ends_in_an_ellipsis_and_never_inside_an_entity() -> None:
    assert escape("<<<<<", at_most=3) == "&lt;&lt;…"
    assert escape("abc", at_most=3) == "abc"


def test_level_names_raise_powers_and_fall_back_to_the_number() -> None:
    assert level_name("O([N^3,N^4])", 4) == "O([N³,N⁴])"
    assert level_name("O(2^N)", 5) == "O(2ᴺ)"
    assert level_name(None, 2) == "level 2"
    assert level_name(math.nan, 2) == "level 2"


@pytest.mark.parametrize("undefined", [None, math.nan, math.inf, np.float64("nan")])
def test_undefined_numbers_are_a_dash_never_a_number(undefined: float | None) -> None:
    assert not is_number(undefined)
    assert {percent(undefined), points(undefined), signed(undefined)} == {"–"}


def test_numbers_of_numpy_are_numbers() -> None:
    assert is_number(np.int64(3)) and is_number(np.float32(0.5))
    assert percent(np.float64(0.255)) == "25.5 %"


def test_hover_leaves_out_what_is_not_there_and_escapes_the_rest() -> None:
    assert (
        hover("<m>", [("n", 3), ("gone", None), ("why", "a<b")])
        == "<b>&lt;m&gt;</b><br>n: 3<br>why: a&lt;b"
    )
