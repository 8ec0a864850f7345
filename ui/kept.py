"""What outlives a rerun: the store, the probe's queue, the folder watch, and every answer while
what it read is as it was. The only file that caches.

An answer is kept under the store's file, the versions of what it read, and its frozen arguments. A
commit to one run therefore leaves answers about other models as they are, and nothing ever needs
clearing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import pandas as pd
import streamlit as st

from data.bootstrap import open_store
from data.records import Selection
from data.store import FILE_NAME, Store
from data.watching import Watch
from studies.steps import Keep, any_denominator, computed_by, keeping
from ui.plain import plain
from ui.settings import settings

if TYPE_CHECKING:
    from probe.job_queue import JobQueue

P = ParamSpec("P")
R = TypeVar("R")

_QUESTIONS: dict[str, Callable[..., Any]] = {}
"""Functions whose answers are kept, by their full name."""


def the_store() -> Store:
    """The store of this dashboard. On the very first start it is made, and the page shows how far
    that is.
    """
    folder = settings().store
    if not (folder / FILE_NAME).exists() and folder.suffix != ".duckdb":
        _make_store(str(folder))
    return _open_store(str(folder))


def _make_store(folder: str) -> None:
    # Not inside the cached function: Streamlit would play the progress bar back to every later
    # visitor.
    place = st.empty()
    bar = place.progress(0.0, text="Making the store from the shipped sources")

    def report(done: int, total: int, what: str) -> None:
        bar.progress(
            min(1.0, done / max(1, total)),
            text=f"Making the store from the shipped sources: {plain(what)}",
        )

    open_store(folder, progress=report).close()
    place.empty()


@st.cache_resource(max_entries=4, show_spinner="Opening the store")
def _open_store(folder: str) -> Store:
    return open_store(folder)


@st.cache_resource(max_entries=1, show_spinner=False, on_release=lambda queue: queue.close())
def the_queue() -> JobQueue:
    """The one place of this server where a model is open; every session gets the same. See
    probe.job_queue.
    """
    from probe.job_queue import JobQueue

    return JobQueue()


def the_watch() -> Watch:
    """The one watch of this server over this store; it looks into the folders from the first call
    on.
    """
    return _watch(str(the_store().file))


@st.cache_resource(max_entries=4, show_spinner=False, on_release=lambda watch: watch.stop())
def _watch(file: str) -> Watch:
    watch = Watch(the_store())
    watch.start()
    return watch


def kept(study: Callable[Concatenate[Store, P], R]) -> Callable[P, R]:
    """Let a study, a step of one or a query answer from memory on this dashboard's store.

    Every reader gets the same object; of a frame each gets a copy of its own, so that writing to
    it changes nobody else's. Steps inside a study are kept as well (studies/steps.py).
    """
    name = f"{study.__module__}.{study.__qualname__}"
    _QUESTIONS[name], how = computed_by(study)
    keep = _large if how.is_large else _small

    @wraps(study)
    def answer(*arguments: P.args, **named: P.kwargs) -> R:
        opened = the_store()
        asked = tuple(
            any_denominator(one)
            if isinstance(one, Selection) and not how.reads_denominator
            else one
            for one in arguments
        )
        words = tuple(sorted(named.items()))
        found: R = keep(name, str(opened.file), _versions(opened, asked, how), asked, words)
        return _own(found)

    return answer


def _versions(opened: Store, arguments: tuple[Any, ...], how: Keep) -> tuple[int, ...]:
    """The versions of what an answer about these arguments reads: of the runs of the selected
    models, or of the whole store where nothing is selected.
    """
    chosen = next((one for one in arguments if isinstance(one, Selection)), None)
    if chosen is None or chosen.runs:
        return (opened.version,)
    return opened.read_versions(() if how.reads_every_model else chosen.models)


def _own(found: R) -> R:
    return found.copy(deep=False) if isinstance(found, pd.DataFrame) else found


@st.cache_resource(max_entries=512, show_spinner=False)
def _small(
    question: str,
    file: str,
    versions: tuple[int, ...],
    arguments: tuple[Any, ...],
    named: tuple[tuple[str, Any], ...],
) -> Any:
    with keeping(kept):
        return _QUESTIONS[question](the_store(), *arguments, **dict(named))


@st.cache_resource(max_entries=48, show_spinner=False)
def _large(
    question: str,
    file: str,
    versions: tuple[int, ...],
    arguments: tuple[Any, ...],
    named: tuple[tuple[str, Any], ...],
) -> Any:
    with keeping(kept):
        return _QUESTIONS[question](the_store(), *arguments, **dict(named))
