import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from demo import leash

# A server with a child in a process group of its own, as Airflow's tasks are.
SERVER = (
    "import subprocess,time; subprocess.Popen(['sleep', '600'], process_group=0);"
    "print('up', flush=True); time.sleep(600)"
)
DEAF = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def held():
    process = subprocess.Popen(
        [sys.executable, leash.__file__, sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout.readline() == b"up\n"
    until(lambda: len(leash.members(process.pid)) == 2)
    yield process
    leash.end_session(process.pid, grace=0)
    process.kill()
    process.stdin.close()
    process.stdout.close()
    process.wait()


def test_a_closed_input_ends_the_whole_session(held):
    held.stdin.close()

    assert held.wait(60) == 0
    assert leash.members(held.pid) == []


def test_told_to_stop_it_ends_the_whole_session(held):
    held.terminate()

    assert held.wait(60) == 0
    assert leash.members(held.pid) == []


def test_let_go_the_server_outlives_us_until_it_is_told_to_stop(held):
    held.stdin.write(b"stay\n")
    held.stdin.close()
    with pytest.raises(subprocess.TimeoutExpired):
        held.wait(10 * leash.POLL_SECONDS)
    assert len(leash.members(held.pid)) == 2

    held.terminate()

    assert held.wait(60) == 0
    assert leash.members(held.pid) == []


def test_a_server_that_ends_takes_its_children_with_it(held):
    server = next(pid for pid in leash.members(held.pid) if psutil.Process(pid).ppid() == held.pid)

    os.kill(server, signal.SIGKILL)

    assert held.wait(60) == 128 + signal.SIGKILL
    assert leash.members(held.pid) == []


def test_the_exit_code_is_the_commands_own():
    command = [sys.executable, leash.__file__, sys.executable, "-c", "raise SystemExit(7)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as process:
        assert process.wait(60) == 7


def test_who_does_not_listen_is_killed():
    script = f"import subprocess,sys,time; subprocess.Popen([sys.executable, '-c', {DEAF!r}]); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True) as leader:
        assert leader.stdout.readline() == b"up\n"
        assert len(leash.members(leader.pid)) == 1

        leash.end_session(leader.pid, grace=0.2)

        assert leash.members(leader.pid) == []
        leader.kill()
