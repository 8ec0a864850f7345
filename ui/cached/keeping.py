"""What outlives a rerun: store, desk, folder watch, and every answer while the store is as it was.
The only file that caches.

Every answer is keyed by the store's file, the store's version and the frozen arguments, so a write
anywhere makes the next read fresh and nothing ever needs clearing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import streamlit as st

from data import queries
from data.bootstrap import open_store
from data.store import FILE_NAME, Store
from data.watching import Watch
from ui.plain import plain
from ui.settings import settings

if TYPE_CHECKING:
    from probe.job_queue import Desk

Answer = TypeVar("Answer")
Arguments = ParamSpec("Arguments")

_QUESTIONS: dict[str, Callable[..., Any]] = {}
"""Functions whose answers are kept, by their full name."""


def store() -> Store:
    """The store of this dashboard. On the first start of all it is made, and the page shows how far
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


@st.cache_resource(max_entries=1, show_spinner=False, on_release=lambda desk: desk.close())
def desk() -> Desk:
    """The one place of this server where a model is open; every session gets the same. See
    probe.job_queue.
    """
    from probe.job_queue import Desk

    return Desk()


def watch() -> Watch:
    """The one watch of this server over this store; it looks into the folders from the first call
    on.
    """
    return _watch(str(store().file))


@st.cache_resource(max_entries=4, show_spinner=False, on_release=lambda watch: watch.stop())
def _watch(file: str) -> Watch:
    watch = Watch(store())
    watch.start()
    return watch


def ask(question: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
    """Answer a question of data.queries, from the cache while the store is as it was."""
    opened = store()
    answer: Answer = _read(
        question.__name__, str(opened.file), opened.version, arguments, tuple(sorted(named.items()))
    )
    return answer


def kept(compute: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Let a function that computes from the store answer once per store version and arguments. Each
    reader gets a copy.
    """
    return _keep(compute, _computed)


def shared(compute: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """As `kept`, but every reader gets the same object: for what is large and never written to."""
    return _keep(compute, _shared)


def _keep(
    compute: Callable[Arguments, Answer], keep: Callable[..., Any]
) -> Callable[Arguments, Answer]:
    name = f"{compute.__module__}.{compute.__qualname__}"
    _QUESTIONS[name] = compute

    @wraps(compute)
    def answer(*arguments: Arguments.args, **named: Arguments.kwargs) -> Answer:
        opened = store()
        found: Answer = keep(
            name, str(opened.file), opened.version, arguments, tuple(sorted(named.items()))
        )
        return found

    return answer


@st.cache_data(max_entries=512, show_spinner=False)
def _read(
    question: str,
    file: str,
    version: int,
    arguments: tuple[Any, ...],
    named: tuple[tuple[str, Any], ...],
) -> Any:
    return getattr(queries, question)(store(), *arguments, **dict(named))


@st.cache_data(max_entries=1024, show_spinner=False)
def _computed(
    question: str,
    file: str,
    version: int,
    arguments: tuple[Any, ...],
    named: tuple[tuple[str, Any], ...],
) -> Any:
    return _QUESTIONS[question](*arguments, **dict(named))


@st.cache_resource(max_entries=24, show_spinner=False)
def _shared(
    question: str,
    file: str,
    version: int,
    arguments: tuple[Any, ...],
    named: tuple[tuple[str, Any], ...],
) -> Any:
    return _QUESTIONS[question](*arguments, **dict(named))
