"""Which complexity does a model use on tasks that can be solved at several?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.records import Selection
from studies.settings import setting
from studies.steps import step, task_counts

if TYPE_CHECKING:
    from analysis.probe_tasks.probe_tasks import ProbeReading
    from data.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTasksSettings:
    """How the interval is drawn."""

    seed: int = setting(0, "Seed of the draws.", least=0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProbeTasksStudy:
    """One reading per model and probe task with OOD answers."""

    readings: tuple[ProbeReading, ...]

    @property
    def sentence(self) -> str:
        """The first few readings in words."""
        from analysis.probe_tasks.sentences import NO_READINGS, headline

        return headline(self.readings) if self.readings else NO_READINGS

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON; undefined numbers are None."""
        return {
            "sentence": self.sentence,
            "probe_tasks": [reading.as_record() for reading in self.readings],
        }

    def report(self) -> str:
        """Every reading in words."""
        from analysis.probe_tasks.sentences import NO_READINGS, reading_words

        return "\n".join(map(reading_words, self.readings)) if self.readings else NO_READINGS


@step()
def probe_tasks(
    store: Store, selection: Selection, settings: ProbeTasksSettings
) -> ProbeTasksStudy:
    """OOD accuracy on probe tasks, read off each model's own OOD accuracies on levels."""
    from analysis.probe_tasks.probe_tasks import probe_readings

    counts = task_counts(store, selection)
    found = probe_readings(counts, selection.denominator, seed=settings.seed)
    return ProbeTasksStudy(readings=found)
