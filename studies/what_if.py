"""What if another metric, average, denominator or penalty had been used?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from data.records import NotEnoughDataError, Selection
from studies.settings import setting
from studies.steps import level_scores, step

if TYPE_CHECKING:
    import pandas as pd

    from analysis.what_if.conclusions import Conclusion
    from analysis.what_if.evaluating import Choice, WhatIf
    from analysis.what_if.multiverse import Multiverse
    from analysis.what_if.scoring import Cells
    from data.store import Store

AUTHORS_GRADER = "authors_grader"
"""The metric for which every stored reply is graded again, which takes seconds."""


def _check_metric(key: str) -> None:
    from analysis.what_if.metric_list import metric_named

    metric_named(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIfSettings:
    """What is chosen instead of the paper's definition, and which conclusions are tested."""

    metric: str = setting(
        "exact_match",
        "Metric, such as edit_distance, token_accuracy>=0.8 or pass@5.",
        check=_check_metric,
    )
    rank_by: str = setting(
        "score", "What models are ranked by.", words=("score", "ood", "id", "gap", "all")
    )
    averaging: str = setting(
        "levels", "What counts the same in a mean.", words=("levels", "tasks", "samples")
    )
    order: str = setting(
        "task_first",
        "S of each task first, or S of level means.",
        words=("task_first", "level_means"),
    )
    penalty: float = setting(1.0, "Lambda of S = OOD - lambda * max(0, ID - OOD).", least=0)
    weight: tuple[float, ...] = setting(
        (), "Weight of a level; one for each level, in order.", least=0
    )
    conclusion: tuple[str, ...] = setting(
        (),
        "Tested under every choice: 'A above B ood [at LEVEL]', 'critical level of A is LEVEL' or"
        " 'emerges between A and B ood [at LEVEL]'.",
    )
    seed: int = setting(0, "Seed of the bootstrap.", least=0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WhatIfStudy:
    """The models under the choice beside the paper's, and one multiverse per conclusion."""

    what_if: WhatIf
    multiverses: tuple[Multiverse, ...]

    @property
    def sentence(self) -> str:
        """What the choice changes, then in how many choices each conclusion holds."""
        from analysis.what_if.sentences import multiverse_sentence, sentence

        return " ".join([sentence(self.what_if), *map(multiverse_sentence, self.multiverses)])

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON; undefined numbers are None."""
        from analysis.what_if.sentences import multiverse_record, what_if_record

        return {
            "sentence": self.sentence,
            "what_if": what_if_record(self.what_if),
            "multiverse": [multiverse_record(one) for one in self.multiverses],
        }

    def report(self) -> str:
        """What the choice changes, a line per model with both ranks, and each conclusion."""
        from analysis.what_if.sentences import multiverse_sentence, rank_lines, sentence

        tests = map(multiverse_sentence, self.multiverses)
        return "\n".join([sentence(self.what_if), *rank_lines(self.what_if), *tests])


def what_if(store: Store, selection: Selection, settings: WhatIfSettings) -> WhatIfStudy:
    """The stored answers of the selection's models under another choice, and under all of them.

    Raises:
        NotEnoughDataError: no model has answers or published level means, or a conclusion names
            something that is not here.
    """
    from analysis.what_if.conclusions import read_conclusion

    cells = metric_cells(store, selection, columns=(), authors=False)
    if not cells.models:
        raise NotEnoughDataError(
            "Nothing here has answers or published level means. `export models` lists what is"
            " stored."
        )
    tests = [
        read_conclusion(text, cells.models, cells.level_labels) for text in settings.conclusion
    ]
    return WhatIfStudy(
        what_if=evaluation(store, selection, replace(settings, conclusion=())),
        multiverses=tuple(
            multiverse(store, selection, conclusion, authors=True) for conclusion in tests
        ),
    )


def choice_of(selection: Selection, settings: WhatIfSettings) -> Choice:
    """The settings as the analysis takes them."""
    from analysis.what_if.aggregation import Averaging, ScoreOrder
    from analysis.what_if.evaluating import Choice, Quantity

    return Choice(
        metric=settings.metric,
        denominator=selection.denominator,
        averaging=Averaging(settings.averaging),
        order=ScoreOrder(settings.order),
        penalty=settings.penalty,
        weights=settings.weight,
        quantity=Quantity(settings.rank_by),
    )


@step()
def evaluation(store: Store, selection: Selection, settings: WhatIfSettings) -> WhatIf:
    """The choice next to the paper's definition of the same quantity."""
    from analysis.what_if.evaluating import compare_with_paper

    choice = choice_of(selection, settings)
    return compare_with_paper(cells_of(store, selection, settings), choice, seed=settings.seed)


@step(reads_denominator=False)
def multiverse(
    store: Store, selection: Selection, conclusion: Conclusion, *, authors: bool
) -> Multiverse:
    """Every specification of a conclusion on the models of the selection. Reads every column that a
    metric needs; with `authors`, every reply is graded again as the SCYLLA authors do.
    """
    from analysis.what_if.multiverse import multiverse as compute
    from analysis.what_if.scoring import NEEDED_COLUMNS

    cells = metric_cells(store, selection, columns=NEEDED_COLUMNS, authors=authors)
    return compute(cells, conclusion)


def cells_of(store: Store, selection: Selection, settings: WhatIfSettings) -> Cells:
    """The cells with what the metric of the settings needs, and no other column of the answers."""
    from analysis.what_if.metric_list import metric_named
    from analysis.what_if.scoring import NEEDED_COLUMNS

    needs = set(metric_named(settings.metric).needs)
    if "target" in needs:
        needs |= {"response", "parsed_answer"}
    columns = tuple(name for name in NEEDED_COLUMNS if name in needs)
    authors = settings.metric == AUTHORS_GRADER
    return metric_cells(store, selection, columns=columns, authors=authors)


@step(is_large=True, reads_denominator=False)
def metric_cells(
    store: Store, selection: Selection, *, columns: tuple[str, ...], authors: bool
) -> Cells:
    """The answers of the selection's models under the metrics that these columns allow, and
    published level means, summed by cell.

    columns: of analysis.what_if.scoring.NEEDED_COLUMNS; texts among them cost most of the time.
    authors: with the outcomes of the authors' grader, for which every reply is graded again.
    """
    import pandas as pd

    from analysis.what_if.published_cells import cells_of_published, join_cells
    from analysis.what_if.scoring import reduce_samples
    from data.queries import fetch_answers, fetch_chance

    answers = fetch_answers(store, selection, columns=columns)
    if authors:
        # Of all tasks: another choice of tasks then grades nothing twice.
        graded = regraded(store, replace(selection, tasks=()))
        outcomes = graded.set_index(["run_id", "row_in_run"])["authors_outcome"]
        here = pd.MultiIndex.from_arrays([answers["run_id"].astype(str), answers["row_in_run"]])
        answers = answers.assign(authors_outcome=outcomes.reindex(here).to_numpy())
    counted = reduce_samples(answers, chance=fetch_chance(store))
    cells = join_cells(counted, cells_of_published(level_scores(store, selection)))
    chosen = [name for name in selection.models if name in cells.models]
    return cells.narrowed(chosen or cells.models)


@step(is_large=True, reads_denominator=False)
def regraded(store: Store, selection: Selection) -> pd.DataFrame:
    """Stored replies under the authors' grader and ours: model, run_id, row_in_run, outcome and
    the columns of probe.regrading.Regraded.
    """
    import pandas as pd

    from data.queries import fetch_answers
    from probe.regrading import COLUMNS, NEEDED_COLUMNS, Regraded, regrade

    answers = fetch_answers(store, selection, columns=NEEDED_COLUMNS)
    address = answers[["model", "run_id", "row_in_run", "outcome"]].astype(
        {"model": str, "run_id": str, "outcome": object}
    )
    found = regrade(answers[list(COLUMNS)].itertuples(index=False, name=None))
    columns = list(Regraded._fields)
    return address.join(pd.DataFrame(found, index=answers.index, columns=columns, dtype=object))
