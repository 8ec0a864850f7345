"""The methods page under Streamlit's test harness: the list, a search, one method in full, and words it does not know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from data.methods import read_methods
from ui.method_parts import found_methods

OpenApp = Callable[[Path], AppTest]


def methods(open_app: OpenApp, store: Path, **query: str) -> AppTest:
    app = open_app(store).run()
    for key, value in query.items():
        app.query_params[key] = value
    return app.switch_page("pages/methods/page.py").run()


def texts(app: AppTest) -> str:
    parts = [element.value for kind in ("markdown", "caption", "warning", "error") for element in getattr(app, kind)]
    return "\n".join(parts).replace("\\", "")


def test_the_sentence_counts_methods_and_agreement(open_app: OpenApp, empty_store: Path) -> None:
    app = methods(open_app, empty_store)
    assert not app.exception
    assert app.title[0].value == "How is every number made, and is it right?"
    assert f"{len(read_methods())} methods behind the numbers on screen" in texts(app)
    assert "certified vectors shipped with Charybdis" in texts(app)
    assert len(app.dataframe[0].value) == len(read_methods())


def test_a_link_opens_a_method_with_formula_source_and_agreement(open_app: OpenApp, demo_store: Path) -> None:
    app = methods(open_app, demo_store, method="wilson_interval")
    assert not app.exception
    (formula,) = app.latex
    assert r"\frac{z^2}{4n^2}" in formula.value
    said = texts(app)
    for part in (
        "Wilson 1927",
        "Assumptions",
        "Where we differ",
        "analysis.accuracy.binomial_interval",
        "of 5 vectors",
        "Keys: binomial_ci",
    ):
        assert part.replace("_", "_") in said


def test_its_vectors_are_computed_on_demand(open_app: OpenApp, demo_store: Path) -> None:
    app = methods(open_app, demo_store, method="wilson_interval")
    app.button(key="compute wilson_interval").click().run()
    assert not app.exception
    frame = app.dataframe[1].value
    assert len(frame) == 5 and frame["agrees"].all() and (frame["digits"] > 8).all()


def test_searching_narrows_the_list_and_a_single_find_opens(open_app: OpenApp, demo_store: Path) -> None:
    app = methods(open_app, demo_store)
    app.text_input(key="find").set_value("fieller").run()
    assert len(app.dataframe[0].value) < 4
    app.text_input(key="find").set_value("no such method").run()
    assert "No method has these words" in texts(app)
    app.text_input(key="find").set_value("Newcombe 1998, method 10").run()
    assert len(app.latex) == 1


def test_an_unknown_method_is_named(open_app: OpenApp, demo_store: Path) -> None:
    assert "<b>magic</b>" in texts(methods(open_app, demo_store, method="<b>magic</b>"))


@pytest.mark.parametrize("method", read_methods(), ids=lambda method: method.key)
def test_every_method_is_found_by_its_name(method: object) -> None:
    listed = read_methods()
    assert method in found_methods(listed, method.name, None)  # type: ignore[attr-defined]
    assert method in found_methods(listed, "", method.topic)  # type: ignore[attr-defined]
