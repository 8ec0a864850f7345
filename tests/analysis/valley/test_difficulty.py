"""Where the levels stand: difficulties of all models, or level numbers with a reason."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.simulate import simulate_tasks
from analysis.valley.difficulty import FEWEST_MODELS, LevelAxis, difficulty_axis, number_axis
from analysis.valley.locating import locate_valley
from data.records import Denominator

BETA = (0.0, 1.5, 4.0, 4.5)


def models(n: int, *, beta: tuple[float, ...] = BETA, **design: object) -> pd.DataFrame:
    frames = [
        simulate_tasks(
            beta=beta,
            n_tasks=3,
            ability=1.0 + i,
            task_sd=0.0,
            split_sd=0.0,
            n=4000,
            seed=i,
            model=f"m{i}",
            **design,
        )
        for i in range(n)
    ]
    return pd.concat(frames, ignore_index=True)


def test_difficulties_of_simulated_levels_come_back() -> None:
    axis = difficulty_axis(models(5))
    assert (axis.kind, axis.n_models, axis.violations, axis.reason) == ("difficulty", 5, (), None)
    assert axis.positions == pytest.approx(BETA, abs=0.1)
    assert axis.is_strict and axis.covers([1, 4]) and not axis.covers([1, 5])
    assert axis.at([4, 1, 1]).tolist() == [axis.positions[3], 0.0, 0.0]


def test_levels_in_the_other_order_are_pooled_and_named() -> None:
    axis = difficulty_axis(models(5, beta=(0.0, 2.0, 1.0, 4.0)))
    assert axis.violations == ((2, 3),) and not axis.is_strict
    assert axis.positions[1] == pytest.approx(axis.positions[2]) and axis.positions[
        1
    ] == pytest.approx(1.5, abs=0.1)
    assert all(a <= b for a, b in zip(axis.positions, axis.positions[1:], strict=False))


def test_few_models_leave_the_level_numbers_with_the_reason() -> None:
    axis = difficulty_axis(models(FEWEST_MODELS - 1))
    assert (axis.kind, axis.positions, axis.n_models) == ("level number", (1.0, 2.0, 3.0, 4.0), 0)
    assert (
        axis.reason
        == "3 models with both splits at every level, not all right or wrong; an axis needs at"
        " least 4"
    )


@pytest.mark.parametrize("all_right", [True, False], ids=["all right", "all wrong"])
def test_a_model_without_a_mistake_or_a_hit_stays_out(all_right: bool) -> None:
    perfect = models(1).assign(model="sure")
    total = perfect["n_correct"] + perfect["n_wrong"]
    perfect = perfect.assign(n_correct=total if all_right else 0, n_wrong=0 if all_right else total)
    assert (
        difficulty_axis(pd.concat([models(4), perfect])).positions
        == difficulty_axis(models(4)).positions
    )


def test_a_level_that_nobody_has_right_has_no_difficulty() -> None:
    counts = models(5)
    top = counts["level"] == 4
    counts.loc[top, "n_wrong"] += counts.loc[top, "n_correct"]
    counts.loc[top, "n_correct"] = 0
    axis = difficulty_axis(counts)
    assert axis.kind == "level number" and "every answer of every model is wrong" in str(
        axis.reason
    )


def test_one_level_and_one_split_are_told() -> None:
    counts = models(5)
    assert "fewer than two levels" in str(difficulty_axis(counts[counts["level"] == 1]).reason)
    assert "fewer than two levels" in str(
        difficulty_axis(counts[counts["split"] == "id"], Denominator.AUTHORS).reason
    )


def test_a_task_without_its_other_split_does_not_count() -> None:
    counts = models(5)
    odd = counts[(counts["level"] == 1) & (counts["split"] == "id")].assign(
        task="alone", n_correct=0
    )
    assert difficulty_axis(pd.concat([counts, odd])).positions == difficulty_axis(counts).positions


def test_a_valley_reads_its_tests_along_the_axis_and_says_when_it_cannot() -> None:
    counts = models(5)
    axis = difficulty_axis(counts)
    with_axis, without = (locate_valley(counts, model="m1", axis=one) for one in (axis, None))
    assert with_axis.complexity is not None and with_axis.complexity.route == "line"
    # ability 2 against difficulties 1.5 and 4: half right at 2.5 logits of 4 - 1.5 between levels 2
    # and 3, so at 2.2.
    assert with_axis.half_point is not None and with_axis.half_point.x == pytest.approx(
        2.0, abs=0.1
    )
    assert with_axis.complexity.level == pytest.approx(2.2, abs=0.05)
    assert without.complexity is not None and without.complexity.route == "isotonic"
    short = LevelAxis(
        levels=(1, 2),
        positions=(0.0, 1.0),
        kind="difficulty",
        n_models=4,
        violations=(),
        deviance=0.0,
        df_resid=1,
        reason=None,
    )
    found = locate_valley(counts, model="m1", axis=short).axis
    assert (
        found is not None
        and found.reason == "the difficulty axis of the other models lacks level 3, level 4"
    )
    assert number_axis([3, 1, 3], "why").levels == (1, 3)
