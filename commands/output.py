"""Output of the shell: JSON and tables on stdout, progress and errors on stderr, text from files
without control characters.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from analysis.text import json_hook
from data.records import CharybdisError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from data.importing import Progress


@contextmanager
def told(as_json: bool = False) -> Iterator[None]:
    """Report an error that is meant for a person, and exit with status 1. Other exceptions are bugs
    and propagate.
    """
    try:
        yield
    except CharybdisError as error:
        typer.echo(clean(str(error), keep="\n"), err=True)
        if as_json:
            print_json({"error": str(error).encode("utf-8", "backslashreplace").decode()})
        raise typer.Exit(1) from error


class WrongUsage(typer.BadParameter):
    """Values that are wrong for every store: status 2, the sentence unchanged."""

    def format_message(self) -> str:
        """The sentence, without the name of a parameter: it states the allowed values."""
        return self.message


@contextmanager
def usage(option: str) -> Iterator[None]:
    """A refusal in this context does not depend on the store: it is wrong usage of the option,
    status 2.
    """
    try:
        yield
    except CharybdisError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


@contextmanager
def placed(out: Path) -> Iterator[Path]:
    """A temporary file next to `out`; it replaces `out` when it is complete, and is deleted
    otherwise.
    """
    part = out.with_name(out.name + ".part")
    try:
        yield part
        part.replace(out)
    except OSError as cause:
        raise CharybdisError(
            f"{out} cannot be written: {cause.strerror or cause}. Name another file with --out."
        ) from cause
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def progress(title: str, *, in_logs: bool = False) -> Iterator[Progress]:
    """A progress bar on stderr that appears with the first report. Without a terminal there is no
    output, or with `in_logs` one line per tenth.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(title, total=None, visible=False)

        tenths_told = -1

        def report(done: int, total: int, what: str) -> None:
            nonlocal tenths_told
            tenths = 10 * done // max(total, 1)
            if in_logs and bar.disable and tenths > tenths_told:
                tenths_told = tenths
                say(f"{title}: {done} of {total}", stderr=True)
            described = clean(f"{title}: {Path(what).name}" if what else title)
            bar.update(task, completed=done, total=total, description=described, visible=True)

        yield report


def say(what: str | Table, *, stderr: bool = False) -> None:
    """Print a line or a table unchanged: nothing in it is markup."""
    console(stderr=stderr).print(clean(what, keep="\n") if isinstance(what, str) else what)


def console(*, stderr: bool) -> Console:
    """The console for text. In a file or a pipe, lines are not folded."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 1000
    return Console(
        file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=True
    )


def text_table(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Table:
    """Rows for people: whole numbers grouped, text cleaned."""
    from rich.table import Table

    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(
            *(f"{value:,}" if isinstance(value, int) else clean(str(value)) for value in row)
        )
    return table


def clean(text: str, *, keep: str = "") -> str:
    """Text from a file or a model without characters that control the terminal."""
    return "".join(
        sign if sign.isprintable() or sign in keep else "\N{REPLACEMENT CHARACTER}" for sign in text
    )


def print_json(document: Any) -> None:
    """One document on stdout. Undefined numbers are null: msgspec writes no NaN."""
    import msgspec

    encoded = msgspec.json.format(msgspec.json.encode(document, enc_hook=json_hook), indent=2)
    sys.stdout.write(encoded.decode() + "\n")
