"""Sentences about the complexity that models use on probe tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analysis.probe_tasks.probe_tasks import ProbeReading
from analysis.text import number

NO_READINGS = "No model of this choice has OOD answers on probe tasks."
_MOST_SAID = 3


def headline(readings: Sequence[ProbeReading]) -> str:
    """The first few readings in words."""
    said = [reading_words(reading) for reading in readings[:_MOST_SAID]]
    left = len(readings) - len(said)
    return "; ".join(said) + (f"; {left} more below" if left else "") + "."


def reading_words(reading: ProbeReading) -> str:
    """As which level the model answers the probe task, with the interval."""
    found = reading.level
    where = " or ".join(map(number, found.crossings.levels))
    ends = f" [{level_end(found.lo)}, {level_end(found.hi)}]" if found.n_draws else ""
    if where:
        return f"{reading.model} answers {reading.task} as it answers tasks of level {where}{ends}"
    if found.crossings.censored:
        return (
            f"{reading.model} uses a complexity {found.crossings.censored} all levels on"
            f" {reading.task}{ends}"
        )
    return f"{reading.model} on {reading.task}: {found.crossings.reason}"


def level_end(value: float) -> str:
    """An end of the interval; beyond the levels it is a word."""
    if math.isinf(value):
        return "below" if value < 0 else "above"
    return number(value)
