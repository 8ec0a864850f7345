"""Parts of a screen: errors become notices, captions say what they must, tables leave as they
stand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def run(script: Callable[..., None], **arguments: Any) -> AppTest:
    return AppTest.from_function(script, kwargs=arguments).run()


def an_error_for_the_reader() -> None:
    from data.records import StoreBusyError
    from ui import screen

    with screen.readable_errors():
        raise StoreBusyError("The store $x$ is busy: wait.")


def a_fault_of_ours() -> None:
    from ui import screen

    with screen.readable_errors():
        raise ZeroDivisionError("a fault")


def a_caption(n: int, estimator: str, denominator: str) -> None:
    from data.records import Denominator
    from ui import screen

    screen.caption(n=n, estimator=estimator, denominator=Denominator(denominator))


def a_table(n_rows: int) -> None:
    import pandas as pd

    from ui import screen

    screen.table(pd.DataFrame({"model": ["<b>"] * n_rows, "gap": 0.5}), "gaps")


def a_formatted_table() -> None:
    import pandas as pd

    from ui import screen

    screen.table(
        pd.DataFrame({"gap": [0.125]}),
        "gaps",
        formats={"gap": lambda gap: f"{100 * gap:.1f} %", "absent": str},
    )


def raw_text() -> None:
    from ui import screen

    screen.verbatim("**bold** <script>alert(1)</script>")


def test_an_error_for_the_reader_is_a_notice() -> None:
    app = run(an_error_for_the_reader)
    assert not app.exception
    assert app.error[0].value == "The store \\$x\\$ is busy\\: wait\\."


def test_a_fault_of_ours_is_not_hidden() -> None:
    assert run(a_fault_of_ours).exception


def test_a_caption_names_what_is_known_and_leaves_out_what_is_not() -> None:
    app = run(a_caption, n=1200, estimator="mean over tasks", denominator="parsed_only")
    assert (
        app.caption[0].value.replace("\\", "")
        == "n = 1,200. Estimator: mean over tasks. Denominator: parsed answers only."
    )


def test_a_caption_without_methods_has_no_link() -> None:
    assert not run(a_caption, n=1, estimator="mean", denominator="parsed_only").get("page_link")


def test_text_of_a_model_is_code_not_markdown() -> None:
    app = run(raw_text)
    assert app.code[0].value == "**bold** <script>alert(1)</script>"
    assert not app.markdown


@pytest.mark.parametrize(
    ("n_rows", "labels"), [(3, ["CSV", "JSON", "LaTeX", "Markdown"]), (2001, ["CSV", "JSON"])]
)
def test_a_table_is_offered_in_the_formats_that_fit_it(n_rows: int, labels: list[str]) -> None:
    app = run(a_table, n_rows=n_rows)
    assert not app.exception
    assert [button.label for button in app.get("download_button")] == labels


def test_a_cell_is_written_as_asked_while_its_value_stays() -> None:
    app = run(a_formatted_table)
    assert not app.exception
    assert app.dataframe[0].value["gap"].tolist() == [0.125]
    assert b"12.5 %" in app.dataframe[0].proto.arrow_data.styler.display_values
