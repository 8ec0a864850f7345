"""Which metrics are there, what does each need, and what should a run record so that it has it?
`analysis.what_if.scoring` applies them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.records import NotEnoughDataError

THRESHOLDS = tuple(round(0.1 * step, 1) for step in range(1, 10))
PASS_KS = (1, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One way to score an answer.

    needs      columns of samples it is computed from (`outcome`, NEEDED_COLUMNS, or what the caller
               hands in).
    low, high  its range; infinite where it has no end.
    lacking    what to do so that a run has what it needs.
    """

    key: str
    label: str
    needs: tuple[str, ...]
    higher_is_better: bool = True
    low: float = 0.0
    high: float = 1.0
    lacking: str = ""
    formula: str = ""

    @property
    def is_share(self) -> bool:
        """Within 0-1, so that ratios and log-odds have a meaning."""
        return self.low == 0.0 and self.high == 1.0

    @property
    def sign(self) -> float:
        return 1.0 if self.higher_is_better else -1.0

    @property
    def worst(self) -> float:
        """The value that a rule can set; infinite where the metric has no worst value."""
        return self.low if self.higher_is_better else self.high


_NO_LOGPROB = (
    "no log-probabilities of the reference answer are stored: probe a local model (cli.py probe;"
    " they are recorded there), or evaluate with lm-eval --log_samples on a log-likelihood task"
)
_NO_LENGTH = (
    "the number of tokens of the reference is not stored; it is known for the ladder's compact form"
)
_NO_TEXT = (
    "no reference or no reply is stored: import the harness's samples (lm-eval --log_samples) and"
    " not its totals alone"
)
_NO_CHOICES = (
    "no log-probabilities of the choices are stored: evaluate a multiple-choice task with lm-eval"
    " --log_samples"
)
_NO_REGRADING = (
    "no instance of SCYLLA's twenty tasks can be rebuilt from stored prompts and ids, so the"
    " authors' grader cannot look at the replies: probe the model here (cli.py probe), which stores"
    " them"
)
_NO_EPOCHS = (
    "each instance was answered once; import runs with several epochs (repeats) of each instance"
)
_NO_CHANCE = (
    "no chance level is known for its tasks: the catalog states none (data/catalog/tasks.csv), and"
    " not all answers have choices"
)
_NO_OUTCOME = "no answer was graded right or wrong"

_TEXT = ("target", "response")
METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric(
            key="exact_match",
            label="exact match",
            needs=("outcome",),
            lacking=_NO_OUTCOME,
            formula="1 when the answer is right",
        ),
        Metric(
            key="authors_grader",
            label="exact match, authors' grader",
            needs=("authors_outcome",),
            lacking=_NO_REGRADING,
            formula="1 when the SCYLLA authors' extraction and comparison call the answer right",
        ),
        Metric(
            key="chance_corrected",
            label="chance-corrected accuracy",
            needs=("outcome", "chance"),
            low=-np.inf,
            lacking=_NO_CHANCE,
            formula=(
                "(accuracy − chance) / (1 − chance); chance as the catalog states it, else the mean"
                " of 1 / number of choices"
            ),
        ),
        Metric(
            key="edit_distance",
            label="token edit distance",
            needs=_TEXT,
            higher_is_better=False,
            lacking=_NO_TEXT,
            formula=(
                "Levenshtein distance to the reference over the longer of the two, in the ladder's"
                " tokens or in words"
            ),
        ),
        Metric(
            key="edit_distance_words",
            label="word edit distance",
            needs=_TEXT,
            higher_is_better=False,
            lacking=_NO_TEXT,
            formula="the same over words between white space, commas and brackets",
        ),
        Metric(
            key="edit_distance_characters",
            label="character edit distance",
            needs=_TEXT,
            higher_is_better=False,
            lacking=_NO_TEXT,
            formula="the same over characters",
        ),
        Metric(
            key="token_accuracy",
            label="per-token accuracy",
            needs=_TEXT,
            lacking=_NO_TEXT,
            formula="share of the reference's tokens that stand in the same place of the answer",
        ),
        Metric(
            key="answer_probability",
            label="answer probability",
            needs=("answer_logprob",),
            lacking=_NO_LOGPROB,
            formula="probability of the whole reference answer",
        ),
        Metric(
            key="token_probability",
            label="answer probability per token",
            needs=("answer_logprob", "target"),
            lacking=_NO_LENGTH,
            formula="geometric mean of the probabilities of the reference's tokens",
        ),
        Metric(
            key="answer_logprob",
            label="answer log-probability",
            needs=("answer_logprob",),
            low=-np.inf,
            high=0.0,
            lacking=_NO_LOGPROB,
            formula="natural log of the probability of the whole reference answer",
        ),
        Metric(
            key="choice_grade",
            label="multiple-choice grade",
            needs=("choice_logprobs", "answer_logprob"),
            lacking=_NO_CHOICES,
            formula="1 when the correct choice is the likeliest",
        ),
        Metric(
            key="choice_probability",
            label="probability among the choices",
            needs=("choice_logprobs", "answer_logprob"),
            lacking=_NO_CHOICES,
            formula="probability of the correct choice over that of all choices",
        ),
        Metric(
            key="brier",
            label="Brier score",
            needs=("choice_logprobs", "answer_logprob"),
            higher_is_better=False,
            high=2.0,
            lacking=_NO_CHOICES,
            formula="sum over choices of (1[correct] − p)²",
        ),
    )
}
"""Metrics by key, before thresholds and pass@k, which have a number in their key: see
`metric_named`.
"""
THRESHOLDED = ("edit_distance", "token_accuracy", "token_probability")
"""Metrics of 0-1 that can be cut at a threshold."""


def threshold_key(base: str, threshold: float) -> str:
    """Key of the metric "1 when `base` reaches the threshold"; for a distance: when 1 − distance
    does.

    >>> threshold_key("edit_distance", 0.5)
    'edit_distance>=0.5'
    """
    return f"{base}>={threshold:.1f}"


def metric_named(key: str) -> Metric:
    """The metric of a key, with those of thresholds (`token_accuracy>=0.8`) and pass@k (`pass@5`).

    Raises:
        NotEnoughDataError: no metric has this key; says which there are.
    """
    if key in METRICS:
        return METRICS[key]
    base, _, threshold = key.partition(">=")
    if base in THRESHOLDED and threshold in {f"{value:.1f}" for value in THRESHOLDS}:
        of = METRICS[base]
        name = of.label if of.higher_is_better else "token similarity"
        return Metric(
            key=key,
            label=f"{name} of at least {threshold}",
            needs=of.needs,
            lacking=of.lacking,
            formula=f"1 when {name} is {threshold} or more",
        )
    if key.startswith("pass@") and key[5:].isdecimal() and int(key[5:]) in PASS_KS:
        return Metric(
            key=key,
            label=key,
            needs=("outcome", "epoch"),
            lacking=_NO_EPOCHS,
            formula="1 − C(n − c, k) / C(n, k) per instance",
        )
    raise NotEnoughDataError(
        f"There is no metric {key!r}. Metrics are {', '.join(METRICS)}; {', '.join(THRESHOLDED)}"
        f" with a threshold of 0.1 to 0.9, such as {threshold_key('token_accuracy', 0.5)}; and"
        f" pass@k for k = {', '.join(map(str, PASS_KS))}."
    )
