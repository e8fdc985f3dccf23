"""What a disk holds after the power was cut: only what was flushed, or with it some of what was not.

The rules are those of POSIX, which are stricter than any common file system: the bytes of a file are safe once it was
flushed, its name once the folder that it stands in was flushed, and what the file system was told and not made to keep
may be there or not, sector by sector. What was written before a flush that failed is never safe: the kernel may have
thrown it away, and a later flush that succeeds says nothing about it.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from tests.faults.trace import Call

SECTORS = (512, 4096)


@dataclass
class File:
    """Its safe bytes, and what was done since: (offset, bytes) was written, or (size, None) was made its size."""

    safe: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def flush(self) -> None:
        for offset, data in self.since:
            _put(self.safe, offset, data)
        self.since = []

    def left(self, chance: random.Random | None) -> bytearray:
        found = bytearray(self.safe)
        if chance is not None:
            sector = chance.choice(SECTORS)
            for offset, data in (piece for each in self.since for piece in _sectors(*each, sector)):
                if chance.random() < 0.5:
                    _put(found, offset, data)
        return found


@dataclass
class Folder:
    """Its names as they are, those that are safe, and what was done since: a name got another object, or None."""

    now: dict[str, "File | Folder"] = field(default_factory=dict)
    safe: dict[str, "File | Folder"] = field(default_factory=dict)
    since: list[dict[str, "File | Folder | None"]] = field(default_factory=list)

    def change(self, names: dict[str, "File | Folder | None"]) -> None:
        """Names that change together, as those of a rename do."""
        self.since.append(names)
        _name(self.now, names)

    def flush(self) -> None:
        self.safe, self.since = dict(self.now), []

    def left(self, chance: random.Random | None) -> dict[str, "File | Folder"]:
        found = dict(self.safe)
        if chance is not None:  # names are kept in the order in which they were made
            for names in self.since[: chance.randint(0, len(self.since))]:
                _name(found, names)
        return found


class Disk:
    """The folder ``root``, all of which is safe to begin with."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._top = _loaded(root)

    def do(self, call: Call) -> None:
        """Take note of one call."""
        if call.path.endswith(" (deleted)"):
            return
        if call.name in ("fsync", "fdatasync"):
            found = self._at(call.path)
            if call.result == 0:
                found.flush()
            elif isinstance(found, File):
                found.since = []
        elif call.result >= 0:
            self._done(call)

    def _done(self, call: Call) -> None:
        path = PurePath(call.path)
        match call.name:
            case "write" | "pwrite64":
                self._at(path).since.append((call.offset, call.data))
            case "ftruncate":
                self._at(path).since.append((call.offset, None))
            case "openat" if call.offset:
                self._at(path.parent).change({path.name: File()})
            case "openat" if call.second:
                self._at(path).since.append((0, None))
            case "mkdir":
                self._at(path.parent).change({path.name: Folder()})
            case "unlink" | "rmdir":
                self._at(path.parent).change({path.name: None})
            case "rename":
                to = PurePath(call.second)
                assert path.parent == to.parent, "only renames within a folder are known here"
                self._at(path.parent).change({path.name: None, to.name: self._at(path)})
            case "openat":
                pass
            case _:
                raise NotImplementedError(call.name)

    def left(self, target: Path, chance: random.Random | None = None) -> None:
        """Write to ``target`` what a cut of the power leaves: what is safe, and by ``chance`` some of the rest."""
        _write(self._top, target, chance)

    def _at(self, path: str | PurePath) -> "File | Folder":
        found: File | Folder = self._top
        for part in PurePath(path).relative_to(self._root).parts:
            found = found.now[part]
        return found


def _put(data: bytearray, offset: int, new: bytes | None) -> None:
    length = offset if new is None else offset + len(new)
    if len(data) < length:
        data.extend(bytes(length - len(data)))
    if new is None:
        del data[length:]
    else:
        data[offset:length] = new


def _sectors(offset: int, data: bytes | None, size: int) -> Iterator[tuple[int, bytes | None]]:
    if data is None:
        yield offset, None
        return
    start = 0
    while start < len(data):
        stop = min(len(data), start + size - (offset + start) % size)
        yield offset + start, data[start:stop]
        start = stop


def _name(folder: dict[str, File | Folder], names: dict[str, File | Folder | None]) -> None:
    for name, found in names.items():
        folder.pop(name, None)
        if found is not None:
            folder[name] = found


def _loaded(path: Path) -> Folder:
    names = {
        each.name: _loaded(each) if each.is_dir() else File(bytearray(each.read_bytes())) for each in path.iterdir()
    }
    return Folder(dict(names), names)


def _write(folder: Folder, target: Path, chance: random.Random | None) -> None:
    target.mkdir()
    for name, found in folder.left(chance).items():
        if isinstance(found, Folder):
            _write(found, target / name, chance)
        else:
            (target / name).write_bytes(found.left(chance))
            (target / name).chmod(0o600)
