"""OpenCompass: one work folder holds a run per model, with the predictions and results of every
dataset.

Values of accuracies are percent. Groups stand only in the summary, rounded to two decimals, and may
stand there twice.
"""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from data.importers.kit.base import (
    Batch,
    Listing,
    ReportReject,
    RunNotice,
    Source,
    file_sha256,
    stable_run_id,
)
from data.importers.kit.field_map import NUMBER, BadFieldError, Mapped, read_field
from data.importers.kit.metrics import points_up
from data.importers.kit.recount import Recount, Recounted, agrees
from data.importers.kit.values import shorten
from data.importers.opencompass.config import entries, groups, n_shot, read_config
from data.importers.opencompass.rows import Dataset, Results, RowReader, as_json, read_results
from data.records import Reject, RunInfo, RunStatus, Score

HARNESS = "opencompass"
BATCH_ROWS = 1000
_PREDICTIONS_HEAD = re.compile(rb'\s*\{\s*"\d+"\s*:\s*\{')
_RESULTS_HEAD = re.compile(rb'\s*\{\s*"[^"]+"\s*:\s*(-?\d|"|\{|NaN|null)')
_SUMMARY_HEAD = re.compile(rb"(\xef\xbb\xbf)?dataset,version,metric,mode,")
_TIME = re.compile(r"\d{8}_\d{6}")
_JUDGE = "_judged-by--"
NOT_METRICS = frozenset({"bp", "sys_len", "ref_len", "type", "details", "error"})
_PERCENT = re.compile(
    r"(^|[_"
    r" ])(acc|accuracy|exact_match|em|f1|precision|recall|rouge\w*|bleu|average)\b|m?G-Pass@|pass@",
    re.IGNORECASE,
)
_ROUNDING = 0.0051
_AVERAGES = frozenset(
    {"naive_average", "weighted_average", "harmonic_mean", "standard_deviation", "sum"}
)


@dataclass(slots=True)
class _Model:
    """What a work folder holds of one model."""

    datasets: dict[str, Dataset] = field(default_factory=lambda: defaultdict(Dataset))


class OpenCompassImporter:
    """Reads OpenCompass work folders; contract of `data.importers.kit.base.Importer`."""

    name = "opencompass"
    label = "OpenCompass"
    version = 1

    def claim(self, listing: Listing) -> list[Source]:
        """One source per work folder, with its predictions, results, summaries and
        configurations.
        """
        folders: dict[Path, list[Path]] = defaultdict(list)
        certain: set[Path] = set()
        for file in listing.files:
            root, is_certain = _place(file, listing.heads[file])
            if root is not None:
                folders[root].append(file)
                if is_certain:
                    certain.add(root)
        return [Source(self.name, root, tuple(sorted(folders[root]))) for root in sorted(certain)]

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """Model by model: the run, its rows dataset by dataset, its scores, and what contradicts
        them.
        """
        root = source.path
        config, problem = read_config(
            [file for file in source.files if file.parent.name == "configs"]
        )
        models = _sort_files(source.files, entries(config, "datasets"))
        summaries = sorted(
            file for file in source.files if file.parent.name == "summary" and file.suffix == ".csv"
        )
        summary = _read_summary(summaries[-1], report) if summaries else []
        for model, content in sorted(models.items()):
            yield from _read_model(root, model, content, config, problem, summary, report)


IMPORTER = OpenCompassImporter()


# -- telling and grouping --------------------------------------------------------------------------


def _place(file: Path, head: bytes) -> tuple[Path | None, bool]:
    """Work folder that a file belongs to by its place, and whether its content is what only
    OpenCompass writes.
    """
    parts = file.parts
    if (
        len(parts) > 3
        and file.suffix == ".json"
        and parts[-3] == "predictions"
        and _PREDICTIONS_HEAD.match(head)
    ):
        return (
            file.parents[2],
            b'"prediction"' in head or b'"origin_prompt"' in head or b'"label: ' in head,
        )
    if (
        len(parts) > 3
        and file.suffix == ".json"
        and parts[-3] == "results"
        and _RESULTS_HEAD.match(head)
    ):
        return file.parents[2], b'"details"' in head and (
            b'"origin_prediction"' in head or b'"example_abbr"' in head
        )
    if parts[-2] == "summary" and (
        _SUMMARY_HEAD.match(head)
        or (file.stem.startswith("summary_") and file.suffix in (".md", ".txt"))
    ):
        return file.parents[1], bool(_SUMMARY_HEAD.match(head))
    if parts[-2] == "configs" and ".py" in file.suffixes:
        return file.parents[1], False
    return None, False


def _sort_files(files: tuple[Path, ...], datasets: Mapping[str, Any]) -> dict[str, _Model]:
    """Files by model and dataset; shards (`<dataset>_0.json`, ...) together, where the dataset is
    known by its results or configuration.
    """
    models: dict[str, _Model] = defaultdict(_Model)
    loose: list[Path] = []
    for file in files:
        if file.suffix != ".json":
            continue
        if file.parents[1].name == "results":
            models[file.parent.name].datasets[file.stem].results = file
        else:
            loose.append(file)
    for file in sorted(loose, key=lambda path: (path.parent.name, _shard(path.stem))):
        known = models[file.parent.name].datasets
        name, number = _shard(file.stem)
        is_shard = (
            number >= 0
            and file.stem not in known
            and file.stem not in datasets
            and (name in known or name in datasets)
        )
        models[file.parent.name].datasets[name if is_shard else file.stem].predictions.append(file)
    return models


def _shard(stem: str) -> tuple[str, int]:
    name, _, number = stem.rpartition("_")
    return (name, int(number)) if name and number.isdecimal() and len(number) < 6 else (stem, -1)


# -- one model -------------------------------------------------------------------------------------


def _read_model(
    root: Path,
    folder: str,
    content: _Model,
    config: Mapping[str, Any],
    problem: str | None,
    summary: list[dict[str, Any]],
    report: ReportReject,
) -> Iterator[Batch]:
    model, judged, judge = folder.partition(_JUDGE)
    results = {
        name: read_results(files.results, report) if files.results else Results({})
        for name, files in content.datasets.items()
    }
    run = _run_info(root, folder, content, results, config, problem)
    yield run
    recount = Recount()
    variant = f"judged by {judge}" if judged else None
    own = entries(config, "datasets")
    scores: list[Score] = []
    warnings: list[str] = []
    for name, files in sorted(content.datasets.items()):
        stated = _stated(name, results[name], files, report)
        reader = RowReader(
            run_id=run.run_id,
            task=name,
            variant=variant,
            files=files,
            results=results[name],
            accuracy=_accuracy(stated),
            recount=recount,
            report=report,
        )
        rows = reader.rows()
        while batch := list(islice(rows, BATCH_ROWS)):
            yield batch
        counted = recount.mean((name, variant))
        shots = n_shot(own.get(name, {}))
        metadata = (
            {"dataset_path": own[name]["path"]}
            if isinstance(own.get(name, {}).get("path"), str)
            else {}
        )
        for metric, value in stated.items():
            score = _score(
                run.run_id, name, metric, value, variant, replace_shots=shots, metadata=metadata
            )
            scores.append(_held_against(score, counted, warnings))
    scores += _from_summary(
        run.run_id, model if not judged else folder, scores, summary, groups(config), warnings
    )
    if scores:
        yield scores
    if warnings:
        yield RunNotice(run.run_id, tuple(warnings))


def _run_info(
    root: Path,
    folder: str,
    content: _Model,
    results: Mapping[str, Results],
    config: Mapping[str, Any],
    problem: str | None,
) -> RunInfo:
    model = folder.partition(_JUDGE)[0]
    known = entries(config, "models").get(model, {})
    warnings = [problem] if problem else []
    errors = {
        name: found.metrics["error"] for name, found in results.items() if "error" in found.metrics
    }
    warnings += [f"{name} failed: {shorten(error)}" for name, error in sorted(errors.items())]
    missing = [name for name, files in content.datasets.items() if files.results is None]
    if missing:
        warnings.append(
            "not scored:"
            f" {', '.join(sorted(missing)[:10])}{' and more' if len(missing) > 10 else ''}"
        )
    time = root.name if _TIME.fullmatch(root.name) else None
    shots = {n_shot(entries(config, "datasets").get(name, {})) for name in content.datasets}
    path = known.get("path")
    settings = {
        key: known[key]
        for key in ("max_out_len", "max_seq_len", "batch_size", "generation_kwargs")
        if known.get(key) not in (None, {})
    }
    started = _date(time)
    metadata = {"path": path, "type": known.get("type"), "config": dict(known), "folder": folder}
    return RunInfo(
        run_id=_run_id(root, folder, content, known),
        model_raw=model,
        format=IMPORTER.name,
        harness=HARNESS,
        status=RunStatus.PARTIAL if errors or missing else RunStatus.SUCCESS,
        started_at=started,
        date_source="folder name (local time)" if started else None,
        n_shot=shots.pop() if len(shots) == 1 else None,
        source_path=str(root),
        generation=settings,
        metadata={key: value for key, value in metadata.items() if value},
        warnings=tuple(warnings),
    )


def _run_id(root: Path, folder: str, content: _Model, known: Mapping[str, Any]) -> str:
    """From the folder's time, the model and its configuration, so that a run that went on keeps its
    id; without a time, from the files.
    """
    if _TIME.fullmatch(root.name):
        return stable_run_id(IMPORTER.name, root.name, folder, as_json(known))
    files = sorted(
        file
        for dataset in content.datasets.values()
        for file in (*dataset.predictions, *filter(None, [dataset.results]))
    )
    return stable_run_id(
        IMPORTER.name, folder, sha256("".join(map(file_sha256, files)).encode()).hexdigest()
    )


def _date(time: str | None) -> datetime | None:
    try:
        return datetime.strptime(time, "%Y%m%d_%H%M%S") if time else None
    except ValueError:  # digits that are no date
        return None


# -- scores ----------------------------------------------------------------------------------------


def _stated(
    name: str, results: Results, files: Dataset, report: ReportReject
) -> dict[str, float | None]:
    """Metrics of a results file. What is no number is reported."""
    stated: dict[str, float | None] = {}
    for metric, value in results.metrics.items():
        if metric in NOT_METRICS or isinstance(value, dict | list):
            continue
        try:
            stated[metric] = read_field({"value": value}, Mapped(metric, ("value",), NUMBER))
        except BadFieldError as cause:
            report(
                Reject(
                    files.results.name if files.results else name,
                    name,
                    metric,
                    cause.found,
                    "a number",
                )
            )
    return stated


def _accuracy(stated: Mapping[str, float | None]) -> float | None:
    """The stated share of right answers, 0-1."""
    found = next(
        (
            value
            for metric, value in stated.items()
            if metric == "accuracy" or metric.startswith("accuracy (")
        ),
        None,
    )
    found = (
        found
        if found is not None
        else next((value for metric, value in stated.items() if metric in ("score", "acc")), None)
    )
    return None if found is None else found / 100


def _score(
    run_id: str,
    task: str,
    metric: str,
    value: float | None,
    variant: str | None,
    *,
    replace_shots: int | None,
    metadata: dict[str, Any],
) -> Score:
    is_percent = _PERCENT.search(metric) is not None and (value is None or 0 <= value <= 100)
    up = points_up(metric)
    return Score(
        run_id=run_id,
        task=task,
        metric=metric,
        value=value,
        variant=variant,
        scale="0-100" if is_percent else "raw",
        value01=value / 100 if is_percent and value is not None else None,
        n_shot=replace_shots,
        higher_is_better=True if up is None and is_percent else up,
        metadata=dict(metadata),
    )


def _held_against(score: Score, counted: Recounted | None, warnings: list[str]) -> Score:
    """The score with n and error from its answers; an accuracy they contradict is a warning."""
    is_share = score.metric in ("accuracy", "acc", "score") or score.metric.startswith("accuracy (")
    if counted is None or not is_share or score.value is None:
        return score
    if agrees(score.value, 100 * counted.value):
        return replace(
            score,
            scale="0-100",
            value01=score.value / 100,
            n=counted.n,
            n_kind="counted",
            stderr=None if counted.stderr is None else 100 * counted.stderr,
            stderr_kind=None if counted.stderr is None else "recomputed",
        )
    if score.scale == "raw":  # a score of another kind than the share of right answers
        return replace(score, n=counted.n, n_kind="counted")
    warnings.append(
        f"{score.task}, {score.metric}: {score.value:.6g} reported, {100 * counted.value:.6g} from"
        " the answers"
    )
    return replace(score, n=counted.n, n_kind="counted", flag="disagrees_with_samples")


# -- the summary -----------------------------------------------------------------------------------


def _read_summary(file: Path, report: ReportReject) -> list[dict[str, Any]]:
    """Rows of a summary, by column."""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        rows = list(csv.reader(stream))
    header = rows[0] if rows else []
    found = []
    for number, row in enumerate(rows[1:], 2):
        if len(row) == len(header):
            found.append(dict(zip(header, row, strict=True)))
        elif row:
            report(
                Reject(
                    file.name,
                    str(number),
                    "row",
                    f"{len(row)} fields",
                    f"{len(header)} fields, as in the header",
                )
            )
    return found


def _from_summary(
    run_id: str,
    model: str,
    scores: list[Score],
    summary: list[dict[str, Any]],
    members: Mapping[str, list[str]],
    warnings: list[str],
) -> list[Score]:
    """Groups, and datasets whose results file is not there. A group that stands twice with one
    value comes once.
    """
    known = {score.task for score in scores}
    column = next(
        (name for name in (model, model.replace(",", " ")) if summary and name in summary[0]), None
    )
    found: list[Score] = []
    for row in summary if column else []:
        is_group = row.get("version") == "-" and row.get("dataset") not in known
        if row.get("dataset") in known or not row.get("dataset"):
            continue
        try:
            value = read_field(row, Mapped("value", (column or "",), NUMBER))
        except BadFieldError:
            continue
        if value is None or any(
            other.task == row["dataset"] and other.value == value for other in found
        ):
            continue
        score = _score(
            run_id,
            row["dataset"],
            row.get("metric") or "score",
            value,
            None,
            replace_shots=None,
            metadata={"rounded": True},
        )
        found.append(
            _as_group(score, scores, members.get(row["dataset"], []), warnings)
            if is_group
            else score
        )
    return found


def _as_group(score: Score, scores: list[Score], members: list[str], warnings: list[str]) -> Score:
    """A group's row, with the error of a plain mean of its tasks where it is one."""
    leaves = [leaf for leaf in scores if leaf.task in members and leaf.scale == "0-100"]
    if score.metric in _AVERAGES - {"naive_average"} or not leaves or len(leaves) != len(members):
        return replace(score, is_group=True)
    values = [leaf.value for leaf in leaves if leaf.value is not None]
    errors = [leaf.stderr for leaf in leaves if leaf.stderr is not None]
    mean = sum(values) / len(values) if values else math.nan
    if score.value is None or abs(mean - score.value) > _ROUNDING:
        warnings.append(
            f"{score.task}, {score.metric}: {score.value} in the summary, {mean:.2f} as the mean"
            " over its tasks"
        )
        return replace(score, is_group=True, flag="disagrees_with_samples")
    stderr = math.hypot(*errors) / len(leaves) if len(errors) == len(leaves) else None
    ns = [leaf.n for leaf in leaves if leaf.n is not None]
    return replace(
        score,
        is_group=True,
        scale="0-100",
        value01=None if score.value is None else score.value / 100,
        stderr=stderr,
        stderr_kind=None if stderr is None else "recomputed",
        n=sum(ns) if len(ns) == len(leaves) else None,
        n_kind="counted" if len(ns) == len(leaves) else None,
    )
