"""lm-evaluation-harness v0.4 (0.4.0 to 0.4.13): a results file and the samples files of the same
run are one source and one run.

Since 0.4.3 the files of a run carry the same time in their names. Before, `results.json` stands
beside `<model arguments>_<task>.jsonl`, whose content is a JSON array, and the next run overwrites
it: samples of other model arguments in the folder are an earlier run's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from data.importers.kit.base import Batch, Listing, ReportReject, RunNotice, Source, stable_run_id
from data.importers.kit.field_map import pick
from data.importers.kit.values import finite_number, load_json, shorten, step_of, whole_number
from data.importers.lm_eval.facts import HARNESS, read_model_args
from data.importers.lm_eval.recount import SampleSums, held_against
from data.importers.lm_eval.samples import SampledTask, read_samples
from data.importers.lm_eval.scores import (
    Results,
    graded_metrics,
    lower_is_better,
    n_shot,
    read_scores,
)
from data.importers.lm_eval.verdicts import BYPASS
from data.records import ImportFormatError, RunInfo, RunStatus

_TIME = re.compile(r"_(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)\.jsonl?$")
_SAMPLES_NAME = re.compile(r"samples_(?P<task>.+)_\d{4}-\d\d-\d\dT")
_METRIC_KEY = re.compile(rb'"[\w@.+\-]+,[^"\s][^"]*"\s*:\s*(?:-?\d|"N/A"|\[|NaN|null)')
_SAMPLE_START = re.compile(rb'^\s*(?:\[\s*)?\{\s*"doc_id"\s*:\s*-?\d+\s*,\s*"doc"\s*:')
_NAMING_ARGS = ("peft", "delta", "pretrained", "model", "path", "engine")
"""Model arguments that name the model, in the order in which the harness asks them."""


class LmEvalV04:
    """Results of lm-evaluation-harness 0.4, with the samples that belong to them."""

    name = "lm_eval_v04"
    label = "lm-evaluation-harness 0.4"
    version = 2

    def claim(self, listing: Listing) -> list[Source]:
        """One source per run: a results file with its samples files, or samples files whose results
        are not there.
        """
        results = [file for file in listing.files if _looks_like_results(listing.heads[file])]
        samples = [
            file
            for file in listing.files
            if file not in set(results) and _looks_like_samples(listing.heads[file])
        ]
        left: dict[tuple[Path, str], list[Path]] = defaultdict(list)
        for file in samples:
            left[file.parent, _time_in(file)].append(file)
        sources = []
        for file in results:
            mine = (
                left.pop((file.parent, _time_in(file)), [])
                if _time_in(file)
                else _untimed_samples(file, left)
            )
            sources.append(Source(self.name, file, (file, *sorted(mine))))
        for (_, time), files in left.items():
            groups = [files] if time else [[file] for file in files]
            sources.extend(
                Source(self.name, group[0], tuple(group)) for group in map(sorted, groups)
            )
        return sources

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """The run, its samples, and its scores (after the samples, because early versions do not
        state n and it is counted).
        """
        sampled = [file for file in source.files if _looks_like_samples(_head(file))]
        file = next((file for file in source.files if file not in sampled), None)
        if file is None:
            yield from _read_samples_alone(source, report)
            return
        text = file.read_bytes()
        results = Results(file.name, _parse(file, text))
        run = _run_info(source, file, results, stable_run_id(self.name, sha256(text).hexdigest()))
        yield run
        sums = SampleSums()
        for sample_file in sorted(sampled, key=lambda path: _task_order(path, results)):
            name = _task_of(sample_file, results)
            task = SampledTask(
                run_id=run.run_id,
                task=name,
                filters=results.filters(name),
                lower_is_better=lower_is_better(results, name),
                graded=graded_metrics(results, name),
            )
            for table in read_samples(sample_file, task, report):
                sums.add(name, table)
                yield table
        scores = read_scores(run.run_id, Results(file.name, results.content, sums.n_rows), report)
        scores, contradictions = held_against(scores, results, sums)
        yield scores
        if contradictions:
            yield RunNotice(run.run_id, tuple(contradictions))


IMPORTER = LmEvalV04()


# -- telling and grouping --------------------------------------------------------------------------


def _looks_like_results(head: bytes) -> bool:
    if (
        not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
        or b'"results"' not in head
        or b'"config_general"' in head
    ):
        return False
    return (b'"n-shot"' in head and b'"configs"' in head) or bool(_METRIC_KEY.search(head))


def _looks_like_samples(head: bytes) -> bool:
    plain = head.removeprefix(b"\xef\xbb\xbf")
    return bool(_SAMPLE_START.match(plain)) or all(
        word in plain for word in (b'"doc_id"', b'"arguments"', b'"filtered_resps"')
    )


def _time_in(file: Path) -> str:
    found = _TIME.search(file.name)
    return found[1] if found else ""


def _untimed_samples(file: Path, left: dict[tuple[Path, str], list[Path]]) -> list[Path]:
    """Samples of a results file from before 0.4.3: those in its folder that are named after its
    model arguments and one of its tasks.
    """
    beside = left.get((file.parent, ""), [])
    try:
        content = _parse(file, file.read_bytes()) if beside else {}
    except (ImportFormatError, OSError):
        return []
    results = Results(file.name, content)
    prefix = _file_word(results.part("config").get("model_args"))
    mine = [
        sample
        for sample in beside
        if any(sample.stem.endswith(f"_{task}") for task in results.tasks())
        and (not prefix or sample.name.startswith(f"{prefix}_"))
    ]
    left[file.parent, ""] = [sample for sample in beside if sample not in mine]
    if not left[file.parent, ""]:
        del left[file.parent, ""]
    return mine


def _file_word(model_args: object) -> str:
    """Model arguments as 0.4.0-0.4.2 wrote them into file names."""
    return re.sub(r"[/=]", "__", model_args) if isinstance(model_args, str) else ""


def _task_of(file: Path, results: Results) -> str:
    """Task of a samples file: between `samples_` and the time, or (before 0.4.3) the longest task
    name that the file name ends with.
    """
    named = _SAMPLES_NAME.match(file.name)
    if named:
        return named["task"]
    fitting = [task for task in results.tasks() if file.stem.endswith(f"_{task}")]
    return max(fitting, key=len, default=file.stem)


def _task_order(file: Path, results: Results) -> tuple[int, str]:
    tasks = list(results.tasks())
    task = _task_of(file, results)
    return (tasks.index(task) if task in tasks else len(tasks), file.name)


def _head(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(1 << 16)


def _parse(file: Path, text: bytes) -> Mapping[str, Any]:
    expected = "one JSON object with `results`, as lm-evaluation-harness 0.4 writes it"
    try:
        content = load_json(text)
    except (ValueError, RecursionError) as cause:
        raise ImportFormatError(
            f"{file} cannot be read: {cause}. Expected is {expected}. Copy the file again, or leave"
            " it out."
        ) from cause
    if not isinstance(content, dict) or not isinstance(content.get("results"), dict):
        raise ImportFormatError(
            f"{file} holds no table `results` by task. Expected is {expected}. Leave it out, or"
            " name its format."
        )
    return content


# -- the run ---------------------------------------------------------------------------------------


def _run_info(source: Source, file: Path, results: Results, run_id: str) -> RunInfo:
    config = results.part("config")
    args = read_model_args(config.get("model_args"))
    warnings: list[str] = []
    model = _model_name(results.content, config, args, warnings)
    limit = finite_number(config.get("limit"))
    chosen = [] if limit is not None else _chosen_part(results)
    if limit is not None:
        what = (
            f"{limit:g} instances a task"
            if limit >= 1
            else f"{100 * limit:.3g} % of the instances of each task"
        )
        warnings.append(
            f"only part of the benchmark was run: the harness was given a limit of {what}"
        )
    if chosen:
        warnings.append(f"only part of the benchmark was run: {shorten(', '.join(chosen))}")
    if any(key.partition(",")[0] == BYPASS for entry in results.tasks().values() for key in entry):
        warnings.append("answers were collected without scoring (--predict_only)")
    dates = _dates(file, results.content)
    shots = {n_shot(results, task) for task in results.tasks()}
    revision = config.get("model_revision") or args.get("revision")
    git_hash = results.content.get("git_hash")
    dtype = config.get("model_dtype") or args.get("dtype")
    version = results.content.get("lm_eval_version")
    return RunInfo(
        run_id=run_id,
        model_raw=model,
        format=IMPORTER.name,
        format_version=_layout(results.content),
        checkpoint=str(revision) if revision else None,
        step=step_of(revision),
        n_params=whole_number(config.get("model_num_parameters"), n_bits=64) or None,
        dtype=str(dtype).removeprefix("torch.") if dtype else None,
        harness=HARNESS,
        harness_version=str(version) if version else None,
        code_git=str(git_hash) if git_hash else None,
        code_git_meaning="cwd" if git_hash else None,
        status=RunStatus.PARTIAL if limit is not None or chosen else RunStatus.SUCCESS,
        started_at=dates.started_at,
        finished_at=dates.finished_at,
        date_source=dates.source,
        n_shot=shots.pop() if len(shots) == 1 else None,
        sample_limit=limit,
        source_path=str(source.path),
        seeds={
            key: value
            for key, value in config.items()
            if key.endswith("_seed") and value is not None
        },
        generation=_generation(results, config),
        metadata=_metadata(results.content),
        warnings=tuple(warnings),
    )


def _chosen_part(results: Results) -> list[str]:
    """Tasks of which fewer instances were run than they have (`--samples`), with both numbers."""
    found = []
    for task, entry in results.part("n-samples").items():
        original, effective = (
            whole_number(pick(entry, name), n_bits=64) for name in ("original", "effective")
        )
        if original is not None and effective is not None and effective < original:
            found.append(f"{effective:,} of the {original:,} instances of {task}")
    return found


def _model_name(
    content: Mapping[str, Any],
    config: Mapping[str, Any],
    args: Mapping[str, Any],
    warnings: list[str],
) -> str:
    """The model's name as given; `config.model` is the backend, and `model_name` a random word
    where no argument names a model.
    """
    given = next((str(args[key]) for key in _NAMING_ARGS if args.get(key)), None)
    if given is not None:
        return str(content.get("model_name") or given)
    backend = str(config.get("model") or "unknown")
    warnings.append(f"the file does not name its model; it is called after the backend, {backend}")
    return backend


def _generation(results: Results, config: Mapping[str, Any]) -> dict[str, Any]:
    """Decoding settings: those of the call, and those of each task's configuration, which the call
    overrides.
    """
    of_tasks = {
        task: results.of_task("configs", task).get("generation_kwargs")
        for task in results.part("configs")
    }
    settings = {
        "gen_kwargs": config.get("gen_kwargs"),
        "tasks": {task: found for task, found in of_tasks.items() if found},
    }
    return {key: value for key, value in settings.items() if value}


def _metadata(content: Mapping[str, Any]) -> dict[str, Any]:
    """All that stands in no field and in no score."""
    in_scores = {
        "results",
        "groups",
        "n-shot",
        "higher_is_better",
        "n-samples",
        "versions",
        "git_hash",
        "date",
    }
    return {
        key: value for key, value in content.items() if key not in in_scores and value is not None
    }


def _layout(content: Mapping[str, Any]) -> str:
    """The versions that write such a file, told by its keys; the files of early versions do not
    state theirs.
    """
    if version := content.get("lm_eval_version"):
        return str(version)
    if "n-samples" in content:
        return "0.4.3-0.4.8"
    return "0.4.2" if "date" in content else "0.4.0-0.4.1"


@dataclass(frozen=True, slots=True)
class _Dates:
    started_at: datetime | None = None
    finished_at: datetime | None = None
    source: str | None = None


def _dates(file: Path, content: Mapping[str, Any]) -> _Dates:
    """`date` is the start in epoch seconds; `start_time` and `end_time` count from a clock without
    a date and are of no use.
    """
    date = finite_number(content.get("date"))
    if date is not None and 0 < date < 4e9:
        start = datetime.fromtimestamp(date, UTC).replace(tzinfo=None)
        try:
            end = start + timedelta(seconds=float(content["total_evaluation_time_seconds"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            end = None
        return _Dates(start, end, "date (epoch seconds at the start)")
    time = _time_in(file)
    if not time:
        return _Dates()
    day, _, clock = time.partition("T")
    try:
        return _Dates(
            None,
            datetime.fromisoformat(f"{day}T{clock.replace('-', ':')}"),
            "file name (local time at the end)",
        )
    except ValueError:  # digits that are no date
        return _Dates()


# -- samples without results -----------------------------------------------------------------------


def _read_samples_alone(source: Source, report: ReportReject) -> Iterator[Batch]:
    """A run of which only samples are left: its model is told by who imports it, the folder (0.4.3
    on) or the file name (before).
    """
    time = _time_in(source.path)
    model = (
        source.path.parent.name
        if time
        else re.split(r",|_(?!_)", source.path.stem.removeprefix("pretrained__"), maxsplit=1)[0]
    )
    said = (
        "no results file beside the samples: the model is called after its"
        f" {'folder' if time else 'file'}, {model}"
    )
    if named := str(source.options.get("model") or "").strip():
        model, said = (
            named,
            f"no results file beside the samples: who imported them named the model, {named}",
        )
    dates = _dates(source.path, {})
    run = RunInfo(
        run_id=_samples_run_id(source),
        model_raw=model,
        format=IMPORTER.name,
        harness=HARNESS,
        finished_at=dates.finished_at,
        date_source=dates.source,
        source_path=str(source.path),
        warnings=(said,),
    )
    yield run
    nothing = Results(source.path.name, {})
    for file in source.files:
        yield from read_samples(
            file, SampledTask(run_id=run.run_id, task=_task_of(file, nothing)), report
        )


def is_named_by_folder(source: Source) -> bool:
    """Whether only the folder tells whose samples these are: no results file beside them, and a
    date instead of a model in their name.
    """
    return (
        source.importer == IMPORTER.name
        and source.path.suffix == ".jsonl"
        and bool(_time_in(source.path))
    )


def _samples_run_id(source: Source) -> str:
    """From each file's name, size and first MiB: a second pass over gigabytes would cost more than
    it tells.
    """
    parts: list[object] = []
    for file in source.files:
        with file.open("rb") as stream:
            parts += [file.name, file.stat().st_size, sha256(stream.read(1 << 20)).hexdigest()]
    return stable_run_id(IMPORTER.name, *parts)
