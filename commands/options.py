"""Options that several commands of the shell have, and the store they name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.output import progress
from data.records import Denominator, Selection

if TYPE_CHECKING:
    from data.store import Store

ROOT = Path(__file__).resolve().parent.parent


def _read_folder(text: str) -> Path:
    if not text:
        raise typer.BadParameter("An empty name is no folder; write . for the one you are in.")
    return Path(text)


StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="FOLDER",
        parser=_read_folder,
        help="Folder of the store. Default: CHARYBDIS_STORE, else `store` beside cli.py.",
        show_default=False,
    ),
]
EmptyOption = Annotated[
    bool, typer.Option("--empty", help="Make a new store without the shipped sources.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
ModelOption = Annotated[
    list[str] | None,
    typer.Option("--model", help="Only this model; may be repeated.", show_default=False),
]
SchemeOption = Annotated[str, typer.Option("--scheme", help="Level scheme.")]
DenominatorOption = Annotated[
    Denominator, typer.Option("--denominator", help="Which answers an accuracy is taken over.")
]
TaskOption = Annotated[
    list[str] | None,
    typer.Option("--task", help="Only this task; may be repeated.", show_default=False),
]
OodOption = Annotated[
    str,
    typer.Option(
        "--ood",
        help="Only runs with this kind of OOD instances. Default: each model's main kind.",
        show_default=False,
    ),
]


def open_store(path: Path | None, *, empty: bool = False) -> Store:
    """The store of `--store`, made if it is not there."""
    from data.bootstrap import open_store as open_or_make

    with progress("Bringing in the shipped sources", in_logs=True) as report:
        return open_or_make(
            path or Path(os.environ.get("CHARYBDIS_STORE") or ROOT / "store"),
            empty=empty,
            progress=report,
        )


def selection_of(
    store: Store,
    models: list[str] | None,
    tasks: list[str] | None,
    scheme: str,
    denominator: Denominator,
    ood: str = "",
) -> Selection:
    """What --model, --task, --scheme, --denominator and --ood select. Refuses names that the store
    does not have.
    """
    from data.queries import read_selection

    return read_selection(store, models or (), tasks or (), scheme, denominator, ood)
