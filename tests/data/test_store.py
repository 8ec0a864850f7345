"""The store as a file: shared between threads and processes, versioned, migrated, and clear about
why it cannot be opened.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

import data.store as store_module
from data import migrations
from data.migrations import SCHEMA_VERSION
from data.records import (
    Outcome,
    RunInfo,
    ScoredSample,
    Split,
    StoreBusyError,
    StoreError,
)
from data.store import Store
from data.writer import writing

ROOT = Path(__file__).resolve().parents[2]


def add_run(store: Store, run_id: str, n_samples: int = 0) -> None:
    with writing(store) as writer:
        writer.add_run(RunInfo(run_id=run_id, model_raw=f"model-{run_id}", format="test"))
        writer.add_samples(
            [
                ScoredSample(run_id=run_id, task="t", instance_id=str(i), outcome=Outcome.CORRECT)
                for i in range(n_samples)
            ]
        )


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def columns_of(store: Store, table: str) -> set[str]:
    with store.cursor() as cursor:
        return {
            row[0]
            for row in cursor.execute(
                "SELECT column_name FROM duckdb_columns() WHERE table_name = ?", [table]
            ).fetchall()
        }


# -- schema ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("enum", "words"), [("split", list(Split)), ("outcome", list(Outcome))])
def test_enums_of_the_schema_are_those_of_the_records(
    tmp_path: Path, enum: str, words: list[str]
) -> None:
    with Store(tmp_path).cursor() as cursor:
        ((found,),) = cursor.execute(f"SELECT enum_range(NULL::{enum})").fetchall()
    assert found == [str(word) for word in words]


def test_older_schema_is_migrated_step_by_step_and_keeps_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Store(tmp_path / "store")
    add_run(old, "r1", n_samples=3)
    version = old.version
    old.close()
    home = tmp_path / "home"
    home.mkdir()
    (home / f"to_{SCHEMA_VERSION + 1:03}.sql").write_text(
        "ALTER TABLE runs ADD COLUMN mood VARCHAR;"
    )
    (home / f"to_{SCHEMA_VERSION + 2:03}.sql").write_text("UPDATE runs SET mood = 'calm';")
    monkeypatch.setattr(migrations, "FOLDER", home)
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", SCHEMA_VERSION + 2)
    new = Store(tmp_path / "store")
    with new.cursor() as cursor:
        assert cursor.execute("SELECT run_id, mood FROM runs").fetchall() == [("r1", "calm")]
        assert cursor.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchall() == [
            (str(SCHEMA_VERSION + 2),)
        ]
        assert cursor.execute("SELECT count(*) FROM samples").fetchall() == [(3,)]
    assert new.version >= version


def test_failed_migration_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Store(tmp_path / "store")
    add_run(old, "r1")
    old.close()
    home = tmp_path / "home"
    home.mkdir()
    (home / f"to_{SCHEMA_VERSION + 1:03}.sql").write_text(
        "ALTER TABLE runs ADD COLUMN mood VARCHAR; SELECT * FROM nowhere;"
    )
    before = {file.name: file.read_bytes() for file in old.folder.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "FOLDER", home)
        patch.setattr(migrations, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
        with pytest.raises(StoreError, match=r"cannot be brought .*nowhere.* was left as it was"):
            Store(tmp_path / "store")
    assert {file.name: file.read_bytes() for file in old.folder.iterdir()} == before
    assert "mood" not in columns_of(Store(tmp_path / "store"), "runs")


def test_store_of_a_newer_charybdis_is_refused_with_both_versions(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.transaction() as cursor:
        cursor.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    store.close()
    with pytest.raises(
        StoreError, match=rf"schema version 99.*up to {SCHEMA_VERSION}.*Update Charybdis"
    ):
        Store(tmp_path)


@pytest.mark.parametrize("columns", ["a INTEGER", "key VARCHAR, value VARCHAR"])
def test_duckdb_file_with_a_table_meta_of_its_own_is_refused(columns: str, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "other.duckdb")) as connection:
        connection.execute(f"CREATE TABLE meta ({columns})")
    with pytest.raises(StoreError, match="names no schema version, so it is no Charybdis store"):
        Store(tmp_path / "other.duckdb")


@pytest.mark.parametrize("n_bytes", [5_000, 30_000])
def test_store_whose_file_was_cut_off_is_refused_as_such(n_bytes: int, tmp_path: Path) -> None:
    store = Store(tmp_path)
    add_run(store, "r1", n_samples=3)
    store.close()
    os.truncate(store.file, n_bytes)
    with pytest.raises(StoreError, match=r"is cut off .* Put a copy of it back"):
        Store(tmp_path)


def test_foreign_duckdb_file_is_refused_and_its_tables_named(tmp_path: Path) -> None:
    file = tmp_path / "other.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE cats (name VARCHAR)")
    with pytest.raises(StoreError, match=r"not a Charybdis store \(tables: cats\)"):
        Store(file)
    time.sleep(2 * store_module.IDLE_S)  # until the file is let go of
    with duckdb.connect(str(file)) as connection:
        assert connection.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [
            ("cats",)
        ]


def test_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.duckdb"
    file.write_text("dear diary " * 1000)
    with pytest.raises(StoreError, match="is not a Charybdis store"):
        Store(file)
    assert file.read_text().startswith("dear diary")


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be made.*folder you can write to"):
        Store(tmp_path / "file" / "store")


# -- version and transactions ----------------------------------------------------------------------


def test_version_goes_up_by_one_with_every_commit_and_never_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    seen = [store.version]
    for i in range(5):
        add_run(store, f"r{i}")
        seen.append(store.version)
        store.close()
        seen.append(store.version)
    assert seen == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_failed_transaction_changes_neither_rows_nor_version(tmp_path: Path) -> None:
    store = Store(tmp_path)
    add_run(store, "r1", n_samples=2)
    with pytest.raises(ZeroDivisionError), writing(store) as writer:
        writer.add_run(RunInfo(run_id="r2", model_raw="m", format="test"))
        writer.add_samples([ScoredSample(run_id="r2", task="t", instance_id="1")])
        raise ZeroDivisionError
    with store.cursor() as cursor:
        assert cursor.execute("SELECT run_id FROM runs").fetchall() == [("r1",)]
        assert cursor.execute("SELECT count(*) FROM samples").fetchall() == [(2,)]
        assert cursor.execute("SELECT model FROM models").fetchall() == [("model-r1",)]
    assert store.version == 1


def test_reader_sees_the_state_before_while_a_transaction_is_open(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO benchmarks (benchmark) VALUES ('b')")
        with store.cursor() as reader:
            assert reader.execute("SELECT count(*) FROM benchmarks").fetchall() == [(0,)]
        assert store.version == 0
    with store.cursor() as reader:
        assert reader.execute("SELECT count(*) FROM benchmarks").fetchall() == [(1,)]


def test_two_stores_of_one_process_see_each_others_commits(tmp_path: Path) -> None:
    one, other = Store(tmp_path), Store(tmp_path)
    add_run(one, "r1")
    assert other.version == 1
    add_run(other, "r2")
    assert one.version == 2


def test_store_can_be_used_after_close(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.close()
    add_run(store, "r1")
    assert store.version == 1


def test_close_while_in_use_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.cursor(), pytest.raises(StoreError, match="in use by 1 caller"):
        store.close()


# -- threads ---------------------------------------------------------------------------------------


def test_eight_threads_get_800_of_800_right_answers(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.transaction() as cursor:
        cursor.execute(
            "CREATE TABLE numbers AS SELECT range AS n, range % 97 AS rest FROM range(50_000)"
        )

    def ask(rest: int) -> bool:
        with store.cursor() as cursor:
            found = cursor.execute(
                "SELECT count(*), sum(n) FROM numbers WHERE rest = ?", [rest % 97]
            ).fetchall()
        expected = range(rest % 97, 50_000, 97)
        return found == [(len(expected), sum(expected))]

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(800))) == 800


def test_writers_of_several_threads_take_turns_and_lose_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: add_run(store, f"r{i}", n_samples=10), range(12)))
    with store.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM samples").fetchall() == [(120,)]
        assert cursor.execute("SELECT sum(n_correct) FROM cells").fetchall() == [(120,)]
    assert store.version == 12


@pytest.mark.parametrize("name", ["loop", "caf\udce9"])
def test_folder_of_a_name_that_leads_nowhere_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(StoreError, match="cannot be made"):
        Store(tmp_path / name)


@pytest.mark.parametrize("n_bytes_left", [0, 5_000, 0.5, 0.75])
def test_damaged_file_is_told_and_not_a_crash(tmp_path: Path, n_bytes_left: float) -> None:
    store = Store(tmp_path)
    with writing(store) as writer:
        writer.add_run(RunInfo(run_id="r", model_raw="m", format="test"))
        writer.add_samples(
            [
                ScoredSample(
                    run_id="r",
                    task="t",
                    instance_id=str(i),
                    response=hashlib.sha512(b"%d" % i).hexdigest(),
                )
                for i in range(9_000)
            ]
        )
    store.close()
    content = store.file.read_bytes()
    store.file.write_bytes(
        content[: int(n_bytes_left if n_bytes_left % 1 == 0 else n_bytes_left * len(content))]
    )
    with (
        pytest.raises(StoreError, match=re.escape(str(store.file))),
        Store(tmp_path).cursor() as cursor,
    ):
        cursor.execute("SELECT max(response) FROM samples").fetchall()


# -- processes -------------------------------------------------------------------------------------


def test_two_processes_take_turns_and_see_each_others_rows(tmp_path: Path) -> None:
    code = """
        import sys
        from data.records import RunInfo
        from data.store import Store
        from data.writer import writing
        store = Store(sys.argv[1])
        for i in range(5):
            with writing(store) as writer:
                writer.add_run(RunInfo(run_id=f"{sys.argv[2]}{i}", model_raw="m", format="test"))
    """
    store = Store(tmp_path)
    children = [child(code, str(tmp_path), name) for name in "ab"]
    for i in range(5):
        add_run(store, f"mine{i}")
        time.sleep(0.3)  # longer than the store is kept open after its last use
    for process in children:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    with store.cursor() as cursor:
        assert cursor.execute("SELECT count(DISTINCT run_id) FROM runs").fetchall() == [(15,)]
    assert store.version == 15


def test_busy_store_names_the_process_that_holds_it_and_what_to_do(tmp_path: Path) -> None:
    code = """
        import sys
        from data.store import Store
        store = Store(sys.argv[1])
        with store.cursor():
            print("held", flush=True)
            sys.stdin.readline()
    """
    Store(tmp_path).close()
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreBusyError) as caught:
            Store(tmp_path, wait_s=0.2)
    finally:
        holder.communicate("go\n", timeout=30)
    text = str(caught.value)
    assert f"process {holder.pid}" in text
    assert re.search(r"Wait until .* try again, stop that process, or name another store", text)
    assert Store(tmp_path).version == 0


@pytest.mark.parametrize("pause_s", [0.245, 0.248, 0.250, 0.252, 0.254, 0.256, 0.258, 0.260])
def test_process_that_ends_while_the_store_closes_ends_in_peace(
    tmp_path: Path, pause_s: float
) -> None:
    code = """
        import sys, time
        from data.store import Store
        store = Store(sys.argv[1])
        time.sleep(float(sys.argv[2]))
    """
    process = child(code, str(tmp_path), str(pause_s))
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


# -- what SQL on a store may not do ----------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "SELECT * FROM read_csv('{folder}/in.csv')",
        "ATTACH '{folder}/x.duckdb'",
        "SET threads = 1",
    ],
)
def test_sql_on_a_store_reaches_no_other_file(tmp_path: Path, sql: str) -> None:
    (tmp_path / "in.csv").write_text("a\n1\n")
    with Store(tmp_path / "store").cursor() as cursor, pytest.raises(duckdb.Error):
        cursor.execute(sql.format(folder=tmp_path))
    assert not (tmp_path / "out.csv").exists()
