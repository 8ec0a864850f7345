"""`analyse valley`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from commands.options import (
    DenominatorOption,
    EmptyOption,
    JsonOption,
    ModelOption,
    SchemeOption,
    StoreOption,
    TaskOption,
    check_models,
    open_store,
    selection_of,
)
from commands.output import clean, print_json, told
from data.records import SCYLLA_SCHEME, Denominator, Selection

if TYPE_CHECKING:
    from analysis.valley import Settings, Valley
    from data.store import Store


def valley(
    store: StoreOption = None,
    model: ModelOption = None,
    task: TaskOption = None,
    scheme: SchemeOption = SCYLLA_SCHEME,
    denominator: DenominatorOption = Denominator.UNPARSED_IS_WRONG,
    resamples: Annotated[int, typer.Option(min=1, help="Bootstrap resamples.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    empty: EmptyOption = False,
    as_json: JsonOption = False,
) -> None:
    """Where the ID-OOD gap of each model peaks, and how sure that is. From samples, and from published level means."""
    with told(as_json):
        from analysis.valley import Settings

        selection = selection_of(model, task, scheme, denominator)
        settings = Settings(denominator=denominator, resamples=resamples, seed=seed)
        opened = open_store(store, empty=empty)
        check_models(opened, selection.models)
        valleys = valleys_of(opened, selection, settings)
        if as_json:
            print_json({"models": [found.as_record() for found in valleys]})
            return
        for found in valleys:
            typer.echo(clean(found.report(), keep="\n") + "\n")
        if not valleys:
            typer.echo(f"Nothing here has both splits at a level of {scheme}. `export models` lists what is stored.")


def valleys_of(store: Store, selection: Selection, settings: Settings) -> list[Valley]:
    """Valleys from samples, then those from published level means."""
    from analysis.published import valleys_from_published
    from analysis.valley import locate_valleys
    from data.queries import fetch_level_scores, fetch_task_counts

    return [
        *locate_valleys(fetch_task_counts(store, selection), settings),
        *valleys_from_published(fetch_level_scores(store, selection), settings=settings),
    ]
