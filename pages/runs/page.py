"""What was imported, where does it come from, and what could not come in?"""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from analysis.text import ago, at, counted
from data.importers import format_label
from data.queries import fetch_imports, fetch_rejects, fetch_runs, fetch_store_info
from pages.runs.identity_panel import draw_identity_panel
from pages.runs.import_panel import draw_import_panel
from pages.runs.sections import (
    draw_failures,
    draw_import_removal,
    draw_run,
    import_table,
    reject_table,
    run_table,
    show_removal,
)
from pages.runs.watch_panel import draw_watch_panel
from pages.samples.filters import say_ignored
from ui import screen
from ui.kept import kept

VIEWS = ("Runs", "Import", "Sources", "Models", "Rejects")
_IGNORED = "runs: model of the link that is not here"


def draw_runs() -> None:
    """The list of runs, and the one that is chosen in full."""
    runs = kept(fetch_runs)()
    if runs.empty:
        screen.empty(
            "The store holds no runs yet.",
            "Open Import above and drop result files there, or give a path on this machine.",
        )
        return
    models = sorted(runs["model"].unique())
    asked = st.query_params.get("model")
    if asked and asked not in models:
        st.session_state[_IGNORED] = asked
    model = st.selectbox(
        "Model", models, index=None, key="model", bind="query-params", placeholder="all models"
    )
    if model:
        st.session_state.pop(_IGNORED, None)
    elif _IGNORED in st.session_state:
        say_ignored(
            "model",
            st.session_state[_IGNORED],
            "All runs are listed; choose one of their models above.",
        )
    shown = runs[runs["model"] == model].reset_index(drop=True) if model else runs
    chosen = screen.table(
        run_table(shown),
        "runs",
        # another list: the tick must not pass on to the next run
        key=f"run list {model} {kept(fetch_store_info)()['version']}",
        on_select=True,
        height=min(330, 38 + 35 * len(shown)),
        formats={"format": format_label},
        columns={
            "run": st.column_config.TextColumn(width=130),
            "added": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
        },
    )
    if chosen:
        st.query_params["run"] = shown["run_id"][chosen[0]]
    run_id = st.query_params.get("run")
    if run_id in set(runs["run_id"]):
        draw_run(str(run_id))
    elif run_id:
        say_ignored(
            "run", run_id, "It may have been removed; the list shows the runs that are stored."
        )
    else:
        st.caption(
            "Select a row to see a run in full: provenance, settings, warnings, downloads, removal."
        )


def draw_rejects() -> None:
    """Records that could not come in, with place and reason."""
    rejects = kept(fetch_rejects)()
    if rejects.empty:
        screen.empty(
            "Every record of every import came in.",
            "Records that cannot be used are listed here with their place and the reason.",
        )
        return
    sources = list(dict.fromkeys(rejects["path"]))
    source = st.selectbox(
        "Source", sources, index=None, key="rejects of", placeholder="all sources"
    )
    screen.table(reject_table(rejects[rejects["path"] == source] if source else rejects), "rejects")
    n_rejected = int(kept(fetch_imports)()["n_rejected"].sum())
    if n_rejected > len(rejects):
        st.caption(
            f"Kept with their place are {len(rejects):,} of {n_rejected:,} rejected records: at"
            " most 1,000 for each import."
        )


def in_one_sentence(
    info: dict[str, Any], tried: pd.DataFrame, when: Callable[[pd.Timestamp], str]
) -> str:
    """How much there is, how new it is, and whether anything was turned away. `tried`: as
    fetch_imports, newest first.
    """
    imports = tried[tried["status"] != "failed"]
    content = (
        f"{counted(info['runs'], 'run')} of {counted(info['models'], 'model')} from"
        f" {counted(len(imports), 'import')}"
    )
    newest = f"; newest {when(imports['imported_at'].iloc[0])}" if len(imports) else ""
    failed = (
        f"; {counted(info['failed_imports'], 'source')} failed" if info["failed_imports"] else ""
    )
    n_rejected = int(tried["n_rejected"].sum())
    rejected = (
        f"{counted(n_rejected, 'record')} could not come in"
        if n_rejected
        else "no record was rejected"
    )
    return f"{content}{newest}{failed}; {rejected}."


screen.question("What was imported, and where does it come from?")
with screen.readable_errors():
    info, tried = kept(fetch_store_info)(), kept(fetch_imports)()
    imports, failed = tried[tried["status"] != "failed"], tried[tried["status"] == "failed"]
    if info["runs"]:
        screen.answer(in_one_sentence(info, tried, ago), kept=in_one_sentence(info, tried, at))
    show_removal()
    view = st.query_params.get("view")
    if view and view not in VIEWS:
        say_ignored("view", view, f"Possible: {', '.join(VIEWS)}.")
    run_tab, import_tab, source_tab, model_tab, reject_tab = st.tabs(
        VIEWS, key="view", on_change="rerun", bind="query-params"
    )
    if run_tab.open:
        with run_tab:
            draw_runs()
    if import_tab.open:
        with import_tab:
            draw_import_panel(with_path=True)
            draw_watch_panel()
    if source_tab.open:
        with source_tab:
            if not failed.empty:
                draw_failures(failed)
                st.subheader("What came in", anchor=False)
            if imports.empty:
                screen.empty(
                    "Nothing was imported yet.",
                    "Each source is listed here with its path, its hash and what came in.",
                )
            else:
                columns = {"imported": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")}
                screen.table(
                    import_table(imports),
                    "imports",
                    columns=columns,
                    formats={"format": format_label},
                )
                draw_import_removal(imports)
    if model_tab.open:
        with model_tab:
            draw_identity_panel()
    if reject_tab.open:
        with reject_tab:
            draw_rejects()
