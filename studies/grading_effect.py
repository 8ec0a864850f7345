"""What does the SCYLLA authors' grader alone make of a perfect solver?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.text import number, signed
from data.records import Selection
from studies.settings import setting

if TYPE_CHECKING:
    import pandas as pd

    from data.store import Store


COLUMNS = ("task", "level", "id", "id_lo", "id_hi", "ood", "ood_lo", "ood_hi", "gap", "n", "seed")
"""id, ood: share of a perfect solver's answers that the authors' grader calls right, 0-1, with 95 %
Wilson intervals; gap: id - ood.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingEffectSettings:
    """How many instances the perfect solver answers."""

    n: int = setting(256, "Instances per task and split.", least=1)
    seed: int = setting(0, "Seed of the instances and of the answers.", least=0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradingEffectStudy:
    """Share of a perfect solver's answers that the authors' grader calls right.

    tasks  COLUMNS, largest gap first.
    """

    tasks: pd.DataFrame
    settings: GradingEffectSettings

    @property
    def sentence(self) -> str:
        """The smallest and the largest gap that grading alone makes."""
        from analysis.what_if.sentences import grading_sentence

        return grading_sentence(self.tasks)

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON; undefined numbers are None."""
        rows = self.tasks.astype(object).where(self.tasks.notna(), None).to_dict("records")
        settings = self.settings
        return {"sentence": self.sentence, "n": settings.n, "seed": settings.seed, "tasks": rows}

    def report(self) -> str:
        """The sentence and a line per task."""
        rows = self.tasks.to_dict("records")
        width = max(len(row["task"]) for row in rows)
        lines = [
            f"{row['task']:{width}}  {number(row['id'], 3)}  {number(row['ood'], 3)} "
            f" {signed(row['gap'], 3)}"
            for row in rows
        ]
        return "\n".join([self.sentence, "", f"{'task':{width}}  id     ood    gap", *lines])


def grading_effect(
    store: Store, selection: Selection, settings: GradingEffectSettings
) -> GradingEffectStudy:
    """Grade a perfect solver's answers as the authors do. Nothing of the store enters."""
    import pandas as pd

    from analysis.accuracy import binomial_interval
    from probe.grading_effect import perfect_solver
    from probe.tasks import TASKS

    rows = []
    for name, task in TASKS.items():
        row: dict[str, object] = {"task": name, "level": task.level}
        row |= {"n": settings.n, "seed": settings.seed}
        for split in ("id", "ood"):
            right, _ = perfect_solver(name, split, n=settings.n, seed=settings.seed)
            lo, hi = binomial_interval(right, settings.n)
            ends = {f"{split}_lo": float(lo), f"{split}_hi": float(hi)}
            row |= {split: right / settings.n, **ends}
        rows.append(row)
    table = pd.DataFrame(rows).astype({"level": "Int64"})
    table = table.assign(gap=table["id"] - table["ood"])
    ordered = table.sort_values(["gap", "task"], ascending=[False, True], ignore_index=True)
    return GradingEffectStudy(tasks=ordered[list(COLUMNS)].round(4), settings=settings)
