"""Means of lm-evaluation-harness computed again from the samples beside them; what the two say
differently is a warning of the run.

Only numbers that the harness takes as a plain mean over instances can be held against the samples:
of corpus metrics (f1, bleu, perplexity) a sample holds no share.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pyarrow as pa

from data.importers.kit.metrics import ZERO_ONE
from data.importers.kit.recount import agrees
from data.importers.lm_eval.scores import Results
from data.records import Score

Reading = tuple[str, str | None]
"""A task and one of its filters."""


@dataclass(slots=True)
class SampleSums:
    """Number, sum and sum of squares of every metric over the samples that were read."""

    n_rows: dict[Reading, int] = field(default_factory=lambda: defaultdict(int))
    _sums: dict[tuple[Reading, str], list[float]] = field(
        default_factory=lambda: defaultdict(lambda: [0.0, 0.0, 0.0])
    )

    def add(self, task: str, table: pa.Table) -> None:
        """Count a table of samples. Rows that say the same are taken together, which is most of
        them.
        """
        decode = msgspec.json.Decoder().decode
        for row in (
            table.select(["variant", "metrics"])
            .group_by(["variant", "metrics"])
            .aggregate([([], "count_all")])
            .to_pylist()
        ):
            reading, n = (task, row["variant"]), row["count_all"]
            self.n_rows[reading] += n
            for metric, value in (decode(row["metrics"]) if row["metrics"] else {}).items():
                if isinstance(value, int | float):
                    sums = self._sums[reading, metric]
                    for place, power in enumerate((1.0, float(value), float(value) ** 2)):
                        sums[place] += n * power

    def mean(self, reading: Reading, metric: str) -> tuple[int, float, float | None] | None:
        """Number of values, their mean and its standard error (None for one value); None where not
        every sample has one.
        """
        n, total, squares = self._sums.get((reading, metric), (0.0, 0.0, 0.0))
        if not n or n != self.n_rows[reading]:
            return None
        mean = total / n
        spread = max(0.0, squares / n - mean * mean)
        return int(n), mean, math.sqrt(spread / (n - 1)) if n > 1 else None


def held_against(
    scores: Iterable[Score], results: Results, sums: SampleSums
) -> tuple[list[Score], list[str]]:
    """The scores, those that the samples contradict flagged, and what is contradicted, in words."""
    checked, warnings = [], []
    for score in scores:
        problem = None if score.is_group or score.value is None else _problem(score, results, sums)
        if problem is not None:
            text, is_contradicted = problem
            warnings.append(text)
            score = replace(score, flag="disagrees_with_samples") if is_contradicted else score
        checked.append(score)
    return checked, list(dict.fromkeys(warnings))


def _problem(score: Score, results: Results, sums: SampleSums) -> tuple[str, bool] | None:
    """What is wrong between a score and its samples, and whether the samples contradict it; None
    where they agree or say nothing.
    """
    task, value = score.task or "", score.value or 0.0
    reading = (task, score.variant)
    n_rows = sums.n_rows.get(reading, 0)
    if not n_rows:
        return None
    if score.n is not None and n_rows < score.n:
        return (
            (
                f"the samples of {task} hold {n_rows:,} of the {score.n:,} instances behind its"
                " numbers; these could not be checked"
            ),
            False,
        )
    counted = (
        sums.mean(reading, score.metric)
        if _is_mean(results.of_task("configs", task), score.metric)
        else None
    )
    if counted is None:
        return None
    n, mean, stderr = counted
    problems = []
    if score.n is not None and n != score.n:
        problems.append(f"over {score.n:,} instances reported, {n:,} in the samples")
    if not agrees(value, mean):
        problems.append(f"{value:.6g} reported, {mean:.6g} from the samples")
    if (
        score.stderr is not None
        and score.stderr_kind == "reported"
        and stderr is not None
        and not agrees(score.stderr, stderr)
    ):
        problems.append(
            f"standard error {score.stderr:.6g} reported, {stderr:.6g} from the samples"
        )
    return (
        (f"{score.metric} of {task} ({score.variant}): {'; '.join(problems)}", True)
        if problems
        else None
    )


def _is_mean(config: Mapping[str, Any], metric: str) -> bool:
    """Whether a task's configuration takes the mean of a metric over instances; where it does not
    say, what the harness takes by itself.
    """
    listed = config.get("metric_list")
    for entry in listed if isinstance(listed, list) else ():
        if (
            isinstance(entry, Mapping)
            and entry.get("metric") == metric
            and entry.get("aggregation") is not None
        ):
            return bool(entry["aggregation"] == "mean")
    return metric in ZERO_ONE
