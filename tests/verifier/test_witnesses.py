"""What witnesses cosigned: of a ledger and of its bundle, the package and the verifier alone give one verdict."""

import re
import time
from datetime import timedelta

import pytest

from affidavit.anchor.evidence import Anchored, body
from affidavit.cli.verify import _say_anchoring
from affidavit.errors import IntegrityError
from affidavit.evidence import Circumstances
from affidavit.pipeline.verifying import examine
from affidavit.projections.anchoring import COPY, WITNESS
from affidavit.projections.reader import Head
from affidavit.publish.bundle import Selection
from affidavit.publish.bundle_verification import verify_bundle
from affidavit.tlog import cosignature
from affidavit.tlog.note import COSIGNATURE, SigningKey
from affidavit.tlog.policy import parse_policy
from tests import rotations
from tests.conftest import NOON
from tests.rotations import WITNESSES
from tests.verifier.conftest import write
from tests.verifier.mutants import packed, unpacked

STRANGER = SigningKey("stranger.example/1", COSIGNATURE, b"s" * 32)
POLICY = "".join(f"witness w{n} {key.public.text}\n" for n, key in enumerate(WITNESSES, 1)) + "group two 2 w1 w2 w3\n"


class Watched:
    """A ledger whose heads witnesses cosign, and every verdict about it and about a bundle of one of its entries."""

    def __init__(self, place, verifier, alias, file):
        self.place, self.verifier, self.alias, self.file, self.count = place, verifier, alias, file, 0
        with rotations.create(place) as ledger:
            self.named = ledger.key.text
        self.append(3)

    def append(self, count=1):
        with self.place.write() as ledger:
            for _ in range(count):
                self.count += 1
                ledger.append([self.alias(str(self.count))], now=NOON)

    def append_at(self, minutes):
        self.count += 1
        with self.place.write() as ledger:
            ledger.append([self.alias(str(self.count))], now=NOON + timedelta(minutes=minutes))

    @property
    def head(self):
        with self.place.read() as ledger:
            return ledger.head()

    def cosign(self, *keys, head=None, means=WITNESS, minutes=0, text=None):
        """An anchor entry for each of these keys, as the honest ledger has it, or as its owner can plant it."""
        head, time = head or self.head, NOON + timedelta(minutes=minutes)
        for key in keys:
            line = cosignature.cosign(body(head), key, time=int(time.timestamp())).line + "\n"
            made = Anchored(key.name, means, key.name, head, time, cosignature=line if text is None else text)
            with self.place.write() as ledger:
                ledger.append([made.draft(Circumstances(time))], now=NOON)

    @property
    def ledger(self):
        return self.place.home / "ledger.db"

    def bundle(self, entries="1"):
        path = self.place.home / "bundle.zip"
        with self.place.read() as ledger:
            write(path, ledger, Selection.of(scope=None, entries=entries))
        return path

    def verdicts(self, quorum="two", entries="1"):
        """Exit code, size and ``by``, of each of the four ways; where it is broken what was said, without the place."""
        text = f"log {self.named}\n{POLICY}quorum {quorum}\n"
        self.file.write_text(text)
        policy, bundle = parse_policy(text), self.bundle(entries)
        with self.place.read() as ledger:
            return [
                ours(lambda: examine(ledger, policy=policy)),
                ours(lambda: verify_bundle(bundle, policy=policy)),
                self.theirs(self.ledger),
                self.theirs(bundle),
            ]

    def theirs(self, path):
        code, said = self.verifier(path, "--policy", self.file)
        if code == 3:
            return 3, said.removeprefix("BROKEN: ").strip(), 0
        known = re.search(r"^anchoring: (\d+) entries known to (.*) since ", said, re.MULTILINE)
        left = re.search(r"^anchoring: (\d+) entries not known to any outsider", said, re.MULTILINE)
        assert ("NOT ESTABLISHED: " in said) == (code == 1)
        return code, (int(known[1]), known[2]) if known else (0, ""), int(left[1])


def ours(examined):
    try:
        done = examined()
    except IntegrityError as error:
        return 3, error.problem, 0
    found = done.anchoring
    return 0 if done.established else 1, (found.size, ", ".join(found.by)), found.unanchored


@pytest.fixture
def watched(sqlite_place, verifier, alias, tmp_path):
    return Watched(sqlite_place, verifier, alias, tmp_path / "policy.txt")


def test_where_no_witness_was_asked_nothing_is_broken_and_nothing_established(watched):
    assert watched.verdicts() == [(1, (0, ""), 4)] * 4
    assert watched.verdicts("none") == [(0, (0, ""), 4)] * 4


def test_a_quorum_over_a_prefix_establishes_it_and_the_rest_is_counted(watched):
    watched.cosign(*WITNESSES[:2], head=watched.head)
    watched.append(2)
    assert watched.verdicts() == [(0, (4, "w1, w2"), 4)] * 4
    assert watched.verdicts(entries="0-7") == [(0, (4, "w1, w2"), 4)] * 4
    assert watched.verdicts("none") == [(0, (4, "w1"), 4)] * 4
    _, said = watched.verifier(watched.ledger, "--policy", watched.file)
    assert "anchoring: 4 entries not known to any outsider, 2 of them only record anchors" in said


def test_the_quorum_reaches_as_far_as_the_witness_that_lags(watched):
    watched.cosign(*WITNESSES[:2], head=watched.head)
    watched.append(2)
    watched.cosign(WITNESSES[0], minutes=5)
    assert watched.verdicts() == [(0, (4, "w1, w2"), 5)] * 4
    assert watched.verdicts("w1") == [(0, (8, "w1"), 1)] * 4


def test_less_than_the_quorum_is_not_established(watched):
    for _ in range(2):
        watched.cosign(WITNESSES[0])
    assert watched.verdicts() == [(1, (0, ""), 6)] * 4
    assert watched.verdicts("w1") == [(0, (5, "w1"), 1)] * 4


@pytest.mark.parametrize("size", [3, 4, 99])
def test_a_cosignature_of_another_history_is_broken_and_named(watched, size):
    watched.cosign(*WITNESSES[:2])
    other = Head(watched.head.origin, size, b"f" * 32, NOON, "")
    watched.cosign(WITNESSES[2], head=other)
    said = {
        99: "w3 signed a head of 99 entries, and the log has 7",
    }.get(size, f"w3 signed another history of this log: its head of {size} entries is no prefix")
    assert watched.verdicts() == [(3, said, 0)] * 4
    assert watched.verdicts("none") == [(3, said, 0)] * 4
    watched.file.write_text(f"log {watched.named}\nquorum none\n")
    assert watched.theirs(watched.bundle())[0] == 0  # of a witness that the auditor never named nothing is believed


def test_an_unknown_key_a_copy_and_what_is_no_cosignature_count_for_nothing(watched):
    head = watched.head
    watched.cosign(STRANGER, *[SigningKey(each.name, COSIGNATURE, b"x" * 32) for each in WITNESSES])
    watched.cosign(*WITNESSES, means=COPY)
    watched.cosign(*WITNESSES, head=Head("another.example", 2, head.root, NOON, ""))
    watched.cosign(WITNESSES[0], head=Head(head.origin, head.size, b"f" * 32, NOON, ""), text="nonsense")
    line = cosignature.cosign(body(head), WITNESSES[1], time=1).line
    watched.cosign(WITNESSES[1], head=head, text=f"more\n\n{line}\n")
    size = watched.head.size
    assert watched.verdicts() == [(1, (0, ""), size)] * 4
    assert watched.verdicts("none") == [(0, (0, ""), size)] * 4


def test_a_cosignature_that_does_not_hold_under_a_key_of_the_policy_is_named_by_all(watched):
    """It counts for nothing, and leaves a doubt even where the quorum knows the log: nobody honest records it."""
    watched.cosign(*WITNESSES[:2], head=watched.head)
    head = watched.head
    line = cosignature.cosign(body(head), WITNESSES[1], time=1).line
    watched.cosign(WITNESSES[1], head=Head(head.origin, head.size, b"f" * 32, NOON, ""), text=line + "\n")
    watched.append()
    # Whoever makes a bundle has no key to tell by: it holds the newest in the name of each, and so knows less.
    short = (1, (0, ""), 8)
    assert watched.verdicts(entries="6") == [(1, (4, "w1, w2"), 4), short] * 2
    doubt = f"entry 6: the signature of {WITNESSES[1].name!r} does not hold"
    policy, path = parse_policy(watched.file.read_text()), watched.bundle("6")
    with watched.place.read() as ledger:
        assert examine(ledger, policy=policy).anchoring.doubts == (doubt,)
    assert verify_bundle(path, policy=policy).anchoring.doubts[0] == doubt
    for shown in (watched.ledger, path):
        assert f"NOT ESTABLISHED: {doubt}\n" in watched.verifier(shown, "--policy", watched.file)[1]
    watched.file.write_text(f"log {watched.named}\nwitness w1 {WITNESSES[0].public.text}\nquorum w1\n")
    assert [watched.theirs(shown)[0] for shown in (watched.ledger, path)] == [0, 0]


def test_what_hides_behind_a_newer_entry_of_the_same_name_still_counts(watched):
    """The bundle's writer cannot know which key an auditor trusts, so each key's newest is there."""
    watched.cosign(*WITNESSES[:2])
    watched.append()
    watched.cosign(*[SigningKey(each.name, COSIGNATURE, b"x" * 32) for each in WITNESSES[:1]])
    assert [code for code, *_ in watched.verdicts()] == [0] * 4


def test_after_the_key_was_replaced_what_was_cosigned_before_and_after_counts(watched):
    watched.cosign(*WITNESSES[:2])
    rotations.rotate(watched.place)
    watched.append()
    assert watched.verdicts() == [(0, (4, "w1, w2"), 4)] * 4
    watched.cosign(*WITNESSES[1:], head=watched.head)
    assert watched.verdicts() == [(0, (8, "w2, w3"), 2)] * 4


def test_a_proof_in_a_bundle_that_was_changed_is_found_and_one_taken_away_anchors_nothing(watched):
    watched.cosign(*WITNESSES[:2], head=watched.head)
    assert watched.verdicts() == [(0, (4, "w1, w2"), 2)] * 4
    path, policy = watched.bundle(), parse_policy(watched.file.read_bytes())
    files = unpacked(path.read_bytes())
    proof = files["anchors/4.txt"]
    lines = proof.split(b"\n")
    for doctored in (
        {"anchors/4.txt": proof.replace(lines[1], lines[1][:5] + b"AAAA" + lines[1][9:])},
        {"anchors/4.txt": proof.replace(b"old 4", b"old 5")},
        {"anchors/4.txt": proof.replace(lines[1] + b"\n", b"AAAA\n")},
        {"anchors/4.txt": lines[0]},
        {"anchors/4.txt": b"\xff" + proof},
        {"anchors/3.txt": proof.replace(b"old 4", b"old 3")},
    ):
        path.write_bytes(packed(files | doctored))
        with pytest.raises(IntegrityError) as found:
            verify_bundle(path, policy=policy)
        code, said, _ = watched.theirs(path)
        assert code == 3
        for words in (found.value.text, said):
            assert re.match(r"anchors/[34]\.txt: |w. signed another history", words), words
    path.write_bytes(packed({name: data for name, data in files.items() if name != "anchors/4.txt"}))
    assert not verify_bundle(path, policy=policy).established
    assert watched.theirs(path) == (1, (0, ""), 6)


def test_how_far_the_head_is_ahead_is_said_in_minutes_of_its_own_time_by_all(watched, monkeypatch, capsys):
    """From when the quorum knew, or from entry 0 on; whoever reads it later, or elsewhere, reads the same."""
    for zone in ("UTC", "Pacific/Auckland"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert set(lags(watched, capsys)) == {"4 entries not known to any outsider; 0 minutes"}
    watched.append_at(75)
    assert set(lags(watched, capsys)) == {"5 entries not known to any outsider; 75 minutes"}
    watched.cosign(*WITNESSES[:2], minutes=76)
    watched.append_at(77)
    assert {lag.partition("; ")[2] for lag in lags(watched, capsys)} == {"1 minute"}
    watched.append_at(20_000)
    assert {lag.partition("; ")[2] for lag in lags(watched, capsys)} == {f"{20_000 - 76} minutes"}
    watched.cosign(*WITNESSES[:2], minutes=30_000)  # by a witness whose clock is ahead
    assert {lag.partition("; ")[2] for lag in lags(watched, capsys)} == {"0 minutes"}
    monkeypatch.undo()
    time.tzset()


def lags(watched, capsys):
    """What each of the four ways says of what no outsider knows, without what is said of a whole ledger alone."""
    watched.verdicts()
    policy, bundle = parse_policy(watched.file.read_bytes()), watched.bundle()
    with watched.place.read() as ledger:
        done = examine(ledger, policy=policy)
    _say_anchoring(done.anchoring, done.anchoring.lag_minutes)
    found = verify_bundle(bundle, policy=policy)
    _say_anchoring(found.anchoring, found.lag_minutes)
    said = capsys.readouterr().out
    for path in (watched.ledger, bundle):
        said += watched.verifier(path, "--policy", watched.file)[1]
    lines = re.findall(r"^anchoring: (.* not known .*) as of the head's own time$", said, re.MULTILINE)
    assert len(lines) == 4
    return [re.sub(", .* only record anchors", "", line) for line in lines]
