"""Names that look like Markdown, in front of Streamlit's Markdown."""

from __future__ import annotations

import pytest

from ui.plain import plain

JOINER = "\u2060"


def shown(text: str) -> str:
    """What a reader sees of escaped text."""
    return (
        plain(text).replace(JOINER, "").replace("\\\\", "\0").replace("\\", "").replace("\0", "\\")
    )


@pytest.mark.parametrize(
    "text",
    [
        "Qwen1.5-7B",
        "a_b*c",
        "[x](http://y)",
        "$a^2$",
        "<b>c</b>",
        "# h",
        ":material/home:",
        "www.e.com",
        "me@e.com",
        "O([N^2,N^3])",
        "\\frac",
    ],
)
def test_every_sign_is_still_there(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    "text",
    ["http://e.com", "www.e.com", "me@e.com", ":material/home:", ":smile:", "a->b", "a<-b", "a>=b"],
)
def test_what_streamlit_would_find_after_the_escapes_is_taken_apart(text: str) -> None:
    assert JOINER in plain(text)


@pytest.mark.parametrize("text", ["demo-large: The gap", "10:30", "family:Qwen1.5", "n = 5"])
def test_ordinary_words_stay_searchable(text: str) -> None:
    assert JOINER not in plain(text)


def test_control_and_direction_marks_become_visible() -> None:
    assert plain("a\u202eb\x07c") == "a\ufffdb\ufffdc"


def test_lines_become_one_line() -> None:
    assert plain("    indented\n\n- item") == "indented \\- item"


def test_names_that_run_from_right_to_left_leave_the_numbers_beside_them_alone() -> None:
    said = plain("نموذج اللغة-7b +2.8 [−5.7, 11.2], نموذج, (ل) and b")
    assert (
        said.replace("\\", "")
        == "\u2068نموذج اللغة-7b\u2069 +2.8 [−5.7, 11.2], \u2068نموذج\u2069, \u2068(ل\u2069) and b"
    )
    assert "\u2068" not in plain("模型 Ünïcødé 🦑 [1, 2]")
