"""`analyse`: the numbers behind each page, from the shell. One file a question."""

import typer

from commands.analyse.valley import valley

commands = typer.Typer(help="Analyse what is stored.", no_args_is_help=True)
commands.command()(valley)
