"""Take the README's screenshots from the running app on the shipped results, at 1280x800, light or
dark. `make pictures` runs this.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from data.bootstrap import open_store
from tests.browser_fixtures import CHROMIUM_FLAGS, ROOT, find_chromium, start_app, stop_app

FOLDER = ROOT / "docs" / "pictures"
SIZE = {"width": 1280, "height": 800}
PICTURES = {
    "overview-light": "",
    "valley-light": "valley?models=ladder-5k-s0&models=ladder-80k-s0&models=Qwen1.5-7B",
    "valley-dark": "valley?models=ladder-5k-s0&models=ladder-80k-s0&models=Qwen1.5-7B",
    "compare-light": "compare?models=ladder-20k-s0&models=ladder-80k-s0&models=ladder-300k-s0",
    "what_if-dark": "what_if?metric=token+edit+distance",
    "emergence-light": "emergence",
    "samples-dark": "samples?models=ladder-20k-s0&outcome=wrong",
    "probe-light": "probe?ref=ladder:ladder-20k-s0&probe_task=sort_numbers&probe_split=id",
    "methods-dark": "methods",
}
"""Page and colour scheme -> address."""
IDLE = (
    "() => document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state')"
    " === 'notRunning'"
)


def take(browser: Browser, url: str, name: str) -> None:
    """Take one screenshot once the page is drawn."""
    page_name, _, scheme = name.partition("-")
    context = browser.new_context(
        viewport=SIZE, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    page.goto(f"{url}/{PICTURES[name]}")
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_function(IDLE, timeout=120_000)
    if page_name == "probe":
        page.get_by_role("button", name="Ask", exact=True).click()
        page.get_by_text("log p of the reference").wait_for(timeout=120_000)
    page.wait_for_timeout(2500)  # until tables and charts have their final size
    page.screenshot(path=FOLDER / f"{name}.png")
    _shrink(FOLDER / f"{name}.png")
    sys.stdout.write(f"{name}.png\n")
    context.close()


def _shrink(picture: Path) -> None:
    """Reduce to 256 colours: a page has hardly more, and the file is a third of the size."""
    Image.open(picture).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        picture, optimize=True
    )


def main() -> None:
    chromium = find_chromium()
    if chromium is None:
        sys.exit(
            "Pictures need a Chromium, and none was found. Install one, or name it in"
            " CHARYBDIS_CHROMIUM."
        )
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        store = Path(temporary) / "store"
        open_store(store).close()
        process, url = start_app(
            ROOT / "app.py",
            env=os.environ | {"CHARYBDIS_STORE": str(store)},
            log=Path(temporary) / "server.log",
        )
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=chromium, args=list(CHROMIUM_FLAGS)
                )
                for name in PICTURES:
                    take(browser, url, name)
                browser.close()
        finally:
            stop_app(process)


if __name__ == "__main__":
    main()
