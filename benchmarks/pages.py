"""How long does the server take when a control is moved? Every page on the shipped store, under Streamlit's test harness, in CPU time.

python -m benchmarks.pages                 a fresh store with everything that is shipped
python -m benchmarks.pages --store FOLDER  on this store
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parent.parent
TARGET_MS = 300.0
ROUNDS = 3
"""A control goes to another value and back so often; the first time at each value fills the caches and is told apart."""


def spent_ms(app: AppTest) -> float:
    """CPU milliseconds of one rerun, all threads of the process."""
    begun_s = time.process_time()
    app.run()
    return 1000 * (time.process_time() - begun_s)


def controls(app: AppTest) -> Iterator[tuple[str, Any, Any, Any]]:
    """Every control with two values to go between: its name, the control's kind and key, the values."""
    for kind in ("slider", "select_slider", "selectbox", "button_group", "segmented_control", "toggle", "checkbox", "number_input"):
        for one in getattr(app, kind, []):
            values = _two_values(kind, one)
            if one.key and values is not None:
                yield f"{kind} {one.key}", (kind, one.key), *values


def _two_values(kind: str, one: Any) -> tuple[Any, Any] | None:
    now = one.value
    if kind in ("toggle", "checkbox"):
        return now, not now
    if kind in ("slider", "number_input"):
        if isinstance(now, tuple | list) or now is None:
            return None
        ends = [end for end in (one.min, one.max) if end is not None and end != now]
        return (now, ends[0]) if ends else None
    options = [option for option in getattr(one, "options", []) if option != now]
    plain = [option for option in options if isinstance(option, str)]
    return (now, plain[0]) if plain and not isinstance(now, list | tuple) else None


def _set(app: AppTest, where: tuple[str, str], value: Any) -> None:
    kind, key = where
    control = getattr(app, kind)(key=key)
    control.set_value(value)


def measure(page: str) -> tuple[float, dict[str, tuple[float, float]]]:
    """First visit in ms, and by control the median of warm moves and the slowest first move."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    app.switch_page(f"pages/{page}/page.py")
    first = spent_ms(app)
    app.run()
    found: dict[str, tuple[float, float]] = {}
    for name, where, old, new in list(controls(app)):
        try:
            cold, warm = [], []
            for turn in range(2 * ROUNDS):
                _set(app, where, new if turn % 2 == 0 else old)
                (cold if turn < 2 else warm).append(spent_ms(app))
                if app.exception:
                    raise ValueError(str(app.exception[0].value))
            found[name] = (median(warm), max(cold))
        except (KeyError, ValueError, AttributeError) as problem:  # a control that went away with the first move
            print(f"       {page}: {name} not measured: {type(problem).__name__}: {str(problem)[:90]}")
            app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
            app.switch_page(f"pages/{page}/page.py").run()
    return first, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, help="a store's folder; default: a fresh one")
    parser.add_argument("--page", action="append", help="only this page (may be repeated)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["CHARYBDIS_STORE"] = str(options.store or Path(temporary) / "store")
        os.chdir(ROOT)
        logging.disable(logging.WARNING)  # the harness knows the tabs less well than a server and says so at each rerun
        print(f"{'':7}{'page':12}{'controls':>9}{'median ms':>11}{'slowest ms':>12}{'first at a value':>18}{'first visit':>13}")
        for page in options.page or sorted(folder.parent.name for folder in (ROOT / "pages").glob("*/page.py")):
            first, found = measure(page)
            if not found:
                print(f"{'':7}{page:12}{0:9}{'':41}{first:13.0f}")
                continue
            slow = max(found, key=lambda name: found[name][0])
            warm, middle = found[slow][0], median(one for one, _ in found.values())
            print(
                f"{'met' if warm <= TARGET_MS else 'MISSED':7}{page:12}{len(found):9}{middle:11.0f}{warm:12.0f}"
                f"{max(one for _, one in found.values()):18.0f}{first:13.0f}   slowest: {slow}",
                flush=True,
            )
        print(f"target: a move to a value that was seen before within {TARGET_MS:.0f} ms of the server's CPU time")


if __name__ == "__main__":
    main()
