"""Sections of the emergence page: the curve, the forms, the mirage, sampling until success, the
loss threshold, the numbers.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from analysis.emergence.sentences import (
    AXIS_UNITS,
    break_sentence,
    law_sentence,
    metric_name,
    onset_sentence,
    steepness_sentence,
    suddenness_sentence,
    threshold_sentence,
    verdict,
)
from analysis.text import capitalised, number, signed, significant
from pages.emergence.controls import EmergenceChoice
from studies.emergence import EmergenceStudy, loss_threshold, scales, series_over_loss
from studies.emergence import series as read_series
from ui import screen, selection
from ui.chart import show_chart
from ui.example_views import draw_examples, examples
from ui.figures.emergence import (
    curve_figure,
    forms_figure,
    law_figure,
    mirage_figure,
    threshold_figure,
)
from ui.kept import kept

if TYPE_CHECKING:
    from analysis.emergence.scale_series import Series
    from analysis.emergence.studying import Emergence, Mirage
    from ui.figures.theme import ModelStyle

LINES_DRAWN = 12
"""Of more other lines than these none is drawn grey behind the one that is read: they would hide
it.
"""


def draw_curve(study: EmergenceStudy, choice: EmergenceChoice) -> None:
    """The curve with what stands under it; a click leads to the samples or the run behind a
    point.
    """
    found, wanted = study.found, study.found.series.wanted
    every = replace(wanted, line=None)
    others = kept(read_series)(choice.selection, study.metric, every, draw=False)
    drawn = others if len(others.lines) <= LINES_DRAWN else None
    clicked = show_chart(
        curve_figure(found, others=drawn, styles=_styles(found.series)), key="emergence"
    )
    series = found.series
    answers = series.points["n"].sum()
    n = f"n = {len(series.points)} points at {series.n_scales} scales" + (
        f", {answers:,.0f} answers" if answers > 0 else ""
    )
    more = [
        _derived(choice),
        *map(capitalised, series.notes),
        "Points count as independent: seeds and checkpoints of one model are not quite",
    ]
    screen.caption(
        n=n,
        estimator=(
            "least squares; AICc weights among linear, power, logistic, hinge and broken power"
        ),
        interval=series.interval,
        denominator=choice.selection.denominator if study.metric == "accuracy" else None,
        more=[text for text in more if text],
        methods=("scaling_fits", "change_point", "breakthroughness", "wei_emergence", "resolution"),
    )
    if clicked:
        task = wanted.tasks[0] if len(wanted.tasks) == 1 else None
        if series.metric in ("accuracy", "answer_logprob", "token_accuracy"):
            screen.open_page(
                "samples",
                model=str(clicked["model"]),
                task=task,
                split=wanted.split,
                run=str(clicked["run"]),
            )
        screen.open_page("runs", model=str(clicked["model"]))


def _styles(series: Series) -> dict[str, ModelStyle]:
    return selection.styles(series.points["model"].unique())


def _derived(choice: EmergenceChoice) -> str | None:
    if choice.settings.over != "FLOPs":
        return None
    sources = kept(scales)(choice.selection)["flops_source"].dropna()
    return "FLOPs are 6 x parameters x tokens" + (
        " unless the source states them" if sources.eq("stated").any() else ""
    )


def draw_forms(found: Emergence) -> None:
    """All forms, their weights, parameters and forecasts."""
    st.markdown(
        screen.plain(
            " ".join((break_sentence(found), suddenness_sentence(found), onset_sentence(found)))
        )
    )
    show_chart(forms_figure(found, styles=_styles(found.series)), key="forms", on_click=False)
    frame = pd.DataFrame(
        [
            {
                "form": fit.form,
                "weight": fit.weight,
                "best_in": fit.share_best,
                "aicc": fit.aicc,
                "n_parameters": fit.n_parameters,
                "rss": fit.rss,
                "held_out_error": fit.held_out_error,
                "parameters": ", ".join(
                    f"{name} {significant(value)}" for name, value in fit.parameters.items()
                ),
                "reason": (
                    fit.reason or (fit.held_out_reason if math.isnan(fit.held_out_error) else None)
                ),
            }
            for fit in found.fits
        ]
    )
    column = st.column_config.NumberColumn
    screen.table(
        frame if frame["reason"].notna().any() else frame.drop(columns="reason"),
        "emergence-forms",
        columns={
            "weight": column("AICc weight"),
            "best_in": column("best in resamples"),
            "aicc": column("AICc"),
            "n_parameters": column("parameters of the curve"),
            "rss": column("squared error"),
            "held_out_error": column(
                "error on the largest scale",
                help="score minus the forecast from all smaller scales",
            ),
        },
        formats={
            "weight": partial(number, digits=3),
            "best_in": number,
            "aicc": partial(number, digits=1),
            "rss": partial(significant, digits=4),
            "held_out_error": partial(signed, digits=3),
        },
    )


def draw_mirage(mirage: Mirage | None, metric: str) -> None:
    """The discontinuous and the continuous metric of the same runs on one axis, with the
    verdict.
    """
    if mirage is None:
        screen.empty(
            "No second metric of the same answers.",
            f"The runs behind {metric_name(metric)} record no log-probability of the answer,"
            " no per-token accuracy and no loss. Our probe and lm-evaluation-harness record"
            " log-probabilities with their samples.",
        )
        return
    screen.answer(f"{capitalised(verdict(mirage))}.")
    show_chart(mirage_figure(mirage), key="mirage", on_click=False)
    screen.caption(
        n=(
            f"n = {len(mirage.discontinuous.series.points)} and"
            f" {len(mirage.continuous.series.points)} points"
        ),
        estimator=(
            "each metric as the share of its own change; sharp: bent forms weigh more than half and"
            " one straight line is rejected; smooth: linear, power and gradual logistic forms weigh"
            " at least half, and one explains 80 % of the spread or leaves only noise"
        ),
        interval="95 % of the resamples",
        more=[steepness_sentence(mirage)],
        methods=("mirage", "scaling_fits"),
    )


def draw_law(found: Emergence) -> None:
    """Pass rates against the task scaling law, with the growth type."""
    screen.answer(law_sentence(found))
    if found.law is None:
        return  # the sentence gives the reason: an empty chart would only say it again
    show_chart(law_figure(found), key="law", on_click=False)
    screen.caption(
        n=f"n = {found.law.n_used} scales",
        estimator=(
            "least squares on F; the pass rate is the share of right answers, one try per instance"
        ),
        interval="95 % of the resamples, for the quadratic term",
        more=[
            "Concave F: accelerated emergence. Convex: several steps must succeed. With four or"
            " five scales the test rarely rejects"
        ],
        methods=("task_scaling_law", "passuntil"),
    )


def draw_threshold(choice: EmergenceChoice) -> None:
    """Scores against loss with the hinge, every checkpoint of the line that is read."""
    series = kept(series_over_loss)(choice.selection, choice.settings)
    if not len(series.points):
        screen.empty(
            "No loss is known for these runs.",
            "A loss comes from a run's metadata (answer_loss, train_loss ...) or from a score that"
            " is one (ppl, bits_per_byte, loss).",
        )
        return
    found, reason = kept(loss_threshold)(choice.selection, choice.settings)
    if found is None:
        screen.empty("No loss threshold.", reason or "")
        return
    screen.answer(threshold_sentence(found, series.loss_name))
    show_chart(
        threshold_figure(series, found, styles=_styles(series)), key="threshold", on_click=False
    )
    screen.caption(
        n=f"n = {len(series.points)} points",
        estimator="least squares of base + A max(0, eta − loss); the base is chance",
        interval="95 % bootstrap over points, which are checkpoints of few models",
        more=[
            "Losses compare within one corpus and tokeniser only",
            *map(capitalised, series.notes),
        ],
        methods=("loss_threshold",),
    )


def draw_numbers(found: Emergence) -> None:
    """The points as numbers."""
    axis = found.series.wanted.axis
    frame = found.series.points.drop(columns=["x", "line"]).rename(columns={"scale": axis})
    column = st.column_config.NumberColumn
    scores = {"y": "score", "lo": "from", "hi": "to", "upper_if_zero": "a zero can hide"}
    screen.table(
        frame,
        "emergence-points",
        columns={axis: column(AXIS_UNITS[axis])}
        | {name: column(label) for name, label in scores.items()},
        formats=dict.fromkeys(scores, partial(number, digits=4)),
    )


def draw_example_list() -> None:
    """Links to the example views of this page."""
    if examples("emergence"):
        with st.expander("Examples"):
            draw_examples("emergence")
