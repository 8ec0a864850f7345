"""One model against another on one group of instances: paired where they are shared, unpaired else,
from published means at worst.

`analysis.compare.comparing` puts these rows together and adjusts their p-values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from analysis.compare.answer_matrix import AnswerMatrix, Floats, Ints, Mask
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
    """How differences are taken.

    grouping  rows: every level, every task, or the whole alone. unit: what an interval holds for,
    "over tasks" or "over instances".
    resamples 0: no bootstrap, its numbers are NaN; everything else is as it is with one.
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
    """One model against another on some instances. Counts are of instances; shares 0-1; undefined
    numbers NaN, then `reason` says why.

    method      "paired" | "unpaired" | "none". test: its name. unit: what the interval holds for.
    n           instances compared: shared ones; for an unpaired test those of the model, n_baseline
                of the baseline; None where not stated.
    n_left_out  instances that only one of the two answered (they do not count in a paired test).
    accuracy, baseline_accuracy, difference  on those instances; difference = accuracy -
    baseline_accuracy. se, df, lo, hi, p, p_holm  of the test that counts; p_holm over the whole
    family of tests on the page. se_instances  error without clusters. se_sandwich: clustered by
    task without small-sample correction; `boot_se` estimates it. boot_se, boot_lo, boot_hi  paired
    bootstrap over `boot_unit`, BCa. mcnemar_p, mcnemar_kind, mid_p, mcnemar_p_holm  of the
    discordant instances; undefined where answers were averaged over epochs.
    mde         smallest difference that such data show with 80 % power at the 5 % level, one test
                alone.
    n_both, n_model_only, n_baseline_only, n_neither  right answers (more than half of them, with
    epochs).
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
    groups: Sequence[tuple[Place, Mask]],
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


def groups_of(matrix: AnswerMatrix, grouping: str) -> list[tuple[Place, Mask]]:
    """Every group of instances, with its columns: groups of a split, then the whole split."""
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
        if grouping == "level":
            labelled = (
                of_split[of_split["level"].notna() & ~of_split["is_probe"]]
                .drop_duplicates(subset=["level"])
                .sort_values("level")
            )
            for level, label in zip(labelled["level"], labelled["level_label"], strict=True):
                yield Place(
                    grouping="level",
                    split=split,
                    level=int(level),
                    level_label=label if isinstance(label, str) else None,
                )
        if grouping == "task":
            for row in (
                of_split.drop_duplicates(subset=["task"])
                .sort_values(["level", "task"])
                .to_dict("records")
            ):
                level = None if pd.isna(row["level"]) else int(row["level"])
                label = row["level_label"] if isinstance(row["level_label"], str) else None
                yield Place(
                    grouping="task", split=split, level=level, level_label=label, task=row["task"]
                )
        yield Place(grouping="overall", split=split)


def mask_of(
    matrix: AnswerMatrix, grouping: str, split: str, level: int | None, task: str | None
) -> Mask:
    """Columns that a row of the comparison is about."""
    return matrix.mask(split=split, level=level if grouping == "level" else None, task=task)


def row_of(
    matrix: AnswerMatrix,
    model: str,
    baseline: str,
    place: Place,
    within: Mask,
    settings: CompareSettings,
) -> Iterator[Row]:
    """The row of one group; none where neither model has an answer."""
    a, b = matrix.scores_of(model), matrix.scores_of(baseline)
    has_a, has_b = within & np.isfinite(a), within & np.isfinite(b)
    shared = has_a & has_b
    if not has_a.any() and not has_b.any():
        return
    about = {
        name: getattr(place, name) for name in ("grouping", "split", "level", "level_label", "task")
    }
    over_tasks = settings.unit == OVER_TASKS
    if shared.sum() >= 2:
        values, tasks = a[shared] - b[shared], matrix.task_codes[shared]
        found = (
            paired_over_tasks(values, tasks, confidence=settings.confidence)
            if over_tasks
            else paired_over_instances(values, confidence=settings.confidence)
        )
        yield _paired_row(
            _row(
                model,
                baseline,
                about,
                found,
                PAIRED,
                (int(shared.sum()),) * 2,
                _means(a[shared], b[shared]),
            ),
            (a[shared], b[shared]),
            matrix.task_codes[shared],
            n_left_out=int((has_a ^ has_b).sum()),
            settings=settings,
        )
        return
    codes = matrix.task_codes
    if over_tasks:
        found = unpaired_over_tasks(
            a[has_a], codes[has_a], b[has_b], codes[has_b], confidence=settings.confidence
        )
    else:
        found = unpaired_over_instances(a[has_a], b[has_b], confidence=settings.confidence)
    method = UNPAIRED if math.isfinite(found.difference) else NONE
    row = _row(
        model,
        baseline,
        about,
        found,
        method,
        (int(has_a.sum()), int(has_b.sum())),
        _means(a[has_a], b[has_b]),
    )
    n_tasks = len(np.union1d(codes[has_a], codes[has_b]))
    reason = row.reason or "the models share no instances"
    yield replace(row, n_tasks=n_tasks, mde=_mde(found, settings), reason=reason)


def _row(
    model: str,
    baseline: str,
    about: dict[str, Any],
    found: Difference,
    method: str,
    counts: tuple[float, float],
    accuracies: Sequence[float],
) -> Row:
    sizes = [int(n) if math.isfinite(n) else None for n in counts]
    return Row(
        model=model,
        baseline=baseline,
        **about,
        method=method,
        test=found.test,
        unit=found.unit,
        n=sizes[0],
        n_baseline=sizes[1],
        n_left_out=0,
        n_tasks=0,
        accuracy=accuracies[0],
        baseline_accuracy=accuracies[1],
        difference=found.difference,
        se=found.se,
        df=found.df,
        lo=found.lo,
        hi=found.hi,
        p=found.p,
        reason=found.reason,
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
    """Add what only shared instances allow: bootstrap, McNemar, the four cells."""
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
    """From the interval's half width where the normal was used (it has one without discordant pairs
    too), else from the error.
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
    """Accuracies of levels as sources state them: MEAN_COLUMNS; n is NaN where neither n nor tasks
    times answers per task is stated.
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
    """The same of a model's answers: mean over the instances of each level."""
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
    """Unpaired rows from level means, and over all levels that both have where every n is
    stated.
    """
    both = means[means["model"] == model].merge(
        means[means["model"] == baseline], on=["split", "level"], suffixes=("", "_b")
    )
    for split in SPLIT_ORDER:
        there = both[both["split"] == split].sort_values("level")
        if settings.grouping == "level":
            for row in there.to_dict("records"):
                label = next(
                    (
                        name
                        for name in (row["level_label"], row["level_label_b"])
                        if isinstance(name, str)
                    ),
                    None,
                )
                about = {
                    "grouping": "level",
                    "split": split,
                    "level": int(row["level"]),
                    "level_label": label,
                    "task": None,
                }
                yield _row_of_means(
                    model, baseline, about, there[there["level"] == row["level"]], settings
                )
        if len(there):
            about = {
                "grouping": "overall",
                "split": split,
                "level": None,
                "level_label": None,
                "task": None,
            }
            yield _row_of_means(model, baseline, about, there, settings)


def _row_of_means(
    model: str, baseline: str, about: dict[str, Any], there: pd.DataFrame, settings: CompareSettings
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
        _row(model, baseline, about, found, UNPAIRED if is_stated else NONE, (n_a, n_b), means),
        n_tasks=int(n_tasks) if math.isfinite(n_tasks) else 0,
        mde=_mde(found, settings) if is_stated else math.nan,
        reason=reason,
    )
