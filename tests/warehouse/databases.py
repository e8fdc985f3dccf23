"""One real database of each kind, behind one small seam: run SQL as a writer, and the connection to look through."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import psycopg
import pytest

from affidavit.inventory import Connection
from affidavit.warehouse import Fingerprint, fingerprint, snapshot


@dataclass
class Warehouse:
    """A database that the test owns."""

    kind: str
    connection: Connection
    open: Callable[[], Any]

    def run(self, *statements: str) -> None:
        with closing(self.open()) as writer:
            for statement in statements:
                writer.execute(statement)
            writer.commit()

    def fingerprint(self, table: str = "t") -> Fingerprint:
        with snapshot(self.connection, timeout_seconds=20) as opened:
            return fingerprint(opened, opened.table(table), about=table)

    def text(self, value: str) -> str:
        return "'" + value.replace("'", "''") + "'"


def duckdb_at(path: Path) -> Warehouse:
    duckdb.connect(str(path)).close()
    return Warehouse("duckdb", Connection("bank", "duckdb", host=str(path)), lambda: _Begun(duckdb.connect(str(path))))


class _Begun:
    """A DuckDB connection whose ``commit`` has something to commit, as the other drivers' have."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        connection.begin()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


def sqlite_at(path: Path) -> Warehouse:
    sqlite3.connect(path).close()
    path.touch()
    return Warehouse("sqlite", Connection("bank", "sqlite", host=str(path)), lambda: sqlite3.connect(path))


def postgres_at(url: str) -> Warehouse:
    parts = urlsplit(url)
    host, database = parse_qs(parts.query)["host"][0], parts.path[1:]
    return Warehouse(
        "postgres",
        Connection("bank", "postgres", host=host, login="postgres", schema=database),
        lambda: psycopg.connect(host=host, user="postgres", dbname=database),
    )


@pytest.fixture
def postgres(postgres_url: str) -> Warehouse:
    return postgres_at(postgres_url)


@pytest.fixture
def duck(tmp_path: Path) -> Warehouse:
    return duckdb_at(tmp_path / "bank.duckdb")


@pytest.fixture
def lite(tmp_path: Path) -> Warehouse:
    return sqlite_at(tmp_path / "bank.sqlite")


@pytest.fixture(params=["duckdb", "sqlite", "postgres"])
def warehouse(request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    name = {"duckdb": "duck", "sqlite": "lite", "postgres": "postgres"}[request.param]
    return request.getfixturevalue(name)
