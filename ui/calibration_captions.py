"""How often intervals contain the truth and tests reject by chance, for captions and the methods
page. The numbers were measured by `python -m benchmarks.calibration --write`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.text import hundredfold, percent, percent_range
from data.methods import read_calibration

INTERVALS_ABOVE = 0.5
"""A nominal rate above this belongs to an interval, one below it to a test."""


def measured(method: str, what: str = "") -> str | None:
    """Measured rate of a method's intervals or tests whose name begins with `what`: "94 %", or a
    range such as "70–88 %". None: not simulated.

    Whole percents, since their Monte-Carlo errors are up to 2.
    """
    table = read_calibration()
    rates = table.loc[
        (table["method"] == method) & table["what"].str.startswith(what), "rate"
    ].astype(float)
    return percent_range(rates.min(), rates.max()) if len(rates) else None


def simulated(text: str, **named: tuple[str, str]) -> list[str]:
    """A note for a caption that quotes measured rates; none where one of them was not measured.

    Args:
        text: has a placeholder {name} for each of `named`.
        named: name -> (method, beginning of what was measured).
    """
    shares = {name: measured(*of) for name, of in named.items()}
    return [text.format(**shares)] if all(shares.values()) else []


def calibration_lines(method: str, table: pd.DataFrame) -> list[str]:
    """One sentence for each interval or test of a method and what it was tried on."""
    return [_line(row) for row in table[table["method"] == method].to_dict("records")]


def _line(row: Mapping[Any, Any]) -> str:
    found = f"{hundredfold(row['rate'])} ± {percent(row['error'], 1)}"
    nominal = percent(row["nominal"])
    said = (
        f"holds the truth in {found}, nominal {nominal}"
        if row["nominal"] > INTERVALS_ABOVE
        else f"speaks without cause in {found}, nominal {nominal}"
    )
    return f"{row['what']}, {row['design']}: {said}" + ("" if row["is_kept"] else ", not kept")
