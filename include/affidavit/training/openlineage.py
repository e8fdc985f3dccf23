"""A transport for OpenLineage's Python client, and for Airflow's provider: events are spooled to a folder.

    transport:
      type: affidavit.training.openlineage.SpoolTransport
      url: s3://bucket/openlineage

The collector of an AI system whose file names the same folder (``openlineage:``) reads them from there, so nothing has
to listen. Each event is a file of its own, which appears whole or not at all, under a name that sorts by time.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
from openlineage.client.serde import Serde
from openlineage.client.transport.transport import Config, Transport

from affidavit.errors import ConfigurationError
from affidavit.training.harmless import harmless


@dataclass
class SpoolConfig(Config):
    """``url`` is a folder: an absolute path or any fsspec URL."""

    url: str

    @classmethod
    def from_dict(cls, params: dict[str, Any]) -> SpoolConfig:
        """Read the transport's configuration. Raises ``ConfigurationError`` where it names no folder."""
        url = params.get("url")
        if not isinstance(url, str) or not ("://" in url or url.startswith("/")):
            raise ConfigurationError(
                "names no folder", where="OpenLineage transport: url", fix="write url: file:///absolute/path, or s3://…"
            )
        return cls(url)


class SpoolTransport(Transport):
    """Writes each event to a file. A failure is logged, and never breaks the job that told of itself."""

    kind = "affidavit-spool"
    config_class = SpoolConfig

    def __init__(self, config: SpoolConfig) -> None:
        self.url = config.url

    def emit(self, event: Any) -> None:
        """Spool one event; it is durable when this returns, unless a warning was logged."""
        with harmless("an OpenLineage event was not spooled"):
            data = Serde.to_json(event).encode() + b"\n"
            time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
            name = f"{time}-{hashlib.sha256(data).hexdigest()[:16]}.json"
            fs, root = fsspec.core.url_to_fs(self.url)
            if isinstance(fs, LocalFileSystem):
                _write_whole(Path(root), name, data)
            else:
                fs.pipe_file(f"{root}/{name}", data)  # an object store puts it whole or not at all


def _write_whole(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}"
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / name)
