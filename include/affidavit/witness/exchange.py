"""One HTTP request and its answer, over TCP, TLS or a Unix socket, in bounded time and space.

A time-out of the standard library bounds each read, so a peer that drips bytes holds its caller for ever; here the
deadline is for the whole exchange. Nothing is read from the environment (no proxy), and no redirect is followed.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from affidavit.errors import ConfigurationError, SourceGarbled, SourceRefused, SourceUnavailable

MAX_ANSWER = 256 * 1024
"""Most bytes of an answer, its headers included."""

_PIECE = 65_536


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the media type in lower case, and the body."""

    status: int
    media_type: str
    body: bytes


@dataclass(frozen=True)
class Place:
    """Where a server listens: ``socket`` is a path, or else host, port and whether it speaks TLS.

    ``prefix`` is the path of the URL without a slash at the end; ``shown`` names the place and holds no secret.
    """

    socket: str
    host: str
    port: int
    tls: bool
    prefix: str

    @classmethod
    def parse(cls, url: str) -> Place:
        """Read ``unix:///path/to/socket``, ``/path/to/socket``, ``http://…`` or ``https://…``.

        Raises ``ConfigurationError``; credentials in a URL are refused, since it is shown.
        """
        if url.startswith("/"):
            return cls(url, "", 0, False, "")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc:
            return cls(parts.path, "", 0, False, "")
        plain = parts.username is None and parts.password is None and not parts.query and not parts.fragment
        if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
            raise ConfigurationError(
                "not an address that can be asked",
                where="url",
                fix="write unix:///path/to/socket, http://127.0.0.1:8123 or https://host/prefix, without credentials",
            )
        tls = parts.scheme == "https"
        return cls("", parts.hostname, port or (443 if tls else 80), tls, parts.path.rstrip("/"))

    @property
    def shown(self) -> str:
        """The place, for messages and records."""
        if self.socket:
            return f"unix://{self.socket}"
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{name}:{self.port}{self.prefix}"


def exchange(
    place: Place, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str], timeout: float
) -> Answer:
    """Send one request and read its whole answer within ``timeout`` seconds.

    Raises ``SourceUnavailable`` where nobody answers in time, ``SourceRefused`` for a certificate that does not hold,
    ``SourceGarbled`` for what is not HTTP or is too long.
    """
    deadline = time.monotonic() + timeout
    try:
        with _connect(place, timeout) as connection:
            connection.sendall(_request(place, method, path, body, headers))
            data = _read(connection, deadline)
    except ssl.SSLCertVerificationError as error:
        raise SourceRefused("its certificate does not hold", where=place.shown, fix="mend the certificate") from error
    except TimeoutError as error:
        raise _silent(place, f"no answer within {timeout:g} s") from error
    except OSError as error:
        raise _silent(place, f"cannot be reached ({error.strerror or type(error).__name__})") from error
    if len(data) > MAX_ANSWER:
        raise SourceGarbled(f"an answer of more than {MAX_ANSWER:,} bytes", where=place.shown)
    return _parsed(place, method, data)


def _connect(place: Place, timeout: float) -> socket.socket:
    if place.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        try:
            connection.connect(place.socket)
        except OSError:
            connection.close()
            raise
        return connection
    plain = socket.create_connection((place.host, place.port), timeout)
    if not place.tls:
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=place.host)
    except BaseException:
        plain.close()
        raise


def _request(place: Place, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    fields = {
        "Host": place.host or "signer",
        "Connection": "close",
        "Accept-Encoding": "identity",
        "Content-Length": str(len(body)),
        **headers,
    }
    lines = [f"{method} {place.prefix}{path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "".join(line + "\r\n" for line in [*lines, ""]).encode("latin-1") + body


def _read(connection: socket.socket, deadline: float) -> bytes:
    pieces, size = [], 0
    while size <= MAX_ANSWER:
        connection.settimeout(_left(deadline))
        piece = connection.recv(_PIECE)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Received:
    """What ``http.client`` reads an answer from: bytes that are there already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._data)


def _parsed(place: Place, method: str, data: bytes) -> Answer:
    response = http.client.HTTPResponse(_Received(data), method=method)  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ValueError) as error:
        if not data:
            raise _silent(place, "hung up without an answer") from error
        raise SourceGarbled("what it answered is not HTTP, or was cut short", where=place.shown) from error
    finally:
        response.close()
    return Answer(response.status, response.headers.get_content_type(), body)


def _silent(place: Place, problem: str) -> SourceUnavailable:
    return SourceUnavailable(problem, where=place.shown, fix="see whether the server runs, and try again")
