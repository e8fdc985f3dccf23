import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from affidavit.errors import SourceUnavailable, UsageError
from demo import leash
from demo.servers import Servers, answers, free_ports, only_one, stop_recorded

ROOT = Path(__file__).resolve().parents[2]


def web(port):
    return [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]


@pytest.fixture
def servers(tmp_path):
    servers = Servers(tmp_path / "servers.json", cwd=tmp_path)
    yield servers
    servers.stop()
    stop_recorded(tmp_path / "servers.json")


@pytest.fixture
def started(servers, tmp_path):
    [port] = free_ports(1)
    server = servers.start("web", web(port), env=os.environ, log=tmp_path / "web.log")
    servers.wait_for("an answer", lambda: answers(port), seconds=60, log=server.log)
    return server, port


def test_ports_differ_and_are_free():
    ports = free_ports(5)

    assert len(set(ports)) == 5
    assert not any(answers(port) for port in ports)


def test_a_stopped_server_answers_no_more(servers, started, tmp_path):
    server, port = started
    assert server.alive

    servers.stop()

    assert not server.alive
    assert not answers(port)
    assert not (tmp_path / "servers.json").exists()


def test_who_listens_on_a_port_is_told_apart(servers, started, tmp_path):
    server, port = started
    other = servers.start("other", ["sleep", "600"], env=os.environ, log=tmp_path / "other.log")

    assert server.listens_on(port)
    assert not other.listens_on(port)


def test_a_server_that_ends_while_something_is_waited_for_is_named(servers, tmp_path):
    log = tmp_path / "ends.log"
    servers.start("ends", [sys.executable, "-c", "raise SystemExit('no such table')"], env=os.environ, log=log)

    with pytest.raises(SourceUnavailable, match="ends ended by itself") as caught:
        servers.wait_for("something", lambda: False, seconds=60, log=tmp_path / "another.log")

    assert caught.value.where == str(log)
    assert "no such table" in log.read_text()


def test_what_does_not_happen_in_time_is_named(servers, started, tmp_path):
    with pytest.raises(SourceUnavailable, match=r"the moon did not happen within 0 s") as caught:
        servers.wait_for("the moon", lambda: False, seconds=0, log=tmp_path / "moon.log")

    assert caught.value.where == str(tmp_path / "moon.log")


def test_a_job_may_end_well(servers, tmp_path):
    job = servers.start(
        "job", [sys.executable, "-c", "print('done')"], env=os.environ, log=tmp_path / "job.log", job=True
    )

    servers.finish(job, seconds=60)

    assert job.log.read_text() == "done\n"
    servers.check()


def test_a_job_that_ends_badly_is_named(servers, tmp_path):
    job = servers.start(
        "job", [sys.executable, "-c", "raise SystemExit(3)"], env=os.environ, log=tmp_path / "job.log", job=True
    )

    with pytest.raises(SourceUnavailable, match=r"job ended by itself \(exit code 3\)"):
        servers.finish(job, seconds=60)


def test_what_was_left_running_is_found_and_stopped_later(servers, started, tmp_path):
    server, port = started
    record = tmp_path / "servers.json"

    servers.leave()
    servers.check()
    assert answers(port)
    assert record.stat().st_mode & 0o777 == 0o600

    assert stop_recorded(record) == ["web"]
    assert not server.alive
    assert not answers(port)
    assert stop_recorded(record) == []
    with pytest.raises(SourceUnavailable, match="web ended"):
        servers.check()


def test_a_process_that_only_has_the_same_id_is_left_alone(tmp_path):
    record = tmp_path / "servers.json"
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as somebody:
        fields = {"name": "web", "pid": somebody.pid, "began": 1.0, "log": "web.log", "job": False}
        record.write_text(json.dumps([fields]))

        assert stop_recorded(record) == []

        assert somebody.poll() is None
        somebody.kill()


def test_a_record_that_is_none_is_refused(tmp_path):
    record = tmp_path / "servers.json"
    record.write_text('[{"name": "web"}]')

    with pytest.raises(UsageError, match="not a record of servers"):
        stop_recorded(record)


def test_servers_do_not_outlive_a_demo_that_is_killed(tmp_path):
    [port] = free_ports(1)
    script = f"""
import os, time
from pathlib import Path
from demo.servers import Servers, answers
servers = Servers(Path("servers.json"), cwd=Path("."))
server = servers.start("web", {web(port)!r}, env=os.environ, log=Path("web.log"))
servers.wait_for("an answer", lambda: answers({port}), seconds=60, log=server.log)
print(server.pid, flush=True)
time.sleep(600)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=tmp_path, env=environment
    ) as demo:
        session = int(demo.stdout.readline())
        assert answers(port)
        demo.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 60
    while leash.members(session) or answers(port):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_demo_at_a_time(tmp_path):
    with only_one(tmp_path), pytest.raises(UsageError, match="a demo is running"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_the_same_process_id_at_another_time_is_not_alive(started):
    server, _ = started

    assert not replace(server, began=server.began - 1).alive
