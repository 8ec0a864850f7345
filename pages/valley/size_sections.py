"""Sections of the valley page: the critical level against model size, and the complexity used on
probe tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from analysis.probe_tasks.sentences import headline, level_end
from analysis.text import level_name, listed, number, p_value, percent, short_count, significant
from data.queries import fetch_levels
from data.records import Selection
from studies.probe_tasks import ProbeTasksSettings, probe_tasks
from studies.size import SizeSettings, size
from ui import screen, selection
from ui.asked import asked, labelled
from ui.calibration_captions import simulated
from ui.chart import show_chart
from ui.figures.probe_level import probe_level_figure
from ui.figures.size import size_figure
from ui.figures.theme import MAX_LINES
from ui.kept import kept

if TYPE_CHECKING:
    from analysis.size.level_by_size import LevelBySize

SOURCE_WORDS = {"published": "published levels", "samples": "stored answers"}
"""Where critical levels come from, on screen."""


def draw_size(chosen: Selection) -> None:
    """Critical level against the number of parameters: sentence, scatter, every test as a table,
    the models behind it.
    """
    settings = asked(SizeSettings)
    found = kept(size)(chosen, settings)
    if not found.sources:
        screen.empty(
            "No model has both a published size and a critical level in this choice.",
            "A critical level needs answers in both splits on levels, or a published one. Sizes"
            " come from the catalog of models and from imported runs; they are never guessed. Clear"
            " the choice of models on the left, or import such results.",
            page="runs",
            link="Import results",
        )
        return
    if len(found.sources) > 1:
        source = labelled(
            st.segmented_control,
            "Critical levels from",
            "source",
            found.sources,
            found.found.source,
            labels=SOURCE_WORDS.__getitem__,
            default=None,
            required=True,
        )
        found = kept(size)(chosen, replace(settings, source=source))
    _draw_one(found.found, chosen)


def _draw_one(found: LevelBySize, chosen: Selection) -> None:
    screen.answer(found.sentence())
    known = kept(fetch_levels)(chosen.scheme)
    labels = {
        int(level): str(label) for level, label in zip(known["level"], known["label"], strict=True)
    }
    clicked = show_chart(
        size_figure(found, labels, styles=selection.styles(found.models["model"])),
        key=f"size {found.source}",
    )
    fit = found.interval
    screen.caption(
        n=(
            f"n = {fit.n} models, {fit.n_lowest} at the lowest level or below, {fit.n_highest} at"
            " the highest or above (arrows)"
        ),
        estimator=(
            "normal regression of the level on log10 parameters, a level being an interval and the"
            " two end levels open"
        ),
        interval=f"{percent(fit.confidence)}, Wald; the p-value is that of the likelihood ratio",
        denominator=chosen.denominator if found.source == "samples" else None,
        more=[
            "Colour = model, symbol = family",
            "Models of one size and level are drawn a little apart",
            *simulated(
                "In simulations of 23 models the interval holds the slope in {slope}, and the"
                " likelihood ratio finds a trend where there is none in {ratio}",
                slope=("interval_regression", "levels per tenfold size"),
                ratio=("interval_regression", "size: likelihood ratio"),
            ),
        ],
        methods=("interval_regression", "size_rank_trend", "ordinal_regression"),
    )
    st.markdown("\n".join(f"- {screen.plain(text)}" for text in found.caveats()))
    _draw_tests(found)
    if found.groups.reason is None:
        st.caption(screen.plain(f"Size groups, by parameters: {', '.join(found.group_names)}."))
    screen.table(
        found.models,
        f"critical-level-by-size-{found.source}",
        columns={"n_params": "parameters", "level_label": "level name"},
        formats={"n_params": short_count, "level_label": lambda label: level_name(label, 0)},
        key=f"size models {found.source}",
    )
    if clicked:
        screen.open_page(
            "runs" if found.source == "published" else "samples", model=str(clicked["model"])
        )


def _draw_tests(found: LevelBySize) -> None:
    """Every statistic of METHODS B4, the one within families first."""
    rows = [
        (
            "Kendall's S within families",
            found.within.s,
            None,
            None,
            found.within.p_two_sided,
            found.within.n,
            found.within.method,
        ),
        (
            "Kendall's tau-b, all models",
            found.overall.tau_b,
            None,
            None,
            found.overall.p_two_sided,
            found.overall.n,
            found.overall.method,
        ),
        (
            "Spearman, all models",
            found.overall.spearman,
            None,
            None,
            found.overall.spearman_p,
            found.overall.n,
            "t approximation",
        ),
        (
            "Levels per tenfold size, interval-censored",
            found.interval.b1,
            found.interval.lo,
            found.interval.hi,
            found.interval.lr_p,
            found.interval.n,
            "likelihood ratio",
        ),
        (
            "Log odds of a higher level per tenfold size",
            found.ordinal.beta,
            found.ordinal.lo,
            found.ordinal.hi,
            found.ordinal.lr_p,
            found.ordinal.n,
            "proportional odds, likelihood ratio",
        ),
        (
            "Levels per tenfold size, least squares",
            found.line.slope,
            None,
            None,
            found.line.p,
            found.line.n,
            "ignores the censoring",
        ),
        (
            "Jonckheere-Terpstra z over size groups",
            found.groups.z,
            None,
            None,
            found.groups.p_one_sided,
            found.groups.n,
            "one-sided: rises",
        ),
        (
            "P(closed above open), Mann-Whitney",
            found.access.share,
            None,
            None,
            found.access.p,
            found.access.n_first + found.access.n_second,
            "one-sided: closed is higher; no sizes",
        ),
    ]
    table = pd.DataFrame(
        rows, columns=["statistic", "estimate", "from", "to", "p", "n models", "how"]
    )
    table["reason"] = [
        *(found.within.reason, found.overall.reason, found.overall.reason, found.interval.reason),
        *(found.ordinal.reason, found.line.reason, found.groups.reason, found.access.reason),
    ]
    table[["from", "to"]] = table[["from", "to"]].astype(float)
    if table["reason"].isna().all():
        table = table.drop(columns="reason")
    screen.table(
        table, f"size-tests-{found.source}", formats=_FORMATS, key=f"size tests {found.source}"
    )


_FORMATS: dict[str, Callable[[Any], str]] = {
    "estimate": significant,
    "from": significant,
    "to": significant,
    "p": p_value,
}


def draw_probe_tasks(chosen: Selection) -> None:
    """Complexity used on tasks that can be solved at several, read off the model's own levels."""
    readings = kept(probe_tasks)(chosen, asked(ProbeTasksSettings)).readings
    if not readings:
        tasks = (
            "longest_increasing_subsequence, longest_consecutive_elements and"
            " longest_common_subarray"
        )
        screen.empty(
            "No answers on probe tasks in this choice.",
            f"Probe tasks can be solved at several complexities (in SCYLLA {tasks}); a model's OOD"
            " accuracy on one, set against its own OOD accuracies on levels, says which it used."
            " Put one to a model on the probe page, or import such results.",
            page="probe",
            link="Probe a model",
        )
        return
    screen.answer(headline(readings))
    clicked = show_chart(
        probe_level_figure(
            readings, styles=selection.styles([reading.model for reading in readings])
        ),
        key="probe levels",
    )
    n_models = len({reading.model for reading in readings})
    screen.caption(
        n=(
            f"n = {sum(reading.n for reading in readings):,} OOD answers on probe tasks, {n_models}"
            " models"
        ),
        estimator=(
            "where the straight lines between the model's own OOD level means equal its OOD"
            " accuracy on the probe task; all crossings"
        ),
        interval=(
            f"{percent(readings[0].level.confidence)}, of the lowest crossing over"
            f" {readings[0].level.n_draws:,} draws of every accuracy from its Beta posterior; other"
            " instances, not other tasks"
        ),
        denominator=chosen.denominator,
        more=[
            "Triangles and lines beyond the levels: complexity below the lowest or above the"
            " highest level"
        ]
        + ([f"Drawn are the first {MAX_LINES} models"] if n_models > MAX_LINES else []),
    )
    st.caption(
        "Several crossings mean that the accuracies do not fall steadily over the levels: each is a"
        " possible reading. Levels are ordinal: a level of 2.5 lies between 2 and 3 and is no"
        " exponent."
    )
    records = [reading.as_record() for reading in readings]
    frame = pd.DataFrame(records)
    frame["levels"] = [listed(map(number, levels)) for levels in frame["levels"]]
    frame["interval"] = [
        f"{level_end(reading.level.lo)} to {level_end(reading.level.hi)}" for reading in readings
    ]
    screen.table(frame, "probe-tasks", key="probe task rows")
    if clicked:
        screen.open_page(
            "samples", model=str(clicked["model"]), task=clicked.get("task"), split="ood"
        )
