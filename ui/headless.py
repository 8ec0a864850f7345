"""A page without a browser: run it as a visit would, and take what stands on it. The shell's
reports are made this way, and slides that are read again (`meetings.read_pages`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from streamlit.testing.v1 import AppTest

from data.records import CharybdisError
from ui import selection
from ui.meeting.meetings import NoViewError
from ui.meeting.snapshot import Page
from ui.meeting.snapshot_panel import basis_of, page_as_drawn
from ui.reading import PARTS
from ui.settings import settings
from ui.startup import known_pages, quiet

_ROOT = Path(__file__).resolve().parents[1]
_TIMEOUT_S = 300


def read_page(address: str, store_folder: Path) -> Page:
    """The page of an address of the dashboard, such as `valley?models=Qwen1.5-7B` or a whole link,
    as it stands on this store.

    Raises:
        NoViewError: no page of that name, or a page that fails.
    """
    try:
        split = urlsplit(address)
    except ValueError as cause:
        raise NoViewError(
            f"{address} is no address ({cause}). Copy one from the dashboard, or write a page's"
            " name."
        ) from cause
    name = split.path.strip("/").rsplit("/", 1)[-1]
    os.environ["CHARYBDIS_STORE"] = str(store_folder)
    settings.cache_clear()
    with quiet():
        app = AppTest.from_file(str(_ROOT / "app.py"), default_timeout=_TIMEOUT_S)
        for key, values in parse_qs(split.query).items():
            app.query_params[key] = values
        app.run()
        pages = [page.name for page in known_pages()]
        if name and name not in pages:
            raise NoViewError(
                f"There is no page {name!r} in {address}. Possible: {', '.join(pages)}, with the"
                " words of its link after `?`."
            )
        if name and name != pages[0]:
            app.switch_page(f"pages/{name}/page.py").run()
        if app.exception:
            raise NoViewError(f"The page of {address} cannot be drawn: {app.exception[0].message}.")
        if app.error:
            raise NoViewError(f"The page of {address} says: {app.error[0].value}")
        chosen = app.session_state[selection.CHOSEN]
        return page_as_drawn(list(app.session_state[PARTS]), chosen, address, basis_of(chosen))


def _main(store_folder: str, out: str, *addresses: str) -> None:
    """What `read_pages` runs: the pages, or why there are none, as JSON in a file (stdout belongs
    to whatever prints).
    """
    found: dict[str, Any]
    try:
        found = {"pages": [read_page(address, Path(store_folder)) for address in addresses]}
    except CharybdisError as cause:
        found = {"error": str(cause)}
    Path(out).write_bytes(msgspec.json.encode(found))


if __name__ == "__main__":
    _main(*sys.argv[1:])
