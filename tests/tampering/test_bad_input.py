"""All that a ledger must refuse by name, in one list: which error, by which test, with nothing changed or acknowledged.

The rows name the tests that say it with real parts; what they did not yet say is tested below the list.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from affidavit import errors
from affidavit.errors import (
    AffidavitError,
    IntegrityError,
    LedgerRolledBack,
    NoteError,
    ProofError,
    SchemaMismatch,
    StatementTooLarge,
    UsageError,
)
from affidavit.evidence import kinds
from affidavit.ledger import Ledger, LocalSigner
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.extension import check_extension
from affidavit.tlog.note import Note, VerifierKey
from affidavit.tlog.proofs import check_consistency, check_inclusion
from tests.conftest import NOON

TESTS = Path(__file__).resolve().parents[1]
REFUSED = [
    ("a checkpoint of another log", "NoteError", "tlog/test_extension.py", "the_checkpoint_of_another_log_is_named"),
    ("a proof of the wrong length", "ProofError", "tlog/test_proofs.py", "a_proof_that_is_changed_cut_or_lengthened"),
    ("a bad key hint", "NoteError", "tlog/test_note.py", "a_malformed_vkey_is_refused"),
    ("a truncated checkpoint", "ConfigurationError", "tlog/test_extension.py", "a_file_that_was_cut_short_is_no"),
    ("a truncated database", "IntegrityError", "ledger/test_engine.py", "a_file_that_is_no_database"),
    ("a truncated bundle", "IntegrityError", "verifier/test_mutants.py", "every_mutant_is_found_by_both_verifiers"),
    ("a truncated key", "ConfigurationError", "ledger/test_signer.py", "what_is_no_key_is_named_and_not_repeated"),
    ("a newer schema", "SchemaMismatch", "contract/test_ledger.py", "a_newer_schema_is_refused"),
    ("a database behind its signer", "LedgerRolledBack", "contract/test_ledger.py", "a_database_behind_its_signer_is"),
    ("a disk that fills", "LedgerFull", "ledger/test_engine.py", "a_full_disk_changes_nothing"),
    ("a disk that fills, anywhere", "LedgerFull", "faults/test_system_calls.py", "a_writer_at_each_write_side"),
    ("a statement over 65,535 bytes", "StatementTooLarge", "contract/test_ledger.py", "all_or_none"),
    ("a signer that is down", "SignerUnavailable", "ledger/test_covering.py", "without_the_signer_nothing_is_told"),
]


@pytest.mark.parametrize(("what", "error", "file", "test"), REFUSED, ids=[row[0] for row in REFUSED])
def test_each_has_a_named_error_and_a_test(what, error, file, test):
    assert issubclass(getattr(errors, error), AffidavitError)
    assert f"def test_{test}" in (TESTS / file).read_text()


def stored(place):
    """Every byte of the ledger, its blobs, its key and the signer's memory."""
    files = [path for path in place.home.rglob("*") if path.is_file() and path.suffix not in (".db-shm", ".db-wal")]
    return {path: path.read_bytes() for path in files}


def too_large(place, alias):
    fits = alias(model="fits")
    facts = {"file": "f", "system": {"text": "x" * 70_000}}
    with place.write() as ledger:
        ledger.append([fits, replace(fits, kind=kinds.SYSTEM, facts=facts)], now=NOON)


def another_schema(place, alias):
    place.spoil("UPDATE alembic_version SET version_num = '9999'")
    with place.write() as ledger:
        ledger.append([alias()], now=NOON)


def behind_its_signer(place, alias):
    shutil.copy(place.home / "ledger.db", place.home / "older")
    with place.write() as ledger:
        ledger.append([alias(model="newer")], now=NOON)
    shutil.copy(place.home / "older", place.home / "ledger.db")
    with place.write() as ledger:
        ledger.append([alias(model="other")], now=NOON)


def cut_short(place, alias):
    file = place.home / "ledger.db"
    file.write_bytes(file.read_bytes()[:20_000])
    with place.write() as ledger:
        ledger.append([alias()], now=NOON)


def another_key(place, alias):
    signer = LocalSigner.generate(place.home / "other.key")
    with Ledger.open(place.url, blobs=place.blobs, signer=signer) as ledger:
        ledger.append([alias()], now=NOON)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (too_large, StatementTooLarge),
        (another_schema, SchemaMismatch),
        (behind_its_signer, LedgerRolledBack),
        (cut_short, IntegrityError),
        (another_key, UsageError),
    ],
)
def test_a_refused_call_changes_no_byte(sqlite_place, alias, call, error, monkeypatch):
    """What the call itself was given is prepared within it; from then on no byte of it may change."""
    with sqlite_place.create() as ledger:
        ledger.append([alias(model="there")], now=NOON)
    before = {}
    opened = Ledger.open

    def remembering(*args, **kwargs):
        before.clear()
        before.update(stored(sqlite_place))
        return opened(*args, **kwargs)

    monkeypatch.setattr(Ledger, "open", remembering)
    with pytest.raises(error) as caught:
        call(sqlite_place, alias)
    assert caught.value.fix
    monkeypatch.undo()
    assert stored(sqlite_place) == before


def test_proofs_and_heads_of_something_else_are_refused_by_name(place, alias):
    with place.create() as ledger:
        first = ledger.head()
        head = ledger.append([alias(model=str(number)) for number in range(6)], now=NOON).head
        path = ledger.prove_inclusion(3, head.size)
        leaf = ledger.entry(3).leaf_hash
        for wrong in (path[:-1], [*path, path[0]], []):
            with pytest.raises(ProofError):
                check_inclusion(index=3, size=head.size, leaf=leaf, proof=wrong, root=head.root)
        grown = ledger.prove_consistency(first.size, head.size)
        for wrong in (grown[:-1], [*grown, grown[0]]):
            with pytest.raises(ProofError):
                check_consistency(size1=1, size2=head.size, proof=wrong, root1=first.root, root2=head.root)
        other = Checkpoint("other.example/log", head.size, head.root)
        with pytest.raises(NoteError, match=r"other\.example"):
            check_extension(Note.parse(head.note), other, path=(), key=ledger.key)
        name, identity, key = ledger.key.text.split("+", 2)
        with pytest.raises(NoteError, match="an id that is not its key's"):
            VerifierKey.parse(f"{name}+{identity[::-1]}+{key}")
        for size in (head.size + 1, 2**40):
            with pytest.raises(UsageError, match="no head covers"):
                ledger.prove_inclusion(0, size)
            with pytest.raises(UsageError, match="no head covers"):
                ledger.prove_consistency(1, size)
