"""Doctored ledgers, blobs, cosignatures and policies: each mutant is found by both verifiers, and named.

The slice of every day tries some of each class; ``make nightly`` tries 1,000, and 100 in Postgres.
Bundles are tried in ``tests/verifier``.

What must be ignored, with the test that says so:

* what nothing signs and nothing reads: lines by unknown keys (``test_what_a_note_may_hold_besides``), a head between
  two others where the link over it was mended (``test_a_head_less_whose_successor_was_mended_is_not_missed``);
* what the stand-alone verifier does not read: derived columns and nodes (here, class by class);
* what nobody vouches for yet: entries beyond the newest head are counted, and nothing is established
  (``test_without_its_newest_head_a_ledger_is_not_established``);
* what an auditor changes in their own policy: other words for the same, or less asked for (``signed.IGNORED``).

Another spelling of the same statement is found: what was signed are bytes.
"""

import re
from collections import Counter
from random import Random

import psycopg
import pytest

from affidavit.errors import AffidavitError
from affidavit.tlog.note import Note
from tests.rotations import WITNESSES
from tests.tampering.blobs import BLOB
from tests.tampering.entries import (
    COLUMN,
    LEAF,
    NODE,
    leaf_that_is_gone_without_a_gap,
    leaf_that_was_put_in,
    named_entry,
)
from tests.tampering.ground import HEADS, policy_lines
from tests.tampering.heads import HEAD
from tests.tampering.mutant import anything, turns
from tests.tampering.postgres import PostgresOwner
from tests.tampering.signed import COSIGNATURES, HOLDS_NOT, IGNORED, POLICIES

EACH, ALL = 60, 1000
CLASSES = {"leaf": LEAF, "derived column": COLUMN, "node": NODE, "checkpoint": HEAD, "blob": BLOB}
KNOWN = {f"{key.name}+{key.public.id.hex()}" for key in WITNESSES}
LINE = re.compile(
    r"^(BROKEN: )?(checkpoint\.txt|proofs/0\.tlog-proof|the head): "
    r"(the (co)?signature of '|not a signature line: |'.*' cannot be a key's name|.*control character in line \d)"
)
"""A cosignature that does not hold is named by its file, and by its key or, where it cannot be read, by its line."""
slices = [pytest.param(0, EACH, id="slice"), pytest.param(EACH, ALL, id="whole", marks=pytest.mark.nightly)]


@pytest.mark.parametrize(("first", "count"), slices)
@pytest.mark.parametrize("name", CLASSES)
def test_each_mutant_of_a_ledger_is_found_and_named(name, first, count, owner, alone, tmp_path):
    """Half of them in a database that was made anew without keys, types and NOT NULL: the schema is its owner's too."""
    policy = tmp_path / "policy"
    policy.write_text(policy_lines(owner.key, quorum="none"))
    wrong = []
    for label, way, chance in turns(CLASSES[name], count, name, first=first):
        owner.restore(loose=chance.random() < 0.5)
        mutant = way(owner, chance)
        owner.do(*mutant.changes)
        found = owner.ours()
        if not isinstance(found, AffidavitError) or not mutant.ours(found.text):
            wrong.append((label, found))
        code, said = alone(owner.home / "ledger.db", "--policy", policy, "--blobs", owner.home / "blobs")
        broken = code == 3 or (name == "blob" and code == 2)
        good = code == 0 if mutant.theirs is None else broken and mutant.theirs(said)
        if mutant.theirs is anything:
            good = code in {0, 1, 3} and "Traceback" not in said
        if not good:
            wrong.append((label, code, said))
        if name == "blob":
            owner.restore_blobs()
    assert wrong == []
    owner.restore()
    assert owner.ours().established


@pytest.mark.parametrize(
    ("first", "count"), [pytest.param(0, 3, id="slice"), pytest.param(3, 100, id="whole", marks=pytest.mark.nightly)]
)
def test_each_mutant_of_a_ledger_in_postgres_is_found_and_named(first, count, postgres_url, tmp_path):
    """The ways are those of SQLite. What Postgres refuses to hold, for its type or key, is no mutant of it."""
    for folder in ("ground", "owned"):
        (tmp_path / folder).mkdir()
    owner = PostgresOwner.at(postgres_url, tmp_path / "ground", tmp_path / "owned")
    wrong, tried = [], Counter()
    for name, ways in CLASSES.items():
        for label, way, chance in turns(ways, count, name, first=first):
            owner.restore()
            mutant = way(owner, chance)
            try:
                owner.do(*mutant.changes)
            except psycopg.Error:
                continue
            found = owner.ours()
            tried[name] += 1
            if not isinstance(found, AffidavitError) or not mutant.ours(found.text):
                wrong.append((label, found))
            if name == "blob":
                owner.restore_blobs()
    assert wrong == []
    assert min(tried[name] for name in CLASSES) >= count // 2
    owner.restore()
    assert owner.ours().established


class Said(Random):
    """Chooses what it was told to, as far as that goes."""

    def __init__(self, *numbers):
        super().__init__(0)
        self.numbers = list(numbers)

    def randrange(self, *bounds):
        return self.numbers.pop(0) if self.numbers else super().randrange(*bounds)


def test_a_leaf_taken_out_or_put_in_before_a_rotation_is_named_and_not_the_rotation(owner, alone):
    """It moves the entry that says who signs, and that is what is noticed first."""
    after = owner.rotation
    wrong = []
    for way, index in (
        (leaf_that_is_gone_without_a_gap, 1),
        (leaf_that_is_gone_without_a_gap, after - 5),
        (leaf_that_is_gone_without_a_gap, after - 1),
        (leaf_that_was_put_in, 1),
        (leaf_that_was_put_in, after - 1),
        (leaf_that_was_put_in, after),
    ):
        owner.restore()
        mutant = way(owner, Said(index, 1))
        owner.do(*mutant.changes)
        found, (_, said) = owner.ours(), alone(owner.home / "ledger.db", "--blobs", owner.home / "blobs")
        if not named_entry(index)(found.text) or "the log's key cannot be" in found.text:
            wrong.append((way.__name__, index, found.text))
        if not said.startswith(f"BROKEN: checkpoint of size {owner.covering(index)}: "):
            wrong.append((way.__name__, index, said))
    assert wrong == []


@pytest.mark.parametrize(("first", "count"), slices)
def test_each_mutant_of_a_cosignature_is_found_at_the_head_that_it_stands_under(first, count, bundle):
    assert bundle.ours(bundle.policy).established
    assert bundle.theirs(bundle.policy)[0] == 0
    wrong = []
    for label, way, chance in turns(COSIGNATURES, count, "cosignature", first=first):
        note = way(chance, bundle.note)
        assert note != bundle.note, label
        bundle.write(note)
        found, (code, said) = bundle.ours(bundle.policy), bundle.theirs(bundle.policy)
        refused = isinstance(found, AffidavitError)
        if code != (3 if refused else 0 if found.established else 1):
            wrong.append((label, found, code))
        elif refused and not (LINE.match(found.text) and LINE.match(said)):
            wrong.append((label, found.text, said))
        elif not refused and (way in HOLDS_NOT or not falls_short(note, bundle.size, found.anchoring, said)):
            wrong.append((label, found, said))
    assert wrong == []


def falls_short(note, size, anchoring, said):
    """A line that is gone, or by a key that the policy does not name, is no cosignature: both name whose is missed."""
    reached = {name: reached for name, reached in anchoring.witnesses if name in ("w1", "w2")}
    short = [name for name, size_of in reached.items() if size_of < size]
    told = all(f"{name} cosigned {reached[name]} entries" in said for name in reached)
    left = {f"{line.name}+{line.id.hex()}" for line in Note.parse(note).signatures} - KNOWN
    ignored = {each for each in left if not each.startswith(Note.parse(note).text.split("\n")[0] + "+")}
    named = set(anchoring.ignored) == ignored and all(f"the head by {each}," in said for each in ignored)
    return bool(short) and told and named and anchoring.size < size


@pytest.mark.parametrize(("first", "count"), slices)
def test_each_mutant_of_a_policy_is_refused_at_its_line_or_by_the_head(first, count, bundle):
    wrong = []
    for label, way, chance in turns(POLICIES, count, "policy", first=first):
        policy = way(chance, bundle.policy)
        assert policy != bundle.policy, label
        found, (code, said) = bundle.ours(policy), bundle.theirs(policy)
        if not isinstance(found, AffidavitError):
            # It asks for what nobody cosigned: both name its quorum, and what each of its witnesses did cosign.
            [doubt] = found.anchoring.doubts
            quorum = re.search(r"^quorum (.*)$", policy, re.MULTILINE)[1].strip()
            told = f"NOT ESTABLISHED: {doubt}\n" in said and f"the quorum {quorum!r} " in doubt
            reached = [f"{name} cosigned {size or 'nothing'}" for name, size in found.anchoring.witnesses]
            good = (code, found.established, told) == (1, False, True) and all(each in said for each in reached)
        elif found.exit_code == 2:
            [line] = {each[1] for each in (re.search(r"policy line (\d+): ", text) for text in (found.text, said))}
            good = code == 2 and int(line) > 0
        else:
            good = code == 3 and found.text.startswith("checkpoint.txt: ") and "your policy" in said
        if not good:
            wrong.append((label, found, code, said))
    assert wrong == []


@pytest.mark.parametrize("way", IGNORED)
def test_a_policy_in_other_words_or_that_asks_for_less_is_satisfied(way, bundle):
    policy = way(bundle.policy)
    assert policy != bundle.policy
    assert bundle.ours(policy).established
    assert bundle.theirs(policy)[0] == 0


def test_what_a_note_may_hold_besides(bundle, owner):
    """Lines by unknown keys, in any order; the same line twice; a third witness."""
    top, _, below = bundle.note.rpartition("\n\n")
    lines = below.splitlines()
    for each in (
        [*lines, "— stranger.example AAAAAAAA"],
        ["— stranger.example AAAAAAAA", *lines],
        [*lines, f"— {WITNESSES[0].name} AAAAAAAA"],
        lines[::-1],
        [*lines, *lines],
    ):
        bundle.write(f"{top}\n\n" + "\n".join(each) + "\n")
        assert bundle.ours(bundle.policy).established
        assert bundle.theirs(bundle.policy)[0] == 0
    owner.restore()
    note = owner.heads[7][HEADS.index("note")]
    for other in (note + "— stranger.example AAAAAAAA\n", note + Note.parse(note).signatures[0].line + "\n"):
        owner.do(("UPDATE checkpoints SET note = ? WHERE size = ?", (other, owner.heads[7][0])))
        assert owner.ours().established


def test_a_head_less_whose_successor_was_mended_is_not_missed(owner, alone, tmp_path):
    """It is no evidence of its own: the head after it covers the same entries, and says when."""
    owner.restore()
    size, previous, *_ = owner.heads[7]
    mended = ("UPDATE checkpoints SET previous = ? WHERE previous = ?", (previous, size))
    owner.do(("DELETE FROM checkpoints WHERE size = ?", (size,)), mended)
    assert owner.ours().established


def test_without_its_newest_head_a_ledger_is_not_established(owner, alone, tmp_path):
    """What stands beyond the newest head is counted; nobody vouches for it yet."""
    policy = tmp_path / "policy"
    policy.write_text(policy_lines(owner.key, quorum="none"))
    owner.restore()
    size = owner.heads[-1][0]
    owner.do(("DELETE FROM checkpoints WHERE size = ?", (size,)))
    found = owner.ours()
    assert (found.found.uncovered, found.established) == (size - owner.heads[-2][0], False)
    code, said = alone(owner.home / "ledger.db", "--policy", policy, "--blobs", owner.home / "blobs")
    assert (code, "stand beyond the newest signed head" in said) == (1, True)
