"""Sentences of the valley page about several models, or about models that cannot be drawn. For one
model: analysis.valley.sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from analysis.text import percent_of_draws
from analysis.valley.sentences import HUMP, summarise_valley, verdict, verdict_of_several
from ui.figures.layout import listed
from ui.figures.text import is_number, level_name, signed

if TYPE_CHECKING:
    from analysis.valley.locating import Valley

MAX_NAMED = 3
"""Up to this many models each stand in the bold sentence with their own level; of more, the
sentence counts.
"""


def headline(valleys: Sequence[Valley]) -> tuple[str, str]:
    """The sentence above the chart, and what follows it in smaller print."""
    if len(valleys) == 1:
        valley = valleys[0]
        return f"{valley.model}: {raised(verdict(valley).sentence)}", raised(
            summarise_valley(valley)
        )
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


def scores_headline(level_scores: pd.DataFrame) -> str:
    """What the published scores of several models show, in one sentence."""
    scores = level_scores[level_scores["metric"] == "generalization_score"]
    critical = level_scores[level_scores["metric"] == "critical_level"]
    means = scores.groupby("level")["value"].mean()
    labels = dict(zip(level_scores["level"], level_scores["level_label"], strict=True))
    n_models = scores["model"].nunique()
    who = f"the {n_models} models" if n_models > 1 else str(scores["model"].iloc[0])
    first, last = means.index[0], means.index[-1]
    said = (
        f"Published S of {who}: {signed(means[first])} at {labels[first]}, {signed(means[last])} at"
        f" {labels[last]}"
    )
    if n_models > 1:
        said += " on average"
    if not critical.empty:
        most = critical["value"].mode().iloc[0]
        n_most = int((critical["value"] == most).sum())
        said += (
            "; the published critical level is"
            f" {'most often ' if n_models > 1 else ''}{labels.get(int(most), int(most))}"
        )
        said += f" ({n_most} of {len(critical)})" if n_models > 1 else ""
    return raised(said + ".")


ID_SOURCES = {
    "ladder": "the distribution that the model was trained on",
    "elicited": "what the model itself wrote when asked for test inputs",
    "range": "a stated range of numbers",
}
"""Where ID instances come from, under the word that a run keeps."""


def id_source_words(sources: Mapping[str, Sequence[str]]) -> list[str]:
    """What counts as in distribution, said once for all models that share it. `sources`: model ->
    words of its runs.
    """
    models_of: dict[str, list[str]] = {}
    for model, words in sources.items():
        for word in words:
            models_of.setdefault(word, []).append(model)
    return [
        f"ID of {listed(models)}: {ID_SOURCES.get(word, word)}"
        for word, models in models_of.items()
    ]


def why_missing(model: str, counts: pd.DataFrame, level_scores: pd.DataFrame) -> str:
    """Why a model has no valley, and what would give it one."""
    counts, scores = counts[counts["model"] == model], level_scores[level_scores["model"] == model]
    if counts.empty and scores["metric"].eq("generalization_score").any():
        return "only scores S are published; they bound the gap, see “Possible gaps”."
    if counts.empty:
        return (
            "no counted answers and no published level means for this choice of tasks and level"
            " scheme."
        )
    if counts["level"].isna().all():
        return (
            "none of the tasks has a level in this scheme (data/catalog/task_levels.csv says which"
            " tasks do)."
        )
    splits = sorted(set(counts["split"].dropna()))
    if not splits:
        return "the results do not tell ID from OOD."
    if len(splits) == 1:
        return f"all answers are {splits[0].upper()}; a gap needs both splits of a task."
    return "no task of a level has answers in both splits."


def raised(text: str) -> str:
    """Powers in level names as they are written on the figures."""
    return level_name(text, 0) if text else ""
