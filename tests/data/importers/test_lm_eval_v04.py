"""lm-evaluation-harness 0.4: genuine files of every layout against their golden counts, and small
own files for every field and trap.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data.bootstrap import open_store
from data.importers.kit.base import SAMPLE_SCHEMA, Listing, Source
from data.importers.lm_eval.samples import MAX_ROWS
from data.importers.lm_eval.v04 import IMPORTER, is_named_by_folder
from data.importing import discover, import_sources
from data.records import ImportFormatError, Reject, RunInfo, RunStatus, Score

TIME = "2026-01-02T03-04-05.000006"


@dataclass
class Read:
    """What a source gave."""

    run: RunInfo
    scores: list[Score]
    tables: list[pa.Table]
    rejects: list[Reject] = field(default_factory=list)

    @property
    def samples(self) -> list[dict[str, Any]]:
        return pa.concat_tables([SAMPLE_SCHEMA.empty_table(), *self.tables]).to_pylist()


def claim(folder: Path) -> list[Source]:
    files = tuple(sorted(file for file in folder.rglob("*") if file.is_file()))
    return IMPORTER.claim(Listing(files, {file: file.read_bytes()[:65536] for file in files}))


def read(source: Source) -> Read:
    rejects: list[Reject] = []
    run, *batches = IMPORTER.read(source, rejects.append)
    assert isinstance(run, RunInfo)
    scores = [
        score
        for batch in batches
        if isinstance(batch, list)
        for score in batch
        if isinstance(score, Score)
    ]
    return Read(run, scores, [batch for batch in batches if isinstance(batch, pa.Table)], rejects)


def read_only(folder: Path) -> Read:
    (source,) = claim(folder)
    return read(source)


def sample_row(doc_id: Any = 0, **changes: Any) -> dict[str, Any]:
    """A row as 0.4.13 writes it; a field changed to ... is left out."""
    row = {
        "doc_id": doc_id,
        "doc": {"question": "2+2?"},
        "target": "4",
        "arguments": {"gen_args_0": {"arg_0": "Q: 2+2?\nA:", "arg_1": {"until": ["\n"]}}},
        "resps": [["4"]],
        "filtered_resps": ["4"],
        "filter": "none",
        "metrics": ["exact_match"],
        "doc_hash": "d0",
        "prompt_hash": "p0",
        "target_hash": "t0",
        "exact_match": 1.0,
    } | changes
    return {key: value for key, value in row.items() if value is not ...}


def choice_row(doc_id: int = 0, **changes: Any) -> dict[str, Any]:
    """A multiple-choice row with the choices 5, 17 and 9; the last is the likeliest and the
    reference answer.
    """
    choices, logprobs = [" 5", " 17", " 9"], ["-6.5", "-7.25", "-0.5"]
    pairs = [[logprob, str(logprob == "-0.5")] for logprob in logprobs]
    return sample_row(
        doc_id,
        **{
            "target": "2",
            "arguments": {
                f"gen_args_{i}": {"arg_0": "Q:", "arg_1": choice}
                for i, choice in enumerate(choices)
            },
            "resps": [[pair] for pair in pairs],
            "filtered_resps": pairs,
            "metrics": ["acc"],
            "exact_match": ...,
            "acc": 1.0,
        }
        | changes,
    )


def write_samples(folder: Path, rows: list[Any], *, task: str = "sums", time: str = TIME) -> Path:
    """A samples file; texts and bytes among the rows are written as they are."""
    file = folder / f"samples_{task}_{time}.jsonl"
    lines = [
        (
            row
            if isinstance(row, bytes)
            else row.encode()
            if isinstance(row, str)
            else json.dumps(row).encode()
        )
        for row in rows
    ]
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    return file


def write_results(folder: Path, *, time: str = TIME, **changes: Any) -> Path:
    content = {
        "results": {
            "sums": {"alias": " - Sums", "exact_match,none": 0.5, "exact_match_stderr,none": 0.1}
        },
        "configs": {"sums": {"filter_list": [{"name": "none"}], "num_fewshot": 3}},
        "versions": {"sums": 1.0},
        "n-shot": {"sums": 3},
        "higher_is_better": {"sums": {"exact_match": True}},
        "n-samples": {"sums": {"original": 40, "effective": 26}},
        "config": {"model": "hf", "model_args": "pretrained=org/model"},
        "model_name": "org/model",
    } | changes
    file = folder / f"results_{time}.json"
    file.write_text(json.dumps(content))
    return file


# -- genuine files ---------------------------------------------------------------------------------


def expected_rows(shared: Path) -> dict[str, dict[str, int]]:
    golden = json.loads((shared / "fixtures" / "EXPECTED.json").read_text())
    return {
        name: rows
        for name, rows in golden.items()
        if name.startswith(("lm_eval_v04/", "lm_eval_v040/"))
    }


def fixture_sources(shared: Path) -> dict[str, Source]:
    return {
        str(source.path.relative_to(shared / "fixtures")): source
        for source in claim(shared / "fixtures")
    }


def test_every_fixture_gives_the_golden_number_of_scores_and_samples(shared: Path) -> None:
    sources = fixture_sources(shared)
    expected = expected_rows(shared)
    found = {}
    for name, source in sources.items():
        result = read(source)
        assert result.rejects == []
        found[name] = {"aggregate_rows": len(result.scores), "sample_rows": len(result.samples)}
    assert found == expected


def test_means_of_the_samples_are_the_reported_values(shared: Path) -> None:
    n_checked = 0
    for source in fixture_sources(shared).values():
        result = read(source)
        by_reading: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for sample in result.samples:
            by_reading[sample["task"], sample["variant"]].append(sample)
        for score in result.scores:
            if score.is_group or score.metric not in ("acc", "acc_norm", "exact_match"):
                continue
            samples = by_reading[str(score.task), str(score.variant)]
            values = [json.loads(sample["metrics"])[score.metric] for sample in samples]
            assert sum(values) / len(values) == pytest.approx(score.value, abs=1e-9)
            assert score.n == len(samples)
            if score.metric != "acc_norm":
                assert sum(sample["score"] for sample in samples) / len(samples) == pytest.approx(
                    score.value, abs=1e-9
                )
            n_checked += 1
    assert n_checked > 30


def version_matrix(shared: Path) -> dict[str, Read]:
    """The same model on the same data, as six versions write it."""
    names = {
        name: name.split("/")[2] if "matrix" in name else "0.4.0" if "v040" in name else "0.4.13"
        for name in expected_rows(shared)
        if "matrix" in name or "v040" in name or "tiny-a/" in name
    }
    sources = fixture_sources(shared)
    return {version: read(sources[name]) for name, version in names.items()}


def test_all_versions_of_the_harness_give_the_same_leaf_values(shared: Path) -> None:
    matrix = version_matrix(shared)
    assert set(matrix) == {"0.4.0", "0.4.2", "0.4.4", "0.4.9", "0.4.13"}
    leaves = {
        version: {
            (score.task, score.metric, score.variant): (
                score.value,
                score.stderr,
                score.n,
                score.n_shot,
                score.higher_is_better,
            )
            for score in result.scores
            if not score.is_group and score.task in ("cc_add1", "cc_add2", "cc_sort_gen")
        }
        for version, result in matrix.items()
    }
    assert all(found == leaves["0.4.13"] for found in leaves.values())
    assert len(leaves["0.4.13"]) == 6


def test_all_versions_give_the_same_samples(shared: Path) -> None:
    columns = (
        "task",
        "instance_id",
        "variant",
        "outcome",
        "score",
        "input",
        "target",
        "response",
        "parsed_answer",
        "answer_logprob",
        "choice_logprobs",
        "metrics",
    )
    readings = {
        version: sorted(
            tuple(str(sample[column]) for column in columns)
            for sample in result.samples
            if sample["task"] in ("cc_add1", "cc_add2")
        )
        for version, result in version_matrix(shared).items()
    }
    assert all(found == readings["0.4.13"] for found in readings.values())


def test_group_errors_are_recomputed_from_the_tasks_whatever_the_version_wrote(
    shared: Path,
) -> None:
    groups = {
        version: [score for score in result.scores if score.is_group and score.metric == "acc"]
        for version, result in version_matrix(shared).items()
    }
    assert {len(found) for found in groups.values()} == {1}
    reported = {
        version: round(found[0].metadata["stderr_reported"], 4) for version, found in groups.items()
    }
    assert reported["0.4.0"] == 0.1063 and reported["0.4.13"] == 0.0728
    weighted = math.hypot(24 / 40 * 0.10094660663590604, 16 / 40 * 0.10077822185373188)
    for (score,) in groups.values():
        assert (score.n, score.stderr_kind) == (40, "recomputed")
        assert score.stderr == pytest.approx(weighted, abs=1e-12)
        assert set(score.metadata["recomputed"]) == {"by_instance", "by_task"}


def test_group_rows_come_once_and_their_tasks_name_them(shared: Path) -> None:
    for result in version_matrix(shared).values():
        assert [score.task for score in result.scores if score.is_group] == ["cc_add", "cc_add"]
        assert {score.task for score in result.scores if score.parent_group == "cc_add"} == {
            "cc_add1",
            "cc_add2",
        }


def test_filters_are_kept_apart_and_the_first_of_the_configuration_leads(shared: Path) -> None:
    for result in version_matrix(shared).values():
        variants = [
            sample["variant"] for sample in result.samples if sample["task"] == "cc_sort_gen"
        ]
        assert variants[0] == "strict-match"
        assert (variants.count("strict-match"), variants.count("flexible-extract")) == (12, 12)


def test_repeats_stay_with_the_sample_and_unreadable_answers_are_apart_from_wrong_ones(
    shared: Path,
) -> None:
    result = version_matrix(shared)["0.4.13"]
    generated = [sample for sample in result.samples if sample["task"] == "cc_sort_gen"]
    for sample in generated:
        (repeats,) = json.loads(sample["metadata"])["resps"]
        assert len(repeats) == 3 and sample["response"] == repeats[0] and sample["epoch"] == 1
    strict = [sample for sample in generated if sample["variant"] == "strict-match"]
    assert {sample["outcome"] for sample in strict} == {"unparsed"}
    assert all(
        sample["parsed_answer"] is None and "no answer" in sample["reason"] for sample in strict
    )
    assert {sample["outcome"] for sample in generated if sample["parsed_answer"] is not None} == {
        "wrong"
    }


def test_rolling_and_single_log_likelihoods_are_no_verdicts(shared: Path) -> None:
    samples = version_matrix(shared)["0.4.13"].samples
    rolling = [sample for sample in samples if sample["task"] == "cc_text_ppl"]
    assert all(
        sample["outcome"] is None and sample["score"] is None and sample["answer_logprob"] < 0
        for sample in rolling
    )
    assert json.loads(rolling[0]["metrics"])["word_perplexity"] == [-87.9973373413086, 13]
    single = [sample for sample in samples if sample["task"] == "cc_last"]
    assert {sample["outcome"] for sample in single} == {
        "wrong"
    }  # by acc, although perplexity is listed first
    assert (
        single[0]["answer_logprob"] == pytest.approx(-6.412623405456543)
        and single[0]["choice_logprobs"] is None
    )


def test_a_run_without_scoring_has_answers_and_no_number(shared: Path) -> None:
    (source,) = (
        source for name, source in fixture_sources(shared).items() if "predict_only" in name
    )
    result = read(source)
    assert [(score.metric, score.value, score.stderr, score.flag) for score in result.scores] == [
        ("bypass", None, None, "predict_only")
    ] * 2
    assert {
        (sample["outcome"], sample["score"], sample["metrics"]) for sample in result.samples
    } == {(None, None, None)}
    assert any(sample["response"] for sample in result.samples)
    assert result.run.status is RunStatus.PARTIAL and any(
        "without scoring" in warning for warning in result.run.warnings
    )


def test_a_limited_run_is_partial_and_found_beside_its_samples(shared: Path) -> None:
    (source,) = (
        source for name, source in fixture_sources(shared).items() if "custom_name" in name
    )
    assert len(source.files) == 2
    run = read(source).run
    assert (run.status, run.sample_limit, run.model_raw) == (
        RunStatus.PARTIAL,
        5.0,
        "tiny-random/tiny-b",
    )


# -- every field -----------------------------------------------------------------------------------


def test_every_field_of_a_run_comes_from_its_place(tmp_path: Path) -> None:
    write_results(
        tmp_path,
        config={
            "model": "hf",
            "model_args": {"pretrained": "org/model-a", "dtype": "float16"},
            "model_num_parameters": 101,
            "model_dtype": "torch.bfloat16",
            "model_revision": "step3000",
            "model_sha": "sha-b",
            "batch_size": "4",
            "limit": 7.0,
            "gen_kwargs": {"temperature": 0.3},
            "random_seed": 11,
            "numpy_seed": 12,
            "torch_seed": 13,
            "fewshot_seed": 14,
        },
        model_name="org/model-c",
        lm_eval_version="0.4.12",
        git_hash="git-d",
        date=1_700_000_000.5,
        total_evaluation_time_seconds="100.5",
        chat_template_sha="sha-e",
        start_time=1.0,
        end_time=2.0,
    )
    run = read_only(tmp_path).run
    assert (run.model_raw, run.checkpoint, run.step, run.n_params, run.dtype) == (
        "org/model-c",
        "step3000",
        3000,
        101,
        "bfloat16",
    )
    assert (run.format, run.format_version, run.harness, run.harness_version) == (
        "lm_eval_v04",
        "0.4.12",
        "lm-evaluation-harness",
        "0.4.12",
    )
    assert (run.code_git, run.code_git_meaning) == ("git-d", "cwd")
    assert run.started_at == datetime(
        2023, 11, 14, 22, 13, 20, 500_000
    ) and run.finished_at == datetime(2023, 11, 14, 22, 15, 1)
    assert run.date_source == "date (epoch seconds at the start)"
    assert (run.status, run.sample_limit, run.n_shot) == (RunStatus.PARTIAL, 7.0, 3)
    assert run.seeds == {"random_seed": 11, "numpy_seed": 12, "torch_seed": 13, "fewshot_seed": 14}
    assert run.generation == {"gen_kwargs": {"temperature": 0.3}}
    assert (
        run.metadata["chat_template_sha"] == "sha-e"
        and run.metadata["config"]["model_sha"] == "sha-b"
    )
    assert run.source_path == str(tmp_path / f"results_{TIME}.json")


def test_every_field_of_a_score_comes_from_its_place(tmp_path: Path) -> None:
    write_results(tmp_path)
    (score,) = read_only(tmp_path).scores
    assert (
        score.task,
        score.metric,
        score.variant,
        score.value,
        score.stderr,
        score.stderr_kind,
    ) == (
        "sums",
        "exact_match",
        "none",
        0.5,
        0.1,
        "reported",
    )
    assert (
        score.n,
        score.n_kind,
        score.n_shot,
        score.higher_is_better,
        score.scale,
        score.value01,
    ) == (
        26,
        "reported",
        3,
        True,
        "0-1",
        0.5,
    )
    assert (score.is_group, score.flag, score.metadata) == (
        False,
        None,
        {"task_version": 1.0, "alias": "Sums", "n_in_benchmark": 40},
    )


def test_every_field_of_a_generated_sample_comes_from_its_place(tmp_path: Path) -> None:
    write_results(tmp_path)
    write_samples(
        tmp_path,
        [sample_row(42, resps=[["It is 4."]], filtered_resps=["4!"], target="four", extra="kept")],
    )
    result = read_only(tmp_path)
    (sample,) = result.samples
    assert json.loads(sample.pop("metadata")) == {
        "doc": {"question": "2+2?"},
        "doc_hash": "d0",
        "prompt_hash": "p0",
        "target_hash": "t0",
        "generation": {"until": ["\n"]},
        "other": {"extra": "kept"},
    }
    assert {key: value for key, value in sample.items() if value is not None} == {
        "run_id": result.run.run_id,
        "task": "sums",
        "instance_id": "42",
        "epoch": 1,
        "variant": "none",
        "outcome": "correct",
        "score": 1.0,
        "input": "Q: 2+2?\nA:",
        "target": "four",
        "response": "It is 4.",
        "parsed_answer": "4!",
        "reason": "exact_match is 1",
        "metrics": '{"exact_match":1.0}',
    }


def test_every_field_of_a_chosen_sample_comes_from_its_place(tmp_path: Path) -> None:
    write_samples(
        tmp_path, [choice_row(1, target="1", acc=0.0, acc_norm=1.0, metrics=["acc", "acc_norm"])]
    )
    (sample,) = read_only(tmp_path).samples
    assert (
        sample["response"],
        sample["parsed_answer"],
        sample["target"],
        sample["outcome"],
        sample["score"],
    ) == (
        " 9",
        "2",
        "1",
        "wrong",
        0.0,
    )
    assert (sample["choice_logprobs"], sample["answer_logprob"]) == ([-6.5, -7.25, -0.5], -7.25)
    assert json.loads(sample["metrics"]) == {"acc": 0.0, "acc_norm": 1.0}
    kept = json.loads(sample["metadata"])
    assert (kept["choices"], kept["is_greedy"]) == ([" 5", " 17", " 9"], [False, False, True])


# -- traps -----------------------------------------------------------------------------------------


def test_a_standard_error_of_zero_beside_a_middling_value_is_replaced_and_flagged(
    tmp_path: Path,
) -> None:
    write_results(
        tmp_path, results={"sums": {"exact_match,none": 0.25, "exact_match_stderr,none": 0.0}}
    )
    (score,) = read_only(tmp_path).scores
    assert (score.stderr_kind, score.flag, score.metadata["stderr_reported"]) == (
        "recomputed",
        "stderr_zero",
        0.0,
    )
    assert score.stderr == pytest.approx(math.sqrt(0.25 * 0.75 / 25))


@pytest.mark.parametrize("word", ["N/A", [], None])
def test_a_missing_standard_error_stays_missing(tmp_path: Path, word: object) -> None:
    write_results(
        tmp_path, results={"sums": {"exact_match,none": 0.25, "exact_match_stderr,none": word}}
    )
    (score,) = read_only(tmp_path).scores
    assert (score.stderr, score.stderr_kind) == (None, None)


def test_a_filter_name_may_hold_a_comma(tmp_path: Path) -> None:
    write_results(tmp_path, results={"sums": {"exact_match,score-first,2": 0.25}})
    assert [(score.metric, score.variant) for score in read_only(tmp_path).scores] == [
        ("exact_match", "score-first,2")
    ]


def test_n_is_inferred_when_neither_file_nor_samples_tell(tmp_path: Path) -> None:
    stderr = math.sqrt(0.3 * 0.7 / 39)
    write_results(
        tmp_path,
        **{"n-samples": {}, "results": {"sums": {"acc,none": 0.3, "acc_stderr,none": stderr}}},
    )
    (score,) = read_only(tmp_path).scores
    assert (score.n, score.n_kind) == (40, "inferred")


def test_perplexities_have_no_share_and_point_downwards(tmp_path: Path) -> None:
    write_results(
        tmp_path,
        results={"text": {"word_perplexity,none": 0.9, "word_perplexity_stderr,none": "N/A"}},
        higher_is_better={},
    )
    (score,) = read_only(tmp_path).scores
    assert (score.value, score.scale, score.value01, score.higher_is_better) == (
        0.9,
        "raw",
        None,
        False,
    )


@pytest.mark.parametrize(
    ("metric", "value", "scale", "value01"),
    [
        ("bleu", 25.0, "0-100", 0.25),
        ("bleu", 0.5, "0-100", 0.005),
        ("chrf", 62.5, "0-100", 0.625),
        ("chrf", 100.0, "0-100", 1.0),
        ("rougeL", 0.25, "0-1", 0.25),
        ("ter", 62.5, "raw", None),
    ],
)
def test_bleu_and_chrf_are_percentages_whatever_their_size(
    tmp_path: Path, metric: str, value: float, scale: str, value01: float | None
) -> None:
    """The harness reports BLEU and chrF from 0 to 100, ROUGE from 0 to 1."""
    write_results(
        tmp_path,
        results={"text": {f"{metric},none": value, f"{metric}_stderr,none": "N/A"}},
        higher_is_better={},
    )
    (score,) = read_only(tmp_path).scores
    assert (score.value, score.scale, score.value01) == (value, scale, value01)


def test_a_broken_number_is_rejected_and_the_others_come_in(tmp_path: Path) -> None:
    write_results(
        tmp_path, results={"sums": {"acc,none": {"mean": 1}, "exact_match,none": 0.5}, "odd": 3}
    )
    result = read_only(tmp_path)
    assert [score.metric for score in result.scores] == ["exact_match"]
    assert {(reject.record, reject.field) for reject in result.rejects} == {
        ("results.sums", "acc,none"),
        ("results.odd", "results"),
    }


def test_a_model_argument_with_commas_inside_keeps_the_name_whole(tmp_path: Path) -> None:
    write_results(
        tmp_path,
        config={"model": "hf", "model_args": "pretrained=a/b,max_memory=1,2,revision=step64"},
        model_name="a/b",
    )
    run = read_only(tmp_path).run
    assert (run.model_raw, run.checkpoint, run.step) == ("a/b", "step64", 64)


def test_a_random_model_name_is_not_taken_for_a_model(tmp_path: Path) -> None:
    write_results(tmp_path, config={"model": "dummy", "model_args": ""}, model_name="8f2c61")
    run = read_only(tmp_path).run
    assert run.model_raw == "dummy" and any(
        "does not name its model" in warning for warning in run.warnings
    )


def test_filters_of_early_versions_are_told_by_their_order(tmp_path: Path) -> None:
    write_results(
        tmp_path,
        results={"sums": {"exact_match,loose": 1.0, "exact_match,strict": 0.0}},
        configs={"sums": {"filter_list": [{"name": "strict"}, {"name": "loose"}]}},
    )
    rows = [
        sample_row(doc_id, filter=..., metrics=..., exact_match=value)
        for value in (0.0, 1.0)
        for doc_id in (0, 1)
    ]
    write_samples(tmp_path, rows)
    found = [
        (sample["instance_id"], sample["variant"], sample["score"])
        for sample in read_only(tmp_path).samples
    ]
    assert found == [
        ("0", "strict", 0.0),
        ("1", "strict", 0.0),
        ("0", "loose", 1.0),
        ("1", "loose", 1.0),
    ]


def test_the_primary_filter_leads_even_where_the_file_begins_with_another(tmp_path: Path) -> None:
    write_results(
        tmp_path, configs={"sums": {"filter_list": [{"name": "strict"}, {"name": "loose"}]}}
    )
    rows = [sample_row(doc_id, filter=name) for name in ("loose", "strict") for doc_id in (0, 1)]
    write_samples(tmp_path, [*rows, "{"])
    result = read_only(tmp_path)
    assert [sample["variant"] for sample in result.samples] == [
        "strict",
        "strict",
        "loose",
        "loose",
    ]
    assert len(result.rejects) == 1


def test_digits_that_are_the_text_of_a_choice_are_not_taken_for_an_index(tmp_path: Path) -> None:
    choices = {
        f"gen_args_{i}": {"arg_0": "Q:", "arg_1": f" {text}"} for i, text in enumerate((1, 2, 0))
    }
    write_samples(
        tmp_path,
        [
            choice_row(0, target="0", arguments=choices, acc=1.0),
            choice_row(1, target="1", arguments=choices, acc=0.0),
        ],
    )
    samples = read_only(tmp_path).samples
    assert [(sample["answer_logprob"], sample["parsed_answer"]) for sample in samples] == [
        (-0.5, " 0"),
        (-6.5, " 0"),
    ]


def test_a_target_among_several_prompts_is_unknown_rather_than_guessed(tmp_path: Path) -> None:
    arguments = {
        f"gen_args_{i}": {"arg_0": f"The {name}", "arg_1": " ran."}
        for i, name in enumerate(("cat", "dog", "cow"))
    }
    write_samples(tmp_path, [choice_row(arguments=arguments, target=" ran.")])
    (sample,) = read_only(tmp_path).samples
    assert sample["answer_logprob"] is None and json.loads(sample["metadata"])["prompts"] == [
        "The cat",
        "The dog",
        "The cow",
    ]


def test_unconditional_requests_are_kept_apart_from_the_choices(tmp_path: Path) -> None:
    pairs = [["-1", "True"], ["-2", "False"], ["-3", "False"], ["-4", "False"]]
    arguments = {
        f"gen_args_{i}": {"arg_0": "Q:" if i < 2 else "", "arg_1": f" {i % 2}"} for i in range(4)
    }
    row = choice_row(
        target="0",
        arguments=arguments,
        filtered_resps=pairs,
        metrics=["acc", "acc_mutual_info"],
        acc_mutual_info=0.0,
    )
    write_samples(tmp_path, [row])
    (sample,) = read_only(tmp_path).samples
    assert sample["choice_logprobs"] == [-1, -2] and json.loads(sample["metadata"])[
        "unconditional_logprobs"
    ] == [-3, -4]


def test_a_graded_metric_gives_a_score_and_no_verdict(tmp_path: Path) -> None:
    write_samples(
        tmp_path,
        [
            sample_row(i, exact_match=..., metrics=["f1"], f1=value)
            for i, value in enumerate((0.0, 0.5, 1.0))
        ],
    )
    assert [(sample["score"], sample["outcome"]) for sample in read_only(tmp_path).samples] == [
        (0.0, None),
        (0.5, None),
        (1.0, None),
    ]


def test_a_metric_whose_spread_is_not_that_of_zeros_and_ones_gives_no_verdict(
    tmp_path: Path,
) -> None:
    write_results(tmp_path, results={"sums": {"quality,none": 0.5, "quality_stderr,none": 0.02}})
    write_samples(
        tmp_path,
        [
            sample_row(i, exact_match=..., metrics=["quality"], quality=value)
            for i, value in enumerate((0.0, 0.5, 1.0))
        ],
    )
    assert [sample["outcome"] for sample in read_only(tmp_path).samples] == [None, None, None]


def test_a_metric_that_points_downwards_gives_no_verdict(tmp_path: Path) -> None:
    write_samples(tmp_path, [choice_row(metrics=["pct_stereotype"], acc=..., pct_stereotype=1)])
    (sample,) = read_only(tmp_path).samples
    assert (sample["outcome"], sample["score"]) == (None, None) and json.loads(
        sample["metrics"]
    ) == {"pct_stereotype": 1}


# -- grouping --------------------------------------------------------------------------------------


def test_runs_of_one_folder_are_told_apart_by_their_time(tmp_path: Path) -> None:
    for hour in ("01", "02"):
        time = f"2026-01-02T{hour}-00-00.000001"
        write_results(tmp_path, time=time)
        write_samples(tmp_path, [sample_row()], time=time)
    assert [
        sorted(file.name.split("_")[0] for file in source.files) for source in claim(tmp_path)
    ] == [["results", "samples"]] * 2


def test_samples_of_an_overwritten_early_run_are_a_source_of_their_own(tmp_path: Path) -> None:
    write_results(tmp_path).rename(tmp_path / "results.json")
    for model in ("org__model", "org__other"):
        rows = [sample_row(i, filter=..., metrics=...) for i in range(2)]
        (tmp_path / f"pretrained__{model}_sums.jsonl").write_text(json.dumps(rows, indent=2))
    sources = claim(tmp_path)
    assert [[file.name for file in source.files] for source in sources] == [
        ["results.json", "pretrained__org__model_sums.jsonl"],
        ["pretrained__org__other_sums.jsonl"],
    ]
    assert {sample["task"] for sample in read(sources[0]).samples} == {"sums"}


def test_samples_without_results_are_one_run_named_after_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "org__model"
    folder.mkdir()
    write_samples(folder, [sample_row()], task="sums")
    write_samples(folder, [sample_row()], task="more_sums")
    result = read_only(tmp_path)
    assert result.run.model_raw == "org__model" and {
        sample["task"] for sample in result.samples
    } == {"sums", "more_sums"}
    assert result.scores == [] and any(
        "no results file" in warning for warning in result.run.warnings
    )


def test_samples_without_results_take_the_model_that_the_importing_person_names(
    tmp_path: Path,
) -> None:
    write_samples(tmp_path, [sample_row()], task="sums")
    (source,) = discover([tmp_path], options={"model": " org/named "}).sources
    assert is_named_by_folder(source)
    run = next(
        batch for batch in IMPORTER.read(source, lambda reject: None) if isinstance(batch, RunInfo)
    )
    assert (
        run.model_raw == "org/named"
        and "who imported them named the model, org/named" in run.warnings[0]
    )


def test_the_same_results_give_the_same_run_id_and_others_another(tmp_path: Path) -> None:
    for name, value in (("a", 0.5), ("b", 0.5), ("c", 0.25)):
        (tmp_path / name).mkdir()
        write_results(tmp_path / name, results={"sums": {"acc,none": value}})
    ids = [read(source).run.run_id for source in claim(tmp_path)]
    assert ids[0] == ids[1] != ids[2]


# -- broken files ----------------------------------------------------------------------------------


def test_bad_lines_are_rejected_with_their_place_and_the_good_ones_come_in(tmp_path: Path) -> None:
    rows: list[Any] = [
        sample_row(0),
        json.dumps(sample_row(1))[:80],
        sample_row("2"),
        sample_row(...),
        "",
        b'{"doc_id": 4, "doc": "\xff\xfe"}',
        sample_row(5, filtered_resps="4"),
        sample_row(6, exact_match="right"),
        sample_row(7, arguments={}),
        choice_row(8, filtered_resps=[["-1", "False"]], exact_match=1.0),
        "[" * 20_000,
        "x" * 10_000_000,
        sample_row(9),
    ]
    write_samples(tmp_path, rows)
    result = read_only(tmp_path)
    assert [sample["instance_id"] for sample in result.samples] == ["0", "9"]
    found = {(int(reject.record), reject.field) for reject in result.rejects}
    assert found == {
        (2, "line"),
        (3, "doc_id"),
        (4, "doc_id"),
        (6, "line"),
        (7, "filtered_resps"),
        (8, "exact_match"),
        (9, "filtered_resps"),
        (10, "filtered_resps"),
        (11, "line"),
        (12, "line"),
    }
    by_line = {int(reject.record): reject for reject in result.rejects}
    assert (by_line[3].found, by_line[3].expected) == ("str", "int")
    assert "not UTF-8" in by_line[6].found and "'right'" in by_line[8].found
    assert all(len(reject.found) < 400 for reject in result.rejects)


def test_bare_nan_and_infinity_come_in_as_missing(tmp_path: Path) -> None:
    rows = [
        sample_row(0),
        json.dumps(sample_row(1, exact_match=float("nan"))),
        json.dumps(choice_row(2, acc=..., exact_match=float("inf"))),
    ]
    write_samples(tmp_path, rows)
    result = read_only(tmp_path)
    assert result.rejects == []
    assert [(sample["score"], sample["outcome"]) for sample in result.samples] == [
        (1.0, "correct"),
        (None, None),
        (None, None),
    ]


def test_a_long_good_line_comes_in(tmp_path: Path) -> None:
    write_samples(
        tmp_path, [sample_row(0), sample_row(1, resps=[["4" * 10_000_000]]), sample_row(2)]
    )
    result = read_only(tmp_path)
    assert [len(sample["response"]) for sample in result.samples] == [
        1,
        10_000_000,
        1,
    ] and result.rejects == []


def test_a_broken_surrogate_does_not_cost_the_row(tmp_path: Path) -> None:
    write_samples(tmp_path, [json.dumps(sample_row()).replace('"4"]]', '"\\ud800 4"]]')])
    (sample,) = read_only(tmp_path).samples
    assert sample["response"] == "? 4"


def test_metrics_met_for_the_first_time_on_a_late_line_are_kept(tmp_path: Path) -> None:
    write_samples(
        tmp_path, [sample_row(0), sample_row(1, metrics=["exact_match", "brevity"], brevity=0.25)]
    )
    assert [json.loads(sample["metrics"]) for sample in read_only(tmp_path).samples] == [
        {"exact_match": 1.0},
        {"exact_match": 1.0, "brevity": 0.25},
    ]


@pytest.mark.parametrize("indent", [2, None])
def test_an_array_that_breaks_off_gives_what_stands_before(
    tmp_path: Path, indent: int | None
) -> None:
    rows = [sample_row(i, filter=..., metrics=...) for i in range(3)]
    text = json.dumps(rows, indent=indent)
    file = write_samples(tmp_path, [])
    file.write_text(text[: text.rindex("filtered_resps")])
    result = read_only(tmp_path)
    assert [sample["instance_id"] for sample in result.samples] == ["0", "1"] and len(
        result.rejects
    ) == 1


def test_a_bad_record_inside_an_indented_array_does_not_take_the_others_along(
    tmp_path: Path,
) -> None:
    rows = [sample_row(i, filter=..., metrics=...) for i in range(3)]
    write_samples(tmp_path, []).write_text(
        json.dumps(rows, indent=2).replace('"doc_id": 1', '"doc_id" 1')
    )
    result = read_only(tmp_path)
    assert [sample["instance_id"] for sample in result.samples] == ["0", "2"]
    (reject,) = result.rejects
    line = json.dumps(rows, indent=2).split("\n").index('    "doc_id": 1,') + 1
    assert int(reject.record) == line - 1  # where the record begins


def test_kinds_of_requests_may_be_mixed_in_one_file(tmp_path: Path) -> None:
    write_samples(
        tmp_path,
        [
            sample_row(0),
            choice_row(1, metrics=["exact_match"], acc=..., exact_match=0.0),
            sample_row(2),
        ],
    )
    samples = read_only(tmp_path).samples
    assert [sample["instance_id"] for sample in samples] == ["0", "1", "2"]
    assert [sample["choice_logprobs"] is None for sample in samples] == [True, False, True]


def test_a_broken_results_file_says_so_and_what_to_do(tmp_path: Path) -> None:
    file = write_results(tmp_path)
    file.write_text(file.read_text()[:90])
    (source,) = claim(tmp_path)
    with pytest.raises(
        ImportFormatError, match=r"cannot be read.*Expected is one JSON object.*Copy the file again"
    ):
        list(IMPORTER.read(source, lambda reject: None))


def test_foreign_and_empty_files_are_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_bytes(b"")
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "table.csv").write_text("doc_id,acc\n1,0\n")
    (tmp_path / "lighteval.json").write_text(
        json.dumps({"config_general": {}, "results": {"task|0": {"acc": 1.0}}, "versions": {}})
    )
    (tmp_path / "noise.jsonl").write_bytes(bytes(range(256)))
    assert claim(tmp_path) == []


def test_large_files_come_in_tables_of_bounded_size(tmp_path: Path) -> None:
    n_rows = 2 * MAX_ROWS + 5
    line = json.dumps(sample_row(0))
    write_samples(tmp_path, [line.replace('"doc_id": 0', f'"doc_id": {i}') for i in range(n_rows)])
    tables = read_only(tmp_path).tables
    assert all(table.num_rows <= MAX_ROWS and table.schema == SAMPLE_SCHEMA for table in tables)
    assert pa.concat_tables(tables)["instance_id"].to_pylist() == [str(i) for i in range(n_rows)]


@pytest.mark.parametrize(
    "changes",
    [
        {
            "results": {"sums": {"exact_match,none": 0.5, "exact_match_stderr,none": 1e-300}},
            "n-samples": {},
        },
        {
            "config": {
                "model_args": "pretrained=m,revision=step" + "9" * 5000,
                "limit": 10**400,
                "model_num_parameters": 1 << 70,
            }
        },
        {
            "config": {
                "model_args": {"pretrained": ["a"], "revision": {"b": 1}},
                "model_dtype": [1],
                "random_seed": float("nan"),
            }
        },
        {
            "date": 1.7e9,
            "total_evaluation_time_seconds": "1e14",
            "git_hash": 7,
            "lm_eval_version": ["x"],
        },
        {
            "n-shot": {"sums": 1 << 40},
            "configs": {"sums": {"num_fewshot": -1, "filter_list": [None]}},
        },
        {"note": "half a pair: \ud83d"},
    ],
    ids=["no spread", "too large", "wrong types", "times", "shots", "half a pair"],
)
def test_odd_surroundings_do_not_cost_the_score(tmp_path: Path, changes: dict[str, Any]) -> None:
    store = open_store(tmp_path / "store", empty=True)
    write_results(tmp_path, **changes)
    (result,) = import_sources(store, claim(tmp_path))
    assert (result.status, result.scores, result.rejected, result.message) == ("imported", 1, 0, "")
    with store.cursor() as cursor:
        ((metadata,),) = cursor.execute("SELECT metadata::VARCHAR FROM runs").fetchall()
    assert json.loads(metadata, parse_constant=pytest.fail)


@pytest.mark.parametrize("effective", [-5, True, "many", 1 << 70])
def test_a_number_of_instances_that_is_none_costs_the_score(
    tmp_path: Path, effective: object
) -> None:
    write_results(tmp_path, **{"n-samples": {"sums": {"effective": effective}}})
    result = read_only(tmp_path)
    assert result.scores == []
    assert "not a number of instances" in result.rejects[0].found


def test_a_number_beyond_all_floats_is_rejected(tmp_path: Path) -> None:
    write_results(tmp_path, results={"sums": {"exact_match,none": 0.5, "f1,none": 10**400}})
    result = read_only(tmp_path)
    assert [score.metric for score in result.scores] == ["exact_match"]
    assert [reject.field for reject in result.rejects] == ["f1,none"]


def test_a_file_name_with_an_impossible_time_leaves_the_date_open(tmp_path: Path) -> None:
    write_results(tmp_path, time="2026-13-45T99-99-99")
    assert read_only(tmp_path).run.finished_at is None


def test_a_row_of_a_wrong_shape_does_not_cost_the_others(tmp_path: Path) -> None:
    rows = [
        sample_row(0),
        sample_row(1, resps=[{"a": "4"}]),
        sample_row(2, resps={"a": 1}),
        sample_row(3, **{"\ud800": 1}),
        sample_row(4),
    ]
    write_samples(tmp_path, rows)
    result = read_only(tmp_path)
    assert [
        sample["instance_id"] for sample in result.samples if sample["instance_id"] in "034"
    ] == ["0", "3", "4"]
    assert len(result.samples) + len(result.rejects) == 5
