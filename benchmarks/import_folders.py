"""Reading run folders of HELM and work folders of OpenCompass: Charybdis against json + pandas on
the same files in one run.

    python benchmarks/import_folders.py [--rows 5000] [--repeats 3] [--json]

CPU seconds of the whole process (all threads), the best of the repeats, which alternate so that
both are measured under the same load. The peer is the simplest script that reads the same answers
into a frame: `json.load` of every file, one row per answer, statistics or verdicts joined to it. It
holds whole files in memory, checks nothing and stores nothing. Charybdis reads the files record by
record, reports errors with their place, and derives outcomes, log-probabilities and a recount of
the stated numbers. The last line adds writing to a store.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from data.importers import IMPORTERS  # noqa: E402
from data.importers.kit.base import Source  # noqa: E402
from data.importing import discover, import_source  # noqa: E402
from data.records import Reject, ScoredSample  # noqa: E402
from data.store import Store  # noqa: E402

HELM_METRICS = (
    "num_references",
    "num_train_trials",
    "num_prompt_tokens",
    "num_completion_tokens",
    "num_output_tokens",
    "inference_runtime",
    "batch_size",
    "finish_reason_length",
    "finish_reason_stop",
    "finish_reason_endoftext",
    "finish_reason_unknown",
    "num_train_instances",
    "prompt_truncated",
    "max_prob",
    "exact_match",
    "exact_match@5",
    "quasi_exact_match",
    "quasi_exact_match@5",
    "prefix_exact_match",
    "prefix_exact_match@5",
    "quasi_prefix_exact_match",
    "quasi_prefix_exact_match@5",
    "logprob",
    "num_perplexity_tokens",
    "num_bytes",
)
"""The statistics that HELM 0.5 writes for each answer of a multiple-choice run."""


def _write(file: Path, content: Any, indent: int) -> int:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.write_text(json.dumps(content, indent=indent, ensure_ascii=False), encoding="utf-8")


# -- HELM ------------------------------------------------------------------------------------------


def _statistic(name: str, value: float) -> dict[str, Any]:
    spread = {
        "sum_squared": value * value,
        "min": value,
        "max": value,
        "mean": value,
        "variance": 0.0,
        "stddev": 0.0,
    }
    return {"name": {"name": name, "split": "test"}, "count": 1, "sum": value, **spread}


def _question(rng: random.Random) -> tuple[str, dict[str, str], str]:
    a, b = rng.randrange(100), rng.randrange(100)
    choices = dict(
        zip(
            "ABCD",
            rng.sample([str(a + b), str(a + b + 1), str(a + b - 1), str(a + b + 10)], 4),
            strict=True,
        )
    )
    return (
        f"What is {a} plus {b}?",
        choices,
        next(letter for letter, text in choices.items() if text == str(a + b)),
    )


def write_helm(folder: Path, n_rows: int) -> int:
    """A multiple-choice run with five shots, as written by `helm-run`; returns the number of
    characters written.
    """
    rng = random.Random(0)
    shots = "".join(
        f"Question: What is {i} plus {i}?\nA. {2 * i}\nB. 1\nC. 3\nD. 5\nAnswer: A\n\n"
        for i in range(10, 15)
    )
    adapter = {
        "method": "multiple_choice_joint",
        "model": "org/model",
        "max_train_instances": 5,
        "num_train_trials": 1,
        "temperature": 0.0,
    }
    states, by_instance, n_right = [], [], 0
    for number in range(n_rows):
        question, choices, gold = _question(rng)
        answer = gold if rng.random() < 0.5 else "ABCD"[rng.randrange(4)]
        n_right += answer == gold
        references = [
            {"output": {"text": text}, "tags": ["correct"] if letter == gold else []}
            for letter, text in choices.items()
        ]
        listed = "\n".join(f"{letter}. {text}" for letter, text in choices.items())
        logprob = -rng.random()
        completion = {
            "text": f" {answer}",
            "logprob": logprob,
            "tokens": [{"text": f" {answer}", "logprob": logprob}],
        }
        request = {
            "model": "org/model",
            "prompt": f"{shots}Question: {question}\n{listed}\nAnswer:",
            "temperature": 0.0,
            "max_tokens": 1,
        }
        states.append(
            {
                "instance": {
                    "input": {"text": question},
                    "references": references,
                    "split": "test",
                    "id": f"id{number}",
                },
                "train_trial_index": 0,
                "output_mapping": choices,
                "request": request,
                "result": {
                    "success": True,
                    "embedding": [],
                    "completions": [completion],
                    "cached": False,
                    "request_time": 0.25,
                    "request_datetime": 1762354922,
                },
                "num_train_instances": 5,
                "prompt_truncated": False,
                "num_conditioning_tokens": 0,
            }
        )
        values = [float(answer == gold) if "exact_match" in name else 1.0 for name in HELM_METRICS]
        stats = [_statistic(name, value) for name, value in zip(HELM_METRICS, values, strict=True)]
        by_instance.append({"instance_id": f"id{number}", "train_trial_index": 0, "stats": stats})
    means = [
        _statistic(name, n_right / n_rows if "exact_match" in name else 1.0)
        for name in HELM_METRICS
    ]
    spec = {
        "name": "sums:method=multiple_choice_joint,model=org_model",
        "scenario_spec": {"class_name": "sums.SumScenario", "args": {}},
        "adapter_spec": adapter,
        "groups": ["sums"],
    }
    parts = {
        "run_spec": spec,
        "scenario_state": {"adapter_spec": adapter, "request_states": states},
        "per_instance_stats": by_instance,
        "stats": [_statistic("num_instances", float(n_rows)), *means],
    }
    return sum(
        _write(folder / "runs" / "suite" / "sums" / f"{name}.json", content, 2)
        for name, content in parts.items()
    )


def read_helm_plainly(folder: Path) -> pd.DataFrame:
    """The same answers with json and pandas."""
    run = folder / "runs" / "suite" / "sums"
    with (run / "scenario_state.json").open(encoding="utf-8") as stream:
        states = json.load(stream)["request_states"]
    with (run / "per_instance_stats.json").open(encoding="utf-8") as stream:
        by_instance = json.load(stream)
    answers = pd.DataFrame(
        {
            "instance_id": state["instance"]["id"],
            "trial": state["train_trial_index"],
            "prompt": state["request"]["prompt"],
            "response": state["result"]["completions"][0]["text"],
            "logprobs": [token["logprob"] for token in state["result"]["completions"][0]["tokens"]],
            "target": next(
                ref["output"]["text"]
                for ref in state["instance"]["references"]
                if "correct" in ref["tags"]
            ),
            "duration_s": state["result"]["request_time"],
        }
        for state in states
    )
    metrics = pd.DataFrame(
        {
            "instance_id": row["instance_id"],
            "trial": row["train_trial_index"],
            **{stat["name"]["name"]: stat["mean"] for stat in row["stats"]},
        }
        for row in by_instance
    )
    return answers.merge(metrics, on=["instance_id", "trial"])


# -- OpenCompass -----------------------------------------------------------------------------------


def write_generation(folder: Path, n_rows: int) -> int:
    """Predictions and results of a generation task with details; returns the number of characters
    written.
    """
    rng = random.Random(0)
    predictions: dict[str, Any] = {}
    details: dict[str, Any] = {"type": "GEN"}
    n_right = 0
    for number in range(n_rows):
        numbers = [rng.randrange(100) for _ in range(6)]
        prompt, gold = "Sort: " + " ".join(map(str, numbers)), " ".join(map(str, sorted(numbers)))
        said = gold if rng.random() < 0.5 else "no idea"
        n_right += said == gold
        predictions[str(number)] = {"origin_prompt": prompt, "prediction": said, "gold": gold}
        details[str(number)] = {
            "prompt": prompt,
            "origin_prediction": said,
            "predictions": said,
            "references": gold,
        }
    return _write_opencompass(
        folder, predictions, {"accuracy": 100 * n_right / n_rows, "details": details}
    )


def write_choices(folder: Path, n_rows: int) -> int:
    """Predictions and results of a task scored by the probability of each choice, with details;
    returns the number of characters written.
    """
    rng = random.Random(0)
    predictions: dict[str, Any] = {}
    details: dict[str, Any] = {"type": "PPL"}
    n_right = 0
    for number in range(n_rows):
        question, choices, gold = _question(rng)
        asked = f"Question: {question}\n" + "\n".join(
            f"{letter}. {text}" for letter, text in choices.items()
        )
        weighed = {
            letter: {
                "prompt": f"{asked}\nAnswer: {letter}",
                "PPL": 6 * rng.random(),
                "BPB": 4 * rng.random(),
            }
            for letter in choices
        }
        best = min(weighed, key=lambda letter: weighed[letter]["PPL"])
        n_right += best == gold
        labels = {
            f"label: {letter}": {"testing input": facts["prompt"], **facts}
            for letter, facts in weighed.items()
        }
        origin = f"{asked}\nAnswer: A"
        predictions[str(number)] = {
            "in-context examples": "",
            "origin_prompt": origin,
            **labels,
            "prediction": best,
            "gold": gold,
        }
        details[str(number)] = {
            "origin_prediction": {"origin_prompt": origin, "gold": gold, **weighed},
            "predictions": best,
            "references": gold,
            "correct": best == gold,
        }
    return _write_opencompass(
        folder, predictions, {"accuracy": 100 * n_right / n_rows, "details": details}
    )


def _write_opencompass(folder: Path, predictions: dict[str, Any], results: dict[str, Any]) -> int:
    work = folder / "20260102_030405"
    return sum(
        _write(work / part / "model" / "sums.json", content, 4)
        for part, content in (("predictions", predictions), ("results", results))
    )


def read_opencompass_plainly(folder: Path) -> pd.DataFrame:
    """The same answers with json and pandas."""
    work = folder / "20260102_030405"
    with (work / "predictions" / "model" / "sums.json").open(encoding="utf-8") as stream:
        predictions = json.load(stream)
    with (work / "results" / "model" / "sums.json").open(encoding="utf-8") as stream:
        details = json.load(stream)["details"]
    details.pop("type")
    answers = pd.DataFrame.from_dict(predictions, orient="index")
    return answers.join(pd.DataFrame.from_dict(details, orient="index").add_suffix("_detail"))


# -- measuring -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """One layout, with its writer and its reader without Charybdis."""

    name: str
    write: Callable[[Path, int], int]
    read_plainly: Callable[[Path], pd.DataFrame]


KINDS = (
    Kind("HELM, multiple choice", write_helm, read_helm_plainly),
    Kind("OpenCompass, generation", write_generation, read_opencompass_plainly),
    Kind("OpenCompass, weighed choices", write_choices, read_opencompass_plainly),
)


def _fail(reject: Reject) -> None:
    raise RuntimeError(f"a generated record was rejected: {reject}")


def _n_samples(source: Source) -> int:
    importer = next(one for one in IMPORTERS if one.name == source.importer)
    n = 0
    for batch in importer.read(source, _fail):
        if isinstance(batch, pa.Table):
            n += batch.num_rows
        elif isinstance(batch, list) and batch and isinstance(batch[0], ScoredSample):
            n += len(batch)
    return n


def _cpu_s(reader: Callable[[], int], n_rows: int) -> float:
    start = time.process_time()
    found = reader()
    took = time.process_time() - start
    if found != n_rows:
        raise RuntimeError(f"{found} of {n_rows} answers were read")
    return took


def _stored(source: Source, folder: Path) -> int:
    store = Store(folder)
    result = import_source(store, source)
    store.close()
    if result.status != "imported":
        raise RuntimeError(result.message)
    return result.samples


def measure(kind: Kind, n_rows: int, repeats: int, folder: Path) -> dict[str, Any]:
    """CPU seconds of both on the same files, and the ratio of the plain script to Charybdis."""
    n_characters = kind.write(folder / "files", n_rows)
    (source,) = discover([folder / "files"]).sources
    ours = plain = stored = float("inf")
    for repeat in range(repeats):
        ours = min(ours, _cpu_s(lambda: _n_samples(source), n_rows))
        plain = min(plain, _cpu_s(lambda: len(kind.read_plainly(folder / "files")), n_rows))
        place = folder / f"store{repeat}"
        stored = min(stored, _cpu_s(lambda place=place: _stored(source, place), n_rows))  # type: ignore[misc]
    return {
        "kind": kind.name,
        "rows": n_rows,
        "characters": n_characters,
        "cpu_s": ours,
        "cpu_s_json_pandas": plain,
        "cpu_s_into_store": stored,
        "rows_per_s": n_rows / ours,
        "times_as_fast": plain / ours,
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    results = []
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(kind, options.rows, options.repeats, Path(folder)))
    if options.json:
        print(json.dumps(results))
        return 0
    for result in results:
        print(
            f"{result['kind']}: {result['rows']:,} answers, {result['characters'] / 1e6:.0f} M"
            " characters, CPU seconds"
        )
        print(
            f"  Charybdis      {result['cpu_s']:6.2f}   {result['rows_per_s']:,.0f} answers a"
            " second"
        )
        print(
            f"  json + pandas  {result['cpu_s_json_pandas']:6.2f}   {result['times_as_fast']:.2f}"
            " times as long"
        )
        print(f"  Charybdis into a store {result['cpu_s_into_store']:.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
