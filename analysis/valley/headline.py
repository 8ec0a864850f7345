"""What may be said about the valleys of several models at once: which level, how sure, and whether
a constant log-odds gap explains it. For one model: analysis.valley.sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis.text import is_number, listed, percent_of_draws, raised
from analysis.valley.result import Valley
from analysis.valley.sentences import HUMP, summarise_valley, verdict, verdict_of_several

NO_VALLEY = "No model of this choice has both ID and OOD results on levels."

MAX_NAMED = 3
"""Up to this many models each stand in the bold sentence with their own level; of more, the
sentence counts.
"""


def headline(valleys: Sequence[Valley]) -> tuple[str, str]:
    """The sentence above the chart, and what follows it in smaller print."""
    if len(valleys) == 1:
        one = valleys[0]
        return f"{one.model}: {raised(verdict(one).sentence)}", raised(summarise_valley(one))
    return raised(f"{_several(valleys)} {verdict_of_several(valleys)}"), raised(_settled(valleys))


def _several(valleys: Sequence[Valley]) -> str:
    peaks: dict[int, list[str]] = {}
    for valley in valleys:
        if valley.critical_level is not None:
            peaks.setdefault(valley.critical_level, []).append(valley.model)
    labels = {valley.critical_level: valley.critical_label for valley in valleys}
    sure = {valley.model: _surety(valley) for valley in valleys}
    if len(valleys) <= MAX_NAMED:
        parts = [
            f"at {labels[level]} for {listed(model + sure[model] for model in peaks[level])}"
            for level in sorted(peaks)
        ]
    else:
        parts = [
            f"at {labels[level]} for {len(peaks[level])} of {len(valleys)} models"
            for level in sorted(peaks)
        ]
    without = [valley.model for valley in valleys if valley.critical_level is None]
    if not parts:
        reasons = list(dict.fromkeys(valley.reason for valley in valleys if valley.reason))
        return f"None of the {len(valleys)} models has a critical level" + (
            f": {reasons[0]}." if len(reasons) == 1 else "."
        )
    said = "The gap is largest " + (
        ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0]
    )
    if len(valleys) > MAX_NAMED:
        n_sure = sum(_is_settled(valley) for valley in valleys)
        n_tied = sum(valley.is_tie for valley in valleys)
        tied = f"; for {n_tied} other levels are alike, the lowest is taken" if n_tied else ""
        said += f" (settled for {n_sure or 'none'}{tied})"
    return said + (
        f"; {listed(without)} has no critical level."
        if len(without) == 1
        else f"; {listed(without)} have none."
        if without
        else "."
    )


def _surety(valley: Valley) -> str:
    """How often the level is the peak when the answers are drawn anew; nothing where that is not
    known.
    """
    chance = (
        valley.p_critical.get(valley.critical_level) if valley.critical_level is not None else None
    )
    parts = ["with other levels alike, the lowest is taken"] if valley.is_tie else []
    parts += [f"{percent_of_draws(chance)} of resamples"] if is_number(chance) else []
    return f" ({'; '.join(parts)})" if parts else ""


def _is_settled(valley: Valley) -> bool:
    return len(valley.level_set) == 1 and not valley.none_in_set


def _settled(valleys: Sequence[Valley]) -> str:
    sure = [valley.model for valley in valleys if _is_settled(valley)]
    if all(valley.critical_level is None for valley in valleys):
        return ""
    share = f"{100 * valleys[0].level_set_share:.0f} %"
    open_ones = [valley.model for valley in valleys if valley.model not in sure]
    if not sure:
        said = (
            "Which level that is stays open for all of them: for none does one level alone make up"
            f" {share} of the resamples."
        )
    elif open_ones:
        said = (
            f"That level is settled for {listed(sure)} (the peak in at least {share} of the"
            f" resamples) and open for {listed(open_ones)}."
        )
    else:
        said = (
            f"That level is settled for all of them: it is the peak in at least {share} of the"
            " resamples."
        )
    if all(valley.source == "published" for valley in valleys):
        said = f"As far as published means and spreads tell: {said[0].lower()}{said[1:]}"
    harder = [
        valley.model
        for valley in valleys
        if valley.log_odds is not None and valley.log_odds.direction > 0
    ]
    tested = [
        valley
        for valley in valleys
        if valley.log_odds is not None and valley.log_odds.reason is None
    ]
    if harder:
        said += f" OOD is harder over all tasks (log-odds gap above 0) for {listed(harder)}."
    elif tested:
        said += (
            " For none of them is it settled that OOD is harder over all tasks (log-odds gap"
            " above 0)."
        )
    return f"{said} {HUMP}"
