"""Which model is better, where, and how sure is that? Two to six models against a baseline, paired
wherever instances are shared.
"""

import streamlit as st

from pages.compare.controls import compared_models, pick_comparison
from pages.compare.pairs import draw_pairs, follow_click
from pages.compare.sections import draw_agreement, draw_forest, draw_notes, draw_ranks, draw_table
from pages.compare.sentences import headline
from ui import cached, screen, selection

chosen = selection.current()
screen.question("Which model is better, and how sure is that?")

with screen.readable_errors():
    models, left_out = compared_models(chosen)
    if not 2 <= len(models) <= 6:
        few = len(models) < 2
        screen.empty(
            f"A comparison takes two to six models; {len(models) or 'none'} of the chosen"
            f" {'has' if few else 'have'} results here.",
            (
                "Choose more under Models on the left, or import results."
                if few
                else "Take some away under Models on the left."
            ),
            page="runs" if few else None,
            link="Import results",
        )
        st.stop()

    choice = pick_comparison(models)
    asked = (models, choice.baseline, choice.grouping, choice.unit, chosen)
    comparison = cached.comparison(*asked, bootstrap=False)
    screen.answer(headline(comparison))
    if left_out:
        st.caption(screen.plain(left_out))
    follow_click(draw_forest(comparison, chosen))
    draw_notes(comparison)

    pair_tab, table_tab, rank_tab, agreement_tab = st.tabs(
        ["Side by side", "Numbers", "Ranks", "Agreement"],
        key="view",
        on_change="rerun",
        bind="query-params",
    )
    if pair_tab.open:
        with pair_tab:
            draw_pairs(comparison, chosen)
    if table_tab.open:
        with table_tab:
            draw_table(cached.comparison(*asked))
    if rank_tab.open:
        with rank_tab:
            draw_ranks(cached.comparison(*asked))
    if agreement_tab.open:
        with agreement_tab:
            draw_agreement(comparison, chosen)
