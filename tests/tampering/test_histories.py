"""Honest histories: appends, interruptions, erasures, new keys, rebuilt columns and nodes, anchors; no false alarm."""

import random
import shutil
from collections import Counter

import pytest

from tests import rotations
from tests.cheat.conftest import Place
from tests.ledger.test_covering import SignerProcess
from tests.tampering.histories import History

EACH, ALL, PARTS = 40, 1000, 4
parts = [
    pytest.param(EACH + part * ALL // PARTS, ALL // PARTS, id=f"part-{part}", marks=pytest.mark.nightly)
    for part in range(PARTS)
]


@pytest.fixture
def template(tmp_path):
    """A ledger that was just made, whose key may be replaced."""
    place = Place(f"sqlite:///{tmp_path}/template/ledger.db", tmp_path / "template")
    place.home.mkdir()
    rotations.create(place).close()
    return place.home


@pytest.mark.parametrize(("first", "count"), [pytest.param(0, EACH, id="slice"), *parts])
def test_no_honest_history_is_called_broken(first, count, template, alone, tmp_path, tmp_path_factory):
    """Every fifth has a signer of its own."""
    alarms, did = [], Counter()
    for number in range(first, first + count):
        home = tmp_path / "home"
        apart = SignerProcess(tmp_path_factory.mktemp("s") / "d") if number % 5 == 4 else None
        history = History(home / "ledger", random.Random(f"history {number}"), alone, apart)
        home.mkdir()
        history.begin(template)
        try:
            history.live(history.chance.randrange(2, 6))
            history.judge(home / "bundle.zip")
        except Exception as error:
            alarms.append((number, history.did, repr(error)))
        did.update(history.did)
        shutil.rmtree(home)
    assert alarms == []
    assert len(did) > 10


@pytest.mark.parametrize(
    "number", [*range(5), *(pytest.param(number, marks=pytest.mark.nightly) for number in range(5, 100))]
)
def test_no_honest_history_in_postgres_is_called_broken(number, postgres_url, alone, tmp_path, tmp_path_factory):
    """The seeds are those of SQLite; every fifth has a signer of its own."""
    apart = SignerProcess(tmp_path_factory.mktemp("s") / "d") if number % 5 == 4 else None
    history = History(tmp_path / "ledger", random.Random(f"history {number}"), alone, apart, postgres_url)
    history.begin()
    history.live(history.chance.randrange(2, 6))
    history.judge(tmp_path / "bundle.zip")
