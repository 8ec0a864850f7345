"""What can a zero hide? The step of an accuracy on n answers, and the success rate that no right
answer leaves possible (METHODS C4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

UNDEFINED = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The resolution of n answers. All shares are 0-1; NaN where undefined.

    min_step            1/n, the smallest accuracy above 0.
    prob_all_zero       probability that n answers hold no right one when each is right with
                        probability p.
    rule_of_three       3/n, the bound by heart; below three answers it exceeds 1 and says nothing.
    exact_upper         largest p that leaves "0 of n" a probability of at least 1 - confidence.
    n_to_see_one        answers needed to see a right one with probability `confidence`; at p = 0 no
                        number is enough (NaN).
    """

    n: float
    p: float
    min_step: float
    prob_all_zero: float
    rule_of_three: float
    exact_upper: float
    n_to_see_one: float


def resolution(n: float, p: float = UNDEFINED, *, confidence: float = 0.95) -> Resolution:
    """Say what n answers can resolve, and what n answers mean for a success rate p.

    Formulas: step 1/n; P(0 of n) = (1-p)^n; upper bound after 0 of n = 1 - (1-confidence)^(1/n),
    about 3/n; n to see one = ceil(ln(1-confidence) / ln(1-p)).

    Args:
        n: answers, above 0; anything else gives NaN in all that depends on it.
        p: success rate, 0-1; anything else gives NaN in all that depends on it.
        confidence: 0-1, exclusive.

    Edge cases: p = 0 never shows a success, so no n is enough; p = 1 needs one answer.

    Source: METHODS C4; the step is footnote 2 of arXiv 2304.15004, the bound is Clopper-Pearson's
    one-sided one at zero.

    >>> round(resolution(256).exact_upper, 4)
    0.0116
    """
    counted = n if math.isfinite(n) and n > 0 else UNDEFINED
    rate = p if 0 <= p <= 1 else UNDEFINED
    left = 1 - confidence
    return Resolution(
        n=counted,
        p=rate,
        min_step=1 / counted,
        prob_all_zero=(1 - rate) ** counted,
        rule_of_three=3 / counted,
        # expm1 keeps the digits that 1 - left^(1/n) loses for large n.
        exact_upper=-math.expm1(math.log(left) / counted),
        n_to_see_one=_n_to_see_one(rate, left),
    )


def _n_to_see_one(p: float, left: float) -> float:
    if math.isnan(p) or p == 0:
        return UNDEFINED
    return 1.0 if p == 1 else float(max(1, math.ceil(math.log(left) / math.log1p(-p) - 1e-12)))
