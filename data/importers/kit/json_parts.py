"""One large JSON file, piece by piece: a first pass notes where the records of its long lists begin
and end, and keeps the rest; the records are then read one by one. Memory holds one record at a time
and 16 bytes for each.

The first pass looks at whole chunks by columns (which bytes are quotes, which are brackets outside
of texts, how deep each lies), so that it runs at several hundred megabytes a second instead of one
token at a time.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

from data.importers.kit.values import load_json
from data.records import ImportFormatError

CHUNK_BYTES = 4 << 20
MAX_RECORD_BYTES = 256 << 20
"""A longer record is left out before it fills the memory."""
MAX_REST_BYTES = 256 << 20
"""As much may stand outside the long lists."""
_BOM = b"\xef\xbb\xbf"
_KEY_BEFORE = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:\s*$', re.DOTALL)
_KEY_FIRST = re.compile(rb'\s*("(?:[^"\\]|\\.)*")\s*:', re.DOTALL)
_LONGEST_KEY = 4096
_OPEN, _CLOSE, _COMMA = 1, 2, 3
_KIND = np.zeros(256, np.int8)
_KIND[[ord("{"), ord("[")]] = _OPEN
_KIND[[ord("}"), ord("]")]] = _CLOSE
_KIND[ord(",")] = _COMMA


@dataclass(slots=True)
class Spans:
    """Where the records of one list (or the members of one object) stand in a file."""

    starts: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(slots=True)
class Parts:
    """A JSON file, its long lists apart."""

    rest: dict[str, Any]
    """Everything else, decoded. Each long list is empty in it."""
    spans: dict[str, Spans]
    """The long lists by key; that of a file that is long itself has the key ""."""


def split_json(file: Path, long: Collection[str] = (), *, expected: str) -> Parts:
    """Go through a file once.

    Args:
        long: top-level keys whose lists (or objects) are long. A file that is one list is long
            itself; so is one object, if "" is among the keys.
        expected: what the file should be, for the message.

    Raises:
        ImportFormatError: it is no JSON object or list, it is cut off, or what lies outside the
            long lists is too large.
    """
    scan = _Scan(file, frozenset(long), expected)
    with file.open("rb") as stream:
        scan.go(stream)
        spans = {key: _without_blank(stream, found) for key, found in scan.spans.items()}
    try:
        rest = load_json(bytes(scan.rest))
    except (ValueError, RecursionError) as cause:
        raise unreadable(file, cause, expected) from cause
    return Parts(rest if isinstance(rest, dict) else {}, spans)


def load_object(file: Path, *, expected: str) -> dict[str, Any]:
    """The one JSON object of a file that is small enough to be held whole.

    Raises:
        ImportFormatError: it is larger than MAX_REST_BYTES, cut off, or no JSON object.
    """
    if file.stat().st_size > MAX_REST_BYTES:
        raise unreadable(file, f"it is larger than {MAX_REST_BYTES >> 20} MB", expected)
    try:
        content = load_json(file.read_bytes())
    except (ValueError, RecursionError) as cause:
        raise unreadable(file, cause or "nested too deeply", expected) from cause
    if not isinstance(content, dict):
        raise unreadable(file, f"it holds a {type(content).__name__}", expected)
    return content


def unreadable(file: Path, cause: object, expected: str) -> ImportFormatError:
    """What is said of a file that cannot be read as a whole."""
    return ImportFormatError(
        f"{file} cannot be read: {cause}. Expected is {expected}. Is the file cut off? Copy it"
        " again, or leave it out."
    )


def read_spans(file: Path, spans: Spans) -> Iterator[bytes | None]:
    """The text of each record; None for one that is longer than MAX_RECORD_BYTES."""
    with file.open("rb", buffering=1 << 20) as stream:
        for start, end in zip(spans.starts, spans.ends, strict=True):
            if end - start > MAX_RECORD_BYTES:
                yield None
                continue
            stream.seek(start)
            yield stream.read(end - start)


def read_members(file: Path, spans: Spans) -> Iterator[tuple[str, bytes | None]]:
    """As `read_spans` for a long object: key and text of each member."""
    for text in read_spans(file, spans):
        found = _KEY_FIRST.match(text) if text else None
        yield (_key_text(found[1]), text[found.end() :]) if found and text else ("?", text)


def decode(text: bytes, record_type: Any = Any) -> Any:
    """One record. Bare NaN and broken surrogates, which the strict decoder refuses, are let in.

    Raises:
        ValueError, RecursionError: it is no JSON, or not of that type.
    """
    try:
        return msgspec.json.decode(text, type=record_type)
    except msgspec.ValidationError as cause:
        raise ValueError(str(cause)) from cause
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        content = load_json(text)
    try:
        return content if record_type is Any else msgspec.convert(content, record_type)
    except msgspec.ValidationError as cause:
        raise ValueError(str(cause)) from cause


class _Scan:
    """Follows the brackets from chunk to chunk. Depth 1 is inside the file's own object or list, 2
    inside one of its members.
    """

    def __init__(self, file: Path, long: frozenset[str], expected: str) -> None:
        self._file, self._long, self._expected = file, long, expected
        self.rest = bytearray()
        self.spans: dict[str, Spans] = {}
        self._depth = 0
        self._in_text = False
        self._key: str | None = None
        """Key of the long list we are in; None outside."""
        self._record_start = 0
        self._kept = 0
        """What stands before this place is in `rest` or in a long list."""
        self._is_over = False

    def go(self, stream: BinaryIO) -> None:
        """Read the stream to its end."""
        base = 3 if stream.read(3) == _BOM else 0
        stream.seek(base)
        self._kept = base
        while chunk := stream.read(CHUNK_BYTES):
            while _n_trailing_slashes(chunk) % 2 and (more := stream.read(1)):
                chunk += more
            place = stream.tell()
            self._chunk(chunk, base, stream)
            stream.seek(place)
            self._keep(chunk, base, base + len(chunk))
            base += len(chunk)
        if not self._is_over:
            raise unreadable(
                self._file,
                "it ends before its last bracket" if self._depth else "it is no JSON object",
                self._expected,
            )

    def _keep(self, chunk: bytes, base: int, until: int) -> None:
        if self._key is None and until > self._kept:
            self.rest += chunk[self._kept - base : until - base]
            self._kept = until
            if len(self.rest) > MAX_REST_BYTES:
                raise unreadable(
                    self._file,
                    f"more than {MAX_REST_BYTES >> 20} MB stand outside its lists",
                    self._expected,
                )

    def _chunk(self, chunk: bytes, base: int, stream: BinaryIO) -> None:
        plain = np.frombuffer(
            chunk.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in chunk else chunk,
            np.uint8,
        )
        quotes = np.flatnonzero(plain == 0x22)
        kinds = _KIND[plain]
        places = np.flatnonzero(kinds)
        is_outside = (np.searchsorted(quotes, places) + self._in_text) % 2 == 0
        places = places[is_outside]
        kinds = kinds[places]
        depths = self._depth + np.cumsum(
            np.where(kinds == _OPEN, 1, np.where(kinds == _CLOSE, -1, 0))
        )
        self._in_text = bool((len(quotes) + self._in_text) % 2)
        shallow = depths <= 2
        for place, kind, depth in zip(
            places[shallow].tolist(), kinds[shallow].tolist(), depths[shallow].tolist(), strict=True
        ):
            self._step(place, kind, depth, chunk, base, stream)
        if len(depths):
            self._depth = int(depths[-1])

    def _step(
        self, place: int, kind: int, depth: int, chunk: bytes, base: int, stream: BinaryIO
    ) -> None:
        """One bracket or comma at a depth (after it) of at most 2."""
        if depth < 0 or (self._is_over and kind != _COMMA):
            raise unreadable(self._file, "it goes on after its end", self._expected)
        here = base + place
        if kind == _OPEN and self._key is None:
            self._open(here, depth, chunk, base, stream)
        elif self._key is not None:
            inner = 1 if self._key == "" else 2
            if kind == _COMMA and depth == inner:
                self._end_record(here)
            elif kind == _CLOSE and depth == inner - 1:
                self._end_record(here)
                self._kept, self._key = here, None
        self._is_over = self._is_over or (kind == _CLOSE and depth == 0)

    def _open(self, here: int, depth: int, chunk: bytes, base: int, stream: BinaryIO) -> None:
        if depth == 1:
            key = "" if chunk[here - base] == 0x5B or "" in self._long else None
        else:
            key = self._key_before(stream, here)
            key = key if key in self._long else None
        if key is not None:
            self._keep(chunk, base, here + 1)
            self._key, self._record_start = key, here + 1
            self.spans[key] = Spans()

    def _end_record(self, here: int) -> None:
        spans = self.spans[self._key or ""]
        spans.starts.append(self._record_start)
        spans.ends.append(here)
        self._record_start = here + 1

    def _key_before(self, stream: BinaryIO, here: int) -> str:
        start = max(0, here - _LONGEST_KEY)
        stream.seek(start)
        found = _KEY_BEFORE.search(stream.read(here - start))
        return found[1].decode("utf-8", "replace") if found else ""


def _n_trailing_slashes(chunk: bytes) -> int:
    return len(chunk) - len(chunk.rstrip(b"\\"))


def _without_blank(stream: BinaryIO, spans: Spans) -> Spans:
    """The spans, without the one that an empty list leaves."""
    if len(spans) == 1 and spans.ends[0] - spans.starts[0] < 1 << 16:
        stream.seek(spans.starts[0])
        if not stream.read(spans.ends[0] - spans.starts[0]).strip():
            return Spans()
    return spans


def _key_text(quoted: bytes) -> str:
    try:
        return str(msgspec.json.decode(quoted))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return quoted[1:-1].decode("utf-8", "replace")
