"""Bring results in: files dropped on the page, or a path on this machine. What cannot be told is
asked before anything is stored.

A dropped file lies in a folder of its own for as long as it takes to import it; the store keeps its
name, not that place.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from analysis.text import counted, listed
from data.importers import BROUGHT
from data.importers.kit.base import Source
from data.importers.lm_eval.v04 import is_named_by_folder
from data.importers.table.reading import read_head
from data.importing import Discovery, ImportResult, Unknown, discover, import_sources, path_text
from data.mappings import remember_mapping
from data.records import CharybdisError, ImportFormatError
from pages.runs.mapping_form import pick_mapping
from ui import screen
from ui.kept import the_store
from ui.raw_text import one_line

TABLE_FORMAT = "table"
"""Importer whose sources are shown with their mapping before they come in."""
MAX_REASONS = 4
"""So many reasons why files were not read stand above the table."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
WHAT_IS_READ = listed(importer.label for importer in BROUGHT)
"""The formats, as a person reads them."""

_PENDING, _LAST, _ROUND = "import: pending", "import: last", "import: round"


@dataclass(slots=True, weakref_slot=True)
class Pending:
    """What was found under a path or among dropped files, until it is imported."""

    found: Discovery
    folder: Path | None = None
    """Where dropped files lie; removed together with this object."""

    def __post_init__(self) -> None:
        if self.folder is not None:
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def name_of(self, path: Path) -> str:
        """A dropped file by its name, any other by its path."""
        if self.folder is not None and path.is_relative_to(self.folder):
            return path_text(path.relative_to(self.folder))
        return path_text(path)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the last import."""

    results: tuple[ImportResult, ...] = ()
    unknown: tuple[tuple[str, str], ...] = field(default=())
    """Files left alone, each with the reason."""
    error: str = ""


def draw_import_panel(*, with_path: bool) -> None:
    """Draw the panel: a place to drop files and, if wanted, a field for a path; then what is to be
    confirmed; then what became of it.
    """
    pending: Pending | None = st.session_state.get(_PENDING)
    if pending is None:
        pending = _pick_files() or (_pick_path() if with_path else None)
    if pending is not None:
        _take_in(pending)
    report: Report | None = st.session_state.get(_LAST)
    if report is not None:
        _draw_report(report)


# -- finding files ---------------------------------------------------------------------------------


def _pick_files() -> Pending | None:
    dropped = st.file_uploader(
        "Drop result files here",
        accept_multiple_files=True,
        key=f"upload {st.session_state.get(_ROUND, 0)}",
        help=(f"{WHAT_IS_READ}. The content tells the format."),
    )
    if not dropped:
        return None
    st.session_state.pop(_LAST, None)
    folder = Path(tempfile.mkdtemp(prefix="charybdis-upload-")).resolve()
    pending = Pending(Discovery((), ()), folder)
    for file, path in zip(
        dropped, upload_paths(folder, [file.name for file in dropped]), strict=True
    ):
        _write(file, path)
    pending.found = discover([folder])
    return pending


def upload_paths(folder: Path, names: Sequence[str]) -> list[Path]:
    """Where each dropped file is put: under its own name, never outside the folder, a repeated name
    in a subfolder of its own.
    """
    paths: list[Path] = []
    for place, name in enumerate(names):
        plain = PurePath(name.replace("\\", "/")).name.lstrip(".") or "file"
        path = folder / plain
        paths.append(path if path not in paths else folder / str(place) / plain)
    return paths


def _write(file: UploadedFile, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        shutil.copyfileobj(file, stream, 1 << 20)


def is_local() -> bool:
    """Whether only this machine reaches the server; otherwise a visitor must not name paths
    on it.
    """
    return st.get_option("server.address") in LOOPBACK


def _pick_path() -> Pending | None:
    if not is_local():
        st.caption(
            "Import by path is off: this server listens beyond this machine, and a path would let"
            " any visitor read its files."
        )
        return None
    with st.form("import path", border=False):
        left, right = st.columns([5, 1], vertical_alignment="bottom")
        path = left.text_input(
            "Or a path on this machine",
            placeholder="file, folder or glob, say ~/runs/**/results_*.json",
            help="Read in place: the way for large files.",
        )
        is_asked = right.form_submit_button("Find", icon=":material/search:")
    if not is_asked or not path.strip():
        return None
    st.session_state.pop(_LAST, None)
    try:
        return Pending(discover([path.strip()]))
    except CharybdisError as error:
        st.session_state[_LAST] = Report(error=str(error))
        return None


# -- importing -------------------------------------------------------------------------------------


def _take_in(pending: Pending) -> None:
    """Import what was found; tables wait until their mapping is confirmed, samples of an unknown
    model until it is named.
    """
    if not any(
        source.importer == TABLE_FORMAT or _is_nameless(pending, source)
        for source in pending.found.sources
    ):
        _import(pending, pending.found.sources)
    st.session_state[_PENDING] = pending
    sources = _confirmed(pending)
    n_sources = len(pending.found.sources)
    with st.container(horizontal=True):
        is_confirmed = st.button(
            f"Import {counted(n_sources, 'source')}",
            type="primary",
            disabled=sources is None,
            key="confirm import",
        )
        if st.button("Cancel", key="cancel import"):
            _finish()
    if is_confirmed and sources is not None:
        _import(pending, sources)


def _confirmed(pending: Pending) -> tuple[Source, ...] | None:
    """The sources with mappings and models as the form has them, or None while one of them does not
    fit or is not named.
    """
    sources: list[Source] = []
    fits = True
    if any(source.importer == TABLE_FORMAT for source in pending.found.sources):
        st.markdown("**Is this how the table is to be read?** Nothing is stored yet.")
    for place, source in enumerate(pending.found.sources):
        if _is_nameless(pending, source):
            model = st.text_input(
                f"Which model gave the answers in {screen.plain(pending.name_of(source.path))}?",
                key=f"model {place}",
                placeholder="say Qwen/Qwen1.5-7B, then Enter",
                help=(
                    "A samples file does not name its model. Dropped together with its results"
                    " file, it needs no name."
                ),
            ).strip()
            fits = fits and bool(model)
            sources.append(replace(source, options={**source.options, "model": model}))
            continue
        if source.importer != TABLE_FORMAT:
            sources.append(source)
            continue
        try:
            options = pick_mapping(
                source, name=pending.name_of(source.path), key=f"mapping {place}"
            )
        except ImportFormatError as error:
            st.error(screen.plain(error), icon=":material/error:")
            fits = False
        else:
            sources.append(replace(source, options={**source.options, **options}))
    return tuple(sources) if fits else None


def _is_nameless(pending: Pending, source: Source) -> bool:
    """Whether nothing names the model: what is told by its folder comes without one when it is
    dropped.
    """
    return pending.folder is not None and is_named_by_folder(source)


def _import(pending: Pending, sources: Sequence[Source]) -> None:
    bar = st.progress(0.0)

    def progress(done: int, total: int, what: str) -> None:
        bar.progress(
            done / max(1, total), text=screen.plain(f"{done} of {counted(total, 'source')} {what}")
        )

    unknown = tuple(
        (pending.name_of(item.path), item.reason) for item in _left_alone(pending.found.unknown)
    )
    try:
        results = tuple(
            import_sources(the_store(), sources, progress=progress, name_of=pending.name_of)
        )
        _remember(sources, results)
        report = Report(tuple(_named(pending, result) for result in results), unknown)
    except CharybdisError as error:
        report = Report(unknown=unknown, error=str(error))
    st.session_state[_LAST] = report
    _finish()


def _remember(sources: Sequence[Source], results: Sequence[ImportResult]) -> None:
    """Keep the corrected mappings of tables that came in, for the next table with the same
    columns.
    """
    for source, result in zip(sources, results, strict=True):
        if (
            source.importer == TABLE_FORMAT
            and result.status == "imported"
            and source.options.get("mapping")
        ):
            remember_mapping(the_store(), read_head(source.path), source.options["mapping"])


def _left_alone(unknown: Sequence[Unknown]) -> Sequence[Unknown]:
    return sorted(unknown, key=lambda item: str(item.path))


def _named(pending: Pending, result: ImportResult) -> ImportResult:
    """The result without the place where dropped files lay for the moment."""
    if pending.folder is None:
        return result
    return replace(result, message=result.message.replace(f"{pending.folder}/", ""))


def _finish() -> None:
    st.session_state.pop(_PENDING, None)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1  # a new key empties the uploader
    st.rerun()


# -- what became of it -----------------------------------------------------------------------------


def _draw_report(report: Report) -> None:
    if report.error:
        st.error(screen.plain(report.error), icon=":material/error:")
    if not report.results and not report.unknown:
        if not report.error:
            st.info(
                "Nothing was found there. Name result files, or a folder that holds some.",
                icon=":material/search_off:",
            )
        return
    has_failed = any(result.status == "failed" for result in report.results) or not report.results
    text = screen.plain(summary(report))
    if has_failed:
        st.warning(text, icon=":material/warning:")
    else:
        st.success(text, icon=":material/check_circle:")
    reasons = [
        *((result.path, result.message) for result in report.results if result.message),
        *report.unknown,
    ]
    for path, reason in reasons[
        :MAX_REASONS
    ]:  # the table beneath holds them all, but is cut off where the panel is narrow
        st.caption(screen.plain(f"{one_line(path)}: {one_line(reason, at_most=600)}"))
    st.dataframe(
        report_table(report),
        hide_index=True,
        placeholder="–",
        column_config={"what happened": st.column_config.TextColumn(width="large")},
    )
    if any(result.status == "imported" for result in report.results):
        with st.container(horizontal=True):
            screen.page_link(
                "valley",
                "Where does generalization break down?",
                icon=":material/stacked_line_chart:",
            )
            screen.page_link(
                "compare",
                "Which model is better, and how sure is that?",
                icon=":material/compare_arrows:",
            )
            if any(result.samples for result in report.results):
                screen.page_link(
                    "samples", "Which answers went wrong, and why?", icon=":material/article:"
                )
    rejects = [reject for result in report.results for reject in result.rejects]
    if rejects:
        with st.expander(
            f"{counted(len(rejects), 'record')} could not come in", expanded=has_failed
        ):
            st.dataframe(
                pd.DataFrame(
                    [
                        [
                            one_line(getattr(r, name))
                            for name in ("file", "record", "field", "found", "expected")
                        ]
                        for r in rejects
                    ],
                    columns=["file", "record", "field", "found", "expected"],
                ),
                hide_index=True,
            )


def summary(report: Report) -> str:
    """One sentence: `Imported 3 runs, 12 scores and 40 samples from 2 sources; 1 record rejected; 1
    file left alone.`
    """
    imported = [result for result in report.results if result.status == "imported"]
    parts = []
    if imported:
        amounts = [
            ("run", sum(r.runs for r in imported)),
            ("score", sum(r.scores for r in imported)),
            ("sample", sum(r.samples for r in imported)),
        ]
        content = listed([counted(n, noun) for noun, n in amounts if n])
        parts.append(f"Imported {content} from {counted(len(imported), 'source')}")
    n_unchanged = sum(result.status == "unchanged" for result in report.results)
    n_failed = sum(result.status == "failed" for result in report.results)
    n_rejected = sum(result.rejected for result in report.results if result.status != "unchanged")
    for n, words in (
        (n_unchanged, f"{counted(n_unchanged, 'source')} in already, unchanged"),
        (n_failed, f"{counted(n_failed, 'source')} failed, nothing of it stored"),
        (n_rejected, f"{counted(n_rejected, 'record')} rejected"),
        (len(report.unknown), f"{counted(len(report.unknown), 'file')} left alone"),
    ):
        if n:
            parts.append(words)
    return "; ".join(parts) + "."


def report_table(report: Report) -> pd.DataFrame:
    """One row per source and per file left alone."""
    rows = [
        [
            one_line(r.path),
            r.format,
            r.status,
            r.runs,
            r.scores,
            r.samples,
            r.rejected,
            one_line(r.message, at_most=600),
        ]
        for r in report.results
    ]
    rows += [
        [one_line(path), None, "left alone", 0, 0, 0, 0, reason] for path, reason in report.unknown
    ]
    return pd.DataFrame(
        rows,
        columns=[
            "source",
            "format",
            "status",
            "runs",
            "scores",
            "samples",
            "rejected",
            "what happened",
        ],
    )
