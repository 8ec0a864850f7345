"""Sentences about a valley. All numbers come from the `Valley`.

A constant log-odds gap alone produces a hump in the probability gap, highest where accuracy is near
one half. No sentence here therefore interprets a peak as more than a peak.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from analysis.log_odds.critical import CHANGE_P, VERDICT_P
from analysis.text import (
    counted,
    hundredfold,
    is_number,
    joined,
    listed,
    number,
    p_text,
    percent,
    percent_of_draws,
    span,
    with_interval,
)
from analysis.valley.result import Valley

HUMP = (
    "A model that finds OOD equally harder at every level (on the log-odds scale) also shows such a"
    " peak, so a peak alone does not mark a special level."
)


def summarise_valley(valley: Valley) -> str:
    """Two to three sentences: where the gap peaks and how certain that is, the log-odds gap, and
    the caveat about peaks.
    """
    hump = [HUMP] if valley.critical_level is not None else []
    return " ".join([_peak(valley), _log_odds(valley), *hump])


def describe_valley(valley: Valley) -> str:
    """Plain text: the sentences, one line per level and every warning."""
    lines = [
        f"{valley.model} ({valley.source})",
        verdict(valley).sentence,
        summarise_valley(valley),
        complexity_text(valley),
        "",
    ]
    for row in valley.curve.to_dict("records"):
        if math.isnan(row["gap_signed"]):
            lines.append(f"{row['level_label']}: no gap, {row['reason']}")
            continue
        ends = span(row["gap_lo"], row["gap_hi"], hundredfold)
        interval = f" ({ends})" if is_number(row["gap_lo"]) else ""
        lines.append(
            f"{row['level_label']}: ID {percent(row['a_id'], 1)}, OOD {percent(row['a_ood'], 1)},"
            f" gap {hundredfold(row['gap_signed'])} points{interval},"
            f" {counted(row['n_tasks'], 'task')}, {row['n_id']:,} + {row['n_ood']:,} answers"
        )
    return "\n".join([*lines, *(["", *valley.warnings] if valley.warnings else [])])


def valley_record(valley: Valley) -> dict[str, Any]:
    """The result as plain values for JSON, with its summary and its verdict."""
    found = verdict(valley)
    return valley.as_record() | {
        "verdict": {"kind": found.kind.value, "sentence": found.sentence},
        "sentence": summarise_valley(valley),
    }


def _peak(valley: Valley) -> str:
    resamples = f"{valley.settings.resamples:,}"
    if valley.critical_level is None:
        none = f" In {percent_of_draws(valley.p_none)} of {resamples} resamples none has one."
        return f"No critical level: {valley.reason}.{'' if math.isnan(valley.p_none) else none}"
    row = valley.curve.loc[valley.curve["level"] == valley.critical_level].iloc[0]
    place = _place(valley)
    size = f"{hundredfold(row['gap'])} points"
    often = _how_often(valley)
    if not often:
        return (
            f"The gap is largest at {place} ({size}); how sure that is cannot be said without"
            " numbers per task."
        )
    names = [valley.label(level) for level in valley.level_set]
    names += ["no level at all"] if valley.none_in_set else []
    settled = _settled(float(row["p_critical"]), len(names))
    of_what = (
        "resamples"
        if (valley.curve["n_tasks"] != 1).all()
        else "resamples of the answers (one task at a level: other tasks may differ)"
    )
    return (
        f"The gap is largest at {place} ({size}, {percent(valley.settings.confidence)} interval"
        f" {span(row['gap_lo'], row['gap_hi'], hundredfold)}): the peak in {often} of"
        f" {resamples} {of_what}, {percent(valley.level_set_share)} set:"
        f" {', '.join(names)}{settled}."
    )


def _settled(p: float, n_names: int) -> str:
    if n_names == 1:
        return ""
    return "; which level is critical is open" if p < 0.5 else "; not settled"


def _log_odds(valley: Valley) -> str:
    gap = valley.log_odds
    if gap is None:
        return (
            "Only level means are published, so whether the log-odds gap differs between tasks or"
            " levels cannot be tested."
        )
    if gap.reason is not None:
        return f"No mean log-odds gap: {gap.reason}."
    size = (
        f"{number(gap.delta)} ({span(gap.lo, gap.hi)}; sign flips {p_text(gap.sign_flip_p)},"
        f" {gap.n_tasks} tasks)"
    )
    verdict = {
        1: "OOD is harder",
        -1: "OOD is easier",
        0: "it is not settled whether OOD is harder",
    }
    return f"Over all tasks {verdict[gap.direction]}: log-odds gap {size}{_change(valley)}."


def _change(valley: Valley) -> str:
    line = valley.constancy
    if line is None or line.reason is not None:
        return ""
    if _slope_changes(valley):
        return f"; it {'rises' if line.slope > 0 else 'falls'} {_along(valley)} ({p_text(line.p)})"
    if line.p < VERDICT_P:
        verb = "rise" if line.slope > 0 else "fall"
        return (
            f"; it seems to {verb} {_along(valley)} ({p_text(line.p)}), but so it does in repeats"
            " of a constant penalty"
        )
    return f"; no clear change {_along(valley)} ({p_text(line.p)})"


def _place(valley: Valley) -> str:
    """The critical level, as named in a sentence."""
    if valley.is_tie:
        return (
            f"{listed(valley.label(level) for level in valley.tied_levels)} alike (the lowest is"
            " taken)"
        )
    return str(valley.critical_label)


def _along(valley: Valley) -> str:
    return (
        "with difficulty"
        if valley.axis is not None and valley.axis.is_fitted
        else "over the levels"
    )


class VerdictKind(StrEnum):
    """Conclusions about a constant log-odds gap as the explanation of the peak."""

    NO_PEAK = "no peak"
    MEANS_ONLY = "means only"
    UNTESTED = "untested"
    CONSTANT = "constant penalty"
    CHANGES = "penalty changes"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict on one model: its kind and its sentence."""

    kind: VerdictKind
    sentence: str


def verdict(valley: Valley) -> Verdict:
    """Compare a peak of the gap with its simplest explanation: OOD is equally harder at every
    level, on the log-odds scale.

    The explanation is rejected if the slope over the axis, or the difference between levels, has
    p < 0.05 both by its test and among simulated repeats of a constant log-odds gap on the same
    tasks. These are two tests, so at most one constant log-odds gap in ten is rejected. Failure to
    reject is no proof: with few tasks only large changes are detected.
    """
    if valley.critical_level is None:
        return Verdict(VerdictKind.NO_PEAK, f"There is no peak to explain: {valley.reason}.")
    start = f"The gap peaks at {_place(valley)}{_share(valley)}"
    if valley.log_odds is None:
        return Verdict(VerdictKind.MEANS_ONLY, f"{start}; {_means_verdict(valley)}")
    if (
        valley.log_odds.reason is not None
        or valley.constancy is None
        or valley.constancy.reason is not None
    ):
        n = valley.log_odds.n_tasks
        why = (
            f"{n} {'task is' if n == 1 else 'tasks are'} too few, or at too few levels, to test"
            " whether a constant penalty explains it"
        )
        return Verdict(VerdictKind.UNTESTED, f"{start}; {why}.")
    if _slope_changes(valley) or _levels_change(valley):
        return Verdict(
            VerdictKind.CHANGES,
            f"{start}, and a constant penalty does not explain it: {_what_changes(valley)}",
        )
    return Verdict(VerdictKind.CONSTANT, f"{start}, {_constant_verdict(valley)}")


def _share(valley: Valley) -> str:
    often = _how_often(valley)
    return f" ({often} of resamples)" if often else ""


def _how_often(valley: Valley) -> str:
    """Share of resamples in which the critical level is the peak; empty if unknown."""
    p = valley.p_critical.get(valley.critical_level, math.nan)
    if math.isnan(p):
        return ""
    often = percent_of_draws(p)
    return f"about {often}" if valley.source == "published" and often[0].isdigit() else often


def _means_verdict(valley: Valley) -> str:
    untested = "whether that is all cannot be tested without results per task."
    fit = valley.means_fit
    if fit is None:
        return "whether a constant penalty explains it cannot be said without results per task."
    place = (
        "peaks there too"
        if fit.peak_level in valley.tied_levels
        else f"peaks at {valley.label(fit.peak_level)} instead"
    )
    return (
        f"a constant penalty of {number(fit.delta)} logits, fitted to the published means, {place}"
        f" and is nowhere more than {hundredfold(fit.worst_miss)} points from the gap: {untested}"
    )


def _levels_p(valley: Valley) -> float:
    change = valley.level_change
    return math.nan if change is None or change.reason is not None else change.p


def _slope_changes(valley: Valley) -> bool:
    """Whether the slope is significant, both by its test and by the test calibrated on a constant
    log-odds gap with the same tasks.
    """
    line, drawn = valley.constancy, valley.constant_gap
    return (
        line is not None
        and line.p < VERDICT_P
        and (drawn is None or not drawn.p_slope >= VERDICT_P)
    )


def _levels_change(valley: Valley) -> bool:
    drawn = valley.constant_gap
    return _levels_p(valley) < VERDICT_P and (drawn is None or not drawn.p_levels >= VERDICT_P)


def _constant_verdict(valley: Valley) -> str:
    gap, inside = valley.log_odds, valley.interior_peak
    assert gap is not None
    size, tests = f"{number(gap.delta)} logits ({span(gap.lo, gap.hi)})", _tests(valley)
    shown = inside is not None and inside.p < 0.05
    peak = (
        f" The peak inside is itself shown ({p_text(inside.p)}); a constant penalty draws such a"
        " one."
        if inside and shown
        else ""
    )
    if gap.direction > 0:
        return (
            f"but a constant penalty of {size} {_can(valley)} ({tests}): no evidence that"
            f" memorisation peaks there.{peak}"
        )
    whether = (
        "OOD is easier over all tasks"
        if gap.direction < 0
        else "it is not settled that OOD is harder at all"
    )
    return (
        f"but {whether}: log-odds gap {size}, {tests}: no evidence that memorisation peaks"
        f" there.{peak}"
    )


def _can(valley: Valley) -> str:
    """The conclusion about a constant log-odds gap: weaker if a test rejects it and only the
    simulated repeats support it.
    """
    line = valley.constancy
    rejected = (line is not None and line.p < VERDICT_P) or _levels_p(valley) < VERDICT_P
    return "is not ruled out" if rejected else "is enough to explain it"


def _tests(valley: Valley) -> str:
    """Results of the two tests of a constant log-odds gap if it is not rejected."""
    line, between, drawn = valley.constancy, _levels_p(valley), valley.constant_gap
    assert line is not None
    if drawn is not None and (line.p < VERDICT_P or between < VERDICT_P):
        change, p, again = "change between levels", between, drawn.p_levels
        if line.p < VERDICT_P:
            verb = "rise" if line.slope > 0 else "fall"
            change, p, again = f"{verb} {_along(valley)}", line.p, drawn.p_slope
        return (
            f"it seems to {change}, {p_text(p)}, but so it does in"
            f" {percent_of_draws(again)} of repeats drawn from a constant penalty"
        )
    said = f"no clear change {_along(valley)}, {p_text(line.p)}"
    return said if math.isnan(between) else f"{said}; none between levels, {p_text(between)}"


def _what_changes(valley: Valley) -> str:
    line, inside = valley.constancy, valley.interior_peak
    assert line is not None
    if _slope_changes(valley):
        verb = "rises" if line.slope > 0 else "falls"
        per = "logit of difficulty" if _along(valley) == "with difficulty" else "level"
        said = (
            f"the log-odds gap {verb} {_along(valley)}, by {number(abs(line.slope))} logits per"
            f" {per} ({p_text(line.p)})"
        )
    else:
        said = (
            f"the log-odds gap differs between levels ({p_text(_levels_p(valley))}) without a"
            f" trend, largest at {_largest_log_odds(valley)}"
        )
    known = valley.curve.loc[valley.curve["gap"].notna(), "level"].tolist()
    if valley.critical_level in (known[0], known[-1]):
        return f"{said}. The largest gap is at an end of the levels, so no peak inside is seen."
    if inside is None or inside.reason is not None:
        return f"{said}. Whether the gap peaks inside cannot be tested."
    shown = "is shown" if inside.p < 0.05 else "is not shown"
    return (
        f"{said}. That the gap is larger at an inner level than at both ends {shown}"
        f" ({p_text(inside.p)})."
    )


def _largest_log_odds(valley: Valley) -> str:
    rows = valley.curve.dropna(subset="log_odds_gap").sort_values("log_odds_gap")
    return valley.label(int(rows["level"].iloc[-1]))


def verdict_of_several(valleys: Sequence[Valley]) -> str:
    """The verdicts on several models in one or two sentences; few models are named, more are
    counted.
    """
    kinds: dict[VerdictKind, list[str]] = {}
    for valley in valleys:
        kinds.setdefault(verdict(valley).kind, []).append(valley.model)
    fails = (
        "it cannot for {}"
        if VerdictKind.CONSTANT in kinds
        else "a constant penalty cannot explain the gap of {}"
    )
    texts = {
        VerdictKind.CONSTANT: "a constant penalty for OOD can explain the gap of {}",
        VerdictKind.CHANGES: fails,
        VerdictKind.UNTESTED: "too few tasks to test it for {}",
        VerdictKind.MEANS_ONLY: (
            "level means alone cannot test whether a constant penalty explains it for {}"
        ),
        VerdictKind.NO_PEAK: "there is no peak to explain for {}",
    }
    said_of = (VerdictKind.CONSTANT, VerdictKind.CHANGES)
    parts = [
        text.format(
            _who(
                kinds[kind], len(valleys), every="all of them" if kind in said_of else "any of them"
            )
        )
        for kind, text in texts.items()
        if kind in kinds
    ]
    n_tested = len(kinds.get(VerdictKind.CONSTANT, [])) + len(kinds.get(VerdictKind.CHANGES, []))
    chance = ""
    if VerdictKind.CHANGES in kinds and n_tested > 1:
        chance = (
            f" With {n_tested} models tested, each at {percent(CHANGE_P)} of false alarms, some may"
            " show a change by chance."
        )
    return joined(parts) + chance


def _who(models: Sequence[str], n: int, *, every: str) -> str:
    if len(models) == n and n > 1:
        return every
    if len(models) <= 3:
        return listed(models)
    return f"{len(models)} of {n} models"


def paper_table(curves: pd.DataFrame) -> pd.DataFrame:
    """The curves of one or more models as a table for a paper, with intervals next to estimates.

    Args:
        curves: concatenated `Valley.curve` tables with a column `model`.
    """
    rows = curves.to_dict("records")
    return pd.DataFrame(
        {
            "model": [row["model"] for row in rows],
            "level": [
                row["level_label"] if isinstance(row["level_label"], str) else row["level"]
                for row in rows
            ],
            "tasks": [row["n_tasks"] for row in rows],
            "ID (%)": [_in_hundreds(row, "a_id", "a_id") for row in rows],
            "OOD (%)": [_in_hundreds(row, "a_ood", "a_ood") for row in rows],
            "ID - OOD (points)": [_in_hundreds(row, "gap_signed", "gap") for row in rows],
            "S": [_or_empty(row["score"], number) for row in rows],
            "P(critical)": [_or_empty(row["p_critical"], percent_of_draws) for row in rows],
        }
    )


def _in_hundreds(row: dict[Hashable, Any], name: str, ends: str) -> str:
    """`61.2 [55.0, 67.1]`; the estimate alone where it has no interval."""
    low, high = row[f"{ends}_lo"], row[f"{ends}_hi"]
    return _or_empty(row[name], lambda value: with_interval(value, low, high, hundredfold))


def _or_empty(value: float, write: Callable[[float], str]) -> str:
    """A table cell; empty if undefined, because a dash could be read as a minus sign."""
    return write(value) if is_number(value) else ""


def complexity_text(valley: Valley) -> str:
    """Where the gap peaks between the levels, with its interval, its method and any censoring."""
    found = valley.complexity
    if found is None or math.isnan(found.level):
        return (
            "No continuous critical complexity:"
            f" {found.reason if found else 'numbers per task are not known'}."
        )
    at = {"left": "at or below ", "right": "at or above ", None: ""}
    how = {
        "line": (
            "half the answers are right there; line through the tasks on the difficulty axis,"
            " Fieller"
        ),
        "isotonic": "half the answers are right there; level means on the level numbers, bootstrap",
        "smooth": "the log-odds gap varies, so from smooth curves through both splits; bootstrap",
    }[found.route]
    said = f"Critical complexity {at[found.side]}level {number(found.level)}"
    if found.is_identified:
        ends = f"{at[found.lo_side]}{number(found.lo)} to {at[found.hi_side]}{number(found.hi)}"
        said += f" ({percent(found.confidence)} interval {ends})"
    return f"{said}: {how}" + (f"; {found.reason}." if found.reason else ".")
