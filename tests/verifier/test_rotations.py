"""A replaced key: `affidavit verify`, bundle verification and the verifier alone agree, and name what is wrong."""

import base64
import json
import re
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest

from affidavit.errors import IntegrityError
from affidavit.evidence import Subject, kinds
from affidavit.evidence.keychain import Keychain, Link
from affidavit.ledger import Ledger, keychain, verify
from affidavit.ledger import engine as database
from affidavit.ledger.blobs import Blobs
from affidavit.pipeline.verifying import examine
from affidavit.publish.bundle import Selection
from affidavit.publish.bundle_verification import verify_bundle
from affidavit.publish.since import growth
from affidavit.tlog import cosignature, rotation
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import COSIGNATURE, ED25519, Note, SigningKey
from affidavit.tlog.policy import parse_policy
from tests import rotations
from tests.conftest import NOON, Place
from tests.rotations import RECOVERY, WITNESSES, cosigned, forged
from tests.verifier.conftest import write
from tests.verifier.mutants import packed, unpacked

SECONDS = int(NOON.timestamp())


class Rotated:
    """Nine entries; 4 replaces the key under the recovery key, 7 under a quorum. ``secrets`` are all its keys."""

    def __init__(self, place, verifier, alias):
        self.place, self.verifier, self.file = place, verifier, place.home / "ledger.db"
        with rotations.create(place) as ledger:
            ledger.append([alias("1"), alias(model="n")], now=NOON)
            ledger.append([alias("2")], now=NOON)
        self.secrets = [rotations.secret(place)]
        rotations.rotate(place)
        with place.write() as ledger:
            ledger.append([alias("3"), alias(model="o")], now=NOON)
        self.secrets.append(rotations.secret(place))
        rotations.apply(place, cosigned(rotations.asked(place)))
        with place.write() as ledger:
            ledger.append([alias("4")], now=NOON)
            self.keys = ledger.keys
        self.secrets.append(rotations.secret(place))
        self.saved = [(path, path.read_bytes()) for path in (self.file, place.key.with_name("ledger.key.head"))]

    def restore(self):
        for path, data in self.saved:
            path.write_bytes(data)

    def do(self, statement, *values):
        with closing(sqlite3.connect(self.file)) as connection, connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            return connection.execute(statement, values).fetchall()

    def note(self, size):
        return Note.parse(self.do("SELECT note FROM checkpoints WHERE size = ?", size)[0][0])

    def bundle(self, *, keys=None, since=None):
        """A bundle of entry 1; its writer believes in ``keys`` and checks nothing."""
        path = self.place.home / "bundle.zip"
        engine = database.connect(self.place.url, access="read")
        with Ledger(engine, blobs=Blobs(self.place.blobs), keys=keys or self.keys, signer=None) as ledger:
            write(path, ledger, Selection.of(scope=None, entries="1"), since=since)
        return path

    def verdicts(self, path=None):
        """What is said against the ledger, or the bundle at ``path``, by the package and by the verifier alone."""
        try:
            if path is not None:
                verify_bundle(path)
            else:
                with self.place.read() as opened:
                    verify(opened)
            ours = ""
        except IntegrityError as error:
            ours = str(error)
        code, said = self.verifier(path or self.file, "--blobs", self.place.blobs)
        assert code in (1, 3), said
        return ours, said.removeprefix("BROKEN: ") if code == 3 else ""

    def forge(self, authorisation, authority, signer):
        """Append a rotation as whoever holds the database can: nothing is asked."""
        note = Note.parse(authorisation).text if authorisation.startswith("affidavit/") else None
        old, new = note.split("\n")[1:3] if note else (self.keys.newest.text, signer.vkey.text)
        facts = {"old": old, "new": new, "signing": "x", "authority": authority, "authorisation": authorisation}
        draft = keychain._draft(kinds.KEY_ROTATION, Subject.of_facts(f"affidavit://ledger/{new}", facts), facts, NOON)
        engine = database.connect(self.place.url, access="write")
        longer = Keychain((*self.keys.links, Link(9, signer.vkey, "")), None, None)
        with Ledger(engine, blobs=Blobs(self.place.blobs), keys=longer, signer=signer) as ledger:
            with database.writing(engine) as connection:
                signer.predecessor = self.keys.newest
                head = ledger._appended(connection, [draft], now=NOON, keys=longer)
            ledger._acknowledged(head)


@pytest.fixture
def rotated(sqlite_place, verifier, alias):
    return Rotated(sqlite_place, verifier, alias)


def test_a_policy_may_name_any_key_of_the_chain(rotated, verifier, tmp_path):
    path, policy = rotated.bundle(), tmp_path / "policy.txt"
    said = (
        "replaced at entry 4 under the recovery key, then at entry 7 under the witness quorum that entry 0 pins",
        "policy names was replaced at entry 7 under the witness quorum that entry 0 pins",
        "policy names",
    )
    for link, words in zip(rotated.keys.links, said, strict=True):
        policy.write_text(f"log {link.key.text}\nquorum none\n")
        trusted = parse_policy(policy.read_bytes())
        with rotated.place.read() as ledger:
            assert words in examine(ledger, policy=trusted).author
        assert words in verify_bundle(path, policy=trusted).author
        for place in (rotated.file, path):
            code, told = verifier(place, "--policy", policy, "--blobs", rotated.place.blobs)
            assert (code, words in told) == (0, True), told
    policy.write_text(f"log {SigningKey(rotated.keys.origin, COSIGNATURE, b'x' * 32).public.text}\nquorum none\n")
    assert verifier(path, "--policy", policy)[0] == verifier(rotated.file, "--policy", policy)[0] == 3
    with pytest.raises(IntegrityError, match="no log of the policy"):
        verify_bundle(path, policy=parse_policy(policy.read_bytes()))


def test_a_checkpoint_noted_under_an_earlier_key_is_extended(rotated, verifier, tmp_path):
    noted, since = rotated.note(3), tmp_path / "noted.txt"
    path = rotated.bundle(since=noted)
    since.write_text(noted.whole)
    assert verify_bundle(path, since=noted).since == 3
    for place in (path, rotated.file):
        code, said = verifier(place, "--since", since, "--blobs", rotated.place.blobs)
        assert (code, "the 3 entries that were noted are unchanged" in said) == (1, True), said
    text = noted.text.replace("\n3\n", "\n2\n")
    since.write_text(Note(text, noted.signatures).whole)  # under the key of its time a signature must hold
    for place in (path, rotated.file):
        assert "does not hold" in verifier(place, "--since", since, "--blobs", rotated.place.blobs)[1]


def test_an_edited_rotation_entry_is_named(rotated):
    assert rotated.verdicts() == ("", "")
    for index in (4, 7):
        [(leaf,)] = rotated.do('SELECT leaf FROM entries WHERE "index" = ?', index)
        document = json.loads(leaf)
        predicate = document["predicate"]
        edits = [(field, value[:-1]) for field, value in predicate.items() if field != "header"]
        edits += [("authority", "witness quorum" if index == 4 else "recovery key"), ("authorisation", None)]
        for field, value in edits:
            changed = json.dumps(document | {"predicate": predicate | {field: value}}).encode()
            rotated.do('UPDATE entries SET leaf = ? WHERE "index" = ?', changed, index)
            ours, theirs = rotated.verdicts()
            assert f"entry {index}" in ours, field
            assert f"entry {index}" in theirs or f"the entries up to {index} are not" in theirs, (field, theirs)
            rotated.restore()


def test_the_old_key_signing_after_and_the_new_key_before_are_found(rotated):
    """As who holds a key may: the head is signed well, by a key of this log, of another time."""
    for size, number in ((5, 0), (7, 0), (9, 1), (9, 0), (1, 1), (4, 1), (7, 2), (4, 2)):
        text = rotated.note(size).text
        doctored = Note(text, (cosignature.cosign(text, rotated.secrets[number], time=SECONDS),)).whole
        rotated.do("UPDATE checkpoints SET note = ? WHERE size = ?", doctored, size)
        pinned = max(index for index in (0, 4, 7) if index < size)
        for said in rotated.verdicts():
            assert said.startswith(f"checkpoint of size {size}: ")
            assert f"entry {pinned} names" in said
        rotated.restore()


def forgeries(rotated, new):
    """Authorisations that were never given, by somebody who holds every key that the log ever had."""
    keys, (oldest, _, newest) = rotated.keys, rotated.secrets
    with rotated.place.read() as ledger:
        meant = ledger.rotation(new.vkey)
        used = ledger.entry(4).statement.facts["authorisation"]
    recovery, quorum = rotation.RECOVERY, rotation.QUORUM
    yield "a stranger", rotation.sign(meant, SigningKey(RECOVERY.name, ED25519, b"t" * 32)), recovery
    yield "the log's key", rotation.sign(meant, SigningKey(newest.name, ED25519, newest.seed)), recovery
    yield "too few witnesses", cosigned(meant, WITNESSES[:1]), quorum
    yield "another text", cosigned(meant, text=f"{meant.log}\n1\n{'A' * 43}=\n"), quorum
    yield "the text of another log", cosigned(meant, text=meant.checkpoint.text.replace("/rotation/", "/")), quorum
    yield "another authority", rotation.sign(meant, RECOVERY), quorum
    yield "an authority that is not pinned", rotation.sign(meant, RECOVERY), "the operator"
    yield "replayed", used, recovery
    head = rotated.note(3)
    yield "another old key", rotation.sign(forged(meant, old=keys.links[0].key, head=head), RECOVERY), recovery
    yield "a key used before", rotation.sign(forged(meant, new=keys.links[1].key), RECOVERY), recovery
    other = SigningKey("another.example/1", COSIGNATURE, b"o" * 32).public
    yield "another origin", rotation.sign(forged(meant, new=other), RECOVERY), recovery
    for size, root in ((8, bytes(32)), (3, meant.after.root), (30, bytes(32))):
        text = f"{keys.origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        note = Note(text, (cosignature.cosign(text, newest, time=1),))
        yield f"a head of {size}", rotation.sign(forged(meant, head=note), RECOVERY), recovery
    note = Note(meant.head.text, (cosignature.cosign(meant.head.text, oldest, time=1),))
    yield "a head by another key", rotation.sign(forged(meant, head=note), RECOVERY), recovery


def test_a_rotation_that_nobody_authorised_is_found_and_named_by_all(rotated):
    new = rotations.new_key(rotated.place)
    after = Checkpoint(rotated.keys.origin, 8, bytes(32))
    believed = Keychain((*rotated.keys.links, Link(9, new.vkey, "", "", after)), None, None)
    for what, authorisation, authority in list(forgeries(rotated, new)):
        rotated.forge(authorisation, authority, new)
        for said in rotated.verdicts():
            assert "entry 9: " in said, (what, said)
        for said in rotated.verdicts(rotated.bundle(keys=believed)):
            assert re.match(r"entries/9\.json: |rotations/9\.txt: ", said), (what, said)
        rotated.restore()


def test_the_same_forger_succeeds_with_what_the_recovery_key_authorised(rotated):
    """So what was found above is what was wrong, and not how it was forged."""
    new = rotations.new_key(rotated.place)
    with rotated.place.read() as ledger:
        meant = ledger.rotation(new.vkey)
    rotated.forge(rotation.sign(meant, RECOVERY), rotation.RECOVERY, new)
    assert rotated.verdicts() == ("", "")


def doctored(files):
    """Bundles out of which, or into which, something of the rotations was taken, and where it is found."""
    for index in (4, 7):
        proof, mine = f"rotations/{index}.txt", (f"entries/{index}.json", f"proofs/{index}.tlog-proof")
        without = {name: data for name, data in files.items() if name not in (*mine, proof)}
        yield without, {4: r"entries/7\.json", 7: r"checkpoint\.txt"}[index]
        found = rf"rotations/{index}\.txt"
        yield {name: data for name, data in files.items() if name != proof}, found
        lines = files[proof].split(b"\n")
        yield files | {proof: b"\n".join([lines[0], lines[2], lines[1], *lines[3:]])}, found
        yield files | {proof: files[proof].replace(b"old ", b"old 1", 1)}, found
        yield files | {proof: b"\xff"}, found
    yield files | {"rotations/5.txt": files["rotations/4.txt"]}, r"rotations/5\.txt"
    yield (
        files | {"rotations/4.txt": files["rotations/7.txt"], "rotations/7.txt": files["rotations/4.txt"]},
        "rotations/4",
    )


def test_a_bundle_always_holds_the_rotations_and_fails_without(rotated):
    path = rotated.bundle()
    files = unpacked(path.read_bytes())
    assert {name for name in files if name.startswith("entries/")} == {f"entries/{n}.json" for n in (0, 1, 4, 7)}
    assert rotated.verdicts(path) == ("", "")
    for changed, found in doctored(files):
        path.write_bytes(packed(changed))
        for said in rotated.verdicts(path):
            assert re.match(found, said), (found, said)


def test_a_chain_hung_onto_a_key_that_one_never_held_is_refused(sqlite_place, verifier, alias):
    """Somebody writes an entry 0 with the public key that an auditor trusts, and a recovery key of their own."""
    victim = SigningKey("victim.example/log", COSIGNATURE, b"v" * 32).public
    mine = SigningKey(victim.name, COSIGNATURE, b"m" * 32)
    text = f"{victim.name}\n1\n{'A' * 43}=\n"
    pinned = {"key": victim.text, "signing": "", "recovery": RECOVERY.public.text, "recovery_quorum": None}
    keys = Keychain.start(SimpleNamespace(kind=kinds.GENESIS.name, facts=pinned))
    for signer in (mine, SigningKey(victim.name, ED25519, b"m" * 32)):
        value = cosignature.cosign(text, mine, time=1) if signer is mine else rotation.note.sign(text, signer)
        meant = forged(old=victim, new=mine.public, head=Note(text, (value,)))
        facts = {"old": victim.text, "new": mine.public.text, "signing": "", "authority": rotation.RECOVERY}
        facts["authorisation"] = rotation.sign(meant, RECOVERY)
        with pytest.raises(IntegrityError, match=r"no cosignature by 'victim\.example/log'"):
            keys.follow(1, SimpleNamespace(kind=kinds.KEY_ROTATION.name, facts=facts))


def test_a_thiefs_fork_before_the_rotation_is_no_log_of_the_new_key_and_not_what_was_noted(
    rotated, verifier, alias, tmp_path
):
    """To a policy that still names the stolen key it looks well; this is why auditors drop that one."""
    thief = Place(f"sqlite:///{tmp_path}/fork.db", tmp_path / "thief")
    thief.home.mkdir()
    fork = tmp_path / "fork.db"
    fork.write_bytes(rotated.saved[0][1])
    with closing(sqlite3.connect(fork)) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute('DELETE FROM entries WHERE "index" >= 4')
        connection.execute("DELETE FROM checkpoints WHERE size > 4")
        connection.execute('DELETE FROM nodes WHERE ("index" + 1) << level > 4')
    thief.key.write_text(rotated.secrets[0].text)
    thief.key.with_name("ledger.key.head").write_bytes(b"")
    with thief.write() as ledger:
        ledger.append([alias("what the thief likes"), alias(model="p"), alias(model="q")], now=NOON)
    noted, policies = tmp_path / "noted.txt", []
    noted.write_text(rotated.note(5).whole)
    for number in (0, 2):
        policies.append(tmp_path / f"policy{number}.txt")
        policies[-1].write_text(f"log {rotated.keys.links[number].key.text}\nquorum none\n")
    for policy, code in zip(policies, (0, 3), strict=True):
        assert verifier(fork, "--policy", policy, "--blobs", thief.blobs)[0] == code
        with thief.read() as ledger:
            try:
                assert examine(ledger, policy=parse_policy(policy.read_bytes())).established
                assert code == 0
            except IntegrityError:
                assert code == 3
    assert "not the noted ones" in verifier(fork, "--since", noted, "--blobs", thief.blobs)[1]
    with thief.read() as ledger, pytest.raises(IntegrityError, match="not those of the noted checkpoint"):
        growth(Note.parse(noted.read_text()), ledger.head(), reader=ledger, prover=ledger)
