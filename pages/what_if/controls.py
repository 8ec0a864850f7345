"""Widgets of the what-if page: what is chosen instead of the paper's definition, and which
conclusion is put to the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from data.records import Denominator, Selection
from ui import cached
from ui.figures.text import level_name
from ui.figures.theme import natural_order
from ui.plain import plain

if TYPE_CHECKING:
    from analysis.what_if.conclusions import Conclusion
    from analysis.what_if.evaluating import Choice
    from analysis.what_if.scoring import Cells

QUANTITIES = {
    "score": "Generalization score S",
    "ood": "OOD value",
    "id": "ID value",
    "gap": "ID − OOD gap (small is better)",
    "all": "All answers, whatever their split",
}
AVERAGINGS = {
    "levels": "Levels count the same",
    "tasks": "Tasks count the same",
    "samples": "Answers count the same",
}
ORDERS = {
    "task_first": "S of each task, then the mean (paper)",
    "level_means": "S of a level's mean accuracies",
}
PAPER_STATE: dict[str, Any] = {
    "metric": "exact_match",
    "threshold": "0.5",
    "averaging": "levels",
    "s_order": "task_first",
    "penalty": 1.0,
    "denominator": str(Denominator.AUTHORS),
}
"""What *Reset to paper* sets; level weights go back to 1."""
WEIGHT_KEY = "weight_{}"


def ranked_models(cells: Cells, chosen: Selection) -> tuple[tuple[str, ...], str | None]:
    """Which models are ranked: the reader's; without a choice one of each family and size with
    answers, else those with level means.
    """
    if chosen.models:
        return tuple(model for model in chosen.models if model in cells.models), None
    counted = [model for model in cells.models if model not in cells.published]
    if not counted:
        return tuple(sorted(cells.models, key=natural_order)), None
    sizes = cached.sizes()
    first: dict[Any, str] = {}
    for model in sorted(counted, key=lambda name: (len(name), natural_order(name))):
        first.setdefault(sizes.get(model, model), model)
    every = sorted(
        first.values(), key=lambda model: (sizes.get(model, ("", 0))[1], natural_order(model))
    )
    more = len(cells.models) - len(every)
    said = (
        f"Ranked is one model of each size with stored answers; {more} more can be chosen under"
        " Models on the left."
        if more
        else None
    )
    return tuple(every), said


def pick_choice(cells: Cells, chosen: Selection) -> Choice:
    """The controls in one row, with the button that goes back to the paper's definition."""
    from analysis.what_if.aggregation import Averaging, ScoreOrder
    from analysis.what_if.evaluating import Choice, Quantity

    first, second, third, last = st.columns(
        [0.3, 0.25, 0.27, 0.18], gap="small", vertical_alignment="bottom"
    )
    with first:
        metric = _pick_metric(cells)
    with second:
        quantity = st.selectbox(
            "Rank by",
            list(QUANTITIES),
            format_func=QUANTITIES.__getitem__,
            key="rank_by",
            bind="query-params",
        )
    with third:
        averaging = st.selectbox(
            "Average",
            list(AVERAGINGS),
            format_func=AVERAGINGS.__getitem__,
            key="averaging",
            bind="query-params",
        )
    with last:
        st.button(
            "Reset to paper",
            key="reset",
            icon=":material/restart_alt:",
            width="stretch",
            on_click=_reset,
            args=(list(cells.level_labels),),
        )
    order, penalty = "task_first", 1.0
    if quantity == "score":
        left, right = st.columns([0.45, 0.55], gap="small", vertical_alignment="bottom")
        with left:
            order = st.selectbox(
                "S is taken",
                list(ORDERS),
                format_func=ORDERS.__getitem__,
                key="s_order",
                bind="query-params",
            )
        with right:
            penalty = st.slider(
                "Penalty λ: S = OOD − λ · max(0, ID − OOD)",
                0.0,
                3.0,
                1.0,
                0.1,
                key="penalty",
                bind="query-params",
            )
    weights = _pick_weights(cells) if averaging == "levels" and len(cells.level_labels) > 1 else ()
    return Choice(
        metric=metric,
        denominator=chosen.denominator,
        averaging=Averaging(averaging),
        order=ScoreOrder(order),
        penalty=penalty,
        weights=weights,
        quantity=Quantity(quantity),
    )


def _pick_metric(cells: Cells) -> str:
    from analysis.what_if.metric_list import (
        METRICS,
        THRESHOLDED,
        THRESHOLDS,
        metric_named,
        threshold_key,
    )

    passes = [metric.key for metric in cells.metrics if metric.key.startswith("pass@")]
    cuts = [f"{base}>=" for base in THRESHOLDED]

    def label(key: str) -> str:
        return (
            metric_named(threshold_key(key[:-2], 0.5)).label.removesuffix(" 0.5")
            if key in cuts
            else metric_named(key).label
        )

    metric = st.selectbox(
        "Metric", [*METRICS, *cuts, *passes], format_func=label, key="metric", bind="query-params"
    )
    if metric not in cuts:
        return metric
    threshold = st.select_slider(
        "Threshold",
        [f"{value:.1f}" for value in THRESHOLDS],
        "0.5",
        key="threshold",
        bind="query-params",
    )
    return f"{metric}{threshold}"


def _pick_weights(cells: Cells) -> tuple[float, ...]:
    """One slider per level; empty while they are equal."""
    with st.popover("Level weights", icon=":material/tune:"):
        weights = [
            st.slider(
                plain(level_name(label, level)),
                0.0,
                3.0,
                1.0,
                0.5,
                key=WEIGHT_KEY.format(level),
                bind="query-params",
            )
            for level, label in cells.level_labels.items()
        ]
    if not any(weights):
        st.caption("All weights are 0, which weighs nothing: levels count the same.")
    return tuple(weights) if len(set(weights)) > 1 else ()


def _reset(levels: list[int]) -> None:
    """Set every control that is drawn to the paper's; of others only the word in the address is
    left, which goes.
    """
    for key, value in (PAPER_STATE | {WEIGHT_KEY.format(level): 1.0 for level in levels}).items():
        if key in st.session_state:
            st.session_state[key] = value
        else:
            st.query_params.pop(key, None)


KINDS = {
    "above": "One model is above another",
    "critical": "A level is the critical one",
    "emerges": "An ability emerges between two models",
}


def pick_conclusion(cells: Cells) -> Conclusion | None:
    """The conclusion to test, in widgets; None (with a note) where the models here allow none."""
    from analysis.what_if.conclusions import Conclusion, Kind
    from analysis.what_if.evaluating import Quantity

    names = list(cells.models)
    kinds = list(KINDS) if len(names) > 1 else ["critical"]
    columns = st.columns([0.26, 0.22, 0.22, 0.15, 0.15], gap="small", vertical_alignment="bottom")
    with columns[0]:
        kind = Kind(
            st.selectbox(
                "Conclusion",
                kinds,
                format_func=KINDS.__getitem__,
                key="conclusion",
                bind="query-params",
            )
        )
    with columns[1]:
        first = st.selectbox(
            "Model",
            names,
            index=len(names) - 1 if kind is not Kind.EMERGES else 0,
            key=f"{kind}_first",
            bind="query-params",
        )
    second = None
    if kind is not Kind.CRITICAL:
        others = [name for name in names if name != first]
        with columns[2]:
            second = st.selectbox(
                "Other model",
                others,
                index=_neighbour(names, others, first, kind),
                key=f"{kind}_second",
                bind="query-params",
            )
    levels = list(cells.level_labels)

    def level_text(level: int) -> str:
        return level_name(cells.level_labels[level], level) if level >= 0 else "all levels"

    with columns[3]:
        if kind is Kind.CRITICAL:
            level = st.selectbox(
                "Level", levels, format_func=level_text, key="critical_level", bind="query-params"
            )
        else:
            level = st.selectbox(
                "At", [-1, *levels], format_func=level_text, key="at_level", bind="query-params"
            )
    quantity = "ood"
    if kind is not Kind.CRITICAL:
        allowed = ["ood", "id", "score", "gap"] if kind is Kind.ABOVE else ["ood", "id"]
        with columns[4]:
            quantity = st.selectbox(
                "In", allowed, format_func=_side_name, key=f"{kind}_in", bind="query-params"
            )
    return Conclusion(
        kind=kind,
        first=first,
        second=second,
        level=level if level >= 0 else None,
        quantity=Quantity(quantity),
    )


def _side_name(key: str) -> str:
    return {"score": "S"}.get(key, key.upper())


def _neighbour(names: list[str], others: list[str], first: str, kind: str) -> int:
    """The next smaller model for a comparison, the next larger one for an emergence."""
    place = names.index(first)
    wanted = (
        names[min(place + 1, len(names) - 1)] if kind == "emerges" else names[max(place - 1, 0)]
    )
    return others.index(wanted) if wanted in others else 0
