"""Stores that studies are run on: what ships, and ordinary results of lm-evaluation-harness."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from data.bootstrap import open_store
from data.importing import discover, import_sources
from tests.conftest import MadeOnce

PYTHIA = {"70m": 0.3, "160m": 0.35, "410m": 0.45, "1b": 0.5, "1.4b": 0.6, "2.8b": 0.7}
"""Models of the lm-eval store, and the share of answers that are right."""
N_DOCS = 40


@pytest.fixture(scope="session")
def shipped_store(made_once: MadeOnce) -> Path:
    """The store of a first start."""
    return made_once("shipped", lambda folder: open_store(folder).close())


@pytest.fixture(scope="session")
def lm_eval_store(made_once: MadeOnce) -> Path:
    """Six sizes of one family on a multiple-choice task and on one with two filters, without levels
    and without splits.
    """
    return made_once("lm-eval", make_lm_eval_store)


def make_lm_eval_store(folder: Path) -> None:
    results = folder.with_name("results")
    results.mkdir()
    for place, (size, share) in enumerate(PYTHIA.items()):
        _write_run(results / size, f"EleutherAI/pythia-{size}", share, seed=place)
    store = open_store(folder, empty=True)
    done = list(import_sources(store, discover([results]).sources))
    assert len(done) == len(PYTHIA)
    store.close()


def _write_run(folder: Path, model: str, share: float, *, seed: int) -> None:
    folder.mkdir()
    rng = random.Random(seed)
    time = f"2026-01-02T03-04-0{seed}.000006"
    choices = [_choice_row(doc, rng.random() < share) for doc in range(N_DOCS)]
    answers = [
        _answer_row(doc, is_right, name)
        for doc in range(N_DOCS)
        for is_right in [rng.random() < share / 2]
        for name in ("strict-match", "flexible-extract")
    ]
    for task, rows in (("arc_easy", choices), ("gsm8k", answers)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"samples_{task}_{time}.jsonl").write_text(text)
    content = {
        "results": {
            "arc_easy": {"alias": "arc_easy"} | _means(choices, "acc", "none"),
            "gsm8k": {"alias": "gsm8k"}
            | _means(answers, "exact_match", "strict-match")
            | _means(answers, "exact_match", "flexible-extract"),
        },
        "configs": {"arc_easy": {"num_fewshot": 0}, "gsm8k": {"num_fewshot": 5}},
        "versions": {"arc_easy": 1.0, "gsm8k": 3.0},
        "n-shot": {"arc_easy": 0, "gsm8k": 5},
        "higher_is_better": {"arc_easy": {"acc": True}, "gsm8k": {"exact_match": True}},
        "n-samples": {
            task: {"original": N_DOCS, "effective": N_DOCS} for task in ("arc_easy", "gsm8k")
        },
        "config": {"model": "hf", "model_args": f"pretrained={model}"},
        "model_name": model,
    }
    (folder / f"results_{time}.json").write_text(json.dumps(content))


def _means(rows: list[dict[str, Any]], metric: str, name: str) -> dict[str, float]:
    values = [row[metric] for row in rows if row["filter"] == name]
    mean = sum(values) / len(values)
    stderr = (mean * (1 - mean) / (len(values) - 1)) ** 0.5
    return {f"{metric},{name}": mean, f"{metric}_stderr,{name}": stderr}


def _choice_row(doc: int, is_right: bool) -> dict[str, Any]:
    logprobs = ["-3.5", "-4.0", "-0.5" if is_right else "-9.0", "-5.0"]
    best = min(logprobs, key=lambda word: -float(word))
    pairs = [[word, str(word == best)] for word in logprobs]
    return {
        "doc_id": doc,
        "doc": {"question": f"Question {doc}"},
        "target": "2",
        "arguments": {
            f"gen_args_{place}": {"arg_0": f"Question {doc}:", "arg_1": f" {word}"}
            for place, word in enumerate(("red", "blue", "green", "white"))
        },
        "resps": [[pair] for pair in pairs],
        "filtered_resps": pairs,
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": f"d{doc}",
        "prompt_hash": f"p{doc}",
        "target_hash": f"t{doc}",
        "acc": float(is_right),
    }


def _answer_row(doc: int, is_right: bool, name: str) -> dict[str, Any]:
    said = str(doc) if is_right else str(doc + 1)
    return {
        "doc_id": doc,
        "doc": {"question": f"{doc} + 0?"},
        "target": f"#### {doc}",
        "arguments": {"gen_args_0": {"arg_0": f"Q: {doc} + 0?\nA:", "arg_1": {"until": ["\n"]}}},
        "resps": [[f"#### {said}"]],
        "filtered_resps": [said],
        "filter": name,
        "metrics": ["exact_match"],
        "doc_hash": f"d{doc}",
        "prompt_hash": f"p{doc}",
        "target_hash": f"t{doc}",
        "exact_match": float(is_right),
    }
