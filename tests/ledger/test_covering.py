"""A signer of its own signs between two transactions; what is cut off between them is never told, and never lost."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from affidavit.errors import IntegrityError, LedgerError, LedgerMissing, LedgerRolledBack, SignerUnavailable, UsageError
from affidavit.ledger import Ledger, LocalSigner, RemoteSigner, verify
from affidavit.tlog import rotation
from affidavit.tlog.note import COSIGNATURE, SigningKey
from affidavit.witness.client import WitnessClient
from affidavit.witness.server import Role, Server, listening
from affidavit.witness.state import Memory
from tests.rotations import RECOVERY

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


class SignerProcess:
    """The signer's program in a thread of this process, on a socket of its own."""

    def __init__(self, home, name="log.example/a"):
        self.key = SigningKey(name, COSIGNATURE, os.urandom(32))
        self.home = home
        home.mkdir()
        Memory.create(home / "state", self.key)
        self.address = f"unix://{home}/socket"

    @contextmanager
    def running(self):
        memory = Memory.open(self.home / "state", self.key)
        server = Server(Role(memory, (self.key.public,), lambda: NOON, self.key.public), listening(self.address))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield RemoteSigner.ask(WitnessClient(self.address))
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    @property
    def signer(self):
        return RemoteSigner(WitnessClient(self.address), self.key.public)


@pytest.fixture
def process(tmp_path_factory):
    return SignerProcess(tmp_path_factory.mktemp("s", numbered=True) / "d")


@contextmanager
def made(place, process):
    with (
        process.running() as signer,
        Ledger.create(place.url, blobs=place.blobs, signer=signer, now=NOON) as ledger,
    ):
        yield ledger


def opened(place, signer):
    return Ledger.open(place.url, blobs=place.blobs, signer=signer)


def test_a_ledger_is_signed_by_a_process_of_its_own(place, process, alias):
    with made(place, process) as ledger:
        appended = ledger.append([alias("1"), alias("2")], now=NOON)
        assert [receipt.index for receipt in appended.receipts] == [1, 2]
        assert appended.head == ledger.head() == ledger.signer.remembered()
        again = ledger.append([alias("2")], now=NOON)
        assert (again.receipts, again.head) == ((None,), appended.head)
        found = verify(ledger)
        assert (found.entries, found.heads, found.uncovered) == (3, 2, 0)


def test_without_the_signer_nothing_is_told_and_nothing_is_seen(place, process, alias):
    with made(place, process) as ledger:
        before = ledger.head()
    with opened_while_up(place, process) as ledger:  # and now it is down
        with pytest.raises(SignerUnavailable, match="nothing was acknowledged") as caught:
            ledger.append([alias("1")], now=NOON)
        assert caught.value.retryable
        assert ledger.head() == before
        assert ledger.latest(alias("1").statement.stream) is None
        assert [entry.index for entry in ledger.entries()] == [0]
        with pytest.raises(UsageError):
            ledger.entry(1)
        with pytest.raises(UsageError, match="no head covers 2 entries; the newest covers 1"):
            ledger.prove_inclusion(1, 2)
        with pytest.raises(UsageError, match="no head covers 2 entries"):
            ledger.prove_consistency(1, 2)
        found = verify(ledger)
        assert (found.entries, found.uncovered) == (1, 1)
        with process.running():
            again = ledger.append([alias("1")], now=NOON)
            assert (again.receipts, again.head.size) == ((None,), 2)
            assert ledger.latest(alias("1").statement.stream).index == 1
    with place.read() as ledger:
        assert verify(ledger).uncovered == 0


@contextmanager
def opened_while_up(place, process):
    with process.running() as signer:
        ledger = opened(place, signer)
    with ledger:
        yield ledger


def test_what_nobody_was_told_of_is_covered_by_the_next_writer(place, process, alias):
    with made(place, process):
        pass
    with opened_while_up(place, process) as ledger, pytest.raises(SignerUnavailable):
        ledger.append([alias(model="lost")], now=NOON)
    with process.running() as signer, opened(place, signer) as ledger:
        assert ledger.append([alias(model="next")], now=NOON).receipts[0].index == 2
        assert (verify(ledger).entries, verify(ledger).uncovered) == (3, 0)


def test_a_head_that_was_signed_and_not_recorded_is_recorded(place, process, alias, monkeypatch):
    from affidavit.ledger import log

    with made(place, process) as ledger:
        with monkeypatch.context() as context:
            context.setattr(log, "record", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                ledger.append([alias("1")], now=NOON)
        assert (ledger.head().size, ledger.signer.remembered().size) == (1, 2)
        with opened(place, ledger.signer) as other:  # no false alarm: the entries are there
            assert other.append([alias("1")], now=NOON).head == ledger.signer.remembered()
            verify(other)


def test_a_database_behind_its_signer_is_refused(place, process, alias):
    with made(place, process) as ledger:
        ledger.append([alias("1")], now=NOON)
        ledger.append([alias("2")], now=NOON)
        place.spoil("DELETE FROM checkpoints WHERE size = 3")
        with opened(place, ledger.signer) as other:  # the entry is there: its head alone can be had again
            assert other.append([], now=NOON).head.size == 3
        place.spoil("DELETE FROM checkpoints WHERE size = 3")
        place.spoil('DELETE FROM entries WHERE "index" = 2')
        with pytest.raises(LedgerRolledBack, match="holds 2 entries, and a head of 3"):
            opened(place, ledger.signer)
        with pytest.raises(LedgerRolledBack):
            ledger.append([], now=NOON)


def test_a_database_that_went_another_way_is_refused(sqlite_place, process, alias):
    with made(sqlite_place, process) as ledger:
        ledger.append([alias("1")], now=NOON)
        sqlite_place.spoil("UPDATE nodes SET hash = zeroblob(32) WHERE level = 1")
        sqlite_place.spoil('UPDATE entries SET leaf = (SELECT leaf FROM entries WHERE "index" = 0)')
        with pytest.raises(LedgerRolledBack, match="not the one that was signed"):
            opened(sqlite_place, ledger.signer)


@pytest.mark.parametrize("lost", ["DELETE FROM nodes", "UPDATE entries SET leaf_hash = stream"])
def test_what_is_derived_and_was_lost_is_no_rollback_and_can_be_rebuilt(place, process, alias, lost):
    with made(place, process) as ledger:
        head = ledger.append([alias("1"), alias("2")], now=NOON).head
        place.spoil(lost)
        with pytest.raises(IntegrityError):
            ledger.append([alias("3")], now=NOON)
        with opened(place, ledger.signer) as other:
            assert other.rebuild() > 0
            assert (verify(other).entries, other.head()) == (3, head)
            assert other.append([alias("3")], now=NOON).head.size == 4


def test_another_signers_heads_are_not_taken(place, process, alias, tmp_path):
    other = SignerProcess(tmp_path / "other")
    with made(place, process) as ledger, other.running() as stranger:
        with pytest.raises(UsageError, match="is not that of this ledger"):
            opened(place, stranger)
        swapped = RemoteSigner(WitnessClient(other.address), process.key.public)
        ledger.signer = swapped
        with pytest.raises(LedgerError):
            ledger.append([alias("1")], now=NOON)
        assert ledger.head().size == 1


def test_a_key_that_was_replaced_between_append_and_head_does_not_sign_that_head(sqlite_place, process, alias):
    """The entry that replaces it is committed, and its new signer is down: no head covers either yet."""
    with process.running() as signer:
        created = {"blobs": sqlite_place.blobs, "signer": signer, "now": NOON, "recovery": RECOVERY.public}
        Ledger.create(sqlite_place.url, **created).close()
        other = SignerProcess(process.home / "other", name=process.key.name)

        class Overtaken(RemoteSigner):
            def remembered(self):
                with sqlite_place.read() as ledger:
                    if ledger.stored() == 2:
                        rotate(sqlite_place, other.signer)
                return super().remembered()

        with opened(sqlite_place, Overtaken(WitnessClient(process.address), process.key.public)) as ledger:
            with pytest.raises(UsageError, match="the key was replaced at entry 2, and signs no more"):
                ledger.append([alias("1")], now=NOON)
            assert ledger.head().size == 1
            assert signer.remembered().size == 1
    with other.running() as new, opened(sqlite_place, new) as ledger:
        assert ledger.append([], now=NOON).head.size == 3
        assert verify(ledger).uncovered == 0


def test_a_signer_in_the_writer_takes_over_from_one_of_its_own_that_left_entries_uncovered(place, process, alias):
    """What leads from the last head to the next lies among entries that were stored long before."""
    with process.running() as signer:
        created = {"blobs": place.blobs, "signer": signer, "now": NOON, "recovery": RECOVERY.public}
        with Ledger.create(place.url, **created) as ledger:
            assert ledger.append([alias(model="1"), alias(model="2")], now=NOON).head.size == 3
    with opened_while_up(place, process) as ledger:
        for number in range(3, 7):
            with pytest.raises(SignerUnavailable):
                ledger.append([alias(model=str(number))], now=NOON)
        assert (ledger.head().size, ledger.stored()) == (3, 7)
        new = LocalSigner.succeed(place.key, origin=process.key.name)
        authorised = rotation.sign(ledger.rotation(new.vkey), RECOVERY)
    assert Ledger.rotate(place.url, blobs=place.blobs, signer=new, authorisation=authorised, now=NOON) == 7
    with place.read() as ledger:
        assert (verify(ledger).entries, verify(ledger).uncovered) == (8, 0)


def rotate(place, new):
    """Commit that ``new``, which is down, takes the place of the log's key."""
    with place.read() as ledger:
        authorised = rotation.sign(ledger.rotation(new.vkey), RECOVERY)
    with pytest.raises(SignerUnavailable):
        Ledger.rotate(place.url, blobs=place.blobs, signer=new, authorisation=authorised, now=NOON)


def test_a_creation_whose_signer_was_down_can_be_repeated(place, process):
    with pytest.raises(SignerUnavailable):
        Ledger.create(place.url, blobs=place.blobs, signer=process.signer, now=NOON)
    with place.read() as ledger, pytest.raises(LedgerMissing):
        ledger.head()
    with made(place, process) as ledger:
        assert (verify(ledger).entries, ledger.head().size) == (1, 1)
    with process.running() as signer, pytest.raises(UsageError, match="already"):
        Ledger.create(place.url, blobs=place.blobs, signer=signer, now=NOON)


def test_writers_that_meet_leave_one_chain(place, process, alias):
    failed = []

    def write(name):
        try:
            with opened(place, process.signer) as ledger:
                for number in range(6):
                    head = ledger.append([alias(model=f"{name}-{number}")], now=NOON).head
                    assert ledger.head().size >= head.size
        except BaseException as error:  # told to the test below
            failed.append(error)

    with made(place, process):
        threads = [threading.Thread(target=write, args=(name,)) for name in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
    with place.read() as ledger:
        found = verify(ledger)
        assert (found.entries, found.uncovered) == (19, 0)


def test_a_writer_that_was_overtaken_by_a_longer_head_takes_it_for_its_own(place, process, alias, monkeypatch):
    with made(place, process) as ledger:
        sign = ledger.signer.sign

        def overtaken(*args, **kwargs):
            monkeypatch.setattr(ledger.signer, "sign", sign)
            with opened(place, process.signer) as another:
                assert another.append([alias("2")], now=NOON).head.size == 3
            return sign(*args, **kwargs)

        monkeypatch.setattr(ledger.signer, "sign", overtaken)
        appended = ledger.append([alias("1")], now=NOON)
        assert appended.head.size == 3
        assert appended.receipts[0].index == 1
        assert verify(ledger).uncovered == 0


def test_an_entry_that_was_changed_before_a_head_covered_it_is_not_signed_over(sqlite_place, process, alias):
    with made(sqlite_place, process):
        pass
    with opened_while_up(sqlite_place, process) as ledger, pytest.raises(SignerUnavailable):
        ledger.append([alias(model="lost")], now=NOON)
    sqlite_place.spoil("UPDATE entries SET scope = 'x' WHERE \"index\" = 1")
    with sqlite_place.read() as ledger, pytest.raises(IntegrityError, match="row 1, column scope"):
        verify(ledger)


def test_a_signer_is_described_by_where_it_works(process):
    assert process.signer.where == "in a process of its own"


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[4])
from bench import ledgers
from affidavit.ledger import Ledger, RemoteSigner, covering, log
from affidavit.witness.client import WitnessClient
url, blobs, address, _, when = sys.argv[1:]
ledger = Ledger.open(url, blobs=blobs, signer=RemoteSigner.ask(WitnessClient(address)))
module, name = {"before": (covering, "cover"), "after": (log, "record")}[when]
setattr(module, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
ledger.append([ledgers.draft(1)], now=ledgers.NOW)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_writer_killed_between_its_transactions_loses_nothing_that_was_told(place, process, alias, when):
    """Before the signer was asked, and after it answered."""
    with made(place, process) as ledger:
        told = ledger.head()
        where = str(Path(__file__).parents[2])
        command = [sys.executable, "-c", KILLED, place.url, place.blobs, process.address, where, when]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert ledger.head() == told
        assert (verify(ledger).uncovered, ledger.signer.remembered().size) == (1, 1 if when == "before" else 2)
        assert ledger.append([alias("1")], now=NOON).receipts[0].index == 2
        assert (verify(ledger).entries, verify(ledger).uncovered) == (3, 0)
