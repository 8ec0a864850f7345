"""The hand-kept tables: what ships is right, and a slip is named with its place."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from data.catalog import FOLDER, CatalogError, read_catalog

PUBLISHED = FOLDER.parent / "published"


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[str, str, str], Path]:
    """A copy of the catalog with one text replaced in one file."""

    def edit(name: str, old: str, new: str) -> Path:
        for file in FOLDER.glob("*.csv"):
            shutil.copy(file, tmp_path)
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
        return tmp_path

    return edit


def scyllas_tasks() -> set[str]:
    """The tasks of the paper; other benchmarks may add theirs."""
    tasks = read_catalog().tasks
    return set(tasks.loc[tasks["benchmark"] == "scylla", "task"])


def test_every_published_model_is_in_the_catalog() -> None:
    with (PUBLISHED / "scylla_table2.csv").open(encoding="utf-8") as stream:
        published = {row["model"]: row for row in csv.DictReader(stream)}
    models = read_catalog().models.set_index("model")
    assert len(published) == 28
    for name, row in published.items():
        assert models.loc[name, "family"] == row["family"]
        assert models.loc[name, "access"] == row["access"]
        stated = models.loc[name, "n_params"]
        assert (
            pd.isna(stated)
            if not row["params_b"]
            else stated == round(float(row["params_b"]) * 1e9)
        )


def test_scylla_has_seventeen_anchor_tasks_in_five_levels_and_three_probe_tasks_without() -> None:
    catalog = read_catalog()
    levels = catalog.task_levels[catalog.task_levels["scheme"] == "scylla"]
    levels = levels[levels["task"].isin(scyllas_tasks())]
    anchors = levels[levels["role"] == "anchor"]
    assert anchors["level"].value_counts().sort_index().tolist() == [3, 4, 3, 3, 4]
    probes = levels[levels["role"] == "probe"]
    assert sorted(probes["task"]) == [
        "longest_common_subarray",
        "longest_consecutive_elements",
        "longest_increasing_subsequence",
    ]
    assert probes["level"].isna().all()


def test_level_labels_are_those_of_the_paper() -> None:
    levels = read_catalog().levels
    levels = levels[levels["scheme"] == "scylla"]
    assert levels["label"].tolist() == [
        "O(N)",
        "O([N,N^2])",
        "O([N^2,N^3])",
        "O([N^3,N^4])",
        "O(2^N)",
    ]
    assert levels["level"].tolist() == [1, 2, 3, 4, 5]


def test_the_authors_class_names_lead_to_the_tasks() -> None:
    aliases = dict(read_catalog().task_aliases.itertuples(index=False))
    assert aliases["FindMinimum"] == "find_minimum"
    assert aliases["TSP"] == "tsp"
    assert aliases["SubsetSumMultipleTen"] == "subset_sum_multiple_ten"
    named = [alias for alias, task in aliases.items() if task in scyllas_tasks()]
    assert len(named) == len(scyllas_tasks()) == 20


def test_other_names_of_a_checkpoint_lead_to_one_model() -> None:
    aliases = dict(read_catalog().model_aliases.itertuples(index=False))
    for alias in (
        "EleutherAI/pythia-70m",
        "EleutherAI__pythia-70m",
        "EleutherAI_pythia-70m",
        "pythia-70m-v1",
    ):
        assert aliases[alias] == "pythia-70m"
    assert aliases["EleutherAI/pythia-70m-v0"] == "pythia-70m-v0"  # other weights, so another model


def test_stated_compute_is_six_times_parameters_times_tokens() -> None:
    models = read_catalog().models
    known = models[models["train_flops"].notna()]
    n_params = known["n_params_active"].fillna(known["n_params"]).astype(float)
    assert ((known["train_flops"] / (6 * n_params * known["train_tokens"]) - 1).abs() < 1e-4).all()
    assert known["note"].str.contains("train_flops = 6 x parameters x tokens").all()


def test_what_is_unknown_stays_unknown() -> None:
    models = read_catalog().models.set_index("model")
    assert pd.isna(models.loc["GPT-4o", "n_params"])
    assert models.loc["Qwen1.5-7B", "tuning"] is None


def test_every_edit_changes_the_catalogs_identity(edited: Callable[[str, str, str], Path]) -> None:
    folder = edited("levels.csv", "scylla,1,O(N),", "scylla,1,O(n),")
    assert read_catalog(folder).sha256 != read_catalog().sha256
    assert read_catalog().sha256 == read_catalog().sha256


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("models.csv", "1800000000", "1.8B", r"models\.csv, row 2, field n_params: '1\.8B'"),
        ("models.csv", "2024-02-04", "4 Feb 2024", r"row 2, field release_date"),
        (
            "models.csv",
            ",open,",
            ",free,",
            r"field access: 'free' is not allowed. Write one of open, closed",
        ),
        (
            "models.csv",
            "Qwen1.5-4B,",
            "Qwen1.5-1.8B,",
            r"row 3, field model: Qwen1\.5-1\.8B stands in row 2",
        ),
        (
            "models.csv",
            "gpt-4o;openai/gpt-4o",
            "Llama-2-7b",
            r"field aliases: 'Llama-2-7b' already means 'Llama-2-7b'",
        ),
        ("models.csv", "model,aliases", "name,aliases", r"It needs exactly: model, aliases"),
        (
            "tasks.csv",
            "find_minimum,Find minimum,scylla",
            "find_minimum,Find minimum,scilla",
            r"row 2, field benchmark: 'scilla'",
        ),
        ("tasks.csv", "find_minimum,Find minimum", ",Find minimum", r"row 2, field task is empty"),
        (
            "task_levels.csv",
            "scylla,tsp,5,anchor",
            "scylla,tsp,,anchor",
            r"field level is empty for an anchor task",
        ),
        (
            "task_levels.csv",
            "scylla,tsp,5,anchor",
            "scylla,tsp,6,anchor",
            r"6 is no level of 'scylla'",
        ),
        ("task_levels.csv", "scylla,tsp,5,anchor", "scylla,tsp,5,anker", r"field role: 'anker'"),
        ("levels.csv", "scylla,1,O(N),", "scylla,1,O(N),,", r"row 2, has not as many fields"),
        ("levels.csv", "scylla,1,O(N),", 'scylla,1,"O(N)"x,', r"row 2, is not CSV"),
    ],
)
def test_a_slip_is_named_with_file_row_and_field(
    edited: Callable[[str, str, str], Path], name: str, old: str, new: str, said: str
) -> None:
    with pytest.raises(CatalogError, match=said):
        read_catalog(edited(name, old, new))


def test_a_missing_file_and_a_file_in_another_encoding_are_named(
    edited: Callable[[str, str, str], Path],
) -> None:
    folder = edited("levels.csv", "scylla", "scylla")
    (folder / "levels.csv").write_bytes("scheme,level,label,note\ns,1,größer,".encode("latin-1"))
    with pytest.raises(CatalogError, match=r"levels\.csv is not UTF-8"):
        read_catalog(folder)
    (folder / "levels.csv").unlink()
    with pytest.raises(CatalogError, match=r"levels\.csv is missing"):
        read_catalog(folder)


def test_chance_of_every_task_is_the_level_of_a_guesser() -> None:
    from probe.tasks import TASKS, chance_level

    stated = read_catalog().tasks.set_index("task")["chance"]
    for task in TASKS:
        assert stated[task] == pytest.approx(chance_level(task, "id"), abs=0.0005), task


def test_chance_on_the_ladders_shorter_lists_is_the_level_of_a_guesser_on_them() -> None:
    from data.catalog.ladder_chance import read_ladder_chance
    from probe.ladder.distribution import ELEMENTS, LENGTHS
    from probe.tasks import chance_level

    stated = read_ladder_chance()
    assert set(stated) == set(LENGTHS)
    for task, lengths in LENGTHS.items():
        for split in ("id", "ood"):
            assert stated[task] == pytest.approx(
                chance_level(task, split, lengths=lengths, elements=ELEMENTS), abs=0.0005
            ), (task, split)
