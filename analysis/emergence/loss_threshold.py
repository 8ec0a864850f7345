"""Below which loss does an ability appear? The threshold size of a known loss law, and a hinge of
score against loss (METHODS C6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from data.records import NotEnoughDataError

MIN_POINTS = 4
N_GRID = 200


def threshold_size(n0: float, alpha: float, l_inf: float, eta: float) -> float:
    """Size at which the loss L(N) = L_inf + (N0/N)^alpha reaches eta: N0 (eta - L_inf)^(-1/alpha).
    NaN where it never does.

    Args:
        n0: above 0, in the unit of the answer (parameters). alpha: above 0. l_inf, eta: nats; eta
            <= l_inf is never reached.

    Source: the inverse of the law in arXiv 2403.15796 sec 4.

    >>> f"{threshold_size(1e9, 0.1, 1.7, 2.2):.4g}"
    '1.024e+12'
    """
    if (
        not all(map(math.isfinite, (n0, alpha, l_inf, eta)))
        or n0 <= 0
        or alpha <= 0
        or eta <= l_inf
    ):
        return math.nan
    try:
        return float(n0 * (eta - l_inf) ** (-1 / alpha))
    except OverflowError:
        return math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class LossThreshold:
    """A hinge y = base + A max(0, eta - L): flat above the threshold loss eta, straight below it.

    eta              loss below which the score rises, in the unit of the losses; *_lo, *_hi:
                     interval of the resamples.
    slope            A, score per unit of loss, >= 0.
    base             score above the threshold: chance where it is given, else fitted.
    rss, rss_flat, rss_line  squared error of the hinge, of a constant and of one straight line;
    shares of the metric's unit squared. n_above, n_below points on either side of eta.
    at_edge          eta lies at the edge of the losses seen: the flat part or the rise was hardly
                     observed.
    reason           what limits the reading; None when nothing does.
    """

    eta: float
    eta_lo: float
    eta_hi: float
    slope: float
    base: float
    rss: float
    rss_flat: float
    rss_line: float
    n_above: int
    n_below: int
    at_edge: bool
    reason: str | None

    def at(self, loss: ArrayLike) -> Floats:
        """Score that the hinge predicts at losses."""
        return np.asarray(
            self.base + self.slope * np.maximum(0.0, self.eta - np.asarray(loss, dtype=float))
        )


def fit_loss_threshold(
    loss: ArrayLike,
    score: ArrayLike,
    *,
    base: float | None = 0.0,
    resamples: int = 400,
    seed: int = 0,
    confidence: float = 0.95,
) -> LossThreshold:
    """Fit the hinge by least squares over a grid of eta, then exactly between its neighbours.

    Args:
        loss: (n,), pre-training or answer loss, same corpus and tokeniser throughout: eta must not
            be compared across model families.
        score: (n,), higher is better.
        base: score of guessing, fixed above the threshold; None fits it.
        resamples: bootstrap resamples of points for the interval; below 1 gives none.

    Raises:
        NotEnoughDataError: fewer than four points, or fewer than three different losses.

    Edge cases: a score that does not rise as loss falls gives slope 0 and eta NaN with a reason.

    Source: arXiv 2403.15796 sec 2-4; the paper fits by eye, the hinge is ours (METHODS C6).
    """
    x, y = np.asarray(loss, dtype=float), np.asarray(score, dtype=float)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < MIN_POINTS or len(np.unique(x)) < 3:
        raise NotEnoughDataError(
            f"A loss threshold needs {MIN_POINTS} points and three different losses; there are"
            f" {len(x)} and {len(np.unique(x))}."
        )
    grid = _grid(x)
    eta, _, floor, rss = _best(x, y, np.ones((1, len(x))), grid, base)
    lo, hi, found = math.nan, math.nan, 1.0
    if resamples > 0:
        draws = (
            np.random.default_rng(seed)
            .multinomial(len(x), np.full(len(x), 1 / len(x)), size=resamples)
            .astype(float)
        )
        etas = _best(x, y, draws, grid, base)[0]
        found = float(np.isfinite(etas).mean())
        if found > 0.5:
            lo, hi = (
                float(end)
                for end in np.nanquantile(etas, [(1 - confidence) / 2, (1 + confidence) / 2])
            )
    eta_0 = _polish(x, y, float(eta[0]), grid, base)
    slope_0, base_0, rss_0 = (
        _at(x, y, eta_0, base) if math.isfinite(eta_0) else (0.0, float(floor[0]), float(rss[0]))
    )
    at_edge = not np.sort(x)[1] < eta_0 < np.sort(x)[-2]
    return LossThreshold(
        eta=eta_0,
        eta_lo=lo,
        eta_hi=hi,
        slope=slope_0,
        base=base_0,
        rss=rss_0,
        rss_flat=float(((y - (y.mean() if base is None else base)) ** 2).sum()),
        rss_line=float(((y - np.polynomial.Polynomial.fit(x, y, 1)(x)) ** 2).sum()),
        n_above=int((x >= eta_0).sum()),
        n_below=int((x < eta_0).sum()),
        at_edge=at_edge,
        reason=_limits(eta_0, at_edge, found),
    )


def _grid(x: Floats) -> Floats:
    """Thresholds to try: evenly from the smallest loss to a little above the largest, and each loss
    itself.
    """
    span = x.max() - x.min()
    return np.unique(
        np.concatenate(
            [np.linspace(x.min(), x.max() + 0.25 * span, N_GRID + 1)[1:], np.unique(x)[1:]]
        )
    )


def _best(
    x: Floats, y: Floats, weights: Floats, grid: Floats, base: float | None
) -> tuple[Floats, Floats, Floats, Floats]:
    """Weighted least squares at every threshold, a weighting a row; eta (NaN if flat), slope, base
    and squared error of the best.
    """
    h = np.maximum(0.0, grid[:, None] - x)
    total = weights.sum(axis=1)
    sums = {"h": weights @ h.T, "hh": weights @ (h**2).T, "hy": weights @ (h * y).T}
    sum_y, sum_yy = (weights @ y)[:, None], (weights @ y**2)[:, None]
    if base is None:
        s_hh = sums["hh"] - sums["h"] ** 2 / total[:, None]
        s_hy = sums["hy"] - sums["h"] * sum_y / total[:, None]
        s_yy = sum_yy - sum_y**2 / total[:, None]
    else:
        s_hh, s_hy = sums["hh"], sums["hy"] - base * sums["h"]
        s_yy = sum_yy - 2 * base * sum_y + base**2 * total[:, None]
    tiny = 1e-12 * max(1.0, float((h**2).sum()))
    slope = np.where(s_hh > tiny, np.maximum(0.0, s_hy / np.where(s_hh > tiny, s_hh, 1.0)), 0.0)
    rss = s_yy - 2 * slope * s_hy + slope**2 * s_hh
    place = rss.argmin(axis=1)
    rows = np.arange(len(weights))
    best = slope[rows, place]
    floor = (
        (sum_y[:, 0] - best * sums["h"][rows, place]) / total
        if base is None
        else np.full(len(weights), base)
    )
    return np.where(best > 0, grid[place], np.nan), best, floor, rss[rows, place]


def _at(x: Floats, y: Floats, eta: float, base: float | None) -> tuple[float, float, float]:
    _, slope, floor, _ = _best(x, y, np.ones((1, len(x))), np.array([eta]), base)
    error = y - floor[0] - slope[0] * np.maximum(0.0, eta - x)
    return float(slope[0]), float(floor[0]), float(error @ error)


def _polish(x: Floats, y: Floats, eta: float, grid: Floats, base: float | None) -> float:
    """Best threshold between the grid's neighbours, by golden section: the squared error is smooth
    and single-bottomed there.
    """
    if not math.isfinite(eta):
        return eta
    place = int(np.searchsorted(grid, eta))
    low, high = float(grid[max(0, place - 1)]), float(grid[min(len(grid) - 1, place + 1)])
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _at(x, y, left, base)[2] <= _at(x, y, right, base)[2]:
            high = right
        else:
            low = left
    best = (low + high) / 2
    return best if _at(x, y, best, base)[2] <= _at(x, y, eta, base)[2] else eta


def _limits(eta: float, at_edge: bool, found: float) -> str | None:
    if not math.isfinite(eta):
        return "the score does not rise as the loss falls"
    if found <= 0.5:
        return "most resamples show no rise, so there is no interval"
    return "the threshold lies at the edge of the losses seen" if at_edge else None
