"""The sentence above several valleys, where the gap is largest at several levels alike."""

from __future__ import annotations

import pandas as pd

from analysis.valley.headline import headline
from analysis.valley.locating import locate_valleys
from pages.valley.sentences import id_source_words
from tests.ui.figures.examples import counts


def _tied(*models: str) -> pd.DataFrame:
    frame = counts(*models)
    right = frame["split"].map({"id": 60, "ood": 40}).where(frame["level"] < 3, 20)
    return frame.assign(n_correct=right, n_wrong=100 - right, n_unparsed=0)


def test_a_tie_is_said_of_named_and_of_counted_models() -> None:
    few, _ = headline(locate_valleys(_tied("A", "B")))
    assert "at O(N) for A (with other levels alike, the lowest is taken; " in few
    many, _ = headline(locate_valleys(_tied("A", "B", "C", "D")))
    assert "settled for none; for 4 other levels are alike, the lowest is taken)" in many
    assert "alike" not in headline(locate_valleys(counts("A", "B")))[0]


def test_where_id_comes_from_is_said_once_for_the_models_that_share_it() -> None:
    said = id_source_words(
        {"a": ["ladder"], "b": ["elicited"], "c": ["ladder"], "d": [], "e": ["a rule of their own"]}
    )
    assert said == [
        "ID of a and c: the distribution that the model was trained on",
        "ID of b: what the model itself wrote when asked for test inputs",
        "ID of e: a rule of their own",
    ]
