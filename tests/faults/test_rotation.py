"""A key that is replaced: the writer killed at each call that changes what the disk holds, then asked again."""

import shutil

import pytest

from affidavit.ledger import Ledger, LocalSigner
from affidavit.pipeline.verifying import examine
from affidavit.tlog import rotation
from affidavit.tlog.policy import parse_policy
from bench.ledgers import draft
from tests.faults import story, trace
from tests.rotations import RECOVERY

pytestmark = pytest.mark.faults


@pytest.fixture
def asked(home):
    """A ledger of a few entries, whose new key was asked for and authorised; nothing is applied."""
    place = story.Place(home / "asked")
    signer = LocalSigner.generate(place.key)
    made = {"signer": signer, "now": story.NOW, "recovery": RECOVERY.public}
    with Ledger.create(place.database, blobs=place.blobs, **made) as ledger:
        ledger.append([draft(1), draft(2)], now=story.NOW)
    with place.read() as ledger:
        meant = ledger.rotation(LocalSigner.succeed(place.key, origin=ledger.key.name).vkey)
    (place.disk / "authorised.txt").write_text(rotation.sign(meant, RECOVERY))
    return place, meant


CASES = {"SIGKILL": "kill", "SIGKILL in the midst of a write": "torn"}


@pytest.mark.parametrize("name", CASES)
def test_whoever_replaces_the_key_at_each_write_side_call(name, worker, asked, home, tally):
    """Before: the old key signs on, or whoever holds it is told. After the same call again: the new one signs."""
    fault, (template, meant) = CASES[name], asked
    honest, log = story.Place(home / "honest"), home / "honest.log"
    shutil.copytree(template.disk, honest.disk)
    assert worker.run("rotate", honest, home / "honest.told", log=str(log)) == 0
    points = [call.on(honest.disk) for call in trace.read(log) if call.name != "mark"]
    assert len(points) > 10
    with honest.read() as ledger:
        leaves = [entry.leaf for entry in ledger.entries()]
    policy = parse_policy(f"log {meant.old.text}\nquorum none\n")
    for at, point in enumerate(points, 1):
        what, place = f"{name} at call {at}, {point}", story.Place(home / str(at))
        shutil.copytree(template.disk, place.disk)
        if worker.run("rotate", place, home / f"{at}.told", fault=fault, at=at) != -9:
            tally.wrong.append(f"{what}: it was not killed")
        tally.points[name] += 1
        with place.read() as ledger:
            found = examine(ledger, policy=policy)
            if not found.established or found.found.entries not in (3, 4):
                tally.corrupt.append(f"{what}: {found.author}, {found.found.entries} entries")
        told = home / f"{at}.again"
        story.rotate(place, story.Told(told))
        if story.heard(told) != story.heard(home / "honest.told")[:1]:
            tally.wrong.append(f"{what}: asked again, it said {story.heard(told)}")
        with place.write() as ledger:
            ledger.append([draft(3)], now=story.NOW)
            done = examine(ledger, policy=policy)
            if [entry.leaf for entry in ledger.entries(0, 4)] != leaves or ledger.key != meant.new:
                tally.wrong.append(f"{what}: not what an honest run holds")
            if not done.established or "replaced at entry 3 under the recovery key" not in done.author:
                tally.corrupt.append(f"{what}: {done.author}")
        if place.key.with_name(place.key.name + ".next").exists():
            tally.wrong.append(f"{what}: the new key lies beside its place")
        shutil.rmtree(place.disk)
    assert tally.bad() == []
