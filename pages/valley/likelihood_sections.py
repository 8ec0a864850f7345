"""Section of the valley page: how likely the reference answers were, ID and OOD, and accuracy set
against Min-K%.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from analysis.likelihood.sentences import headline
from analysis.text import listed_or_counted, number, percent
from data.records import Selection
from studies.likelihood import LikelihoodSettings, likelihood
from ui import screen, selection
from ui.asked import asked
from ui.chart import show_chart
from ui.figures.likelihood import density_figure, min_k_figure
from ui.figures.theme import MAX_LINES
from ui.kept import kept

if TYPE_CHECKING:
    from analysis.likelihood.answer_likelihood import AnswerLikelihood


def draw_likelihood(models: Sequence[str], chosen: Selection) -> None:
    """Densities of the answer probability with KL and JS in both modes, and Min-K% normalised
    accuracy, of the models drawn above.
    """
    settings = asked(LikelihoodSettings)
    study = kept(likelihood)(replace(chosen, models=tuple(models[:MAX_LINES])), settings)
    found = study.models
    if study.left_out:
        st.info(
            screen.plain(
                f"{listed_or_counted(study.left_out)}: more than {settings.most_answers:,} stored"
                " answers. Choose tasks on the left to see fewer of them."
            ),
            icon=":material/visibility_off:",
        )
    if not found:
        screen.empty(
            "No answer probabilities for the models drawn above.",
            "They come from the log-probability of the reference answer, which a harness records"
            " when it scores likelihoods; published numbers have none. Choose models with stored"
            " answers on the left, or probe a local model.",
            page="probe",
            link="Probe a model",
        )
        return
    screen.answer(headline(found))
    left, right = st.columns([0.55, 0.45], gap="small")
    styles = selection.styles([one.model for one in found])
    with left:
        clicked = show_chart(density_figure(found, styles=styles), key="answer probability")
    with right:
        keep = st.segmented_control(
            "Likeliest answers kept, %",
            [100, 80, 60],
            default=100,
            required=True,
            key="kept",
            bind="query-params",
        )
        clicked = (
            show_chart(min_k_figure(found, keep_percent=keep or 100, styles=styles), key="min k")
            or clicked
        )
    _draw_captions(found, chosen)
    _draw_tables(found)
    if clicked:
        screen.open_page("samples", model=str(clicked["model"]), split=clicked.get("split"))


def _draw_captions(found: Sequence[AnswerLikelihood], chosen: Selection) -> None:
    measures = sorted({one.measure for one in found})
    whose = sorted({one.tokens for one in found if one.tokens})
    left_out, without = sum(one.n_left_out for one in found), sum(one.n_without for one in found)
    notes = []
    if measures != ["per token"]:
        notes.append(
            f"Probability of the reference answer {' or '.join(measures)}: the paper takes it per"
            " token, but the stored tokens are not those of the reference answer"
        )
    if "response" in whose:
        notes.append(
            "Min-K% is taken over the tokens of the model's own response, since those are stored;"
            " the paper takes the reference answer's"
        )
    notes += [f"{without:,} answers without a probability stay out"] if without else []
    notes += [f"An even spread is drawn; {left_out:,} answers are left out"] if left_out else []
    screen.caption(
        n=(
            f"n = {sum(one.n_id for one in found):,} ID and {sum(one.n_ood for one in found):,} OOD"
            " answers, all tasks pooled"
        ),
        estimator=(
            "Gaussian kernel densities on 100 points; KL and JS of the densities divided by their"
            " sum, and as the authors' code has them (undivided, so they grow with the number of"
            " points and have no unit); accuracy over mean Min-K% probability"
        ),
        interval=(
            f"{percent(found[0].confidence)}, bootstrap over answers (item level only; a JS near"
            " 0 is biased upwards)"
        ),
        denominator=chosen.denominator,
        more=notes,
    )


def _draw_tables(found: Sequence[AnswerLikelihood]) -> None:
    rows = [
        {
            "model": one.model,
            "measure": one.measure,
            "mean ID": one.mean_id,
            "mean OOD": one.mean_ood,
            "JS": one.normalised.js,
            "JS from": one.js_lo,
            "JS to": one.js_hi,
            "KL(ID, OOD)": one.normalised.kl,
            "KL(OOD, ID)": one.normalised.kl_reversed,
            "authors' KL": one.author.kl,
            "authors' JS": one.author.js,
            "n ID": one.n_id,
            "n OOD": one.n_ood,
            "reason": one.reason,
        }
        for one in found
    ]
    table = pd.DataFrame(rows)
    if table["reason"].isna().all():
        table = table.drop(columns="reason")
    numbers = [name for name in table.columns if name.startswith(("mean", "JS", "KL", "authors"))]
    screen.table(
        table,
        "answer-probability",
        formats=dict.fromkeys(numbers, partial(number, digits=3)),
        key="answer probability rows",
    )
    detailed = pd.concat(
        [one.min_k.assign(model=one.model, tokens=one.tokens) for one in found], ignore_index=True
    )
    if len(detailed):
        with st.expander("Min-K% in numbers"):
            screen.table(
                detailed[["model", *(name for name in detailed.columns if name != "model")]],
                "min-k-accuracy",
                key="min k rows",
            )
