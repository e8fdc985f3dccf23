"""Connections that keep a deadline, over TCP, TLS or a Unix socket.

A time-out of sockets bounds each read, so that a server that drips its headers holds its caller for ever.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


@contextlib.contextmanager
def deadline(sock: socket.socket | None, seconds: float) -> Iterator[None]:
    """Hang up ``sock`` where the block is not done after ``seconds``; the block then raises ``TimeoutError``.

    None, for an answer that came whole, has nothing to hang up.
    """
    if sock is None:
        yield
        return
    expired = threading.Event()

    def hang_up() -> None:
        expired.set()
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError, AttributeError) as error:
        if expired.is_set():
            raise TimeoutError("the deadline has passed") from error
        raise
    finally:
        timer.cancel()
    if expired.is_set():
        raise TimeoutError("the deadline has passed")


class _Patient(HTTPConnection):
    def getresponse(self) -> Any:
        sock = self.sock
        with deadline(sock, float(self.timeout or 0)):
            answer: Any = super().getresponse()
        answer.affidavit_socket = sock  # for the deadline of the body
        return answer


class _PatientTls(_Patient, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Patient


class _PoolTls(HTTPSConnectionPool):
    ConnectionCls = _PatientTls


class Patient(HTTPAdapter):
    """Headers come within the time-out, all of them together."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """With connections of ours."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTls}


class UnixSocket(Patient):
    """Every request goes to one Unix socket, whatever host it names."""

    def __init__(self, path: Path, **options: Any) -> None:
        self._path = str(path)
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """With connections to the socket."""
        super().init_poolmanager(*args, **options)
        path = self._path

        class Connection(_Patient):
            def connect(self) -> None:
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.settimeout(self.timeout)
                self.sock.connect(path)

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        self.poolmanager.pool_classes_by_scheme = {"http": Pool}


def socket_of(response: requests.Response) -> socket.socket | None:
    """The socket that an answer comes through; None once it came whole."""
    sock: socket.socket | None = getattr(response.raw, "affidavit_socket", None)
    return sock
