"""Chance levels of the tasks as the ladder asks them: its lists are shorter than SCYLLA's, so that
a guesser is right more often.
"""

from __future__ import annotations

import pandas as pd

from data.catalog import FOLDER

LADDER_CHANCE_FILE = FOLDER / "ladder_chance.csv"


def read_ladder_chance() -> dict[str, float]:
    """Task -> chance level, 0-1: the mean of `Task.chance` over 256 instances of the ladder's
    lengths and elements, ID and OOD alike.
    """
    return dict(pd.read_csv(LADDER_CHANCE_FILE).set_index("task")["chance"].astype(float))
