"""`analyse`: the numbers behind each page, from the shell. One file a question."""

import typer

from commands.analyse.compare import compare
from commands.analyse.emergence import emergence
from commands.analyse.grading_effect import grading_effect
from commands.analyse.valley import valley
from commands.analyse.what_if import what_if

commands = typer.Typer(help="Analyse what is stored.", no_args_is_help=True)
commands.command()(compare)
commands.command()(valley)
commands.command()(emergence)
commands.command("what-if")(what_if)
commands.command("grading-effect")(grading_effect)
