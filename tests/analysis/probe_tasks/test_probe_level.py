"""Complexity used on probe tasks: every crossing, censoring, holes, and how sure it is."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from analysis.probe_tasks.probe_level import ABOVE, BELOW, find_crossings, probe_level
from analysis.probe_tasks.probe_tasks import probe_readings
from tests.analysis.conftest import CountsOf


def test_one_crossing_is_on_the_line_between_two_levels() -> None:
    # From 0.96 at level 2 to 0.25 at level 3: (0.96 - 0.60) / 0.71 of the way.
    assert find_crossings(
        [1, 2, 3, 4, 5], [0.98, 0.96, 0.25, 0.21, 0.1], 0.6
    ).levels == pytest.approx((2 + 0.36 / 0.71,))


def test_all_of_several_crossings_are_given_and_one_at_a_level_once() -> None:
    found = find_crossings([1, 2, 3, 4, 5], [0.66, 0.34, 0.05, 0.01, 0.03], 0.02)
    assert found.levels == pytest.approx((3.75, 4.5))
    assert find_crossings([1, 2, 3], [0.9, 0.4, 0.1], 0.4).levels == (2.0,)
    assert find_crossings([1, 2, 3], [0.9, 0.4, 0.4], 0.4).levels == (2.0, 3.0)


@pytest.mark.parametrize(("probe", "side"), [(0.95, BELOW), (0.05, ABOVE)])
def test_outside_the_map_it_is_censored(probe: float, side: str) -> None:
    found = find_crossings([1, 2, 3], [0.9, 0.5, 0.1], probe)
    assert found.levels == () and found.censored == side and found.reason is not None


def test_a_hole_in_the_map_is_not_bridged() -> None:
    found = find_crossings([1, 2, 3], [0.9, math.nan, 0.1], 0.5)
    assert (found.levels, found.censored) == ((), None) and "hole" in str(found.reason)
    assert "no level" in str(find_crossings([1, 2], [math.nan, math.nan], 0.5).reason)
    assert "probe task" in str(find_crossings([1, 2], [0.9, 0.1], math.nan).reason)


def test_levels_may_come_in_any_order_but_once() -> None:
    assert find_crossings([3, 1, 2], [0.1, 0.9, 0.5], 0.3).levels == pytest.approx((2.5,))
    with pytest.raises(ValueError, match="repeat"):
        find_crossings([1, 1], [0.9, 0.5], 0.6)


LEVELS = [[(950, 1000)], [(600, 1000)], [(200, 1000)]]


def test_the_interval_narrows_with_the_number_of_answers() -> None:
    wide, narrow = (
        probe_level(
            [[(right * n, total * n) for right, total in level] for level in LEVELS],
            (400 * n, 1000 * n),
        )
        for n in (0.05, 1)
    )
    assert narrow.crossings.levels == pytest.approx((2.5,))
    assert wide.lo < narrow.lo < 2.5 < narrow.hi < wide.hi
    # Delta method: sd of the accuracy over the slope of 0.4 a level, probe and both levels drawn.
    sd = math.sqrt(0.4 * 0.6 / 1000 + 0.25 * (0.6 * 0.4 + 0.2 * 0.8) / 1000) / 0.4
    assert narrow.hi - narrow.lo == pytest.approx(2 * 1.96 * sd, rel=0.1)


def test_draws_say_how_often_it_is_censored_or_several() -> None:
    below = probe_level(LEVELS, (1000, 1000))
    assert below.p_below > 0.99 and below.lo == -math.inf and below.crossings.censored == BELOW
    above = probe_level(LEVELS, (100, 1000))
    assert above.p_above > 0.99 and above.hi == math.inf
    bumpy = probe_level([[(900, 1000)], [(300, 1000)], [(500, 1000)]], (400, 1000))
    assert bumpy.p_several > 0.95 and len(bumpy.crossings.levels) == 2


def test_nothing_to_draw_is_said() -> None:
    assert probe_level(LEVELS, (0, 0)).n_draws == 0
    empty = probe_level([[], []], (1, 2))
    assert empty.n_draws == 0 and empty.reason is not None and math.isnan(empty.lo)
    hole = probe_level([[(95, 100)], [], [(20, 100)]], (50, 100))
    assert hole.p_none > 0.99 and math.isnan(hole.lo)
    with pytest.raises(ValueError, match="between 0"):
        probe_level(LEVELS, (3, 2))


def test_the_interval_covers_the_true_level() -> None:
    """300 runs with a true crossing at 2.5: a 95 % interval covers in 91-99 %."""
    random = np.random.default_rng(4)
    covered = 0
    for seed in range(300):
        levels = [[(int(random.binomial(200, share)), 200)] for share in (0.9, 0.6, 0.2)]
        found = probe_level(levels, (int(random.binomial(200, 0.4)), 200), draws=400, seed=seed)
        covered += found.lo <= 2.5 <= found.hi
    assert 0.91 <= covered / 300 <= 0.99


def test_every_model_and_probe_task_is_read_off_that_models_own_levels(counts_of: CountsOf) -> None:
    anchors = counts_of({1: [(95, 90)], 2: [(80, 50)], 3: [(20, 10)]}, model="a")
    probe = counts_of({1: [(60, 30)]}, model="a").assign(
        role="probe", task="lis", level=pd.array([pd.NA] * 2, dtype="Int16")
    )
    (found,) = probe_readings(pd.concat([anchors, probe], ignore_index=True))
    assert (found.model, found.task, found.n) == ("a", "lis", 100)
    assert found.accuracy == pytest.approx(0.3)
    assert found.level.crossings.levels == pytest.approx((2.5,))  # from 0.5 to 0.1
    assert list(found.anchors["a_ood"]) == pytest.approx([0.9, 0.5, 0.1])
    json.dumps(found.as_record(), allow_nan=False)
    assert probe_readings(anchors) == ()
    (alone,) = probe_readings(probe)
    assert alone.level.n_draws == 0 and alone.level.crossings.levels == ()
