"""What would exact match be with longer or shorter answers? Token probability inferred from exact
match, and exact match from it again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.what_if.aggregation import cell_means
from analysis.what_if.metrics import token_chain, token_probability
from analysis.what_if.scoring import SPLITS, Cells
from data.records import Denominator

REASON_ZERO = "none right: the token probability is known to be below a bound only"
REASON_LENGTH = "no reference is stored, so its length is unknown"


def target_length_table(
    cells: Cells, length: float, *, denominator: Denominator = Denominator.UNPARSED_IS_WRONG
) -> pd.DataFrame:
    """Infer p = y^(1/L) for every model, level and split, and redraw exact match and edit distance
    at another length (METHODS C3).

    Args:
        cells: with exact match. length: L' in tokens, > 0.

    Returns:
        model, level, level_label, split, n, tokens (L, mean length of the references), accuracy (y,
        mean over tasks), p, p_bound (95 % upper bound where y is 0), accuracy_at (p^L'),
        accuracy_at_bound, distance_at (L' (1 - p), tokens), reason.

    Assumes that tokens are right or wrong independently and equally likely; a level's mean y and
    mean L stand for its tasks. Source: arXiv 2304.15004, sec. 2.
    """
    place = cells.place("exact_match")
    means = cell_means(cells, [place], [denominator])[0, 0]
    n = cells.n[place, 0 if denominator is Denominator.UNPARSED_IS_WRONG else 1]
    rows = []
    for m, model in enumerate(cells.models):
        for level, label in cells.level_labels.items():
            units = cells.levels == level
            for s, split in enumerate(SPLITS):
                y, answers, tokens = means[m, units, s], n[m, units, s], cells.tokens[m, units, s]
                if np.isnan(y).all():
                    continue
                known = tokens[~np.isnan(tokens)]
                rows.append(
                    {
                        "model": model,
                        "level": level,
                        "level_label": label,
                        "split": split,
                        "n": int(answers.sum()),
                        "tokens": float(known.mean()) if len(known) else np.nan,
                        "accuracy": float(np.nanmean(y)),
                    }
                )
    names = ["model", "level", "level_label", "split", "n", "tokens", "accuracy"]
    frame = pd.DataFrame(rows, columns=names)
    numbers = frame[["accuracy", "tokens", "n"]].astype(float)
    p, bound = token_probability(numbers["accuracy"], numbers["tokens"], numbers["n"])
    at, at_bound = token_chain(p, length), token_chain(bound, length)
    reasons = pd.Series(None, index=frame.index, dtype=object)
    reasons[numbers["accuracy"] == 0] = REASON_ZERO
    reasons[numbers["tokens"].isna()] = REASON_LENGTH
    return frame.assign(
        p=p,
        p_bound=bound,
        accuracy_at=at.exact_match,
        accuracy_at_bound=at_bound.exact_match,
        distance_at=at.token_edit_distance,
        reason=reasons,
    )
