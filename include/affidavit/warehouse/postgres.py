"""Postgres: REPEATABLE READ READ ONLY, rows as text by the server's own row output, hashed by its ``sha256``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, aggregate_order_by

from affidavit.inventory import Connection
from affidavit.warehouse.dialect import Bucket, Diagnosis, Trouble, declared
from affidavit.warehouse.tables import TableRef

_SETTINGS = (
    # Text of values depends on these; what they are set to is part of the method.
    ("timezone", "UTC"),
    ("datestyle", "ISO, YMD"),
    ("intervalstyle", "postgres"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),  # the shortest text that reads back as the same float
    ("lc_monetary", "C"),
    # A policy that would hide rows is an error, not a smaller table.
    ("row_security", "off"),
    # A scan of a whole table gains from every worker that the server lends, and from sorting in memory what fits.
    ("parallel_setup_cost", "0"),
    ("parallel_tuple_cost", "0"),
    ("work_mem", "64MB"),
    ("jit", "off"),
)

_REFUSED_AT_LOGIN = ("authentication failed", "no pg_hba.conf entry", "no password supplied", "does not exist")


class Postgres:
    """See :class:`affidavit.warehouse.dialect.Dialect`."""

    name = "postgresql"
    method = "rows-sha256-buckets/1 postgresql"
    one_state = True

    def connect(self, connection: Connection) -> sa.Connection:
        """One connection of its own, that notices a dead peer."""
        url = sa.URL.create(
            "postgresql+psycopg",
            username=connection.login or None,
            password=connection.password or None,
            host=connection.host or None,
            port=connection.port,
            database=connection.schema or None,
        )
        arguments = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
        extra = {key: value for key, value in connection.extra.items() if key.startswith("ssl") or key == "host"}
        engine = sa.create_engine(
            url, connect_args={**arguments, **extra}, poolclass=sa.NullPool, hide_parameters=True
        ).execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return engine.connect()

    def begin(self, connection: sa.Connection, *, timeout_seconds: int) -> str:
        """Settings of this transaction only; the first statement pins the snapshot."""
        settings = (*_SETTINGS, ("statement_timeout", str(timeout_seconds * 1000)))
        for name, value in settings:
            connection.execute(sa.select(sa.func.set_config(name, value, True)))
        return "one connection in one READ ONLY transaction, REPEATABLE READ"

    def interrupt(self, connection: sa.Connection) -> Callable[[], None] | None:
        """The server stops a statement by itself (``statement_timeout``)."""
        del connection
        return None

    def diagnose(self, error: BaseException) -> Diagnosis:
        """By SQLSTATE (PostgreSQL manual, appendix A)."""
        state = (error.sqlstate or "") if isinstance(error, psycopg.Error) else ""
        text = str(error).split("\n")[0]
        if state == "57014":
            found = Diagnosis(Trouble.TIMED_OUT, "cancelled")
        elif state[:2] == "28" or state == "3D000" or (not state and any(w in str(error) for w in _REFUSED_AT_LOGIN)):
            fix = "correct login, password or schema of the connection"
            found = Diagnosis(Trouble.REFUSED, "the server refused the login", fix=fix)
        elif state == "42501":
            fix = "grant the login SELECT, and a policy that shows it all rows"
            found = Diagnosis(Trouble.REFUSED, f"not allowed ({text})", fix=fix)
        elif state[:2] in {"42", "3F", "0A"}:
            found = Diagnosis(Trouble.REFUSED, f"the server refused the query ({state}: {text})")
        elif not state or state[:2] in {"08", "25", "40", "53", "55", "57", "58"}:
            reason = "the server cannot be reached, or ended the connection" + (f" ({state})" if state else "")
            found = Diagnosis(Trouble.UNAVAILABLE, reason, fix="try again when the server is up")
        else:
            # Class 22 (data exceptions) and whatever else: the server's text may quote a value.
            found = Diagnosis(Trouble.REFUSED, f"the server refused the query ({state})", quotes_rows=True)
        return found

    def tables(self) -> sa.Executable:
        """Tables, partitioned tables, views, materialised views and foreign tables, of all schemas but the system's."""
        return sa.text(
            "SELECT n.nspname, c.relname, pg_table_is_visible(c.oid) FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
            " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        )

    def views(self) -> sa.Executable:
        """A view's query as the server writes it out."""
        return sa.text(
            "SELECT n.nspname, c.relname, CASE c.relkind WHEN 'm' THEN 'materialised view' ELSE 'view' END,"
            " pg_get_viewdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        )

    def columns(self, table: TableRef) -> sa.Executable:
        """From ``pg_attribute``."""
        return sa.text(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a"
            " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = :schema AND c.relname = :name AND a.attnum > 0 AND NOT a.attisdropped"
            " ORDER BY a.attnum"
        ).bindparams(schema=table.schema, name=table.name)

    def buckets(self, connection: sa.Connection, table: TableRef, *, where: str) -> Iterable[Bucket]:
        """One statement: hash each row, group by prefix, hash the sorted hashes (32 bytes each, joined).

        A row is the text of ``ROW(...)``: null is empty, the empty string is ``""``, and quotes, backslashes, commas
        and parentheses inside a value are quoted, so that no two rows of values read the same.
        """
        del where  # every type of Postgres has exact text
        # Groups are sorted, not kept in a table of hashes: sorting spills to disk, and the server's workers share it.
        connection.execute(sa.select(sa.func.set_config("enable_hashagg", "off", True)))
        # Not by a server-side cursor, which Postgres never reads with workers: the answer is one line a bucket.
        found = connection.execute(_buckets(table)).fetchall()
        connection.execute(sa.select(sa.func.set_config("enable_hashagg", "on", True)))
        return (Bucket(f"{number:03x}", rows, digest) for number, rows, digest in found)

    def row_digest(self, table: TableRef, *, where: str) -> sa.ColumnElement[Any]:
        """As 32 bytes."""
        del where  # every type of Postgres has exact text
        return _digest(table)

    def count_if(self, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        """Standard SQL."""
        return sa.func.count().filter(condition)

    def distinct(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any] | None:
        """None: it would sort each column."""
        del column
        return None

    def text_sha256(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Postgres' own, of bytes."""
        digest = sa.func.sha256(sa.func.convert_to(text, sa.literal_column("'UTF8'")))
        return sa.func.encode(digest, sa.literal_column("'hex'"))

    def size(self, table: TableRef) -> tuple[sa.Executable, str]:
        """What the planner believes since the last ANALYZE, and the size on disk."""
        statement = sa.text(
            "SELECT CASE WHEN c.reltuples >= 0 AND c.relkind <> 'v' THEN c.reltuples::bigint END,"
            " CASE WHEN c.relkind IN ('r', 'm') THEN pg_table_size(c.oid) END"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = :schema AND c.relname = :name"
        ).bindparams(schema=table.schema, name=table.name)
        return statement, "the planner's figures since the last ANALYZE"


def _digest(table: TableRef) -> sa.ColumnElement[Any]:
    text = sa.cast(sa.func.row(*declared(table.columns)), sa.Text)
    return sa.func.sha256(sa.func.convert_to(text, sa.literal_column("'UTF8'")))


def _buckets(table: TableRef) -> sa.Select[Any]:
    """Rows (number of the bucket, its rows, its SHA-256)."""
    digest = _digest(table).label("h")
    # The second half is empty. It keeps the planner from hashing a row once for each mention of its hash.
    hashes = sa.union_all(
        sa.select(digest).select_from(table.selectable), sa.select(sa.cast(sa.null(), BYTEA)).where(sa.false())
    ).subquery()
    number: sa.ColumnElement[int] = sa.literal_column("get_byte(h, 0) * 16 + get_byte(h, 1) / 16")
    nothing: sa.ColumnElement[Any] = sa.literal_column("''::bytea")
    # Workers gather each bucket as it comes; sorted is only what is in one bucket, so its order hangs on no plan.
    gathered = (
        sa.select(
            number.label("number"), sa.func.count().label("rows"), sa.func.string_agg(hashes.c.h, nothing).label("s")
        )
        .select_from(hashes)
        .group_by(sa.literal_column("1"))
        .offset(sa.literal_column("0"))
        .subquery()
    )
    each: sa.Select[Any] = sa.select(sa.literal_column("substr(s, i, 32)").label("h")).select_from(
        sa.func.generate_series(1, sa.func.length(gathered.c.s), 32).alias("i")
    )
    one = each.correlate(gathered).offset(sa.literal_column("0")).subquery()
    joined = sa.func.string_agg(one.c.h, aggregate_order_by(nothing, one.c.h))
    bucket = sa.select(sa.func.encode(sa.func.sha256(joined), sa.literal_column("'hex'"))).correlate(gathered)
    return sa.select(gathered.c.number, gathered.c.rows, bucket.scalar_subquery())
