"""Doctored ledgers: the stand-alone verifier and ``affidavit verify`` agree about all that is evidence."""

import base64
import random
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from affidavit.cheat.attacks.forgery import Forgery, find, own_of
from affidavit.errors import IntegrityError
from affidavit.evidence import Subject, kinds
from affidavit.ledger import Ledger, LocalSigner
from affidavit.pipeline.verifying import examine
from affidavit.tlog.note import Note, SigningKey
from affidavit.tlog.policy import parse_policy
from tests.verifier.conftest import NOON
from tests.verifier.mutants import flipped

SEED = 2026
EACH = 6


class Owner:
    """Owns the database and the blobs, and starts each time from an honest copy."""

    def __init__(self, place, verifier, policy):
        self.place, self.verifier, self.policy = place, verifier, policy
        self.file = place.home / "ledger.db"
        self.saved = place.home / "honest"
        self.saved.mkdir()
        shutil.copy(self.file, self.saved / "ledger.db")
        shutil.copytree(place.home / "blobs", self.saved / "blobs")

    def restore(self):
        shutil.copy(self.saved / "ledger.db", self.file)
        shutil.rmtree(self.place.home / "blobs")
        shutil.copytree(self.saved / "blobs", self.place.home / "blobs")
        with closing(sqlite3.connect(self.file)) as connection, connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")

    def do(self, statement, *values):
        # In one journal: the verifier reads the file itself, and refuses one with changes beside it.
        with closing(sqlite3.connect(self.file)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def ours(self):
        """The message of ``affidavit verify``; empty where it finds nothing."""
        try:
            with self.place.read() as ledger:
                examine(ledger, policy=parse_policy(self.policy.read_bytes()))
        except IntegrityError as error:
            return str(error)
        return ""

    def theirs(self):
        code, said = self.verifier(self.file, "--policy", self.policy, "--blobs", self.place.blobs)
        assert code == (3 if said.startswith("BROKEN: ") else 0), said
        return said.removeprefix("BROKEN: ") if code else ""


@pytest.fixture
def owner(filled, verifier, policy):
    return Owner(filled, verifier, policy)


def a_byte_of_a_leaf(owner, chance):
    index = chance.randrange(41)
    [(leaf,)] = owner.do('SELECT leaf FROM entries WHERE "index" = ?', index)
    owner.do('UPDATE entries SET leaf = ? WHERE "index" = ?', flipped(chance, leaf), index)


def two_leaves_exchanged(owner, chance):
    one, two = chance.sample(range(41), 2)
    [(first,)] = owner.do('SELECT leaf FROM entries WHERE "index" = ?', one)
    [(second,)] = owner.do('SELECT leaf FROM entries WHERE "index" = ?', two)
    owner.do('UPDATE entries SET leaf = ? WHERE "index" = ?', first, two)
    owner.do('UPDATE entries SET leaf = ? WHERE "index" = ?', second, one)


def an_entry_less(owner, chance):
    owner.do('DELETE FROM entries WHERE "index" = ?', chance.randrange(41))


def the_last_entries_less(owner, chance):
    owner.do('DELETE FROM entries WHERE "index" >= ?', chance.randrange(41))


def a_byte_of_a_signed_head(owner, chance):
    size, note = chance.choice(owner.do("SELECT size, note FROM checkpoints"))
    changed = flipped(chance, note.encode()).decode("utf-8", "replace")
    owner.do("UPDATE checkpoints SET note = ? WHERE size = ?", changed, size)


def the_time_of_a_signature(owner, chance):
    size, note = chance.choice(owner.do("SELECT size, note FROM checkpoints"))
    name, value = note.rstrip("\n").rsplit(" ", 1)
    data = bytearray(base64.b64decode(value))
    data[11] ^= 1 + chance.randrange(255)
    owner.do("UPDATE checkpoints SET note = ? WHERE size = ?", f"{name} {base64.b64encode(data).decode()}\n", size)


def a_signed_head_for_another(owner, chance):
    one, two = chance.sample(owner.do("SELECT size, note FROM checkpoints"), 2)
    owner.do("UPDATE checkpoints SET note = ? WHERE size = ?", one[1], two[0])


def a_byte_of_a_blob(owner, chance):
    blob = chance.choice(sorted(path for path in (owner.place.home / "blobs").rglob("*") if path.is_file()))
    blob.write_bytes(flipped(chance, blob.read_bytes()))


def a_blob_less(owner, chance):
    chance.choice(sorted(path for path in (owner.place.home / "blobs").rglob("*") if path.is_file())).unlink()


WAYS = [
    a_byte_of_a_leaf,
    two_leaves_exchanged,
    an_entry_less,
    the_last_entries_less,
    a_byte_of_a_signed_head,
    the_time_of_a_signature,
    a_signed_head_for_another,
    a_byte_of_a_blob,
    a_blob_less,
]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_evidence_cannot_be_changed(owner, way):
    assert owner.ours() == owner.theirs().partition("demonstration")[0] == ""
    chance = random.Random(f"{SEED} {way.__name__}")
    for _ in range(EACH):
        owner.restore()
        way(owner, chance)
        ours, theirs = owner.ours(), owner.theirs()
        assert ours, way.__name__
        assert theirs, f"{way.__name__}: {ours}"
        named = re.compile(r"blob [0-9a-f]{64}|entry|entries|checkpoint")
        assert named.search(theirs), theirs


DERIVED = [
    "UPDATE entries SET kind = 'x' WHERE \"index\" = 7",
    'UPDATE entries SET leaf_hash = zeroblob(32) WHERE "index" = 7',
    'UPDATE nodes SET hash = zeroblob(32) WHERE level = 2 AND "index" = 1',
    "UPDATE checkpoints SET root = zeroblob(32) WHERE size = 9",
    "UPDATE checkpoints SET time = 0 WHERE size = 9",
]


NAMINGS = {
    "nothing": {},
    "no object": {"digest": "0" * 64},
    "no digest": {"digest": {"sha256": "../" * 20}},
    "a list": {"digest": {"sha256": ["0" * 64]}},
    "a blob that is not there": {"digest": {"sha256": "0" * 64}},
}


@pytest.mark.parametrize("where", ["in our part", "beside our part", "of a kind that nobody knows"])
@pytest.mark.parametrize("details", NAMINGS.values(), ids=NAMINGS)
def test_an_entry_that_names_no_blob_is_found_by_both_though_it_is_signed(owner, details, where):
    forgery = Forgery(owner.file)
    documents = forgery.documents
    index = find(documents, lambda document: "details" in own_of(document), "blob")
    del own_of(documents[index])["details"]
    (documents[index]["predicate"] if where == "beside our part" else own_of(documents[index]))["details"] = details
    if where == "of a kind that nobody knows":
        documents[index]["predicateType"] = "urn:affidavit:made-up:v1"
    forgery.chain(documents)
    forgery.sign(SigningKey.parse(owner.place.key.read_text().strip()))
    forgery.write()
    for said in (owner.ours(), owner.theirs()):
        assert re.search(rf"entry {index}\b", said), said


@pytest.mark.parametrize("statement", DERIVED)
def test_what_is_derived_is_no_evidence_and_not_read(owner, statement):
    """Listed as ignored: none of it can change what the stand-alone verifier reads."""
    honest = owner.theirs()
    owner.restore()
    owner.do(statement)
    assert owner.ours()
    assert owner.theirs() == honest


def test_a_newest_head_that_is_gone_leaves_entries_that_nobody_vouches_for(owner):
    owner.restore()
    owner.do("DELETE FROM checkpoints WHERE size = 41")
    code, said = owner.verifier(owner.file, "--policy", owner.policy, "--blobs", owner.place.blobs)
    assert (code, "NOT ESTABLISHED: 4 entries stand beyond" in said, "intact: 37 entries" in said) == (1, True, True)


def test_a_head_between_that_is_gone_is_ignored(owner):
    """It is no evidence of its own: the head after it covers the same entries."""
    owner.restore()
    owner.do("DELETE FROM checkpoints WHERE size = 9")
    assert owner.theirs() == ""


def test_without_policy_or_blobs_it_is_not_fully_established(filled, policy, verifier):
    file = filled.home / "ledger.db"
    code, said = verifier(file, "--blobs", filled.blobs)
    assert (code, "author: unproven" in said) == (1, True)
    code, said = verifier(file, "--policy", policy)
    assert (code, "3 blobs were not looked at" in said) == (1, True)


def test_a_ledger_made_with_another_key_is_consistent_with_itself_and_not_what_the_policy_trusts(
    filled, policy, alias, verifier, tmp_path
):
    """Relinked with a new key: every hash and signature fits, and only the policy can tell."""
    file = tmp_path / "relinked.db"
    signer = LocalSigner.generate(tmp_path / "new.key")
    with Ledger.create(f"sqlite:///{file}", blobs=filled.blobs, signer=signer, now=NOON) as ledger:
        ledger.append([alias(model="a")], now=NOON)
    assert verifier(file)[0] == 1
    code, said = verifier(file, "--policy", policy)
    assert (code, "no log of your policy signed this head" in said) == (3, True)


def test_a_noted_checkpoint(filled, policy, alias, verifier, tmp_path):
    file, noted = filled.home / "ledger.db", tmp_path / "noted.txt"
    with filled.read() as ledger:
        noted.write_text(ledger.head().note)
        old = Note.parse(ledger.head_at(NOON).note)
    shutil.copy(file, tmp_path / "old.db")
    with filled.write() as ledger:
        newer = ledger.append([alias(model="x"), alias(model="y")], now=NOON + timedelta(days=1)).head.note
    trusted = ("--policy", policy, "--blobs", filled.blobs)
    code, said = verifier(file, *trusted, "--since", noted)
    assert code == 0, said
    assert "since: the 41 entries that were noted are unchanged, 2 were added" in said
    assert "added since: 2 of urn:affidavit:model-alias:v1" in said
    noted.write_text(old.whole)
    assert "38 were added" in verifier(file, *trusted, "--since", noted)[1]
    noted.write_text(newer)
    code, said = verifier(tmp_path / "old.db", *trusted, "--since", noted)
    assert (code, "rolled back: 43 entries were noted, and there are only 41" in said) == (3, True)
    for change in ("x\n", "", "affidavit.invalid/1\n"):
        noted.write_text(change + newer if change else newer[:-9])
        assert verifier(file, *trusted, "--since", noted)[0] in (2, 3)


def test_a_history_signed_with_the_stolen_key_is_caught_by_what_was_noted(filled, policy, alias, verifier, tmp_path):
    """Relinked with the stolen key: the policy cannot tell, and an auditor's own note can."""
    noted = tmp_path / "noted.txt"
    with filled.read() as ledger:
        noted.write_text(ledger.head().note)
    shutil.copy(filled.key, tmp_path / "stolen.key")
    (tmp_path / "stolen.key.head").write_bytes(b"")
    file = tmp_path / "forked.db"
    signer = LocalSigner.load(tmp_path / "stolen.key")
    with Ledger.create(f"sqlite:///{file}", blobs=filled.blobs, signer=signer, now=NOON) as ledger:
        ledger.append([alias(model=str(number)) for number in range(60)], now=NOON)
    assert verifier(file, "--policy", policy, "--blobs", filled.blobs)[0] == 0
    code, said = verifier(file, "--policy", policy, "--blobs", filled.blobs, "--since", noted)
    assert (code, "the first 41 entries are not the noted ones" in said) == (3, True)


def test_entries_that_are_not_yet_in_the_file_are_not_overlooked(filled, verifier, alias):
    with filled.write() as ledger:
        ledger.append([alias(model="x")], now=NOON + timedelta(days=1))
        code, said = verifier(filled.home / "ledger.db")
        assert (code, "-wal" in said) == (2, True)


def test_it_writes_nothing_beside_the_ledger(filled, verifier):
    before = sorted(path.name for path in filled.home.iterdir())
    (filled.home / "ledger.db").chmod(0o400)
    verifier(filled.home / "ledger.db")
    assert sorted(path.name for path in filled.home.iterdir()) == before


def test_what_is_no_ledger_is_said_to_be_none(tmp_path, verifier):
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("CREATE TABLE entries (x)")
        connection.execute("CREATE VIEW checkpoints AS SELECT 1 AS size, 'x' AS note")
    assert verifier(tmp_path / "a.db")[0] == 2
    assert verifier(tmp_path / "absent.db")[0] == 2


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE checkpoints SET note = CAST(note AS BLOB)", "not text"),
        ('UPDATE entries SET leaf = CAST(leaf AS TEXT) WHERE "index" = 7', "bytes"),
    ],
)
def test_what_sqlite_keeps_as_another_type_is_refused_by_all(owner, change, what, bundled):
    owner.restore()
    owner.do(change)
    assert what in owner.ours()
    assert what in owner.theirs()
    with pytest.raises(IntegrityError, match=what):
        bundled()


def test_a_basis_that_is_no_head_of_this_log_is_found_and_one_that_counts_for_nothing_is_ignored(
    sqlite_place, alias, verifier
):
    facts = {"controls": {"A.7.4": {"status": "supported", "origin": None}}, "rules": "0" * 64, "catalogue": "1" * 64}
    subjects = (Subject.of_facts("affidavit://postures/system:x", facts),)
    draft = replace(alias(), kind=kinds.ASSESSMENT, subjects=subjects, facts=facts)
    codes = []
    with sqlite_place.create() as ledger:
        roots = [ledger.append([alias(str(number))], now=NOON).head.root.hex() for number in range(4)]
        for size, root in ((3, roots[1]), (99, roots[1]), (3, roots[2])):  # heads of 2, 3, 4 and 5 entries
            facts = {**facts, "rules": f"{len(codes)}" * 64}
            index = ledger.append([replace(draft, facts=facts, basis={"size": size, "root": root})], now=NOON).head.size
            if (size, root) == (3, roots[2]):
                with pytest.raises(IntegrityError, match=f"entry {index - 1}: it names as its basis a head of 3"):
                    examine(ledger)
            else:
                examine(ledger)
            copy = sqlite_place.home / f"{index}.db"
            with (
                closing(sqlite3.connect(sqlite_place.home / "ledger.db")) as here,
                closing(sqlite3.connect(copy)) as there,
            ):
                here.backup(there)
                there.execute("PRAGMA journal_mode=DELETE")
            codes.append(verifier(copy))
    assert [code for code, _ in codes] == [1, 1, 3]
    assert f"entry {index - 1}: it names as its basis" in codes[-1][1]


def test_a_virtual_table_is_no_ledger(filled, verifier):
    with closing(sqlite3.connect(filled.home / "ledger.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("ALTER TABLE entries RENAME TO real")
        connection.execute('CREATE VIEW shown AS SELECT "index" AS rowid, "index", leaf FROM real')
        connection.execute("CREATE VIRTUAL TABLE entries USING fts5(\"index\", leaf, content='shown')")
    code, said = verifier(filled.home / "ledger.db")
    assert (code, "no table 'entries'" in said) == (2, True)
