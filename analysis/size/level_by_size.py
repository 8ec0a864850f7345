"""The critical level of many models against their size: selection of models, tests and sentence
(METHODS B4).

Published critical levels and levels from stored answers are separate questions, with different
models, tasks and methods to find a level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.accuracy import DEFAULT_DENOMINATOR, task_accuracies
from analysis.scylla import critical_level
from analysis.size.ordered_tests import (
    OrderedGroups,
    RankTrend,
    TwoGroups,
    jonckheere_terpstra,
    mann_whitney,
    rank_trend,
    stratified_trend,
)
from analysis.size.size_trend import (
    IntervalFit,
    LineFit,
    OrdinalFit,
    interval_regression,
    least_squares_trend,
    ordinal_trend,
)
from analysis.text import counted, p_text, plain_value, short_count, with_interval
from analysis.valley.task_gaps import pair_splits
from data.records import Denominator

COLUMNS = ("model", "family", "access", "n_params", "level", "level_label", "censored", "reason")
SIZE_EDGES = (4e9, 14e9, 40e9)
"""Numbers of parameters that separate four groups of models; each edge belongs to the lower group.
"""
MOST_SIZES = 8
"""Up to this many different sizes, each size is a group of its own."""
CONFOUNDED = (
    "Size is confounded with family and generation: the comparison within families is the one to"
    " rely on."
)
ORDINAL_AXIS = "Levels are ordinal: a distance of one level has no fixed meaning in cost."
LEVELS_TAKEN_AS_KNOWN = (
    "Each model's critical level is taken as known; how sure it is stands under Levels, as P(level"
    " is critical)."
)
NO_SIZE = "Models whose size is not published are left out, never guessed."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelBySize:
    """Critical level against log10 of the number of parameters.

    models     COLUMNS, one row per model. Excluded models have a `reason`. censored is "below",
               "above" or None: a level at the lowest (highest) end means this level or below
               (above). n_params is Int64, NA if it is not published.
    source     "published" or "samples".
    lowest, highest  ends of the level scheme.
    within     Kendall's S within families; overall: the same over all models.
    groups     Jonckheere-Terpstra test over size groups, smallest first; group_names: their names.
    interval, ordinal  regressions on log10 parameters; line: least squares, for comparison.
    access     test whether levels of closed models are higher than those of open ones, regardless
               of size.
    """

    source: str
    models: pd.DataFrame
    lowest: int
    highest: int
    within: RankTrend
    overall: RankTrend
    interval: IntervalFit
    ordinal: OrdinalFit
    line: LineFit
    groups: OrderedGroups
    group_names: tuple[str, ...]
    access: TwoGroups

    @property
    def entered(self) -> pd.DataFrame:
        """Rows with a size and a level."""
        return self.models.loc[self.models["reason"].isna()]

    def sentence(self) -> str:
        """The estimated slope and the test within families, with their uncertainty."""
        n = len(self.entered)
        who = (
            counted(n, "open model")
            if self.source == "published"
            else f"{counted(n, 'model')} with stored answers"
        )
        return f"Across {who} {_slope_words(self)}{_within_words(self.within)}"

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON: undefined numbers are None."""
        tests = {
            name: getattr(self, name)
            for name in ("within", "overall", "interval", "ordinal", "line", "groups", "access")
        }
        return {
            "source": self.source,
            "sentence": self.sentence(),
            "n_models": len(self.entered),
            "x": "log10(n_params)",
            "levels": {"lowest": self.lowest, "highest": self.highest},
            "group_names": list(self.group_names),
            **plain_value(tests),
            "caveats": list(self.caveats()),
            "models": plain_value(self.models),
        }

    def caveats(self) -> tuple[str, ...]:
        """Limits of the comparison that the reader should know."""
        out = self.models.loc[self.models["reason"].notna(), "n_params"]
        silent, flat = int(out.isna().sum()), int(out.notna().sum())
        found = [CONFOUNDED, ORDINAL_AXIS]
        if silent:
            found.append(f"{NO_SIZE} Here {silent}.")
        if self.source == "samples":
            found.append(LEVELS_TAKEN_AS_KNOWN)
        if flat:
            found.append(
                f"{counted(flat, 'model')} without a gap above 0, so without a critical level, left"
                " out."
            )
        return tuple(found)


def level_by_size(
    models: pd.DataFrame, *, source: str, lowest: int = 1, highest: int = 5
) -> LevelBySize:
    """Test whether the critical level rises with size, with all methods of METHODS B4.

    Args:
        models: model str, family str|None, access "open"|"closed"|None, n_params (NA: not
            published), level (NA: none), level_label.
        source: "published" or "samples".
        lowest, highest: ends of the level scheme, where a level is censored.
    """
    rows = _with_reasons(models, lowest, highest)
    entered = rows.loc[rows["reason"].isna()].sort_values("n_params", kind="stable")
    x = np.log10(entered["n_params"].to_numpy(dtype=float))
    level = entered["level"].to_numpy(dtype=float)
    grouped = _size_groups(entered)
    graded = rows.loc[rows["level"].notna()]
    closed, opened = (
        graded.loc[graded["access"] == kind, "level"].to_numpy(dtype=float)
        for kind in ("closed", "open")
    )
    families = [family if isinstance(family, str) else None for family in entered["family"]]
    return LevelBySize(
        source=source,
        models=rows,
        lowest=lowest,
        highest=highest,
        within=stratified_trend(x, level, families),
        overall=rank_trend(x, level),
        interval=interval_regression(x, level, lowest=lowest, highest=highest),
        ordinal=ordinal_trend(x, level),
        line=least_squares_trend(x, level),
        groups=jonckheere_terpstra([values for _, values in grouped]),
        group_names=tuple(name for name, _ in grouped),
        access=mann_whitney(closed, opened),
    )


def published_levels(level_scores: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Rows for `level_by_size` from published critical levels.

    Args:
        level_scores: result of data.queries.fetch_level_scores; only the metric "critical_level" is
            used.
        known: result of data.queries.fetch_models: model, family, access, n_params.
    """
    marked = level_scores.loc[level_scores["metric"] == "critical_level"].drop_duplicates("model")
    labels = (
        level_scores.dropna(subset=["level"])
        .drop_duplicates("level")
        .set_index("level")["level_label"]
        .to_dict()
    )
    found = marked[["model"]].assign(level=marked["value"].round())
    found["level_label"] = found["level"].map(labels)
    return _described(found, known)


def counted_levels(
    counts: pd.DataFrame, known: pd.DataFrame, denominator: Denominator = DEFAULT_DENOMINATOR
) -> pd.DataFrame:
    """Rows for `level_by_size` from stored answers: the critical level of each model's valley,
    without its uncertainty.

    Args:
        counts: result of data.queries.fetch_task_counts.
        known: result of data.queries.fetch_models.

    Returns:
        one row per model with a level and both splits; the level is missing if no gap is above 0.
    """
    columns = ["model", "level", "level_label"]
    cells = task_accuracies(counts, denominator)
    if cells.empty:
        return _described(pd.DataFrame(columns=columns), known)
    tasks = pair_splits(cells, confidence=0.95, penalty=1.0)
    tasks = tasks.loc[tasks["gap_signed"].notna()]
    labels = tasks.groupby("level")["level_label"].first().to_dict()
    rows = []
    for model, group in tasks.groupby("model", sort=True):
        gaps = group.groupby("level")["gap_signed"].mean()
        level = (
            critical_level(gaps.index.to_numpy(dtype=int), gaps.to_numpy()).level
            if len(gaps) > 1
            else None
        )
        rows.append((str(model), math.nan if level is None else level, labels.get(level)))
    return _described(pd.DataFrame(rows, columns=columns), known)


def _described(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    return rows.merge(known[["model", "family", "access", "n_params"]], on="model", how="left")


def _with_reasons(models: pd.DataFrame, lowest: int, highest: int) -> pd.DataFrame:
    rows = models.assign(
        n_params=models["n_params"].astype("Int64"),
        level=models["level"].astype("Float64").astype("Int64"),
    )
    ends = {lowest: "below", highest: "above"}
    censored = [None if pd.isna(level) else ends.get(int(level)) for level in rows["level"]]
    reasons = [
        _why_left_out(level, n_params)
        for level, n_params in zip(rows["level"], rows["n_params"], strict=True)
    ]
    rows["censored"] = pd.Series(censored, index=rows.index, dtype=object)
    rows["reason"] = pd.Series(reasons, index=rows.index, dtype=object)
    return rows[list(COLUMNS)].reset_index(drop=True)


def _why_left_out(level: Any, n_params: Any) -> str | None:
    if pd.isna(level):
        return "no gap above 0, so no critical level"
    return "its size is not published" if pd.isna(n_params) or n_params <= 0 else None


def _size_groups(entered: pd.DataFrame) -> list[tuple[str, list[float]]]:
    """Names and levels of the non-empty size groups, smallest first."""
    sizes = entered["n_params"].to_numpy(dtype=float)
    level = entered["level"].to_numpy(dtype=float)
    different = np.unique(sizes)
    if len(different) <= MOST_SIZES:
        return [(short_count(size), level[sizes == size].tolist()) for size in different]
    ends = (0.0, *SIZE_EDGES, math.inf)
    names = ("up to 4B", "4B to 14B", "14B to 40B", "above 40B")
    groups = [
        (name, level[(sizes > low) & (sizes <= high)].tolist())
        for name, low, high in zip(names, ends, ends[1:], strict=False)
    ]
    return [(name, values) for name, values in groups if values]


def _slope_words(found: LevelBySize) -> str:
    fit = found.interval
    if not math.isfinite(fit.lo):
        return f"no slope of the critical level over size can be given ({fit.reason})"
    verb = "rises" if fit.b1 >= 0 else "falls"
    low, high = sorted((fit.lo, fit.hi) if fit.b1 >= 0 else (-fit.lo, -fit.hi))
    settled = "" if fit.lo > 0 or fit.hi < 0 else ", so a trend is not settled"
    return (
        f"the critical level {verb} by {with_interval(abs(fit.b1), low, high)} levels per tenfold"
        f" size (interval-censored regression, {p_text(fit.lr_p)}){settled}"
    )


def _within_words(within: RankTrend) -> str:
    if within.reason is not None:
        return f"; within families nothing can be compared ({within.reason})."
    falls = f"and falls in {within.n_falling}" if within.n_falling else "and falls in none"
    return (
        f"; within families it rises in {within.n_rising} of {within.n_pairs} comparable pairs"
        f" {falls} ({within.method}, {p_text(within.p_two_sided)})."
    )
