"""Two metrics of the same answers, drawn anew together: the same tasks, and within each task errors
that go together as the answers do.

A difference between two metrics of one set of answers is surer than the two of them: what an
unlucky set of instances does to one it does to the other. Drawing each by itself loses that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.emergence.scale_series import RESAMPLES, Parts, Series, draw_parts, part_names, shrunk


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairedDraws:
    """Two series on the points and parts that they share.

    x            (points,) in rising order, as in `Series.points`.
    first, second  (points,) the scores; *_draws (RESAMPLES, points).
    is_paired    by instance: correlations within the answers were known for at least one cell. Else
                 only the tasks are the same.
    """

    x: Floats
    first: Floats
    second: Floats
    first_draws: Floats
    second_draws: Floats
    is_paired: bool


def draw_together(
    first: Series, second: Series, correlations: pd.DataFrame | None = None, *, seed: int = 0
) -> PairedDraws | None:
    """Resample two series with the same tasks and the same instances.

    Args:
        first, second: series of the same runs under two metrics.
        correlations: data.queries.fetch_metric_correlations; None or without rows: answers of the
            two are drawn apart.

    Returns:
        None where the two share no point with the same parts, or a score has neither a number of
        answers nor a standard error.

    Tasks are drawn with replacement, once for both. Within a task the first metric's error is drawn
    as `draw_parts` does, and the second's is normal with its standard error and correlation r to
    it, r being that of the two metrics over the answers of that run and task: for means over many
    instances this is what drawing the instances themselves for both would give, without reading
    each of them.
    """
    if first.parts is None or second.parts is None or first.parts.names != second.parts.names:
        return None
    shared = [point for point in first.parts.points if point in set(second.parts.points)]
    if not shared:
        return None
    one, other = (_on(each, shared) for each in (first.parts, second.parts))
    if not all((each.counted | np.isfinite(each.se)).all() for each in (one, other)):
        return None
    r, known = _correlation(one, correlations)
    rng = np.random.default_rng(seed)
    n_tasks = len(one.names)
    error_one, error_other = _error(one, own_spread=False), _error(other, own_spread=True)
    drawn = np.empty((2, RESAMPLES, len(shared)))
    for place in range(RESAMPLES):
        tasks = rng.integers(0, n_tasks, size=(n_tasks,), dtype=np.int64)
        mine = draw_parts(one, tasks, rng)
        centre = np.where(one.counted, shrunk(one), one.value)[tasks]
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.nan_to_num((mine - centre) / error_one[tasks], posinf=0.0, neginf=0.0)
        apart = rng.standard_normal(z.shape)
        noise = r[tasks] * z + np.sqrt(1 - r[tasks] ** 2) * apart
        drawn[:, place] = (
            mine.mean(axis=0),
            (other.value[tasks] + error_other[tasks] * noise).mean(axis=0),
        )
    places = [first.parts.points.index(point) for point in shared]
    return PairedDraws(
        x=first.points["x"].to_numpy(dtype=float)[places],
        first=one.value.mean(axis=0),
        second=other.value.mean(axis=0),
        first_draws=drawn[0],
        second_draws=drawn[1],
        is_paired=known,
    )


def difference(
    drawn: PairedDraws, of: Callable[[Floats, Floats], Floats]
) -> tuple[float, float, float, float]:
    """A number of the first metric's curve minus that of the second: estimate, the ends of its 95 %
    interval, share of draws above 0.

    Args:
        of: (places, scores of shape (m, places)) -> (m,); models of one size are one place.

    NaN where it is undefined.
    """
    places = np.unique(drawn.x)
    weights = (drawn.x[:, None] == places).astype(float)
    weights = weights / weights.sum(axis=0)
    estimate = of(places, (drawn.first @ weights)[None]) - of(
        places, (drawn.second @ weights)[None]
    )
    spread = of(places, drawn.first_draws @ weights) - of(places, drawn.second_draws @ weights)
    known = spread[np.isfinite(spread)]
    if not len(known):
        return float(estimate[0]), np.nan, np.nan, np.nan
    lo, hi = np.quantile(known, [0.025, 0.975])
    return float(estimate[0]), float(lo), float(hi), float((known > 0).mean())


def _on(parts: Parts, shared: list[str]) -> Parts:
    places = [parts.points.index(point) for point in shared]
    value, n, se = (matrix[:, places] for matrix in (parts.value, parts.n, parts.se))
    return Parts(
        names=parts.names,
        points=tuple(shared),
        runs=parts.runs[:, places],
        value=value,
        n=n,
        se=se,
        counted=parts.counted[:, places],
    )


def _error(parts: Parts, *, own_spread: bool) -> Floats:
    """Standard error of each cell. own_spread: its own where it is stated and above 0, for a mean
    of fractions varies less than a coin.
    """
    share = shrunk(parts)
    coin = np.sqrt(share * (1 - share) / np.maximum(np.nan_to_num(parts.n), 1))
    stated = np.nan_to_num(parts.se)
    prefers_stated = ~parts.counted | (own_spread & (stated > 0))
    return np.where(prefers_stated, stated, coin)


def _correlation(parts: Parts, correlations: pd.DataFrame | None) -> tuple[Floats, bool]:
    """r of each cell, 0 where it is not known or not defined; and whether any is known."""
    r = np.zeros(parts.value.shape)
    if correlations is None or correlations.empty:
        return r, False
    known = dict(
        zip(
            zip(part_names(correlations), correlations["run_id"], strict=True),
            correlations["correlation"],
            strict=True,
        )
    )
    for row, name in enumerate(parts.names):
        r[row] = [known.get((name, run), np.nan) for run in parts.runs[row]]
    return np.clip(np.nan_to_num(r), -1, 1), bool(np.isfinite(r).any())
