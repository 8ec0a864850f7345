"""Logs of Inspect AI: `.eval` archives and `.json` files of every schema version, finished or not.
One log is one run of one task.

An archive whose run was killed, or still goes on, has no `header.json`; it comes in with what it
has, as a started run. The run's id is that of the evaluation, so that the log of a run that went
on, and the same log in the other format, take its place.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from data.catalog import read_catalog
from data.importers.inspect_ai.samples import (
    RawSample,
    SampleReader,
    graded_variants,
    scores_of,
    variant_of,
)
from data.importers.inspect_ai.scores import (
    StatedMetric,
    entries_of,
    read_scores,
    stated_metrics,
    verdict_variants,
)
from data.importers.inspect_ai.zip_members import Archive, BadMemberError, opened
from data.importers.kit.base import Batch, Listing, ReportReject, RunNotice, Source, stable_run_id
from data.importers.kit.field_map import (
    BOOLEAN,
    COUNT,
    NAME,
    NUMBER,
    TABLE,
    TEXT,
    TIME,
    BadFieldError,
    Mapped,
    Reader,
    mapped,
    pick,
    read_leniently,
)
from data.importers.kit.json_parts import MAX_RECORD_BYTES, decode, read_spans, split_json
from data.importers.kit.recount import Recount
from data.importers.kit.values import shorten, whole_number
from data.records import ImportFormatError, Reject, RunInfo, RunStatus, ScoredSample

HARNESS = "inspect-ai"
KNOWN_VERSION = 3
"""Newest schema version that was looked at."""
BATCH_ROWS = 2000
PEEKED_SAMPLES = 50
_EXPECTED = (
    "a log of Inspect AI: an archive (.eval), or one JSON object with `eval`, `plan` and `results`"
)
_HEADER, _START = "header.json", "_journal/start.json"
_LOG_HEAD = (
    re.compile(rb'"eval"\s*:\s*\{'),
    re.compile(rb'"task"\s*:\s*"'),
    re.compile(rb'"(model|created|task_id|dataset)"\s*:'),
)
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
_SHOT_NAMES = (
    "fewshot",
    "num_fewshot",
    "n_shot",
    "n_shots",
    "num_shots",
    "shots",
    "few_shot",
    "k_shot",
)


def _limit(value: Any) -> float | None:
    """Number of samples that a limit lets in: a number, or where to begin and where to end."""
    if isinstance(value, list) and len(value) == 2:
        start, end = (COUNT.read(place) for place in value)
        return float(max(0, end - start))
    number: float | None = NUMBER.read(value)
    return number


LIMIT = Reader(_limit, "a number, or two: the first sample and the one after the last")
NAMES = Reader(
    lambda value: ", ".join(map(str, value)) if isinstance(value, list) else str(value),
    "ids of samples",
)

RUN: tuple[Mapped, ...] = (
    mapped("task", "eval.task", TEXT, is_required=True),
    mapped("model_raw", "eval.model", TEXT, is_required=True),
    mapped("benchmark", "eval.dataset.name", TEXT),
    mapped("harness_version", "eval.packages.inspect_ai", NAME),
    mapped("code_git", "eval.revision.commit", TEXT),
    mapped("started_at", "stats.started_at | eval.created", TIME),
    mapped("finished_at", "stats.completed_at", TIME),
    mapped("generation", "eval.model_generate_config", TABLE),
    mapped("seed", "eval.model_generate_config.seed | eval.config.seed", COUNT),
    mapped("sample_limit", "eval.config.limit", LIMIT),
    mapped("sample_ids", "eval.config.sample_id", NAMES),
    mapped("n_total", "results.total_samples", COUNT),
    mapped("n_completed", "results.completed_samples", COUNT),
    mapped("n_in_benchmark", "eval.dataset.samples", COUNT),
    mapped("epochs", "eval.config.epochs", COUNT),
    mapped("invalidated", "invalidated", BOOLEAN),
    mapped("error", "error.message", TEXT),
)
"""Fields of a run, and facts that its status and warnings come from."""
_NO_RUN_FIELDS = (
    "task",
    "seed",
    "sample_ids",
    "n_total",
    "n_completed",
    "n_in_benchmark",
    "epochs",
    "invalidated",
    "error",
)
KEPT = ("eval", "plan", "stats", "tags", "metadata", "error")
"""Parts of the header that the run's metadata keeps."""

RawRecord = tuple[str, str, bytes | BadMemberError | None]
"""File, place in it, and text of one sample; None if it is too long."""


@dataclass(frozen=True, slots=True)
class Log:
    """An opened log: its header, and a way to its samples that can be gone twice."""

    file: Path
    header: Mapping[str, Any]
    has_header: bool
    samples: Callable[[], Iterator[RawRecord]]
    refused: Mapping[str, str]
    """Members that are not read, with the reason."""


class InspectImporter:
    """Reads Inspect logs; contract of `data.importers.kit.base.Importer`."""

    name = "inspect"
    label = "Inspect AI"
    version = 2

    def claim(self, listing: Listing) -> list[Source]:
        """One source per log."""
        return [
            Source(self.name, file, (file,))
            for file in listing.files
            if _is_archive(file, listing.heads[file]) or _is_json(listing.heads[file])
        ]

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """The run, its samples in the log's order, its scores, and what the samples contradict."""
        with source.path.open("rb") as stream:
            is_archive = stream.read(2) == b"PK"
        with (_opened_archive if is_archive else _opened_json)(source.path) as log:
            yield from _read_log(log, source, report)


IMPORTER = InspectImporter()


# -- telling ---------------------------------------------------------------------------------------


def _is_archive(file: Path, head: bytes) -> bool:
    if not head.startswith(b"PK\x03\x04"):
        return False
    if _START.encode() in head or _HEADER.encode() in head:
        return True
    try:
        with zipfile.ZipFile(file) as listing:
            return bool({_START, _HEADER} & set(listing.namelist()))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _is_json(head: bytes) -> bool:
    plain = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not plain.startswith(b"{") or b'"evaluation_results"' in plain:
        return False
    return all(pattern.search(plain) for pattern in _LOG_HEAD) and any(
        _depth(plain[: found.start()]) == 1 for found in _LOG_HEAD[0].finditer(plain)
    )


def _depth(head: bytes) -> int:
    """How deep the end of the beginning of a JSON file lies: the `eval` of a list of logs
    (`logs.json`) is not that of a log.
    """
    bare = _TEXT.sub(b"", head)
    return sum(map(bare.count, (b"{", b"["))) - sum(map(bare.count, (b"}", b"]")))


# -- opening ---------------------------------------------------------------------------------------


@contextmanager
def _opened_json(file: Path) -> Iterator[Log]:
    parts = split_json(file, ("samples", "reductions"), expected=_EXPECTED)
    spans = parts.spans.get("samples")

    def samples() -> Iterator[RawRecord]:
        for index, text in enumerate(read_spans(file, spans) if spans else ()):
            yield file.name, f"samples[{index}]", text

    header = {
        key: value for key, value in parts.rest.items() if key not in ("samples", "reductions")
    }
    yield Log(file, header, "eval" in header, samples, {})


@contextmanager
def _opened_archive(file: Path) -> Iterator[Log]:
    with opened(file) as archive:
        name = next((name for name in (_HEADER, _START) if name in archive.names), None)
        if name is None:
            raise ImportFormatError(
                f"{file} holds neither {_HEADER} nor {_START}. Expected is {_EXPECTED}."
            )
        try:
            header = decode(archive.read(name))
        except (BadMemberError, ValueError, RecursionError) as cause:
            raise ImportFormatError(
                f"{file}: member {name} cannot be read: {cause}. Expected is {_EXPECTED}."
            ) from cause
        members = sorted(
            (
                name
                for name in archive.names
                if name.startswith("samples/") and name.endswith(".json")
            ),
            key=_epoch_order,
        )
        yield Log(
            file,
            header if isinstance(header, dict) else {},
            name == _HEADER,
            lambda: _members(archive, file, members),
            archive.refused,
        )


def _members(archive: Archive, file: Path, members: list[str]) -> Iterator[RawRecord]:
    for name in members:
        try:
            yield file.name, name, archive.read(name)
        except BadMemberError as cause:
            yield file.name, name, cause


def _epoch_order(name: str) -> int:
    """Epochs one after the other; within one, the archive's order."""
    found = re.search(r"_epoch_(\d{1,6})\.json$", name)
    return int(found[1]) if found else 0


# -- reading ---------------------------------------------------------------------------------------


def _read_log(log: Log, source: Source, report: ReportReject) -> Iterator[Batch]:
    try:
        facts = read_leniently(log.header, RUN, report, log.file.name, "header")
    except BadFieldError as cause:
        raise ImportFormatError(f"{log.file}: {cause}. Expected is {_EXPECTED}.") from cause
    for name, reason in log.refused.items():
        report(
            Reject(
                log.file.name,
                name,
                "name",
                f"{name!r}: {reason}",
                "a name within the archive; such a member is not read",
            )
        )
    results = log.header.get("results")
    stated = list(stated_metrics(results, report, log.file.name))
    peeked = list(islice(_raw_samples(log, _ignore), PEEKED_SAMPLES))
    scheme, levels = _levels(peeked)
    run = _run_info(
        log,
        source,
        facts,
        scheme,
        has_splits=any(_own(raw).get("split") in ("id", "ood") for raw, _, _ in peeked),
    )
    yield run
    has_repeats = facts.get("epochs", 2) > 1
    reader = SampleReader(
        run_id=run.run_id,
        task=_task_name(facts["task"]),
        primary=_primary(log.header, stated, peeked),
        verdicts=verdict_variants(
            stated, graded_variants(raw for raw, _, _ in peeked), has_repeats=has_repeats
        ),
        levels=levels,
        recount=Recount(has_repeats=has_repeats),
        group_keys=tuple({metric.group_key for metric in stated if metric.group_key is not None}),
    )
    yield from _read_samples(log, reader, report)
    scores, warnings = read_scores(run.run_id, reader.task, stated, reader.recount, log.header)
    if scores:
        yield scores
    warnings += [
        f"values of {variant} that are no scores are kept as text, e.g. {value}"
        for variant, value in reader.not_understood.items()
    ]
    if reader.n_errors:
        warnings.append(
            f"{reader.n_errors:,} of {reader.n_read:,} samples in the log ended in an error"
        )
    if run.status is RunStatus.STARTED:
        warnings.append(
            f"the log was not finished: the run was killed or still goes on; {reader.n_read:,}"
            " samples are in so far"
        )
    elif reader.n_read and not reader.n_scored and reader.n_errors < reader.n_read:
        warnings.append(f"none of the {reader.n_read:,} samples in the log was scored")
    elif scores and not reader.n_read:
        warnings.append("the log holds no samples, so its numbers could not be checked")
    if warnings:
        yield RunNotice(run.run_id, tuple(warnings))


def _read_samples(
    log: Log, reader: SampleReader, report: ReportReject
) -> Iterator[list[ScoredSample]]:
    rows: list[ScoredSample] = []
    for raw, file, place in _raw_samples(log, report):
        try:
            rows += reader.rows(raw)
        except BadFieldError as cause:
            report(cause.at(file, place))
        if len(rows) >= BATCH_ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def _raw_samples(log: Log, report: ReportReject) -> Iterator[tuple[RawSample, str, str]]:
    """Every sample that is one, with its file and place."""
    for file, place, text in log.samples():
        if isinstance(text, BadMemberError):
            report(Reject(file, place, "member", text.found, text.expected))
        elif text is None:
            report(
                Reject(
                    file,
                    place,
                    "sample",
                    f"over {MAX_RECORD_BYTES >> 20} MB",
                    f"at most {MAX_RECORD_BYTES >> 20} MB",
                )
            )
        else:
            try:
                yield decode(text, RawSample), file, place
            except (ValueError, RecursionError) as cause:
                found = (
                    f"{shorten(text[:80].decode(errors='replace'), 80)}"
                    f" ({shorten(str(cause) or 'nested too deeply')})"
                )
                report(Reject(file, place, "sample", found, "one JSON object"))


def _ignore(reject: Reject) -> None:
    """For the look ahead: what is wrong is reported when the samples are read."""


# -- the run ---------------------------------------------------------------------------------------


def _run_info(
    log: Log, source: Source, facts: Mapping[str, Any], scheme: str | None, *, has_splits: bool
) -> RunInfo:
    header = log.header
    warnings: list[str] = []
    status = _status(log, warnings)
    warnings += _warnings_of(header, facts)
    return RunInfo(
        run_id=_run_id(header),
        format=IMPORTER.name,
        format_version=None if header.get("version") is None else str(header["version"]),
        harness=HARNESS,
        code_git_meaning="task" if "code_git" in facts else None,
        status=status,
        date_source=_date_source(header) if "started_at" in facts else None,
        n_shot=_n_shot(header),
        level_scheme=scheme,
        id_source="metadata of the samples (split)" if has_splits else None,
        source_path=str(source.path),
        seeds={"seed": facts["seed"]} if "seed" in facts else {},
        metadata=_run_metadata(header, facts),
        warnings=tuple(warnings),
        **{key: value for key, value in facts.items() if key not in _NO_RUN_FIELDS},
    )


def _warnings_of(header: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[str]:
    """What a reader of the numbers has to know: the run is invalid, failed, partial or too new."""
    if facts.get("invalidated"):
        yield "the log was marked as invalid"
    if "error" in facts:
        yield f"the run failed: {shorten(facts['error'])}"
    part = "only part of the benchmark was run: the"
    if "sample_limit" in facts and facts["sample_limit"] < facts.get("n_in_benchmark", math.inf):
        yield f"{part} limit was {facts['sample_limit']:g} samples"
    if "sample_ids" in facts:
        yield f"{part} samples {shorten(facts['sample_ids'])}"
    total, completed = facts.get("n_total"), facts.get("n_completed")
    if total is not None and completed is not None and completed < total:
        yield f"{completed:,} of {total:,} samples are complete (samples times epochs)"
    version = whole_number(header.get("version"))
    if version is not None and version > KNOWN_VERSION:
        yield (
            f"the log's version {version} is newer than {KNOWN_VERSION}, the newest known;"
            " something may have changed its place"
        )


def _run_metadata(header: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    results = {
        key: value
        for key in ("early_stopping", "metadata")
        if (value := pick(header, f"results.{key}"))
    }
    counts = ("n_total", "n_completed", "n_in_benchmark", "epochs")
    metadata = {
        **{key: header.get(key) for key in KEPT},
        **{key: facts.get(key) for key in counts},
        "results": results,
    }
    return {key: value for key, value in metadata.items() if value}


def _date_source(header: Mapping[str, Any]) -> str:
    """Where the run's time stands in the log, and whether it names a time zone."""
    started = pick(header, "stats.started_at")
    place = "stats" if started else "eval.created"
    time = str(started or pick(header, "eval.created"))
    return place if re.search(r"(Z|[+-]\d\d:?\d\d)$", time) else f"{place}, no time zone"


def _status(log: Log, warnings: list[str]) -> RunStatus:
    if not log.has_header:
        return RunStatus.STARTED
    word = log.header.get("status")
    if word in tuple(RunStatus):
        return RunStatus(str(word))
    status = RunStatus.SUCCESS if log.header.get("results") else RunStatus.PARTIAL
    warnings.append(
        f"the log states {'no status' if word is None else f'an unknown status, {shorten(word)}'};"
        f" it counts as {status}"
    )
    return status


def _run_id(header: Mapping[str, Any]) -> str:
    """From the evaluation's own ids; without any, from the header."""
    if pick(header, "eval.eval_id"):
        return stable_run_id(IMPORTER.name, pick(header, "eval.eval_id"))
    ids = [
        pick(header, f"eval.{name}") for name in ("run_id", "task_id", "created", "task", "model")
    ]
    if ids[0] or ids[1]:
        return stable_run_id(IMPORTER.name, *ids)
    return stable_run_id(
        IMPORTER.name, sha256(json.dumps(header, sort_keys=True, default=str).encode()).hexdigest()
    )


def _task_name(task: str) -> str:
    """Without the package that a registered task's name begins with."""
    return task.rpartition("/")[2] or task


def _n_shot(header: Mapping[str, Any]) -> int | None:
    """Worked examples in the prompt: no field of its own, so an argument of the task or of a solver
    of such a name.
    """
    steps = pick(header, "plan.steps")
    places = [
        pick(header, "eval.task_args"),
        *(pick(step, "params") for step in (steps if isinstance(steps, list) else ())),
    ]
    for place in places:
        for name in _SHOT_NAMES:
            if (
                number := whole_number(pick(place, name) if isinstance(place, Mapping) else None)
            ) is not None:
                return number
    return None


def _own(raw: RawSample) -> Mapping[str, Any]:
    return raw.metadata if isinstance(raw.metadata, Mapping) else {}


def _levels(peeked: list[tuple[RawSample, str, str]]) -> tuple[str | None, dict[str, int]]:
    """Level scheme of the catalog that has every label among the first samples, with its levels."""
    labels = {
        str(level).replace(" ", "")
        for raw, _, _ in peeked
        if isinstance(level := _own(raw).get("level"), str)
    }
    if labels:
        for scheme, rows in read_catalog().levels.groupby("scheme"):
            known = {
                str(label).replace(" ", ""): int(level)
                for label, level in zip(rows["label"], rows["level"], strict=True)
            }
            if labels <= set(known):
                return str(scheme), known
    return None, {}


def _primary(
    header: Mapping[str, Any], stated: list[StatedMetric], peeked: list[tuple[RawSample, str, str]]
) -> str | None:
    """The reading that counts: the log's headline, else the first score that it states, else the
    first that its samples have.
    """
    found: list[str] = []
    for raw, _, _ in peeked:
        try:
            found = [variant for variant, _, _ in scores_of(raw)]
        except BadFieldError:
            continue
        if found:
            break
    headline = pick(header, "results.headline")
    named = (
        [variant_of(str(headline.get("scorer")), str(headline.get("score")))]
        if isinstance(headline, Mapping)
        else []
    )
    named += [metric.variant for metric in stated]
    named += [
        str(name) for entry in entries_of(header.get("results")) if (name := pick(entry, "name"))
    ]
    scorers = pick(header, "eval.scorers")
    named += [
        str(name)
        for scorer in (scorers if isinstance(scorers, list) else ())
        if (name := pick(scorer, "name"))
    ]
    return next((name for name in named if name in found), None) or next(
        iter([*found, *named]), None
    )
