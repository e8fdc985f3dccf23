"""Databases that are files: there, or refused; never created by looking."""

from __future__ import annotations

from pathlib import Path

from affidavit.errors import SourceRefused
from affidavit.inventory import Connection


def existing_file(connection: Connection) -> Path:
    """The absolute path of a file-based database. Raises ``SourceRefused`` where there is no such file."""
    path = Path(connection.path)
    if not connection.path or not path.is_file():
        raise SourceRefused(
            f"there is no database file {connection.path!r}",
            where=f"connection {connection.id!r}",
            fix="create it, or correct the path in the connection",
        )
    return path.absolute()
