"""What was read from the store: one function per question of data.queries, and the small hand-kept
tables.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from data import queries
from data.catalog.grading_effect import read_grading_effect
from data.identity import SameRuns, apart, decided_names, suggest_same
from data.identity import same_runs as find_same_runs
from data.methods import Method, read_agreement, read_calibration, read_methods
from data.model_order import fetch_model_order
from data.queries import SampleFilter
from data.records import SCYLLA_SCHEME, Denominator, Selection
from data.watching import watched_folders as read_watched_folders
from ui.cached.keeping import ask, kept, store
from ui.figures.theme import ModelStyle, model_styles

# -- what is here ----------------------------------------------------------------------------------


def store_info() -> dict[str, Any]:
    """See data.queries.fetch_store_info."""
    return ask(queries.fetch_store_info)


def models() -> pd.DataFrame:
    """See data.queries.fetch_models."""
    return ask(queries.fetch_models)


def tasks() -> pd.DataFrame:
    """See data.queries.fetch_tasks."""
    return ask(queries.fetch_tasks)


def chance() -> dict[tuple[str, str], float]:
    """See data.queries.fetch_chance."""
    return ask(queries.fetch_chance)


def choice_chance() -> dict[tuple[str, str], float]:
    """See data.queries.fetch_choice_chance."""
    return ask(queries.fetch_choice_chance)


def views() -> pd.DataFrame:
    """See data.queries.fetch_views."""
    return ask(queries.fetch_views)


def schemes() -> pd.DataFrame:
    """See data.queries.fetch_schemes."""
    return ask(queries.fetch_schemes)


def levels(scheme: str) -> pd.DataFrame:
    """See data.queries.fetch_levels."""
    return ask(queries.fetch_levels, scheme)


def ood_kinds() -> pd.DataFrame:
    """See data.queries.fetch_ood_kinds."""
    return ask(queries.fetch_ood_kinds)


def runs() -> pd.DataFrame:
    """See data.queries.fetch_runs."""
    return ask(queries.fetch_runs)


def run(run_id: str) -> dict[str, Any]:
    """See data.queries.fetch_run."""
    return ask(queries.fetch_run, run_id)


def imports() -> pd.DataFrame:
    """See data.queries.fetch_imports."""
    return ask(queries.fetch_imports)


def rejects(import_key: int | None = None, *, limit: int = 1000) -> pd.DataFrame:
    """See data.queries.fetch_rejects."""
    return ask(queries.fetch_rejects, import_key, limit=limit)


def model_names() -> pd.DataFrame:
    """See data.queries.fetch_model_names."""
    return ask(queries.fetch_model_names)


def checkpoints() -> pd.DataFrame:
    """See data.queries.fetch_checkpoints."""
    return ask(queries.fetch_checkpoints)


@kept
def suggested_merges() -> list[tuple[str, str, str]]:
    """See data.identity.suggest_same; without the pairs that a person said are two."""
    two = apart(store())
    names = model_names()
    used = set(names["model"][names["n_runs"] > 0])
    return [
        row
        for row in suggest_same(names)
        if row[0] in used and (min(row[:2]), max(row[:2])) not in two
    ]


@kept
def same_runs() -> list[SameRuns]:
    """See data.identity.same_runs."""
    return find_same_runs(queries.fetch_fingerprints(store()), queries.fetch_stated_scores(store()))


@kept
def name_decisions() -> dict[str, str]:
    """See data.identity.decided_names."""
    return decided_names(store())


@kept
def model_order() -> tuple[str, ...]:
    """See data.model_order.fetch_model_order."""
    return fetch_model_order(store())


def styles(together: Collection[str] = ()) -> dict[str, ModelStyle]:
    """Colour and symbol of every model of the store. Pages ask `ui.selection.styles`, which knows
    which models stand together.
    """
    known = models().set_index("model")["family"]
    order = [*(model for model in model_order() if model in known), *known.index]
    return model_styles(
        {model: known[model] if isinstance(known[model], str) else None for model in order},
        together=together,
    )


def sizes() -> dict[str, tuple[str, int]]:
    """Family and number of parameters of the models for which both are known."""
    known = models().dropna(subset=["family", "n_params"])
    rows = zip(known["model"], known["family"], known["n_params"], strict=True)
    return {model: (family, int(n_params)) for model, family, n_params in rows}


# -- counts, scores, samples -----------------------------------------------------------------------


def any_denominator(selection: Selection) -> Selection:
    """The selection as a key of what does not depend on its denominator."""
    return replace(selection, denominator=Denominator.UNPARSED_IS_WRONG)


def task_counts(selection: Selection) -> pd.DataFrame:
    """See data.queries.fetch_task_counts."""
    return ask(queries.fetch_task_counts, any_denominator(selection))


def level_scores(selection: Selection) -> pd.DataFrame:
    """See data.queries.fetch_level_scores."""
    return ask(queries.fetch_level_scores, any_denominator(selection))


def scores(selection: Selection) -> pd.DataFrame:
    """See data.queries.fetch_scores."""
    return ask(queries.fetch_scores, selection)


def answers(
    selection: Selection, *, columns: tuple[str, ...] = (), wanted: SampleFilter | None = None
) -> pd.DataFrame:
    """See data.queries.fetch_answers."""
    return ask(queries.fetch_answers, selection, columns=columns, wanted=wanted)


def sample_count(selection: Selection, wanted: SampleFilter) -> int:
    """See data.queries.count_samples."""
    return ask(queries.count_samples, selection, wanted)


def sample_page(
    selection: Selection,
    wanted: SampleFilter,
    *,
    sort: str = "run order",
    page: int = 0,
    page_size: int = 50,
) -> pd.DataFrame:
    """See data.queries.fetch_sample_page."""
    return ask(
        queries.fetch_sample_page, selection, wanted, sort=sort, page=page, page_size=page_size
    )


def sample(run_id: str, row_in_run: int, scheme: str = SCYLLA_SCHEME) -> dict[str, Any]:
    """See data.queries.fetch_sample."""
    return ask(queries.fetch_sample, run_id, row_in_run, scheme=scheme)


def neighbours(
    selection: Selection,
    wanted: SampleFilter,
    run_id: str,
    row_in_run: int,
    *,
    sort: str = "run order",
) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
    """See data.queries.fetch_neighbours."""
    return ask(queries.fetch_neighbours, selection, wanted, run_id, row_in_run, sort=sort)


def scale_metrics() -> pd.DataFrame:
    """See data.queries.fetch_scale_metrics."""
    return ask(queries.fetch_scale_metrics)


def scales(selection: Selection) -> pd.DataFrame:
    """See data.queries.fetch_scales."""
    return ask(queries.fetch_scales, any_denominator(replace(selection, tasks=())))


# -- beside the results ----------------------------------------------------------------------------


@kept
def watched_folders() -> tuple[Path, ...]:
    """See data.watching.watched_folders."""
    return read_watched_folders(store())


@kept
def methods() -> tuple[Method, ...]:
    """See data.methods.read_methods."""
    return read_methods()


@kept
def certified_agreement() -> pd.DataFrame:
    """See data.methods.read_agreement."""
    return read_agreement()


@kept
def calibration() -> pd.DataFrame:
    """See data.methods.read_calibration."""
    return read_calibration()


def grading_effect() -> pd.DataFrame:
    """See data.catalog.grading_effect.read_grading_effect."""
    return read_grading_effect()
