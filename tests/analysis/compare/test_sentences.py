"""Sentences of a comparison at its edges: a tie, a result that chance could give, the surest place
in one direction.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd

from analysis.compare.sentences import _how_sure, _many, _strongest, difference_phrase

ROW: dict[str, Any] = {
    "model": "a",
    "baseline": "b",
    "split": "ood",
    "grouping": "overall",
    "method": "paired",
    "unit": "over tasks",
    "n_tasks": 9,
    "n": 9,
    "difference": -0.444,
    "lo": -0.85,
    "hi": -0.039,
    "p": 0.035,
    "p_holm": 0.071,
    "mcnemar_p_holm": 0.25,
    "reason": None,
}


def test_a_tie_has_a_difference_with_its_interval_and_no_winner() -> None:
    said = difference_phrase(
        {**ROW, "difference": 0.0, "lo": -0.01, "hi": 0.01, "p_holm": 1.0}, "out of distribution"
    )
    assert (
        said
        == "a scores the same as b out of distribution (difference 0.0 [−1.0, 1.0] points), paired"
        " over 9 tasks, n = 9"
    )


def test_what_no_test_rejects_could_be_chance_and_is_not_said_to_be() -> None:
    """Here the unadjusted interval leaves 0 out: chance is possible, not shown."""
    assert _how_sure(ROW, 2).startswith("chance could explain it (p = ")


def test_the_surest_place_is_told_in_the_direction_of_the_sentence() -> None:
    places = [
        {
            **ROW,
            "grouping": "level",
            "task": None,
            "level": level,
            "level_label": f"L{level}",
            "difference": d,
            "lo": lo,
            "hi": hi,
            "p": p,
            "p_holm": p,
            "mcnemar_p_holm": p,
        }
        for level, d, lo, hi, p in ((1, -0.786, -0.815, -0.754, 1e-9), (2, 0.1, 0.05, 0.15, 0.01))
    ]
    comparison = cast(Any, SimpleNamespace(rows=pd.DataFrame(places)))
    assert "L1: +78.6 [75.4, 81.5]" in _strongest(ROW, comparison)
    assert "L1, the other way round: −78.6 [−81.5, −75.4]" in _strongest(
        {**ROW, "difference": 0.2}, comparison
    )


def test_an_interval_that_leaves_0_out_beside_an_unsure_verdict_is_explained() -> None:
    comparison = cast(Any, SimpleNamespace(baseline="b", family_size=13))
    said = _many([ROW, {**ROW, "model": "c", "p_holm": 0.001}], comparison)
    assert "a −44.4 [−85.0, −3.9] cannot be told from it" in said
    assert said.endswith("; verdicts are adjusted for 13 tests, intervals are not).")
    assert "adjusted" not in _many([{**ROW, "hi": 0.1}, {**ROW, "p_holm": 0.001}], comparison)
