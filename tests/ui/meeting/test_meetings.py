"""A meeting keeps what was presented as it was; only `refresh` changes slides, all of them or
none.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest

from data.records import CharybdisError
from ui.meeting import meetings
from ui.meeting.meetings import MAX_DRAWN, MAX_MEETINGS, Meeting, begin, find, read_moment
from ui.meeting.snapshot import Page


def page(sentence: str, version: int = 7) -> Page:
    blocks = [{"kind": "answer", "text": sentence}]
    return {
        "blocks": blocks,
        "address": f"valley?n={sentence}",
        "store_version": version,
        "read_at": f"2026-01-0{version}T00:00:00+00:00",
    }


def test_a_page_is_frozen_by_its_first_presentation() -> None:
    mine, said = Meeting(), ["one"]
    number = mine.draws(lambda: page(said[0]))
    said[0] = "two"
    assert mine.slides(number) == [page("two")]
    said[0] = "three"
    assert mine.slides(number) == [page("two")]
    for _ in range(MAX_DRAWN):
        mine.draws(lambda: page("later"))
    assert mine.slides(number) == [page("two")]
    assert mine.slides(number + 1) == mine.slides(number + MAX_DRAWN) == [page("later")]
    assert mine.slides(99) == [] == mine.slides(None)


def test_refresh_reads_all_addresses_and_says_what_was_before() -> None:
    mine = Meeting()
    mine.pages = [page("a"), page("b")]
    mine.refresh(None, lambda addresses: [page(address.upper(), 9) for address in addresses])
    assert [one["blocks"][0]["text"] for one in mine.pages] == ["VALLEY?N=A", "VALLEY?N=B"]
    assert [one["changed"] for one in mine.pages] == [
        "At store version 7 this read: a",
        "At store version 7 this read: b",
    ]
    assert read_moment(mine.pages) == (9, pd.Timestamp("2026-01-09"))


def test_slides_stay_when_one_cannot_be_read() -> None:
    def fails(addresses: Sequence[str]) -> list[Page]:
        raise CharybdisError("gone")

    mine = Meeting()
    mine.pages = [page("a")]
    with pytest.raises(CharybdisError, match="gone"):
        mine.refresh(None, fails)
    assert mine.pages == [page("a")]


def test_visits_that_collect_nothing_never_push_out_a_meeting_that_did() -> None:
    mine = begin()
    mine.pages = [page("a")]
    for _ in range(2 * MAX_MEETINGS):
        begin()
    assert find(mine.name) is mine
    assert len(meetings._meetings) <= MAX_MEETINGS
