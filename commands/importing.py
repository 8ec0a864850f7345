"""`import`: result files into the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.options import EmptyOption, JsonOption, StoreOption, open_store
from commands.output import print_json, progress, say, text_table, told, usage
from data.records import CharybdisError

if TYPE_CHECKING:
    from data.importing import Discovery, ImportResult

commands = typer.Typer()


@commands.command(
    "import",
    epilog=(
        "Exit status 1 also when only some sources failed; the good ones are stored then. Files of"
        " no known format are listed."
    ),
)
def import_(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Files, folders or globs.", show_default=False),
    ],
    store: StoreOption = None,
    only_format: Annotated[
        str | None, typer.Option("--format", help="Read as this format only.", show_default=False)
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            help="JSON file with the meaning of a table's columns; {} uses the guess only.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    empty: EmptyOption = False,
    as_json: JsonOption = False,
) -> None:
    """Import result files. Each source is imported completely or not at all; importing the same
    content twice changes nothing.
    """
    with told(as_json):
        from data.importing import discover, import_sources, importers_named, path_text
        from data.mappings import with_remembered

        with usage("--format"):
            importers_named(only_format)
        if "" in paths:
            raise typer.BadParameter(
                "An empty path names nothing; write . for the folder you are in.",
                param_hint="PATH...",
            )
        options = {"mapping": _read_mapping(mapping)} if mapping else None
        found = discover(paths, only_format=only_format, options=options)
        opened = open_store(store, empty=empty)
        sources, remembered = (
            with_remembered(opened, found.sources) if mapping is None else (found.sources, ())
        )
        for source in remembered:
            say(
                f"{path_text(source.path)}: read as it was confirmed when these columns came"
                " before; --mapping says otherwise.",
                stderr=True,
            )
        with progress("Importing") as report:
            results = list(import_sources(opened, sources, progress=report))
        if as_json:
            unknown = [
                {"path": path_text(item.path), "reason": item.reason} for item in found.unknown
            ]
            print_json({"imports": [result.as_json() for result in results], "unknown": unknown})
        _tell_imports(results, found, to_stdout=not as_json)
        if not results or any(result.status == "failed" for result in results):
            raise typer.Exit(1)


def _read_mapping(file: Path) -> dict[str, Any]:
    import json

    try:
        mapping = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as cause:
        raise CharybdisError(
            f"{file} is not JSON ({cause}). docs/formats.md shows what a mapping says."
        ) from cause
    if not isinstance(mapping, dict):
        raise CharybdisError(
            f"{file} holds {type(mapping).__name__}, not an object. docs/formats.md shows what a"
            " mapping says."
        )
    return mapping


def _tell_imports(results: list[ImportResult], found: Discovery, *, to_stdout: bool) -> None:
    stderr = not to_stdout
    if results:
        rows = [
            (r.status, r.format, r.runs, r.scores, r.samples, r.rejected, r.path) for r in results
        ]
        say(
            text_table(("status", "format", "runs", "scores", "samples", "rejected", "path"), rows),
            stderr=stderr,
        )
    for result in results:
        if result.message:
            say(f"{result.status}: {result.message}", stderr=stderr)
        for reject in result.rejects[:5]:
            place = f"{reject.file}, record {reject.record}, field {reject.field}"
            say(
                f"rejected: {place}: found {reject.found}, expected {reject.expected}",
                stderr=stderr,
            )
        if result.rejected > 5:
            say(
                f"... {result.rejected - 5:,} more rejected; the runs page and `export rejects`"
                " list them.",
                stderr=stderr,
            )
    for item in found.unknown:
        say(f"left alone: {item.path}: {item.reason}", stderr=stderr)
    if not results:
        say(
            "Nothing to import: no file here is of a known format. Name one with --format, or see"
            " README.md for the formats.",
            stderr=True,
        )
