"""lm-evaluation-harness before 0.4: genuine files of the Pythia project against their golden counts
and an independent extraction.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.importers.kit.base import Listing, Source
from data.importers.lm_eval.v0 import IMPORTER
from data.records import ImportFormatError, Reject, RunInfo, RunStatus, Score

FIVE_SHOT = (
    "pythia-v0/pythia-1.4b-deduped/five-shot/"
    "pythia-1.4b-deduped-5shot-global_step11500_eval_results_12-30-2022-03-48-08.json"
)
ROW_LIST = "bias-evals/winobias/1.4B/eval_results_02-15-2023-21-59-54.json"
TABLE_ONLY = "bias-evals/winobias/intervene_21/1.4B/eval_results_1.4b-deduped-long_114000.json"


def claim(folder: Path) -> list[Source]:
    files = tuple(sorted(file for file in folder.rglob("*") if file.is_file()))
    return IMPORTER.claim(Listing(files, {file: file.read_bytes()[:65536] for file in files}))


def read(file: Path, rejects: list[Reject] | None = None) -> tuple[RunInfo, list[Score]]:
    found: list[Reject] = [] if rejects is None else rejects
    run, scores = IMPORTER.read(Source(IMPORTER.name, file, (file,)), found.append)
    assert isinstance(run, RunInfo) and isinstance(scores, list)
    assert rejects is not None or found == []
    return run, [score for score in scores if isinstance(score, Score)]


def write(folder: Path, content: Any, name: str = "results.json") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
    return file


def results(**changes: Any) -> dict[str, Any]:
    stderr = math.sqrt(0.3 * 0.7 / 39)
    return {
        "results": {"sums": {"acc": 0.3, "acc_stderr": stderr, "ppl": 12.5, "ppl_stderr": 0.5}},
        "versions": {"sums": 2},
        "config": {
            "model": "hf-causal",
            "model_args": "pretrained=org/model,revision=step64",
            "num_fewshot": 3,
            "limit": None,
        },
    } | changes


@pytest.fixture(scope="module")
def pythia(shared: Path) -> Path:
    return shared / "fixtures" / "lm_eval_v0" / "pythia"


def test_every_fixture_gives_the_golden_number_of_scores(shared: Path) -> None:
    golden = json.loads((shared / "fixtures" / "EXPECTED.json").read_text())
    expected = {
        name: rows["aggregate_rows"]
        for name, rows in golden.items()
        if name.startswith("lm_eval_v0/")
    }
    found = {
        str(source.path.relative_to(shared / "fixtures")): len(read(source.path)[1])
        for source in claim(shared / "fixtures")
    }
    assert found == expected


def test_values_errors_n_tokens_and_shots_agree_with_an_independent_extraction(
    shared: Path, pythia: Path
) -> None:
    table = pd.read_parquet(shared / "data" / "pythia_evals_long.parquet")
    n_checked = 0
    for source in claim(pythia):
        run, scores = read(source.path)
        rows = table[table["source_file"] == str(source.path.relative_to(pythia))]
        rows = rows.assign(prompt=rows["prompt"].fillna("")).set_index(["task", "prompt", "metric"])
        assert len(rows) == len(scores)
        for score in scores:
            row = rows.loc[(str(score.task), score.variant or "", score.metric)]
            assert score.value == row["value"]
            assert score.stderr == (None if pd.isna(row["stderr"]) else row["stderr"])
            assert pd.isna(row["n_inferred"]) or score.n == row["n_inferred"]
            assert score.n_shot == (None if pd.isna(row["shots"]) else row["shots"])
            assert (score.flag == "shots_mislabelled") == (row["flag"] == "shots_mislabelled")
            n_checked += 1
        assert run.step == (None if pd.isna(row["step"]) else row["step"])
        assert run.train_tokens is None or run.train_tokens == pytest.approx(row["tokens_b"] * 1e9)
        assert run.finished_at == (
            None if pd.isna(row["run_date"]) else datetime.fromisoformat(row["run_date"])
        )
        assert run.code_git == (
            None if pd.isna(row["git_hash"]) or not row["git_hash"] else row["git_hash"]
        )
    assert n_checked > 2500


def test_a_folder_called_five_shot_does_not_make_a_run_five_shot(pythia: Path) -> None:
    run, scores = read(pythia / FIVE_SHOT)
    assert run.n_shot == 0 and {score.n_shot for score in scores} == {0}
    assert any(
        "'five-shot' says 5 shots, but the configuration says 0" in warning
        for warning in run.warnings
    )
    assert {score.flag for score in scores} == {"shots_mislabelled"}


def test_a_training_configuration_gives_step_tokens_seed_and_code(pythia: Path) -> None:
    run, _ = read(pythia / FIVE_SHOT)
    assert (run.model_raw, run.step, run.dtype) == ("pythia-v0/pythia-1.4b-deduped", 11500, "fp16")
    assert run.train_tokens == pytest.approx(
        11500 * 4_194_304
    )  # twice as many a step as in the final suite
    assert (run.code_git, run.code_git_meaning, run.seeds) == (
        "e15d923",
        "training",
        {"training_seed": 1234},
    )
    assert (run.finished_at, run.date_source) == (
        datetime(2022, 12, 30, 3, 48, 8),
        "file name (local time at the end)",
    )


@pytest.mark.parametrize(
    ("name", "model", "step"),
    [(ROW_LIST, "1.4B-deduped", 3000), (TABLE_ONLY, "1.4b-deduped-long", 114_000)],
)
def test_rows_with_prompts_are_told_apart_by_their_prompt(
    pythia: Path, name: str, model: str, step: int
) -> None:
    run, scores = read(pythia / name)
    assert (run.model_raw, run.step, len(scores)) == (model, step, 8)
    assert {score.variant for score in scores} == {"What does p stand for", "refers_to"}
    assert {score.metric for score in scores} == {"em"} and {score.n for score in scores} == {396}


def test_minimal_files_come_in_with_an_unknown_model(shared: Path) -> None:
    run, scores = read(
        shared / "fixtures" / "lm_eval_v0" / "harness_testdata" / "lambada_openai-v2.0-res.json"
    )
    assert run.model_raw == "unknown" and any(
        "does not name its model" in warning for warning in run.warnings
    )
    assert [(score.metric, score.value, score.n, score.higher_is_better) for score in scores] == [
        ("acc", 0.0, None, True),
        ("ppl", 1.6479047769869253, None, False),
    ]


def test_every_field_of_a_score_comes_from_its_place(tmp_path: Path) -> None:
    run, (accuracy, perplexity) = read(write(tmp_path, results()))
    assert (accuracy.run_id, accuracy.task, accuracy.metric, accuracy.value, accuracy.value01) == (
        run.run_id,
        "sums",
        "acc",
        0.3,
        0.3,
    )
    assert (accuracy.n, accuracy.n_kind, accuracy.n_shot, accuracy.higher_is_better) == (
        40,
        "inferred",
        3,
        True,
    )
    assert (accuracy.stderr_kind, accuracy.variant, accuracy.metadata) == (
        "reported",
        None,
        {"task_version": 2},
    )
    assert (perplexity.value, perplexity.stderr, perplexity.scale, perplexity.value01) == (
        12.5,
        0.5,
        "raw",
        None,
    )
    assert (perplexity.n, perplexity.higher_is_better) == (40, False)
    assert (run.model_raw, run.checkpoint, run.step, run.n_shot, run.status) == (
        "org/model",
        "step64",
        64,
        3,
        RunStatus.SUCCESS,
    )
    assert run.train_tokens is None  # tokens a step are known for Pythia alone


def test_a_limited_run_is_partial(tmp_path: Path) -> None:
    run, _ = read(write(tmp_path, results(config={"model_args": "pretrained=a/b", "limit": 10})))
    assert (run.status, run.sample_limit) == (RunStatus.PARTIAL, 10.0)


def test_the_batch_size_in_a_name_sets_the_tokens_a_step(tmp_path: Path) -> None:
    args = "pretrained=EleutherAI/pythia-160m-0.5MtokBS,revision=step1000"
    run, _ = read(write(tmp_path, results(config={"model_args": args})))
    assert run.train_tokens == 1000 * 524_288


def test_what_is_no_number_is_rejected_and_the_rest_comes_in(tmp_path: Path) -> None:
    rejects: list[Reject] = []
    _, scores = read(
        write(tmp_path, results(results={"sums": {"acc": "high", "em": 0.5}, "odd": 3})), rejects
    )
    assert [score.metric for score in scores] == ["em"]
    assert [(reject.record, reject.field, reject.found) for reject in rejects] == [
        ("results.sums", "acc", "high"),
        ("results.odd", "results", "3"),
    ]


def test_a_bare_nan_is_a_missing_value(tmp_path: Path) -> None:
    _, (score,) = read(write(tmp_path, results(results={"sums": {"acc": float("nan")}})))
    assert score.value is None and score.value01 is None


def test_a_row_without_its_task_is_rejected(tmp_path: Path) -> None:
    rejects: list[Reject] = []
    rows = [{"task_name": "sums", "prompt_name": "p", "em": 0.5}, {"prompt_name": "p", "em": 0.5}]
    _, scores = read(write(tmp_path, results(results=rows)), rejects)
    assert len(scores) == 1 and [(reject.record, reject.field) for reject in rejects] == [
        ("results.2", "task_name")
    ]


def test_a_broken_file_says_so_and_what_to_do(tmp_path: Path) -> None:
    file = write(tmp_path, results())
    file.write_text(file.read_text()[:60])
    (source,) = claim(tmp_path)
    with pytest.raises(
        ImportFormatError, match=r"cannot be read.*Expected is one JSON object.*Copy the file again"
    ):
        list(IMPORTER.read(source, lambda reject: None))


def test_other_formats_are_not_claimed(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "results": {"sums": {"acc,none": 0.5, "acc_stderr,none": 0.1}},
            "configs": {},
            "n-shot": {},
        },
        "new.json",
    )
    write(
        tmp_path,
        {
            "config_general": {},
            "results": {"sums|0": {"acc": 0.5, "acc_stderr": 0.1}},
            "versions": {},
        },
        "lighteval.json",
    )
    write(tmp_path, {"results": {"text": "no metrics"}, "versions": {}}, "other.json")
    (tmp_path / "empty.json").write_bytes(b"")
    assert claim(tmp_path) == []
