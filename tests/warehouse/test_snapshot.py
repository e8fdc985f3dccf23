import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg
import pytest
import sqlalchemy as sa

from affidavit.errors import ConfigurationError, SourceGarbled, SourceRefused, SourceUnavailable
from affidavit.inventory import Connection
from affidavit.warehouse import fingerprint, profile, snapshot

SLOW = {
    "duckdb": "SELECT count(*) FROM range(100000000) a, range(1000) b WHERE hash(a.range + b.range) = 7",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgres": "SELECT pg_sleep(60)",
}


def test_all_statements_of_a_snapshot_see_the_same_rows(postgres):
    postgres.run("CREATE TABLE t (id INT)", "INSERT INTO t SELECT generate_series(1, 100)")
    alone = postgres.fingerprint()
    with snapshot(postgres.connection, timeout_seconds=20) as opened:
        table = opened.table("t")
        for number in range(5):
            postgres.run(f"INSERT INTO t VALUES ({number})", "DELETE FROM t WHERE id = 50", "UPDATE t SET id = id + 1")
            assert fingerprint(opened, table, about="t") == alone
            assert profile(opened, table, about="t", time_column=None).rows == 100
        assert "REPEATABLE READ" in opened.consistency
    assert postgres.fingerprint() != alone


def test_a_sqlite_snapshot_in_wal_mode_sees_the_same_rows(lite):
    with closing(lite.open()) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.executescript("CREATE TABLE t (id INT); INSERT INTO t VALUES (1);")
        with snapshot(lite.connection, timeout_seconds=20) as opened:
            before = fingerprint(opened, opened.table("t"), about="t")
            writer.execute("INSERT INTO t VALUES (2)")
            writer.commit()
            assert fingerprint(opened, opened.table("t"), about="t") == before
    assert lite.fingerprint().rows == 2


def test_a_duckdb_file_that_this_process_writes_is_read_in_one_snapshot(duck):
    duck.run("CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1)")
    with closing(duck.open()) as writer, snapshot(duck.connection, timeout_seconds=20) as opened:
        before = fingerprint(opened, opened.table("t"), about="t")
        writer.execute("INSERT INTO t VALUES (2)")
        writer.commit()
        assert fingerprint(opened, opened.table("t"), about="t") == before


@pytest.mark.parametrize("read_only", [True, False])
def test_a_duckdb_file_that_this_process_holds_open_keeps_its_settings(duck, read_only):
    duck.run("CREATE TABLE t (id INT)")
    settings = "SELECT name, value FROM duckdb_settings() ORDER BY name"
    with closing(duckdb.connect(duck.connection.path, read_only=read_only)) as own:
        before = own.execute(settings).fetchall()
        duck.fingerprint()
        assert own.execute(settings).fetchall() == before


def test_looking_into_a_duckdb_file_downloads_nothing(duck):
    with snapshot(duck.connection, timeout_seconds=20) as opened:
        asked = sa.text("SELECT current_setting('autoinstall_known_extensions')")
        assert opened.query(asked, about="t") == [(False,)]


def test_duckdb_sorts_what_is_too_much_for_it_in_a_folder_that_only_we_may_read(duck):
    asked = "SELECT current_setting('temp_directory'), current_setting('memory_limit') <> ''"
    asked += ", current_setting('enable_progress_bar')"
    with snapshot(duck.connection, timeout_seconds=20) as opened:
        [(folder, limited, bar)] = opened.query(sa.text(asked), about="t")
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
        assert (limited, bar) == (True, False)
        assert Path(folder).parent != Path(duck.connection.path).parent


def test_the_folder_to_sort_in_is_there_while_a_look_lasts_and_no_longer(duck, tmp_path, monkeypatch):
    duck.run("CREATE TABLE t (id INT)")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def folders():
        return list(tmp_path.glob("affidavit-*"))

    with snapshot(duck.connection, timeout_seconds=20):
        with snapshot(duck.connection, timeout_seconds=20):
            assert len(folders()) == 1
        assert len(folders()) == 1
    assert folders() == []
    with pytest.raises(SourceRefused), snapshot(Connection("bank", "duckdb", host="/absent"), timeout_seconds=1):
        pass
    (tmp_path / "broken").write_text("no database")
    with (
        pytest.raises(SourceGarbled),
        snapshot(Connection("bank", "duckdb", host=str(tmp_path / "broken")), timeout_seconds=1),
    ):
        pass
    assert folders() == []


def test_all_rows_of_a_table_come_in_the_order_of_its_columns(warehouse):
    warehouse.run('CREATE TABLE t (id INT, "na""me" VARCHAR(9))', "INSERT INTO t VALUES (1, 'a'), (2, NULL)")
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        rows = sorted(tuple(row) for row in opened.rows(opened.table("t"), about="t"))
    assert rows == [(1, "a"), (2, None)]


def test_nothing_can_be_written(warehouse):
    warehouse.run("CREATE TABLE t (id INT)")
    with (
        snapshot(warehouse.connection, timeout_seconds=20) as opened,
        pytest.raises((SourceRefused, SourceUnavailable)),
    ):
        opened.query(sa.text("INSERT INTO t VALUES (1) RETURNING id"), about="t")
    assert warehouse.fingerprint().rows == 0


def test_a_query_that_takes_too_long_names_table_and_seconds(warehouse):
    warehouse.run("CREATE TABLE t (id INT)")
    with (
        snapshot(warehouse.connection, timeout_seconds=1) as opened,
        pytest.raises(SourceUnavailable, match=r"warehouse://bank/t: .* longer than 1 seconds") as error,
    ):
        opened.query(sa.text(SLOW[warehouse.kind]), about="t")
    assert error.value.retryable


def test_a_stream_is_limited_as_a_whole(lite):
    lite.run("CREATE TABLE t (id INT)")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    with snapshot(lite.connection, timeout_seconds=1) as opened, pytest.raises(SourceUnavailable, match="1 seconds"):
        for _ in opened.stream(sa.text(endless), about="t"):
            pass


def test_a_server_that_hangs_up_mid_query_is_unavailable(postgres):
    postgres.run("CREATE TABLE t (id INT)")
    with snapshot(postgres.connection, timeout_seconds=60) as opened, closing(postgres.open()) as admin:
        pid = opened.query(sa.text("SELECT pg_backend_pid()"), about="t")[0][0]

        def hang_up() -> None:
            busy = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND query LIKE '%%pg_sleep%%'"
            while not admin.execute(busy, (pid,)).fetchall():
                admin.rollback()
            admin.execute("SELECT pg_terminate_backend(%s)", (pid,))

        killer = threading.Thread(target=hang_up)
        killer.start()
        with pytest.raises(SourceUnavailable, match=r"warehouse://bank/t: .*ended the connection") as error:
            opened.query(sa.text(SLOW["postgres"]), about="t")
        killer.join()
        assert error.value.retryable
        with pytest.raises(SourceUnavailable):
            opened.query(sa.text("SELECT 1"), about="t")


def test_a_server_that_is_not_there_is_unavailable():
    with (
        pytest.raises(SourceUnavailable, match="connection 'bank'"),
        snapshot(Connection("bank", "postgres", host="127.0.0.1", port=1), timeout_seconds=5),
    ):
        pass


def test_a_refused_login_shows_no_password(postgres):
    name = postgres.connection.schema
    postgres.run(f"CREATE ROLE \"r_{name}\" LOGIN PASSWORD 'right'")
    wrong = Connection(
        "bank", "postgres", host=postgres.connection.host, login="nobody", password="hunter2", schema=name
    )
    absent = Connection("bank", "postgres", host=postgres.connection.host, login="postgres", schema="absent")
    for connection in (wrong, absent):
        with pytest.raises(SourceRefused, match="connection 'bank'") as error, snapshot(connection, timeout_seconds=5):
            pass
        assert "hunter2" not in str(error.value)
        assert "hunter2" not in str(error.value.__cause__)
    postgres.run(f'DROP ROLE "r_{name}"')


def test_a_right_that_is_missing_is_refused(postgres):
    name = postgres.connection.schema
    postgres.run("CREATE TABLE t (id INT)", f'CREATE ROLE "r_{name}" LOGIN')
    guest = Connection("bank", "postgres", host=postgres.connection.host, login=f"r_{name}", schema=name)
    with snapshot(guest, timeout_seconds=5) as opened, pytest.raises(SourceRefused, match=r"permission denied.*SELECT"):
        fingerprint(opened, opened.table("t"), about="t")
    postgres.run(f'DROP ROLE "r_{name}"')


def test_a_policy_that_hides_rows_is_refused_not_obeyed(postgres):
    name = postgres.connection.schema
    postgres.run(
        "CREATE TABLE t (id INT)",
        "INSERT INTO t VALUES (1), (2)",
        f'CREATE ROLE "r_{name}" LOGIN',
        f'GRANT SELECT ON t TO "r_{name}"',
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY first ON t USING (id = 1)",
    )
    guest = Connection("bank", "postgres", host=postgres.connection.host, login=f"r_{name}", schema=name)
    with snapshot(guest, timeout_seconds=5) as opened, pytest.raises(SourceRefused, match="policy"):
        fingerprint(opened, opened.table("t"), about="t")
    postgres.run(f'DROP OWNED BY "r_{name}"', f'DROP ROLE "r_{name}"')


def test_a_missing_table_lists_near_names(warehouse):
    warehouse.run("CREATE TABLE applications_train (id INT)", "CREATE VIEW other AS SELECT 1 AS id")
    with snapshot(warehouse.connection, timeout_seconds=5) as opened:
        with pytest.raises(SourceRefused, match=r"application_train.*did you mean 'applications_train'"):
            opened.table("application_train")
        assert opened.table("other").columns[0].name == "id"


def test_schemas_are_told_apart(postgres):
    postgres.run('CREATE SCHEMA "a.b"', 'CREATE TABLE "a.b".t (id INT)', 'CREATE TABLE "b.t" (id INT, other INT)')
    with snapshot(postgres.connection, timeout_seconds=5) as opened:
        assert len(opened.table("b.t").columns) == 2
        assert len(opened.table("a.b.t").columns) == 1
        assert len(opened.table("public.b.t").columns) == 2
        with pytest.raises(SourceRefused, match=r"did you mean 'a\.b\.t'"):
            opened.table("a.b.tt")


def test_two_tables_that_one_name_fits_are_refused(duck):
    duck.run("CREATE SCHEMA a", "CREATE TABLE a.t (id INT)", 'CREATE TABLE "a.t" (id INT)')
    with snapshot(duck.connection, timeout_seconds=5) as opened, pytest.raises(SourceRefused, match="fits 2 tables"):
        opened.table("a.t")


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_database_that_does_not_exist_is_not_made(kind, tmp_path):
    path = tmp_path / "absent.db"
    with (
        pytest.raises(SourceRefused, match="no database file"),
        snapshot(Connection("b", kind, host=str(path)), timeout_seconds=5),
    ):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_file_that_is_no_database_is_garbled(kind, tmp_path):
    path = tmp_path / "noise.db"
    path.write_bytes(b"not a database at all " * 1000)
    with pytest.raises(SourceGarbled), snapshot(Connection("b", kind, host=str(path)), timeout_seconds=5):
        pass


def test_a_duckdb_file_locked_by_a_writer_is_unavailable(duck):
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, duck.connection.path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
        assert writer.stdout.readline() == b"held\n"
        with (
            pytest.raises(SourceUnavailable, match=r"'bank'.*open for writing") as error,
            snapshot(duck.connection, timeout_seconds=5),
        ):
            pass
        assert error.value.retryable
        writer.communicate()


def test_a_sqlite_file_locked_by_a_writer_is_unavailable(lite):
    lite.run("CREATE TABLE t (id INT)")
    with closing(sqlite3.connect(lite.connection.path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with (
            pytest.raises(SourceUnavailable, match="writing to the SQLite file"),
            snapshot(lite.connection, timeout_seconds=5),
        ):
            pass


def test_an_error_about_a_value_does_not_quote_it(warehouse):
    warehouse.run("CREATE TABLE t (a VARCHAR(50))", "INSERT INTO t VALUES ('hunter2')")
    statement = {"sqlite": "SELECT json(a) FROM t"}.get(warehouse.kind, "SELECT CAST(a AS INTEGER) FROM t")
    with snapshot(warehouse.connection, timeout_seconds=5) as opened, pytest.raises(SourceRefused) as error:
        opened.query(sa.text(statement), about="t")
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None


def test_another_kind_of_connection_is_no_warehouse():
    with (
        pytest.raises(ConfigurationError, match="'http' is no warehouse"),
        snapshot(Connection("bank", "http"), timeout_seconds=5),
    ):
        pass


def test_the_connection_is_closed_with_the_block(postgres):
    with snapshot(postgres.connection, timeout_seconds=5):
        pass
    mine = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{postgres.connection.schema}'"
    with psycopg.connect(host=postgres.connection.host, user="postgres", dbname="postgres") as admin:
        while admin.execute(mine).fetchone()[0]:  # the server notices the goodbye a moment later
            admin.rollback()
