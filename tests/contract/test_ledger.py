"""The ledger's contract, on every database that may hold one."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from affidavit.errors import (
    BlobAbsent,
    FieldNotAllowed,
    IntegrityError,
    LedgerError,
    LedgerMissing,
    LedgerRolledBack,
    LedgerUnavailable,
    SchemaMismatch,
    StatementTooLarge,
    UsageError,
)
from affidavit.evidence import kinds
from affidavit.evidence.salted import salted
from affidavit.ledger import Ledger, LocalSigner, verify
from affidavit.ledger.blobs import Blobs
from affidavit.ledger.engine import reading
from affidavit.pipeline.verifying import examine
from affidavit.tlog.note import Note
from affidavit.tlog.policy import parse_policy
from affidavit.tlog.proofs import check_consistency, check_inclusion

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def test_entry_0_pins_a_random_origin_and_the_key(place):
    with place.create() as ledger:
        genesis = ledger.entry(0).statement
        assert genesis.kind == kinds.GENESIS.name
        assert genesis.facts == {
            "origin": ledger.head().origin,
            "key": ledger.key.text,
            "signing": "inside the writing process",
            "recovery": None,
            "recovery_quorum": None,
        }
        assert ledger.head().size == 1
        assert verify(ledger).entries == 1


def test_a_receipt_is_under_the_signed_head(place, alias):
    with place.create() as ledger:
        appended = ledger.append([alias(model="a"), alias(model="b")], now=LATER)
        first, second = appended.receipts
        assert (first.index, second.index, appended.head.size) == (1, 2, 3)
        assert appended.head == first.head == ledger.head()
        assert appended.head.time == LATER
        for receipt in appended.receipts:
            assert ledger.entry(receipt.index).leaf_hash == receipt.leaf_hash
            check_inclusion(
                index=receipt.index,
                size=3,
                leaf=receipt.leaf_hash,
                proof=ledger.prove_inclusion(receipt.index, 3),
                root=appended.head.root,
            )
        policy = parse_policy(f"log {ledger.key.text}\nquorum none\n")
        assert policy.endorse(Note.parse(appended.head.note)).time == int(LATER.timestamp())


def test_the_same_facts_add_nothing_and_sign_nothing(place, alias):
    with place.create() as ledger:
        before = ledger.append([alias()], now=LATER).head
        again = ledger.append([alias(), alias()], now=LATER + timedelta(days=1))
        assert again.receipts == (None, None)
        assert again.head == before == ledger.head()


def test_a_then_b_then_a_is_three_entries(place, alias):
    with place.create() as ledger:
        for version in ("1", "2", "1"):
            assert ledger.append([alias(version)], now=LATER).receipts[0]
        one, two, three = (ledger.entry(index) for index in (1, 2, 3))
        assert one.statement.supersedes is None
        assert two.statement.supersedes == one.leaf_hash
        assert three.statement.supersedes == two.leaf_hash
        assert three.statement.facts == one.statement.facts
        assert ledger.latest(one.statement.stream) == three
        assert verify(ledger).entries == 4


def test_two_drafts_of_one_stream_chain_within_one_append(place, alias):
    with place.create() as ledger:
        receipts = ledger.append([alias("1"), alias("1"), alias("2"), alias("2")], now=LATER).receipts
        assert [receipt and receipt.index for receipt in receipts] == [1, None, 2, None]
        assert ledger.entry(2).statement.supersedes == receipts[0].leaf_hash
        verify(ledger)


def test_all_or_none(place, alias):
    huge = alias(model="m")
    facts = {"file": "f", "system": {"text": "x" * 70_000}}
    huge = type(huge)(
        **{**{k: v for k, v in vars(huge).items() if k != "statement"}, "kind": kinds.SYSTEM, "facts": facts}
    )
    with place.create() as ledger:
        before = ledger.head()
        with pytest.raises(StatementTooLarge):
            ledger.append([alias(), huge], now=LATER)
        assert ledger.head() == before
        assert [entry.index for entry in ledger.entries()] == [0]
        assert ledger.append([alias()], now=LATER).receipts[0].index == 1
        verify(ledger)


def test_a_name_that_one_database_would_not_keep_is_refused_for_all(place, alias):
    with place.create() as ledger:
        with pytest.raises(FieldNotAllowed, match="without NUL"):
            ledger.append([alias(model="a\0b")], now=LATER)
        assert ledger.head().size == 1


def test_a_value_that_the_database_refuses_is_nothing_to_try_again(place):
    place.create().close()
    too_long = sa.text("SELECT length(zeroblob(2147483647))")
    nul = sa.text("SELECT CAST(:value AS TEXT)").bindparams(value="a\0b")
    asked = too_long if place.url.startswith("sqlite") else nul
    refuses = pytest.raises(LedgerError, match="refuses a value")
    with place.read() as ledger, refuses as refused, reading(ledger._engine) as connection:
        connection.execute(asked)
    assert not refused.value.retryable


def test_the_closing_draft_knows_what_is_new(place, alias):
    seen = []

    def closing(new):
        seen.append(list(new))
        return alias(model="closing", version=str(len(seen)))

    with place.create() as ledger:
        ledger.append([alias("1")], now=LATER)
        appended = ledger.append([alias("1"), alias("2")], now=LATER, closing=closing)
        assert seen == [[False, True]]
        assert appended.closing.index == 3
        assert ledger.append([alias("2")], now=LATER, closing=lambda _: None).closing is None
        again = ledger.append([], now=LATER, closing=lambda _: alias(model="closing", version="1"))
        assert again.closing is None


def test_a_retry_after_an_unknown_outcome_does_not_duplicate(place, alias):
    drafts = [alias(model="a"), alias(model="b")]
    with place.create() as ledger:
        ledger.append(drafts, now=LATER)  # the caller never heard of it
    with place.write() as ledger:
        assert ledger.append(drafts, now=LATER).receipts == (None, None)
        assert ledger.head().size == 3


def test_identity_is_unique_in_the_database_itself(place, alias):
    with place.create() as ledger:
        ledger.append([alias("1")], now=LATER)
    columns = "leaf, leaf_hash, stream, supersedes, facts_digest, identity, kind, scope, subject, observed_at"
    with pytest.raises(sa.exc.IntegrityError):
        place.spoil(f'INSERT INTO entries ("index", {columns}) SELECT 2, {columns} FROM entries WHERE "index" = 1')


def test_the_signed_time_never_decreases(place, alias):
    with place.create() as ledger:
        assert ledger.append([alias("1")], now=LATER).head.time == LATER
        assert ledger.append([alias("2")], now=NOON).head.time == LATER
        verify(ledger)


def test_head_at_answers_as_of_then(place, alias):
    with place.create() as ledger:
        first = ledger.append([alias("1")], now=NOON + timedelta(minutes=5)).head
        second = ledger.append([alias("2")], now=NOON + timedelta(minutes=9)).head
        assert ledger.head_at(NOON - timedelta(seconds=1)) is None
        assert ledger.head_at(NOON).size == 1
        assert ledger.head_at(NOON + timedelta(minutes=8)) == first
        assert ledger.head_at(NOON + timedelta(days=9)) == second


def test_entries_are_filtered_and_bounded(place, alias, validation):
    blob = b"details"
    with place.create() as ledger:
        ledger.append([alias(model=str(n)) for n in range(4)] + [validation(blob)], now=LATER, blobs=[blob])
        assert [entry.index for entry in ledger.entries(kind="model-alias")] == [1, 2, 3, 4]
        assert [entry.index for entry in ledger.entries(2, 4)] == [2, 3]
        assert [entry.index for entry in ledger.entries(scope="organisation")] == [0]
        assert [entry.index for entry in ledger.entries(3, 99, scope="system:x", kind="validation")] == [5]
        assert list(ledger.entries(scope="system:y")) == []
        with pytest.raises(UsageError):
            ledger.entry(6)


@pytest.mark.parametrize("index", [-1, 1, 2**31 - 1, 2**31, 2**63, 10**30])
def test_an_index_that_no_entry_has_is_refused_however_large(place, index):
    with place.create() as ledger, pytest.raises(UsageError, match=f"there is no entry {index}"):
        ledger.entry(index)


def test_heads_extend_one_another(place, alias):
    with place.create() as ledger:
        heads = [ledger.head()] + [ledger.append([alias(str(n))], now=LATER).head for n in range(9)]
        for old in heads:
            for new in heads[old.size - 1 :]:
                proof = ledger.prove_consistency(old.size, new.size)
                check_consistency(size1=old.size, size2=new.size, proof=proof, root1=old.root, root2=new.root)


def test_a_proof_takes_two_reads_at_most_at_any_size(place, alias):
    with place.create() as ledger:
        ledger.append([alias(model=str(n)) for n in range(700)], now=LATER)
    for prove in (lambda ledger: ledger.prove_inclusion(350, 701), lambda ledger: ledger.prove_consistency(333, 701)):
        with place.read() as ledger:  # just opened: nothing is remembered
            asked = []
            sa.event.listen(ledger._engine, "before_cursor_execute", lambda *args, asked=asked: asked.append(args[2]))
            prove(ledger)
            assert 0 < sum("SELECT" in statement for statement in asked) <= 2


# Blobs


def test_a_named_blob_must_come_along_or_be_there(place, validation):
    with place.create() as ledger:
        with pytest.raises(UsageError, match="named and not stored"):
            ledger.append([validation(b"details")], now=LATER)
        assert ledger.head().size == 1
        digest = Blobs(place.blobs).put(b"details")
        ledger.append([validation(b"details")], now=LATER)
        assert ledger.blob(digest) == b"details"
        assert verify(ledger).blobs == 1


def test_the_same_payload_behind_another_salt_is_the_same_fact(place, validation):
    first, again = salted(b"PASSED"), salted(b"PASSED")
    with place.create() as ledger:
        ledger.append([validation(first)], now=LATER, blobs=[first])
        [receipt] = ledger.append([validation(again)], now=LATER, blobs=[again]).receipts
        assert receipt is None
        with pytest.raises(BlobAbsent):  # nothing names it, so no copy may outlive an erasure
            ledger.blob(hashlib.sha256(again).hexdigest())


def test_another_payload_or_another_fact_beside_it_has_a_salt_of_its_own(place, validation):
    blobs = [salted(b"PASSED"), salted(b"FAILED"), salted(b"FAILED")]
    drafts = [validation(blob) for blob in blobs]
    drafts[2] = replace(drafts[2], facts={**drafts[2].facts, "rows": 4})
    with place.create() as ledger:
        for draft, blob in zip(drafts, blobs, strict=True):
            [receipt] = ledger.append([draft], now=LATER, blobs=[blob]).receipts
            assert ledger.entry(receipt.index).statement.facts == draft.facts
        assert verify(ledger).blobs == 3


def test_what_follows_a_lost_blob_is_recorded_anew(place, validation):
    first, again = salted(b"PASSED"), salted(b"PASSED")
    with place.create() as ledger:
        ledger.append([validation(first)], now=LATER, blobs=[first])
        digest = hashlib.sha256(first).hexdigest()
        (Path(place.blobs) / digest[:2] / digest).unlink()
        [receipt] = ledger.append([validation(again)], now=LATER, blobs=[again]).receipts
        assert ledger.entry(receipt.index).statement.supersedes is not None


# Opening


def test_there_is_no_ledger_where_none_was_made(place):
    with pytest.raises(LedgerMissing):
        place.read()
    LocalSigner.generate(place.key)
    with pytest.raises(LedgerMissing):
        place.write()
    assert not (place.home / "ledger.db").exists()


def test_a_ledger_is_made_once(place):
    place.create().close()
    with pytest.raises(UsageError, match="already"):
        Ledger.create(place.url, blobs=place.blobs, signer=LocalSigner.generate(place.home / "other.key"), now=NOON)
    with place.write() as ledger:
        assert ledger.head().size == 1


def test_without_a_signer_nothing_is_written(place, alias):
    place.create().close()
    with place.read() as ledger:
        for attempt in (
            lambda: ledger.append([alias()], now=LATER),
            lambda: ledger.forget("0" * 64),
            ledger.rebuild,
        ):
            with pytest.raises(UsageError, match="read only"):
                attempt()
        with pytest.raises(sa.exc.DBAPIError), ledger._engine.connect() as connection:
            connection.execute(sa.text("DELETE FROM entries"))


def test_a_newer_schema_is_refused(place):
    place.create().close()
    place.spoil("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="9999"):
        place.read()


def test_another_key_is_refused(place):
    place.create().close()
    other = LocalSigner.generate(place.home / "other.key")
    with pytest.raises(UsageError, match="is not that of this ledger"):
        Ledger.open(place.url, blobs=place.blobs, signer=other)


def test_a_key_that_signed_one_log_does_not_start_another(place, tmp_path):
    place.create().close()
    with pytest.raises(LedgerRolledBack):
        Ledger.create(
            f"sqlite:///{tmp_path}/second.db", blobs=place.blobs, signer=LocalSigner.load(place.key), now=NOON
        )


def test_a_database_behind_its_signer_is_refused(place, alias):
    with place.create() as ledger:
        ledger.append([alias("1")], now=LATER)
        ledger.append([alias("2")], now=LATER)
    place.spoil("DELETE FROM checkpoints WHERE size = 3")
    place.spoil('DELETE FROM entries WHERE "index" = 2')
    with pytest.raises(LedgerRolledBack, match="holds 2 entries, and a head of 3"):
        place.write()
    with place.read() as ledger:  # without the signer, or a witness, this cannot be seen
        assert verify(ledger).entries == 2


def test_a_database_rolled_back_under_an_open_ledger_is_refused(place, alias):
    with place.create() as ledger:
        ledger.append([alias("1")], now=LATER)
        ledger.append([alias("2")], now=LATER)
        place.spoil("DELETE FROM checkpoints WHERE size = 3")
        place.spoil('DELETE FROM entries WHERE "index" = 2')
        with pytest.raises(LedgerRolledBack):
            ledger.append([alias("3")], now=LATER)


def test_a_database_rolled_back_under_an_open_ledger_confirms_nothing(place, alias):
    """Facts that are recorded already are acknowledged too, though nothing is signed for them."""
    with place.create() as ledger:
        ledger.append([alias("1")], now=LATER)
        ledger.append([alias("1", model="another")], now=LATER)
        place.spoil("DELETE FROM checkpoints WHERE size = 3")
        place.spoil('DELETE FROM entries WHERE "index" = 2')
        with pytest.raises(LedgerRolledBack, match="holds 2 entries, and a head of 3"):
            ledger.append([alias("1")], now=LATER)


def test_a_head_committed_but_not_remembered_is_no_rollback(place, alias):
    with place.create() as ledger:
        ledger.append([alias("1")], now=LATER)
        ledger.signer.remember = lambda _: None  # as if the process had died in between
        ledger.append([alias("2")], now=LATER)
    with place.write() as ledger:
        assert ledger.append([alias("3")], now=LATER).receipts[0].index == 3
        verify(ledger)


def test_settings_are_safe_in_a_ledger_that_was_just_made(place):
    with place.create() as ledger:
        assert ledger.unsafe_settings() == []


# Insert-only


@pytest.mark.parametrize("table", ["entries", "nodes", "checkpoints"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {0} SET {1} = {1}"])
def test_the_database_refuses_changes(place, alias, table, statement):
    column = {"entries": "kind", "nodes": "hash", "checkpoints": "note"}[table]
    with place.create() as ledger:
        ledger.append([alias(model=str(n)) for n in range(3)], now=LATER)
        from affidavit.ledger.engine import writing

        with pytest.raises(LedgerError, match="insert-only"), writing(ledger._engine) as connection:
            connection.execute(sa.text(statement.format(table, column)))
        verify(ledger)


def test_insert_or_replace_is_refused(sqlite_place, alias):
    with sqlite_place.create() as ledger:
        ledger.append([alias()], now=LATER)
        from affidavit.ledger.engine import writing

        with pytest.raises(LedgerError, match="insert-only"), writing(ledger._engine) as connection:
            connection.execute(sa.text('INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE "index" = 1'))


# Many writers

# One interpreter that imports once and forks its writers; prints what each was told.
WRITERS = """
import os, random, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from affidavit.evidence import Circumstances, Collector, Draft, Origin, Stage, Subject, kinds
from affidavit.ledger import Ledger, LocalSigner
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
url, blobs, key, plan = sys.argv[1:]
def draft(model):
    facts = {"model": model, "alias": "champion", "version": "1"}
    return Draft(kind=kinds.MODEL_ALIAS, scope="system:x", stage=Stage.DEPLOYMENT, origin=Origin.RECORDED,
        subjects=(Subject.of_facts(f"mlflow://t/models/{model}@champion", facts),), facts=facts,
        collector=Collector("c", "0"), seen=Circumstances(NOON))
def write(name, batches, out):
    with Ledger.open(url, blobs=blobs, signer=LocalSigner.load(Path(key))) as ledger:
        for number in range(batches):
            drafts = [draft(f"{name}-{number}-{each}") for each in range(1 + number % 3)]
            for receipt in ledger.append(drafts, now=NOON).receipts:
                os.write(out, f"{receipt.index} {receipt.leaf_hash.hex()}\\n".encode())
def start(name, batches):
    read, out = os.pipe()
    child = os.fork()
    if child == 0:
        failed = True
        try:
            write(name, batches, out)
            failed = False
        finally:
            os._exit(failed)
    os.close(out)
    return child, os.fdopen(read)
if plan == "together":
    writers = [start(f"w{number}", 8) for number in range(4)]
    for child, told in writers:
        sys.stdout.write(told.read())
        assert os.waitpid(child, 0)[1] == 0
else:
    chance = random.Random(20)
    for life in range(8):
        child, told = start(f"life{life}", 500)
        lines = [told.readline() for _ in range(chance.randrange(1, 12))]
        os.kill(child, signal.SIGKILL)
        lines += told.readlines()
        os.waitpid(child, 0)
        sys.stdout.write("".join(line for line in lines if line.endswith("\\n")))
"""


def write_many(place, plan):
    """What the writers were told: (index, leaf hash) of each acknowledged entry."""
    command = [sys.executable, "-c", WRITERS, place.url, place.blobs, str(place.key), plan]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [(int(index), leaf_hash) for index, leaf_hash in map(str.split, done.stdout.splitlines())]


def test_concurrent_writers_leave_no_gap_and_no_fork(place):
    place.create().close()
    told = write_many(place, "together")
    assert sorted(index for index, _ in told) == list(range(1, 61))
    with place.read() as ledger:
        assert verify(ledger).entries == 61
        assert all(ledger.entry(index).leaf_hash.hex() == leaf_hash for index, leaf_hash in told)


def test_what_was_acknowledged_survives_killing_the_writers(place):
    place.create().close()
    told = write_many(place, "killed")
    indices = [index for index, _ in told]
    assert len(set(indices)) == len(indices) >= 8
    with place.write() as ledger:  # no false alarm: the signer is not ahead
        assert max(indices) < verify(ledger).entries
        assert all(ledger.entry(index).leaf_hash.hex() == leaf_hash for index, leaf_hash in told)


def test_without_the_lock_the_second_writer_fails_and_there_is_no_fork(place, alias, monkeypatch):
    from affidavit.ledger import engine as database

    place.create().close()
    for backend in database._LOCKED:
        monkeypatch.setitem(database._LOCKED, backend, ("BEGIN",))
    with place.write() as one, place.write() as two:
        one.signer.confront = lambda *_, **__: None  # a signer without memory: the database alone must hold

        def overtaken(_):
            two.append([alias(model="other")], now=LATER)

        with pytest.raises(LedgerUnavailable):
            one.append([alias(model="mine")], now=LATER, closing=overtaken)
        assert two.head().size == 2
        assert one.append([alias(model="mine")], now=LATER).receipts[0].index == 2
        verify(one)


@pytest.mark.parametrize("previous", [0, 1])
def test_a_head_has_one_successor(place, alias, previous):
    with place.create() as ledger:
        ledger.append([alias()], now=LATER)
    with pytest.raises(sa.exc.IntegrityError):
        place.spoil(
            "INSERT INTO checkpoints (size, previous, root, time, note) "
            "SELECT 99, :previous, root, time, note FROM checkpoints WHERE size = 1",
            previous=previous,
        )


# Verification without a policy, and with one


def test_the_author_is_unproven_without_a_policy(place):
    with place.create() as ledger:
        done = examine(ledger)
        assert (done.established, done.author.split(":")[0]) == (False, "unproven")
        assert done.found.signing == "inside the writing process (declared in entry 0)"
        proven = examine(ledger, policy=parse_policy(f"log {ledger.key.text}\nquorum none\n"))
        assert proven.established
        other = LocalSigner.generate(place.home / "other.key").vkey
        with pytest.raises(IntegrityError, match="no log of the policy"):
            examine(ledger, policy=parse_policy(f"log {other.text}\nquorum none\n"))


def test_demonstrations_are_counted(place, alias):
    with place.create() as ledger:
        ledger.append([alias(model="a", demonstration="scripted"), alias(model="b")], now=LATER)
        ledger.append([alias(model="c", demonstration="scripted")], now=LATER)
        assert verify(ledger).demonstrations == {"scripted": 2}


def test_what_another_process_appends_while_a_ledger_is_opened_is_no_rollback(place, alias):
    """The memory is read before the database, since a head is committed before it is remembered."""

    class Overtaken(LocalSigner):
        def remembered(self):
            with place.write() as other:
                other.append([alias(str(other.head().size))], now=NOON)
            return super().remembered()

    place.create().close()
    key = LocalSigner.load(place.key)
    overtaken = Overtaken(key._key, place.key, key._memory)
    with Ledger.open(place.url, blobs=place.blobs, signer=overtaken) as ledger:
        assert ledger.head().size == 2


def test_entry_0_pins_the_recovery_key_that_it_is_given(place):
    recovery = LocalSigner.generate(place.home / "recovery.key").vkey
    signer = LocalSigner.generate(place.key)
    with Ledger.create(place.url, blobs=place.blobs, signer=signer, now=NOON, recovery=recovery) as ledger:
        assert ledger.entry(0).statement.facts["recovery"] == recovery.text
