"""A signer of its own: the writer, and the signer, cut off at each of their write-side calls."""

import errno
import os
import random
import shutil
import signal
from contextlib import contextmanager

import pytest

from affidavit.tlog.note import COSIGNATURE, SigningKey
from affidavit.witness.state import Memory
from tests.faults import story, trace
from tests.faults.power import Disk

pytestmark = pytest.mark.faults


@contextmanager
def signing(worker, place, home, **order):
    """The signer's program; killed at the end, where that did not happen before."""
    pid = worker.start("sign", place, home / "signer.told", below=str(place.disk / "signer"), **order)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        worker.wait(pid)


@pytest.fixture
def apart(worker, home):
    """A ledger that was just made, and the memory of its signer, to be copied."""
    place = story.Place(home / "template", socket=str(home / "socket"))
    key = SigningKey("log.example/faults", COSIGNATURE, os.urandom(32))
    place.key.parent.mkdir(parents=True)
    place.key.write_text(key.text)
    Memory.create(place.disk / "signer", key)
    with signing(worker, place, home):
        place.create().close()
    return place


def copied(apart, home, name):
    place = story.Place(home / name, socket=str(home / "socket"))
    shutil.copytree(apart.disk, place.disk)
    return place


def honest_run(worker, apart, home):
    """What was on the disk before, the calls of writer and signer in order, and the leaves at the end."""
    place, log = copied(apart, home, "honest"), str(home / "honest.log")
    before = Disk(place.disk)
    with signing(worker, place, home, log=log):
        assert worker.run("write", place, home / "honest.told", log=log) == 0
    with place.read() as ledger:
        leaves = [entry.leaf_hash.hex() for entry in ledger.entries()]
    return before, list(trace.read(home / "honest.log")), leaves


def points(calls, home, *, by_signer):
    """What each point is, of the signer's or of the writer's."""
    below = str(home / "honest" / "signer")
    mine = [call for call in calls if call.name != "mark" and call.path.startswith(below) == by_signer]
    return [call.on(home / "honest") for call in mine]


@pytest.mark.parametrize("fault", ["kill", "torn"])
def test_a_writer_killed_at_each_call(fault, worker, apart, home, tally):
    _, calls, honest = honest_run(worker, apart, home)
    for at, point in enumerate(points(calls, home, by_signer=False), 1):
        place, told = copied(apart, home, "work"), home / f"{at}.told"
        with signing(worker, place, home):
            status = worker.run("write", place, told, fault=fault, at=at)
            tally.points[f"writer beside a signer: {fault}"] += 1
            what = f"{fault} at call {at} of the writer, {point}"
            if status != -signal.SIGKILL:
                tally.wrong.append(f"{what}: ended with {status}")
            tally.go_on(place, told, honest, what)
        shutil.rmtree(place.disk)
    assert tally.bad() == []


@pytest.mark.parametrize("case", ["kill", "torn", "EIO", "ENOSPC"])
def test_a_signer_cut_off_at_each_call(case, worker, apart, home, tally):
    """Killed, it is started anew; refused, it signs nothing and is asked again."""
    _, calls, honest = honest_run(worker, apart, home)
    number = getattr(errno, case, 0)
    fault = {"fault": "fail", "errno": number} if number else {"fault": case}
    found = points(calls, home, by_signer=True)
    assert len(found) > 20
    for at, point in enumerate(found, 1):
        place, told = copied(apart, home, "work"), home / f"{at}.told"
        what = f"{case} at call {at} of the signer, {point}"
        tally.points[f"signer: {case}"] += 1
        with signing(worker, place, home, at=at, **fault):
            status = worker.run("write", place, told, attempts=2 if number else 1)
            lines = story.heard(told)
            tally.survivor(lines, {"SignerUnavailable"}, what)
            if not any("error" in line for line in lines) or (number and status != 0):
                tally.wrong.append(f"{what}: ended with {status}, told {lines[-1:]}")
        with signing(worker, place, home):
            tally.go_on(place, told, honest, what)
        shutil.rmtree(place.disk)
    assert tally.bad() == []


def test_the_power_is_cut_for_both(worker, apart, home, tally):
    disk, calls, honest = honest_run(worker, apart, home)
    chance = random.Random(6)
    so_far = []
    for number, call in enumerate(calls):
        if call.name == "mark":
            so_far.append(call.path)
        else:
            disk.do(call)
        for kind, by in (("only what was flushed", None), ("some of the rest", chance)):
            place = story.Place(home / "left", socket=str(home / "socket"))
            disk.left(place.disk, by)
            tally.points[f"power cut beside a signer, {kind}"] += 1
            (home / "told").write_text("".join(f"{line}\n" for line in so_far))
            with signing(worker, place, home):
                tally.go_on(place, home / "told", honest, f"cut after record {number}, {call.name}")
            shutil.rmtree(place.disk)
    assert tally.bad() == []
