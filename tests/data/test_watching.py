"""Watched folders: new and grown files come in, none comes twice, and one cut off in the middle loses only its last line."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from data.bootstrap import open_store
from data.queries import fetch_runs, fetch_task_counts
from data.records import CharybdisError, Selection
from data.store import Store
from data.watching import Watch, watch_folders, watched_folders

RUN = {"kind": "run", "run_id": "r", "model_raw": "m", "format": "probe", "level_scheme": "scylla", "status": "partial"}


def line(place: int, outcome: str = "correct") -> str:
    sample = {"kind": "sample", "run_id": "r", "task": "two_sum", "instance_id": f"{place}", "split": "id", "outcome": outcome}
    return json.dumps(sample) + "\n"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store", empty=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


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


def test_file_that_ends_in_the_middle_of_a_line_comes_in_and_is_made_whole_later(store: Store, folder: Path) -> None:
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
    file.write_text('{"kind":"run","run_id":"r","model_raw":"m"}\n')  # format is missing: nothing can be used
    assert [result.status for result in watch.look()] == ["failed"]
    assert watch.look() == []
    file.write_text(json.dumps(RUN) + "\n" + line(0))
    assert [result.status for result in watch.look()] == ["imported"]
    assert [result.status for result in watch.results] == ["imported", "failed"]


def test_store_remembers_which_folders_and_refuses_what_is_none(store: Store, folder: Path, tmp_path: Path) -> None:
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
    (folder / "more.jsonl").write_text(json.dumps(RUN | {"run_id": "s"}) + "\n" + line(0).replace('"r"', '"s"'))
    time.sleep(0.3)
    assert len(fetch_runs(store)) == 1
