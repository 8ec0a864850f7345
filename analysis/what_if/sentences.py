"""Sentences of a what-if and of a multiverse: what changed, how sure that is, and in how many
choices a conclusion holds.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.text import listed, percent_of_draws, signed, significant
from analysis.what_if.aggregation import Averaging, ScoreOrder
from analysis.what_if.evaluating import QUANTITY_NAMES, Choice, Quantity, WhatIf
from analysis.what_if.metric_list import METRICS, metric_named
from analysis.what_if.multiverse import DENOMINATOR_WORDS, Multiverse

AVERAGING_WORDS = {
    Averaging.LEVELS: "levels counting the same",
    Averaging.TASKS: "tasks counting the same",
    Averaging.SAMPLES: "answers counting the same",
}
ORDER_WORDS = {ScoreOrder.TASK_FIRST: "S of each task", ScoreOrder.LEVEL_MEANS: "S of level means"}


def changes(choice: Choice, *, has_answers: bool = True) -> tuple[str, ...]:
    """The differences of a choice from the paper, in words. Without answers the denominator has no
    effect.
    """
    paper = choice.as_paper()
    found = [metric_named(choice.metric).label] if choice.metric != paper.metric else []
    if has_answers and choice.denominator is not paper.denominator:
        found.append(DENOMINATOR_WORDS[choice.denominator])
    if choice.averaging is not paper.averaging:
        found.append(AVERAGING_WORDS[choice.averaging])
    if choice.weights and len(set(choice.weights)) > 1 and choice.averaging is Averaging.LEVELS:
        found.append(f"level weights {' : '.join(map(significant, choice.weights))}")
    if choice.quantity is Quantity.SCORE:
        if choice.order is not paper.order:
            found.append(ORDER_WORDS[choice.order])
        if choice.penalty != paper.penalty:
            found.append(f"penalty {significant(choice.penalty)}")
    return tuple(found)


def sentence(what_if: WhatIf) -> str:
    """The effect of another choice on the order of the models, its uncertainty, and whether their
    critical levels change.
    """
    n, quantity = what_if.n_ranked, QUANTITY_NAMES[what_if.chosen.choice.quantity]
    changed = changes(what_if.chosen.choice, has_answers=what_if.has_answers)
    if not n:
        label = what_if.chosen.metric.label
        empty = [
            split.upper() for split in ("id", "ood") if what_if.chosen.levels[split].isna().all()
        ]
        takes = {Quantity.OOD: {"OOD"}, Quantity.ID: {"ID"}, Quantity.ALL: set()}.get(
            what_if.chosen.choice.quantity, {"ID", "OOD"}
        )
        said = f"No model here can be ranked by its {quantity} under {label}: "
        if len(empty) == 1 and takes & set(empty):
            return (
                f"{said}that takes {listed(sorted(takes))} answers, and there are no"
                f" {empty[0]} answers with a value."
            )
        return f"{said}see below what is missing."
    if not changed:
        return (
            f"This is the paper's definition: {n} model{'s' if n > 1 else ''} ranked by {quantity}."
        )
    under = f"With {listed(changed)} instead of the paper's definition"
    if n == 1:
        return (
            f"{under}, one model has a value, so there is no order that could change."
            f" {_critical(what_if)}"
        )
    if not what_if.n_changed:
        return (
            f"{under}, {'both' if n == 2 else f'all {n}'} models keep their rank by {quantity}."
            f" {_critical(what_if)}"
        )
    lead = ""
    if what_if.overtakes:
        winner, loser, share = what_if.overtakes[0]
        others = len(what_if.overtakes) - 1
        more = (
            f" and {others} other pair{'s' if others > 1 else ''} change places" if others else ""
        )
        lead = f": {winner} overtakes {loser} ({percent_of_draws(share)} of resamples){more}"
    return (
        f"{under}, {what_if.n_changed} of {n} models change their rank by {quantity}{lead}."
        f" {_critical(what_if)}"
    )


def _critical(what_if: WhatIf) -> str:
    frame = what_if.ranks.dropna(subset=["paper_rank", "rank"])
    if frame["paper_critical"].isna().all() and frame["critical"].isna().all():
        return "No model has a critical level under either."
    moved = frame["paper_critical"].fillna(0) != frame["critical"].fillna(0)
    if not moved.any():
        return "The level with the largest gap stays" + (
            " for all of them." if len(frame) > 1 else "."
        )
    return f"The level with the largest gap moves for {int(moved.sum())} of {len(frame)}."


def multiverse_sentence(found: Multiverse) -> str:
    """In how many of the computable specifications a conclusion holds, whether it holds under the
    paper's, and what flips it.
    """
    if not found.n_computable:
        return (
            f"“{found.text}” cannot be tested: none of the {found.n:,} specifications can be"
            " computed here."
        )
    among = f"{found.n_computable:,} specifications"
    counted = {0: f"none of {among}", found.n_computable: f"all {among}"}.get(
        found.n_hold, f"{percent_of_draws(found.share)} of {among}"
    )
    lead = f"“{found.text}” holds in {counted}"
    if found.paper_holds is None:
        return f"{lead}; the paper's own cannot be computed."
    under = "it holds" if found.paper_holds else "it does not hold"
    if found.min_changes is None:
        return (
            f"{lead}; under the paper's definition {under}, and no other choice here changes that."
        )
    one = [f"{name}: {option}" for name, option in found.single_flips]
    if one:
        shown = listed(one, at_most=3)
        return (
            f"{lead}; under the paper's definition {under}, and one other choice is enough to flip"
            f" it ({shown})."
        )
    return (
        f"{lead}; under the paper's definition {under}, and it takes {found.min_changes} other"
        " choices at once to flip it."
    )


def what_if_record(what_if: WhatIf) -> dict[str, Any]:
    """The result as plain values for JSON, with its sentence."""
    return what_if.as_record() | {"sentence": sentence(what_if)}


def multiverse_record(found: Multiverse) -> dict[str, Any]:
    """The result as plain values for JSON, with its sentence."""
    return found.as_record() | {"sentence": multiverse_sentence(found)}


METRIC_HELP = "\n".join(f"- **{metric.label}**: {metric.formula}" for metric in METRICS.values())


def rank_lines(what_if: WhatIf) -> list[str]:
    """A line per model to read in a terminal: both ranks and both values."""
    lines = []
    for row in what_if.ranks.to_dict("records"):
        why = f"   {row['reason']}" if isinstance(row["reason"], str) else ""
        ranks = f"{row['paper_rank']:.0f} -> {row['rank']:.0f}"
        lines.append(
            f"  {ranks:>8}  {row['paper']:+.3f} -> {row['value']:+.3f}  {row['model']}{why}"
        )
    return lines


def grading_sentence(table: pd.DataFrame) -> str:
    """The smallest and the largest gap that the authors' grader alone makes of a perfect solver.

    table: studies.grading_effect.COLUMNS.
    """
    gaps = table["gap"]
    low, high = table.iloc[int(gaps.argmin())], table.iloc[int(gaps.argmax())]
    return (
        f"Grading alone makes gaps of a perfect solver: from {signed(100 * low['gap'], 0)} points"
        f" ({low['task']}) to {signed(100 * high['gap'], 0)} points ({high['task']}), because the"
        " SCYLLA authors' grader accepts one of several right answers."
    )
