"""The shell: the dashboard's abilities as commands, for people and for scripts. `python cli.py --help` lists them.

With `--json` a command prints exactly one JSON document on stdout; progress and remarks go to stderr. Exit status: 0 done, 1 failed,
2 wrong usage. Heavy modules are imported by the command that needs them, so that the shell itself starts at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from cli_options import ROOT, EmptyOption, JsonOption, ModelOption, StoreOption, TaskOption
from cli_options import open_store as _open
from cli_output import clean, print_json, progress, say, text_table, told
from cli_probe import commands as probe_commands
from data.records import SCYLLA_SCHEME, CharybdisError, Denominator, Selection

if TYPE_CHECKING:
    from analysis.valley import Settings, Valley
    from data.importing import Discovery, ImportResult
    from data.store import Store

ADDRESS = "127.0.0.1"
TABLES = (
    "models", "tasks", "levels", "runs", "scores", "samples", "imports", "rejects", "task_counts", "level_scores", "valley",
)  # fmt: skip
FORMATS = ("csv", "parquet", "json", "jsonl", "latex")
OWN_FORMATS = ("jsonl", "parquet")
"""In these, samples leave as whole runs, in files that `import` takes back (docs/formats.md)."""

cli = typer.Typer(
    help="Charybdis shows where language models stop generalizing.",
    epilog="Exit status: 0 done, 1 failed, 2 wrong usage.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
analyse = typer.Typer(help="Analyse what is stored.", no_args_is_help=True)
store_commands = typer.Typer(help="Look after the store.", no_args_is_help=True)
cli.add_typer(analyse, name="analyse")
cli.add_typer(store_commands, name="store")
cli.add_typer(probe_commands)

SchemeOption = Annotated[str, typer.Option("--scheme", help="Level scheme.")]
DenominatorOption = Annotated[Denominator, typer.Option("--denominator", help="Which answers an accuracy is taken over.")]


# -- the dashboard -----------------------------------------------------------------------------------------------------------------


@cli.command()
def app(
    store: StoreOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
    browser: Annotated[
        bool | None, typer.Option("--browser/--no-browser", help="Open a browser. Default: if there is a screen.", show_default=False)
    ] = None,
) -> None:
    """Start the dashboard; a new store is built first."""
    with told():
        opened = _open(store)
    opened.close()
    os.environ["CHARYBDIS_STORE"] = str(opened.folder)
    os.chdir(ROOT)  # where .streamlit/config.toml lies
    from streamlit.web.cli import main as run_streamlit

    options = {
        "server.address": ADDRESS,
        "server.port": port,
        "server.headless": str(not (_has_screen() if browser is None else browser)).lower(),
        "server.showEmailPrompt": "false",
    }
    run_streamlit(["run", "app.py", *(f"--{name}={value}" for name, value in options.items())])


def _has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# -- importing ---------------------------------------------------------------------------------------------------------------------


@cli.command("import", epilog="Exit status 1 also when only some sources failed; the good ones are stored then.")
def import_(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders or globs.", show_default=False)],
    store: StoreOption = None,
    only_format: Annotated[str | None, typer.Option("--format", help="Read as this format only.", show_default=False)] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="JSON file that says which column of a table means what.", exists=True, dir_okay=False)
    ] = None,
    empty: EmptyOption = False,
    as_json: JsonOption = False,
) -> None:
    """Import result files. Each source comes in whole or not at all; the same content twice changes nothing."""
    with told(as_json):
        from data.importing import discover, import_sources, path_text

        options = {"mapping": _read_mapping(mapping)} if mapping else None
        found = discover(paths, only_format=only_format, options=options)
        opened = _open(store, empty=empty)
        with progress("Importing") as report:
            results = list(import_sources(opened, found.sources, progress=report))
        if as_json:
            unknown = [{"path": path_text(item.path), "reason": item.reason} for item in found.unknown]
            print_json({"imports": [result.as_json() for result in results], "unknown": unknown})
        _tell_imports(results, found, to_stdout=not as_json)
        if not results or any(result.status == "failed" for result in results):
            raise typer.Exit(1)


def _read_mapping(file: Path) -> dict[str, Any]:
    import json

    try:
        mapping = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as cause:
        raise CharybdisError(f"{file} is not JSON ({cause}). docs/formats.md shows what a mapping says.") from cause
    if not isinstance(mapping, dict):
        raise CharybdisError(f"{file} holds {type(mapping).__name__}, not an object. docs/formats.md shows what a mapping says.")
    return mapping


def _tell_imports(results: list[ImportResult], found: Discovery, *, to_stdout: bool) -> None:
    stderr = not to_stdout
    if results:
        rows = [(r.status, r.format, r.runs, r.scores, r.samples, r.rejected, r.path) for r in results]
        say(text_table(("status", "format", "runs", "scores", "samples", "rejected", "path"), rows), stderr=stderr)
    for result in results:
        if result.message:
            say(f"{result.status}: {result.message}", stderr=stderr)
        for reject in result.rejects[:5]:
            place = f"{reject.file}, record {reject.record}, field {reject.field}"
            say(f"rejected: {place}: found {reject.found}, expected {reject.expected}", stderr=stderr)
        if result.rejected > 5:
            say(f"... {result.rejected - 5:,} more rejected; the runs page and `export rejects` list them.", stderr=stderr)
    for item in found.unknown:
        say(f"left alone: {item.path}: {item.reason}", stderr=stderr)
    if not results:
        say("Nothing to import: no file here is of a known format. Name one with --format, or see README.md for the formats.", stderr=True)


# -- analysing ---------------------------------------------------------------------------------------------------------------------


@analyse.command()
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

        selection = _selection(model, task, scheme, denominator)
        settings = Settings(denominator=denominator, resamples=resamples, seed=seed)
        opened = _open(store, empty=empty)
        _check_models(opened, selection.models)
        valleys = _valleys(opened, selection, settings)
        if as_json:
            print_json({"models": [found.as_record() for found in valleys]})
            return
        for found in valleys:
            typer.echo(clean(found.report(), keep="\n") + "\n")
        if not valleys:
            typer.echo(f"Nothing here has both splits at a level of {scheme}. `export models` lists what is stored.")


def _valleys(store: Store, selection: Selection, settings: Settings) -> list[Valley]:
    from analysis.published import valleys_from_published
    from analysis.valley import locate_valleys
    from data.queries import fetch_level_scores, fetch_task_counts

    return [
        *locate_valleys(fetch_task_counts(store, selection), settings),
        *valleys_from_published(fetch_level_scores(store, selection), settings=settings),
    ]


def _selection(models: list[str] | None, tasks: list[str] | None, scheme: str, denominator: Denominator) -> Selection:
    return Selection(models=tuple(models or ()), tasks=tuple(tasks or ()), scheme=scheme, denominator=denominator)


def _check_models(store: Store, wanted: tuple[str, ...]) -> None:
    if wanted:
        from data.queries import fetch_models

        known = list(fetch_models(store)["model"])
        unknown = [name for name in wanted if name not in known]
        if unknown:
            named, there = ", ".join(map(repr, unknown)), ", ".join(known) or "none"
            raise CharybdisError(f"No results of {named} are stored. Models with results: {there}.")


@cli.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.json", help="{method: [{inputs, expected, ...}]}", exists=True, dir_okay=False)],
    as_json: JsonOption = False,
) -> None:
    """Hold certified values against the methods that are built; exit status 1 when one disagrees."""
    with told(as_json):
        from analysis.verify import verify_file

        report = verify_file(file)
        vectors = {key: [vector for vector in rows if not vector.get("not_built")] for key, rows in report["methods"].items()}
        if as_json:
            print_json(report)
        else:
            rows = [
                (key, f"{sum(vector['passed'] for vector in built)} of {len(built)}" if built else "not built", _fewest_digits(built))
                for key, built in vectors.items()
            ]
            say(text_table(("method", "passed", "fewest digits agreeing"), rows))
        if not all(vector["passed"] for built in vectors.values() for vector in built):
            raise typer.Exit(1)


def _fewest_digits(vectors: list[dict[str, Any]]) -> str:
    digits = [vector["digits"] for vector in vectors if vector.get("digits") is not None]
    return f"{min(digits):.1f}" if digits else ""


# -- tables ------------------------------------------------------------------------------------------------------------------------


@cli.command()
def export(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=f"One of {', '.join(TABLES)}.")],
    table_format: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "csv",
    out: Annotated[Path | None, typer.Option(help="File to write. Default: stdout.", show_default=False, dir_okay=False)] = None,
    store: StoreOption = None,
    model: ModelOption = None,
    task: TaskOption = None,
    scheme: SchemeOption = SCYLLA_SCHEME,
    denominator: DenominatorOption = Denominator.UNPARSED_IS_WRONG,
    as_json: Annotated[bool, typer.Option("--json", help="The table as JSON; with --out, what was written.")] = False,
) -> None:
    """Write a table of the store, whatever its size; --model and --task narrow it.

    samples as jsonl or parquet are whole runs, in files that `import` takes back. valley as latex is a table that
    fits a page (accuracies, gap, S, P(critical)); its other formats hold every column.
    """
    for name, given, allowed in (("TABLE", table, TABLES), ("--format", table_format, FORMATS)):
        if given not in allowed:
            raise typer.BadParameter(f"{given!r} is none of {', '.join(allowed)}.", param_hint=name)
    if task and table == "samples" and table_format in OWN_FORMATS:
        raise typer.BadParameter(f"{table_format} holds whole runs; csv and json take single tasks.", param_hint="--task")
    with told(as_json):
        if as_json and out is None:
            table_format = "json"
        opened = _open(store)
        selection = _selection(model, task, scheme, denominator)
        _check_models(opened, selection.models)
        if out is None:
            _export(opened, table, table_format, sys.stdout.buffer, selection)
            return
        n_rows = _export_file(opened, table, table_format, out, selection)
        if as_json:
            print_json({"table": table, "format": table_format, "path": str(out), "rows": n_rows, "n_bytes": out.stat().st_size})
        else:
            typer.echo(f"{n_rows:,} rows in {out}", err=True)


def _export_file(store: Store, table: str, table_format: str, out: Path, selection: Selection) -> int:
    """Write beside the file and put it in place when it is whole."""
    part = out.with_name(out.name + ".part")
    try:
        if table == "samples" and table_format in OWN_FORMATS:
            n_rows = _export_runs(store, table_format, part, selection)
        else:
            with part.open("wb") as sink:
                n_rows = _export(store, table, table_format, sink, selection)
        part.replace(out)
    except OSError as cause:
        raise CharybdisError(f"{out} cannot be written: {cause.strerror or cause}. Name another file with --out.") from cause
    finally:
        part.unlink(missing_ok=True)
    return n_rows


def _export_runs(store: Store, table_format: str, out: Path, selection: Selection) -> int:
    from data.interchange import stored_batches, write_jsonl, write_parquet
    from data.queries import fetch_runs

    runs = fetch_runs(store)
    wanted = runs[(runs["n_samples"] > 0) & (runs["model"].isin(selection.models) if selection.models else True)]
    if wanted.empty:
        raise CharybdisError("No samples of that selection are stored, so there is nothing to write. `export runs` lists what is there.")
    write = write_jsonl if table_format == "jsonl" else write_parquet
    return write(out, stored_batches(store, wanted["run_id"].tolist())).samples


def _export(store: Store, table: str, table_format: str, sink: IO[bytes], selection: Selection) -> int:
    from data.exporting import export_table, write_frame

    if table == "samples" and table_format in OWN_FORMATS:
        with TemporaryDirectory() as folder:
            n_rows = _export_runs(store, table_format, Path(folder) / "samples", selection)
            with (Path(folder) / "samples").open("rb") as written:
                copyfileobj(written, sink)
        return n_rows
    if table != "valley":
        return export_table(store, table, table_format, sink, selection=selection)
    import pandas as pd

    from analysis.valley import CURVE_COLUMNS, Settings
    from analysis.valley_words import paper_table

    valleys = _valleys(store, selection, Settings(denominator=selection.denominator))
    curves = [valley.curve.assign(model=valley.model, source=valley.source, critical_level=valley.critical_level) for valley in valleys]
    columns = ["model", "source", *CURVE_COLUMNS, "critical_level"]
    table_of_all = pd.concat(curves)[columns] if curves else pd.DataFrame(columns=columns)
    return write_frame(paper_table(table_of_all) if table_format == "latex" else table_of_all, table_format, sink)


# -- the store ---------------------------------------------------------------------------------------------------------------------


@store_commands.command()
def info(store: StoreOption = None, empty: EmptyOption = False, as_json: JsonOption = False) -> None:
    """What is stored, and where."""
    with told(as_json):
        from data.queries import fetch_store_info

        facts = fetch_store_info(_open(store, empty=empty))
        if as_json:
            print_json(facts)
        else:
            say(text_table(("what", "value"), list(facts.items())))


@store_commands.command()
def check(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Whether the store agrees with itself: rollups with samples, keys with names, versions; exit status 1 when it does not."""
    with told(as_json):
        from data.checking import check_store

        findings = check_store(_open(store))
        if as_json:
            print_json({"passed": all(f.passed for f in findings), "checks": findings})
        else:
            rows = [("passed" if f.passed else "FAILED", f.name, f.detail) for f in findings]
            say(text_table(("result", "check", "detail"), rows))
        if not all(f.passed for f in findings):
            raise typer.Exit(1)


@store_commands.command("remove-run")
def remove_run(
    run_ids: Annotated[list[str], typer.Argument(metavar="RUN_ID...", help="Ids as `export runs` lists them.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove runs with all their scores and samples. All that are named, or none."""
    with told(as_json):
        from data.queries import fetch_run
        from data.writer import remove_runs

        opened = _open(store)
        for run_id in run_ids:
            fetch_run(opened, run_id)  # refuses an unknown one
        with opened.transaction() as cursor:
            n_removed = remove_runs(cursor, run_ids)
        if as_json:
            print_json({"removed": run_ids, "n_removed": n_removed, "version": opened.version})
        else:
            typer.echo(f"Removed {n_removed} run(s).")


@store_commands.command()
def compact(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Rewrite the store's file without the room that removed rows left."""
    with told(as_json):
        opened = _open(store)
        before, after = opened.compact()
        if as_json:
            print_json({"path": str(opened.folder), "n_bytes_before": before, "n_bytes": after})
        else:
            typer.echo(f"{before:,} bytes before, {after:,} now.")


if __name__ == "__main__":
    cli()
