"""The tabs of the valley page on size, probe tasks and answer probabilities."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from data.bootstrap import open_store
from data.records import Outcome, RunInfo, ScoredSample, Split
from data.writer import writing

OpenApp = Callable[[Path], AppTest]


def tab(open_app: OpenApp, store: Path, view: str, *models: str) -> AppTest:
    app = open_app(store).run()
    app.query_params["view"] = view
    app.switch_page("pages/valley/page.py").run()
    return app.sidebar.multiselect(key="models").set_value(list(models)).run() if models else app


def texts(app: AppTest) -> str:
    parts = [
        element.value
        for kind in ("markdown", "caption", "info", "warning", "error")
        for element in getattr(app, kind)
    ]
    return "\n".join(parts).replace("\\", "")


def test_published_levels_rise_with_size_and_the_caveats_stand_beneath(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = tab(open_app, demo_store, "Critical level against size")
    said = texts(app)
    assert not app.exception
    assert (
        "Across 23 open models the critical level rises by 0.92 [0.32, 1.51] levels per tenfold"
        " size" in said
    )
    assert (
        "25 of 31 comparable pairs" in said
        and "n = 23 models, 2 at the lowest level or below" in said
    )
    assert "confounded with family" in said and "never guessed. Here 5" in said
    tests = next(frame.value for frame in app.dataframe if "statistic" in frame.value)
    assert tests.set_index("statistic")["estimate"]["Kendall's S within families"] == 25


def test_a_choice_without_sizes_is_an_empty_state(open_app: OpenApp, demo_store: Path) -> None:
    app = tab(open_app, demo_store, "Critical level against size", "demo-small")
    assert not app.exception and "No model has both a published size and a critical level" in texts(
        app
    )


def test_without_probe_tasks_the_tab_says_what_they_are(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = tab(open_app, demo_store, "Probe tasks")
    assert not app.exception and "No answers on probe tasks in this choice." in texts(app)


@pytest.fixture(scope="module")
def probed_store(demo_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo store with 40 OOD answers of demo-large on one probe task, 20 of them right."""
    folder = tmp_path_factory.mktemp("probed") / "store"
    shutil.copytree(demo_store, folder)
    store = open_store(folder)
    with writing(store) as writer:
        writer.add_run(
            RunInfo(
                run_id="probed",
                model_raw="demo-large",
                format="probe",
                benchmark="scylla",
                level_scheme="scylla",
            )
        )
        task = "longest_increasing_subsequence"
        writer.add_samples(
            [
                ScoredSample(
                    run_id="probed",
                    task=task,
                    instance_id=f"{place}",
                    split=Split.OOD,
                    outcome=Outcome.CORRECT if place < 20 else Outcome.WRONG,
                    score=float(place < 20),
                )
                for place in range(40)
            ]
        )
    store.close()
    return folder


def test_a_probe_task_is_read_off_the_models_own_levels(
    open_app: OpenApp, probed_store: Path
) -> None:
    app = tab(open_app, probed_store, "Probe tasks")
    said = texts(app)
    assert not app.exception
    assert "demo-large answers longest_increasing_subsequence as it answers tasks of level" in said
    assert "n = 40 OOD answers on probe tasks, 1 models" in said and "Beta posterior" in said


def test_answer_probabilities_name_their_measure_and_what_is_missing(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = tab(open_app, demo_store, "Answer probabilities")
    said = texts(app)
    assert not app.exception
    assert "JS divergence in nats, at most 0.693" in said
    assert "Probability of the reference answer per character" in said  # the demo stores no tokens
    assert "authors' KL" in {name for frame in app.dataframe for name in frame.value.columns}


def test_published_models_have_no_answer_probabilities(open_app: OpenApp, demo_store: Path) -> None:
    app = tab(open_app, demo_store, "Answer probabilities", "Qwen1.5-7B")
    assert not app.exception and "No answer probabilities for the models drawn above." in texts(app)
