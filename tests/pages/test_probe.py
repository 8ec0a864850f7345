"""The probe page: an instance and its reference, a question with its outcome, a batch that is
stored, stopped and resumed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from data.probe_sink import StoreSink
from data.queries import fetch_run, fetch_runs, fetch_task_counts
from data.records import Selection, Split
from data.store import Store
from pages.probe.batch import stored_spec
from probe.models import open_model
from probe.run_loop import ProbeSpec, plan_run, run_probe
from probe.tasks import TASKS, make_batch
from ui.kept import the_queue, the_store

OpenApp = Callable[[Path], AppTest]
ORACLE = "demo:oracle:0:1"
N_WITH_LEVEL = sum(task.level is not None for task in TASKS.values())
"""A batch asks these unless others are chosen."""


@pytest.fixture
def writable(demo_store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo_store, tmp_path / "store"))


@pytest.fixture(autouse=True)
def _new_desk() -> Iterator[None]:
    the_queue.clear()  # type: ignore[attr-defined]
    yield
    the_queue().close()
    the_queue.clear()  # type: ignore[attr-defined]


def open_probe(open_app: OpenApp, store: Path, **query: str) -> AppTest:
    app = open_app(store).run()
    app.switch_page("pages/probe/page.py")
    for key, value in {"ref": ORACLE, **query}.items():
        app.query_params[key] = value
    return app.run()


def texts(app: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "error", "success", "text", "code")
    found = "\n".join(element.value for kind in kinds for element in getattr(app, kind))
    return found.replace("\\", "").replace("\u2060", "")


def press(app: AppTest, key: str) -> AppTest:
    return next(button for button in app.button if button.key == key).click().run()


def run_until(app: AppTest, said: str) -> AppTest:
    end = time.monotonic() + 60
    while said not in texts(app):
        assert time.monotonic() < end, texts(app)
        time.sleep(0.05)
        app.run()
    return app


def pick(app: AppTest, kind: str, key: str, value: object) -> AppTest:
    return next(widget for widget in getattr(app, kind) if widget.key == key).set_value(value).run()


# -- one instance ----------------------------------------------------------------------------------


def test_instance_stands_there_with_its_reference_and_prompt(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = open_probe(
        open_app, demo_store, probe_task="two_sum", probe_split="ood", number="3", seed="7"
    )
    assert not app.exception
    wanted = make_batch("two_sum", "ood", 3, 7)[-1]
    assert f"numbers: {wanted.input['numbers']}" in texts(app)
    assert str(wanted.reference) in texts(app)
    assert wanted.prompt in texts(app)


def test_question_shows_outcome_reason_and_what_is_stored(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = press(open_probe(open_app, demo_store, probe_task="two_sum"), "ask")
    run_until(app, "read after 'answer is'")
    assert not app.exception
    assert "correct" in texts(app)
    assert "this model tells no probabilities" in texts(app)
    assert "Nothing of demo:oracle:0:1 on two_sum, ID, is stored yet." in texts(app)


def test_another_instance_takes_the_reply_away(open_app: OpenApp, demo_store: Path) -> None:
    app = run_until(
        press(open_probe(open_app, demo_store, probe_task="two_sum"), "ask"),
        "read after 'answer is'",
    )
    pick(app, "number_input", "number", 2)
    assert "read after 'answer is'" not in texts(app)
    assert "Nothing asked yet." in texts(app)


def test_level_narrows_the_tasks(open_app: OpenApp, demo_store: Path) -> None:
    app = open_probe(open_app, demo_store, probe_level="2")
    (tasks,) = [box for box in app.selectbox if box.key == "probe_task"]
    assert set(tasks.options) == {
        "find_topk",
        "two_sum",
        "sort_numbers",
        "remove_duplicate_numbers",
    }


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("no/such/folder-here/", "cannot be loaded"),
        ("openai:nobody", "is no server model"),
        ("openai:nobody@http://127.0.0.1:9/v1", "127.0.0.1:9"),
        ("demo:other", "There is no demo model"),
    ],
)
def test_model_that_cannot_be_opened_is_told_readably(
    open_app: OpenApp, demo_store: Path, ref: str, said: str
) -> None:
    if ref.startswith("no/"):
        pytest.importorskip("torch")
    app = run_until(press(open_probe(open_app, demo_store, ref=ref), "ask"), said)
    assert not app.exception
    assert app.error


def test_elicited_instances_need_a_batch_first(open_app: OpenApp, demo_store: Path) -> None:
    app = pick(open_probe(open_app, demo_store), "selectbox", "source False", "elicited")
    assert "has not been asked for test inputs yet" in texts(app)
    assert not app.exception


def test_no_gpu_is_a_state_and_no_error(
    open_app: OpenApp, demo_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pages.probe.sections.machine_words",
        lambda: "No GPU: models run on the CPU, which is what the ladder is made for.",
    )
    app = open_probe(open_app, demo_store)
    assert "No model is open. No GPU: models run on the CPU" in texts(app)
    assert not app.error


def test_beyond_this_machine_only_listed_models_can_be_opened(
    open_app: OpenApp, demo_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = st.get_option
    monkeypatch.setattr(
        st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else kept(name)
    )
    app = open_probe(open_app, demo_store, ref="/etc")
    assert "only the models of the list can be opened here" in texts(app)
    assert not [button for button in app.button if button.key == "ask"]


def test_without_torch_the_page_says_what_to_install_and_offers_the_rest(
    open_app: OpenApp, demo_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.models.find_spec", lambda name: None)
    app = open_app(demo_store).run()
    app = app.switch_page("pages/probe/page.py").run()
    (said,) = [one.value for one in app.info if "not installed" in one.value]
    assert "torch" in said and "make app" in said
    (model,) = [box for box in app.selectbox if box.key == "ref"]
    assert model.options == ["demo:oracle:0.2:7", "demo:echo"]
    assert model.value == "demo:oracle:0.2:7"
    run_until(press(app, "ask"), "read after 'answer is'")
    assert not app.exception


def test_a_link_to_a_local_model_without_torch_says_what_to_install(
    open_app: OpenApp, demo_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.models.find_spec", lambda name: None)
    app = press(open_probe(open_app, demo_store, ref="ladder:ladder-1k-s0"), "ask")
    end = time.monotonic() + 60
    while not app.error and time.monotonic() < end:
        app.run()
    assert "not installed" in app.error[0].value and "FILE" in app.error[0].value
    assert not app.exception


# -- batches ---------------------------------------------------------------------------------------


def open_batch(open_app: OpenApp, store: Path) -> AppTest:
    return open_probe(open_app, store, probe_view="Run a batch")


def test_batch_is_stored_and_its_valley_drawn(open_app: OpenApp, writable: Path) -> None:
    app = open_batch(open_app, writable)
    pick(app, "number_input", "batch n", 2)
    n = 2 * 2 * N_WITH_LEVEL
    assert f"{N_WITH_LEVEL} tasks × 2 splits × 2 = {n} samples" in texts(app)
    run_until(press(app, "run batch"), "done")
    assert not app.exception
    store = the_store()
    counts = fetch_task_counts(store, Selection(models=(ORACLE,)))
    assert counts["n_correct"].sum() == n
    assert f"n = {n}" in texts(app)
    assert {link.proto.page for link in app.get("page_link")} >= {"samples"}


def test_question_after_a_batch_is_placed_on_the_stored_counts(
    open_app: OpenApp, writable: Path
) -> None:
    app = open_batch(open_app, writable)
    pick(app, "number_input", "batch n", 2)
    run_until(press(app, "run batch"), "done")
    app.query_params["probe_view"] = "Ask one"
    app = open_probe(open_app, writable, probe_task="two_sum", number="9")
    run_until(
        press(app, "ask"),
        "Stored of demo:oracle:0:1 on two_sum, ID: 2 of 2 correct; with this answer 3 of 3.",
    )
    assert f"n = {2 * 2 * N_WITH_LEVEL} stored answers and this one" in texts(app)


def test_batch_of_one_split_says_why_there_is_no_valley(open_app: OpenApp, writable: Path) -> None:
    app = open_batch(open_app, writable)
    next(pills for pills in app.button_group if pills.key == "batch splits").set_value(["id"]).run()
    pick(app, "number_input", "batch n", 1)
    run_until(press(app, "run batch"), "done")
    assert not app.exception


def partial_run(folder: Path) -> tuple[str, ProbeSpec]:
    """A run of the oracle that was stopped after its first batch, as the shell leaves it."""
    store, spec = (
        Store(folder),
        ProbeSpec(tasks=("find_mode", "tsp"), n=70, seed=5, splits=(Split.ID, Split.OOD)),
    )
    model = open_model(ORACLE)
    stops = iter([False] * 4)
    for _ in run_probe(model, spec, StoreSink(store), should_stop=lambda: next(stops, True)):
        pass
    run_id = plan_run(model, spec).run_id
    store.close()
    return run_id, spec


def test_what_is_stored_of_a_run_gives_its_spec_again(writable: Path) -> None:
    run_id, _ = partial_run(writable)
    store = Store(writable)
    choice, again = stored_spec(fetch_run(store, run_id))
    store.close()
    assert choice.ref == ORACLE
    assert plan_run(open_model(ORACLE), again).run_id == run_id


def test_unfinished_runs_of_the_shell_are_offered(open_app: OpenApp, writable: Path) -> None:
    partial_run(writable)
    app = open_batch(open_app, writable)
    assert not app.exception
    assert [box.label for box in app.expander if "Unfinished runs" in box.label] == [
        "Unfinished runs (1)"
    ]


def test_stopped_batch_offers_to_go_on_and_does(open_app: OpenApp, writable: Path) -> None:
    app = open_batch(open_app, writable)
    pick(app, "number_input", "batch n", 512)
    press(app, "run batch")
    job = the_queue().jobs()[0]
    end = time.monotonic() + 60
    while not job.n_done and time.monotonic() < end:  # type: ignore[attr-defined]
        time.sleep(0.01)
    job.stop()
    run_until(app, "stopped; what is done is stored")
    stored = int(fetch_runs(the_store()).set_index("run_id").loc[job.run_id, "n_samples"])  # type: ignore[attr-defined]
    assert 0 < stored < N_WITH_LEVEL * 2 * 512
    press(app, f"resume {job.number}")
    again = the_queue().jobs()[0]
    assert again.resumes == job.run_id  # type: ignore[attr-defined]
    again.stop()
    assert again.wait(60)
