"""Tooltips: data in them is never markup."""

from __future__ import annotations

import doctest

from ui.figures import layout
from ui.figures.layout import hover, interval_row


def test_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(layout).failed == 0


def test_hover_leaves_out_what_is_not_there_and_escapes_the_rest() -> None:
    assert (
        hover("<m>", [("n", 3), ("gone", None), ("why", "a<b")])
        == "<b>&lt;m&gt;</b><br>n: 3<br>why: a&lt;b"
    )


def test_an_interval_without_ends_is_not_defined() -> None:
    assert interval_row(0.95, float("nan"), 1.0) == ("95 % interval", "not defined")
