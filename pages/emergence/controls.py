"""Which score over which scale the reader wants to see: widgets of the emergence page, bound to the
URL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from data.queries import SAMPLE_METRICS
from data.records import Selection
from ui import cached, screen
from ui.figures.theme import natural_order

if TYPE_CHECKING:
    from analysis.emergence.scale_series import Series, Wanted

NOT_OFFERED = ("critical_level", "generalization_score", "likelihood_difference")
"""Scores that are no score of answers, or have no direction."""
EVERY_TASK, LEVEL_WORD, EVERY_LINE = "all tasks", "level ", "all"
"""Options are plain words: what stands in the box is what stands in the link."""
BOTH, ANY = "both", "any"
LAST, EVERY = "last", "every"
CONTINUOUS = ("answer_logprob", "token_accuracy", "ppl", "bits_per_byte", "acc_norm")
"""Metrics without a jump of their own, the most telling first; the mirage tab takes the first that
the task has.
"""
KEYS = ("metric", "about", "over", "split", "line", "reading", "checkpoints", "chance", "against")
"""Keys of the widgets, and words of the URL."""


@dataclass(frozen=True, slots=True)
class EmergenceChoice:
    """What the reader asks for."""

    selection: Selection
    metric: str
    wanted: Wanted
    chance: float | None
    """Accuracy of guessing; None where it is not known."""
    against: str | None
    """A continuous metric of the same answers; None where there is none."""
    about: str
    """Task or level and split, as a sentence names them."""


def pick(chosen: Selection) -> EmergenceChoice:
    """Draw the controls and return what they say. Words of the URL that name nothing here are said
    and ignored.
    """
    from analysis.emergence.scale_series import AXES, Wanted

    known = cached.scale_metrics()
    known = known[~known["metric"].isin(NOT_OFFERED)]
    metrics = _metrics(known)
    row = st.columns([3, 3, 2.2, 1.8])
    metric = _select(row[0], "Metric", "metric", metrics)
    mine = known[known["metric"] == metric]
    about = _select(row[1], "Task or level", "about", _about(mine, chosen))
    axis = _select(row[2], "Over", "over", list(AXES))
    mine = mine[mine["task"] == about] if about in set(mine["task"]) else mine
    has_samples = bool((mine["source"] == "samples").any())
    stored = set(cached.task_counts(chosen)["split"]) if has_samples else set()
    split = _select(
        row[3], "Split", "split", [*(each for each in ("id", "ood") if each in stored), BOTH]
    )
    row = st.columns([3, 3, 2.2, 1.8])
    wanted = Wanted(
        axis=axis,
        tasks=chosen.tasks if about == EVERY_TASK or about.startswith(LEVEL_WORD) else (about,),
        level=int(about.removeprefix(LEVEL_WORD)) if about.startswith(LEVEL_WORD) else None,
        split=None if split == BOTH else split,
        every_checkpoint=axis == "loss",
        denominator=chosen.denominator,
    )
    readings = list(
        dict.fromkeys(mine.sort_values("n_runs", ascending=False, kind="stable")["reading"])
    )
    if len(readings) > 1:
        wanted = replace(wanted, reading=_select(row[1], "Reading", "reading", readings))
    if axis in ("parameters", "FLOPs"):
        checkpoints = _select(row[2], "Checkpoints", "checkpoints", [LAST, EVERY])
        wanted = replace(wanted, every_checkpoint=checkpoints == EVERY)
    lines = _lines(cached.series(chosen, metric, wanted, draw=False))
    line = _select(
        row[0], "Model" if axis in ("tokens", "step") else "Family", "line", [*lines, EVERY_LINE]
    )
    wanted = replace(wanted, line=None if line == EVERY_LINE else line)
    chance = _chance(row[3], chosen, metric, wanted)
    others = known[(known["metric"] != metric) & known["task"].isin(set(mine["task"]))]["metric"]
    against = next((name for name in CONTINUOUS if name != metric and name in set(others)), None)
    where = f"level {wanted.level}" if wanted.level is not None else about
    said = (
        where
        + ({"id": " ID", "ood": " OOD"}.get(split, ""))
        + (f", {wanted.reading}" if wanted.reading else "")
    )
    return EmergenceChoice(
        chosen, metric, wanted, chance, against if metric not in CONTINUOUS[:1] else None, said
    )


def pick_against(choice: EmergenceChoice) -> str | None:
    """Draw the choice of the continuous metric, where there are several."""
    known = cached.scale_metrics()
    known = known[known["task"].isin(choice.wanted.tasks)] if choice.wanted.tasks else known
    names = [name for name in CONTINUOUS if name in set(known["metric"]) and name != choice.metric]
    if len(names) < 2:
        return choice.against
    return _select(st.container(), "Held against", "against", names)


def _metrics(known: pd.DataFrame) -> list[str]:
    counts = known.groupby("metric")["n_runs"].max().sort_values(ascending=False, kind="stable")
    ours = [name for name in SAMPLE_METRICS if name in counts.index]
    return [*ours, *(name for name in counts.index if name not in ours)] or ["accuracy"]


def _about(mine: pd.DataFrame, chosen: Selection) -> list[str]:
    """Tasks of the metric, those with most runs first, then levels and all tasks together."""
    tasks = mine.dropna(subset=["task"]).groupby("task")["n_models"].max()
    names = [
        task
        for task in tasks.sort_values(ascending=False, kind="stable").index
        if not chosen.tasks or task in chosen.tasks
    ]
    levels = (
        [f"{LEVEL_WORD}{level}" for level in cached.levels(chosen.scheme)["level"]]
        if (mine["source"] == "samples").any()
        else []
    )
    first = ["sort_numbers"] if "sort_numbers" in names else []
    return [*first, *(name for name in names if name not in first), *levels, EVERY_TASK]


def _lines(series: Series) -> list[str]:
    """Lines that have points, those at most scales first; of alike ones the largest scale first,
    then by name.
    """
    if not len(series.points):
        return []
    found = series.points.groupby("line")["x"].agg(["nunique", "max"]).reset_index()
    size = cached.sizes()
    found["size"] = [size.get(line, ("", 0))[1] for line in found["line"]]
    found = found.sort_values(["nunique", "size", "max"], ascending=False, kind="stable")
    best, rest = found["line"].iloc[:1].tolist(), sorted(found["line"].iloc[1:], key=natural_order)
    return [*best, *rest]


def _chance(
    place: st.delta_generator.DeltaGenerator, chosen: Selection, metric: str, wanted: Wanted
) -> float | None:
    """Accuracy of guessing: as is known for the one task in the runs drawn, if it is the same in
    all; unless the reader says otherwise.
    """
    runs = cached.series(chosen, metric, wanted).points
    known = cached.chance()
    levels = (
        {known.get((run_id, wanted.tasks[0])) for run_id in runs["run_id"]}
        if len(wanted.tasks) == 1 and len(runs)
        else set()
    )
    default = levels.pop() if len(levels) == 1 else None
    shown = "unknown" if default is None else f"{default:.2g}"
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
    if given is None and default is None:
        st.caption(
            "The chance level is not known here: forms are fitted without a floor, onset and law"
            " wait for it. Say it under Chance."
        )
    derived = cached.choice_chance()
    if (
        given is None
        and default is not None
        and any((run_id, wanted.tasks[0]) in derived for run_id in runs["run_id"])
    ):
        st.caption(
            f"Chance {shown} is derived: the mean of 1 / number of choices over the instances."
        )
    return default if given is None else float(given)


def _select(
    place: st.delta_generator.DeltaGenerator, label: str, key: str, options: list[str]
) -> str:
    word = st.query_params.get(key)
    if word and word not in options:
        text = f"The link asks for {key} {word}, which is not to be had here; it was ignored."
        st.warning(screen.plain(text), icon=":material/link_off:")
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    picked = place.selectbox(label, options, key=key, bind="query-params")
    return str(picked if picked is not None else options[0])
