"""Does the critical level rise with model size?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.records import Selection
from studies.settings import setting
from studies.steps import level_scores, step, task_counts

if TYPE_CHECKING:
    from analysis.size.level_by_size import LevelBySize
    from data.store import Store

SOURCES = ("published", "samples")
"""Where critical levels come from: published levels, or stored answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeSettings:
    """Whose critical levels are read."""

    source: str | None = setting(
        None,
        "Published critical levels, or those of stored answers. Default: the first that any model"
        " with a known size has.",
        words=SOURCES,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SizeStudy:
    """Critical levels against size.

    sources  those of SOURCES that any model with a known size has.
    """

    found: LevelBySize
    sources: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Whether the level rises with size, and how sure that is."""
        return self.found.sentence() if len(self.found.entered) else NO_SIZES

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON; undefined numbers are None."""
        return {**self.found.as_record(), "sentence": self.sentence, "sources": list(self.sources)}

    def report(self) -> str:
        """The sentence and what to keep in mind."""
        return "\n".join([self.sentence, *(f"  {text}" for text in self.found.caveats())])


NO_SIZES = "No model has both a published size and a critical level in this choice."


def size(store: Store, selection: Selection, settings: SizeSettings) -> SizeStudy:
    """The critical levels of the selection's models against their numbers of parameters."""
    found = {source: level_by_size(store, selection, source) for source in SOURCES}
    there = tuple(source for source in SOURCES if len(found[source].entered))
    source = settings.source or (there or SOURCES)[0]
    return SizeStudy(found=found[source], sources=there)


@step()
def level_by_size(store: Store, selection: Selection, source: str) -> LevelBySize:
    """Critical levels of one of SOURCES against size, with every test of it."""
    from analysis.size.level_by_size import counted_levels, published_levels
    from analysis.size.level_by_size import level_by_size as fit
    from data.queries import fetch_levels, fetch_models

    known = fetch_models(store)
    if source == "published":
        rows = published_levels(level_scores(store, selection), known)
    else:
        rows = counted_levels(task_counts(store, selection), known, selection.denominator)
    in_scheme = [int(level) for level in fetch_levels(store, selection.scheme)["level"]]
    places = in_scheme or [int(level) for level in rows["level"].dropna()]
    lowest, highest = min(places, default=1), max(places, default=5)
    return fit(rows, source=source, lowest=lowest, highest=highest)
