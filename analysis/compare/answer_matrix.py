"""The answers of several models to the same instances, as the basis of paired comparisons.

One column per instance, one row per model. Two models share an instance if task, split and instance
id are the same. Answers to one instance are averaged over epochs first (METHODS D2: never pool K n
answers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.accuracy import FIRST_ANSWER_SHARE
from analysis.arrays import Flags, Floats, Ints
from data.records import Denominator, NotEnoughDataError

NEEDED = (
    "model",
    "run_id",
    "row_in_run",
    "task",
    "level",
    "level_label",
    "role",
    "split",
    "instance_id",
    "epoch",
    "outcome",
)
CELLS = ("both", "model_only", "baseline_only", "neither")
"""The four cells of the answers of two models: both, only the model, only the baseline, or neither
is right.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnswerMatrix:
    """Answers of several models to the same columns of instances.

    models      in the requested order; models without a graded answer are left out.
    instances   one row per column: task str, level Int16, level_label, is_probe bool, split "id",
                "ood" or "" (none), instance_id str.
    task_codes  the task of every column as an index of `tasks`.
    scores      models x instances, 0-1: share of right answers over epochs; NaN without a counted
                answer.
    run_ids     models x instances: run of the first answer as an index of `runs`, -1 for none.
    rows        models x instances: row of the first answer in its run.
    n_epochs    largest number of answers to one instance, per model.
    n_unparsed_left_out, n_errors  answers that are not in any score, per model.
    by_rule     (model, task, split) whose accuracy is set to 0 by the authors' rule.
    """

    models: tuple[str, ...]
    instances: pd.DataFrame
    tasks: tuple[str, ...]
    task_codes: Ints
    scores: Floats
    runs: tuple[str, ...]
    run_ids: Ints
    rows: Ints
    n_epochs: tuple[int, ...]
    n_unparsed_left_out: tuple[int, ...]
    n_errors: tuple[int, ...]
    by_rule: tuple[tuple[str, str, str], ...]
    denominator: Denominator

    def place(self, model: str) -> int:
        """Row of a model.

        Raises:
            NotEnoughDataError: the model has no answers here.
        """
        if model not in self.models:
            raise NotEnoughDataError(
                f"{model} has no graded answers here. Models with answers:"
                f" {', '.join(self.models) or 'none'}."
            )
        return self.models.index(model)

    def scores_of(self, model: str) -> Floats:
        """Scores of one model, one per instance."""
        return np.asarray(self.scores[self.place(model)])

    def mask(
        self, *, split: str | None = None, level: int | None = None, task: str | None = None
    ) -> Flags:
        """Columns of a split ("" for instances without one), a level and a task; None means any.
        Probe tasks have no level.
        """
        chosen = np.ones(len(self.instances), dtype=bool)
        if split is not None:
            chosen &= (self.instances["split"] == split).to_numpy(dtype=bool)
        if level is not None:
            chosen &= (
                (self.instances["level"] == level).fillna(value=False) & ~self.instances["is_probe"]
            ).to_numpy(dtype=bool)
        if task is not None:
            chosen &= self.task_codes == (self.tasks.index(task) if task in self.tasks else -1)
        return chosen

    def cell(self, model: str, baseline: str, cell: str, within: Flags) -> Ints:
        """Columns of one of the four cells, in order. An instance is right if more than half of its
        answers are right.
        """
        a, b = self.scores_of(model), self.scores_of(baseline)
        shared = within & np.isfinite(a) & np.isfinite(b)
        right_a, right_b = a > 0.5, b > 0.5
        wanted = {
            "both": right_a & right_b,
            "model_only": right_a & ~right_b,
            "baseline_only": ~right_a & right_b,
            "neither": ~right_a & ~right_b,
        }
        if cell not in wanted:
            raise NotEnoughDataError(f"There is no cell {cell!r}. Possible: {', '.join(CELLS)}.")
        return np.flatnonzero(shared & wanted[cell])

    def address(self, model: str, column: int) -> tuple[str, int] | None:
        """Run id and row in run of a model's first answer to an instance; None without one."""
        place = self.place(model)
        run = int(self.run_ids[place, column])
        return None if run < 0 else (self.runs[run], int(self.rows[place, column]))


def answer_matrix(
    answers: pd.DataFrame,
    models: Sequence[str],
    denominator: Denominator = Denominator.UNPARSED_IS_WRONG,
) -> AnswerMatrix:
    """Arrange the answers of several models in a matrix.

    Errors are not answers and never count. unparsed_is_wrong: an unparsed answer scores 0.
    parsed_only: it has no score, so a pair is left out if either answer is not parsed. authors: as
    parsed_only, but if under 10 % of a model's answers to a task and split are parsed, all of them
    score 0 (step 6 of the authors).

    Args:
        answers: result of data.queries.fetch_answers.
        models: in the order of the rows.
        denominator: which answers count.

    Raises:
        NotEnoughDataError: a required column is missing.

    Edge cases: ungraded answers (outcome None) are left out; without answers the matrix has no rows
    and no columns.
    """
    missing = [name for name in NEEDED if name not in answers]
    if missing:
        raise NotEnoughDataError(
            f"The answers have no column {', '.join(missing)}. Needed: {', '.join(NEEDED)}."
        )
    denominator = Denominator(denominator)
    graded = answers[answers["model"].isin(list(models)) & answers["outcome"].notna()].reset_index(
        drop=True
    )
    present = set(graded["model"].astype(str).unique())
    kept = tuple(model for model in dict.fromkeys(models) if model in present)
    model_codes = (
        graded["model"]
        .astype(str)
        .map({model: place for place, model in enumerate(kept)})
        .to_numpy()
        .astype(np.int64)
    )
    split = graded["split"].astype(object).where(graded["split"].notna(), "").astype(str)
    keys = [graded["task"].astype(str), split, graded["instance_id"].astype(str)]
    column_codes, n_columns = _columns(keys)
    tasks = tuple(dict.fromkeys(keys[0].sort_values()))
    outcome = graded["outcome"].astype(str).to_numpy(dtype=object)
    score, rules = _scores(
        outcome, model_codes, pd.factorize(keys[0] + "\0" + split)[0].astype(np.int64), denominator
    )
    flat = model_codes * n_columns + column_codes
    size = len(kept) * n_columns
    counted = np.isfinite(score)
    n_answers = np.bincount(flat[counted], minlength=size)
    sums = np.bincount(flat[counted], weights=score[counted], minlength=size)
    means = np.where(n_answers > 0, sums / np.maximum(n_answers, 1), np.nan).reshape(
        len(kept), n_columns
    )
    runs, run_ids, rows = _addresses(graded, flat, size)
    first = pd.Series(column_codes).drop_duplicates().index
    instances = pd.DataFrame(
        {
            "task": keys[0],
            "level": graded["level"].astype("Int16"),
            "level_label": graded["level_label"].astype(object),
            "is_probe": graded["role"].astype(object).eq("probe"),
            "split": split,
            "instance_id": keys[2],
        }
    ).loc[first]
    instances = instances.set_axis(column_codes[first]).sort_index()
    left_out = (outcome == "unparsed") & ~counted
    return AnswerMatrix(
        models=kept,
        instances=instances,
        tasks=tasks,
        task_codes=instances["task"]
        .map({task: place for place, task in enumerate(tasks)})
        .to_numpy()
        .astype(np.int64),
        scores=means,
        runs=runs,
        run_ids=run_ids.reshape(len(kept), n_columns),
        rows=rows.reshape(len(kept), n_columns),
        n_epochs=tuple(
            int(part.max(initial=0)) for part in n_answers.reshape(len(kept), n_columns)
        ),
        n_unparsed_left_out=_per_model(model_codes[left_out], kept),
        n_errors=_per_model(model_codes[outcome == "error"], kept),
        by_rule=tuple(
            dict.fromkeys((kept[model_codes[at]], keys[0].iloc[at], split.iloc[at]) for at in rules)
        ),
        denominator=denominator,
    )


def _columns(keys: Sequence[pd.Series[str]]) -> tuple[Ints, int]:
    """The number of each answer's instance, in order of task, split and first appearance, and the
    number of instances.
    """
    codes = pd.factorize(keys[0], sort=True)[0].astype(np.int64)
    codes = codes * 4 + pd.factorize(keys[1], sort=True)[0]
    names = pd.factorize(keys[2])[0].astype(np.int64)
    combined, uniques = pd.factorize(codes * (int(names.max(initial=0)) + 1) + names, sort=True)
    return combined.astype(np.int64), len(uniques)


def _scores(
    outcome: NDArray[np.object_], models: Ints, cells: Ints, denominator: Denominator
) -> tuple[Floats, Ints]:
    """Score of every answer, and one answer from every cell set to 0 by the authors' rule."""
    score = np.full(len(outcome), np.nan)
    score[outcome == "correct"] = 1.0
    score[outcome == "wrong"] = 0.0
    unparsed = outcome == "unparsed"
    if denominator is Denominator.UNPARSED_IS_WRONG:
        score[unparsed] = 0.0
    rules = np.zeros(0, dtype=np.int64)
    if denominator is Denominator.AUTHORS and len(outcome):
        place = models * (int(cells.max()) + 1) + cells
        n_parsed = np.bincount(place[np.isfinite(score)], minlength=place.max() + 1)
        n_answered = n_parsed + np.bincount(place[unparsed], minlength=place.max() + 1)
        below = (n_answered > 0) & (n_parsed / np.maximum(n_answered, 1) < FIRST_ANSWER_SHARE)
        ruled = below[place] & (outcome != "error")
        score[ruled] = 0.0
        rules = np.flatnonzero(ruled)[np.unique(place[ruled], return_index=True)[1]]
    return score, rules


def _addresses(graded: pd.DataFrame, flat: Ints, size: int) -> tuple[tuple[str, ...], Ints, Ints]:
    run_codes, runs = pd.factorize(graded["run_id"].astype(str))
    # The first epoch is written last, so it overwrites the others.
    order = np.argsort(-graded["epoch"].to_numpy(dtype=np.int64), kind="stable")
    run_ids, rows = np.full(size, -1, dtype=np.int64), np.full(size, -1, dtype=np.int64)
    run_ids[flat[order]] = run_codes[order]
    rows[flat[order]] = graded["row_in_run"].to_numpy(dtype=np.int64)[order]
    return tuple(str(run) for run in runs), run_ids, rows


def _per_model(codes: Ints, models: Sequence[str]) -> tuple[int, ...]:
    return tuple(int(n) for n in np.bincount(codes, minlength=len(models)))
