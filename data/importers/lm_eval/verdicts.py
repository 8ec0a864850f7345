"""From the metrics of lm-evaluation-harness samples to right and wrong: which metric decides, and
what its value says of one answer.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from data.importers.kit.metrics import GRADED, LOWER_IS_BETTER
from data.records import Outcome

BYPASS = "bypass"
"""Metric of answers that were collected but not scored (`--predict_only`); its value, 999, means
nothing.
"""

_MISSING, _CORRECT, _WRONG, _UNPARSED, _GRADED = range(5)


class Verdicts:
    """What the values of one metric say of answers; without a metric nothing is said."""

    def __init__(
        self, metric: str | None, *, is_graded: bool = False, is_bypass: bool = False
    ) -> None:
        self.metric = metric
        self._is_graded = is_graded
        missing = (
            "no metric of this task says right or wrong of one answer"
            if metric is None
            else f"{metric} is missing"
        )
        self.outcomes = pa.array(
            [None, Outcome.CORRECT.value, Outcome.WRONG.value, Outcome.UNPARSED.value, None],
            pa.string(),
        )
        self.reasons = pa.array(
            [
                "collected without scoring (--predict_only)" if is_bypass else missing,
                f"{metric} is 1",
                f"{metric} is 0",
                f"the filter found no answer in the reply, and {metric} is 0",
                f"{metric} grades on more steps than right and wrong",
            ],
            pa.string(),
        )

    def scores(self, values: Sequence[Any]) -> np.ndarray:
        """The metric's values as floats; NaN where there is none, or it is not one number.

        Raises:
            ValueError: a value is a text that is no number.
        """
        plain = set(map(type, values)) == {float}
        scores = np.array(values if plain else [self._score(value) for value in values])
        return np.where(np.isfinite(scores), scores, np.nan)

    def _score(self, value: Any) -> float:
        if isinstance(value, str):
            try:
                return float(value)
            except ValueError:
                raise ValueError(f"{self.metric}: {value!r}") from None
        return float(value) if isinstance(value, int | float) else math.nan

    def codes(self, scores: np.ndarray, unreadable: np.ndarray | None) -> pa.Array:
        """Positions in `outcomes` and `reasons` for each score."""
        codes = np.full(len(scores), _GRADED, dtype=np.int8)
        codes[np.isnan(scores)] = _MISSING
        if not self._is_graded:
            codes[scores == 1] = _CORRECT
            codes[scores == 0] = _WRONG
            if unreadable is not None:
                codes[(scores == 0) & unreadable] = _UNPARSED
        return pa.array(codes)


def choose_verdicts(
    values: Mapping[str, Any],
    *,
    lower_is_better: Collection[str],
    graded: Collection[str],
    is_bypass: bool,
) -> Verdicts:
    """The primary metric among those of a first row: the first that points upwards and knows only
    right and wrong (`acc` before `perplexity`), else the first that points upwards; none if every
    metric points downwards or is not one number per answer.
    """
    candidates = [
        name
        for name, value in values.items()
        if (value is None or isinstance(value, int | float | str))
        and name not in LOWER_IS_BETTER
        and name not in lower_is_better
    ]
    for name in candidates:
        if not (GRADED.search(name) or name in graded):
            return Verdicts(name)
    return (
        Verdicts(candidates[0], is_graded=True)
        if candidates
        else Verdicts(None, is_bypass=is_bypass)
    )
