"""Numbers, times and sizes in words."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

import ui.words
from ui.words import ago, size

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


def test_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(ui.words).failed == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
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
def test_age_is_said_in_the_largest_unit_that_fits(seconds: int, text: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), now=NOW) == text


def test_time_of_the_store_is_read_as_utc() -> None:
    assert ago(pd.Timestamp("2025-06-01 11:00"), now=NOW) == "1 hour ago"


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (3e9, "3.0 GB"), (5e12, "5000.0 GB")],
)
def test_size_is_said_in_decimal_units(n_bytes: float, text: str) -> None:
    assert size(n_bytes) == text
