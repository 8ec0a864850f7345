"""Reading 200,000 lm-evaluation-harness samples: Charybdis against pandas.read_json and json +
pandas in one run.

    python benchmarks/import_lm_eval.py [--rows 200000] [--repeats 3] [--json]

CPU seconds of the whole process (all threads), the best of the repeats, which alternate so that all
are measured under the same load. Charybdis does more in that time: outcomes, scores,
log-probabilities of choices and answers, JSON columns, in the form that the store accepts. The last
line adds writing to a store, for which pandas has no counterpart.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from data.importers.kit.base import Source  # noqa: E402
from data.importers.lm_eval.v04 import IMPORTER  # noqa: E402
from data.importing import import_source  # noqa: E402
from data.records import Reject  # noqa: E402
from data.store import Store  # noqa: E402

TARGETS = {"pandas.read_json": 6.0, "json + pandas": 2.5}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _generation_row(doc_id: int, rng: random.Random) -> dict[str, Any]:
    numbers = [rng.randrange(100) for _ in range(6)]
    question, answer = "Sort: " + " ".join(map(str, numbers)), " ".join(map(str, sorted(numbers)))
    is_right = rng.random() < 0.5
    return {
        "doc_id": doc_id,
        "doc": {"question": question, "answer": answer},
        "target": answer,
        "arguments": {
            "gen_args_0": {
                "arg_0": f"{question}\nSorted:",
                "arg_1": {"until": ["\n"], "max_gen_toks": 16, "do_sample": False},
            }
        },
        "resps": [[f" {answer}"]],
        "filtered_resps": [answer if is_right else "[invalid]"],
        "filter": "strict-match",
        "metrics": ["exact_match"],
        "doc_hash": _digest(question),
        "prompt_hash": _digest(f"{question} "),
        "target_hash": _digest(answer),
        "exact_match": float(is_right),
    }


def _choice_row(doc_id: int, rng: random.Random) -> dict[str, Any]:
    a, b, gold = rng.randrange(100), rng.randrange(100), rng.randrange(4)
    choices = [str(a + b + shift) for shift in (1, -1, 10)]
    choices.insert(gold, str(a + b))
    question = f"What is {a} plus {b}?"
    prompt = f"Question: {question}\nAnswer:"
    logprobs = [-13 * rng.random() for _ in choices]
    pairs = [[repr(logprob), "False"] for logprob in logprobs]
    is_right = float(max(range(4), key=logprobs.__getitem__) == gold)
    return {
        "doc_id": doc_id,
        "doc": {"question": question, "choices": choices, "answer": gold},
        "target": str(gold),
        "arguments": {
            f"gen_args_{i}": {"arg_0": prompt, "arg_1": f" {choice}"}
            for i, choice in enumerate(choices)
        },
        "resps": [[pair] for pair in pairs],
        "filtered_resps": pairs,
        "filter": "none",
        "metrics": ["acc", "acc_norm"],
        "doc_hash": _digest(question),
        "prompt_hash": _digest(prompt),
        "target_hash": _digest(str(gold)),
        "acc": is_right,
        "acc_norm": is_right,
    }


ROWS = {"generation": _generation_row, "multiple choice": _choice_row}


def write_samples(file: Path, kind: str, n_rows: int) -> int:
    """Write samples in the format of 0.4.13; returns the number of characters written."""
    rng = random.Random(0)
    with file.open("w", encoding="utf-8") as stream:
        return sum(
            stream.write(json.dumps(ROWS[kind](i, rng), ensure_ascii=False) + "\n")
            for i in range(n_rows)
        )


def _fail(reject: Reject) -> None:
    raise RuntimeError(f"a generated row was rejected: {reject}")


def _read_with_charybdis(file: Path) -> int:
    tables = list(IMPORTER.read(Source(IMPORTER.name, file, (file,)), _fail))[1:]
    return sum(table.num_rows for table in tables)


def _read_with_json(file: Path) -> int:
    with file.open(encoding="utf-8") as stream:
        return len(pd.DataFrame([json.loads(line) for line in stream]))


def _read_with_pandas(file: Path) -> int:
    return len(pd.read_json(file, lines=True))


READERS: dict[str, Callable[[Path], int]] = {
    "Charybdis": _read_with_charybdis,
    "json + pandas": _read_with_json,
    "pandas.read_json": _read_with_pandas,
}


def _cpu_seconds(reader: Callable[[Path], int], file: Path, n_rows: int) -> float:
    start = time.process_time()
    found = reader(file)
    took = time.process_time() - start
    if found != n_rows:
        raise RuntimeError(f"{reader.__name__} read {found} of {n_rows} rows")
    return took


def _store_seconds(file: Path, folder: Path) -> float:
    store = Store(folder)
    start = time.process_time()
    result = import_source(store, Source(IMPORTER.name, file, (file,)))
    took = time.process_time() - start
    store.close()
    if result.status != "imported":
        raise RuntimeError(result.message)
    return took


def measure(kind: str, n_rows: int, repeats: int, folder: Path) -> dict[str, Any]:
    """CPU seconds of each reader on the same file, and the ratios of the others to Charybdis."""
    file = folder / f"samples_{kind.replace(' ', '_')}_2026-01-02T03-04-05.000006.jsonl"
    n_characters = write_samples(file, kind, n_rows)
    seconds = dict.fromkeys(READERS, float("inf"))
    for _ in range(repeats):
        for name, reader in READERS.items():
            seconds[name] = min(seconds[name], _cpu_seconds(reader, file, n_rows))
    stored = min(_store_seconds(file, folder / f"store{kind}{i}") for i in range(repeats))
    ratios = {name: seconds[name] / seconds["Charybdis"] for name in TARGETS}
    return {
        "kind": kind,
        "rows": n_rows,
        "characters": n_characters,
        "cpu_s": seconds,
        "cpu_s_into_store": stored,
        "times_as_fast": ratios,
        "met": all(ratios[name] >= target for name, target in TARGETS.items()),
    }


def main() -> int:
    """Measure, print, and fail when a target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = [measure(kind, options.rows, options.repeats, Path(folder)) for kind in ROWS]
    if options.json:
        print(json.dumps(results))
    else:
        for result in results:
            print(
                f"{result['kind']}: {result['rows']:,} samples, {result['characters'] / 1e6:.0f} M"
                " characters, CPU seconds"
            )
            for name, seconds in result["cpu_s"].items():
                ratio = result["times_as_fast"].get(name)
                print(
                    f"  {name:18} {seconds:6.2f}"
                    + (f"   {ratio:.1f} times as long, target {TARGETS[name]}" if ratio else "")
                )
            print(f"  Charybdis into a store {result['cpu_s_into_store']:.2f}")
    return 0 if all(result["met"] for result in results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
