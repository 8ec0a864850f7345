"""`analyse grading-effect`."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.options import JsonOption
from commands.output import print_json, progress, say, text_table, told


def grading_effect(
    n: Annotated[int, typer.Option(min=1, help="Instances per task and split.")] = 256,
    seed: Annotated[int, typer.Option(help="Seed of the instances and of the answers.")] = 0,
    write: Annotated[
        bool,
        typer.Option(
            "--write", help="Keep the table for the what-if page (data/catalog/grading_effect.csv)."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """What the SCYLLA authors' grader gives a perfect solver on every task: gaps that grading alone
    makes.
    """
    with told(as_json), progress("Grading a perfect solver") as report:
        import pandas as pd

        from analysis.accuracy import binomial_interval
        from data.catalog.grading_effect import write_grading_effect
        from probe.grading_effect import perfect_solver
        from probe.tasks import TASKS

        rows = []
        for place, (name, task) in enumerate(TASKS.items()):
            report(place, len(TASKS), name)
            row: dict[str, object] = {"task": name, "level": task.level, "n": n, "seed": seed}
            for split in ("id", "ood"):
                right, _ = perfect_solver(name, split, n=n, seed=seed)
                lo, hi = binomial_interval(right, n)
                row |= {split: right / n, f"{split}_lo": float(lo), f"{split}_hi": float(hi)}
            rows.append(row)
        table = pd.DataFrame(rows)
        table = table.assign(gap=table["id"] - table["ood"]).sort_values(
            ["gap", "task"], ascending=[False, True], ignore_index=True
        )
    if write:
        write_grading_effect(table)
    if as_json:
        print_json(
            {
                "n": n,
                "seed": seed,
                "tasks": table.astype(object).where(table.notna(), None).to_dict("records"),
            }
        )
        return
    shown = [
        (row["task"], f"{row['id']:.3f}", f"{row['ood']:.3f}", f"{row['gap']:+.3f}")
        for row in table.to_dict("records")
    ]
    say(text_table(("task", "id", "ood", "gap"), shown))
