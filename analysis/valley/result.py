"""`Valley`: the frozen result of `locating` and `published`, with its plain values for JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from analysis.accuracy import DEFAULT_DENOMINATOR
from analysis.log_odds.constant_gap import ConstantGap
from analysis.log_odds.critical import Constancy, HalfPoint, InteriorPeak, LevelChange
from analysis.log_odds.gap import LogOddsGap
from analysis.scylla import CriticalLevel, critical_level
from analysis.text import plain_value
from analysis.valley.complexity import CriticalComplexity
from analysis.valley.difficulty import LevelAxis
from analysis.valley.level_bootstrap import (
    DEFAULT_RESAMPLES,
    LEVEL_SET_SHARE,
    LevelDraws,
    smallest_set,
)
from analysis.valley.task_gaps import ESTIMATE_COLUMNS
from data.records import Denominator

CURVE_COLUMNS = (
    *(
        "level",
        "level_label",
        "n_tasks",
        *ESTIMATE_COLUMNS,
        "p_critical",
        "in_level_set",
        "n_id",
        "n_ood",
        "n_unparsed",
        "n_error",
    ),
    *("interval", "reason"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a valley is estimated: shown below the chart and kept in the result.

    confidence       level of every interval.
    resamples, seed  of the level bootstrap.
    penalty          weight of the gap in the score S.
    """

    denominator: Denominator = DEFAULT_DENOMINATOR
    confidence: float = 0.95
    resamples: int = DEFAULT_RESAMPLES
    seed: int = 0
    penalty: float = 1.0


DEFAULT_SETTINGS = Settings()
SAMPLES, PUBLISHED = "samples", "published"
"""Source of a valley: counted answers, or level means from a paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeansFit:
    """A constant log-odds gap with a separate difficulty for each level (M3), fitted to published
    level means. This is a description, not a test.

    delta       log-odds gap in logits.
    gaps        fitted gap at each of `levels`; peak_level: the level with the largest.
    worst_miss  largest distance between the published and the fitted gap of a level.
    """

    delta: float
    levels: tuple[int, ...]
    gaps: tuple[float, ...]
    peak_level: int
    worst_miss: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Results in addition to the level means; see Valley for the fields. Only published means lack
    the tests on tasks.
    """

    axis: LevelAxis | None = None
    complexity: CriticalComplexity | None = None
    log_odds: LogOddsGap | None = None
    constancy: Constancy | None = None
    level_change: LevelChange | None = None
    half_point: HalfPoint | None = None
    interior_peak: InteriorPeak | None = None
    means_fit: MeansFit | None = None
    constant_gap: ConstantGap | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Valley(Evidence):
    """The generalization valley of one model.

    source          "samples" (counted answers) or "published" (level means from a paper, with
                    approximate intervals).
    origin          source of published numbers; None for samples.
    curve           one row per level, increasing: CURVE_COLUMNS. Accuracies are unweighted means
                    over the tasks of the level with both splits (`n_tasks`). `gap` is clipped at 0,
                    `gap_signed` is not; gap_lo and gap_hi are the interval of `gap_signed`. `score`
                    is the mean over tasks of S; log_odds_gap is in logits. n_id and n_ood are
                    answers in the denominator (published: number of questions), n_unparsed and
                    n_error are over both splits (published: NaN). Undefined values are NaN (see
                    `reason`). `interval` is the coverage of a_*_lo and a_*_hi: "over tasks" or
                    "item level only".
    tasks           one row per task: TASK_COLUMNS; Wilson intervals, Newcombe for the gap, normal
                    for the log-odds gap.
    critical_level  level with the largest gap; None if no gap is above 0 or fewer than two levels
                    have a gap (see `reason`).
    tied_levels     all levels with the largest gap; `critical_level` is the lowest of them.
    p_critical      by level: share of resamples in which it is the peak; NaN for a level without a
                    gap. These shares and `p_none` (no gap above 0) sum to 1.
    level_set       fewest levels that together are the peak in at least `level_set_share` of the
                    resamples; `none_in_set`: "no critical level" is in the set.
    axis            positions of the levels: difficulties from all models, or level numbers.
    complexity      where the gap peaks, interpolated between the levels (complexity.py); None
                    without an interval.
    log_odds        mean log-odds gap over tasks. This and the next four are None if only level
                    means are known.
    constancy       does the log-odds gap change along the axis?
    level_change    do the levels differ in their log-odds gap in any way?
    half_point      position on the axis where the mean of the ID and OOD logits crosses 0, so half
                    the answers are right. Under a constant log-odds gap the probability gap is
                    largest there.
    interior_peak   is the gap at an inner level larger than at both end levels?
    means_fit       published level means only: a constant log-odds gap fitted to them; otherwise
                    None.
    constant_gap    results under a constant log-odds gap on the same tasks. Simulated only if a
                    test rejects a constant log-odds gap, to see how often it does so under one
                    (near 0 % and 100 % there is little room for a gap). Otherwise None.
    warnings        sentences for the reader.
    """

    model: str
    source: str
    origin: str | None
    settings: Settings
    curve: pd.DataFrame
    tasks: pd.DataFrame
    critical_level: int | None
    critical_label: str | None
    tied_levels: tuple[int, ...]
    reason: str | None
    p_critical: pd.Series[float]
    p_none: float
    level_set: tuple[int, ...]
    none_in_set: bool
    level_set_share: float
    warnings: tuple[str, ...]

    @property
    def is_tie(self) -> bool:
        """More than one level has the largest gap."""
        return len(self.tied_levels) > 1

    def label(self, level: int) -> str:
        """Name of a level, as shown to the reader."""
        found = self.curve.loc[self.curve["level"] == level, "level_label"]
        return str(found.iloc[0]) if len(found) else f"level {level}"

    def as_record(self) -> dict[str, Any]:
        """The result as plain values for JSON: undefined numbers are None."""
        return {
            "model": self.model,
            "source": self.source,
            "origin": self.origin,
            "critical_level": self.critical_level,
            "critical_level_label": self.critical_label,
            "tied_levels": list(self.tied_levels),
            "is_tie": self.is_tie,
            "reason": self.reason,
            "p_critical": {str(level): plain_value(p) for level, p in self.p_critical.items()},
            "p_none": plain_value(self.p_none),
            "level_set": list(self.level_set),
            "level_set_share": self.level_set_share,
            "none_in_set": self.none_in_set,
            "denominator": self.settings.denominator.value if self.source == SAMPLES else None,
            "confidence": self.settings.confidence,
            "resamples": self.settings.resamples,
            "seed": self.settings.seed,
            "log_odds_gap": plain_value(self.log_odds),
            "axis": plain_value(self.axis),
            "critical_complexity": plain_value(self.complexity),
            "constancy": plain_value(self.constancy),
            "level_change": plain_value(self.level_change),
            "half_point": plain_value(self.half_point),
            "interior_peak": plain_value(self.interior_peak),
            "means_fit": plain_value(self.means_fit),
            "constant_penalty": plain_value(self.constant_gap),
            "levels": plain_value(self.curve),
            "tasks": plain_value(self.tasks),
            "warnings": list(self.warnings),
        }


def assemble_valley(
    model: str,
    settings: Settings,
    *,
    curve: pd.DataFrame,
    tasks: pd.DataFrame,
    draws: LevelDraws | None,
    evidence: Evidence,
    warnings: tuple[str, ...],
    origin: str | None = None,
) -> Valley:
    """Find the critical level of a curve and its uncertainty, and assemble the result.

    Args:
        curve: CURVE_COLUMNS without gap_lo, gap_hi, p_critical and in_level_set, which are set
            here.
        draws: resampled gaps of the levels that have a gap; None if there are none to resample.
        evidence: results in addition to the level means.
        origin: source of published numbers; None for counted samples.
    """
    curve = curve.assign(gap_lo=math.nan, gap_hi=math.nan, p_critical=math.nan, in_level_set=False)
    n_gaps = int(curve["gap"].notna().sum())
    critical = critical_level(curve["level"], curve["gap"])
    if n_gaps == 1:
        critical = CriticalLevel(
            level=None,
            tied=(),
            reason="only one level has both ID and OOD answers; a peak needs at least two",
        )
    level_set: tuple[int, ...] = ()
    none_in_set, p_none = False, math.nan
    if draws is not None:
        at = curve["level"].isin(draws.levels)
        lo, hi = draws.interval(settings.confidence)
        # Redrawn accuracies are shrunk towards one half, so with few answers the estimate may lie
        # outside the percentiles.
        curve.loc[at, "gap_lo"] = np.fmin(lo, curve.loc[at, "gap_signed"])
        curve.loc[at, "gap_hi"] = np.fmax(hi, curve.loc[at, "gap_signed"])
        if n_gaps > 1:
            p, p_none = draws.p_critical()
            curve.loc[at, "p_critical"] = p
            positions, none_in_set = smallest_set(p, p_none)
            level_set = tuple(draws.levels[i] for i in positions)
            curve["in_level_set"] = curve["level"].isin(level_set)
    labels = dict(zip(curve["level"], curve["level_label"], strict=True))
    return Valley(
        model=model,
        source=SAMPLES if origin is None else PUBLISHED,
        origin=origin,
        settings=settings,
        curve=curve[list(CURVE_COLUMNS)],
        tasks=tasks,
        critical_level=critical.level,
        critical_label=None if critical.level is None else str(labels[critical.level]),
        tied_levels=critical.tied,
        reason=critical.reason,
        p_critical=curve.set_index("level")["p_critical"],
        p_none=p_none,
        level_set=level_set,
        none_in_set=none_in_set,
        level_set_share=LEVEL_SET_SHARE,
        **{one.name: getattr(evidence, one.name) for one in fields(Evidence)},
        warnings=warnings,
    )
