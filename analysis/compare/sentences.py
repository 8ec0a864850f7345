"""Sentences about a comparison: which model is better, where, by how much, how certainly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.compare.comparing import SURE, Comparison, records_of
from analysis.compare.pairing import OVER_TASKS
from analysis.compare.rows import NONE, UNPAIRED
from analysis.text import (
    counted,
    hundredfold,
    is_number,
    level_name,
    listed,
    p_text,
    percent,
    signed,
    split_label,
)

SPLIT_PHRASES = {"id": "in distribution", "ood": "out of distribution", "": "overall"}


def headline(comparison: Comparison) -> str:
    """One sentence: the differences out of distribution (or in the split that exists), with
    interval, pairing, n and significance.
    """
    overall = comparison.rows[
        (comparison.rows["grouping"] == "overall") & comparison.rows["difference"].notna()
    ]
    splits = [split for split in ("ood", "id", "") if (overall["split"] == split).any()]
    if not splits:
        return (
            f"Nothing can be compared with {comparison.baseline}: neither instances nor levels are"
            " shared."
        )
    rows = records_of(overall[overall["split"] == splits[0]])
    if len(rows) == 1:
        return _one(rows[0], comparison)
    return _many(rows, comparison)


def _one(row: Mapping[Any, Any], comparison: Comparison) -> str:
    where = SPLIT_PHRASES[row["split"]]
    if row["difference"] == 0 and not is_number(row["lo"]):
        return f"{row['model']} and {row['baseline']} score the same {where}; {row['reason']}."
    parts = (
        difference_phrase(row, where),
        _how_sure(row, comparison.family_size),
        _strongest(row, comparison),
        f"{row['baseline']} is the baseline",
    )
    return "; ".join(filter(None, parts)) + "."


def difference_phrase(row: Mapping[Any, Any], where: str) -> str:
    """`A beats B out of distribution by 12 [8, 16] points, paired over 3 tasks, n = 768`."""
    names = (
        (row["model"], row["baseline"])
        if row["difference"] >= 0
        else (row["baseline"], row["model"])
    )
    sign = 1 if row["difference"] >= 0 else -1
    ends = sorted((sign * row["lo"], sign * row["hi"]))
    interval = (
        f" [{hundredfold(ends[0])}, {hundredfold(ends[1])}]"
        if is_number(row["lo"])
        else " (no interval)"
    )
    paired = "untested" if row["method"] == NONE else row["method"]
    unit = f"over {row['n_tasks']} tasks" if row["unit"] == OVER_TASKS else row["unit"]
    n = f", n = {row['n']:,}" if row["n"] is not None else ""
    verb = "beats" if _is_sure(row) else "scores above"
    by = f"by {hundredfold(sign * row['difference'])}{interval} points"
    if not row["difference"]:
        verb = "scores the same as"
        by = f"(difference {hundredfold(0.0)}{interval} points)"
    return f"{names[0]} {verb} {names[1]} {where} {by}, {f'{paired} {unit}'.rstrip()}{n}"


def _how_sure(row: Mapping[Any, Any], n_tests: int) -> str:
    if not is_number(row["p_holm"]):
        return str(row["reason"] or "")
    if row["unit"] != OVER_TASKS or not is_number(row["mcnemar_p_holm"]):
        return f"{p_text(row['p_holm'])}, adjusted for {counted(n_tests, 'test')}"
    here, beyond = row["mcnemar_p_holm"] < SURE, row["p_holm"] < SURE
    if here and beyond:
        return (
            f"that holds on these tasks (McNemar, {p_text(row['mcnemar_p_holm'])}) and for other"
            f" tasks ({p_text(row['p_holm'])}), adjusted for {counted(n_tests, 'test')}"
        )
    if here:
        return (
            f"that is sure on these tasks (McNemar, {p_text(row['mcnemar_p_holm'])}), but not that"
            f" it holds for other tasks ({p_text(row['p_holm'])}; adjusted for"
            f" {counted(n_tests, 'test')})"
        )
    return (
        f"chance could explain it ({p_text(row['p_holm'])}; McNemar"
        f" {p_text(row['mcnemar_p_holm'])}; adjusted for {counted(n_tests, 'test')})"
    )


def _strongest(row: Mapping[Any, Any], comparison: Comparison) -> str:
    """The level or task of the same split with the most significant difference."""
    rows = comparison.rows
    there = rows[
        (rows["split"] == row["split"])
        & (rows["model"] == row["model"])
        & rows["grouping"].isin(["level", "task"])
        & rows["p"].notna()
        & (rows["task"].notna() | rows["level"].notna())
    ]
    if len(there) < 2:
        return ""
    column = "mcnemar_p_holm" if there["mcnemar_p_holm"].notna().all() else "p_holm"
    best = there.sort_values([column, "p"], kind="stable").iloc[0]
    if not best[column] < SURE:
        return f"no {best['grouping']} alone shows a difference"
    if row["unit"] == OVER_TASKS and not (best["lo"] > 0 or best["hi"] < 0):
        return ""  # significant for these tasks at most, so not worth pointing out
    name = best["task"] or level_name(best["level_label"], int(best["level"]))
    # In the direction of the sentence, so that one finding does not appear with two signs.
    sign = -1 if row["difference"] < 0 else 1
    ends = sorted((sign * best["lo"], sign * best["hi"]))
    turned = "" if sign * best["difference"] > 0 else ", the other way round"
    return (
        f"surest at {name}{turned}: {signed(100 * sign * best['difference'], 1)}"
        f" [{hundredfold(ends[0])}, {hundredfold(ends[1])}]"
    )


def _many(rows: list[dict[Any, Any]], comparison: Comparison) -> str:
    where = SPLIT_PHRASES[rows[0]["split"]]
    ordered = sorted(rows, key=lambda row: -row["difference"])
    phrases = (
        _group([row for row in ordered if _finding(row) == finding], *verbs)
        for finding, verbs in _VERBS.items()
    )
    n = {row["n"] for row in rows}
    size = f", n = {next(iter(n)):,}" if len(n) == 1 and None not in n else ""
    how = {row["method"] for row in rows}
    methods = f"{listed(sorted(how))}{size}{_adjusted(rows, comparison.family_size)}"
    return (
        f"{where.capitalize()}, against the baseline {comparison.baseline}, in points:"
        f" {'; '.join(filter(None, phrases))} ({methods})."
    )


_VERBS = {
    "better": ("beats it", "beat it"),
    "worse": ("falls behind", "fall behind"),
    "on these tasks": (
        "differs on these tasks (McNemar) but not surely on others, after Holm's adjustment",
        "differ on these tasks (McNemar) but not surely on others, after Holm's adjustment",
    ),
    "open": ("cannot be told from it", "cannot be told from it"),
}


def _finding(row: Mapping[Any, Any]) -> str:
    """The significant result of a row, as a key of _VERBS."""
    if _is_sure(row):
        return "better" if row["difference"] > 0 else "worse"
    is_here = is_number(row["mcnemar_p_holm"]) and row["mcnemar_p_holm"] < SURE
    return "on these tasks" if is_here else "open"


def _adjusted(rows: list[dict[Any, Any]], n_tests: int) -> str:
    """A note if some interval excludes 0 although its difference is not significant after
    adjustment; otherwise empty.
    """
    apart = [
        row
        for row in rows
        if not _is_sure(row) and is_number(row["lo"]) and (row["lo"] > 0 or row["hi"] < 0)
    ]
    return f"; verdicts are adjusted for {n_tests} tests, intervals are not" if apart else ""


def _group(members: list[dict[Any, Any]], one: str, several: str) -> str:
    """`A +4.5 [1.0, 8.0] and B +2.0 [0.1, 3.9] beat it`, or an empty text."""
    names = [
        f"{row['model']} {signed(100 * row['difference'], 1)}"
        + (
            f" [{hundredfold(row['lo'])}, {hundredfold(row['hi'])}]"
            + (" (unpaired)" * (row["method"] == UNPAIRED))
            if is_number(row["lo"])
            else " (no interval)"
        )
        for row in members
    ]
    return f"{listed(names)} {one if len(names) == 1 else several}" if names else ""


def _is_sure(row: Mapping[Any, Any]) -> bool:
    """Whether the difference is significant by the reported test, after adjustment."""
    return is_number(row["p_holm"]) and row["p_holm"] < SURE


def report(found: Comparison) -> str:
    """Lines for a terminal: one per comparison, then the ranks and the notes."""
    lines = [
        f"Against {found.baseline}, in points; p adjusted by Holm over {found.family_size} tests;"
        f" intervals {found.settings.unit}."
    ]
    lines += [f"  {_report_row(row)}" for row in records_of(found.rows)]
    lines += [
        f"  {split_label(row['split']):3} rank {row['rank']} (open:"
        f" {row['rank_best']}-{row['rank_worst']}): {row['model']}, accuracy"
        f" {percent(row['accuracy'], 1)}, tie group {row['tie_group']}"
        for row in records_of(found.ranking)
    ]
    return "\n".join([*lines, *(f"  {note}." for note in found.notes)])


def _report_row(row: Mapping[Any, Any]) -> str:
    where = "all"
    if row["task"]:
        where = row["task"]
    elif row["grouping"] == "level":
        where = row["level_label"] or f"level {row['level']}"
    interval = row["reason"] or "no interval"
    if is_number(row["lo"]):
        interval = f"[{hundredfold(row['lo'])}, {hundredfold(row['hi'])}]"
    tests = f"{p_text(row['p_holm'])}"
    if is_number(row["mcnemar_p_holm"]):
        tests += f", McNemar {p_text(row['mcnemar_p_holm'])}"
    n = "n not stated" if row["n"] is None else f"n {row['n']:,}"
    return (
        f"{row['model']}  {split_label(row['split']):3}  {where}:"
        f" {signed(100 * row['difference'], 1)} {interval}, {tests}, {row['method']}, {n}"
    )
