"""A meeting: pages collected as they stood, read full screen or taken along. The numbers stay those of the moment of collecting.

The collected views live in this server's memory, under a name that only the visit knows; a route shows them (`ui.startup.routes`).
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.meeting.snapshot import View

MAX_MEETINGS = 50
"""Meetings kept in memory; the one that was not touched for longest goes first."""


class Meeting:
    """Views in the order in which they were added; `page` gives the page that is open, for a meeting with nothing collected."""

    def __init__(self) -> None:
        self.name = secrets.token_urlsafe(12)
        self.views: list[View] = []
        self.page: Callable[[], View] | None = None

    def document(self, *, as_deck: bool) -> str:
        """What was collected, or else the open page, as one HTML document."""
        from ui.meeting.snapshot import snapshot

        views = self.views or ([self.page()] if self.page else [])
        return snapshot(views, title="Charybdis", as_deck=as_deck)


_meetings: OrderedDict[str, Meeting] = OrderedDict()


def begin() -> Meeting:
    """A new, empty meeting."""
    meeting = Meeting()
    _meetings[meeting.name] = meeting
    while len(_meetings) > MAX_MEETINGS:
        _meetings.popitem(last=False)
    return meeting


def find(name: str) -> Meeting | None:
    """The meeting of this name, if it is still kept."""
    meeting = _meetings.get(name)
    if meeting is not None:
        _meetings.move_to_end(name)
    return meeting
