"""`verify`: compare the methods that are built with certified values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from commands.options import JsonOption
from commands.output import print_json, say, text_table, told

commands = typer.Typer()


@commands.command()
def verify(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.json",
            help="{method: [{inputs, expected, ...}]}",
            exists=True,
            dir_okay=False,
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Compare the methods that are built with certified values; exit status 1 if one disagrees."""
    with told(as_json):
        from analysis.verify import verify_file

        report = verify_file(file)
        vectors = {
            key: [vector for vector in rows if not vector.get("not_built")]
            for key, rows in report["methods"].items()
        }
        if as_json:
            print_json(report)
        else:
            rows = [
                (
                    key,
                    (
                        f"{sum(vector['passed'] for vector in built)} of {len(built)}"
                        if built
                        else "not built"
                    ),
                    _fewest_digits(built),
                )
                for key, built in vectors.items()
            ]
            say(text_table(("method", "passed", "fewest digits agreeing"), rows))
        if not all(vector["passed"] for built in vectors.values() for vector in built):
            raise typer.Exit(1)


def _fewest_digits(vectors: list[dict[str, Any]]) -> str:
    digits = [vector["digits"] for vector in vectors if vector.get("digits") is not None]
    return f"{min(digits):.1f}" if digits else ""
