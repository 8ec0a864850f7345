"""Which score over which scale the reader wants to see: widgets of the emergence page, bound to the
URL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from analysis.text import natural_order, significant
from data.queries import fetch_levels
from data.records import Selection
from studies.emergence import (
    AXES,
    EmergenceSettings,
    chance_of,
    metric_of,
    metrics_in,
    resolved,
    scale_metrics,
    series,
    wanted_of,
)
from studies.settings import not_possible, settings_in
from studies.steps import task_counts
from ui.asked import asked, labelled, refuse, say
from ui.kept import kept
from ui.models import model_sizes

if TYPE_CHECKING:
    from analysis.emergence.scale_series import Series

EVERY_TASK, LEVEL_WORD = "all tasks", "level "
ALL, BOTH, ANY, NONE = "all", "both", "any", "none"
"""Options that stand for no choice: the address then has no word."""
CONTINUOUS = ("answer_logprob", "token_accuracy", "ppl", "bits_per_byte", "acc_norm")
"""Metrics without a jump of their own, the most telling first; of those the task has, the first is
held against the chosen one until the reader chooses another.
"""
KEYS = tuple(one.name for one in settings_in(EmergenceSettings))
"""Words of the address that belong to this page."""


@dataclass(frozen=True, slots=True)
class EmergenceChoice:
    """What the reader asks for, as the study resolves it."""

    selection: Selection
    settings: EmergenceSettings
    opens: bool
    """Nothing was asked for yet."""
    others: tuple[str, ...]
    """Continuous metrics of the same answers that the chosen one can be held against."""


def pick(chosen: Selection) -> EmergenceChoice:
    """Draw the controls and return what they say. A page that was asked for nothing opens on one
    task, one split and one line, and says so in its address.
    """
    said = asked(EmergenceSettings)
    opens = not any(key in st.query_params or key in st.session_state for key in KEYS)
    known = kept(scale_metrics)()
    row = st.columns([3, 3, 2.2, 1.8])
    metric = _select(row[0], "Metric", "metric", metrics_in(known))
    mine = known[known["metric"] == metric]
    task, level = _pick_about(row[1], mine, chosen, said, opens=opens)
    over = _select(row[2], "Over", "over", list(AXES))
    mine = mine[mine["task"] == task] if task in set(mine["task"]) else mine
    has_samples = bool((mine["source"] == "samples").any())
    stored = set(kept(task_counts)(chosen)["split"]) if has_samples else set()
    splits = [each for each in ("id", "ood") if each in stored]
    split = _select(row[3], "Split", "split", [BOTH, *splits], first=_first(splits, opens))
    settings = EmergenceSettings(
        metric=metric,
        task=task,
        level=level,
        over=over,
        split=None if split == BOTH else split,
    )
    row = st.columns([3, 3, 2.2, 1.8])
    by_runs = mine.sort_values("n_runs", ascending=False, kind="stable")
    readings = list(dict.fromkeys(by_runs["reading"]))
    if len(readings) > 1:
        first = _first(readings, opens)
        reading = _select(row[1], "Reading", "reading", [ANY, *readings], first=first)
        settings = replace(settings, reading=None if reading == ANY else reading)
    elif said.reading in readings:
        settings = replace(settings, reading=said.reading)
    if over in ("parameters", "FLOPs"):
        checkpoints = _select(row[2], "Checkpoints", "checkpoints", ["last", "every"])
        settings = replace(settings, checkpoints=checkpoints)
    settings = _pick_line(row[0], chosen, settings, opens=opens)
    others = known[(known["metric"] != metric) & known["task"].isin(set(mine["task"]))]["metric"]
    usable = tuple(name for name in CONTINUOUS if name != metric and name in set(others))
    usable = () if metric == CONTINUOUS[0] else usable
    selection, settings = kept(resolved)(chosen, settings)
    settings = _pick_chance(row[3], selection, settings)
    return EmergenceChoice(selection, settings, opens, usable)


def points_of(choice: EmergenceChoice) -> pd.DataFrame:
    """The points of the series that the reader asks for; empty where no run has the score."""
    metric, wanted = metric_of(choice.settings), wanted_of(choice.selection, choice.settings)
    return kept(series)(choice.selection, metric, wanted, draw=False).points


def _first(options: Sequence[str], opens: bool) -> str | None:
    """The option that a page opens on that was asked for nothing."""
    return options[0] if opens and options else None


def _pick_about(
    place: st.delta_generator.DeltaGenerator,
    mine: pd.DataFrame,
    chosen: Selection,
    settings: EmergenceSettings,
    *,
    opens: bool,
) -> tuple[str | None, int | None]:
    """Task and level that the address names, in one widget that changes them."""
    options = _about(mine, chosen)
    if opens:
        _say_about(options[0])
        settings = asked(EmergenceSettings)
    word = EVERY_TASK if settings.level is None else f"{LEVEL_WORD}{settings.level}"
    word = settings.task or word
    if word not in options:
        refuse(not_possible("task", word, options))
        word = EVERY_TASK
    st.session_state["about"] = word
    place.selectbox(
        "Task or level",
        options,
        key="about",
        on_change=lambda: _say_about(st.session_state["about"]),
    )
    if word.startswith(LEVEL_WORD):
        return None, int(word.removeprefix(LEVEL_WORD))
    return (None if word == EVERY_TASK else word), None


def _say_about(word: str) -> None:
    """Write a task or a level into the address."""
    is_level = word.startswith(LEVEL_WORD)
    say("level", [word.removeprefix(LEVEL_WORD)] if is_level else [])
    say("task", [] if is_level or word == EVERY_TASK else [word])


def against_of(choice: EmergenceChoice, *, draw: bool) -> str | None:
    """The continuous metric that is held against the chosen one; with `draw` in a widget that
    changes it.
    """
    word = asked(EmergenceSettings).against
    if word not in choice.others and (word is not None or choice.opens):
        # Nothing was chosen yet, or what was chosen does not go with this task.
        word = next(iter(choice.others), None)
        _say_against(word or NONE)
    if draw and choice.others:
        st.session_state["held against"] = word or NONE
        st.selectbox(
            "Held against",
            [NONE, *choice.others],
            key="held against",
            on_change=lambda: _say_against(st.session_state["held against"]),
        )
    return word


def _say_against(word: str) -> None:
    """Write the metric to hold against into the address."""
    say("against", [] if word == NONE else [word])


def _about(mine: pd.DataFrame, chosen: Selection) -> list[str]:
    """Tasks of the metric, those with most runs first, then levels and all tasks together."""
    tasks = mine.dropna(subset=["task"]).groupby("task")["n_models"].max()
    names = [
        task
        for task in tasks.sort_values(ascending=False, kind="stable").index
        if not chosen.tasks or task in chosen.tasks
    ]
    levels = (
        [f"{LEVEL_WORD}{level}" for level in kept(fetch_levels)(chosen.scheme)["level"]]
        if (mine["source"] == "samples").any()
        else []
    )
    first = ["sort_numbers"] if "sort_numbers" in names else []
    return [*first, *(name for name in names if name not in first), *levels, EVERY_TASK]


def _pick_line(
    place: st.delta_generator.DeltaGenerator,
    chosen: Selection,
    settings: EmergenceSettings,
    *,
    opens: bool,
) -> EmergenceSettings:
    """The family, or over training the model, whose points are read."""
    selection, every = kept(resolved)(chosen, replace(settings, line=None))
    wanted = wanted_of(selection, every)
    lines = _lines(kept(series)(selection, metric_of(every), wanted, draw=False))
    label = "Model" if settings.over in ("tokens", "step") else "Family"
    line = _select(place, label, "line", [ALL, *lines], first=_first(lines, opens))
    return replace(settings, line=None if line == ALL else line)


def _lines(series: Series) -> list[str]:
    """Lines that have points, those at most scales first; of alike ones the largest scale first,
    then by name.
    """
    if not len(series.points):
        return []
    found = series.points.groupby("line")["x"].agg(["nunique", "max"]).reset_index()
    size = model_sizes()
    found["size"] = [size.get(line, ("", 0))[1] for line in found["line"]]
    found = found.sort_values(["nunique", "size", "max"], ascending=False, kind="stable")
    best, rest = found["line"].iloc[:1].tolist(), sorted(found["line"].iloc[1:], key=natural_order)
    return [*best, *rest]


def _pick_chance(
    place: st.delta_generator.DeltaGenerator, selection: Selection, settings: EmergenceSettings
) -> EmergenceSettings:
    """Accuracy of guessing: the reader's own, or as the study knows it."""
    known, is_derived = kept(chance_of)(selection, replace(settings, chance=None))
    shown = "unknown" if known is None else significant(known, 2)
    given = place.number_input(
        "Chance",
        0.0,
        0.99,
        value=None,
        step=0.05,
        key="chance",
        bind="query-params",
        placeholder=shown,
    )
    if given is None and known is None:
        st.caption(
            "The chance level is not known here: forms are fitted without a floor, onset and law"
            " wait for it. Say it under Chance."
        )
    if given is None and is_derived:
        st.caption(
            f"Chance {shown} is derived: the mean of 1 / number of choices over the instances."
        )
    return replace(settings, chance=None if given is None else float(given))


def _select(
    place: st.delta_generator.DeltaGenerator,
    label: str,
    key: str,
    options: list[str],
    *,
    first: str | None = None,
) -> str:
    """A choice that the address names; its first option is what an address without the word means.

    A word that is not among the options is refused, unless it was a choice that no longer goes with
    the others. `first` is what a page shows that was asked for nothing.
    """
    word = st.query_params.get(key)
    if word and word not in options:
        has_fixed_words = any(
            one.words for one in settings_in(EmergenceSettings) if one.name == key
        )
        if st.session_state.get(key) != word and not has_fixed_words:
            refuse(not_possible(key, word, options))
        say(key, [])
        word = None
    if not word and first is not None:
        word = first
        say(key, [] if first == options[0] else [first])
    return str(
        labelled(
            place.selectbox,
            label,
            key,
            options,
            word or options[0],
            labels=str,
            default=options[0],
        )
    )
