"""every_eval_ever: aggregate and instance records of every schema, every field from its place, and
what is broken.
"""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from data.bootstrap import open_store
from data.importers.every_eval_ever.source import IMPORTER
from data.importing import discover, import_sources
from data.records import Outcome
from tests.data.importers.inspect_files import put

RECORD: dict[str, Any] = {
    "schema_version": "0.3.0",
    "evaluation_id": "set/org_model-a/1",
    "evaluation_timestamp": "1750000000",
    "retrieved_timestamp": "1750000009.5",
    "source_metadata": {
        "source_type": "evaluation_run",
        "source_organization_name": "us",
        "evaluator_relationship": "first_party",
    },
    "eval_library": {"name": "inspect_ai", "version": "inspect_ai:0.3.138"},
    "model_info": {
        "name": "Model A",
        "id": "org/model-a",
        "additional_details": {"precision": "bfloat16", "num_parameters": "7000000"},
    },
    "evaluation_results": [
        {
            "evaluation_name": "two_sum",
            "evaluation_result_id": "r1",
            "source_data": {"dataset_name": "sums", "samples_number": 900},
            "metric_config": {
                "metric_name": "acc",
                "metric_unit": "proportion",
                "lower_is_better": False,
                "score_type": "continuous",
                "min_score": 0.0,
                "max_score": 1.0,
            },
            "score_details": {
                "score": 0.5,
                "uncertainty": {
                    "standard_error": {"value": 0.5, "method": "bootstrap"},
                    "num_samples": 2,
                },
            },
            "generation_config": {"generation_args": {"temperature": 0.25}},
        }
    ],
}
FIRST = "evaluation_results.0"


def instance(number: int, score: float = 1.0, **changes: Any) -> dict[str, Any]:
    return {
        "schema_version": "0.3.0",
        "evaluation_id": "set/org_model-a/1",
        "model_id": "org/model-a",
        "evaluation_name": "two_sum",
        "evaluation_result_id": None,
        "sample_id": f"s{number}",
        "interaction_type": "single_turn",
        "input": {"raw": f"question {number}", "formatted": None, "reference": ["5"]},
        "output": {"raw": [f"answer {number}"]},
        "answer_attribution": [
            {"extracted_value": "4", "is_terminal": False},
            {"extracted_value": "5", "is_terminal": True},
        ],
        "evaluation": {"score": score, "is_correct": bool(score)},
        "token_usage": {"input_tokens": 11, "output_tokens": 3, "total_tokens": 14},
        "performance": {"latency_ms": 20, "generation_time_ms": 1500},
        "metadata": {"epoch": "1", "topic": "sums"},
    } | changes


def write(
    folder: Path,
    record: dict[str, Any] | None = RECORD,
    instances: list[Any] | None = None,
    *,
    name: str = "u1",
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if record is not None:
        (folder / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
    if instances is not None:
        lines = [item if isinstance(item, str) else json.dumps(item) for item in instances]
        (folder / f"{name}_samples.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


TWO = [instance(1, 1.0), instance(2, 0.0)]


def test_every_genuine_record_gives_what_is_expected_of_it(read_files, shared: Path) -> None:
    expected = json.loads((shared / "fixtures" / "EXPECTED.json").read_text(encoding="utf-8"))
    checked = 0
    for name, values in expected.items():
        if name.startswith("every_eval_ever/"):
            read = read_files(IMPORTER, (shared / "fixtures" / name).parent)
            mine = {
                run.run_id for run in read.runs if Path(run.source_path).name == Path(name).name
            }
            found = {
                "aggregate_rows": sum(score.run_id in mine for score in read.scores),
                "sample_rows": sum(row.run_id in mine for row in read.samples),
            }
            assert (found, read.rejects) == (values, []), name
            checked += 1
    assert checked == 4


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("model_info.id", "org/model-b", "model_raw", "org/model-b"),
        ("model_info.id", ..., "model_raw", "Model A"),
        ("schema_version", "0.2.2", "format_version", "0.2.2"),
        ("eval_library.name", "helm", "harness", "helm"),
        ("eval_library.version", "lm_eval:0.4.9", "harness_version", "0.4.9"),
        ("eval_library.version", "unknown", "harness_version", None),
        (
            "evaluation_timestamp",
            "2026-01-02T03:04:05+01:00",
            "started_at",
            datetime(2026, 1, 2, 2, 4, 5),
        ),
        (
            "evaluation_timestamp",
            "1750000001.5",
            "started_at",
            datetime(2025, 6, 15, 15, 6, 41, 500000),
        ),
        ("evaluation_timestamp", ..., "finished_at", datetime(2025, 6, 15, 15, 6, 49, 500000)),
        ("model_info.additional_details.revision", "step500", "checkpoint", "step500"),
        ("model_info.additional_details.revision", "step500", "step", 500),
        ("model_info.additional_details.precision", "float16", "dtype", "float16"),
        ("model_info.additional_details.num_parameters", 123, "n_params", 123),
        ("model_info.additional_details", {"params_billions": 1.5}, "n_params", 1_500_000_000),
        (
            "model_info.additional_details",
            {"size_billions_parameters": "34.0"},
            "n_params",
            34_000_000_000,
        ),
        ("model_info.additional_details", {"num_parameters": "0"}, "n_params", None),
        (f"{FIRST}.source_data.dataset_name", "set-b", "benchmark", "set-b"),
        (
            f"{FIRST}.generation_config.generation_args",
            {"top_p": 0.75},
            "generation",
            {"top_p": 0.75},
        ),
        (f"{FIRST}.metric_config.additional_details", {"prompt_style": "5-shot CoT"}, "n_shot", 5),
    ],
)
def test_each_field_of_the_run_comes_from_its_place(
    read_files, tmp_path: Path, path: str, value: Any, field: str, expected: Any
) -> None:
    read = read_files(IMPORTER, write(tmp_path, put(RECORD, path, value)))
    assert getattr(read.runs[0], field) == expected
    assert read.rejects == []


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("evaluation_name", "other", "task", "other"),
        ("evaluation_name", "f1 on sums for scorer judge", "task", "sums"),
        ("evaluation_name", "f1 on sums for scorer judge", "metric", "f1"),
        ("evaluation_name", "f1 on sums for scorer judge", "variant", "judge"),
        ("evaluation_name", "Sums (overall)", "is_group", True),
        ("metric_config.metric_name", "f1", "metric", "f1"),
        ("metric_config", {"metric_kind": "pass_rate"}, "metric", "pass_rate"),
        ("metric_config", {"evaluation_description": "acc"}, "metric", "acc"),
        (
            "metric_config",
            {"evaluation_description": "Exact Match on MATH Level 5"},
            "metric",
            "exact_match",
        ),
        (
            "metric_config",
            {"evaluation_description": "A sentence. It tells of much."},
            "metric",
            "score",
        ),
        ("metric_config.lower_is_better", True, "higher_is_better", False),
        ("metric_config.metric_unit", "percent", "scale", "0-100"),
        ("metric_config", {"min_score": 0, "max_score": 100}, "scale", "0-100"),
        ("metric_config", {"min_score": "-Infinity", "max_score": "Infinity"}, "scale", "raw"),
        ("metric_config", {"min_score": 0, "max_score": 1, "score_type": "levels"}, "scale", "raw"),
        ("score_details.score", 0.75, "value", 0.75),
        ("score_details.score", "0.75", "value", 0.75),
        ("score_details.score", 7.5, "flag", "outside_its_range"),
        ("score_details.uncertainty.standard_error.value", 0.125, "stderr", 0.125),
        ("score_details.uncertainty.num_samples", 44, "n", 44),
        ("evaluation_name", "two_sum", "n_kind", "reported"),
    ],
)
def test_each_field_of_a_score_comes_from_its_place(
    read_files, tmp_path: Path, path: str, value: Any, field: str, expected: Any
) -> None:
    (score,) = read_files(IMPORTER, write(tmp_path, put(RECORD, f"{FIRST}.{path}", value))).scores
    assert getattr(score, field) == expected
    assert score.metadata["n_in_benchmark"] == 900


def test_minus_one_is_unknown_where_the_metric_says_so(read_files, tmp_path: Path) -> None:
    levels = {"score_type": "levels", "has_unknown_level": True, "lower_is_better": False}
    record = put(put(RECORD, f"{FIRST}.metric_config", levels), f"{FIRST}.score_details.score", -1)
    (score,) = read_files(IMPORTER, write(tmp_path, record)).scores
    assert (score.value, score.flag) == (None, "unknown_level")


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("sample_id", "q9", "instance_id", "q9"),
        ("sample_id", 9, "instance_id", "9"),
        ("input.raw", "why?", "input", "why?"),
        ("input.formatted", "Q: why?\nA:", "input", "Q: why?\nA:"),
        ("input.reference", ["42"], "target", "42"),
        ("input.reference", "42", "target", "42"),
        ("input.reference", ["a", "b"], "target", '["a", "b"]'),
        ("input", {"raw": "q", "reference": ["1"], "choices": ["x", "y"]}, "target", "y"),
        ("input", {"raw": "q", "reference": ["1"], "choices": ["1", "2"]}, "target", "1"),
        ("output.raw", ["said"], "response", "said"),
        ("output.raw", "said", "response", "said"),
        ("messages", [{"role": "assistant", "content": "not this"}], "response", "answer 1"),
        ("answer_attribution", [{"extracted_value": "7"}], "parsed_answer", "7"),
        ("answer_attribution.1.extracted_value", "6", "parsed_answer", "6"),
        ("token_usage.input_tokens", 91, "n_input_tokens", 91),
        ("token_usage.output_tokens", 92, "n_output_tokens", 92),
        ("performance.generation_time_ms", 2500, "duration_s", 2.5),
        ("performance", {"latency_ms": 500}, "duration_s", 0.5),
        ("metadata.epoch", "3", "epoch", 3),
        ("metadata.filter", "strict", "variant", "strict"),
        (
            "metadata.lm_eval_metrics",
            '{"acc": 1.0, "acc_norm": 0.0}',
            "metrics",
            {"score": 1.0, "acc": 1.0, "acc_norm": 0.0},
        ),
        ("evaluation", {"score": 0.25, "is_correct": False}, "score", 0.25),
        ("evaluation", {"score": 0.25, "is_correct": False}, "outcome", None),
        ("evaluation", {"is_correct": False}, "outcome", Outcome.WRONG),
        ("evaluation", {"score": 0.0, "is_correct": False}, "outcome", Outcome.WRONG),
    ],
)
def test_each_field_of_a_sample_comes_from_its_place(
    read_files, tmp_path: Path, path: str, value: Any, field: str, expected: Any
) -> None:
    read = read_files(IMPORTER, write(tmp_path, RECORD, [put(TWO[0], path, value)]))
    assert getattr(read.samples[0], field) == expected
    assert (read.samples[0].task, read.rejects) == ("two_sum", [])


def test_conversations_and_errors(read_files, tmp_path: Path) -> None:
    talk = instance(
        1,
        output=None,
        interaction_type="multi_turn",
        messages=[
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "first"},
            {"role": "assistant", "content": "last"},
        ],
    )
    failed = instance(2, 0.0, error="timeout")
    first, second = read_files(IMPORTER, write(tmp_path, RECORD, [talk, failed])).samples
    assert (first.response, first.metadata["n_messages"], first.metadata["topic"]) == (
        "last",
        3,
        "sums",
    )
    assert (second.outcome, second.score, second.reason) == (
        Outcome.ERROR,
        None,
        "the record states an error: timeout",
    )


def test_the_names_of_lm_evaluation_harness_hold_the_filter(read_files, tmp_path: Path) -> None:
    record = put(
        put(RECORD, "eval_library", {"name": "lm_eval", "version": "0.4.9"}),
        f"{FIRST}.evaluation_name",
        "gsm8k/strict-match",
    )
    read = read_files(
        IMPORTER, write(tmp_path, record, [instance(1, evaluation_name="gsm8k/strict-match")])
    )
    assert (read.scores[0].task, read.scores[0].variant) == ("gsm8k", "strict-match")
    assert (read.samples[0].task, read.samples[0].variant) == ("gsm8k", "strict-match")


def test_instance_records_join_by_result_id_before_name(read_files, tmp_path: Path) -> None:
    read = read_files(
        IMPORTER,
        write(
            tmp_path,
            RECORD,
            [instance(1, evaluation_result_id="r1", evaluation_name="another name")],
        ),
    )
    assert read.samples[0].task == "two_sum"


@pytest.mark.parametrize(
    ("change", "instances", "words"),
    [
        (
            (f"{FIRST}.score_details.score", 0.75),
            TWO,
            "0.75 reported, 0.5 from the instance records",
        ),
        (
            (f"{FIRST}.score_details.uncertainty.standard_error.value", 0.1),
            TWO,
            "standard error 0.1 reported, 0.5 from",
        ),
        ((f"{FIRST}.score_details.uncertainty.num_samples", 9), TWO, "2 of the 9 instances"),
        (
            ("detailed_evaluation_results", {"total_rows": 7}),
            TWO,
            "states 7 instance records; 2 could be read",
        ),
        (
            ("detailed_evaluation_results", {"checksum": "0", "hash_algorithm": "sha256"}),
            TWO,
            "not the file whose checksum",
        ),
        (("detailed_evaluation_results", {"total_rows": 7}), None, "not beside it"),
    ],
)
def test_what_does_not_fit_together_is_a_warning(
    read_files, tmp_path: Path, change: tuple[str, Any], instances: Any, words: str
) -> None:
    assert any(
        words in notice
        for notice in read_files(IMPORTER, write(tmp_path, put(RECORD, *change), instances)).notices
    )


def test_what_fits_together_is_none(read_files, tmp_path: Path) -> None:
    write(tmp_path, None, TWO)
    digest = sha256((tmp_path / "u1_samples.jsonl").read_bytes()).hexdigest()
    stated = {"checksum": digest, "hash_algorithm": "sha256", "total_rows": 2}
    read = read_files(IMPORTER, write(tmp_path, put(RECORD, "detailed_evaluation_results", stated)))
    assert (read.notices, read.scores[0].flag, len(read.sources)) == ([], None, 1)


def test_records_from_documentation_and_of_unknown_schemas_say_so(
    read_files, tmp_path: Path
) -> None:
    record = put(
        put(RECORD, "source_metadata.source_type", "documentation"), "schema_version", "0.9.0"
    )
    warnings = " ".join(read_files(IMPORTER, write(tmp_path, record)).runs[0].warnings)
    assert "from documentation (us)" in warnings
    assert "0.9.0 is none of those known" in warnings


def test_files_pair_by_name_or_by_evaluation(read_files, tmp_path: Path) -> None:
    write(tmp_path / "a", RECORD)
    write(tmp_path / "b", None, TWO, name="elsewhere")
    assert [len(source.files) for source in read_files(IMPORTER, tmp_path).sources] == [2]


def test_instance_records_alone_are_a_run_per_evaluation(read_files, tmp_path: Path) -> None:
    other = instance(3, evaluation_id="e2", model_id="org/model-b")
    nameless = instance(4, evaluation_id="e3", model_id=None)
    read = read_files(IMPORTER, write(tmp_path, None, [*TWO, other, nameless]))
    assert [
        (run.model_raw, sum(row.run_id == run.run_id for row in read.samples)) for run in read.runs
    ] == [
        ("org/model-a", 2),
        ("org/model-b", 1),
    ]
    assert [(reject.record, reject.field) for reject in read.rejects] == [("4", "model_id")]


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ("{", "line"),
        ("[1, 2]", "line"),
        ("NaN", "line"),
        ("\xff\xfe", "line"),
        (instance(1, sample_id=None), "sample_id"),
        (instance(1, evaluation_id="of another run"), "evaluation_id"),
        (instance(1, model_id="of another model"), "model_id"),
        (instance(1, evaluation={"score": "good"}), "evaluation.score"),
        (instance(1, evaluation={"is_correct": "yes"}), "evaluation.is_correct"),
        (instance(1, input={"raw": 5}), "input.raw"),
        (instance(1, input={"raw": "q", "reference": {"a": 1}}), "input.reference"),
        (instance(1, metadata={"epoch": "x"}), "metadata.epoch"),
        (instance(1, metadata={"lm_eval_metrics": "{"}), "metadata.lm_eval_metrics"),
        (instance(1, token_usage={"input_tokens": -4}), "token_usage.input_tokens"),
    ],
)
def test_a_bad_record_is_rejected_with_its_line_and_the_others_come_in(
    tmp_path: Path, bad: Any, field: str
) -> None:
    write(tmp_path / "in", RECORD, [TWO[0], bad, TWO[1]])
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(store, discover([tmp_path / "in"]).sources)
    assert (result.status, result.samples, result.rejected) == ("imported", 2, 1)
    assert (result.rejects[0].record, result.rejects[0].field) == ("2", field)
    assert result.rejects[0].found and result.rejects[0].expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (json.dumps(RECORD)[:-40], "cannot be read"),
        (json.dumps(put(RECORD, "evaluation_results", {"a": 1})), "no list `evaluation_results`"),
        (json.dumps(put(RECORD, "model_info", {"developer": "x"})), "model_info.id: found nothing"),
        (json.dumps(put(RECORD, FIRST, "text")), "found text"),
        (json.dumps(put(RECORD, f"{FIRST}.score_details", {})), "score_details.score"),
        (
            json.dumps(put(RECORD, f"{FIRST}.score_details.score", "high")),
            "found high, expected a number",
        ),
    ],
)
def test_a_record_without_any_number_fails_with_what_is_wrong(
    tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "in.json").write_text(content, encoding="utf-8")
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(store, discover([tmp_path / "in.json"]).sources)
    assert result.status == "failed"
    assert words in result.message


def test_the_schema_of_the_format_is_no_record(tmp_path: Path) -> None:
    properties = {
        "schema_version": {"type": "string"},
        "model_info": {},
        "evaluation_results": {},
        "source_metadata": {},
    }
    (tmp_path / "eval.schema.json").write_text(
        json.dumps({"$schema": "x", "properties": properties}), encoding="utf-8"
    )
    assert discover([tmp_path]).sources == ()


@pytest.mark.parametrize(
    "path",
    [
        "source_data.additional_details",
        "metric_config.additional_details",
        "score_details.details",
        "generation_config",
    ],
)
@pytest.mark.parametrize("value", [5, "x", [1], True])
def test_a_strange_part_of_a_result_costs_no_sample(
    read_files, tmp_path: Path, path: str, value: Any
) -> None:
    read = read_files(IMPORTER, write(tmp_path, put(RECORD, f"{FIRST}.{path}", value), TWO))
    assert (len(read.scores), len(read.samples)) == (1, 2)
