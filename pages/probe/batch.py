"""The batch side of the probe page: a run over levels and both splits, its progress, and the valley
that fills in while it goes on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.text import ago, counted, duration_text, level_name, number, split_label
from data.probe_sink import StoreSink
from data.queries import fetch_run, fetch_runs
from data.records import SCYLLA_SCHEME, NotEnoughDataError, Selection, Split
from pages.probe.sections import ProbeChoice
from pages.samples.sections import level_labels, parse_object
from probe.job_queue import BatchJob, Job, ModelChoice
from probe.run_loop import ProbeSpec
from probe.tasks import TASKS
from studies.valley import COUNTED, ValleySettings, valley_of_model
from ui import screen, selection
from ui.chart import show_chart
from ui.figures.valley import valley_figure
from ui.kept import kept, the_queue, the_store

UNFINISHED = ("partial", "started", "error")
_POLL_S = 1.0


def pick_batch(choice: ProbeChoice) -> ProbeSpec | None:
    """Draw the widgets of a batch and return what it would ask, once the reader has pressed Run."""
    labels = level_labels(SCYLLA_SCHEME)
    offered = choice.tasks
    levels = sorted({level for task in offered if (level := TASKS[task].level) is not None})
    top = st.columns([8, 2])
    wanted_levels = top[0].pills(
        "Levels",
        levels,
        selection_mode="multi",
        default=levels,
        key=f"batch levels {levels}",
        format_func=lambda n: f"{n} {level_name(labels.get(n), n)}",
    )
    splits = top[1].pills(
        "Splits",
        [str(side) for side in Split],
        selection_mode="multi",
        default=["id", "ood"],
        key="batch splits",
        format_func=split_label,
    )
    fitting = [task for task in offered if TASKS[task].level in wanted_levels]
    row = st.columns([6, 2.6, 1.4], vertical_alignment="bottom")
    wanted_tasks = row[0].multiselect(
        "Tasks", fitting, key="batch tasks", placeholder=f"all {len(fitting)} tasks of these levels"
    )
    n = int(row[1].number_input("Instances per task and split", 1, 4096, 16, key="batch n") or 1)
    tasks = [task for task in wanted_tasks if task in fitting] or fitting
    total = len(tasks) * len(splits) * n
    is_asked = row[2].button(
        "Run",
        type="primary",
        key="run batch",
        icon=":material/play_arrow:",
        disabled=not total,
        width="stretch",
    )
    st.caption(
        f"{counted(len(tasks), 'task')} × {counted(len(splits), 'split')} × {n:,} = {total:,}"
        " samples, stored as they come. The same choice goes on where it was stopped."
    )
    if not is_asked:
        return None
    return ProbeSpec(
        tasks=tuple(tasks),
        splits=tuple(Split(side) for side in Split if str(side) in splits),
        n=n,
        seed=choice.seed,
        style=choice.style,
        id_source=choice.id_source,
        max_new_tokens=choice.max_new_tokens,
        temperature=choice.temperature,
    )


def run_batch(model: ModelChoice, spec: ProbeSpec, *, resumes: str | None = None) -> None:
    """Put a batch into the queue."""
    the_queue().submit(BatchJob(model, spec, StoreSink(the_store()), resumes=resumes))


# -- progress --------------------------------------------------------------------------------------


def draw_batches(chosen: Selection) -> None:
    """The batch that runs (or the last one), those that wait, and the runs that can go on. Drawn
    anew every second while one runs.
    """
    is_busy = any(isinstance(job, BatchJob) and not job.is_over for job in the_queue().jobs())
    st.fragment(_draw_batches, run_every=_POLL_S if is_busy else None, key="batches")(
        chosen, is_busy
    )


def _draw_batches(chosen: Selection, was_busy: bool) -> None:
    jobs = [job for job in the_queue().jobs() if isinstance(job, BatchJob)]
    busy = [job for job in jobs if not job.is_over]
    if was_busy and not busy:
        st.rerun()
    active = [job for job in busy if job.state != "waiting"]
    shown = (active or [job for job in jobs if job.is_over] or [])[:1]
    for job in [*shown, *(job for job in busy if job not in shown)]:
        _draw_batch(job)
    for job in shown:
        _draw_result(job, chosen)
    if not busy:
        draw_unfinished({job.run_id for job in jobs if job.is_over and job.run_id and job in shown})


def _draw_batch(job: BatchJob) -> None:
    with st.container(border=True):
        left, right = st.columns([8, 2], vertical_alignment="center")
        left.markdown(f"**{screen.plain(job.model_name)}** · {screen.plain(_state_words(job))}")
        if not job.is_over:
            if right.button(
                "Stop", key=f"stop {job.number}", icon=":material/stop:", width="stretch"
            ):
                job.stop()
        elif job.state != "done" and job.run_id is not None and _offers_to_resume(right, job):
            the_queue().submit(job.again())
            st.rerun()
        if job.n_total:
            st.progress(min(1.0, job.n_done / job.n_total), text=screen.plain(progress_words(job)))
        if job.elicitation is not None and not job.is_over:
            said = job.elicitation
            st.caption(
                screen.plain(
                    f"Asking for test inputs of {said.task}: {counted(said.n_examples, 'example')}"
                    f" with {counted(said.n_elements, 'number')} after"
                    f" {counted(said.n_prompts, 'prompt')}."
                )
            )
        for text in job.notes:
            st.caption(screen.plain(text))
        if job.state == "failed":
            st.error(screen.plain(job.message), icon=":material/error:")


def _offers_to_resume(place: DeltaGenerator, job: BatchJob) -> bool:
    return place.button(
        "Resume", key=f"resume {job.number}", icon=":material/play_arrow:", width="stretch"
    )


def _state_words(job: Job) -> str:
    if job.state == "waiting":
        n_before = the_queue().before(job)
        return f"waits for {counted(n_before, 'job')} before it" if n_before else "waits"
    if not job.is_over and job.should_stop():
        return "stopping after what is being asked now"
    return {"stopped": "stopped; what is done is stored", "done": "done"}.get(
        job.state, str(job.state)
    )


def progress_words(job: BatchJob) -> str:
    """How far a batch is: `96 of 512 samples (32 were there already) · 41 samples per s · 10 s left
    · 60 correct, 4 wrong`.
    """
    total = job.n_total or 0
    parts = [
        f"{job.n_done:,} of {total:,} samples"
        + (f" ({job.n_before:,} were there already)" if job.n_before else "")
    ]
    if not job.is_over and job.rate_per_s:
        parts += [
            f"{number(job.rate_per_s, 1)} samples per s",
            f"{duration_text(job.left_s or 0)} left",
        ]
    if job.outcomes:
        parts.append(", ".join(f"{n:,} {outcome}" for outcome, n in sorted(job.outcomes.items())))
    return " · ".join(parts)


# -- what came of it -------------------------------------------------------------------------------


def _draw_result(job: BatchJob, chosen: Selection) -> None:
    runs = kept(fetch_runs)()
    mine = runs[runs["run_id"] == job.run_id]
    if mine.empty or not int(mine["n_samples"].iloc[0]):
        return
    run_id, model = str(job.run_id), str(mine["model"].iloc[0])
    only = Selection(
        models=(model,), scheme=chosen.scheme, denominator=chosen.denominator, runs=(run_id,)
    )
    with st.container(horizontal=True):
        screen.page_link(
            "samples", "Its samples", icon=":material/article:", model=model, run=run_id
        )
        screen.page_link("valley", "All valleys", icon=":material/stacked_line_chart:")
        screen.page_link("runs", "The run", icon=":material/inventory_2:", run=run_id)
    try:
        valley = kept(valley_of_model)(COUNTED, replace(only, models=(model,)), ValleySettings())
    except NotEnoughDataError as fault:
        st.caption(screen.plain(f"No valley yet: {fault}"))
        return
    clicked = show_chart(
        valley_figure([valley], styles=selection.styles([model])), key="live valley"
    )
    screen.caption(
        n=int(valley.curve["n_id"].sum() + valley.curve["n_ood"].sum()),
        estimator=(
            "accuracy is the mean over a level's tasks, each counting the same; this run alone"
        ),
        interval="95 %, over tasks where a level has several, else over instances (Wilson)",
        denominator=chosen.denominator,
    )
    if clicked:
        screen.open_page(
            "samples",
            model=model,
            run=run_id,
            level=clicked.get("level"),
            split=clicked.get("split"),
        )


def draw_unfinished(left_out: set[str]) -> None:
    """Runs of the probe that were not finished, here or in the shell, each with a button to
    go on.
    """
    runs = kept(fetch_runs)()
    rows = runs[
        (runs["format"] == "probe")
        & runs["status"].isin(UNFINISHED)
        & ~runs["run_id"].isin(left_out)
    ]
    if rows.empty:
        return
    with st.expander(f"Unfinished runs ({len(rows)})", icon=":material/pause_circle:"):
        table = pd.DataFrame(
            {name: rows[name] for name in ("run_id", "model", "status", "n_samples", "started_at")}
        )
        event: Any = st.dataframe(
            table, hide_index=True, on_select="rerun", selection_mode="single-row", key="unfinished"
        )
        picked = [place for place in event["selection"]["rows"] if place < len(table)]
        if not picked:
            st.caption("Select a row to go on with it.")
            return
        row = table.iloc[picked[0]]
        if st.button(f"Resume {row['run_id']}", key="resume stored", icon=":material/play_arrow:"):
            model, spec = stored_spec(kept(fetch_run)(str(row["run_id"])))
            run_batch(model, spec, resumes=str(row["run_id"]))
            st.rerun()
        st.caption(
            screen.plain(
                f"{row['model']}, begun {ago(row['started_at'])}."
                if pd.notna(row["started_at"])
                else str(row["model"])
            )
        )


def stored_spec(run: dict[str, Any]) -> tuple[ModelChoice, ProbeSpec]:
    """Model and spec of a stored run, from what was stored with it.

    Args:
        run: as data.queries.fetch_run gives it.
    """
    metadata, generation, seeds = (
        parse_object(run[name]) for name in ("metadata", "generation", "seeds")
    )
    source = metadata["id_source"]
    ood = source.get("ood", "scatter")
    spec = ProbeSpec(
        tasks=tuple(metadata["tasks"]),
        splits=tuple(Split(side) for side in metadata["splits"]),
        n=int(metadata["n_per_cell"]),
        seed=int(seeds["instances"]),
        style=str(metadata["prompt_style"]),
        id_source=str(source["name"]) if ood == "scatter" else f"{source['name']}:{ood}",
        max_new_tokens=int(generation["max_new_tokens"]),
        temperature=float(generation["temperature"]),
    )
    return ModelChoice(str(metadata["ref"]), dtype=None), spec
