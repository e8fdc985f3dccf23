import logging
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from affidavit.errors import IntegrityError, SchemaMismatch, UsageError
from affidavit.ledger import Ledger, LocalSigner, schema
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


def test_the_schema_that_is_read_is_that_of_the_newest_migration(place):
    place.create().close()
    newest = ScriptDirectory(str(schema._MIGRATIONS)).get_current_head()
    engine = sa.create_engine(place.url)
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == schema._PRESENT == newest
    engine.dispose()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE alembic_version SET version_num = '0000'", "'0000'"),
        ("INSERT INTO alembic_version VALUES ('0002')", "'0001, 0002'"),
    ],
)
def test_another_schema_or_two_at_once_are_refused_by_name(place, change, says):
    place.create().close()
    place.spoil(change)
    with pytest.raises(SchemaMismatch, match=says):
        place.read()


@pytest.mark.parametrize("change", ["DROP TABLE alembic_version", "DELETE FROM alembic_version"])
def test_tables_of_which_nothing_says_the_schema_are_no_missing_ledger(place, change):
    place.create().close()
    place.spoil(change)
    with pytest.raises(IntegrityError, match="alembic_version"):
        place.read()
