"""Speed and size of the store: ten million samples, each query compared with its peer in one run,
in CPU time.

python -m benchmarks.store                      fill a temporary store, measure, print a table
python -m benchmarks.store --folder F           keep the filled store in F and use it again
python -m benchmarks.store --json results.json  also write the numbers
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.importers.kit.base import sample_table
from data.migrations import SCHEMA_VERSION
from data.queries import SampleFilter, fetch_sample_page, fetch_task_counts
from data.records import Outcome, RunInfo, Selection
from data.store import Store
from data.writer import writing

N_MODELS = 40
TASKS_OF_LEVEL = tuple(
    tuple(f"level{level}_task{task}" for task in range(4)) for level in range(1, 6)
)
SPLITS = ("id", "ood")
OUTCOMES = np.array(["correct", "wrong", "unparsed", "error"])
N_TEXTS = 100_000
REPEATS = 5
SECONDS_OF_CURSORS = 1.5
PARQUET = "samples.parquet"

BY_SCAN = """
    SELECT model_key, level, split, sum(c.n) AS n,
           coalesce(sum(c.n) FILTER (outcome = 'correct'), 0) AS n_correct
    FROM (SELECT run_key, level, split, outcome, count(*) AS n
          FROM samples WHERE is_primary GROUP BY ALL) c
    JOIN runs USING (run_key) GROUP BY model_key, level, split ORDER BY ALL
"""
BY_ROLLUP = """
    SELECT model_key, c.level, c.split, sum(n_correct + n_wrong + n_unparsed + n_error) AS n,
           sum(n_correct) AS n_correct
    FROM cells c JOIN runs USING (run_key) WHERE is_primary
    GROUP BY model_key, c.level, c.split ORDER BY ALL
"""
FULL_SCAN = """
    SELECT count(*), min(answer_logprob), sum(strlen(response)), sum(strlen(target)),
           sum(strlen(parsed_answer))
    FROM samples WHERE is_primary AND outcome = 'wrong'
"""
"""Every wrong answer with the text that the page shows for fifty of them."""
TEXT_COLUMNS = ("input", "target", "response", "parsed_answer", "reason", "metrics", "metadata")


@dataclass(frozen=True, slots=True)
class Result:
    """One measured ratio: `ours` against `peer` in the same unit, and the target the ratio must not
    exceed (or must reach).
    """

    what: str
    ours: float
    peer: float
    unit: str
    ratio: float
    target: float
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.ratio >= self.target if self.at_least else self.ratio <= self.target


# -- filling ---------------------------------------------------------------------------------------


def fill(store: Store, n_rows: int, *, with_text: bool = True, seed: int = 0) -> float:
    """Fill a store with synthetic samples of N_MODELS models, run by run. Returns the CPU seconds
    of writing.
    """
    rng = np.random.default_rng(seed)
    texts = _texts(rng) if with_text else None
    n_instances = n_rows // (N_MODELS * len(SPLITS) * sum(map(len, TASKS_OF_LEVEL)))
    spent_s = 0.0
    for number in range(N_MODELS):
        run = RunInfo(
            run_id=f"run-{number:02}",
            model_raw=f"model-{number:02}",
            format="benchmark",
            level_scheme="benchmark",
        )
        table = _run_table(rng, run.run_id, number, n_instances, texts)
        begun_s = time.process_time()
        with writing(store) as writer:
            writer.add_run(run)
            for batch in range(0, table.num_rows, 50_000):
                writer.add_sample_table(table.slice(batch, 50_000))
        spent_s += time.process_time() - begun_s
    return spent_s


def _run_table(
    rng: np.random.Generator,
    run_id: str,
    number: int,
    n_instances: int,
    texts: dict[str, pa.Array] | None,
) -> pa.Table:
    cells = [
        (level, task, split)
        for level, tasks in enumerate(TASKS_OF_LEVEL, 1)
        for task in tasks
        for split in SPLITS
    ]
    n = len(cells) * n_instances
    level = np.repeat([cell[0] for cell in cells], n_instances)
    is_ood = np.repeat([cell[2] == "ood" for cell in cells], n_instances)
    p_correct = 1 / (1 + np.exp(-(2.5 + number / 10 - 0.9 * level - 0.6 * is_ood)))
    draw = rng.random(n)
    outcome = np.select([draw < p_correct * 0.96, draw < 0.96, draw < 0.995], [0, 1, 2], 3)
    columns = {
        "run_id": pa.array([run_id] * n),
        "task": pa.array(np.repeat([cell[1] for cell in cells], n_instances)),
        "instance_id": pa.array(
            [f"{split}-{place:05}" for _, _, split in cells for place in range(n_instances)]
        ),
        "split": pa.array(np.where(is_ood, "ood", "id")),
        "level": pa.array(level, pa.int16()),
        "outcome": pa.array(OUTCOMES[outcome]),
        "score": pa.array((outcome == 0).astype(np.float32), mask=outcome == 3),
        "answer_logprob": pa.array(np.round(-rng.gamma(2.0, 3.0, n), 4), pa.float32()),
        "n_input_tokens": pa.array(rng.poisson(90, n), pa.int32()),
        "n_output_tokens": pa.array(rng.geometric(1 / 60, n), pa.int32()),
    }
    if texts is not None:
        places = pa.array(rng.integers(N_TEXTS, size=n))
        columns |= {name: text.take(places) for name, text in texts.items()}
    return sample_table(columns)


def _texts(rng: np.random.Generator) -> dict[str, pa.Array]:
    """Prompts and responses like those of benchmarks: a fixed frame, words at Zipf's frequencies,
    and unpredictable numbers.
    """
    letters, weights = np.array(list("etaoinshrdlcumwfgypbvk")), np.arange(22, 0, -1) / 253
    vocabulary = np.array(
        ["".join(rng.choice(letters, size=max(2, rng.poisson(5)), p=weights)) for _ in range(8000)]
    )
    frequency = 1 / np.arange(1, 8001)
    words = rng.choice(vocabulary, size=(N_TEXTS, 28), p=frequency / frequency.sum())
    numbers = rng.integers(-999, 999, size=(N_TEXTS, 14))
    lists = [", ".join(map(str, row)) for row in numbers.tolist()]
    said = [" ".join(row) for row in words.tolist()]
    answers = [str(row[0]) for row in numbers.tolist()]
    return {
        "input": pa.array(
            [
                f"Here is a list of numbers: [{row}]. Find the one asked for. Answer with a number"
                " only.\nAnswer:"
                for row in lists
            ]
        ),
        "response": pa.array(
            [
                f"Let us look at the list step by step. {text}. The answer is {last}."
                for text, last in zip(said, answers, strict=True)
            ]
        ),
        "target": pa.array(answers),
        "parsed_answer": pa.array(answers[::-1]),
    }


def n_bytes(store: Store) -> int:
    """Size of the content of the store's file. Free blocks are reused by the next import, or
    removed by `store compact`.
    """
    with store.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        ((block_size, used_blocks),) = cursor.execute(
            "SELECT block_size, used_blocks FROM pragma_database_size()"
        ).fetchall()
    return int(block_size * used_blocks)


# -- measuring -------------------------------------------------------------------------------------


def cpu_s(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median CPU seconds of this process, all threads together; one round to warm up."""
    work()
    spent = []
    for _ in range(repeats):
        begun_s = time.process_time()
        work()
        spent.append(time.process_time() - begun_s)
    return float(np.median(spent))


def ask(store: Store, sql: str) -> list[tuple[object, ...]]:
    """Run one query on a separate cursor."""
    with store.cursor() as cursor:
        rows: list[tuple[object, ...]] = cursor.execute(sql).fetchall()
    return rows


def counts_in_pandas(file: Path) -> pd.DataFrame:
    """The same query in pandas on Parquet: only the required columns are read."""
    frame = pd.read_parquet(file, columns=["model", "level", "split", "outcome"])
    frame["is_correct"] = frame["outcome"] == "correct"
    return frame.groupby(["model", "level", "split"], observed=True)["is_correct"].agg(
        ["size", "sum"]
    )


def write_parquet(store: Store, file: Path) -> None:
    """The samples without text as a Parquet file, names as dictionary-encoded strings."""
    sql = """
        SELECT m.model, t.task, s.instance_id, s.level, s.split::VARCHAR AS split,
               s.outcome::VARCHAR AS outcome, s.score,
               s.answer_logprob, s.n_input_tokens, s.n_output_tokens
        FROM samples s JOIN runs USING (run_key) JOIN models m USING (model_key)
        JOIN tasks t USING (task_key)
    """
    with store.cursor() as cursor:
        batches = cursor.execute(sql).to_arrow_reader(100_000)
        with pq.ParquetWriter(file, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)


def questions_per_s(
    store: Store, n_threads: int, expected: list[tuple[object, ...]]
) -> tuple[float, int]:
    """Rollup queries per second with this number of threads, each with separate cursors; and the
    number of wrong answers.
    """
    answered, wrong = [0] * n_threads, [0] * n_threads
    stop_at = time.monotonic() + SECONDS_OF_CURSORS

    def work(place: int) -> None:
        while time.monotonic() < stop_at:
            try:
                wrong[place] += ask(store, BY_ROLLUP) != expected
            except duckdb.Error:
                wrong[place] += 1
            answered[place] += 1

    threads = [threading.Thread(target=work, args=(place,)) for place in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(answered) / SECONDS_OF_CURSORS, sum(wrong)


def cursors(store: Store) -> Iterator[Result]:
    """One cursor and eight, alternating, so that both are measured under the same load; the best
    round of each.
    """
    expected = ask(store, BY_ROLLUP)
    rounds = [
        (questions_per_s(store, 1, expected), questions_per_s(store, 8, expected))
        for _ in range(REPEATS)
    ]
    one, eight = (max(pair[place][0] for pair in rounds) for place in (0, 1))
    yield Result(
        "questions a second: 8 cursors, 1 cursor",
        eight,
        one,
        "1/s",
        eight / one,
        1.8,
        at_least=True,
    )
    n_wrong = sum(count for pair in rounds for _, count in pair)
    yield Result("wrong answers and errors among them", n_wrong, 0, "answers", n_wrong, 0)


def measure(store: Store, slim: Store, folder: Path) -> Iterator[Result]:
    """Every target, one after the other."""
    if not (folder / PARQUET).exists():
        write_parquet(store, folder / PARQUET)
    scan, rollup = cpu_s(lambda: ask(store, BY_SCAN)), cpu_s(lambda: ask(store, BY_ROLLUP), 30)
    if ask(store, BY_SCAN) != ask(store, BY_ROLLUP):
        raise SystemExit("The rollup disagrees with the samples it counts.")
    pandas = cpu_s(lambda: counts_in_pandas(folder / PARQUET), 3)
    yield Result(
        "accuracy by model, level and split: store, pandas on Parquet",
        scan,
        pandas,
        "CPU s",
        scan / pandas,
        1 / 10,
    )
    yield Result("the same by rollup: rollup, scan", rollup, scan, "CPU s", rollup / scan, 1 / 30)
    counts = cpu_s(lambda: fetch_task_counts(store, Selection(scheme="benchmark")))
    yield Result(
        "the valley page's question, to a frame: rollup, scan",
        counts,
        scan,
        "CPU s",
        counts / scan,
        1.0,
    )
    wanted = SampleFilter(outcome=Outcome.WRONG)
    page = cpu_s(
        lambda: fetch_sample_page(
            store, Selection(scheme="benchmark"), wanted, sort="least likely answer"
        ),
        3,
    )
    full = cpu_s(lambda: ask(store, FULL_SCAN), 2)
    yield Result(
        "worst failures with text: page of 50, full scan", page, full, "CPU s", page / full, 1 / 4
    )
    yield from cursors(store)
    ((n_rows, n_characters),) = ask(
        store,
        "SELECT count(*),"
        f" sum({' + '.join(f'coalesce(length({name}), 0)' for name in TEXT_COLUMNS)}) FROM samples",
    )
    per_row = n_bytes(slim) / int(str(n_rows))
    yield Result("bytes a row without text", per_row, 1.0, "bytes", per_row, 12)
    text = n_bytes(store) - n_bytes(slim)
    yield Result(
        "text: bytes stored, characters",
        text,
        int(str(n_characters)),
        "bytes",
        text / int(str(n_characters)),
        0.32,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="keep the filled store here and use it again")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        store, slim = Store(folder / "full"), Store(folder / "slim")
        for one, with_text in ((store, True), (slim, False)):
            if not ask(one, "SELECT count(*) FROM runs")[0][0]:
                spent_s = fill(one, options.rows, with_text=with_text)
                print(
                    f"filled {one.folder.name}: {options.rows / spent_s:,.0f} rows a CPU second",
                    flush=True,
                )
        results = []
        for result in measure(store, slim, folder):
            results.append(result)
            verdict = "met" if result.is_met else "MISSED"
            bound = "at least" if result.at_least else "at most"
            print(
                f"{verdict:7}{result.what:62}{result.ours:16,.4f}{result.peer:18,.4f}"
                f" {result.unit:8}{result.ratio:9.4f} ({bound} {result.target:.4g})",
                flush=True,
            )
        if options.json:
            machine = {
                "python": platform.python_version(),
                "duckdb": duckdb.__version__,
                "rows": options.rows,
                "schema": SCHEMA_VERSION,
            }
            rows = [{**asdict(result), "is_met": result.is_met} for result in results]
            options.json.write_text(
                json.dumps({"machine": machine, "results": rows}, indent=2) + "\n"
            )


if __name__ == "__main__":
    main()
