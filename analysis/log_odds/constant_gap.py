"""Simulate a constant log-odds gap on the tasks of one model and repeat the whole analysis.

A constant log-odds gap produces a hump in the probability gap, highest where half the answers are
right (METHODS B1). A peak is therefore compared with the peaks of a constant log-odds gap on the
same levels, tasks and numbers of answers before it is read as a special level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from analysis.arrays import Floats
from analysis.log_odds.critical import Constancy, LevelChange
from analysis.log_odds.gap import LogOddsGap, log_odds_gap
from analysis.log_odds.task_curves import CurveComparison, compare_curves
from analysis.log_odds.tau2 import between_task_variance, weighted_line

DEFAULT_REPLICATES = 1000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConstantGapSetting:
    """A constant log-odds gap and the tasks it is applied to.

    delta         log-odds gap, the same at every level.
    level_logits  mean logit of each level.
    tau2, nu2     variances of u and v (see analysis.log_odds.task_curves).
    level         index of each task's level, from 0.
    x             position of each task's level on the axis.
    n_id, n_ood   answers of each task.
    """

    delta: float
    level_logits: Floats
    tau2: float
    nu2: float
    level: NDArray[np.int64]
    x: Floats
    n_id: Floats
    n_ood: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConstantGap:
    """Results under a constant log-odds gap, from simulated repeats of the whole analysis
    (parametric bootstrap).

    delta            the simulated log-odds gap, in logits.
    gap, gap_lo, gap_hi  by level: mean and interval of the level gap.
    p_critical       by level: share of repeats in which it has the largest gap.
    p_none           share of repeats in which no level has a gap above 0.
    p_height         share of repeats whose largest gap is at least as large as the observed one.
    p_shape          share of repeats whose level gaps are at least as far from `gap` as the
                     observed ones (sum of squared z).
    p_levels         the same for the F of the level means (`level_change_test`). NaN where a level
                     has one task only.
    p_slope          share of repeats whose slope over the axis is at least as strong as the
                     observed one (|t|): the constancy test, calibrated on these tasks. NaN without
                     a slope.
    delta_bias       mean estimate minus delta.
    delta_coverage   share of intervals of the mean log-odds gap that include delta.
    half_point_coverage  share of Fieller intervals that include the position where the level logits
                     cross 0; NaN if they do not cross 0.
    """

    delta: float
    gap: Floats
    gap_lo: Floats
    gap_hi: Floats
    p_critical: Floats
    p_none: float
    p_height: float
    p_shape: float
    p_slope: float
    p_levels: float
    delta_bias: float
    delta_coverage: float
    half_point_coverage: float
    replicates: int
    confidence: float


def draw_constant_gap(
    setting: ConstantGapSetting,
    level_gaps: Floats,
    *,
    slope_t: float,
    level_f: float = math.nan,
    confidence: float = 0.95,
    half_point_confidence: float = 0.90,
    replicates: int = DEFAULT_REPLICATES,
    seed: int = 0,
) -> ConstantGap:
    """Simulate a constant log-odds gap and refit the mean log-odds gap, the slope, the half point
    and the level gaps.

    Args:
        setting: the log-odds gap and the tasks, at least three.
        level_gaps: observed signed level gaps.
        slope_t: observed slope over its standard error; NaN if there is no slope.
        level_f: observed F of `level_change_test`; NaN if there is no test.
    """
    k_id, k_ood = _draw(setting, replicates, seed)
    levels = np.eye(len(setting.level_logits))[setting.level]
    gaps = (k_id / setting.n_id - k_ood / setting.n_ood) @ levels / levels.sum(axis=0)
    d, v = log_odds_gap(k_id, setting.n_id, k_ood, setting.n_ood)
    n_tasks = len(setting.level)
    mean, mean_cov = _refit(d, v, np.ones((n_tasks, 1)))
    half_width = stats.t.isf((1 - confidence) / 2, n_tasks - 1) * np.sqrt(mean_cov[:, 0, 0])
    peak, spread = gaps.max(axis=1), gaps.std(axis=0, ddof=1)
    centre = gaps.mean(axis=0)
    distance = (((gaps - centre) / spread) ** 2).sum(axis=1)
    seen_distance = float((((level_gaps - centre) / spread) ** 2).sum())
    tail = (1 - confidence) / 2
    return ConstantGap(
        delta=setting.delta,
        gap=centre,
        gap_lo=np.quantile(gaps, tail, axis=0),
        gap_hi=np.quantile(gaps, 1 - tail, axis=0),
        p_critical=np.bincount(gaps.argmax(axis=1)[peak > 0], minlength=levels.shape[1])
        / replicates,
        p_none=float((peak <= 0).mean()),
        p_height=_p(peak, float(level_gaps.max())),
        p_shape=_p(distance, seen_distance),
        p_slope=_slope_p(d, v, setting.x, slope_t),
        p_levels=_levels_p(d, v, levels, level_f),
        delta_bias=float(mean[:, 0].mean() - setting.delta),
        delta_coverage=float((np.abs(mean[:, 0] - setting.delta) <= half_width).mean()),
        half_point_coverage=_half_point_coverage(setting, k_id, k_ood, half_point_confidence),
        replicates=replicates,
        confidence=confidence,
    )


def constant_gap_of_tasks(
    tasks: pd.DataFrame,
    x: Floats,
    mean: LogOddsGap,
    line: Constancy,
    change: LevelChange,
    *,
    confidence: float,
    seed: int = 0,
    curves: CurveComparison | None = None,
) -> tuple[ConstantGap | None, str | None]:
    """Simulate the estimated log-odds gap as a constant on the tasks of one model, with their
    estimated spread.

    delta is the random-effects mean; nu2 is half its between-task variance; the level logits and
    tau2 are those of M3 (analysis.log_odds.task_curves).

    Args:
        tasks: rows with a log-odds gap: level, n_correct_id, n_id, n_correct_ood, n_ood,
            gap_signed.
        x: positions of the tasks on the axis.
        mean, line, change: results of `combine_tasks`, `constancy_test` and `level_change_test` for
            these tasks.
        curves: the accounts of these tasks, if they have been fitted already.

    Returns:
        a ConstantGap, or None and the reason.

    Source: METHODS B3 step 10.
    """
    level = tasks["level"].to_numpy(dtype=int)
    k_id, n_id, k_ood, n_ood = (
        tasks[name].to_numpy(dtype=float)
        for name in ("n_correct_id", "n_id", "n_correct_ood", "n_ood")
    )
    curves = curves or compare_curves(level, x, k_id, n_id, k_ood, n_ood, names=("M3",))
    free = curves.named("M3")
    if mean.reason is not None or free is None:
        return None, curves.reason or mean.reason
    place = np.unique(level, return_inverse=True)[1]
    setting = ConstantGapSetting(
        delta=mean.delta,
        level_logits=curves.m3_levels,
        tau2=free.task_sd**2,
        nu2=mean.tau2 / 2,
        level=place,
        x=x,
        n_id=n_id,
        n_ood=n_ood,
    )
    level_gaps = np.bincount(
        place, weights=tasks["gap_signed"].to_numpy(dtype=float)
    ) / np.bincount(place)
    slope_t = line.slope / line.slope_se if line.reason is None else math.nan
    return (
        draw_constant_gap(
            setting, level_gaps, slope_t=slope_t, level_f=change.f, confidence=confidence, seed=seed
        ),
        None,
    )


def _draw(setting: ConstantGapSetting, replicates: int, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    shape = (replicates, len(setting.level))
    centre = setting.level_logits[setting.level] + rng.normal(0.0, math.sqrt(setting.tau2), shape)
    k_id, k_ood = (
        rng.binomial(
            n.astype(int),
            expit(centre + side * setting.delta + rng.normal(0.0, math.sqrt(setting.nu2), shape)),
        ).astype(float)
        for n, side in ((setting.n_id, 0.5), (setting.n_ood, -0.5))
    )
    return k_id, k_ood


def _refit(d: Floats, v: Floats, design: Floats) -> tuple[Floats, Floats]:
    tau2 = between_task_variance(d, v, design)
    return weighted_line(d, 1 / (v + tau2[:, None]), design)


def _p(drawn: Floats, seen: float) -> float:
    """Share of draws at least as large as the observed value, which counts as one of them."""
    return float((1 + np.count_nonzero(drawn >= seen - 1e-12)) / (1 + len(drawn)))


def _slope_p(d: Floats, v: Floats, x: Floats, slope_t: float) -> float:
    if math.isnan(slope_t) or np.ptp(x) == 0:
        return math.nan
    coef, covariance = _refit(d, v, np.column_stack([np.ones(len(x)), x]))
    return _p(np.abs(coef[:, 1]) / np.sqrt(covariance[:, 1, 1]), abs(slope_t))


def _levels_p(d: Floats, v: Floats, is_level: Floats, level_f: float) -> float:
    n_tasks, n_levels = is_level.shape
    if math.isnan(level_f) or n_levels < 2 or n_tasks <= n_levels:
        return math.nan
    weights = 1 / (v + between_task_variance(d, v, is_level)[:, None])
    of_level = weights @ is_level
    means = (weights * d) @ is_level / of_level
    within = (weights * (d - means @ is_level.T) ** 2).sum(axis=1) / (n_tasks - n_levels)
    centre = (of_level * means).sum(axis=1, keepdims=True) / of_level.sum(axis=1, keepdims=True)
    between = (of_level * (means - centre) ** 2).sum(axis=1) / (n_levels - 1)
    return _p(between / np.maximum(1.0, within), level_f)


def _half_point_coverage(
    setting: ConstantGapSetting, k_id: Floats, k_ood: Floats, confidence: float
) -> float:
    """Share of Fieller intervals that include x0, where the level logits cross 0.

    Fieller's interval includes x0 exactly if the height of the line at x0 is within t standard
    errors of 0.
    """
    levels, first = np.unique(setting.level, return_index=True)
    heights, positions = setting.level_logits[levels], setting.x[first]
    if len(levels) < 2 or np.ptp(positions) == 0 or len(setting.x) < 3:
        return math.nan
    design = np.column_stack([np.ones(len(setting.x)), setting.x])
    counts = np.bincount(setting.level, minlength=len(setting.level_logits))[levels]
    line = np.polyfit(positions, heights, 1, w=np.sqrt(counts))
    if line[0] == 0:
        return math.nan
    at = np.array([1.0, -line[1] / line[0]])
    logits = [
        np.log((k + 0.5) / (n - k + 0.5)) for k, n in ((k_id, setting.n_id), (k_ood, setting.n_ood))
    ]
    m = (logits[0] + logits[1]) / 2
    inverse = np.linalg.inv(design.T @ design)
    coef = m @ design @ inverse
    s2 = ((m - coef @ design.T) ** 2).sum(axis=1) / (len(setting.x) - 2)
    t = np.abs(coef @ at) / np.sqrt(s2 * float(at @ inverse @ at))
    return float((t <= stats.t.isf((1 - confidence) / 2, len(setting.x) - 2)).mean())
