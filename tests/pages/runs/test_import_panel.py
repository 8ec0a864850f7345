"""Dropped files lie where nothing else is, and what became of an import is told in one sentence and
one table.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from data.importers import IMPORTERS
from data.importing import Discovery, ImportResult
from pages.runs.import_panel import (
    WHAT_IS_READ,
    Pending,
    Report,
    report_table,
    summary,
    upload_paths,
)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\..\\x.csv", "..", ".", "", ".hidden"]
)
def test_dropped_file_never_lands_outside_its_folder(tmp_path: Path, name: str) -> None:
    (path,) = upload_paths(tmp_path, [name])
    assert path.resolve().is_relative_to(tmp_path)
    assert path.resolve() != tmp_path
    assert not path.name.startswith(".")


def test_dropped_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    paths = upload_paths(tmp_path, ["results.json", "results.json", "other.json"])
    assert len(set(paths)) == 3
    assert [path.name for path in paths] == ["results.json", "results.json", "other.json"]


def test_report_of_nothing_but_foreign_files_lists_them_with_the_reason() -> None:
    report = Report(unknown=(("notes.txt", "no importer knows this content"),))
    assert summary(report) == "1 file left alone."
    assert report_table(report)[["source", "status", "what happened"]].to_numpy().tolist() == [
        ["notes.txt", "left alone", "no importer knows this content"]
    ]


def test_report_counts_what_came_in_was_known_failed_and_was_rejected() -> None:
    report = Report(
        (
            ImportResult("a", "f", "1", "imported", runs=1, scores=0, samples=1200, rejected=2),
            ImportResult("b", "f", "2", "imported", runs=1, scores=3),
            ImportResult("c", "f", "3", "unchanged", runs=9, rejected=9),
            ImportResult("d", "f", "4", "failed", message="broken\nfile"),
        )
    )
    assert (
        summary(report)
        == "Imported 2 runs, 3 scores and 1,200 samples from 2 sources; 1 source in already,"
        " unchanged; 1 source failed, nothing of it stored; 2 records rejected."
    )
    assert report_table(report)["what happened"].tolist() == ["", "", "", "broken\\nfile"]


def test_folder_of_dropped_files_goes_when_it_is_no_longer_wanted(tmp_path: Path) -> None:
    folder = tmp_path / "upload"
    folder.mkdir()
    (folder / "a.csv").write_text("x")
    pending = Pending(Discovery((), ()), folder)
    assert pending.name_of(folder / "a.csv") == "a.csv"
    assert pending.name_of(tmp_path / "b.csv") == str(tmp_path / "b.csv")
    del pending
    assert not folder.exists()


def test_the_panel_names_every_format_that_people_bring() -> None:
    brought = [importer for importer in IMPORTERS if importer.name != "published"]
    assert not [importer.name for importer in brought if importer.label not in WHAT_IS_READ]
