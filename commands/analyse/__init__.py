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


def _announce(question: str, what: str) -> None:
    """A question that the dashboard will answer: its command is there and says so, whatever options
    it is given.
    """

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


_announce("scaling", "scaling laws across model families")
_announce("health", "whether a benchmark is still able to tell models apart")
