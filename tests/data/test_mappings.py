"""Corrected table mappings, remembered by header; and an import undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.bootstrap import open_store
from data.checking import check_store
from data.importers.table.reading import TableHead, read_head
from data.importing import discover, import_sources, remove_import
from data.mappings import forget_mapping, remember_mapping, remembered_mapping, with_remembered
from data.queries import fetch_imports, fetch_rejects, fetch_runs, fetch_scores
from data.records import CharybdisError, Selection
from data.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store", empty=True)


def table(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text)
    return file


def head_of(folder: Path, name: str, text: str) -> TableHead:
    return read_head(table(folder, name, text))


def test_mapping_comes_back_for_the_same_columns_only(store: Store, tmp_path: Path) -> None:
    head = head_of(tmp_path, "a.csv", "model,mmlu,notes\nm,0.5,1\n")
    assert remembered_mapping(store, head) == {}
    remember_mapping(store, head, {"roles": {"notes": "metadata"}})
    assert remembered_mapping(
        store, head_of(tmp_path, "b.csv", "model,mmlu,notes\nother,0.1,2\n")
    ) == {"roles": {"notes": "metadata"}}
    assert (
        remembered_mapping(store, head_of(tmp_path, "c.csv", "model,notes,mmlu\nother,2,0.1\n"))
        == {}
    )


def test_a_newer_correction_takes_the_place_of_the_older_and_forgetting_leaves_none(
    store: Store, tmp_path: Path
) -> None:
    head = head_of(tmp_path, "a.csv", "model,mmlu,notes\nm,0.5,1\n")
    remember_mapping(store, head, {"roles": {"notes": "metadata"}})
    remember_mapping(store, head, {"decimal_comma": True})
    assert remembered_mapping(store, head) == {"decimal_comma": True}
    forget_mapping(store, head)
    assert remembered_mapping(store, head) == {}


def test_the_same_correction_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    head = head_of(tmp_path, "a.csv", "model,mmlu,notes\nm,0.5,1\n")
    remember_mapping(store, head, {"decimal_comma": True})
    version = store.version
    remember_mapping(store, head, {"decimal_comma": True})
    assert store.version == version


def test_what_was_typed_for_a_whole_file_is_not_remembered(store: Store, tmp_path: Path) -> None:
    head = head_of(tmp_path, "a.csv", "task,score\nt,0.5\n")
    remember_mapping(store, head, {"constants": {"model": "mine"}})
    assert remembered_mapping(store, head) == {}


def test_remembered_scale_counts_only_where_the_numbers_do_not_tell_it(
    store: Store, tmp_path: Path
) -> None:
    head = head_of(tmp_path, "a.csv", "model,rating\nm,7.5\nn,9\n")
    remember_mapping(store, head, {"scales": {"rating": "raw"}})
    assert remembered_mapping(store, head) == {"scales": {"rating": "raw"}}
    assert (
        remembered_mapping(store, head_of(tmp_path, "b.csv", "model,rating\nm,0.75\nn,0.9\n")) == {}
    )


def test_remembered_mapping_that_no_longer_fits_is_left_alone(store: Store, tmp_path: Path) -> None:
    head = head_of(tmp_path, "a.csv", "model,mmlu\nm,0.5\n")
    remember_mapping(store, head, {"roles": {"mmlu": "no such role"}})
    assert remembered_mapping(store, head) == {}


def test_shell_sources_get_the_remembered_mapping_unless_one_is_given(
    store: Store, tmp_path: Path
) -> None:
    file = table(tmp_path, "a.csv", "model,mmlu,notes\nm,0.5,1\n")
    remember_mapping(store, read_head(file), {"roles": {"notes": "metadata"}})
    sources, changed = with_remembered(store, discover([file]).sources)
    assert changed == sources and sources[0].options["mapping"] == {"roles": {"notes": "metadata"}}
    given = discover([file], options={"mapping": {"roles": {"notes": "benchmark_value"}}}).sources
    assert with_remembered(store, given) == (given, ())
    list(import_sources(store, sources))
    assert fetch_scores(store, Selection())["task"].tolist() == ["mmlu"]


def test_removed_import_goes_with_its_runs_and_rejects_and_comes_in_again(
    store: Store, tmp_path: Path
) -> None:
    bad = table(
        tmp_path, "bad.csv", "model,mmlu\n" + "".join(f"m{i},0.5\n" for i in range(20)) + "n,what\n"
    )
    other = table(tmp_path, "other.csv", "model,mmlu\no,0.25\n")
    list(import_sources(store, discover([bad, other]).sources))
    (facts,) = fetch_imports(store).query(f"path == {str(bad)!r}").to_dict("records")
    assert len(fetch_rejects(store)) == 1
    assert remove_import(store, int(facts["import_key"])) == facts["n_runs"]
    assert fetch_runs(store)["model"].tolist() == ["o"]
    assert fetch_imports(store)["path"].tolist() == [str(other)]
    assert fetch_rejects(store).empty
    assert all(finding.passed for finding in check_store(store))
    (again,) = import_sources(store, discover([bad]).sources)
    assert again.status == "imported"


def test_removing_an_import_that_is_gone_changes_nothing(store: Store) -> None:
    version = store.version
    with pytest.raises(CharybdisError, match="not stored any more"):
        remove_import(store, 12345)
    assert store.version == version
