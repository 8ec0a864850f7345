"""Speed of 500 specifications over a million samples: sums in SQL and array operations, compared
with recomputing each in pandas, in one run.

python -m benchmarks.multiverse                   a million samples
python -m benchmarks.multiverse --samples 100000  fewer
python -m benchmarks.multiverse --json out.json   also write the numbers

CPU time of one process with one thread. Both start from the same table of samples in DuckDB with
each sample's metric values; the peer reads it once into a frame (not counted) and recomputes every
specification from its rows. The answers must be equal.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import product
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from analysis.what_if.aggregation import (
    Averaging,
    ScoreOrder,
    average_levels,
    level_matrix,
    level_scores,
)
from analysis.what_if.metric_list import metric_named
from analysis.what_if.scoring import Cells

METRICS = (
    "exact_match",
    "token_accuracy",
    "answer_probability",
    "token_probability",
    "answer_logprob",
)
PENALTIES = tuple(np.linspace(0, 2, 10).round(3))
WEIGHTS = tuple(tuple(np.linspace(1, end, 5).round(3)) for end in (1, 2, 3, 4, 5))
DENOMINATORS = ("unparsed_is_wrong", "parsed_only")
N_MODELS, N_TASKS = 2, 20
TARGET = 20.0


def make_samples(n: int, seed: int = 0) -> pd.DataFrame:
    """Samples of two models on 20 tasks of five levels in two splits, with the value of every
    metric.
    """
    rng = np.random.default_rng(seed)
    task, model, is_ood = (
        rng.integers(N_TASKS, size=n),
        rng.integers(N_MODELS, size=n),
        rng.random(n) < 0.5,
    )
    logprob = -rng.gamma(1.0 + task / 5 + is_ood, 0.7, n)
    parsed = rng.random(n) < 0.95
    columns = {
        "exact_match": ((rng.random(n) < np.exp(logprob)) & parsed).astype(float),
        "token_accuracy": np.exp(logprob / 5),
        "answer_probability": np.exp(logprob),
        "token_probability": np.exp(logprob / 3),
        "answer_logprob": logprob,
    }
    return pd.DataFrame(
        {
            "model": model,
            "task": task,
            "level": task // 4 + 1,
            "split": is_ood.astype(int),
            "parsed": parsed,
            **columns,
        }
    )


def cells_by_sql(connection: duckdb.DuckDBPyConnection) -> Cells:
    """Sufficient statistics of every cell, in one pass."""
    sums = ", ".join(f"sum({name}), sum({name}) FILTER (parsed)" for name in METRICS)
    rows = connection.execute(
        f"SELECT model, task, split, count(*), count(*) FILTER (parsed), {sums} FROM samples GROUP"
        " BY ALL ORDER BY ALL"
    ).fetchnumpy()
    values = np.array([np.asarray(column, dtype=float) for column in rows.values()])
    shape = (N_MODELS, N_TASKS, 3)
    at = tuple(values[:3].astype(int))

    def spread(column: np.ndarray) -> np.ndarray:
        found = np.zeros(shape)
        found[at] = column
        return found

    n = np.stack([spread(values[3]), spread(values[4])])
    total = np.array(
        [
            [spread(values[5 + 2 * place]), spread(values[6 + 2 * place])]
            for place in range(len(METRICS))
        ]
    )
    return Cells(
        models=tuple(map(str, range(N_MODELS))),
        metrics=tuple(metric_named(key) for key in METRICS),
        tasks=tuple(map(str, range(N_TASKS))),
        levels=np.arange(N_TASKS) // 4 + 1,
        level_labels={level: str(level) for level in range(1, 6)},
        n=np.stack([n] * len(METRICS)),
        total=total,
        squares=total,
        n_answered=n[0],
        n_parsed=n[1],
        n_error=np.zeros(shape),
        tokens=np.full(shape, np.nan),
        lacking={},
        partial={},
    )


def ours(connection: duckdb.DuckDBPyConnection) -> np.ndarray:
    """Difference of S of the two models under every specification: [metric, denominator, penalty,
    weights].
    """
    cells = cells_by_sql(connection)
    _, members = level_matrix(cells)
    with np.errstate(invalid="ignore"):
        means = cells.total / cells.n
    found = np.empty((len(METRICS), len(DENOMINATORS), len(PENALTIES), len(WEIGHTS)))
    ones = np.ones((N_MODELS, 5))
    for place, penalty in enumerate(PENALTIES):
        scores = level_scores(
            means, cells.n_answered, members, Averaging.LEVELS, ScoreOrder.TASK_FIRST, penalty
        )
        for column, weights in enumerate(WEIGHTS):
            totals = average_levels(scores, Averaging.LEVELS, np.array(weights), ones, ones)
            found[:, :, place, column] = totals[..., 0] - totals[..., 1]
    return found


def peer(
    samples: pd.DataFrame, metric: str, denominator: str, penalty: float, weights: tuple[float, ...]
) -> float:
    """One specification, computed from the rows."""
    kept = samples[samples["parsed"]] if denominator == "parsed_only" else samples
    means = kept.groupby(["model", "level", "task", "split"])[metric].mean().unstack("split")
    score = means[1] - penalty * (means[0] - means[1]).clip(lower=0)
    levels = score.groupby(["model", "level"]).mean().unstack("level")
    totals = (levels * np.array(weights)).sum(axis=1) / sum(weights)
    return float(totals[0] - totals[1])


def measure(n: int, n_peer: int = 500) -> dict[str, float]:
    """CPU seconds of both for 500 specifications; the peer may run `n_peer` of them, scaled up."""
    connection = duckdb.default_connection()
    connection.execute("SET threads = 1")
    samples = make_samples(n)
    connection.register("frame", samples)
    connection.execute("CREATE TABLE samples AS SELECT * FROM frame")
    ours(connection)
    began = time.process_time()
    found = ours(connection)
    ours_s = time.process_time() - began
    every = list(
        product(
            range(len(METRICS)),
            range(len(DENOMINATORS)),
            range(len(PENALTIES)),
            range(len(WEIGHTS)),
        )
    )
    chosen = [
        every[place]
        for place in np.linspace(0, len(every) - 1, min(n_peer, len(every))).round().astype(int)
    ]
    began = time.process_time()
    theirs = [
        peer(samples, METRICS[a], DENOMINATORS[b], float(PENALTIES[c]), WEIGHTS[d])
        for a, b, c, d in chosen
    ]
    peer_s = (time.process_time() - began) * len(every) / len(chosen)
    worst = max(abs(found[place] - other) for place, other in zip(chosen, theirs, strict=True))
    times = {"ours_s": ours_s, "peer_s": peer_s, "ratio": peer_s / ours_s}
    return {
        "samples": n,
        "specifications": len(every),
        "peer_run": len(chosen),
        **times,
        "worst_difference": float(worst),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument(
        "--peer",
        type=int,
        default=500,
        help="specifications that the peer recomputes; its time is scaled to all",
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = measure(options.samples, options.peer)
    print(
        f"{found['specifications']} specifications over {found['samples']:,} samples: SQL and NumPy"
        f" {found['ours_s']:.3f} s, pandas {found['peer_s']:.1f} s ({found['peer_run']} run):"
        f" {found['ratio']:.0f} times (target {TARGET:.0f}); largest difference"
        f" {found['worst_difference']:.1e}"
    )
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    if found["ratio"] < TARGET or found["worst_difference"] > 1e-9:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
