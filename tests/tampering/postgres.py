"""The owner of a ledger in Postgres, who changes it in the same ways."""

from pathlib import Path

import psycopg

from tests.cheat.conftest import Place
from tests.tampering.ground import REBUILT, Owner, build


class PostgresOwner(Owner):
    """As :class:`Owner`; the honest rows are kept beside the tables. Postgres keeps the types: no table is loose."""

    @classmethod
    def at(cls, url: str, ground: Path, home: Path) -> "PostgresOwner":
        """Build the honest ledger at ``url``, its blobs in ``ground``; the owner has a copy of these in ``home``."""
        place = Place(url, ground)
        build(place)
        owner = cls(home, Place(url, home))
        owner._take(place)
        with owner._connected() as connection:
            connection.execute("CREATE SCHEMA honest")
            for table in REBUILT:
                connection.execute(f"CREATE TABLE honest.{table} AS TABLE public.{table}")
                for event in ("update", "delete"):
                    connection.execute(f"DROP TRIGGER {table}_no_{event} ON public.{table}")
                connection.execute(f"ALTER TABLE public.{table} DISABLE TRIGGER ALL")
        return owner

    def restore(self, *, loose: bool = False) -> None:
        assert not loose
        with self._connected() as connection:
            for table in REBUILT:
                connection.execute(f"DELETE FROM public.{table}")
                connection.execute(f"INSERT INTO public.{table} SELECT * FROM honest.{table}")

    def do(self, *statements) -> None:
        """Raises ``psycopg.Error``, and changes nothing, where Postgres refuses a value of another type."""
        with self._connected() as connection:
            for each in statements:
                statement, values = (each, ()) if isinstance(each, str) else each
                connection.execute(statement.replace("?", "%s"), tuple(values))

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self.place.url.replace("+psycopg", ""))
