"""The what-if page under Streamlit's test harness: on results, on published means alone, on none,
and with controls moved.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

OpenApp = Callable[[Path], AppTest]


def what_if(open_app: OpenApp, store: Path, **query: str) -> AppTest:
    app = open_app(store).run()
    for key, value in query.items():
        app.query_params[key] = value
    return app.switch_page("pages/what_if/page.py").run()


def texts(app: AppTest) -> str:
    parts = [
        element.value
        for kind in ("markdown", "caption", "warning", "error")
        for element in getattr(app, kind)
    ]
    return "\n".join(parts).replace("\\", "")


def test_the_page_ranks_beside_the_paper_and_goes_back_to_it(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = what_if(open_app, demo_store)
    assert not app.exception
    app.slider(key="penalty").set_value(2.0).run()
    said = (
        "With unparsed answers counted as wrong and penalty 2 instead of the paper's definition,"
        " both models keep their rank"
    )
    assert said in texts(app)
    app.button(key="reset").click().run()
    assert not app.exception
    assert "This is the paper's definition: 2 models ranked by generalization score" in texts(app)
    assert app.slider(key="penalty").value == 1.0


def test_a_metric_that_is_not_stored_says_what_would_record_it(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = what_if(open_app, demo_store)
    app.selectbox(key="metric").set_value("brier").run()
    said = texts(app)
    assert not app.exception
    assert "No model here can be ranked" in said and "lm-eval --log_samples" in said


def test_published_means_offer_the_penalty(open_app: OpenApp, demo_store: Path) -> None:
    app = what_if(open_app, demo_store)
    app.sidebar.multiselect(key="models").set_value(["family:Qwen1.5"]).run()
    app.slider(key="penalty").set_value(0.0).run()
    said = texts(app)
    assert not app.exception
    assert "of 7 models change their rank" in said or "all 7 models keep their rank" in said
    assert (
        "Published level means keep their source's denominator" in said
        and "Denominator: that of the published source" in said
    )
    assert (
        "With penalty 0 instead of the paper's definition" in said
    )  # and no denominator, which has nothing to act on


@pytest.mark.parametrize("view", ["Every metric", "Grading effect"])
def test_the_other_views_answer_in_a_sentence(
    open_app: OpenApp, demo_store: Path, view: str
) -> None:
    app = what_if(open_app, demo_store, view=view)
    assert not app.exception
    assert (
        "specifications" in texts(app) if view == "Every metric" else "perfect solver" in texts(app)
    )


def test_an_empty_store_and_odd_names_leave_the_page_whole(
    open_app: OpenApp, empty_store: Path, odd_store: Path
) -> None:
    app = what_if(open_app, empty_store)
    assert not app.exception and "No answers and no published level means" in texts(app)
    app = what_if(open_app, odd_store)
    assert not app.exception and "No model here can be ranked" in texts(app)
