"""Our runs, scores and samples as records of Every Eval Ever (schema 0.3.0), and back.

The schema's own fields hold what they can. What has no field stands as text under names that begin
with `charybdis.` among the additional details, which the schema leaves free; reading back takes the
schema's fields for what they hold and those names for the rest. An answer that is no verdict is
never left to look like one: the schema wants a number and a yes or no of every answer, so the
outcome stands beside them, and an answer without a score has its `error` filled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from data.importers.kit.field_map import pick
from data.importers.kit.records import BadRecordError, read_record, write_record
from data.records import SAMPLE_COLUMNS, Outcome, RunInfo, Score, ScoredSample, names_of_kind

SCHEMA_VERSION = "0.3.0"
MARK = "charybdis."
"""What our names among a record's additional details begin with."""
RUN, SCORE, WITHOUT_VALUE, COUNTED = (
    f"{MARK}run",
    f"{MARK}score",
    f"{MARK}scores_without_value",
    f"{MARK}counted",
)
_PLACED = frozenset(
    {
        "run_id",
        "instance_id",
        "input",
        "target",
        "response",
        "parsed_answer",
        "score",
        "n_input_tokens",
        "n_output_tokens",
        "duration_s",
    }
)
"""Fields of a sample that the schema has a place for (`sample_object`, `read_own_sample`)."""
_BESIDE = tuple(column.name for column in SAMPLE_COLUMNS if column.name not in _PLACED)
_TEXTS = frozenset(names_of_kind(SAMPLE_COLUMNS, "text", "split", "outcome"))
_ARGUMENTS = {
    "temperature": (int, float),
    "top_p": (int, float),
    "top_k": (int, float),
    "max_tokens": (int,),
}
_UNITS = {
    "0-1": ("proportion", 0.0, 1.0),
    "0-100": ("percent", 0.0, 100.0),
    "logprob": ("nats", "-Infinity", 0.0),
}
_UNBOUNDED = ("points", "-Infinity", "Infinity")


def text_of(value: Any) -> str:
    """A value as JSON text."""
    return msgspec.json.encode(value).decode()


# -- the run ---------------------------------------------------------------------------------------


def run_object(
    run: RunInfo, scores_without_value: list[Score], *, evaluation_id: str, retrieved_s: float
) -> dict[str, Any]:
    """The aggregate record of a run, without its results. `retrieved_s`: seconds since 1970 at
    which the record was made.
    """
    own = {
        name: value
        for name, value in write_record(run).items()
        if name not in ("kind", "source_path")
    }
    details = {RUN: text_of(own)}
    if scores_without_value:
        details[WITHOUT_VALUE] = text_of([_without_run(score) for score in scores_without_value])
    record: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "evaluation_id": evaluation_id}
    if run.started_at is not None:
        record["evaluation_timestamp"] = run.started_at.isoformat()
    return record | {
        "retrieved_timestamp": f"{retrieved_s:.0f}",
        "model_info": {
            "name": run.model_raw,
            "id": run.model_raw,
            **(
                {"developer": run.model_raw.split("/")[0]}
                if "/" in run.model_raw.strip("/")
                else {}
            ),
            "additional_details": {
                "deployment_type": "unknown",
                "model_availability": "unknown",
                **_model_details(run),
            },
        },
        "eval_library": {
            "name": run.harness or "unknown",
            "version": run.harness_version or "unknown",
        },
        "source_metadata": {
            **_measured_by(run),
            "additional_details": details,
        },  # may be long, so it stands behind what tells the format
    }


def _measured_by(run: RunInfo) -> dict[str, Any]:
    """Who measured: as an imported record stated it, else what is known, which is little."""
    stated = run.metadata.get("source_metadata")
    kept = (
        {name: value for name, value in stated.items() if isinstance(value, str)}
        if isinstance(stated, Mapping)
        else {}
    )
    known = {
        "source_name": run.harness or run.format,
        "source_type": "documentation" if run.format == "published" else "evaluation_run",
        "source_organization_name": "unknown",
        "evaluator_relationship": "other",
    }
    return known | kept


def _model_details(run: RunInfo) -> dict[str, str]:
    facts = {"num_parameters": run.n_params, "precision": run.dtype, "revision": run.checkpoint}
    return {name: str(value) for name, value in facts.items() if value is not None}


def read_own_run(
    content: Mapping[str, Any], source_path: str
) -> tuple[RunInfo, list[Score]] | None:
    """The run that we wrote into this aggregate record, with its scores that have no value; None if
    the record is another's.

    Raises:
        BadRecordError: our part of the record was changed and cannot be read.
    """
    details = pick(content, "source_metadata.additional_details")
    if not isinstance(details, Mapping) or RUN not in details:
        return None
    run = read_record("run", {**_decoded(RUN, details[RUN], dict), "source_path": source_path})
    assert isinstance(run, RunInfo)
    listed = (
        _decoded(WITHOUT_VALUE, details[WITHOUT_VALUE], list) if WITHOUT_VALUE in details else []
    )
    scores = [
        read_record("score", {**stated, "run_id": run.run_id, "value": None}) for stated in listed
    ]
    return run, [score for score in scores if isinstance(score, Score)]


# -- scores ----------------------------------------------------------------------------------------


def result_object(
    score: Score, run: RunInfo, result_id: str, *, is_counted: bool = False
) -> dict[str, Any]:
    """A score that has a value as an entry of `evaluation_results`. Counted ones are ours, made
    from the samples, and not read back.
    """
    unit, least, most = _UNITS.get(score.scale, _UNBOUNDED)
    uncertainty: dict[str, Any] = {} if score.n is None else {"num_samples": score.n}
    if score.stderr is not None:
        uncertainty["standard_error"] = {"value": score.stderr}
    readable = {
        "split": score.split,
        "level": score.level,
        "level_scheme": run.level_scheme,
        "subset": score.subset,
    }
    details = {
        name: str(value)
        for name, value in readable.items()
        if value is not None and not (name == "level_scheme" and not score.level)
    }
    details |= (
        {COUNTED: "from the samples; unparsed answers count as wrong, errors are left out"}
        if is_counted
        else {}
    )
    details |= {} if is_counted else {SCORE: text_of(_without_run(score))}
    result: dict[str, Any] = {
        "evaluation_result_id": result_id,
        "evaluation_name": evaluation_name(
            score.task or run.benchmark or run.format, score.variant
        ),
        "source_data": {
            "dataset_name": run.benchmark or score.task or "unknown",
            "source_type": "other",
        },
        "metric_config": {
            "metric_id": score.metric,
            "metric_name": score.metric,
            "metric_unit": unit,
            "lower_is_better": score.higher_is_better is False,
            "score_type": "continuous",
            "min_score": least,
            "max_score": most,
            "additional_details": details,
        },
        "score_details": {
            "score": score.value,
            **({"uncertainty": uncertainty} if uncertainty else {}),
        },
    }
    return result | _generation(run)


def evaluation_name(task: str, variant: str | None) -> str:
    """Name of an evaluation in both files: the task, and the variant behind a slash."""
    return f"{task}/{variant}" if variant else task


def _generation(run: RunInfo) -> dict[str, Any]:
    """Decoding settings: those the schema names among its own, the others as text."""
    own = {
        name: run.generation[name]
        for name, types in _ARGUMENTS.items()
        if isinstance(run.generation.get(name), types)
        and not isinstance(run.generation[name], bool)
    }
    if own.get("max_tokens", 1) < 1:
        del own["max_tokens"]
    others = {
        name: value if isinstance(value, str) else text_of(value)
        for name, value in run.generation.items()
        if name not in own
    }
    config = {
        **({"generation_args": own} if own else {}),
        **({"additional_details": others} if others else {}),
    }
    return {"generation_config": config} if config else {}


def _without_run(score: Score) -> dict[str, Any]:
    """A score as JSON fields, without those that stand elsewhere in the record."""
    return {
        name: value
        for name, value in write_record(score).items()
        if name not in ("kind", "run_id", "value")
    }


def read_own_score(entry: Mapping[str, Any], run_id: str) -> Score | None:
    """The score that we wrote into this entry; None for one that is counted from samples, or
    another's.

    Raises:
        BadRecordError: our part of the entry, or its score, cannot be read.
    """
    details = pick(entry, "metric_config.additional_details")
    if not isinstance(details, Mapping) or SCORE not in details:
        return None
    stated = _decoded(SCORE, details[SCORE], dict)
    score = read_record(
        "score", {**stated, "run_id": run_id, "value": pick(entry, "score_details.score")}
    )
    assert isinstance(score, Score)
    return score


def is_counted(entry: Mapping[str, Any]) -> bool:
    """Whether we made this entry from the samples that stand beside the record."""
    details = pick(entry, "metric_config.additional_details")
    return isinstance(details, Mapping) and COUNTED in details


# -- samples ---------------------------------------------------------------------------------------


def sample_object(
    sample: Mapping[str, Any], run: RunInfo, *, evaluation_id: str, result_id: str | None
) -> dict[str, Any]:
    """A sample, given as the fields of ScoredSample, as an instance record."""
    outcome, score = sample.get("outcome"), sample.get("score")
    references = _references(sample.get("target"))
    raw = sample.get("input") or ""
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": evaluation_id,
        "model_id": run.model_raw,
        "evaluation_name": evaluation_name(sample["task"], sample.get("variant")),
        "sample_id": sample["instance_id"],
        "sample_hash": sha256((raw + "".join(references)).encode()).hexdigest(),
        "interaction_type": "single_turn",
        "input": {"raw": raw, "reference": references},
        "output": {"raw": [] if sample.get("response") is None else [sample["response"]]},
        "answer_attribution": _attribution(sample.get("parsed_answer")),
        "evaluation": {
            "score": float(outcome == Outcome.CORRECT) if score is None else score,
            "is_correct": outcome == Outcome.CORRECT,
        },
        "metadata": _beside(sample),
    }
    if result_id:
        record["evaluation_result_id"] = result_id
    n_in, n_out = sample.get("n_input_tokens"), sample.get("n_output_tokens")
    if n_in is not None and n_out is not None:
        record["token_usage"] = {
            "input_tokens": n_in,
            "output_tokens": n_out,
            "total_tokens": n_in + n_out,
        }
    if sample.get("duration_s") is not None:
        record["performance"] = {"latency_ms": sample["duration_s"] * 1000}
    if outcome == Outcome.ERROR:
        record["error"] = sample.get("reason") or "no answer was obtained"
    elif outcome is None and score is None:
        record["error"] = (
            f"not graded, so the score is none: {sample.get('reason') or 'no reason is stated'}"
        )
    return record


def _attribution(parsed: str | None) -> list[dict[str, Any]]:
    if parsed is None:
        return []
    where = {
        "turn_idx": 0,
        "source": "output.raw",
        "extraction_method": "unknown",
        "is_terminal": True,
    }
    return [{**where, "extracted_value": parsed}]


def _beside(sample: Mapping[str, Any]) -> dict[str, str]:
    """What the schema has no place for, as text; the outcome always, `null` for an answer that is
    not graded.
    """
    stated = {name: sample.get(name) for name in _BESIDE if sample.get(name) not in (None, {}, ())}
    stated |= {"outcome": sample.get("outcome")}
    for name, other in (
        ("n_input_tokens", "n_output_tokens"),
        ("n_output_tokens", "n_input_tokens"),
    ):
        if (
            sample.get(name) is not None and sample.get(other) is None
        ):  # the schema takes both or neither
            stated[name] = sample[name]
    if sample.get("score") is None:
        stated["score"] = None
    return {
        MARK + name: str(value) if name in _TEXTS and value is not None else text_of(value)
        for name, value in stated.items()
    }


def _references(target: str | None) -> list[str]:
    """The target; one that is a JSON list of texts, as importers keep several right answers, as
    that list.
    """
    if target is None:
        return []
    if target.startswith('["'):
        try:
            found = json.loads(target)
        except ValueError:
            return [target]
        is_list = len(found) > 1 and all(isinstance(item, str) for item in found)
        if is_list and json.dumps(found, ensure_ascii=False) == target:
            return list(found)
    return [target]


def is_own_sample(record: Mapping[str, Any]) -> bool:
    """Whether we wrote this instance record."""
    metadata = record.get("metadata")
    return (
        isinstance(metadata, Mapping) and MARK + "outcome" in metadata and MARK + "task" in metadata
    )


def read_own_sample(record: Mapping[str, Any]) -> ScoredSample:
    """The sample that we wrote into this instance record; its run is to be filled in.

    Raises:
        BadRecordError: a part of it was changed and cannot be read.
    """
    references, outputs, answers = (
        pick(record, "input.reference") or [],
        pick(record, "output.raw") or [],
        record["answer_attribution"],
    )
    latency_ms = pick(record, "performance.latency_ms")
    fields = {
        "instance_id": record.get("sample_id"),
        "score": pick(record, "evaluation.score"),
        "input": pick(record, "input.raw") or None,
        "target": (
            json.dumps(references, ensure_ascii=False)
            if len(references) > 1
            else (references or [None])[0]
        ),
        "response": (outputs or [None])[0],
        "parsed_answer": pick(answers, "0.extracted_value"),
        "n_input_tokens": pick(record, "token_usage.input_tokens"),
        "n_output_tokens": pick(record, "token_usage.output_tokens"),
        "duration_s": None if latency_ms is None else latency_ms / 1000,
    }
    for name, text in record["metadata"].items():
        if name.startswith(MARK):
            field = name.removeprefix(MARK)
            fields[field] = (
                text if field in _TEXTS and text != "null" else _decoded(name, text, object)
            )
    sample = read_record(
        "sample",
        {name: value for name, value in fields.items() if value is not None} | {"run_id": "-"},
    )
    assert isinstance(sample, ScoredSample)
    return sample


def _decoded(name: str, text: Any, wanted: type) -> Any:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, TypeError, ValueError) as cause:
        raise BadRecordError(name, repr(text), "JSON text, as the export wrote it") from cause
    if not isinstance(value, wanted):
        raise BadRecordError(
            name, repr(text), f"JSON text of a {wanted.__name__}, as the export wrote it"
        )
    return value
