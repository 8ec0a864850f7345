"""How much does a model lose on unseen inputs? The SCYLLA formulas on plain arrays: gap, score S,
critical level, bounds.

Accuracies (analysis.accuracy) or published scores come in; `analysis.valley` puts them together per
model. Source of all formulas: "Quantifying Generalization Complexity for Large Language Models",
arXiv 2410.01769, sections 4.1-4.3, and its code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.arrays import Floats

TIE_TOLERANCE = 1e-12
"""Gaps closer than this are equal: differences of the same two-digit accuracies must tie although
floats differ in the last bit.
"""


def signed_gap(a_id: ArrayLike, a_ood: ArrayLike) -> Floats:
    """A_ID - A_OOD, elementwise, in [-1, 1]. Averages over tasks and intervals use this one:
    clipping biases averages upward.
    """
    return np.asarray(np.asarray(a_id, dtype=float) - np.asarray(a_ood, dtype=float))


def generalization_gap(a_id: ArrayLike, a_ood: ArrayLike) -> Floats:
    """max(0, A_ID - A_OOD), elementwise, in [0, 1]; NaN where an accuracy is undefined. Source: sec
    4.2.

    >>> [round(float(gap), 2) for gap in generalization_gap([0.8, 0.5], [0.5, 0.8])]
    [0.3, 0.0]
    """
    return np.maximum(0.0, signed_gap(a_id, a_ood))


def accuracy_ratio(a_id: ArrayLike, a_ood: ArrayLike) -> Floats:
    """A_OOD / A_ID, elementwise; 1 where A_ID is 0 (the authors' convention, whatever A_OOD is).

    >>> [round(float(ratio), 3) for ratio in accuracy_ratio([0.8, 0.0], [0.5, 0.3])]
    [0.625, 1.0]
    """
    seen, unseen = np.asarray(a_id, dtype=float), np.asarray(a_ood, dtype=float)
    ratio = np.where(seen == 0, 1.0, unseen / np.where(seen == 0, 1.0, seen))
    return np.where(np.isnan(seen) | np.isnan(unseen), np.nan, ratio)


def relative_gap(a_id: ArrayLike, a_ood: ArrayLike) -> Floats:
    """gap / A_ID, elementwise; 1 where A_ID is 0 (the authors' convention: at 0 / 0 the gap is 0
    and the relative gap is 1).

    >>> [round(float(share), 3) for share in relative_gap([0.8, 0.0], [0.5, 0.3])]
    [0.375, 1.0]
    """
    seen, gap = np.asarray(a_id, dtype=float), generalization_gap(a_id, a_ood)
    relative = np.where(seen == 0, 1.0, gap / np.where(seen == 0, 1.0, seen))
    return np.where(np.isnan(gap), np.nan, relative)


def generalization_score(a_id: ArrayLike, a_ood: ArrayLike, *, penalty: float = 1.0) -> Floats:
    """S = A_OOD - penalty * max(0, A_ID - A_OOD), elementwise, in [-1, 1] for penalty 1. Source:
    sec 4.3.

    Take it per task and average over the tasks of a level: the published table agrees with that
    order, not with S of level means.

    >>> [round(float(score), 2) for score in generalization_score([0.8, 0.5], [0.5, 0.8])]
    [0.2, 0.8]
    """
    return np.asarray(a_ood, dtype=float) - penalty * generalization_gap(a_id, a_ood)


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalLevel:
    """The level with the largest gap.

    level   None when there is none (see `reason`).
    tied    all levels that share the largest gap, lowest first; one entry without a tie.
    """

    level: int | None
    tied: tuple[int, ...]
    reason: str | None

    @property
    def is_tie(self) -> bool:
        """More than one level has the largest gap; `level` is the lowest of them."""
        return len(self.tied) > 1


def critical_level(levels: Sequence[int] | ArrayLike, gaps: ArrayLike) -> CriticalLevel:
    """Find the level where the gap is largest.

    Args:
        levels: level numbers, any order.
        gaps: one gap per level, signed or clipped; NaN where undefined (such a level cannot be
            critical).

    Returns:
        a CriticalLevel. Ties: the lowest level, flagged. No gap above 0, or no gap at all: None
            with a reason.

    Source: sec 4.2; the paper is silent on ties and on all-zero gaps, these are our conventions.

    >>> critical_level([1, 2, 3], [0.0, 0.2, 0.1]).level
    2
    """
    numbers, values = np.asarray(levels, dtype=int), np.asarray(gaps, dtype=float)
    defined = ~np.isnan(values)
    if not defined.any():
        return CriticalLevel(
            level=None, tied=(), reason="no level has both an ID and an OOD accuracy"
        )
    largest = float(values[defined].max())
    if largest <= TIE_TOLERANCE:
        return CriticalLevel(level=None, tied=(), reason="no level has a gap above 0")
    tied = tuple(
        sorted(int(level) for level in numbers[defined & (values >= largest - TIE_TOLERANCE)])
    )
    return CriticalLevel(level=tied[0], tied=tied, reason=None)


def gap_bounds(score: ArrayLike, *, penalty: float = 1.0) -> tuple[Floats, Floats]:
    """Bound the gap when only the generalization score is known, elementwise.

    max(0, -S / penalty) <= gap <= (1 - S) / (1 + penalty), from A_OOD = S + penalty * gap >= 0 and
    A_ID = S + (1 + penalty) gap <= 1. Both ends hold for means over tasks too: for the mean of
    clipped gaps always, for the (smaller) gap of means with a penalty up to 1.

    Returns:
        lower and upper ends; NaN where S is undefined or outside what any pair of accuracies can
        give.

    >>> [[round(float(end), 4) for end in ends] for ends in gap_bounds([0.89, -0.087])]
    [[0.0, 0.087], [0.055, 0.5435]]
    """
    s = np.asarray(score, dtype=float)
    feasible = (s >= -penalty) & (s <= 1)
    lower = np.where(
        feasible, np.maximum(0.0, -s / penalty if penalty else 0.0 * s) + 0.0, np.nan
    )  # + 0.0: no −0
    return lower, np.where(feasible, (1 - s) / (1 + penalty), np.nan)


def gap_table(accuracies: pd.DataFrame, *, penalty: float = 1.0) -> pd.DataFrame:
    """Add the SCYLLA measures to a frame with the columns a_id and a_ood (0-1, NaN where
    undefined).

    Returns:
        A new frame: its columns, then gap_signed, gap, ratio, relative_gap, score.
    """
    a_id, a_ood = (
        accuracies["a_id"].to_numpy(dtype=float),
        accuracies["a_ood"].to_numpy(dtype=float),
    )
    return accuracies.assign(
        gap_signed=signed_gap(a_id, a_ood),
        gap=generalization_gap(a_id, a_ood),
        ratio=accuracy_ratio(a_id, a_ood),
        relative_gap=relative_gap(a_id, a_ood),
        score=generalization_score(a_id, a_ood, penalty=penalty),
    )
