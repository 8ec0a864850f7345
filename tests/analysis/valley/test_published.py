"""Published level numbers: Figure 5 gives valleys, Table 2 gives bounds."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from analysis.valley.locating import CURVE_COLUMNS, TASK_COLUMNS, Valley
from analysis.valley.published import score_bounds, valleys_from_published
from analysis.valley.sentences import summarise_valley, valley_record
from data.records import NotEnoughDataError

FIGURE_5_P = {
    "Qwen1.5-1.8B": {1: 0.57, 2: 0.43},
    "Qwen1.5-4B": {1: 0.68, 2: 0.29},
    "Qwen1.5-7B": {2: 0.995},
    "Qwen1.5-14B": {1: 0.15, 2: 0.56, 3: 0.27},
    "Qwen1.5-32B": {2: 0.86, 3: 0.12},
    "Qwen1.5-72B": {2: 0.15, 3: 0.14, 4: 0.71},
    "Qwen1.5-110B": {3: 0.33, 4: 0.63},
}
"""P(level is critical) from an independent run of the same bootstrap on the same pseudo-tasks."""


@pytest.fixture(scope="module")
def valleys(published_levels: pd.DataFrame) -> dict[str, Valley]:
    return {valley.model: valley for valley in valleys_from_published(published_levels)}


def test_figure_5_has_the_critical_levels_of_table_2(
    valleys: dict[str, Valley], published_levels: pd.DataFrame
) -> None:
    marked = published_levels.loc[published_levels["metric"] == "critical_level"].set_index(
        "model"
    )["value"]
    assert len(valleys) == 7
    assert {model: valley.critical_level for model, valley in valleys.items()} == {
        model: int(marked[model]) for model in valleys
    }


@pytest.mark.parametrize("model", FIGURE_5_P)
def test_p_critical_agrees_with_the_independent_run(valleys: dict[str, Valley], model: str) -> None:
    """Within .06: the pattern of pseudo-tasks is a choice, and 2,000 resamples carry an error of
    .01.
    """
    for level, p in FIGURE_5_P[model].items():
        assert valleys[model].p_critical[level] == pytest.approx(p, abs=0.06)


def test_intervals_of_means_are_t_over_tasks(valleys: dict[str, Valley]) -> None:
    """1.8B level 2: .45, sd .31 over 4 tasks: the ends p are where |.45 - p| = t(3) .31 / 2 sqrt(p
    (1 - p) / (.45 * .55)), t(3) = 3.1824.

    Level 4 OOD has sd 0 and falls back on the answers.
    """
    curve = valleys["Qwen1.5-1.8B"].curve
    for end in (curve["a_id_lo"][1], curve["a_id_hi"][1]):
        assert abs(0.45 - end) == pytest.approx(
            3.182446305284263 * 0.155 * (end * (1 - end) / (0.45 * 0.55)) ** 0.5
        )
    assert curve["a_id_lo"][1] < 0.45 < curve["a_id_hi"][1]
    assert curve["a_ood_lo"][3] < 0.01 < curve["a_ood_hi"][3]
    assert set(curve["interval"]) == {"over tasks"} and curve["n_id"].tolist() == [
        768,
        1024,
        768,
        768,
        1024,
    ]


def test_what_level_means_cannot_tell_is_not_made_up(valleys: dict[str, Valley]) -> None:
    valley = valleys["Qwen1.5-72B"]
    assert valley.log_odds is None and valley.constancy is None and valley.half_point is None
    assert (
        valley.curve[["log_odds_gap_lo", "log_odds_gap_hi", "n_unparsed", "n_error"]]
        .isna()
        .all()
        .all()
    )
    assert (tuple(valley.curve.columns), tuple(valley.tasks.columns), len(valley.tasks)) == (
        CURVE_COLUMNS,
        TASK_COLUMNS,
        0,
    )
    assert any("pseudo-tasks" in note and "approximate" in note for note in valley.warnings)
    assert "the peak in about " in summarise_valley(
        valley
    ) and "cannot be tested" in summarise_valley(valley)
    assert json.loads(json.dumps(valley_record(valley), allow_nan=False))["source"] == "published"


def test_log_odds_gaps_of_the_means_agree_with_independent_values(
    valleys: dict[str, Valley],
) -> None:
    """72B .37 .86 .41 1.05 .71; 110B .64 0 .52 .75 .68: a different picture than the probability
    gaps.
    """
    assert valleys["Qwen1.5-72B"].curve["log_odds_gap"].tolist() == pytest.approx(
        [0.37, 0.86, 0.41, 1.05, 0.71], abs=0.02
    )
    assert valleys["Qwen1.5-110B"].curve["log_odds_gap"].tolist() == pytest.approx(
        [0.64, 0.0, 0.52, 0.75, 0.68], abs=0.04
    )


def test_id_below_ood_is_kept_signed(valleys: dict[str, Valley]) -> None:
    third = valleys["Qwen1.5-7B"].curve.iloc[2]
    assert (third["gap_signed"], third["gap"]) == pytest.approx((-0.03, 0.0))


def test_without_a_spread_there_is_no_probability(published_levels: pd.DataFrame) -> None:
    bare = published_levels.assign(sd=np.nan)
    valley = valleys_from_published(bare.loc[bare["model"] == "Qwen1.5-72B"])[0]
    assert valley.critical_level == 4 and valley.p_critical.isna().all() and valley.level_set == ()
    assert set(valley.curve["interval"]) == {"item level only"}
    assert "how sure that is cannot be said" in summarise_valley(valley)
    assert any("P(level is critical) is unknown" in note for note in valley.warnings)


def test_without_any_counts_the_means_stand_alone(published_levels: pd.DataFrame) -> None:
    bare = published_levels.assign(sd=np.nan, n=pd.NA, n_tasks=pd.NA, n_per_task=pd.NA)
    curve = valleys_from_published(bare.loc[bare["model"] == "Qwen1.5-72B"])[0].curve
    assert (
        curve["a_id_lo"].isna().all()
        and curve["log_odds_gap"].isna().all()
        and curve["gap"].notna().all()
    )


def test_a_split_that_is_not_published_leaves_no_gap(published_levels: pd.DataFrame) -> None:
    of_model = published_levels.loc[published_levels["model"] == "Qwen1.5-72B"]
    valley = valleys_from_published(
        of_model.loc[~((of_model["split"] == "ood") & (of_model["level"] == 4))]
    )[0]
    fourth = valley.curve.iloc[3]
    assert (
        math.isnan(fourth["gap"])
        and fourth["reason"] == "one split is not published"
        and fourth["a_id"] == pytest.approx(0.22)
    )
    assert valley.critical_level == 3 and math.isnan(valley.p_critical[4])


def test_no_published_accuracies_give_no_valleys(published_levels: pd.DataFrame) -> None:
    assert (
        valleys_from_published(published_levels.loc[published_levels["metric"] != "accuracy"]) == ()
    )
    assert score_bounds(published_levels.iloc[:0]) == ()


def test_missing_columns_are_named() -> None:
    with pytest.raises(NotEnoughDataError, match="lack the columns run_id"):
        valleys_from_published(pd.DataFrame(columns=["model"]))


def test_table_2_is_consistent_with_its_own_bounds(published_levels: pd.DataFrame) -> None:
    bounds = score_bounds(published_levels)
    assert len(bounds) == 28
    assert all(bound.is_consistent for bound in bounds)
    assert all((bound.curve["gap_lower"] <= bound.curve["gap_upper"]).all() for bound in bounds)


def test_bounds_rule_levels_out(published_levels: pd.DataFrame) -> None:
    """Llama-3.1-70B: S -.233 at level 4 forces a gap of .233, S .982 and .890 allow at most .009
    and .055 at levels 1 and 2.
    """
    bound = next(
        bound for bound in score_bounds(published_levels) if bound.model == "Llama-3.1-70B"
    )
    assert bound.possible_levels == (3, 4, 5)
    assert bound.curve["gap_upper"].tolist()[:2] == pytest.approx([0.009, 0.055])
    assert (
        bound.sentence()
        == "Only the score S is published: by its bounds on the gap 3 of 5 levels can be critical"
        " (O([N^2,N^3]), O([N^3,N^4]), O(2^N)). The published critical level, O([N^2,N^3]),"
        " agrees with them."
    )
    assert json.loads(json.dumps(bound.as_record(), allow_nan=False))["critical_level"] == 3


def test_a_published_level_outside_the_bounds_is_called_out(published_levels: pd.DataFrame) -> None:
    wrong = published_levels.loc[published_levels["model"] == "Llama-3.1-70B"].copy()
    wrong.loc[wrong["metric"] == "critical_level", "value"] = 1.0
    bound = score_bounds(wrong)[0]
    assert bound.is_consistent is False and "contradicts them" in bound.sentence()


def test_perfect_scores_leave_no_critical_level(published_levels: pd.DataFrame) -> None:
    perfect = published_levels.loc[published_levels["metric"] == "generalization_score"].assign(
        value=1.0
    )
    bound = score_bounds(perfect)[0]
    assert (
        bound.possible_levels == ()
        and bound.published_level is None
        and bound.is_consistent is None
    )
    assert (
        bound.sentence() == "Only the score S is published; it leaves no level with a gap above 0."
    )
