"""Artifacts: listed, streamed, hashed, and kept where a model is to be served. Never loaded: its file may run code.

A file that is not what was listed, or is gone, when it is read has moved: it is counted, and the tree has no digest,
since no such tree ever stood there. One that a server proxies and that is overwritten by as many bytes while it is
read cannot be told from one that was not.

Read are artifacts that the tracking server itself proxies (``mlflow-artifacts:``), and directories where the server
runs on this very machine. Other stores are not looked at: whoever writes a run also writes its URI, and must not choose
which host we speak to with which credentials.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from pydantic import StringConstraints

from affidavit.collect.rest import Answer, Api
from affidavit.errors import IntegrityError, SourceUnavailable
from affidavit.evidence import dumps

MAX_DEPTH = 32
"""Most directories below one another; a link that leads back would never end."""

_API = "/api/2.0/mlflow-artifacts/artifacts"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_CHUNK = 2**20


@dataclass(frozen=True)
class File:
    """One artifact: its path below the root, and its content's SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Tree:
    """All artifacts below one root, by path; ``moved`` more changed while they were read."""

    files: tuple[File, ...]
    moved: int = 0

    @property
    def sha256(self) -> str | None:
        """SHA-256 over the canonical JSON of ``[[path, size, sha256], …]``, sorted by path; None where any moved."""
        if self.moved:
            return None
        return hashlib.sha256(dumps([[each.path, each.size, each.sha256] for each in self.files])).hexdigest()

    def json(self) -> dict[str, str | int | None]:
        """As statements carry it; ``bytes`` are those of the files that stood still."""
        return {
            "files": len(self.files) + self.moved,
            "bytes": sum(each.size for each in self.files),
            "moved": self.moved,
            "sha256": self.sha256,
        }


def stood(tree: Mapping[str, Any] | None) -> bool:
    """Whether artifacts, as statements carry them, were read and stood still."""
    return tree is not None and tree["sha256"] is not None


class _Info(Answer):
    path: Annotated[str, StringConstraints(max_length=1_000)]
    is_dir: bool = False
    file_size: int | None = None


class _Listing(Answer):
    files: tuple[_Info, ...] = ()


class _Moved(Exception):
    """A file that was listed is gone, or another one, when it is read."""


class _Store(Protocol):
    """A store of artifacts, addressed by path below a root of its own."""

    def list(self, path: str) -> tuple[_Info, ...]: ...

    def read(self, path: str) -> Iterator[bytes]:
        """Raises ``_Moved`` where the file went away."""
        ...


class Artifacts:
    """The artifacts of one tracking server."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def tree(self, uri: str) -> Tree | None:
        """Everything below ``uri``, hashed; None where its store is not one that we look at.

        Raises ``SourceRefused`` for a path that leads elsewhere or that the server would read as another one.
        """
        place = self._place(uri)
        if place is None:
            return None
        store, root = place
        found = list(self._walk(store, root, ""))
        files = sorted((file for file in found if file), key=lambda file: file.path)
        return Tree(tuple(files), moved=len(found) - len(files))

    def save(self, uri: str, folder: Path, *, sha256: str | None, limit: int) -> Tree:
        """Everything below ``uri``, hashed while it is written below ``folder``, which is empty.

        ``sha256`` is the tree's digest where one was recorded, ``limit`` the most bytes. Raises ``IntegrityError`` for
        another tree than that, ``SourceUnavailable`` for one that moved meanwhile, ``SourceRefused`` for a store that
        we do not look at, for too many bytes, and as :meth:`tree`. What is written by then is of no use.
        """
        place = self._place(uri)
        if place is None:
            fix = "let the tracking server proxy artifacts (mlflow-artifacts:), or name a scoring endpoint"
            raise self._api.refused("its artifacts are in a store that is not looked at", fix=fix)
        store, root = place
        try:
            found = list(self._walk(_Kept(store, folder, root, limit, self._api), root, ""))
        except FileExistsError as error:
            raise self._api.garbled("lists the same artifact twice") from error
        except OSError as error:
            fix = "see to the space and the rights there, or set TMPDIR to another folder, and try again"
            problem = f"an artifact cannot be kept ({error.strerror})"
            raise SourceUnavailable(problem, where="the temporary directory", fix=fix) from error
        tree = Tree(tuple(sorted((file for file in found if file), key=lambda file: file.path)), found.count(None))
        if tree.moved:
            raise SourceUnavailable(f"{tree.moved} artifacts changed while they were read", where=self._api.where)
        if sha256 is not None and tree.sha256 != sha256:
            fix = "find out who changed the model's files since they were recorded"
            raise IntegrityError("its artifacts are not those that were recorded", where=self._api.where, fix=fix)
        return tree

    def names(self, uri: str) -> frozenset[str] | None:
        """What lies directly below ``uri``; None where its store is not one that we look at."""
        place = self._place(uri)
        return frozenset(info.path for info in place[0].list(place[1])) if place else None

    def text(self, uri: str, path: str, *, limit: int) -> str:
        """A small text file below ``uri``, its first ``limit`` bytes; empty where it is gone or not looked at."""
        place = self._place(uri)
        if place is None:
            return ""
        data = bytearray()
        try:
            for piece in place[0].read(f"{place[1]}/{path}"):
                data += piece
                if len(data) > limit:
                    break
        except _Moved:
            return ""
        return bytes(data[:limit]).decode(errors="replace")

    def _walk(self, store: _Store, root: str, below: str) -> Iterator[File | None]:
        """Each file; None for one that moved."""
        if below.count("/") >= MAX_DEPTH:
            raise self._api.refused(f"artifacts nested more than {MAX_DEPTH} deep", fix="see whether a link leads back")
        for info in store.list(f"{root}/{below}".rstrip("/")):
            self._check(info.path)
            path = f"{below}{info.path}"
            if info.is_dir:
                yield from self._walk(store, root, f"{path}/")
            else:
                yield self._file(store, root, path, info.file_size)

    def _file(self, store: _Store, root: str, path: str, size: int | None) -> File | None:
        digest, read = hashlib.sha256(), 0
        try:
            for piece in _ahead(store.read(f"{root}/{path}")):
                digest.update(piece)
                read += len(piece)
        except _Moved:
            return None
        return File(path, read, digest.hexdigest()) if size in {None, read} else None

    def _place(self, uri: str) -> tuple[_Store, str] | None:
        parts = urlsplit(uri)
        server = urlsplit(self._api.base)
        if parts.scheme == "mlflow-artifacts" and parts.netloc in {"", server.netloc}:
            root = parts.path.strip("/")
            for name in root.split("/"):
                self._check(name)
            return _Proxied(self._api), root
        if parts.scheme in {"", "file"} and not parts.netloc and server.hostname in _LOOPBACK:
            root = unquote(parts.path) if parts.scheme else parts.path
            # A relative path is relative to the server. A directory that is not there may be on a disk we do not see.
            return (_Local(self._api), root) if root.startswith("/") and Path(root).is_dir() else None
        return None

    def _check(self, name: str) -> None:
        # MLflow's server decodes a path again and again, so that one name may reach another file.
        if name in {"", ".", ".."} or any(sign in "/\\%#?" or ord(sign) < 32 or ord(sign) == 127 for sign in name):
            raise self._api.refused(
                f"the artifact path {name[:200]!r} leads elsewhere, or could be read as another",
                fix="rename or remove that artifact (no '..', '/', '\\', '%', '#' or '?' in a name)",
            )


def _ahead(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """``pieces``, each read while the one before it is hashed: otherwise the hash would add to the download's time."""
    with ThreadPoolExecutor(1) as reader:
        following = reader.submit(next, pieces, None)
        while (piece := following.result()) is not None:
            following = reader.submit(next, pieces, None)
            yield piece


class _Proxied:
    """Artifacts that the tracking server hands through."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def list(self, path: str) -> tuple[_Info, ...]:
        return self._api.get(_Listing, _API, {"path": path}).files

    def read(self, path: str) -> Iterator[bytes]:
        pieces = self._api.stream(f"{_API}/{quote(path)}")
        if pieces is None:
            raise _Moved
        return pieces


class _Kept:
    """A store of which everything that is read stays below ``folder``, at its path below ``root``."""

    def __init__(self, store: _Store, folder: Path, root: str, limit: int, api: Api) -> None:
        self._store, self._folder, self._root, self._left, self._api = store, folder, root, limit, api

    def list(self, path: str) -> tuple[_Info, ...]:
        return self._store.list(path)

    def read(self, path: str) -> Iterator[bytes]:
        # Names were checked: none leads out of the folder, and none can be there before.
        file = self._folder / path.removeprefix(f"{self._root}/")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as out:
            for piece in self._store.read(path):
                self._left -= len(piece)
                if self._left < 0:
                    fix = "raise the limit, or name a scoring endpoint"
                    raise self._api.refused("its artifacts are larger than what may be kept of a model", fix=fix)
                out.write(piece)
                yield piece


class _Local:
    """A directory of this machine: regular files only, and no link is followed."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def list(self, path: str) -> tuple[_Info, ...]:
        try:
            return tuple(self._info(each) for each in Path(path).iterdir())
        except OSError as error:
            raise SourceUnavailable(
                f"its artifacts cannot be listed ({error.strerror})", where=self._api.where
            ) from error

    def _info(self, path: Path) -> _Info:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode) and not stat.S_ISREG(status.st_mode):
            fix = "replace the link or device by the file itself"
            raise self._api.refused(f"the artifact {path.name[:200]!r} is no regular file", fix=fix)
        return _Info(path=path.name, is_dir=stat.S_ISDIR(status.st_mode), file_size=status.st_size)

    def read(self, path: str) -> Iterator[bytes]:
        try:
            with Path(path).open("rb") as file:
                before = os.fstat(file.fileno())
                while piece := file.read(_CHUNK):
                    yield piece
                after = os.fstat(file.fileno())
        except FileNotFoundError as error:
            raise _Moved from error
        except OSError as error:
            raise SourceUnavailable(f"an artifact cannot be read ({error.strerror})", where=self._api.where) from error
        if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
            raise _Moved
