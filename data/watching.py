"""Folders that are watched: result files that are new, or have grown, come in by themselves. Which
folders, the store remembers.

A look compares names, sizes and times of the files with those of the last look and reads nothing
when they are the same. A file that is still being written comes in with what it holds so far and is
read again when it has grown: the newer reading replaces the older one. Until its end is known, or
it has been quiet for long, its runs are running (data/unfinished.py).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import duckdb

from data.importing import ImportResult, discover, import_source, path_text
from data.mappings import with_remembered
from data.records import CharybdisError, StoreBusyError
from data.store import NEXT_VERSION, Store
from data.unfinished import running_runs

WATCH_KEY = "watched_folders"
"""Row of the store's `meta` table that holds them."""
PAUSE_S = 5.0
"""From one look to the next."""
KEPT_RESULTS = 50

Stamps = dict[str, tuple[int, int]]
"""Size in bytes and time of change in ns, by path."""


def watched_folders(store: Store) -> tuple[Path, ...]:
    """The folders that this store's dashboard watches."""
    with store.cursor() as cursor:
        rows = cursor.execute("SELECT value FROM meta WHERE key = ?", [WATCH_KEY]).fetchall()
    return tuple(Path(folder) for folder in json.loads(rows[0][0])) if rows else ()


def watch_folders(store: Store, folders: Iterable[str | Path]) -> tuple[Path, ...]:
    """Watch exactly these folders from now on; returns them as they are kept.

    Raises:
        CharybdisError: one of them is no folder.
    """
    kept = []
    for folder in folders:
        path = Path(os.path.realpath(Path(folder).expanduser()))
        if not path.is_dir():
            raise CharybdisError(
                f"{path_text(path)} is no folder. Name a folder that result files are written to."
            )
        kept.append(path)
    text = json.dumps(sorted({os.fspath(path) for path in kept}))
    with store.transaction(changes_catalog=False) as cursor:
        cursor.execute("DELETE FROM meta WHERE key = ?", [WATCH_KEY])
        cursor.execute("INSERT INTO meta VALUES (?, ?)", [WATCH_KEY, text])
    return watched_folders(store)


class Watch:
    """Looks into the watched folders, now and then or when asked to.

    results  what became of the newest sources, newest first; problem: why the last look ended
    early, if it did
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stamps: dict[Path, Stamps] = {}
        self._sources: dict[Path, Stamps] = {}
        self._running: frozenset[str] | None = None
        self._stop = threading.Event()
        self._one_look = threading.Lock()
        self.results: tuple[ImportResult, ...] = ()
        self.problem: str | None = None

    def look(self) -> list[ImportResult]:
        """One look: import every source of which a file is new or has changed since the last one.
        Returns what became of them.
        """
        with self._one_look:
            done: list[ImportResult] = []
            for folder in watched_folders(self._store):
                stamps = _stamps_below(folder)
                if stamps != self._stamps.get(folder):
                    done += self._take_in(folder, stamps)
            self._follow_running(has_imported=bool(done))
            self.results = (
                *reversed([result for result in done if result.status != "unchanged"]),
                *self.results,
            )[:KEPT_RESULTS]
            return done

    def _follow_running(self, *, has_imported: bool) -> None:
        """Let pages read anew when a run has gone quiet, which is no change of the store's content
        but of what is said of it.
        """
        if has_imported or self._running is None or self._running:
            running = running_runs(self._store)
            quiet = (self._running or frozenset()) - running
            if quiet and not has_imported:
                with self._store.transaction(changes_catalog=False) as cursor:
                    cursor.execute(
                        f"UPDATE runs SET version = {NEXT_VERSION} WHERE run_id IN (SELECT"
                        " unnest(?::VARCHAR[]))",
                        [list(quiet)],
                    )
            self._running = running

    def _take_in(self, folder: Path, stamps: Stamps) -> list[ImportResult]:
        done = []
        found, _ = (
            with_remembered(self._store, discover([folder]).sources)
            if folder.is_dir()
            else ((), ())
        )
        for source in found:
            mine = {os.fspath(file): stamps.get(os.fspath(file), (-1, -1)) for file in source.files}
            if mine != self._sources.get(source.path):
                done.append(import_source(self._store, source, is_watched=True))
                self._sources[source.path] = mine
        self._stamps[folder] = stamps  # only now: a look that failed half-way is repeated
        return done

    def start(
        self,
        *,
        pause_s: float = PAUSE_S,
        told: Callable[[Sequence[ImportResult]], None] | None = None,
    ) -> None:
        """Look again and again on a thread of its own, until `stop`."""

        def keep_looking() -> None:
            while not self._stop.wait(pause_s):
                try:
                    done = self.look()
                    self.problem = None
                except StoreBusyError:
                    continue  # another process writes just now; the next look finds the same files
                except (CharybdisError, OSError, ValueError, duckdb.Error) as cause:
                    self.problem = str(cause)
                    continue
                if told and done:
                    told(done)

        threading.Thread(target=keep_looking, name="folder watch", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end after its current look."""
        self._stop.set()


def _stamps_below(folder: Path) -> Stamps:
    """Size and time of change of every file below; what vanishes while looking is left out."""
    found: Stamps = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = os.path.join(parent, name)
            try:
                facts = os.stat(path)
            except OSError:
                continue
            found[path] = (facts.st_size, facts.st_mtime_ns)
    return found
