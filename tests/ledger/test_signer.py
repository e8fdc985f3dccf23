import errno
import os
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from affidavit.errors import (
    ConfigurationError,
    IntegrityError,
    LedgerFull,
    LedgerRolledBack,
    LedgerUnavailable,
    NoteError,
    ProofError,
    UsageError,
)
from affidavit.ledger import IN_PROCESS, LocalSigner, verify
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.note import Note
from affidavit.tlog.proofs import prove_consistency
from affidavit.tlog.tree import Frontier

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


class Tree:
    """A growing tree with all its nodes at hand."""

    def __init__(self):
        self.edge, self.nodes = Frontier(), {}

    def grow(self, name="leaf"):
        leaf = leaf_hash(name.encode())
        self.nodes[0, self.edge.size] = leaf
        self.nodes.update(self.edge.append(leaf))
        return self

    def read(self, nodes):
        return [self.nodes[node] for node in nodes]

    def head(self, signer, previous, *, time=NOON):
        checkpoint = Checkpoint(signer.vkey.name, self.edge.size, self.edge.root())
        proof = prove_consistency(self, size1=previous.size, size2=self.edge.size) if previous else []
        return signer.sign(checkpoint, previous=previous, proof=proof, time=time)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys" / "ledger.key"


def test_a_key_is_private_named_at_random_and_never_overwritten(path, tmp_path):
    signer = LocalSigner.generate(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signer.vkey.name.startswith("affidavit.invalid/")
    assert signer.vkey.name != LocalSigner.generate(tmp_path / "other").vkey.name
    assert LocalSigner.load(path).vkey == signer.vkey
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"ledger\.key"):
        LocalSigner.generate(path)
    assert path.read_bytes() == before
    assert signer.where == IN_PROCESS


def test_a_memory_without_its_key_is_not_overwritten(path):
    LocalSigner.generate(path)
    path.unlink()
    with pytest.raises(UsageError):
        LocalSigner.generate(path)


def test_it_signs_in_the_cosignature_form_with_the_time(path):
    signer = LocalSigner.generate(path)
    head = Tree().grow().head(signer, None)
    assert cosignature.verify(Note.parse(head.note), signer.vkey) == int(NOON.timestamp())
    assert head.time == NOON


def test_what_was_remembered_is_remembered_by_the_next_process(path):
    signer, tree, head = LocalSigner.generate(path), Tree(), None
    for number in range(5):
        head = tree.grow(str(number)).head(signer, head)
        signer.remember(head)
        assert LocalSigner.load(path).remembered().size == head.size
        assert LocalSigner.load(path).remembered().root == head.root


def test_nothing_behind_the_remembered_head_is_signed(path):
    signer, tree = LocalSigner.generate(path), Tree()
    one = tree.grow("1").head(signer, None)
    two = tree.grow("2").head(signer, one)
    signer.remember(two)
    with pytest.raises(LedgerRolledBack, match="holds 1 entries, and a head of 2"):
        Tree().grow("1").grow("x").head(signer, one)
    with pytest.raises(LedgerRolledBack, match="holds 0 entries"):
        signer.confront(None, last=signer.remembered())
    with pytest.raises(LedgerRolledBack, match="not the one that was signed"):
        signer.confront(replace(two, root=b"x" * 32), last=signer.remembered())
    signer.remember(one)
    assert signer.remembered().size == 2


def test_a_head_that_was_signed_and_never_committed_is_no_rollback(path):
    signer, tree = LocalSigner.generate(path), Tree()
    one = tree.grow("1").head(signer, None)
    signer.remember(one)
    tree.grow("aborted").head(signer, one)
    again = Tree().grow("1").grow("committed").head(signer, one)
    signer.remember(again)
    signer.confront(again, last=signer.remembered())


def test_only_what_extends_the_last_head_is_signed(path):
    signer, tree = LocalSigner.generate(path), Tree()
    one = tree.grow("1").head(signer, None)
    signer.remember(one)
    with pytest.raises(ProofError):
        Tree().grow("another").grow("2").head(signer, one)


def test_a_head_by_another_key_is_not_extended(path, tmp_path):
    signer, stranger = LocalSigner.generate(path), LocalSigner.generate(tmp_path / "other")
    tree = Tree().grow("1")
    theirs = tree.head(stranger, None)
    with pytest.raises(NoteError):
        tree.grow("2").head(signer, theirs)


def test_the_time_never_decreases(path):
    signer, tree = LocalSigner.generate(path), Tree()
    one = tree.grow("1").head(signer, None)
    assert tree.grow("2").head(signer, one, time=NOON - timedelta(days=1)).time == NOON


def test_a_write_cut_short_leaves_the_head_before_it(path):
    signer, tree, heads = LocalSigner.generate(path), Tree(), [None]
    for number in range(4):
        heads.append(tree.grow(str(number)).head(signer, heads[-1]))
        signer.remember(heads[-1])
    memory = path.with_name("ledger.key.head")
    whole = memory.read_bytes()
    newest = 0 if whole[:8] > whole[512:520] else 512
    for cut in range(0, 88, 11):
        memory.write_bytes(whole[: newest + cut] + b"\xff" * (88 - cut) + whole[newest + 88 :])
        assert LocalSigner.load(path).remembered().size == 3
    memory.write_bytes(whole)
    assert LocalSigner.load(path).remembered().size == 4


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, LedgerFull), (errno.EIO, LedgerUnavailable)])
def test_a_head_that_cannot_be_remembered_is_told_by_what_the_disk_said(path, monkeypatch, number, kind):
    signer = LocalSigner.generate(path)
    head = Tree().grow().head(signer, None)

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(kind, match=r"ledger\.key\.head: .*make the same call again") as caught:
        signer.remember(head)
    assert type(caught.value) is kind


def test_a_memory_that_is_damaged_or_gone_is_named(path):
    signer = LocalSigner.generate(path)
    signer.remember(Tree().grow().head(signer, None))
    memory = path.with_name("ledger.key.head")
    memory.write_bytes(b"garbage")
    with pytest.raises(ConfigurationError, match=r"ledger\.key\.head: .*damaged"):
        LocalSigner.load(path)
    memory.unlink()
    with pytest.raises(ConfigurationError, match=r"ledger\.key\.head: "):
        LocalSigner.load(path)


@pytest.mark.parametrize("content", ["", "nonsense", "PRIVATE+KEY+a+b+c", "\xff"])
def test_what_is_no_key_is_named_and_not_repeated(path, content):
    LocalSigner.generate(path)
    secret = path.read_text().strip()
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"ledger\.key: not a signing key"):
        LocalSigner.load(path)
    path.write_text(secret[:-6])
    with pytest.raises(ConfigurationError) as caught:
        LocalSigner.load(path)
    assert secret[-30:-6] not in str(caught.value)


def test_an_absent_key_is_named(path):
    with pytest.raises(ConfigurationError, match=r"ledger\.key: no signing key"):
        LocalSigner.load(path)


def test_rows_that_somebody_put_behind_the_newest_head_are_not_signed_over(sqlite_place, alias):
    """Whoever can write to the tables, and not sign, waits for the next honest append."""
    with sqlite_place.create() as ledger:
        ledger.append([alias("1")], now=NOON)
    files = [Path(ledger.place().database.removeprefix("sqlite:///")), sqlite_place.home / "ledger.key.head"]
    before = [file.read_bytes() for file in files]
    with sqlite_place.write() as ledger:
        ledger.append([alias("2")], now=NOON)
    with closing(sqlite3.connect(files[0])) as forged:
        rows = {table: forged.execute(f"SELECT * FROM {table}").fetchall() for table in ("entries", "nodes")}
    for file, data in zip(files, before, strict=True):
        file.write_bytes(data)
    with closing(sqlite3.connect(files[0])) as database:
        for table, some in rows.items():
            places = ", ".join("?" * len(some[0]))
            database.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({places})", some)
        database.commit()
    with sqlite_place.write() as ledger:
        assert verify(ledger).uncovered == 1
        with pytest.raises(IntegrityError, match="entry 2: it stands behind the newest head"):
            ledger.append([alias("3")], now=NOON)
        assert (ledger.head().size, verify(ledger).uncovered) == (2, 1)
