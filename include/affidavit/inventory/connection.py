"""A connection: an Airflow connection id resolved to where and as whom.

Outside Airflow the same ids resolve from the environment as Airflow's own do (``AIRFLOW_CONN_<ID>``, a URI or JSON).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from affidavit.errors import ConfigurationError, ConnectionMissing


@dataclass(frozen=True)
class Connection:
    """Fields as Airflow names them. The password never shows in ``repr``."""

    id: str
    type: str
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    schema: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, connection_id: str, text: str) -> Connection:
        """Read an Airflow connection URI or JSON document.

        Raises ``ConfigurationError`` naming the id and never the text, which may hold a password.
        """
        try:
            return cls._from_json(connection_id, text) if text.startswith("{") else cls._from_uri(connection_id, text)
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                "neither an Airflow connection URI nor JSON",
                where=f"connection {connection_id!r}",
                fix=f"set {variable(connection_id)} to something like postgres://user:password@host:5432/database",
            ) from error

    @classmethod
    def _from_json(cls, connection_id: str, text: str) -> Connection:
        data = json.loads(text)
        extra = data.get("extra") or {}
        return cls(
            id=connection_id,
            type=_type(data.get("conn_type", "")),
            host=data.get("host") or "",
            port=int(data["port"]) if data.get("port") else None,
            login=data.get("login") or "",
            password=data.get("password") or "",
            schema=data.get("schema") or "",
            extra=json.loads(extra) if isinstance(extra, str) else extra,
        )

    @classmethod
    def _from_uri(cls, connection_id: str, text: str) -> Connection:
        parts = urlsplit(text)
        host = unquote(parts.hostname or "")
        # Airflow keeps an inner protocol in the host: http://https%3A%2F%2Fhost, and mlflow's own https://host.
        return cls(
            id=connection_id,
            type=_type(parts.scheme),
            host=host,
            port=parts.port,
            login=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            schema=unquote(parts.path[1:]),
            extra=dict(parse_qsl(parts.query)),
        )

    @property
    def path(self) -> str:
        """The file of a file-based database: Airflow users write it as host or as schema."""
        return self.schema or self.host


Resolve = Callable[[str], Connection]
"""Turns a connection id into a connection; raises ``ConnectionMissing``."""


def variable(connection_id: str) -> str:
    """The environment variable that holds a connection, as Airflow names it."""
    return f"AIRFLOW_CONN_{connection_id.upper()}"


def from_environment(environ: Mapping[str, str]) -> Resolve:
    """A resolver over a copy of the environment."""

    def resolve(connection_id: str) -> Connection:
        text = environ.get(variable(connection_id))
        if not text:
            raise ConnectionMissing(
                "no such connection",
                where=f"connection {connection_id!r}",
                fix=f"add it in Airflow (Admin, Connections) or set {variable(connection_id)}",
            )
        return Connection.parse(connection_id, text)

    return resolve


def _type(text: str) -> str:
    if not text:
        raise ValueError("no connection type")
    return text.replace("-", "_")
