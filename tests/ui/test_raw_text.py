"""What a model wrote is shown whole or said to be cut; nothing in it acts or hides."""

from __future__ import annotations

import doctest
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ui.raw_text
from ui.raw_text import SCREEN_CHARACTERS, excerpt, one_line, visible


def test_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(ui.raw_text).failed == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("\u2066a\u2069\u200f\u061c", "\\u2066a\\u2069\\u200f\\u061c"),
        ("12\u200b3\ufeff", "12\\u200b3\\ufeff"),
        ("a\u00adb\u2028c\u2029d", "a\\u00adb\\u2028c\\u2029d".replace("\\u00ad", "\\xad")),
        ("zero\x00byte\x07bell\x08back", "zero\\x00byte\\x07bell\\x08back"),
        ("over\rwrite", "over\\rwrite"),
        ("tag\U000e0041\U000e0042", "tag\\U000e0041\\U000e0042"),
        ("private\ue000", "private\\ue000"),
        ("lone\ud800", "lone\\ud800"),
        ("filler\u3164\u115f", "filler\\u3164\\u115f"),
        ("12\u200d", "12\\u200d"),
        ("x\ufe00\ufe01\ufe02", "x\\ufe00\\ufe01\\ufe02"),
        ("a" + "\u0301" * 6, "a" + "\u0301" * 4 + "\\u0301" * 2),
    ],
    ids=[
        "ansi",
        "c1",
        "rtl override",
        "isolates",
        "zero width",
        "separators",
        "controls",
        "carriage return",
        "tags",
        "private use",
        "surrogate",
        "fillers",
        "joiner",
        "selectors",
        "zalgo",
    ],
)
def test_what_acts_or_hides_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "plain [1, 2]\n\tindented",
        "<script>alert(1)</script> $x$ **b**",
        "日本語 Ελληνικά עברית العربية",
        "👩‍👩‍👧 ❤️ 🏳️‍🌈",
        "नमस्‍ते",
        "é ü ñ",
    ],
)
def test_ordinary_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=200))
def test_nothing_hidden_is_left_and_the_result_can_be_sent(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    hidden = [
        sign
        for sign in shown
        if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and sign not in "\n\t\u200c\u200d"
    ]
    assert hidden == []


@given(st.text(max_size=100))
def test_table_cell_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1


def test_table_cell_says_that_it_is_cut() -> None:
    assert one_line("abc\ndef", at_most=5) == "abc\\nd…"
    assert one_line("abc") == "abc"


def test_five_megabytes_on_one_line_are_cut_with_head_tail_and_length() -> None:
    text = "a" * 2_500_000 + "b" * 2_499_990 + "THE ANSWER"
    cut = excerpt(text)
    assert cut.is_cut
    assert cut.n_characters == 5_000_000
    assert cut.n_left_out == 5_000_000 - SCREEN_CHARACTERS
    assert cut.text.startswith("aaa")
    assert cut.text.endswith("THE ANSWER")
    assert "4,980,000 of 5,000,000 characters are left out here" in cut.text
    assert len(cut.text) < SCREEN_CHARACTERS + 200


@pytest.mark.parametrize("length", [0, 1, SCREEN_CHARACTERS])
def test_text_that_fits_is_whole(length: int) -> None:
    whole = excerpt("x" * length)
    assert (whole.text, whole.n_characters, whole.is_cut) == ("x" * length, length, False)
