"""What is kept between reruns: never longer than the store stays as it is, and never mixed up
between arguments.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.compare.answer_matrix import AnswerMatrix
from data.queries import fetch_models
from data.records import CharybdisError, Denominator, RunInfo, Selection, Split
from data.writer import writing
from studies import STUDIES, Result, Study
from studies.compare import answer_matrix
from studies.steps import task_counts
from studies.valley import ValleySettings, sources, valley
from tests.conftest import DEMO_TASKS, demo_samples
from ui import kept as keeping
from ui.kept import kept, the_store
from ui.settings import settings


@pytest.fixture
def store(demo_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the demo store that may be written to, as the dashboard's store."""
    folder = Path(shutil.copytree(demo_store, tmp_path / "store"))
    monkeypatch.setenv("CHARYBDIS_STORE", str(folder))
    settings.cache_clear()
    yield folder
    the_store().close()
    settings.cache_clear()


def test_a_write_is_seen_by_the_next_read(store: Path) -> None:
    before = set(kept(fetch_models)()["model"])
    with writing(the_store()) as writer:
        writer.add_run(RunInfo(run_id="run-new", model_raw="brand-new", format="probe"))
    assert set(kept(fetch_models)()["model"]) - before == {"brand-new"}


def test_the_same_question_is_answered_from_memory(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kept(task_counts)(Selection())
    the_store().close()
    monkeypatch.setattr(
        the_store(), "cursor", _refuse
    )  # this store only: a folder watch may look at another
    assert kept(task_counts)(Selection()).equals(first)


def test_what_does_not_depend_on_the_denominator_is_read_once_for_all(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Selection(models=("demo-small", "demo-large"), tasks=("two_sum", "find_mode"))
    kept(valley)(chosen, ValleySettings())
    kept(answer_matrix)(chosen)
    the_store().close()
    monkeypatch.setattr(
        the_store(), "cursor", _refuse
    )  # this store only: a folder watch may look at another
    other = replace(chosen, denominator=Denominator.AUTHORS)
    found = kept(valley)(other, ValleySettings()).valleys
    assert {one.settings.denominator for one in found} == {Denominator.AUTHORS}
    assert kept(answer_matrix)(other).denominator is Denominator.AUTHORS


def test_a_commit_to_one_run_leaves_answers_about_other_models_warm(store: Path) -> None:
    def matrices() -> list[AnswerMatrix]:
        models = ("demo-small", "demo-large")
        return [kept(answer_matrix)(Selection(models=(model,))) for model in models]

    before = matrices()
    with writing(the_store()) as writer:
        writer.add_run(RunInfo(run_id="run-more", model_raw="demo-large", format="probe"))
    after = matrices()
    assert after[0] is before[0], "the answer about the other model was computed again"
    assert after[1] is not before[1], "the answer about the model with a new run is stale"


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_what_is_kept_is_what_a_fresh_look_at_the_store_gives(store: Path, study: Study) -> None:
    """A third model moves the axis on which the levels of the other two are placed."""
    chosen = Selection(models=("demo-small", "demo-large"))
    few = {"n": 2} if study.name == "grading-effect" else {}
    if study.name == "emergence":
        few = {"over": "step"}
    settings_ = study.settings(**few)

    def record(found: Callable[[], Result]) -> Any:
        try:
            return found().as_record()
        except CharybdisError as error:
            return str(error)

    before = record(lambda: kept(study.run)(chosen, settings_))
    with writing(the_store()) as writer:
        writer.add_run(
            RunInfo(run_id="third", model_raw="third", format="probe", level_scheme="scylla")
        )
        for level, tasks in enumerate(DEMO_TASKS):
            for task in tasks:
                for split in Split:
                    writer.add_samples(demo_samples("third", task, split, 5 + 6 * level))
    after = record(lambda: kept(study.run)(chosen, settings_))
    assert after == record(lambda: study.run(the_store(), chosen, settings_))
    assert (after != before) == (study.name == "valley")


def test_a_changed_answer_does_not_change_the_kept_one(store: Path) -> None:
    frame = kept(task_counts)(Selection())
    frame.loc[:, "n_correct"] = 0
    assert kept(task_counts)(Selection())["n_correct"].sum() > 0


@pytest.mark.parametrize(
    "other",
    [
        Selection(models=("demo-small",)),
        Selection(tasks=("find_mode",)),
        Selection(scheme="none"),
        Selection(runs=("run-demo-large",)),
    ],
)
def test_another_selection_is_another_question(store: Path, other: Selection) -> None:
    assert not kept(task_counts)(other).equals(kept(task_counts)(Selection()))


def test_the_denominator_is_part_of_the_question(store: Path) -> None:
    chosen = Selection(models=("demo-small",))
    (one,) = kept(valley)(chosen, ValleySettings()).valleys
    strict = replace(chosen, denominator=Denominator.PARSED_ONLY)
    (other,) = kept(valley)(strict, ValleySettings()).valleys
    assert (other.curve["a_id"] > one.curve["a_id"]).all()


def test_counted_answers_are_listed_before_published_means(store: Path) -> None:
    found = kept(sources)(Selection())
    assert found[:2] == (("demo-large", "samples"), ("demo-small", "samples"))
    assert [model for model, _ in found[2:4]] == ["Qwen1.5-1.8B", "Qwen1.5-4B"]
    assert {source for _, source in found[2:]} == {"published"}


def test_no_cached_function_has_an_argument_that_streamlit_ignores() -> None:
    source = Path(keeping.__file__).read_text()
    heads = [part.split("->")[0] for part in source.split("@st.cache_")[1:]]
    assert heads
    for head in heads:
        assert "max_entries=" in head
        assert not [
            name
            for name in head.split("def ")[1].split("(", 1)[1].split(",")
            if name.strip().startswith("_")
        ]


def _refuse() -> Callable[..., None]:
    raise AssertionError("the store was asked again")
