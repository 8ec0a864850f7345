"""The page of unread answers: on results, on none, on an odd run, and with its control moved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

OpenApp = Callable[[Path], AppTest]


def opened(open_app: OpenApp, store: Path, **query: str) -> AppTest:
    app = open_app(store)
    for name, word in query.items():
        app.query_params[name] = word
    app.run()
    return app.switch_page("pages/unread/page.py").run()


def texts(app: AppTest) -> str:
    kinds = ("markdown", "caption", "warning", "error")
    said = "\n".join(element.value for kind in kinds for element in getattr(app, kind))
    return said.replace("\\", "")


def test_page_names_models_with_many_unread_answers(open_app: OpenApp, demo_store: Path) -> None:
    """Of the 40 answers to a demo task 2 cannot be read and 1 ended in an error."""
    app = opened(open_app, demo_store)
    assert not app.exception
    assert "For demo-large and demo-small, more than 5 % of the answers" in texts(app)
    (table,) = (frame.value for frame in app.dataframe)
    assert table["not read"].tolist() == pytest.approx([2 / 39, 2 / 39])
    assert table["answers"].tolist() == [15 * 2 * 39] * 2


def test_a_moved_control_changes_the_sentence(open_app: OpenApp, demo_store: Path) -> None:
    app = opened(open_app, demo_store)
    app.slider(key="most").set_value(0.1).run()
    assert "For no model, more than 10 % of the answers" in texts(app)
    assert "For no model" in texts(opened(open_app, demo_store, most="0.1"))


def test_without_results_it_says_what_to_do(open_app: OpenApp, empty_store: Path) -> None:
    app = opened(open_app, empty_store)
    assert not app.exception and "Import results with samples" in texts(app)


def test_odd_names_are_text(open_app: OpenApp, odd_store: Path) -> None:
    app = opened(open_app, odd_store)
    assert not app.exception and "odd/[model]*$x$<b>" in texts(app)
