"""A meeting: pages as they stood, read full screen or taken along. Their numbers stay those of the
moment at which they were read.

The pages live in this server's memory, under a name that only the visits of one browser know;
routes show them (`ui.startup.routes`). A slide never changes by itself: what came into the store
since is said beside it, and `refresh` reads all slides anew.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import pandas as pd

from data.records import CharybdisError

if TYPE_CHECKING:
    from ui.meeting.snapshot import Page

MAX_MEETINGS = 50
"""Meetings kept in memory; one with nothing collected goes first, then the one that was not touched
for longest.
"""

MAX_DRAWN = 6
"""Of so many last draws of a page it can still be presented what stood there."""

MAX_PRESENTED = 30
"""Single pages that were presented and keep their numbers."""

_ROOT = Path(__file__).resolve().parents[2]

ReadPages = Callable[[Sequence[str]], list["Page"]]
Kept = TypeVar("Kept")


class NoViewError(CharybdisError):
    """An address names no page, or its page cannot be drawn."""


class Meeting:
    """Pages in the order in which they were collected, and single pages that were presented as they
    stood.
    """

    def __init__(self) -> None:
        self.name = secrets.token_urlsafe(12)
        self.pages: list[Page] = []
        self._drawn: OrderedDict[int, Callable[[], Page]] = OrderedDict()
        self._presented: OrderedDict[int, Page] = OrderedDict()
        self._n_drawn = 0
        self._guard = threading.Lock()

    def draws(self, page: Callable[[], Page]) -> int:
        """Note the page that is being drawn; its number for `slides`. `page` gives it as it stands
        once it is asked for.
        """
        with self._guard:
            self._n_drawn += 1
            _keep(self._drawn, self._n_drawn, page, MAX_DRAWN)
            return self._n_drawn

    def slides(self, number: int | None) -> list[Page]:
        """What was collected, or the one page of a number: from its first presentation on it stays
        what it was then.

        Empty where that is no longer known.
        """
        if number is None:
            return list(self.pages)
        with self._guard:
            if number not in self._presented and number in self._drawn:
                _keep(self._presented, number, self._drawn[number](), MAX_PRESENTED)
            return [self._presented[number]] if number in self._presented else []

    def refresh(self, number: int | None, read: ReadPages) -> None:
        """Read all slides anew, and let each say what is other than before. Nothing changes where
        one of them cannot be read.

        Raises:
            CharybdisError: as `read`.
        """
        from ui.meeting.snapshot import refreshed

        before = self.slides(number)
        fresh = read([page["address"] for page in before])
        anew = [refreshed(page, old) for page, old in zip(fresh, before, strict=True)]
        with self._guard:
            if number is None:
                self.pages[: len(anew)] = anew
            elif anew:
                _keep(self._presented, number, anew[0], MAX_PRESENTED)


def read_moment(pages: Sequence[Page]) -> tuple[int, pd.Timestamp]:
    """Store version and time (UTC, without saying so) of the page that was read first."""
    first = min(pages, key=lambda page: str(page["read_at"]))
    return int(first["store_version"]), pd.Timestamp(
        datetime.fromisoformat(str(first["read_at"]))
    ).tz_localize(None)


def read_pages(addresses: Sequence[str], store_folder: Path) -> list[Page]:
    """The pages of these addresses as they stand on this store, read by `ui.headless` in a process
    of its own: inside a running server the harness would take the server's place.

    Raises:
        NoViewError: one of the addresses cannot be read; the others are not given back either.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pages.json"
        command = [
            sys.executable,
            "-m",
            "ui.headless",
            str(store_folder),
            str(out),
            *addresses,
        ]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        if done.returncode or not out.is_file():
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise NoViewError(
                f"The pages could not be read anew ({last}). What was collected stays as it is; try"
                " again."
            )
        found = msgspec.json.decode(out.read_bytes())
    if "error" in found:
        raise NoViewError(found["error"])
    return list(found["pages"])


_meetings: OrderedDict[str, Meeting] = OrderedDict()


def begin() -> Meeting:
    """A new, empty meeting."""
    meeting = Meeting()
    _meetings[meeting.name] = meeting
    while len(_meetings) > MAX_MEETINGS:
        empty = next(
            (name for name, one in _meetings.items() if not one.pages and one is not meeting), None
        )
        _meetings.pop(empty if empty is not None else next(iter(_meetings)))
    return meeting


def find(name: str) -> Meeting | None:
    """The meeting of this name, if it is still kept."""
    meeting = _meetings.get(name)
    if meeting is not None:
        _meetings.move_to_end(name)
    return meeting


def _keep(places: OrderedDict[int, Kept], number: int, content: Kept, at_most: int) -> None:
    places[number] = content
    while len(places) > at_most:
        places.popitem(last=False)
