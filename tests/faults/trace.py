"""What shim.c recorded, read back."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Call:
    """One write-side call, or one mark of the writer (``name`` is ``mark``, and ``path`` its text).

    ``inode`` and ``path`` say on which file, ``offset`` and ``data`` what was written (for ``openat`` an ``offset`` of
    1 says that the file was made), ``second`` the other path of a rename. ``result`` is negative where it failed.
    """

    name: str
    inode: int
    offset: int
    result: int
    path: str
    second: str
    data: bytes

    def on(self, disk: Path) -> str:
        """What it did to what, in few words; names made at random are left out."""
        place = Path(self.path).relative_to(disk)
        return f"{self.name} {place if len(place.name) < 64 else place.parts[0]}"


def read(log: Path) -> Iterator[Call]:
    """The records in order. One that was cut off by the writer's death ends them."""
    with log.open("rb") as file:
        for line in file:
            name, inode, offset, length, result, path, second = line.decode().rstrip("\n").split("\t")
            data = file.read(int(length))
            yield Call(name, int(inode), int(offset), int(result), path, second, data)
