"""Out of one store, into another: the same runs, scores and samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.bootstrap import open_store
from data.importing import discover, import_sources
from data.interchange import stored_batches, write_jsonl, write_parquet
from data.queries import fetch_level_scores, fetch_task_counts
from data.records import CharybdisError, Selection, StoreError


@pytest.mark.parametrize("write", [write_jsonl, write_parquet])
def test_a_store_copied_through_a_file_answers_the_same(
    demo_store: Path, tmp_path: Path, write
) -> None:
    store, copy = open_store(demo_store), open_store(tmp_path / "copy", empty=True)
    written = write(tmp_path / "all", stored_batches(store))
    (result,) = import_sources(copy, discover([tmp_path / "all"]).sources)
    assert (result.format, result.status, result.rejected) == ("charybdis", "imported", 0)
    assert (result.runs, result.scores, result.samples) == (
        written.runs,
        written.scores,
        written.samples,
    )
    assert written.runs == 37
    for fetch in (fetch_task_counts, fetch_level_scores):
        first, second = fetch(store, Selection()), fetch(copy, Selection())
        assert len(first) > 0
        assert first.equals(second)
    again = write(tmp_path / "again", stored_batches(copy))
    assert again == written
    assert (tmp_path / "again").read_bytes() == (tmp_path / "all").read_bytes()


def test_named_runs_are_written_and_no_others(demo_store: Path, tmp_path: Path) -> None:
    written = write_jsonl(
        tmp_path / "one.jsonl", stored_batches(open_store(demo_store), ["run-demo-small"])
    )
    assert (written.runs, written.scores) == (1, 0)
    assert written.samples > 0


def test_a_run_that_is_not_stored_is_named(demo_store: Path) -> None:
    with pytest.raises(StoreError, match="No run r0 is stored"):
        list(stored_batches(open_store(demo_store), ["r0"]))


def test_a_place_where_nothing_can_be_written_is_named(demo_store: Path, tmp_path: Path) -> None:
    with pytest.raises(CharybdisError, match="cannot be written"):
        write_jsonl(
            tmp_path / "no" / "such" / "folder.jsonl", stored_batches(open_store(demo_store))
        )
