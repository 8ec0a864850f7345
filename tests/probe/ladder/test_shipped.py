"""What ships: weights that load and answer as the shipped samples say, runs that are whole, files
that stay small.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from data.bootstrap import open_store
from data.importing import discover, import_sources
from data.interchange import write_parquet
from data.queries import fetch_task_counts
from data.records import Selection
from probe.ladder.build import SHIPPED_RUNS, WEIGHTS, _runs_of, ship
from probe.ladder.compact import MAX_NEW_TOKENS
from probe.ladder.distribution import DECADE, LENGTHS, RANKED, SCATTER
from probe.ladder.evaluate import FURTHER_KINDS, N_FINAL, N_KIND
from probe.ladder.sizes import RUNGS, every_model, model_name

SHIPPED_RUNGS = list(RUNGS)
FIRST_MODELS = [model_name(RUNGS[name], RUNGS[name].seeds[0]) for name in SHIPPED_RUNGS]
LARGEST_TOTAL = 20_000_000


def _runs(file: Path) -> list[dict[str, Any]]:
    return list(json.loads(pq.read_metadata(file).metadata[b"charybdis"])["runs"])


def _last_run(model: str) -> dict[str, Any]:
    found = [
        run
        for run in _runs(SHIPPED_RUNS)
        if run["model_raw"] == model and run["metadata"]["ood_kind"] == "scatter"
    ]
    return max(found, key=lambda run: run["step"])


def test_models_with_runs_and_models_with_weights_are_the_same() -> None:
    with_runs = {run["model_raw"] for run in _runs(SHIPPED_RUNS)}
    assert {folder.name for folder in WEIGHTS.iterdir() if folder.is_dir()} == with_runs
    assert with_runs == {model_name(rung, seed) for rung, seed in every_model()}


def test_the_ladder_stays_under_twenty_megabytes() -> None:
    files = [
        file
        for folder in (SHIPPED_RUNS.parent, WEIGHTS)
        for file in folder.rglob("*")
        if file.is_file()
    ]
    assert 0 < sum(file.stat().st_size for file in files) < LARGEST_TOTAL


@pytest.mark.parametrize("model", FIRST_MODELS)
def test_shipped_weights_repeat_shipped_replies(model: str) -> None:
    """Through the Auto classes and `generate` alone, prompt by prompt: nothing of ours takes
    part.
    """
    run = _last_run(model)
    rows = pq.read_table(SHIPPED_RUNS, filters=[("run_id", "=", run["run_id"])]).to_pylist()
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / model)
    network = AutoModelForCausalLM.from_pretrained(WEIGHTS / model, dtype=torch.float32).eval()
    assert sum(weights.numel() for weights in network.parameters()) == run["n_params"]
    for row in rows[:: len(rows) // 16][:16]:
        asked = tokenizer(row["input"], return_tensors="pt", return_token_type_ids=False)
        with torch.inference_mode():
            made = network.generate(**asked, max_new_tokens=MAX_NEW_TOKENS, do_sample=False)
        assert (
            tokenizer.decode(
                made[0, asked["input_ids"].shape[1] :], clean_up_tokenization_spaces=False
            )
            == row["response"]
        )


@pytest.mark.parametrize("name", SHIPPED_RUNGS)
def test_runs_are_whole_and_keep_to_the_distribution(name: str) -> None:
    models = {model_name(RUNGS[name], seed) for seed in RUNGS[name].seeds}
    mine = pa.array([run["run_id"] for run in _runs(SHIPPED_RUNS) if run["model_raw"] in models])
    table = pq.read_table(
        SHIPPED_RUNS,
        columns=["run_id", "task", "split", "input", "outcome", "answer_logprob", "token_logprobs"],
    )
    table = table.filter(pc.is_in(table["run_id"], mine))
    assert table["answer_logprob"].null_count == table["token_logprobs"].null_count == 0
    assert not set(table["outcome"].unique().to_pylist()) - {"correct", "wrong", "unparsed"}
    for model in models:
        run = _last_run(model)
        samples = table.filter(pc.equal(table["run_id"], run["run_id"]))
        counts = (
            samples.group_by(["task", "split"]).aggregate([("input", "count_distinct")]).to_pylist()
        )
        assert len(counts) == 2 * len(LENGTHS) and all(
            row["input_count_distinct"] == N_FINAL for row in counts
        )
        for split, allowed in (("id", RANKED), ("ood", SCATTER)):
            prompts = samples.filter(pc.equal(samples["split"], split))["input"].to_pylist()
            shown = {
                int(word)
                for prompt in prompts
                for word in prompt.partition(":")[2].removesuffix("=").split()
            }
            assert shown == set(allowed)


def test_further_ood_kinds_are_runs_of_their_own_with_the_id_answers_beside() -> None:
    final = [
        run
        for run in _runs(SHIPPED_RUNS)
        if run["model_raw"] == "ladder-1k-s0" and run["step"] > 1_500
    ]
    runs = {run["metadata"]["ood_kind"]: run for run in final}
    assert set(runs) == {"scatter", *FURTHER_KINDS}
    table = pq.read_table(
        SHIPPED_RUNS,
        columns=["run_id", "task", "split", "input"],
        filters=[("run_id", "=", runs["decade"]["run_id"])],
    )
    assert table.num_rows == 2 * N_KIND * len(LENGTHS)
    prompts = table.filter(pc.equal(table["split"], "ood"))["input"].to_pylist()
    assert {
        int(word)
        for prompt in prompts
        for word in prompt.partition(":")[2].removesuffix("=").split()
    } <= set(DECADE)


def test_a_store_shows_the_finished_model_against_scatter(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", empty=True)
    results = list(import_sources(store, discover([SHIPPED_RUNS]).sources))
    assert [result.status for result in results] == ["imported"] and results[0].rejected == 0
    counts = fetch_task_counts(store, Selection())
    shown = set(counts["run_id"])
    expected = {_last_run(model)["run_id"] for model in set(counts["model"])}
    store.close()
    assert shown == expected
    assert set(counts["level"]) == {1, 2, 3, 4, 5}


def test_shipping_one_seed_keeps_the_runs_of_the_others(tmp_path: Path) -> None:
    shipped = shutil.copy(SHIPPED_RUNS, tmp_path / "runs.parquet")
    before = {run["run_id"]: run["model_raw"] for run in _runs(shipped)}
    rows = pq.read_table(shipped, columns=["run_id"]).num_rows
    mine = [run_id for run_id, model in before.items() if model == "ladder-1k-s1"]
    samples = tmp_path / "work" / "ladder-1k-s1" / "samples.parquet"
    samples.parent.mkdir(parents=True)
    table = pq.read_table(shipped)
    table = table.filter(pc.is_in(table["run_id"], pa.array(mine)))
    runs = [run for run in _runs_of(shipped)[0] if run.run_id in mine]
    write_parquet(samples, [*runs, table])
    later = time.time() + 10
    os.utime(samples, (later, later))
    ship(RUNGS["1k"], tmp_path / "work", shipped)
    assert {run["run_id"]: run["model_raw"] for run in _runs(shipped)} == before
    assert pq.read_table(shipped, columns=["run_id"]).num_rows == rows
    assert shipped.stat().st_size == pytest.approx(SHIPPED_RUNS.stat().st_size, rel=0.02)
