"""Postgres: client and server killed, and the connection cut, at each message that carries statements."""

import os
import shutil
import signal
from itertools import count

import pytest

from tests.faults import story, trace
from tests.faults.conftest import Postgres

pytestmark = pytest.mark.faults


def copied(postgres, pattern, home, name):
    template, database = pattern
    postgres.admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {database}")
    place = story.Place(home / name, postgres.url(name))
    shutil.rmtree(place.disk, ignore_errors=True)
    shutil.copytree(template.disk, place.disk)
    return place


def honest_run(worker, postgres, pattern, home):
    """The leaves that the story ends with."""
    place, log = copied(postgres, pattern, home, "honest"), home / "honest.log"
    assert worker.run("write", place, home / "honest.told", sends=True, log=str(log)) == 0
    sent = [call.data for call in trace.read(log) if call.name == "send"]
    assert sum(b"COMMIT" in each for each in sent) >= len(story.STEPS) - 1
    with place.read() as ledger:
        return [entry.leaf_hash.hex() for entry in ledger.entries()]


CLIENT = {
    "client killed before a message": "kill",
    "client killed after the answer": "kill answered",
    "connection lost before a message": "cut",
    "connection lost with the answer": "cut answered",
}


@pytest.mark.parametrize("case", CLIENT)
def test_a_client_at_each_message(case, worker, postgres, pattern, home, tally):
    honest = honest_run(worker, postgres, pattern, home)
    fault = CLIENT[case]
    for at in count(1):
        what = f"{case}, {at}"
        place, told = copied(postgres, pattern, home, "work"), home / f"{at}.told"
        status = worker.run("write", place, told, sends=True, fault=fault, at=at)
        lines = story.heard(told)
        if status == 0 and lines[-1]["points"] < at:
            break
        tally.points[case] += 1
        if status != (-signal.SIGKILL if "kill" in fault else 0):
            tally.wrong.append(f"{what}: ended with {status}")
        tally.survivor(lines, {"LedgerUnavailable"}, what)
        tally.go_on(place, told, honest, what)
    assert tally.points[case] > 100
    assert tally.bad() == []


SERVER = {
    "server killed before a message": ("stop", Postgres.kill),
    "server killed while it works": ("stop sent", Postgres.kill),
    "server killed after its answer": ("stop answered", Postgres.kill),
    "backend killed before a message": ("stop", Postgres.kill_backends),
    "backend killed while it works": ("stop sent", Postgres.kill_backends),
}


@pytest.mark.parametrize("case", SERVER)
def test_a_server_at_each_message(case, worker, postgres, pattern, home, tally):
    """The client stops itself at the message, the server is killed, and the client goes on and finds out."""
    honest = honest_run(worker, postgres, pattern, home)
    fault, kill = SERVER[case]
    for at in count(1):
        what = f"{case}, {at}"
        place, told = copied(postgres, pattern, home, "work"), home / f"{at}.told"
        # As often as it takes: while the server recovers it refuses whoever asks.
        client = worker.start("write", place, told, sends=True, fault=fault, at=at, attempts=10_000)
        if worker.wait(client) != "stopped":
            break
        kill(postgres)
        os.kill(client, signal.SIGCONT)
        status = worker.wait(client)
        postgres.recovered()
        tally.points[case] += 1
        if status != 0:
            tally.wrong.append(f"{what}: ended with {status}")
        tally.survivor(story.heard(told), {"LedgerUnavailable"}, what)
        tally.go_on(place, told, honest, what)
    assert tally.points[case] > 100
    assert tally.bad() == []
