"""Saved views: kept under a name, opened with all their words, and honest about what came in
since.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from data.bootstrap import open_store
from data.queries import fetch_views
from data.records import CharybdisError, RunInfo
from data.store import Store
from data.views import remove_view, save_view
from data.writer import writing
from ui.since import changes, read_since, since_word

OpenApp = Callable[[Path], AppTest]
SAVED = pd.Timestamp("2026-01-02")


def texts(app: AppTest) -> str:
    return "\n".join(
        element.value for kind in ("info", "caption", "error") for element in getattr(app, kind)
    ).replace("\\", "")


def test_view_of_the_same_name_is_replaced_and_one_can_be_forgotten(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", empty=True)
    save_view(store, name="  ours  against theirs ", page="compare", query="models=a&models=b")
    view_id = save_view(store, name="ours against theirs", page="valley", query="models=a")
    (view,) = fetch_views(store).to_dict("records")
    assert (view["view_id"], view["name"], view["page"], view["query"]) == (
        view_id,
        "ours against theirs",
        "valley",
        "models=a",
    )
    assert view["store_version"] == store.version
    remove_view(store, view_id)
    assert fetch_views(store).empty


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_view_without_a_proper_name_is_refused(name: str, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", empty=True)
    with pytest.raises(CharybdisError, match="1 to 80"):
        save_view(store, name=name, page="valley", query="")
    assert fetch_views(store).empty


def runs(*models: str, added: str) -> pd.DataFrame:
    return pd.DataFrame({"model": list(models), "added_at": [pd.Timestamp(added)] * len(models)})


def test_what_came_in_since_is_named_and_nothing_is_said_without() -> None:
    assert changes(runs("a", added="2026-01-01"), 9, 7, SAVED) is None
    assert changes(runs("a", added="2026-01-03"), 7, 7, SAVED) is None
    text = changes(runs("b", "a", "b", added="2026-01-03"), 9, 7, SAVED)
    assert (
        text is not None
        and "at store version 7; it shows version 9. Since then 3 runs of a and b came in." in text
    )
    many = changes(runs(*"abcdef", added="2026-01-03"), 9, 7, SAVED)
    assert many is not None and "6 runs of a, b, c, d and 2 others came in" in many


@pytest.mark.parametrize(
    "word", ["", "12", "12.", ".5", "a.5", "12.5x", "1.99999999999999", "-1.5", "1.5.6"]
)
def test_word_that_is_none_is_ignored(word: str) -> None:
    assert read_since(word) is None


def test_word_comes_back() -> None:
    assert read_since(since_word(12, SAVED)) == (12, SAVED)


def test_saving_on_a_page_keeps_its_words_and_a_later_visit_is_told_what_came_in(
    demo_store: Path, open_app: OpenApp, tmp_path: Path
) -> None:
    folder = shutil.copytree(demo_store, tmp_path / "store")
    app = open_app(folder)
    app.query_params["models"] = ["demo-large"]
    app.run().switch_page("pages/valley/page.py").run()
    app.text_input(key="name of the view").set_value("the large one")
    next(button for button in app.button if button.label == "Save").click()
    app.run()
    assert not app.exception
    (view,) = fetch_views(Store(folder)).to_dict("records")
    assert (view["name"], view["page"]) == ("the large one", "valley")
    assert "models=demo-large" in view["query"]
    with writing(Store(folder)) as writer:
        writer.add_run(RunInfo(run_id="later", model_raw="newcomer", format="probe"))
    later = open_app(folder)
    later.query_params["since"] = since_word(
        int(view["store_version"]), view["saved_at"] - pd.Timedelta(seconds=1)
    )
    later.run()
    assert "Since then 1 run of newcomer came in." in texts(later)
