"""How likely a model found each token of one answer, as a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.text import number
from ui.figures.layout import hover, layout, note
from ui.figures.theme import OKABE_ITO, Figure


def token_logprobs_figure(logprobs: Sequence[float], *, at_most: int = 2000) -> Figure:
    """One bar per token, in order: its natural log-probability. Of longer answers the first
    `at_most` tokens are drawn.

    Edge cases: no tokens give a note; a probability of 0 (−∞) and NaN are gaps.
    """
    drawn = np.asarray(logprobs[:at_most], dtype=float)
    finite = np.where(np.isfinite(drawn), drawn, np.nan)
    if not len(finite):
        return note("No token log-probabilities.")
    trace = {
        "type": "bar",
        "x": list(range(1, len(finite) + 1)),
        "y": finite,
        "hovertext": [
            hover(
                f"token {place}",
                (
                    ("log-probability", number(value, 3)),
                    ("probability", number(float(np.exp(value)), 4)),
                ),
            )
            for place, value in enumerate(finite, 1)
        ],
        "hoverinfo": "text",
        "marker": {"color": OKABE_ITO["blue"], "line": {"width": 0}},
        "uid": "tokens",
    }
    drawn_only = f"Log-probabilities of the first {len(finite):,} of {len(logprobs):,} tokens."
    return {
        "data": [trace],
        "layout": layout(
            height=200,
            sentence=(
                drawn_only
                if len(finite) < len(logprobs)
                else f"Log-probabilities of {len(finite):,} tokens."
            ),
            file_name="token-log-probabilities",
            margin={"l": 48, "r": 8, "t": 8, "b": 44},
            bargap=0.1,
            xaxis={
                "title": {"text": "token", "font": {"size": 13}},
                "range": [0.4, len(finite) + 0.6],
                **({"dtick": 1} if len(finite) <= 20 else {}),
            },
            yaxis={
                "title": {"text": "log p (nats)", "font": {"size": 13}, "standoff": 8},
                "automargin": True,
            },
        ),
    }
