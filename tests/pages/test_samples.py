"""The samples page: from a filter to a list to one answer, each with an address; on results, on
none, on an odd run.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from data.records import Outcome, RunInfo, ScoredSample, Split
from data.store import Store
from data.writer import writing

OpenApp = Callable[[Path], AppTest]


def open_samples(open_app: OpenApp, store: Path, **query: str) -> AppTest:
    app = open_app(store).run()
    app.switch_page("pages/samples/page.py")
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def texts(app: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "error", "text")
    return "\n".join(element.value for kind in kinds for element in getattr(app, kind)).replace(
        "\\", ""
    )


def listed(app: AppTest) -> pd.DataFrame:
    return next(frame.value for frame in app.dataframe if "outcome" in frame.value.columns)


# -- the list --------------------------------------------------------------------------------------


def test_list_shows_the_first_page_of_all_samples(open_app: OpenApp, demo_store: Path) -> None:
    app = open_samples(open_app, demo_store)
    assert not app.exception
    assert "2,400 samples." in texts(app)
    assert "1–50 of 2,400, sorted by run order" in texts(app)
    assert len(listed(app)) == 50


def test_link_narrows_the_list_to_what_it_names(open_app: OpenApp, demo_store: Path) -> None:
    app = open_samples(
        open_app, demo_store, model="demo-large", split="ood", level="4", outcome="wrong"
    )
    # 37 parsed answers of 40 per task; 10, 9 and 8 of them correct.
    assert (
        f"{(37 - 10) + (37 - 9) + (37 - 8)} samples of demo-large: wrong, OOD, level 4."
        in texts(app)
    )
    frame = listed(app)
    assert set(frame["outcome"]) == {"wrong"}
    assert set(frame["split"]) == {"OOD"}
    assert set(frame["level"]) == {4}
    assert set(frame["model"]) == {"demo-large"}


def test_widgets_narrow_the_list_and_go_back_to_its_first_page(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = open_samples(open_app, demo_store, page="3")
    assert "101–150 of 2,400" in texts(app)
    app.selectbox(key="task").select("two_sum").run()
    app.text_input(key="text").input("QUESTION 7 of").run()
    assert "4 samples in two_sum: with “QUESTION 7 of” in them." in texts(app)
    assert "1–4 of 4" in texts(app)


def test_sort_of_the_link_orders_the_list(open_app: OpenApp, demo_store: Path) -> None:
    app = open_samples(
        open_app,
        demo_store,
        sort="least likely answer",
        task="two_sum",
        model="demo-small",
        split="id",
    )
    assert listed(app)["log p"].is_monotonic_increasing


def test_selection_of_the_sidebar_narrows_the_list_too(open_app: OpenApp, demo_store: Path) -> None:
    app = open_samples(open_app, demo_store)
    app.sidebar.multiselect(key="tasks").set_value(["two_sum"]).run()
    assert "160 samples in two_sum." in texts(app)


@pytest.mark.parametrize(
    ("key", "word", "said"),
    [
        ("split", "sideways", "split sideways"),
        ("level", "99", "level 99"),
        ("outcome", "splendid", "outcome splendid"),
        ("sort", "beauty", "sort beauty"),
        ("model", "no-such", "model no-such"),
        ("page", "400", "page 400"),
        ("page", "x", "page x"),
        ("page", "0", "page 0"),
        ("sample", "nothing", "sample nothing"),
        ("sample", "a/b/c", "sample a/b/c"),
        ("run", "r0", "run r0"),
    ],
)
def test_word_of_a_link_that_names_nothing_is_said_to_be_ignored(
    open_app: OpenApp, demo_store: Path, key: str, word: str, said: str
) -> None:
    app = open_samples(open_app, demo_store, **{key: word})
    assert not app.exception
    assert f"The link asks for {said}, which is not to be had here; it was ignored." in texts(app)
    assert "2,400 samples." in texts(app)


def test_sample_of_a_link_that_is_gone_is_said_so_beside_the_list(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = open_samples(open_app, demo_store, sample="run-demo-large/999999")
    assert "No sample 999999 of run 'run-demo-large' is stored" in texts(app)
    assert len(listed(app)) == 50


def test_filter_that_nothing_matches_offers_to_clear_it(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = open_samples(open_app, demo_store, text="no such words anywhere")
    assert "No sample matches." in texts(app)
    next(button for button in app.button if button.label == "Clear the filters").click().run()
    assert "2,400 samples." in texts(app)


def test_store_without_samples_says_where_they_come_from(
    open_app: OpenApp, empty_store: Path
) -> None:
    app = open_samples(open_app, empty_store)
    assert not app.exception
    assert "No samples are stored yet." in texts(app)


def test_odd_run_is_listed_with_its_names_as_they_are(open_app: OpenApp, odd_store: Path) -> None:
    app = open_samples(open_app, odd_store, sample="run-odd/38")
    assert not app.exception
    assert set(listed(app)["model"]) == {"odd/[model]*$x$<b>"}


# -- one sample ------------------------------------------------------------------------------------


def test_one_sample_shows_prompt_response_answer_target_outcome_and_why(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = open_samples(open_app, demo_store, sample="run-demo-small/37")
    codes = [code.value for code in app.code]
    # Sample 37 of 40 is unparsed, and its response is hostile: it is shown as it stands, with the
    # direction mark written out.
    assert any("<img src=x onerror=alert(1)>" in code and "\\u202egnp" in code for code in codes)
    assert "Question 37 of find_minimum: [3, 1, 37]" in codes
    assert "1" in codes
    assert "no number found" in texts(app)
    assert "level 1 O(N)" in texts(app)
    assert "Answer read: none" in texts(app)


def test_response_is_never_given_to_markdown_or_html(open_app: OpenApp, demo_store: Path) -> None:
    app = open_samples(open_app, demo_store, sample="run-demo-small/37")
    for kind in ("markdown", "caption", "title", "subheader", "warning", "info"):
        for element in getattr(app, kind):
            assert "onerror" not in element.value
            assert "](http" not in element.value


def test_next_and_previous_walk_the_filtered_list_and_turn_its_page(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = open_samples(open_app, demo_store, outcome="wrong", model="demo-small")
    wrong = listed(app)
    last = wrong.iloc[-1]
    app.query_params["sample"] = f"{last['run']}/{last['row']}"
    app.run()
    app.button(key="next").click().run()
    assert not app.exception
    assert "51–" in texts(app)
    first_of_next = listed(app).iloc[0]
    assert app.query_params["sample"] in (
        f"{first_of_next['run']}/{first_of_next['row']}",
        [f"{first_of_next['run']}/{first_of_next['row']}"],
    )
    app.button(key="previous").click().run()
    assert app.query_params["sample"] in (
        f"{last['run']}/{last['row']}",
        [f"{last['run']}/{last['row']}"],
    )
    assert "1–50" in texts(app)


def test_sample_outside_of_the_filters_is_said_to_be(open_app: OpenApp, demo_store: Path) -> None:
    assert "lies outside of the filters" in texts(
        open_samples(open_app, demo_store, sample="run-demo-small/37", outcome="wrong")
    )
    inside = open_samples(
        open_app,
        demo_store,
        sample="run-demo-small/37",
        outcome="unparsed",
        model="demo-small",
        split="id",
        level="1",
    )
    assert "lies outside of the filters" not in texts(inside)


def test_ends_of_the_list_have_no_further_neighbour(open_app: OpenApp, odd_store: Path) -> None:
    app = open_samples(open_app, odd_store, sample="run-odd/0")
    assert app.button(key="previous").disabled
    assert not app.button(key="next").disabled


def test_close_goes_back_to_the_whole_list(open_app: OpenApp, demo_store: Path) -> None:
    app = open_samples(open_app, demo_store, sample="run-demo-small/37")
    app.button(key="close").click().run()
    assert "sample" not in app.query_params
    assert not app.code


def test_five_megabyte_response_is_cut_with_its_length_said(
    open_app: OpenApp, empty_store: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(empty_store, tmp_path / "store"))
    store = Store(folder)
    with writing(store) as writer:
        writer.add_run(RunInfo(run_id="long", model_raw="m", format="test"))
        writer.add_samples(
            [
                ScoredSample(
                    run_id="long",
                    task="t",
                    instance_id="1",
                    split=Split.ID,
                    outcome=Outcome.WRONG,
                    response="x" * 5_000_000,
                    token_logprobs=(-0.5, -1.5),
                    choice_logprobs=(-1.0, float("-inf")),
                    metadata={"note": "<b>hello</b>"},
                )
            ]
        )
    store.close()
    app = open_samples(open_app, folder, sample="long/0")
    assert not app.exception
    assert "Response · 5,000,000 characters" in texts(app)
    assert all(len(code.value) < 30_000 for code in app.code)
    assert "Log-probabilities of 2 tokens: sum −2.00 nats" in texts(app)
