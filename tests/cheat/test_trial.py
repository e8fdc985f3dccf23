"""Each attack comes out as declared, and the harness says so when a defence is missing."""

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from affidavit.cheat.attacks import ALL, INSIDE, Defence
from affidavit.cheat.defences import without
from affidavit.cheat.ground import GIVEN, STAGED
from affidavit.cheat.trial import Result, exit_code, trial
from affidavit.errors import IntegrityError
from affidavit.evidence import kinds
from tests import rotations
from tests.cheat.conftest import PROGRAM, ROOT, Place
from tests.conftest import NOON
from tests.projections.story import DAY

LISTED = """edit, drop, truncate, reorder, replay, back-date, swap a blob, edit a derived column, INSERT OR REPLACE,
duplicate JSON keys, relink with a new key, relink with the stolen key, roll back to an older database,
fork for two readers, freeze, edit a checkpoint, forge a time stamp, move the cursor, plant an assessment,
doctor the verifier, erase without a decision, omit"""
BY_NAME = {attack.name: attack for attack in ALL}
ONE_EACH = {defence: next(attack for attack in ALL if defence in attack.defences) for defence in Defence}


@pytest.fixture(scope="module")
def outcomes(told, tmp_path_factory):
    """Every attack on the long ledger, and the digests of its files before and after."""
    before = told.digest()
    with told.read() as ledger:
        home = tmp_path_factory.mktemp("trial")
        found = list(trial(ledger, ALL, home=home, program=PROGRAM.read_bytes(), now=NOON))
    return {outcome.attack.name: outcome for outcome in found}, before, told.digest()


def test_every_attack_that_was_asked_for_is_tried():
    names = {name.strip() for name in LISTED.replace("\n", " ").split(",")}
    assert len(names) == 22
    assert names <= set(BY_NAME)
    assert len(BY_NAME) == len(ALL)


def test_the_ledger_attacked_holds_several_hundred_entries_of_all_kinds(told):
    with told.read() as ledger:
        found = [entry.statement.kind for entry in ledger.entries()]
    assert len(found) > 200
    assert {kind.name for kind in kinds.ALL} - set(found) <= {"key-rotation", "notice", "erasure-decision", "erasure"}


@pytest.mark.parametrize("name", BY_NAME)
def test_each_attack_comes_out_as_declared(outcomes, name):
    attack, outcome = BY_NAME[name], outcomes[0][name]
    expected = Result.UNDETECTABLE
    if attack.defences:
        expected = Result.CAUGHT if INSIDE.issuperset(attack.defences) else Result.ONLY_WITH
    assert outcome.result is expected, outcome
    assert outcome.done
    assert [each.defence for each in outcome.tried] == list(attack.defences)
    assert all(each.with_it and not each.without_it for each in outcome.tried), outcome
    assert bool(outcome.why) == (not attack.defences)


def test_what_takes_no_secret_is_tried_on_the_given_ledger(outcomes):
    for outcome in outcomes[0].values():
        assert outcome.ground == (STAGED if outcome.attack.staged else GIVEN), outcome.attack.name


def test_the_ledger_itself_is_not_touched(outcomes):
    assert outcomes[1] == outcomes[2]


def test_all_as_declared_is_exit_code_0(outcomes):
    assert exit_code(list(outcomes[0].values())) == 0


@pytest.mark.parametrize("defence", [*sorted(INSIDE), Defence.STAMPS])
def test_a_defence_that_is_gone_is_said_to_have_missed(told, tries, defence):
    attack = ONE_EACH[defence]
    with without(defence):
        found = tries(told, [attack])
    assert [outcome.result for outcome in found] == [Result.MISSED], found
    assert defence.value in found[0].why
    assert exit_code(found) == 3


@pytest.mark.parametrize("defence", sorted(set(Defence) - INSIDE - {Defence.STAMPS}))
def test_what_an_auditor_brings_must_matter(told, tries, defence):
    """The attack is given what is to catch it in either run: then nothing shows that it was this that caught it."""
    attack = ONE_EACH[defence]
    found = tries(told, [replace(attack, defences=(defence,), given=attack.given | {defence})])
    assert [outcome.result for outcome in found] == [Result.UNSHOWN], found
    assert exit_code(found) == 1


def test_a_defence_that_is_not_what_caught_it_is_not_shown_to_matter(told, tries):
    found = tries(told, [replace(BY_NAME["edit"], defences=(Defence.COLUMNS,))])
    assert [outcome.result for outcome in found] == [Result.UNSHOWN]
    assert "found without step 5" in found[0].why
    assert exit_code(found) == 1


def test_what_is_caught_although_it_is_declared_not_to_be_is_said(told, tries):
    found = tries(told, [replace(BY_NAME["edit"], defences=(), because="nobody looks")])
    assert [outcome.result for outcome in found] == [Result.UNSHOWN]
    assert "its bytes are not those that were signed" in found[0].why


def test_what_the_named_defence_does_not_find_is_missed(told, tries):
    found = tries(told, [replace(BY_NAME["plant a fact that looks true"], defences=(Defence.NOTED,))])
    assert [outcome.result for outcome in found] == [Result.MISSED]
    assert exit_code(found) == 3


def test_a_ledger_of_one_entry_is_no_ground_and_the_small_one_is(tmp_path, tries):
    home = tmp_path / "young"
    home.mkdir()
    place = Place(f"sqlite:///{home}/ledger.db", home)
    rotations.create(place).close()
    found = tries(place, [attack for attack in ALL if not attack.staged])
    assert [outcome.why for outcome in found if outcome.why and outcome.attack.defences] == []
    assert exit_code(found) == 0
    assert {outcome.ground for outcome in found} == {STAGED}


def test_without_the_stand_alone_verifier_the_attack_on_it_is_not_tried(told, tmp_path):
    with told.read() as ledger:
        found = list(trial(ledger, [BY_NAME["doctor the verifier"]], home=tmp_path, program=b"", now=NOON))
    assert [outcome.result for outcome in found] == [Result.UNTRIED]
    assert "not at hand" in found[0].why
    assert exit_code(found) == 1


def test_a_ledger_that_is_broken_already_is_refused(told, tmp_path, tries):
    home = tmp_path / "broken"
    shutil.copytree(told.home, home)
    blob = next(path for path in (home / "blobs").rglob("*") if path.is_file())
    blob.write_bytes(b"another")
    with pytest.raises(IntegrityError, match="it is broken as it stands: blob"):
        tries(Place(f"sqlite:///{home}/ledger.db", home), ALL)


def test_a_ledger_in_postgres_is_copied_and_attacked_alike(postgres_url, tmp_path, tries):
    home = tmp_path / "postgres"
    home.mkdir()
    place = Place(postgres_url, home)
    rotations.create(place).close()
    place.tell(range(6))
    with place.read() as ledger:
        before = (ledger.head(), [entry.leaf for entry in ledger.entries()])
    found = tries(place, [attack for attack in ALL if not attack.staged])
    assert exit_code(found) == 0
    assert {outcome.ground for outcome in found} == {GIVEN}
    with place.read() as ledger:
        assert (ledger.head(), [entry.leaf for entry in ledger.entries()]) == before


def test_a_ledger_whose_key_was_replaced_is_attacked_alike(tmp_path, tries):
    home = tmp_path / "replaced"
    home.mkdir()
    place = Place(f"sqlite:///{home}/ledger.db", home)
    rotations.create(place).close()
    place.tell(range(3))
    rotations.rotate(place, now=NOON + 3 * DAY)
    place.tell(range(4, 8))
    found = tries(place, [attack for attack in ALL if not attack.staged])
    assert [outcome.why for outcome in found if outcome.why and outcome.attack.defences] == []
    assert exit_code(found) == 0
    assert {outcome.ground for outcome in found} == {GIVEN}


def test_attacks_load_nothing_of_the_verifier():
    script = (
        "import sys, affidavit.cheat.attacks\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('affidavit.')}\n"
        "print(*sorted(rooms))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cheat", "errors", "evidence", "tlog"]


def test_the_threat_model_names_every_attack():
    text = (ROOT / "docs/threat-model.md").read_text()
    for attack in ALL:
        assert f"`{attack.name}`" in text, attack.name
