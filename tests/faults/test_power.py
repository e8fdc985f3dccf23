"""The power is cut: after every write-side call, and after each of them had gone wrong."""

import errno
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from affidavit.errors import AffidavitError
from tests.faults import story, trace
from tests.faults.conftest import Worker
from tests.faults.power import Disk

pytestmark = pytest.mark.faults

CHANGING = (
    *("open", "openat", "creat", "write", "writev", "pwrite64", "pwritev", "pwritev2", "fsync", "fdatasync", "sync"),
    *("syncfs", "sync_file_range", "truncate", "ftruncate", "fallocate", "rename", "renameat", "renameat2", "unlink"),
    *("unlinkat", "rmdir", "mkdir", "mkdirat", "link", "linkat", "symlink", "symlinkat", "copy_file_range", "sendfile"),
    *("splice", "msync", "mmap", "io_uring_enter"),
)


def recorded(worker, template, home, role="write", **order):
    """An honest run: its calls, and the leaves that it ends with."""
    place, log = story.Place(home / "honest"), home / "honest.log"
    if template is not None:
        shutil.copytree(template.disk, place.disk)
    else:
        place.disk.mkdir()
    before = Disk(place.disk)
    assert worker.run(role, place, home / "honest.told", log=str(log), **order) == 0
    with place.read() as ledger:
        leaves = [entry.leaf_hash.hex() for entry in ledger.entries()]
    return before, list(trace.read(log)), leaves


def told(disk, calls):
    """Does ``calls``, and gives back what the writer was told by them."""
    lines = []
    for call in calls:
        if call.name == "mark":
            lines.append(call.path)
        else:
            disk.do(call)
    return lines


def test_after_each_call(worker, template, home, tally):
    disk, calls, honest = recorded(worker, template, home)
    chance = random.Random(3)
    so_far = []
    for number, call in enumerate(calls):
        so_far += told(disk, [call])
        what = f"cut after record {number}, {call.name}"
        for kind, by in (("only what was flushed", None), *[("some of the rest", chance)] * 3):
            place = story.Place(home / "left")
            disk.left(place.disk, by)
            tally.points[f"power cut, {kind}"] += 1
            (home / "told").write_text("".join(f"{line}\n" for line in so_far))
            if by is None:
                tally.go_on(place, home / "told", honest, what)
            else:
                tally.check(place, story.heard(home / "told"), what)
            shutil.rmtree(place.disk)
    assert story.next_step(story.heard(home / "honest.told")) == len(story.STEPS)
    assert tally.bad() == []


def test_while_a_ledger_is_made(worker, home, tally):
    """Before it was said to be there, there is a ledger or an error of ours; from then on it is there, with its key."""
    disk, calls, _ = recorded(worker, None, home, role="create")
    chance = random.Random(4)
    so_far = []
    for number, call in enumerate(calls):
        so_far += told(disk, [call])
        for kind, by in (("only what was flushed", None), *[("some of the rest", chance)] * 2):
            place = story.Place(home / "left")
            disk.left(place.disk, by)
            tally.points[f"power cut while made, {kind}"] += 1
            (home / "told").write_text("".join(f"{line}\n" for line in so_far))
            what = f"cut after record {number}, {call.name}"
            if so_far:
                tally.check(place, story.heard(home / "told"), what)
            else:
                try:
                    place.write().close()
                except AffidavitError as error:
                    tally.errors[type(error).__name__] += 1
            shutil.rmtree(place.disk)
    assert tally.bad() == []


@pytest.mark.parametrize("case", ["SIGKILL", "EIO"])
def test_after_the_story_with_a_fault_in_it(case, worker, template, home, tally):
    """Also what a writer left half done, or was refused, is flushed before anybody says that it is done."""
    _, honest_calls, honest = recorded(worker, template, home)
    points = [call.on(home / "honest") for call in honest_calls if call.name != "mark"]
    chance = random.Random(5)
    for at, point in enumerate(points, 1):
        what = f"{case} at call {at}, {point}, then a cut"
        place, heard, log = story.Place(home / "work"), home / f"{at}.told", home / f"{at}.log"
        shutil.copytree(template.disk, place.disk)
        disk = Disk(place.disk)
        fault = {"fault": "kill"} if case == "SIGKILL" else {"fault": "fail", "errno": errno.EIO}
        worker.run("write", place, heard, log=str(log), at=at, **fault)
        if case == "SIGKILL":
            worker.run("write", place, heard, log=str(log), first=story.next_step(story.heard(heard)))
        told(disk, trace.read(log))
        for by in (None, chance):
            left = story.Place(home / "left")
            disk.left(left.disk, by)
            tally.points[f"{case}, then a power cut"] += 1
            if tally.check(left, story.heard(heard), what) != honest:
                tally.wrong.append(f"{what}: not what an honest run holds")
            shutil.rmtree(left.disk)
        shutil.rmtree(place.disk)
    assert tally.bad() == []


def test_the_record_is_what_the_kernel_was_asked(shim, template, home):
    """Against strace, which sees each system call: the preloaded library misses none, and adds none."""
    if (
        shutil.which("strace") is None
        or subprocess.run(["strace", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("strace is missing, or may not trace")
    seen = home / "strace"
    worker = Worker(
        shim, before=["strace", "-f", "-y", "-s", "0", "-o", str(seen), "-e", f"trace={','.join(CHANGING)}"]
    )
    try:
        _, calls, _ = recorded(worker, template, home)
    finally:
        worker.close()
    kernel = list(_seen(seen, str(home / "honest")))
    assert [(call.name, call.path) for call in calls if call.name != "mark"] == kernel
    assert len(kernel) > 200


def _seen(strace: Path, below: str):
    for line in strace.read_text().splitlines():
        name, _, rest = line.partition("(")
        name = name.split()[-1]
        path = next(iter(re.findall(r'"([^"]+)"', rest) or re.findall(r"<(/[^>]*)>", rest)), "")
        if not path.startswith(below + "/") and path != below:
            continue
        if name == "mmap":
            if "MAP_SHARED" in rest and "PROT_WRITE" in rest:
                assert path.endswith("-shm"), line  # rebuilt from the log after a crash, and never flushed
        elif not name.startswith("open") or "O_CREAT" in rest:
            name = {"open": "openat", "renameat": "rename", "renameat2": "rename", "mkdirat": "mkdir"}.get(name, name)
            yield {"unlinkat": "unlink"}.get(name, name), path
