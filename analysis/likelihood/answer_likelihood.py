"""How likely were the reference answers to a model, ID and OOD? One result from the stored answers
of one model.

SCYLLA scores the tokens of the reference answer (METHODS A3). Stored results contain the total
log-probability of the reference answer, and token log-probabilities that may belong to the response
of the model instead. The result states which, and never confuses the two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import rel_entr

from analysis.arrays import Floats
from analysis.likelihood.answer_probability import (
    MIN_K,
    SMALLEST_DENSITY,
    SUBSETS,
    Divergence,
    divergence,
    in_mode,
    min_k_matrix,
    most_likely,
)
from analysis.text import plain_value
from data.records import Denominator

RESAMPLES = 200
MOST_ANSWERS = 20_000
"""Largest number of answers per split that are compared."""
SAME_ANSWER = 0.02
"""Largest difference in nats between the log-probability of an answer and the sum over its tokens;
both were rounded when they were stored.
"""
OF_ANSWER, OF_RESPONSE = "reference answer", "response"
PER_TOKEN, PER_CHARACTER, WHOLE = "per token", "per character", "whole answer"
MIN_K_COLUMNS = (
    "split",
    "keep_percent",
    "k",
    "min_k",
    "acc_norm",
    "acc_norm_lo",
    "acc_norm_hi",
    "accuracy",
    "probability",
    "n",
    "n_graded",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnswerLikelihood:
    """Answer probabilities of one model.

    measure      PER_TOKEN: geometric mean over the tokens of the reference answer, as in the paper;
                 PER_CHARACTER: over its characters, if the stored tokens are those of the response;
                 WHOLE: its total probability, if not even its text is stored. All 0-1.
    normalised, author   KL and JS divergence of the ID from the OOD values, in both modes.
    js_lo, js_hi  interval of the normalised JS: bootstrap over answers with a fixed bandwidth. JS
                 is a distance, so small values are biased upwards.
    mean_id, mean_ood    mean of the measure.
    n_id, n_ood  answers with the measure; n_without: answers of either split without it.
    n_left_out   answers beyond MOST_ANSWERS per split; evenly spaced answers are kept.
    min_k        MIN_K_COLUMNS, one row per split, subset and K; empty without stored tokens. The
                 intervals of acc_norm come from a bootstrap over answers. keep_percent selects the
                 answers with the highest geometric mean over the same tokens.
    tokens       OF_ANSWER or OF_RESPONSE: source of the stored tokens; None without stored tokens.
    reason       why the splits are not compared; None if they are.
    """

    model: str
    measure: str
    normalised: Divergence
    author: Divergence
    js_lo: float
    js_hi: float
    confidence: float
    mean_id: float
    mean_ood: float
    n_id: int
    n_ood: int
    n_without: int
    n_left_out: int
    min_k: pd.DataFrame
    tokens: str | None
    min_k_reason: str | None
    reason: str | None

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON: undefined numbers are None; no densities."""
        modes = {
            mode: {name: plain_value(getattr(found, name)) for name in ("kl", "kl_reversed", "js")}
            for mode, found in (("normalised", self.normalised), ("author", self.author))
        }
        plain = (
            "model",
            "measure",
            "js_lo",
            "js_hi",
            "confidence",
            "mean_id",
            "mean_ood",
            "n_id",
            "n_ood",
            "n_without",
            "n_left_out",
            "tokens",
        )
        return (
            {name: plain_value(getattr(self, name)) for name in plain}
            | modes
            | {"min_k": plain_value(self.min_k), "reason": self.reason}
        )


def answer_likelihood(
    answers: pd.DataFrame,
    model: str,
    *,
    denominator: Denominator = Denominator.UNPARSED_IS_WRONG,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> AnswerLikelihood:
    """Compare the answer probabilities of the splits, and normalise accuracy by Min-K%.

    Args:
        answers: answers of one model, as returned by data.queries.fetch_answers with the columns
            answer_logprob, token_logprobs and target. Rows without a split are ignored. All tasks
            are pooled; every answer has the same weight.
        denominator: whether an unparsed answer is wrong or has no outcome in the accuracy that is
            normalised by Min-K%.
    """
    both = answers.loc[answers["split"].isin(["id", "ood"])]
    rows = pd.concat([_thinned(both.loc[both["split"] == split]) for split in ("id", "ood")])
    logprob = rows["answer_logprob"].to_numpy(dtype=float)
    tokens = [
        np.empty(0) if logs is None or np.ndim(logs) == 0 else np.asarray(logs, dtype=float)
        for logs in rows["token_logprobs"]
    ]
    n_tokens = np.array([len(logs) for logs in tokens], dtype=float)
    total = np.array([float(logs.sum()) if len(logs) else math.nan for logs in tokens])
    whose = _whose(logprob, total)
    measure, length = _measure(rows, whose, n_tokens)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.exp(logprob / length)
    is_id = (rows["split"] == "id").to_numpy()
    sides = [value[side & np.isfinite(value)] for side in (is_id, ~is_id)]
    normalised = divergence(*sides)
    author = in_mode(normalised, "author")
    correct = _graded(rows["outcome"].astype(object).to_numpy(), denominator)
    groups = {
        split: np.flatnonzero(side & (n_tokens > 0))
        for split, side in (("id", is_id), ("ood", ~is_id))
    }
    sizes = [len(side) for side in sides if normalised.reason is None] + [
        len(places) * percent // 100
        for places in groups.values()
        if len(places)
        for percent in SUBSETS
    ]
    drawn = iter(_weights(tuple(sizes), resamples, seed))
    js_lo, js_hi = _js_interval(sides, normalised, confidence, drawn)
    table = [
        row
        for split, places in groups.items()
        for row in _min_k_rows(
            split,
            [tokens[place] for place in places],
            total[places] / n_tokens[places],
            correct[places],
            confidence,
            drawn,
        )
    ]
    return AnswerLikelihood(
        model=model,
        measure=measure,
        normalised=normalised,
        author=author,
        js_lo=js_lo,
        js_hi=js_hi,
        confidence=confidence,
        mean_id=_mean(sides[0]),
        mean_ood=_mean(sides[1]),
        n_id=len(sides[0]),
        n_ood=len(sides[1]),
        n_without=int((~np.isfinite(value)).sum()),
        n_left_out=len(both) - len(rows),
        min_k=pd.DataFrame(table, columns=list(MIN_K_COLUMNS)),
        tokens=whose,
        min_k_reason=None if table else "no token log-probabilities are stored",
        reason=normalised.reason,
    )


def _thinned(rows: pd.DataFrame) -> pd.DataFrame:
    if len(rows) <= MOST_ANSWERS:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, MOST_ANSWERS).astype(int)]


def _whose(logprob: Floats, total: Floats) -> str | None:
    """Source of the stored tokens: those of the reference answer sum to its log-probability in
    (nearly) every row.
    """
    both = np.isfinite(logprob) & np.isfinite(total)
    if not np.isfinite(total).any():
        return None
    same = np.abs(logprob[both] - total[both]) <= SAME_ANSWER
    return OF_ANSWER if len(same) and same.mean() > 0.99 else OF_RESPONSE


def _measure(rows: pd.DataFrame, whose: str | None, n_tokens: Floats) -> tuple[str, Floats]:
    """Name of the measure, and the length that divides each answer's log-probability."""
    if whose == OF_ANSWER:
        return PER_TOKEN, np.where(n_tokens > 0, n_tokens, np.nan)
    texts = rows["target"].tolist() if "target" in rows else []
    characters = np.array(
        [len(text) if isinstance(text, str) and text else math.nan for text in texts]
    )
    if len(characters) and np.isfinite(characters).any():
        return PER_CHARACTER, characters
    return WHOLE, np.ones(len(rows))


def _graded(outcomes: np.ndarray[Any, Any], denominator: Denominator) -> Floats:
    """1 right, 0 wrong, NaN if the answer is outside the denominator."""
    unparsed = 0.0 if denominator is Denominator.UNPARSED_IS_WRONG else math.nan
    values = {"correct": 1.0, "wrong": 0.0, "unparsed": unparsed}
    return np.array([values.get(outcome, math.nan) for outcome in outcomes], dtype=float)


@lru_cache(maxsize=1)
def _weights(
    sizes: tuple[int, ...], resamples: int, seed: int
) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], ...]:
    """How often each answer is drawn: one array (resamples, answers) for each group size.

    Models with the same numbers of answers share their draws, because drawing takes longer than
    everything that follows.
    """
    random = np.random.default_rng(seed)
    return tuple(random.poisson(1.0, size=(resamples, size)).astype(np.uint8) for size in sizes)


def _js_interval(
    sides: Sequence[Floats],
    found: Divergence,
    confidence: float,
    drawn: Iterator[np.ndarray[Any, np.dtype[np.uint8]]],
) -> tuple[float, float]:
    if found.reason is not None:
        return math.nan, math.nan
    redrawn = []
    for values in sides:
        width = float(np.sqrt(stats.gaussian_kde(values).covariance[0, 0]))
        kernels = np.exp(-(((values[:, None] - found.grid[None, :]) / width) ** 2) / 2) / (
            width * math.sqrt(2 * math.pi)
        )
        weights = next(drawn).astype(float)
        densities = np.maximum(
            weights @ kernels / np.maximum(1.0, weights.sum(axis=1, keepdims=True)),
            SMALLEST_DENSITY,
        )
        redrawn.append(densities / densities.sum(axis=1, keepdims=True))
    middle = (redrawn[0] + redrawn[1]) / 2
    js = sum(rel_entr(side, middle).sum(axis=1) for side in redrawn) / 2
    low, high = np.quantile(js, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _min_k_rows(
    split: str,
    tokens: Sequence[Floats],
    means: Floats,
    correct: Floats,
    confidence: float,
    drawn: Iterator[np.ndarray[Any, np.dtype[np.uint8]]],
) -> list[dict[str, Any]]:
    if not tokens:
        return []
    matrix = min_k_matrix(tokens, MIN_K)
    probability = np.exp(means)
    rows = []
    for percent in SUBSETS:
        kept = most_likely(probability, percent)
        graded = np.isfinite(correct[kept])
        right = np.where(graded, correct[kept], 0.0)
        columns = np.column_stack([right, graded.astype(float), matrix[kept]])
        point = _ratios(np.ones((1, len(kept))), columns)
        low, high = _quantiles(_ratios(next(drawn).astype(float), columns), confidence)
        rows += [
            {
                "split": split,
                "keep_percent": percent,
                "k": k,
                "min_k": _mean(matrix[kept, place]),
                "acc_norm": float(point[0, place]),
                "acc_norm_lo": float(low[place]),
                "acc_norm_hi": float(high[place]),
                "accuracy": float(right.sum() / graded.sum()) if graded.any() else math.nan,
                "probability": _mean(probability[kept]),
                "n": len(kept),
                "n_graded": int(graded.sum()),
            }
            for place, k in enumerate(MIN_K)
        ]
    return rows


def _ratios(weights: Floats, columns: Floats) -> Floats:
    """Accuracy divided by mean Min-K% for each row of weights, shape (draws, ks)."""
    sums = weights @ columns
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = (sums[:, :1] / sums[:, 1:2]) / (
            sums[:, 2:] / weights.sum(axis=1, keepdims=True)
        )
    return np.where(np.isfinite(ratio), ratio, np.nan)


def _quantiles(drawn: Floats, confidence: float) -> tuple[Floats, Floats]:
    if not np.isfinite(drawn).all():
        undefined = np.full(drawn.shape[1], np.nan)
        return undefined, undefined
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return low, high


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan
