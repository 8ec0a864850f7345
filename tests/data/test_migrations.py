"""Stores of older schemas: brought to the present one with all that is in them, or left alone.

`old_schemas/version_<number>.sql` is data/schema.sql as it was; each is filled here and opened.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

import data.store as store_module
from data import migrations
from data.checking import check_store
from data.migrations import SCHEMA_VERSION
from data.records import Outcome, RunInfo, ScoredSample, StoreBusyError, StoreError
from data.store import FILE_NAME, Store
from data.writer import writing

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OLD_SCHEMAS = sorted((HERE / "old_schemas").glob("version_*.sql"))
MIGRATIONS = sorted((ROOT / "data" / "migrations").glob("*.sql"))

ROWS = """
    INSERT INTO meta VALUES ('store_version', '7'), ('created_at', '2026-01-02T03:04:05+00:00'),
        ('schema_version', '1'), ('model_order', '["old model"]');
    INSERT INTO models (model_key, model) VALUES (1, 'old model');
    INSERT INTO model_aliases VALUES ('an alias', 'old model');
    INSERT INTO tasks (task_key, task) VALUES (2, 'old task');
    INSERT INTO variants VALUES (4, 'strict');
    INSERT INTO level_schemes VALUES ('scylla', 'SCYLLA', NULL, NULL), ('mine', 'Mine', NULL, NULL);
    INSERT INTO levels (scheme, level, label, note)
        VALUES ('scylla', 1, 'O(N)', NULL), ('mine', 1, 'easy', 'a note');
    INSERT INTO imports BY NAME SELECT 5 AS import_key, 'a.jsonl' AS path, 'charybdis' AS format,
        'abc' AS sha256, 1 AS importer_version, 'imported' AS status, '[]' AS files,
        now()::TIMESTAMP AS imported_at;
    INSERT INTO runs BY NAME SELECT 3 AS run_key, 'r1' AS run_id, 5 AS import_key, 1 AS model_key,
        'old model' AS model_raw, 'test' AS format, 'success' AS status,
        now()::TIMESTAMP AS added_at;
    INSERT INTO samples BY NAME SELECT 3 AS run_key, range::INTEGER AS row_in_run, 2 AS task_key,
        4 AS variant_key, true AS is_primary, 'ood' AS split, 1 AS epoch, 'correct' AS outcome,
        1 AS score, 'i' || range AS instance_id, 'text of ' || range AS input FROM range(500);
    INSERT INTO cells BY NAME SELECT 3 AS run_key, 2 AS task_key, 4 AS variant_key,
        true AS is_primary, 'ood' AS split, 500 AS n_correct, 0 AS n_wrong, 0 AS n_unparsed,
        0 AS n_error, 0 AS n_ungraded, 500 AS n_instances, 500 AS score_sum, 500 AS n_scored;
    CREATE OR REPLACE SEQUENCE keys START 6;
"""


def old_store(folder: Path, schema: Path) -> Path:
    """A store of an older schema, filled; returns its file."""
    folder.mkdir(exist_ok=True)
    with duckdb.connect(str(folder / FILE_NAME)) as connection:
        connection.execute(schema.read_text())
        connection.execute(ROWS)
        version = int(schema.stem.removeprefix("version_"))
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(version)])
        if version >= 2:
            connection.execute("INSERT INTO meta VALUES ('catalog_version', '1')")
    return folder / FILE_NAME


def columns_of(store: Store) -> set[tuple[object, ...]]:
    with store.cursor() as cursor:
        return set(
            cursor.execute(
                "SELECT table_name, column_name, data_type, is_nullable, column_default"
                " FROM duckdb_columns()"
            ).fetchall()
        )


def constraints_of(store: Store) -> set[tuple[object, ...]]:
    with store.cursor() as cursor:
        return set(
            cursor.execute(
                "SELECT table_name, constraint_type, constraint_column_names::VARCHAR FROM"
                " duckdb_constraints()"
            ).fetchall()
        )


def test_migrations_are_numbered_without_a_gap_and_name_the_version_of_the_schema() -> None:
    numbers = range(2, SCHEMA_VERSION + 1)
    assert [file.name for file in MIGRATIONS] == [f"to_{number:03}.sql" for number in numbers]
    assert len(OLD_SCHEMAS) == SCHEMA_VERSION - 1


@pytest.mark.parametrize("schema", OLD_SCHEMAS, ids=lambda file: file.stem)
def test_store_of_an_older_schema_becomes_one_like_a_new_one(schema: Path, tmp_path: Path) -> None:
    old_store(tmp_path / "old", schema)
    old, new = Store(tmp_path / "old"), Store(tmp_path / "new")
    assert columns_of(old) == columns_of(new)
    assert constraints_of(old) == constraints_of(new)


@pytest.mark.parametrize("schema", OLD_SCHEMAS, ids=lambda file: file.stem)
def test_store_of_an_older_schema_keeps_its_rows_and_can_be_written(
    schema: Path, tmp_path: Path
) -> None:
    old_store(tmp_path, schema)
    store = Store(tmp_path)
    assert all(finding.passed for finding in check_store(store)), check_store(store)
    with store.cursor() as cursor:
        texts = cursor.execute("SELECT input FROM samples ORDER BY row_in_run").fetchall()
        assert texts == [(f"text of {i}",) for i in range(500)]
        assert cursor.execute(
            "SELECT label, note FROM levels WHERE scheme = 'mine'"
        ).fetchall() == [("easy", "a note")]
    before = store.read_versions(["old model"])
    assert before[1:] == (1, 1)
    with writing(store) as writer:
        writer.add_run(RunInfo(run_id="r2", model_raw="an alias", format="test"))
        writer.add_samples(
            [ScoredSample(run_id="r2", task="t", instance_id="1", outcome=Outcome.WRONG)]
        )
    assert store.read_versions(["old model"]) == (before[0], 2, 8)
    assert all(finding.passed for finding in check_store(store)), check_store(store)


@pytest.mark.parametrize("schema", OLD_SCHEMAS, ids=lambda file: file.stem)
def test_store_of_an_older_schema_can_be_compacted(schema: Path, tmp_path: Path) -> None:
    old_store(tmp_path, schema)
    store = Store(tmp_path)
    store.compact()
    assert all(finding.passed for finding in check_store(store)), check_store(store)


# -- what cannot be migrated is left as it is ------------------------------------------------------


def content(folder: Path) -> dict[str, str]:
    """Digest of every file of a store, once nothing has it open any more."""
    time.sleep(2 * store_module.IDLE_S)
    return {
        file.name: sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.is_file()
    }


def kill_while_writing(file: Path, sql: str) -> None:
    """Commit, and end without closing the file: what was committed is in the write-ahead log."""
    code = """
        import duckdb, os, sys
        connection = duckdb.connect(sys.argv[1])
        connection.execute(sys.argv[2])
        os._exit(0)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(file), sql], check=True)
    assert file.with_name(f"{file.name}.wal").stat().st_size > 0


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """A store of schema version 1."""
    return old_store(tmp_path / "store", OLD_SCHEMAS[0])


def break_the_migration(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """The last statement of a migration fails, after others that change and add many rows."""
    (folder / f"to_{SCHEMA_VERSION:03}.sql").write_text(
        "UPDATE samples SET input = 'lost'; CREATE TABLE more AS SELECT range, hash(range) AS h"
        " FROM range(500_000); SELECT * FROM nowhere;"
    )
    patch.setattr(migrations, "FOLDER", folder)


def fill_the_disk(patch: pytest.MonkeyPatch, folder: Path) -> None:
    def copy(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:5000])
        raise OSError(errno.ENOSPC, "No space left on device")

    patch.setattr(shutil, "copy", copy)


CAUSES: dict[str, tuple[Callable[[pytest.MonkeyPatch, Path], None], str]] = {
    "nowhere": (break_the_migration, "nowhere"),
    "full disk": (fill_the_disk, "No space left"),
}


@pytest.mark.parametrize("has_log", [False, True], ids=["closed", "with a write-ahead log"])
@pytest.mark.parametrize(("cause", "reason"), CAUSES.values(), ids=CAUSES)
def test_store_that_cannot_be_migrated_is_left_byte_for_byte_as_it_was(
    cause: Callable[[pytest.MonkeyPatch, Path], None],
    reason: str,
    has_log: bool,
    old_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if has_log:
        kill_while_writing(old_file, "UPDATE meta SET value = '8' WHERE key = 'store_version'")
    before = content(old_file.parent)
    with monkeypatch.context() as patch:
        cause(patch, tmp_path)
        with pytest.raises(
            StoreError, match=f"schema version {SCHEMA_VERSION} .*{reason}.*left as it was"
        ) as told:
            Store(old_file)
    assert str(old_file) in str(told.value)
    assert content(old_file.parent) == before
    assert Store(old_file).version == (8 if has_log else 7)


@pytest.mark.parametrize("has_log", [False, True], ids=["closed", "with a write-ahead log"])
@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("UPDATE meta SET value = '99' WHERE key = 'schema_version'", "schema version 99"),
        ("DELETE FROM meta WHERE key = 'schema_version'", "names no schema version"),
        ("DROP TABLE meta", "is a DuckDB file but not a Charybdis store"),
    ],
)
def test_store_that_is_refused_is_left_byte_for_byte_as_it_was(
    sql: str, text: str, has_log: bool, old_file: Path
) -> None:
    kill_while_writing(old_file, sql)
    if not has_log:
        duckdb.connect(str(old_file)).close()
    before = content(old_file.parent)
    assert len(before) == 1 + has_log
    with pytest.raises(StoreError, match=text):
        Store(old_file)
    assert content(old_file.parent) == before


def test_damaged_store_is_migrated_whole_or_left_byte_for_byte_as_it_was(old_file: Path) -> None:
    sound = old_file.read_bytes()
    n_refused, step = 0, len(sound) // 4
    for start in range(3 * 4096 + 64, len(sound), step):  # past the headers
        damaged = bytearray(sound)
        damaged[start : start + step // 2] = bytes(step // 2)
        old_file.write_bytes(damaged)
        before = {old_file.name: sha256(damaged).hexdigest()}
        try:
            Store(old_file).close()
        except StoreError as told:
            n_refused += 1
            assert str(old_file) in str(told)
            assert content(old_file.parent) == before
    assert n_refused


def test_commits_that_a_killed_process_left_in_the_log_are_migrated_too(old_file: Path) -> None:
    kill_while_writing(old_file, "UPDATE meta SET value = '8' WHERE key = 'store_version'")
    assert Store(old_file).version == 8
    assert list(content(old_file.parent)) == [FILE_NAME]


def test_copy_of_a_process_killed_while_it_migrated_is_removed(old_file: Path) -> None:
    left = old_file.with_name(f"migrating-1-{old_file.name}")
    left.write_bytes(b"half a copy")
    Store(old_file).close()
    assert list(content(old_file.parent)) == [FILE_NAME]


def test_processes_that_open_an_old_store_at_once_all_get_a_migrated_one(old_file: Path) -> None:
    code = """
        import sys
        from data.records import RunInfo
        from data.store import Store
        from data.writer import writing
        store = Store(sys.argv[1])
        for i in range(3):
            with writing(store) as writer:
                writer.add_run(RunInfo(run_id=f"{sys.argv[2]}{i}", model_raw="m", format="test"))
    """
    children = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(old_file), name],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for name in "ab"
    ]
    for process in children:
        _, errors = process.communicate(timeout=90)
        assert process.returncode == 0, errors
    store = Store(old_file)
    assert store.version == 7 + 6
    assert store.read_versions()[1] == 1 + 6
    assert all(finding.passed for finding in check_store(store)), check_store(store)
    store.close()
    assert [name for name in content(old_file.parent) if "migrating" in name] == []


def test_old_store_that_another_process_holds_is_busy_and_left_as_it_was(old_file: Path) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(old_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        before = sha256(old_file.read_bytes()).hexdigest()
        with pytest.raises(StoreBusyError, match=f"process {holder.pid}"):
            Store(old_file, wait_s=0.2)
        assert sha256(old_file.read_bytes()).hexdigest() == before
        holder.communicate("go\n", timeout=30)
    assert Store(old_file).version == 7
