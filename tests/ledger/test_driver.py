import signal
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from hashlib import sha256
from threading import Thread

import psycopg
import pytest

from affidavit.errors import IntegrityError, LedgerError, LedgerUnavailable
from affidavit.ledger import Ledger, LocalSigner, driver, engine, verify
from affidavit.ledger.tables import entries, nodes
from tests.conftest import Place

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
ODD = "tab\t, newline\n, backslash\\, 'quote', \\N, 審計, 🧾"


@pytest.fixture
def postgres_place(postgres_url, tmp_path):
    return Place(postgres_url, tmp_path)


def row(index, *, supersedes):
    digests = [bytes([index, each]) * 16 for each in range(5)]
    return (index, b"\x00\\x\xff", digests[0], digests[1], supersedes, *digests[2:4], "kind", ODD, ODD, "")


@pytest.mark.parametrize("several", [1, 2, 200])
def test_rows_are_read_as_they_were_inserted_however_many(place, several):
    new = [row(1 + each, supersedes=None if each % 2 else bytes(32)) for each in range(several)]
    with place.create() as ledger, ledger._engine.connect() as connection:
        driver.insert(connection, entries, new)
        names = ", ".join(f'"{column.name}"' for column in entries.columns)
        found = driver.rows(connection, f'SELECT {names} FROM entries WHERE "index" > 0 ORDER BY "index"')
        assert [tuple(each) for each in found] == new


def test_what_is_among_many_values_is_found(place):
    with place.create() as ledger, ledger._engine.connect() as connection:
        driver.insert(connection, nodes, [(1, index, bytes([index]) * 32) for index in range(10)])
        several = [bytes([index]) * 32 for index in (3, 5, 77)]
        query = 'SELECT "index" FROM nodes WHERE level = {} AND hash {} ORDER BY "index"'
        assert driver.rows(connection, query, [1, several]) == [(3,), (5,)]


def test_queries_asked_at_once_are_answered_in_their_order(place):
    with place.create() as ledger, ledger._engine.connect() as connection:
        queries = [("SELECT {}", [7]), ("SELECT size FROM checkpoints", []), ("SELECT 1 WHERE 1 = 0", [])]
        assert driver.asked(connection, queries) == [[(7,)], [(1,)], []]


def test_what_a_postgres_writer_asks_is_prepared_once_also_where_it_is_read_in_between(postgres_url, tmp_path, alias):
    """A ROLLBACK makes psycopg forget all that it has prepared."""
    signer = LocalSigner.generate(tmp_path / "key")
    with Ledger.create(postgres_url, blobs=str(tmp_path), signer=signer, now=NOON) as ledger:
        for number in range(10):
            ledger.append([alias(model=str(number))], now=NOON)
            assert ledger.head().size == number + 2
        with ledger._held.locked(()) as (connection, _):
            found = driver.rows(connection, "SELECT statement FROM pg_prepared_statements")
    prepared = " ".join(statement for (statement,) in found)
    for part in ("pg_advisory_xact_lock", "SELECT stream", "INTO entries", "INTO checkpoints"):
        assert part in prepared


def test_an_insert_that_fails_takes_the_commit_sent_with_it_along(place):
    def write(ledger):
        with engine.writing(ledger._engine) as connection, engine.committing(connection):
            for index in (5, 6, 5):
                driver.insert(connection, nodes, [(1, index, bytes(32))])

    with place.create() as ledger:
        with pytest.raises(LedgerUnavailable, match="another writer was first"):
            write(ledger)
        with engine.reading(ledger._engine) as connection:
            assert driver.rows(connection, "SELECT COUNT(*) FROM nodes") == [(0,)]


SWALLOWING = {
    "sqlite": ["CREATE TRIGGER swallow BEFORE INSERT ON {} BEGIN SELECT RAISE(IGNORE); END"],
    "postgres": [
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER swallow BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION swallow()",
    ],
    "some": [
        (
            "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN IF NEW.index % 2 = 0 THEN RETURN NULL; END IF; RETURN NEW; END $$"
        ),
        "CREATE TRIGGER swallow BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION swallow()",
    ],
    "rule": ["CREATE RULE swallow AS ON INSERT TO {} DO INSTEAD NOTHING"],
}
"""What makes a database call an insertion a success, of which nothing is stored."""


LATER = {
    "removed": 'DELETE FROM entries WHERE "index" = NEW."index"',
    "changed": 'UPDATE entries SET leaf = leaf_hash WHERE "index" = NEW."index"',
}
"""What a trigger can do with a row that the database has taken in."""


def take_back(place, how):
    if place.url.startswith("sqlite"):
        place.spoil(f"CREATE TRIGGER evil AFTER INSERT ON entries BEGIN {LATER[how]}; END")
        return
    place.spoil(
        f"CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {LATER[how]}; RETURN NULL; END $$"
    )
    place.spoil(  # as late as there is any
        "CREATE CONSTRAINT TRIGGER evil AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION evil()"
    )


@pytest.mark.parametrize("how", LATER)
def test_what_a_trigger_takes_away_again_or_changes_is_not_acknowledged(place, alias, how):
    with place.create() as ledger:
        take_back(place, how)
        for drafts in ([alias()], [alias(model=str(number)) for number in range(3)]):
            with pytest.raises(LedgerError, match="table entries took in 0 rows"):
                ledger.append(drafts, now=NOON)
        assert (ledger.head().size, ledger.stored()) == (1, 1)


def test_a_head_that_a_trigger_takes_away_again_or_what_it_covers_is_not_acknowledged(sqlite_place, alias):
    ways = {"checkpoints": "WHERE size = NEW.size", "entries": 'WHERE "index" = NEW.size - 1'}
    with sqlite_place.create() as ledger:
        for table, which in ways.items():
            sqlite_place.spoil(
                f"CREATE TRIGGER evil AFTER INSERT ON checkpoints BEGIN DELETE FROM {table} {which}; END"
            )
            with pytest.raises(LedgerError, match=f"table {table} took in 0 rows"):
                ledger.append([alias()], now=NOON)
            sqlite_place.spoil("DROP TRIGGER evil")
        assert ledger.append([alias()], now=NOON).head.size == 2
        verify(ledger)


@pytest.mark.parametrize("how", LATER)
def test_a_ledger_with_a_trigger_that_is_none_of_ours_is_not_opened(place, how):
    place.create().close()
    take_back(place, how)
    for again in (place.write, place.read):
        with pytest.raises(IntegrityError, match="trigger evil on table entries: it may take away or change"):
            again()


def test_a_ledger_with_a_rule_is_not_opened(postgres_place):
    postgres_place.create().close()
    postgres_place.spoil("CREATE RULE evil AS ON INSERT TO checkpoints DO INSTEAD NOTHING")
    with pytest.raises(IntegrityError, match="rule evil on table checkpoints"):
        postgres_place.write()


def test_the_rows_of_an_append_are_read_back_by_index_however_many_are_stored(postgres_place):
    """Without a range in the query, Postgres hashes every row that was ever stored for each append."""
    leaf, texts = b"leaf", row(1, supersedes=None)[7:]
    own_digests = [[sha256(b"%d" % index).digest()] * 5 for index in range(1, 10_001)]
    new = [(index, leaf, *digests, *texts) for index, digests in enumerate(own_digests, 1)]
    with postgres_place.create() as ledger, ledger._engine.connect() as connection:
        driver.insert(connection, entries, new)
        own = driver.plain(connection)
        own.execute("ANALYZE entries")
        given = [1, [10_000], [sha256(leaf).digest()], 10_000, 10_000]
        plan = own.execute(f"EXPLAIN {driver._counting(entries, 'index', 'leaf')}", given).fetchall()
    assert not [line for (line,) in plan if "Seq Scan on entries" in line], plan


def swallow(place, how, table):
    for statement in SWALLOWING[how]:
        place.spoil(statement.format(table))


@pytest.mark.parametrize("several", [1, 30])
@pytest.mark.parametrize("table", ["entries", "nodes", "checkpoints"])
def test_an_insertion_that_is_swallowed_is_not_acknowledged(place, alias, table, several):
    with place.create() as ledger:
        ledger.append([alias(model="first")], now=NOON)
        ledger.append([alias(model="second")], now=NOON)
        before, remembered = ledger.head(), ledger.signer.remembered()
        swallow(place, "sqlite" if place.url.startswith("sqlite") else "postgres", table)
        drafts = [alias(model=str(number)) for number in range(several)]
        with pytest.raises(LedgerError, match=f"table {table} took in 0 rows") as found:
            ledger.append(drafts, now=NOON)
        assert not found.value.retryable
        assert (ledger.head(), ledger.stored(), ledger.signer.remembered()) == (before, 3, remembered)
        place.spoil("DROP TRIGGER swallow" + (f" ON {table}" if place.url.startswith("postgresql") else ""))
        assert ledger.append(drafts, now=NOON).head.size == 3 + several
        verify(ledger)


@pytest.mark.parametrize(
    ("how", "said"), [("some", "table entries took in 50 rows"), ("rule", "a rule on one of its tables")]
)
def test_some_rows_or_a_rule_that_swallows(postgres_place, alias, how, said):
    with postgres_place.create() as ledger:
        swallow(postgres_place, how, "entries")
        with pytest.raises(LedgerError, match=said):
            ledger.append([alias(model=str(number)) for number in range(100)], now=NOON)
        assert (ledger.head().size, ledger.stored()) == (1, 1)


def test_rows_of_any_number_are_sent_in_messages_of_a_bounded_size(postgres_place, monkeypatch):
    monkeypatch.setattr(driver, "_AT_ONCE", 7)
    new = [row(1 + each, supersedes=None) for each in range(30)]
    sent = []

    def count(cursor, statement, *rest):
        sent.append(statement)
        return execute(cursor, statement, *rest)

    with postgres_place.create() as ledger, ledger._engine.connect() as connection:
        execute = psycopg.Connection.execute
        monkeypatch.setattr(psycopg.Connection, "execute", count)
        driver.insert(connection, entries, new)
        assert len(sent) == 5
        assert driver.rows(connection, 'SELECT COUNT(*) FROM entries WHERE "index" > 0') == [(30,)]


@pytest.mark.nightly
def test_more_than_a_message_to_postgres_can_hold(postgres_place):
    """1 GB is the most that it takes in at once."""
    leaf = bytes(65_535)
    with postgres_place.create() as ledger:
        new = [(each, leaf, b"", b"", None, b"", b"%d" % each, *[""] * 4) for each in range(1, 17_001)]
        with engine.writing(ledger._engine) as connection, engine.committing(connection):
            driver.insert(connection, entries, new)
        assert ledger.stored() == 17_001


def test_what_is_asked_with_the_lock_sees_what_its_last_holder_committed(place):
    """All of it is sent before the lock is there: each query must still look only once it is."""
    count = [("SELECT COUNT(*) FROM nodes", [])]
    found = []

    def wait_for_it():
        with engine.locked(ledger._engine, count) as (_, answers):
            found.append(answers)

    with place.create() as ledger:
        waiting = Thread(target=wait_for_it)
        with engine.writing(ledger._engine) as connection:
            waiting.start()
            if place.url.startswith("postgresql"):
                until_it_waits(ledger)
            driver.insert(connection, nodes, [(1, 5, bytes(32))])
        waiting.join()
    assert found == [[[(1,)]]]


def test_connections_that_died_together_are_all_forgotten_at_the_first(postgres_url, tmp_path, alias):
    signer = LocalSigner.generate(tmp_path / "key")
    with Ledger.create(postgres_url, blobs=str(tmp_path), signer=signer, now=NOON) as ledger:
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(engine.reading(ledger._engine))
        everybody_else = (
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
            assert connection.execute(everybody_else).fetchall() == [(True,)] * 3
        with pytest.raises(LedgerUnavailable):
            ledger.append([alias()], now=NOON)
        assert ledger.append([alias()], now=NOON).head.size == 2


class Stopped(BaseException):
    """What a signal's handler raises, as Airflow's do."""


def test_a_signal_in_the_midst_of_an_answer_is_not_taken_for_a_failing_database(postgres_url, tmp_path, alias):
    """Whoever was told to stop would otherwise hear that the same call can be made again."""

    def stop(*_):
        raise Stopped

    def tell_it_to_stop(ledger):
        until_it_waits(ledger)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, stop)
    key = LocalSigner.generate(tmp_path / "key")
    place = {"blobs": str(tmp_path), "signer": key}
    try:
        with Ledger.create(postgres_url, **place, now=NOON) as holder, Ledger.open(postgres_url, **place) as ledger:
            with engine.writing(holder._engine):
                other = Thread(target=tell_it_to_stop, args=(holder,))
                other.start()
                with pytest.raises(Stopped):
                    ledger.append([alias()], now=NOON)
                other.join()
            assert ledger.append([alias()], now=NOON).head.size == 2
    finally:
        signal.signal(signal.SIGUSR1, before)


def until_it_waits(ledger):
    """Until somebody in this database waits for the write lock."""
    query = (
        "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with ledger._engine.connect() as connection:
        while driver.rows(connection, query) == [(0,)]:
            pass
