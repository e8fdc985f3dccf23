"""An erased blob is right only where the log says who decided it before, and every other absence is found."""

import hashlib
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
import sqlalchemy as sa

from affidavit.collect.declarations import look_at_organisation
from affidavit.errors import IntegrityError, UsageError
from affidavit.evidence import Circumstances, Origin, kinds
from affidavit.evidence.erasing import RETENTION, decision, erasure, hash_of_first
from affidavit.evidence.salted import salted
from affidavit.inventory import Organisation
from affidavit.inventory.organisation import KindWithBlobs
from affidavit.ledger import verify
from affidavit.ledger.tables import DERIVED, derived, entries
from affidavit.projections.erasures import Erasures
from affidavit.publish import bundle
from affidavit.publish.bundle_verification import verify_bundle
from affidavit.tlog.hashing import leaf_hash

PROGRAM = Path(__file__).resolve().parents[2] / "verifier/affidavit_verify.py"
VERIFIER = PROGRAM.read_bytes()
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=40)
GROUND = "recorded-by-mistake"
HELD = {"id": "case-7", "scope": "x", "reason": "A claim.", "since": "2026-03-01"}


class Home:
    """A ledger with two validations, each with a blob, and what erases these."""

    def __init__(self, place, validation):
        self.place = place
        self.ledger = place.create()
        self.validation = validation
        self.blobs = [salted(b"PASSED"), salted(b"FAILED")]
        self.digests = [hashlib.sha256(blob).hexdigest() for blob in self.blobs]
        for number, blob in enumerate(self.blobs):
            draft = validation(blob)
            self.append(replace(draft, facts={**draft.facts, "rows": number}), blobs=[blob])

    def append(self, *drafts, blobs=(), now=NOON):
        return [receipt.index for receipt in self.ledger.append(drafts, now=now, blobs=blobs).receipts]

    def declare(self, **fields):
        organisation = Organisation.model_validate({"id": "o", "title": "O", "roles": {}, **fields})
        [index] = self.append(*look_at_organisation(organisation, systems=[], seen=Circumstances(NOON)).drafts)
        return index

    def decide(self, digest, **changes):
        scope, by = changes.pop("scope", "system:x"), changes.pop("by", "p-1")
        made = decision(digest, scope=scope, reason=GROUND, by=by, seen=Circumstances(NOON))
        return replace(made, **changes)

    def erase(self, digest, *, decided, scope="system:x", reason=GROUND, at=NOON, signed=None):
        """Append an erasure that rests on the leaf hash ``decided``, under a head ``signed`` at another time."""
        made = erasure(digest, scope=scope, reason=reason, decided=decided, seen=Circumstances(at))
        [index] = self.append(made, now=signed or at)
        return index

    def erase_soundly(self, digest):
        made = self.decide(digest)
        self.append(made)
        return self.erase(digest, decided=hash_of_first(made))

    def path(self, digest):
        return Path(self.place.blobs) / digest[:2] / digest

    def leaf(self, index):
        return leaf_hash(self.ledger.entry(index).leaf)

    def bundle(self):
        """A bundle of everything, by a program that asks nobody whether what is gone may be gone."""
        gone = {digest: None for digest in self.digests if not self.path(digest).exists()}
        path = self.place.home / "bundle.zip"
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(bundle.erasures, "read", lambda *_, **__: Erasures(erased=gone))
            bundle.write_bundle(
                path, reader=self.ledger, prover=self.ledger, selection=bundle.Selection(), verifier=VERIFIER
            )
        return path

    def alone(self, path):
        """Exit code and words of the stand-alone verifier, which has no policy here."""
        run = [sys.executable, "-I", PROGRAM, path, "--blobs", self.place.blobs]
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def places(self):
        """What the stand-alone verifier can read: a bundle, and a copy of a ledger in SQLite."""
        file, copy = self.place.home / "ledger.db", self.place.home / "copy.db"
        if not file.exists():
            return [self.bundle()]
        with closing(sqlite3.connect(file)) as there, closing(sqlite3.connect(copy)) as here:
            there.backup(here)
            here.execute("PRAGMA journal_mode=DELETE")
        return [self.bundle(), copy]

    def broken(self):
        """What verification finds; of a bundle, and by the stand-alone verifier, the same is found."""
        with pytest.raises(IntegrityError) as caught:
            verify(self.ledger)
        with pytest.raises(IntegrityError) as again:
            verify_bundle(self.bundle())
        assert again.value.index == caught.value.index
        for path in self.places():
            code, said = self.alone(path)
            assert (code, f"entry {caught.value.index}" in said) == (3, True), said
        return caught.value

    def whole(self):
        """What verification finds in a ledger that everybody calls intact."""
        found = verify(self.ledger)
        assert verify_bundle(self.bundle()).erased == found.erased
        for path in self.places():
            code, said = self.alone(path)
            assert code == 1, said
            for each in found.erased:
                assert f"blob {each.blob}: erased on {each.at[:10]} because {each.reason} (entry {each.index}," in said
        return found


@pytest.fixture
def home(place, validation):
    made = Home(place, validation)
    yield made
    made.ledger.close()


def test_an_erased_blob_is_told_of_and_the_ledger_is_intact(home):
    first, second = home.digests
    index = home.erase_soundly(first)
    assert home.ledger.forget(first)
    found = home.whole()
    assert (found.blobs, found.lingering) == (1, ())
    [erased] = found.erased
    assert (erased.blob, erased.index, erased.decided, erased.by) == (first, index, index - 1, "p-1")
    assert [naming.index for naming in erased.named_by] == [1]
    assert erased.words == (
        "erased on 2026-03-14 because it should not have been recorded (entry 4, decided by p-1 in entry 3)"
    )
    home.path(second).unlink()
    assert home.broken().index == 2


def test_a_process_that_dies_before_the_bytes_are_gone_leaves_a_whole_ledger(home):
    home.erase_soundly(home.digests[0])
    found = home.whole()
    assert found.erased == found.lingering
    assert (len(found.erased), found.blobs) == (1, 2)
    assert home.ledger.forget(home.digests[0])
    assert not home.ledger.forget(home.digests[0])
    assert home.whole().lingering == ()


def test_no_bytes_go_without_an_erasure_in_the_log(home):
    with pytest.raises(UsageError, match="no erasure of the blob"):
        home.ledger.forget(home.digests[0])
    assert home.whole().blobs == 2


def test_a_file_removed_by_hand_is_found(home):
    home.path(home.digests[1]).unlink()
    error = home.broken()
    assert error.index == 2
    assert f"blob {home.digests[1]}: absent; entry 2 names it" in str(error)


def test_a_decision_alone_excuses_nothing(home):
    home.append(home.decide(home.digests[0]))
    home.path(home.digests[0]).unlink()
    assert home.broken().index == 1


@pytest.mark.parametrize(
    "forged",
    [
        {"by": ""},
        {"by": None},
        {"origin": Origin.OBSERVED},
        {"facts": {"blobs": ["0" * 64], "reason": GROUND}},
        {"facts": {"blobs": [], "reason": GROUND}},
        {"kind": kinds.UNRECONCILED, "facts": dict.fromkeys(kinds.UNRECONCILED.facts, ())},
    ],
)
def test_a_forged_decision_is_found(home, forged):
    made = replace(home.decide(home.digests[0]), **forged)
    home.append(made)
    index = home.erase(home.digests[0], decided=hash_of_first(made))
    error = home.broken()
    assert error.index == index
    assert "no decision before it" in str(error)


def test_a_decision_on_another_ground_is_found(home):
    made = home.decide(home.digests[0], facts={"blobs": [home.digests[0]], "reason": "no-longer-needed"})
    home.append(made)
    index = home.erase(home.digests[0], decided=hash_of_first(made))
    assert home.broken().index == index


def test_an_erasure_without_any_decision_is_found_though_its_bytes_are_there(home):
    index = home.erase(home.digests[0], decided=bytes(32))
    assert home.broken().index == index


def test_an_erasure_that_stands_before_its_decision_is_found(home):
    made = home.decide(home.digests[0])
    index = home.erase(home.digests[0], decided=hash_of_first(made))
    home.append(made)
    error = home.broken()
    assert (error.index, "no decision before it" in str(error)) == (index, True)


def test_any_other_entry_is_no_decision(home):
    index = home.erase(home.digests[0], decided=home.leaf(1))
    assert home.broken().index == index


@pytest.mark.parametrize("scope", ["system:x", "system:y"])
def test_an_erasure_of_a_blob_that_no_entry_of_its_scope_names_is_found(home, scope):
    digest = home.digests[0] if scope == "system:y" else "0" * 64
    made = home.decide(digest, scope=scope)
    home.append(made)
    index = home.erase(digest, decided=hash_of_first(made), scope=scope)
    error = home.broken()
    assert (error.index, "no entry of its scope before it" in str(error)) == (index, True)


def test_an_erasure_beyond_the_signed_head_excuses_nothing(home):
    digest = home.digests[0]
    made = home.decide(digest)
    home.append(made)
    claim = erasure(digest, scope="system:x", reason=GROUND, decided=hash_of_first(made), seen=Circumstances(NOON))
    with home.ledger._engine.begin() as connection:  # whoever owns the database can insert, and cannot sign
        leaf = claim.seal(None)
        values = dict(zip(DERIVED, derived(claim.statement, leaf_hash=leaf_hash(leaf), supersedes=None), strict=True))
        connection.execute(sa.insert(entries).values(index=4, leaf=leaf, **values))
    home.path(digest).unlink()
    error = home.broken()
    assert f"blob {digest}: absent" in str(error)


def test_a_blob_that_was_erased_does_not_come_back(home):
    home.erase_soundly(home.digests[0])
    home.ledger.forget(home.digests[0])
    draft = home.validation(home.blobs[0])
    with pytest.raises(UsageError, match="was erased"):
        home.append(replace(draft, facts={**draft.facts, "rows": 9}), blobs=[home.blobs[0]])
    assert not home.path(home.digests[0]).exists()
    assert len(home.whole().erased) == 1


# Retention and legal holds


def test_what_retention_makes_due_needs_no_person(home):
    rule = home.declare(retention={"validation": 30})
    index = home.erase(home.digests[0], decided=home.leaf(rule), reason=RETENTION, at=LATER)
    home.ledger.forget(home.digests[0])
    [erased] = home.whole().erased
    assert (erased.index, erased.decided, erased.by) == (index, rule, None)
    assert "the time for which it is kept has ended" in erased.words


@pytest.mark.parametrize(
    ("declared", "days"),
    [
        ({"retention": {"validation": 30}}, 29),  # not due yet
        ({"retention": {"anchor": 1}}, 99),  # of another kind
        ({}, 99),
    ],
)
def test_retention_that_has_not_passed_is_no_decision(home, declared, days):
    rule = home.declare(**declared)
    at = NOON + timedelta(days=days)
    index = home.erase(home.digests[0], decided=home.leaf(rule), reason=RETENTION, at=at)
    error = home.broken()
    assert (error.index, "no declaration whose retention" in str(error)) == (index, True)


def test_an_erasure_dated_ahead_of_its_head_does_not_make_retention_pass(home):
    rule = home.declare(retention={"validation": 30})
    ahead = LATER - timedelta(days=1, seconds=1)
    index = home.erase(home.digests[0], decided=home.leaf(rule), reason=RETENTION, at=LATER, signed=ahead)
    error = home.broken()
    assert (error.index, "dated after the head that covers it" in str(error)) == (index, True)


def test_a_signer_whose_clock_is_a_day_behind_is_no_alarm(home):
    rule, ahead = home.declare(retention={"validation": 30}), LATER - timedelta(days=1)
    home.erase(home.digests[0], decided=home.leaf(rule), reason=RETENTION, at=LATER, signed=ahead)
    home.append(home.decide(home.digests[1]), now=LATER)  # under a later head
    home.path(home.digests[0]).unlink()
    assert len(home.whole().erased) == 1


def test_a_later_head_does_not_make_good_what_was_dated_ahead(sqlite_place, validation):
    home = Home(sqlite_place, validation)
    rule = home.declare(retention={"validation": 30})
    index = home.erase(home.digests[0], decided=home.leaf(rule), reason=RETENTION, at=LATER, signed=NOON)
    home.append(home.decide(home.digests[1]), now=LATER)
    with pytest.raises(IntegrityError, match="dated after the head") as caught:
        verify(home.ledger)
    assert caught.value.index == index
    [_, copy] = home.places()
    assert (code := home.alone(copy))[0] == 3, code


HOLD = {**HELD, "scope": "y", "kinds": None}
UNREADABLE = [
    *[{"retention": {"validation": days}} for days in ("30", True, 30.5, 0, 36_501, None)],
    {"retention": {"validation": 30, "model-run": 30}},
    {"retention": ["validation", 30]},
    *[{"retention": {"validation": 30}, "legal_holds": holds} for holds in ({}, [7], [HELD], [HOLD, HOLD])],
    *[
        {"retention": {"validation": 30}, "legal_holds": [{**HOLD, **change}]}
        for change in (
            *({"id": wrong} for wrong in ("", "Case", "case 7", "c" * 61, 7, "case\n")),
            *({"reason": wrong} for wrong in ("", " ", "A claim. ", "x" * 2001, None)),
            *({"since": wrong} for wrong in ("2026-3-1", "2026-02-30", "20260301", "2026-03-01T00:00:00", 1772323200)),
            *({"kinds": wrong} for wrong in ("validation", ["model-run"], [7], {})),
            {"scope": None},
            {"until": "2027-01-01"},
        )
    ],
    ["retention"],
    "retention",
]


def declare_as_it_is(home, organisation):
    """As whoever may append can, with or without our models."""
    made = look_at_organisation(Organisation(id="o", title="O", roles={}), systems=[], seen=Circumstances(NOON)).drafts
    [index] = home.append(*[replace(draft, facts={**draft.facts, "organisation": organisation}) for draft in made])
    return index


@pytest.mark.parametrize(
    "organisation",
    [pytest.param(each, marks=[pytest.mark.nightly] if number % 5 else []) for number, each in enumerate(UNREADABLE)],
)
def test_a_declaration_that_cannot_be_read_decides_nothing_whoever_reads(sqlite_place, validation, organisation):
    home = Home(sqlite_place, validation)
    rule = declare_as_it_is(home, organisation)
    index = home.erase(home.digests[0], decided=home.leaf(rule), reason=RETENTION, at=LATER)
    error = home.broken()
    assert (error.index, "no declaration whose retention" in str(error)) == (index, True)


def test_of_a_declaration_only_what_is_said_of_keeping_is_read_whoever_reads(home):
    organisation = {"retention": {"validation": 30}, "legal_holds": [HOLD], "roles": 7, "anchors": "?", "of": "later"}
    rule = declare_as_it_is(home, organisation)
    home.erase(home.digests[0], decided=home.leaf(rule), reason=RETENTION, at=LATER)
    home.ledger.forget(home.digests[0])
    [erased] = home.whole().erased
    assert erased.decided == rule


@pytest.mark.parametrize("before", [{"retention": {"validation": 90}}, {}])
def test_a_shorter_retention_waits_for_approval(home, before):
    home.declare(**before)
    rule = home.declare(retention={"validation": 30})
    index = home.erase(home.digests[0], decided=home.leaf(rule), reason=RETENTION, at=LATER)
    assert home.broken().index == index


@pytest.mark.parametrize("scope", ["x", "organisation"])
@pytest.mark.parametrize("covered", [None, ["validation"]])
def test_a_legal_hold_wins_over_a_decision_and_over_retention(home, scope, covered):
    hold = {**HELD, "scope": scope, "kinds": covered}
    rule = home.declare(retention={"validation": 30}, legal_holds=[hold])
    home.declare(retention={"validation": 30})  # taking it away waits for approval
    index = home.erase(home.digests[0], decided=home.leaf(rule), reason=RETENTION, at=LATER)
    error = home.broken()
    assert (error.index, "the legal hold 'case-7' covers the blob" in str(error)) == (index, True)


def test_a_hold_on_something_else_keeps_nothing(home):
    home.declare(legal_holds=[{**HELD, "scope": "y"}, {**HELD, "id": "b", "kinds": ["anchor"]}])
    home.erase_soundly(home.digests[0])
    assert len(home.whole().erased) == 1


def test_a_bundle_of_one_scope_shows_what_stood_when_its_blob_was_erased(home):
    """The hold that moved here never stood: the declaration before it shows that, and no entry of the scope does."""
    home.declare(retention={"validation": 30}, legal_holds=[{**HELD, "scope": "y"}])
    rule = home.declare(retention={"validation": 30}, legal_holds=[{**HELD, "scope": "x"}])
    home.erase(home.digests[0], decided=home.leaf(rule), reason=RETENTION, at=LATER)
    home.path(home.digests[0]).unlink()
    assert len(home.whole().erased) == 1
    path = home.place.home / "scope.zip"
    chosen = bundle.Selection(scope="system:x")
    bundle.write_bundle(path, reader=home.ledger, prover=home.ledger, selection=chosen, verifier=VERIFIER)
    assert len(verify_bundle(path).erased) == 1
    assert home.alone(path)[0] == 1


def test_a_hold_that_came_after_the_erasure_changes_nothing(home):
    home.erase_soundly(home.digests[0])
    home.declare(legal_holds=[HELD])
    assert len(home.whole().erased) == 1


def test_every_kind_that_may_name_a_blob_can_be_retained_and_held():
    assert set(get_args(KindWithBlobs)) == set(kinds.WITH_BLOBS)
