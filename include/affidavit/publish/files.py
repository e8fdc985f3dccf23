"""Files of the site: each appears whole or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from affidavit.errors import ConfigurationError


class Files:
    """Writes files below ``directory``; ``written`` counts them. Paths are relative, with forward slashes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.written = 0

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the directory against other builders on this host; waits for the one before.

        Raises ``ConfigurationError`` where the directory cannot be written.
        """
        with ExitStack() as held:
            with self._told():
                self.directory.mkdir(parents=True, exist_ok=True)
                lock = held.enter_context((self.directory / ".building").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None where there is none."""
        try:
            return (self.directory / path).read_bytes()
        except FileNotFoundError:
            return None

    def exists(self, path: str) -> bool:
        """Whether the file is there."""
        return (self.directory / path).exists()

    def remove(self, path: str) -> None:
        """Remove the file, if it is there. Raises ``ConfigurationError`` where that fails."""
        with self._told():
            (self.directory / path).unlink(missing_ok=True)

    def write(self, path: str, content: bytes | str) -> None:
        """Write beside the place, flush to the disk, rename into it.

        Raises ``ConfigurationError`` where that fails; what stood in the place still stands.
        """
        target = self.directory / path
        part = target.with_name(f".{target.name}.part")
        with self._told():
            target.parent.mkdir(exist_ok=True)
            with part.open("wb") as file:
                file.write(content if isinstance(content, bytes) else content.encode())
                file.flush()
                # Pages that are written once are never looked at again: an empty one after a power cut would stay.
                os.fsync(file.fileno())
            part.replace(target)
        self.written += 1

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigurationError(
                f"the site cannot be written ({error.strerror or type(error).__name__})",
                where=str(self.directory),
                fix="give the process a directory that it may write to, with space left",
            ) from error
