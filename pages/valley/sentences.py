"""Sentences of the valley page about several models, or about models that cannot be drawn. For one
model: analysis.valley.sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.text import listed_or_counted, raised, signed


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
        f"ID of {listed_or_counted(models)}: {ID_SOURCES.get(word, word)}"
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
