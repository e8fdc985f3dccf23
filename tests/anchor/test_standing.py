"""Which prefix outsiders know: through real witnesses and a real authority, and against what must not count."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest

from affidavit.anchor.evidence import Anchored
from affidavit.errors import ConfigurationError, IntegrityError, LedgerRolledBack, SourceGarbled, SourceUnavailable
from affidavit.evidence import Circumstances
from affidavit.pipeline import anchoring
from affidavit.projections.reader import Head
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import Note
from tests.conftest import NOON


@dataclass
class Key:
    """The log's key, as a witness is told it."""

    public: object


@dataclass
class Watched:
    key: Key


def witness(number, home, url, **more):
    return {"id": f"w{number}", "means": "witness", "url": url, "key": home.key.public.text, **more}


def run(project, homes, **more):
    """All of these witnesses, running and declared."""
    stack = ExitStack()
    watched = Watched(Key(project.log_key))
    urls = [stack.enter_context(home.serving(watched)) for home in homes]
    project.declare(*(witness(n, home, url, **more) for n, (home, url) in enumerate(zip(homes, urls, strict=True))))
    return stack


def plant(project, home, checkpoint, *, time=NOON, means="witness", text=None):
    """An anchor entry as whoever holds the ledger can write one."""
    line = cosignature.cosign(checkpoint.text, home.key, time=int(time.timestamp())).line + "\n"
    head = Head(checkpoint.origin, checkpoint.size, checkpoint.root, time, Note(checkpoint.text, ()).text)
    made = Anchored("planted", means, "somewhere", head, time, cosignature=text if text is not None else line)
    with project.workplace.writer() as ledger:
        ledger.append([made.draft(Circumstances(project.now))], now=project.now)


def test_nobody_knows_anything_at_first_and_the_minutes_count(project):
    project.append(3)
    project.later(90)
    found = project.known()
    assert (found.size, found.since, found.by, found.unanchored, found.records) == (0, None, (), 4, 0)
    assert found.minutes(project.now) == 90


def test_witnesses_know_a_prefix_since_their_quorum_held(project, witnesses):
    project.append(3)
    with run(project, witnesses):
        project.later(10)
        assert len(project.anchor().anchored) == 3
        project.later(5)
        project.append(2)
    found = project.known(project.policy(witnesses))
    assert (found.size, found.by, found.unanchored, found.records) == (4, ("w0", "w1", "w2"), 5, 3)
    assert found.since == NOON + timedelta(seconds=2)
    assert found.minutes(NOON + timedelta(minutes=20)) == 20  # the statement's own time of observation
    assert project.known(project.policy(witnesses, rule="any")).since == NOON
    assert project.known(project.policy(witnesses, rule="2")).by == ("w0", "w1")
    assert project.known(project.policy(witnesses, quorum="none")).size == 4


def test_a_quorum_that_is_not_there_and_no_policy_count_for_nothing(project, witnesses):
    project.append()
    with run(project, witnesses[:2]):
        project.anchor()
    assert project.known(project.policy(witnesses[:2])).size == 2
    assert project.known(project.policy(witnesses)).size == 0
    assert project.known(None).size == 0


def test_a_witness_that_lags_behind_holds_the_quorum_back_to_what_it_knew(project, witnesses):
    project.append(2)
    with run(project, witnesses[:2]):
        project.anchor()
    project.append(2)
    with run(project, witnesses[:1]):
        project.anchor()
    assert project.known(project.policy(witnesses[:2])).size == 3
    assert project.known(project.policy(witnesses[:2], rule="any")).size == 7


def test_a_round_that_moved_nothing_hands_over_nothing(project, witnesses):
    project.append()
    with run(project, witnesses):
        assert len(project.anchor().anchored) == 3
        project.later(15)
        again = project.anchor()
        assert (again.anchored, again.current) == ((), ("w0", "w1", "w2"))
        project.append()
        assert len(project.anchor().anchored) == 3


def test_a_witness_that_is_down_keeps_no_other_from_its_turn(project, witnesses):
    project.append()
    with run(project, witnesses):
        anchors = project.workplace.organisation().model_dump(mode="json")["anchors"]
        anchors[0]["url"] = f"unix://{project.root}/nobody"
        project.declare(*({k: v for k, v in each.items() if v is not None} for each in anchors))
        done = project.anchor()
    assert [each.anchor for each in done.anchored] == ["w1", "w2"]
    [(name, error)] = done.failed
    assert (name, type(error)) == ("w0", SourceUnavailable)


def test_a_witness_that_was_asked_by_something_else_is_asked_again_from_where_it_is(project, witnesses):
    project.append(2)
    with run(project, witnesses[:1]):
        project.anchor()
        project.append(2)
        assert not project.anchor().failed
        # Another process recorded nothing of what it asked for: our last size is behind the witness's.
        project.append()
        project.declare(witness(7, witnesses[0], project.workplace.organisation().anchors[0].url))
        done = project.anchor()
    assert [each.anchor for each in done.anchored] == ["w7"]


def test_an_old_database_restored_is_found_by_the_witness(project, witnesses):
    """The signer's memory was put back with it: only an outsider still knows."""
    home = project.root / ".affidavit"
    project.append(2)
    kept = {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}
    project.append(3)
    with run(project, witnesses[:1]):
        assert not project.anchor().failed
        for path in home.iterdir():
            if path.is_file():
                path.unlink()
        for name, data in kept.items():
            (home / name).write_bytes(data)
        project.append()
        [(_, error)] = project.anchor().failed
    assert isinstance(error, LedgerRolledBack)
    assert error.exit_code == 3


def test_a_round_that_another_overtook_hands_over_the_newer_head(project, witnesses, monkeypatch):
    project.append()
    with run(project, witnesses[:1]):
        one = anchoring._witness

        def overtaken(*arguments):
            monkeypatch.setattr(anchoring, "_witness", one)
            project.append()
            assert not project.anchor().failed
            return one(*arguments)

        monkeypatch.setattr(anchoring, "_witness", overtaken)
        done = project.anchor()
    assert done.failed == ()
    assert done.anchored[0].head.size > done.head.size


def test_an_answer_that_the_declared_key_did_not_sign_is_not_recorded(project, witnesses):
    project.append()
    with run(project, witnesses[:1]):
        url = project.workplace.organisation().anchors[0].url
        project.declare(witness(1, witnesses[1], url))
        done = project.anchor()
    assert done.anchored == ()
    [(_, error)] = done.failed
    assert isinstance(error, SourceGarbled)
    assert "did not cosign" in error.problem


def test_a_cosignature_of_another_history_is_the_proof_of_a_fork(project, witnesses):
    project.append(3)
    plant(project, witnesses[0], Checkpoint(project.log_key.name, 3, b"f" * 32))
    with pytest.raises(IntegrityError, match="w0 signed another history"):
        project.known(project.policy(witnesses))
    assert project.known(None).size == 0


def test_a_cosignature_of_more_than_there_is_shows_that_entries_are_gone(project, witnesses):
    project.append()
    plant(project, witnesses[0], Checkpoint(project.log_key.name, 99, b"f" * 32))
    with pytest.raises(IntegrityError, match=r"99 entries, and the log has 3"):
        project.known(project.policy(witnesses))


@pytest.mark.parametrize("text", ["", "nonsense", "— w AAAA\n", "— witness.example/0 " + "A" * 104 + "\n"])
def test_what_is_no_cosignature_counts_for_nothing(project, witnesses, text):
    with project.workplace.reader() as ledger:
        head = ledger.head()
    plant(project, witnesses[0], Checkpoint(head.origin, head.size, head.root), text=text)
    found = project.known(project.policy(witnesses, rule="any"))
    assert (found.size, len(found.doubts)) == (0, 1)  # the quorum's: nothing is in the name of a key of the policy


def test_a_cosignature_that_does_not_hold_under_a_key_of_the_policy_is_named_whatever_the_quorum_knows(
    project, witnesses
):
    with project.workplace.reader() as ledger:
        head = ledger.head()
    good = Checkpoint(head.origin, head.size, head.root)
    plant(project, witnesses[0], good)
    assert project.known(project.policy(witnesses, rule="any")).doubts == ()
    other = cosignature.cosign(Checkpoint(head.origin, 9, head.root).text, witnesses[1].key, time=1).line
    plant(project, witnesses[1], good, text=other + "\n")
    found = project.known(project.policy(witnesses, rule="any"))
    assert found.size == head.size
    assert found.doubts == (f"entry 2: the signature of {witnesses[1].key.name!r} does not hold",)


def test_a_copy_and_a_cosignature_for_another_log_count_for_nothing(project, witnesses):
    with project.workplace.reader() as ledger:
        head = ledger.head()
    plant(project, witnesses[0], Checkpoint(head.origin, head.size, head.root), means="copy")
    plant(project, witnesses[0], Checkpoint("another.example", head.size, head.root))
    assert project.known(project.policy(witnesses, rule="any")).size == 0


def test_a_witness_of_our_own_is_a_copy(project, witnesses):
    project.append()
    with run(project, witnesses[:1], ours=True):
        [done] = project.anchor().anchored
    assert done.means == "copy"
    assert project.known(project.policy(witnesses[:1])).size == 0


def test_a_time_stamp_counts_by_the_auditors_roots_alone_and_is_no_quorum(project, authorities, witnesses):
    mine, other = authorities
    (project.root / "include/tsa.pem").write_bytes(mine.pem)
    project.append(2)
    with mine.serving() as url:
        project.declare({"id": "tsa", "means": "timestamp", "url": url, "authority": "tsa.pem"})
        [done] = project.anchor().anchored
    found = project.known(authorities=mine.pem)
    assert (found.size, found.since, found.by) == (3, done.time, (url,))
    assert (found.unanchored, found.records, found.oldest) == (1, 1, None)
    assert project.known(authorities=other.pem).size == 0
    asked = [project.known(project.policy(witnesses, quorum=name), authorities=mine.pem) for name in ("g", "none")]
    assert [(each.size, len(each.doubts)) for each in asked] == [(3, 1), (3, 0)]
    assert project.known().size == 0


def test_without_the_extra_a_time_stamp_says_what_to_install(project, authority, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    project.declare({"id": "tsa", "means": "timestamp", "url": "http://127.0.0.1:9", "authority": "tsa.pem"})
    [(_, error)] = project.anchor().failed
    assert isinstance(error, ConfigurationError)
    with pytest.raises(ConfigurationError, match=r"affidavit\[anchor\]"):
        project.known(authorities=authority.pem)


def test_roots_that_are_not_there_are_named(project):
    project.declare({"id": "tsa", "means": "timestamp", "url": "http://127.0.0.1:9", "authority": "gone.pem"})
    [(_, error)] = project.anchor().failed
    assert "gone.pem" in error.where


def test_anchors_need_what_their_means_need(project, witnesses):
    from affidavit.errors import InventoryError

    key = witnesses[0].key.public.text
    for wrong, word in (
        ({"means": "witness", "url": "https://w.example"}, "key"),
        ({"means": "witness", "url": "https://w.example", "key": key[:-4]}, "key"),
        ({"means": "witness", "url": "https://u:p@w.example", "key": key}, "credentials"),
        ({"means": "timestamp", "url": "https://t.example"}, "authority"),
        ({"means": "store", "url": "/heads", "key": key}, "key"),
        ({"means": "store", "url": "/heads", "ours": True}, "ours"),
        ({"means": "mlflow-tag", "connection": "tracking"}, "experiment"),
        ({"means": "pigeon"}, "means"),
    ):
        project.declare({"id": "a", **wrong})
        with pytest.raises(InventoryError, match=word):
            project.workplace.organisation()
    project.declare(*({"id": "a", "means": "store", "url": "/heads"} for _ in range(2)))
    with pytest.raises(InventoryError, match="second anchor"):
        project.workplace.organisation()
