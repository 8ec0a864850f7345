"""Which share of the answers of each model could not be read?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.records import Selection
from studies.settings import setting
from studies.steps import task_counts

if TYPE_CHECKING:
    from data.store import Store

COUNTED = ["n_correct", "n_wrong", "n_unparsed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadSettings:
    """From which share on a model is named."""

    most: float = setting(0.05, "Models above this share are named.", least=0, most=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnreadStudy:
    """Unread answers of each model.

    rows  model, answers, share (0-1) of them that could not be read; largest share first.
    """

    rows: tuple[tuple[str, int, float], ...]
    settings: UnreadSettings

    @property
    def sentence(self) -> str:
        """Which models have many unread answers."""
        from analysis.text import listed_or_counted, percent

        if not self.rows:
            return "No answers are stored for this choice."
        many = [model for model, _, share in self.rows if share > self.settings.most]
        more = f"more than {percent(self.settings.most)} of the answers could not be read"
        return f"For {listed_or_counted(many) if many else 'no model'}, {more}."

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        names = ("model", "n", "share")
        rows = [dict(zip(names, row, strict=True)) for row in self.rows]
        return {"sentence": self.sentence, "most": self.settings.most, "models": rows}

    def report(self) -> str:
        """The sentence and a line per model."""
        return "\n".join(
            [self.sentence, *(f"{share:.3f}  {n:>7,}  {model}" for model, n, share in self.rows)]
        )


def unread(store: Store, selection: Selection, settings: UnreadSettings) -> UnreadStudy:
    """Unread answers of every model of the selection with answers."""
    counts = task_counts(store, selection)
    sums = counts.groupby("model")[COUNTED].sum()
    n = sums.sum(axis=1)
    rows = [
        (str(model), int(n[model]), float(sums.loc[model, "n_unparsed"] / n[model]))
        for model in sums.index
        if n[model]
    ]
    ordered = sorted(rows, key=lambda row: (-row[2], row[0]))
    return UnreadStudy(rows=tuple(ordered), settings=settings)
