"""The same questions to the same model through lm-evaluation-harness, Inspect and our own probe:
real logs, and the same outcome each.

The harnesses run in an environment of their own (`make harness`), on a model of our ladder.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from cli import cli
from data.bootstrap import open_store
from data.queries import fetch_answers, fetch_runs
from data.records import Selection
from data.store import Store

ROOT = Path(__file__).resolve().parents[2]
HARNESS = ROOT / ".venv-harness" / "bin"
MODEL, TASK, N = "ladder-20k-s0", "sort_numbers", 24
"""A model that sorts some of the lists and not others."""
LM_EVAL_TASK = """
task: {task}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {questions}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{prompt}}}}"
doc_to_target: "{{{{target}}}}"
generation_kwargs: {{until: ["\\n"], do_sample: false, max_gen_toks: 24}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
metadata: {{version: 1.0}}
"""


@pytest.fixture(scope="module", autouse=True)
def harness() -> None:
    """Without the harnesses these tests are skipped with the reason printed; in CI that is a
    failure.
    """
    if not (HARNESS / "lm_eval").exists():
        reason = "no harness environment: make harness"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("round-trips") / "store"
    words = [
        "probe",
        "--model",
        f"ladder:{MODEL}",
        "--task",
        TASK,
        "--n",
        str(N),
        "--store",
        str(folder),
        "--empty",
        "--json",
    ]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    return open_store(folder)


@pytest.fixture(scope="module")
def probed(store: Store) -> pd.DataFrame:
    """Our own answers: what was asked, what is right, what became of it."""
    frame = fetch_answers(
        store, Selection(models=(MODEL,)), columns=("input", "target", "response")
    )
    assert len(frame) == 2 * N and 0 < (frame["outcome"] == "correct").sum() < 2 * N
    return frame


@pytest.fixture(scope="module")
def questions(probed: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("questions") / "questions.jsonl"
    rows = zip(probed["instance_id"], probed["split"], probed["input"], strict=True)
    # As the model writes it, without the sign that ends an answer: that is a token of its own,
    # which harnesses cut off.
    written = [
        " " + " ".join(f"{number:02d}" for number in json.loads(target))
        for target in probed["target"]
    ]
    items = [
        {"id": f"{split}-{name}", "prompt": prompt, "target": text}
        for (name, split, prompt), text in zip(rows, written, strict=True)
    ]
    file.write_text("".join(json.dumps(item) + "\n" for item in items))
    return file


def run(folder: Path, *words: str) -> None:
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "hf"),
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def imported(store: Store, logs: Path, log_format: str) -> pd.DataFrame:
    """The answers of the one run that the logs hold."""
    done = CliRunner().invoke(cli, ["import", str(logs), "--store", str(store.folder), "--json"])
    assert done.exit_code == 0, done.output
    (result,) = json.loads(done.stdout)["imports"]
    assert (result["format"], result["samples"], result["rejected"]) == (log_format, 2 * N, 0)
    runs = fetch_runs(store)
    (run_id,) = runs.loc[runs["format"] == log_format, "run_id"]
    return fetch_answers(store, Selection(runs=(run_id,)), columns=("response",))


def test_lm_evaluation_harness_comes_to_the_same_outcomes(
    store: Store, probed: pd.DataFrame, questions: Path, tmp_path: Path
) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / f"{TASK}.yaml").write_text(
        LM_EVAL_TASK.format(task=TASK, questions=questions)
    )
    model = f"pretrained={ROOT / 'probe/ladder/weights' / MODEL},dtype=float32"
    options = [
        "--include_path",
        "tasks",
        "--output_path",
        "out",
        "--log_samples",
        "--device",
        "cpu",
        "--batch_size",
        "16",
    ]
    run(
        tmp_path,
        str(HARNESS / "lm_eval"),
        "run",
        "--model",
        "hf",
        "--model_args",
        model,
        "--tasks",
        TASK,
        *options,
    )
    answers = imported(store, tmp_path / "out", "lm_eval_v04")
    in_order = answers.assign(place=answers["instance_id"].astype(int)).sort_values("place")
    assert [text.strip() for text in in_order["response"]] == [
        text.removesuffix("$").strip() for text in probed["response"]
    ]
    assert in_order["outcome"].tolist() == probed["outcome"].tolist()


def test_inspect_comes_to_the_same_outcomes(
    store: Store, probed: pd.DataFrame, questions: Path, tmp_path: Path
) -> None:
    model = ROOT / "probe/ladder/weights" / MODEL
    script = Path(__file__).with_name("run_inspect.py")
    run(
        tmp_path,
        str(HARNESS / "python"),
        str(script),
        str(model),
        MODEL,
        str(questions),
        str(tmp_path / "logs"),
        TASK,
    )
    answers = imported(store, tmp_path / "logs", "inspect").set_index("instance_id")
    mine = probed.set_index(probed["split"].astype(str) + "-" + probed["instance_id"])
    assert set(answers.index) == set(mine.index)
    assert answers.loc[mine.index, "outcome"].tolist() == mine["outcome"].tolist()
