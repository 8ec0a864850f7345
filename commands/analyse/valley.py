"""`analyse valley`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.analyse.size import size_records
from commands.options import (
    DenominatorOption,
    EmptyOption,
    JsonOption,
    ModelOption,
    OodOption,
    SchemeOption,
    StoreOption,
    TaskOption,
    open_store,
    selection_of,
)
from commands.output import clean, print_json, told
from data.records import SCYLLA_SCHEME, Denominator, Selection

if TYPE_CHECKING:
    from analysis.valley.locating import Settings, Valley
    from data.store import Store


def valley(
    store: StoreOption = None,
    model: ModelOption = None,
    task: TaskOption = None,
    scheme: SchemeOption = SCYLLA_SCHEME,
    denominator: DenominatorOption = Denominator.UNPARSED_IS_WRONG,
    ood: OodOption = "",
    resamples: Annotated[int, typer.Option(min=1, help="Bootstrap resamples.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    empty: EmptyOption = False,
    as_json: JsonOption = False,
) -> None:
    """Where the ID-OOD gap of each model peaks, how sure that is, and what explains it. From
    samples, and from published level means.
    """
    with told(as_json):
        from analysis.valley.locating import Settings
        from analysis.valley.sentences import describe_valley

        settings = Settings(denominator=denominator, resamples=resamples, seed=seed)
        opened = open_store(store, empty=empty)
        selection = selection_of(opened, model, task, scheme, denominator, ood)
        valleys = valleys_of(opened, selection, settings)
        if as_json:
            print_json(explained_records(opened, selection, valleys, seed))
            return
        for found in valleys:
            typer.echo(clean(describe_valley(found), keep="\n") + "\n")
        if not valleys:
            typer.echo(
                f"Nothing here has both splits at a level of {scheme}. `export models` lists what"
                " is stored."
            )


def explained_records(
    store: Store, selection: Selection, valleys: list[Valley], seed: int
) -> dict[str, Any]:
    """The valleys with what explains each, and critical levels over size, as plain values. Takes
    seconds a model.
    """
    from analysis.valley.sentences import valley_record

    models = [
        valley_record(found) | {"explanation": explanation_of(found, seed)} for found in valleys
    ]
    return {"models": models} | size_records(store, selection, seed=seed)


def explanation_of(valley: Valley, seed: int) -> dict[str, Any] | None:
    """What explains the gap, as plain values; None for published level means and for a model
    without a task in both splits.
    """
    from analysis.account.explanation import explain_valley
    from data.records import NotEnoughDataError

    try:
        return explain_valley(valley, seed=seed).as_record()
    except NotEnoughDataError:
        return None


def valleys_of(store: Store, selection: Selection, settings: Settings) -> list[Valley]:
    """Valleys from samples, then those from published level means."""
    from analysis.valley.difficulty import difficulty_axis
    from analysis.valley.locating import locate_valleys
    from analysis.valley.published import valleys_from_published
    from data.queries import fetch_level_scores, fetch_task_counts

    axis = difficulty_axis(
        fetch_task_counts(store, replace(selection, models=())), selection.denominator
    )
    return [
        *locate_valleys(fetch_task_counts(store, selection), settings, axis=axis),
        *valleys_from_published(fetch_level_scores(store, selection), settings=settings),
    ]
