"""Which changes of the store change `Store.read_versions`, the key of what is computed from runs.

A commit to one run leaves what is kept about other models valid.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from data.bootstrap import sync_catalog
from data.catalog import read_catalog
from data.failures import forget_failures, note_failure
from data.identity import keep_apart, merge_models, split_model
from data.probe_sink import StoreSink
from data.records import Outcome, RunInfo, RunStatus, Score, ScoredSample
from data.removing import remove_runs
from data.store import Store
from data.views import remove_view, save_view
from data.watching import watch_folders
from data.writer import Writer, writing

ROOT = Path(__file__).resolve().parents[2]
Change = Callable[[Store], object]


def sample(run_id: str, instance_id: str, outcome: Outcome = Outcome.CORRECT) -> ScoredSample:
    return ScoredSample(run_id=run_id, task="t", instance_id=instance_id, outcome=outcome)


def add_run(store: Store, run_id: str, model: str) -> None:
    with writing(store) as writer:
        writer.add_run(RunInfo(run_id=run_id, model_raw=model, format="test"))
        writer.add_samples([sample(run_id, "1"), sample(run_id, "2", Outcome.ERROR)])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two models with two runs each."""
    store = Store(tmp_path)
    for run_id, model in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b")):
        add_run(store, run_id, model)
    return store


def write(change: Callable[[Writer], object]) -> Change:
    def commit(store: Store) -> None:
        with writing(store) as writer:
            change(writer)

    return commit


def remove(run_id: str) -> Change:
    def commit(store: Store) -> None:
        with store.transaction(changes_catalog=False) as cursor:
            remove_runs(cursor, [run_id])

    return commit


def continue_with_a_sample(writer: Writer) -> None:
    writer.continue_run("b1")
    writer.add_samples([sample("b1", "3")])


def continue_with_a_score(writer: Writer) -> None:
    writer.continue_run("b1")
    writer.add_scores([Score(run_id="b1", metric="accuracy", value=0.5)])


def probe_a_sample(store: Store) -> None:
    sink = StoreSink(store)
    sink.begin(RunInfo(run_id="b2", model_raw="b", format="probe"))
    sink.add({"run_id": ["b2"], "task": ["t"], "split": ["id"], "instance_id": ["9"], "epoch": [1]})
    sink.finish(RunStatus.SUCCESS, [])


OF_B: dict[str, Change] = {
    "a run is added": lambda store: add_run(store, "b3", "b"),
    "a run is replaced": lambda store: add_run(store, "b1", "b"),
    "the first run is removed": remove("b1"),
    "the last run is removed": remove("b2"),
    "a sample is added": write(continue_with_a_sample),
    "a score is added": write(continue_with_a_score),
    "errors are dropped": write(lambda writer: writer.drop_errors("b1")),
    "the status changes": write(lambda writer: writer.change_run("b1", {"status": "partial"})),
    "a probe goes on": probe_a_sample,
}


@pytest.mark.parametrize("change", OF_B.values(), ids=OF_B)
def test_change_of_one_model_changes_its_versions_and_no_others(
    change: Change, store: Store
) -> None:
    of_a, of_b, of_all = (
        store.read_versions(["a"]),
        store.read_versions(["b"]),
        store.read_versions(),
    )
    change(store)
    assert store.read_versions(["a"]) == of_a
    assert store.read_versions(["b"]) != of_b
    assert store.read_versions() != of_all
    assert store.read_versions(["a", "b"]) == store.read_versions(["b", "a"]) != of_all


def test_run_that_comes_in_place_of_a_removed_one_is_noticed(store: Store) -> None:
    seen = {store.read_versions(["b"])}
    for run_id in ("b1", "b2"):
        remove(run_id)(store)
        seen.add(store.read_versions(["b"]))
        add_run(store, f"{run_id} again", "b")
        seen.add(store.read_versions(["b"]))
    assert len(seen) == 5


OF_ALL: dict[str, Change] = {
    "catalog": lambda store: sync_catalog(store, read_catalog()),
    "models are merged": lambda store: merge_models(store, ["b"], "a"),
    "models are kept apart": lambda store: keep_apart(store, "a", "b"),
}


@pytest.mark.parametrize("change", OF_ALL.values(), ids=OF_ALL)
def test_change_of_the_catalog_changes_the_versions_of_every_model(
    change: Change, store: Store
) -> None:
    before = [store.read_versions(models) for models in ((), ["a"], ["b"], ["unknown"])]
    change(store)
    after = [store.read_versions(models) for models in ((), ["a"], ["b"], ["unknown"])]
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_same_catalog_again_changes_nothing(store: Store) -> None:
    sync_catalog(store, read_catalog())
    before = store.read_versions()
    sync_catalog(store, read_catalog())
    assert store.read_versions() == before


def test_split_model_changes_the_versions_of_both(store: Store) -> None:
    merge_models(store, ["b"], "a")
    before = store.read_versions(["a"]), store.read_versions(["b"])
    split_model(store, "b")
    assert store.read_versions(["a"]) != before[0]
    assert store.read_versions(["b"]) != before[1]


def test_runs_that_follow_a_new_alias_count_for_their_new_model(store: Store) -> None:
    catalog = read_catalog()
    aliases = catalog.model_aliases.copy()
    aliases.loc[len(aliases)] = ["b", catalog.models["model"][0]]
    sync_catalog(store, replace(catalog, model_aliases=aliases, sha256="edited"))
    _, n_runs, newest = store.read_versions([catalog.models["model"][0]])
    assert (n_runs, newest) == (2, store.version)
    assert store.read_versions(["b"])[1:] == (0, 0)


def view_and_forget(store: Store) -> None:
    view_id = save_view(store, name="mine", page="valley", query="models=a")
    remove_view(store, view_id)


def fail_and_forget(store: Store) -> None:
    note = {"path": "x.json", "format": "lm_eval", "sha256": "0", "importer_version": 1}
    note_failure(store, {**note, "files": "[]"}, [])
    forget_failures(store)


ASIDE: dict[str, Change] = {
    "views": view_and_forget,
    "failed imports": fail_and_forget,
    "watched folders": lambda store: watch_folders(store, [store.folder]),
}


@pytest.mark.parametrize("change", ASIDE.values(), ids=ASIDE)
def test_what_no_result_is_computed_from_raises_the_store_version_only(
    change: Change, store: Store
) -> None:
    before, version = store.read_versions(), store.version
    change(store)
    assert store.version > version
    assert store.read_versions() == before


def test_versions_are_those_of_any_other_process(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path)
    assert other.read_versions(["a"]) == store.read_versions(["a"])
    add_run(other, "a3", "a")
    assert store.read_versions(["a"]) == other.read_versions(["a"])


def test_every_statement_that_changes_a_run_raises_its_version() -> None:
    folders = ("data", "commands", "pages", "api", "probe", "ui", "studies")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    statements = [
        (file.relative_to(ROOT), found[1])
        for file in files
        for found in re.finditer(r"UPDATE runs SET (.*)", file.read_text())
    ]
    assert len(statements) >= 6
    assert [at for at, text in statements if not text.startswith("version = {NEXT_VERSION}")] == []
