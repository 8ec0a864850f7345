"""The valley page under Streamlit's test harness: on results, on none, on a run it can make nothing
of.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ui.plain import plain

OpenApp = Callable[[Path], AppTest]


def valley(open_app: OpenApp, store: Path, **query: str | list[str]) -> AppTest:
    app = open_app(store).run()
    for key, value in query.items():
        app.query_params[key] = value
    return app.switch_page("pages/valley/page.py").run()


def texts(app: AppTest) -> str:
    """Everything on the page that is read as Markdown, without the escapes."""
    parts = [
        element.value
        for kind in ("markdown", "caption", "info", "warning", "error")
        for element in getattr(app, kind)
    ]
    return "\n".join(parts).replace("\\", "")


def test_the_sentence_names_where_the_gap_peaks_and_for_which_model(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = valley(open_app, demo_store)
    assert not app.exception
    assert app.title[0].value == "Where does generalization break down?"
    assert re.search(
        r"The gap is largest at O\(\[N,N²\]\) for demo-small \((over )?\d+ % of resamples\) "
        r"and at O\(\[N³,N⁴\]\) for demo-large \((over )?\d+ % of resamples\)\.",
        str(texts(app)),
    )


def test_one_model_gets_its_own_sentence_with_interval_and_resamples(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = valley(open_app, demo_store)
    app.sidebar.multiselect(key="models").set_value(["demo-large"]).run()
    said = texts(app)
    assert re.search(
        r"demo-large: The gap peaks at O\(\[N³,N⁴\]\) \((over )?\d+ % of resamples\)", said
    )
    assert "The gap is largest at O([N³,N⁴]) (30.8 points, 95 % interval" in said
    assert "2,000 resamples" in said


def test_the_caption_says_n_estimator_intervals_and_denominator(
    open_app: OpenApp, demo_store: Path
) -> None:
    said = texts(valley(open_app, demo_store))
    # 2 models x 5 levels x 3 tasks x 2 splits x 39 answers that were obtained.
    assert "n = 2,340 answers" in said
    for part in ("Estimator:", "Intervals: 95 %", "Denominator: unparsed answers count as wrong"):
        assert part in said


def test_the_level_table_holds_the_numbers_that_the_counts_give(
    open_app: OpenApp, demo_store: Path
) -> None:
    frame = valley(open_app, demo_store).dataframe[0].value
    row = frame[(frame["model"] == "demo-large") & (frame["level"] == 4)].iloc[0]
    assert row["a_id"] == pytest.approx((22 + 21 + 20) / 3 / 39)
    assert row["a_ood"] == pytest.approx((10 + 9 + 8) / 3 / 39)
    assert row["n_id"] == 117


def test_another_denominator_changes_the_accuracy(open_app: OpenApp, demo_store: Path) -> None:
    app = valley(open_app, demo_store)
    app.sidebar.selectbox(key="denominator").set_value("parsed_only").run()
    frame = app.dataframe[0].value
    row = frame[(frame["model"] == "demo-large") & (frame["level"] == 4)].iloc[0]
    assert row["a_id"] == pytest.approx((22 + 21 + 20) / 3 / 37)
    assert "Denominator: parsed answers only" in texts(app)


def test_a_family_stands_for_all_its_models(open_app: OpenApp, demo_store: Path) -> None:
    app = valley(open_app, demo_store)
    app.sidebar.multiselect(key="models").set_value(["family:Qwen1.5"]).run()
    frame = app.dataframe[0].value
    assert not app.exception
    assert frame["model"].nunique() == 7
    assert set(frame["source"]) == {"published"}


def test_a_model_with_scores_only_is_explained_while_the_other_is_drawn(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = valley(open_app, demo_store)
    app.sidebar.multiselect(key="models").set_value(["demo-small", "GPT-4o"]).run()
    assert set(app.dataframe[0].value["model"]) == {"demo-small"}
    assert "GPT-4o: only scores S are published" in texts(app)


@pytest.mark.parametrize(
    ("tab", "columns"),
    [("Tasks", {"task", "n_runs"}), ("Possible gaps", {"gap_lower", "gap_upper"})],
)
def test_each_tab_shows_its_table(
    open_app: OpenApp, demo_store: Path, tab: str, columns: set[str]
) -> None:
    app = open_app(demo_store).run()
    app.query_params["view"] = tab
    app = app.switch_page("pages/valley/page.py").run()
    assert not app.exception
    assert columns <= set(app.dataframe[0].value.columns)


def test_published_scores_have_a_sentence_above_them(open_app: OpenApp, demo_store: Path) -> None:
    app = open_app(demo_store).run()
    app.query_params["view"] = "Published scores S"
    app = app.switch_page("pages/valley/page.py").run()
    assert not app.exception
    assert "Published S of the 28 models: +0.88 at O(N)" in texts(app)


def test_an_empty_store_says_what_to_do_next(open_app: OpenApp, empty_store: Path) -> None:
    app = valley(open_app, empty_store)
    assert not app.exception
    assert "The store holds no results yet." in texts(app)
    assert not app.dataframe


def test_a_run_with_one_split_is_explained_and_its_name_stays_text(
    open_app: OpenApp, odd_store: Path
) -> None:
    app = valley(open_app, odd_store)
    assert not app.exception
    assert "No model has ID and OOD results on levels yet." in texts(app)
    app.sidebar.multiselect(key="models").set_value(["odd/[model]*$x$<b>"]).run()
    assert not app.exception
    assert "all answers are ID; a gap needs both splits of a task." in texts(app)
    assert plain("odd/[model]*$x$<b>") in app.info[0].value


def test_what_explains_the_gap_is_told_for_one_model_with_tests_and_accounts(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = valley(open_app, demo_store, view="What explains the gap")
    assert not app.exception
    said = texts(app)
    assert "So a constant penalty of d logits draws a hump of height tanh(d / 4)" in said
    assert app.selectbox(key="explained").options == ["demo-large", "demo-small"]
    assert "demo-large: The gap peaks at O([N³,N⁴])" in said and "AICc prefers" in said
    assert (
        "Axis: level numbers, since 2 models with both splits at every level, not all right or"
        " wrong; an axis needs at least 4" in said
    )
    tests, accounts = (element.value for element in app.dataframe)
    assert accounts["name"].tolist() == ["M0", "M1", "M2", "M3", "M4"]
    shift = tests.set_index("question").loc["Is OOD harder over all tasks?"]
    assert shift["low"] < shift["estimate"] < shift["high"] and shift["n"] == 15
    app.selectbox(key="explained").set_value("demo-small").run()
    assert "demo-small: The gap peaks at O([N,N²])" in texts(app)


def test_published_means_have_a_penalty_without_a_test(open_app: OpenApp, demo_store: Path) -> None:
    app = valley(open_app, demo_store, view="What explains the gap")
    app.sidebar.multiselect(key="models").set_value(["Qwen1.5-72B", "Qwen1.5-7B"]).run()
    assert not app.exception
    assert "No tests for published level means." in texts(app)
    (means,) = (element.value for element in app.dataframe)
    assert dict(zip(means["model"], means["penalty_peak"], strict=True)) == {
        "Qwen1.5-7B": "O([N,N^2])",
        "Qwen1.5-72B": "O([N^2,N^3])",
    }


def test_a_run_with_one_split_has_nothing_to_explain(open_app: OpenApp, odd_store: Path) -> None:
    app = valley(open_app, odd_store, view="What explains the gap")
    assert not app.exception
    assert "there is no gap to explain" in texts(app)
