"""Real sockets: what is answered, and what cannot keep others from being answered."""

import os
import socket
import stat
import subprocess
import sys
import threading

import pytest

from affidavit.errors import (
    ConfigurationError,
    HeadConflict,
    LedgerRolledBack,
    NoteError,
    ProofError,
    SourceRefused,
    SourceUnavailable,
    UsageError,
)
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import COSIGNATURE, Note, SigningKey
from affidavit.tlog.policy import parse_policy
from affidavit.witness import server as serving
from affidavit.witness.client import WitnessClient
from affidavit.witness.protocol import MAX_REQUEST
from affidavit.witness.server import Role, Server, listening
from tests.witness.conftest import NOON, Home


def cosigned(log, size, lines, key):
    """The time under the signature, after checking it."""
    return cosignature.verify(Note.parse(log.note(size) + lines), key.public)


def raw(url, data, *, shut=True):
    """Whatever comes back for these bytes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(data)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        pieces = []
        while piece := connection.recv(65_536):
            pieces.append(piece)
    return b"".join(pieces)


def status(answer):
    return int(answer.split(b" ", 2)[1])


def post(path, body, length=None):
    return f"POST {path} HTTP/1.1\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


@pytest.fixture(params=["tcp", "unix"])
def address(request, tmp_path):
    return "http://127.0.0.1:0" if request.param == "tcp" else f"unix://{tmp_path}/socket"


def test_a_witness_cosigns_each_head_that_extends_the_last(home, log, address):
    with home.serving(log, listen=address) as url:
        client = WitnessClient(url)
        assert client.head() is None
        for old, new in ((0, 3), (3, 3), (3, 17), (17, 40)):
            home.clock.time += 60
            lines = client.add_checkpoint(log.note(new), old_size=old, proof=log.proof(old, new))
            assert cosigned(log, new, lines, home.key) == home.clock.time
        assert Checkpoint.parse(Note.parse(client.head()).text).size == 40
        assert client.vkey() == home.key.public


def test_a_witness_signs_nothing_that_is_not_signed_by_the_log(home, log):
    with home.serving(log) as url, pytest.raises(SourceRefused, match="404"):
        WitnessClient(url).sign(log.body(3), old_size=0, proof=[])
    with home.serving(log) as url:
        assert status(raw(url, post("/add-checkpoint", b"old 0\n\n" + log.body(3).encode()))) == 400


def test_a_signer_signs_the_bare_heads_of_its_own_log(signer_home, log, address):
    with signer_home.serving(signer=True, listen=address) as url:
        client = WitnessClient(url)
        line = client.sign(log.body(3), old_size=0, proof=[])
        assert cosignature.verify(Note.parse(f"{log.body(3)}\n{line}"), log.key.public) == NOON
        # The writer died before it had written the head down: it asks again.
        assert client.sign(log.body(3), old_size=3, proof=[])
        assert client.sign(log.body(9), old_size=3, proof=log.proof(3, 9))
        assert cosignature.verify(Note.parse(client.head()), log.key.public) == NOON
        assert client.add_checkpoint(log.note(12), old_size=9, proof=log.proof(9, 12))


def test_a_signer_refuses_every_other_history(signer_home, log):
    fork = log.fork(5, 40)
    with signer_home.serving(signer=True) as url:
        client = WitnessClient(url)
        client.sign(log.body(9), old_size=0, proof=[])
        with pytest.raises(LedgerRolledBack, match="another head of 9"):
            client.sign(fork.body(9), old_size=9, proof=[])
        with pytest.raises(ProofError):
            client.sign(fork.body(12), old_size=9, proof=fork.proof(9, 12))
        with pytest.raises(LedgerRolledBack, match="the log has 7 entries"):
            client.sign(log.body(7), old_size=7, proof=[])
        with pytest.raises(LedgerRolledBack, match="the log has 7 entries"):
            client.sign(log.body(7), old_size=3, proof=log.proof(3, 7))
        with pytest.raises(HeadConflict) as conflict:
            client.sign(log.body(12), old_size=0, proof=[])
        assert conflict.value.size == 9
        assert Checkpoint.parse(Note.parse(client.head()).text).root == log.roots[9]


def test_an_unknown_log_or_key_is_refused_by_name(home, log, log_of):
    other, stranger = log_of(3, origin="other.example"), log_of(3, seed=b"s" * 32)
    with home.serving(log) as url:
        client = WitnessClient(url)
        with pytest.raises(SourceRefused, match=r"404.*add this log"):
            client.add_checkpoint(other.note(3), old_size=0, proof=[])
        with pytest.raises(SourceRefused, match=r"403.*trust this log's key"):
            client.add_checkpoint(stranger.note(3), old_size=0, proof=[])
        with pytest.raises(SourceRefused, match="404"):
            client.head("other.example")


def test_a_restart_keeps_the_head_and_its_time(home, log):
    with home.serving(log) as url:
        WitnessClient(url).add_checkpoint(log.note(9), old_size=0, proof=[])
    home.clock.time -= 86_400
    with home.serving(log) as url:
        client = WitnessClient(url)
        with pytest.raises(HeadConflict):
            client.add_checkpoint(log.note(12), old_size=0, proof=[])
        lines = client.add_checkpoint(log.note(12), old_size=9, proof=log.proof(9, 12))
        assert cosigned(log, 12, lines, home.key) == NOON


def test_a_replayed_older_head_is_refused(home, log):
    with home.serving(log) as url:
        client = WitnessClient(url)
        client.add_checkpoint(log.note(9), old_size=0, proof=[])
        client.add_checkpoint(log.note(20), old_size=9, proof=log.proof(9, 20))
        for size in (1, 9, 19):
            with pytest.raises(LedgerRolledBack):
                client.add_checkpoint(log.note(size), old_size=size, proof=[])


def test_logs_are_remembered_apart(home, log, log_of):
    other = log_of(40, origin="other.example")
    with home.serving(log, other) as url:
        client = WitnessClient(url)
        client.add_checkpoint(log.note(9), old_size=0, proof=[])
        client.add_checkpoint(other.note(4), old_size=0, proof=[])
        assert Checkpoint.parse(Note.parse(client.head("other.example")).text).size == 4
        assert Checkpoint.parse(Note.parse(client.head(log.key.name)).text).size == 9
        with pytest.raises(SourceRefused):
            client.head()


def test_of_two_writers_racing_with_two_histories_one_is_refused_each_time(home, log):
    """Both start from the same head; whoever comes second finds another size or another root remembered."""
    fork = log.fork(5, 40)
    won = []
    with home.serving(log) as url:
        WitnessClient(url).add_checkpoint(log.note(5), old_size=0, proof=[])
        start = threading.Barrier(2)

        def race(history, size):
            start.wait()
            try:
                WitnessClient(url).add_checkpoint(history.note(size), old_size=5, proof=history.proof(5, size))
                won.append((history, size))
            except (HeadConflict, LedgerRolledBack):
                pass

        threads = [threading.Thread(target=race, args=pair) for pair in ((log, 20), (fork, 21))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        head = Checkpoint.parse(Note.parse(WitnessClient(url).head()).text)
        assert head.root == won[0][0].roots[won[0][1]]


def test_eight_clients_racing_never_take_the_log_back(home, log):
    sizes = []
    with home.serving(log) as url:
        client = WitnessClient(url)
        client.add_checkpoint(log.note(1), old_size=0, proof=[])

        def climb(step):
            known, size = 1, 1
            while size < 40:
                size = min(40, max(size, known) + step)
                try:
                    lines = WitnessClient(url).add_checkpoint(
                        log.note(size), old_size=known, proof=log.proof(known, size)
                    )
                    sizes.append((size, cosigned(log, size, lines, home.key)))
                    known = size
                except HeadConflict as conflict:
                    known = conflict.size
                except LedgerRolledBack:
                    return

        threads = [threading.Thread(target=climb, args=(step,)) for step in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Checkpoint.parse(Note.parse(client.head()).text).size == 40
        assert len(sizes) == len({size for size, _ in sizes})


def test_cosignatures_of_two_of_three_witnesses_satisfy_a_policy(tmp_path, log):
    note, keys = log.note(9), []
    for number in range(3):
        key = SigningKey(f"witness.example/{number}", COSIGNATURE, bytes([number]) * 32)
        keys.append(key.public)
        if number < 2:
            with Home(tmp_path / str(number), key=key).serving(log) as url:
                note += WitnessClient(url).add_checkpoint(log.note(9), old_size=0, proof=[])
    witnesses = [f"witness w{number} {key.text}" for number, key in enumerate(keys)]
    lines = [f"log {log.key.public.text}", *witnesses, "group g {} w0 w1 w2", "quorum g"]
    policy = parse_policy("\n".join(lines).replace("{}", "2"))
    assert policy.endorse(Note.parse(note)).witnesses == (("w0", NOON), ("w1", NOON))
    with pytest.raises(NoteError, match="quorum"):
        parse_policy("\n".join(lines).replace("{}", "3")).endorse(Note.parse(note))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (post("/add-checkpoint", b"x" * 9), 400),
        (post("/add-checkpoint", b"", MAX_REQUEST + 1), 413),
        (post("/add-checkpoint", b"", 10**30), 411),
        (post("/add-checkpoint", b"", "-1"), 411),
        (b"POST /add-checkpoint HTTP/1.1\r\n\r\n", 411),
        (b"GET /add-checkpoint HTTP/1.1\r\n\r\n", 405),
        (b"POST /head HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405),
        (post("/sign", b""), 404),
        (b"GET /../state HTTP/1.1\r\n\r\n", 404),
        (b"DELETE /head HTTP/1.1\r\n\r\n", 501),
        (b"GET /" + b"x" * 65_600 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /head HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
        (post("/add-checkpoint", b"old 0\n", 4_000), 400),
    ],
)
def test_malformed_and_huge_requests_are_refused_and_the_next_is_served(home, log, data, expected):
    with home.serving(log) as url:
        assert status(raw(url, data)) == expected
        assert WitnessClient(url).add_checkpoint(log.note(3), old_size=0, proof=[])


def test_what_dawdles_is_hung_up_on_and_the_next_in_line_is_served(home, log, monkeypatch):
    monkeypatch.setattr(serving, "SECONDS", 0.3)
    with home.serving(log) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 10) as slow:
            slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nX: ")
            dripping = threading.Event()

            def drip():
                while not dripping.wait(0.02):
                    try:
                        slow.sendall(b"a")
                    except OSError:
                        return

            thread = threading.Thread(target=drip)
            thread.start()
            try:
                assert WitnessClient(url).add_checkpoint(log.note(3), old_size=0, proof=[])
                assert slow.recv(1) == b""
            except ConnectionResetError:
                pass
            finally:
                dripping.set()
                thread.join()


def test_nothing_is_signed_that_cannot_be_remembered(home, log):
    with home.serving(log) as url:
        client = WitnessClient(url)
        client.add_checkpoint(log.note(3), old_size=0, proof=[])
        (blocked := next(home.folder.glob("*.head")).with_suffix(".new")).mkdir()
        with pytest.raises(SourceUnavailable, match="503"):
            client.add_checkpoint(log.note(9), old_size=3, proof=log.proof(3, 9))
        assert Checkpoint.parse(Note.parse(client.head()).text).size == 3
        blocked.rmdir()
        assert client.add_checkpoint(log.note(9), old_size=3, proof=log.proof(3, 9))


@pytest.mark.parametrize(
    "text",
    [
        "http://0.0.0.0:8123",
        "http://192.0.2.1:8123",
        "http://localhost:8123",
        "http://[::]:8123",
        "https://127.0.0.1:8123",
        "http://127.0.0.1:8123/prefix",
        "127.0.0.1:8123",
        "unix://host/path",
        "http://127.0.0.1:99999",
        "",
    ],
)
def test_it_listens_to_this_host_alone(text):
    with pytest.raises(ConfigurationError):
        listening(text)


def test_the_socket_is_its_owners_or_its_groups(home, log, tmp_path):
    role = Role(home.memory(), (log.key.public,), home.clock)
    for mode in (0o600, 0o660):
        path = tmp_path / f"socket-{mode:o}"
        with Server(role, listening(str(path)), mode=mode):
            assert stat.S_IMODE(path.stat().st_mode) == mode
        assert not path.exists()


def test_a_socket_left_by_a_killed_server_is_taken_over_and_a_live_one_is_not(home, log, tmp_path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with home.serving(log, listen=str(path)) as url:
        assert WitnessClient(url).head() is None
        role = Role(home.memory(), (log.key.public,), home.clock)
        with pytest.raises(UsageError, match="already"):
            Server(role, listening(str(path)))
    path.write_text("mine")
    with pytest.raises(UsageError, match="no socket"):
        Server(role, listening(str(path)))
    assert path.read_text() == "mine"


def test_a_port_in_use_is_named(home, log):
    role = Role(home.memory(), (log.key.public,), home.clock)
    with home.serving(log) as url, pytest.raises(ConfigurationError, match="cannot listen"):
        Server(role, listening(url))


def test_it_runs_without_database_and_airflow():
    code = (
        "import sys; import affidavit.witness.server, affidavit.witness.client, affidavit.cli.signer;"
        "print(*{'sqlalchemy', 'airflow', 'mlflow', 'affidavit.ledger'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == ""
