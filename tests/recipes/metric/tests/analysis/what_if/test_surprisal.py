"""The surprisal of an answer: numbers worked by hand, limits, a property, and its way to a rank."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.what_if.evaluating import Choice, Quantity, evaluate
from analysis.what_if.metric_list import METRICS
from analysis.what_if.metrics import surprisal
from analysis.what_if.scoring import reduce_samples


@pytest.mark.parametrize(("p", "bits"), [(1.0, 0.0), (0.5, 1.0), (0.125, 3.0)])
def test_numbers_worked_by_hand(p: float, bits: float) -> None:
    assert surprisal(math.log(p)) == pytest.approx(bits)


def test_limits() -> None:
    assert surprisal(-math.inf) == math.inf
    assert np.isnan(surprisal([0.1, math.nan])).all()


@given(st.floats(-700, 0))
def test_it_is_the_log_probability_in_another_unit(logprob: float) -> None:
    assert 2.0 ** -float(surprisal(logprob)) == pytest.approx(math.exp(logprob))


def test_models_are_ranked_by_it() -> None:
    rows = [
        {
            "run_id": model,
            "model": model,
            "task": "t",
            "level": 1,
            "level_label": "one",
            "split": "ood",
            "instance_id": number,
            "outcome": "correct",
            "answer_logprob": math.log(p),
        }
        for model, p in (("sure", 0.5), ("unsure", 0.25))
        for number in range(4)
    ]
    cells = reduce_samples(pd.DataFrame(rows))
    found = evaluate(cells, Choice(metric="surprisal", quantity=Quantity.OOD), resamples=10)
    assert found.values[[cells.models.index("sure"), cells.models.index("unsure")]] == (
        pytest.approx([1, 2])
    )
    assert not METRICS["surprisal"].higher_is_better
