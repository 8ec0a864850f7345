"""Tally files: every field arrives, every break is named, the same file twice changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from data.importers.tally.source import IMPORTER

from data.bootstrap import open_store
from data.importing import discover, import_sources
from data.records import Outcome, Split

ANSWER: dict[str, Any] = {
    "task": "two_sum",
    "id": 7,
    "split": "ood",
    "right": True,
    "reply": "[3, 4]",
}
OTHER = ANSWER | {"id": 8, "split": "id", "right": False, "reply": "none"}
TALLY: dict[str, Any] = {"tally": 2, "model": "org/model", "answers": [ANSWER, OTHER]}


def write(folder: Path, content: object) -> Path:
    file = folder / "counted.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_every_field_arrives(read_files: Callable[..., Any], tmp_path: Path) -> None:
    found = read_files(IMPORTER, write(tmp_path, TALLY))
    run = found.run_of("org/model")
    assert run.format == "tally" and run.format_version == "2"
    first, second = found.samples
    assert (first.task, first.instance_id, first.split) == ("two_sum", "7", Split.OOD)
    assert (first.outcome, first.response) == (Outcome.CORRECT, "[3, 4]")
    assert (second.instance_id, second.split, second.outcome) == ("8", Split.ID, Outcome.WRONG)
    assert not found.rejects


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"right": "yes"}, "right"),
        ({"split": "test"}, "split"),
        ({"task": None}, "task"),
        ({"id": [1]}, "id"),
    ],
)
def test_a_bad_answer_is_rejected_with_its_place(
    read_files: Callable[..., Any], tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    found = read_files(IMPORTER, write(tmp_path, TALLY | {"answers": [ANSWER | change, OTHER]}))
    assert [(one.record, one.field) for one in found.rejects] == [("answer 1", field)]
    assert [sample.instance_id for sample in found.samples] == ["8"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"tally": 1, "model": "m", "answers": [', "cannot be read"),
        ('{"tally": 1, "model": "größer"'.encode("latin-1"), "cannot be read"),
        (b'{"tally": 1, "answers": [{}]}', "model: found nothing"),
        (b'{"tally": 1, "model": "m", "answers": 3}', "answers: found 3, expected a list"),
    ],
)
def test_a_broken_file_fails_as_a_whole(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "counted.json"
    file.write_bytes(content)
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(store, discover([file]).sources)
    assert result.status == "failed" and said in result.message


def test_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    file = write(tmp_path, TALLY)
    store = open_store(tmp_path / "store", empty=True)
    first, again = (list(import_sources(store, discover([file]).sources)) for _ in range(2))
    assert [one.status for one in first] == ["imported"] and first[0].samples == 2
    assert [one.status for one in again] == ["unchanged"]
