"""A read-only JSON API over the store, in the dashboard's own process. See api/app.py; `mount` is
for app.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.routing import Mount

PREFIX = "/api/v1"


class LazyApi:
    """The API as an ASGI app that is built at its first request: most visits never use it, and
    importing FastAPI takes a third of a second.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from api.app import make_api

            self._app = make_api(self._folder)
        await self._app(scope, receive, send)


def mount(folder: Path) -> Mount:
    """The route under which the API of this store is reached."""
    return Mount(PREFIX, app=LazyApi(folder))
