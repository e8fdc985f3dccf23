"""Erasing what was collected from a real table: the blob, and what our pages and staged looks hold of it."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from affidavit.errors import LedgerUnavailable, UsageError
from affidavit.evidence.naming import named_blobs
from affidavit.ledger import Ledger, verify
from affidavit.pipeline import collection, erasing, posture
from tests.pipeline.conftest import ORGANISATION

GROUND = "data-subject-request"
HOLD = {"id": "case-7", "scope": "loans", "reason": "A claim.", "since": "2026-03-01"}


@pytest.fixture
def collected(project):
    project.collect()
    return project


def digest_of(project, number=-1):
    [digest] = named_blobs(project.entries(kind="validation")[number].statement)
    return digest


def erase(project, digest, **changes):
    return erasing.erase(project.workplace, digest, **{"reason": GROUND, "by": "p-1", "now": project.now, **changes})


def blob_file(project, digest):
    return Path(project.root / ".affidavit/blobs" / digest[:2] / digest)


def organise(project, **fields):
    project.write("include/organisation.yaml", {**ORGANISATION, **fields})
    project.collect("organisation")


def verified(project):
    with project.workplace.reader() as ledger:
        return verify(ledger)


def test_an_erased_blob_is_gone_from_store_pages_and_staged_looks(collected):
    work, digest = collected.workplace, digest_of(collected)
    posture.publish(work, now=collected.now)
    with work.reader() as ledger:
        blob = ledger.blob(digest)
    entry = collected.entries(kind="validation")[0]
    look = collection.Look("table:loans-train", (), enumerated=1, read=1, blobs=(blob,))
    other = collection.Look("table:loans-train", (), enumerated=1, read=1, blobs=(b"another",))
    keys = [work.staging.put(each) for each in (look, other)]
    page = work.settings.site_dir / f"data-docs/{digest}.html"
    assert page.exists()
    done = erase(collected, digest)
    assert not blob_file(collected, digest).exists()
    assert not page.exists()
    assert {path.name for path in (collected.root / ".affidavit/staging").iterdir()} == {keys[1]}
    posture.publish(work, now=collected.now)
    assert done.words in page.read_text()
    assert "a person asked that data about them be erased" in done.words
    assert f"../entries/{entry.index}.html" in page.read_text()
    assert posture.publish(work, now=collected.now).data_docs == 0
    assert [each.blob for each in verified(collected).erased] == [digest]


def test_a_site_that_is_built_anew_says_what_was_erased(collected):
    digest = digest_of(collected)
    done = erase(collected, digest)
    report = posture.publish(collected.workplace, now=collected.now)
    assert report.data_docs == 0
    assert done.words in (collected.workplace.settings.site_dir / f"data-docs/{digest}.html").read_text()


def test_what_is_looked_at_after_an_erasure_is_recorded_anew_once(collected):
    digest = digest_of(collected)
    erase(collected, digest)
    sizes = []
    for _ in range(3):
        collected.tomorrow()
        collected.collect()
        sizes.append(collected.size())
    assert digest_of(collected) != digest
    assert len(collected.entries(kind="validation")) == 2
    assert [b - a for a, b in pairwise(sizes)] == [1, 1]  # the collection alone
    assert len(verified(collected).erased) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": ""}, "--reason: not a ground"),
        ({"reason": "Mrs Smith asked"}, "--reason: not a ground"),
        ({"reason": "retention-ended"}, "--reason: not a ground"),
        ({"by": ""}, "--decided-by: not a pseudonym"),
        ({"by": "Mary Smith"}, "--decided-by: not a pseudonym"),
        ({"digest": "0" * 64}, "no entry names the blob"),
        ({"digest": "nothing"}, "no entry names the blob"),
        ({"digest": ""}, "no entry names the blob"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(collected, changes, said):
    digest, before = digest_of(collected), collected.size()
    with pytest.raises(UsageError, match=said):
        erase(collected, changes.pop("digest", digest), **changes)
    assert collected.size() == before
    assert blob_file(collected, digest).exists()


def test_an_erased_blob_is_erased_once(collected):
    digest = digest_of(collected)
    done = erase(collected, digest)
    before = collected.size()
    with pytest.raises(UsageError, match="was erased on 2026-03-14 because a person asked"):
        erase(collected, digest, reason="no-longer-needed")
    assert collected.size() == before == done.index + 1


@pytest.mark.parametrize("again", ["decision", "retention"])
def test_what_a_dead_process_left_is_removed_by_the_next_call(collected, monkeypatch, again):
    digest = digest_of(collected)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "forget", die)
        with pytest.raises(KeyboardInterrupt):
            erase(collected, digest)
    assert blob_file(collected, digest).exists()
    assert [each.blob for each in verified(collected).lingering] == [digest]
    before = collected.size()
    if again == "decision":
        assert erase(collected, digest).blob == digest
    else:
        [done] = erasing.erase_expired(collected.workplace, now=collected.now).completed
        assert done.blob == digest
    assert not blob_file(collected, digest).exists()
    assert collected.size() == before
    assert verified(collected).lingering == ()


def test_a_hold_that_is_recorded_after_the_erasure_keeps_what_is_still_there(collected, monkeypatch):
    organise(collected)
    digest = digest_of(collected)
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "forget", lambda *_: None)
        erase(collected, digest)
    organise(collected, legal_holds=[HOLD])
    with pytest.raises(UsageError, match="the legal hold 'case-7' keeps the blob"):
        erase(collected, digest)
    round_ = erasing.erase_expired(collected.workplace, now=collected.now)
    assert (round_.completed, round_.held) == ((), {digest: "case-7"})
    assert blob_file(collected, digest).exists()
    assert [each.blob for each in verified(collected).lingering] == [digest]


def test_nothing_is_erased_where_another_writer_was_first(collected, monkeypatch):
    digest, before = digest_of(collected), collected.size()
    stored = Ledger.stored
    monkeypatch.setattr(Ledger, "stored", lambda ledger: stored(ledger) + 1)
    with pytest.raises(LedgerUnavailable, match="another writer was first"):
        erase(collected, digest)
    assert collected.size() == before
    assert blob_file(collected, digest).exists()


def test_retention_erases_what_is_due_and_nothing_else(project):
    organise(project, retention={"validation": 30})
    project.collect()
    first = digest_of(project)
    project.now += timedelta(days=20)
    project.sql("UPDATE loans SET region = 'west'")
    project.collect()
    second = digest_of(project)
    project.now += timedelta(days=9)
    assert erasing.erase_expired(project.workplace, now=project.now).erased == ()
    project.now += timedelta(days=2)
    [done] = erasing.erase_expired(project.workplace, now=project.now).erased
    assert (done.blob, done.by, done.reason) == (first, None, "retention-ended")
    assert not blob_file(project, first).exists()
    assert blob_file(project, second).exists()
    assert erasing.erase_expired(project.workplace, now=project.now) == erasing.Round((), (), {})
    assert [each.blob for each in verified(project).erased] == [first]


def test_a_legal_hold_wins_over_decision_and_retention(project):
    organise(project, retention={"validation": 30}, legal_holds=[HOLD])
    project.collect()
    digest = digest_of(project)
    project.now += timedelta(days=40)
    organise(project, retention={"validation": 30})  # to take it away waits for approval
    before = project.size()
    with pytest.raises(UsageError, match="the legal hold 'case-7' keeps the blob"):
        erase(project, digest)
    found = erasing.erase_expired(project.workplace, now=project.now)
    assert (found.erased, found.held) == ((), {digest: "case-7"})
    assert project.size() == before
    assert blob_file(project, digest).exists()
