"""Sentences of the compare page: who beats whom, where, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.compare.comparing import SURE, Comparison, records_of
from analysis.compare.pairing import OVER_TASKS
from ui.figures.compare import p_text
from ui.figures.layout import listed
from ui.figures.text import is_number, level_name, signed
from ui.words import counted

SPLIT_PHRASES = {"id": "in distribution", "ood": "out of distribution", "": "overall"}


def headline(comparison: Comparison) -> str:
    """One sentence: the differences out of distribution (else in the split there is), with
    interval, pairing, n and how sure.
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
    parts = [difference_phrase(row, where)]
    parts.append(_how_sure(row, comparison.family_size))
    strongest = _strongest(row, comparison)
    tail = f"{row['baseline']} is the baseline"
    return "; ".join(part for part in (*parts, strongest, tail) if part) + "."


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
        f" [{_number(ends[0])}, {_number(ends[1])}]" if is_number(row["lo"]) else " (no interval)"
    )
    paired = (
        "paired"
        if row["method"] == "paired"
        else "unpaired"
        if row["method"] == "unpaired"
        else "untested"
    )
    unit = (
        f" over {row['n_tasks']} tasks"
        if row["unit"] == OVER_TASKS
        else f" {row['unit']}"
        if row["unit"]
        else ""
    )
    n = f", n = {row['n']:,}" if row["n"] is not None else ""
    verb = (
        "beats" if _is_sure(row) else "scores above" if row["difference"] else "scores the same as"
    )
    by = f"by {_number(sign * row['difference'])}{interval} points"
    if not row["difference"]:
        by = f"(difference {_number(0.0)}{interval} points)"
    return f"{names[0]} {verb} {names[1]} {where} {by}, {paired}{unit}{n}"


def _how_sure(row: Mapping[Any, Any], n_tests: int) -> str:
    if not is_number(row["p_holm"]):
        return str(row["reason"] or "")
    if row["unit"] != OVER_TASKS or not is_number(row["mcnemar_p_holm"]):
        return f"p {_p(row['p_holm'])}, adjusted for {counted(n_tests, 'test')}"
    here, beyond = row["mcnemar_p_holm"] < SURE, row["p_holm"] < SURE
    if here and beyond:
        return (
            f"that holds on these tasks (McNemar, p {_p(row['mcnemar_p_holm'])}) and for other"
            f" tasks (p {_p(row['p_holm'])}), adjusted for {counted(n_tests, 'test')}"
        )
    if here:
        return (
            f"that is sure on these tasks (McNemar, p {_p(row['mcnemar_p_holm'])}), but not that it"
            f" holds for other tasks (p {_p(row['p_holm'])}; adjusted for"
            f" {counted(n_tests, 'test')})"
        )
    return (
        f"chance could explain it (p {_p(row['p_holm'])}; McNemar {_p(row['mcnemar_p_holm'])};"
        f" adjusted for {counted(n_tests, 'test')})"
    )


def _strongest(row: Mapping[Any, Any], comparison: Comparison) -> str:
    """The level or task of the same split where the difference is surest."""
    rows = comparison.rows
    there = rows[
        (rows["split"] == row["split"])
        & (rows["model"] == row["model"])
        & rows["grouping"].isin(["level", "task"])
        & rows["p"].notna()
    ]
    if len(there) < 2:
        return ""
    column = "mcnemar_p_holm" if there["mcnemar_p_holm"].notna().all() else "p_holm"
    best = there.sort_values([column, "p"], kind="stable").iloc[0]
    if not best[column] < SURE:
        return f"no {best['grouping']} alone shows a difference"
    if row["unit"] == OVER_TASKS and not (best["lo"] > 0 or best["hi"] < 0):
        return ""  # sure on these tasks at most: not the place to point at
    name = best["task"] or level_name(best["level_label"], int(best["level"]))
    # In the direction of the sentence: two signs for one finding would read as two findings.
    sign = -1 if row["difference"] < 0 else 1
    ends = sorted((sign * best["lo"], sign * best["hi"]))
    turned = "" if sign * best["difference"] > 0 else ", the other way round"
    return (
        f"surest at {name}{turned}: {signed(100 * sign * best['difference'], 1)}"
        f" [{_number(ends[0])}, {_number(ends[1])}]"
    )


def _many(rows: list[dict[Any, Any]], comparison: Comparison) -> str:
    where = SPLIT_PHRASES[rows[0]["split"]]
    ordered = sorted(rows, key=lambda row: -row["difference"])
    sure = [row for row in ordered if _is_sure(row)]
    here = [
        row
        for row in ordered
        if row not in sure and is_number(row["mcnemar_p_holm"]) and row["mcnemar_p_holm"] < SURE
    ]
    unsure = [row for row in ordered if row not in sure and row not in here]
    phrases = [
        _group([row for row in sure if row["difference"] > 0], "beats it", "beat it"),
        _group([row for row in sure if row["difference"] <= 0], "falls behind", "fall behind"),
        _group(
            here,
            "differs on these tasks (McNemar) but not surely on others, after Holm's adjustment",
            "differ on these tasks (McNemar) but not surely on others, after Holm's adjustment",
        ),
        _group(unsure, "cannot be told from it", "cannot be told from it"),
    ]
    n = {row["n"] for row in rows}
    size = f", n = {next(iter(n)):,}" if len(n) == 1 and None not in n else ""
    how = {row["method"] for row in rows}
    told = "; ".join(filter(None, phrases))
    methods = f"{' and '.join(sorted(how))}{size}{_adjusted(rows, comparison.family_size)}"
    return (
        f"{where.capitalize()}, against the baseline {comparison.baseline}, in points: {told}"
        f" ({methods})."
    )


def _adjusted(rows: list[dict[Any, Any]], n_tests: int) -> str:
    """Why a model whose interval leaves 0 out may not be told from the baseline; nothing where none
    is like that.
    """
    apart = [
        row
        for row in rows
        if not _is_sure(row) and is_number(row["lo"]) and (row["lo"] > 0 or row["hi"] < 0)
    ]
    return f"; verdicts are adjusted for {n_tests} tests, intervals are not" if apart else ""


def _group(members: list[dict[Any, Any]], one: str, several: str) -> str:
    """`A +4.5 [1.0, 8.0] and B +2.0 [0.1, 3.9] beat it`, or nothing."""
    told = [
        (
            f"{row['model']} {signed(100 * row['difference'], 1)} [{_number(row['lo'])},"
            f" {_number(row['hi'])}]" + (" (unpaired)" if row["method"] == "unpaired" else "")
            if is_number(row["lo"])
            else f"{row['model']} {signed(100 * row['difference'], 1)} (no interval)"
        )
        for row in members
    ]
    return f"{listed(told)} {one if len(told) == 1 else several}" if told else ""


def _is_sure(row: Mapping[Any, Any]) -> bool:
    """By the test that counts, after adjustment."""
    return is_number(row["p_holm"]) and row["p_holm"] < SURE


def _number(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−") if is_number(share) else "–"


def _p(p: float) -> str:
    text = p_text(p)
    return "< .001" if text == "under 0.001" else f"= {text}"
