"""`analyse compare`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.options import (
    DenominatorOption,
    EmptyOption,
    JsonOption,
    ModelOption,
    OodOption,
    SchemeOption,
    StoreOption,
    TaskOption,
    open_store,
    selection_of,
)
from commands.output import clean, print_json, told
from data.records import SCYLLA_SCHEME, Denominator, Selection

if TYPE_CHECKING:
    from analysis.compare.comparing import Comparison
    from analysis.compare.rows import CompareSettings
    from data.store import Store


class By(StrEnum):
    """What differences are grouped by."""

    LEVEL = "level"
    TASK = "task"
    OVERALL = "overall"


class Over(StrEnum):
    """What an interval holds for."""

    TASKS = "tasks"
    INSTANCES = "instances"


def compare(
    store: StoreOption = None,
    model: ModelOption = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="Model that the others are compared with. Default: the first.", show_default=False
        ),
    ] = None,
    by: Annotated[By, typer.Option(help="Group differences by this.")] = By.LEVEL,
    over: Annotated[
        Over, typer.Option(help="Intervals for other tasks, or for new instances of these tasks.")
    ] = Over.TASKS,
    task: TaskOption = None,
    scheme: SchemeOption = SCYLLA_SCHEME,
    denominator: DenominatorOption = Denominator.UNPARSED_IS_WRONG,
    ood: OodOption = "",
    resamples: Annotated[int, typer.Option(min=1, help="Bootstrap resamples.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    empty: EmptyOption = False,
    as_json: JsonOption = False,
) -> None:
    """Two to six models against a baseline: paired differences, tests, ranks and agreement on
    shared instances.
    """
    with told(as_json):
        from analysis.compare.comparing import check_models as check_number
        from analysis.compare.rows import CompareSettings

        opened = open_store(store, empty=empty)
        selection = selection_of(opened, model, task, scheme, denominator, ood)
        check_number(selection.models, baseline)
        settings = CompareSettings(
            grouping=by.value, unit=f"over {over.value}", resamples=resamples, seed=seed
        )
        found = comparison_of(opened, selection, baseline, settings)
        if as_json:
            print_json(comparison_record(opened, selection, found))
            return
        typer.echo(clean(report(found), keep="\n"))


def comparison_record(store: Store, selection: Selection, found: Comparison) -> dict[str, Any]:
    """A comparison with who is wrong on the same instances, as plain values."""
    from analysis.compare.agreement import agreement_table, choices_by_column
    from analysis.compare.answer_matrix import answer_matrix
    from analysis.compare.comparing import records_of
    from analysis.text import plain_value
    from data.queries import fetch_answers

    answers = fetch_answers(store, selection, columns=("choice_logprobs", "answer_logprob"))
    matrix = answer_matrix(answers, found.models, selection.denominator)
    agreement = agreement_table(matrix, choices_by_column(matrix, answers))
    return found.as_record() | {"agreement": plain_value(records_of(agreement))}


def comparison_of(
    store: Store, selection: Selection, baseline: str | None, settings: CompareSettings
) -> Comparison:
    """The models of the selection against a baseline, from their answers and from published level
    means.
    """
    from analysis.compare.answer_matrix import answer_matrix
    from analysis.compare.comparing import compare_models
    from data.queries import fetch_answers, fetch_level_scores

    matrix = answer_matrix(fetch_answers(store, selection), selection.models, selection.denominator)
    return compare_models(
        matrix, fetch_level_scores(store, selection), selection.models, baseline, settings
    )


def report(found: Comparison) -> str:
    """Lines to read: one per comparison, then the ranks and the notes."""
    from analysis.compare.comparing import records_of

    lines = [
        f"Against {found.baseline}, in points; p adjusted by Holm over {found.family_size} tests;"
        f" intervals {found.settings.unit}."
    ]
    for row in records_of(found.rows):
        where = row["task"] or (
            row["level_label"] or f"level {row['level']}" if row["grouping"] == "level" else "all"
        )
        interval = (
            f"[{100 * row['lo']:.1f}, {100 * row['hi']:.1f}]"
            if row["lo"] == row["lo"]
            else row["reason"] or "no interval"
        )
        tests = f"p {row['p_holm']:.3f}" + (
            f", McNemar {row['mcnemar_p_holm']:.3f}"
            if row["mcnemar_p_holm"] == row["mcnemar_p_holm"]
            else ""
        )
        n = "n not stated" if row["n"] is None else f"n {row['n']:,}"
        lines.append(
            f"  {row['model']}  {row['split'].upper() or '-':3}  {where}:"
            f" {100 * row['difference']:+.1f} {interval}, {tests}, {row['method']}, {n}"
        )
    for row in records_of(found.ranking):
        lines.append(
            f"  {row['split'].upper() or '-':3} rank {row['rank']} (open:"
            f" {row['rank_best']}-{row['rank_worst']}): {row['model']}, accuracy"
            f" {100 * row['accuracy']:.1f} %, tie group {row['tie_group']}"
        )
    return "\n".join([*lines, *(f"  {note}." for note in found.notes)])
