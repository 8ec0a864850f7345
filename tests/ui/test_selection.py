"""The global selection: words of the URL in, a Selection out, and what is said about words that
name nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from data.bootstrap import open_store
from data.records import Denominator, Outcome, RunInfo, ScoredSample, Selection, Split
from data.writer import writing
from ui.figures.theme import ModelStyle
from ui.selection import shown_models

OpenApp = Callable[[Path], AppTest]


def chosen(app: AppTest) -> Selection:
    selection = app.session_state["chosen selection"]
    assert isinstance(selection, Selection)
    return selection


def test_without_words_everything_is_chosen(open_app: OpenApp, demo_store: Path) -> None:
    assert chosen(open_app(demo_store).run()) == Selection()


def test_words_of_the_url_become_the_selection(open_app: OpenApp, demo_store: Path) -> None:
    app = open_app(demo_store)
    app.query_params["models"] = ["demo-small", "Qwen1.5-7B"]
    app.query_params["tasks"] = "find_mode"
    app.query_params["denominator"] = "authors"
    assert chosen(app.run()) == Selection(
        models=("demo-small", "Qwen1.5-7B"), tasks=("find_mode",), denominator=Denominator.AUTHORS
    )


def test_a_family_becomes_its_models_each_once(open_app: OpenApp, demo_store: Path) -> None:
    app = open_app(demo_store)
    app.query_params["models"] = ["family:Gemma-2", "Gemma-2-9b"]
    assert chosen(app.run()).models == ("Gemma-2-2b", "Gemma-2-9b", "Gemma-2-27b")


@pytest.mark.parametrize(
    ("key", "word"),
    [("models", "nobody"), ("tasks", "nothing"), ("scheme", "none"), ("denominator", "guess")],
)
def test_a_word_that_names_nothing_is_said_with_what_is_possible(
    open_app: OpenApp, demo_store: Path, key: str, word: str
) -> None:
    app = open_app(demo_store)
    app.query_params[key] = word
    app.run()
    assert not app.exception
    said = app.warning[0].value.replace("\\", "")
    assert f"The link asks for {key} {word}" in said
    assert "Possible: " in said
    assert chosen(app) == Selection()


def test_the_notice_goes_when_the_reader_chooses(open_app: OpenApp, demo_store: Path) -> None:
    app = open_app(demo_store)
    app.query_params["models"] = "nobody"
    app.run()
    assert app.warning
    app.sidebar.multiselect(key="models").set_value(["demo-small"]).run()
    assert not app.warning


def test_an_empty_store_offers_nothing_and_fails_at_nothing(
    open_app: OpenApp, empty_store: Path
) -> None:
    app = open_app(empty_store).run()
    assert not app.exception
    assert app.sidebar.multiselect(key="models").options == []


# -- which models a chart of lines draws -----------------------------------------------------------


def test_the_readers_choice_is_followed_where_it_can_be_drawn() -> None:
    assert shown_models(Selection(models=("b", "x", "a")), ["a"], ["b"]) == (("b", "a"), None)


def test_counted_answers_go_before_published_numbers() -> None:
    drawn, said = shown_models(Selection(), ["a", "b"], ["c"])
    assert drawn == ("a", "b")
    assert (
        said
        == "Drawn are the models with counted answers; 1 more have published means only. Choose"
        " others under Models on the left."
    )


def test_of_many_models_an_even_spread_with_both_ends_is_drawn() -> None:
    drawn, said = shown_models(Selection(), [f"m{place}" for place in range(11)], [])
    assert drawn == ("m0", "m3", "m7", "m10")
    assert (
        said
        == "Drawn are 4 of the 11 models with counted answers. Choose others under Models on the"
        " left."
    )


def test_of_the_seeds_of_one_size_one_is_drawn_and_sizes_rise() -> None:
    sizes = {
        "l-1M-s0": ("l", 10**6),
        "l-1k-s0": ("l", 10**3),
        "l-1k-s1": ("l", 10**3),
        "l-3k-badlr-s0": ("l", 3000),
        "l-3k-s0": ("l", 3000),
    }
    drawn, said = shown_models(Selection(), list(sizes), [], sizes=sizes)
    assert drawn == ("l-1k-s0", "l-3k-s0", "l-1M-s0")
    assert (
        said
        == "Drawn are 3 of the 5 models with counted answers. Choose others under Models on the"
        " left."
    )


def test_a_family_that_fills_the_chart_goes_before_single_models() -> None:
    sizes = {f"f{place}": ("f", 10**place) for place in range(1, 6)} | {"lone": ("g", 5)}
    drawn, _ = shown_models(Selection(), ["another", *sizes, "lone"], [], sizes=sizes)
    assert set(drawn) <= {f"f{place}" for place in range(1, 6)} and len(drawn) == 4
    few = {name: sizes[name] for name in ("f1", "f2", "lone")}
    assert (
        "another" in shown_models(Selection(), ["another", *few, "more", "most"], [], sizes=few)[0]
    )


def test_of_models_with_published_means_fewer_are_drawn() -> None:
    assert shown_models(Selection(), [], [f"m{place}" for place in range(7)])[0] == (
        "m0",
        "m2",
        "m4",
        "m6",
    )


def test_models_of_one_hue_are_not_drawn_together_when_others_are_near() -> None:
    styles = {
        f"m{place}": ModelStyle("#000000", "circle", hue)
        for place, hue in enumerate((4, 0, 2, 5, 4))
    }
    assert shown_models(Selection(), [], list(styles), styles=styles)[0] == ("m1", "m2", "m3", "m4")


def test_few_models_are_drawn_without_a_word() -> None:
    assert shown_models(Selection(), [], ["a", "b"]) == (("a", "b"), None)


def store_of_kinds(folder: Path, *kinds: str) -> Path:
    store = open_store(folder, empty=True)
    with writing(store) as writer:
        for kind in kinds:
            facts = {"ood_kind": kind, "ood_label": f"values <b>{kind}</b>"}
            writer.add_run(
                RunInfo(
                    run_id=kind,
                    model_raw="m",
                    format="probe",
                    level_scheme="scylla",
                    metadata=facts,
                )
            )
            writer.add_samples(
                [
                    ScoredSample(
                        run_id=kind,
                        task="find_minimum",
                        instance_id=f"{split}",
                        split=split,
                        outcome=Outcome.CORRECT,
                    )
                    for split in Split
                ]
            )
    store.close()
    return folder


def test_a_kind_of_ood_can_be_chosen_where_runs_differ_in_it(
    open_app: OpenApp, tmp_path: Path
) -> None:
    app = open_app(store_of_kinds(tmp_path / "store", "decade", "tail")).run()
    assert chosen(app).ood == "" and app.selectbox(key="ood").value == "main"
    app.sidebar.selectbox(key="ood").set_value("decade").run()
    assert chosen(app).ood == "decade"
    said = [caption.value.replace("\\", "") for caption in app.sidebar.caption]
    assert any("Values <b>decade</b>. Shown: 1 model with" in text for text in said)


def test_a_link_names_a_kind_of_ood_and_is_told_of_an_unknown_one(
    open_app: OpenApp, tmp_path: Path
) -> None:
    folder = store_of_kinds(tmp_path / "store", "decade", "tail")
    app = open_app(folder)
    app.query_params["ood"] = "tail"
    assert chosen(app.run()).ood == "tail" and not app.warning
    other = open_app(folder)
    other.query_params["ood"] = "none"
    assert chosen(other.run()).ood == "" and "The link asks for ood none" in other.warning[0].value


def test_one_kind_alone_is_no_choice(open_app: OpenApp, tmp_path: Path) -> None:
    app = open_app(store_of_kinds(tmp_path / "store", "decade")).run()
    assert chosen(app).ood == "" and "ood" not in {box.key for box in app.selectbox}
