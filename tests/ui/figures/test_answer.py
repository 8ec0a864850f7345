"""One answer on the stored valley: a star where it stands, a ring around its point, no ring where
nothing is stored.
"""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.valley.locating import Valley, locate_valley
from ui.figures.answer import answer_figure


@pytest.fixture(scope="module")
def valley() -> Valley:
    common = {"model": "m", "n_unparsed": 0, "n_error": 0}
    rows = [
        {
            **common,
            "task": f"t{level}",
            "level": level,
            "split": split,
            "n_correct": right,
            "n_wrong": 40 - right,
        }
        for level, pair in ((1, (36, 34)), (2, (30, 12)), (3, (4, 4)))
        for split, right in zip(("id", "ood"), pair, strict=True)
    ]
    return locate_valley(pd.DataFrame(rows))


@pytest.mark.parametrize(
    ("outcome", "height"), [("correct", 1.0), ("wrong", 0.0), ("unparsed", 0.0)]
)
def test_star_stands_at_the_outcome_and_the_ring_at_the_stored_accuracy(
    valley: Valley, outcome: str, height: float
) -> None:
    traces = {
        trace["uid"]: trace
        for trace in answer_figure(valley, level=2, split="ood", outcome=outcome)["data"]
    }
    assert (traces["this answer"]["x"], traces["this answer"]["y"]) == ([2], [height])
    assert (traces["its point"]["x"], traces["its point"]["y"]) == ([2], [0.3])
    assert traces["to its point"]["y"] == [0.3, height]


def test_level_without_stored_answers_has_a_star_and_no_ring(valley: Valley) -> None:
    uids = {
        trace["uid"]
        for trace in answer_figure(valley, level=5, split="id", outcome="wrong")["data"]
    }
    assert "this answer" in uids
    assert not uids & {"its point", "to its point"}


def test_sentence_names_the_answer(valley: Valley) -> None:
    meta = answer_figure(valley, level=1, split="id", outcome="wrong")["layout"]["meta"]
    assert meta["sentence"] == "m: this answer (wrong, ID) on the stored valley."
