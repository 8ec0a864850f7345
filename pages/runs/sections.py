"""Runs on screen: the list of them, one in full, where it came from, how to take it away or remove
it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import streamlit as st

from analysis.text import ago, counted
from data.bootstrap import SHIPPED
from data.every_eval_ever import write_every_eval_ever
from data.failures import forget_failures
from data.importers import format_label
from data.importing import remove_import
from data.interchange import stored_batches, write_jsonl, write_parquet
from data.queries import fetch_run, fetch_runs
from data.records import CharybdisError
from data.removing import remove_runs
from data.unfinished import QUIET_S, RUNNING
from ui import screen
from ui.kept import kept, the_store
from ui.raw_text import one_line, visible

_WRITERS = {"jsonl": write_jsonl, "parquet": write_parquet}
MAX_REASONS = 4
"""So many reasons why imports failed stand above their table."""
_SAID = "runs: what became of a removal"
_NESTED = ("seeds", "generation", "metadata")
_APART = {*_NESTED, "warnings", "run_id", "model", "status"}
"""Shown in places of their own."""
_BADGES: Mapping[str, Literal["blue", "violet"]] = {"success": "blue", RUNNING: "violet"}
_SAMPLE_COUNTS = {
    "n_correct": "correct",
    "n_wrong": "wrong",
    "n_unparsed": "unparsed",
    "n_error": "error",
}


def run_table(runs: pd.DataFrame) -> pd.DataFrame:
    """The list of runs as it stands on screen; columns without any value are left out."""
    table = pd.DataFrame(
        {
            "model": [one_line(model) for model in runs["model"]],
            "status": runs["status"],
            "benchmark": runs["benchmark"],
            "format": runs["format"],
            "samples": runs["n_samples"],
            "scores": runs["n_scores"],
            "checkpoint": [
                None if pd.isna(word) else one_line(str(word), at_most=40)
                for word in runs["checkpoint"]
            ],
            "step": runs["step"].astype("Int64"),
            "shots": runs["n_shot"].astype("Int64"),
            "warnings": [len(parse_warnings(text)) for text in runs["warnings"]],
            "added": runs["added_at"],
            "run": runs["run_id"],
        }
    )
    return table.drop(
        columns=[
            name
            for name in ("benchmark", "checkpoint", "step", "shots")
            if table[name].isna().all()
        ]
    )


def draw_run(run_id: str) -> None:
    """Draw one run in full: outcome counts, warnings, provenance, settings, downloads, removal."""
    run = kept(fetch_run)(run_id)
    runs = kept(fetch_runs)()
    listed = runs[runs["run_id"] == run_id].iloc[0]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{screen.plain(run['model'])}**")
            st.badge(str(run["status"]), color=_BADGES.get(str(run["status"]), "orange"))
            st.caption(screen.plain(run_id))
        st.caption(screen.plain(_content_words(listed)))
        if run["status"] == RUNNING:
            st.caption(
                "Still being written: these are its numbers so far. Once its files have not grown"
                f" for {QUIET_S // 60} minutes it counts as stopped."
            )
        for warning in parse_warnings(run["warnings"]):
            st.warning(screen.plain(visible(warning)), icon=":material/warning:")
        _draw_actions(run_id, str(run["model"]), listed)
        left, right = st.columns(2)
        left.caption("Where it comes from")
        left.dataframe(provenance_table(run), hide_index=True)
        right.caption("Seeds, decoding and what else the source says")
        settings = settings_table(run)
        if settings.empty:
            right.caption("The source says nothing of these.")
        else:
            right.dataframe(settings, hide_index=True)


def _content_words(listed: pd.Series) -> str:
    outcomes = [f"{listed[name]:,} {word}" for name, word in _SAMPLE_COUNTS.items() if listed[name]]
    n_ungraded = int(listed["n_samples"]) - sum(int(listed[name]) for name in _SAMPLE_COUNTS)
    if n_ungraded:
        outcomes.append(f"{n_ungraded:,} not graded")
    samples = counted(int(listed["n_samples"]), "sample") + (
        f" ({', '.join(outcomes)})" if outcomes else ""
    )
    return (
        f"{samples}, {counted(int(listed['n_scores']), 'score')}; added {ago(listed['added_at'])}"
    )


def _draw_actions(run_id: str, model: str, listed: pd.Series) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if listed["n_samples"]:
            screen.page_link(
                "samples", "Its samples", icon=":material/article:", run=run_id, model=model
            )
        for suffix, label in (("jsonl", "JSONL"), ("parquet", "Parquet")):
            screen.save_button(
                f"Save as {label}",
                partial(run_file, run_id, suffix),
                f"{run_id}.{suffix}",
                "application/octet-stream",
                key=f"save run {suffix}",
                help="In Charybdis' own format: it imports back without loss.",
            )
        screen.save_button(
            "Save as Every Eval Ever",
            partial(run_records, run_id),
            f"{run_id}.zip",
            "application/zip",
            key="save run every_eval_ever",
            help="Records of the shared schema (0.3.0) with scores and samples, as one archive.",
        )
        if st.button(
            "Remove this run", key="remove run", type="tertiary", icon=":material/delete:"
        ):
            _confirm_removal(
                run_id,
                model,
                _content_words(listed),
                str(listed["sha256"]) if pd.notna(listed["sha256"]) else None,
            )


@st.dialog("Remove this run?")
def _confirm_removal(run_id: str, model: str, content: str, sha256: str | None) -> None:
    st.markdown(screen.plain(f"Run {run_id} of {model}: {content}."))
    st.markdown("It goes from the store with everything that hangs on it.")
    if sha256:
        st.markdown("No source file is touched: importing it again brings the run back.")
    else:
        st.markdown("It came from no file. Save it first, if it may be wanted again.")
    with st.container(horizontal=True):
        if st.button(
            "Remove", key="confirm removal", type="primary", on_click=_remove, args=(run_id, model)
        ):
            st.rerun()
        if st.button("Keep it", key="keep run"):
            st.rerun()


def _remove(run_id: str, model: str) -> None:
    try:
        with the_store().transaction(changes_catalog=False) as cursor:
            remove_runs(cursor, [run_id])
    except CharybdisError as error:
        st.session_state[_SAID] = (False, f"Nothing was removed. {error}")
    else:
        st.query_params.pop("run", None)
        st.session_state[_SAID] = (True, f"Run {run_id} of {model} was removed.")


def show_removal() -> None:
    """Say once what became of a removal."""
    said = st.session_state.pop(_SAID, None)
    if said is not None:
        is_done, text = said
        (st.success if is_done else st.error)(
            screen.plain(text), icon=":material/check_circle:" if is_done else ":material/error:"
        )


def run_file(run_id: str, suffix: str) -> bytes:
    """One run in Charybdis' own format, as the bytes of a file."""
    with tempfile.TemporaryDirectory(prefix="charybdis-run-") as folder:
        path = Path(folder) / f"run.{suffix}"
        _WRITERS[suffix](path, stored_batches(the_store(), [run_id]))
        return path.read_bytes()


def run_records(run_id: str) -> bytes:
    """One run as records of Every Eval Ever, as the bytes of a zip archive."""
    with tempfile.TemporaryDirectory(prefix="charybdis-run-") as folder:
        path = Path(folder) / "run.zip"
        write_every_eval_ever(path, the_store(), [run_id])
        return path.read_bytes()


def provenance_table(run: Mapping[str, Any]) -> pd.DataFrame:
    """Facts of the run that the source or the import states, one row each; what is unknown is left
    out.
    """
    rows = [
        (name, one_line(str(value), at_most=500))
        for name, value in run.items()
        if name not in _APART and value is not None
    ]
    return pd.DataFrame(rows, columns=["fact", "value"])


def settings_table(run: Mapping[str, Any]) -> pd.DataFrame:
    """Seeds, decoding settings and metadata, flattened to one row each."""
    rows = [
        (f"{kind}: {name}", one_line(value, at_most=1000))
        for kind in _NESTED
        for name, value in _flat(_shortened(json.loads(run[kind]) if run[kind] else {}))
    ]
    return pd.DataFrame(
        [(one_line(name), value) for name, value in rows], columns=["setting", "value"]
    )


def _shortened(settings: dict[str, Any]) -> dict[str, Any]:
    """An elicited ID source as one line per task: it holds how often each of thousands of numbers
    was written.
    """
    source = settings.get("id_source")
    if not isinstance(source, dict) or not isinstance(source.get("tasks"), dict):
        return settings
    return {
        **settings,
        "id_source": {
            **source,
            "tasks": {task: elicited_words(said) for task, said in source["tasks"].items()},
        },
    }


def elicited_words(said: Mapping[str, Any]) -> str:
    """What a model wrote when it was asked for test inputs of a task.

    >>> seen = {"elements": {"3": 5, "40": 3}, "lengths": {"4": 2}}
    >>> elicited_words(seen | {"n_examples": 2, "n_prompts": 8})
    '2 examples of length 4 with 2 different numbers from 3 to 40, after 8 prompts'
    """
    lengths, numbers = sorted(map(int, said["lengths"])), sorted(map(int, said["elements"]))
    length = f"{lengths[0]}" if lengths[0] == lengths[-1] else f"{lengths[0]} to {lengths[-1]}"
    return (
        f"{counted(said['n_examples'], 'example')} of length {length} with"
        f" {counted(len(numbers), 'different number')} from {numbers[0]} to {numbers[-1]}, after"
        f" {counted(said['n_prompts'], 'prompt')}"
    )


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [
            row
            for key, part in value.items()
            for row in _flat(part, f"{name}.{key}" if name else str(key))
        ]
    if not name:
        return []
    return [
        (
            name,
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str),
        )
    ]


def parse_warnings(text: str | None) -> list[str]:
    """Warnings of a run as stored: a JSON list of texts."""
    return [str(warning) for warning in json.loads(text)] if text else []


def import_table(imports: pd.DataFrame) -> pd.DataFrame:
    """Imports as they stand on screen."""
    return pd.DataFrame(
        {
            "source": [one_line(path) for path in imports["path"]],
            "format": imports["format"],
            "imported": imports["imported_at"],
            "runs": imports["n_runs"].astype("Int64"),
            "scores": imports["n_scores"].astype("Int64"),
            "samples": imports["n_samples"].astype("Int64"),
            "rejected": imports["n_rejected"].astype("Int64"),
            "bytes": imports["n_bytes"].astype("Int64"),
            # Behind the content's hash stand the person's choices, if there were any.
            "sha256": [str(identity).partition("+")[0] for identity in imports["sha256"]],
            "corrected mapping": [
                one_line(str(identity).partition("+")[2], at_most=500) or None
                for identity in imports["sha256"]
            ],
            "importer version": imports["importer_version"],
        }
    ).dropna(axis="columns", how="all")


def failure_table(failed: pd.DataFrame) -> pd.DataFrame:
    """Imports that failed as they stand on screen, with the reason."""
    return pd.DataFrame(
        {
            "source": [one_line(path) for path in failed["path"]],
            "format": failed["format"],
            "tried": failed["imported_at"],
            "why": [one_line(str(message), at_most=600) for message in failed["message"]],
            "rejected": failed["n_rejected"].astype("Int64"),
            "bytes": failed["n_bytes"].astype("Int64"),
            "sha256": [str(identity).partition("+")[0] or None for identity in failed["sha256"]],
        }
    )


def draw_failures(failed: pd.DataFrame) -> None:
    """What failed and why, and a button that forgets it. Nothing of these sources is stored."""
    st.subheader("What failed", anchor=False)
    for message in failed["message"].head(
        MAX_REASONS
    ):  # the table beneath holds them all, but is cut off where the page is narrow
        st.caption(screen.plain(one_line(str(message), at_most=600)))
    columns = {
        "tried": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
        "why": st.column_config.TextColumn(width="large"),
    }
    screen.table(
        failure_table(failed), "failed imports", columns=columns, formats={"format": format_label}
    )
    st.caption(
        "Nothing of these is stored. Import them again once they are put right: a line goes when"
        " its source comes in."
    )
    st.button(
        "Forget these",
        key="forget failures",
        icon=":material/delete:",
        type="tertiary",
        on_click=_forget_failures,
    )


def _forget_failures() -> None:
    try:
        n = forget_failures(the_store())
    except CharybdisError as error:
        st.session_state[_SAID] = (False, str(error))
    else:
        st.session_state[_SAID] = (True, f"{counted(n, 'failed import')} forgotten.")


def draw_import_removal(imports: pd.DataFrame) -> None:
    """Choose one import and undo it; the newest one is proposed, unless it came with Charybdis."""
    names = {
        int(key): f"{one_line(path)} ({ago(moment)})"
        for key, path, moment in imports[["import_key", "path", "imported_at"]].to_numpy()
    }
    is_shipped = any(
        Path(str(imports["path"].iloc[0])).is_relative_to(folder) for folder in SHIPPED
    )
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    chosen = left.selectbox(
        "Undo an import",
        list(names),
        index=None if is_shipped else 0,  # what came with Charybdis must not go by a stray click
        format_func=lambda key: names[key],
        key="import to remove",
        placeholder="an import",
    )
    right.button(
        "Remove this import",
        key="remove import",
        icon=":material/delete:",
        disabled=chosen is None,
        on_click=_remove_import,
        args=(chosen, names.get(chosen or 0, "")),
    )
    st.caption(
        "Its runs go from the store with everything that hangs on them. No source file is touched:"
        " it can be imported again."
    )


def _remove_import(import_key: int, name: str) -> None:
    try:
        n_runs = remove_import(the_store(), import_key)
    except CharybdisError as error:
        st.session_state[_SAID] = (False, str(error))
    else:
        st.session_state[_SAID] = (
            True,
            f"The import of {name} was removed with {counted(n_runs, 'run')}.",
        )


def reject_table(rejects: pd.DataFrame) -> pd.DataFrame:
    """Rejected records with place and reason, texts on one line with nothing hidden."""
    names = {
        "file": "file",
        "record": "record",
        "field": "field",
        "found": "found",
        "expected": "expected",
        "path": "source",
    }
    return pd.DataFrame(
        {shown: [one_line(str(cell)) for cell in rejects[name]] for name, shown in names.items()}
    )
