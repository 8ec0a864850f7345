"""Widgets of the what-if page: what is chosen instead of the paper's definition, and which
conclusion is put to the test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.text import level_name, natural_order
from data.records import Denominator, Selection
from studies.steps import level_scores, task_counts
from studies.what_if import WhatIfSettings
from ui.asked import asked, labelled, say
from ui.kept import kept
from ui.models import model_sizes
from ui.plain import plain

if TYPE_CHECKING:
    from analysis.what_if.conclusions import Conclusion
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
PAPER_STATE: dict[str, Any] = {"penalty": 1.0, "denominator": str(Denominator.AUTHORS)}
"""What *Reset to paper* sets; the other settings lose their words in the address."""
WEIGHT_KEY = "weight of level {}"


def ranked_models(chosen: Selection) -> tuple[tuple[str, ...], str | None]:
    """Which models are ranked: the reader's; without a choice one of each family and size with
    answers, else those with level means.
    """
    counts, means = kept(task_counts)(chosen), kept(level_scores)(chosen)
    counted = set(counts.loc[counts["source"] == "samples", "model"])
    is_mean = (means["metric"] == "accuracy") & means["task"].isna()
    every = sorted({*counted, *means.loc[is_mean, "model"]}, key=natural_order)
    if chosen.models:
        return tuple(model for model in chosen.models if model in every), None
    if not counted:
        return tuple(every), None
    sizes = model_sizes()
    first: dict[Any, str] = {}
    for model in sorted(counted, key=lambda name: (len(name), natural_order(name))):
        first.setdefault(sizes.get(model, model), model)
    ranked = sorted(
        first.values(), key=lambda model: (sizes.get(model, ("", 0))[1], natural_order(model))
    )
    more = len(every) - len(ranked)
    said = (
        f"Ranked is one model of each size with stored answers; {more} more can be chosen under"
        " Models on the left."
        if more
        else None
    )
    return tuple(ranked), said


def pick_settings(cells: Cells) -> WhatIfSettings:
    """The controls in one row, with the button that goes back to the paper's definition."""
    settings = asked(WhatIfSettings)
    first, second, third, last = st.columns(
        [0.3, 0.25, 0.27, 0.18], gap="small", vertical_alignment="bottom"
    )
    with first:
        metric = _pick_metric(cells, settings.metric)
    with second:
        quantity = labelled(
            st.selectbox,
            "Rank by",
            "rank_by",
            list(QUANTITIES),
            settings.rank_by,
            labels=QUANTITIES.__getitem__,
            default="score",
        )
    with third:
        averaging = labelled(
            st.selectbox,
            "Average",
            "averaging",
            list(AVERAGINGS),
            settings.averaging,
            labels=AVERAGINGS.__getitem__,
            default="levels",
        )
    with last:
        st.button(
            "Reset to paper",
            key="reset",
            icon=":material/restart_alt:",
            width="stretch",
            on_click=_reset,
        )
    order, penalty = settings.order, settings.penalty
    if quantity == "score":
        left, right = st.columns([0.45, 0.55], gap="small", vertical_alignment="bottom")
        with left:
            order = labelled(
                st.selectbox,
                "S is taken",
                "order",
                list(ORDERS),
                settings.order,
                labels=ORDERS.__getitem__,
                default="task_first",
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
    weights = settings.weight
    if averaging == "levels" and len(cells.level_labels) > 1:
        weights = _pick_weights(cells, settings.weight)
    return replace(
        settings,
        metric=metric,
        averaging=averaging,
        order=order,
        penalty=penalty,
        weight=weights,
        rank_by=quantity,
    )


def _pick_metric(cells: Cells, metric: str) -> str:
    """The metric of the address in two widgets: its base and, where it has one, its threshold."""
    from analysis.what_if.metric_list import (
        METRICS,
        THRESHOLDED,
        THRESHOLDS,
        metric_named,
        threshold_key,
    )

    passes = [one.key for one in cells.metrics if one.key.startswith("pass@")]
    cuts = [f"{base}>=" for base in THRESHOLDED]
    base, cut, threshold = metric.partition(">=")

    def label(key: str) -> str:
        if key in cuts:
            return metric_named(threshold_key(key[:-2], 0.5)).label.removesuffix(" 0.5")
        return metric_named(key).label

    options = [*METRICS, *cuts, *dict.fromkeys([*passes, *([metric] if "@" in metric else [])])]
    st.session_state["metric"] = base + cut
    st.selectbox("Metric", options, format_func=label, key="metric", on_change=_say_metric)
    if cut:
        st.session_state["threshold"] = threshold
        st.select_slider(
            "Threshold",
            [f"{value:.1f}" for value in THRESHOLDS],
            key="threshold",
            on_change=_say_metric,
        )
    return metric


def _say_metric() -> None:
    """Write the metric of the widgets into the address."""
    metric = st.session_state["metric"]
    if metric.endswith(">="):
        metric += st.session_state.get("threshold", "0.5")
    say("metric", [] if metric == WhatIfSettings().metric else [metric])


def _pick_weights(cells: Cells, weights: tuple[float, ...]) -> tuple[float, ...]:
    """One slider per level."""
    levels = list(cells.level_labels)
    known = len(weights) == len(levels)
    for place, level in enumerate(levels):
        st.session_state[WEIGHT_KEY.format(level)] = weights[place] if known else 1.0
    with st.popover("Level weights", icon=":material/tune:"):
        for level, label in cells.level_labels.items():
            st.slider(
                plain(level_name(label, level)),
                0.0,
                3.0,
                step=0.5,
                key=WEIGHT_KEY.format(level),
                on_change=_say_weights,
                args=(levels,),
            )
    if weights and not any(weights):
        st.caption("All weights are 0, which weighs nothing: levels count the same.")
    return weights


def _say_weights(levels: list[int]) -> None:
    """Write the weights of the sliders into the address, unless they are all the same."""
    weights = [st.session_state[WEIGHT_KEY.format(level)] for level in levels]
    say("weight", [f"{weight:g}" for weight in weights] if len(set(weights)) > 1 else [])


def _reset() -> None:
    """Set every control that is drawn to the paper's; of the others only the word in the address
    is left, which goes.
    """
    for name in ("metric", "averaging", "order", "weight"):
        say(name, [])
    for key, value in PAPER_STATE.items():
        if key in st.session_state:
            st.session_state[key] = value
        else:
            say(key, [])


KINDS = {
    "above": "One model is above another",
    "critical": "A level is the critical one",
    "emerges": "An ability emerges between two models",
}


def pick_conclusions(cells: Cells) -> WhatIfSettings:
    """The settings with the conclusions to test: those of the address, of which the first stands in
    widgets that change it, or one to begin with.
    """
    from analysis.what_if.conclusions import conclusion_words, read_conclusion

    settings = asked(WhatIfSettings)
    first = _first_conclusion(cells)
    if settings.conclusion:
        first = read_conclusion(settings.conclusion[0], cells.models, cells.level_labels)
    _draw_conclusion(cells, first)
    said = settings.conclusion or (conclusion_words(first),)
    return replace(settings, conclusion=said)


def _draw_conclusion(cells: Cells, conclusion: Conclusion) -> None:
    """The conclusion in widgets; a change of one writes it into the address."""
    from analysis.what_if.conclusions import Kind

    names = list(cells.models)
    columns = st.columns([0.26, 0.22, 0.22, 0.15, 0.15], gap="small", vertical_alignment="bottom")

    def pick(place: int, label: str, key: str, value: Any, options: Sequence[Any]) -> Any:
        st.session_state[key] = value
        texts: dict[str, Callable[[Any], str]] = {
            "kind": KINDS.__getitem__,
            "level": level_text,
            "side": _side_name,
        }
        return columns[place].selectbox(
            label,
            options,
            format_func=texts.get(key.partition(" ")[2], str),
            key=key,
            on_change=_say_conclusion,
            args=(cells,),
        )

    def level_text(level: int) -> str:
        return level_name(cells.level_labels[level], level) if level >= 0 else "all levels"

    levels = list(cells.level_labels)
    kinds = list(KINDS) if len(names) > 1 else ["critical"]
    pick(0, "Conclusion", "conclusion kind", str(conclusion.kind), kinds)
    pick(1, "Model", "conclusion first", conclusion.first, names)
    level = -1 if conclusion.level is None else conclusion.level
    if conclusion.kind is Kind.CRITICAL:
        pick(3, "Level", "conclusion level", level, levels)
        return
    others = [name for name in names if name != conclusion.first]
    pick(2, "Other model", "conclusion second", conclusion.second, others)
    pick(3, "At", "conclusion level", level, [-1, *levels])
    sides = ["ood", "id", "score", "gap"] if conclusion.kind is Kind.ABOVE else ["ood", "id"]
    pick(4, "In", "conclusion side", str(conclusion.quantity), sides)


def _first_conclusion(cells: Cells) -> Conclusion:
    """What is tested before the reader chooses: the largest model above the next smaller one."""
    from analysis.what_if.conclusions import Conclusion, Kind

    names = list(cells.models)
    if len(names) == 1:
        return Conclusion(kind=Kind.CRITICAL, first=names[0], level=next(iter(cells.level_labels)))
    return Conclusion(kind=Kind.ABOVE, first=names[-1], second=names[-2])


def _say_conclusion(cells: Cells) -> None:
    """Write the conclusion of the widgets into the address; what does not go together with the
    changed one gives way.
    """
    from analysis.what_if.conclusions import Conclusion, Kind, conclusion_words
    from analysis.what_if.evaluating import Quantity

    state, names = st.session_state, list(cells.models)
    kind, first = Kind(state["conclusion kind"]), state["conclusion first"]
    level = state["conclusion level"]
    if kind is Kind.CRITICAL:
        level = level if level >= 0 else next(iter(cells.level_labels))
        said = Conclusion(kind=kind, first=first, level=level)
    else:
        second = state.get("conclusion second")
        if second in (None, first):
            second = _neighbour(names, first, kind)
        side = state.get("conclusion side", "ood")
        if kind is Kind.EMERGES and side not in ("ood", "id"):
            side = "ood"
        said = Conclusion(
            kind=kind,
            first=first,
            second=second,
            level=level if level >= 0 else None,
            quantity=Quantity(side),
        )
    say("conclusion", [conclusion_words(said)])


def _side_name(key: str) -> str:
    return {"score": "S"}.get(key, key.upper())


def _neighbour(names: list[str], first: str, kind: str) -> str:
    """The next smaller model for a comparison, the next larger one for an emergence."""
    place = names.index(first)
    step = 1 if kind == "emerges" else -1
    return names[place + step if 0 <= place + step < len(names) else place - step]
