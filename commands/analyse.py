"""`analyse`: every study from the shell, with the settings that the study declares."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.options import (
    DenominatorOption,
    EmptyOption,
    JsonOption,
    ModelOption,
    OodOption,
    SchemeOption,
    StoreOption,
    TaskOption,
    known_words,
    open_store,
    option,
    option_words,
    selection_of,
)
from commands.output import clean, print_json, told
from studies import STUDIES, Study
from studies.settings import Setting, read_settings, settings_in

commands = typer.Typer(help="Analyse what is stored.", no_args_is_help=True)


def _add(study: Study) -> None:
    """The command of a study: the selection's options, then one option per setting."""
    settings = settings_in(study.settings)

    def analyse(store: Path | None, empty: bool, as_json: bool, **said: Any) -> None:
        with told(as_json), known_words():
            asked = read_settings(study.settings, option_words(said))
            opened = open_store(store, empty=empty)
            found = study.run(opened, selection_of(opened, said), asked)
            if as_json:
                print_json(found.as_record())
            else:
                typer.echo(clean(found.report(), keep="\n"))

    options = {
        "store": (StoreOption, None),
        "models": (ModelOption, None),
        "tasks": (TaskOption, None),
        "scheme": (SchemeOption, None),
        "denominator": (DenominatorOption, None),
        "ood": (OodOption, None),
        **{one.name: _option(one) for one in settings if one.name not in _BY_SELECTION},
        "empty": (EmptyOption, False),
        "as_json": (JsonOption, False),
    }
    analyse.__doc__ = study.summary
    commands.command(study.name)(_with_options(analyse, options))


_BY_SELECTION = ("task",)
"""Settings that an option of the selection makes: `--task` names the tasks."""


def _option(one: Setting) -> tuple[Any, Any]:
    """Annotation and default of the parameter that takes the values of a setting."""
    if one.kind is bool:
        return Annotated[bool, option(one)], one.default
    return Annotated[list[str] | None if one.repeats else str | None, option(one)], None


def _with_options(
    command: Callable[..., None], options: Mapping[str, tuple[Any, Any]]
) -> Callable[..., None]:
    """The command with these parameters, from which Typer makes options."""
    named = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )
        for name, (annotation, default) in options.items()
    ]
    command.__dict__["__signature__"] = inspect.Signature(named)
    command.__annotations__ = {one.name: one.annotation for one in named}
    return command


def _announce(question: str, what: str) -> None:
    """A question that is not answered yet: its command exists and reports this for any options."""

    def not_there_yet(context: typer.Context) -> None:
        raise typer.BadParameter(
            f"`analyse {question}` is not there yet: {what}. README.md lists what is not there"
            " yet.",
            ctx=context,
        )

    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    commands.command(question, help=f"Not there yet: {what}.", context_settings=settings)(
        not_there_yet
    )


for _study in STUDIES:
    _add(_study)
_announce("scaling", "scaling laws across model families")
_announce("health", "whether a benchmark is still able to tell models apart")
