"""Results whose truth is known: task counts drawn from the model of METHODS B1, for tests,
calibration and power.

logit p = ability - beta_l + u_t +- delta_l / 2 + v_{t, split}, then p = guess + (1 - guess - slip)
sigma(.). The task's own difficulty u_t is shared by both splits; v is what the splits do not share.
The unit is the task, so pooled counts of such results are overdispersed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from analysis.arrays import Floats, Ints

SCYLLA_TASKS = (3, 4, 3, 3, 4)
"""Anchor tasks of SCYLLA's five levels."""
FIGURE_5_DIFFICULTY = (0.0, 1.702, 4.176, 4.675, 5.401)
"""Difficulty of SCYLLA's levels in logits, from seven models (METHODS B2)."""
TASK_SD, SPLIT_SD, N_ANSWERS = 0.9, 0.2, 256
"""The design that METHODS B0 states its error rates for."""
_NODES = 40


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design:
    """What results are drawn from. The defaults are the design that METHODS B0 states its error
    rates for.

    n_tasks     per level, or one number for all of them.
    delta       log-odds gap ID minus OOD in logits, per level or one for all: one number is a
                constant penalty.
    task_sd, split_sd  standard deviations of u and v in logits; the log-odds gaps of tasks then
    differ by sqrt(2) split_sd.
    n           answers per task and split, or (ID, OOD).
    beta        difficulty of each level in logits; its length is the number of levels. ability  of
                the model, in logits.
    levels      their numbers; default 1, 2, ...
    guess, slip floor, and distance of the ceiling from 1.

    Raises:
        ValueError: lengths do not fit, or guess and slip leave no room.
    """

    n_tasks: int | Sequence[int] = SCYLLA_TASKS
    delta: ArrayLike = 0.5
    task_sd: float = TASK_SD
    split_sd: float = SPLIT_SD
    n: int | tuple[int, int] = N_ANSWERS
    beta: ArrayLike = FIGURE_5_DIFFICULTY
    ability: float = 3.0
    levels: Sequence[int] | None = None
    guess: float = 0.0
    slip: float = 0.0

    def __post_init__(self) -> None:
        lengths = {len(self.difficulty), len(self.numbers), len(self.tasks_per_level)}
        if len(lengths) > 1:
            raise ValueError(
                f"levels, numbers of tasks and difficulties do not fit: {sorted(lengths)} of them"
            )
        if self.guess < 0 or self.slip < 0 or self.guess + self.slip >= 1:
            raise ValueError(
                f"guess {self.guess} and slip {self.slip} leave no room between floor and ceiling"
            )

    @property
    def difficulty(self) -> Floats:
        """`beta` as an array."""
        return np.atleast_1d(np.asarray(self.beta, dtype=float))

    @property
    def numbers(self) -> Ints:
        """`levels` as an array."""
        return (
            np.arange(1, len(self.difficulty) + 1)
            if self.levels is None
            else np.asarray(self.levels, dtype=np.int64)
        )

    @property
    def tasks_per_level(self) -> Ints:
        """`n_tasks` of each level."""
        return (
            np.full(len(self.difficulty), self.n_tasks)
            if isinstance(self.n_tasks, int)
            else np.asarray(self.n_tasks, dtype=np.int64)
        )

    def accuracy(self, eta: Floats) -> Floats:
        """Probability of a right answer at a logit, between floor and ceiling."""
        return np.asarray(self.guess + (1 - self.guess - self.slip) * expit(eta))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedCells:
    """Counts of one model in many replicates: entries of `level` are the tasks, rows of k_* the
    replicates.

    k_id, k_ood  right answers, shape (replicates, tasks). n_id, n_ood  answers of each task and
    split.
    """

    level: Ints
    k_id: Floats
    n_id: int
    k_ood: Floats
    n_ood: int


def simulate_cells(design: Design, *, replicates: int = 1, seed: int = 0) -> SimulatedCells:
    """Draw the counts of one model many times over, with new tasks in each replicate."""
    place = np.repeat(np.arange(len(design.difficulty)), design.tasks_per_level)
    shift = np.broadcast_to(np.asarray(design.delta, dtype=float), design.difficulty.shape)[place]
    n_id, n_ood = (design.n, design.n) if isinstance(design.n, int) else design.n
    rng = np.random.default_rng(seed)
    shape = (replicates, len(place))
    centre = design.ability - design.difficulty[place] + rng.normal(0.0, design.task_sd, shape)
    k_id, k_ood = (
        rng.binomial(
            asked, design.accuracy(centre + side * shift + rng.normal(0.0, design.split_sd, shape))
        ).astype(float)
        for asked, side in ((n_id, 0.5), (n_ood, -0.5))
    )
    return SimulatedCells(
        level=design.numbers[place], k_id=k_id, n_id=n_id, k_ood=k_ood, n_ood=n_ood
    )


def simulate_tasks(*, seed: int = 0, model: str = "simulated", **design: Any) -> pd.DataFrame:
    """Draw one model's results once, as `data.queries.fetch_task_counts` would give them.

    Args:
        design: fields of `Design`: n_tasks, delta, task_sd, split_sd, n, beta, ability, levels,
            guess, slip.

    Returns:
        level counts (docs/architecture.md), one row per task and split; every wrong answer is
        parsed.
    """
    return counts_frame(simulate_cells(Design(**design), seed=seed), model=model)


def counts_frame(
    drawn: SimulatedCells, *, replicate: int = 0, model: str = "simulated"
) -> pd.DataFrame:
    """One replicate as level counts, with the columns of `data.queries.fetch_task_counts`."""
    within = itertools.chain.from_iterable(
        range(int(count)) for count in np.unique(drawn.level, return_counts=True)[1]
    )
    tasks = [
        f"level {level} task {place + 1}"
        for level, place in zip(np.sort(drawn.level), within, strict=True)
    ]
    order = np.argsort(drawn.level, kind="stable")
    sides = []
    for split, k, n in (("id", drawn.k_id, drawn.n_id), ("ood", drawn.k_ood, drawn.n_ood)):
        right = k[replicate][order].astype(np.int64)
        sides.append(
            pd.DataFrame(
                {
                    "task": tasks,
                    "level": drawn.level[order],
                    "split": split,
                    "n_correct": right,
                    "n_wrong": n - right,
                }
            )
        )
    frame = pd.concat(sides, ignore_index=True).assign(
        model=model,
        run_id=f"run of {model}",
        role="anchor",
        n_unparsed=0,
        n_error=0,
        source="samples",
        n_other_runs=0,
    )
    frame["task_label"] = frame["task"]
    frame["level_label"] = "level " + frame["level"].astype(str)
    frame = frame.astype({"level": "Int16"}).sort_values(
        ["level", "task", "split"], ignore_index=True
    )
    return frame[
        [
            *("model", "run_id", "task", "task_label", "level", "level_label", "role", "split"),
            *("n_correct", "n_wrong", "n_unparsed", "n_error", "source", "n_other_runs"),
        ]
    ]


def true_accuracies(design: Design) -> tuple[Floats, Floats]:
    """Accuracy on ID and on OOD at each level, over all tasks the design could draw: what the level
    means estimate.

    Gauss-Hermite over u + v. The largest difference is the true critical level: tasks that differ
    flatten the curve, so it is not always where a task of median difficulty has it.
    """
    shift = np.broadcast_to(np.asarray(design.delta, dtype=float), design.difficulty.shape)
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    spread = np.hypot(design.task_sd, design.split_sd) * nodes
    a_id, a_ood = (
        design.accuracy((design.ability - design.difficulty + side * shift)[:, None] + spread)
        @ (weights / weights.sum())
        for side in (0.5, -0.5)
    )
    return a_id, a_ood
