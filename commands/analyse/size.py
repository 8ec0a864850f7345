"""What `analyse valley` adds beyond each model's valley: critical level against size, probe tasks,
answer probabilities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.records import Selection
    from data.store import Store


def size_records(store: Store, selection: Selection, *, seed: int = 0) -> dict[str, Any]:
    """Plain values for JSON.

    Returns:
        size_trend {"published": ..., "samples": ...}, None where no model has a size and a critical
        level; probe_tasks, a list; answer_probability, a list with one entry per model of the
        selection with stored answer probabilities (empty unless models are named: every answer has
        to be read for it).
    """
    return {
        "size_trend": _size_trend(store, selection),
        "probe_tasks": _probe_tasks(store, selection, seed),
        "answer_probability": _answer_probability(store, selection, seed),
    }


def _size_trend(store: Store, selection: Selection) -> dict[str, Any]:
    from analysis.size.level_by_size import counted_levels, level_by_size, published_levels
    from data.queries import fetch_level_scores, fetch_levels, fetch_models, fetch_task_counts

    known = fetch_models(store)
    rows = {
        "published": published_levels(fetch_level_scores(store, selection), known),
        "samples": counted_levels(
            fetch_task_counts(store, selection), known, selection.denominator
        ),
    }
    places = [int(level) for level in fetch_levels(store, selection.scheme)["level"]]
    ends = {"lowest": min(places), "highest": max(places)} if places else {}
    found = {source: level_by_size(frame, source=source, **ends) for source, frame in rows.items()}
    return {source: one.as_record() if len(one.entered) else None for source, one in found.items()}


def _probe_tasks(store: Store, selection: Selection, seed: int) -> list[dict[str, Any]]:
    from analysis.probe_tasks.probe_tasks import probe_readings
    from data.queries import fetch_task_counts

    return [
        reading.as_record()
        for reading in probe_readings(
            fetch_task_counts(store, selection), selection.denominator, seed=seed
        )
    ]


def _answer_probability(store: Store, selection: Selection, seed: int) -> list[dict[str, Any]]:
    from dataclasses import replace

    from analysis.likelihood.answer_likelihood import answer_likelihood
    from data.queries import fetch_answers

    columns = ("answer_logprob", "token_logprobs", "target")
    found = [
        answer_likelihood(
            fetch_answers(store, replace(selection, models=(model,)), columns=columns),
            model,
            denominator=selection.denominator,
            seed=seed,
        )
        for model in selection.models
    ]
    return [one.as_record() for one in found if one.n_id or one.n_ood or len(one.min_k)]
