"""What is kept between reruns: never longer than the store stays as it is, and never mixed up
between arguments.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from data.records import Denominator, RunInfo, Selection
from data.writer import writing
from ui import cached
from ui.cached import keeping
from ui.settings import settings


@pytest.fixture
def store(demo_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the demo store that may be written to, as the dashboard's store."""
    folder = Path(shutil.copytree(demo_store, tmp_path / "store"))
    monkeypatch.setenv("CHARYBDIS_STORE", str(folder))
    settings.cache_clear()
    yield folder
    cached.store().close()
    settings.cache_clear()


def test_a_write_is_seen_by_the_next_read(store: Path) -> None:
    before = set(cached.models()["model"])
    with writing(cached.store()) as writer:
        writer.add_run(RunInfo(run_id="run-new", model_raw="brand-new", format="probe"))
    assert set(cached.models()["model"]) - before == {"brand-new"}


def test_the_same_question_is_answered_from_memory(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cached.task_counts(Selection())
    cached.store().close()
    monkeypatch.setattr(
        cached.store(), "cursor", _refuse
    )  # this store only: a folder watch may look at another
    assert cached.task_counts(Selection()).equals(first)


def test_what_does_not_depend_on_the_denominator_is_read_once_for_all(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Selection(tasks=("two_sum", "find_mode"))
    for model, kind in cached.valley_sources(chosen):
        cached.valley(model, kind, chosen)
    cached.answer_matrix(("demo-small", "demo-large"), chosen)
    cached.store().close()
    monkeypatch.setattr(
        cached.store(), "cursor", _refuse
    )  # this store only: a folder watch may look at another
    other = replace(chosen, denominator=Denominator.AUTHORS)
    for model, kind in cached.valley_sources(other):
        assert cached.valley(model, kind, other).settings.denominator is Denominator.AUTHORS
    assert (
        cached.answer_matrix(("demo-small", "demo-large"), other).denominator is Denominator.AUTHORS
    )


def test_a_changed_answer_does_not_change_the_kept_one(store: Path) -> None:
    frame = cached.task_counts(Selection())
    frame.loc[:, "n_correct"] = 0
    assert cached.task_counts(Selection())["n_correct"].sum() > 0


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
    assert not cached.task_counts(other).equals(cached.task_counts(Selection()))


def test_the_denominator_is_part_of_the_question(store: Path) -> None:
    one = cached.valley("demo-small", "samples", Selection())
    other = cached.valley(
        "demo-small", "samples", replace(Selection(), denominator=Denominator.PARSED_ONLY)
    )
    assert (other.curve["a_id"] > one.curve["a_id"]).all()


def test_counted_answers_are_listed_before_published_means(store: Path) -> None:
    sources = cached.valley_sources(Selection())
    assert sources[:2] == (("demo-large", "samples"), ("demo-small", "samples"))
    assert [model for model, _ in sources[2:4]] == ["Qwen1.5-1.8B", "Qwen1.5-4B"]
    assert {source for _, source in sources[2:]} == {"published"}


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
