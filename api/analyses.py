"""Analyses of the API: the numbers behind each page, computed by the functions the pages and the shell call."""

from dataclasses import replace
from typing import Any

from fastapi import FastAPI, Response

from api.documents import document
from data import queries
from data.store import Store


def add_to(api: FastAPI, store: Store, chosen: Any) -> None:
    """Add one address per analysis."""

    @api.get("/analyses/valley", summary="Gap by level, critical level and how sure it is, per model")
    def valley(selection: chosen) -> Response:
        from analysis.difficulty import difficulty_axis
        from analysis.published import valleys_from_published
        from analysis.valley import Settings, locate_valleys

        settings = Settings(denominator=selection.denominator)
        axis = difficulty_axis(queries.fetch_task_counts(store, replace(selection, models=())), selection.denominator)
        found = [
            *locate_valleys(queries.fetch_task_counts(store, selection), settings, axis=axis),
            *valleys_from_published(queries.fetch_level_scores(store, selection), settings=settings),
        ]
        return document(store, {"models": [model.as_record() for model in found]})
