"""Two importers, a probe and three readers on one store at the same time: nothing is lost, nothing
is shown half-written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from data.bootstrap import open_store
from data.checking import check_store
from data.queries import fetch_runs, fetch_task_counts
from data.records import Selection
from data.store import Store

ROOT = Path(__file__).resolve().parents[2]
N_FILES, N_SAMPLES = 6, 200
"""Per importer; each file is one run."""


def write_runs(folder: Path) -> Path:
    folder.mkdir()
    for place in range(N_FILES):
        run_id = f"{folder.name}-{place}"
        rows = [
            {
                "kind": "run",
                "run_id": run_id,
                "model_raw": run_id,
                "format": "probe",
                "level_scheme": "scylla",
            }
        ]
        rows += [
            {
                "kind": "sample",
                "run_id": run_id,
                "task": "two_sum",
                "instance_id": f"{n}",
                "split": "id",
                "outcome": "correct",
            }
            for n in range(N_SAMPLES)
        ]
        (folder / f"{run_id}.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return folder


def shell(store: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "cli.py"), *words, "--store", str(store), "--json"]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"CI": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_importers_a_probe_and_three_readers_lose_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    open_store(folder, empty=True).close()
    torn: list[str] = []
    n_reads = [0, 0, 0]
    is_over = threading.Event()

    def keep_reading(place: int) -> None:
        store = Store(folder)
        while not is_over.is_set():
            counts = fetch_task_counts(store, Selection())
            imported = counts[counts["model"].str.startswith(("left-", "right-"))]
            torn.extend(imported.loc[imported["n_correct"] != N_SAMPLES, "model"])
            n_reads[place] += 1
            is_over.wait(0.02)
        store.close()

    readers = [threading.Thread(target=keep_reading, args=(place,)) for place in range(3)]
    writers = [
        shell(folder, "import", str(write_runs(tmp_path / "left"))),
        shell(folder, "import", str(write_runs(tmp_path / "right"))),
        shell(
            folder,
            "probe",
            "--model",
            "demo:oracle:0.2:7",
            "--task",
            "two_sum",
            "--task",
            "find_minimum",
            "--n",
            "32",
        ),
    ]
    for reader in readers:
        reader.start()
    told = [writer.communicate(timeout=240) for writer in writers]
    is_over.set()
    for reader in readers:
        reader.join()
    assert [writer.returncode for writer in writers] == [0, 0, 0], told
    assert torn == [] and min(n_reads) > 3
    store = open_store(folder)
    runs = fetch_runs(store)
    imported = runs[runs["model"].str.startswith(("left-", "right-"))]
    assert imported["n_samples"].tolist() == [N_SAMPLES] * 2 * N_FILES
    assert int(runs.loc[~runs["run_id"].isin(imported["run_id"]), "n_samples"].sum()) == 2 * 2 * 32
    assert all(finding.passed for finding in check_store(store))


@pytest.mark.parametrize("n_at_once", [2])
def test_the_same_files_by_two_importers_come_in_once(n_at_once: int, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    open_store(folder, empty=True).close()
    results = write_runs(tmp_path / "left")
    writers = [shell(folder, "import", str(results)) for _ in range(n_at_once)]
    told = [writer.communicate(timeout=240) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * n_at_once, told
    assert fetch_runs(open_store(folder))["n_samples"].tolist() == [N_SAMPLES] * N_FILES
    statuses = [item["status"] for output, _ in told for item in json.loads(output)["imports"]]
    assert sorted(set(statuses)) in (["imported"], ["imported", "unchanged"])
    assert all(finding.passed for finding in check_store(open_store(folder)))
