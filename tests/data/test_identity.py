"""Who is who: merging and splitting names of models, suggestions with reasons, runs that came in
twice.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.bootstrap import open_store, sync_catalog
from data.catalog import read_catalog
from data.checking import check_store
from data.identity import (
    apart,
    bare_name,
    decided_names,
    keep_apart,
    merge_models,
    same_runs,
    split_model,
    suggest_same,
)
from data.queries import (
    fetch_checkpoints,
    fetch_fingerprints,
    fetch_model_names,
    fetch_runs,
    fetch_stated_scores,
    fetch_task_counts,
)
from data.records import CharybdisError, Outcome, RunInfo, Score, ScoredSample, Selection
from data.store import Store
from data.writer import writing

C, W = Outcome.CORRECT, Outcome.WRONG


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store", empty=True)


def add(
    store: Store,
    run_id: str,
    model: str,
    outcomes: list[Outcome] | None = None,
    *,
    responses: list[str] | None = None,
    scores: dict[str, float] | None = None,
    **facts: Any,
) -> None:
    with writing(store) as writer:
        writer.add_run(RunInfo(run_id=run_id, model_raw=model, **({"format": "one"} | facts)))
        writer.add_samples(
            [
                ScoredSample(
                    run_id=run_id,
                    task="find_minimum",
                    instance_id=f"{i}",
                    outcome=o,
                    response=responses[i] if responses else None,
                )
                for i, o in enumerate(outcomes or [])
            ]
        )
        writer.add_scores(
            [
                Score(run_id=run_id, metric="acc", task=t, value=v, value01=v)
                for t, v in (scores or {}).items()
            ]
        )


def models_of(store: Store) -> dict[str, str]:
    runs = fetch_runs(store)
    return dict(zip(runs["run_id"], runs["model"], strict=True))


def is_sound(store: Store) -> bool:
    return all(finding.passed for finding in check_store(store))


# -- merge and split -------------------------------------------------------------------------------


def test_merge_moves_runs_and_counts_follow_in_one_transaction(store: Store) -> None:
    add(store, "a", "m", [C, W])
    add(store, "b", "org/m", [C, C, W])
    version = store.version
    assert merge_models(store, ["org/m"], "m") == 1
    assert store.version == version + 1
    assert models_of(store) == {"a": "m", "b": "m"}
    counts = fetch_task_counts(store, Selection(runs=("a", "b")))
    assert set(counts["model"]) == {"m"} and int(counts["n_correct"].sum()) == 3
    assert is_sound(store)


def test_runs_that_come_later_under_a_merged_name_are_runs_of_the_kept_model(store: Store) -> None:
    add(store, "a", "m")
    add(store, "b", "org/m")
    merge_models(store, ["org/m"], "m")
    add(store, "c", "org/m", [C])
    assert models_of(store) == {"a": "m", "b": "m", "c": "m"}


def test_split_undoes_a_merge_for_stored_and_later_runs(store: Store) -> None:
    add(store, "a", "m", [C])
    add(store, "b", "org/m", [W])
    merge_models(store, ["org/m"], "m")
    assert split_model(store, "org/m") == "org/m"
    add(store, "c", "org/m", [C])
    assert models_of(store) == {"a": "m", "b": "org/m", "c": "org/m"}
    assert is_sound(store)


def test_merged_models_can_be_merged_on_and_each_name_split_by_itself(store: Store) -> None:
    for name in ("x", "y", "z"):
        add(store, name, name, [C])
    merge_models(store, ["y"], "x")
    merge_models(store, ["x"], "z")
    assert set(models_of(store).values()) == {"z"}
    split_model(store, "y")
    assert models_of(store) == {"x": "z", "y": "y", "z": "z"}
    merge_models(store, ["z"], "x")  # back into a name that was merged away
    add(store, "again", "x")
    assert models_of(store) == {"x": "x", "y": "y", "z": "x", "again": "x"}
    assert is_sound(store)


def test_split_of_a_catalog_model_takes_its_catalog_names_along_and_each_can_then_be_split(
    store: Store,
) -> None:
    add(store, "a", "EleutherAI/pythia-70m", [C])
    add(store, "b", "mine", [C])
    assert models_of(store)["a"] == "pythia-70m"
    merge_models(store, ["pythia-70m"], "mine")
    assert models_of(store)["a"] == "mine"
    assert split_model(store, "pythia-70m") == "pythia-70m"
    assert models_of(store)["a"] == "pythia-70m"
    assert split_model(store, "EleutherAI/pythia-70m") == "EleutherAI/pythia-70m"
    add(store, "c", "EleutherAI__pythia-70m")
    assert models_of(store) == {"a": "EleutherAI/pythia-70m", "b": "mine", "c": "pythia-70m"}
    assert is_sound(store)


def test_an_edited_catalog_does_not_undo_what_a_person_decided(store: Store) -> None:
    add(store, "a", "EleutherAI/pythia-70m")
    add(store, "b", "org/m")
    split_model(store, "EleutherAI/pythia-70m")
    merge_models(store, ["org/m"], "pythia-160m")
    assert sync_catalog(store, replace(read_catalog(), sha256="edited"))
    assert models_of(store) == {"a": "EleutherAI/pythia-70m", "b": "pythia-160m"}
    assert decided_names(store)["org/m"] == "pythia-160m"
    assert is_sound(store)


@pytest.mark.parametrize(
    ("names", "into"), [(["m"], "m"), (["nobody"], "m"), (["m"], "nobody"), ([], "m")]
)
def test_merge_that_cannot_be_changes_nothing(store: Store, names: list[str], into: str) -> None:
    add(store, "a", "m")
    version = store.version
    with pytest.raises(CharybdisError):
        merge_models(store, names, into)
    assert store.version == version and models_of(store) == {"a": "m"}


@pytest.mark.parametrize("name", ["m", "nobody"])
def test_split_of_what_is_its_own_or_unknown_is_refused(store: Store, name: str) -> None:
    add(store, "a", "m")
    version = store.version
    with pytest.raises(CharybdisError, match=name):
        split_model(store, name)
    assert store.version == version


def test_names_are_listed_with_their_model_and_merged_names_without_runs_too(store: Store) -> None:
    add(store, "a", "m", n_params=7)
    add(store, "b", "org/m")
    merge_models(store, ["org/m"], "m")
    with store.transaction() as cursor:
        cursor.execute("DELETE FROM runs WHERE run_id = 'b'")
    names = fetch_model_names(store).query("model == 'm'").set_index("name")
    assert names["n_runs"].to_dict() == {"m": 1, "org/m": 0}
    assert names.loc["m", "n_params"] == 7


# -- suggestions -----------------------------------------------------------------------------------


def models(*rows: tuple[str, str | None, float | None]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["model", "family", "n_params"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("meta-llama/Llama-2-7b", "organisation 'meta-llama/'"),
        ("meta-llama__Llama-2-7b", "organisation 'meta-llama__'"),
        ("LLAMA_2_7B", "capitals and dashes"),
        ("llama2-7b", "capitals and dashes"),
        ("Llama-2-7b-hf", "ending '-hf'"),
        ("hf/meta-llama/Llama-2-7b", "'hf/'"),
        ("Llama-2-7b-bf16", "dtype '-bf16'"),
        ("/home/me/models/Llama-2-7b/", "folder '/home/me/models/'"),
        (
            "~/.cache/hub/models--meta-llama--Llama-2-7b-hf/snapshots/0123456789abcdef",
            "hub's cache",
        ),
        (r"D:\models\Llama-2-7b", "folder"),
    ],
)
def test_other_spelling_of_a_catalog_model_is_suggested_with_its_reason(
    name: str, words: str
) -> None:
    ((merged, kept, reason),) = suggest_same(
        models((name, None, None), ("Llama-2-7b", "Llama-2", 7e9))
    )
    assert (merged, kept) == (name, "Llama-2-7b")
    assert words in reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gemma-2-7b", "gemma-27b"),
        ("Qwen1.5-7B", "Qwen15-7B"),
        ("Qwen2.5-7B", "Qwen2.5-7B-Instruct"),
        ("pythia-70m", "pythia-70m-deduped"),
        ("Llama-2-7b", "Llama-2-7b-GPTQ"),
        ("Llama-2-7b", "Llama-2-7b-4bit"),
        ("m-v0.1", "m-v0.2"),
    ],
)
def test_names_that_differ_in_more_than_spelling_are_not_suggested(one: str, other: str) -> None:
    assert bare_name(one)[0] != bare_name(other)[0]
    assert suggest_same(models((one, None, None), (other, None, None))) == []


def test_two_models_of_the_catalog_are_two() -> None:
    assert suggest_same(models(("a/m", "F", 1.0), ("b/m", "F", 1.0))) == []


def test_every_spelling_is_suggested_to_one_kept_model() -> None:
    found = suggest_same(models(("org/m-hf", None, None), ("m", None, None), ("M", None, None)))
    assert [(merged, kept) for merged, kept, _ in found] == [("m", "M"), ("org/m-hf", "M")]


def test_same_family_and_parameters_are_a_reason_only_where_one_catalog_model_has_them() -> None:
    mine = ("my-pythia-run7", None, 70_426_624.0)
    ((merged, kept, reason),) = suggest_same(
        models(mine, ("pythia-70m", "Pythia", 70_426_624.0), ("pythia-1b", "Pythia", 1e9))
    )
    assert (merged, kept) == ("my-pythia-run7", "pythia-70m")
    assert "70,426,624 parameters" in reason
    twins = models(
        mine, ("pythia-70m", "Pythia", 70_426_624.0), ("pythia-70m-deduped", "Pythia", 70_426_624.0)
    )
    assert suggest_same(twins) == []
    assert (
        suggest_same(models(("other", None, 70_426_624.0), ("pythia-70m", "Pythia", 70_426_624.0)))
        == []
    )


def test_catalog_models_without_results_are_suggested_and_nothing_is_merged_by_asking(
    store: Store,
) -> None:
    add(store, "a", "/models/pythia-70m_bf16")
    found = suggest_same(fetch_model_names(store))
    assert [(merged, kept) for merged, kept, _ in found] == [
        ("/models/pythia-70m_bf16", "pythia-70m")
    ]
    assert models_of(store) == {"a": "/models/pythia-70m_bf16"}


def test_pairs_kept_apart_are_remembered_in_either_order(store: Store) -> None:
    keep_apart(store, "z", "b")
    keep_apart(store, "b", "z")
    assert apart(store) == {("b", "z")}


# -- runs that are one -----------------------------------------------------------------------------


def found_in(store: Store) -> list[tuple[str, str]]:
    return [
        (pair.first, pair.second)
        for pair in same_runs(fetch_fingerprints(store), fetch_stated_scores(store))
    ]


MIXED = [C, W] * 5


def test_same_answers_in_two_formats_are_one_run_whatever_their_order(store: Store) -> None:
    add(store, "a", "m", MIXED)
    with writing(store) as writer:
        writer.add_run(RunInfo(run_id="b", model_raw="m", format="two"))
        rows = [
            ScoredSample(run_id="b", task="find_minimum", instance_id=f"{i}", outcome=o)
            for i, o in enumerate(MIXED)
        ]
        writer.add_samples(rows[::-1])
    (pair,) = same_runs(fetch_fingerprints(store), fetch_stated_scores(store))
    assert (pair.model, pair.first, pair.second, pair.first_format, pair.second_format) == (
        "m",
        "a",
        "b",
        "one",
        "two",
    )
    assert pair.reason == "the same outcomes on the same 10 instances"


def test_one_other_outcome_or_another_model_makes_two_runs(store: Store) -> None:
    add(store, "a", "m", MIXED)
    add(store, "b", "m", [W, C, *MIXED[2:]])
    add(store, "c", "other", MIXED)
    assert found_in(store) == []


@pytest.mark.parametrize("facts", [{"step": 2}, {"checkpoint": "two"}, {"n_shot": 5}])
def test_known_differences_of_the_runs_make_them_two(store: Store, facts: dict[str, Any]) -> None:
    stated: dict[str, Any] = {"step": 1, "checkpoint": "one", "n_shot": 0}
    add(store, "a", "m", MIXED, **stated)
    add(store, "b", "m", MIXED, **stated | facts)
    assert found_in(store) == []
    add(store, "c", "m", MIXED)  # states none of them
    assert ("a", "c") in found_in(store)


def test_few_or_uniform_outcomes_need_the_same_texts(store: Store) -> None:
    add(store, "a", "few", [C, W])
    add(store, "b", "few", [C, W])
    add(store, "c", "uniform", [W] * 20)
    add(store, "d", "uniform", [W] * 20)
    assert found_in(store) == []
    add(store, "e", "told", [W] * 3, responses=["x", "y", "z"])
    add(store, "f", "told", [W] * 3, responses=["x", "y", "z"])
    add(store, "g", "told", [W] * 3, responses=["x", "y", "other"])
    assert found_in(store) == [("e", "f")]


def test_equal_numbers_in_two_formats_are_one_run_and_in_one_format_are_not(store: Store) -> None:
    add(store, "a", "m", scores={"t": 0.25, "u": 0.5})
    add(store, "b", "m", scores={"t": 0.25, "u": 0.5, "v": 0.75}, format="two")
    add(store, "c", "m", scores={"t": 0.25, "u": 0.51}, format="three")
    add(store, "d", "m", scores={"t": 0.25, "u": 0.5})
    pairs = same_runs(fetch_fingerprints(store), fetch_stated_scores(store))
    assert [(pair.first, pair.second) for pair in pairs] == [("a", "b"), ("b", "d")]
    assert pairs[0].reason == "all 2 numbers that both state are equal"


def test_counted_accuracy_is_held_against_a_stated_one(store: Store) -> None:
    add(store, "a", "m", [C, C, C, W])
    add(store, "b", "m", scores={"find_minimum": 0.75}, format="two")
    assert found_in(store) == [("a", "b")]


def test_numbers_that_are_all_nought_or_one_and_empty_stores_tell_nothing(store: Store) -> None:
    assert found_in(store) == []
    add(store, "a", "m", scores={"t": 0.0, "u": 1.0})
    add(store, "b", "m", scores={"t": 0.0, "u": 1.0}, format="two")
    assert found_in(store) == []


# -- checkpoints -----------------------------------------------------------------------------------


def test_model_revision_and_step_are_one_checkpoint(store: Store) -> None:
    add(store, "a", "m", checkpoint="r", step=10)
    add(store, "b", "org/m", checkpoint="r", step=10, format="two")
    add(store, "c", "m")
    merge_models(store, ["org/m"], "m")
    table = fetch_checkpoints(store)
    assert table[["model", "n_runs", "formats", "names"]].to_numpy().tolist() == [
        ["m", 2, "one, two", "m, org/m"],
        ["m", 1, "one", "m"],
    ]
    assert table["step"].tolist()[0] == 10 and np.all(table["step"].isna() == [False, True])
