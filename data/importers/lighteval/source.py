"""lighteval: a results file, and the details of the same time and model beside it, are one run.

`_average` rows and `all` are plain means over tasks, and the standard error beside them is the mean
of the tasks' errors; both are kept as groups, with the error of a mean of independent tasks in its
place.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from data.importers.kit.base import Batch, Listing, ReportReject, RunNotice, Source, stable_run_id
from data.importers.kit.field_map import (
    COUNT,
    NAME,
    NUMBER,
    TABLE,
    TEXT,
    BadFieldError,
    Mapped,
    mapped,
    pick,
    read_field,
    read_leniently,
)
from data.importers.kit.json_parts import load_object
from data.importers.kit.metrics import ZERO_ONE, points_up, value_scale
from data.importers.kit.recount import Recount, agrees
from data.importers.kit.values import binomial_stderr, infer_n, shorten, step_of
from data.importers.lighteval.details import DetailReader, is_details
from data.records import ImportFormatError, Reject, RunInfo, RunStatus, Score

HARNESS = "lighteval"
_EXPECTED = "one JSON object with `results` and `config_general`, as lighteval writes it"
_TIME = re.compile(r"_(\d{4}-\d\d-\d\dT\d\d[-:]\d\d[-:]\d\d(?:\.\d+)?)\.(?:json|parquet)$")
_DETAILS_NAME = re.compile(r"details_(?P<key>.+)_\d{4}-\d\d-\d\dT")
ALL = "all"
_AVERAGE = ":_average"

RUN: tuple[Mapped, ...] = (
    mapped(
        "model_raw",
        "config_general.model_name | config_general.model_config.model_name",
        TEXT,
        is_required=True,
    ),
    mapped("checkpoint", "config_general.model_config.revision | config_general.model_sha", NAME),
    mapped("dtype", "config_general.model_config.dtype | config_general.model_dtype", NAME),
    mapped("generation", "config_general.model_config.generation_parameters", TABLE),
    mapped("sample_limit", "config_general.max_samples", NUMBER),
    mapped("code_git", "config_general.lighteval_sha", NAME),
    mapped("seed", "config_general.model_config.generation_parameters.seed", COUNT),
)
"""Fields of the run."""
TASK: tuple[Mapped, ...] = (
    mapped("n_shot", "num_fewshots | num_fewshot", COUNT),
    mapped("version", "version", NAME),
    mapped("hf_repo", "hf_repo", TEXT),
    mapped("hf_subset", "hf_subset", TEXT),
)
"""Fields of a task's configuration, `config_tasks.<key>`."""


@dataclass(frozen=True, slots=True)
class TaskKey:
    """A key of `results`: suite, task and shots."""

    task: str | None
    """None for `all`."""
    suite: str | None
    n_shot: int | None
    is_group: bool


@dataclass(slots=True)
class Results:
    """A results file."""

    content: Mapping[str, Any]
    file_name: str

    def config(self, key: str) -> Mapping[str, Any]:
        """Configuration of a task; its key there may lack the shots, or have them spelled
        otherwise.
        """
        tasks = self.content.get("config_tasks")
        if not isinstance(tasks, Mapping):
            return {}
        found = tasks.get(key) or tasks.get(key.rpartition("|")[0]) or {}
        return found if isinstance(found, Mapping) else {}

    def metrics(self, key: str) -> dict[str, bool | None]:
        """Metrics of a task in the order of its configuration, with their direction where it is
        stated.
        """
        found: dict[str, bool | None] = {}
        listed = self.config(key).get("metrics") or self.config(key).get("metric")
        for entry in listed if isinstance(listed, list) else []:
            names, up = pick(entry, "metric_name"), pick(entry, "higher_is_better")
            for name in names if isinstance(names, list) else [names]:
                way = up.get(name) if isinstance(up, Mapping) else up
                if isinstance(name, str):
                    found[name] = way if isinstance(way, bool) else None
        return found


class LightevalImporter:
    """Reads lighteval's results and details; contract of `data.importers.kit.base.Importer`."""

    name = "lighteval"
    label = "lighteval"
    version = 1

    def claim(self, listing: Listing) -> list[Source]:
        """One source per results file with its details; details whose results are not there, one
        per model and time.
        """
        results = [file for file in listing.files if _looks_like_results(listing.heads[file])]
        left: dict[tuple[str, str], list[Path]] = defaultdict(list)
        for file in listing.files:
            if is_details(file, listing.heads[file]):
                left[_run_key(file)].append(file)
        sources = []
        for file in results:
            mine = left.pop(_run_key(file), None) or _details_on_disk(file)
            sources.append(Source(self.name, file, (file, *sorted(mine))))
        sources += [Source(self.name, min(files), tuple(sorted(files))) for files in left.values()]
        return sources

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """The run, the samples of each task, the scores, and what the samples contradict."""
        details = [
            file
            for file in source.files
            if file.suffix == ".parquet" or _head(file).startswith(b"PAR1")
        ]
        file = next((file for file in source.files if file not in details), None)
        results = Results(_parse(file), file.name) if file else Results({}, source.path.name)
        run = _run_info(source, file, results, report) if file else _run_of_details(source)
        yield run
        recount = Recount(has_repeats=False)
        keys = list(_entries(results))
        for detail in sorted(details, key=lambda path: _order(_key_in(path), keys)):
            key = _key_in(detail)
            reader = DetailReader(
                run_id=run.run_id,
                task=task_key(key).task or key,
                metrics=list(results.metrics(key)),
                graded=_graded(results, key),
                recount=recount,
                report=report,
            )
            yield from (rows for rows in reader.read(detail) if rows)
        scores, warnings = _scores(run.run_id, results, recount, report)
        if scores:
            yield scores
        if warnings:
            yield RunNotice(run.run_id, tuple(warnings))


IMPORTER = LightevalImporter()


# -- telling and grouping --------------------------------------------------------------------------


def _looks_like_results(head: bytes) -> bool:
    plain = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return (
        plain.startswith(b"{")
        and b'"config_general"' in plain
        and (b'"results"' in plain or b'"lighteval_sha"' in plain)
    )


def _time_in(file: Path) -> str:
    found = _TIME.search(file.name)
    return found[1] if found else ""


def _run_key(file: Path) -> tuple[str, str]:
    """Model folder and time that a file's place states; details lie in a folder of their time
    within the model's.
    """
    time = _time_in(file)
    folder = file.parent
    if time and folder.name == time:
        folder = folder.parent
    return (folder.name if time else str(file), time or str(file))


def _details_on_disk(file: Path) -> list[Path]:
    """Details of a results file that was named by itself: where lighteval puts them."""
    time = _time_in(file)
    parts = file.parent.parts
    if not time or "results" not in parts:
        return []
    place = len(parts) - 1 - parts[::-1].index("results")
    folder = Path(*parts[:place], "details", *parts[place + 1 :], time)
    if not folder.is_dir() or folder.is_symlink():
        return []
    found = [
        path
        for path in sorted(folder.glob("details_*.parquet"))
        if path.is_file() and not path.is_symlink()
    ]
    return [path for path in found if is_details(path, _head(path))]


def _head(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(4096)


def _key_in(file: Path) -> str:
    """Key of the task whose details a file holds."""
    found = _DETAILS_NAME.match(file.name)
    return found["key"] if found else file.stem.removeprefix("details_")


def _order(key: str, keys: list[str]) -> tuple[int, str]:
    return (keys.index(key) if key in keys else len(keys), key)


def task_key(key: str) -> TaskKey:
    """The parts of a key: the first number after the task's name is the shots, a word before it the
    suite.

    >>> task_key("leaderboard|arc:challenge|25|0")
    TaskKey(task='arc:challenge', suite='leaderboard', n_shot=25, is_group=False)
    """
    if key == ALL:
        return TaskKey(None, None, None, True)
    parts = key.split("|")
    place = next((i for i in range(1, len(parts)) if parts[i].isdecimal()), len(parts))
    words = parts[:place]
    shots = int(parts[place]) if place < len(parts) and len(parts[place]) < 6 else None
    task = "|".join(words[1:]) if len(words) > 1 else words[0]
    is_group = task.endswith(_AVERAGE)
    return TaskKey(
        task.removesuffix(_AVERAGE), words[0] if len(words) > 1 else None, shots, is_group
    )


def _parse(file: Path) -> Mapping[str, Any]:
    content = load_object(file, expected=_EXPECTED)
    if not isinstance(content.get("results"), dict):
        raise ImportFormatError(
            f"{file} holds no table `results` by task. Expected is {_EXPECTED}."
        )
    return content


# -- the run ---------------------------------------------------------------------------------------


def _run_info(source: Source, file: Path, results: Results, report: ReportReject) -> RunInfo:
    try:
        facts = read_leniently(results.content, RUN, report, file.name, "config_general")
    except BadFieldError as cause:
        raise ImportFormatError(f"{file}: {cause}. Expected is {_EXPECTED}.") from cause
    warnings = []
    if "sample_limit" in facts:
        warnings.append(
            f"only part of the benchmark was run: the limit was {facts['sample_limit']:g} samples a"
            " task"
        )
    if facts.get("code_git") == "?":
        del facts["code_git"]
    seed = facts.pop("seed", None)
    generation = {
        key: value for key, value in facts.pop("generation", {}).items() if value is not None
    }
    shots = {entry.n_shot for key in _entries(results) if not (entry := task_key(key)).is_group}
    time = _time_in(file)
    in_scores = {"results", "versions"}
    return RunInfo(
        run_id=stable_run_id(IMPORTER.name, sha256(file.read_bytes()).hexdigest()),
        format=IMPORTER.name,
        harness=HARNESS,
        step=step_of(facts.get("checkpoint")),
        code_git_meaning="harness" if "code_git" in facts else None,
        status=RunStatus.PARTIAL if "sample_limit" in facts else RunStatus.SUCCESS,
        finished_at=_date(time),
        date_source="file name (local time at the end)" if _date(time) else None,
        n_shot=shots.pop() if len(shots) == 1 else None,
        source_path=str(source.path),
        seeds={} if seed is None else {"seed": seed},
        generation=generation,
        warnings=tuple(warnings),
        metadata={
            key: value for key, value in results.content.items() if key not in in_scores and value
        },
        **facts,
    )


def _run_of_details(source: Source) -> RunInfo:
    """A run of which only details are left: its model is told by the folders lighteval puts them
    in.
    """
    folder = (
        source.path.parent.parent
        if source.path.parent.name == _time_in(source.path)
        else source.path.parent
    )
    model = str(
        source.options.get("model")
        or "/".join(folder.parts[-2:] if "details" not in folder.parts[-2:] else folder.parts[-1:])
    )
    time = _time_in(source.path)
    return RunInfo(
        run_id=stable_run_id(IMPORTER.name, source.sha256()),
        model_raw=model,
        format=IMPORTER.name,
        harness=HARNESS,
        finished_at=_date(time),
        date_source="file name (local time at the end)" if _date(time) else None,
        source_path=str(source.path),
        warnings=(
            f"no results file beside the details: the model is called after its folder, {model}",
        ),
    )


def _date(time: str) -> datetime | None:
    day, _, clock = time.partition("T")
    try:
        return datetime.fromisoformat(f"{day}T{clock.replace('-', ':')}") if time else None
    except ValueError:  # digits that are no date
        return None


# -- scores ----------------------------------------------------------------------------------------


def _entries(results: Results) -> dict[str, Mapping[str, Any]]:
    found = results.content.get("results")
    return (
        {str(key): entry for key, entry in found.items() if isinstance(entry, Mapping)}
        if isinstance(found, Mapping)
        else {}
    )


def _graded(results: Results, key: str) -> frozenset[str]:
    """Metrics of a task that point downwards: 0 and 1 are no verdicts of them."""
    return frozenset(name for name, up in results.metrics(key).items() if up is False)


@dataclass(slots=True)
class _Read:
    scores: list[Score] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def _scores(
    run_id: str, results: Results, recount: Recount, report: ReportReject
) -> tuple[list[Score], list[str]]:
    """The scores in the file's order; groups after the tasks were read, because their errors come
    from these.
    """
    read = _Read()
    for key, entry in _all_entries(results, report):
        parts = task_key(key)
        for metric in entry:
            if metric.endswith("_stderr"):
                continue
            try:
                value = read_field(entry, Mapped(metric, (metric,), NUMBER))
                stderr = read_field(entry, Mapped(metric, (f"{metric}_stderr",), NUMBER))
            except BadFieldError as cause:
                report(cause.at(results.file_name, f"results.{key}"))
                continue
            score = _score(run_id, results, key, parts, metric, value, stderr)
            read.scores.append(
                score if parts.is_group else _held_against(score, recount, read.warnings)
            )
    groups = {score.task for score in read.scores if score.is_group and score.task}
    leaves = [_under_group(score, groups) for score in read.scores if not score.is_group]
    by_task = {(leaf.task, leaf.metric): leaf for leaf in leaves}
    scores = [
        (
            _as_group(score, leaves, read.warnings)
            if score.is_group
            else by_task[score.task, score.metric]
        )
        for score in read.scores
    ]
    return scores, read.warnings


def _all_entries(results: Results, report: ReportReject) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, entry in dict(results.content.get("results") or {}).items():
        if isinstance(entry, Mapping):
            yield str(key), entry
        else:
            report(
                Reject(
                    results.file_name,
                    f"results.{key}",
                    "results",
                    shorten(entry),
                    "metrics by name",
                )
            )


def _score(
    run_id: str,
    results: Results,
    key: str,
    parts: TaskKey,
    metric: str,
    value: float | None,
    stderr: float | None,
) -> Score:
    config = results.config(key)
    facts = {row.field: pick(config, row.paths[0]) for row in TASK}
    n = infer_n(value, stderr) if metric in ZERO_ONE and not parts.is_group else None
    scale, value01 = value_scale(metric, value)
    up = results.metrics(key).get(metric)
    metadata = {
        "key": key,
        "suite": parts.suite,
        "task_version": pick(results.content.get("versions"), key) or facts["version"],
        "hf_repo": facts["hf_repo"],
        "hf_subset": facts["hf_subset"],
        "corpus_level_fn": _corpus_fn(config, metric),
    }
    shots = facts["n_shot"] if isinstance(facts["n_shot"], int) else parts.n_shot
    return Score(
        run_id=run_id,
        metric=metric,
        value=value,
        task=parts.task,
        scale=scale,
        value01=value01,
        stderr=stderr,
        stderr_kind=None if stderr is None else "reported",
        n=n,
        n_kind="inferred" if n else None,
        n_shot=shots,
        higher_is_better=points_up(metric) if up is None else up,
        is_group=parts.is_group,
        metadata={name: found for name, found in metadata.items() if found is not None},
    )


def _corpus_fn(config: Mapping[str, Any], metric: str) -> str | None:
    listed = config.get("metrics") or config.get("metric")
    for entry in listed if isinstance(listed, list) else []:
        names = pick(entry, "metric_name")
        if metric == names or (isinstance(names, list) and metric in names):
            found = pick(entry, "corpus_level_fn")
            return str(found.get(metric) if isinstance(found, Mapping) else found)
    return None


def _held_against(score: Score, recount: Recount, warnings: list[str]) -> Score:
    """The score with what its details say: n, and whether they agree with it."""
    counted = recount.mean((score.task, score.metric))
    if counted is None:
        if score.stderr == 0 and score.value is not None and 0 < score.value < 1:
            return replace(
                score,
                stderr=None,
                stderr_kind=None,
                flag="stderr_zero",
                metadata={**score.metadata, "stderr_reported": 0.0},
            )
        return score
    score = replace(score, n=counted.n, n_kind="counted")
    if "mean" not in score.metadata.get("corpus_level_fn", "mean"):
        return score
    problems = []
    if score.value is not None and not agrees(score.value, counted.value):
        problems.append(f"{score.value:.6g} reported, {counted.value:.6g} from the details")
    elif (
        counted.stderr is not None
        and score.stderr is not None
        and not agrees(score.stderr, counted.stderr)
    ):
        if (
            score.stderr == 0
            and score.metric in ZERO_ONE
            and counted.n > 1
            and score.value is not None
        ):
            return replace(
                score,
                stderr=binomial_stderr(score.value, counted.n),
                stderr_kind="recomputed",
                flag="stderr_zero",
            )
        problems.append(
            f"standard error {score.stderr:.6g} reported, {counted.stderr:.6g} from the details"
        )
    elif score.stderr is None and counted.stderr is not None:
        score = replace(score, stderr=counted.stderr, stderr_kind="recomputed")
    if problems:
        warnings.append(f"{score.task}, {score.metric}: {'; '.join(problems)}")
        score = replace(
            score,
            flag="disagrees_with_samples",
            metadata={**score.metadata, "recomputed": counted.value},
        )
    return score


def _under_group(leaf: Score, groups: set[str]) -> Score:
    parent = (leaf.task or "").rpartition(":")[0]
    return replace(leaf, parent_group=parent) if parent in groups else leaf


def _as_group(score: Score, leaves: list[Score], warnings: list[str]) -> Score:
    """A group's row, with n and the standard error of a plain mean over its tasks: sqrt(sum(se^2))
    / k.
    """
    mine = [
        leaf
        for leaf in leaves
        if leaf.metric == score.metric and (score.task is None or leaf.parent_group == score.task)
    ]
    values = [leaf.value for leaf in mine if leaf.value is not None]
    errors = [leaf.stderr for leaf in mine if leaf.stderr is not None]
    ns = [leaf.n for leaf in mine if leaf.n is not None]
    metadata = dict(score.metadata) | {"tasks": [leaf.task for leaf in mine]}
    stderr = math.hypot(*errors) / len(mine) if mine and len(errors) == len(mine) else None
    what = f"{score.task or ALL}, {score.metric}"
    if (
        score.value is not None
        and values
        and len(values) == len(mine)
        and not agrees(score.value, sum(values) / len(values))
    ):
        warnings.append(
            f"{what}: {score.value:.6g} reported, {sum(values) / len(values):.6g} as the mean over"
            " its tasks"
        )
    if score.stderr is not None:
        metadata["stderr_reported"] = score.stderr
        if stderr is not None and not agrees(score.stderr, stderr):
            warnings.append(
                f"{what}: standard error {score.stderr:.6g} reported (a mean of the tasks' errors),"
                f" {stderr:.6g} from its tasks"
            )
    kinds = {leaf.n_kind for leaf in mine}
    is_complete = bool(mine) and len(ns) == len(mine)
    return replace(
        score,
        stderr=stderr,
        stderr_kind=None if stderr is None else "recomputed",
        n=sum(ns) if is_complete else None,
        n_kind=(kinds.pop() if len(kinds) == 1 else "inferred") if is_complete else None,
        metadata=metadata,
    )
