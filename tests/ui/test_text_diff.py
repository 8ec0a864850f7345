"""The text diff: what is the same stands once, what differs is marked, nothing becomes markup, long
texts are cut and said so.
"""

from __future__ import annotations

from ui.text_diff import AT_MOST, text_diff


def test_equal_lines_stand_once_and_differing_words_are_marked() -> None:
    assert text_diff("first\nsum is 3\nlast", "first\nsum is 4\nlast").split("\n") == [
        "  first",
        "A sum is ⟦3⟧",
        "B sum is ⟦4⟧",
        "  last",
    ]


def test_line_of_one_text_alone_carries_its_name() -> None:
    assert text_diff("a", "a\nb") == "  a\nB b"


def test_markup_comes_out_as_it_went_in() -> None:
    assert "<img src=x onerror=alert(1)>" in text_diff("<img src=x onerror=alert(1)>", "").replace(
        "⟦", ""
    ).replace("⟧", "")


def test_long_texts_are_cut_and_said_so() -> None:
    assert text_diff("x" * (AT_MOST + 1), "y").endswith(
        f"only the first {AT_MOST:,} characters of each text are compared …]"
    )
