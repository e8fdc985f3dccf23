"""Where things are: read once from the environment, then passed down as values.

| variable | default |
|---|---|
| ``AFFIDAVIT_PROJECT`` | the folder that holds ``include/`` and ``expectations/`` |
| ``AFFIDAVIT_LEDGER_URL`` | ``sqlite:///<project>/.affidavit/ledger.db`` |
| ``AFFIDAVIT_BLOBS_URL`` | ``file://<project>/.affidavit/blobs`` |
| ``AFFIDAVIT_KEY_FILE`` | ``<project>/.affidavit/signer.key`` |
| ``AFFIDAVIT_SIGNER_URL`` | unset: signing takes place in the writing process, with the key file |
| ``AFFIDAVIT_SITE_DIR`` | ``<project>/.affidavit/site`` |
| ``AFFIDAVIT_STAGING_URL`` | ``file://<project>/.affidavit/staging`` |

Airflow's own ``AIRFLOW_HOME`` is read where it is set: what lies there is kept from models that are served to be asked.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

from affidavit.errors import ConfigurationError

PREFIX = "AFFIDAVIT_"
VARIABLES = tuple(
    PREFIX + name
    for name in ("PROJECT", "LEDGER_URL", "BLOBS_URL", "KEY_FILE", "SIGNER_URL", "SITE_DIR", "STAGING_URL")
)
LEDGER_SCHEMES = ("sqlite", "postgresql")

TELEMETRY_OFF = {
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "DO_NOT_TRACK": "1",
}
"""Nothing that the project starts sends usage data anywhere; each of these does by default."""


@dataclass(frozen=True)
class Settings:
    """Paths are absolute. URLs may hold a password, so ``repr`` leaves them out; show :attr:`shown_ledger_url`."""

    project: Path
    ledger_url: str = field(repr=False)
    blobs_url: str = field(repr=False)
    key_file: Path
    signer_url: str | None
    site_dir: Path
    staging_url: str = field(repr=False)
    airflow_home: Path | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str], project: Path) -> Settings:
        """Settings of the project at ``project``, which ``AFFIDAVIT_PROJECT`` overrides.

        Raises ``ConfigurationError`` naming the variable for an unknown or empty one and for what cannot be meant.
        """
        given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
        for name, value in given.items():
            if name not in VARIABLES:
                raise ConfigurationError("unknown variable", where=name, fix=_nearest(name))
            if not value.strip():
                raise ConfigurationError("the variable is empty", where=name, fix="give it a value, or unset it")
        project = Path(given.get("AFFIDAVIT_PROJECT", project)).absolute()
        home = project / ".affidavit"
        return cls(
            project=project,
            ledger_url=_ledger_url(given.get("AFFIDAVIT_LEDGER_URL", f"sqlite:///{home}/ledger.db")),
            blobs_url=_folder_url("AFFIDAVIT_BLOBS_URL", given, home / "blobs"),
            key_file=_path("AFFIDAVIT_KEY_FILE", given, home / "signer.key"),
            signer_url=_signer_url(given.get("AFFIDAVIT_SIGNER_URL")),
            site_dir=_path("AFFIDAVIT_SITE_DIR", given, home / "site"),
            staging_url=_folder_url("AFFIDAVIT_STAGING_URL", given, home / "staging"),
            airflow_home=Path(environ["AIRFLOW_HOME"]).absolute() if environ.get("AIRFLOW_HOME") else None,
        )

    @property
    def views_file(self) -> Path:
        """Where what past dates showed is kept; it is made again where it is gone."""
        return self.project / ".affidavit" / "views.db"

    @property
    def include_dir(self) -> Path:
        """The folder of ``organisation.yaml`` and ``systems/``."""
        return self.project / "include"

    @property
    def suites_dir(self) -> Path:
        """The folder of expectation suites."""
        return self.project / "expectations"

    @property
    def secrets(self) -> tuple[Path, ...]:
        """Files, folders and sockets of this machine that nobody else may reach, whether they are there or not."""
        urls = [url for url in (self.ledger_url, self.blobs_url, self.staging_url, self.signer_url) if url]
        named = [path for path in map(_local, urls) if path]
        airflow = [self.airflow_home / name for name in _OF_AIRFLOW] if self.airflow_home else []
        return (self.key_file, *named, *airflow)

    @property
    def shown_ledger_url(self) -> str:
        """The ledger's URL without password and query, fit to be printed."""
        scheme, _, rest = self.ledger_url.partition("?")[0].partition("://")
        authority, slash, path = rest.partition("/")
        login, at, host = authority.rpartition("@")
        return f"{scheme}://{login.partition(':')[0]}{at}{host}{slash}{path}"


_OF_AIRFLOW = ("airflow.cfg", "airflow.db", "simple_auth_manager_passwords.json.generated")


def _local(url: str) -> Path | None:
    """The path of this machine that a URL names, if any."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Path(url)
    if scheme.partition("+")[0] == "sqlite":
        return Path(rest.removeprefix("/").partition("?")[0])
    return Path(rest) if scheme in {"file", "unix"} else None


def quiet(environ: MutableMapping[str, str]) -> None:
    """Switch usage data off; call it before anything heavy is imported, since some read it at import."""
    environ.update(TELEMETRY_OFF)


def _ledger_url(url: str) -> str:
    where = "AFFIDAVIT_LEDGER_URL"
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in LEDGER_SCHEMES:
        known = "sqlite:////absolute/path/ledger.db or postgresql+psycopg://user@host/database"
        raise ConfigurationError("not a database URL that a ledger can live at", where=where, fix=f"write {known}")
    if scheme.startswith("sqlite") and not rest.startswith("//"):
        # A relative path, or none (a database in memory), would be another ledger in every process.
        raise ConfigurationError(
            "a SQLite ledger needs an absolute path", where=where, fix="write sqlite:////absolute/path/ledger.db"
        )
    return url


def _signer_url(url: str | None) -> str | None:
    # What is more to say of an address is said by whoever connects to it.
    if url is not None and not url.startswith(("unix:///", "http://")):
        raise ConfigurationError(
            "not where a signer can listen",
            where="AFFIDAVIT_SIGNER_URL",
            fix="write unix:///path/to/socket or http://127.0.0.1:8123",
        )
    return url


def _path(name: str, given: Mapping[str, str], default: Path) -> Path:
    path = Path(given.get(name, default))
    if not path.is_absolute():
        raise ConfigurationError("not an absolute path", where=name, fix="write the path from / on")
    return path


def _folder_url(name: str, given: Mapping[str, str], default: Path) -> str:
    url = given.get(name, f"file://{default}")
    if "://" not in url and not url.startswith("/"):
        raise ConfigurationError(
            "neither a URL nor an absolute path", where=name, fix="write file:///absolute/path, s3://bucket/folder, …"
        )
    if url.startswith("memory:"):
        raise ConfigurationError("memory is gone when the process ends", where=name, fix="name a folder that stays")
    return url


def _nearest(name: str) -> str:
    from affidavit.inventory.load import did_you_mean

    near = did_you_mean(name.removeprefix(PREFIX), [v.removeprefix(PREFIX) for v in VARIABLES], otherwise="")
    return near.replace("'", f"'{PREFIX}", 1) or f"unset it; the variables are {', '.join(VARIABLES)}"
