"""`report`: pages of the dashboard as one file that opens offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.options import JsonOption, StoreOption, open_store
from commands.output import placed, print_json, told

commands = typer.Typer()


@commands.command()
def report(
    view: Annotated[
        list[str],
        typer.Option(
            "--view",
            metavar="ADDRESS",
            help="A link of the dashboard, or `valley?models=NAME`; may be repeated.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="HTML file to write.", dir_okay=False)],
    title: Annotated[str, typer.Option(help="Heading of the file.")] = "Charybdis",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write pages as one self-contained HTML file: sentences, interactive charts, tables, and the
    sources of the numbers.
    """
    with told(as_json):
        from ui.startup import quiet

        with quiet():
            from ui.headless import read_page
            from ui.meeting.snapshot import snapshot

        opened = open_store(store)
        opened.close()
        document = snapshot([read_page(address, opened.folder) for address in view], title=title)
        with placed(out) as part:
            n_bytes = part.write_bytes(document.encode("utf-8"))
        if as_json:
            print_json({"path": str(out), "views": view, "n_bytes": n_bytes})
        else:
            typer.echo(f"{out}: {len(view)} view(s), {n_bytes:,} bytes")
