"""every_eval_ever: an aggregate record and the instance records of the same evaluation are one run
(schemas 0.2.0 to 0.3.0).

The names of an evaluation differ between the two files of one converter (`accuracy on arc_easy for
scorer choice` and `arc_easy`), so task, metric and scorer are taken out of them. Instance records
that lie alone are runs of their own, one per evaluation id. Records that `data/every_eval_ever.py`
wrote give the runs they were written from.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from data.importers.every_eval_ever.own import is_counted, read_own_run, read_own_score
from data.importers.every_eval_ever.samples import BATCH_ROWS, Reading, RecordReader
from data.importers.kit.base import (
    Batch,
    Listing,
    ReportReject,
    RunNotice,
    Source,
    file_sha256,
    stable_run_id,
)
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
    mapped,
    pick,
    read_field,
    read_leniently,
)
from data.importers.kit.json_parts import load_object
from data.importers.kit.records import BadRecordError
from data.importers.kit.recount import Recount, agrees
from data.importers.kit.values import shorten, step_of
from data.records import ImportFormatError, Reject, RunInfo, Score, ScoredSample

_EXPECTED = (
    "an aggregate record of every_eval_ever: one JSON object with `schema_version`, `model_info`"
    " and `evaluation_results`"
)
_KNOWN_SCHEMA = re.compile(r"0\.[23]\.\d+")
_VERSION = re.compile(rb'"schema_version"\s*:\s*"')
"""Told from a JSON schema, where it is an object."""
_ID_IN_HEAD = re.compile(rb'"evaluation_id"\s*:\s*("(?:[^"\\]|\\.)*")')
_INSPECT_NAME = re.compile(r"(?P<metric>\S+) on (?P<task>.+) for scorer (?P<scorer>.+)")
_SHOTS = re.compile(r"\b(\d{1,3})[- ]?shots?\b", re.IGNORECASE)
_OVERALL = re.compile(r"(^|[\s(/_.:-])(overall|average|avg|macro[ _-]?average)\)?$", re.IGNORECASE)
_MAX_PARAMS = 1e15

RUN: tuple[Mapped, ...] = (
    mapped("model_raw", "model_info.id | model_info.name", TEXT, is_required=True),
    mapped("format_version", "schema_version", NAME),
    mapped("harness", "eval_library.name | source_metadata.source_name", TEXT),
    mapped("harness_version", "eval_library.version", NAME),
    mapped("started_at", "evaluation_timestamp | evaluation_results.0.evaluation_timestamp", TIME),
    mapped("retrieved_at", "retrieved_timestamp", TIME),
    mapped(
        "checkpoint",
        "model_info.additional_details.revision | model_info.additional_details.model_revision",
        NAME,
    ),
    mapped(
        "dtype",
        "model_info.additional_details.precision | model_info.additional_details.dtype",
        NAME,
    ),
    mapped("n_params", "model_info.additional_details.num_parameters", NUMBER),
    mapped(
        "params_b",
        "model_info.additional_details.params_billions |"
        " model_info.additional_details.size_billions_parameters",
        NUMBER,
    ),
    mapped("source_type", "source_metadata.source_type", TEXT),
    mapped(
        "source_name",
        "source_metadata.source_organization_name | source_metadata.source_name",
        TEXT,
    ),
    mapped("total_rows", "detailed_evaluation_results.total_rows", COUNT),
    mapped("checksum", "detailed_evaluation_results.checksum", TEXT),
    mapped("hash_algorithm", "detailed_evaluation_results.hash_algorithm", TEXT),
)
"""Fields of the run, and facts that its warnings come from."""
_NO_RUN_FIELDS = (
    "retrieved_at",
    "params_b",
    "source_type",
    "source_name",
    "total_rows",
    "checksum",
    "hash_algorithm",
    "n_params",
)

SCORE: tuple[Mapped, ...] = (
    mapped("name", "evaluation_name | evaluation_result_id", TEXT, is_required=True),
    mapped("result_id", "evaluation_result_id", NAME),
    mapped("metric_name", "metric_config.metric_name", TEXT),
    mapped("metric_kind", "metric_config.metric_kind", TEXT),
    mapped("metric_id", "metric_config.metric_id", TEXT),
    mapped("unit", "metric_config.metric_unit", TEXT),
    mapped("description", "metric_config.evaluation_description", TEXT),
    mapped("lower_is_better", "metric_config.lower_is_better", BOOLEAN),
    mapped("score_type", "metric_config.score_type", TEXT),
    mapped("min", "metric_config.min_score", NUMBER),
    mapped("max", "metric_config.max_score", NUMBER),
    mapped("has_unknown_level", "metric_config.has_unknown_level", BOOLEAN),
    mapped(
        "stderr",
        "score_details.uncertainty.standard_error.value | score_details.uncertainty.standard_error",
        NUMBER,
    ),
    mapped("n", "score_details.uncertainty.num_samples", COUNT),
    mapped("uncertainty", "score_details.uncertainty", TABLE),
    mapped("details", "score_details.details", TABLE),
    mapped("source_data", "source_data", TABLE),
    mapped("dataset", "source_data.dataset_name", TEXT),
    mapped("n_in_benchmark", "source_data.samples_number", COUNT),
    mapped("generation", "generation_config.generation_args", TABLE),
    mapped("additional", "metric_config.additional_details", TABLE),
)
"""Fields of an entry of `evaluation_results`; its value, `score_details.score`, is read by itself,
because one without is no score.
"""
_KEPT = (
    "result_id",
    "unit",
    "description",
    "score_type",
    "min",
    "max",
    "uncertainty",
    "details",
    "source_data",
    "dataset",
    "n_in_benchmark",
    "generation",
)
_VALUE = mapped("value", "score_details.score", NUMBER)


class EveryEvalEverImporter:
    """Reads every_eval_ever records; contract of `data.importers.kit.base.Importer`."""

    name = "every_eval_ever"
    label = "Every Eval Ever"
    version = 2

    def claim(self, listing: Listing) -> list[Source]:
        """One source per aggregate record with its instance records; instance records without one
        by themselves.
        """
        aggregates = [file for file in listing.files if _is_aggregate(listing.heads[file])]
        left = [file for file in listing.files if _is_samples(listing.heads[file])]
        by_id: dict[bytes, list[Path]] = defaultdict(list)
        for file in left:
            by_id[_id_in(listing.heads[file])].append(file)
        ids = Counter(_id_in(listing.heads[file]) for file in aggregates)
        sources, taken = [], set()
        for file in aggregates:
            same_name = [
                path
                for path in left
                if path.parent == file.parent and path.stem == f"{file.stem}_samples"
            ]
            own = _id_in(listing.heads[file])
            mine = same_name or (
                [path for path in by_id[own] if path not in taken] if own and ids[own] == 1 else []
            )
            taken.update(mine)
            sources.append(Source(self.name, file, (file, *sorted(mine))))
        return [*sources, *(Source(self.name, file, (file,)) for file in left if file not in taken)]

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """The run, its samples, its scores, and what the samples contradict."""
        with source.path.open("rb") as stream:
            is_alone = _is_samples(stream.read(1 << 16))
        yield from _read_alone(source, report) if is_alone else _read_run(source, report)


IMPORTER = EveryEvalEverImporter()


# -- telling ---------------------------------------------------------------------------------------


def _is_aggregate(head: bytes) -> bool:
    plain = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not plain.startswith(b"{") or _is_samples(head):
        return False
    return (
        bool(_VERSION.search(plain))
        and b'"model_info"' in plain
        and (b'"evaluation_results"' in plain or b'"source_metadata"' in plain)
    )


def _is_samples(head: bytes) -> bool:
    line = head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")[0]
    return line.startswith(b"{") and all(
        word in line for word in (b'"schema_version"', b'"evaluation_id"', b'"sample_id"')
    )


def _id_in(head: bytes) -> bytes:
    found = _ID_IN_HEAD.search(head)
    return found[1] if found else b""


# -- one run ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Names:
    """Readings of the evaluations of one record."""

    is_lm_eval: bool = False
    by_id: dict[str, Reading] = field(default_factory=dict)
    by_name: dict[str, Reading] = field(default_factory=dict)
    variants: dict[str, set[str | None]] = field(default_factory=lambda: defaultdict(set))
    """By task."""

    def learn(self, name: str, result_id: str | None) -> Reading:
        """The reading of an aggregate's evaluation."""
        reading = self._parted(name)
        self.by_name[name] = reading
        if result_id:
            self.by_id[result_id] = reading
        self.variants[reading.task].add(reading.variant)
        return reading

    def of(self, result_id: str | None, name: str) -> Reading:
        """The reading of an instance record's evaluation."""
        if found := self.by_id.get(result_id or "") or self.by_name.get(name):
            return found
        if name in self.variants:
            variants = self.variants[name]
            return Reading(name, next(iter(variants)) if len(variants) == 1 else None)
        return self._parted(name)

    def _parted(self, name: str) -> Reading:
        if inspect := _INSPECT_NAME.fullmatch(name):
            return Reading(inspect["task"], inspect["scorer"])
        task, slash, variant = name.rpartition("/")
        return Reading(task, variant) if self.is_lm_eval and slash else Reading(name)


def _read_run(source: Source, report: ReportReject) -> Iterator[Batch]:
    content = load_object(source.path, expected=_EXPECTED)
    results = content.get("evaluation_results")
    if not isinstance(results, list):
        raise ImportFormatError(
            f"{source.path} holds no list `evaluation_results`. Expected is {_EXPECTED}."
        )
    try:
        facts = read_leniently(content, RUN, report, source.path.name, "record")
    except BadFieldError as cause:
        raise ImportFormatError(f"{source.path}: {cause}. Expected is {_EXPECTED}.") from cause
    names = _Names(
        is_lm_eval="lm" in str(facts.get("harness", "")).lower()
        and "eval" in str(facts.get("harness", "")).lower()
    )
    own = _own_run(source, content)
    run_id = (
        own[0].run_id
        if own
        else stable_run_id(IMPORTER.name, sha256(source.path.read_bytes()).hexdigest())
    )
    scores = [
        score
        for index, entry in enumerate(results)
        if (score := _score(run_id, entry, index, names, source.path.name, report))
    ]
    yield own[0] if own else _run_info(run_id, source, content, facts, scores)
    recount = Recount()
    warnings: list[str] = []
    n_rows = 0
    for file in source.files[1:]:
        reader = RecordReader(file, report, recount, names.of)
        yield from _own_rows(
            reader, run_id, str(content.get("evaluation_id")), str(facts["model_raw"])
        )
        n_rows += reader.n_read + sum(reader.n_of_others.values())
        if facts.get("hash_algorithm") == "sha256" and facts.get("checksum") not in (
            None,
            file_sha256(file),
        ):
            warnings.append(f"{file.name} is not the file whose checksum the record states")
    if source.files[1:] and facts.get("total_rows") not in (None, n_rows):
        warnings.append(
            f"the record states {facts['total_rows']:,} instance records; {n_rows:,} could be read"
        )
    if not source.files[1:] and facts.get("total_rows"):
        warnings.append(
            f"the {facts['total_rows']:,} instance records that the record names are not beside it"
        )
    scores = [*scores, *own[1]] if own else _held_against(scores, recount, warnings)
    if scores:
        yield scores
    if warnings:
        yield RunNotice(run_id, tuple(warnings))


def _own_run(source: Source, content: Mapping[str, Any]) -> tuple[RunInfo, list[Score]] | None:
    """The run that this record was written from, if we wrote it, and its scores without a value."""
    try:
        return read_own_run(content, str(source.path))
    except BadRecordError as cause:
        raise ImportFormatError(
            f"{source.path} was written by Charybdis and changed since: {cause}. Export it again."
        ) from cause


def _own_rows(
    reader: RecordReader, run_id: str, evaluation_id: str, model: str
) -> Iterator[list[ScoredSample]]:
    """Samples of one run; records of another evaluation or model in the same file are rejected."""
    rows: list[ScoredSample] = []
    for place, found in reader.records():
        for name, own in (("evaluation_id", evaluation_id), ("model_id", model)):
            if found.get(name) not in (None, own):
                reader.n_of_others[str(found[name])] += 1
                reader.report(
                    Reject(
                        reader.file.name,
                        place,
                        name,
                        shorten(found[name]),
                        f"{own}, as in the aggregate record",
                    )
                )
                break
        else:
            rows.append(reader.sample(run_id, found))
        if len(rows) >= BATCH_ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def _read_alone(source: Source, report: ReportReject) -> Iterator[Batch]:
    """Instance records without an aggregate: a run per evaluation id and model."""
    digest = source.sha256()
    reader = RecordReader(source.path, report, Recount(), _Names().of)
    runs: dict[tuple[str, str], str] = {}
    rows: list[ScoredSample] = []
    for place, found in reader.records():
        key = (found["evaluation_id"], found.get("model_id", ""))
        if key not in runs:
            if not key[1]:
                report(
                    Reject(
                        source.path.name,
                        place,
                        "model_id",
                        "nothing",
                        "the model; no aggregate record beside names it",
                    )
                )
                continue
            if rows:
                yield rows
                rows = []
            runs[key] = stable_run_id(IMPORTER.name, digest, *key)
            yield RunInfo(
                run_id=runs[key],
                model_raw=key[1],
                format=IMPORTER.name,
                source_path=str(source.path),
                metadata={"evaluation_id": key[0]},
                warnings=("no aggregate record beside the instance records",),
            )
        rows.append(reader.sample(runs[key], found))
        if len(rows) >= BATCH_ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def _run_info(
    run_id: str,
    source: Source,
    content: Mapping[str, Any],
    facts: dict[str, Any],
    scores: list[Score],
) -> RunInfo:
    warnings = []
    schema = str(facts.get("format_version"))
    if not _KNOWN_SCHEMA.fullmatch(schema):
        warnings.append(
            f"schema version {schema} is none of those known (0.2.0 to 0.3.0); something may have"
            " changed its place"
        )
    if facts.get("source_type") == "documentation":
        warnings.append(
            f"the numbers are taken from documentation ({facts.get('source_name', 'no name')}), not"
            " from a run"
        )
    params = facts.get("n_params") or (facts.get("params_b") or 0) * 1e9
    date_source = "evaluation_timestamp" if "started_at" in facts else None
    retrieved = facts.get("retrieved_at")
    datasets = {score.metadata.get("dataset") for score in scores}
    shots = {score.n_shot for score in scores}
    version = facts.get("harness_version")
    if version is not None:
        facts["harness_version"] = None if version == "unknown" else version.rpartition(":")[2]
    kept = {
        key: value
        for key, value in content.items()
        if key not in ("evaluation_results", "schema_version") and value
    }
    return RunInfo(
        run_id=run_id,
        format=IMPORTER.name,
        source_path=str(source.path),
        benchmark=datasets.pop() if len(datasets) == 1 else None,
        n_params=round(params) if 0 < params < _MAX_PARAMS else None,
        step=step_of(facts.get("checkpoint")),
        finished_at=None if date_source else retrieved,
        n_shot=shots.pop() if len(shots) == 1 else None,
        date_source=date_source
        or ("retrieved_timestamp: when the record was made" if retrieved else None),
        generation=next(
            (score.metadata["generation"] for score in scores if "generation" in score.metadata), {}
        ),
        metadata=kept,
        warnings=tuple(warnings),
        **{key: value for key, value in facts.items() if key not in _NO_RUN_FIELDS},
    )


# -- scores ----------------------------------------------------------------------------------------


def _score(
    run_id: str, entry: Any, index: int, names: _Names, file: str, report: ReportReject
) -> Score | None:
    place = f"evaluation_results[{index}]"
    try:
        if not isinstance(entry, Mapping):
            raise BadFieldError(place, entry, "an object")
        if is_counted(entry):
            return None
        if own := read_own_score(entry, run_id):
            return own
        found = read_leniently(entry, SCORE, report, file, place)
        if pick(entry, "score_details.score") is None:
            raise BadFieldError("score_details.score", "nothing", "a number")
        value = read_field(entry, _VALUE)
    except BadFieldError as cause:
        report(cause.at(file, place))
        return None
    except BadRecordError as bad:
        report(Reject(file, place, bad.field, bad.found, bad.expected))
        return None
    reading = names.learn(found["name"], found.get("result_id"))
    flag = None
    if found.get("has_unknown_level") and value == -1:
        value, flag = None, "unknown_level"
    scale = _scale(found)
    if value is not None and scale != "raw" and not 0 <= value <= (1 if scale == "0-1" else 100):
        scale, flag = "raw", "outside_its_range"
    text = " ".join(
        str(part)
        for part in (
            found["name"],
            found.get("description", ""),
            *found.get("additional", {}).values(),
        )
    )
    of_source = pick(found, "source_data.additional_details")
    text += " ".join(map(str, of_source.values() if isinstance(of_source, Mapping) else ()))
    shots = set(_SHOTS.findall(text))
    metadata = {name: found[name] for name in _KEPT if name in found}
    if found["name"] != reading.task:
        metadata["evaluation_name"] = found["name"]
    return Score(
        run_id=run_id,
        task=reading.task,
        metric=_metric(found),
        value=value,
        variant=reading.variant,
        scale=scale,
        value01=(
            None if value is None or scale == "raw" else value / 100 if scale == "0-100" else value
        ),
        stderr=found.get("stderr"),
        stderr_kind="reported" if "stderr" in found else None,
        n=found.get("n"),
        n_kind="reported" if "n" in found else None,
        n_shot=int(shots.pop()) if len(shots) == 1 else None,
        higher_is_better=None if "lower_is_better" not in found else not found["lower_is_better"],
        is_group=bool(
            _OVERALL.search(found["name"]) or _OVERALL.search(found.get("result_id", ""))
        ),
        flag=flag,
        metadata=metadata,
    )


def _scale(found: Mapping[str, Any]) -> str:
    unit = str(found.get("unit", "")).lower()
    if unit in ("proportion", "fraction", "ratio", "probability", "rate"):
        return "0-1"
    if unit in ("percent", "percentage", "%"):
        return "0-100"
    if found.get("score_type") == "levels" or found.get("min") != 0:
        return "raw"
    return (
        {1.0: "0-1", 100.0: "0-100"}.get(found.get("max", 0.0), "raw")
        if unit in ("", "score", "points", "accuracy")
        else "raw"
    )


def _metric(found: Mapping[str, Any]) -> str:
    """Name of the metric: stated, told by its kind, or the first word of the description (`acc`,
    `Accuracy on IFEval`).
    """
    if inspect := _INSPECT_NAME.fullmatch(found["name"]):
        return str(inspect["metric"])
    name = found.get("metric_name")
    if name and name != found["name"]:
        return str(name)
    if found.get("metric_kind"):
        return str(found["metric_kind"])
    described = re.match(
        r"([A-Za-z][\w@.\-]*(?: [\w@.\-]+)??)( on .*)?$", found.get("description", "")
    )
    return (
        described[1].lower().replace(" ", "_")
        if described
        else str(name or found.get("metric_id") or "score")
    )


def _held_against(scores: list[Score], recount: Recount, warnings: list[str]) -> list[Score]:
    """The scores with what their samples say. A record states one score an instance, that of the
    first metric of its task.
    """
    seen: set[str | None] = set()
    checked = []
    for score in scores:
        counted = (
            recount.mean(score.task) if score.task not in seen and not score.is_group else None
        )
        seen.add(score.task)
        if counted is not None:
            if score.n is None:
                score = replace(score, n=counted.n, n_kind="counted")
            value = score.value01 if score.value01 is not None else score.value
            if counted.n < (score.n or 0):
                warnings.append(
                    f"{score.task}: {counted.n:,} of the {score.n:,} instances behind"
                    f" {score.metric} are there; it could not be checked"
                )
            elif value is not None and not agrees(value, counted.value):
                warnings.append(
                    f"{score.task}, {score.metric}: {value:.6g} reported, {counted.value:.6g} from"
                    " the instance records"
                )
                score = replace(score, flag="disagrees_with_samples")
            elif (
                score.stderr is not None
                and counted.stderr is not None
                and score.scale == "0-1"
                and not agrees(score.stderr, counted.stderr)
            ):
                warnings.append(
                    f"{score.task}, {score.metric}: standard error {score.stderr:.6g} reported,"
                    f" {counted.stderr:.6g} from its records"
                )
            elif score.stderr is None and counted.stderr is not None and score.scale == "0-1":
                score = replace(score, stderr=counted.stderr, stderr_kind="recomputed")
        checked.append(score)
    return checked
