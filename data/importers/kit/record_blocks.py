"""Large JSON files as blocks of whole records, so that memory stays bounded however long the file
is.

Three layouts come as one: one object a line; an array written with an indent of two (its records
begin and end on lines of their own, so a broken one does not take the others along); any other
array.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import ijson
import msgspec
import numpy as np

from data.importers.kit.base import ReportReject
from data.records import Reject

BLOCK_BYTES = 2 << 20
"""Small enough for the processor's cache, large enough for work by columns."""
MAX_RECORD_BYTES = 128 << 20
"""A longer line is no record but a file without line ends; it is refused before it fills the
memory.
"""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Block:
    """Some records, one a line. `first` is the line number of the first; `numbers` the place of
    each, if they are not consecutive lines.
    """

    data: bytes
    first: int
    numbers: tuple[int, ...] | None = None

    def lines(self) -> list[tuple[int, bytes]]:
        """Each line that is not blank, with its place in the file."""
        lines = self.data.split(b"\n")
        numbers = self.numbers or range(self.first, self.first + len(lines))
        return [
            (number, line) for number, line in zip(numbers, lines, strict=False) if line.strip()
        ]


def read_blocks(
    file: Path, report: ReportReject, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """Blocks of a file of records, in file order; what is no record at all is reported and left
    out.
    """
    with file.open("rb") as stream:
        if stream.read(3) != _BOM:
            stream.seek(0)
        start = stream.tell()
        head = stream.read(64).lstrip()
        stream.seek(start)
        if not head.startswith(b"["):
            yield from _line_blocks(stream, file, report, block_bytes)
        elif head[1:].replace(b"\r", b"").startswith(b"\n  {\n"):
            yield from _indented_array_blocks(stream, block_bytes)
        else:
            yield from _array_blocks(stream, file, report, block_bytes)


def _line_blocks(
    stream: BinaryIO, file: Path, report: ReportReject, block_bytes: int
) -> Iterator[Block]:
    first = 1
    while data := stream.read(block_bytes):
        if not data.endswith(b"\n"):
            data += stream.readline(MAX_RECORD_BYTES)
        if len(data) > MAX_RECORD_BYTES and not data.endswith(b"\n"):
            start = data.rfind(b"\n") + 1
            if start:
                yield Block(data[:start], first)
                first += data.count(b"\n")
            found = (
                f"{data[start : start + 60].decode(errors='replace')}... (over"
                f" {MAX_RECORD_BYTES >> 20} MB)"
            )
            report(
                Reject(
                    file.name,
                    str(first),
                    "line",
                    found,
                    f"one record a line, of at most {MAX_RECORD_BYTES >> 20} MB",
                )
            )
            while data and not data.endswith(b"\n"):
                data = stream.readline(block_bytes)
            first += 1
            continue
        yield Block(data, first)
        first += int(
            np.count_nonzero(np.frombuffer(data, np.uint8) == ord("\n"))
        )  # several times as fast as data.count


def _indented_array_blocks(stream: BinaryIO, block_bytes: int) -> Iterator[Block]:
    records: list[bytes] = []
    numbers: list[int] = []
    size = 0
    current: list[bytes] = []
    for number, line in enumerate(stream, 1):
        text = line.rstrip()
        if text in (b"  {", b"[", b"]") and current:  # the record before broke off
            records.append(b" ".join(current))
            current = []
        if text == b"  {":
            numbers.append(number)
            current = [b"{"]
        elif text in (b"  }", b"  },") and current:
            records.append(b" ".join((*current, b"}")))
            current = []
        elif current:
            current.append(text.lstrip())
        size += len(text)
        if size > block_bytes and not current:
            yield Block(b"\n".join(records), numbers[0], tuple(numbers))
            records, numbers, size = [], [], 0
    if current:
        records.append(b" ".join(current))
    if records:
        yield Block(b"\n".join(records), numbers[0], tuple(numbers))


def _array_blocks(
    stream: BinaryIO, file: Path, report: ReportReject, block_bytes: int
) -> Iterator[Block]:
    records: list[bytes] = []
    first, size = 1, 0
    try:
        for record in ijson.items(stream, "item", use_float=True):
            records.append(msgspec.json.encode(record))
            size += len(records[-1])
            if size > block_bytes:
                yield Block(b"\n".join(records), first)
                first += len(records)
                records, size = [], 0
    except (ijson.JSONError, UnicodeDecodeError) as cause:
        place = str(first + len(records))
        report(
            Reject(
                file.name,
                place,
                "record",
                f"the array cannot be read on: {cause}",
                "a JSON array of objects, closed by ]",
            )
        )
    if records:
        yield Block(b"\n".join(records), first)
