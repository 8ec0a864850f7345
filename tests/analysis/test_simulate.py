"""Simulated results have the shape of stored ones and the truth they were drawn from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from analysis.simulate import Design, counts_frame, simulate_cells, simulate_tasks, true_accuracies


def test_a_frame_has_the_columns_of_the_query_and_a_row_per_task_and_split() -> None:
    frame = simulate_tasks(
        n_tasks=(2, 3), beta=(0.0, 1.0), levels=(3, 7), n=(64, 32), seed=4, model="m"
    )
    assert list(frame.columns) == [
        *("model", "run_id", "task", "task_label", "level", "level_label", "role", "split"),
        *("n_correct", "n_wrong", "n_unparsed", "n_error", "source", "n_other_runs"),
    ]
    assert (
        len(frame) == 2 * 5
        and set(frame["level"]) == {3, 7}
        and frame["model"].unique().tolist() == ["m"]
    )
    asked = (frame["n_correct"] + frame["n_wrong"]).groupby(frame["split"]).unique()
    assert asked["id"].tolist() == [64] and asked["ood"].tolist() == [32]
    assert frame.equals(
        simulate_tasks(
            n_tasks=(2, 3), beta=(0.0, 1.0), levels=(3, 7), n=(64, 32), seed=4, model="m"
        )
    )


def test_without_spread_the_counts_are_binomial_around_the_stated_logits() -> None:
    drawn = simulate_cells(
        Design(
            n_tasks=1, delta=[0.6, -0.2], beta=(0.0, 2.0), ability=1.0, task_sd=0, split_sd=0, n=400
        ),
        replicates=4000,
    )
    for split, k, side in (("id", drawn.k_id, 0.5), ("ood", drawn.k_ood, -0.5)):
        p = expit(np.array([1.0, -1.0]) + side * np.array([0.6, -0.2]))
        se = np.sqrt(p * (1 - p) / 400 / 4000)
        assert (np.abs(k.mean(axis=0) / 400 - p) < 4 * se).all(), split
        assert k.var(axis=0) == pytest.approx(400 * p * (1 - p), rel=0.1)


def test_the_true_accuracies_are_those_of_very_many_tasks() -> None:
    design = Design(n_tasks=1, n=200, delta=0.8, beta=(0.0, 2.0), ability=1.0, guess=0.1, slip=0.05)
    drawn = simulate_cells(design, replicates=40_000)
    for k, truth in zip((drawn.k_id, drawn.k_ood), true_accuracies(design), strict=True):
        assert k.mean(axis=0) / 200 == pytest.approx(truth, abs=0.005)


def test_floor_and_ceiling_hold() -> None:
    a_id, a_ood = true_accuracies(
        Design(n_tasks=1, beta=(-50.0, 50.0), ability=0.0, guess=0.2, slip=0.1, delta=0.0)
    )
    assert a_id == pytest.approx([0.9, 0.2]) and a_ood == pytest.approx([0.9, 0.2])


def test_unordered_levels_keep_their_own_counts() -> None:
    drawn = simulate_cells(
        Design(
            n_tasks=1,
            beta=(4.0, -4.0),
            levels=(2, 1),
            ability=0.0,
            n=1000,
            delta=0.0,
            task_sd=0,
            split_sd=0,
        )
    )
    frame = counts_frame(drawn)
    assert (
        frame.groupby("level")["n_correct"].mean()[1] > 900
        and frame.groupby("level")["n_correct"].mean()[2] < 100
    )


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Design(n_tasks=(1, 2), beta=(0.0, 1.0, 2.0))
    with pytest.raises(ValueError, match="no room"):
        Design(guess=0.6, slip=0.5)
