"""The zip of a bundle: one way to write it, and a reader that takes nothing else.

Files are stored, not compressed, in the order of their names, with one fixed date. So equal contents give equal bytes
on every machine and with every version of zlib, and a reader can demand exactly those bytes: there is no room for a
bomb, a second file of the same name, overlapping files, or anything that another program would read differently.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from affidavit.errors import IntegrityError, UsageError

MAX_FILES = 65_535
MAX_BYTES = 2**32 - 1
"""What a zip without its 64-bit extension can hold."""

NAME = re.compile(
    r"README\.txt|copy_of_affidavit_verify\.py|checkpoint\.txt|manifest\.json|policy-template\.txt|since\.txt"
    r"|blobs/[0-9a-f]{64}|entries/(0|[1-9][0-9]{0,18})\.json|proofs/(0|[1-9][0-9]{0,18})\.tlog-proof"
    r"|(rotations|anchors)/[1-9][0-9]{0,18}\.txt"
)
"""Every name that a file of a bundle can have; none leads out of a folder."""

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION = 20  # of PKWARE's APPNOTE, 2.0
_UNIX = 3 << 8
_DATE = 1 << 5 | 1  # 1 January 1980, the first day that a zip can name
_PLAIN_FILE = 0o100644 << 16


def write(file: BinaryIO, files: Iterable[tuple[str, bytes]]) -> None:
    """Write ``files``, whose names must come in order, as a zip. Raises ``UsageError`` where they are too many."""
    directory, position = [], 0
    for count, (name, data) in enumerate(files, start=1):
        header = _local(name, data)
        size = position + len(header) + len(data)
        if count > MAX_FILES or size + 200 * count > MAX_BYTES:
            raise UsageError(
                f"more than {MAX_FILES:,} files or {MAX_BYTES:,} bytes do not fit into one bundle",
                fix="choose fewer entries, or hand over the ledger's database itself",
            )
        file.write(header)
        file.write(data)
        directory.append(_central(name, data, position))
        position = size
    file.write(_tail(directory, position))


class Zip:
    """The files in the bytes of a zip that :func:`write` wrote. Raises ``IntegrityError`` for any other bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._places: dict[str, tuple[int, int]] = {}
        directory, position, last = [], 0, ""
        while data[position : position + 4] == b"PK\x03\x04" and len(data) - position >= _LOCAL.size:
            fields = _LOCAL.unpack_from(data, position)
            size, length = fields[8], fields[9]
            start = position + _LOCAL.size + length
            name = data[position + _LOCAL.size : start].decode("ascii", "replace")
            body = data[start : start + size]
            if not NAME.fullmatch(name) or name <= last:
                raise IntegrityError(f"a file that does not belong into a bundle, or not there: {name[:200]!r}")
            if data[position:start] != _local(name, body):
                raise IntegrityError("not stored as a bundle's files are, or damaged", where=name)
            directory.append(_central(name, body, position))
            self._places[name] = (start, size)
            position, last = start + size, name
        if data[position:] != _tail(directory, position):
            raise IntegrityError(f"the archive is damaged after {last or 'its start'}")

    def __iter__(self) -> Iterator[str]:
        """The names, in order."""
        return iter(self._places)

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises ``IntegrityError`` where there is none."""
        if name not in self._places:
            raise IntegrityError("absent", where=name)
        start, size = self._places[name]
        return self._data[start : start + size]


class Folder:
    """The files of a bundle that was unpacked into ``path``; links are not followed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        names = sorted(
            each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_symlink() or not each.is_dir()
        )
        for name in names:
            file = path / name
            # A pipe would be waited for without end.
            if not NAME.fullmatch(name) or not file.is_file() or file.is_symlink() or file.parent.is_symlink():
                raise IntegrityError(f"a file that does not belong into a bundle: {name[:200]!r}")
        self._names = names

    def __iter__(self) -> Iterator[str]:
        """The names, in order."""
        return iter(self._names)

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises ``IntegrityError`` where there is none."""
        try:
            return (self._path / name).read_bytes()
        except OSError as error:
            raise IntegrityError("absent", where=name) from error


def _local(name: str, data: bytes) -> bytes:
    sizes = (zlib.crc32(data), len(data), len(data), len(name), 0)
    return _LOCAL.pack(b"PK\x03\x04", _VERSION, 0, 0, 0, _DATE, *sizes) + name.encode("ascii")


def _central(name: str, data: bytes, position: int) -> bytes:
    sizes = (zlib.crc32(data), len(data), len(data), len(name), 0, 0, 0, 0)
    fixed = (_UNIX | _VERSION, _VERSION, 0, 0, 0, _DATE)
    return _CENTRAL.pack(b"PK\x01\x02", *fixed, *sizes, _PLAIN_FILE, position) + name.encode("ascii")


def _tail(directory: list[bytes], position: int) -> bytes:
    count, size = len(directory), sum(map(len, directory))
    return b"".join(directory) + _END.pack(b"PK\x05\x06", 0, 0, count, count, size, position, 0)
