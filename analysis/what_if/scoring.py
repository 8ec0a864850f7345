"""What is each stored answer worth under every metric? Samples in, sums per model, task and split
out, which all else re-aggregates.

A cell is model x task (at one level) x split; its sufficient statistics under a metric are the
number, the sum and the sum of squares of the answers' values. `analysis.what_if.evaluating` and
`analysis.what_if.multiverse` never look at an answer again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.arrays import Floats, Ints
from analysis.what_if.metric_list import (
    METRICS,
    PASS_KS,
    THRESHOLDED,
    THRESHOLDS,
    Metric,
    metric_named,
    threshold_key,
)
from analysis.what_if.metrics import (
    LADDER_ANSWER,
    brier,
    edit_distance,
    ladder_tokens,
    own_tokens,
    pass_at_k,
    token_accuracy,
    words,
)
from data.records import NotEnoughDataError

SPLITS = ("id", "ood", None)
"""The split axis of cells; the last entry holds answers without a split."""
NEEDED_COLUMNS = ("target", "response", "parsed_answer", "answer_logprob", "choice_logprobs")
"""Columns of `data.queries.fetch_answers` that are needed in addition to the outcomes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """Sufficient statistics of every cell under every metric.

    models, metrics    axes of the arrays; `tasks`, `levels` one entry per unit (a task at one
                       level); the last axis is SPLITS.
    n, total, squares  [metric, basis, model, unit, split]: values, their sum, sum of squares. Basis
    0: all answers; 1: parsed ones. n_answered, n_parsed, n_error  [model, unit, split]: answers
    that were obtained, those that parse, attempts that ended in an error.
    tokens             [model, unit, split]: mean number of tokens of the reference; NaN where
                       unknown.
    level_labels       level -> label. Level 0 stands for "no level" when no task has one.
    lacking            (metric key, model) -> why it has no value. `partial`: the same, where some
                       answers have one: the share that has.
    published          models whose values are published level means: one unit per level, no answers
                       behind them.
    """

    models: tuple[str, ...]
    metrics: tuple[Metric, ...]
    tasks: tuple[str, ...]
    levels: Ints
    level_labels: Mapping[int, str]
    n: Floats
    total: Floats
    squares: Floats
    n_answered: Floats
    n_parsed: Floats
    n_error: Floats
    tokens: Floats
    lacking: Mapping[tuple[str, str], str]
    partial: Mapping[tuple[str, str], float]
    published: frozenset[str] = frozenset()

    def place(self, key: str) -> int:
        """Index of a metric. Raises NotEnoughDataError when the cells do not hold it."""
        for place, metric in enumerate(self.metrics):
            if metric.key == key:
                return place
        raise NotEnoughDataError(
            f"Nothing stored has the metric {metric_named(key).label}: {metric_named(key).lacking}."
            f" Present are {', '.join(metric.key for metric in self.metrics) or 'none'}."
        )

    def available(self) -> tuple[str, ...]:
        """Keys of the metrics that at least one model has."""
        return tuple(
            metric.key for place, metric in enumerate(self.metrics) if self.n[place, 0].sum() > 0
        )

    def narrowed(self, models: Sequence[str]) -> Cells:
        """The cells of these models, in this order, with the units that at least one of them
        has.
        """
        rows = [self.models.index(model) for model in models]
        answered = self.n_answered[rows]
        units = np.flatnonzero(
            (answered.sum(axis=(0, 2)) > 0) | (self.n[:, 0][:, rows].sum(axis=(0, 1, 3)) > 0)
        )
        wide = {
            name: getattr(self, name)[:, :, rows][:, :, :, units]
            for name in ("n", "total", "squares")
        }
        flat = {
            name: getattr(self, name)[rows][:, units]
            for name in ("n_answered", "n_parsed", "n_error", "tokens")
        }
        return replace(
            self,
            models=tuple(models),
            tasks=tuple(self.tasks[i] for i in units),
            levels=self.levels[units],
            **wide,
            **flat,
            published=self.published & set(models),
        )


def reduce_samples(
    samples: pd.DataFrame, *, chance: Mapping[tuple[str, str], float] | None = None
) -> Cells:
    """Score every answer under every metric that its columns allow, and sum by cell.

    Args:
        samples: data.queries.fetch_answers with NEEDED_COLUMNS; a column `authors_outcome`
            (outcomes of the authors' grader, None where the instance could not be rebuilt) may be
            added. Probe tasks are left out, and tasks without a level where others have one.
        chance: (run_id, task) -> chance level, 0-1.

    Returns:
        Cells with all metrics, also those that no model has.

    Under graded metrics (distance, probability) an unparsed answer keeps the value the metric gives
    it; `parsed_only` leaves it out.
    """
    samples = _placed(samples)
    models = tuple(dict.fromkeys(samples["model"].astype(str)))
    units = (
        samples[["task", "level"]]
        .astype({"task": str})
        .drop_duplicates()
        .sort_values(["level", "task"])
    )
    unit_of = {pair: place for place, pair in enumerate(units.itertuples(index=False, name=None))}
    shape = (len(models), len(unit_of), len(SPLITS))
    code = _codes(samples, models, unit_of)
    outcome = samples["outcome"].astype(object).to_numpy()
    answered = outcome != "error"
    parsed = answered & (outcome != "unparsed")
    size = int(np.prod(shape))
    sums: list[list[Any]] = []
    metrics: list[Metric] = []
    for key, values in _scored(samples, chance or {}):
        metric = metric_named(key)
        rows = []
        for basis in (answered, parsed):
            of_basis = values(basis)
            used = basis & ~np.isnan(of_basis)
            kept, places = of_basis[used], code[used]
            powers = (None, kept, kept**2) if len(kept) else ()
            rows += [np.bincount(places, weights, size).astype(float) for weights in powers] or [
                np.zeros(size)
            ] * 3
        metrics.append(metric)
        sums.append(rows)
    array = np.array(sums, dtype=float).reshape(len(metrics), 2, 3, *shape)
    counts = [
        np.bincount(code[mask], minlength=size).reshape(shape).astype(float)
        for mask in (answered, parsed, ~answered)
    ]
    labelled = samples.dropna(subset=["level_label"]).drop_duplicates("level")
    labels = dict(zip(labelled["level"], labelled["level_label"].astype(str), strict=True))
    every = sorted({level for _, level in unit_of})
    found = Cells(
        models=models,
        metrics=tuple(metrics),
        tasks=tuple(task for task, _ in unit_of),
        levels=np.array([level for _, level in unit_of], dtype=np.int64),
        level_labels={
            level: labels.get(level, f"level {level}" if level else "all tasks") for level in every
        },
        n=array[:, :, 0],
        total=array[:, :, 1],
        squares=array[:, :, 2],
        n_answered=counts[0],
        n_parsed=counts[1],
        n_error=counts[2],
        tokens=_mean_tokens(samples, code, shape),
        lacking={},
        partial={},
    )
    return _with_reasons(found)


def _placed(samples: pd.DataFrame) -> pd.DataFrame:
    """Samples of anchor tasks with their level; 0 for all of them when none has one."""
    kept = (
        samples[samples["role"].astype(object).ne("probe").to_numpy()]
        if "role" in samples
        else samples
    )
    with_level = kept["level"].notna()
    kept = kept[with_level] if with_level.any() else kept
    return kept.assign(level=kept["level"].fillna(0).astype(int)).reset_index(drop=True)


def _codes(samples: pd.DataFrame, models: tuple[str, ...], unit_of: Mapping[Any, int]) -> Ints:
    model = pd.Categorical(samples["model"].astype(str), categories=list(models)).codes.astype(
        np.int64
    )
    task, tasks = pd.factorize(samples["task"])
    level, levels = pd.factorize(samples["level"])
    units = np.array(
        [[unit_of.get((str(one), place), -1) for place in levels] for one in tasks], dtype=np.int64
    )
    unit = units[task, level] if units.size else np.zeros(0, dtype=np.int64)
    split = samples["split"].astype(object).map({"id": 0, "ood": 1}).fillna(2).to_numpy(dtype=int)
    return np.asarray((model * len(unit_of) + unit) * len(SPLITS) + split, dtype=np.int64)


def _with_reasons(cells: Cells) -> Cells:
    """Note which model lacks which metric, wholly or in part."""
    lacking, in_part = {}, {}
    answered = cells.n_answered.sum(axis=(1, 2))
    for place, metric in enumerate(cells.metrics):
        have = cells.n[place, 0].sum(axis=(1, 2))
        for model, n, of in zip(cells.models, have, answered, strict=True):
            if n == 0:
                lacking[metric.key, model] = metric.lacking
            elif n < of and not metric.key.startswith("pass@"):
                in_part[metric.key, model] = float(n / of)
    return replace(cells, lacking=lacking, partial=in_part)


# -- values of answers -----------------------------------------------------------------------------

Values = Callable[[NDArray[np.bool_]], Floats]


def _scored(
    samples: pd.DataFrame, chance: Mapping[tuple[str, str], float]
) -> Iterator[tuple[str, Values]]:
    """Each metric with a function that gives the value of every answer (NaN: none), given which
    answers count.
    """
    n = len(samples)
    right = _graded(samples["outcome"])
    missing = np.full(n, np.nan)

    def fixed(values: Floats) -> Values:
        return lambda _: values

    yield "exact_match", fixed(right)
    yield (
        "authors_grader",
        fixed(_graded(samples["authors_outcome"]) if "authors_outcome" in samples else missing),
    )
    by_luck = _chance_of(samples, chance)
    yield "chance_corrected", fixed((right - by_luck) / (1 - by_luck))
    texts = _text_scores(samples)
    logprob = (
        samples["answer_logprob"].to_numpy(dtype=float, na_value=np.nan)
        if "answer_logprob" in samples
        else missing
    )
    logprob = np.where(logprob <= 0, logprob, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_token = np.exp(logprob / np.where(texts["n_tokens"] > 0, texts["n_tokens"], np.nan))
    values = {
        name: texts[name]
        for name in (
            "edit_distance",
            "edit_distance_words",
            "edit_distance_characters",
            "token_accuracy",
        )
    }
    values |= {"answer_probability": np.exp(logprob), "token_probability": per_token}
    values |= {"answer_logprob": np.where(np.isfinite(logprob), logprob, np.nan)}
    values |= _choice_scores(samples, logprob)
    for key, value in values.items():
        yield key, fixed(value)
    for base in THRESHOLDED:
        goodness = values[base] if METRICS[base].higher_is_better else 1 - values[base]
        for threshold in THRESHOLDS:
            reached = np.where(np.isnan(goodness), np.nan, goodness >= threshold - 1e-9)
            yield threshold_key(base, threshold), fixed(reached)
    yield from _passes(samples, right)


def _graded(outcomes: pd.Series[Any]) -> Floats:
    """1 for right, 0 for wrong and unparsed, NaN for errors and what was not graded."""
    return np.asarray(
        outcomes.astype(object)
        .map({"correct": 1.0, "wrong": 0.0, "unparsed": 0.0})
        .to_numpy(dtype=float)
    )


def _chance_of(samples: pd.DataFrame, chance: Mapping[tuple[str, str], float]) -> Floats:
    run_code, runs = pd.factorize(samples["run_id"])
    task_code, tasks = pd.factorize(samples["task"])
    known = np.array(
        [[chance.get((str(run), str(task)), np.nan) for task in tasks] for run in runs], dtype=float
    )
    values = known[run_code, task_code] if known.size else np.full(len(samples), np.nan)
    return np.where((values >= 0) & (values < 1), values, np.nan)


def _text_scores(samples: pd.DataFrame) -> dict[str, Floats]:
    """Distances and token accuracies of every answer, each different pair of answer and reference
    once; and the reference's tokens.

    The answer is the reply where the reference is in the ladder's form (then both are), else what
    was read from the reply, else the reply. The reference is one right answer of possibly several,
    so an answer graded right stands at distance 0 from the nearest of them.
    """
    names = (
        "edit_distance",
        "edit_distance_words",
        "edit_distance_characters",
        "token_accuracy",
        "n_tokens",
    )
    if not {"target", "response"} <= set(samples.columns) or samples.empty:
        return {name: np.full(len(samples), np.nan) for name in names}
    target, reply = (samples[name].astype(object) for name in ("target", "response"))
    parsed = (
        samples["parsed_answer"].astype(object)
        if "parsed_answer" in samples
        else pd.Series(None, index=samples.index, dtype=object)
    )
    target_code, targets = pd.factorize(target)
    references = [_Reference.of(text) for text in targets]
    is_ladder = np.array([*(one.is_ladder for one in references), False])[
        target_code
    ]  # code -1, no reference, takes the last
    answer_code, texts = pd.factorize(reply.where(is_ladder | parsed.isna(), parsed))
    pair_of, pairs = pd.factorize(target_code * np.int64(len(texts) + 1) + answer_code + 1)
    answers = texts.tolist()
    scored = np.array(
        [_pair_scores(pair, references, answers) for pair in pairs.tolist()], dtype=float
    ).reshape(-1, len(names))
    of_sample = np.where((target_code >= 0)[:, None], scored[pair_of], np.nan)
    is_right = (samples["outcome"].astype(object) == "correct").to_numpy()[:, None] & ~np.isnan(
        of_sample
    )
    of_sample = np.where(
        is_right & [True, True, True, True, False], [0.0, 0.0, 0.0, 1.0, 0.0], of_sample
    )
    return {name: of_sample[:, place] for place, name in enumerate(names)}


@dataclass(frozen=True, slots=True)
class _Reference:
    """A reference cut up once for all its answers."""

    text: str
    is_ladder: bool
    own: tuple[str, ...]
    words: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> _Reference:
        is_ladder = bool(LADDER_ANSWER.fullmatch(text))
        return cls(
            text=text.strip(), is_ladder=is_ladder, own=own_tokens(text, text), words=words(text)
        )


def _pair_scores(
    pair: int, references: Sequence[_Reference], answers: Sequence[str]
) -> tuple[float, ...]:
    """Distances by own tokens, words and characters, token accuracy, tokens of the reference: of
    reference x (answers + 1) + answer + 1.
    """
    wanted_code, answer_code = divmod(pair, len(answers) + 1)
    if wanted_code < 0:
        return (np.nan,) * 5
    wanted = references[wanted_code]
    n_tokens = len(wanted.own) if wanted.is_ladder else np.nan
    if not answer_code:
        return np.nan, np.nan, np.nan, np.nan, n_tokens
    answer = answers[answer_code - 1]
    mine = ladder_tokens(answer) if wanted.is_ladder else words(answer)
    own = edit_distance(mine, wanted.own)
    by_word = edit_distance(words(answer), wanted.words) if wanted.is_ladder else own
    return (
        own,
        by_word,
        edit_distance(answer.strip(), wanted.text),
        token_accuracy(mine, wanted.own),
        n_tokens,
    )


def _mean_tokens(samples: pd.DataFrame, code: Ints, shape: tuple[int, ...]) -> Floats:
    """Mean length of the references by cell: in the ladder's tokens, else in words."""
    if "target" not in samples:
        return np.full(shape, np.nan)
    target = samples["target"].astype(object)
    length_of = {text: len(own_tokens(text, text)) for text in target.dropna().unique()}
    length = target.map(length_of).to_numpy(dtype=float)
    known, size = ~np.isnan(length), int(np.prod(shape))
    n, total = (
        np.bincount(code[known], minlength=size),
        np.bincount(code[known], length[known], size),
    )
    return np.where(n > 0, total / np.maximum(n, 1), np.nan).reshape(shape)


def _choice_scores(samples: pd.DataFrame, logprob: Floats) -> dict[str, Floats]:
    """Grade, probability and Brier score of answers with choices. The correct choice is the one
    whose log-probability is the answer's.
    """
    found = {
        name: np.full(len(samples), np.nan)
        for name in ("choice_grade", "choice_probability", "brier")
    }
    if "choice_logprobs" not in samples or samples["choice_logprobs"].isna().all():
        return found
    listed = samples["choice_logprobs"].astype(object)
    lengths = listed.map(
        lambda one: len(one) if isinstance(one, list | np.ndarray) else 0
    ).to_numpy(dtype=int)
    for n_choices in sorted(set(lengths[lengths > 1].tolist())):
        rows = np.flatnonzero((lengths == n_choices) & ~np.isnan(logprob))
        if not len(rows):
            continue
        logs = np.array([np.asarray(one, dtype=float) for one in listed.iloc[rows]])
        hits = np.abs(logs - logprob[rows][:, None]) < 1e-6
        place = np.where(hits.any(axis=1) & ~np.isnan(logs).any(axis=1), hits.argmax(axis=1), -1)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        known = place >= 0
        found["choice_grade"][rows] = np.where(known, logs.argmax(axis=1) == place, np.nan)
        found["choice_probability"][rows] = np.where(
            known, shares[np.arange(len(rows)), place], np.nan
        )
        found["brier"][rows] = brier(shares, place)
    return found


def _passes(samples: pd.DataFrame, right: Floats) -> Iterator[tuple[str, Values]]:
    """pass@k of every instance, written at its first answer. Without repeats there is nothing but
    pass@1 = accuracy, which is left out.
    """
    keys = ["model", "run_id", "task", "level", "split", "instance_id"]
    groups = samples.groupby(
        [name for name in keys if name in samples], observed=True, dropna=False, sort=False
    )
    instance = np.asarray(groups.ngroup(), dtype=np.int64)
    most = int(np.bincount(instance).max()) if len(instance) else 0
    for k in PASS_KS:
        if k > most > 1 or (k > 1 and most <= 1) or most == 0:
            continue
        yield f"pass@{k}", partial(_pass_values, instance, right, k if most > 1 else 0)


def _pass_values(instance: Ints, right: Floats, k: int, used: NDArray[np.bool_]) -> Floats:
    if not k:
        return np.full(len(right), np.nan)
    counted = used & ~np.isnan(right)
    size = int(instance.max()) + 1
    n, c = (
        np.bincount(instance[counted], minlength=size),
        np.bincount(instance[counted], right[counted], size),
    )
    values = np.full(len(right), np.nan)
    _, first = np.unique(np.where(counted, instance, -1), return_index=True)
    first = first[counted[first]]
    values[first] = pass_at_k(n, c, k)[instance[first]]
    return values
