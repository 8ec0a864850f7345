"""Real files of every format, broken in every way that files break: the import says what and where,
or comes in, and never half.

Each file is broken by the same seeded list of ways: cut off at many places, a value of every type
at every place near the top, a key missing, bytes flipped, another encoding, another container, an
object in the place of a list. After each, the store holds either what the import says it holds, or
nothing of it.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from data.bootstrap import open_store
from data.importers.inspect_ai.zip_members import opened
from data.importing import discover, import_sources, remove_import
from data.store import Store

CASES = {
    "lm_eval_v04": "lm_eval_v04/version_matrix/0.4.9/run1",
    "lm_eval_v040": "lm_eval_v040/run1",
    "lm_eval_v0": "lm_eval_v0/pythia/pythia-v1/pythia-70m/zero-shot/70m_step0.json",
    "inspect .json": (
        "inspect/selfmade_0.3.285/2026-11-21T02-31-35-00-00_findmin-error_WzVNRWUNW45wJQwL8DeDWW.json"
    ),
    "inspect .eval": (
        "inspect/selfmade_0.3.285/2026-11-21T02-31-31-00-00_findmin-error_WSXamMNazM6xUjDuMEkwMA.eval"
    ),
    "helm": "helm/selfrun_0.5.16/fixture-v1/simple1:model=simple_model1",
    "every_eval_ever": "every_eval_ever/converted_from_inspect/ai2_arc/ollama/qwen2.5-0.5b",
    "lighteval": "lighteval/selfrun_0.13.0",
    "opencompass": "opencompass/selfrun/20261121_025342",
    "table .csv": "csv/selfmade/samples.csv",
    "table .parquet": "csv/selfmade/long.parquet",
}
N_BROKEN = 12
"""Ways in which each case is broken; a few seconds a case."""
VALUES: list[Any] = [
    None,
    True,
    -1,
    3.5,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "text",
    "\ud800",
    [],
    {},
    [1, "a", None],
    {"a": {"b": [1]}},
    "9" * 400,
]
Way = tuple[str, bytes]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = (
        list(value.items())[:40]
        if isinstance(value, dict)
        else list(enumerate(value))[:3]
        if isinstance(value, list)
        else []
    )
    for key, item in items:
        yield from _paths(item, (*path, key))


def _changed(record: Any, chance: random.Random) -> tuple[str, Any]:
    """A record with one value replaced or one key left out; half of the time near the top."""
    paths = list(_paths(record))
    path = chance.choice(
        [path for path in paths if len(path) <= 2] if chance.random() < 0.5 else paths
    )
    record = copy.deepcopy(record)
    place = record
    for key in path[:-1]:
        place = place[key]
    if chance.random() < 0.3:
        del place[path[-1]]
        return f"without {path}", record
    place[path[-1]] = value = chance.choice(VALUES)
    return f"{path} is {str(value)[:20]!r}", record


def _structural(content: bytes, name: str, chance: random.Random) -> Way:
    if name.endswith(".jsonl") and not content.lstrip().startswith(b"["):
        lines = content.splitlines()
        number = chance.randrange(len(lines))
        way, record = _changed(json.loads(lines[number]), chance)
        lines[number] = json.dumps(record).encode()
        return f"line {number + 1}: {way}", b"\n".join(lines)
    way, record = _changed(json.loads(content), chance)
    return way, json.dumps(record).encode()


def _bytes(content: bytes, chance: random.Random) -> Way:
    place = chance.randrange(len(content))
    flipped = bytearray(content)
    for _ in range(chance.choice([1, 20])):
        flipped[chance.randrange(len(content))] = chance.randrange(256)
    ways: dict[str, Callable[[], bytes]] = {
        f"cut off at {place}": lambda: content[:place],
        "bytes flipped": lambda: bytes(flipped),
        f"NaN at {place}": lambda: content[:place] + b"NaN" + content[place:],
        f"a quote at {place}": lambda: content[:place] + b'"' + content[place:],
        "with a byte order mark": lambda: b"\xef\xbb\xbf" + content,
        "in UTF-16": lambda: b"\xff\xfe" + content.decode("latin-1").encode("utf-16-le"),
        "in Latin-1": lambda: content.replace(b"e", b"\xe9", 3),
        "with CRLF": lambda: content.replace(b"\n", b"\r\n"),
        "with zero bytes": lambda: content.replace(b"a", b"\0", 5),
        "empty": lambda: b"",
        "with a key twice": lambda: content.replace(
            b"{", b'{"results": 3, "doc_id": "x", "id": 5, ', 1
        ),
        "gzipped": lambda: gzip.compress(content),
        "packed by zstd": lambda: zstandard.compress(content),
        "nested without end": lambda: b"[" * 100_000 + content,
        "twice": lambda: content + content,
    }
    way = chance.choice(list(ways))
    return way, ways[way]()


def break_file(file: Path, chance: random.Random) -> str:
    """Break one file in one way; says how."""
    content = file.read_bytes()
    if file.suffix == ".eval" and chance.random() < 0.7:
        with opened(file) as archive:
            members = {name: archive.read(name) for name in archive.names}
        name = chance.choice(list(members))
        way, members[name] = _broken(members[name], name, chance)
        with zipfile.ZipFile(
            file, "w", chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
        ) as written:
            for member, text in members.items():
                written.writestr(member, text)
        return f"member {name}: {way}"
    way, content = _broken(content, file.name, chance)
    file.write_bytes(content)
    return f"{file.name}: {way}"


def _broken(content: bytes, name: str, chance: random.Random) -> Way:
    is_json = name.endswith((".json", ".jsonl"))
    return (
        _structural(content, name, chance)
        if is_json and chance.random() < 0.5
        else _bytes(content, chance)
    )


def _counts(store: Store) -> dict[str, int]:
    with store.cursor() as cursor:
        return {
            table: cursor.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            for table in ("runs", "scores", "samples", "cells")
        }


@pytest.mark.parametrize("case", CASES)
def test_a_broken_file_is_explained_and_never_half_in(
    shared: Path, tmp_path: Path, case: str
) -> None:
    given = shared / "fixtures" / CASES[case]
    store = open_store(tmp_path / "store", empty=True)
    for number in range(N_BROKEN):
        chance = random.Random(f"{case} {number}")
        folder = tmp_path / "given" / given.name
        (
            shutil.copytree(given, folder)
            if given.is_dir()
            else (folder.mkdir(parents=True), shutil.copy(given, folder))
        )
        way = break_file(
            chance.choice(sorted(file for file in folder.rglob("*") if file.is_file())), chance
        )
        found = discover([folder])
        results = list(import_sources(store, found.sources))
        assert results or found.unknown, way
        done = [result for result in results if result.status == "imported"]
        for result in results:
            assert all(
                reject.file and reject.record and reject.found and reject.expected
                for reject in result.rejects
            ), way
            assert result.status == "imported" or str(folder) in result.message, (
                way,
                result.message,
            )
        counts = _counts(store)
        assert counts["samples"] == sum(result.samples for result in done), way
        assert counts["runs"] <= sum(result.runs for result in done), way
        assert done or counts == {"runs": 0, "scores": 0, "samples": 0, "cells": 0}, way
        with store.cursor() as cursor:
            imports = cursor.execute("SELECT import_key FROM imports").fetchall()
        for (key,) in imports:
            remove_import(store, key)
        shutil.rmtree(tmp_path / "given")
