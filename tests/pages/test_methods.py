"""The methods page under Streamlit's test harness: the list, a search, one method in full, and
words it does not know.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from data.methods import read_calibration, read_methods
from pages.methods.sections import found_methods

ROOT = Path(__file__).resolve().parents[2]
OpenApp = Callable[[Path], AppTest]


def methods(open_app: OpenApp, store: Path, **query: str) -> AppTest:
    app = open_app(store).run()
    for key, value in query.items():
        app.query_params[key] = value
    return app.switch_page("pages/methods/page.py").run()


def texts(app: AppTest) -> str:
    parts = [
        element.value
        for kind in ("markdown", "caption", "warning", "error")
        for element in getattr(app, kind)
    ]
    return "\n".join(parts).replace("\\", "")


def test_the_sentence_counts_methods_and_agreement(open_app: OpenApp, empty_store: Path) -> None:
    app = methods(open_app, empty_store)
    assert not app.exception
    assert app.title[0].value == "How is every number made, and is it right?"
    assert f"{len(read_methods())} methods behind the numbers on screen" in texts(app)
    assert "certified vectors shipped with Charybdis" in texts(app)
    assert len(app.dataframe[0].value) == len(read_methods())


def test_a_link_opens_a_method_with_formula_source_and_agreement(
    open_app: OpenApp, demo_store: Path
) -> None:
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


def test_a_captions_link_opens_every_method_behind_its_chart(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = methods(open_app, demo_store, method="level_mean,level_set")
    assert len(app.latex) == 2 and not app.exception
    said = texts(app)
    assert "Accuracy of a level" in said and "90 % level set" in said


def test_a_method_says_where_simulation_finds_it_short(open_app: OpenApp, demo_store: Path) -> None:
    rates = read_calibration()
    short = rates[(rates["method"] == "level_set") & ~rates["is_kept"]].iloc[0]
    said = texts(methods(open_app, demo_store, method="level_set"))
    assert (
        f"{short['design']}: holds the truth in {100 * short['rate']:.1f}" in said
        and "not kept" in said
    )


def test_captions_lead_to_methods_that_are_listed() -> None:
    """Every key that a caption names is in the list; the charts of the four pages of statistics
    have such a link.
    """
    keys = {method.key for method in read_methods()}
    named: dict[str, set[str]] = {}
    for file in (ROOT / "pages").glob("*/*sections.py"):
        for call in (
            node
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        ):
            if ast.unparse(call.func) == "screen.caption":
                values = [keyword.value for keyword in call.keywords if keyword.arg == "methods"]
                texts_of = [
                    part.value
                    for value in values
                    for part in ast.walk(value)
                    if isinstance(part, ast.Constant)
                ]
                named.setdefault(file.parent.name, set()).update(map(str, texts_of))
    assert {"valley", "compare", "what_if", "emergence"} <= {
        page for page, found in named.items() if found
    }
    assert set().union(*named.values()) <= keys


def test_a_captions_link_is_on_the_page(open_app: OpenApp, demo_store: Path) -> None:
    app = open_app(demo_store).run().switch_page("pages/valley/page.py").run()
    links = [link.proto for link in app.get("page_link") if "How these" in link.proto.label]
    assert links and "level_set" in parse_qs(links[0].query_string)["method"][0].split(",")


def test_its_vectors_are_computed_on_demand(open_app: OpenApp, demo_store: Path) -> None:
    app = methods(open_app, demo_store, method="wilson_interval")
    app.button(key="compute wilson_interval").click().run()
    assert not app.exception
    frame = app.dataframe[1].value
    # The last vector asks for what is undefined: it agrees, and has no digits.
    assert (
        len(frame) == 6
        and frame["agrees"].all()
        and (frame["digits"][:5] > 8).all()
        and frame["digits"].isna()[5]
    )


def test_searching_narrows_the_list_and_a_single_find_opens(
    open_app: OpenApp, demo_store: Path
) -> None:
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
