"""lm-evaluation-harness before 0.4, as the Pythia project kept its results: aggregates alone, in
three layouts.

`results` by task; `results` as a list of rows with a prompt each (a fork of the harness); or only
`table_results`, the same rows by "task+prompt". Such files state neither n nor a date: n is told by
the standard errors of 0/1 metrics, the date by some file names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from data.importers.kit.base import Batch, Listing, ReportReject, Source, stable_run_id
from data.importers.kit.metrics import ZERO_ONE, points_up, value_scale
from data.importers.kit.values import (
    finite_number,
    infer_n,
    load_json,
    read_number,
    shorten,
    step_of,
    whole_number,
)
from data.importers.lm_eval.facts import HARNESS, read_model_args
from data.records import ImportFormatError, Reject, RunInfo, RunStatus, Score

PYTHIA_TOKENS = 143_000 * 2_097_152
"""Tokens that every Pythia model saw by its last step, whatever its batch size."""

_METRIC = re.compile(
    rb'"[A-Za-z]\w*_stderr"\s*:\s*-?\d|"(?:word_perplexity|byte_perplexity|bits_per_byte|ppl|acc|em)"\s*:\s*-?\d'
)
_FIRST_KEY = re.compile(rb'^\s*\{\s*"(?:results|table_results|versions|config|model_args)"\s*:')
_FOREIGN = (
    b'"configs"',
    b'"n-shot"',
    b'"config_general"',
    b'"schema_version"',
    b'"evaluation_results"',
    b'"plan"',
)
_DATE = re.compile(r"_(\d\d)-(\d\d)-(\d{4})-(\d\d)-(\d\d)-(\d\d)\.json$")
_SHOTS = re.compile(r"(zero|one|two|five|ten|\d+)[-_]?shot", re.IGNORECASE)
_NUMBERS = {"zero": 0, "one": 1, "two": 2, "five": 5, "ten": 10}
_ROW_WORDS = frozenset({"task_name", "prompt_name"})


class LmEvalV0:
    """Results of lm-evaluation-harness before 0.4."""

    name = "lm_eval_v0"
    label = "lm-evaluation-harness before 0.4"
    version = 1

    def claim(self, listing: Listing) -> list[Source]:
        """One source per file: a JSON object with `results` or `table_results`, and with `versions`
        or `model_args`.
        """
        return [
            Source(self.name, file, (file,))
            for file in listing.files
            if _looks_like_results(listing.heads[file])
        ]

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """The run and its scores."""
        (file,) = source.files
        text = file.read_bytes()
        content = _parse(file, text)
        run = _run_info(source, content, stable_run_id(self.name, sha256(text).hexdigest()))
        yield run
        stated = _stated_shots(file.parent.name)
        flag = (
            "shots_mislabelled"
            if None not in (stated, run.n_shot) and stated != run.n_shot
            else None
        )
        scores: list[Score] = []
        for task, prompt, entry in _entries(file, content, report):
            scores.extend(_scores(run, file, content, task, prompt, entry, report))
        yield [replace(score, flag=flag) for score in scores] if flag else scores


IMPORTER = LmEvalV0()


def _looks_like_results(head: bytes) -> bool:
    plain = head.removeprefix(b"\xef\xbb\xbf")
    if not _FIRST_KEY.match(plain) or any(word in plain for word in _FOREIGN):
        return False
    return (b'"results"' in plain or b'"table_results"' in plain) and bool(_METRIC.search(plain))


def _parse(file: Path, text: bytes) -> Mapping[str, Any]:
    expected = (
        "one JSON object with `results` or `table_results`, as lm-evaluation-harness before 0.4"
        " writes it"
    )
    try:
        content = load_json(text)
    except (ValueError, RecursionError) as cause:
        raise ImportFormatError(
            f"{file} cannot be read: {cause}. Expected is {expected}. Copy the file again, or leave"
            " it out."
        ) from cause
    found = (
        content.get("results", content.get("table_results")) if isinstance(content, dict) else None
    )
    if not isinstance(found, dict | list):
        raise ImportFormatError(
            f"{file} holds neither `results` nor `table_results`. Expected is {expected}. Leave it"
            " out, or name its format."
        )
    return dict(content)


# -- scores ----------------------------------------------------------------------------------------


def _entries(
    file: Path, content: Mapping[str, Any], report: ReportReject
) -> Iterator[tuple[str, str | None, Mapping[str, Any]]]:
    """Task, prompt and metrics of each row. `table_results` repeats a list of `results`, so one of
    them is read.
    """
    by_task = isinstance(content.get("results"), Mapping)
    rows = content["results"] if "results" in content else content["table_results"]
    for key, entry in enumerate(rows, 1) if isinstance(rows, list) else rows.items():
        if not isinstance(entry, Mapping):
            report(
                Reject(file.name, f"results.{key}", "results", shorten(entry), "metrics by name")
            )
        elif by_task and "task_name" not in entry:
            yield str(key), None, entry
        elif not isinstance(entry.get("task_name"), str):
            report(
                Reject(
                    file.name,
                    f"results.{key}",
                    "task_name",
                    shorten(entry.get("task_name")),
                    "the name of a task",
                )
            )
        else:
            prompt = entry.get("prompt_name")
            yield entry["task_name"], None if prompt is None else str(prompt), entry


def _scores(
    run: RunInfo,
    file: Path,
    content: Mapping[str, Any],
    task: str,
    prompt: str | None,
    entry: Mapping[str, Any],
    report: ReportReject,
) -> Iterator[Score]:
    numbers = _numbers(file, task, entry, report)
    version = _table(content, "versions").get(task if prompt is None else f"{task}+{prompt}")
    rest = {
        key: value
        for key, value in entry.items()
        if key not in numbers and key not in _ROW_WORDS and value is not None
    }
    metadata = ({} if version is None else {"task_version": version}) | rest
    ns = [
        infer_n(numbers[metric], numbers.get(f"{metric}_stderr"))
        for metric in numbers
        if metric in ZERO_ONE
    ]
    n = next((found for found in ns if found is not None), None)
    for metric, value in numbers.items():
        if metric.endswith("_stderr") and metric.removesuffix("_stderr") in numbers:
            continue
        stderr = numbers.get(f"{metric}_stderr")
        scale, value01 = value_scale(metric, value)
        yield Score(
            run_id=run.run_id,
            metric=metric,
            value=value,
            task=task,
            variant=prompt,
            scale=scale,
            value01=value01,
            stderr=stderr,
            stderr_kind=None if stderr is None else "reported",
            n=n,
            n_kind=None if n is None else "inferred",
            n_shot=run.n_shot,
            higher_is_better=points_up(metric),
            metadata=metadata,
        )


def _numbers(
    file: Path, task: str, entry: Mapping[str, Any], report: ReportReject
) -> dict[str, float | None]:
    """Metrics and standard errors of a row. A row of the fork mixes them with texts about its
    prompt, so there only numbers count.
    """
    numbers: dict[str, float | None] = {}
    for key, value in entry.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number or (
            isinstance(value, str) and value in ("N/A", "nan") and "task_name" not in entry
        ):
            try:
                numbers[key] = read_number(value)
            except ValueError as cause:
                report(Reject(file.name, f"results.{task}", key, shorten(str(cause)), "a number"))
        elif "task_name" not in entry:
            report(Reject(file.name, f"results.{task}", key, shorten(value), "a number"))
    return numbers


def _table(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = content.get(name)
    return table if isinstance(table, Mapping) else {}


# -- the run ---------------------------------------------------------------------------------------


def _run_info(source: Source, content: Mapping[str, Any], run_id: str) -> RunInfo:
    file = source.path
    config = _table(content, "config")
    args = read_model_args(config.get("model_args", content.get("model_args")))
    warnings: list[str] = []
    model = _model_name(file, args, warnings)
    revision = args.get("revision")
    step = (
        step_of(revision)
        if (iteration := whole_number(args.get("iteration"), n_bits=64)) is None
        else iteration
    )
    limit = config.get("limit")
    n_shot = whole_number(config.get("num_fewshot"))
    warnings += _shot_warnings(file, n_shot)
    if limit is not None:
        warnings.append(
            f"only part of the benchmark was run: the harness was given a limit of {limit}"
            " instances a task"
        )
    date = _DATE.search(file.name)
    code_git = args.get("git_hash")
    dtype = args.get("dtype") or args.get("precision")
    return RunInfo(
        run_id=run_id,
        model_raw=model,
        format=IMPORTER.name,
        format_version="before 0.4",
        checkpoint=str(revision) if revision else None,
        step=step,
        train_tokens=_train_tokens(model, args, step),
        dtype=str(dtype) if dtype else None,
        harness=HARNESS,
        code_git=str(code_git) if code_git else None,
        code_git_meaning="training" if code_git else None,
        status=RunStatus.SUCCESS if limit is None else RunStatus.PARTIAL,
        finished_at=_date(date) if date else None,
        date_source="file name (local time at the end)" if date else None,
        n_shot=n_shot,
        sample_limit=finite_number(limit),
        source_path=str(file),
        seeds={"training_seed": args["seed"]} if "seed" in args else {},
        metadata={key: content[key] for key in ("config", "model_args") if content.get(key)},
        warnings=tuple(warnings),
    )


def _date(found: re.Match[str]) -> datetime | None:
    month, day, year, hour, minute, second = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None


def _model_name(file: Path, args: Mapping[str, Any], warnings: list[str]) -> str:
    """The model as the arguments name it; for GPT-NeoX configurations the folder, because only it
    tells deduplicated data apart.
    """
    if named := next(
        (str(args[key]) for key in ("pretrained", "engine", "model", "load_path") if args.get(key)),
        None,
    ):
        return named
    folder = next(
        (
            part
            for part in reversed(file.parts[:-1])
            if re.match(r"pythia-\d+(\.\d+)?[mb]", part, re.IGNORECASE)
        ),
        None,
    )
    configs = args.get("config_files")
    stem = (
        re.sub(r"\.ya?ml$", "", next(iter(configs)))
        if isinstance(configs, Mapping) and configs
        else None
    )
    if folder is not None and stem is not None:
        suite = next(
            (f"{part}/" for part in file.parts[:-1] if re.fullmatch(r"pythia-v\d+", part)), ""
        )
        warnings.append(
            f"the model is named after its folder, {suite}{folder}; its training configuration is"
            f" called {stem}"
        )
        return f"{suite}{folder}"
    if stem is not None:
        return stem
    warnings.append("the file does not name its model")
    return "unknown"


def _stated_shots(name: str) -> int | None:
    found = _SHOTS.search(name)
    return (
        None
        if found is None
        else _NUMBERS[found[1].lower()]
        if found[1].lower() in _NUMBERS
        else int(found[1])
    )


def _shot_warnings(file: Path, n_shot: int | None) -> list[str]:
    """Folder and file names that contradict the configuration, which alone is to be believed."""
    return [
        f"the name {name!r} says {stated} shots, but the configuration says {n_shot}: it was run"
        f" with {n_shot}"
        for name in (file.parent.name, file.name)
        if (stated := _stated_shots(name)) is not None and n_shot is not None and stated != n_shot
    ]


def _train_tokens(model: str, args: Mapping[str, Any], step: int | None) -> float | None:
    """Tokens seen by a Pythia checkpoint: its step's share of the whole, since runs differ in
    tokens per step. None for other models.
    """
    if step is None:
        return None
    n_steps = whole_number(args.get("train_iters"), n_bits=64)
    if n_steps and args.get("wandb_project") == "pythia":
        return step / n_steps * PYTHIA_TOKENS
    if not re.search(r"(^|/)pythia-", model):
        return None
    batch = re.search(r"(\d+(?:\.\d+)?)MtokBS", model)
    return step * (float(batch[1]) * 2**20 if batch else 2_097_152.0)
