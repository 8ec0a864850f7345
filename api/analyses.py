"""Analyses of the API: the numbers behind each page, put together as the shell's `analyse` puts
them together.
"""

# No `from __future__ import annotations` here: FastAPI reads the annotations of functions that are
# made inside of functions.

from enum import StrEnum
from typing import Annotated, Any

from fastapi import FastAPI, Query, Response

from api.documents import Document, document
from data import queries
from data.records import Split
from data.store import Store

Words = Annotated[list[str], Query()]


def one_of(words: type[StrEnum]) -> Any:
    """A parameter that takes one of these words."""
    return Query(pattern=f"^({'|'.join(words)})$")


def add_to(api: FastAPI, store: Store, chosen: Any) -> None:
    """Add one address per analysis."""
    _add_valley(api, store, chosen)
    _add_compare(api, store, chosen)
    _add_what_if(api, store, chosen)
    _add_emergence(api, store, chosen)


def _add_valley(api: FastAPI, store: Store, chosen: Any) -> None:
    @api.get(
        "/analyses/valley",
        response_model=Document,
        summary="Gap by level, critical level and how sure it is, per model",
    )
    def valley(
        selection: chosen,
        explain: Annotated[
            bool,
            Query(
                description=(
                    "With what explains each gap, and critical levels over size; takes seconds a"
                    " model."
                )
            ),
        ] = False,
    ) -> Response:
        from analysis.valley.locating import Settings
        from analysis.valley.sentences import valley_record
        from commands.analyse.valley import explained_records, valleys_of

        settings = Settings(denominator=selection.denominator)
        found = valleys_of(store, selection, settings)
        if explain:
            return document(store, explained_records(store, selection, found, settings.seed))
        return document(store, {"models": [valley_record(model) for model in found]})


def _add_compare(api: FastAPI, store: Store, chosen: Any) -> None:
    @api.get(
        "/analyses/compare",
        response_model=Document,
        summary="Two to six models against a baseline: differences, tests, ranks",
    )
    def compare(
        selection: chosen,
        baseline: Annotated[str | None, Query(description="Default: the first model.")] = None,
        by: Annotated[str, Query(pattern="^(level|task|overall)$")] = "level",
        over: Annotated[str, Query(pattern="^(tasks|instances)$")] = "tasks",
    ) -> Response:
        from analysis.compare.comparing import check_models
        from analysis.compare.rows import CompareSettings
        from commands.analyse.compare import comparison_of, comparison_record

        check_models(selection.models, baseline)
        found = comparison_of(
            store, selection, baseline, CompareSettings(grouping=by, unit=f"over {over}")
        )
        return document(store, comparison_record(store, selection, found))


def _add_what_if(api: FastAPI, store: Store, chosen: Any) -> None:
    from analysis.what_if.aggregation import Averaging, ScoreOrder
    from analysis.what_if.evaluating import Quantity

    @api.get(
        "/analyses/what-if",
        response_model=Document,
        summary=(
            "Ranks and levels under another metric beside the paper's; conclusions under every"
            " choice"
        ),
    )
    def what_if(
        selection: chosen,
        metric: Annotated[
            str, Query(description="A wrong word is answered with all that are possible.")
        ] = "exact_match",
        rank_by: Annotated[str, one_of(Quantity)] = "score",
        averaging: Annotated[str, one_of(Averaging)] = "levels",
        order: Annotated[str, one_of(ScoreOrder)] = "task_first",
        penalty: Annotated[float, Query(ge=0)] = 1.0,
        conclusion: Words = [],  # noqa: B006  (FastAPI copies defaults)
    ) -> Response:
        from analysis.what_if.conclusions import read_conclusion
        from analysis.what_if.evaluating import compare_with_paper
        from analysis.what_if.multiverse import multiverse
        from analysis.what_if.sentences import multiverse_record, what_if_record
        from commands.analyse.what_if import cells_of, choice_of

        choice = choice_of(metric, selection.denominator, averaging, order, penalty, None, rank_by)
        cells = cells_of(
            store, selection, authors=bool(conclusion) or choice.metric == "authors_grader"
        )
        cells = cells.narrowed(
            [name for name in selection.models if name in cells.models] or cells.models
        )
        found = compare_with_paper(cells, choice, seed=0)
        tests = [
            multiverse(cells, read_conclusion(text, cells.models, cells.level_labels))
            for text in conclusion
        ]
        return document(
            store,
            {
                "what_if": what_if_record(found),
                "multiverse": [multiverse_record(one) for one in tests],
            },
        )


def _add_emergence(api: FastAPI, store: Store, chosen: Any) -> None:
    @api.get(
        "/analyses/emergence",
        response_model=Document,
        summary="A score over scale: its shape, its break, and the points behind it",
    )
    def emergence(
        selection: chosen,
        metric: str = "accuracy",
        over: Annotated[str, Query(pattern="^(parameters|FLOPs|tokens|step|loss)$")] = "parameters",
        level: int | None = None,
        split: Split | None = None,
        checkpoints: Annotated[str, Query(pattern="^(last|every)$")] = "last",
        chance: Annotated[
            float | None, Query(ge=0, lt=1, description="Accuracy of guessing. Default: not known.")
        ] = None,
    ) -> Response:
        from dataclasses import replace

        from analysis.emergence.scale_series import Wanted, gather
        from analysis.emergence.studying import study
        from commands.analyse.emergence import record_of

        wanted = Wanted(
            axis=over,
            tasks=selection.tasks,
            level=level,
            split=str(split) if split else None,
            every_checkpoint=checkpoints == "every" or over == "loss",
            denominator=selection.denominator,
        )
        every = replace(selection, tasks=())
        series = gather(
            queries.fetch_scales(store, every),
            queries.fetch_scale_values(store, every, metric),
            metric,
            wanted,
        )
        return document(store, record_of(study(series, chance=chance)))
