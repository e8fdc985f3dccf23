import logging
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from affidavit.errors import UsageError
from affidavit.ledger import Ledger, LocalSigner
from affidavit.ledger.tables import metadata

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def test_the_migrations_make_the_tables_that_the_code_describes(place):
    place.create().close()
    engine = sa.create_engine(place.url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_migrating_says_nothing(sqlite_place, caplog):
    caplog.set_level(logging.INFO)
    sqlite_place.create().close()
    with sqlite_place.read():
        pass
    assert caplog.text == ""


def test_a_creation_that_fails_leaves_no_half_of_a_ledger(place):
    signer = LocalSigner.generate(place.key)
    with pytest.raises(ValueError, match="time zone"):
        Ledger.create(place.url, blobs=place.blobs, signer=signer, now=NOON.replace(tzinfo=None))
    with Ledger.create(place.url, blobs=place.blobs, signer=signer, now=NOON) as ledger:
        assert ledger.head().size == 1
    with pytest.raises(UsageError, match="already"):
        Ledger.create(place.url, blobs=place.blobs, signer=signer, now=NOON)
