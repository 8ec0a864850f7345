"""Server time of a change of a control: every page on the shipped store, under Streamlit's test
harness, in CPU time.

python -m benchmarks.pages                 a fresh store with everything that is shipped
python -m benchmarks.pages --store FOLDER  on this store python -m benchmarks.pages --page valley
--moves  one page, and each of its controls with its slowest moves

A move is one change of a control. The "first" move to a value computes the results, the move
"again" finds them cached. Controls are moved one at a time from the initial page, in every view
(tab) of the page; a view itself is a control.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # as in app.py; here numpy may be imported before it

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parent.parent
TARGET_MS = 300.0
VALUES = 3
"""Number of other values of a control to visit, spread over its options; then all of them again."""
KINDS = (
    "slider",
    "select_slider",
    "selectbox",
    "multiselect",
    "button_group",
    "toggle",
    "checkbox",
    "number_input",
)
ROUTES = {"overview": "", "probe": "probe_view"}
"""Key of a page's choice of view, if it is not "view"."""


@dataclass(frozen=True, slots=True)
class Moves:
    """Cost of one control in one view, in CPU ms: the first move to each value, and the moves to
    the same values again.
    """

    control: str
    first: tuple[float, ...]
    again: tuple[float, ...]


def spent_ms(app: AppTest) -> float:
    """CPU milliseconds of one rerun, all threads of the process."""
    begun_s = time.process_time()
    app.run()
    return 1000 * (time.process_time() - begun_s)


def open_page(page: str) -> tuple[AppTest, float]:
    """The page of a new visitor, and the CPU ms of that visit after the shell was drawn."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600).run()
    app.switch_page(f"pages/{page}/page.py")
    return app, spent_ms(app)


def values_of(kind: str, one: Any) -> list[Any]:
    """The current value, then other values to visit; only the current one if there are no
    others.
    """
    now = one.value
    if kind in ("toggle", "checkbox"):
        return [now, not now]
    if kind == "number_input":
        now = one.min if now is None else now
        return [
            one.value,
            *(value for value in (one.min, one.max, (one.min + one.max) / 2) if value != now),
        ]
    if kind == "slider":
        if isinstance(now, tuple | list):
            return [now]
        n_steps = round((one.max - one.min) / one.step)
        steps = [
            one.min + one.step * (n_steps * place // (VALUES + 1)) for place in range(VALUES + 2)
        ]
        return [now, *(value for value in steps if value != now)][: VALUES + 1]
    options = [option for option in getattr(one, "options", []) if isinstance(option, str)]
    if kind == "multiselect":
        return [
            now,
            *([option] for option in spread([option for option in options if option not in now])),
        ]
    if isinstance(now, list | tuple):
        return [now]
    return [now, *spread([option for option in options if option != now])]


def spread(options: list[Any]) -> list[Any]:
    """At most VALUES of the options, evenly."""
    return (
        [options[place * len(options) // VALUES] for place in range(VALUES)]
        if len(options) > VALUES
        else options
    )


def controls(app: AppTest) -> Iterator[tuple[str, str, list[Any]]]:
    """Every control with two values or more: kind, key, values."""
    for kind in KINDS:
        for one in getattr(app, kind, []):
            if one.key and not one.disabled and len(values := values_of(kind, one)) > 1:
                yield kind, one.key, values


def move(app: AppTest, kind: str, key: str, value: Any) -> float:
    """Move one control; returns the CPU ms of the rerun."""
    if kind == "tab":
        app.session_state[key] = value
    else:
        getattr(app, kind)(key=key).set_value(value)
    spent = spent_ms(app)
    if app.exception:
        raise ValueError(str(app.exception[0].value))
    return spent


def measure_control(app: AppTest, kind: str, key: str, values: list[Any]) -> Moves:
    """Move through all values and back to the initial one, twice."""
    rounds = [[move(app, kind, key, value) for value in (*values[1:], values[0])] for _ in range(2)]
    return Moves(key, tuple(rounds[0][:-1]), (rounds[0][-1], *rounds[1]))


def measure(page: str) -> tuple[float, list[Moves]]:
    """Time of the first visit in ms, and the moves of every control in every view."""
    app, first = open_page(page)
    app.run()
    found: list[Moves] = []
    seen: set[str] = set()
    view_key = ROUTES.get(page, "view")
    views = [tab.label for tab in app.tabs]
    if views:
        found.append(measure_control(app, "tab", view_key, views))
    elif view_key in {one.key for one in app.button_group}:
        views = list(app.button_group(key=view_key).options)
    for view in views or [None]:
        if view is not None:
            move(app, "tab", view_key, view)
        for kind, key, values in list(controls(app)):
            if key in seen:
                continue
            seen.add(key)
            try:
                found.append(measure_control(app, kind, key, values))
            except (
                KeyError,
                ValueError,
                AttributeError,
            ) as problem:  # a control that disappeared with the first move
                print(
                    f"       {page}: {key} not measured: {type(problem).__name__}:"
                    f" {str(problem)[:90]}"
                )
                app = open_page(page)[0]
                if view is not None:
                    move(app, "tab", view_key, view)
    return first, found


def report(page: str, first_visit: float, found: list[Moves], *, every_move: bool) -> None:
    """One line per page, and optionally one per control."""
    line = f"{page:12}{len(found):9}"
    if found:
        first, again = (
            [ms for one in found for ms in getattr(one, kind)] for kind in ("first", "again")
        )
        slowest = max(found, key=lambda one: max(one.first))
        n_over = sum(ms > TARGET_MS for ms in first)
        met = "met" if max(first) <= TARGET_MS else f"{n_over}/{len(first)}"
        print(
            f"{met:7}{line}{median(first):9.0f}{max(first):9.0f}{median(again):10.0f}{max(again):9.0f}{first_visit:13.0f}"
            f"   slowest first: {slowest.control}",
            flush=True,
        )
    else:
        print(f"{'':7}{line}{'':37}{first_visit:13.0f}", flush=True)
    if every_move:
        for one in sorted(found, key=lambda one: -max(one.first)):
            print(
                f"{'':12}{one.control:24}first {' '.join(f'{ms:.0f}' for ms in one.first):30} again"
                f" {max(one.again):.0f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", type=Path, help="a store's folder; default: a fresh one")
    parser.add_argument("--page", action="append", help="only this page (may be repeated)")
    parser.add_argument("--moves", action="store_true", help="also a line for every control")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["CHARYBDIS_STORE"] = str(options.store or Path(temporary) / "store")
        os.chdir(ROOT)
        logging.disable(
            logging.WARNING
        )  # the harness supports tabs less well than a server and warns at each rerun
        print(f"{'':28}{'first at a value, ms':>18}{'again, ms':>19}{'first':>13}")
        print(
            f"{'':7}{'page':12}{'controls':>9}{'median':>9}{'slowest':>9}"
            f"{'median':>10}{'slowest':>9}{'visit, ms':>13}"
        )
        for page in options.page or sorted(
            folder.parent.name for folder in (ROOT / "pages").glob("*/page.py")
        ):
            report(page, *measure(page), every_move=options.moves)
        print(f"target: a move within {TARGET_MS:.0f} ms of the server's CPU time")


if __name__ == "__main__":
    main()
