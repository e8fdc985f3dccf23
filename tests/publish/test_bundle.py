"""Bundles: what goes into them, that they are reproducible, and what is refused."""

import hashlib
import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from affidavit.errors import ConfigurationError, IntegrityError, LedgerRolledBack, NoteError, ProofError, UsageError
from affidavit.ledger import Ledger, LocalSigner
from affidavit.publish import archive
from affidavit.publish.bundle import COPY, Selection, write_bundle
from affidavit.publish.bundle_verification import ALWAYS, verify_bundle
from affidavit.publish.since import growth
from affidavit.tlog.note import Note
from affidavit.tlog.policy import parse_policy
from affidavit.tlog.tlog_proof import TlogProof

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
PROGRAM = b"print('a verifier')\n"
ALL = Selection()


@pytest.fixture
def ledger(place, alias, validation):
    """Nine entries, two of them validations with a blob each, under four heads."""
    with place.create() as made:
        made.append([alias(model="a"), alias(model="b")], now=NOON)
        made.append([validation(b"one"), alias("2", model="a"), alias("3", model="a")], now=NOON, blobs=[b"one"])
        made.append([validation(b"two"), alias(model="c"), alias(model="d")], now=NOON, blobs=[b"two"])
        yield made


@pytest.fixture
def write(ledger, tmp_path):
    def make(selection=ALL, *, name="bundle.zip", since=None):
        path = tmp_path / name
        made = write_bundle(path, reader=ledger, prover=ledger, selection=selection, verifier=PROGRAM, since=since)
        return path, made

    return make


def contents(path):
    with zipfile.ZipFile(path) as zipped:
        assert zipped.testzip() is None
        return {name: zipped.read(name) for name in zipped.namelist()}


def test_it_holds_what_was_chosen_and_what_that_needs(ledger, write):
    path, made = write(Selection.of(scope=None, entries="3, 5-6"))
    files = contents(path)
    indices = [0, 3, 5, 6]
    blobs = {f"blobs/{hashlib.sha256(data).hexdigest()}": data for data in (b"one", b"two")}
    entries = {f"entries/{index}.json": ledger.entry(index).leaf for index in indices}
    assert set(files) == ALWAYS | set(blobs) | set(entries) | {f"proofs/{index}.tlog-proof" for index in indices}
    assert files.items() >= (blobs | entries).items()
    assert files["checkpoint.txt"].decode() == ledger.head().note
    assert files[COPY] == PROGRAM
    policy = parse_policy(f"log {ledger.key.text}\nquorum none\n")
    for index in indices:
        proof = TlogProof.parse(files[f"proofs/{index}.tlog-proof"])
        assert proof.verify(ledger.entry(index).leaf_hash, policy).checkpoint.size == 9
    manifest = json.loads(files["manifest.json"])
    assert manifest["selection"] == "entries 3,5-6"
    assert manifest["files"] == {n: hashlib.sha256(d).hexdigest() for n, d in files.items() if n != "manifest.json"}
    assert (made.entries, made.blobs, made.head) == (4, 2, ledger.head())
    assert made.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_scope_brings_its_entries_and_the_first(write):
    assert verify_bundle(write(Selection.of(scope="system:x", entries=None))[0]).indices == tuple(range(9))
    assert verify_bundle(write(Selection.of(scope="organisation", entries="8"))[0]).indices == (0, 8)
    with pytest.raises(UsageError, match="system:y"):
        write(Selection.of(scope="system:y", entries=None))


@pytest.mark.parametrize("text", ["", "3,", "a", "-3", "3-", "9-7", "1--2", "٣", "1" * 30])
def test_a_list_that_names_no_entries_is_refused(text):
    with pytest.raises(UsageError, match="--entries"):
        Selection.of(scope=None, entries=text)


def test_entries_beyond_the_head_are_refused_and_nothing_is_written(write, tmp_path):
    with pytest.raises(UsageError, match="there is no entry 9"):
        write(Selection.of(scope=None, entries="7-9"))
    assert not list(tmp_path.glob("*bundle*"))


def test_the_same_prefix_and_selection_give_the_same_bytes(ledger, place, write, alias):
    first, _ = write(name="first.zip")
    with place.read() as again:
        second = first.with_name("second.zip")
        write_bundle(second, reader=again, prover=again, selection=ALL, verifier=PROGRAM)
    assert first.read_bytes() == second.read_bytes()
    ledger.append([alias(model="later")], now=NOON)
    assert write()[0].read_bytes() != first.read_bytes()


def test_the_template_is_not_a_policy_that_trusts_anybody(ledger, write):
    path, _ = write()
    template = contents(path)["policy-template.txt"]
    with pytest.raises(NoteError, match="no log"):
        verify_bundle(path, policy=parse_policy(template))
    policy = parse_policy(template.replace(b"# log", b"log"))
    assert policy.logs == (ledger.key,)
    found = verify_bundle(path, policy=policy)
    assert found.established
    assert ledger.key.name in found.author


def test_without_a_policy_the_author_is_unproven(write):
    found = verify_bundle(write()[0])
    assert not found.established
    assert found.author.startswith("unproven")


def test_a_blob_that_is_gone_or_changed_stops_it_and_leaves_no_part(place, write, tmp_path):
    digest = hashlib.sha256(b"two").hexdigest()
    blob = place.home / "blobs" / digest[:2] / digest
    blob.write_bytes(b"tow")
    with pytest.raises(IntegrityError, match=digest):
        write()
    blob.unlink()
    with pytest.raises(IntegrityError, match=digest):
        write()
    assert not list(tmp_path.glob("*bundle*"))
    write(Selection.of(scope=None, entries="0-5"))


def test_an_entry_that_was_changed_stops_it(place, write):
    leaf = "CAST(replace(CAST(leaf AS TEXT), 'champion', 'Champion') AS BLOB)"
    if place.url.startswith("postgresql"):
        leaf = "convert_to(replace(convert_from(leaf, 'UTF8'), 'champion', 'Champion'), 'UTF8')"
    place.spoil(f'UPDATE entries SET leaf = {leaf} WHERE "index" = 4')
    with pytest.raises(IntegrityError, match="entry 4"):
        write()


def test_a_place_that_cannot_be_written_is_named(write):
    with pytest.raises(ConfigurationError, match=r"no/where/b\.zip: the bundle cannot be written"):
        write(name="no/where/b.zip")


def test_a_noted_checkpoint_is_shown_to_be_extended_in_the_bundle(ledger, write, alias):
    heads = [Note.parse(ledger.head().note)]
    heads += [Note.parse(ledger.append([alias(model=m)], now=NOON).head.note) for m in "fgh"]
    for noted, size in zip(heads, (9, 10, 11, 12), strict=True):
        path, _ = write(Selection.of(scope=None, entries="2"), since=noted)
        assert verify_bundle(path, since=noted).since == size
        if size < 11:
            with pytest.raises(IntegrityError, match=r"since\.txt: a proof from size"):
                verify_bundle(path, since=heads[2])
    path, _ = write()
    with pytest.raises(ConfigurationError, match="bundle --since"):
        verify_bundle(path, since=heads[0])
    assert verify_bundle(path, since=heads[-1]).since == 12


def test_growth_counts_what_was_added(ledger, alias, validation):
    noted = Note.parse(ledger.head().note)
    ledger.append(
        [alias(model="f"), validation(b"three"), alias(model="g"), alias(model="h")], now=NOON, blobs=[b"three"]
    )
    grown = growth(noted, ledger.head(), reader=ledger, prover=ledger)
    assert (grown.since, grown.size) == (9, 13)
    assert grown.added == {"model-alias": ((9, 9), (11, 12)), "validation": ((10, 10),)}
    assert (grown.count("model-alias"), grown.indices("model-alias")) == (3, "9, 11-12")


def test_a_noted_checkpoint_that_is_not_in_the_log_s_past_is_named(ledger, write, alias, tmp_path):
    with Ledger.create(
        f"sqlite:///{tmp_path}/other.db",
        blobs=str(tmp_path / "other"),
        signer=LocalSigner.generate(tmp_path / "other.key"),
        now=NOON,
    ) as other:
        stranger = Note.parse(other.head().note)
    with pytest.raises(NoteError, match="of the log"):
        write(since=stranger)
    noted = Note.parse(ledger.append([alias(model="f")], now=NOON + timedelta(days=1)).head.note)
    shorter, _ = write()
    changed = Note(noted.text.replace("\n10\n", "\n9\n"), ())
    with pytest.raises(ProofError, match="first 9 entries"):
        write(since=changed)
    ledger.append([alias(model="g")], now=NOON + timedelta(days=1))
    later = Note.parse(ledger.head().note)
    with pytest.raises(LedgerRolledBack, match="11 entries"):
        verify_bundle(shorter, since=later)


def test_an_archive_without_room_is_refused_before_it_is_broken(tmp_path):
    files = ((f"{number:06}", b"") for number in range(archive.MAX_FILES + 1))
    with (tmp_path / "many.zip").open("wb") as file, pytest.raises(UsageError, match="choose fewer"):
        archive.write(file, files)


def test_a_folder_with_a_link_or_a_stranger_is_refused(write, tmp_path):
    path, _ = write()
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(path) as zipped:
        zipped.extractall(folder)
    whole = verify_bundle(folder)
    assert whole == verify_bundle(path)
    readme = (folder / "README.txt").read_bytes()
    (folder / "README.txt").unlink()
    (folder / "README.txt").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_bytes(readme)
    with pytest.raises(IntegrityError, match=r"README\.txt"):
        verify_bundle(folder)
    (folder / "README.txt").unlink()
    (folder / "README.txt").write_bytes(readme)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(IntegrityError, match=r"notes\.txt"):
        verify_bundle(folder)


def test_what_is_not_there_is_a_mistake_and_not_a_breach(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        verify_bundle(tmp_path / "absent.zip")
    other = tmp_path / "policy.txt"
    for data in (b"", b"log example.org/log+00000000+AAAA\nquorum none\n"):
        other.write_bytes(data)
        with pytest.raises(ConfigurationError, match="not a zip"):
            verify_bundle(other)
