"""The numbers SCYLLA's authors computed: measurement files (step 6) and normalised results (step
7), as stated there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data.importers.kit.base import ReportReject
from data.records import Outcome, Reject, Score, ScoredSample, Split

PARSE_FLOOR = {"first": 0.10, "second": 0.50}
"""Below this share of readable answers the authors set the accuracy to 0."""
_GAPS = {"acc_diff": "0-1", "acc_ratio": "raw", "acc_relative_diff": "raw"}


def measurement_scores(
    run_id: str,
    task: str,
    kind: str,
    stated: Mapping[str, Any],
    samples: Sequence[ScoredSample],
    file: str,
    report: ReportReject,
) -> list[Score]:
    """Scores of a measurement file, under the authors' names: `acc` by split and variant,
    `acc_diff` (clipped at 0), `acc_ratio`, `acc_relative_diff`; for answer probabilities the means
    and the unnormalised divergences.

    Args:
        kind: extrinsic | intrinsic.
        samples: the answers read beside it; where their counts disagree with the file, the score is
            flagged `disagrees_with_samples`.
    """
    numbers = _Numbers(file, stated, report)
    if kind == "intrinsic":
        return [
            score for name in ("prob", "ppl") for score in _intrinsic(run_id, task, name, numbers)
        ]
    return [
        score
        for variant in PARSE_FLOOR
        for score in _extrinsic(run_id, task, variant, numbers, samples)
    ]


def normalised_scores(
    run_id: str, task: str, split: Split, stated: Mapping[str, Any], file: str, report: ReportReject
) -> Iterator[Score]:
    """Scores of a normalised-results file: subset `top60 | top80 | top100` (share of the most
    likely items), and `K=` for Min-K % values.

    Their `acc` counts unreadable answers as wrong, unlike that of the measurement files.
    """
    variants = {"acc": "first", "second_acc": "second", "avg_prob": "intrinsic"}
    by_k = {
        "K_to_memorization_scores": "intrinsic",
        "K_to_acc_norm": "first",
        "K_to_second_acc_norm": "second",
    }
    for top, values in stated.items():
        if not isinstance(values, dict):
            report(Reject(file, top, top, repr(values)[:80], "an object of numbers"))
            continue
        numbers = _Numbers(file, values, report)
        for name, variant in variants.items():
            if (value := numbers.get(name)) is not None:
                metric = name.removeprefix("second_")
                yield Score(
                    run_id=run_id,
                    task=task,
                    split=split,
                    metric=metric,
                    variant=variant,
                    subset=top,
                    value=value,
                    value01=value,
                    metadata={
                        "name": name,
                        **({"denominator": "unparsed_is_wrong"} if metric == "acc" else {}),
                    },
                )
        for name, variant in by_k.items():
            inner = _Numbers(file, values.get(name) or {}, report)
            for k in inner.names():
                if (value := inner.get(k)) is not None:
                    yield Score(
                        run_id=run_id,
                        task=task,
                        split=split,
                        metric=name.replace("second_", ""),
                        variant=variant,
                        subset=f"{top} K={k}",
                        value=value,
                        scale="raw",
                        metadata={"name": name},
                    )


def _extrinsic(
    run_id: str, task: str, variant: str, numbers: _Numbers, samples: Sequence[ScoredSample]
) -> Iterator[Score]:
    second = "second_" if variant == "second" else ""
    accuracies: dict[Split, float] = {}
    for split in Split:
        name = f"{split}_{second}acc"
        value, n, n_correct = (
            numbers.get(key)
            for key in (name, f"num_{split}_{second}samples", f"num_{split}_{second}correct")
        )
        if value is None:
            continue
        accuracies[split] = value
        counts = _recount(samples, split, variant)
        forced = value == 0 and bool(n_correct)
        disagrees = counts is not None and (counts["n_parsed"], counts["n_correct"]) != (
            n,
            n_correct,
        )
        yield Score(
            run_id=run_id,
            task=task,
            split=split,
            metric="acc",
            variant=variant,
            value=value,
            value01=value,
            n=None if n is None else int(n),
            n_kind=None if n is None else "reported",
            higher_is_better=True,
            flag="disagrees_with_samples" if disagrees else "forced_to_zero" if forced else None,
            metadata={
                "name": name,
                "n_correct": None if n_correct is None else int(n_correct),
                "denominator": "authors",
                "parse_floor": PARSE_FLOOR[variant],
                **({"n_asked": counts["n_asked"]} if counts else {}),
            },
        )
    for metric, scale in _GAPS.items():
        value = numbers.get(second + metric)
        if value is not None:
            undefined = accuracies.get(Split.ID) == 0 and metric != "acc_diff"
            yield Score(
                run_id=run_id,
                task=task,
                metric=metric,
                variant=variant,
                value=value,
                scale=scale,
                value01=value if scale == "0-1" else None,
                flag="id_accuracy_is_zero" if undefined else None,
                metadata={"name": second + metric, "clipped": metric == "acc_diff"},
            )


def _recount(samples: Sequence[ScoredSample], split: Split, variant: str) -> dict[str, int] | None:
    outcomes = [
        sample.outcome for sample in samples if sample.split == split and sample.variant == variant
    ]
    if not any(outcomes):
        return None
    n_correct, n_wrong = (
        sum(outcome is which for outcome in outcomes) for which in (Outcome.CORRECT, Outcome.WRONG)
    )
    return {"n_asked": len(outcomes), "n_parsed": n_correct + n_wrong, "n_correct": n_correct}


def _intrinsic(run_id: str, task: str, name: str, numbers: _Numbers) -> Iterator[Score]:
    inner = numbers.inner(name)
    scale = "0-1" if name == "prob" else "raw"
    for split in Split:
        if (value := inner.get(f"avg_{split}_metric")) is not None:
            n = inner.get(f"num_{split}_samples")
            yield Score(
                run_id=run_id,
                task=task,
                split=split,
                metric=name,
                variant="intrinsic",
                value=value,
                scale=scale,
                value01=value if scale == "0-1" else None,
                n=None if n is None else int(n),
                n_kind=None if n is None else "reported",
                higher_is_better=name == "prob",
                metadata={"name": f"{name}.avg_{split}_metric"},
            )
    for divergence in ("kl_divergence", "js_divergence"):
        if (value := inner.get(divergence)) is not None:
            yield Score(
                run_id=run_id,
                task=task,
                metric=divergence,
                subset=name,
                variant="intrinsic",
                value=value,
                scale="raw",
                flag="unnormalised",
                metadata={
                    "name": f"{name}.{divergence}",
                    "note": "a sum over 100 grid points without their width: not in nats",
                },
            )


class _Numbers:
    """Numbers of an object by name; a value that is no finite number is reported once and
    left out.
    """

    def __init__(self, file: str, stated: Mapping[str, Any], report: ReportReject) -> None:
        self._file, self._stated, self._report = file, stated, report
        self._known: dict[str, float | None] = {}

    def names(self) -> list[str]:
        return list(self._stated) if isinstance(self._stated, Mapping) else []

    def get(self, name: str) -> float | None:
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def inner(self, name: str) -> _Numbers:
        found = self._stated.get(name)
        if not isinstance(found, dict):
            self._report(Reject(self._file, name, name, repr(found)[:80], "an object of numbers"))
        return _Numbers(self._file, found if isinstance(found, dict) else {}, self._report)

    def _read(self, name: str) -> float | None:
        if name not in self._stated:
            return None
        value = self._stated[name]
        is_count = name.startswith("num_")
        if not _is_number(value, whole=is_count):
            self._report(
                Reject(
                    self._file,
                    name,
                    name,
                    repr(value)[:80],
                    "a whole number from 0" if is_count else "a number",
                )
            )
            return None
        return float(value)


def _is_number(value: object, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if whole:
        return 0 <= value < 1 << 53 and value % 1 == 0
    return abs(value) <= sys.float_info.max
