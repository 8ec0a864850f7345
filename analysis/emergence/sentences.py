"""What may be said about emergence, in plain English. Words only: every number comes from
analysis.emergence.studying.
"""

from __future__ import annotations

import math

from analysis.emergence.loss_threshold import LossThreshold
from analysis.emergence.studying import Emergence, Mirage

METRIC_NAMES = {
    "accuracy": "accuracy (exact match)",
    "answer_logprob": "answer log-probability",
    "token_accuracy": "per-token accuracy",
    "acc": "acc",
    "ppl": "minus log perplexity",
    "word_perplexity": "minus log word perplexity",
    "byte_perplexity": "minus log byte perplexity",
    "bits_per_byte": "minus bits per byte",
}
AXIS_UNITS = {
    "parameters": "parameters",
    "FLOPs": "training FLOPs",
    "tokens": "training tokens",
    "step": "steps",
    "loss": "nats of loss",
}
SHAPES = {
    "sharp": "changes sharply",
    "smooth": "changes smoothly",
    "flat": "does not change",
    "undecided": "has no clear shape",
}
_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def metric_name(metric: str) -> str:
    """A metric as sentences say it."""
    return METRIC_NAMES.get(metric, metric)


def scale_words(scale: float, axis: str) -> str:
    """A place on the axis: short sizes, powers for FLOPs, plain steps and losses.

    >>> scale_words(1.4e9, "parameters"), scale_words(7.36e11, "FLOPs"), scale_words(0.6973, "loss")
    ('1.4B', '7.4e11', '0.70')
    """
    if not math.isfinite(scale):
        return "–"
    if axis == "FLOPs":
        return f"{scale:.1e}".replace("e+", "e").replace("e0", "e")
    if axis == "loss":
        return f"{scale:.2f}"
    if axis == "step":
        return f"{scale:,.0f}"
    for size, suffix in _SUFFIXES:
        if scale >= 0.9995 * size:
            return f"{scale / size:.3g}{suffix}"
    return f"{scale:.3g}"


def score_words(score: float, *, is_share: bool) -> str:
    """A score: percent for shares, else two decimals with a real minus sign."""
    if not math.isfinite(score):
        return "–"
    return f"{100 * score:.1f} %" if is_share else f"{score:.2f}".replace("-", "−")


def headline(found: Emergence, mirage: Mirage | None, *, about: str) -> str:
    """The sentence above the chart: how far the score moves, whether it breaks and where, and whose
    jump that is.

    Args:
        about: what was asked, for instance `find_minimum OOD`.
    """
    series = found.series
    axis = series.wanted.axis
    places = series.points["scale"]
    start, end = (places.max(), places.min()) if axis == "loss" else (places.min(), places.max())
    name = metric_name(series.metric)
    still = f"{raised(name)} on {about} is {_score(found, found.first)} at"
    if series.n_scales == 1:
        return f"{still} {scale_words(start, axis)} {AXIS_UNITS[axis]}: one scale shows no growth."
    if found.shape == "flat":
        return (
            f"{still} every scale: no growth is seen, and growth below the resolution is not"
            " excluded."
        )
    verb = "rises" if found.last > found.first else "falls" if found.last < found.first else "goes"
    moved = (
        f"{raised(name)} on {about} {verb} from {_score(found, found.first)} to"
        f" {_score(found, found.last)} between {scale_words(start, axis)} and"
        f" {scale_words(end, axis)} {AXIS_UNITS[axis]}{_break(found)}"
    )
    return (
        f"{moved}; {verdict(mirage)}."
        if mirage is not None
        else f"{moved}; it {SHAPES[found.shape]} ({found.shape_reason})."
    )


def verdict(mirage: Mirage) -> str:
    """Whose jump it is, with the evidence in brackets."""
    first, second = mirage.discontinuous, mirage.continuous
    name, other = metric_name(first.series.metric), metric_name(second.series.metric)
    if mirage.verdict == "the metric's":
        return (
            f"sharp under {name}, smooth under {other} ({second.shape_reason}): the jump may be the"
            " metric's"
        )
    if mirage.verdict == "not the metric's alone":
        return (
            f"{other} is sharp as well ({second.shape_reason}): the jump is not the metric's alone"
        )
    if mirage.verdict == "reverse":
        return (
            f"{name} is {first.shape} but {other} is sharp ({second.shape_reason}): no jump of the"
            " discontinuous metric to explain"
        )
    if mirage.verdict == "no jump":
        return f"{name} is {first.shape} ({first.shape_reason}): there is no jump to explain"
    unclear = first if first.shape == "undecided" else second
    return (
        f"whether it jumps is not decided under {metric_name(unclear.series.metric)}:"
        f" {unclear.shape_reason}"
    )


def steepness_sentence(mirage: Mirage) -> str:
    """How much steeper the steepest step of one metric is than that of the other, with the interval
    of the difference.
    """
    each = (mirage.discontinuous, mirage.continuous)
    name, other = (metric_name(one.series.metric) for one in each)
    if not all(math.isfinite(one.steepest) for one in each):
        return (
            "Steepest steps are not compared: a metric has fewer than three scales, or ends where"
            " it began."
        )
    said = (
        f"The steepest step of {name} is {each[0].steepest:.1f} times its mean slope, that of"
        f" {other} {each[1].steepest:.1f} times"
    )
    if not math.isfinite(mirage.steeper_by_lo):
        return (
            f"{said}; how sure their difference is cannot be said: the metrics share no points or"
            " tasks, or a score states no error."
        )
    by, lo, hi = (
        f"{value:+.1f}".replace("-", "−")
        for value in (mirage.steeper_by, mirage.steeper_by_lo, mirage.steeper_by_hi)
    )
    return (
        f"{said}; the difference is {by} [{lo}, {hi}], drawn with the same {mirage.pairing} for"
        " both"
    )


def break_sentence(found: Emergence) -> str:
    """What the search for a break says, as one sentence."""
    change, axis = found.change, found.series.wanted.axis
    if math.isnan(change.p):
        return f"No test of a break: {change.reason}."
    at, lo, hi = found.break_scale
    where = (
        f"{scale_words(at, axis)} [{scale_words(lo, axis)}, {scale_words(hi, axis)}]"
        f" {AXIS_UNITS[axis]}"
    )
    if change.p < 0.05:
        return (
            f"Two straight lines fit better than one (p = {change.p:.3f}, search over breaks"
            f" included); they part at {where}."
        )
    return (
        f"One straight line is not rejected (p = {change.p:.2f}); if there is a break, it is best"
        f" put at {where}."
    )


def suddenness_sentence(found: Emergence) -> str:
    """Breakthroughness and linearity with their guard."""
    sudden = found.suddenness
    if sudden.reason is not None:
        return f"Breakthroughness and linearity are undefined: {sudden.reason}."
    interval = "" if math.isnan(sudden.b_lo) else f" [{sudden.b_lo:.1f}, {sudden.b_hi:.1f}]"
    guard = ""
    if sudden.is_noise:
        guard = " The median step is no larger than noise would make it, so B divides by noise; "
        guard += f"with the noise step instead it is {sudden.b_guarded:.1f}."
    line = (
        ""
        if math.isnan(sudden.linearity_lo)
        else f" [{sudden.linearity_lo:.1f}, {sudden.linearity_hi:.1f}]"
    )
    most = f"({sudden.per_step:.2f} of the most possible)"
    return (
        f"Breakthroughness B = {sudden.b:.1f}{interval}, linearity L = {sudden.linearity:.1f}{line}"
        f" {most}.{guard}"
    )


def onset_sentence(found: Emergence) -> str:
    """Wei et al.'s definition, as a rule."""
    axis = found.series.wanted.axis
    if found.onset.scale is None:
        return (
            "By Wei et al.'s definition, made a rule, emergence is not determinable:"
            f" {found.onset.reason}."
        )
    return (
        "By Wei et al.'s definition, made a rule, the ability emerges at"
        f" {scale_words(found.onset.scale, axis)} {AXIS_UNITS[axis]}: absent at all"
        f" {found.onset.n_below} smaller scales, above chance at all {found.onset.n_above} from"
        " there on."
    )


def law_sentence(found: Emergence) -> str:
    """Growth type against the task scaling law."""
    law = found.law
    if law is None:
        return f"No task scaling law: {found.law_reason}."
    fit = f"PU(N) = exp(−{law.c:.3g} · N^−{law.alpha:.3g}) from {law.n_used} scales"
    left = f" ({law.n_dropped} left out near 0 or 1)" if law.n_dropped else ""
    if math.isnan(law.quadratic):
        return f"{fit}{left}; a growth type needs three scales."
    if law.verdict is None:
        return (
            f"{fit}{left}; quadratic term {_signed(law.quadratic)} without an interval, so the"
            " growth type is open."
        )
    words = {
        "super-scaling": "faster than the law (accelerated emergence)",
        "sub-scaling": "slower than the law",
    }
    kind = words.get(law.verdict, "not told apart from the law")
    interval = (
        f"quadratic term {_signed(law.quadratic)}, 95 % [{_signed(law.quadratic_lo)},"
        f" {_signed(law.quadratic_hi)}]"
    )
    return f"Growth is {kind}: {interval}; {fit}{left}."


def threshold_sentence(found: LossThreshold, loss_name: str | None) -> str:
    """Where the hinge of score against loss bends."""
    name = loss_name or "loss"
    if math.isnan(found.eta):
        return f"No threshold of {name}: {found.reason}."
    interval = "" if math.isnan(found.eta_lo) else f" [{found.eta_lo:.2f}, {found.eta_hi:.2f}]"
    limit = f" But {found.reason}." if found.reason else ""
    where = f"{found.n_above} checkpoints lie above it, {found.n_below} below"
    return f"The score starts to rise below {name} {found.eta:.2f}{interval}: {where}.{limit}"


def raised(text: str) -> str:
    """The same with a capital first letter."""
    return text[:1].upper() + text[1:]


def _score(found: Emergence, score: float) -> str:
    return score_words(score, is_share=found.series.is_share)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _break(found: Emergence) -> str:
    if math.isnan(found.change.p) or found.change.p >= 0.05:
        return ""
    axis = found.series.wanted.axis
    at, lo, hi = (scale_words(place, axis) for place in found.break_scale)
    return f" (change point {at} [{lo}, {hi}])"
