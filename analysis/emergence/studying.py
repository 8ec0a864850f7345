"""Is an ability emergent, and is the jump the model's or the metric's? Everything that is computed
of one series, and of two side by side.

A series (analysis.emergence.scale_series) comes in; its numbers and a verdict in words go to the
page and the shell. The rules of the verdict are ours and stand here: shape_of and verdict_of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from analysis.emergence.breakthrough import Onset, Suddenness, onset_by_rule, suddenness
from analysis.emergence.change_point import SURE, ChangePoint, find_change_point
from analysis.emergence.loss_threshold import LossThreshold, fit_loss_threshold
from analysis.emergence.paired_series import difference, draw_together
from analysis.emergence.pass_until import TaskLaw, fit_task_law
from analysis.emergence.scale_series import Series, as_scale, scale_means
from analysis.emergence.scaling_fits import ScalingFit, fit_forms
from analysis.text import number, p_text, percent
from data.records import NotEnoughDataError

Floats = NDArray[np.float64]

SMOOTH_FORMS = ("linear", "power")
"""One formula over the whole range, with no place where anything happens."""
GRADUAL = 0.5
"""A logistic form whose rise from 10 % to 90 % takes at least this share of the range seen is
smooth as well.
"""
FITTING = 0.8
"""A curve is called smooth only if a smooth form explains this share of its spread, or misses it by
no more than the points' own noise.

With seven scales AICc forbids the forms of more parameters whatever they explain: a straight line
then weighs most through a step from 12 % to 98 % that it misses by forty points.
"""
NEAR = 0.02
"""Scales nearer to each other than this share of the range are taken together when steps are
compared.
"""
FEWEST_EACH_WAY = 3
"""A pass rate on fewer right (or fewer wrong) answers is left out of the task law: ln(-ln PU) is
noise there.
"""
NEGLIGIBLE_CHANCE = 0.002
"""Guessing so rarely right counts as never: the task law is for tasks where a random baseline
scores 0.
"""
PER_TOKEN = ("token_accuracy",)
"""Shares that are no pass rates."""
TEN_TO_NINETY = 2 * math.log(9)
"""Widths of a logistic curve between 10 % and 90 % of its height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergence:
    """One metric over one scale, read in every way.

    first, last    mean score at the smallest and at the largest scale.
    shape          "sharp" | "smooth" | "flat" | "undecided", by `shape_of`; shape_reason says why
                   in words.
    smooth_weight  AICc weight of the smooth forms together, 0-1; NaN when undefined.
    steepest       slope of the steepest step over the slope of a straight line through both ends: 1
                   when all steps are alike.
    law            task scaling law of the pass rates, for shares above a chance of 0; None with
                   law_reason.
    """

    series: Series
    chance: float
    first: float
    last: float
    suddenness: Suddenness
    onset: Onset
    fits: tuple[ScalingFit, ...]
    change: ChangePoint
    shape: str
    shape_reason: str
    smooth_weight: float
    steepest: float
    steepest_lo: float
    steepest_hi: float
    law: TaskLaw | None
    law_reason: str | None

    @property
    def best(self) -> ScalingFit | None:
        """The form with the largest weight; None when no form has one."""
        weighed = [fit for fit in self.fits if math.isfinite(fit.weight)]
        return max(weighed, key=lambda fit: fit.weight) if weighed else None

    @property
    def break_scale(self) -> tuple[float, float, float]:
        """The break and the ends of its interval as they stand on the axis, in rising order of x;
        NaN without a break.
        """
        at, lo, hi = (
            float(as_scale(x, self.series.wanted.axis))
            for x in (self.change.x, self.change.x_lo, self.change.x_hi)
        )
        return at, lo, hi


def study(series: Series, *, chance: float | None = 0.0, hold_out: bool = True) -> Emergence:
    """Compute everything about one series.

    Args:
        series: from analysis.emergence.scale_series.gather; at least one point.
        chance: score of guessing, 0-1; used for shares only. None: not known, so forms are fitted
            without a floor, and onset and law
            are undefined.
        hold_out: whether to forecast the largest scale from the smaller ones, half of the time; a
            curve that another is only held against needs no forecast.

    Raises:
        NotEnoughDataError: no point at all.

    Edge cases: one or two scales, all zero, all one: every part says itself why it is undefined,
    nothing raises.
    """
    if not len(series.points):
        why = f": {'; '.join(series.notes)}" if series.notes else ""
        raise NotEnoughDataError(f"No run has {series.metric} over {series.wanted.axis}{why}.")
    points = series.points
    x, y = points["x"].to_numpy(dtype=float), points["y"].to_numpy(dtype=float)
    places, means, mean_draws = scale_means(series)
    floor = chance if series.is_share else None
    fits = fit_forms(x, y, floor=floor, resamples=series.draws, hold_out=hold_out)
    change = find_change_point(x, y)
    shape, reason, smooth = shape_of(
        fits,
        change,
        float(np.ptp(x)),
        spread=_squares(y),
        noise=_noise(points["se"].to_numpy(dtype=float)),
    )
    steepest = _steepest(places, means[None])[0]
    spread = _steepest(places, mean_draws) if mean_draws is not None else np.array([np.nan])
    law, law_reason = _law(series, chance)
    return Emergence(
        series=series,
        chance=chance if series.is_share and chance is not None else math.nan,
        first=float(means[0]),
        last=float(means[-1]),
        suddenness=suddenness(means, mean_draws),
        onset=_onset(series, chance),
        fits=fits,
        change=change,
        shape=shape,
        shape_reason=reason,
        smooth_weight=smooth,
        steepest=float(steepest),
        steepest_lo=float(np.nanquantile(spread, 0.025)) if np.isfinite(spread).any() else math.nan,
        steepest_hi=float(np.nanquantile(spread, 0.975)) if np.isfinite(spread).any() else math.nan,
        law=law,
        law_reason=law_reason,
    )


def shape_of(
    fits: Sequence[ScalingFit],
    change: ChangePoint,
    span: float,
    *,
    spread: float = math.nan,
    noise: float = math.nan,
) -> tuple[str, str, float]:
    """Judge a curve by its forms and its break: shape, the reason in words, weight of the smooth
    forms.

    flat       the score is the same at every scale.
    smooth     the smooth forms (linear, power, a logistic rise over half the range or more) weigh
               at least one half together, and one of them explains at least FITTING of the spread
               or leaves no more than noise.
    sharp      the others weigh more, and one straight line is rejected (p < .05).
    undecided  neither, or too few points for weights.

    Args:
        span: range of x seen.
        spread: squared deviations of the scores from their mean, summed; noise: squared error that
            their own noise explains (95 %).
            NaN: fit is not looked at.
    """
    weighed = [fit for fit in fits if math.isfinite(fit.weight)]
    if not weighed:
        reason = fits[0].reason or "too few points for weights"
        return ("flat" if "same at every scale" in reason else "undecided"), reason, math.nan
    smooth = sum(fit.weight for fit in weighed if _is_smooth(fit, span))
    best = max(weighed, key=lambda fit: fit.weight)
    said = f"{best.form} form, AICc weight {number(best.weight)}"
    if smooth >= 0.5:
        left = min(fit.rss for fit in weighed if _is_smooth(fit, span))
        if left > (1 - FITTING) * spread and not left <= noise:
            explained = (
                f"but no smooth form explains more than {percent(1 - left / spread)} of the spread"
            )
            return "undecided", f"smooth forms weigh {number(smooth)} together, {explained}", smooth
        return (
            "smooth",
            said if _is_smooth(best, span) else f"smooth forms weigh {number(smooth)} together",
            smooth,
        )
    if math.isnan(change.p):
        return "undecided", f"{said}; no test of a break: {change.reason}", smooth
    if change.p < SURE:
        return "sharp", f"{said}; one straight line is rejected, {p_text(change.p)}", smooth
    return (
        "undecided",
        f"{said}, but one straight line is not rejected ({p_text(change.p)})",
        smooth,
    )


def _squares(y: Floats) -> float:
    return float(((y - y.mean()) ** 2).sum())


def _noise(se: Floats) -> float:
    """Squared error that noise alone stays below in 95 % of cases: mean squared error of the points
    times the chi-square quantile.
    """
    return float(np.mean(se**2) * chi2.isf(0.05, len(se))) if np.isfinite(se).all() else math.nan


def _is_smooth(fit: ScalingFit, span: float) -> bool:
    if fit.form == "logistic":
        return TEN_TO_NINETY * abs(fit.parameters["width"]) >= GRADUAL * span
    return fit.form in SMOOTH_FORMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirage:
    """The same answers under a metric that jumps by construction and under one that does not.

    verdict        "the metric's" | "not the metric's alone" | "no jump" | "reverse" | "undecided";
                   sentence says it in words.
    steeper_by     how many times its mean slope the steepest step of the discontinuous metric is,
                   less the same of the continuous one, with its 95 % interval steeper_by_lo,
                   steeper_by_hi; share_steeper: share of resamples in which it is above 0. On the
                   points that both metrics have. NaN where nothing can be drawn, or the metrics
                   share no points or tasks.
    pairing        what both metrics are drawn anew with: "tasks and instances" | "tasks" | None
                   (not drawn).
    """

    discontinuous: Emergence
    continuous: Emergence
    verdict: str
    share_steeper: float
    steeper_by: float
    steeper_by_lo: float
    steeper_by_hi: float
    pairing: str | None


def compare_metrics(
    discontinuous: Emergence, continuous: Emergence, correlations: pd.DataFrame | None = None
) -> Mirage:
    """Hold the shapes of two metrics of the same runs against each other; see `verdict_of`.

    Args:
        correlations: data.queries.fetch_metric_correlations of the two: resamples are then paired
            by instance as well as by task.
    """
    drawn = draw_together(discontinuous.series, continuous.series, correlations)
    by, lo, hi, share = difference(drawn, _steepest) if drawn is not None else (math.nan,) * 4
    return Mirage(
        discontinuous=discontinuous,
        continuous=continuous,
        verdict=verdict_of(discontinuous.shape, continuous.shape),
        share_steeper=share,
        steeper_by=by,
        steeper_by_lo=lo,
        steeper_by_hi=hi,
        pairing=None if drawn is None else "tasks and instances" if drawn.is_paired else "tasks",
    )


def verdict_of(discontinuous: str, continuous: str) -> str:
    """Whose jump is it, given two shapes?

    Sharp and smooth: the metric's. Sharp and sharp: not the metric's alone. Smooth or flat under
    the discontinuous metric: no jump to explain (unless the continuous one is sharp: reverse).
    Undecided where the first is, or where it is sharp and the second tells nothing.

    Source: the argument of arXiv 2304.15004 sec 2-3; the rule is ours.
    """
    if discontinuous == "undecided" or (
        discontinuous == "sharp" and continuous not in ("sharp", "smooth")
    ):
        return "undecided"
    if discontinuous == "sharp":
        return "not the metric's alone" if continuous == "sharp" else "the metric's"
    return "reverse" if continuous == "sharp" else "no jump"


def threshold_of(series: Series, *, chance: float | None = 0.0) -> LossThreshold:
    """Hinge of the score against loss: shares run up from chance where it is known, other scores
    from a fitted level.

    `series` has the axis "loss".

    Raises:
        NotEnoughDataError: another axis, or too few points.
    """
    if series.wanted.axis != "loss":
        raise NotEnoughDataError(
            f"A loss threshold needs scores over loss; these stand over {series.wanted.axis}."
        )
    points = series.points
    return fit_loss_threshold(
        points["scale"], points["y"], base=chance if series.is_share else None
    )


def _steepest(places: Floats, means: Floats) -> Floats:
    """(m,): slope of the steepest step in the direction of the whole change, over the mean slope;
    NaN without change or steps.

    Scales nearer than NEAR of the range are one step's end: between near-ties a slope is noise over
    nothing.
    """
    cuts = [0]
    for place in range(1, len(places)):
        if places[place] - places[cuts[-1]] > NEAR * (places[-1] - places[0]):
            cuts.append(place)
    if len(cuts) < 3:
        return np.full(len(means), np.nan)
    size = np.diff([*cuts, len(places)])
    x = np.add.reduceat(places, cuts) / size
    y = np.add.reduceat(means, cuts, axis=1) / size
    slopes = np.diff(y, axis=1) / np.diff(x)
    whole = (y[:, -1] - y[:, 0]) / (x[-1] - x[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(
            whole != 0, (slopes * np.sign(whole)[:, None]).max(axis=1) / np.abs(whole), np.nan
        )
    return np.asarray(ratio)


def _onset(series: Series, chance: float | None) -> Onset:
    if not series.is_share:
        return Onset(scale=None, n_below=0, n_above=0, reason="the metric has no chance level")
    points = series.points
    found = onset_by_rule(
        points["x"], points["lo"], points["hi"], math.nan if chance is None else chance
    )
    if found.scale is None:
        return found
    axis_scale = float(as_scale(found.scale, series.wanted.axis))
    return Onset(scale=axis_scale, n_below=found.n_below, n_above=found.n_above, reason=None)


def _law(series: Series, chance: float | None) -> tuple[TaskLaw | None, str | None]:
    if not series.is_share or series.metric in PER_TOKEN:
        return None, "the metric is no pass rate"
    if chance is None:
        return None, "the chance level is not known; the law is for tasks where it is 0"
    if chance > NEGLIGIBLE_CHANCE:
        return None, "guessing passes some answers; the law is for tasks where chance is 0"
    if series.wanted.axis == "loss":
        return None, "the law is over a scale that grows, not over loss"
    places, means, draws = scale_means(series)
    n = series.points.groupby("x")["n"].sum().to_numpy(dtype=float)
    too_few = (n > 0) & (np.minimum(means, 1 - means) * n < FEWEST_EACH_WAY)
    means = np.where(too_few, np.nan, means)
    if draws is not None:
        # A resample without a right answer stands for half an answer: ln(-ln 0) has no value, and
        # dropping it would bias the rest.
        half = np.where(n > 0, 0.5 / np.maximum(n, 1), 1e-4)
        draws = np.clip(draws, half, 1 - half)
    try:
        return fit_task_law(10**places, means, draws), None
    except NotEnoughDataError as error:
        return None, str(error)
