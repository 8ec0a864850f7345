"""Aggregate numbers of Inspect logs: one Score per scorer, score, reducer and metric, held against
the samples of the same log.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from data.importers.inspect_ai.samples import variant_of
from data.importers.kit.base import ReportReject
from data.importers.kit.field_map import (
    COUNT,
    NAME,
    NUMBER,
    TABLE,
    BadFieldError,
    Mapped,
    Reader,
    mapped,
    pick,
    read_field,
    read_leniently,
)
from data.importers.kit.recount import Recount, Recounted, agrees
from data.importers.kit.values import binomial_stderr, infer_n
from data.records import Score

INTERVALS = frozenset({"ci", "ci_wilson"})
"""Metrics that give the two ends of an interval, written as numbers `lower` and `upper` of this
group.
"""
ATTRIBUTES = frozenset(
    {
        "stderr",
        "bootstrap_stderr",
        "bootstrap_std",
        *INTERVALS,
        *(f"{name}_{end}" for name in INTERVALS for end in ("lower", "upper")),
    }
)
"""Metrics that say something of another number of the same score."""
SPREADS = frozenset({"std", "var", "variance"})
MEANS = frozenset({"accuracy", "mean"})


def _switch(value: Any) -> str:
    if not isinstance(value, str | bool):
        raise TypeError
    return str(value)


SWITCH = Reader(_switch, "text, true or false")

SCORE: tuple[Mapped, ...] = (
    mapped("name", "name", NAME, is_required=True),
    mapped("scorer", "scorer | name", NAME, is_required=True),
    mapped("reducer", "reducer", NAME),
    mapped("n", "scored_samples", COUNT),
    mapped("n_unscored", "unscored_samples", COUNT),
    mapped("metrics", "metrics", TABLE),
    mapped("params", "params", TABLE),
)
"""Fields of an entry of `results.scores`."""

METRIC: tuple[Mapped, ...] = (
    mapped("name", "name", NAME),
    mapped("value", "value", NUMBER),
    mapped("group", "group", NAME),
    mapped("grouped_metric", "params.metric.name", NAME),
    mapped("group_key", "params.group_key", NAME),
    mapped("cluster", "params.cluster", NAME),
    mapped("template", "params.name_template", NAME),
    mapped("all_label", "params.all_label", NAME),
    mapped("all", "params.all", SWITCH),
)
"""Fields of one metric of such an entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedMetric:
    """One number as the log states it."""

    variant: str
    reducer: str | None
    metric: str
    value: float | None
    subset: str | None
    group_key: str | None
    is_over_groups: bool
    """Whether it is the number over all groups of a grouped metric."""
    is_mean_of_groups: bool
    """Whether that number is the mean of the groups' numbers, not taken over their samples."""
    stderr: float | None
    n: int | None
    metadata: dict[str, Any]

    @property
    def is_reduced_otherwise(self) -> bool:
        """Whether the epochs were reduced by anything but their mean."""
        return self.reducer not in (None, "mean")

    @property
    def score_variant(self) -> str:
        """The variant of the samples it is about; another reducer than the mean is a reading of its
        own.
        """
        return f"{self.variant} [{self.reducer}]" if self.is_reduced_otherwise else self.variant

    @property
    def recount_key(self) -> Any:
        """What its samples were counted under; None if they were not."""
        if self.subset is None or self.is_over_groups:
            return None if self.is_mean_of_groups else self.variant
        return None if self.group_key is None else (self.variant, self.group_key, self.subset)


def entries_of(results: Any) -> list[Any]:
    """The entries of `results.scores`; the one that the first version of the format writes in
    another shape.
    """
    if not isinstance(results, Mapping):
        return []
    scores = results.get("scores")
    if isinstance(scores, list):
        return scores
    if isinstance(results.get("metrics"), Mapping):
        scorer = pick(results, "scorer.name") or "score"
        return [
            {
                "name": scorer,
                "scorer": scorer,
                "metrics": results["metrics"],
                "params": pick(results, "scorer.params"),
            }
        ]
    return []


def stated_metrics(results: Any, report: ReportReject, file: str) -> Iterator[StatedMetric]:
    """Every number that is a metric of its own, in the log's order. What cannot be read is reported
    and left out.
    """
    headline = pick(results, "headline")
    for index, entry in enumerate(entries_of(results)):
        place = f"results.scores[{index}]"
        try:
            score = read_leniently(entry, SCORE, report, file, place)
            metrics = {}
            for key, metric in score.get("metrics", {}).items():
                if not isinstance(metric, Mapping):
                    report(
                        BadFieldError(f"metrics.{key}", metric, "an object with a value").at(
                            file, place
                        )
                    )
                    continue
                metrics[key] = read_leniently(
                    metric, METRIC, report, file, f"{place}.metrics.{key}"
                )
        except BadFieldError as cause:
            report(cause.at(file, place))
            continue
        yield from _metrics_of(score, metrics, headline)


@dataclass(frozen=True, slots=True)
class _Named:
    """What one metric of an entry is: its name, and for a grouped metric the field it is grouped by
    and the group.
    """

    name: str
    subset: str | None = None
    group_key: str | None = None
    is_over_groups: bool = False

    @property
    def of(self) -> tuple[str | None, str | None, bool]:
        """What it is a number of: its standard error has the same."""
        return self.subset, self.group_key, self.is_over_groups


def _metrics_of(
    score: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]], headline: Any
) -> Iterator[StatedMetric]:
    named = _named(metrics)
    variant = variant_of(score["scorer"], score["name"])
    for key, mine in named.items():
        if mine.name in ATTRIBUTES:
            continue
        beside = {
            other.name: metrics[other_key].get("value")
            for other_key, other in named.items()
            if other.of == mine.of
            and other.name in ATTRIBUTES | SPREADS
            and other.name != mine.name
        }
        clusters = {
            metrics[other_key].get("cluster")
            for other_key, other in named.items()
            if other.name == "stderr"
        }
        is_headline = isinstance(headline, Mapping) and (
            (
                headline.get("scorer"),
                headline.get("score"),
                headline.get("metric"),
                headline.get("reducer"),
            )
            == (score["scorer"], score["name"], mine.name, score.get("reducer"))
        )
        metadata = {
            "scorer": score["scorer"],
            "reducer": score.get("reducer"),
            "n_unscored": score.get("n_unscored"),
            "params": score.get("params"),
            "group_key": mine.group_key,
            "headline": is_headline or None,
            "stderr_cluster": next(iter(clusters - {None}), None),
            **beside,
        }
        yield StatedMetric(
            variant=variant,
            reducer=score.get("reducer"),
            metric=mine.name,
            value=metrics[key].get("value"),
            subset=mine.subset,
            group_key=mine.group_key,
            is_over_groups=mine.is_over_groups,
            is_mean_of_groups=mine.is_over_groups and metrics[key].get("all") == "groups",
            stderr=(
                None
                if mine.name in SPREADS
                else beside.get("stderr", beside.get("bootstrap_stderr"))
            ),
            n=score.get("n") if mine.group_key is None or mine.is_over_groups else None,
            metadata={word: value for word, value in metadata.items() if value is not None},
        )


def _named(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, _Named]:
    """What each metric of an entry is, by its key; two of one name are told apart by the key, or by
    the metric that gave them.
    """
    named: dict[str, _Named] = {}
    for key, metric in metrics.items():
        mine = _parted(key, metric)
        if mine in named.values():
            mine = replace(
                mine,
                name=(
                    f"{metric['group']}/{mine.name}"
                    if metric.get("group") and mine.subset is None
                    else key
                ),
            )
        named[key] = mine
    return named


def _parted(key: str, metric: Mapping[str, Any]) -> _Named:
    """Metric and group of one entry: a grouped metric is written under the group's name, through a
    template if there is one.
    """
    name, group = str(metric.get("name") or key), str(metric.get("group") or "").rpartition("/")[2]
    if group in INTERVALS:
        return _Named(f"{group}_{name}")
    if group == "frequency":  # how often each answer was given
        return _Named(group, name)
    if group != "grouped" and "group_key" not in metric:
        return _Named(name.rpartition("/")[2])
    of = str(metric.get("grouped_metric") or "grouped").rpartition("/")[2]
    if metric.get("all") != "False" and name == metric.get("all_label", "all"):
        return _Named(of, "all", metric.get("group_key"), is_over_groups=True)
    before, _, after = str(metric.get("template") or "{group_name}").partition("{group_name}")
    return _Named(
        of, name.removeprefix(before).removesuffix(after) or name, metric.get("group_key")
    )


def verdict_variants(
    stated: list[StatedMetric], graded: Collection[str], *, has_repeats: bool
) -> dict[str, bool]:
    """Whether the numbers 0 and 1 of a variant say wrong and right: when an accuracy is stated over
    it, or when its mean is 0 or 1, or has the spread of a mean of zeros and ones. Over repeats the
    spread tells nothing; then, and where no mean is stated, it is right and wrong unless other
    numbers were seen among its values (`graded`).
    """
    found = dict.fromkeys(graded, False)
    for metric in stated:
        if metric.subset is not None:
            continue
        if metric.metric == "accuracy":
            found[metric.variant] = True
        elif (
            metric.metric == "mean"
            and not has_repeats
            and not metric.is_reduced_otherwise
            and metric.value not in (0, 1)
        ):
            inferred = infer_n(metric.value, metric.stderr)
            found.setdefault(metric.variant, inferred is not None and inferred == metric.n)
    return found


def read_scores(
    run_id: str, task: str, stated: list[StatedMetric], recount: Recount, header: Mapping[str, Any]
) -> tuple[list[Score], list[str]]:
    """The scores, and what of them the samples contradict, in words."""
    scores, warnings = [], []
    for metric in stated:
        score = _score(run_id, task, metric, recount, header)
        counted = None
        if (
            metric.recount_key is not None
            and metric.metric in MEANS
            and metric.recount_key in recount
        ):
            counted = recount.mean(metric.recount_key, metric.reducer or "mean", n=metric.n)
            if counted is None:
                warnings.append(
                    f"answers of an instance were reduced by {metric.reducer}, which is not"
                    " computed here; not checked"
                )
            else:
                score, warning = _held_against(score, counted, metric)
                warnings += [warning] if warning else []
        is_confirmed = (
            counted is not None and counted.stderr is not None and agrees(counted.stderr, 0)
        )  # all answers the same
        if (
            score.stderr == 0
            and score.value is not None
            and 0 < score.value < 1
            and not is_confirmed
        ):
            score = _without_zero_stderr(score)
        scores.append(score)
    return scores, list(dict.fromkeys(warnings))


def _score(
    run_id: str, task: str, metric: StatedMetric, recount: Recount, header: Mapping[str, Any]
) -> Score:
    is_unit = metric.metric in MEANS and metric.value is not None and 0 <= metric.value <= 1
    if metric.metric == "mean" and recount.within_unit(metric.variant) is False:
        is_unit = False
    n, n_kind = metric.n, "reported" if metric.n is not None else None
    if n is None and metric.subset is None:
        n, n_kind = _n_of_run(header)
    return Score(
        run_id=run_id,
        task=task,
        metric=metric.metric,
        value=metric.value,
        variant=metric.score_variant,
        subset=metric.subset,
        scale="0-1" if is_unit else "raw",
        value01=metric.value if is_unit else None,
        stderr=metric.stderr,
        stderr_kind=None if metric.stderr is None else "reported",
        n=n,
        n_kind=n_kind,
        higher_is_better=True if metric.metric == "accuracy" else None,
        is_group=metric.is_over_groups,
        metadata=metric.metadata,
    )


def _n_of_run(header: Mapping[str, Any]) -> tuple[int | None, str | None]:
    """Number of instances, for logs from before `scored_samples`: the run counts each as often as
    it was repeated.
    """
    try:
        completed = read_field(header, mapped("n", "results.completed_samples", COUNT))
        epochs = read_field(header, mapped("n", "eval.config.epochs", COUNT)) or 1
    except BadFieldError:
        return None, None
    return (
        (None, None)
        if not completed or completed % epochs
        else (completed // epochs, "reported" if epochs == 1 else "inferred")
    )


def _held_against(
    score: Score, counted: Recounted, metric: StatedMetric
) -> tuple[Score, str | None]:
    """The score, completed from the samples, and a warning when they contradict it."""
    what = f"{metric.metric} of {metric.score_variant}" + (
        f", {metric.subset}" if metric.subset else ""
    )
    if score.n is not None and counted.n < score.n:
        return (
            score,
            (
                f"the log holds {counted.n:,} of the {score.n:,} instances behind {what}; the"
                " number could not be checked"
            ),
        )
    if score.n is None or score.n_kind == "inferred":
        score = replace(score, n=counted.n, n_kind="counted")
    problems = []
    if score.n != counted.n:
        problems.append(f"over {score.n:,} instances reported, {counted.n:,} in the log")
    if score.value is not None and not agrees(score.value, counted.value):
        problems.append(f"{score.value:.6g} reported, {counted.value:.6g} from the samples")
    if counted.stderr is not None and score.value is not None:
        if score.stderr is None:
            score = replace(score, stderr=counted.stderr, stderr_kind="recomputed")
        elif (
            "stderr" in metric.metadata
            and "stderr_cluster" not in metric.metadata
            and not agrees(score.stderr, counted.stderr)
        ):
            problems.append(
                f"standard error {score.stderr:.6g} reported, {counted.stderr:.6g} from the samples"
            )
            score = replace(score, metadata={**score.metadata, "stderr_recomputed": counted.stderr})
    if not problems:
        return score, None
    return replace(score, flag="disagrees_with_samples"), f"{what}: {'; '.join(problems)}"


def _without_zero_stderr(score: Score) -> Score:
    """A standard error of 0 beside a value between 0 and 1 is a fault of the file."""
    stderr = (
        binomial_stderr(score.value or 0, score.n)
        if score.n and score.n > 1 and score.metric == "accuracy"
        else None
    )
    return replace(
        score,
        stderr=stderr,
        stderr_kind=None if stderr is None else "recomputed",
        flag=score.flag or "stderr_zero",
        metadata={**score.metadata, "stderr_reported": 0.0},
    )
