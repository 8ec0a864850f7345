"""Stores of older schemas: brought to the present one with everything that is in them.

`old_schemas/version_<number>.sql` is data/schema.sql as it was; each is filled here and opened.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from data.checking import check_store
from data.records import Outcome, RunInfo, ScoredSample
from data.store import FILE_NAME, SCHEMA_VERSION, Store
from data.writer import writing

HERE = Path(__file__).parent
OLD_SCHEMAS = sorted((HERE / "old_schemas").glob("version_*.sql"))
MIGRATIONS = sorted((HERE.parents[1] / "data" / "migrations").iterdir())

ROWS = """
    INSERT INTO meta VALUES ('store_version', '7'), ('created_at', '2026-01-02T03:04:05+00:00'),
        ('schema_version', '1'), ('model_order', '["old model"]');
    INSERT INTO models (model_key, model) VALUES (1, 'old model');
    INSERT INTO model_aliases VALUES ('an alias', 'old model');
    INSERT INTO tasks (task_key, task) VALUES (2, 'old task');
    INSERT INTO variants VALUES (4, 'strict');
    INSERT INTO level_schemes VALUES ('scylla', 'SCYLLA', NULL, NULL), ('mine', 'Mine', NULL, NULL);
    INSERT INTO levels VALUES ('scylla', 1, 'O(N)', NULL), ('mine', 1, 'easy', 'a note');
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
        version = str(int(schema.stem.removeprefix("version_")))
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [version])
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
