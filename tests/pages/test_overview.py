"""The overview says what is stored, where to start, and takes result files in; on results, on none,
on an odd run.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from data.store import Store

OpenApp = Callable[[Path], AppTest]

SCORES = b"model,task,metric,value,n\nm1,arc,acc,0.25,100\nm2,arc,acc,0.5,100\n"


def texts(app: AppTest) -> str:
    kinds = ("markdown", "caption", "warning", "error", "success", "info")
    return "\n".join(element.value for kind in kinds for element in getattr(app, kind))


def table_with(app: AppTest, column: str) -> pd.DataFrame:
    frames = [frame.value for frame in app.dataframe if column in frame.value.columns]
    assert len(frames) == 1
    return frames[0]


def test_overview_says_how_much_is_stored_and_how_new_it_is(
    demo_store: Path, open_app: OpenApp
) -> None:
    app = open_app(demo_store).run()
    assert not app.exception
    assert {metric.label: metric.value for metric in app.metric}["Samples"] == "2,400"
    assert "30 models, 9 with ID and OOD results; newest run added" in texts(app).replace("\\", "")


def test_overview_shows_levels_with_their_answers_per_split(
    demo_store: Path, open_app: OpenApp
) -> None:
    app = open_app(demo_store).run()
    levels = table_with(app, "ID answers")
    # Two models, three tasks, 40 answers each, of which one ended in an error.
    assert levels["level"].tolist() == [1, 2, 3, 4, 5]
    assert levels["ID answers"].tolist() == levels["OOD answers"].tolist() == [2 * 3 * 39] * 5
    assert levels["published S"].tolist() == [28] * 5
    assert levels["published ID"].tolist() == [7] * 5


def test_overview_of_an_empty_store_says_what_to_do(empty_store: Path, open_app: OpenApp) -> None:
    app = open_app(empty_store).run()
    assert not app.exception
    assert "The store holds no results yet" in texts(app)
    assert any("path on this machine" in box.label for box in app.text_input)


def test_overview_survives_names_that_look_like_markup(odd_store: Path, open_app: OpenApp) -> None:
    app = open_app(odd_store).run()
    assert not app.exception
    assert "1 model, none with both ID and OOD results" in texts(app).replace("\\", "")


@pytest.fixture
def writable(empty_store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(empty_store, tmp_path / "store"))


def test_path_of_a_table_is_imported_after_its_mapping_was_confirmed(
    writable: Path, tmp_path: Path, open_app: OpenApp
) -> None:
    file = tmp_path / "scores.csv"
    file.write_bytes(SCORES)
    app = open_app(writable).run()
    path = next(box for box in app.text_input if "path on this machine" in box.label)
    path.input(str(file))
    next(button for button in app.button if button.label == "Find").click().run()
    assert "Is this how the table is to be read?" in texts(app)
    with Store(writable).cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM runs").fetchall() == [(0,)]
    app.button(key="confirm import").click().run()
    assert not app.exception
    assert "Imported 2 runs and 2 scores from 1 source" in texts(app).replace("\\", "")
    assert {metric.label: metric.value for metric in app.metric}["Models"] == "2"


def test_path_that_is_not_there_is_said_so(
    writable: Path, tmp_path: Path, open_app: OpenApp
) -> None:
    app = open_app(writable).run()
    next(box for box in app.text_input if "path on this machine" in box.label).input(
        str(tmp_path / "nowhere")
    )
    next(button for button in app.button if button.label == "Find").click().run()
    assert "There is no file or folder" in app.error[0].value


@pytest.fixture
def with_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    # The demo store has no ladder: no model is asked for here.
    monkeypatch.setattr("pages.overview.guide.MODELS", ())


def test_first_visit_shows_five_steps_and_skip_hides_them(
    demo_store: Path, open_app: OpenApp, with_ladder: None
) -> None:
    app = open_app(demo_store).run()
    assert "First visit? Five steps" in texts(app)
    app.button(key="skip guide").click().run()
    assert not app.exception
    assert "First visit?" not in texts(app)


def test_guide_needs_the_ladder(demo_store: Path, open_app: OpenApp) -> None:
    app = open_app(demo_store).run()
    assert not app.exception
    assert "First visit?" not in texts(app)


def test_guide_off_in_the_url_hides_the_steps(
    demo_store: Path, open_app: OpenApp, with_ladder: None
) -> None:
    app = open_app(demo_store)
    app.query_params["guide"] = "off"
    assert "First visit?" not in texts(app.run())
