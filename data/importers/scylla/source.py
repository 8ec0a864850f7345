"""The `out` tree of SCYLLA's authors: every model in it becomes one run with all its answers and
with the numbers the authors computed.

Samples come in up to three variants. `first` (the primary reading) and `second` (after the extra
prompt "Therefore, the answer is") hold the authors' verdicts; an answer they could not read is
`unparsed` here, while their scripts drop it from the denominator. So both denominators can be had:
theirs (`Denominator.AUTHORS`) and the one that counts unreadable answers as wrong. `intrinsic`
holds the probability of the most likely acceptable answer. Levels are not set here: they belong to
the task, in `data/catalog/task_levels.csv`.

Traps of the format: ids are the same for ID and OOD (only the file name tells); permutations of one
answer are stored up to hundreds of times (the first one is compared, so only that one is kept, with
their number); measurement files clip negative gaps, and force an accuracy to zero when few answers
can be read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os.path import commonpath
from pathlib import Path
from typing import Any

from data.importers.kit.base import Batch, Listing, ReportReject, Source, stable_run_id
from data.importers.scylla import rows
from data.importers.scylla.scores import measurement_scores, normalised_scores
from data.records import Reject, RunInfo, RunStatus, ScoredSample, Split

STAGES = ("distrib_probing", "id_data", "ood_data", "measurement")
_EVAL = re.compile(r"all_(id|ood)_eval_results---(\w+)---(extrinsic|intrinsic)\.json")
_MEASUREMENT = re.compile(r"measurement---(\w+)---(extrinsic|intrinsic)\.json")
_NORMALISED = re.compile(r"all_(id|ood)_normalized_results\.json")
_RESULT_HEAD = re.compile(
    rb'\s*(\[\s*\{\s*"id"\s*:.*"(model_generation|metrics)"|\{\s*"num_id_samples"|\{\s*"prob"\s*:\s*\{|\{\s*"top60"\s*:)',
    re.DOTALL,
)

SEVERAL_RIGHT_ANSWERS = frozenset(
    {
        "FourSumInRange",
        "SubsetSumInRange",
        "SubsetSumMultipleTen",
        "LongestIncreasingSubsequence",
        "LongestConsecutiveElements",
    }
)
"""Tasks whose instances often have several right answers, of which the authors' grader accepts one.
"""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file stands in a tree: <root>/<stage>/<model>/<Task>/<name>."""

    root: Path
    stage: str
    model: str
    task: str
    name: str


@dataclass(slots=True)
class _TaskFiles:
    """The files of one model and task, by what they hold."""

    answers: dict[tuple[str, str, Split | None], list[Path]] = field(default_factory=dict)
    """By kind (extrinsic | intrinsic), prompt mode and split: one file, or the items of an
    interrupted evaluation.
    """
    measurements: list[tuple[Path, str]] = field(default_factory=list)
    normalised: list[tuple[Path, Split]] = field(default_factory=list)
    is_cached: bool = False

    def all(self) -> list[Path]:
        answers = [file for files in self.answers.values() for file in files]
        return [
            *answers,
            *(file for file, _ in self.measurements),
            *(file for file, _ in self.normalised),
        ]


class ScyllaImporter:
    """Reads trees whole and result files by themselves; contract of
    `data.importers.kit.base.Importer`.
    """

    name = "scylla"
    label = "SCYLLA out tree"
    version = 1

    def claim(self, listing: Listing) -> list[Source]:
        """One source per tree that holds at least one result, and one per result file that lies
        outside a tree.
        """
        trees: dict[Path, list[Path]] = defaultdict(list)
        with_results: set[Path] = set()
        loose: list[Source] = []
        for file in listing.files:
            place, is_result = _place(file), _RESULT_HEAD.match(listing.heads[file]) is not None
            if place is not None:
                trees[place.root].append(file)
                if is_result or "eval_model_cache" in place.name:
                    with_results.add(place.root)
            elif is_result and _EVAL.fullmatch(file.name):
                loose.append(Source(self.name, file, (file,)))
        found = [
            Source(
                self.name,
                Path(commonpath([f.parent for f in trees[root]])),
                tuple(sorted(trees[root])),
            )
            for root in sorted(with_results)
        ]
        return [*found, *loose]

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """Model by model: the run, then per task its answers and the authors' numbers. The run's
        warnings say what the tree lacks.
        """
        for model, tasks in sorted(_sort_files(source.files).items()):
            files = [file for task in tasks.values() for file in task.all()]
            if not files:
                continue
            run = _run(source, model, tasks, Source(self.name, source.path, tuple(files)).sha256())
            yield run
            for task, parts in sorted(tasks.items()):
                yield from _read_task(run.run_id, task, parts, report)


# -- the tree --------------------------------------------------------------------------------------


def _place(file: Path) -> _Place | None:
    parts = file.parts
    for index in range(len(parts) - 4, -1, -1):
        if parts[index] in STAGES and file.suffix == ".json":
            return _Place(
                Path(*parts[:index]),
                parts[index],
                parts[index + 1],
                parts[index + 2],
                "/".join(parts[index + 3 :]),
            )
    return None


def _sort_files(files: Sequence[Path]) -> dict[str, dict[str, _TaskFiles]]:
    """Files by model and task. Items of an interrupted evaluation count only where the finished
    file is absent.
    """
    models: dict[str, dict[str, _TaskFiles]] = defaultdict(lambda: defaultdict(_TaskFiles))
    cached: list[tuple[_TaskFiles, Path, Split]] = []
    for file in files:
        place = _place(file)
        model, task, name = (
            (place.model, place.task, place.name)
            if place
            else (*rows.model_and_task(file), file.name)
        )
        parts = models[model][task]
        if found := _EVAL.fullmatch(name):
            parts.answers[found[3], found[2], Split(found[1])] = [file]
        elif found := _MEASUREMENT.fullmatch(name):
            parts.measurements.append((file, found[2]))
        elif found := _NORMALISED.fullmatch(name):
            parts.normalised.append((file, Split(found[1])))
        elif (
            name.startswith("eval_model_cache/")
            and place
            and place.stage in ("id_data", "ood_data")
        ):
            cached.append((parts, file, Split(place.stage.removesuffix("_data"))))
    finished = {
        (id(parts), *key)
        for tasks in models.values()
        for parts in tasks.values()
        for key in parts.answers
    }
    for parts, file, split in cached:
        mode = rows.prompt_mode(file)
        key = ("extrinsic" if mode == "instruction" else "intrinsic", mode, split)
        if (id(parts), *key) not in finished:
            parts.answers.setdefault(key, []).append(file)
            parts.is_cached = True
    return {
        model: {task: parts for task, parts in tasks.items() if parts.all()}
        for model, tasks in models.items()
    }


def _run(source: Source, model: str, tasks: dict[str, _TaskFiles], digest: str) -> RunInfo:
    warnings = []
    for task, parts in sorted(tasks.items()):
        kinds = {(kind, mode) for kind, mode, _ in parts.answers}
        missing = [
            f"{split.upper()} answers ({kind})"
            for kind, mode in sorted(kinds)
            for split in Split
            if (kind, mode, split) not in parts.answers
        ]
        if missing:
            warnings.append(f"{task}: no {' and no '.join(missing)} in the tree.")
        if parts.is_cached:
            warnings.append(
                f"{task}: read from eval_model_cache, so its evaluation did not finish."
            )
        if not parts.answers:
            warnings.append(f"{task}: only the authors' aggregate numbers are here, no answers.")
    is_partial = bool(warnings)
    several = sorted(SEVERAL_RIGHT_ANSWERS & set(tasks))
    if several:
        warnings.append(
            f"The authors' grader accepts one of several right answers in {', '.join(several)}:"
            " right answers count as wrong."
        )
    return RunInfo(
        run_id=stable_run_id("scylla", model, digest),
        model_raw=model,
        format="scylla",
        benchmark="scylla",
        harness="scylla",
        status=RunStatus.PARTIAL if is_partial else RunStatus.SUCCESS,
        n_shot=(
            0
            if any(kind == "extrinsic" for parts in tasks.values() for kind, _, _ in parts.answers)
            else None
        ),
        id_source="elicited",
        source_path=str(source.path),
        metadata={
            "tasks": sorted(tasks),
            "model_name": "last part of the checkpoint's name; the organisation is not recorded",
        },
        warnings=tuple(warnings),
    )


# -- one task --------------------------------------------------------------------------------------


def _read_task(run_id: str, task: str, parts: _TaskFiles, report: ReportReject) -> Iterator[Batch]:
    """First answers of both splits, then second ones, then probabilities (the first variant read is
    the primary one), then numbers.
    """
    first: list[ScoredSample] = []
    second: list[ScoredSample] = []
    intrinsic: list[ScoredSample] = []
    inputs: dict[tuple[Split | None, str], str] = {}
    for (kind, mode, split), files in sorted(
        parts.answers.items(), key=lambda item: (item[0][0], item[0][1], item[0][2] or "")
    ):
        found = [row for file in files for row in rows.read_rows(file, report)]
        if kind == "extrinsic":
            reader = rows.AnswerReader(run_id, task, split, inputs, report)
            first.extend(reader.read(found, rows.FIRST))
            second.extend(reader.read(found, rows.SECOND))
        else:
            variant = "intrinsic" if mode == "mixed" else f"intrinsic-{mode}"
            intrinsic.extend(
                rows.read_probabilities(run_id, task, split, found, variant, inputs, report)
            )
    for samples in (first, second, intrinsic):
        if samples:
            yield samples
    scores = []
    for file, kind in parts.measurements:
        if (stated := _read_object(file, report)) is not None:
            scores.extend(
                measurement_scores(run_id, task, kind, stated, [*first, *second], str(file), report)
            )
    for file, of_split in parts.normalised:
        if (stated := _read_object(file, report)) is not None:
            scores.extend(normalised_scores(run_id, task, of_split, stated, str(file), report))
    if scores:
        yield scores


def _read_object(file: Path, report: ReportReject) -> dict[str, Any] | None:
    stated = rows.read_json(file, report)
    if stated is not None and not isinstance(stated, dict):
        report(
            Reject(str(file), "file", "json", type(stated).__name__, "an object of numbers by name")
        )
        return None
    return stated


IMPORTER = ScyllaImporter()
