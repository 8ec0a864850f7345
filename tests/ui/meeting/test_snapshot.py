"""A snapshot holds what stood on the page, opens without a network, and treats every name and
answer as text.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pandas as pd

from ui.figures.overview import outcomes_figure
from ui.meeting.snapshot import MAX_ROWS, Page, View, page_of, refreshed, selection_words, snapshot
from ui.reading import Part

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\u202egnp"
MADE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def counts(model: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"model": [model], "n_correct": [3], "n_wrong": [2], "n_unparsed": [1], "n_error": [0]}
    )


def view(*parts: Part, sources: pd.DataFrame | None = None) -> Page:
    shown = View(
        parts=parts,
        address="http://127.0.0.1:8501/valley?models=a",
        selection="models: a",
        store_version=7,
        read_at=MADE,
        sources=pd.DataFrame({"run_id": ["r1"], "sha256": ["abc"]}) if sources is None else sources,
    )
    return page_of(shown)


def test_page_is_there_with_sentence_numbers_and_what_they_rest_on() -> None:
    frame = pd.DataFrame({"model": ["a", "b"], "gap": [0.125, float("nan")], "n": [1234, 5]})
    columns = {"gap": {"label": "the gap"}}
    page = snapshot(
        [
            view(
                Part(kind="question", content="Where?"),
                Part(kind="answer", content="Here, 12 % of 40."),
                Part(
                    kind="table",
                    content=frame,
                    how={"columns": columns, "formats": {"gap": lambda share: f"{share:.1%}"}},
                ),
                Part(kind="caption", content="n = 40."),
            )
        ],
        made_at=MADE,
    )
    assert (
        page.index("<h1>Where?</h1>")
        < page.index("Here, 12 % of 40.")
        < page.index("the gap")
        < page.index("n = 40.")
    )
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page)
    assert cells[:6] == ["a", "12.5%", "1,234", "b", "–", "5"]
    assert cells[6:] == ["r1", "abc"]
    assert (
        "2026-01-02 03:04 UTC" in page
        and "store version 7, read 2026-01-02 03:04 UTC with Charybdis 0.1.0; resampling seed 0"
        in page
    )
    assert 'href="http://127.0.0.1:8501/valley?models=a&amp;since=7.1767323040"' in page


def test_hostile_text_stays_text_everywhere() -> None:
    page = snapshot(
        [
            view(
                Part(kind="answer", content=HOSTILE),
                Part(kind="chart", content=outcomes_figure(counts(HOSTILE))),
                Part(kind="table", content=pd.DataFrame({HOSTILE: [HOSTILE]})),
                sources=pd.DataFrame({"model": [HOSTILE]}),
            )
        ],
        title=HOSTILE,
        made_at=MADE,
    )
    assert "<img src=x" not in page
    assert "<script>alert(2)" not in page
    # One element per chart, one for the library, one that draws: nothing from data opened or closed
    # another.
    assert len(re.findall(r"<script[ >]", page.replace(_library_of(page), ""))) == 3


def _library_of(page: str) -> str:
    """What stands in the longest script element: plotly.js, which speaks of script elements
    itself.
    """
    return max(re.findall(r"<script>(.*?)</script>", page, re.S), key=len)


def test_page_read_anew_says_what_is_other_than_before() -> None:
    old = view(
        Part(kind="answer", content="A leads by 3."),
        Part(kind="table", content=pd.DataFrame({"n": [1]})),
    )
    other_number = view(
        Part(kind="answer", content="A leads by 3."),
        Part(kind="table", content=pd.DataFrame({"n": [2]})),
    )
    other_sentence = view(Part(kind="answer", content="B leads by 1."))
    assert refreshed(old, old)["changed"] == "Read anew; nothing is other than at store version 7."
    assert "numbers beneath it are not" in refreshed(other_number, old)["changed"]
    assert (
        refreshed(other_sentence, old)["changed"] == "At store version 7 this read: A leads by 3."
    )
    assert "At store version 7 this read: A leads by 3." in snapshot(
        [refreshed(other_sentence, old)]
    )


def test_only_a_served_document_may_ask_for_anything() -> None:
    assert "connect-src" not in snapshot([view()]).split("</head>")[0]
    assert "connect-src 'self'" in snapshot([view()], is_served=True).split("</head>")[0]


def test_chart_is_whole_json_that_ends_no_script_element() -> None:
    page = snapshot(
        [view(Part(kind="chart", content=outcomes_figure(counts(HOSTILE))))], made_at=MADE
    )
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', page, re.S)
    assert json.loads(text)["data"]


def test_long_table_is_cut_and_says_so() -> None:
    frame = pd.DataFrame({"n": range(MAX_ROWS + 1500)})
    page = snapshot([view(Part(kind="table", content=frame), sources=frame.head(0))], made_at=MADE)
    assert page.count("<tr>") == 1 + MAX_ROWS
    assert "1,500 further rows are not in this file" in page


def test_five_charts_stay_under_six_megabytes_and_ask_for_nothing() -> None:
    many = pd.concat([counts(f"model {place}") for place in range(24)], ignore_index=True)
    page = snapshot([view(*[Part(kind="chart", content=outcomes_figure(many))] * 5)], made_at=MADE)
    assert len(page.encode()) < 6_000_000
    assert not re.search(
        r"""<(script|link|img|iframe)[^>]*(src|href)=["']?(https?:)?//""",
        page.replace(_library_of(page), ""),
    )


def test_selection_in_words() -> None:
    assert (
        selection_words({"models": ("a", "b"), "tasks": (), "scheme": "scylla"})
        == "models: a, b; scheme: scylla"
    )
