"""SQLite: killed at, or refused, each call that changes what the disk holds."""

import errno
import shutil

import pytest

from tests.faults import story, trace

pytestmark = pytest.mark.faults

CASES = {
    "SIGKILL": ("kill", 0),
    "SIGKILL in the midst of a write": ("torn", 0),
    "EIO": ("fail", errno.EIO),
    "ENOSPC": ("fail", errno.ENOSPC),
}

# Where SQLite does not tell apart what the system told it.
UNTOLD = (
    "fdatasync db/ledger.db-wal",
    "ftruncate db/ledger.db-shm",
    "openat db/ledger.db-shm",
    "openat db/ledger.db-wal",
)


def expected(number, point):
    """The errors that a writer may be told of, where it is told at all."""
    if number == errno.ENOSPC and point not in UNTOLD:
        return {"LedgerFull"}
    return {"LedgerUnavailable", "LedgerFull"} if number == errno.EIO else {"LedgerUnavailable"}


def honest_run(worker, template, home):
    """What each point of the story is, and the leaves that it ends with."""
    place, log = story.Place(home / "honest"), home / "honest.log"
    shutil.copytree(template.disk, place.disk)
    assert worker.run("write", place, home / "honest.told", log=str(log)) == 0
    with place.read() as ledger:
        leaves = [entry.leaf_hash.hex() for entry in ledger.entries()]
    return [call.on(place.disk) for call in trace.read(log) if call.name != "mark"], leaves


@pytest.mark.parametrize("case", CASES)
def test_a_writer_at_each_write_side_call(case, worker, template, home, tally):
    fault, number = CASES[case]
    points, honest = honest_run(worker, template, home)
    assert len(points) > 200
    for at, point in enumerate(points, 1):
        what = f"{case} at call {at}, {point}"
        place, told = story.Place(home / str(at)), home / f"{at}.told"
        shutil.copytree(template.disk, place.disk)
        status = worker.run("write", place, told, fault=fault, errno=number, at=at)
        tally.points[case] += 1
        if fault == "fail":
            tally.survivor(story.heard(told), expected(number, point), what)
        if status != (0 if fault == "fail" else -9):
            tally.wrong.append(f"{what}: ended with {status}")
        tally.go_on(place, told, honest, what)
        shutil.rmtree(place.disk)
    assert tally.bad() == []
