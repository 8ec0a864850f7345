"""One model against another on one group of instances: paired on shared instances, otherwise
unpaired, otherwise from published means.

`analysis.compare.comparing` collects these rows and adjusts their p-values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from analysis.arrays import Flags, Floats, Ints
from analysis.compare.answer_matrix import AnswerMatrix
from analysis.compare.pairing import (
    OVER_INSTANCES,
    OVER_TASKS,
    Difference,
    mcnemar,
    newcombe,
    paired_bootstrap,
    paired_over_instances,
    paired_over_tasks,
    undefined,
    unpaired_over_instances,
    unpaired_over_tasks,
)
from analysis.error_bars import clt_se, detectable_from_se, sandwich_se
from data.records import NotEnoughDataError, Split

GROUPINGS = ("level", "task", "overall")
PAIRED, UNPAIRED, NONE = "paired", "unpaired", "none"
SPLIT_ORDER = (Split.ID.value, Split.OOD.value, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareSettings:
    """How differences are estimated.

    grouping   one row for every level, for every task, or only for the whole.
    unit       unit of the intervals: "over tasks" or "over instances".
    resamples  0: no bootstrap; its numbers are NaN and all others are unchanged.
    """

    grouping: str = "level"
    unit: str = OVER_TASKS
    confidence: float = 0.95
    resamples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.grouping not in GROUPINGS:
            raise NotEnoughDataError(
                f"Differences cannot be grouped by {self.grouping!r}. Possible:"
                f" {', '.join(GROUPINGS)}."
            )
        if self.unit not in (OVER_TASKS, OVER_INSTANCES):
            raise NotEnoughDataError(
                f"Intervals cannot be taken {self.unit!r}. Possible: {OVER_TASKS},"
                f" {OVER_INSTANCES}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model against another on a group of instances. Counts are of instances, shares are 0-1,
    and undefined numbers are NaN (see `reason`).

    method      "paired", "unpaired" or "none"; test: name of the test; unit: unit of the interval.
    n, n_baseline  instances compared: the shared ones, or in an unpaired test those of the model
                and of the baseline; None if unknown.
    n_left_out  instances that only one of the two answered; a paired test leaves them out.
    accuracy, baseline_accuracy, difference  on these instances; difference = accuracy -
                baseline_accuracy.
    se, df, lo, hi, p, p_holm  of the reported test; p_holm is adjusted over all tests on the page.
    se_instances  standard error without clusters.
    se_sandwich   standard error clustered by task, without small-sample correction; `boot_se`
                estimates the same quantity.
    boot_se, boot_lo, boot_hi  paired bootstrap over `boot_unit`, BCa.
    mcnemar_p, mcnemar_kind, mid_p, mcnemar_p_holm  of the discordant instances; undefined if
                answers were averaged over epochs.
    mde         smallest difference that is detected with 80 % power at the 5 % level, in one test.
    n_both, n_model_only, n_baseline_only, n_neither  instances by who is right (with epochs: in
                more than half of the answers).
    flips       negative flips: n_baseline_only / n.
    """

    model: str
    baseline: str
    grouping: str
    split: str
    level: int | None
    level_label: str | None
    task: str | None
    method: str
    test: str
    unit: str
    n: int | None
    n_baseline: int | None
    n_left_out: int
    n_tasks: int
    accuracy: float
    baseline_accuracy: float
    difference: float
    se: float
    df: float
    lo: float
    hi: float
    p: float
    p_holm: float = math.nan
    se_instances: float = math.nan
    se_sandwich: float = math.nan
    boot_se: float = math.nan
    boot_lo: float = math.nan
    boot_hi: float = math.nan
    boot_unit: str = ""
    mcnemar_p: float = math.nan
    mcnemar_kind: str = ""
    mid_p: float = math.nan
    mcnemar_p_holm: float = math.nan
    mde: float = math.nan
    n_both: int | None = None
    n_model_only: int | None = None
    n_baseline_only: int | None = None
    n_neither: int | None = None
    flips: float = math.nan
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    grouping: str
    split: str
    level: int | None = None
    level_label: str | None = None
    task: str | None = None


def comparison_rows(
    matrix: AnswerMatrix,
    groups: Sequence[tuple[Place, Flags]],
    means: pd.DataFrame,
    model: str,
    baseline: str,
    settings: CompareSettings,
) -> Iterator[Row]:
    answered = [name for name in (model, baseline) if name in matrix.models]
    if len(answered) == 2:
        for place, within in groups:
            yield from row_of(matrix, model, baseline, place, within, settings)
        return
    ours = pd.concat(
        [
            means[~means["model"].isin(answered)],
            *(counted_means(matrix, name) for name in answered),
        ],
        ignore_index=True,
    )
    yield from rows_of_means(ours, model, baseline, settings)


def groups_of(matrix: AnswerMatrix, grouping: str) -> list[tuple[Place, Flags]]:
    """Every group of instances with its columns: the groups of a split, then the whole split."""
    return [
        (place, mask_of(matrix, place.grouping, place.split, place.level, place.task))
        for place in _places(matrix, grouping)
    ]


def _places(matrix: AnswerMatrix, grouping: str) -> Iterator[Place]:
    there = matrix.instances
    for split in SPLIT_ORDER:
        of_split = there[there["split"] == split]
        if of_split.empty:
            continue
        parts = of_split.iloc[:0]
        if grouping == "level":
            parts = of_split[of_split["level"].notna() & ~of_split["is_probe"]]
            parts = parts.drop_duplicates(subset=["level"]).sort_values("level")
        elif grouping == "task":
            parts = of_split.drop_duplicates(subset=["task"]).sort_values(["level", "task"])
        for row in parts.to_dict("records"):
            yield Place(
                grouping=grouping,
                split=split,
                level=None if pd.isna(row["level"]) else int(row["level"]),
                level_label=_first_text(row["level_label"]),
                task=row["task"] if grouping == "task" else None,
            )
        yield Place(grouping="overall", split=split)


def _first_text(*labels: object) -> str | None:
    return next((label for label in labels if isinstance(label, str)), None)


def mask_of(
    matrix: AnswerMatrix, grouping: str, split: str, level: int | None, task: str | None
) -> Flags:
    """Columns of the instances in a row of the comparison."""
    return matrix.mask(split=split, level=level if grouping == "level" else None, task=task)


def row_of(
    matrix: AnswerMatrix,
    model: str,
    baseline: str,
    place: Place,
    within: Flags,
    settings: CompareSettings,
) -> Iterator[Row]:
    """The row of one group; none if neither model has an answer."""
    a, b = matrix.scores_of(model), matrix.scores_of(baseline)
    has_a, has_b = within & np.isfinite(a), within & np.isfinite(b)
    shared = has_a & has_b
    if not has_a.any() and not has_b.any():
        return
    over_tasks, confidence = settings.unit == OVER_TASKS, settings.confidence
    if shared.sum() >= 2:
        a, b, codes = a[shared], b[shared], matrix.task_codes[shared]
        found = (
            paired_over_tasks(a - b, codes, confidence=confidence)
            if over_tasks
            else paired_over_instances(a - b, confidence=confidence)
        )
        row = _row(model, baseline, place, found, PAIRED, (len(a), len(b)), _means(a, b))
        n_left_out = int((has_a ^ has_b).sum())
        yield _paired_row(row, (a, b), codes, n_left_out=n_left_out, settings=settings)
        return
    a, codes_a = a[has_a], matrix.task_codes[has_a]
    b, codes_b = b[has_b], matrix.task_codes[has_b]
    found = (
        unpaired_over_tasks(a, codes_a, b, codes_b, confidence=confidence)
        if over_tasks
        else unpaired_over_instances(a, b, confidence=confidence)
    )
    method = UNPAIRED if math.isfinite(found.difference) else NONE
    row = _row(model, baseline, place, found, method, (len(a), len(b)), _means(a, b))
    yield replace(
        row,
        n_tasks=len(np.union1d(codes_a, codes_b)),
        mde=_mde(found, settings),
        reason=row.reason or "the models share no instances",
    )


def _row(
    model: str,
    baseline: str,
    place: Place,
    found: Difference,
    method: str,
    counts: tuple[float, float],
    accuracies: Sequence[float],
) -> Row:
    sizes = [int(n) if math.isfinite(n) else None for n in counts]
    return Row(
        model=model,
        baseline=baseline,
        **asdict(place),
        **asdict(found),
        method=method,
        n=sizes[0],
        n_baseline=sizes[1],
        n_left_out=0,
        n_tasks=0,
        accuracy=accuracies[0],
        baseline_accuracy=accuracies[1],
    )


def _means(a: Floats, b: Floats) -> list[float]:
    return [float(part.mean()) if len(part) else math.nan for part in (a, b)]


def _paired_row(
    row: Row,
    scores: tuple[Floats, Floats],
    tasks: Ints,
    *,
    n_left_out: int,
    settings: CompareSettings,
) -> Row:
    """Add the results that need shared instances: bootstrap, McNemar, the four cells."""
    a, b = scores
    values = a - b
    right_a, right_b = a > 0.5, b > 0.5
    both, only_a, only_b = (
        int(part.sum()) for part in (right_a & right_b, right_a & ~right_b, ~right_a & right_b)
    )
    is_averaged = not (np.isin(a, (0.0, 1.0)).all() and np.isin(b, (0.0, 1.0)).all())
    test = None if is_averaged else mcnemar(only_a, only_b)
    clusters = tasks if row.unit == OVER_TASKS else None
    boot = paired_bootstrap(
        values,
        clusters,
        resamples=settings.resamples,
        seed=settings.seed,
        confidence=settings.confidence,
    )
    found = replace(
        row,
        n_left_out=n_left_out,
        n_tasks=len(np.unique(tasks)),
        se_instances=clt_se(values),
        se_sandwich=sandwich_se(values, tasks),
        mde=_mde(row, settings),
        n_both=both,
        n_model_only=only_a,
        n_baseline_only=only_b,
        n_neither=len(a) - both - only_a - only_b,
        flips=only_b / len(a),
        boot_se=boot.se,
        boot_lo=boot.lo,
        boot_hi=boot.hi,
        boot_unit=boot.unit,
    )
    if test is None:
        return found
    return replace(found, mcnemar_p=test.p, mcnemar_kind=test.kind, mid_p=test.mid_p)


def _mde(found: Difference | Row, settings: CompareSettings) -> float:
    """Smallest detectable difference: from the half width of a normal interval, which is positive
    even without discordant pairs, otherwise from the standard error.
    """
    se = found.se
    if math.isinf(found.df):
        se = (found.hi - found.lo) / 2 / float(special.ndtri(0.5 + settings.confidence / 2))
    return (
        float(detectable_from_se(se, found.df)) if math.isfinite(se) and found.df > 0 else math.nan
    )


# -- level means -----------------------------------------------------------------------------------

MEAN_COLUMNS = ("model", "split", "level", "level_label", "accuracy", "n", "n_tasks")
NOT_STATED = "no test possible: the source does not say how many answers stand behind a mean"


def published_means(published: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Published level accuracies: MEAN_COLUMNS. n is NaN if the source has neither n nor tasks
    times answers per task.
    """
    frame = published[
        (published["metric"] == "accuracy")
        & published["task"].isna()
        & published["model"].isin(list(models))
    ]
    n = (
        frame["n"]
        .astype("Float64")
        .fillna((frame["n_tasks"] * frame["n_per_task"]).astype("Float64"))
    )
    found = frame.assign(
        accuracy=frame["value"].astype(float),
        n=n.to_numpy(dtype=float, na_value=np.nan),
        n_tasks=frame["n_tasks"].to_numpy(dtype=float, na_value=np.nan),
        split=frame["split"].astype(object).where(frame["split"].notna(), ""),
    )
    return found[list(MEAN_COLUMNS)].drop_duplicates(["model", "split", "level"])


def counted_means(matrix: AnswerMatrix, model: str) -> pd.DataFrame:
    """Level accuracies from answers: MEAN_COLUMNS, means over the instances of each level."""
    there = matrix.instances.assign(score=matrix.scores_of(model))
    there = there[there["score"].notna() & there["level"].notna() & ~there["is_probe"]]
    found = there.groupby(["split", "level"], as_index=False, observed=True).agg(
        level_label=("level_label", "first"),
        accuracy=("score", "mean"),
        n=("score", "size"),
        n_tasks=("task", "nunique"),
    )
    return found.assign(model=model)[list(MEAN_COLUMNS)]


def rows_of_means(
    means: pd.DataFrame, model: str, baseline: str, settings: CompareSettings
) -> Iterator[Row]:
    """Unpaired rows from level means: one per level that both have, and one over all of them."""
    both = means[means["model"] == model].merge(
        means[means["model"] == baseline], on=["split", "level"], suffixes=("", "_b")
    )
    for split in SPLIT_ORDER:
        there = both[both["split"] == split].sort_values("level")
        if settings.grouping == "level":
            for row in there.to_dict("records"):
                place = Place(
                    grouping="level",
                    split=split,
                    level=int(row["level"]),
                    level_label=_first_text(row["level_label"], row["level_label_b"]),
                )
                of_level = there[there["level"] == row["level"]]
                yield _row_of_means(model, baseline, place, of_level, settings)
        if len(there):
            overall = Place(grouping="overall", split=split)
            yield _row_of_means(model, baseline, overall, there, settings)


def _row_of_means(
    model: str, baseline: str, place: Place, there: pd.DataFrame, settings: CompareSettings
) -> Row:
    sizes = [there[name].to_numpy(dtype=float) for name in ("n", "n_b")]
    shares = [there[name].to_numpy(dtype=float) for name in ("accuracy", "accuracy_b")]
    is_stated = all(np.isfinite(size).all() and (size > 0).all() for size in sizes)
    n_a, n_b = (float(size.sum()) if is_stated else math.nan for size in sizes)
    means = [
        float((share * size).sum() / size.sum()) if is_stated else float(share.mean())
        for share, size in zip(shares, sizes, strict=True)
    ]
    if is_stated:
        found = newcombe(means[0] * n_a, n_a, means[1] * n_b, n_b, confidence=settings.confidence)
        reason = (
            "level means without their answers: unpaired, and the spread between tasks is not"
            " known, so the interval is too narrow"
        )
    else:
        found = replace(undefined(NOT_STATED), difference=means[0] - means[1])
        reason = NOT_STATED
    n_tasks = there["n_tasks"].sum()
    return replace(
        _row(model, baseline, place, found, UNPAIRED if is_stated else NONE, (n_a, n_b), means),
        n_tasks=int(n_tasks) if math.isfinite(n_tasks) else 0,
        mde=_mde(found, settings) if is_stated else math.nan,
        reason=reason,
    )
