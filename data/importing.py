"""From paths to the store: walk, tell formats by content, import each source as a whole, and say
what became of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from glob import glob, has_magic
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from data.failures import clear_failure, note_failure
from data.importers import IMPORTERS
from data.importers.kit.base import Importer, Listing, Source, file_sha256
from data.records import CharybdisError, ImportFormatError, Reject, RunInfo, StoreBusyError
from data.removing import remove_runs
from data.store import Store
from data.writer import Writer, writing

HEAD_BYTES = 64 * 1024
MAX_KEPT_REJECTS = 1000
"""Rejects kept per import with their place; beyond that only their number is, so that a wholly
broken file stays small.
"""
_UNFIT = (pa.ArrowException, duckdb.DataError, OverflowError, UnicodeError)
"""What a value is answered with that no column of the store can hold."""
_MISREAD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What an importer runs into when a file is not what its author foresaw. Such a source fails; those
after it come in.
"""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A file that no importer claims, and why it was left alone."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """What lies under the given paths."""

    sources: tuple[Source, ...]
    unknown: tuple[Unknown, ...]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of one source. `status`: imported | unchanged (same content was in already) |
    failed (nothing of it was stored).
    """

    path: str
    format: str
    sha256: str
    status: str
    runs: int = 0
    scores: int = 0
    samples: int = 0
    rejected: int = 0
    message: str = ""
    rejects: tuple[Reject, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`; the first rejects with their places."""
        return {**asdict(self), "rejects": [asdict(reject) for reject in self.rejects[:20]]}


Progress = Callable[[int, int, str], None]
"""Called with (sources done, sources in all, path at work)."""


class _LosesSamplesError(CharybdisError):
    """The source is a lesser copy of a run that is stored: importing it would drop answers."""


def path_text(path: Path) -> str:
    """A path as text that can be stored and printed: bytes that are not UTF-8 as \\xff."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def discover(
    paths: Iterable[str | Path],
    *,
    only_format: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Discovery:
    """Find what can be imported under files, folders and globs. Symbolic links that lead out of a
    given folder are not followed.

    A file named by itself brings the files beside it that belong to the same result, and nothing
    else of its folder.

    Raises:
        ImportFormatError: a path does not exist, or `only_format` is no importer.
    """
    importers = importers_named(only_format)
    sources: dict[tuple[Path, str], Source] = {}
    unknown: dict[Path, Unknown] = {}
    for path in _expand(paths):
        found = (
            _discover_folder(path, importers) if path.is_dir() else _discover_file(path, importers)
        )
        sources |= {(source.path, source.importer): source for source in found.sources}
        unknown |= {item.path: item for item in found.unknown}
    chosen = [
        replace(source, options={**source.options, **(options or {})})
        for source in sources.values()
    ]
    claimed = {file for source in chosen for file in source.files}
    return Discovery(
        tuple(chosen), tuple(item for path, item in unknown.items() if path not in claimed)
    )


def import_sources(
    store: Store,
    sources: Iterable[Source],
    *,
    progress: Progress | None = None,
    name_of: Callable[[Path], str] = path_text,
) -> Iterator[ImportResult]:
    """Import sources one by one; each is stored whole in a transaction of its own, or not at all. A
    bad source does not stop the others.

    `name_of` says under which name a path is kept, for files that lie elsewhere only for the moment
    (an upload).
    """
    todo = list(sources)
    for done, source in enumerate(todo):
        if progress:
            progress(done, len(todo), name_of(source.path))
        yield import_source(store, source, name_of=name_of)
    if progress:
        progress(len(todo), len(todo), "")


def import_source(
    store: Store,
    source: Source,
    *,
    name_of: Callable[[Path], str] = path_text,
    is_watched: bool = False,
) -> ImportResult:
    """Import one source in one transaction. The same content twice changes nothing; what failed is
    noted, and tried when it comes again.

    `is_watched`: the files are looked at again and again. Then the time they changed is kept, and
    what came in from an earlier state of them goes, unless it was finished.
    """
    path = name_of(source.path)
    importer = _importer(source)
    failed = _Failing(store, source, name_of)
    try:
        digests = {file: file_sha256(file) for file in source.files}
        digest = source.identity_of(digests)
    except OSError as cause:
        return failed(f"{path} cannot be read: {cause.strerror or cause}.")
    identity = _identity(digest, source.options)
    known = _known_import(store, identity, importer) or _containing_import(
        store, set(digests.values()), importer
    )
    if known is not None:
        clear_failure(store, path)
        return replace(known, path=path, sha256=digest)
    failed = replace(failed, sha256=digest, identity=identity)
    rejects: list[Reject] = []
    try:
        with writing(store) as writer:
            n_rejected = _write(
                writer, source, identity, digests, rejects, name_of, is_watched=is_watched
            )
            result = ImportResult(
                path,
                importer.name,
                digest,
                "imported",
                writer.n_runs,
                writer.n_scores,
                writer.n_samples,
                n_rejected,
                rejects=tuple(rejects),
            )
            if emptied := writer.emptied_runs():
                raise _LosesSamplesError(
                    f"{path} states run {', '.join(emptied[:3])} without samples, but it is stored"
                    " with samples; nothing changed. To replace it, remove the run first (`store"
                    " remove-run`)."
                )
            if not (result.scores or result.samples) and (
                n_rejected or not result.runs
            ):  # a run of its own may have nothing yet
                raise ImportFormatError(_nothing_text(source, rejects))
    except _LosesSamplesError as kept:
        return ImportResult(path, importer.name, digest, "unchanged", message=str(kept))
    except (CharybdisError, OSError) as cause:
        text = str(cause)
        named = text if path in text or str(source.path) in text else f"{path}: {text}"
        return failed(named, rejects, is_noted=not isinstance(cause, StoreBusyError))
    except (*_UNFIT, *_MISREAD) as cause:
        found = (
            "a value in it does not fit the store"
            if isinstance(cause, _UNFIT)
            else "something in it is not as in such files"
        )
        text = (
            f"{path} was read as {importer.name}, but {found} ({_one_line(cause)}). Nothing of it"
            " was stored."
        )
        return failed(f"{text} Is it damaged, or of another format (--format)?", rejects)
    except duckdb.Error as cause:
        text = (
            f"{path} was not stored: the store {store.file} cannot be written ({_one_line(cause)})."
            " Is its disk full?"
        )
        return failed(text, rejects, is_noted=False)
    return result


def remove_import(store: Store, import_key: int) -> int:
    """Undo one import: its runs go with everything that hangs on them, and its note. Returns how
    many runs it had. One transaction.

    Raises:
        CharybdisError: there is no such import.
    """
    with store.transaction(changes_catalog=False) as cursor:
        if not cursor.execute(
            "SELECT 1 FROM imports WHERE import_key = ?", [import_key]
        ).fetchall():
            raise CharybdisError("That import is not stored any more; nothing was removed.")
        runs = cursor.execute(
            "SELECT run_id FROM runs WHERE import_key = ?", [import_key]
        ).fetchall()
        n_runs = remove_runs(cursor, [run_id for (run_id,) in runs])
        for table in ("rejects", "imports"):
            cursor.execute(f"DELETE FROM {table} WHERE import_key = ?", [import_key])
    return n_runs


def _one_line(cause: BaseException) -> str:
    text = " ".join(str(cause).split()) or "no details"
    return f"{type(cause).__name__}: {text[:200]}"


@dataclass(frozen=True, slots=True)
class _Failing:
    """How a source that fails is told and noted."""

    store: Store
    source: Source
    name_of: Callable[[Path], str]
    sha256: str = ""
    """Of its content; empty while that cannot be read."""
    identity: str = ""

    def __call__(
        self, message: str, rejects: Sequence[Reject] = (), *, is_noted: bool = True
    ) -> ImportResult:
        """The result that says so; a note of it is left in the store."""
        for file in {self.source.path, *self.source.files}:
            message = message.replace(str(file), self.name_of(file))
        message = message.encode("utf-8", "backslashreplace").decode()
        importer, path = _importer(self.source), self.name_of(self.source.path)
        if is_noted:
            sizes = [file.stat().st_size for file in self.source.files if file.is_file()]
            values = {
                "path": path,
                "format": importer.name,
                "sha256": self.identity,
                "importer_version": importer.version,
                "message": message,
                "n_bytes": sum(sizes),
                "n_rejected": len(rejects),
                "files": json.dumps(
                    [{"path": self.name_of(file), "sha256": ""} for file in self.source.files]
                ),
            }
            note_failure(self.store, values, rejects)
        return ImportResult(
            path,
            importer.name,
            self.sha256,
            "failed",
            rejected=len(rejects),
            message=message,
            rejects=tuple(rejects),
        )


def _write(
    writer: Writer,
    source: Source,
    identity: str,
    digests: Mapping[Path, str],
    rejects: list[Reject],
    name_of: Callable[[Path], str],
    *,
    is_watched: bool,
) -> int:
    importer = _importer(source)
    names = {str(path): name_of(path) for path in (source.path, *source.files)}
    n_rejected = 0

    def report(reject: Reject) -> None:
        nonlocal n_rejected
        n_rejected += 1
        if len(rejects) < MAX_KEPT_REJECTS:
            told = replace(reject, file=names.get(reject.file, reject.file))
            rejects.append(
                Reject(
                    *(part.encode("utf-8", "backslashreplace").decode() for part in astuple(told))
                )
            )

    writer.remove_failures(path=name_of(source.path), sha256=identity)
    writer.remove_parts(set(digests.values()), source.importer)
    if is_watched:
        writer.remove_unfinished({name_of(file) for file in source.files}, source.importer)
    import_key = writer.add_import(
        {
            "path": name_of(source.path),
            "format": importer.name,
            "sha256": identity,
            "importer_version": importer.version,
            "status": "imported",
            "n_bytes": sum(file.stat().st_size for file in source.files),
            "files": json.dumps(
                [
                    _file_note(file, name_of(file), digests[file], is_watched=is_watched)
                    for file in source.files
                ]
            ),
        }
    )
    for batch in importer.read(source, report):
        if isinstance(batch, RunInfo) and batch.source_path in names:
            batch = replace(batch, source_path=names[batch.source_path])
        writer.add(batch, import_key=import_key)
    writer.add_rejects(rejects, import_key=import_key)
    writer.close_import(
        import_key,
        {
            "n_runs": writer.n_runs,
            "n_scores": writer.n_scores,
            "n_samples": writer.n_samples,
            "n_rejected": n_rejected,
        },
    )
    return n_rejected


def _file_note(file: Path, name: str, digest: str, *, is_watched: bool) -> dict[str, Any]:
    return {"path": name, "sha256": digest} | (
        {"changed_at_s": file.stat().st_mtime} if is_watched else {}
    )


def _importer(source: Source) -> Importer:
    return next(importer for importer in IMPORTERS if importer.name == source.importer)


def _known_import(store: Store, identity: str, importer: Importer) -> ImportResult | None:
    with store.cursor() as cursor:
        rows = cursor.execute(
            "SELECT path, n_runs, n_scores, n_samples, n_rejected FROM imports WHERE sha256 = ? AND"
            " format = ? AND importer_version = ? AND status = 'imported'",
            [identity, importer.name, importer.version],
        ).fetchall()
    if not rows:
        return None
    path, runs, scores, samples, rejected = rows[0]
    message = f"The same content was imported before, from {path}; nothing changed."
    return ImportResult(
        path, importer.name, identity, "unchanged", runs, scores, samples, rejected, message
    )


def _containing_import(store: Store, digests: set[str], importer: Importer) -> ImportResult | None:
    """An import that these files are only a part of: samples named by themselves after the results
    they belong to.
    """
    with store.cursor() as cursor:
        rows = cursor.execute(
            "SELECT path, files FROM imports WHERE format = ? AND importer_version = ? AND status ="
            " 'imported' AND json_array_length(files) > ?",
            [importer.name, importer.version, len(digests)],
        ).fetchall()
    for path, files in rows:
        if digests < {file["sha256"] for file in json.loads(files)}:
            message = f"These files are part of what was imported from {path}; nothing changed."
            return ImportResult(path, importer.name, "", "unchanged", message=message)
    return None


def _identity(digest: str, options: Mapping[str, Any]) -> str:
    """The content's hash; with the person's choices, if there are any, because another mapping of
    the same file gives other rows.
    """
    return f"{digest}+{json.dumps(options, sort_keys=True)}" if options else digest


def _nothing_text(source: Source, rejects: list[Reject]) -> str:
    text = (
        f"{source.path} was read as {source.importer}, but no result in it could be used, so"
        " nothing was stored."
    )
    if rejects:
        first = rejects[0]
        text += (
            f" First problem: {first.file}, record {first.record}, field {first.field}: found"
            f" {first.found}, expected {first.expected}."
        )
    return text + " If it is of another format, name that with --format."


# -- finding ---------------------------------------------------------------------------------------


def importers_named(only_format: str | None) -> tuple[Importer, ...]:
    """The importer of this name, or all. Raises: ImportFormatError that lists the names."""
    if only_format is None:
        return IMPORTERS
    chosen = tuple(importer for importer in IMPORTERS if importer.name == only_format)
    if not chosen:
        raise ImportFormatError(
            f"There is no format {only_format!r}. Known:"
            f" {', '.join(importer.name for importer in IMPORTERS)}."
        )
    return chosen


def _expand(paths: Iterable[str | Path]) -> Iterator[Path]:
    for given in paths:
        path = Path(given).expanduser()
        if path.exists():
            yield _resolved(path)
        elif has_magic(str(given)):
            matches = sorted(glob(str(path), recursive=True))
            if not matches:
                raise ImportFormatError(
                    f"Nothing matches {given}. Check the pattern; quote it, if the shell expanded"
                    " it already."
                )
            yield from (_resolved(Path(match)) for match in matches)
        else:
            raise ImportFormatError(
                f"There is no file or folder {given}. Give paths of result files, folders or globs."
            )


def _resolved(path: Path) -> Path:
    """The path without symbolic links. Not by `Path.resolve`, which raises on a link that leads to
    itself.
    """
    return Path(os.path.realpath(path))


def _discover_folder(folder: Path, importers: tuple[Importer, ...]) -> Discovery:
    files, unknown = [], []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        for name in sorted(names):
            path = Path(parent) / name
            if path.is_symlink() and not _resolved(path).is_relative_to(folder):
                unknown.append(
                    Unknown(
                        path,
                        "a symbolic link that leads out of the folder; import its target by itself",
                    )
                )
            elif not path.is_file():
                unknown.append(Unknown(path, "not a regular file"))
            elif not name.startswith("."):
                files.append(path)
    return _claim(files, importers, unknown)


def _discover_file(file: Path, importers: tuple[Importer, ...]) -> Discovery:
    """The result that a named file belongs to. Its folder is looked at for the files that complete
    it.
    """
    if not file.is_file():  # a pipe, a socket or a device: opening it may never end
        return Discovery((), (Unknown(file, "not a regular file"),))
    siblings = sorted(
        path
        for path in file.parent.iterdir()
        if path.is_file() and path.suffix in {".json", ".jsonl"} and path != file
    )
    found = _claim([file, *siblings], importers, [])
    mine = tuple(source for source in found.sources if source.path == file) or tuple(
        source for source in found.sources if file in source.files
    )
    return Discovery(mine, tuple(item for item in found.unknown if item.path == file))


def _why_unknown(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "no importer knows this content: it is UTF-16; save it as UTF-8"
    return "no importer knows this content" if head else "empty file"


def _claim(files: list[Path], importers: tuple[Importer, ...], unknown: list[Unknown]) -> Discovery:
    """Offer the files to the importers in order; what one has claimed the next does not see."""
    heads: dict[Path, bytes] = {}
    for file in files:
        try:
            with file.open("rb") as stream:
                heads[file] = stream.read(HEAD_BYTES)
        except OSError as cause:
            unknown.append(Unknown(file, f"cannot be read: {cause.strerror}"))
    sources: list[Source] = []
    left = list(heads)
    for importer in importers:
        claimed = importer.claim(Listing(tuple(left), {file: heads[file] for file in left}))
        sources.extend(claimed)
        taken = {file for source in claimed for file in source.files}
        left = [file for file in left if file not in taken]
    unknown.extend(Unknown(file, _why_unknown(heads[file])) for file in left)
    return Discovery(tuple(sources), tuple(unknown))
