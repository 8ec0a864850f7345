"""The valley of one model: worked numbers, limits, what may be said, and recovery from simulated
models.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.valley.locating import (
    CURVE_COLUMNS,
    TASK_COLUMNS,
    Settings,
    Valley,
    locate_valley,
    locate_valleys,
)
from analysis.valley.sentences import describe_valley, paper_table, summarise_valley, valley_record
from data.records import Denominator, NotEnoughDataError

LABELS = {1: "O(N)", 2: "O([N,N^2])", 3: "O([N^2,N^3])"}
WORKED = {1: [(90, 85), (80, 75)], 2: [(70, 40), (60, 40)], 3: [(20, 15), (10, 15)]}
"""Gaps by hand: level 1 .05, .05 -> .05; level 2 .3, .2 -> .25; level 3 .05, -.05 -> 0."""


def level_column(valley: Valley, name: str) -> list[float]:
    return [float(value) for value in valley.curve[name]]


def test_the_worked_example_peaks_at_the_second_level(counts_of) -> None:
    valley = locate_valley(counts_of(WORKED, labels=LABELS))
    assert level_column(valley, "a_id") == pytest.approx([0.85, 0.65, 0.15])
    assert level_column(valley, "a_ood") == pytest.approx([0.80, 0.40, 0.15])
    assert level_column(valley, "gap_signed") == pytest.approx([0.05, 0.25, 0.0])
    assert (valley.critical_level, valley.critical_label, valley.is_tie, valley.reason) == (
        2,
        "O([N,N^2])",
        False,
        None,
    )
    assert valley.p_critical[2] > 0.95 and valley.level_set == (2,)
    assert valley.curve["n_tasks"].tolist() == [2, 2, 2] and valley.curve["n_id"].tolist() == [
        200,
        200,
        200,
    ]


def test_score_is_averaged_over_tasks(counts_of) -> None:
    """Level 3: S per task .15 - .05 = .10 and .15 - 0 = .15, mean .125; S of the means would be
    .15.
    """
    assert level_column(locate_valley(counts_of(WORKED)), "score") == pytest.approx(
        [0.75, 0.15, 0.125]
    )


def test_task_rows_have_their_own_intervals(counts_of) -> None:
    """Task 2-0: 70 and 40 of 100. Newcombe: .3 - sqrt((.7 - .6042)^2 + (.4980 - .4)^2) = .1630 up
    to .4216.
    """
    task = locate_valley(counts_of(WORKED)).tasks.query("task == 'task-2-0'").iloc[0]
    assert (task["gap_lo"], task["gap_hi"]) == pytest.approx((0.1630, 0.4216), abs=1e-4)
    assert task["log_odds_gap"] == pytest.approx(math.log(70.5 / 30.5) - math.log(40.5 / 60.5))


def test_frames_have_the_promised_columns(counts_of) -> None:
    valley = locate_valley(counts_of(WORKED))
    assert (tuple(valley.curve.columns), tuple(valley.tasks.columns)) == (
        CURVE_COLUMNS,
        TASK_COLUMNS,
    )


def test_neither_other_models_nor_row_order_change_a_model(counts_of) -> None:
    counts = counts_of(WORKED)
    alone = locate_valley(counts)
    crowd = pd.concat(
        [
            counts_of({1: [(5, 4)], 2: [(3, 1)]}, model="another"),
            counts.sample(frac=1, random_state=1),
        ]
    )
    pd.testing.assert_frame_equal(locate_valley(crowd, model="m").curve, alone.curve)
    assert [valley.model for valley in locate_valleys(crowd)] == ["another", "m"]


def test_any_level_scheme_will_do(counts_of) -> None:
    valley = locate_valley(counts_of({4: WORKED[1], 16: WORKED[2], 64: WORKED[3]}))
    assert (valley.critical_level, valley.critical_label) == (16, "level 16")


def test_tied_levels_are_all_named(counts_of) -> None:
    valley = locate_valley(
        counts_of(
            {1: [(60, 50), (60, 50)], 2: [(30, 20), (30, 20)], 3: [(10, 10), (10, 10)]},
            labels=LABELS,
        )
    )
    assert (valley.critical_level, valley.tied_levels, valley.is_tie) == (1, (1, 2), True)
    assert "largest at O(N) and O([N,N^2]) alike" in summarise_valley(valley)


@pytest.mark.parametrize("right", [0, 100])
def test_all_right_or_all_wrong_has_no_critical_level(counts_of, right: int) -> None:
    valley = locate_valley(counts_of({level: [(right, right)] * 3 for level in (1, 2, 3)}))
    assert (valley.critical_level, valley.reason) == (None, "no level has a gap above 0")
    assert valley.p_none + valley.p_critical.sum() == pytest.approx(1)
    assert summarise_valley(valley).startswith("No critical level: no level has a gap above 0.")
    assert valley.log_odds is not None and valley.log_odds.lo < 0 < valley.log_odds.hi


def test_ood_above_id_everywhere_is_kept_signed_and_clipped(counts_of) -> None:
    valley = locate_valley(counts_of({1: [(50, 80), (50, 70)], 2: [(10, 40), (20, 50)]}))
    assert level_column(valley, "gap_signed") == pytest.approx([-0.25, -0.3])
    assert level_column(valley, "gap") == [0.0, 0.0]
    assert (
        valley.critical_level is None
        and valley.p_none > 0.95
        and valley.none_in_set
        and valley.level_set == ()
    )
    assert "OOD is easier" in summarise_valley(valley)


def test_one_level_cannot_peak(counts_of) -> None:
    valley = locate_valley(counts_of({1: [(90, 50), (80, 40)]}))
    assert valley.critical_level is None and "needs at least two" in str(valley.reason)
    assert valley.p_critical.isna().all() and valley.level_set == ()
    assert level_column(valley, "gap") == pytest.approx([0.4])


def test_one_task_a_level_is_item_level_and_says_so(counts_of) -> None:
    valley = locate_valley(counts_of({1: [(90, 85)], 2: [(70, 40)]}))
    assert valley.critical_level == 2 and set(valley.curve["interval"]) == {"item level only"}
    assert any(note.startswith("One task only at level 1 and level 2") for note in valley.warnings)
    assert (
        "2,000 resamples of the answers (one task at a level: other tasks may differ)"
        in summarise_valley(valley)
    )


def test_one_task_in_all_has_no_mean_over_tasks(counts_of) -> None:
    valley = locate_valley(counts_of({1: [(90, 50)]}))
    assert valley.log_odds is not None and math.isnan(valley.log_odds.delta)
    assert "a mean over tasks needs at least 2" in summarise_valley(valley)
    assert math.isnan(level_column(valley, "log_odds_gap")[0])


def test_a_missing_split_is_missing_and_not_zero(counts_of) -> None:
    """Level 3 without OOD: no gap there, its ID mean stays; a task without OOD at level 1 leaves
    both means of that level.
    """
    counts = counts_of(WORKED)
    counts = counts.loc[
        ~((counts["split"] == "ood") & ((counts["level"] == 3) | (counts["task"] == "task-1-0")))
    ]
    valley = locate_valley(counts)
    first, third = valley.curve.iloc[0], valley.curve.iloc[2]
    assert (first["n_tasks"], first["a_id"], first["a_ood"]) == (1, 0.8, 0.75)
    assert (
        third["a_id"] == pytest.approx(0.15)
        and math.isnan(third["a_ood"])
        and math.isnan(third["gap"])
    )
    assert third["reason"] == "no task of this level has both an ID and an OOD accuracy"
    assert math.isnan(valley.p_critical[3]) and valley.p_critical[
        [1, 2]
    ].sum() + valley.p_none == pytest.approx(1)
    assert valley.tasks.set_index("task").loc["task-1-0", "reason"] == "OOD: no answers"
    assert any("3 tasks without both splits" in note for note in valley.warnings)


def test_only_one_split_anywhere_gives_a_curve_without_a_gap(counts_of) -> None:
    counts = counts_of(WORKED)
    valley = locate_valley(counts.loc[counts["split"] == "id"])
    assert (
        valley.critical_level is None
        and valley.reason == "no level has both an ID and an OOD accuracy"
    )
    assert level_column(valley, "a_id") == pytest.approx([0.85, 0.65, 0.15])
    json.dumps(valley_record(valley), allow_nan=False)


@pytest.mark.parametrize(
    ("unparsed", "errors", "why"),
    [(0, 9, "all 9 attempts ended in an error"), (0, 0, "no answers")],
)
def test_cells_without_an_answer_are_undefined_with_a_reason(
    counts_of, unparsed: int, errors: int, why: str
) -> None:
    valley = locate_valley(
        counts_of({1: [(0, 0)] * 2, 2: [(0, 0)] * 2}, n=0, n_unparsed=unparsed, n_error=errors)
    )
    assert valley.critical_level is None
    assert math.isnan(level_column(valley, "a_id")[0]) and why in str(
        valley.tasks["reason"].iloc[0]
    )


def test_all_unparsed_depends_on_the_denominator(counts_of) -> None:
    counts = counts_of({1: [(0, 0)] * 2, 2: [(0, 0)] * 2}, n=9, n_unparsed=9)
    strict, parsed = (
        locate_valley(counts, settings=Settings(denominator=name)) for name in list(Denominator)[:2]
    )
    assert level_column(strict, "a_id") == [0.0, 0.0]
    assert all(math.isnan(value) for value in level_column(parsed, "a_id"))
    assert "72 of 72 answers could not be parsed." in strict.warnings


def test_the_authors_cliff_makes_a_gap_but_no_log_odds(counts_of) -> None:
    """ID: 7 right of 10 parsed of 100; OOD: 9 right of 9 parsed of 100, set to 0: gap .7 out of
    nothing.
    """
    counts = counts_of({1: [(50, 50), (50, 40)], 2: [(7, 9), (50, 50)]})
    cliff = counts["task"] == "task-2-0"
    counts.loc[cliff, ["n_wrong", "n_unparsed"]] = [[3, 90], [0, 91]]
    valley = locate_valley(counts, settings=Settings(denominator=Denominator.AUTHORS))
    task = valley.tasks.query("task == 'task-2-0'").iloc[0]
    assert (task["a_id"], task["a_ood"], task["gap"]) == pytest.approx((0.7, 0.0, 0.7))
    assert math.isnan(task["log_odds_gap"]) and "authors' rule" in task["reason"]
    assert valley.log_odds is not None and valley.log_odds.n_tasks == 3
    assert any("authors' rule set an accuracy to 0" in note for note in valley.warnings)


def test_probe_tasks_never_enter_the_levels(counts_of) -> None:
    counts = counts_of({**WORKED, 1: [*WORKED[1], (100, 0)]})
    counts.loc[counts["task"] == "task-1-2", "role"] = "probe"
    pd.testing.assert_frame_equal(
        locate_valley(counts).curve, locate_valley(counts_of(WORKED)).curve
    )


def test_errors_stand_beside_and_move_nothing(counts_of) -> None:
    clean, failed = locate_valley(counts_of(WORKED)), locate_valley(counts_of(WORKED, n_error=4))
    assert level_column(clean, "a_id") == level_column(failed, "a_id")
    assert failed.curve["n_error"].tolist() == [16, 16, 16]
    assert "48 of 1,248 answers ended in an error and count nowhere." in failed.warnings


def test_aggregates_are_told_apart_from_counted_answers(counts_of) -> None:
    counts = counts_of(WORKED).assign(source="samples")
    counts.loc[counts["level"] == 2, "source"] = "aggregates"
    assert any(
        note.startswith("On 2 tasks only aggregate scores")
        for note in locate_valley(counts).warnings
    )


def test_no_levels_at_all_is_an_empty_answer_for_many_and_an_error_for_one(counts_of) -> None:
    counts = counts_of(WORKED).assign(level=pd.NA)
    assert locate_valleys(counts) == ()
    with pytest.raises(
        NotEnoughDataError,
        match=r"m has no answers with both a level and a split.*Models with such answers: none",
    ):
        locate_valley(counts)


def test_one_of_several_models_must_be_named(counts_of) -> None:
    counts = pd.concat([counts_of(WORKED, model="a"), counts_of(WORKED, model="b")])
    with pytest.raises(NotEnoughDataError, match=r"2 models.*Name one of: a, b"):
        locate_valley(counts)


def test_missing_columns_are_named() -> None:
    with pytest.raises(
        NotEnoughDataError, match="lack the columns model, level, task, split, n_correct"
    ):
        locate_valleys(pd.DataFrame({"a": [1]}))


def test_penalty_changes_the_score_only(counts_of) -> None:
    plain, mild = (
        locate_valley(counts_of(WORKED), settings=Settings(penalty=penalty))
        for penalty in (1.0, 0.0)
    )
    assert level_column(mild, "score") == pytest.approx(level_column(mild, "a_ood"))
    assert level_column(plain, "gap") == level_column(mild, "gap")


def test_the_sentence_says_how_sure_and_never_reads_a_peak_as_a_cause(counts_of) -> None:
    valley = locate_valley(counts_of(WORKED, labels=LABELS))
    said = summarise_valley(valley)
    assert said.startswith("The gap is largest at O([N,N^2]) (25.0 points, 95 % interval ")
    assert "of 2,000 resamples, 90 % set: O([N,N^2])" in said
    assert "so a peak alone does not mark a special level" in said
    assert "memori" not in said.lower() and "proves" not in said
    for level in LABELS.values():
        assert level in describe_valley(valley)


def test_the_record_is_plain_json(counts_of) -> None:
    counts = counts_of(WORKED)
    record = json.loads(
        json.dumps(
            valley_record(locate_valley(counts.loc[counts["task"] != "task-3-0"])), allow_nan=False
        )
    )
    assert (record["model"], record["source"], record["critical_level"], record["denominator"]) == (
        "m",
        "samples",
        2,
        "unparsed_is_wrong",
    )
    assert [row["level"] for row in record["levels"]] == [1, 2, 3] and len(record["tasks"]) == 5
    assert set(record["p_critical"]) == {"1", "2", "3"}


CELL = st.integers(0, 20)


@settings(max_examples=25)
@given(
    st.dictionaries(
        st.integers(1, 6),
        st.lists(st.tuples(CELL, CELL), min_size=1, max_size=3),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_the_counts_the_result_is_coherent(
    counts_of, levels: dict[int, list[tuple[int, int]]]
) -> None:
    valley = locate_valley(counts_of(levels, n=20), settings=Settings(resamples=200))
    curve = valley.curve
    assert curve["level"].tolist() == sorted(levels)
    assert (curve["gap"] == curve["gap_signed"].clip(lower=0)).all()
    for name in ("a_id", "a_ood"):
        assert ((curve[f"{name}_lo"] <= curve[name]) & (curve[name] <= curve[f"{name}_hi"])).all()
    if len(levels) > 1:
        assert valley.p_critical.sum() + valley.p_none == pytest.approx(1)
        assert valley.critical_level == (
            curve["level"][curve["gap"].idxmax()] if curve["gap"].max() > 1e-12 else None
        )
    json.dumps(valley_record(valley), allow_nan=False)
    assert describe_valley(valley)


def simulated(n_models: int, *, ability: float, shift: float, seed: int) -> pd.DataFrame:
    """Models of SCYLLA's shape: 17 tasks, 256 + 256 answers, task sd .9, split sd .2 logit, a
    constant log-odds gap.
    """
    rng = np.random.default_rng(seed)
    n_tasks = [3, 4, 3, 3, 4]
    level, difficulty = (
        np.repeat([1, 2, 3, 4, 5], n_tasks),
        np.repeat([0, 1.7, 4.18, 4.68, 5.4], n_tasks),
    )
    ease = ability - difficulty + rng.normal(0, 0.9, (n_models, 17))
    frames = []
    for split, sign in (("id", 1), ("ood", -1)):
        logit = ease + sign * shift / 2 + rng.normal(0, 0.2, (n_models, 17))
        right = rng.binomial(256, 1 / (1 + np.exp(-logit)))
        model, task = (index.ravel() for index in np.indices(right.shape))
        cells = {
            "model": model,
            "task": task,
            "level": level[task],
            "n_correct": right.ravel(),
            "n_wrong": 256 - right.ravel(),
        }
        frames.append(pd.DataFrame(cells).assign(split=split, n_unparsed=0, n_error=0))
    return pd.concat(frames).assign(
        model=lambda rows: rows["model"].map("{:03}".format),
        task=lambda rows: rows["task"].map("{:02}".format),
    )


def test_uncertainty_is_honest_on_simulated_models() -> None:
    """120 models with true gaps .032 .093 .105 .086 .058 (peak at 3) and log-odds gap .6. Measured
    with 300: gap interval 93-94 %, level set 90 %, shift interval 93 %, and the plain argmax right
    in 46 %. Bounds here leave three Monte-Carlo errors.
    """
    truth = np.array([0.032, 0.093, 0.105, 0.086, 0.058])
    valleys = locate_valleys(simulated(120, ability=3.1, shift=0.6, seed=1))
    inside = [((v.curve["gap_lo"] <= truth) & (truth <= v.curve["gap_hi"])).mean() for v in valleys]
    assert 0.90 <= np.mean(inside) <= 0.99
    assert np.mean([3 in v.level_set for v in valleys]) >= 0.82
    assert (
        np.mean([v.log_odds is not None and v.log_odds.lo <= 0.6 <= v.log_odds.hi for v in valleys])
        >= 0.86
    )
    assert np.mean([v.constancy is not None and v.constancy.p < 0.05 for v in valleys]) <= 0.11
    assert np.mean([v.critical_level == 3 for v in valleys]) < 0.65


def test_the_table_for_a_paper_fits_a_page(counts_of) -> None:
    valley = locate_valley(counts_of(WORKED, labels=LABELS))
    table = paper_table(valley.curve.assign(model="demo"))
    assert list(table) == [
        "model",
        "level",
        "tasks",
        "ID (%)",
        "OOD (%)",
        "ID - OOD (points)",
        "S",
        "P(critical)",
    ]
    row = table[table["level"] == "O([N,N^2])"].iloc[0]
    assert row["ID - OOD (points)"].startswith("25.0 [")
    assert row["P(critical)"].endswith("%")


def test_instances_that_were_asked_several_times_are_said_to_be(counts_of) -> None:
    counts = counts_of({1: [(90, 80)], 2: [(60, 40), (50, 45)]})
    plain, again = (locate_valley(one) for one in (counts, counts.assign(n_instances=25)))
    assert not any("asked" in note for note in plain.warnings)
    assert any("asked 4.0 times on average" in note for note in again.warnings)
