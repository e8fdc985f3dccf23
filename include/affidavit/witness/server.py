"""The program: HTTP over a Unix socket or loopback, one bounded request at a time.

    POST /add-checkpoint   both roles (C2SP tlog-witness)
    POST /sign             the signer: the unsigned body of its own log's next checkpoint
    GET  /head             the note cosigned last; ?origin=… names the log where several are known
    GET  /vkey             the key that signs here, for whoever sets up a log; trust takes another way

A connection carries one request and has :data:`SECONDS` in all, :data:`MAX_REQUEST` bytes of body and as many of
headers: what dawdles is hung up on, and the next in line is served. Everybody who can reach the socket may ask; what
is signed depends on nothing else than the log's own history.
"""

from __future__ import annotations

import http.server
import io
import ipaddress
import os
import socket
import socketserver
import stat
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from affidavit.errors import AffidavitError, ConfigurationError, UsageError
from affidavit.tlog.note import VerifierKey
from affidavit.witness.exchange import Place
from affidavit.witness.protocol import MAX_REQUEST, TEXT_TYPE, Refusal, admit
from affidavit.witness.state import Memory

SECONDS = 2.0
"""Longest time that one connection is served; nobody on this host needs more."""

_ALLOWED = {"/add-checkpoint": "POST", "/sign": "POST", "/head": "GET", "/vkey": "GET"}


@dataclass(frozen=True)
class Role:
    """Who is asked: its memory, the keys of the logs it knows, and for a signer its own key.

    ``now`` is its clock; a signer's ``logs`` are its own key alone.
    """

    memory: Memory
    logs: Sequence[VerifierKey]
    now: Callable[[], datetime]
    own: VerifierKey | None = None


class Server(socketserver.TCPServer):
    """Serves ``role`` at ``address`` until :meth:`shutdown`; ``url`` is where it is asked."""

    request_queue_size = 64
    allow_reuse_address = True

    def __init__(self, role: Role, address: Place, *, mode: int = 0o600) -> None:
        self.role = role
        self._socket_file = ""
        self.address_family, where = _where(address)
        if address.socket:
            _clear(Path(address.socket))
            # The socket's rights are there from its first moment; binding is the only thing that the mask touches.
            mask = os.umask(0o777 & ~mode)
        try:
            super().__init__(where, _Handler)  # type: ignore[arg-type]
        except OSError as error:
            fix = "name a free port, or a folder that may be written"
            raise ConfigurationError(f"cannot listen there ({error.strerror})", where=address.shown, fix=fix) from error
        finally:
            if address.socket:
                os.umask(mask)
        port = 0 if address.socket else self.server_address[1]
        self.url = Place(address.socket, address.host, int(port), False, "").shown
        self._socket_file = address.socket

    def server_close(self) -> None:
        """Stop listening, and remove the socket's file."""
        super().server_close()
        if self._socket_file:
            Path(self._socket_file).unlink(missing_ok=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event; whatever else went wrong is shown, and ends this one request."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def listening(text: str) -> Place:
    """Where to listen: ``unix:///path``, ``/path`` or ``http://127.0.0.1:port`` (port 0: any free one).

    Raises ``ConfigurationError`` for an address that others than this host can reach.
    """
    if text.endswith(":0"):
        place = Place.parse(text[:-1] + "1")
        place = Place(place.socket, place.host, 0, place.tls, place.prefix)
    else:
        place = Place.parse(text)
    if place.tls or place.prefix or (not place.socket and not _loopback(place.host)):
        raise ConfigurationError(
            "neither a Unix socket nor a loopback address",
            where="--listen",
            fix="write unix:///path/to/socket or http://127.0.0.1:8123, and put what speaks TLS before it",
        )
    return place


def _loopback(host: str) -> bool:
    # Names are refused: what 'localhost' means is decided elsewhere.
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _where(place: Place) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    if place.socket:
        return socket.AF_UNIX, place.socket
    return (socket.AF_INET6 if ":" in place.host else socket.AF_INET), (place.host, place.port)


def _clear(path: Path) -> None:
    """Remove what a killed server left; refuse what a running one, or something else, put there."""
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if is_socket:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(SECONDS)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
                return
            except OSError:
                pass
    problem = "somebody listens there already" if is_socket else "a file that is no socket"
    raise UsageError(problem, where=str(path), fix="stop it, or name another path")


class _Bounded(io.RawIOBase):
    """A socket to read from: until a deadline, and so many bytes."""

    def __init__(self, connection: socket.socket, *, deadline: float, limit: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0 or self._left <= 0:
            raise TimeoutError
        self._connection.settimeout(seconds)
        count = self._connection.recv_into(buffer, min(len(buffer), self._left))
        self._left -= count
        return count


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection, one request (HTTP/1.0 in this: it is closed after the answer)."""

    server: Server
    server_version = "affidavit"
    sys_version = ""
    default_request_version = "HTTP/1.1"  # else one line without a version would be answered without a status

    def setup(self) -> None:
        self.connection: socket.socket = self.request
        self._deadline = time.monotonic() + SECONDS
        bounded = _Bounded(self.connection, deadline=self._deadline, limit=2 * MAX_REQUEST)
        self.rfile = io.BufferedReader(bounded)
        self.wfile = io.BytesIO()

    def finish(self) -> None:
        answer = self.wfile.getvalue()  # type: ignore[attr-defined]
        # One send for the whole answer, with what is left of the time.
        self.connection.settimeout(max(0.1, self._deadline - time.monotonic()))
        self.connection.sendall(answer)

    def do_POST(self) -> None:
        self._serve(self._post)

    def do_GET(self) -> None:
        self._serve(self._get)

    def _serve(self, answer: Callable[[str], Refusal | tuple[int, str]]) -> None:
        path = urlsplit(self.path).path
        if path not in _ALLOWED or (path == "/sign" and self.server.role.own is None):
            found: Refusal | tuple[int, str] = Refusal(404, "there is nothing here")
        elif _ALLOWED[path] != self.command:
            found = Refusal(405, f"only {_ALLOWED[path]}")
        else:
            try:
                found = answer(path)
            except AffidavitError as error:
                self._complain(error)
                found = Refusal(503, "it cannot remember what it would sign; see its own messages")
        if isinstance(found, Refusal):
            self._say(found.status, found.media_type, found.text)
        else:
            self._say(found[0], TEXT_TYPE, found[1])

    def _post(self, path: str) -> Refusal | tuple[int, str]:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal() and len(length) < 20):
            return Refusal(411, "the request does not say how long it is")
        if int(length) > MAX_REQUEST:
            return Refusal(413, f"a request of more than {MAX_REQUEST} bytes")
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            return Refusal(400, "the request was cut short")
        role = self.server.role
        admitted = admit(body, logs=role.logs, own=role.own if path == "/sign" else None)
        if isinstance(admitted, Refusal):
            return admitted
        note = role.memory.extend(*admitted, now=lambda: int(role.now().timestamp()))
        return note if isinstance(note, Refusal) else (200, note.signatures[-1].line + "\n")

    def _get(self, path: str) -> Refusal | tuple[int, str]:
        if path == "/vkey":
            return (200, f"{self.server.role.memory.vkey.text}\n")
        named = parse_qs(urlsplit(self.path).query).get("origin", [])
        known = {key.name for key in self.server.role.logs}
        wanted = named or list(known)
        if len(wanted) != 1 or wanted[0] not in known:
            return Refusal(404, "name one log that is known here: ?origin=…")
        note = self.server.role.memory.head(wanted[0])
        return (200, note.whole) if note else (204, "")

    def _say(self, status: int, media_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses itself, in few words instead of a page."""
        del explain
        self.close_connection = True
        self._say(code, TEXT_TYPE, f"{message or HTTPStatus(code).phrase}\n")

    def _complain(self, error: AffidavitError) -> None:
        self.log_error("%s", error.text)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are not logged: the memory is what there is to know."""

    def address_string(self) -> str:
        """A Unix socket's peers have no address."""
        return "client"
