"""Eight writers at once, each killed again and again at a point of its own that chance chose."""

import random
import signal
from itertools import chain

import pytest

from affidavit.tlog.hashing import leaf_hash
from bench.ledgers import draft
from tests.faults import story

pytestmark = pytest.mark.faults

WRITERS = 8
KILLS = 120
LONGEST = {"sqlite": 250, "postgres": 80}
"""Points in the longest life of a writer: write-side calls, or messages to the server."""


class Crowd:
    """The writers, what each was told, and which lives now."""

    def __init__(self, worker, place, home, *, on_postgres, seed):
        self._worker, self._place, self._home, self._on_postgres = worker, place, home, on_postgres
        self._chance = random.Random(seed)
        self._lives = {}

    def told(self, name):
        return story.heard(self._home / f"{name}.told")

    def live(self, name):
        """Start a writer, or start it again where it was cut off; it dies at a point that chance chooses."""
        fault = self._chance.choice(("kill", "kill answered") if self._on_postgres else ("kill", "torn"))
        at = self._chance.randint(1, LONGEST["postgres" if self._on_postgres else "sqlite"])
        order = {"sends": self._on_postgres, "fault": fault, "at": at, "name": name}
        first = story.next_step(self.told(name))
        self._lives[self._worker.start("many", self._place, self._home / f"{name}.told", first=first, **order)] = name

    def deaths(self):
        """Each writer that died, with its status, until none lives."""
        while self._lives:
            pid, status = self._worker.wait_for_any()
            yield self._lives.pop(pid), status

    @property
    def size(self):
        return len(self._lives)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
@pytest.mark.parametrize("seed", [1, 2])
def test_eight_writers_killed_at_random(database, seed, worker, home, request, tally):
    place = request.getfixturevalue("template") if database == "sqlite" else request.getfixturevalue("pattern")[0]
    crowd = Crowd(worker, place, home, on_postgres=database == "postgres", seed=seed)
    for name in range(WRITERS):
        crowd.live(name)
    for killed, (name, status) in enumerate(crowd.deaths(), 1):
        tally.points[f"one of eight writers killed on {database}"] += 1
        if status != -signal.SIGKILL:
            tally.wrong.append(f"writer {name} ended with {status}: {crowd.told(name)[-1:]}")
        if killed + crowd.size < KILLS:
            crowd.live(name)
    told = [crowd.told(name) for name in range(WRITERS)]
    held = tally.check(place, list(chain(*told)), f"seed {seed}")
    acknowledged = [index for line in chain(*told) for index, _ in line.get("entries", ())]
    if len(set(acknowledged)) != len(acknowledged):
        tally.reused.append("an index was acknowledged twice")
    calls = [(name, step) for name, lines in enumerate(told) for step in range(story.next_step(lines))]
    for each in (each for call in calls for each in story.alone(*call)):
        if held.count(leaf_hash(each.seal(None)).hex()) != 1:
            tally.lost.append(f"{each.subjects[0].name}: it was acknowledged, and is not there once")
    with place.write() as ledger:
        if ledger.append([draft(9_999)], now=story.NOW).receipts[0].index != len(held):
            tally.wrong.append("it does not go on")
    assert len(acknowledged) > KILLS
    assert tally.bad() == []
