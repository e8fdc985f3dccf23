"""A replaced key among pages that are checked quickly, in several processes."""

import pytest

from affidavit.errors import IntegrityError
from affidavit.ledger import checking, verification, verify
from affidavit.tlog import cosignature
from affidavit.tlog.note import Note
from tests import rotations
from tests.conftest import NOON


@pytest.fixture
def pages(sqlite_place, alias, monkeypatch):
    """Three pages; in the second, entry 1099 replaces the key."""
    monkeypatch.setattr(checking, "_ALONE", 1)

    def fill(ledger, name):
        for number in range(3):
            ledger.append([alias(model=f"{name} {number} {each}") for each in range(366)], now=NOON)

    with rotations.create(sqlite_place) as ledger:
        fill(ledger, 0)
    stolen = rotations.secret(sqlite_place)
    assert rotations.rotate(sqlite_place) == 1099
    with sqlite_place.write() as ledger:
        fill(ledger, 1)
        assert ledger.head().size == 2198
    return sqlite_place, stolen


def test_only_the_page_that_replaces_the_key_is_walked_through(pages, monkeypatch):
    place, _ = pages
    walked = []
    closely = verification._Walk._closely

    def noted(walk, start, stop):
        walked.append(start)
        closely(walk, start, stop)

    monkeypatch.setattr(verification._Walk, "_closely", noted)
    with place.read() as ledger:
        for processes in (1, 3):
            assert (verify(ledger, processes=processes).entries, walked) == (2198, [1024])
            walked.clear()


@pytest.mark.parametrize("size", [1100, 1466, 2198])
def test_a_head_by_the_replaced_key_is_named_in_any_page(pages, size):
    place, stolen = pages
    with place.read() as ledger, ledger.snapshot() as connection:
        text = Note.parse(connection.exec_driver_sql(f"SELECT note FROM checkpoints WHERE size = {size}").scalar()).text
    forged = Note(text, (cosignature.cosign(text, stolen, time=int(NOON.timestamp())),)).whole
    place.spoil("UPDATE checkpoints SET note = :note WHERE size = :size", note=forged, size=size)
    with place.read() as ledger:
        for processes in (1, 3):
            with pytest.raises(IntegrityError, match=f"checkpoint of size {size}: .* entry 1099 names"):
                verify(ledger, processes=processes)


def test_a_rotation_hidden_by_its_column_hides_nothing(pages):
    place, _ = pages
    place.spoil("UPDATE entries SET kind = 'model-alias' WHERE \"index\" = 1099")
    with place.read() as ledger:
        for processes in (1, 3):
            with pytest.raises(IntegrityError, match="row 1099, column kind"):
                verify(ledger, processes=processes)


def test_a_reader_that_was_open_follows_and_a_column_cannot_stop_it(pages):
    place, _ = pages
    with place.read() as ledger:
        rotations.rotate(place)
        assert ledger.head().size == 2199
        place.spoil("UPDATE entries SET kind = 'model-alias' WHERE kind = 'key-rotation'")
    with place.read() as ledger:
        assert ledger.head().size == 2199
        assert ledger.keys.links[-1].index == 2198
