"""Fixtures for tests that drive a started server in headless Chromium.

`browser` is one Chromium for the whole run, `serve(app, env)` starts an app on a free port and
stops it after the test, `page_at(url)` opens a page of 1280x800 that fails the test when the
browser's console reports an error.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_SECONDS = 60
ROOT = Path(__file__).resolve().parent.parent

# On a deep link Streamlit first asks for its own addresses beneath the page's path, is told 404,
# and then finds them.
EXPECTED_404 = re.compile(r"/\w+/_stcore/(health|host-config)$")

Serve = Callable[..., str]
PageAt = Callable[..., Page]


def find_chromium() -> str | None:
    """Path of an installed Chromium, or None."""
    return os.environ.get("CHARYBDIS_CHROMIUM") or next(
        filter(None, map(shutil.which, CHROMIUM_NAMES)), None
    )


def start_app(
    app: Path, *, env: dict[str, str] | None = None, log: Path
) -> tuple[subprocess.Popen[bytes], str]:
    """Start `streamlit run app` on a free port of 127.0.0.1 and wait until it answers; return the
    process and its address.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(app),
        *(f"--{name}={value}" for name, value in options.items()),
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | (env or {})
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=app.parent, env=environment
        )
    url = f"http://127.0.0.1:{port}"
    for _ in range(START_SECONDS * 20):
        if process.poll() is not None:
            raise RuntimeError(
                f"The server ended with status {process.returncode} before it"
                f" answered:\n{log.read_text()}"
            )
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return process, url
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    stop_app(process)
    raise RuntimeError(f"The server did not answer within {START_SECONDS} s:\n{log.read_text()}")


def stop_app(process: subprocess.Popen[bytes]) -> None:
    """End a started server; harder when it does not listen."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium. Without one the test is skipped with the reason printed; in CI that is a
    failure.
    """
    chromium = find_chromium()
    if chromium is None:
        reason = (
            f"no Chromium found (looked for {', '.join(CHROMIUM_NAMES)}, and in"
            " CHARYBDIS_CHROMIUM); install one with: make test"
        )
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Call it with an app file (and an environment): a server runs until the tests of the module
    are done; its address comes back.
    """
    started: list[subprocess.Popen[bytes]] = []
    logs = tmp_path_factory.mktemp("server")

    def start(app: Path, env: dict[str, str] | None = None) -> str:
        process, url = start_app(app, env=env, log=logs / f"server-{len(started)}.log")
        started.append(process)
        return url

    yield start
    for process in started:
        stop_app(process)


@pytest.fixture
def page_at(browser: Browser) -> Iterator[PageAt]:
    """Call it with an address (and playwright's context options): an open page of 1280x800. Console
    errors fail the test at its end.
    """
    contexts = []
    complaints: list[str] = []

    def note_errors(message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED_404.search(message.location["url"]):
            complaints.append(f"{message.text} ({message.location['url']})")

    def open_page(url: str, **options: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", note_errors)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    if complaints:
        pytest.fail("The browser's console reports:\n" + "\n".join(complaints))
