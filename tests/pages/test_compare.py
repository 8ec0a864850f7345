"""The compare page under Streamlit's test harness: it says who beats whom, and each control and
every odd choice leaves it honest.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from analysis.compare.pairing import OVER_TASKS
from analysis.compare.sentences import _how_sure

OpenApp = Callable[[Path], AppTest]


def open_compare(open_app: OpenApp, store: Path, **params: str | list[str]) -> AppTest:
    """The page with these query parameters."""
    app = open_app(store).run()
    app.switch_page("pages/compare/page.py")
    for key, value in params.items():
        if key != "models":
            app.query_params[key] = value
    if "models" in params:  # drawn already by the start page
        app.multiselect(key="models").set_value(list(params["models"]))
    return app.run()


def texts(app: AppTest) -> str:
    """Everything said on the page, without Markdown's escapes."""
    spoken = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(str(element.value) for element in spoken).replace("\\", "")


@pytest.fixture
def two(open_app: OpenApp, demo_store: Path) -> AppTest:
    """The demo's two models, which share all instances."""
    return open_compare(
        open_app, demo_store, models=["demo-small", "demo-large"], baseline="demo-small"
    )


def test_page_says_who_beats_whom_with_interval_pairing_and_n(two: AppTest) -> None:
    assert not two.exception
    said = texts(two)
    assert "demo-large beats demo-small out of distribution by" in said
    assert (
        "points, paired over 15 tasks, n = 585" in said
    )  # 15 tasks of 40 answers, one of them an error
    assert "demo-small is the baseline" in said
    assert "family of 12 tests" in said


def test_baseline_of_the_link_is_followed(open_app: OpenApp, demo_store: Path) -> None:
    app = open_compare(
        open_app, demo_store, models=["demo-small", "demo-large"], baseline="demo-large"
    )
    assert "demo-large is the baseline" in texts(app)
    assert app.selectbox(key="baseline").value == "demo-large"


def test_table_names_the_row_of_all_levels(open_app: OpenApp, demo_store: Path) -> None:
    app = open_compare(
        open_app, demo_store, models=["demo-small", "demo-large"], view="Numbers", by="level"
    )
    levels = next(frame.value for frame in app.dataframe if "mde" in frame.value)["level_label"]
    assert levels.notna().all() and (levels == "all").sum() == 2  # one a split


def test_one_test_is_one_test() -> None:
    row = {"p_holm": 0.2, "mcnemar_p_holm": 0.3, "unit": OVER_TASKS, "reason": None}
    assert "adjusted for 1 test)" in _how_sure(row, 1) and "adjusted for 12 tests)" in _how_sure(
        row, 12
    )


@pytest.mark.parametrize("view", ["Side by side", "Numbers", "Ranks", "Agreement"])
@pytest.mark.parametrize("group", ["level", "task", "overall"])
def test_every_view_stands_on_every_grouping(
    open_app: OpenApp, demo_store: Path, view: str, group: str
) -> None:
    app = open_compare(
        open_app, demo_store, models=["demo-small", "demo-large"], view=view, by=group
    )
    assert not app.exception
    assert not app.error


def test_cell_opens_both_answers_with_what_differs(two: AppTest) -> None:
    two.button(key="cell model_only").click().run()
    assert not two.exception
    assert "1 of " in texts(two)
    assert [str(badge.value) for badge in two.markdown if "badge" in str(badge.value)]
    two.button(key="pair on").click().run()
    assert "2 of " in texts(two)
    two.button(key="pair close").click().run()
    assert not [button for button in two.button if button.key == "pair on"]


def test_hostile_answer_stays_text(open_app: OpenApp, demo_store: Path) -> None:
    """Unparsed demo answers hold HTML; neither is right, so they stand in that cell."""
    app = open_compare(
        open_app,
        demo_store,
        models=["demo-small", "demo-large"],
        cell="neither",
        pair="9999",
        scope="OOD level 1",
    )
    assert not app.exception
    assert any("<img src=x onerror=alert(1)>" in str(code.value) for code in app.code)
    assert "<img" not in texts(app)


def test_published_model_is_compared_unpaired_and_said_so(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = open_compare(open_app, demo_store, models=["demo-small", "Qwen1.5-7B"])
    assert not app.exception
    assert "unpaired" in texts(app)
    assert "published level means only" in texts(app)
    assert "No answers side by side." in texts(app)


def test_too_many_and_too_few_models_say_what_to_do(open_app: OpenApp, demo_store: Path) -> None:
    assert "Take some away" in texts(open_compare(open_app, demo_store, models=["family:Qwen1.5"]))
    assert "Choose more under Models" in texts(
        open_compare(open_app, demo_store, models=["demo-small"])
    )


def test_empty_store_and_a_run_of_one_split_leave_the_page_standing(
    open_app: OpenApp, empty_store: Path, odd_store: Path
) -> None:
    for store in (empty_store, odd_store):
        app = open_compare(open_app, store)
        assert not app.exception
        assert "A comparison takes two to six models" in texts(app)
