"""How sudden is growth? BIG-bench's breakthroughness and linearity with a noise guard, and Wei et
al.'s definition made a rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arrays import Floats
from analysis.text import counted

MIN_SCORES = 3
"""Fewer scores have no inner step to compare the largest with."""
MIN_EACH_SIDE = 2
"""Wei et al.'s rule asks for so many scales on either side: one model alone can be luck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suddenness:
    """Breakthroughness B, linearity L and L / (n - 1), with intervals and the noise guard.

    b, linearity     B may be infinite (the median step is 0); NaN with `reason` when undefined.
    per_step         L / (n - 1), -1 to 1: 1 when all steps are alike and upwards. Our display
                     normalisation.
    *_lo, *_hi       central interval of the resamples; NaN without resamples.
    median_step      root of the median squared step, in the metric's unit: the denominator of B.
    noise_step       what the same denominator would be from noise alone: its 95th percentile over
                     the resamples' errors.
    is_noise         median_step is no larger than noise_step: B then divides by noise and must not
                     be read as suddenness.
    b_guarded        B with the larger of the two as denominator: finite, and small wherever only
                     noise divides.
    """

    b: float
    linearity: float
    per_step: float
    b_lo: float
    b_hi: float
    linearity_lo: float
    linearity_hi: float
    median_step: float
    noise_step: float
    is_noise: bool | None
    b_guarded: float
    n: int
    reason: str | None


def breakthroughness_and_linearity(scores: ArrayLike) -> tuple[Floats, Floats]:
    """Give B and L of score series, along the last axis.

    I = sign(argmax y - argmin y) (max y - min y); B = I / sqrt(median of squared steps), L = I /
    sqrt(mean of squared steps).

    Args:
        scores: shape (..., n), sorted by scale; n >= 3 and no NaN, else NaN.

    Edge cases: a constant series gives 0 for both; a median step of 0 gives +-inf for B; ties of
    the largest or the smallest score take
    the first one. x plays no part: steps between scales are taken as comparable.

    Source: BIG-bench App. B (arXiv 2206.04615); B is equation 1 of arXiv 2304.15004. L's prefactor
    is from memory (METHODS C1).

    >>> b, linearity = breakthroughness_and_linearity([0.0, 0.25, 0.5, 0.75, 1.0])
    >>> float(b), float(linearity)
    (4.0, 4.0)
    """
    y = np.asarray(scores, dtype=float)
    n = y.shape[-1] if y.ndim else 0
    if n < MIN_SCORES:
        undefined = np.full(y.shape[:-1], np.nan)
        return undefined, undefined.copy()
    known = np.isfinite(y).all(axis=-1)
    filled = np.where(known[..., None], y, 0.0)
    rise = np.sign(filled.argmax(-1) - filled.argmin(-1)) * (filled.max(-1) - filled.min(-1))
    squares = np.diff(filled, axis=-1) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        b = np.where(rise == 0, 0.0, rise / np.sqrt(np.median(squares, axis=-1)))
        linearity = np.where(rise == 0, 0.0, rise / np.sqrt(squares.mean(axis=-1)))
    return np.where(known, b, np.nan), np.where(known, linearity, np.nan)


def suddenness(
    scores: ArrayLike, resamples: ArrayLike | None = None, *, confidence: float = 0.95
) -> Suddenness:
    """B and L of one series with bootstrap intervals and the noise guard.

    Args:
        scores: (n,), sorted by scale.
        resamples: (n_resamples, n), the same series drawn anew with its measurement noise; None: no
            intervals, no guard.
        confidence: of the central intervals.

    The guard: the resamples' deviations from the scores are noise; their own median step says how
    large B's denominator gets from noise alone. B is biased upwards wherever most scales are on one
    plateau, and then its denominator is noise. In simulation (256 answers, six scales at 0.05, the
    last at 0.9) the guard flags about 86 % of such series, and none of an even rise from 0.05 to
    0.95.
    """
    y = np.asarray(scores, dtype=float)
    b, linearity = (float(value) for value in breakthroughness_and_linearity(y))
    reason = None
    if len(y) < MIN_SCORES:
        reason = f"{counted(len(y), 'scale')} with a score; breakthroughness needs {MIN_SCORES}"
    elif not np.isfinite(y).all():
        reason = "a score is undefined"
    median_step = float(np.sqrt(np.median(np.diff(y) ** 2))) if reason is None else math.nan
    ends = [math.nan] * 4
    noise_step, is_noise, guarded = math.nan, None, b
    if resamples is not None and reason is None:
        drawn = np.asarray(resamples, dtype=float)
        tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        ends = [
            end
            for values in breakthroughness_and_linearity(drawn)
            for end in _quantiles(values, tails)
        ]
        noise = np.sqrt(np.median(np.diff(drawn - y, axis=-1) ** 2, axis=-1))
        noise_step = float(np.quantile(noise, confidence))
        is_noise = bool(median_step <= noise_step)
        rise = b * median_step if math.isfinite(b) else math.copysign(float(np.ptp(y)), b)
        larger = max(median_step, noise_step)
        guarded = rise / larger if larger > 0 else b
    return Suddenness(
        b=b,
        linearity=linearity,
        per_step=linearity / (len(y) - 1) if reason is None else math.nan,
        b_lo=ends[0],
        b_hi=ends[1],
        linearity_lo=ends[2],
        linearity_hi=ends[3],
        median_step=median_step,
        noise_step=noise_step,
        is_noise=is_noise,
        b_guarded=guarded,
        n=len(y),
        reason=reason,
    )


def _quantiles(values: Floats, tails: Sequence[float]) -> list[float]:
    """Quantiles that are themselves members: between a number and infinity there is no
    interpolation.
    """
    return [float(end) for end in np.quantile(values, tails, method="nearest")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """Where an ability is absent below and present above, by rule. `scale` None: not determinable,
    `reason` says why.
    """

    scale: float | None
    n_below: int
    n_above: int
    reason: str | None


def onset_by_rule(scale: ArrayLike, lo: ArrayLike, hi: ArrayLike, chance: float) -> Onset:
    """Find the smallest scale from which an ability is there, in the sense of Wei et al., made
    operational.

    At scale k every smaller model's interval contains chance (or lies below it), and every model
    from k on has its lower end above chance, with at least two scales on either side.

    Args:
        scale: (n,), any order; models of one scale are judged together.
        lo, hi: (n,), the 95 % interval of each accuracy, 0-1.
        chance: accuracy of guessing, 0-1. At 0 a Wilson interval contains it only when no answer
            was right.

    Source: the words of arXiv 2206.07682 sec 2, which has no formula; the rule is ours (METHODS
    C2).
    """
    x, low, high = (np.asarray(values, dtype=float) for values in (scale, lo, hi))
    known = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
    if not math.isfinite(chance) or known.sum() < len(x):
        return Onset(
            scale=None,
            n_below=0,
            n_above=0,
            reason="an interval, a scale or the chance level is unknown",
        )
    scales = np.unique(x)
    # At chance 0 Wilson's lower end is 0 up to rounding when nothing was right.
    above = np.array([bool((low[x == each] > chance + 1e-12).all()) for each in scales])
    absent = np.array([bool((low[x == each] <= chance + 1e-12).all()) for each in scales])
    places = [k for k in range(1, len(scales)) if absent[:k].all() and above[k:].all()]
    if not places:
        return Onset(scale=None, n_below=0, n_above=0, reason=_why_no_onset(absent, above))
    (place,) = places
    if min(place, len(scales) - place) < MIN_EACH_SIDE:
        few = (
            f"only {counted(place, 'scale')} below and {len(scales) - place} above; {MIN_EACH_SIDE}"
            " are needed on either side"
        )
        return Onset(scale=None, n_below=place, n_above=len(scales) - place, reason=few)
    return Onset(
        scale=float(scales[place]), n_below=place, n_above=len(scales) - place, reason=None
    )


def _why_no_onset(absent: NDArray[np.bool_], above: NDArray[np.bool_]) -> str:
    if above.all():
        return "every scale is above chance already"
    if absent.all():
        return "no scale is above chance"
    return "scales above chance and at chance alternate"
