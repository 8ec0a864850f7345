"""`analyse what-if`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
from commands.output import clean, print_json, told, usage
from data.records import SCYLLA_SCHEME, CharybdisError, Denominator, Selection

if TYPE_CHECKING:
    from analysis.what_if.evaluating import Choice
    from analysis.what_if.scoring import Cells
    from data.store import Store


def what_if(
    store: StoreOption = None,
    model: ModelOption = None,
    task: TaskOption = None,
    scheme: SchemeOption = SCYLLA_SCHEME,
    denominator: DenominatorOption = Denominator.UNPARSED_IS_WRONG,
    ood: OodOption = "",
    metric: Annotated[
        str, typer.Option(help="Metric, such as edit_distance, token_accuracy>=0.8 or pass@5.")
    ] = "exact_match",
    rank_by: Annotated[str, typer.Option(help="score, ood, id, gap or all.")] = "score",
    averaging: Annotated[str, typer.Option(help="levels, tasks or samples.")] = "levels",
    order: Annotated[
        str,
        typer.Option(help="S of each task first, or of level means: task_first or level_means."),
    ] = "task_first",
    penalty: Annotated[
        float, typer.Option(min=0.0, help="Lambda of S = OOD - lambda * max(0, ID - OOD).")
    ] = 1.0,
    weight: Annotated[
        list[float] | None,
        typer.Option(help="Weight of a level; once per level, in order.", show_default=False),
    ] = None,
    conclusion: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                "Put to the test under every choice: 'A above B ood [at LEVEL]', 'critical level of"
                " A is LEVEL' or 'emerges between A "
                "and B ood [at LEVEL]'; may be repeated."
            ),
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    empty: EmptyOption = False,
    as_json: JsonOption = False,
) -> None:
    """The stored answers under another metric, denominator, average or penalty, beside the paper's;
    and under every choice at once.
    """
    with told(as_json):
        from analysis.what_if.conclusions import read_conclusion
        from analysis.what_if.evaluating import compare_with_paper
        from analysis.what_if.multiverse import multiverse
        from analysis.what_if.sentences import (
            multiverse_record,
            multiverse_sentence,
            sentence,
            what_if_record,
        )

        with usage("the choice"):
            choice = choice_of(metric, denominator, averaging, order, penalty, weight, rank_by)
        opened = open_store(store, empty=empty)
        selection = selection_of(opened, model, task, scheme, denominator, ood)
        cells = cells_of(
            opened, selection, authors=bool(conclusion) or choice.metric == "authors_grader"
        )
        if not cells.models:
            raise CharybdisError(
                "Nothing here has answers or published level means. `export models` lists what is"
                " stored."
            )
        cells = cells.narrowed(
            [name for name in selection.models if name in cells.models] or cells.models
        )
        found = compare_with_paper(cells, choice, seed=seed)
        tests = [
            multiverse(cells, read_conclusion(text, cells.models, cells.level_labels))
            for text in conclusion or ()
        ]
        if as_json:
            print_json(
                {
                    "what_if": what_if_record(found),
                    "multiverse": [multiverse_record(one) for one in tests],
                }
            )
            return
        typer.echo(clean(sentence(found)))
        for row in found.ranks.to_dict("records"):
            why = f"   {row['reason']}" if isinstance(row["reason"], str) else ""
            ranks = f"{row['paper_rank']:.0f} -> {row['rank']:.0f}"
            typer.echo(
                clean(
                    f"  {ranks:>8}  {row['paper']:+.3f} -> {row['value']:+.3f}  {row['model']}{why}"
                )
            )
        for one in tests:
            typer.echo(clean(multiverse_sentence(one)))


def choice_of(
    metric: str,
    denominator: Denominator,
    averaging: str,
    order: str,
    penalty: float,
    weights: list[float] | None,
    rank_by: str,
) -> Choice:
    """The choice that options state. Raises CharybdisError that lists what is possible."""
    from analysis.what_if.aggregation import Averaging, ScoreOrder
    from analysis.what_if.evaluating import Choice, Quantity
    from analysis.what_if.metric_list import metric_named

    said = {
        "--averaging": (Averaging, averaging),
        "--order": (ScoreOrder, order),
        "--rank-by": (Quantity, rank_by),
    }
    for option, (kind, word) in said.items():
        if word not in list(kind):
            raise CharybdisError(f"{option} {word!r} is not possible. Possible: {', '.join(kind)}.")
    return Choice(
        metric=metric_named(metric).key,
        denominator=denominator,
        averaging=Averaging(averaging),
        order=ScoreOrder(order),
        penalty=penalty,
        weights=tuple(weights or ()),
        quantity=Quantity(rank_by),
    )


def cells_of(store: Store, selection: Selection, *, authors: bool = False) -> Cells:
    """The selection's answers under every metric, and published level means, summed by cell: what
    the page uses.

    authors: with the outcomes of the authors' grader, for which every stored reply is graded anew.
    """
    import pandas as pd

    from analysis.what_if.published_cells import cells_of_published, join_cells
    from analysis.what_if.scoring import NEEDED_COLUMNS, reduce_samples
    from data.queries import fetch_answers, fetch_chance, fetch_level_scores
    from probe import regrading

    columns = dict.fromkeys((*NEEDED_COLUMNS, *(regrading.NEEDED_COLUMNS if authors else ())))
    answers = fetch_answers(store, selection, columns=tuple(columns))
    if authors:
        found = regrading.regrade(
            answers[list(regrading.COLUMNS)].itertuples(index=False, name=None)
        )
        answers = answers.assign(
            authors_outcome=pd.Series(
                [one.authors_outcome for one in found], answers.index, dtype=object
            )
        )
    counted = reduce_samples(answers, chance=fetch_chance(store))
    return join_cells(counted, cells_of_published(fetch_level_scores(store, selection)))
