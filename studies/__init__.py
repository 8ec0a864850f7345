"""One question, one study: (store, selection, settings) -> frozen result.

Fetching and computing are put together here and nowhere else. Pages show a study's result
(ui/kept.py), the shell prints it (commands/analyse.py) and the API answers with it (api/): the same
settings, the same defaults, the same record, the same sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from studies.compare import CompareSettings, compare
from studies.emergence import EmergenceSettings, emergence
from studies.grading_effect import GradingEffectSettings, grading_effect
from studies.likelihood import LikelihoodSettings, likelihood
from studies.probe_tasks import ProbeTasksSettings, probe_tasks
from studies.size import SizeSettings, size
from studies.valley import ValleySettings, valley
from studies.what_if import WhatIfSettings, what_if

if TYPE_CHECKING:
    from data.records import Selection
    from data.store import Store


class Result(Protocol):
    """What every study gives."""

    @property
    def sentence(self) -> str:
        """The answer in plain words."""

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON, the sentence among them; undefined numbers are None."""

    def report(self) -> str:
        """Lines to read in a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One question that shell, API and pages answer.

    name  as in `analyse NAME` and `/analyses/NAME`. summary  one sentence for lists of them.
    """

    name: str
    summary: str
    settings: type[Any]
    run: Callable[[Store, Selection, Any], Result]


STUDIES = (
    Study(
        name="valley",
        summary="Where the ID-OOD gap of each model peaks, how sure that is, and what explains it.",
        settings=ValleySettings,
        run=valley,
    ),
    Study(
        name="compare",
        summary="Two to six models against a baseline: paired differences, tests, ranks and"
        " agreement on shared instances.",
        settings=CompareSettings,
        run=compare,
    ),
    Study(
        name="what-if",
        summary="The stored answers under another metric, average or penalty, next to the paper's;"
        " and conclusions under every choice.",
        settings=WhatIfSettings,
        run=what_if,
    ),
    Study(
        name="emergence",
        summary="A score over scale: shape, break, suddenness, growth type, loss threshold, and"
        " whether the jump is the metric's.",
        settings=EmergenceSettings,
        run=emergence,
    ),
    Study(
        name="size",
        summary="Critical levels against the number of parameters, with every test of a trend.",
        settings=SizeSettings,
        run=size,
    ),
    Study(
        name="likelihood",
        summary="How likely the reference answers were, ID and OOD, and accuracy at equal Min-K%.",
        settings=LikelihoodSettings,
        run=likelihood,
    ),
    Study(
        name="probe-tasks",
        summary="Which complexity models use on tasks that can be solved at several.",
        settings=ProbeTasksSettings,
        run=probe_tasks,
    ),
    Study(
        name="grading-effect",
        summary="What the SCYLLA authors' grader gives a perfect solver: gaps that grading alone"
        " makes.",
        settings=GradingEffectSettings,
        run=grading_effect,
    ),
)
