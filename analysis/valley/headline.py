"""Sentences about the valleys of several models: the critical levels, how certain they are, and
whether a constant log-odds gap explains them. For one model see analysis.valley.sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis.text import is_number, listed, percent_of_draws, raised
from analysis.valley.result import Valley
from analysis.valley.sentences import HUMP, summarise_valley, verdict, verdict_of_several

NO_VALLEY = "No model of this choice has both ID and OOD results on levels."

MAX_NAMED = 3
"""Up to this many models are named in the bold sentence, each with its level; more are counted."""


def headline(valleys: Sequence[Valley]) -> tuple[str, str]:
    """The sentence above the chart, and the text below it in smaller print."""
    if len(valleys) == 1:
        one = valleys[0]
        return f"{one.model}: {raised(verdict(one).sentence)}", raised(summarise_valley(one))
    return raised(f"{_several(valleys)} {verdict_of_several(valleys)}"), raised(_settled(valleys))


def _several(valleys: Sequence[Valley]) -> str:
    peaks: dict[int, list[Valley]] = {}
    for valley in valleys:
        if valley.critical_level is not None:
            peaks.setdefault(valley.critical_level, []).append(valley)
    if not peaks:
        reasons = list(dict.fromkeys(valley.reason for valley in valleys if valley.reason))
        why = f": {reasons[0]}" if len(reasons) == 1 else ""
        return f"None of the {len(valleys)} models has a critical level{why}."
    n_models = len(valleys)
    by_level = [mine for _, mine in sorted(peaks.items())]
    if n_models <= MAX_NAMED:
        parts = [
            f"at {mine[-1].critical_label} for {listed(map(_named, mine))}" for mine in by_level
        ]
        counts = ""
    else:
        parts = [
            f"at {mine[-1].critical_label} for {len(mine)} of {n_models} models"
            for mine in by_level
        ]
        counts = _counts(valleys)
    without = [valley.model for valley in valleys if valley.critical_level is None]
    rest = ""
    if without:
        verb = "has no critical level" if len(without) == 1 else "have none"
        rest = f"; {listed(without)} {verb}"
    return f"The gap is largest {listed(parts)}{counts}{rest}."


def _counts(valleys: Sequence[Valley]) -> str:
    """How many of the levels are settled, and how many are tied."""
    n_sure = sum(_is_settled(valley) for valley in valleys)
    n_tied = sum(valley.is_tie for valley in valleys)
    tied = f"; for {n_tied} other levels are alike, the lowest is taken" if n_tied else ""
    return f" (settled for {n_sure or 'none'}{tied})"


def _named(valley: Valley) -> str:
    """The model, with the share of resamples in which its level is the peak if that is known."""
    chance = valley.p_critical.get(valley.critical_level)
    parts = ["with other levels alike, the lowest is taken"] if valley.is_tie else []
    parts += [f"{percent_of_draws(chance)} of resamples"] if is_number(chance) else []
    return f"{valley.model} ({'; '.join(parts)})" if parts else valley.model


def _is_settled(valley: Valley) -> bool:
    return len(valley.level_set) == 1 and not valley.none_in_set


def _settled(valleys: Sequence[Valley]) -> str:
    if all(valley.critical_level is None for valley in valleys):
        return ""
    said = _which_are_settled(valleys)
    if all(valley.source == "published" for valley in valleys):
        said = f"As far as published means and spreads tell: {said[0].lower()}{said[1:]}"
    return f"{said}{_harder(valleys)} {HUMP}"


def _which_are_settled(valleys: Sequence[Valley]) -> str:
    share = f"{100 * valleys[0].level_set_share:.0f} %"
    sure = [valley.model for valley in valleys if _is_settled(valley)]
    open_ones = [valley.model for valley in valleys if valley.model not in sure]
    if not sure:
        return (
            "Which level that is stays open for all of them: for none does one level alone make up"
            f" {share} of the resamples."
        )
    if open_ones:
        return (
            f"That level is settled for {listed(sure)} (the peak in at least {share} of the"
            f" resamples) and open for {listed(open_ones)}."
        )
    return (
        f"That level is settled for all of them: it is the peak in at least {share} of the"
        " resamples."
    )


def _harder(valleys: Sequence[Valley]) -> str:
    gaps = {one.model: one.log_odds for one in valleys if one.log_odds is not None}
    harder = [model for model, gap in gaps.items() if gap.direction > 0]
    if harder:
        return f" OOD is harder over all tasks (log-odds gap above 0) for {listed(harder)}."
    if all(gap.reason is not None for gap in gaps.values()):
        return ""
    return (
        " For none of them is it settled that OOD is harder over all tasks (log-odds gap above 0)."
    )
