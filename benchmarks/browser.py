"""Time until the plot is visible: our chart and our valley page compared with the smallest possible
app, in one headless Chromium.

python -m benchmarks.browser                     fill a temporary store with ten million samples,
                                                 measure, print a table
python -m benchmarks.browser --store F           draw the valley page from the store in folder F
                                                 (with --query, its address's query)
python -m benchmarks.browser --json results.json also write the numbers

Wall time, medians, repetitions of all apps interleaved. "Cold first plot" runs from navigation in a
browser without a cache to the frame after the first trace is drawn; "filter change" from the key
press to the frame after the new plot is drawn. The valley page changes between two denominators:
the first change to each computes its valleys, the later ones find them cached.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import textwrap
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.store import fill
from data.store import Store
from tests.browser_fixtures import CHROMIUM_FLAGS, ROOT, find_chromium, start_app, stop_app

THREE_MODELS = "scheme=benchmark&models=model-00&models=model-10&models=model-20"
FLOOR_APP = """
import streamlit as st
value = st.slider("value", 0, 100, 50)
points = dict(type="scatter", x=[1, 2, 3], y=[1, 2, value])
seen = dict(text=f"n={value}", x=0.5, y=1, xref="paper", yref="paper", showarrow=False)
figure = dict(data=[points], layout=dict(height=420, annotations=[seen]))
"""
PLOTLY_CHART_APP = FLOOR_APP + 'st.plotly_chart(figure, key="chart")\n'
OUR_CHART_APP = (
    "import streamlit as st\nfrom ui.chart import library_route, preload_chart, show_chart\n"
    "app = st.App(__file__, routes=[library_route()])\npreload_chart()\n"
    + FLOOR_APP
    + 'show_chart(figure, key="chart")\n'
)
# Both small apps write the slider's value into the plot: the new plot is complete when the new
# value is drawn.
VALUE_DRAWN = "() => document.querySelector('.js-plotly-plot .annotation-text')?.textContent"
DRAWS_COUNTED = "() => document.querySelector('.charybdis-chart[data-draws]')?.dataset.draws"
WATCH = """
(() => {
    const seen = %s;
    window.firstPlot = new Promise((resolve) => {
        const look = () =>
            requestAnimationFrame(seen() ? () => resolve(performance.now()) : look);
        look();
    });
    window.changeOn = (key) => {
        const before = seen();
        window.nextPlot = new Promise((resolve, reject) => {
            setTimeout(() => reject(new Error("no new plot within 30 s")), 30_000);
            const press = (event) => {
                if (event.key !== key) return;
                removeEventListener("keydown", press, true);
                const begun = performance.now();
                const look = () => {
                    const now = seen();
                    const done = () => resolve(performance.now() - begun);
                    if (now && now !== before) requestAnimationFrame(done);
                    else requestAnimationFrame(look);
                };
                look();
            };
            addEventListener("keydown", press, true);
        });
    };
})();
"""


@dataclass(frozen=True, slots=True)
class App:
    """One app to measure: its address, the sign of a drawn plot, and how a reader changes it."""

    name: str
    url: str
    seen: str
    change: Callable[[Page], None]


@dataclass(frozen=True, slots=True)
class Result:
    """One measured ratio: `ours` against `peer` in ms, medians of `n`, and the target the ratio
    must not exceed.
    """

    what: str
    ours: float
    peer: float
    ratio: float
    target: float
    n: int

    @property
    def is_met(self) -> bool:
        return self.ratio <= self.target


def move_slider(page: Page) -> None:
    """One step to the right."""
    page.evaluate("changeOn('ArrowRight')")
    page.get_by_role("slider").press("ArrowRight")


def change_denominator(page: Page) -> None:
    """From the first denominator of the list to the second or back, by keyboard. (The third gives
    the same plot as the second.)
    """
    page.get_by_role("combobox", name="Denominator").click()
    options = page.get_by_role("option")
    options.first.wait_for()
    is_first = options.first.get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowDown" if is_first else "ArrowUp")
    page.evaluate("changeOn('Enter')")
    page.keyboard.press("Enter")


def open_app(browser: Browser, app: App) -> tuple[Page, float]:
    """Open an app in a browser without a cache; return the page and the time to its first plot in
    ms.
    """
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.add_init_script(WATCH % app.seen)
    page.goto(app.url, wait_until="commit")
    return page, page.evaluate("firstPlot")


def measure(
    browser: Browser, apps: list[App], *, n_cold: int, n_changes: int
) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of every repetition, by app: cold first plots and filter changes."""
    times: dict[str, dict[str, list[float]]] = {
        app.name: {"cold": [], "change": []} for app in apps
    }
    for app in apps:  # the first visit after a start compiles scripts and fills caches, in all apps
        open_app(browser, app)[0].context.close()
    for _ in range(n_cold):
        for app in apps:
            page, first_ms = open_app(browser, app)
            times[app.name]["cold"].append(first_ms)
            page.context.close()
    pages = [open_app(browser, app)[0] for app in apps]
    for page in pages:
        page.wait_for_timeout(1500)
    for _ in range(n_changes):
        for app, page in zip(apps, pages, strict=True):
            app.change(page)
            times[app.name]["change"].append(page.evaluate("nextPlot"))
            page.wait_for_timeout(300)  # a reader's pause, in which the rest of the page settles
    return times


def compare(times: dict[str, dict[str, list[float]]], floor: str) -> list[Result]:
    """Every app against the smallest one, with the project's targets."""
    results = []
    for name, of_app in times.items():
        for kind, target in (("cold", 1.5), ("change", 3.0)):
            if name != floor:
                ours, peer = statistics.median(of_app[kind]), statistics.median(times[floor][kind])
                what = {"cold": "cold first plot", "change": "filter change to new plot"}[kind]
                results.append(
                    Result(f"{name}: {what}", ours, peer, ours / peer, target, len(of_app[kind]))
                )
    return results


def start_all(stack: ExitStack, folder: Path, options: argparse.Namespace) -> list[App]:
    """Start the servers; they are stopped with the stack."""
    apps = []
    for name, text in (("st.plotly_chart", PLOTLY_CHART_APP), ("our chart", OUR_CHART_APP)):
        script = folder / name.replace(" ", "-") / "app.py"
        script.parent.mkdir()
        script.write_text(textwrap.dedent(text), encoding="utf-8")
        process, url = start_app(script, log=script.with_suffix(".log"))
        stack.callback(stop_app, process)
        apps.append(App(name, url, VALUE_DRAWN, move_slider))
    environment = {
        "CHARYBDIS_STORE": str((options.store or filled(folder / "store", options.rows)).resolve())
    }
    process, url = start_app(ROOT / "app.py", env=environment, log=folder / "charybdis.log")
    stack.callback(stop_app, process)
    return [
        *apps,
        App("valley page", f"{url}/valley?{options.query}", DRAWS_COUNTED, change_denominator),
    ]


def filled(folder: Path, n_rows: int) -> Path:
    """A new store of synthetic samples, without text: the valley page reads none."""
    fill(Store(folder), n_rows, with_text=False)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", type=Path, help="folder of a store to draw the valley page from")
    parser.add_argument(
        "--rows",
        type=int,
        default=10_000_000,
        help="samples of the store that is filled without --store",
    )
    parser.add_argument("--query", default=THREE_MODELS, help="query of the valley page's address")
    parser.add_argument("--cold", type=int, default=7, help="cold visits of each app")
    parser.add_argument("--changes", type=int, default=21, help="filter changes of each app")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        parser.error("No Chromium found; name one in CHARYBDIS_CHROMIUM.")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        apps = start_all(stack, folder, options)
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=chromium, args=list(CHROMIUM_FLAGS)
        )
        stack.callback(browser.close)
        times = measure(browser, apps, n_cold=options.cold, n_changes=options.changes)
    results = compare(times, apps[0].name)
    for result in results:
        verdict = "met" if result.is_met else "MISSED"
        times_ms = f"{result.ours:9.0f} ms{result.peer:9.0f} ms{result.ratio:8.2f}"
        print(f"{verdict:7}{result.what:44}{times_ms} (at most {result.target}, n = {result.n})")
    if options.json:
        options.json.write_text(
            json.dumps(
                [{**asdict(result), "is_met": result.is_met} for result in results], indent=2
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
