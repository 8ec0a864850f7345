"""Which model is better, where, and how sure is that? Two to six models against a baseline, paired
wherever instances are shared.
"""

from dataclasses import replace

import streamlit as st

from analysis.compare.sentences import headline
from pages.compare.controls import compared_models, pick_comparison
from pages.compare.pairs import draw_pairs, follow_click
from pages.compare.sections import draw_agreement, draw_forest, draw_notes, draw_ranks, draw_table
from studies.compare import agreement, compare, comparison
from ui import screen, selection
from ui.kept import kept

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

    settings = pick_comparison(models)
    compared = replace(chosen, models=models)
    # Only ranks are bootstrapped: what comes first on the page need not wait for them.
    quick = kept(comparison)(compared, settings, bootstrap=False)
    screen.answer(headline(quick))
    if left_out:
        st.caption(screen.plain(left_out))
    follow_click(draw_forest(quick, chosen))
    draw_notes(quick)

    pair_tab, table_tab, rank_tab, agreement_tab = st.tabs(
        ["Side by side", "Numbers", "Ranks", "Agreement"],
        key="view",
        on_change="rerun",
        bind="query-params",
    )
    if pair_tab.open:
        with pair_tab:
            draw_pairs(quick, chosen)
    if table_tab.open:
        with table_tab:
            draw_table(kept(compare)(compared, settings).comparison)
    if rank_tab.open:
        with rank_tab:
            draw_ranks(kept(compare)(compared, settings).comparison)
    if agreement_tab.open:
        with agreement_tab:
            draw_agreement(kept(agreement)(compared), quick, chosen)
