"""What is here, and where do I start?"""

from dataclasses import replace

import streamlit as st

from analysis.text import ago, at, counted, raised, size_text
from data.importers import format_label
from data.queries import fetch_levels, fetch_runs, fetch_store_info, fetch_views
from data.records import Selection
from pages.overview.guide import draw_guide
from pages.overview.sections import (
    content_table,
    coverage_table,
    draw_answers,
    draw_questions,
    headline,
)
from pages.runs.import_panel import WHAT_IS_READ, draw_import_panel
from studies.steps import level_scores, task_counts
from studies.valley import sources as valley_sources
from ui import screen, selection
from ui.example_views import draw_examples, examples
from ui.kept import kept
from ui.meeting.view_panel import draw_saved_views
from ui.startup import known_pages

HELP = {
    "samples": "Every reading of every answer: one answer read through two filters is two samples.",
    "scores": "Numbers over many answers, as their sources state them.",
    "runs": "One model evaluated once under one configuration.",
}

chosen = selection.current()
screen.question("What is here, and where do I start?")

with screen.readable_errors():
    info, runs = kept(fetch_store_info)(), kept(fetch_runs)()
    if runs.empty:
        screen.empty(
            "The store holds no results yet.",
            f"Drop result files below, or give a path. What is read: {WHAT_IS_READ}.",
        )
        draw_import_panel(with_path=True)
        st.stop()

    n_with_both = len(kept(valley_sources)(Selection(scheme=chosen.scheme)))
    screen.answer(headline(runs, n_with_both), kept=headline(runs, n_with_both, when=at))
    with st.container(horizontal=True):
        for label in ("models", "tasks", "runs", "samples", "scores"):
            st.metric(label.capitalize(), f"{info[label]:,}", border=True, help=HELP.get(label))

    draw_guide()
    if not info["samples"]:
        st.caption(
            "What is here came as scores alone, without samples. Result files of a harness bring"
            " them."
        )
    left, right = st.columns([18, 7], gap="small")
    with left:
        st.subheader("Start with a question", anchor=False)
        draw_questions(known_pages())
        if len(kept(fetch_views)()):
            st.subheader("Saved views", anchor=False)
            draw_saved_views()
        if examples():
            st.subheader("Examples", anchor=False)
            draw_examples()
    with right:
        st.subheader("Bring in results", anchor=False)
        draw_import_panel(with_path=False)
        st.caption("Folders and very large files: on the Runs page, by path.")

    st.subheader("What is stored", anchor=False)
    columns = {
        "newest": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
        **{
            name: st.column_config.NumberColumn(format="localized")
            for name in ("models", "runs", "scores")
        },
        "answers": st.column_config.NumberColumn(
            format="localized", help="Each answer once, in its primary reading."
        ),
    }
    screen.table(content_table(runs), "contents", columns=columns, formats={"format": format_label})

    counts = kept(task_counts)(replace(chosen, runs=()))
    draw_answers(counts)
    st.subheader("Which levels are covered", anchor=False)
    levels = kept(fetch_levels)(chosen.scheme)
    if levels.empty:
        st.caption(screen.plain(f"The catalog names no levels for the scheme {chosen.scheme}."))
    else:
        screen.table(
            coverage_table(counts, kept(level_scores)(chosen), levels),
            "levels",
            formats={"label": raised},
        )
        st.caption(
            "Answers are those graded correct, wrong or unparsed, of the runs that charts count."
            " Published figures come without answers."
        )
    newest = f", last changed {ago(runs['added_at'].max())}"
    st.caption(
        screen.plain(
            f"Store {info['path']}, version {info['version']}{newest},"
            f" {size_text(info['n_bytes'])}, {counted(info['imports'], 'import')}."
        )
    )
