"""A page without a browser: run it as a visit would, and take what stands on it. The shell's reports are made this way."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from streamlit.testing.v1 import AppTest

from data.records import CharybdisError
from ui import selection
from ui.meeting.snapshot import View
from ui.meeting.snapshot_panel import view_of
from ui.reading import PARTS
from ui.settings import settings
from ui.startup import known_pages, quiet

_ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 300


class NoViewError(CharybdisError):
    """An address names no page, or its page cannot be drawn."""


def read_view(address: str, store_folder: Path) -> View:
    """The view of an address of the dashboard, such as `valley?models=Qwen1.5-7B` or a whole link, as it stands on this store.

    Raises:
        NoViewError: no page of that name, or a page that fails.
    """
    split = urlsplit(address)
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
                f"There is no page {name!r} in {address}. Possible: {', '.join(pages)}, with the words of its link after `?`."
            )
        if name and name != pages[0]:
            app.switch_page(f"pages/{name}/page.py").run()
        if app.exception:
            raise NoViewError(f"The page of {address} cannot be drawn: {app.exception[0].message}.")
        if app.error:
            raise NoViewError(f"The page of {address} says: {app.error[0].value}")
        return view_of(list(app.session_state[PARTS]), app.session_state[selection.CHOSEN], address)
