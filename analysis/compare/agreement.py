"""Are two models wrong on the same instances? Error consistency and CAPA: agreement beyond that
expected from their accuracies alone.

Source: Goel et al., arXiv 2502.04313 (CAPA); METHODS D6. 0: as similar as independent models of the
same accuracies; 1: identical.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.arrays import Flags, Floats
from analysis.compare.answer_matrix import AnswerMatrix
from data.records import NotEnoughDataError

FEWEST_CHOICES = 20
"""With fewer shared instances with choice probabilities, error consistency is reported instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Chance-corrected agreement of two models.

    kappa         (c_obs - c_exp) / (1 - c_exp), -1 to 1; NaN if c_exp is 1 (for example, both are
                  always right) or there are no instances.
    c_obs, c_exp  agreement, observed and expected for independent models of the same accuracies.
    mean_a, mean_b  accuracy, or mean probability of the correct option.
    inv_options   mean of 1 / (options - 1); NaN for error consistency.
    se            standard error over instances, by bootstrap; NaN without a bootstrap.
    kind          "error consistency" or "CAPA".
    n             number of instances.
    """

    kappa: float
    c_obs: float
    c_exp: float
    mean_a: float
    mean_b: float
    inv_options: float
    se: float
    kind: str
    n: int


def kappa_of(c_obs: ArrayLike, c_exp: ArrayLike) -> Floats:
    """(c_obs - c_exp) / (1 - c_exp), elementwise; NaN where c_exp is 1."""
    observed, expected = np.asarray(c_obs, dtype=float), np.asarray(c_exp, dtype=float)
    room = 1 - expected
    defined = np.abs(room) > 1e-12
    return np.where(defined, (observed - expected) / np.where(defined, room, 1.0), np.nan)


def error_consistency(
    a: ArrayLike, b: ArrayLike, *, resamples: int = 0, seed: int = 0
) -> Agreement:
    """Agreement of right and wrong: c_obs = both right or both wrong, c_exp = a b + (1 - a)(1 - b)
    of the accuracies.

    Args:
        a, b: 1 or 0 per instance, the same instances in the same order.
        resamples: bootstrap resamples of instances for `se`; 0: none.
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    n = len(first)
    if len(second) != n:
        raise NotEnoughDataError(
            f"Agreement needs the same instances: found {n} and {len(second)}."
        )
    if not n:
        return _agreement("error consistency", 0)
    counts = np.array(
        [
            (first * second).sum(),
            (first * (1 - second)).sum(),
            ((1 - first) * second).sum(),
            ((1 - first) * (1 - second)).sum(),
        ]
    )
    c_obs, c_exp, mean_a, mean_b = _consistency(counts / n)
    se = math.nan
    if resamples and np.isfinite(counts).all():
        random = np.random.default_rng(seed)
        drawn = random.multinomial(n, np.clip(counts / n, 0, 1), size=resamples) / n
        se = _spread(kappa_of(*_consistency(drawn.T)[:2]))
    return _agreement("error consistency", n, c_obs, c_exp, mean_a, mean_b, se=se)


def _consistency(shares: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """c_obs, c_exp and both accuracies, from the shares of instances that both, only a, only b and
    neither get right.
    """
    both, only_a, only_b, neither = shares
    mean_a, mean_b = both + only_a, both + only_b
    return both + neither, mean_a * mean_b + (1 - mean_a) * (1 - mean_b), mean_a, mean_b


def capa(
    a: Sequence[ArrayLike],
    b: Sequence[ArrayLike],
    correct: Sequence[int],
    *,
    resamples: int = 0,
    seed: int = 0,
) -> Agreement:
    """CAPA (kappa_p): c_obs = mean of sum_i p_a(i) p_b(i); c_exp = m_a m_b + (1 - m_a)(1 - m_b)
    mean 1 / (options - 1).

    m is the mean probability of the correct option. One-hot rows give the discrete form. CAPA is
    symmetric; a model compared with itself gives 1 only if its rows are one-hot.

    Args:
        a, b: per instance, the probabilities of its options (their number may differ between
            instances, not between models).
        correct: index of the correct option, from 0.
    """
    if not len(a) == len(b) == len(correct):
        raise NotEnoughDataError(
            f"CAPA needs the same instances: found {len(a)}, {len(b)} and {len(correct)} correct"
            " options."
        )
    if not len(a):
        return _agreement("CAPA", 0)
    parts = np.array(
        [
            _capa_parts(np.asarray(p, dtype=float), np.asarray(q, dtype=float), y)
            for p, q, y in zip(a, b, correct, strict=True)
        ]
    )
    c_obs, mean_a, mean_b, inverse = parts.mean(axis=0)
    c_exp = mean_a * mean_b + (1 - mean_a) * (1 - mean_b) * inverse
    se = math.nan
    if resamples:
        random, n = np.random.default_rng(seed), len(parts)
        means = np.array(
            [parts[random.integers(n, size=n)].mean(axis=0) for _ in range(resamples)]
        ).T
        se = _spread(
            kappa_of(means[0], means[1] * means[2] + (1 - means[1]) * (1 - means[2]) * means[3])
        )
    return _agreement("CAPA", len(parts), c_obs, c_exp, mean_a, mean_b, inverse, se=se)


def _capa_parts(p: Floats, q: Floats, correct: int) -> tuple[float, float, float, float]:
    if p.shape != q.shape or not 0 <= correct < len(p):
        raise NotEnoughDataError(
            f"An instance has {len(p)} and {len(q)} options, of which number {correct} is said to"
            " be correct."
        )
    return (
        float(p @ q),
        float(p[correct]),
        float(q[correct]),
        1 / (len(p) - 1) if len(p) > 1 else math.nan,
    )


def one_hot(choices: Sequence[int], n_options: Sequence[int]) -> list[Floats]:
    """Chosen options as one-hot distributions."""
    return [np.eye(n)[choice] for choice, n in zip(choices, n_options, strict=True)]


def agreement_table(
    matrix: AnswerMatrix,
    choices: Mapping[str, Mapping[int, tuple[ArrayLike, int]]] | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Agreement of all pairs of models on the instances both answered, by split.

    CAPA if the choice probabilities of both models are known for at least `FEWEST_CHOICES`
    instances, otherwise error consistency (without instances whose average over epochs is strictly
    between 0 and 1).

    Args:
        matrix: answers of the models.
        choices: per model and column, the known choice probabilities: (probabilities, index of the
            correct option).

    Returns:
        split, model, other, kind, kappa, se, c_obs, c_exp, n; each pair once, in the order of the
        models.
    """
    rows = []
    for split in ("id", "ood", ""):
        of_split = matrix.mask(split=split)
        for a, b in combinations(matrix.models, 2):
            found = _capa_of(
                matrix, choices or {}, (a, b), of_split, resamples=resamples, seed=seed
            )
            if found is None:
                scores = np.stack([matrix.scores_of(a), matrix.scores_of(b)])
                clear = of_split & np.isin(scores, (0.0, 1.0)).all(axis=0)
                found = error_consistency(*scores[:, clear], resamples=resamples, seed=seed)
            if found.n:
                facts = {
                    name: getattr(found, name)
                    for name in ("kind", "kappa", "se", "c_obs", "c_exp", "n")
                }
                rows.append({"split": split, "model": a, "other": b, **facts})
    return pd.DataFrame(
        rows, columns=["split", "model", "other", "kind", "kappa", "se", "c_obs", "c_exp", "n"]
    )


def _capa_of(
    matrix: AnswerMatrix,
    choices: Mapping[str, Mapping[int, tuple[ArrayLike, int]]],
    pair: tuple[str, str],
    of_split: Flags,
    **options: int,
) -> Agreement | None:
    first, second = (choices.get(model, {}) for model in pair)
    shared = [
        column
        for column in sorted(first.keys() & second.keys())
        if of_split[column]
        and first[column][1] == second[column][1]
        and np.shape(first[column][0]) == np.shape(second[column][0])
    ]
    if len(shared) < FEWEST_CHOICES:
        return None
    return capa(
        [first[at][0] for at in shared],
        [second[at][0] for at in shared],
        [first[at][1] for at in shared],
        **options,
    )


def choice_probabilities(
    logprobs: ArrayLike, answer_logprob: float, *, tolerance: float = 1e-3
) -> tuple[Floats, int] | None:
    """Probabilities of the offered choices (softmax) and the index of the correct one: the choice
    whose log-probability equals that of the answer.

    None if no choice or several choices match, or if a choice has no log-probability.
    """
    values = np.asarray(logprobs, dtype=float)
    if len(values) < 2 or not np.isfinite(values).all() or not math.isfinite(answer_logprob):
        return None
    at = np.flatnonzero(np.abs(values - answer_logprob) <= tolerance)
    if len(at) != 1:
        return None
    weights = np.exp(values - values.max())
    return weights / weights.sum(), int(at[0])


def choices_by_column(
    matrix: AnswerMatrix, answers: pd.DataFrame
) -> dict[str, dict[int, tuple[Floats, int]]]:
    """Choice probabilities of every model by column of the matrix, from answers with
    `choice_logprobs` and `answer_logprob`.
    """
    found: dict[str, dict[int, tuple[Floats, int]]] = {}
    known = answers[answers["choice_logprobs"].notna() & answers["answer_logprob"].notna()]
    by_address = {
        (run, row): place
        for place, (run, row) in enumerate(zip(known["run_id"], known["row_in_run"], strict=True))
    }
    if not by_address:
        return found
    lists = known["choice_logprobs"].to_numpy()
    answer = known["answer_logprob"].to_numpy(dtype=float)
    for model in matrix.models:
        of_model = found.setdefault(model, {})
        for column in range(len(matrix.instances)):
            place = by_address.get(matrix.address(model, column) or ("", -1))
            probabilities = (
                None if place is None else choice_probabilities(lists[place], answer[place])
            )
            if probabilities is not None:
                of_model[column] = probabilities
    return found


def _spread(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.std(ddof=1)) if len(finite) > 1 else math.nan


def _agreement(
    kind: str,
    n: int,
    c_obs: ArrayLike = math.nan,
    c_exp: ArrayLike = math.nan,
    mean_a: ArrayLike = math.nan,
    mean_b: ArrayLike = math.nan,
    inv_options: ArrayLike = math.nan,
    *,
    se: float = math.nan,
) -> Agreement:
    values = [c_obs, c_exp, mean_a, mean_b, inv_options]
    names = ("c_obs", "c_exp", "mean_a", "mean_b", "inv_options")
    numbers = {name: float(np.asarray(x)) for name, x in zip(names, values, strict=True)}
    return Agreement(kappa=float(kappa_of(c_obs, c_exp)), **numbers, se=se, kind=kind, n=n)
