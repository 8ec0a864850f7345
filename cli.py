"""The shell: the dashboard's functions as commands, for people and scripts. `python cli.py --help`
lists them.

With `--json` a command prints exactly one JSON document on stdout; progress and remarks go to
stderr. Exit status: 0 done, 1 failed, 2 wrong usage. Heavy modules are imported by the command that
needs them, so that the shell itself starts quickly.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
from typer.exceptions import TyperException

from commands import analyse, export, importing, probe, report, store, verify
from commands.options import StoreOption, open_store
from commands.output import print_json, told

ADDRESS = "127.0.0.1"
_APP = Path(__file__).resolve().with_name("app.py")


class Shell(typer.core.TyperGroup):
    """The commands. Wrong usage is reported on stderr and, with --json, also in the document on
    stdout.
    """

    # Any: the class of the context has no public name (`typer.Context` is a subclass of it).
    def invoke(self, ctx: Any) -> Any:
        """Run the command of the command line."""
        try:
            return super().invoke(ctx)
        except TyperException as wrong:
            if "--json" in sys.argv:
                print_json({"error": wrong.format_message()})
            raise


cli = typer.Typer(
    cls=Shell,
    help="Charybdis shows where language models stop generalizing.",
    epilog="Exit status: 0 done, 1 failed, 2 wrong usage.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=(
        "rich" if sys.stderr.isatty() else None
    ),  # in a log, errors are whole lines without a frame, which can be searched
)


@cli.command()
def app(
    store_folder: StoreOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
    browser: Annotated[
        bool | None,
        typer.Option(
            "--browser/--no-browser",
            help="Open a browser. Default: if a screen is available.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start the dashboard; a new store is built first."""
    with told():
        opened = open_store(store_folder)
    opened.close()
    os.environ["CHARYBDIS_STORE"] = str(opened.folder)
    typer.echo(f"Store: {opened.folder}", err=True)
    from streamlit.web.cli import main as run_streamlit

    options = {
        "server.address": ADDRESS,
        "server.port": port,
        "server.headless": str(not (_has_screen() if browser is None else browser)).lower(),
        "server.showEmailPrompt": "false",
    }
    run_streamlit(["run", str(_APP), *(f"--{name}={value}" for name, value in options.items())])


def _has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


for commands in (importing, verify, export, report, probe):
    cli.add_typer(commands.commands)
cli.add_typer(analyse.commands, name="analyse")
cli.add_typer(store.commands, name="store")


def main() -> None:
    """Run the command line of this process."""
    # Independent of the locale, which is ASCII under LANG=C on some machines.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    cli()


if __name__ == "__main__":
    main()
