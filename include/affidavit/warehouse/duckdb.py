"""DuckDB: the file opened read-only, rows hashed by DuckDB's own ``sha256``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import duckdb_engine
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from affidavit.errors import SourceRefused
from affidavit.inventory import Connection
from affidavit.warehouse.dialect import Bucket, Diagnosis, Run, Trouble, declared
from affidavit.warehouse.files import existing_file
from affidavit.warehouse.tables import Column, TableRef

_OURS = {"read_only": True, "config": {"autoinstall_known_extensions": "false"}}
"""Nothing is to be downloaded. A setting of the whole database, so it is not for us to change one that others use."""

_EXACT_AS_TEXT = frozenset(
    [
        *(
            "boolean",
            "varchar",
            "enum",
            "uuid",
            "bit",
            "null",
            "float",
            "double",
            "decimal",
            "bignum",
            "hugeint",
            "uhugeint",
        ),
        *("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"),
        *("date", "time", "time_ns", "time with time zone", "interval", "timestamp", "timestamp with time zone"),
        *("timestamp_s", "timestamp_ms", "timestamp_ns"),
    ]
)
"""Types whose cast to text tells any two values apart (floats: shortest text that reads back as the same
float; times with a zone: in UTC, which :meth:`DuckDB.begin` sets)."""


class DuckDB:
    """See :class:`affidavit.warehouse.dialect.Dialect`."""

    name = "duckdb"
    method = "rows-sha256-buckets/1 duckdb"

    def connect(self, connection: Connection) -> sa.Connection:
        """Opens the file read-only, or joins what this process already holds open of it and leaves that as it is."""
        path = existing_file(connection)
        # DuckDB opens a file once per process, in one configuration. The transaction is read-only in each.
        for how in (_OURS, {"read_only": True}):
            try:
                return _open(path, how)
            except sa.exc.DBAPIError as error:
                if "different configuration" not in str(error.orig):
                    raise
        return _open(path, {"read_only": False})

    def begin(self, connection: sa.Connection, *, timeout_seconds: int) -> str:
        """``BEGIN TRANSACTION READ ONLY``, pinned by a first read."""
        del timeout_seconds
        connection.exec_driver_sql("ROLLBACK")
        # The text of times depends on the zone, the order of hashes on the collation.
        for setting in ("TimeZone = 'UTC'", "default_collation = ''"):
            connection.exec_driver_sql(f"SET {setting}")
        # Great Expectations asks for a regular expression by this name; a temporary macro is of this connection alone.
        connection.exec_driver_sql(
            "CREATE OR REPLACE TEMP MACRO regexp_like(text, pattern) AS regexp_matches(text, pattern)"
        )
        connection.exec_driver_sql("BEGIN TRANSACTION READ ONLY")
        connection.exec_driver_sql("SELECT count(*) FROM duckdb_tables()").fetchall()
        return "one connection in one read-only transaction (snapshot isolation)"

    def interrupt(self, connection: sa.Connection) -> Callable[[], None] | None:
        """DuckDB's own interrupt."""
        driver: Any = connection.connection.driver_connection
        stop: Callable[[], None] = driver.interrupt
        return stop

    def diagnose(self, error: BaseException) -> Diagnosis:
        """By exception class; DuckDB has no error codes."""
        text = str(error).split("\n")[0]
        match error:
            case duckdb.InterruptException():
                found = Diagnosis(Trouble.TIMED_OUT, "stopped")
            case duckdb.IOException() if "Could not set lock" in text or "being used by another process" in text:
                found = Diagnosis(
                    Trouble.UNAVAILABLE,
                    "another process has the DuckDB file open for writing",
                    fix="let the writer close the file, then try again",
                )
            case duckdb.SerializationException():
                found = Diagnosis(Trouble.GARBLED, "the file is broken, or from another version of DuckDB")
            case duckdb.IOException() if "not a valid DuckDB database" in text:
                found = Diagnosis(Trouble.GARBLED, "the file is not a DuckDB database")
            case duckdb.OperationalError() | duckdb.FatalException() | duckdb.InternalException():
                found = Diagnosis(Trouble.UNAVAILABLE, f"DuckDB cannot read now ({type(error).__name__})")
            case duckdb.CatalogException() | duckdb.BinderException() | duckdb.PermissionException():
                found = Diagnosis(Trouble.REFUSED, f"DuckDB refused the query ({text})")
            case _:
                reason = f"DuckDB refused the query ({type(error).__name__})"
                found = Diagnosis(Trouble.REFUSED, reason, quotes_rows=True)
        return found

    def tables(self) -> sa.Executable:
        """Tables and views of the file itself, not of what is attached to it."""
        return sa.text(
            "SELECT schema_name, name, schema_name = current_schema() FROM ("
            " SELECT schema_name, table_name AS name, database_name FROM duckdb_tables() WHERE NOT internal"
            " UNION ALL SELECT schema_name, view_name, database_name FROM duckdb_views() WHERE NOT internal"
            ") WHERE database_name = current_database()"
        )

    def columns(self, table: TableRef) -> sa.Executable:
        """From ``duckdb_columns()``."""
        return sa.text(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database()"
            " AND schema_name = :schema AND table_name = :name ORDER BY column_index"
        ).bindparams(schema=table.schema, name=table.name)

    def buckets(self, table: TableRef, run: Run, *, where: str) -> Iterable[Bucket]:
        """One statement: hash each row, group by prefix, hash the sorted hashes (hexadecimal, joined)."""
        encoded = [
            _value(expression, column, where=where)
            for expression, column in zip(declared(table.columns), table.columns, strict=True)
        ]
        hashes = sa.select(sa.func.sha256(_joined(encoded)).label("h")).select_from(table.selectable).subquery()
        prefix = sa.func.substr(hashes.c.h, 1, 3)
        joined = sa.func.string_agg(hashes.c.h, aggregate_order_by(sa.literal_column("''"), hashes.c.h))
        for row in run(sa.select(prefix, sa.func.count(), sa.func.sha256(joined)).group_by(prefix)):
            yield Bucket(*row)

    def size(self, table: TableRef) -> tuple[sa.Executable, str]:
        """DuckDB keeps a row count per table; of a view it knows nothing."""
        statement = sa.text(
            "SELECT max(estimated_size), NULL FROM duckdb_tables() WHERE database_name = current_database()"
            " AND schema_name = :schema AND table_name = :name"
        ).bindparams(schema=table.schema, name=table.name)
        return statement, "DuckDB's catalogue"


def _open(path: Path, how: Mapping[str, Any]) -> sa.Connection:
    # Through a creator, since the engine's own way adds a user agent, which DuckDB counts as another configuration.
    engine = sa.create_engine(
        "duckdb://",
        creator=lambda: duckdb_engine.ConnectionWrapper(duckdb.connect(str(path), **how)),
        poolclass=sa.NullPool,
        hide_parameters=True,
    )
    return engine.connect()


def _joined(parts: list[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    return sa.func.concat(*parts) if parts else sa.literal_column("''")


def _value(expression: sa.ColumnElement[Any], column: Column, *, where: str) -> sa.ColumnElement[Any]:
    try:
        return _encoded(expression, duckdb.sqltype(column.type))
    except (NotImplementedError, duckdb.Error) as error:
        raise SourceRefused(
            f"the column {column.name!r} has type {column.type}, whose values have no exact text",
            where=where,
            fix="declare a view that leaves it out or casts it",
        ) from error


def _encoded(expression: sa.ColumnElement[Any], kind: Any, *, depth: int = 0) -> sa.ColumnElement[Any]:
    """``n`` for null, else ``v<bytes>:<text>``: no two values of a type, and no two rows of values, read the same."""
    text = _text(expression, kind, depth)
    counted = sa.func.concat(sa.literal_column("'v'"), sa.func.strlen(text), sa.literal_column("':'"), text)
    return sa.case((expression.is_(None), sa.literal_column("'n'")), else_=counted)


def _text(expression: sa.ColumnElement[Any], kind: Any, depth: int) -> sa.ColumnElement[Any]:
    name = str(kind.id)
    if name == "blob":
        return sa.func.hex(expression)
    if name in _EXACT_AS_TEXT:
        return sa.cast(expression, sa.Text)
    if name not in {"list", "array", "struct", "map"}:
        raise NotImplementedError(name)
    children = dict(kind.children)
    if name == "struct":
        fields = (sa.func.struct_extract(expression, sa.literal_column(_literal(key))) for key in children)
        return _joined(
            [_encoded(f, child, depth=depth + 1) for f, child in zip(fields, children.values(), strict=True)]
        )
    if name == "map":
        # As a list of entries, in the order the map keeps them.
        return _text(sa.func.map_entries(expression), duckdb.list_type(duckdb.struct_type(children)), depth)
    element: sa.ColumnElement[Any] = sa.literal_column(f"x{depth}")
    item = _encoded(element, children["child"], depth=depth + 1)
    each = sa.literal_column(f"lambda x{depth}:").op(" ")(item)
    return sa.func.array_to_string(sa.func.list_transform(expression, each), sa.literal_column("''"))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
