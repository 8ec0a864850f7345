"""Sentences about emergence. All numbers come from analysis.emergence.studying."""

from __future__ import annotations

import math
from functools import partial

from analysis.emergence.loss_threshold import LossThreshold
from analysis.emergence.studying import Emergence, Mirage
from analysis.text import (
    capitalised,
    interval,
    number,
    p_text,
    percent,
    short_count,
    signed,
    significant,
    whole,
    with_interval,
)

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


def metric_name(metric: str) -> str:
    """The name of a metric in sentences."""
    return METRIC_NAMES.get(metric, metric)


def scale_words(scale: float, axis: str) -> str:
    """A position on the axis: short sizes, powers for FLOPs, plain steps and losses.

    >>> scale_words(1.4e9, "parameters"), scale_words(7.36e11, "FLOPs"), scale_words(0.6973, "loss")
    ('1.4B', '7.4e11', '0.70')
    """
    if axis == "FLOPs":
        return significant(scale, 2)
    if axis == "loss":
        return number(scale)
    return whole(scale) if axis == "step" else short_count(scale)


def score_words(score: float, *, is_share: bool) -> str:
    """A score: percent for shares, otherwise two decimals."""
    return percent(score, 1) if is_share else number(score)


def headline(found: Emergence, mirage: Mirage | None, *, about: str) -> str:
    """The sentence above the chart: the change of the score, its break if there is one, and whether
    a jump comes from the metric.

    Args:
        found: the result for one metric.
        mirage: the comparison with another metric, if there is one.
        about: tasks and split, for example `find_minimum OOD`.
    """
    series = found.series
    axis = series.wanted.axis
    places = series.points["scale"]
    start, end = (places.max(), places.min()) if axis == "loss" else (places.min(), places.max())
    name = metric_name(series.metric)
    still = f"{capitalised(name)} on {about} is {_score(found, found.first)} at"
    if series.n_scales == 1:
        return f"{still} {scale_words(start, axis)} {AXIS_UNITS[axis]}: one scale shows no growth."
    if found.shape == "flat":
        return (
            f"{still} every scale: no growth is seen, and growth below the resolution is not"
            " excluded."
        )
    verb = {1: "rises", -1: "falls", 0: "goes"}[
        (found.last > found.first) - (found.last < found.first)
    ]
    moved = (
        f"{capitalised(name)} on {about} {verb} from {_score(found, found.first)} to"
        f" {_score(found, found.last)} between {scale_words(start, axis)} and"
        f" {scale_words(end, axis)} {AXIS_UNITS[axis]}{_break(found)}"
    )
    return (
        f"{moved}; {verdict(mirage)}."
        if mirage is not None
        else f"{moved}; it {SHAPES[found.shape]} ({found.shape_reason})."
    )


def verdict(mirage: Mirage) -> str:
    """Whether a jump comes from the metric, with the evidence in brackets."""
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
    """The difference of the steepest steps of the two metrics, with its interval."""
    each = (mirage.discontinuous, mirage.continuous)
    name, other = (metric_name(one.series.metric) for one in each)
    if not all(math.isfinite(one.steepest) for one in each):
        return (
            "Steepest steps are not compared: a metric has fewer than three scales, or ends where"
            " it began."
        )
    said = (
        f"The steepest step of {name} is {number(each[0].steepest, 1)} times its mean slope, that"
        f" of {other} {number(each[1].steepest, 1)} times"
    )
    if not math.isfinite(mirage.steeper_by_lo):
        return (
            f"{said}; how sure their difference is cannot be said: the metrics share no points or"
            " tasks, or a score states no error."
        )
    by = with_interval(
        mirage.steeper_by, mirage.steeper_by_lo, mirage.steeper_by_hi, partial(signed, digits=1)
    )
    return f"{said}; the difference is {by}, drawn with the same {mirage.pairing} for both"


def break_sentence(found: Emergence) -> str:
    """The result of the search for a break, in one sentence."""
    change, axis = found.change, found.series.wanted.axis
    if math.isnan(change.p):
        return f"No test of a break: {change.reason}."
    where = f"{_break_place(found)} {AXIS_UNITS[axis]}"
    if change.p < 0.05:
        return (
            f"Two straight lines fit better than one ({p_text(change.p)}, search over"
            f" breaks included); they part at {where}."
        )
    return (
        f"One straight line is not rejected ({p_text(change.p)}); if there is a break, it is"
        f" best put at {where}."
    )


def suddenness_sentence(found: Emergence) -> str:
    """Breakthroughness and linearity, with the guard against noise."""
    sudden = found.suddenness
    if sudden.reason is not None:
        return f"Breakthroughness and linearity are undefined: {sudden.reason}."
    tenths = partial(number, digits=1)
    guard = ""
    if sudden.is_noise:
        guard = " The median step is no larger than noise would make it, so B divides by noise; "
        guard += f"with the noise step instead it is {tenths(sudden.b_guarded)}."
    sudden_b = with_interval(sudden.b, sudden.b_lo, sudden.b_hi, tenths)
    linear = with_interval(sudden.linearity, sudden.linearity_lo, sudden.linearity_hi, tenths)
    return (
        f"Breakthroughness B = {sudden_b}, linearity L = {linear}"
        f" ({number(sudden.per_step)} of the most possible).{guard}"
    )


def onset_sentence(found: Emergence) -> str:
    """The onset of emergence by a rule from Wei et al.'s definition."""
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
    """The growth type relative to the task scaling law."""
    law = found.law
    if law is None:
        return f"No task scaling law: {found.law_reason}."
    exponent = f"−{significant(law.c)} · N^−{significant(law.alpha)}"
    fit = f"PU(N) = exp({exponent}) from {law.n_used} scales"
    left = f" ({law.n_dropped} left out near 0 or 1)" if law.n_dropped else ""
    if math.isnan(law.quadratic):
        return f"{fit}{left}; a growth type needs three scales."
    if law.verdict is None:
        return (
            f"{fit}{left}; quadratic term {signed(law.quadratic, 3)} without an interval, so the"
            " growth type is open."
        )
    words = {
        "super-scaling": "faster than the law (accelerated emergence)",
        "sub-scaling": "slower than the law",
    }
    kind = words.get(law.verdict, "not told apart from the law")
    ends = interval(law.quadratic_lo, law.quadratic_hi, partial(signed, digits=3))
    quadratic = f"quadratic term {signed(law.quadratic, 3)}, 95 % {ends}"
    return f"Growth is {kind}: {quadratic}; {fit}{left}."


def threshold_sentence(found: LossThreshold, loss_name: str | None) -> str:
    """The loss at which the hinge of score against loss bends."""
    name = loss_name or "loss"
    if math.isnan(found.eta):
        return f"No threshold of {name}: {found.reason}."
    eta = with_interval(found.eta, found.eta_lo, found.eta_hi)
    limit = f" But {found.reason}." if found.reason else ""
    where = f"{found.n_above} checkpoints lie above it, {found.n_below} below"
    return f"The score starts to rise below {name} {eta}: {where}.{limit}"


def _score(found: Emergence, score: float) -> str:
    return score_words(score, is_share=found.series.is_share)


def _break(found: Emergence) -> str:
    if math.isnan(found.change.p) or found.change.p >= 0.05:
        return ""
    return f" (change point {_break_place(found)})"


def _break_place(found: Emergence) -> str:
    write = partial(scale_words, axis=found.series.wanted.axis)
    return with_interval(*found.break_scale, write)


def report(found: Emergence, sentence: str, threshold: LossThreshold | None) -> str:
    """Lines for a terminal: the sentence, one line per analysis, every form and the notes."""
    lines = [
        sentence,
        "",
        break_sentence(found),
        suddenness_sentence(found),
        onset_sentence(found),
        law_sentence(found),
    ]
    if threshold:
        lines.append(threshold_sentence(threshold, found.series.loss_name))
    forms = [
        f"{fit.form}: AICc weight {fit.weight:.3f}, error on the largest scale"
        f" {fit.held_out_error:+.3f}"
        for fit in found.fits
    ]
    return "\n".join([*lines, "", *forms, "", *found.series.notes])
