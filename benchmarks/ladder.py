"""Whether probes of the shipped ladder reproduce its shipped results.

    python -m benchmarks.ladder                   every shipped model, 64 instances a task and split
    python -m benchmarks.ladder --model ladder-1k-s0 --n 16

Each model is probed with the run loop of `cli.py probe --model ladder:NAME`, into a separate store.
Per level and split, the shipped share of right answers (256 instances per task) must lie in the 95
% interval (Wilson, over instances) of the new share. The first n instances of a task are those of
the shipped run, so on the same class of machine every reply is the same.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from typing import Any

import pyarrow.parquet as pq
import torch
from statsmodels.stats.proportion import proportion_confint

from data.bootstrap import open_store
from data.probe_sink import StoreSink
from data.records import ScoredSample
from probe.ladder.build import SHIPPED_RUNS
from probe.models import ladder_names, open_model
from probe.run_loop import BatchDone, ProbeSpec, run_probe

N = 64


def shipped_samples(model: str) -> list[dict[str, Any]]:
    """The samples of the finished model against scatter."""
    file = SHIPPED_RUNS / f"{model.removeprefix('ladder-').rpartition('-')[0]}.parquet"
    runs = json.loads(pq.read_metadata(file).metadata[b"charybdis"])["runs"]
    mine = [
        run
        for run in runs
        if run["model_raw"] == model and run["metadata"]["ood_kind"] == "scatter"
    ]
    columns = ["run_id", "task", "split", "level", "instance_id", "outcome", "response"]
    last = max(mine, key=lambda run: int(run["step"]))
    return list(
        pq.read_table(file, columns=columns, filters=[("run_id", "=", last["run_id"])]).to_pylist()
    )


def probe_again(model: str, n: int, folder: str) -> list[ScoredSample]:
    """Samples of a new probe."""
    store = open_store(folder, empty=True)
    with open_model(f"ladder:{model}", device="cpu") as opened:
        events = list(
            run_probe(opened, ProbeSpec(n=n, with_answer_logprobs=False), StoreSink(store))
        )
    store.close()
    return [sample for event in events if isinstance(event, BatchDone) for sample in event.samples]


def compare(model: str, n: int = N) -> dict[str, Any]:
    """Shipped and new results per level and split, and the number of identical replies."""
    shipped = shipped_samples(model)
    with tempfile.TemporaryDirectory() as folder:
        again = probe_again(model, n, folder)
    replies = {(row["task"], row["split"], row["instance_id"]): row["response"] for row in shipped}
    same = [
        replies.get((one.task, str(one.split), one.instance_id)) == one.response for one in again
    ]
    cells = []
    for level, split in sorted({(int(row["level"]), str(row["split"])) for row in shipped}):
        old = [
            row["outcome"] == "correct"
            for row in shipped
            if (row["level"], row["split"]) == (level, split)
        ]
        new = [
            one.outcome == "correct"
            for one in again
            if (one.level, str(one.split)) == (level, split)
        ]
        low, high = proportion_confint(sum(new), len(new), method="wilson")
        figure = sum(old) / len(old)
        cells.append(
            {
                "level": level,
                "split": split,
                "shipped": figure,
                "again": sum(new) / len(new),
                "low": low,
                "high": high,
                # Both ends with a tolerance for rounding: at 0 of n, Wilson's lower end is 0 up to
                # 1e-17.
                "within": bool(low - 1e-9 <= figure <= high + 1e-9),
            }
        )
    return {"model": model, "n": len(again), "same_replies": sum(same) / len(same), "cells": cells}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", action="append", help="only this model; repeat for more")
    parser.add_argument("--n", type=int, default=N, help="instances per task and split")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    results = []
    for model in chosen.model or ladder_names():
        found = compare(model, chosen.n)
        results.append(found)
        outside = [
            f"level {cell['level']} {cell['split']}"
            for cell in found["cells"]
            if not cell["within"]
        ]
        if not chosen.json:
            print(
                f"{model:22} {found['n']:6} samples  same replies {found['same_replies']:7.2%} "
                f" {len(found['cells']) - len(outside)} of {len(found['cells'])} figures within "
                f" {', '.join(outside)}",
                flush=True,
            )
    if chosen.json:
        print(json.dumps(results, indent=1))
    return 0 if all(cell["within"] for found in results for cell in found["cells"]) else 1


if __name__ == "__main__":
    sys.exit(main())
