"""Options that several commands of the shell have, and the store they name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.output import progress
from data.records import CharybdisError, Denominator, Selection

if TYPE_CHECKING:
    from data.store import Store

ROOT = Path(__file__).resolve().parent.parent

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="Folder of the store. Default: CHARYBDIS_STORE, else `store` beside cli.py.", show_default=False),
]
EmptyOption = Annotated[bool, typer.Option("--empty", help="Make a new store without the shipped sources.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
ModelOption = Annotated[list[str] | None, typer.Option("--model", help="Only this model; may be repeated.", show_default=False)]
SchemeOption = Annotated[str, typer.Option("--scheme", help="Level scheme.")]
DenominatorOption = Annotated[Denominator, typer.Option("--denominator", help="Which answers an accuracy is taken over.")]
TaskOption = Annotated[list[str] | None, typer.Option("--task", help="Only this task; may be repeated.", show_default=False)]
OodOption = Annotated[
    str, typer.Option("--ood", help="Only runs with this kind of OOD instances. Default: each model's main kind.", show_default=False)
]


def open_store(path: Path | None, *, empty: bool = False) -> Store:
    """The store of `--store`, made if it is not there."""
    from data.bootstrap import open_store as open_or_make

    with progress("Bringing in the shipped sources") as report:
        return open_or_make(path or Path(os.environ.get("CHARYBDIS_STORE") or ROOT / "store"), empty=empty, progress=report)


def selection_of(models: list[str] | None, tasks: list[str] | None, scheme: str, denominator: Denominator, ood: str = "") -> Selection:
    """What --model, --task, --scheme, --denominator and --ood select."""
    return Selection(models=tuple(models or ()), tasks=tuple(tasks or ()), scheme=scheme, denominator=denominator, ood=ood)


def check_ood(store: Store, wanted: str) -> None:
    """Refuse a kind of OOD instances that no run has, and name those there are."""
    if wanted:
        from data.queries import fetch_ood_kinds

        known = list(fetch_ood_kinds(store)["ood"])
        if wanted not in known:
            raise CharybdisError(f"No run has OOD instances of the kind {wanted!r}. Kinds here: {', '.join(known) or 'none'}.")


def check_models(store: Store, wanted: tuple[str, ...]) -> None:
    """Refuse models that have no results here, and name those that have."""
    if wanted:
        from data.queries import fetch_models

        known = list(fetch_models(store)["model"])
        unknown = [name for name in wanted if name not in known]
        if unknown:
            named, there = ", ".join(map(repr, unknown)), ", ".join(known) or "none"
            raise CharybdisError(f"No results of {named} are stored. Models with results: {there}.")
