"""Watched folders: new and grown files come in, none comes twice, and one cut off in the middle
loses only its last line.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from data.bootstrap import open_store
from data.importing import discover, import_sources
from data.queries import fetch_run, fetch_runs, fetch_task_counts
from data.records import CharybdisError, Selection
from data.store import Store
from data.unfinished import QUIET_S
from data.watching import Watch, watch_folders, watched_folders
from tests.data.importers.inspect_files import HEADER, put, write_eval
from tests.data.importers.inspect_files import sample as inspect_sample

RUN = {
    "kind": "run",
    "run_id": "r",
    "model_raw": "m",
    "format": "probe",
    "level_scheme": "scylla",
    "status": "partial",
}


def line(place: int, outcome: str = "correct") -> str:
    sample = {
        "kind": "sample",
        "run_id": "r",
        "task": "two_sum",
        "instance_id": f"{place}",
        "split": "id",
        "outcome": outcome,
    }
    return json.dumps(sample) + "\n"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store", empty=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def put_id(eval_id: str) -> dict[str, Any]:
    """A header of another evaluation that says it has only started."""
    return put(put(HEADER, "eval.eval_id", eval_id), "status", "started")


def n_correct(store: Store) -> int:
    return int(fetch_task_counts(store, Selection())["n_correct"].sum())


def test_new_and_grown_files_come_in_once(store: Store, folder: Path) -> None:
    watch_folders(store, [folder])
    watch = Watch(store)
    assert watch.look() == []
    file = folder / "run.jsonl"
    file.write_text(json.dumps(RUN) + "\n" + line(0))
    assert [(result.status, result.samples) for result in watch.look()] == [("imported", 1)]
    version = store.version
    assert watch.look() == [] and store.version == version
    with file.open("a") as growing:
        growing.write(line(1) + line(2))
    assert [(result.status, result.samples) for result in watch.look()] == [("imported", 3)]
    assert n_correct(store) == 3 and len(fetch_runs(store)) == 1


def test_file_that_ends_in_the_middle_of_a_line_comes_in_and_is_made_whole_later(
    store: Store, folder: Path
) -> None:
    watch_folders(store, [folder])
    watch = Watch(store)
    file = folder / "run.jsonl"
    file.write_text(json.dumps(RUN) + "\n" + line(0) + line(1)[:30])
    (result,) = watch.look()
    assert (result.status, result.samples, result.rejected) == ("imported", 1, 1)
    file.write_text(json.dumps(RUN) + "\n" + line(0) + line(1))
    (result,) = watch.look()
    assert (result.samples, result.rejected) == (2, 0)
    assert n_correct(store) == 2


def test_bad_file_is_told_and_tried_again_when_it_changes(store: Store, folder: Path) -> None:
    watch_folders(store, [folder])
    watch = Watch(store)
    file = folder / "run.jsonl"
    file.write_text(
        '{"kind":"run","run_id":"r","model_raw":"m"}\n'
    )  # format is missing: nothing can be used
    assert [result.status for result in watch.look()] == ["failed"]
    assert watch.look() == []
    file.write_text(json.dumps(RUN) + "\n" + line(0))
    assert [result.status for result in watch.look()] == ["imported"]
    assert [result.status for result in watch.results] == ["imported", "failed"]


# -- runs that are still being written -------------------------------------------------------------


def statuses(store: Store) -> list[tuple[str, int]]:
    """Status and number of samples of each run."""
    return [
        (str(status), int(n)) for status, n in fetch_runs(store)[["status", "n_samples"]].to_numpy()
    ]


def append(archive: Path, whole: Path, names: list[str]) -> None:
    """Write further members of a genuine log, as its harness does while the evaluation goes on."""
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(archive, "a") as growing:
        for name in names:
            growing.writestr(name, source.read(name))


def test_growing_log_is_running_with_its_samples_so_far_until_its_end_is_there(
    store: Store, folder: Path, shared: Path
) -> None:
    genuine = shared / "fixtures" / "inspect" / "repo_tests" / "log_streaming.eval"
    watch_folders(store, [folder])
    watch, log = Watch(store), folder / "log.eval"
    append(log, genuine, ["_journal/start.json"])
    watch.look()
    assert statuses(store) == [("running", 0)]
    append(log, genuine, ["samples/2_epoch_2.json", "samples/2_epoch_1.json"])
    watch.look()
    assert statuses(store) == [("running", 2)]
    assert fetch_run(store, fetch_runs(store)["run_id"][0])["status"] == "running"
    append(
        log,
        genuine,
        [
            "samples/1_epoch_1.json",
            "samples/1_epoch_2.json",
            "summaries.json",
            "reductions.json",
            "header.json",
        ],
    )
    watch.look()
    assert statuses(store) == [("success", 4)]
    with store.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM imports").fetchall() == [(1,)]


def test_quiet_log_is_not_called_running_any_more(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch_folders(store, [folder])
    watch = Watch(store)
    write_eval(folder / "log.eval", [inspect_sample(1)], None)
    os.utime(write_eval(folder / "old.eval", [inspect_sample(1)], put_id("eval-old")), (1, 1))
    watch.look()
    assert sorted(statuses(store)) == [("running", 1), ("started", 1)]
    version, of_runs = store.version, store.read_versions()
    watch.look()
    assert store.version == version
    later_s = time.time() + QUIET_S + 1
    monkeypatch.setattr("data.unfinished.time.time", lambda: later_s)
    assert statuses(store) == [("started", 1), ("started", 1)]
    watch.look()
    assert store.version == version + 1  # so that pages read anew
    assert store.read_versions() != of_runs
    watch.look()
    assert store.version == version + 1


def test_unfinished_log_that_is_not_watched_is_not_called_running(
    store: Store, folder: Path
) -> None:
    write_eval(folder / "log.eval", [inspect_sample(1)], None)
    list(import_sources(store, discover([folder]).sources))
    assert statuses(store) == [("started", 1)]


def test_growing_samples_are_one_run_which_ends_when_their_results_are_there(
    store: Store, folder: Path, shared: Path
) -> None:
    genuine = shared / "fixtures" / "lm_eval_v04" / "selfmade_0.4.13" / "tiny-random__tiny-b"
    (samples,) = genuine.glob("samples_cc_add1_*.jsonl")
    (results,) = genuine.glob("results_*.json")
    lines = samples.read_bytes().splitlines(keepends=True)
    watch_folders(store, [folder])
    watch = Watch(store)
    # Each state of a samples file gives a run id of its own: the newer one must replace the older.
    for n in (5, 9):
        (folder / samples.name).write_bytes(b"".join(lines[:n]))
        watch.look()
        assert statuses(store) == [("running", n)]
    (folder / samples.name).write_bytes(b"".join(lines))
    shutil.copy(results, folder)
    watch.look()
    assert statuses(store) == [("success", len(lines))]


def test_run_that_was_finished_stays_when_its_file_is_written_anew(
    store: Store, folder: Path
) -> None:
    watch_folders(store, [folder])
    watch = Watch(store)
    for run_id, status in (("a", "success"), ("b", "started"), ("c", "started")):
        (folder / "run.jsonl").write_text(
            json.dumps(RUN | {"run_id": run_id, "status": status})
            + "\n"
            + line(0).replace('"r"', f'"{run_id}"')
        )
        watch.look()
    assert sorted(fetch_runs(store)["run_id"]) == ["a", "c"]


def test_store_remembers_which_folders_and_refuses_what_is_none(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    assert watched_folders(store) == ()
    assert watch_folders(store, [folder, folder]) == (folder,)
    assert watched_folders(open_store(store.folder)) == (folder,)
    with pytest.raises(CharybdisError, match="is no folder"):
        watch_folders(store, [tmp_path / "nothing"])
    assert watch_folders(store, []) == ()


def test_folder_that_vanished_is_no_failure(store: Store, folder: Path) -> None:
    watch_folders(store, [folder])
    watch = Watch(store)
    watch.look()
    folder.rmdir()
    assert watch.look() == []


def test_thread_looks_by_itself_until_it_is_stopped(store: Store, folder: Path) -> None:
    watch_folders(store, [folder])
    watch = Watch(store)
    heard = threading.Event()
    watch.start(pause_s=0.05, told=lambda _: heard.set())
    (folder / "run.jsonl").write_text(json.dumps(RUN) + "\n" + line(0))
    assert heard.wait(timeout=20)
    watch.stop()
    assert n_correct(store) == 1
    time.sleep(0.2)
    (folder / "more.jsonl").write_text(
        json.dumps(RUN | {"run_id": "s"}) + "\n" + line(0).replace('"r"', '"s"')
    )
    time.sleep(0.3)
    assert len(fetch_runs(store)) == 1
