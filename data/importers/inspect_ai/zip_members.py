"""Members of a ZIP archive from anywhere, one by one and bounded: nothing is unpacked to disk, and
what inflates without end is refused.

Stored, deflated and Zstandard members (method 93, which `zipfile` of this Python lists but does not
read; a member may consist of several frames). A member name that comes twice was superseded: the
last one counts.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

import zstandard

from data.records import CharybdisError, ImportFormatError

ZSTANDARD = 93
MAX_MEMBER_BYTES = 256 << 20
"""A member may inflate to this."""
MAX_RATIO = 1000
"""A member may inflate to this many times its size in the archive, once it is larger than
FREE_BYTES.
"""
FREE_BYTES = 16 << 20
MAX_MEMBERS = 5_000_000
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")


class BadMemberError(CharybdisError):
    """A member cannot be read; the text says what was found. `expected` is the rest of the
    message.
    """

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(found)
        self.found, self.expected = found, expected


class Archive:
    """An open archive. Not for use outside `opened`."""

    def __init__(self, file: Path, stream: BinaryIO, listing: zipfile.ZipFile) -> None:
        self._stream, self._listing = stream, listing
        self.names: dict[str, zipfile.ZipInfo] = {}
        """The members that may be read, in archive order; of several with one name the last."""
        self.refused: dict[str, str] = {}
        """Members whose name leads out of the archive, with what is wrong."""
        for info in listing.infolist():
            if _leads_out(info.filename):
                self.refused[info.filename] = "a name that leads out of the archive"
            elif not info.is_dir():
                self.names.pop(info.filename, None)
                self.names[info.filename] = info
        packed = sum(info.compress_size for info in listing.infolist())
        if packed > file.stat().st_size:
            raise ImportFormatError(
                f"{file} is not read: its members claim {packed:,} bytes, more than the file has."
                " They overlap."
            )

    def read(self, name: str) -> bytes:
        """Content of a member.

        Raises:
            BadMemberError: it is damaged, encrypted, packed with another method, or inflates beyond
                the bounds.
        """
        info = self.names[name]
        limit = min(MAX_MEMBER_BYTES, max(FREE_BYTES, MAX_RATIO * info.compress_size))
        if info.file_size > limit:
            raise _too_large(info, info.file_size)
        if info.flag_bits & 1:
            raise BadMemberError("an encrypted member", "a member that needs no password")
        try:
            content = (
                self._zstandard(info, limit)
                if info.compress_type == ZSTANDARD
                else self._ordinary(info, limit)
            )
        except NotImplementedError as cause:
            raise BadMemberError(
                f"compression method {info.compress_type}",
                "stored (0), deflated (8) or Zstandard (93) members",
            ) from cause
        except (
            zipfile.BadZipFile,
            zlib.error,
            zstandard.ZstdError,
            EOFError,
            OSError,
            struct.error,
        ) as cause:
            raise BadMemberError(f"damaged: {cause}", "a whole member") from cause
        if len(content) > limit:
            raise _too_large(info, len(content))
        return content

    def _ordinary(self, info: zipfile.ZipInfo, limit: int) -> bytes:
        with self._listing.open(info) as member:
            return _bounded(member, limit)

    def _zstandard(self, info: zipfile.ZipInfo, limit: int) -> bytes:
        self._stream.seek(info.header_offset)
        header = _LOCAL_HEADER.unpack(self._stream.read(_LOCAL_HEADER.size))
        if header[0] != b"PK\x03\x04":
            raise zipfile.BadZipFile("no member begins where the archive says")
        self._stream.seek(header[9] + header[10], 1)
        packed = self._stream.read(info.compress_size)
        if len(packed) < info.compress_size:
            raise EOFError("the archive ends within it")
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            packed, read_across_frames=True
        ) as member:
            content = _bounded(member, limit)
        if len(content) <= limit and zlib.crc32(content) != info.CRC:
            raise zipfile.BadZipFile("its checksum does not fit")
        return content


@contextmanager
def opened(file: Path) -> Iterator[Archive]:
    """An archive, open for reading.

    Raises:
        ImportFormatError: the file is no archive, or is cut off.
    """
    with file.open("rb") as stream:
        try:
            with zipfile.ZipFile(stream) as listing:
                if len(listing.infolist()) > MAX_MEMBERS:
                    raise ImportFormatError(
                        f"{file} is not read: it has {len(listing.infolist()):,} members, over"
                        f" {MAX_MEMBERS:,}."
                    )
                yield Archive(file, stream, listing)
        except (
            zipfile.BadZipFile,
            EOFError,
            struct.error,
            UnicodeDecodeError,
            NotImplementedError,
        ) as cause:
            raise ImportFormatError(
                f"{file} cannot be read: {cause}. Expected is a whole ZIP archive; a copy that was"
                " cut off lacks its table of contents, which stands at the end. Copy it again, or"
                " leave it out."
            ) from cause


def _bounded(member: IO[bytes] | zstandard.ZstdDecompressionReader, limit: int) -> bytes:
    """Up to one byte over the limit: enough to know that there is more."""
    content = bytearray()
    while len(content) <= limit and (block := member.read(min(1 << 20, limit + 1 - len(content)))):
        content += block
    return bytes(content)


def _too_large(info: zipfile.ZipInfo, size: int) -> BadMemberError:
    return BadMemberError(
        f"{info.compress_size:,} bytes that inflate to {size:,} or more",
        f"at most {MAX_MEMBER_BYTES >> 20} MB, and at most {MAX_RATIO} times the packed size",
    )


def _leads_out(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return (
        ".." in parts
        or name.startswith(("/", "\\"))
        or (len(name) > 1 and name[1] == ":" and name[0].isalpha())
    )
