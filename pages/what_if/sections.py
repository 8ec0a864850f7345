"""Sections of the what-if page: ranks and levels under another choice, what is missing for it,
target length, test size, multiverse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.text import level_name, number, percent, raised
from analysis.what_if.multiverse import DENOMINATOR_WORDS
from analysis.what_if.sentences import METRIC_HELP, multiverse_sentence, sentence
from data.records import Selection
from studies.what_if import AUTHORS_GRADER, metric_cells, multiverse, regraded
from ui import screen, selection
from ui.chart import show_chart
from ui.figures.multiverse import specification_curve_figure
from ui.figures.theme import MAX_LINES
from ui.figures.what_if import rank_slope_figure, what_if_levels_figure
from ui.kept import kept

if TYPE_CHECKING:
    from analysis.what_if.conclusions import Conclusion
    from analysis.what_if.evaluating import Choice, WhatIf
    from analysis.what_if.multiverse import Multiverse
    from analysis.what_if.scoring import Cells
    from studies.grading_effect import GradingEffectStudy


NO_INTERVAL = (
    "none is drawn: all specifications share the same answers, so their margins move together; the"
    " first tab has one for each choice"
)
GRADING = (
    "Grading every stored reply as the SCYLLA authors do; this takes some seconds the first time"
)


_REFERENCE = ("target", "response", "parsed_answer")
"""Columns that say how long a reference is."""


def draw_what_if(what_if: WhatIf, cells: Cells, ranked: Selection, left_out: str | None) -> None:
    """The sentence, the rank slope chart beside the values per level, and the table of ranks."""
    screen.answer(raised(sentence(what_if)))
    said = [_in_every_choice(what_if, ranked), left_out]
    st.caption(screen.plain(" ".join(text for text in said if text)))
    drawn = _drawn(what_if)
    styles = selection.styles(cells.models if len(cells.models) <= MAX_LINES else drawn)
    left, right = st.columns([0.44, 0.56], gap="small") if drawn else (st.container(), None)
    with left:
        clicked = show_chart(rank_slope_figure(what_if, styles=styles), key="what-if ranks")
    if right is not None:
        with right:
            clicked = (
                show_chart(
                    what_if_levels_figure(what_if, drawn, styles=styles), key="what-if levels"
                )
                or clicked
            )
    _caption(what_if)
    if clicked:
        kept = {name: clicked[name] for name in ("level", "split") if name in clicked}
        page = "runs" if clicked["model"] in cells.published else "samples"
        screen.open_page(page, model=clicked["model"], **(kept if page == "samples" else {}))
    for text in what_if.warnings:
        st.caption(screen.plain(f"Note: {text}"))
    numbers = _closed("The numbers", "numbers")
    if not numbers.open:
        return
    with numbers:
        screen.table(
            what_if.ranks.drop(columns=["moved"]),
            "what-if-ranks",
            columns=_columns(),
            formats=_FORMATS,
        )
        levels = what_if.chosen.levels.assign(
            level_label=[level_name(label, 0) for label in what_if.chosen.levels["level_label"]]
        )
        screen.table(levels, "what-if-levels", columns=_columns(), formats=_FORMATS)


def _in_every_choice(what_if: WhatIf, ranked: Selection) -> str | None:
    """In how many of all choices the surest overtaking holds."""
    from analysis.what_if.conclusions import Conclusion, Kind
    from analysis.what_if.evaluating import Quantity

    quantity = what_if.chosen.choice.quantity
    if not what_if.overtakes or quantity is Quantity.ALL:
        return None
    winner, loser, _ = what_if.overtakes[0]
    conclusion = Conclusion(kind=Kind.ABOVE, first=winner, second=loser, quantity=quantity)
    # The authors' grader takes seconds to look at all replies: only who asks for it waits.
    authors = what_if.chosen.choice.metric == AUTHORS_GRADER
    found = kept(multiverse)(ranked, conclusion, authors=authors)
    return (
        f"Over every choice{'' if authors else ' but the authors’ grader'}:"
        f" {multiverse_sentence(found)}"
    )


def _drawn(what_if: WhatIf) -> list[str]:
    """Models whose levels are drawn as lines: those that change places first, up to half of what a
    chart of lines holds.
    """
    ranks = what_if.ranks.dropna(subset=["paper_rank", "rank"])
    moved = ranks.reindex(ranks["moved"].abs().sort_values(ascending=False, kind="stable").index)[
        "model"
    ]
    return list(moved[: MAX_LINES // 2])


_METHODS = {
    "chance_corrected": "chance_corrected",
    "edit_distance": "token_edit_distance",
    "edit_distance_words": "token_edit_distance",
    "edit_distance_characters": "token_edit_distance",
    "token_accuracy": "per_token_accuracy",
    "answer_probability": "answer_log_probability",
    "token_probability": "answer_log_probability",
    "answer_logprob": "answer_log_probability",
    "choice_grade": "multiple_choice_grade",
    "choice_probability": "multiple_choice_grade",
    "brier": "brier",
}


def _method_of(metric: str) -> str:
    """Key of the methods page that says how a metric is made."""
    if ">=" in metric:
        return "thresholded_score"
    if metric == AUTHORS_GRADER:
        return AUTHORS_GRADER
    return "pass_at_k" if metric.startswith("pass@") else _METHODS.get(metric, "accuracy")


def _caption(what_if: WhatIf) -> None:
    metric, choice = what_if.chosen.metric, what_if.chosen.choice
    direction = "higher is better" if metric.higher_is_better else "lower is better"
    screen.caption(
        n=f"n = {int(what_if.chosen.levels['n'].sum()):,} answers",
        estimator=(
            f"{metric.label}: {metric.formula} ({direction}); {choice.averaging} count the same"
            " unless weighted"
        ),
        interval=(
            f"95 %, {len(what_if.chosen.draws)} bootstrap resamples of tasks and answers, paired"
            " over models"
        ),
        more=[
            (
                f"Denominator of your choice: {DENOMINATOR_WORDS[choice.denominator]} (on the left)"
                if what_if.has_answers
                else "Denominator: that of the published source"
            ),
            (
                "Paper: exact match, the authors’ rule, S of each task, tasks then levels count the"
                " same, λ = 1"
            ),
        ],
        methods=tuple(
            dict.fromkeys((_method_of(metric.key), "aggregation", "generalization_score"))
        ),
    )


def draw_missing(cells: Cells, choice: Choice, ranked: Selection) -> None:
    """Which runs lack what the metric needs, and which option would record it."""
    lacking = {
        model: text
        for (key, model), text in cells.lacking.items()
        if key == choice.metric and model in cells.models
    }
    by_reason: dict[str, list[str]] = {}
    for model, text in lacking.items():
        by_reason.setdefault(text, []).append(model)
    for text, models in by_reason.items():
        who = ", ".join(models) if len(models) <= 6 else f"{len(models)} models"
        st.warning(screen.plain(f"{who}: {text}."), icon=":material/data_alert:")
    if choice.metric == AUTHORS_GRADER:
        _say_regraded(cells, ranked)
    with st.expander("What each metric is"):
        st.markdown(METRIC_HELP)


def _say_regraded(cells: Cells, ranked: Selection) -> None:
    """How many replies were graded anew, what our own grader says of them, and why others could not
    be graded.
    """
    rows = kept(regraded)(replace(ranked, tasks=()))
    rows = rows[rows["model"].isin(cells.models)]
    graded = rows.dropna(subset=["our_outcome"])
    same = int((graded["our_outcome"] == graded["outcome"]).sum())
    st.caption(
        screen.plain(
            f"{len(graded):,} replies were graded anew, each against the instance that its stored"
            f" prompt and id prove. Our grader gives {same:,} of them the stored outcome. Replies"
            " in the ladder's compact form have no brackets: their answer is put to the authors'"
            " grader as “The answer is [...].”"
        )
    )
    for reason, n in rows["reason"].value_counts().items():
        st.warning(
            screen.plain(f"{n:,} replies cannot be graded anew: {reason}."),
            icon=":material/data_alert:",
        )


def draw_length(ranked: Selection, choice: Choice) -> None:
    """Exact match at another target length, p^L."""
    from analysis.what_if.target_length import target_length_table

    place = _closed(
        "Another target length: what exact match hides behind p to the power of L", "length_open"
    )
    if not place.open:
        return
    with place:
        length = st.slider("Tokens of the reference", 1, 40, 5, key="length", bind="query-params")
        cells = kept(metric_cells)(ranked, columns=_REFERENCE, authors=False)
        table = target_length_table(cells, length, denominator=choice.denominator)
        known = table.dropna(subset=["p"])
        if known.empty:
            screen.empty(
                "No token probability can be inferred.",
                "It needs exact-match accuracies above 0 and stored references.",
            )
            return
        worst = known.iloc[int(known["accuracy"].argmin())]
        screen.answer(
            raised(
                f"{worst['model']} at {worst['level_label']}{_side(worst['split'])} is right in"
                f" {percent(worst['accuracy'], 1)}, yet each of its {number(worst['tokens'], 1)}"
                f" tokens in {percent(worst['p'], 1)}; with {length} tokens it would be right in"
                f" {percent(worst['accuracy_at'], 1)}."
            )
        )
        screen.caption(
            n=f"{len(table)} levels of models",
            estimator=(
                "p = y^(1/L) from exact match y and the references' mean length L; exact match"
                " p^L′, edit distance L′(1 − p)"
            ),
            more=[
                "Assumes independent, equally likely tokens",
                "0 right gives an upper bound of p only",
            ],
            methods=("metric_transform",),
        )
        shown = table.assign(level_label=[level_name(text, 0) for text in table["level_label"]])
        screen.table(shown, "target-length", columns=_columns(), formats=_FORMATS)


def _closed(label: str, key: str) -> Any:
    """An expander that computes what is in it only while it is open."""
    return st.expander(label, key=key, on_change="rerun")


def _side(split: Any) -> str:
    return f" {split.upper()}" if isinstance(split, str) else ""


def draw_smaller_test(cells: Cells, choice: Choice) -> None:
    """What fewer answers would have shown."""
    from analysis.what_if.fewer_samples import smaller_test

    place = _closed("A smaller test: what fewer answers would have shown", "test_open")
    if not place.open:
        return
    with place:
        most = int(cells.n_answered.max())
        if most < 2:
            st.caption("There is at most one answer per task and split.")
            return
        n = st.slider(
            "Answers per task and split",
            1,
            min(most, 512),
            min(32, most),
            key="test_size",
            bind="query-params",
        )
        found = smaller_test(cells, choice, n)
        screen.answer(found.sentence())
        screen.caption(
            n=(
                f"{found.repeats} draws of {n} of at most {most:,} answers, without replacement,"
                " seed 0"
            ),
            estimator=(
                "exact match, otherwise your choice; the smallest accuracy above 0 is"
                f" {percent(found.step, 1)}"
            ),
            more=(
                ["Published level means are drawn from as one task per level"]
                if cells.published & set(cells.models)
                else []
            ),
        )


def draw_multiverse(found: Multiverse) -> None:
    """The share of specifications in which the conclusion holds, the curve, and what flips it."""
    screen.answer(raised(multiverse_sentence(found)))
    key = f"specification curve {found.text}"
    show_chart(specification_curve_figure(found), key=key, on_click=False)
    choices = " × ".join(
        f"{len(dimension.options)} {dimension.name}" for dimension in found.dimensions
    )
    screen.caption(
        n=(
            f"{found.n:,} specifications ({choices}), of which {found.n - found.n_computable:,}"
            " cannot be computed and count in no share"
        ),
        estimator=(
            "every combination on the same stored answers; a share counts choices, it is no"
            " probability"
        ),
        interval=NO_INTERVAL,
        more=_kind_notes(found.conclusion),
        methods=("multiverse", "aggregation"),
    )
    reasons = found.reason_counts()
    if reasons:
        with st.expander(
            f"What cannot be computed, and what would record it ({len(reasons)} reasons)"
        ):
            st.markdown(
                "\n".join(
                    f"- {n:,} specifications. {screen.plain(reason)}."
                    for reason, n in reasons.items()
                )
            )
    shares = _closed("The share by choice", f"shares {found.text}")
    if shares.open:
        with shares:
            screen.table(found.by_choice, "multiverse-shares", columns=_columns(), formats=_FORMATS)


def _kind_notes(conclusion: Conclusion) -> list[str]:
    from analysis.what_if.conclusions import Kind
    from analysis.what_if.multiverse import LITTLE, MUCH

    if conclusion.kind is Kind.EMERGES:
        return [
            f"Emerges: at most {percent(LITTLE)} of the rise from the worst to the best model"
            f" here is reached by the first model and at least {percent(MUCH)} by the second"
        ]
    if conclusion.kind is Kind.CRITICAL:
        return [
            "Critical: the level with the largest gap, if that is above 0; log-odds gaps are those"
            " of the level means"
        ]
    return ["Tasks that both models answered"]


def draw_grading(found: GradingEffectStudy) -> None:
    """What the authors' grader gives a perfect solver, by task and split."""
    table = found.tasks
    screen.answer(found.sentence)
    screen.table(table, "grading-effect", columns=_columns(), formats=_FORMATS)
    screen.caption(
        n=(f"{found.settings.n} instances per task and split, seed {found.settings.seed}"),
        estimator=(
            "share of random right answers that the authors' extraction and comparison call right,"
            " on instances made by their rules"
        ),
        interval="95 %, Wilson",
        more=["Ours gives a perfect solver 100 % on every task and split"],
    )


_NUMBERS = {
    "paper": "paper",
    "paper_lo": "paper from",
    "paper_hi": "paper to",
    "value": "chosen",
    "value_lo": "chosen from",
    "value_hi": "chosen to",
    "id": "ID",
    "id_lo": "ID from",
    "id_hi": "ID to",
    "ood": "OOD",
    "ood_lo": "OOD from",
    "ood_hi": "OOD to",
    "gap": "gap",
    "gap_lo": "gap from",
    "gap_hi": "gap to",
    "score": "S",
    "score_lo": "S from",
    "score_hi": "S to",
    "accuracy": "exact match",
    "tokens": "tokens L",
    "p": "p per token",
    "p_bound": "p at most",
    "accuracy_at": "exact match at L′",
    "accuracy_at_bound": "at most",
    "distance_at": "edit distance at L′",
    "share": "share that holds",
}
_FORMATS: dict[str, Callable[[Any], str]] = dict.fromkeys(_NUMBERS, partial(number, digits=3))


def _columns() -> dict[str, Any]:
    numeric, text = st.column_config.NumberColumn, st.column_config.TextColumn
    counts = {
        "paper_rank": "rank, paper",
        "rank": "rank, chosen",
        "paper_critical": "critical, paper",
        "critical": "critical, chosen",
        "n_tasks": "tasks",
        "n": "n",
        "n_computable": "computable",
        "n_hold": "hold",
    }
    return {
        "model": text("model", pinned=True),
        "level_label": text("level name", width=110),
        **{name: numeric(label) for name, label in _NUMBERS.items()},
        **{name: numeric(label, format="%d") for name, label in counts.items()},
    }
