"""Does one ordered variable rise with another? Rank tests with exact permutation p-values, overall
and within strata.

Levels are ordinal with few values, so ties are frequent and normal approximations are poor for a
small number of models. The null distribution of Kendall's S is therefore computed exactly if that
is feasible.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.arrays import Floats

MOST_STATES = 4_000
"""Largest number of states of the exact computation; above, permutations are drawn at random."""
DRAWS = 20_000
EXACT = "exact permutation"


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTrend:
    """Kendall's S and tau-b, overall or summed within strata.

    s            concordant minus discordant pairs.
    n_pairs      pairs within a stratum that differ in x. Of these, y rises with x in n_rising,
                 falls in n_falling and is tied in n_level.
    tau_b        S corrected for ties, -1 to 1; NaN if x or y is constant, and for several strata.
    p_two_sided, p_rising   permutation p of |S| and of S, with y exchanged within each stratum.
    method       how these p-values were computed.
    p_asymptotic  two-sided p of scipy.stats.kendalltau; NaN for several strata.
    spearman, spearman_p   rank correlation with its t approximation; NaN for several strata.
    n, n_strata  entries in the strata with a comparable pair, and number of these strata.
    reason       why there is no test; None if there is one.
    """

    s: int
    n_pairs: int
    n_rising: int
    n_falling: int
    n_level: int
    tau_b: float
    p_two_sided: float
    p_rising: float
    p_asymptotic: float
    spearman: float
    spearman_p: float
    n: int
    n_strata: int
    method: str
    reason: str | None


def rank_trend(x: ArrayLike, y: ArrayLike, *, seed: int = 0) -> RankTrend:
    """Test whether y rises with x.

    Args:
        x, y: (n,) any ordered numbers; pairs with NaN in either are left out.
        seed: seed of the random permutations, used if the exact computation takes too long.

    Returns:
        a RankTrend; without a test (p NaN) for fewer than two pairs or if x or y is constant.

    >>> trend = rank_trend([1, 2, 3, 4], [1, 1, 2, 2])
    >>> trend.s, trend.n_pairs, round(trend.p_rising, 4)  # 1 of 6 ways to place two 1s and two 2s
    (4, 6, 0.1667)
    """
    a, b = _paired(x, y)
    found = _summed(a, b, [np.arange(len(a))], seed)
    if found.reason is not None:
        return found
    tau, spearman = stats.kendalltau(a, b), stats.spearmanr(a, b)
    return replace(
        found,
        tau_b=float(tau.statistic),
        p_asymptotic=float(tau.pvalue),
        spearman=float(spearman.statistic),
        spearman_p=float(spearman.pvalue),
    )


def stratified_trend(
    x: ArrayLike, y: ArrayLike, strata: Sequence[object], *, seed: int = 0
) -> RankTrend:
    """Test whether y rises with x within strata (for example, families): differences between strata
    cannot create or hide a trend.

    S is summed over the strata, and y is exchanged within each. The exact null distribution is the
    convolution of the null distributions of the strata.

    Args:
        x, y: (n,) numbers; pairs with NaN in either are left out.
        strata: (n,) stratum of each pair; pairs with None are left out.
    """
    a, b = np.asarray(x, dtype=float).ravel(), np.asarray(y, dtype=float).ravel()
    if not len(a) == len(b) == len(strata):
        raise ValueError(
            f"x, y and strata must pair up: found {len(a)}, {len(b)} and {len(strata)} entries"
        )
    groups: dict[object, list[int]] = {}
    for place, stratum in enumerate(strata):
        if stratum is not None and not math.isnan(a[place] + b[place]):
            groups.setdefault(stratum, []).append(place)
    return _summed(a, b, [np.array(places) for places in groups.values()], seed)


def _summed(
    x: Floats, y: Floats, groups: Sequence[np.ndarray[Any, np.dtype[np.int64]]], seed: int
) -> RankTrend:
    pairs = [_pair_signs(x[places], y[places]) for places in groups]
    signs = np.concatenate(pairs) if pairs else np.empty(0)
    usable = [places for places, of_group in zip(groups, pairs, strict=True) if len(of_group)]
    reason = None
    if not len(signs):
        reason = "no two entries to compare differ in size"
    elif all(len(np.unique(y[places])) == 1 for places in usable):
        reason = "all entries to compare have the same level"
    s = int(signs.sum())
    p_two, p_up, method = (
        (math.nan, math.nan, "") if reason else _permutation_p(x, y, usable, s, seed)
    )
    nan = math.nan
    return RankTrend(
        s=s,
        n_pairs=len(signs),
        n_rising=int((signs > 0).sum()),
        n_falling=int((signs < 0).sum()),
        n_level=int((signs == 0).sum()),
        tau_b=nan,
        p_two_sided=p_two,
        p_rising=p_up,
        p_asymptotic=nan,
        spearman=nan,
        spearman_p=nan,
        n=int(sum(len(places) for places in usable)),
        n_strata=len(usable),
        method=method,
        reason=reason,
    )


def _paired(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(x, dtype=float).ravel(), np.asarray(y, dtype=float).ravel()
    if len(a) != len(b):
        raise ValueError(f"x and y must pair up: found {len(a)} and {len(b)} entries")
    known = ~(np.isnan(a) | np.isnan(b))
    return a[known], b[known]


def _pair_signs(x: Floats, y: Floats) -> Floats:
    """Sign of y's change along rising x for every pair that differs in x."""
    first, second = np.triu_indices(len(x), 1)
    along = np.sign(x[second] - x[first])
    return np.asarray((along * np.sign(y[second] - y[first]))[along != 0])


def _permutation_p(
    x: Floats, y: Floats, groups: Sequence[np.ndarray[Any, np.dtype[np.int64]]], s: int, seed: int
) -> tuple[float, float, str]:
    """p of |S|, p of S, and the method."""
    counts = [np.unique(y[places], return_counts=True)[1] for places in groups]
    if all(math.prod((counted + 1).tolist()) <= MOST_STATES for counted in counts):
        null, middle = np.ones(1), 0
        for places in groups:
            of_group, centre = _null_of_s(x[places], y[places])
            null, middle = np.convolve(null, of_group), middle + centre
        values = np.arange(len(null)) - middle
        return float(null[np.abs(values) >= abs(s)].sum()), float(null[values >= s].sum()), EXACT
    random = np.random.default_rng(seed)
    drawn = sum(_drawn_s(x[places], y[places], random) for places in groups)
    p_two, p_up = (
        (1 + int(extreme.sum())) / (DRAWS + 1)
        for extreme in (np.abs(drawn) >= abs(s), np.asarray(drawn) >= s)
    )
    return p_two, p_up, f"permutation, {DRAWS:,} draws"


def _drawn_s(
    x: Floats, y: Floats, random: np.random.Generator
) -> np.ndarray[Any, np.dtype[np.int64]]:
    along = np.sign(x[None, :] - x[:, None])
    found = [
        (along * np.sign((shuffled := random.permutation(y))[None, :] - shuffled[:, None])).sum()
        / 2
        for _ in range(DRAWS)
    ]
    return np.rint(found).astype(np.int64)


def _null_of_s(x: Floats, y: Floats) -> tuple[Floats, int]:
    """Probabilities of S = -m ... m when y is exchanged, and m.

    Visits the groups of equal x in rising order. For every combination of remaining y values it
    keeps the number of ways that lead to each S.
    """
    remaining = tuple(int(count) for count in np.unique(y, return_counts=True)[1])
    sizes = np.unique(x, return_counts=True)[1]
    middle = len(x) * (len(x) - 1) // 2
    ways: dict[tuple[int, ...], Floats] = {remaining: np.eye(1, 2 * middle + 1, middle)[0]}
    for size in sizes[:-1]:
        after: dict[tuple[int, ...], Floats] = {}
        for left, by_s in ways.items():
            for taken in _shares(left, int(size)):
                rest = tuple(have - take for have, take in zip(left, taken, strict=True))
                weight = math.prod(
                    math.comb(have, take) for have, take in zip(left, taken, strict=True)
                )
                moved = weight * np.roll(by_s, _gained(taken, rest))
                after[rest] = after[rest] + moved if rest in after else moved
        ways = {
            rest: by_s / math.comb(sum(rest) + int(size), int(size)) for rest, by_s in after.items()
        }
    total: Floats = np.sum(list(ways.values()), axis=0)
    return total / total.sum(), middle


def _shares(left: Sequence[int], size: int) -> Iterator[tuple[int, ...]]:
    """All ways to take `size` items out of bins with these numbers of items."""
    if len(left) == 1:
        if size <= left[0]:
            yield (size,)
        return
    for take in range(min(left[0], size) + 1):
        yield from ((take, *more) for more in _shares(left[1:], size - take))


def _gained(taken: Sequence[int], rest: Sequence[int]) -> int:
    """Contribution to S of the pairs of a placed y and a y that will be placed at a larger x."""
    return sum(
        take * (sum(rest[place + 1 :]) - sum(rest[:place])) for place, take in enumerate(taken)
    )


# -- groups ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedGroups:
    """Jonckheere-Terpstra test over groups in their order.

    j          number of pairs from an earlier and a later group in which the later entry is larger;
               ties count one half.
    max_j      number of all such pairs.
    mean, variance   of j when entries are exchanged; the variance is corrected for ties.
    z, p_one_sided   normal approximation without continuity correction; the alternative is "rises
                     over the groups". NaN if the variance is 0.
    kendall_s  Kendall's S on the group numbers: 2 (j - mean).
    """

    j: float
    max_j: int
    mean: float
    variance: float
    z: float
    p_one_sided: float
    kendall_s: int
    n: int
    n_groups: int
    reason: str | None


def jonckheere_terpstra(groups: Sequence[ArrayLike]) -> OrderedGroups:
    """Test whether values rise over groups given in order.

    Source: Hollander and Wolfe, Nonparametric Statistical Methods, section 6.2, with their
    correction for ties.

    Args:
        groups: values of each group; NaN is left out, empty groups are ignored.

    >>> jonckheere_terpstra([[1, 2], [2, 3], [4, 5]]).j  # 3.5 + 4 + 4
    11.5
    """
    kept = [
        values[~np.isnan(values)]
        for values in (np.asarray(group, dtype=float).ravel() for group in groups)
    ]
    y = np.concatenate([*kept, np.empty(0)])
    code = np.repeat(np.arange(len(kept)), [len(values) for values in kept]).astype(float)
    signs = _pair_signs(code, y)
    s, n_pairs = int(signs.sum()), len(signs)
    n_groups = sum(len(values) > 0 for values in kept)
    variance = _s_variance(code, y) / 4
    z = (s / 2) / math.sqrt(variance) if variance > 0 else math.nan
    reason = None
    if variance <= 0:
        reason = "all entries are equal" if n_groups > 1 else "fewer than two groups have entries"
    return OrderedGroups(
        j=s / 2 + n_pairs / 2,
        max_j=n_pairs,
        mean=n_pairs / 2,
        variance=variance,
        z=z,
        p_one_sided=float(stats.norm.sf(z)),
        kendall_s=s,
        n=len(y),
        n_groups=n_groups,
        reason=reason,
    )


def _s_variance(x: Floats, y: Floats) -> float:
    """Variance of Kendall's S under exchange, with ties in both."""
    n = len(x)
    if n < 2:
        return 0.0
    t, u = (np.unique(values, return_counts=True)[1].astype(float) for values in (x, y))
    plain = n * (n - 1) * (2 * n + 5) - sum((c * (c - 1) * (2 * c + 5)).sum() for c in (t, u))
    pairs = (t * (t - 1)).sum() * (u * (u - 1)).sum() / (2 * n * (n - 1))
    triples = (
        (t * (t - 1) * (t - 2)).sum() * (u * (u - 1) * (u - 2)).sum() / (9 * n * (n - 1) * (n - 2))
        if n > 2
        else 0.0
    )
    return max(0.0, float(plain / 18 + triples + pairs))


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoGroups:
    """Mann-Whitney test of two groups.

    u        number of pairs in which the entry of the first group is larger; ties count one half.
    share    u over all pairs: P(first > second) + P(equal) / 2; NaN without entries.
    p        p of the alternative; scipy chooses the exact test or a normal approximation (corrected
             for ties and continuity).
    """

    u: float
    share: float
    p: float
    alternative: str
    n_first: int
    n_second: int
    reason: str | None


ALTERNATIVES: Mapping[str, str] = {
    "greater": "the first is larger",
    "less": "the first is smaller",
    "two-sided": "they differ",
}


def mann_whitney(first: ArrayLike, second: ArrayLike, *, alternative: str = "greater") -> TwoGroups:
    """Test whether entries of one group tend to be larger than those of another; NaN is left out.

    Raises:
        ValueError: an alternative that is not one of ALTERNATIVES.
    """
    if alternative not in ALTERNATIVES:
        raise ValueError(f"alternative is one of {', '.join(ALTERNATIVES)}; found {alternative!r}")
    a, b = (
        values[~np.isnan(values)]
        for values in (np.asarray(side, dtype=float).ravel() for side in (first, second))
    )
    u = float((np.sign(a[:, None] - b[None, :]) + 1).sum() / 2)
    reason = None
    if not len(a) or not len(b):
        reason = "a group has no entries"
    elif len(np.unique(np.concatenate([a, b]))) == 1:
        reason = "all entries are equal"
    p = math.nan if reason else float(stats.mannwhitneyu(a, b, alternative=alternative).pvalue)
    share = u / (len(a) * len(b)) if len(a) and len(b) else math.nan
    return TwoGroups(
        u=u,
        share=share,
        p=p,
        alternative=alternative,
        n_first=len(a),
        n_second=len(b),
        reason=reason,
    )
