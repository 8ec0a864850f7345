"""Options that several commands of the shell share, and the store that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.output import WrongUsage, progress
from data.locations import default_store
from data.records import Selection
from studies.selection import SelectionWords, read_words
from studies.settings import Setting, SettingError, settings_in

if TYPE_CHECKING:
    from data.store import Store


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
        help=(
            "Folder of the store. Default: CHARYBDIS_STORE, else `store` beside cli.py; of an"
            " installed package, `charybdis/store` among the user's data."
        ),
        show_default=False,
    ),
]
EmptyOption = Annotated[
    bool, typer.Option("--empty", help="Make a new store without the shipped sources.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def option(one: Setting, flag: str | None = None) -> Any:
    """A setting of a study as an option; `read_settings` parses its values.

    flag: its name in the shell; default: the setting's name with hyphens.
    """
    name = flag or f"--{one.name.replace('_', '-')}"
    if one.kind is bool:
        return typer.Option(name, help=one.help)
    default = "" if one.default in (None, (), "") else f" Default: {one.default}."
    text = one.help + default + (" May be repeated." if one.repeats else "")
    metavar = "|".join(one.words) or {int: "INTEGER", float: "NUMBER"}.get(one.kind, "TEXT")
    return typer.Option(name, help=text, metavar=metavar, show_default=False)


_WORDS = {one.name: one for one in settings_in(SelectionWords)}
ModelOption = Annotated[list[str] | None, option(_WORDS["models"], "--model")]
TaskOption = Annotated[list[str] | None, option(_WORDS["tasks"], "--task")]
SchemeOption = Annotated[str | None, option(_WORDS["scheme"])]
DenominatorOption = Annotated[str | None, option(_WORDS["denominator"])]
OodOption = Annotated[str | None, option(_WORDS["ood"])]


@contextmanager
def known_words() -> Iterator[None]:
    """A value that is invalid for every store is wrong usage: status 2, with the same sentence as
    elsewhere.
    """
    try:
        yield
    except SettingError as error:
        raise WrongUsage(str(error)) from error


def option_words(said: Mapping[str, Any]) -> dict[str, list[str]]:
    """The values of such options as lists of strings; an option that was not given has none."""
    lists = {name: value if isinstance(value, list) else [value] for name, value in said.items()}
    return {
        name: [str(value) for value in values if value is not None]
        for name, values in lists.items()
    }


def open_store(path: Path | None, *, empty: bool = False) -> Store:
    """The store of `--store`, created if it does not exist."""
    from data.bootstrap import open_store as open_or_make

    with progress("Bringing in the shipped sources", in_logs=True) as report:
        return open_or_make(
            path or default_store(),
            empty=empty,
            progress=report,
        )


def selection_of(store: Store, said: Mapping[str, Any]) -> Selection:
    """The selection of these option values, by the names of SelectionWords. Refuses names that are
    not in the store.
    """
    with known_words():
        return read_words(store, option_words(said))
