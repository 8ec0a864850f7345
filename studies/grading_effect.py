"""What does the SCYLLA authors' grader alone make of a perfect solver?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.records import Selection
from studies.settings import setting
from studies.steps import step

if TYPE_CHECKING:
    import pandas as pd

    from data.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingEffectSettings:
    """How many instances the perfect solver answers."""

    n: int = setting(256, "Instances per task and split.", least=1)
    seed: int = setting(0, "Seed of the instances and of the answers.", least=0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradingEffectStudy:
    """Share of a perfect solver's answers that the authors' grader calls right.

    tasks  data.catalog.grading_effect.COLUMNS, largest gap first.
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
            f"{row['task']:{width}}  {row['id']:.3f}  {row['ood']:.3f}  {row['gap']:+.3f}"
            for row in rows
        ]
        return "\n".join([self.sentence, "", f"{'task':{width}}  id     ood    gap", *lines])


def grading_effect(
    store: Store, selection: Selection, settings: GradingEffectSettings
) -> GradingEffectStudy:
    """Grade a perfect solver's answers as the authors do. Nothing of the store enters.

    The table that ships with the catalog is used where it was made with these settings.
    """
    from data.catalog.grading_effect import read_grading_effect

    shipped = read_grading_effect()
    made_with = {(row.n, row.seed) for row in shipped.itertuples()}
    tasks = shipped if made_with == {(settings.n, settings.seed)} else computed(store, settings)
    return GradingEffectStudy(tasks=tasks, settings=settings)


@step()
def computed(store: Store, settings: GradingEffectSettings) -> pd.DataFrame:
    """The table of the study, computed; takes half a minute at 256 instances."""
    import pandas as pd

    from analysis.accuracy import binomial_interval
    from data.catalog.grading_effect import COLUMNS
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
    return ordered[list(COLUMNS)].round(4)
