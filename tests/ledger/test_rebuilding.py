from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from affidavit.errors import IntegrityError, LedgerError
from affidavit.ledger import verify
from affidavit.ledger.engine import writing

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


@pytest.fixture
def spoilt(place, alias):
    with place.create() as ledger:
        for number in range(4):
            ledger.append([alias(str(number)), alias(model=f"m{number}")], now=NOON)
    return place


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entries SET kind = 'collection', scope = 'system:y' WHERE \"index\" = 3",
        "UPDATE entries SET supersedes = NULL",
        'UPDATE entries SET leaf_hash = stream WHERE "index" > 5',
        'UPDATE nodes SET hash = (SELECT leaf_hash FROM entries WHERE "index" = 1) WHERE level = 2',
        "DELETE FROM nodes",
        "INSERT INTO nodes SELECT 9, 9, hash FROM nodes WHERE level = 3",
        "UPDATE checkpoints SET time = 0",
        'UPDATE checkpoints SET root = (SELECT leaf_hash FROM entries WHERE "index" = 1)',
    ],
)
def test_what_is_derived_is_mended(spoilt, change):
    spoilt.spoil(change)
    with spoilt.read() as ledger, pytest.raises(IntegrityError, match="rebuild"):
        verify(ledger)
    with spoilt.write() as ledger:
        assert ledger.rebuild() > 0
        assert verify(ledger).entries == 9
        assert ledger.rebuild() == 0


def test_an_identity_that_stands_in_anothers_row_is_mended(spoilt):
    with spoilt.read() as ledger, ledger.snapshot() as connection:
        stolen = connection.execute(sa.text('SELECT identity FROM entries WHERE "index" = 1')).scalar()
    spoilt.spoil('UPDATE entries SET identity = stream WHERE "index" = 1')
    spoilt.spoil('UPDATE entries SET identity = :stolen WHERE "index" = 2', stolen=stolen)
    with spoilt.write() as ledger:
        assert ledger.rebuild() == 2
        assert verify(ledger).entries == 9


def test_a_changed_leaf_is_not_papered_over(spoilt, alias):
    spoilt.spoil('UPDATE entries SET leaf = (SELECT leaf FROM entries WHERE "index" = 2) WHERE "index" = 4')
    with spoilt.write() as ledger:
        with pytest.raises(IntegrityError, match="nothing was rebuilt"):
            ledger.rebuild()
        with pytest.raises(IntegrityError, match="entry 4: ") as caught:
            verify(ledger)
        assert caught.value.index == 4


def test_a_removed_head_is_not_papered_over(spoilt):
    spoilt.spoil("DELETE FROM checkpoints WHERE size = 5")
    with spoilt.write() as ledger:
        ledger.rebuild()
        with pytest.raises(IntegrityError, match="names size 5"):
            verify(ledger)


def test_after_a_rebuild_the_guards_stand_again(spoilt):
    with spoilt.write() as ledger:
        ledger.rebuild()
        with pytest.raises(LedgerError, match="insert-only"), writing(ledger._engine) as connection:
            connection.execute(sa.text("DELETE FROM nodes"))
