"""Is an ability emergent, and does a jump come from the model or from the metric? All estimates for
one series (analysis.emergence.scale_series), and the comparison of two.

The rules of the verdict are ours: see shape_of and verdict_of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import chi2

from analysis.arrays import Floats
from analysis.emergence.breakthrough import Onset, Suddenness, onset_by_rule, suddenness
from analysis.emergence.change_point import SURE, ChangePoint, find_change_point
from analysis.emergence.loss_threshold import LossThreshold, fit_loss_threshold
from analysis.emergence.paired_series import difference, draw_together
from analysis.emergence.pass_until import TaskLaw, fit_task_law
from analysis.emergence.scale_series import Series, as_scale, scale_means
from analysis.emergence.scaling_fits import ScalingFit, fit_forms
from analysis.text import number, p_text, percent
from data.records import NotEnoughDataError

SMOOTH_FORMS = ("linear", "power")
"""Forms with one formula over the whole range and no special position."""
GRADUAL = 0.5
"""A logistic form is smooth as well if its rise from 10 % to 90 % takes at least this share of the
observed range.
"""
FITTING = 0.8
"""A curve is smooth only if a smooth form explains this share of its variance, or if the residuals
are no larger than the noise of the points.

With seven scales AICc excludes forms with more parameters, however well they fit. A straight line
can then have the largest weight for a step from 12 % to 98 %, with errors of forty points.
"""
NEAR = 0.02
"""Scales closer together than this share of the range are merged when steps are compared."""
FEWEST_EACH_WAY = 3
"""Pass rates from fewer right (or fewer wrong) answers are left out of the task law, because
ln(-ln PU) is then mostly noise.
"""
NEGLIGIBLE_CHANCE = 0.002
"""A chance level up to this counts as 0: the task law is for tasks with a chance level of 0."""
PAIRINGS = {True: "tasks and instances", False: "tasks"}
PER_TOKEN = ("token_accuracy",)
"""Shares that are not pass rates."""
TEN_TO_NINETY = 2 * math.log(9)
"""Distance between 10 % and 90 % of the height of a logistic curve, in units of its width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergence:
    """All results for one metric over one scale.

    first, last    mean score at the smallest and at the largest scale.
    shape          "sharp", "smooth", "flat" or "undecided", by `shape_of`; shape_reason: the reason
                   in words.
    smooth_weight  total AICc weight of the smooth forms, 0-1; NaN when undefined.
    steepest       slope of the steepest step divided by the slope of a line through both ends: 1 if
                   all steps are equal.
    law            task scaling law of the pass rates, for shares with a chance level of 0; None
                   otherwise (see law_reason).
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
        """The form with the largest weight; None if no form has one."""
        weighed = [fit for fit in self.fits if math.isfinite(fit.weight)]
        return max(weighed, key=lambda fit: fit.weight) if weighed else None

    @property
    def break_scale(self) -> tuple[float, float, float]:
        """The break and its interval in units of the axis, in increasing order of x; NaN without a
        break.
        """
        at, lo, hi = (
            float(as_scale(x, self.series.wanted.axis))
            for x in (self.change.x, self.change.x_lo, self.change.x_hi)
        )
        return at, lo, hi


def study(series: Series, *, chance: float | None = 0.0, hold_out: bool = True) -> Emergence:
    """Compute all results for one series.

    Args:
        series: from analysis.emergence.scale_series.gather; at least one point.
        chance: score of guessing, 0-1; used for shares only. None means unknown: forms are then
            fitted without a floor, and onset and law are undefined.
        hold_out: whether to forecast the largest scale from the smaller ones. This takes half of
            the time and is not needed for a curve that is only compared with another.

    Raises:
        NotEnoughDataError: the series has no point.

    Edge cases: one or two scales, all zero, all one: each undefined part has a reason, and there is
    no error.
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
        spread=float(((y - y.mean()) ** 2).sum()),
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
    """Classify a curve by its forms and its break: shape, reason in words, weight of the smooth
    forms.

    flat       the score is the same at every scale.
    smooth     the smooth forms (linear, power, a logistic rise over half the range or more) have a
               total weight of at least one half, and one of them explains at least FITTING of the
               variance or leaves no more than noise.
    sharp      the other forms have more weight, and one straight line is rejected (p < .05).
    undecided  neither, or too few points for weights.

    Args:
        fits: fitted forms.
        change: result of the search for a break.
        span: observed range of x.
        spread: sum of squared deviations of the scores from their mean; NaN: the quality of the fit
            is not checked.
        noise: squared error that the noise of the points explains (95 %).
    """
    weighed = [fit for fit in fits if math.isfinite(fit.weight)]
    if not weighed:
        reason = fits[0].reason or "too few points for weights"
        return ("flat" if "same at every scale" in reason else "undecided"), reason, math.nan
    gradual = [fit for fit in weighed if _is_smooth(fit, span)]
    smooth = sum(fit.weight for fit in gradual)
    best = max(weighed, key=lambda fit: fit.weight)
    lead = f"{best.form} form, AICc weight {number(best.weight)}"
    if smooth < 0.5:
        return *_break_shape(lead, change), smooth
    together = f"smooth forms weigh {number(smooth)} together"
    left = min(fit.rss for fit in gradual)
    if left > (1 - FITTING) * spread and not left <= noise:
        explained = f"no smooth form explains more than {percent(1 - left / spread)} of the spread"
        return "undecided", f"{together}, but {explained}", smooth
    return "smooth", lead if best in gradual else together, smooth


def _break_shape(lead: str, change: ChangePoint) -> tuple[str, str]:
    if math.isnan(change.p):
        return "undecided", f"{lead}; no test of a break: {change.reason}"
    if change.p < SURE:
        return "sharp", f"{lead}; one straight line is rejected, {p_text(change.p)}"
    return "undecided", f"{lead}, but one straight line is not rejected ({p_text(change.p)})"


def _noise(se: Floats) -> float:
    """Upper bound (95 %) on the squared error from noise alone: mean squared error of the points
    times the chi-square quantile.
    """
    return float(np.mean(se**2) * chi2.isf(0.05, len(se))) if np.isfinite(se).all() else math.nan


def _is_smooth(fit: ScalingFit, span: float) -> bool:
    if fit.form == "logistic":
        return TEN_TO_NINETY * abs(fit.parameters["width"]) >= GRADUAL * span
    return fit.form in SMOOTH_FORMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirage:
    """The same answers under a metric that is discontinuous by construction and under a continuous
    one.

    verdict        "the metric's", "not the metric's alone", "no jump", "reverse" or "undecided".
    steeper_by     difference of `Emergence.steepest` between the discontinuous and the continuous
                   metric on their common points; steeper_by_lo, steeper_by_hi: its 95 % interval.
                   NaN if resampling is impossible, or if the metrics share no points or tasks.
    share_steeper  share of resamples in which steeper_by is above 0.
    pairing        units that are resampled jointly for both metrics: "tasks and instances", "tasks"
                   or None (no resampling).
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
    """Compare the shapes of two metrics of the same runs; see `verdict_of`.

    Args:
        discontinuous, continuous: results for the two metrics.
        correlations: result of data.queries.fetch_metric_correlations for the two metrics; with it,
            resamples are paired by instance as well as by task.
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
        pairing=None if drawn is None else PAIRINGS[drawn.is_paired],
    )


def verdict_of(discontinuous: str, continuous: str) -> str:
    """Does a jump come from the metric, given the shapes under both metrics?

    Sharp and smooth: the metric's. Sharp and sharp: not the metric's alone. Smooth or flat under
    the discontinuous metric: no jump to explain (if the continuous one is sharp: reverse).
    Undecided if the first is undecided, or if it is sharp and the second is flat or undecided.

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
    """Hinge of the score against loss. Shares start at the chance level if it is known, other
    scores at a fitted level.

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
    """(m,): slope of the steepest step in the direction of the whole change, divided by the mean
    slope; NaN without a change or steps.

    Scales closer than NEAR of the range are merged, because slopes between near-ties are noise.
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
    return replace(found, scale=float(as_scale(found.scale, series.wanted.axis)))


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
        # A resample without a right answer gets half an answer: ln(-ln 0) is undefined, and
        # dropping it would bias the others.
        half = np.where(n > 0, 0.5 / np.maximum(n, 1), 1e-4)
        draws = np.clip(draws, half, 1 - half)
    try:
        return fit_task_law(10**places, means, draws), None
    except NotEnoughDataError as error:
        return None, str(error)
