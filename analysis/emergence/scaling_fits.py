"""Which shape does a score take over scale? Five forms by least squares, with AICc weights,
residuals and the error on the largest scale.

The inner parameters of a form (where it bends, how steep) are searched on a grid with the outer
ones solved exactly at every cell (variable projection), then polished: no start values, no local
optimum, and resamples cost one matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from analysis.arrays import Floats
from analysis.text import counted

Basis = Callable[[Floats, Floats, Floats], Floats]
"""Inner parameters (cells, q), x (n,), range of x (2,) -> columns (cells, n, p) whose best
combination is the fit.
"""

MAX_RESAMPLED_POINTS = 200
"""With more points, forms are not compared on resamples: that would take seconds, and the weights
are clear already.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingFit:
    """One form fitted to scores over x = log10 of the scale (or x = the loss).

    n_parameters     free parameters of the curve; AICc counts one more, the error's variance.
    rss              squared error, unit of the score squared.
    aicc, weight     AICc and its Akaike weight among the forms that have one (0-1); NaN with a
                     reason when undefined.
    share_best       share of resamples whose AICc is smallest for this form; NaN without resamples.
    fitted, residual (n,), in the order of the points given.
    held_out_error   score at the largest scale (mean over its points) minus the forecast of a fit
                     without it; NaN with held_out_reason.
    parameters       by name, as defined in FORMS.
    """

    form: str
    n_parameters: int
    rss: float
    aicc: float
    weight: float
    share_best: float
    fitted: Floats
    residual: Floats
    held_out_error: float
    held_out_reason: str | None
    parameters: Mapping[str, float]
    reason: str | None
    _kind: str
    _inner: Floats
    _outer: Floats
    _x_range: Floats
    _floor: float

    def at(self, x: ArrayLike) -> Floats:
        """Fitted score at other x."""
        columns = _FORMS[self._kind].basis(
            self._inner[None], np.atleast_1d(np.asarray(x, dtype=float)), self._x_range
        )[0]
        return np.asarray(self._floor_of() + columns @ self._outer)

    def _floor_of(self) -> float:
        return self._floor if _FORMS[self._kind].from_floor else 0.0


@dataclass(frozen=True, slots=True)
class _Form:
    basis: Basis
    grid: Callable[[Floats], Floats]
    """x -> inner parameters to try, (cells, q)."""
    bounds: Callable[[Floats], tuple[list[float], list[float]]]
    inner: tuple[str, ...]
    outer: tuple[str, ...]
    from_floor: bool = False
    """The columns describe the score above the floor (chance)."""


def _linear(inner: Floats, x: Floats, ends: Floats) -> Floats:
    return np.stack([np.ones_like(x), x - ends.mean()], axis=-1)[None].repeat(len(inner), axis=0)


def _power(inner: Floats, x: Floats, ends: Floats) -> Floats:
    return np.asarray(np.exp(np.clip(inner[:, :1] * (x - ends.mean()), -300, 300))[:, :, None])


def _sigma(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -300, 300))))


def _rising(inner: Floats, x: Floats, ends: Floats) -> Floats:
    return np.asarray(_sigma((x - inner[:, :1]) / inner[:, 1:2])[:, :, None])


def _rising_between(inner: Floats, x: Floats, ends: Floats) -> Floats:
    rise = _rising(inner, x, ends)
    return np.concatenate([np.ones_like(rise), rise], axis=-1)


def _hinge(inner: Floats, x: Floats, ends: Floats) -> Floats:
    bent = np.maximum(0.0, x - inner[:, :1])[:, :, None]
    return np.concatenate([np.ones_like(bent), bent], axis=-1)


def _broken(inner: Floats, x: Floats, ends: Floats) -> Floats:
    away = x - inner[:, 2:3]
    exponent = inner[:, :1] * np.minimum(0.0, away) + inner[:, 1:2] * np.maximum(0.0, away)
    return np.asarray(np.exp(np.clip(exponent, -300, 300))[:, :, None])


def _ends(x: Floats) -> tuple[float, float, float]:
    return float(x.min()), float(x.max()), float(np.ptp(x))


def _inside(x: Floats, n: int) -> Floats:
    """Places to bend at, from the second smallest to the second largest different x: beyond them a
    bend is seen by one scale only.
    """
    different = np.unique(x)
    low, high = (
        (different[1], different[-2]) if len(different) > 3 else (different[0], different[-1])
    )
    return np.linspace(low, high, n)


def _steep(span: float, n: int) -> Floats:
    return np.linspace(-30, 30, n) / max(span, 1e-12)


_FORMS: Mapping[str, _Form] = {
    "linear": _Form(
        _linear, lambda x: np.zeros((1, 0)), lambda x: ([], []), (), ("middle", "slope")
    ),
    "power": _Form(
        _power,
        lambda x: _steep(_ends(x)[2], 162)[:, None],
        lambda x: ([-60 / _ends(x)[2]], [60 / _ends(x)[2]]),
        ("exponent",),
        ("middle",),
        True,
    ),
    "logistic": _Form(
        _rising,
        lambda x: np.array(
            list(
                product(
                    np.linspace(
                        _ends(x)[0] - 0.5 * _ends(x)[2], _ends(x)[1] + 0.5 * _ends(x)[2], 41
                    ),
                    _widths(x),
                )
            )
        ),
        lambda x: (
            [_ends(x)[0] - 2 * _ends(x)[2], -2 * _ends(x)[2]],
            [_ends(x)[1] + 2 * _ends(x)[2], 2 * _ends(x)[2]],
        ),
        ("centre", "width"),
        ("height",),
        True,
    ),
    "logistic between": _Form(
        _rising_between,
        lambda x: np.array(
            list(product(np.linspace(*_ends(x)[:2], 31), _widths(x)[len(_widths(x)) // 2 :]))
        ),
        lambda x: (
            [_ends(x)[0] - _ends(x)[2], 1e-3 * _ends(x)[2]],
            [_ends(x)[1] + _ends(x)[2], _ends(x)[2]],
        ),
        ("centre", "width"),
        ("floor", "height"),
    ),
    "hinge": _Form(
        _hinge,
        lambda x: _inside(x, 101)[:, None],
        lambda x: ([_inside(x, 2)[0]], [_inside(x, 2)[1]]),
        ("onset",),
        ("floor", "slope"),
    ),
    "broken power": _Form(
        _broken,
        lambda x: np.array(
            list(
                product(
                    _steep(_ends(x)[2], _cells(x)),
                    _steep(_ends(x)[2], _cells(x)),
                    _inside(x, _cells(x)),
                )
            )
        ),
        lambda x: (
            [-60 / _ends(x)[2], -60 / _ends(x)[2], _inside(x, 2)[0]],
            [60 / _ends(x)[2], 60 / _ends(x)[2], _inside(x, 2)[1]],
        ),
        ("exponent below", "exponent above", "break"),
        ("at the break",),
        True,
    ),
}


def _cells(x: Floats) -> int:
    """Cells a side of the largest grid: polishing finds the rest, and long training curves have
    hundreds of points.
    """
    return 15 if len(x) <= MAX_RESAMPLED_POINTS else 9


def _widths(x: Floats) -> Floats:
    widths = _ends(x)[2] * np.array([0.4, 0.25, 0.16, 0.1, 0.06, 0.04, 0.025, 0.015])
    return np.concatenate([-widths, widths[::-1]])


FORMS = {
    "linear": "a straight line over x",
    "power": "floor + middle · exp(exponent · (x − middle of the range)): a power of the scale",
    "logistic": (
        "floor + height / (1 + exp(−(x − centre) / width)); for scores without a floor that is"
        " fitted too"
    ),
    "hinge": "floor, then a straight line from the onset on",
    "broken power": "a power of the scale with another exponent above the break",
}


def fit_forms(
    x: ArrayLike,
    score: ArrayLike,
    *,
    floor: float | None = 0.0,
    resamples: ArrayLike | None = None,
    hold_out: bool = True,
) -> tuple[ScalingFit, ...]:
    """Fit the five forms to scores over x by least squares.

    Args:
        x: (n,), log10 of the scale (or the loss itself), any order; ties are allowed.
        score: (n,), no NaN.
        floor: score of guessing, from which power, logistic and broken power start; None for scores
            without a floor (log-probabilities):
            power and broken power then run to 0 and the logistic form fits its floor.
        resamples: (n_resamples, n), resampled scores, for `share_best`.
        hold_out: also forecast the largest scale from the others.

    Returns:
        One fit per form, in the order of FORMS. AICc = n ln(rss/n) + 2k + 2k(k+1)/(n-k-1) with k =
        parameters + 1, undefined below k + 2 points (weights are then among the other forms).
        Points are taken as independent with equal noise.

    Edge cases: fewer than three different x or a constant score: every form comes back without
    weight and with the reason.

    Source: forms as issue 4 and METHODS C name them; AICc and weights as in Burnham and Anderson
    2002.
    """
    places, y = np.asarray(x, dtype=float), np.asarray(score, dtype=float)
    reason = _why_not(places, y)
    if reason is not None:
        return tuple(_without(form, y, reason) for form in FORMS)
    fitted = {form: _fit(_kind(form, floor), places, y, floor) for form in FORMS}
    aicc = np.array(
        [
            _aicc(fit[2], len(y), _n_parameters(_kind(form, floor)), y)
            for form, fit in fitted.items()
        ]
    )
    weights = _weights(aicc)
    shares = _shares(places, y, floor, resamples, aicc)
    fits = []
    for place, (form, (inner, outer, rss)) in enumerate(fitted.items()):
        kind = _kind(form, floor)
        error, why = _hold_out(kind, places, y, floor) if hold_out else (math.nan, "not asked for")
        fits.append(
            ScalingFit(
                form=form,
                n_parameters=_n_parameters(kind),
                rss=rss,
                aicc=float(aicc[place]),
                weight=float(weights[place]),
                share_best=float(shares[place]),
                fitted=_predict(kind, inner, outer, places, places, floor),
                residual=y - _predict(kind, inner, outer, places, places, floor),
                held_out_error=error,
                held_out_reason=why,
                parameters=dict(
                    zip(
                        (*_FORMS[kind].inner, *_FORMS[kind].outer),
                        map(float, (*inner, *outer)),
                        strict=True,
                    )
                ),
                reason=(
                    None
                    if math.isfinite(aicc[place])
                    else f"{len(y)} points; its AICc needs {_n_parameters(kind) + 3}"
                ),
                _kind=kind,
                _inner=inner,
                _outer=outer,
                _x_range=_range(places),
                _floor=floor or 0.0,
            )
        )
    return tuple(fits)


def _kind(form: str, floor: float | None) -> str:
    return "logistic between" if form == "logistic" and floor is None else form


def _n_parameters(kind: str) -> int:
    return len(_FORMS[kind].inner) + len(_FORMS[kind].outer)


def _range(x: Floats) -> Floats:
    return np.array([x.min(), x.max()])


def _why_not(x: Floats, y: Floats) -> str | None:
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return "a scale or a score is undefined"
    if len(np.unique(x)) < 3:
        return f"{counted(len(np.unique(x)), 'different scale')}; a shape needs three"
    if np.ptp(y) <= 1e-12 * max(1.0, float(np.abs(y).max())):
        return "the score is the same at every scale, so every form fits it alike"
    return None


def _without(form: str, y: Floats, reason: str) -> ScalingFit:
    nan, none = math.nan, np.full(len(y), np.nan)
    return ScalingFit(
        form=form,
        n_parameters=_n_parameters(form),
        rss=nan,
        aicc=nan,
        weight=nan,
        share_best=nan,
        fitted=none,
        residual=none,
        held_out_error=nan,
        held_out_reason=reason,
        parameters={},
        reason=reason,
        _kind=form,
        _inner=np.full(len(_FORMS[form].inner), nan),
        _outer=np.full(len(_FORMS[form].outer), nan),
        _x_range=np.zeros(2),
        _floor=0.0,
    )


def _projections(kind: str, x: Floats) -> tuple[Floats, Floats]:
    """Cells whose columns are independent, and orthonormal columns that span each: (cells, q),
    (cells, n, p).
    """
    cells = _FORMS[kind].grid(x)
    columns = _FORMS[kind].basis(cells, x, _range(x))
    columns = columns / np.maximum(np.linalg.norm(columns, axis=1, keepdims=True), 1e-300)
    q, r = np.linalg.qr(columns)
    sound = np.abs(np.diagonal(r, axis1=1, axis2=2)).min(axis=1) > 1e-7
    return cells[sound], q[sound]


def _above_floor(kind: str, y: Floats, floor: float | None) -> Floats:
    return y - floor if _FORMS[kind].from_floor and floor is not None else y


def _fit(kind: str, x: Floats, y: Floats, floor: float | None) -> tuple[Floats, Floats, float]:
    """Inner parameters, outer parameters, squared error: the best cell of the grid, polished."""
    form, target = _FORMS[kind], _above_floor(kind, y, floor)
    cells, q = _projections(kind, x)
    explained = (np.einsum("cnp,n->cp", q, target) ** 2).sum(axis=1)
    best = cells[explained.argmax()]

    def solve(inner: Floats) -> tuple[Floats, Floats]:
        columns = form.basis(inner[None], x, _range(x))[0]
        size = np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
        outer = np.linalg.lstsq(columns / size, target, rcond=None)[0] / size
        return outer, target - columns @ outer

    rss = float(solve(best)[1] @ solve(best)[1])
    if form.inner and rss > 0:
        low, high = (np.array(ends) for ends in form.bounds(x))
        start = np.clip(best, low + 1e-9 * (high - low), high - 1e-9 * (high - low))
        found = least_squares(
            lambda inner: solve(inner)[1],
            start,
            bounds=(low, high),
            x_scale=high - low,
            max_nfev=60,
        )
        if 2 * found.cost < rss:
            best, rss = found.x, float(2 * found.cost)
    return best, solve(best)[0], rss


def _predict(
    kind: str, inner: Floats, outer: Floats, at: Floats, x: Floats, floor: float | None
) -> Floats:
    columns = _FORMS[kind].basis(inner[None], at, _range(x))[0]
    return np.asarray((floor or 0.0) * _FORMS[kind].from_floor + columns @ outer)


def _aicc(rss: float | Floats, n: int, n_parameters: int, y: Floats) -> Floats:
    k = n_parameters + 1
    if n - k - 1 <= 0:
        return np.full(np.shape(rss), np.nan)
    # A perfect fit would have unbounded weight; no score is known to more than nine digits.
    least = n * (1e-9 * float(np.abs(y).max())) ** 2
    return np.asarray(
        n * np.log(np.maximum(rss, least) / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
    )


def _weights(aicc: Floats) -> Floats:
    if not np.isfinite(aicc).any():
        return np.full(len(aicc), np.nan)
    relative = np.where(np.isfinite(aicc), np.exp(-(aicc - np.nanmin(aicc)) / 2), np.nan)
    return np.asarray(relative / np.nansum(relative))


def _shares(
    x: Floats, y: Floats, floor: float | None, resamples: ArrayLike | None, aicc: Floats
) -> Floats:
    """Share of resamples in which each form's AICc is smallest, from the grid alone."""
    unknown = np.full(len(FORMS), np.nan)
    if resamples is None or len(y) > MAX_RESAMPLED_POINTS or not np.isfinite(aicc).any():
        return unknown
    drawn = np.asarray(resamples, dtype=float)
    table = []
    for form in FORMS:
        kind = _kind(form, floor)
        target = _above_floor(kind, drawn, floor)
        _, q = _projections(kind, x)
        flat = q.transpose(0, 2, 1).reshape(-1, len(x)) @ target.T
        explained = (flat.reshape(len(q), q.shape[2], -1) ** 2).sum(axis=1).max(axis=0)
        table.append(_aicc((target**2).sum(axis=1) - explained, len(y), _n_parameters(kind), y))
    ranked = np.where(np.isfinite(aicc)[:, None], np.array(table), np.inf)
    shares = np.bincount(ranked.argmin(axis=0), minlength=len(FORMS)) / len(drawn)
    return np.where(np.isfinite(aicc), shares, np.nan)


def _hold_out(kind: str, x: Floats, y: Floats, floor: float | None) -> tuple[float, str | None]:
    largest = x == x.max()
    rest_x, rest_y = x[~largest], y[~largest]
    needed = _n_parameters(kind) + 2
    if len(rest_x) < needed or len(np.unique(rest_x)) < max(3, _n_parameters(kind)):
        return (
            math.nan,
            (
                f"{len(rest_x)} points at {len(np.unique(rest_x))} scales are left; the forecast"
                f" needs {needed} points"
            ),
        )
    inner, outer, _ = _fit(kind, rest_x, rest_y, floor)
    forecast = _predict(kind, inner, outer, x[largest], rest_x, floor)
    return float((y[largest] - forecast).mean()), None
