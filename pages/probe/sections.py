"""Parts of the probe page: what is asked of which model, where a model would run, and one instance
asked live.
"""

from __future__ import annotations

import math
import platform
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from analysis.text import counted, duration_text, number, significant, size_text, split_label
from data.queries import fetch_run, fetch_runs
from data.records import SCYLLA_SCHEME, CharybdisError, Selection, Split
from pages.runs.import_panel import LOOPBACK
from pages.samples.sections import TONES, level_labels, parse_object
from pages.valley.sections import follow
from probe.id_sources import IdSource, IdSourceError, ladder_source, range_source, read_source
from probe.job_queue import AskJob, BatchJob, Job, ModelChoice, OpenedModel
from probe.models import ladder_names, missing_packages
from probe.prompts import STYLES, style_named
from probe.tasks import TASKS, Instance, make_batch
from studies.steps import task_counts
from studies.valley import COUNTED, ValleySettings, valley_of_model
from studies.valley import sources as valley_sources
from ui import screen, selection
from ui.chart import show_chart
from ui.figures.answer import answer_figure
from ui.kept import kept, the_queue
from ui.raw_text import visible
from ui.token_view import show_tokens

DEMO_MODELS = ("demo:oracle:0.2:7", "demo:echo")
AUTOMATIC = "automatic"
_ASKED = "probe: asked"
_POLL_S, _PATIENT_POLL_S = 0.25, 1.0
"""How often a reply is looked at while tokens come, and while the model is opened: that takes both
cores of a small machine.
"""
_FIRST_WAIT_S = 0.3
"""A small model is done within this time, so that its reply stands there at once."""


@dataclass(frozen=True, slots=True)
class ProbeChoice:
    """What the widgets above both tabs say."""

    model: ModelChoice
    id_source: str
    seed: int
    style: str | None
    """None: what fits the model."""
    max_new_tokens: int | None
    temperature: float

    @property
    def known_style(self) -> str | None:
        """The prompt style, as far as it is known before the model is opened."""
        opened = the_queue().opened
        if self.style is not None:
            return self.style
        if opened is not None and opened.choice == self.model:
            return opened.facts.style
        kinds = {"ladder": "compact", "openai": "chat", "demo": "zero_shot"}
        return kinds.get(self.model.ref.partition(":")[0])

    @property
    def tasks(self) -> list[str]:
        """The tasks that style and ID source have words and numbers for."""
        style = self.known_style
        worded = style_named(style).tasks if style is not None else None
        known = ladder_source().tasks if self.id_source.startswith("ladder") else TASKS
        return [task for task in TASKS if task in known and (worded is None or task in worded)]


def pick_model() -> ProbeChoice | None:
    """Draw the widgets above both tabs. None while no model is named, or one that may not be opened
    from here.
    """
    missing = missing_packages()
    if missing:
        st.info(screen.plain(missing), icon=":material/download:")
    ladder = () if missing else ladder_names()
    models = [*(f"ladder:{name}" for name in ladder), *DEMO_MODELS]
    named_before = st.session_state.get("ref") or st.query_params.get("ref")
    offered = models if not named_before or named_before in models else [*models, named_before]
    left, middle, right, last = st.columns([4.4, 2.4, 1.4, 1.6], vertical_alignment="bottom")
    ref = left.selectbox(
        "Model",
        offered,
        index=max(0, len(models) - len(DEMO_MODELS) - 1),
        key="ref",
        bind="query-params",
        accept_new_options=True,
        placeholder="a model of the list, a folder, a hub id, or openai:<model>@<base_url>",
        help=(
            "A model of the ladder, a folder or hub id with a causal language model (safetensors),"
            " or openai:<model>@<base_url> for any server with OpenAI's API; its key comes from the"
            " environment variable OPENAI_API_KEY."
        ),
    )
    is_ladder = (ref or "").startswith("ladder:")
    id_source = middle.selectbox(
        "ID source",
        _id_sources(),
        index=1 if is_ladder else 0,
        key=f"source {is_ladder}",
        help=(
            "Where ID comes from. range: 0 to 99 are ID, 100 to 9999 OOD. ladder: what the ladder"
            " was trained on, and what it never saw. elicited: what the model writes when it is"
            " asked for test inputs."
        ),
    )
    seed = right.number_input("Seed", 0, 2**31 - 1, 0, key="seed", bind="query-params")
    with last.popover("Settings", icon=":material/tune:", width="stretch"):
        device = st.selectbox(
            "Device", [AUTOMATIC, "cuda", "mps", "cpu"], key="device", help="For local models."
        )
        dtype = st.selectbox(
            "Number format",
            [AUTOMATIC, "float32", "bfloat16", "float16"],
            key="dtype",
            help="For local models.",
        )
        style = st.selectbox(
            "Prompt style",
            [AUTOMATIC, *STYLES],
            key="style",
            help="Automatic: what fits the model.",
        )
        limit = st.number_input(
            "New tokens at most", 0, 32_768, 0, key="limit", help="0: what the prompt style allows."
        )
        temperature = st.number_input(
            "Temperature",
            0.0,
            10.0,
            0.0,
            0.1,
            key="temperature",
            help="0: always the most likely token.",
        )
    if not ref or not ref.strip() or not _may_open(ref.strip(), models):
        return None
    named = [None if word in (None, AUTOMATIC) else word for word in (device, dtype, style)]
    return ProbeChoice(
        ModelChoice(ref.strip(), named[0], named[1]),
        id_source,
        int(seed or 0),
        named[2],
        int(limit or 0) or None,
        float(temperature or 0),
    )


def _id_sources() -> list[str]:
    from probe.ladder.distribution import OOD_KINDS

    kinds = []
    for kind in OOD_KINDS:
        try:
            ladder_source(kind)
        except IdSourceError:
            continue
        kinds.append("ladder" if kind == "scatter" else f"ladder:{kind}")
    return ["range", *kinds, "elicited"]


def _may_open(ref: str, listed: list[str]) -> bool:
    """Whether a visitor may open this: beyond this machine only what is listed, for a path or
    address would reach what is not theirs.
    """
    if ref in listed or st.get_option("server.address") in LOOPBACK:
        return True
    st.warning(
        "This server listens beyond this machine, so only the models of the list can be opened"
        " here. Probe others in the shell: `cli.py probe --model …`.",
        icon=":material/lock:",
    )
    return False


# -- where it runs ---------------------------------------------------------------------------------


def draw_machine() -> None:
    """What is in memory, on which device, and who waits for it."""
    queue = the_queue()
    opened = queue.opened
    jobs = [job for job in queue.jobs() if not job.is_over]
    running = next((job for job in jobs if job.state != "waiting"), None)
    n_waiting = sum(job.state == "waiting" for job in jobs)
    words = _opened_words(opened) if opened else f"No model is open. {machine_words()}"
    if running is not None:
        words = f"{words if opened else machine_words()} {_job_words(running)}."
    if n_waiting:
        words += f" {counted(n_waiting, 'job')} in the queue: one model is in memory at a time."
    left, right = st.columns([8.4, 1.6], vertical_alignment="center")
    left.caption(screen.plain(words))
    if right.button(
        "Close the model",
        key="close model",
        type="tertiary",
        help="Frees its memory.",
        disabled=opened is None or bool(jobs),
    ):
        queue.let_go()
        st.rerun()


def _job_words(job: Job) -> str:
    what = (
        f"A batch of {job.choice.ref}"
        if isinstance(job, BatchJob)
        else f"A question to {job.choice.ref}"
    )
    if isinstance(job, BatchJob) and job.n_total:
        return f"{what}: {job.n_done:,} of {job.n_total:,} samples"
    return f"{what}: {job.state}"


def machine_words() -> str:
    """Whether there is a GPU, told without loading what would use it."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Apple GPU: models run on it."
    if Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi"):
        return "NVIDIA GPU: models run on it."
    return "No GPU: models run on the CPU, which is what the ladder is made for."


def _opened_words(opened: OpenedModel) -> str:
    facts = opened.facts
    parts = [
        f"{opened.name} is open on {facts.device_label}",
        facts.dtype,
        f"{facts.n_params:,} parameters" if facts.n_params else None,
        f"weights {size_text(facts.memory_bytes)}" if facts.memory_bytes else None,
        (
            f"GPU memory {size_text(held)}"
            if facts.device in ("cuda", "mps") and (held := gpu_bytes())
            else None
        ),
        (
            f"this process {size_text(memory)}"
            if (memory := process_bytes()) and facts.device != "server"
            else None
        ),
    ]
    return " · ".join(part for part in parts if part) + "."


def gpu_bytes() -> int | None:
    """Memory that this process holds on a GPU; None where no model runs on one. Loads nothing:
    torch is there once a model is open.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return int(torch.cuda.memory_reserved())
    return int(torch.mps.driver_allocated_memory()) if torch.backends.mps.is_available() else None


def process_bytes() -> int | None:
    """Memory that this process holds, where the system tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * 4096


# -- one instance ----------------------------------------------------------------------------------


def pick_instance(choice: ProbeChoice) -> Instance | None:
    """Draw the widgets of one instance and return it. None when the choice has none, and the reason
    is said.
    """
    tasks = choice.tasks
    levels = sorted({level for task in tasks if (level := TASKS[task].level) is not None})
    labels = level_labels(SCYLLA_SCHEME)
    first = st.columns([4, 6])
    level = first[0].selectbox(
        "Level",
        levels,
        index=None,
        key="probe_level",
        bind="query-params",
        placeholder="any",
        help=". ".join(f"{n}: {labels[n]}" for n in levels if n in labels),
    )
    fitting = [name for name in tasks if level is None or TASKS[name].level == level]
    task = first[1].selectbox("Task", fitting, key="probe_task", bind="query-params")
    second = st.columns([4, 6])
    split = second[0].segmented_control(
        "Split",
        [str(side) for side in Split],
        default="id",
        required=True,
        key="probe_split",
        bind="query-params",
    )
    number = second[1].number_input(
        "Instance",
        1,
        512,
        1,
        key="number",
        bind="query-params",
        help="The same number has the same pattern in both splits.",
    )
    if task is None or split is None:
        return None
    try:
        said = find_source(choice).of(task)
        return make_batch(
            task, split, int(number or 1), choice.seed, lengths=said.lengths, elements=said.elements
        )[-1]
    except CharybdisError as fault:
        st.warning(screen.plain(fault), icon=":material/info:")
        return None


def find_source(choice: ProbeChoice) -> IdSource:
    """The ID source that single instances are drawn from; an elicited one comes from the model's
    last run that has one.

    Raises: IdSourceError when there is none yet.
    """
    kind, _, ood = choice.id_source.partition(":")
    if kind == "ladder":
        return ladder_source(ood or "scatter")
    if kind == "range":
        return range_source()
    runs = kept(fetch_runs)()
    for run_id in runs.loc[
        (runs["format"] == "probe") & (runs["id_source"] == "elicited"), "run_id"
    ]:
        metadata = parse_object(kept(fetch_run)(str(run_id))["metadata"])
        if metadata.get("ref") == choice.model.ref:
            return read_source(metadata["id_source"])
    raise IdSourceError(
        f"{choice.model.ref} has not been asked for test inputs yet. Run a batch with the ID source"
        " 'elicited' first; single instances are drawn from what it wrote then."
    )


def draw_instance(choice: ProbeChoice, instance: Instance) -> None:
    """The instance, its reference, and what the model will read."""
    st.caption("Input")
    screen.verbatim(
        "\n".join(f"{name}: {visible(str(value))}" for name, value in instance.input.items())
    )
    st.caption("Reference (other right answers are accepted too)")
    screen.verbatim(str(instance.reference))
    style = choice.known_style
    with st.expander("Prompt" if style is None else f"Prompt, style {style}"):
        if style is None:
            st.caption("Decided when the model is open: a chat template is used where it has one.")
        else:
            screen.verbatim(style_named(style).prompt(instance).text)


def ask(choice: ProbeChoice, instance: Instance) -> None:
    """Put the instance into the queue; `asked` follows it."""
    job = AskJob(
        choice.model,
        instance,
        style=choice.style,
        max_new_tokens=choice.max_new_tokens,
        temperature=choice.temperature,
        seed=choice.seed,
    )
    st.session_state[_ASKED] = job
    the_queue().submit(job)


def asked(choice: ProbeChoice, instance: Instance) -> AskJob | None:
    """What was asked last here, while it is still about this instance and model."""
    job: AskJob | None = st.session_state.get(_ASKED)
    if job is not None and (job.instance != instance or job.choice != choice.model):
        job.stop()
        del st.session_state[_ASKED]
        return None
    return job


def draw_reply(job: AskJob) -> None:
    """The reply as it comes, and what became of it."""
    job.wait(_FIRST_WAIT_S)
    pace = _pace(job)
    st.fragment(_draw_reply, run_every=pace, key="reply")(job, pace)


def _pace(job: AskJob) -> float | None:
    return None if job.is_over else _POLL_S if job.tokens else _PATIENT_POLL_S


def _draw_reply(job: AskJob, pace: float | None) -> None:
    job.watch()
    is_over = job.is_over  # looked at once: what is drawn below belongs to one moment
    _draw_outcome(job, is_over)
    if job.tokens or not is_over:
        show_tokens(job.tokens, key="tokens", job=job.number, is_running=not is_over)
        st.caption(_token_words(job))
    if (None if is_over else _pace(job)) != pace:
        st.rerun()


def _draw_outcome(job: AskJob, is_over: bool) -> None:
    if not is_over:
        n_before = the_queue().before(job)
        waits = (
            f"Waiting for {counted(n_before, 'job')} before it"
            if n_before
            else f"{job.choice.ref}: {job.state}"
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(screen.plain(waits), width="stretch")
            if st.button("Stop", key="stop asking", icon=":material/stop:"):
                job.stop()
    elif job.state == "failed":
        st.error(screen.plain(job.message), icon=":material/error:")
    elif job.state == "stopped":
        st.warning(screen.plain(job.message), icon=":material/stop_circle:")
    elif job.grade is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(str(job.grade.outcome), color=TONES[str(job.grade.outcome)])
            st.text(visible(job.grade.reason))
        if job.answer_logprob is not None:
            st.caption(
                screen.plain(
                    f"log p of the reference {number(job.answer_logprob)} nats, so p ="
                    f" {significant(math.exp(job.answer_logprob))}"
                )
            )


def _token_words(job: AskJob) -> str:
    told = [token.logprob for token in job.tokens if token.logprob is not None]
    parts = [counted(len(job.tokens), "token")]
    if told:
        parts.append(f"log p {number(sum(told))} nats")
        parts.append("the darker, the less probable; point at a token for what else was likely")
    elif job.tokens:
        parts.append("this model tells no probabilities")
    if job.is_over and job.duration_s:
        parts.append(duration_text(job.duration_s))
    return screen.plain(" · ".join(parts))


def draw_place(job: AskJob, chosen: Selection) -> None:
    """Where the answer stands among what is stored of the model."""
    if job.grade is None:
        return
    instance, outcome = job.instance, str(job.grade.outcome)
    runs = kept(fetch_runs)()
    names = sorted(
        set(
            runs.loc[
                (runs["model_raw"] == job.model_name) | (runs["model"] == job.model_name), "model"
            ]
        )
    )
    alone = Selection(models=tuple(names[:1]), scheme=chosen.scheme, denominator=chosen.denominator)
    counts = kept(task_counts)(alone) if names else kept(task_counts)(alone).iloc[:0]
    here = counts[(counts["task"] == instance.task) & (counts["split"] == str(instance.split))]
    n_correct, n = (
        int(here["n_correct"].sum()),
        int(here[["n_correct", "n_wrong", "n_unparsed"]].to_numpy().sum()),
    )
    if not n:
        st.caption(
            screen.plain(
                f"Nothing of {job.model_name} on {instance.task},"
                f" {split_label(str(instance.split))}, is stored yet. Run a batch to give this"
                " answer a curve to stand on."
            )
        )
    else:
        now = n_correct + (outcome == "correct")
        st.caption(
            screen.plain(
                f"Stored of {names[0]} on {instance.task}, {split_label(str(instance.split))}:"
                f" {n_correct:,} of {n:,} correct; with this answer {now:,} of {n + 1:,}. A single"
                " answer is not stored."
            )
        )
    if (
        names
        and instance.level is not None
        and dict(kept(valley_sources)(alone)).get(names[0]) == "samples"
    ):
        valley = kept(valley_of_model)(
            COUNTED, replace(alone, models=(names[0],)), ValleySettings()
        )
        figure = answer_figure(
            valley,
            level=instance.level,
            split=str(instance.split),
            outcome=outcome,
            styles=selection.styles(names[:1]),
        )
        clicked = show_chart(figure, key="answer on valley")
        screen.caption(
            n=(
                f"n = {int(valley.curve['n_id'].sum() + valley.curve['n_ood'].sum()):,} stored"
                " answers and this one"
            ),
            estimator="accuracy is the mean over a level's tasks, each counting the same",
            interval="95 %, over tasks where a level has several, else over instances (Wilson)",
            denominator=chosen.denominator,
        )
        if clicked and clicked.get("model"):
            follow(clicked, {names[0]: "samples"})
