"""What would a smaller test have shown? The same answers, fewer of them: a seeded draw without
replacement, on counts alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analysis.text import percent, percent_of_draws
from analysis.what_if.evaluating import Choice, evaluate
from analysis.what_if.metrics import zero_upper_bound
from analysis.what_if.scoring import Cells

REPEATS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallerTest:
    """What n answers per task and split would have shown, over `repeats` draws.

    zero_bound      accuracy that 0 right of n does not refute (95 %).
    step            1 / n.
    p_same_order    share of draws in which the order of the models is that of all answers.
    p_same_best     share of draws in which the best model is the same.
    n_models        models with a value.
    """

    n: int
    repeats: int
    zero_bound: float
    step: float
    p_same_order: float
    p_same_best: float
    n_models: int

    def sentence(self) -> str:
        what = (
            f"With {self.n} answers per task and split, 0 right leaves an accuracy of up to"
            f" {percent(self.zero_bound, 1)} possible"
        )
        if self.n_models < 2:
            return f"{what}."
        return (
            f"{what}; the order of the {self.n_models} models comes out as with all answers in"
            f" {percent_of_draws(self.p_same_order)} of {self.repeats} draws, the best one in"
            f" {percent_of_draws(self.p_same_best)}."
        )


def subsample(cells: Cells, n: int, rng: np.random.Generator) -> Cells:
    """Cells of n answers (or all, where there are fewer) per model, task and split, drawn without
    replacement; exact match only.
    """
    place = cells.place("exact_match")
    right, parsed, answered = (
        np.rint(values).astype(np.int64)
        for values in (cells.total[place, 0], cells.n_parsed, cells.n_answered)
    )
    wanted = np.minimum(n, answered)
    taken = rng.hypergeometric(right, answered - right, wanted)
    # Unparsed answers are among those that are not right.
    unparsed = rng.hypergeometric(
        np.maximum(answered - parsed, 0), np.maximum(parsed - right, 0), wanted - taken
    )
    kept = np.stack([wanted, wanted - unparsed]).astype(float)
    total = np.stack([taken, taken]).astype(float)
    return replace(
        cells,
        metrics=(cells.metrics[place],),
        n=kept[None],
        total=total[None],
        squares=total[None],
        n_answered=kept[0],
        n_parsed=kept[1],
    )


def smaller_test(
    cells: Cells, choice: Choice, n: int, *, repeats: int = REPEATS, seed: int = 0
) -> SmallerTest:
    """Draw smaller tests and see how often they would have ordered the models as all answers do, by
    exact match.

    Args:
        cells: published level means may be among them (their answers are n_tasks * n_per_task).
        choice: denominator, averaging, order, penalty, weights and quantity; its metric is taken to
            be exact match.
        n: answers per task and split, at least 1.
    """
    rng = np.random.default_rng(seed)
    wanted = replace(choice, metric="exact_match")
    full = evaluate(cells, wanted, resamples=1).oriented
    known = np.flatnonzero(~np.isnan(full))
    same_order = same_best = 0
    for _ in range(repeats):
        drawn = evaluate(subsample(cells, n, rng), wanted, resamples=1).oriented[known]
        best = np.nanmax(drawn, initial=-np.inf)
        same_best += bool(len(known) and drawn[full[known].argmax()] >= best)
        order = np.argsort(-full[known], kind="stable")
        same_order += bool((np.diff(drawn[order]) <= 1e-12).all())
    return SmallerTest(
        n=n,
        repeats=repeats,
        zero_bound=float(zero_upper_bound(n)),
        step=1 / n,
        p_same_order=same_order / repeats,
        p_same_best=same_best / repeats,
        n_models=len(known),
    )
