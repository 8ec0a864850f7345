"""Sentences and rows of the section that explains a gap. Words of the verdict:
analysis.valley.sentences.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from analysis.text import listed, number, p_value, percent, percent_of_draws

if TYPE_CHECKING:
    from analysis.account.explanation import Explanation
    from analysis.valley.locating import Valley

TEACHING = (
    "Suppose OOD instances were harder by the same amount at every level: the odds of a right"
    " answer divided by the same factor, a constant penalty on the log-odds scale. Where a model"
    " has nearly everything right, dividing the odds costs next to nothing, and where it has nearly"
    " everything wrong there is next to nothing to lose. In between, at half right, the same"
    " penalty costs most. So a constant penalty of d logits draws a hump of height tanh(d / 4) in"
    " the probability gap, at the complexity that the model solves half the time, and the hump"
    " moves right as models get better. A valley is therefore no sign by itself that memorisation"
    " peaks somewhere: it becomes one when the log-odds gap changes from level to level."
)
ROW_NAMES = ("question", "estimate", "low", "high", "unit", "p", "n", "how")


def comparison(explanation: Explanation) -> str:
    """What the accounts and the repeats say, in two or three sentences."""
    said = [_accounts(explanation), _repeats(explanation), _power(explanation)]
    return " ".join(part for part in said if part)


def _accounts(explanation: Explanation) -> str:
    curves = explanation.curves
    best, by_bic = curves.best(), curves.best("d_bic")
    if best is None or by_bic is None:
        return (
            f"The accounts cannot be compared: {curves.reason or 'too few tasks for a criterion'}."
        )
    also = "BIC agrees" if by_bic.name == best.name else f"BIC prefers {by_bic.name}"
    rivals = [fit.name for fit in curves.fits if fit.name != best.name and fit.d_aicc < 2]
    near = (
        f"; {listed(rivals)} {'is' if len(rivals) == 1 else 'are'} within 2 of it, so the"
        " choice is open"
        if rivals
        else ""
    )
    return (
        f"AICc prefers {best.name} ({best.words}; weight {percent_of_draws(best.weight)}{near});"
        f" {also}."
    )


def _repeats(explanation: Explanation) -> str:
    drawn = explanation.constant
    if drawn is None:
        return ""
    tasks = len(explanation.points.task)
    said = (
        f"A constant penalty of {number(drawn.delta)} logits on these {tasks} tasks draws a largest"
        f" gap as large as the one seen in {percent_of_draws(drawn.p_height)} of"
        f" {drawn.replicates:,} repeats, and a curve as far from its mean in"
        f" {percent_of_draws(drawn.p_shape)}."
    )
    if drawn.delta_coverage < 0.9:
        said += (
            f" In these repeats the {percent(drawn.confidence)} interval of the log-odds gap"
            f" holds the truth in {percent_of_draws(drawn.delta_coverage)} only: accuracies near 0"
            " % or 100 % bend it towards 0."
        )
    return said


def _power(explanation: Explanation) -> str:
    power = explanation.power
    if math.isnan(power.power):
        return f"No power for a peak inside: {power.reason}."
    often = percent_of_draws(power.power)
    said = f"A peak inside like the one seen would be found in {often} of repeats"
    if power.tasks_needed is None:
        return f"{said}; {power.reason}."
    least, most = power.n_per_level
    here = f"{least}" if least == most else f"{least} to {most}"
    return (
        f"{said} with {here} tasks per level; {percent(power.target)} need {power.tasks_needed}"
        " tasks per level."
    )


def test_rows(valley: Valley, explanation: Explanation) -> list[dict[str, Any]]:
    """One row per question: ROW_NAMES. Undefined numbers are NaN."""
    return [
        *_gap_rows(valley),
        *_constancy_rows(valley, explanation),
        *_peak_rows(valley, explanation),
    ]


def _row(question: str, how: str, **numbers: Any) -> dict[str, Any]:
    blank = {
        "estimate": math.nan,
        "low": math.nan,
        "high": math.nan,
        "unit": "",
        "p": math.nan,
        "n": None,
    }
    return {"question": question, **blank, **numbers, "how": how}


def _gap_rows(valley: Valley) -> list[dict[str, Any]]:
    mean = valley.log_odds
    if mean is None or mean.reason is not None:
        return []
    sure = f"{percent(mean.confidence)} interval"
    return [
        _row(
            "Is OOD harder over all tasks?",
            f"random-effects mean (Paule-Mandel), t; {sure}",
            estimate=mean.delta,
            low=mean.lo,
            high=mean.hi,
            unit="logits",
            p=mean.p,
            n=mean.n_tasks,
        ),
        _row(
            "... assuming nothing but symmetry",
            "sign flips of the tasks' probability gaps",
            p=mean.sign_flip_p,
            n=mean.n_tasks,
        ),
        _row(
            "What would one further task lose?",
            f"prediction, t; {sure}",
            estimate=mean.delta,
            low=mean.prediction_lo,
            high=mean.prediction_hi,
            unit="logits",
            n=mean.n_tasks,
        ),
        _row(
            "How much do tasks differ?",
            "between-task sd; I² is the share of spread that chance does not explain: "
            f"{percent_of_draws(mean.i2)}",
            estimate=math.sqrt(mean.tau2),
            unit="logits",
            n=mean.n_tasks,
        ),
    ]


def _constancy_rows(valley: Valley, explanation: Explanation) -> list[dict[str, Any]]:
    line, change, drawn = valley.constancy, valley.level_change, explanation.constant
    rows = []
    if line is not None and line.reason is None:
        per = (
            "logits per logit"
            if valley.axis is not None and valley.axis.is_fitted
            else "logits per level"
        )
        rows.append(
            _row(
                "Does the log-odds gap change along the axis?",
                "meta-regression, t",
                estimate=line.slope,
                low=line.lo,
                high=line.hi,
                unit=per,
                p=line.p,
                n=line.n_tasks,
            )
        )
    if change is not None and change.reason is None:
        rows.append(
            _row(
                "Do the levels differ in it at all?",
                "F of level means",
                estimate=change.f,
                unit="F",
                p=change.p,
                n=change.n_tasks,
            )
        )
    if drawn is not None:
        how = f"{drawn.replicates:,} repeats with a constant penalty on these tasks"
        rows += [
            _row("... as strong a change along the axis by chance", how, p=drawn.p_slope),
            _row("... as much difference between levels by chance", how, p=drawn.p_levels),
            _row("... gaps as far from a constant penalty's", how, p=drawn.p_shape),
        ]
    return rows


def _peak_rows(valley: Valley, explanation: Explanation) -> list[dict[str, Any]]:
    found, inside, power = valley.complexity, valley.interior_peak, explanation.power
    rows = []
    if found is not None:
        routes = {
            "line": "half right: line through the tasks, Fieller",
            "isotonic": "half right: level means made not to rise, bootstrap",
            "smooth": "log-odds gap varies: smooth curves, bootstrap",
        }
        how = f"{routes[found.route]}; {percent(found.confidence)} interval" + (
            f"; {found.reason}" if found.reason else ""
        )
        rows.append(
            _row(
                "Where does the gap peak, between the levels?",
                how,
                estimate=found.level,
                low=found.lo,
                high=found.hi,
                unit="level",
                n=found.n_tasks,
            )
        )
    if inside is not None:
        how = (
            f"intersection-union test; {inside.reason}"
            if inside.reason
            else "intersection-union test: above both ends"
        )
        rows.append(
            _row(
                "Is an inner level's gap larger than at both ends?",
                how,
                p=inside.p,
                n=inside.n_tasks,
            )
        )
    if not math.isnan(power.power):
        needed = power.reason or f"{power.tasks_needed} tasks per level for {percent(power.target)}"
        rows.append(
            _row(
                "... how often would a peak like this be found?",
                f"power at p < {p_value(power.alpha)}; {needed}",
                estimate=power.power,
                unit="share of repeats",
            )
        )
    return rows


def axis_caption(valley: Valley) -> str:
    """Where the levels stand on the axis, and how well that holds."""
    axis = valley.axis
    if axis is None:
        return ""
    if not axis.is_fitted:
        return f"Axis: level numbers, since {axis.reason}"
    said = f"Axis: difficulty of the levels from {axis.n_models} models (Rasch, L1 at 0)"
    if axis.violations:
        pairs = ", ".join(f"L{first} and L{second}" for first, second in axis.violations)
        said += f"; {pairs} came out in the other order and share a position"
    return (
        f"{said}; deviance {axis.deviance:,.0f} on {axis.df_resid} degrees of freedom, so models"
        " differ in what they find hard"
    )
