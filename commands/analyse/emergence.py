"""`analyse emergence`."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.options import (
    DenominatorOption,
    EmptyOption,
    JsonOption,
    ModelOption,
    SchemeOption,
    StoreOption,
    open_store,
    selection_of,
)
from commands.output import clean, print_json, told
from data.records import SCYLLA_SCHEME, Denominator, Split

if TYPE_CHECKING:
    from analysis.emergence.loss_threshold import LossThreshold
    from analysis.emergence.studying import Emergence, Mirage


def emergence(
    store: StoreOption = None,
    model: ModelOption = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="Task; several are averaged. Default: all that the points share."),
    ] = None,
    level: Annotated[int | None, typer.Option(help="Only tasks of this level.")] = None,
    split: Annotated[Split | None, typer.Option(help="Only this split.")] = None,
    metric: Annotated[
        str,
        typer.Option(
            help="accuracy, answer_logprob, token_accuracy or one that imported scores have."
        ),
    ] = "accuracy",
    against: Annotated[
        str | None, typer.Option(help="Continuous metric of the same answers to hold against it.")
    ] = None,
    over: Annotated[
        str, typer.Option(help="parameters, FLOPs, tokens, step or loss.")
    ] = "parameters",
    line: Annotated[
        str | None, typer.Option(help="Family (over step or tokens: model) to read. Default: all.")
    ] = None,
    reading: Annotated[
        str | None, typer.Option(help="Reading of a stated score, say 5-shot.")
    ] = None,
    checkpoints: Annotated[str, typer.Option(help="last or every.")] = "last",
    chance: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=0.99,
            help="Accuracy of guessing. Default: as known for the one task, or unknown.",
            show_default=False,
        ),
    ] = None,
    scheme: SchemeOption = SCYLLA_SCHEME,
    denominator: DenominatorOption = Denominator.UNPARSED_IS_WRONG,
    empty: EmptyOption = False,
    as_json: JsonOption = False,
) -> None:
    """A score over scale: shape, break, breakthroughness, growth type, loss threshold, and whether
    the jump is the metric's.
    """
    with told(as_json):
        from analysis.emergence.scale_series import AXES, Wanted, gather
        from analysis.emergence.sentences import headline
        from analysis.emergence.studying import compare_metrics, study, threshold_of
        from data.queries import (
            SAMPLE_METRICS,
            fetch_chance,
            fetch_metric_correlations,
            fetch_scale_values,
            fetch_scales,
        )

        if over not in AXES or checkpoints not in ("last", "every"):
            raise typer.BadParameter(
                f"--over is one of {', '.join(AXES)}, --checkpoints is last or every; given:"
                f" {over}, {checkpoints}."
            )
        opened = open_store(store, empty=empty)
        chosen = selection_of(opened, model, task, scheme, denominator)
        selection = replace(chosen, tasks=())  # `gather` picks the tasks
        scales = fetch_scales(opened, selection)
        wanted = Wanted(
            axis=over,
            tasks=chosen.tasks,
            level=level,
            split=str(split) if split else None,
            reading=reading,
            every_checkpoint=checkpoints == "every" or over == "loss",
            line=line,
            denominator=denominator,
        )

        if chance is None and len(wanted.tasks) == 1:
            levels, values = fetch_chance(opened), fetch_scale_values(opened, selection, metric)
            runs = set(values.loc[values["task"] == wanted.tasks[0], "run_id"])
            known = {levels.get((str(run_id), wanted.tasks[0])) for run_id in runs}
            chance = known.pop() if len(known) == 1 else None

        def read(name: str, want: Wanted) -> Emergence:
            return study(
                gather(scales, fetch_scale_values(opened, selection, name), name, want),
                chance=chance,
            )

        found = read(metric, wanted)
        partner = replace(wanted, reading=None if against in SAMPLE_METRICS else reading)
        mirage = None
        if against:
            together = fetch_metric_correlations(opened, selection, metric, against)
            mirage = compare_metrics(found, read(against, partner), together)
        threshold = threshold_of(found.series, chance=chance) if over == "loss" else None
        about = ", ".join(wanted.tasks) or (f"level {level}" if level else "all tasks")
        sentence = headline(found, mirage, about=f"{about} {split.upper()}" if split else about)
        if as_json:
            print_json(_record(sentence, found, mirage, threshold))
            return
        typer.echo(clean(_report(sentence, found, threshold), keep="\n"))


def _report(sentence: str, found: Emergence, threshold: LossThreshold | None) -> str:
    from analysis.emergence.sentences import (
        break_sentence,
        law_sentence,
        onset_sentence,
        suddenness_sentence,
        threshold_sentence,
    )

    lines = [
        sentence,
        "",
        break_sentence(found),
        suddenness_sentence(found),
        onset_sentence(found),
        law_sentence(found),
    ]
    lines += [threshold_sentence(threshold, found.series.loss_name)] if threshold else []
    lines += [
        "",
        *(
            f"{fit.form}: AICc weight {fit.weight:.3f}, error on the largest scale"
            f" {fit.held_out_error:+.3f}"
            for fit in found.fits
        ),
    ]
    return "\n".join([*lines, "", *found.series.notes])


def _record(
    sentence: str, found: Emergence, mirage: Mirage | None, threshold: LossThreshold | None
) -> dict[str, Any]:
    pair = None
    if mirage:
        told = (
            "verdict",
            "share_steeper",
            "steeper_by",
            "steeper_by_lo",
            "steeper_by_hi",
            "pairing",
        )
        pair = {name: getattr(mirage, name) for name in told} | {
            "against": record_of(mirage.continuous)
        }
    record: dict[str, Any] = record_of(
        {"sentence": sentence, **record_of(found), "mirage": pair, "loss_threshold": threshold}
    )
    return record


_LEFT_OUT = ("draws", "fitted", "residual", "parts")
"""Arrays that the points and the parameters give again."""


def record_of(value: Any) -> Any:
    """Results as JSON values: undefined numbers are null, infinite ones words."""
    import numpy as np
    import pandas as pd

    if is_dataclass(value) and not isinstance(value, type):
        kept = [
            field.name
            for field in fields(value)
            if field.name not in _LEFT_OUT and not field.name.startswith("_")
        ]
        return {name: record_of(getattr(value, name)) for name in kept}
    if isinstance(value, pd.DataFrame):
        return [
            record_of(row)
            for row in value.astype(object).where(value.notna(), None).to_dict("records")
        ]
    if isinstance(value, dict):
        return {str(name): record_of(item) for name, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [record_of(item) for item in value]
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return None if isinstance(value, float) and math.isnan(value) else value
