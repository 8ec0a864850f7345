"""`export`: tables of the store as files."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Annotated

import typer

from commands.options import (
    DenominatorOption,
    ModelOption,
    SchemeOption,
    StoreOption,
    TaskOption,
    open_store,
    selection_of,
)
from commands.output import placed, print_json, told
from data.records import CharybdisError, Selection

if TYPE_CHECKING:
    from data.store import Store

TABLES = (
    "models",
    "tasks",
    "levels",
    "runs",
    "scores",
    "samples",
    "imports",
    "rejects",
    "task_counts",
    "level_scores",
    "valley",
)
FORMATS = ("csv", "parquet", "json", "jsonl", "latex", "markdown", "every_eval_ever")
OWN_FORMATS = ("jsonl", "parquet")
"""In these formats, samples are exported as whole runs, in files that `import` reads
(docs/formats.md).
"""
RECORDS = "every_eval_ever"
"""In this format, runs are exported with their scores and samples, as a folder or archive of
records.
"""

commands = typer.Typer()


@commands.command()
def export(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=f"One of {', '.join(TABLES)}.")],
    table_format: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")
    ] = "csv",
    out: Annotated[
        Path | None, typer.Option(help="File to write. Default: stdout.", show_default=False)
    ] = None,
    store: StoreOption = None,
    model: ModelOption = None,
    task: TaskOption = None,
    scheme: SchemeOption = None,
    denominator: DenominatorOption = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="The table as JSON; with --out, a summary of the written file."
        ),
    ] = False,
) -> None:
    """Write a table of the store, of any size; --model and --task restrict it.

    samples as jsonl or parquet are whole runs, in files that `import` reads. valley as latex is a
    table that fits a page (accuracies, gap, S, P(critical)); its other formats have every column.
    runs as every_eval_ever are whole runs with scores and samples, in a folder of records or, when
    --out ends in .zip, one archive of it.
    """
    for name, given, allowed in (("TABLE", table, TABLES), ("--format", table_format, FORMATS)):
        if given not in allowed:
            raise typer.BadParameter(f"{given!r} is none of {', '.join(allowed)}.", param_hint=name)
    _check_whole_runs(table, table_format, out, bool(task))
    with told(as_json):
        if as_json and out is None:
            table_format = "json"
        opened = open_store(store)
        said = {"models": model, "tasks": task, "scheme": scheme, "denominator": denominator}
        selection = selection_of(opened, said)
        if out is None:
            _export(opened, table, table_format, sys.stdout.buffer, selection)
            return
        n_rows = _export_file(opened, table, table_format, out, selection)
        if as_json:
            n_bytes = sum(
                file.stat().st_size
                for file in (out.rglob("*") if out.is_dir() else [out])
                if file.is_file()
            )
            print_json(
                {
                    "table": table,
                    "format": table_format,
                    "path": str(out),
                    "rows": n_rows,
                    "n_bytes": n_bytes,
                }
            )
        else:
            typer.echo(
                f"{n_rows:,} {'runs' if table_format == RECORDS else 'rows'} in {out}", err=True
            )


def _check_whole_runs(table: str, table_format: str, out: Path | None, has_tasks: bool) -> None:
    """Refuse options that a format of whole runs does not support."""
    if table_format == RECORDS:
        if table != "runs":
            raise typer.BadParameter(
                f"{RECORDS} holds whole runs with their scores and samples: export runs.",
                param_hint="TABLE",
            )
        if out is None:
            raise typer.BadParameter(
                f"{RECORDS} is a folder of files: name one, or a .zip file.", param_hint="--out"
            )
    elif out is not None and out.is_dir():
        raise typer.BadParameter(
            f"{out} is a folder; {table_format} is one file.", param_hint="--out"
        )
    if has_tasks and (
        table_format == RECORDS or (table == "samples" and table_format in OWN_FORMATS)
    ):
        raise typer.BadParameter(
            f"{table_format} holds whole runs; csv and json take single tasks.", param_hint="--task"
        )


def _export_file(
    store: Store, table: str, table_format: str, out: Path, selection: Selection
) -> int:
    if table_format == RECORDS:
        return _export_records(store, out, selection)
    with placed(out) as part:
        if table == "samples" and table_format in OWN_FORMATS:
            return _export_runs(store, table_format, part, selection)
        with part.open("wb") as sink:
            return _export(store, table, table_format, sink, selection)


def _export_records(store: Store, out: Path, selection: Selection) -> int:
    from data.every_eval_ever import write_every_eval_ever
    from data.queries import fetch_runs

    runs = fetch_runs(store)
    wanted = runs[runs["model"].isin(selection.models)] if selection.models else runs
    if wanted.empty:
        raise CharybdisError(
            "No runs of that selection are stored, so there is nothing to write. `export runs`"
            " lists what is there."
        )
    return write_every_eval_ever(out, store, wanted["run_id"].tolist()).runs


def _export_runs(store: Store, table_format: str, out: Path, selection: Selection) -> int:
    from data.interchange import stored_batches, write_jsonl, write_parquet
    from data.queries import fetch_runs

    runs = fetch_runs(store)
    wanted = runs[
        (runs["n_samples"] > 0)
        & (runs["model"].isin(selection.models) if selection.models else True)
    ]
    if wanted.empty:
        raise CharybdisError(
            "No samples of that selection are stored, so there is nothing to write. `export runs`"
            " lists what is there."
        )
    write = write_jsonl if table_format == "jsonl" else write_parquet
    return write(out, stored_batches(store, wanted["run_id"].tolist())).samples


def _export(
    store: Store, table: str, table_format: str, sink: IO[bytes], selection: Selection
) -> int:
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

    from analysis.valley.locating import CURVE_COLUMNS
    from analysis.valley.sentences import paper_table
    from studies.valley import ValleySettings, valley

    curves = [
        one.curve.assign(model=one.model, source=one.source, critical_level=one.critical_level)
        for one in valley(store, selection, ValleySettings()).valleys
    ]
    columns = ["model", "source", *CURVE_COLUMNS, "critical_level"]
    table_of_all = pd.concat(curves)[columns] if curves else pd.DataFrame(columns=columns)
    return write_frame(
        paper_table(table_of_all) if table_format in ("latex", "markdown") else table_of_all,
        table_format,
        sink,
    )
