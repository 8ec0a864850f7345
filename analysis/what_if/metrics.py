"""How good is one answer? The formulas behind every metric, on plain numbers and texts; `scoring`
applies them to stored samples.

Sources: METHODS C3 and C4; "Are Emergent Abilities a Mirage?" (arXiv 2304.15004, sec. 2), "Why Has
Predicting Downstream Capabilities ... Remained Elusive?" (arXiv 2406.04391, sec. 4), pass@k of
arXiv 2107.03374 (eq. 1).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import eq

import numpy as np
from numpy.typing import ArrayLike
from rapidfuzz.distance import Levenshtein
from scipy import stats

from analysis.arrays import Floats

LADDER_ANSWER = re.compile(r"(?: [0-9]+)+\$")
"""An answer in the compact form of our ladder, such as ` 02 48 64$`; its tokens are known without
the model.
"""
_LADDER_TOKEN = re.compile(r"[a-z]+| ?[0-9]|[:=$]|.", re.DOTALL)
_WORD = re.compile(r"[^\s\[\](),;]+")
_WHOLE = re.compile(r"(?<=\d)\.0+(?!\w)")


# -- tokens ----------------------------------------------------------------------------------------


def words(text: str) -> tuple[str, ...]:
    """What stands between white space; brackets, commas and semicolons of a list separate as well.

    A whole number written as a decimal (7.0, as JSON readers leave it) is the whole number.

    >>> words("[12, 7.0]")
    ('12', '7')
    """
    return tuple(_WORD.findall(_WHOLE.sub("", text) if "." in text else text))


def ladder_tokens(text: str) -> tuple[str, ...]:
    """Tokens of the ladder's compact form: a leading digit carries its space.

    >>> ladder_tokens(" 02 48$")
    (' 0', '2', ' 4', '8', '$')
    """
    return tuple(_LADDER_TOKEN.findall(text))


def own_tokens(text: str, target: str) -> tuple[str, ...]:
    """Tokens as the reference has them: the ladder's where the reference is in its form, else
    words.
    """
    return ladder_tokens(text) if LADDER_ANSWER.fullmatch(target) else words(text)


def edit_distance(answer: Sequence[str], target: Sequence[str]) -> float:
    """Levenshtein distance of two token lists over the longer length: 0 (equal) to 1 (nothing in
    common).

    Edge cases: both empty give 0. Source: arXiv 2304.15004, sec. 2 (token edit distance),
    normalised by us.

    >>> edit_distance(["4", "8"], ["4", "7", "8"])
    0.3333333333333333
    """
    longest = max(len(answer), len(target))
    return Levenshtein.distance(answer, target) / longest if longest else 0.0


def token_accuracy(answer: Sequence[str], target: Sequence[str]) -> float:
    """Share of the reference's tokens that the answer has in the same place; NaN for an empty
    reference.

    >>> token_accuracy(["4", "8"], ["4", "7", "8"])
    0.3333333333333333
    """
    if not target:
        return math.nan
    n_same: int = sum(map(eq, answer, target))
    return n_same / len(target)


# -- the chain from a token's probability to other metrics -----------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenChain:
    """What a model that gets each of L tokens right with probability p, independently, shows under
    other metrics.

    exact_match          p^L.
    token_edit_distance  L (1 - p), in tokens; an approximation of the paper (substitutions only).
    """

    exact_match: Floats
    token_edit_distance: Floats


def token_chain(p: ArrayLike, length: ArrayLike) -> TokenChain:
    """Follow METHODS C3 from a per-token probability (0-1) and a target length (>= 0 tokens) to two
    metrics, elementwise.

    NaN where p is outside [0, 1] or the length is negative or undefined. Source: arXiv 2304.15004,
    sec. 2; assumes independent tokens.

    >>> chain = token_chain(0.5, 4)
    >>> float(chain.exact_match), float(chain.token_edit_distance)
    (0.0625, 2.0)
    """
    share, tokens = np.broadcast_arrays(np.asarray(p, dtype=float), np.asarray(length, dtype=float))
    defined = (share >= 0) & (share <= 1) & (tokens >= 0)
    share, tokens = np.where(defined, share, np.nan), np.where(defined, tokens, np.nan)
    return TokenChain(exact_match=share**tokens, token_edit_distance=tokens * (1 - share))


def token_probability(
    exact_match: ArrayLike, length: ArrayLike, n: ArrayLike
) -> tuple[Floats, Floats]:
    """Infer the per-token probability from an exact-match accuracy: p = y^(1/L), elementwise.

    Args:
        exact_match: y, 0-1.
        length: L, tokens of the target, > 0.
        n: answers behind y; only the bound asks for it.

    Returns:
        p, NaN where y is 0 (then only a bound is known) or y or L is undefined; and the 95 % upper
        bound of p where y is 0 of n > 0, (1 - .05^(1/n))^(1/L), NaN elsewhere. Source: METHODS C3.

    >>> [round(float(value), 4) for value in token_probability(0.0625, 4, 100)]
    [0.5, nan]
    """
    y, tokens, answers = np.broadcast_arrays(
        *(np.asarray(value, dtype=float) for value in (exact_match, length, n))
    )
    defined = (y >= 0) & (y <= 1) & (tokens > 0)
    power = 1 / np.where(defined, tokens, np.nan)
    p = np.where(defined & (y > 0), np.where(defined, y, np.nan) ** power, np.nan)
    return p, np.where(defined & (y == 0), zero_upper_bound(answers) ** power, np.nan)


def zero_upper_bound(n: ArrayLike, *, confidence: float = 0.95) -> Floats:
    """Largest accuracy that 0 right of n does not refute: 1 - (1 - confidence)^(1/n), elementwise;
    NaN unless n > 0. Source: METHODS C4.

    >>> round(float(zero_upper_bound(256)), 4)
    0.0116
    """
    answers = np.asarray(n, dtype=float)
    return 1 - (1 - confidence) ** (1 / np.where(answers > 0, answers, np.nan))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingChain:
    """Illustrative scaling of arXiv 2304.15004: cross entropy (N/c)^alpha per token, p = exp(-CE),
    and what follows for L tokens.
    """

    cross_entropy: Floats
    p: Floats
    exact_match: Floats
    token_edit_distance: Floats


def scaling_chain(n_params: ArrayLike, *, c: float, alpha: float, length: float) -> ScalingChain:
    """Follow the paper's illustration from model size to two metrics, elementwise; NaN unless N > 0
    and c > 0.

    >>> round(float(scaling_chain(1e12, c=1e9, alpha=-0.3, length=5).exact_match), 4)
    0.5329
    """
    size = np.asarray(n_params, dtype=float)
    with np.errstate(over="ignore"):
        defined = (size > 0) & (c > 0)
        entropy = np.where(
            defined, (np.where(defined, size, 1.0) / (c if c > 0 else 1.0)) ** alpha, np.nan
        )
    p = np.exp(-entropy)
    chain = token_chain(p, length)
    return ScalingChain(
        cross_entropy=entropy,
        p=p,
        exact_match=chain.exact_match,
        token_edit_distance=chain.token_edit_distance,
    )


# -- choices ---------------------------------------------------------------------------------------


def brier(probabilities: ArrayLike, correct: ArrayLike) -> Floats:
    """Brier score of each row: sum_j (1[j correct] - p_j)^2, from 0 to 2; lower is better.

    Args:
        probabilities: n x C, each row over the same C choices.
        correct: n positions of the correct choice, 0-based.

    Returns:
        n values; NaN where a probability is undefined or the position names no choice.

    Uniform guessing gives (C - 1) / C. The binary score is often quoted as half of this. Source:
    arXiv 2304.15004, sec. 2.

    >>> brier([[0.7, 0.2, 0.1]], [0]).round(2).tolist()
    [0.14]
    """
    p, place = (
        np.atleast_2d(np.asarray(probabilities, dtype=float)),
        np.atleast_1d(np.asarray(correct, dtype=float)),
    )
    if p.size == 0:
        return np.full(len(place), np.nan)
    defined = (place >= 0) & (place < p.shape[1]) & (place % 1 == 0)
    hit = np.arange(p.shape[1]) == np.where(defined, place, -1)[:, None]
    return np.where(defined, ((hit - p) ** 2).sum(axis=1), np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceChain:
    """One item with choices, from the log-probability of the correct one to the discontinuous grade
    (arXiv 2406.04391, sec. 4).

    log_p_vocab, p_vocab  of the correct choice, as the model gives it.
    p_choices             the same after renormalising over the choices.
    accuracy              1 when the correct choice is the (first) likeliest one, else 0.
    brier                 0-2.
    """

    log_p_vocab: float
    p_vocab: float
    p_choices: float
    accuracy: float
    brier: float


def choice_chain(logprobs: ArrayLike, correct: float) -> ChoiceChain:
    """Follow one item through the chain; every field is NaN where a log-probability is undefined or
    `correct` names no choice.

    Args:
        logprobs: natural log-probability of each choice.
        correct: position of the correct choice, 0-based.

    >>> round(choice_chain([-10, -11, -12, -13], 0).p_choices, 3)
    0.644
    """
    logs = np.atleast_1d(np.asarray(logprobs, dtype=float))
    if (
        not 0 <= correct < len(logs)
        or correct % 1
        or np.isnan(logs).any()
        or np.isposinf(logs).any()
        or not np.isfinite(logs).any()
    ):
        nan = math.nan
        return ChoiceChain(log_p_vocab=nan, p_vocab=nan, p_choices=nan, accuracy=nan, brier=nan)
    place = int(correct)
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    return ChoiceChain(
        log_p_vocab=float(logs[place]),
        p_vocab=math.exp(logs[place]),
        p_choices=float(shares[place]),
        accuracy=float(logs.argmax() == place),
        brier=float(brier(shares, place)[0]),
    )


# -- several answers to one instance ---------------------------------------------------------------


def pass_at_k(n: ArrayLike, c: ArrayLike, k: ArrayLike) -> Floats:
    """Estimate the chance that at least one of k answers is right, unbiased: 1 - C(n - c, k) / C(n,
    k), elementwise.

    Args:
        n: answers to the instance; c: right ones among them, 0..n; k: answers drawn, 0..n.

    Returns:
        0-1; NaN where k > n, n < 1 or c is not within 0..n. Source: arXiv 2107.03374, eq. 1, in its
        product form.

    >>> round(float(pass_at_k(200, 3, 1)), 3)
    0.015
    """
    every, right, drawn = np.broadcast_arrays(
        *(np.asarray(value, dtype=float) for value in (n, c, k))
    )
    defined = (every >= 1) & (right >= 0) & (right <= every) & (drawn >= 0) & (drawn <= every)
    missed = np.ones(every.shape)
    largest = int(drawn[defined].max()) if defined.any() else 0
    for step in range(largest):  # prod_{i<k} (n - c - i) / (n - i)
        inside = defined & (step < drawn)
        missed = np.where(
            inside,
            missed * np.maximum(every - right - step, 0) / np.where(inside, every - step, 1.0),
            missed,
        )
    return np.where(defined, 1 - missed, np.nan)


# -- items over models -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationDistribution:
    """How correlations of items' scores with compute are spread (arXiv 2406.04391, sec. 4).

    ccdf_at_threshold    share of items above the threshold, strictly.
    ccdf_area            area under that share over thresholds from -1 to 1; equals 1 + mean.
    neg_min_wasserstein  minus the smaller Wasserstein distance to "all 1" and "all -1"; equals
    |mean| - 1.
    n                    items with a correlation; the others (constant score) are left out.
    """

    mean: float
    median: float
    ccdf_at_threshold: float
    ccdf_area: float
    neg_min_wasserstein: float
    n: int


def correlation_distribution(correlations: ArrayLike, threshold: float) -> CorrelationDistribution:
    """Summarise per-item correlations (-1 to 1, NaN left out); NaN in every field when none is
    defined.

    >>> round(correlation_distribution([0.9, 0.8, 0.95, -0.2, 0.6], 0.75).ccdf_at_threshold, 2)
    0.6
    """
    values = np.atleast_1d(np.asarray(correlations, dtype=float))
    values = values[~np.isnan(values)]
    if not len(values):
        nan = math.nan
        return CorrelationDistribution(
            mean=nan, median=nan, ccdf_at_threshold=nan, ccdf_area=nan, neg_min_wasserstein=nan, n=0
        )
    mean = float(values.mean())
    ends = [float(stats.wasserstein_distance(values, np.full(1, end))) for end in (1.0, -1.0)]
    return CorrelationDistribution(
        mean=mean,
        median=float(np.median(values)),
        ccdf_at_threshold=(
            float((values > threshold).mean()) if not math.isnan(threshold) else math.nan
        ),
        ccdf_area=1 + mean,
        neg_min_wasserstein=-min(ends),
        n=len(values),
    )
