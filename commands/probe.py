"""Probing in the shell: `probe` sends instances to a model, `tasks` prints instances, `grade`
grades replies.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.options import EmptyOption, JsonOption, StoreOption, open_store
from commands.output import clean, print_json, progress, say, text_table, told, usage
from data.records import CharybdisError, Outcome, Split

if TYPE_CHECKING:
    from probe.models import Model
    from probe.run_loop import Event, Finished, ProbeSpec

commands = typer.Typer()

TasksOption = Annotated[
    list[str] | None,
    typer.Option(
        "--task", help="Only this task; may be repeated. Default: all.", show_default=False
    ),
]
SeedOption = Annotated[int, typer.Option(help="Seed of the instances.")]


@commands.command(
    epilog=(
        "Ctrl-C stops: what is done stays, and the same command goes on from there. A second Ctrl-C"
        " ends at once."
    )
)
def probe(
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="REF",
            help=(
                "ladder:NAME, a folder, a hub id, openai:MODEL@BASE_URL or"
                " demo:oracle:ERROR_RATE:SEED."
            ),
        ),
    ],
    task: TasksOption = None,
    level: Annotated[
        list[int] | None,
        typer.Option(help="Only tasks of this level; may be repeated.", show_default=False),
    ] = None,
    split: Annotated[str, typer.Option(help="id, ood or both.")] = "id,ood",
    n: Annotated[int, typer.Option("--n", min=1, help="Instances per task and split.")] = 64,
    seed: SeedOption = 0,
    style: Annotated[
        str | None,
        typer.Option(
            help="zero_shot, chat, few_shot or compact. Default: the one that fits the model.",
            show_default=False,
        ),
    ] = None,
    id_source: Annotated[
        str | None,
        typer.Option(
            help="range, ladder, ladder:KIND or elicited. Default: the one that fits the model.",
            show_default=False,
        ),
    ] = None,
    max_new_tokens: Annotated[
        int | None,
        typer.Option(
            min=1, help="Limit of a reply in tokens. Default: the style's.", show_default=False
        ),
    ] = None,
    temperature: Annotated[
        float, typer.Option(min=0.0, max=10.0, help="0 means always the most likely token.")
    ] = 0.0,
    device: Annotated[
        str | None,
        typer.Option(help="cuda, mps or cpu. Default: the best available.", show_default=False),
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            help="float32, bfloat16 or float16. Default: the one that suits the device.",
            show_default=False,
        ),
    ] = None,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Ask again for answers that ended in an error.")
    ] = False,
    store: StoreOption = None,
    empty: EmptyOption = False,
    as_json: JsonOption = False,
) -> None:
    """Send instances to a model, grade its replies, and store each sample as it arrives."""
    splits = _splits(split)
    with told(as_json):
        from data.probe_sink import StoreSink
        from probe.models import open_model
        from probe.run_loop import ProbeSpec, plan_run, run_probe

        spec = ProbeSpec(
            tasks=_task_names(task),
            levels=tuple(level or ()),
            splits=splits,
            n=n,
            seed=seed,
            style=style,
            id_source=id_source,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
        )
        opened = open_store(store, empty=empty)
        with open_model(model, device=device, dtype=dtype) as asked, _stopping() as should_stop:
            plan_run(asked, spec)
            ended, counts = _follow(
                run_probe(
                    asked,
                    spec,
                    StoreSink(opened),
                    retry_errors=retry_errors,
                    should_stop=should_stop,
                ),
                asked,
            )
            _tell(ended, counts, asked, spec, as_json)
        if ended.status != "success":
            raise typer.Exit(1)


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C requests a stop; a second one interrupts as usual."""
    asked = threading.Event()

    def stop(*_: object) -> None:
        asked.set()
        typer.echo(
            "Stopping: what is stored stays, the batch in flight is given up. Ctrl-C again ends at"
            " once.",
            err=True,
        )
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _follow(events: Iterator[Event], model: Model) -> tuple[Finished, dict[str, int]]:
    """Show the progress; returns the final event and the outcomes of this call."""
    from probe.id_sources import Elicitation
    from probe.run_loop import BatchDone, Started

    counts = dict.fromkeys(map(str, Outcome), 0)
    notes: set[str] = set()
    ended: Finished | None = None
    typer.echo(
        clean(
            f"{model.name} on {model.facts.device_label}, {model.facts.dtype or 'dtype unknown'}"
        ),
        err=True,
    )
    with progress("Probing") as report:
        for event in events:
            if isinstance(event, Elicitation):
                report(event.n_examples, 0, f"test inputs for {event.task}")
            elif isinstance(event, Started):
                if event.n_done:
                    typer.echo(
                        f"{event.n_done:,} of {event.n_total:,} samples are there already.",
                        err=True,
                    )
            elif isinstance(event, BatchDone):
                for outcome in event.outcomes:
                    counts[str(outcome)] += 1
                report(
                    event.n_done,
                    event.n_total,
                    f"{event.rate_per_s:.1f} samples per s, {event.left_s:.0f} s left",
                )
                for text in event.notes:
                    if text not in notes:
                        typer.echo(clean(text), err=True)
                notes |= set(event.notes)
            else:
                ended = event
    assert ended is not None
    return ended, counts


def _tell(
    ended: Finished, counts: dict[str, int], model: Model, spec: ProbeSpec, as_json: bool
) -> None:
    if as_json:
        print_json(
            {
                "run_id": ended.run_id,
                "status": ended.status,
                "samples": ended.n_done,
                "total": ended.n_total,
                "new": counts,
                "model": model.name,
                "device": model.facts.device,
                "dtype": model.facts.dtype,
                "model_s": ended.model_s,
                "loop_s": ended.loop_s,
                "message": ended.message,
            }
        )
    else:
        say(
            text_table(
                ("run", "status", "samples", *(f"new {name}" for name in counts)),
                [(ended.run_id, ended.status, ended.n_done, *counts.values())],
            )
        )
        if ended.status != "success":
            say(ended.message, stderr=True)


@commands.command()
def tasks(
    task: TasksOption = None,
    split: Annotated[str, typer.Option(help="id, ood or both.")] = "id,ood",
    n: Annotated[int, typer.Option("--n", min=1, help="Instances per task and split.")] = 8,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Print instances with their references. With --json, `grade` accepts each one as printed."""
    splits = _splits(split)
    with told(as_json):
        from probe.tasks import TASKS, make_batch

        names = _task_names(task) or TASKS
        instances = [
            one for name in names for side in splits for one in make_batch(name, side, n, seed)
        ]
        if as_json:
            print_json({"instances": [one.to_json() for one in instances]})
        else:
            rows = [
                (
                    one.instance_id,
                    one.task,
                    "" if one.level is None else one.level,
                    one.split,
                    one.input,
                    one.reference,
                )
                for one in instances
            ]
            say(text_table(("instance", "task", "level", "split", "input", "reference"), rows))


@commands.command(
    epilog=(
        "If an instance is not of the task in --task, the whole input is refused and nothing is"
        " graded."
    )
)
def grade(
    task: Annotated[
        str | None,
        typer.Option(
            help="The task that all instances must have. Default: the task that each states.",
            show_default=False,
        ),
    ] = None,
    grader: Annotated[
        str, typer.Option(help="charybdis, or scylla for the rules of the authors' code.")
    ] = "charybdis",
    as_json: JsonOption = False,
) -> None:
    """Read [{"instance": ..., "reply": "..."}] on stdin and print the grade of each reply, in the
    same order.
    """
    from probe.tasks.grading import GRADERS

    if grader not in GRADERS:
        raise typer.BadParameter(
            f"{grader!r} is none of {', '.join(GRADERS)}.", param_hint="--grader"
        )
    with told(as_json):
        from probe.tasks import grade as grade_reply

        asked = _read_replies(sys.stdin.buffer.read(), task)
        grades = [grade_reply(instance, reply, grader) for instance, reply in asked]
        if as_json:
            print_json(
                {
                    "results": [
                        {"outcome": one.outcome, "answer": one.answer, "reason": one.reason}
                        for one in grades
                    ]
                }
            )
        else:
            say(
                text_table(
                    ("outcome", "answer", "reason"),
                    [(one.outcome, one.answer, one.reason) for one in grades],
                )
            )


def _read_replies(text: bytes, task: str | None) -> list[tuple[Any, str]]:
    """Instances and replies of the input.

    Raises: CharybdisError naming the place of the first malformed record.
    """
    import json

    from probe.tasks import TaskError, read_instance

    (wanted,) = _task_names([task]) if task is not None else (None,)
    form = 'Give [{"instance": <as `tasks --json` prints it>, "reply": "<text>"}, ...].'
    try:
        records = json.loads(text)
    except ValueError as cause:
        raise CharybdisError(f"The input is not JSON ({cause}). {form}") from cause
    if not isinstance(records, list):
        raise CharybdisError(
            f"The input is a JSON {type(records).__name__} and not an array. {form}"
        )
    asked = []
    for place, record in enumerate(records):
        if (
            not isinstance(record, dict)
            or "instance" not in record
            or not isinstance(record.get("reply"), str)
        ):
            raise CharybdisError(
                f"Record {place} (counted from 0) has no instance or no reply that is a text."
                f" {form}"
            )
        try:
            instance = read_instance(record["instance"])
        except TaskError as fault:
            raise CharybdisError(f"Record {place} (counted from 0): {fault}") from fault
        if wanted is not None and instance.task != wanted:
            raise CharybdisError(
                f"Record {place} (counted from 0) is an instance of {instance.task}, and --task is"
                f" {wanted}. Grade each task alone."
            )
        asked.append((instance, record["reply"]))
    return asked


def _task_names(words: list[str] | None) -> tuple[str, ...]:
    """The tasks with these names, each once. Raises: typer.BadParameter that lists the tasks."""
    from probe.tasks import task_named

    with usage("--task"):
        return tuple(dict.fromkeys(task_named(word).name for word in words or ()))


def _splits(text: str) -> tuple[Split, ...]:
    """Raises: typer.BadParameter for anything but a list of splits."""
    words = [word.strip().lower() for word in text.split(",")]
    unknown = [word for word in words if word not in list(Split)]
    if unknown:
        raise typer.BadParameter(
            f"{unknown[0]!r} is none of {', '.join(Split)}.", param_hint="--split"
        )
    return tuple(dict.fromkeys(Split(word) for word in words))
