"""What a client makes of peers that are down, slow, long-winded or no witness at all."""

import socket
import threading
from contextlib import contextmanager

import pytest

from affidavit.errors import (
    ConfigurationError,
    LedgerRolledBack,
    SourceGarbled,
    SourceRefused,
    SourceUnavailable,
)
from affidavit.witness.client import WitnessClient
from affidavit.witness.exchange import MAX_ANSWER, Place


@contextmanager
def peer(*pieces, hold=False):
    """Answers one connection with these bytes, and hangs up (``hold``: drips for ever)."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                try:
                    for piece in pieces:
                        connection.sendall(piece)
                    while hold and not done.wait(0.02):
                        connection.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            done.set()
            thread.join()


def http(status, body=b"", kind="text/plain"):
    return f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def ask(url, log, *, old=3, timeout=5.0):
    proof = log.proof(old, 9)
    return WitnessClient(url, timeout=timeout).add_checkpoint(log.note(9), old_size=old, proof=proof)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http(500), SourceUnavailable),
        (http(503), SourceUnavailable),
        (http(429), SourceUnavailable),
        (http(400), SourceRefused),
        (http(302), SourceGarbled),
        (http(200, b"\xff"), SourceGarbled),
        (http(409, b"7"), SourceGarbled),
        (http(409, b"-7\n", "text/x.tlog.size"), SourceGarbled),
        (http(409, b"x\n", "text/x.tlog.size"), SourceGarbled),
        (http(409, b"10\n", "text/x.tlog.size"), LedgerRolledBack),
        (http(200, b"cut short")[:-3], SourceGarbled),
        (b"SSH-2.0-x\r\n", SourceGarbled),
        (b"", SourceUnavailable),
        (http(200, b"x" * (MAX_ANSWER + 1)), SourceGarbled),
    ],
)
def test_each_answer_that_is_none_has_its_error(log, answer, error):
    with peer(answer) as url, pytest.raises(error):
        ask(url, log)


def test_another_witness_that_says_409_without_a_size_for_the_same_size_knows_another_history(log):
    with peer(http(409)) as url, pytest.raises(LedgerRolledBack, match="another head of 9"):
        ask(url, log, old=9)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: ", http(200)[:-2] + b"Content-Length: 99999\r\n\r\n"])
def test_a_peer_that_drips_is_given_up_on(log, start):
    with peer(start, hold=True) as url, pytest.raises(SourceUnavailable, match=r"within 0\.3 s"):
        ask(url, log, timeout=0.3)


def test_nobody_there_is_unavailable_and_named(log, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    for place in (url, f"unix://{tmp_path}/nobody"):
        with pytest.raises(SourceUnavailable) as error:
            ask(place, log)
        assert error.value.where == place
        assert error.value.retryable


def test_a_head_that_is_no_note_is_garbled(log):
    with peer(http(200, b"hello")) as url, pytest.raises(SourceGarbled):
        WitnessClient(url).head()


@pytest.mark.parametrize(
    "url", ["ftp://h", "https://user:secret@h", "https://h/?q=1", "unix://h/p", "h", "http://", "http://h:x", ""]
)
def test_addresses_that_cannot_be_meant_are_refused_without_being_repeated(url):
    with pytest.raises(ConfigurationError) as error:
        WitnessClient(url)
    assert "secret" not in error.value.text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("/run/s", "unix:///run/s"),
        ("unix:///run/s", "unix:///run/s"),
        ("https://h/p/", "https://h:443/p"),
        ("http://[::1]:8123", "http://[::1]:8123"),
    ],
)
def test_addresses_are_shown_in_one_spelling(url, shown):
    assert Place.parse(url).shown == shown
