"""How often intervals and tests keep what they promise, in words for captions and the methods page;
the numbers are those that `python -m benchmarks.calibration --write` measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from data.methods import read_calibration

INTERVALS_ABOVE = 0.5
"""A nominal share above it is an interval's, below it a test's."""


def measured(method: str, what: str = "") -> str | None:
    """What simulations found of a method's intervals or tests whose name begins with `what`, as "94
    %" or "70-88 %"; None: not simulated.

    Whole percents: their Monte-Carlo errors are up to 2.
    """
    table = read_calibration()
    rates = table.loc[
        (table["method"] == method) & table["what"].str.startswith(what), "rate"
    ].astype(float)
    return span(rates.min(), rates.max()) if len(rates) else None


def span(low: float, high: float) -> str:
    """Shares as whole percents, one or two.

    >>> span(0.702, 0.876), span(0.936, 0.938)
    ('70–88 %', '94 %')
    """
    ends = [f"{100 * end:.0f}" for end in (low, high)]
    return f"{ends[0]} %" if ends[0] == ends[1] else f"{ends[0]}–{ends[1]} %"


def simulated(text: str, **named: tuple[str, str]) -> list[str]:
    """A note for a caption with measured shares in its places, or nothing where one of them was not
    measured.

    Args:
        text: with {name} for each of `named`: (method, beginning of what was measured).
    """
    shares = {name: measured(*of) for name, of in named.items()}
    return [text.format(**shares)] if all(shares.values()) else []


def calibration_lines(method: str, table: pd.DataFrame) -> list[str]:
    """One sentence for each interval or test of a method and what it was tried on."""
    return [_line(row) for row in table[table["method"] == method].to_dict("records")]


def _line(row: Mapping[Any, Any]) -> str:
    found = f"{100 * row['rate']:.1f} ± {100 * row['error']:.1f} %"
    said = (
        f"holds the truth in {found}, nominal {100 * row['nominal']:.0f} %"
        if row["nominal"] > INTERVALS_ABOVE
        else f"speaks without cause in {found}, nominal {100 * row['nominal']:.0f} %"
    )
    return f"{row['what']}, {row['design']}: {said}" + ("" if row["is_kept"] else ", not kept")
