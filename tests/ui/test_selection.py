"""The global selection: words of the URL in, a Selection out, and what is said about words that name nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from data.records import Denominator, Selection
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
    assert chosen(app.run()) == Selection(models=("demo-small", "Qwen1.5-7B"), tasks=("find_mode",), denominator=Denominator.AUTHORS)


def test_a_family_becomes_its_models_each_once(open_app: OpenApp, demo_store: Path) -> None:
    app = open_app(demo_store)
    app.query_params["models"] = ["family:Gemma-2", "Gemma-2-9b"]
    assert chosen(app.run()).models == ("Gemma-2-2b", "Gemma-2-9b", "Gemma-2-27b")


@pytest.mark.parametrize(("key", "word"), [("models", "nobody"), ("tasks", "nothing"), ("scheme", "none"), ("denominator", "guess")])
def test_a_word_that_names_nothing_is_said_with_what_is_possible(open_app: OpenApp, demo_store: Path, key: str, word: str) -> None:
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


def test_an_empty_store_offers_nothing_and_fails_at_nothing(open_app: OpenApp, empty_store: Path) -> None:
    app = open_app(empty_store).run()
    assert not app.exception
    assert app.sidebar.multiselect(key="models").options == []


# -- which models a chart of lines draws -------------------------------------------------------------------------------------------


def test_the_readers_choice_is_followed_where_it_can_be_drawn() -> None:
    assert shown_models(Selection(models=("b", "x", "a")), ["a"], ["b"]) == (("b", "a"), None)


def test_counted_answers_go_before_published_numbers() -> None:
    drawn, said = shown_models(Selection(), ["a", "b"], ["c"])
    assert drawn == ("a", "b")
    assert said == "Drawn are the models with counted answers; 1 more have published means only. Choose others under Models on the left."


def test_of_many_models_an_even_spread_with_both_ends_is_drawn() -> None:
    drawn, said = shown_models(Selection(), [f"m{place}" for place in range(11)], [])
    assert drawn == ("m0", "m3", "m7", "m10")
    assert said == "Drawn are 4 of the 11 models with counted answers. Choose others under Models on the left."


def test_of_the_seeds_of_one_size_one_is_drawn_and_sizes_rise() -> None:
    sizes = {
        "l-1M-s0": ("l", 10**6), "l-1k-s0": ("l", 10**3), "l-1k-s1": ("l", 10**3), "l-3k-badlr-s0": ("l", 3000), "l-3k-s0": ("l", 3000),
    }  # fmt: skip
    drawn, said = shown_models(Selection(), list(sizes), [], sizes=sizes)
    assert drawn == ("l-1k-s0", "l-3k-s0", "l-1M-s0")
    assert said == "Drawn are 3 of the 5 models with counted answers. Choose others under Models on the left."


def test_of_models_with_published_means_fewer_are_drawn() -> None:
    assert shown_models(Selection(), [], [f"m{place}" for place in range(7)])[0] == ("m0", "m2", "m4", "m6")


def test_models_of_one_hue_are_not_drawn_together_when_others_are_near() -> None:
    styles = {
        f"m{place}": ModelStyle(color, "circle") for place, color in enumerate(("#f0bf59", "#0072b2", "#009e73", "#cc79a7", "#e69f00"))
    }
    assert shown_models(Selection(), [], list(styles), styles=styles)[0] == ("m1", "m2", "m3", "m4")


def test_few_models_are_drawn_without_a_word() -> None:
    assert shown_models(Selection(), [], ["a", "b"]) == (("a", "b"), None)
