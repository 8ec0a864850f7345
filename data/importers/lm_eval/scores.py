"""Aggregate numbers of lm-evaluation-harness v0.4 results files: one Score per task, metric and
filter; groups once, with their own standard errors recomputed from their tasks, because those the
harness writes differ from version to version on the same predictions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from data.importers.kit.base import ReportReject
from data.importers.kit.metrics import GRADED, ZERO_ONE, points_up, value_scale
from data.importers.kit.values import binomial_stderr, infer_n, read_number, shorten, whole_number
from data.importers.lm_eval.verdicts import BYPASS
from data.records import Reject, Score

NOT_METRICS = frozenset({"alias", "name", "sample_len", "sample_count", "samples", " "})


@dataclass(frozen=True, slots=True)
class Results:
    """The parts of a results file that its scores come from."""

    file_name: str
    content: Mapping[str, Any]
    counted: Mapping[tuple[str, str | None], int] = field(default_factory=dict)
    """Instances counted in the samples files, by task and filter."""

    def part(self, name: str) -> Mapping[str, Any]:
        """One of the file's tables by task; empty when it is absent (early versions) or no
        table.
        """
        part = self.content.get(name)
        return part if isinstance(part, Mapping) else {}

    def of_task(self, name: str, task: str) -> Mapping[str, Any]:
        """A task's entry of one of the file's tables."""
        entry = self.part(name).get(task)
        return entry if isinstance(entry, Mapping) else {}

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Every entry of `results` that is one: tasks and groups."""
        return {
            task: entry
            for task, entry in self.part("results").items()
            if isinstance(entry, Mapping)
        }

    def filters(self, task: str) -> tuple[str, ...]:
        """Filters of a task, the primary first."""
        listed = self.of_task("configs", task).get("filter_list")
        names = (
            [str(item["name"]) for item in listed if isinstance(item, Mapping) and "name" in item]
            if isinstance(listed, list)
            else []
        )
        found = [
            key.partition(",")[2]
            for key in self.tasks().get(task, {})
            if "," in key and key not in NOT_METRICS
        ]
        return tuple(dict.fromkeys(names or found))

    def children(self) -> dict[str, tuple[str, ...]]:
        """Members of each group: as the file lists them, before 0.4.2 as the indent of the aliases
        shows them.
        """
        listed = {
            str(group): tuple(map(str, members))
            for group, members in self.part("group_subtasks").items()
            if members
        }
        if listed or "group_subtasks" in self.content:
            return listed
        found: dict[str, list[str]] = {}
        open_groups: list[tuple[int, str]] = []
        for task, entry in self.tasks().items():
            alias = str(entry.get("alias", task))
            depth = len(alias) - len(alias.lstrip())
            while open_groups and open_groups[-1][0] >= depth:
                open_groups.pop()
            if open_groups and depth > open_groups[-1][0]:
                found.setdefault(open_groups[-1][1], []).append(task)
            if task in self.part("groups"):
                open_groups.append((depth, task))
        return {group: tuple(members) for group, members in found.items()}

    def leaves(self, group: str) -> tuple[str, ...]:
        """Tasks under a group, through its groups."""
        children = self.children()
        todo, leaves = list(children.get(group, ())), []
        seen = {group}
        while todo:
            member = todo.pop(0)
            if member in seen:
                continue
            seen.add(member)
            if member in children:
                todo.extend(children[member])
            else:
                leaves.append(member)
        return tuple(leaves)

    def n(
        self, task: str, variant: str | None, value: float | None, stderr: float | None, metric: str
    ) -> tuple[int | None, str | None]:
        """Number of instances behind a value and how it is known."""
        effective = self.of_task("n-samples", task).get("effective")
        if effective is not None:
            if (n := whole_number(effective, n_bits=64)) is None:
                raise ValueError(f"n-samples.effective is {effective!r}, not a number of instances")
            return n, "reported"
        if (task, variant) in self.counted:
            return self.counted[task, variant], "counted"
        inferred = infer_n(value, stderr) if metric in ZERO_ONE else None
        return inferred, "inferred" if inferred else None


def read_scores(run_id: str, results: Results, report: ReportReject) -> list[Score]:
    """Scores of one results file, in its order. Entries that cannot be read are reported and left
    out.

    A standard error of exactly 0 beside a value between 0 and 1 is a known fault of some published
    files; it is replaced by the binomial one and flagged. A `bypass` metric (answers collected, not
    scored) is kept as a score without a value.
    """
    children = results.children()
    parents = {member: group for group, members in children.items() for member in members}
    groups = set(children) | set(results.part("groups"))
    leaves: dict[tuple[str, str, str], Score] = {}
    scores = []
    for task, metric, variant, entry in _entries(results, report):
        try:
            score = _score(run_id, results, task, metric, variant, entry)
        except ValueError as cause:
            report(
                Reject(
                    results.file_name,
                    f"results.{task}",
                    f"{metric},{variant}",
                    shorten(str(cause)),
                    "a number, N/A or nothing",
                )
            )
            continue
        scores.append((score, parents.get(task), task in groups))
        if task not in groups:
            leaves[task, metric, variant] = score
    return [
        (
            _as_group(score, results, leaves, parent)
            if is_group
            else replace(score, parent_group=parent)
        )
        for score, parent, is_group in scores
    ]


def graded_metrics(results: Results, task: str) -> frozenset[str]:
    """Metrics whose standard error does not fit zeros and ones at the task's n: they grade answers
    on more steps than right and wrong.
    """
    entry = results.tasks().get(task, {})
    graded = set()
    for key, value in entry.items():
        metric, comma, variant = key.partition(",")
        effective = whole_number(results.of_task("n-samples", task).get("effective"), n_bits=64)
        if not comma or metric.endswith("_stderr") or effective is None:
            continue
        try:
            n = infer_n(read_number(value), read_number(entry.get(f"{metric}_stderr,{variant}")))
        except ValueError:
            continue
        if n is not None and abs(n - effective) > max(1, 0.02 * effective):
            graded.add(metric)
    return frozenset(graded)


def lower_is_better(results: Results, task: str) -> frozenset[str]:
    """Metrics of a task that the file declares to be better when lower."""
    return frozenset(
        str(metric)
        for metric, up in results.of_task("higher_is_better", task).items()
        if up is False
    )


def _entries(
    results: Results, report: ReportReject
) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    for task, entry in results.part("results").items():
        if not isinstance(entry, Mapping):
            report(
                Reject(
                    results.file_name,
                    f"results.{task}",
                    "results",
                    shorten(entry),
                    "metrics by name",
                )
            )
            continue
        for key in entry:
            metric, comma, variant = str(key).partition(",")
            if comma and metric and not metric.endswith("_stderr") and key not in NOT_METRICS:
                yield task, metric, variant, entry


def _score(
    run_id: str, results: Results, task: str, metric: str, variant: str, entry: Mapping[str, Any]
) -> Score:
    value = None if metric == BYPASS else read_number(entry[f"{metric},{variant}"])
    stderr = read_number(entry.get(f"{metric}_stderr,{variant}"))
    n, n_kind = results.n(task, variant, value, stderr, metric)
    stderr_kind, flag = (None if stderr is None else "reported"), None
    alias = str(entry.get("alias", task)).lstrip(" -")
    metadata: dict[str, Any] = {
        "task_version": results.part("versions").get(task),
        "alias": None if alias == task else alias,
        "n_in_benchmark": results.of_task("n-samples", task).get("original"),
    }
    if stderr == 0 and value is not None and 0 < value < 1:
        metadata["stderr_reported"], stderr, stderr_kind, flag = 0.0, None, None, "stderr_zero"
        if n and n > 1 and not GRADED.search(metric):
            stderr, stderr_kind = binomial_stderr(value, n), "recomputed"
    if metric == BYPASS:
        stderr, stderr_kind, flag = None, None, "predict_only"
    scale, value01 = value_scale(metric, value)
    direction = results.of_task("higher_is_better", task).get(metric)
    return Score(
        run_id=run_id,
        metric=metric,
        value=value,
        task=task,
        variant=variant,
        scale=scale,
        value01=value01,
        stderr=stderr,
        stderr_kind=stderr_kind,
        n=n,
        n_kind=n_kind,
        n_shot=n_shot(results, task),
        higher_is_better=(
            direction
            if isinstance(direction, bool)
            else None
            if metric == BYPASS
            else points_up(metric)
        ),
        flag=flag,
        metadata={key: found for key, found in metadata.items() if found is not None},
    )


def n_shot(results: Results, task: str) -> int | None:
    """Examples in the prompt of a task; of a group, when all its tasks agree."""
    for found in (
        results.part("n-shot").get(task),
        results.of_task("configs", task).get("num_fewshot"),
    ):
        if (number := whole_number(found)) is not None:
            return number
    of_leaves = {n_shot(results, leaf) for leaf in results.leaves(task)}
    return of_leaves.pop() if len(of_leaves) == 1 else None


def _as_group(
    score: Score, results: Results, leaves: Mapping[tuple[str, str, str], Score], parent: str | None
) -> Score:
    """A group's row: n summed over its tasks, its standard error recomputed from theirs, weighted
    by size or not as the value itself is.

    Where some tasks lack the metric, the harness takes the others; this is believed when the others
    come to the value that is stated.
    """
    variant = score.variant or ""
    members = [
        leaves.get((leaf, score.metric, variant)) for leaf in results.leaves(score.task or "")
    ]
    known = [leaf for leaf in members if leaf is not None]
    ns = [leaf.n for leaf in known if leaf.n is not None]
    n = sum(ns) if known and len(ns) == len(known) else None
    kinds = {leaf.n_kind for leaf in known}
    recomputed = _recompute(known, n) if known else {}
    fitting = [
        means["stderr"]
        for means in recomputed.values()
        if score.value is not None and math.isclose(means["value"], score.value, rel_tol=1e-9)
    ]
    if len(known) < len(members) and not fitting:
        n, recomputed = None, {}
    metadata = dict(score.metadata) | ({"recomputed": recomputed} if recomputed else {})
    if score.stderr is not None:
        metadata["stderr_reported"] = score.stderr
    stderr = fitting[0] if fitting else None
    return replace(
        score,
        is_group=True,
        parent_group=parent,
        n=n,
        n_kind=(kinds.pop() if len(kinds) == 1 else "inferred") if n is not None else None,
        stderr=stderr,
        stderr_kind=None if stderr is None else "recomputed",
        metadata=metadata,
    )


def _recompute(leaves: list[Score], n: int | None) -> dict[str, dict[str, float]]:
    """Mean of the tasks' values and its standard error, by instances and by tasks: sqrt(sum(w^2
    se^2)).
    """
    values = [leaf.value for leaf in leaves if leaf.value is not None]
    errors = [leaf.stderr for leaf in leaves if leaf.stderr is not None]
    if len(values) < len(leaves) or len(errors) < len(leaves):
        return {}
    weights = {"by_task": [1 / len(leaves)] * len(leaves)}
    if n:
        weights = {"by_instance": [(leaf.n or 0) / n for leaf in leaves]} | weights
    return {
        name: {
            "value": sum(w * value for w, value in zip(shares, values, strict=True)),
            "stderr": math.hypot(*(w * error for w, error in zip(shares, errors, strict=True))),
        }
        for name, shares in weights.items()
    }
