"""What the SCYLLA authors' grader gives a perfect solver, as computed by `cli.py analyse
grading-effect --write` and shipped.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from data.catalog import FOLDER

GRADING_FILE = FOLDER / "grading_effect.csv"
COLUMNS = ("task", "level", "id", "id_lo", "id_hi", "ood", "ood_lo", "ood_hi", "gap", "n", "seed")
"""id, ood: share of a perfect solver's answers that the authors' grader calls right, 0-1, with 95 %
Wilson intervals; gap: id - ood.
"""


def read_grading_effect(file: Path = GRADING_FILE) -> pd.DataFrame:
    """The table with COLUMNS, largest gap first; empty when it was never computed."""
    if not file.is_file():
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.read_csv(file).astype({"level": "Int64"})[list(COLUMNS)]


def write_grading_effect(table: pd.DataFrame, file: Path = GRADING_FILE) -> None:
    """Keep a table that `read_grading_effect` reads."""
    table[list(COLUMNS)].to_csv(file, index=False, float_format="%.4f", lineterminator="\n")
