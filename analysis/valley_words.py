"""What may be said about a valley, in plain English. Words only: every number comes from the `Valley`.

A constant log-odds cost of OOD draws a hump in the probability gap by itself, highest where accuracy is near one half. So no sentence
here reads a peak as more than a peak.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from analysis.valley_result import Valley

CHANGE_P = 0.10
"""Below this p the log-odds gap is said to change over the levels: late enough to matter, early enough not to call it constant."""
HUMP = (
    "A model that finds OOD equally harder at every level (on the log-odds scale) also shows such a peak, "
    "so a peak alone does not mark a special level."
)


def points(share: float) -> str:
    """A difference of accuracies on screen: percentage points."""
    return f"{100 * share:.1f}"


def summarise_valley(valley: Valley) -> str:
    """Say where the gap peaks, how sure that is, and what the log-odds gap adds: two to four sentences."""
    return " ".join(part for part in (_peak(valley), _log_odds(valley), HUMP if valley.critical_level is not None else "") if part)


def describe_valley(valley: Valley) -> str:
    """Write the sentence, one line per level and every warning as plain text."""
    lines = [f"{valley.model} ({valley.source})", summarise_valley(valley), ""]
    for row in valley.curve.to_dict("records"):
        if math.isnan(row["gap_signed"]):
            lines.append(f"{row['level_label']}: no gap, {row['reason']}")
            continue
        interval = "" if math.isnan(row["gap_lo"]) else f" ({points(row['gap_lo'])} to {points(row['gap_hi'])})"
        lines.append(
            f"{row['level_label']}: ID {points(row['a_id'])} %, OOD {points(row['a_ood'])} %, "
            f"gap {points(row['gap_signed'])} points{interval}, {row['n_tasks']} task(s), {row['n_id']:,} + {row['n_ood']:,} answers"
        )
    return "\n".join([*lines, *(["", *valley.warnings] if valley.warnings else [])])


def _peak(valley: Valley) -> str:
    if valley.critical_level is None:
        none = "" if math.isnan(valley.p_none) else f" In {percent(valley.p_none)} of {valley.settings.resamples:,} resamples none has one."
        return f"No critical level: {valley.reason}.{none}"
    row = valley.curve.loc[valley.curve["level"] == valley.critical_level].iloc[0]
    place = valley.critical_label
    if valley.is_tie:
        place = f"{' and '.join(valley.label(level) for level in valley.tied_levels)} alike (the lowest is taken)"
    size = f"{points(row['gap'])} points"
    if math.isnan(row["p_critical"]):
        return f"The gap is largest at {place} ({size}); how sure that is cannot be said without numbers per task."
    often = percent(row["p_critical"])
    often = f"about {often}" if valley.source == "published" and often[0].isdigit() else often
    names = [valley.label(level) for level in valley.level_set] + (["no level at all"] if valley.none_in_set else [])
    verdict = _verdict(float(row["p_critical"]), len(names))
    of_what = (
        "resamples" if (valley.curve["n_tasks"] != 1).all() else "resamples of the answers (one task at a level: other tasks may differ)"
    )
    return (
        f"The gap is largest at {place} ({size}, {percent(valley.settings.confidence)} interval {points(row['gap_lo'])} to "
        f"{points(row['gap_hi'])}): the peak in {often} of {valley.settings.resamples:,} {of_what}, "
        f"{percent(valley.level_set_share)} set: {', '.join(names)}{verdict}."
    )


def _verdict(p: float, n_names: int) -> str:
    if n_names == 1:
        return ""
    return "; which level is critical is open" if p < 0.5 else "; not settled"


def _log_odds(valley: Valley) -> str:
    gap = valley.log_odds
    if gap is None:
        return "Only level means are published, so whether the log-odds gap differs between tasks or levels cannot be tested."
    if gap.reason is not None:
        return f"No mean log-odds gap: {gap.reason}."
    size = f"{gap.delta:.2f} ({gap.lo:.2f} to {gap.hi:.2f}, {p_text(gap.p)}, {gap.n_tasks} tasks)"
    verdict = "OOD is harder" if gap.lo > 0 else "OOD is easier" if gap.hi < 0 else "it is not settled whether OOD is harder"
    return f"Over all tasks {verdict}: log-odds gap {size}{_change(valley)}."


def _change(valley: Valley) -> str:
    line = valley.constancy
    if line is None or line.reason is not None:
        return ""
    if line.p < CHANGE_P:
        return f"; it {'rises' if line.slope > 0 else 'falls'} over the levels ({p_text(line.p)})"
    return f"; no change over the levels is seen ({p_text(line.p)})"


def paper_table(curves: pd.DataFrame) -> pd.DataFrame:
    """The curve of one or more models as a table that fits a page: what a paper prints, intervals beside their estimates.

    Args:
        curves: `Valley.curve` with a column `model`, several below each other.
    """
    rows = curves.to_dict("records")
    return pd.DataFrame(
        {
            "model": [row["model"] for row in rows],
            "level": [row["level_label"] if isinstance(row["level_label"], str) else row["level"] for row in rows],
            "tasks": [row["n_tasks"] for row in rows],
            "ID (%)": [_with_interval(row, "a_id", "a_id") for row in rows],
            "OOD (%)": [_with_interval(row, "a_ood", "a_ood") for row in rows],
            "ID - OOD (points)": [_with_interval(row, "gap_signed", "gap") for row in rows],
            "S": ["" if math.isnan(row["score"]) else f"{row['score']:.2f}" for row in rows],
            "P(critical)": ["" if math.isnan(row["p_critical"]) else percent(row["p_critical"]) for row in rows],
        }
    )


def _with_interval(row: dict[Hashable, Any], name: str, interval: str) -> str:
    """`61.2 [55.0, 67.1]`; the estimate alone where it has no interval."""
    if math.isnan(row[name]):
        return ""
    low, high = row[f"{interval}_lo"], row[f"{interval}_hi"]
    return points(row[name]) + ("" if math.isnan(low) or math.isnan(high) else f" [{points(low)}, {points(high)}]")


def percent(share: float) -> str:
    """A share on screen, without a false certainty: never 0 % or 100 % unless it is exactly that."""
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def p_text(p: float) -> str:
    """A p-value on screen."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
