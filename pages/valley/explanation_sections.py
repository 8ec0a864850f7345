"""The tab "What explains the gap" of the valley page: a constant penalty against what is seen,
tests, and the accounts M0 to M4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from analysis.text import (
    hundredfold,
    natural_order,
    number,
    p_value,
    percent,
    percent_of_draws,
    raised,
)
from analysis.valley.sentences import verdict
from data.records import NotEnoughDataError, Selection
from pages.valley.explanation_sentences import (
    ROW_NAMES,
    TEACHING,
    axis_caption,
    comparison,
    test_rows,
)
from studies.valley import ValleySettings, explanation
from ui import screen, selection
from ui.calibration_captions import simulated
from ui.chart import show_chart
from ui.figures.explanation import complexity_figure, constant_gap_figure, half_point_figure
from ui.kept import kept

if TYPE_CHECKING:
    from analysis.account.explanation import Explanation
    from analysis.valley.locating import Valley
    from ui.figures.theme import ModelStyle

ACCOUNT_COLUMNS = (
    *(
        "name",
        "words",
        "n_params",
        "loglik",
        "aicc",
        "d_aicc",
        "weight",
        "bic",
        "d_bic",
        "penalty",
        "task_sd",
        "split_sd",
    ),
)


def draw_explanation(
    valleys: Sequence[Valley], chosen: Selection, settings: ValleySettings
) -> None:
    """Everything that says whether a constant penalty is enough, for all drawn models and then for
    one of them.
    """
    st.markdown(screen.plain(TEACHING))
    if not valleys:
        st.caption("No model is drawn, so there is no gap to explain.")
        return
    _draw_complexity(valleys, chosen)
    _draw_means(valleys)
    tested = sorted(
        (valley.model for valley in valleys if valley.source == "samples"), key=natural_order
    )
    if not tested:
        screen.empty(
            "No tests for published level means.",
            "Whether the log-odds gap is constant is asked of tasks. Import results per task or per"
            " sample to ask it.",
            page="runs",
            link="Import results",
        )
        return
    model = st.selectbox("Model to explain", tested, key="explained", bind="query-params")
    valley = next(valley for valley in valleys if valley.model == model)
    try:
        one = replace(chosen, models=(valley.model,))
        found = kept(explanation)(valley.source, one, replace(settings, explain=False))
    except NotEnoughDataError as error:
        screen.empty(f"Nothing to explain for {valley.model}.", str(error))
        return
    screen.answer(f"{valley.model}: {raised(verdict(valley).sentence)}")
    st.caption(screen.plain(comparison(found)))
    _draw_charts(valley, found, chosen, selection.styles([drawn.model for drawn in valleys]))
    _draw_tests(valley, found)
    _draw_accounts(found)


def _draw_complexity(valleys: Sequence[Valley], chosen: Selection) -> None:
    clicked = show_chart(
        complexity_figure(valleys, styles=selection.styles([valley.model for valley in valleys])),
        key="complexity",
    )
    routes = {valley.complexity.route for valley in valleys if valley.complexity is not None}
    how = [
        text
        for route, text in (
            (
                "line",
                (
                    "where half the answers are right, by a line through the tasks on the"
                    " difficulty axis, Fieller"
                ),
            ),
            (
                "isotonic",
                "where half the answers are right, by level means on the level numbers, bootstrap",
            ),
            (
                "smooth",
                (
                    "where the log-odds gap varies (p < 0.10): largest gap of smooth curves through"
                    " both splits, bootstrap"
                ),
            ),
        )
        if route in routes
    ]
    counted = any(valley.source == "samples" for valley in valleys)
    n = sum(int(valley.curve["n_id"].sum() + valley.curve["n_ood"].sum()) for valley in valleys)
    screen.caption(
        n=f"n = {n:,} answers",
        estimator="; ".join(how),
        interval=(
            "90 %; a triangle points to where a value lies beyond the first or last level, an open"
            " symbol has no interval"
        ),
        denominator=chosen.denominator if counted else None,
        more=(
            simulated(
                "In simulations Fieller's interval holds the truth in {half}",
                half=("half_point", "half point"),
            )
            if "line" in routes
            else []
        ),
        methods=("half_point", "peak_by_interpolation", "difficulty_axis"),
    )
    if clicked:
        screen.open_page("samples", model=clicked["model"])


def _draw_means(valleys: Sequence[Valley]) -> None:
    """What a constant penalty fitted to published level means leaves unexplained. A description:
    nothing is tested.
    """
    rows = [
        {
            "model": valley.model,
            "penalty": valley.means_fit.delta,
            "peak": valley.critical_label,
            "penalty_peak": valley.label(valley.means_fit.peak_level),
            "worst_miss": valley.means_fit.worst_miss,
        }
        for valley in valleys
        if valley.means_fit is not None
    ]
    if not rows:
        return
    st.markdown("**A constant penalty fitted to published level means**")
    screen.table(
        pd.DataFrame(rows), "penalty-of-means", columns=_MEANS_COLUMNS, formats=_MEANS_FORMATS
    )
    screen.caption(
        estimator=(
            "maximum likelihood of the level counts, one difficulty per level and one penalty for"
            " all (M3)"
        ),
        more=[
            "Without results per task there is no interval and no test: a small miss is what a"
            " constant penalty would leave"
        ],
    )


def _draw_charts(
    valley: Valley, explanation: Explanation, chosen: Selection, styles: Mapping[str, ModelStyle]
) -> None:
    left, right = st.columns(2, gap="small")
    with left:
        clicked = show_chart(
            constant_gap_figure(valley, explanation, styles=styles), key="constant penalty"
        )
    with right:
        clicked = (
            show_chart(half_point_figure(valley, explanation, styles=styles), key="half point")
            or clicked
        )
    n = int(valley.curve["n_id"].sum() + valley.curve["n_ood"].sum())
    screen.caption(
        n=f"n = {n:,} answers to {len(explanation.points.task)} tasks in both splits",
        estimator=(
            "left: level gaps over the gaps that a constant penalty of the mean size draws with"
            " these tasks and answers; right: empirical logits, least squares"
        ),
        interval=f"{percent(valley.settings.confidence)} left, 90 % right",
        denominator=chosen.denominator,
        more=[axis_caption(valley)],
        methods=("parametric_bootstrap", "half_point", "constancy", "interior_peak"),
    )
    if clicked:
        screen.open_page(
            "samples", model=clicked["model"], task=clicked.get("task"), level=clicked.get("level")
        )


def _draw_tests(valley: Valley, explanation: Explanation) -> None:
    frame = pd.DataFrame(test_rows(valley, explanation), columns=list(ROW_NAMES)).astype(
        {"n": "Int64"}
    )
    st.markdown("**What the tasks say**")
    screen.table(frame, "gap-tests", columns=_TEST_COLUMNS, formats=_TEST_FORMATS)
    held = simulated(
        "In simulations the 95 % interval of the mean log-odds gap holds the truth in {mean}, and"
        " its t finds a gap where there is none in {t}, sign flips in {flips}: OOD is called harder"
        " only where both agree",
        mean=("random_effects_shift", "mean log-odds gap"),
        t=("random_effects_shift", "shift: t"),
        flips=("shift_tests", "shift: sign flips"),
    )
    screen.caption(
        estimator="each question's test stands in its row",
        more=held,
        methods=("random_effects_shift", "shift_tests", "constancy", "interior_peak", "peak_power"),
    )


def _draw_accounts(explanation: Explanation) -> None:
    st.markdown("**Accounts of the gap, side by side**")
    if not explanation.curves.fits:
        st.caption(screen.plain(f"Not compared: {explanation.curves.reason}."))
        return
    frame = pd.DataFrame(
        [{name: getattr(fit, name) for name in ACCOUNT_COLUMNS} for fit in explanation.curves.fits]
    )
    screen.table(frame, "gap-accounts", columns=_ACCOUNT_COLUMNS, formats=_ACCOUNT_FORMATS)
    screen.caption(
        n=f"n = {explanation.curves.n_cells} task × split cells",
        estimator=(
            "maximum likelihood of the tasks' empirical logits, with a random effect of the task"
            " and one of task and split"
        ),
        more=[
            "Lower AICc and BIC are better; differences under 2 decide nothing",
            "Both variances count as parameters",
        ],
        methods=("curves", "curve_choice"),
    )


_TEST_FORMATS: dict[str, Callable[[Any], str]] = {
    "estimate": number,
    "low": number,
    "high": number,
    "p": p_value,
}
_TEST_COLUMNS: dict[str, Any] = {
    "question": st.column_config.TextColumn("question", width=330, pinned=True),
    "estimate": st.column_config.NumberColumn("estimate", width=70),
    "low": st.column_config.NumberColumn("from", width=60),
    "high": st.column_config.NumberColumn("to", width=60),
    "unit": st.column_config.TextColumn("unit", width=115),
    "p": st.column_config.NumberColumn("p", width=70),
    "n": st.column_config.NumberColumn("tasks", width=50),
    "how": st.column_config.TextColumn("how"),
}
_MEANS_FORMATS: dict[str, Callable[[Any], str]] = {
    "penalty": number,
    "worst_miss": hundredfold,
    **dict.fromkeys(
        ("peak", "penalty_peak"), lambda label: raised(label) if isinstance(label, str) else "none"
    ),
}
_MEANS_COLUMNS: dict[str, Any] = {
    "model": st.column_config.TextColumn("model", pinned=True),
    "penalty": st.column_config.NumberColumn("penalty (logits)"),
    "peak": st.column_config.TextColumn("gap peaks at"),
    "penalty_peak": st.column_config.TextColumn("the penalty's gap peaks at"),
    "worst_miss": st.column_config.NumberColumn("largest miss (points)"),
}
_ACCOUNT_FORMATS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("loglik", "aicc", "d_aicc", "bic", "d_bic"), partial(number, digits=1)),
    **dict.fromkeys(("penalty", "task_sd", "split_sd"), number),
    "weight": percent_of_draws,
}
_ACCOUNT_COLUMNS: dict[str, Any] = {
    "name": st.column_config.TextColumn("", width=40, pinned=True),
    "words": st.column_config.TextColumn("account", width=370),
    "n_params": st.column_config.NumberColumn("params", width=55),
    "loglik": st.column_config.NumberColumn("log-lik.", width=65),
    "aicc": st.column_config.NumberColumn("AICc", width=65),
    "d_aicc": st.column_config.NumberColumn("ΔAICc", width=65),
    "weight": st.column_config.NumberColumn("weight", width=90),
    "bic": st.column_config.NumberColumn("BIC", width=65),
    "d_bic": st.column_config.NumberColumn("ΔBIC", width=60),
    "penalty": st.column_config.NumberColumn("penalty (logits)", width=110),
    "task_sd": st.column_config.NumberColumn("task sd", width=65),
    "split_sd": st.column_config.NumberColumn("split sd", width=65),
}
