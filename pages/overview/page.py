"""What is here, and where do I start?"""

from dataclasses import replace

import streamlit as st

from data.records import Selection
from ui import cached, screen, selection
from ui.import_panel import draw_import_panel
from ui.overview_parts import content_table, coverage_table, draw_answers, headline
from ui.valley_words import raised
from ui.words import ago, counted, format_label, size

START = (
    (
        "valley",
        ":material/stacked_line_chart:",
        "Where does generalization break down?",
        "ID and OOD accuracy by level, the gap and how sure its peak is.",
    ),
    (
        "samples",
        ":material/article:",
        "Which answers went wrong, and why?",
        "From a filter to a list to one answer: prompt, response, target, reason.",
    ),
    (
        "runs",
        ":material/inventory_2:",
        "Where does a number come from?",
        "Every run with its source file, hash, settings, warnings and rejected records.",
    ),
)

HELP = {
    "samples": "Every reading of every answer: one answer read through two filters is two samples.",
    "scores": "Numbers over many answers, as their sources state them.",
    "runs": "One model evaluated once under one configuration.",
}

chosen = selection.current()
screen.question("What is here, and where do I start?")

with screen.readable_errors():
    info, runs = cached.store_info(), cached.runs()
    if runs.empty:
        screen.empty(
            "The store holds no results yet.",
            "Drop result files below (lm-evaluation-harness, SCYLLA, CSV, TSV, Parquet, Charybdis' own), or give a path.",
        )
        draw_import_panel(with_path=True)
        st.stop()

    screen.answer(headline(runs, len(cached.valley_sources(Selection(scheme=chosen.scheme)))))
    with st.container(horizontal=True):
        for label in ("models", "tasks", "runs", "samples", "scores"):
            st.metric(label.capitalize(), f"{info[label]:,}", border=True, help=HELP.get(label))

    if not info["samples"]:
        st.caption("What is here came as scores alone, without samples. Result files of a harness bring them.")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.subheader("Start with a question", anchor=False)
        for page, icon, question, answer in START:
            with st.container(gap=None):
                screen.page_link(page, question, icon=icon)
                st.caption(answer)
    with right:
        st.subheader("Bring in results", anchor=False)
        draw_import_panel(with_path=False)
        st.caption("Folders and very large files: on the Runs page, by path.")

    st.subheader("What is stored", anchor=False)
    columns = {
        "newest": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
        "answers": st.column_config.NumberColumn(help="Each answer once, in its primary reading."),
    }
    screen.table(content_table(runs), "contents", columns=columns, formats={"format": format_label})

    counts = cached.task_counts(replace(chosen, runs=()))
    draw_answers(counts)
    st.subheader("Which levels are covered", anchor=False)
    levels = cached.levels(chosen.scheme)
    if levels.empty:
        st.caption(screen.plain(f"The catalog names no levels for the scheme {chosen.scheme}."))
    else:
        screen.table(coverage_table(counts, cached.level_scores(chosen), levels), "levels", formats={"label": raised})
        st.caption(
            "Answers are those graded correct, wrong or unparsed, of the runs that charts count. Published figures come without answers."
        )
    newest = f", last changed {ago(runs['added_at'].max())}"
    st.caption(
        screen.plain(
            f"Store {info['path']}, version {info['version']}{newest}, {size(info['n_bytes'])}, {counted(info['imports'], 'import')}."
        )
    )
