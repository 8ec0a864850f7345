"""Numbers, names and lists look the same everywhere; undefined numbers are never numbers."""

from __future__ import annotations

import doctest
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import text

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
UNDEFINED = [None, math.nan, math.inf, -math.inf, np.float64("nan"), pd.NA, pd.NaT]


def test_examples_of_the_docstrings_hold() -> None:
    tried = doctest.testmod(text)
    assert tried.failed == 0 and tried.attempted > 20


@pytest.mark.parametrize("undefined", UNDEFINED)
@pytest.mark.parametrize(
    "write",
    [
        text.number,
        text.signed,
        text.significant,
        text.short_count,
        text.percent,
        text.percent_of_draws,
        text.points,
        text.hundredfold,
        text.p_value,
        text.whole,
        text.duration_text,
    ],
)
def test_undefined_numbers_are_a_dash_never_a_number(
    write: Callable[[Any], str], undefined: Any
) -> None:
    assert not text.is_number(undefined)
    assert write(undefined) == "–"


@pytest.mark.parametrize("undefined", UNDEFINED)
def test_intervals_without_an_end_say_so(undefined: Any) -> None:
    assert text.interval(undefined, 1.0) == text.interval(0.0, undefined) == ""
    assert text.span(undefined, 1.0) == text.span(0.0, undefined) == "not defined"
    assert text.with_interval(0.5, undefined, 1.0) == "0.50"
    assert text.with_interval(undefined, undefined, undefined) == "–"


def test_numbers_of_numpy_are_numbers() -> None:
    assert text.is_number(np.int64(3)) and text.is_number(np.float32(0.5))
    assert text.percent(np.float64(0.255), 1) == "25.5 %"


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 4))
def test_a_number_has_a_real_minus_sign_and_no_negative_zero(value: float, digits: int) -> None:
    for sign in (False, True):
        shown = text.number(value, digits, sign=sign)
        assert "-" not in shown
        assert not (shown.startswith(("−", "+")) and float(shown[1:].replace(",", "")) == 0)
    assert "-" not in text.significant(value)


@given(st.floats(0, 1))
def test_a_share_of_draws_is_certain_only_where_it_is(share: float) -> None:
    shown = text.percent_of_draws(share)
    assert (shown == "0 %") == (share == 0) and (shown == "100 %") == (share == 1)


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (0.0, "p < .001"),
        (0.00099, "p < .001"),
        (0.001, "p = .001"),
        (0.0996, "p = .100"),
        (0.1, "p = .10"),
        (0.999, "p = 1.00"),
        (1.0, "p = 1.00"),
        (math.nan, "p –"),
    ],
)
def test_p_values_have_one_spelling(p: float, shown: str) -> None:
    assert text.p_text(p) == shown
    assert shown.endswith(text.p_value(p))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (86400, "24 hours ago"),
        (3 * 86400, "3 days ago"),
        (100 * 86400, "on 2025-02-21"),
    ],
)
def test_age_is_in_the_largest_unit_that_fits(seconds: int, shown: str) -> None:
    assert text.ago(NOW - timedelta(seconds=seconds), now=NOW) == shown


def test_time_of_the_store_is_read_as_utc() -> None:
    assert text.ago(pd.Timestamp("2025-06-01 11:00"), now=NOW) == "1 hour ago"


@pytest.mark.parametrize(
    ("n_bytes", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (3e9, "3.0 GB"), (5e12, "5000.0 GB")],
)
def test_size_is_in_decimal_units(n_bytes: float, shown: str) -> None:
    assert text.size_text(n_bytes) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5400, "1.5 h"), (86400, "24.0 h")],
)
def test_duration_is_in_the_unit_that_fits(seconds: float, shown: str) -> None:
    assert text.duration_text(seconds) == shown


def test_lists_name_all_or_some_or_count() -> None:
    assert text.listed(["A"], at_most=1) == "A"
    assert text.listed("ABC", at_most=2) == "A, B and 1 other"
    assert text.listed("ABCD", at_most=1, noun="model") == "A and 3 models"
    assert text.listed_or_counted([], "model", at_most=3) == "0 models"


def test_clauses_become_one_sentence_or_none() -> None:
    assert text.joined(["", None]) == ""
    assert text.joined(["the first.", "the second"]) == "The first; the second."


@given(st.text())
def test_escaped_text_holds_no_markup(name: str) -> None:
    escaped = text.escape(name)
    assert "<" not in escaped and ">" not in escaped
    assert not escaped.startswith("$")
    assert escaped.count("&") == escaped.count("&lt;") + escaped.count("&gt;") + escaped.count(
        "&amp;"
    )


def test_direction_marks_and_control_characters_are_shown_as_replaced() -> None:
    assert text.escape("a\u202eb\x00c\u200bd") == "a\ufffdb\ufffdc\ufffdd"


def test_long_text_ends_in_an_ellipsis_and_never_inside_an_entity() -> None:
    assert text.escape("<<<<<", at_most=3) == "&lt;&lt;…"
    assert text.escape("abc", at_most=3) == "abc"


def test_level_names_raise_powers_and_fall_back_to_the_number() -> None:
    assert text.level_name("O([N^3,N^4])", 4) == "O([N³,N⁴])"
    assert text.level_name("O(2^N)", 5) == "O(2ᴺ)"
    assert text.level_name(None, 2) == "level 2"
    assert text.level_name(math.nan, 2) == "level 2"


@dataclass(frozen=True)
class _Part:
    name: str
    draws: list[float] = field(default_factory=list)
    _cache: int = 0


def test_results_become_values_that_json_has() -> None:
    found = {
        1: _Part("a", [1.0]),
        "frame": pd.DataFrame({"n": pd.array([1, pd.NA], "Int16"), "y": [0.5, math.nan]}),
        "array": np.array([[1.0, np.nan]]),
        "scalar": np.float32(0.5),
        "times": (pd.NaT, datetime(2025, 1, 1)),
        "odd": {"x"},
        "yes": np.bool_(True),
    }
    plain = text.plain_value(found)
    assert plain == {
        "1": {"name": "a", "draws": [1.0]},
        "frame": [{"n": 1, "y": 0.5}, {"n": None, "y": None}],
        "array": [[1.0, None]],
        "scalar": 0.5,
        "times": [None, datetime(2025, 1, 1)],
        "odd": ["x"],
        "yes": True,
    }
    assert msgspec.json.decode(msgspec.json.encode(plain))["yes"] is True
    assert type(text.plain_value(np.float64(1.5))) is float


def test_an_encoder_is_helped_with_what_it_does_not_know() -> None:
    odd = {"at": pd.Timestamp("2025-01-01"), "n": np.int64(3), "y": [np.float64("nan"), pd.NA]}
    written = msgspec.json.encode(odd, enc_hook=text.json_hook)
    assert written == b'{"at":"2025-01-01 00:00:00","n":3,"y":[null,null]}'


def test_infinite_numbers_are_null_or_words_and_fields_can_be_left_out() -> None:
    assert text.plain_value([math.inf, -math.inf]) == [None, None]
    assert text.plain_value([math.inf, -math.inf], name_infinite=True) == ["inf", "-inf"]
    assert text.plain_value([_Part("a", [1.0])], leave_out=("draws",)) == [{"name": "a"}]
