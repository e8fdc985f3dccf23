"""Where the demo keeps what it makes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Paths of one demo: ``root`` is the checkout, ``home`` holds everything that is made and may be deleted.

    ``dags`` is the folder that Airflow reads, ``affidavit`` the command that reads the ledger.
    """

    root: Path
    home: Path
    dags: Path
    affidavit: Path

    @classmethod
    def of(cls, root: Path, *, bin: Path) -> Layout:  # noqa: A002  (the folder's name)
        """The usual layout of a checkout; ``bin`` is where its commands are installed."""
        return cls(root=root, home=root / ".demo", dags=root / "dags", affidavit=bin / "affidavit")

    @property
    def logs(self) -> Path:
        """One log per server and training job."""
        return self.home / "logs"

    @property
    def airflow(self) -> Path:
        """Airflow's home."""
        return self.home / "airflow"

    @property
    def passwords(self) -> Path:
        """The file from which Airflow's simple auth manager reads its users' passwords."""
        return self.airflow / "passwords.json"

    @property
    def mlflow(self) -> Path:
        """MLflow's database and artifacts."""
        return self.home / "mlflow"

    @property
    def bank(self) -> Path:
        """The bank's warehouse."""
        return self.home / "bank.duckdb"

    @property
    def clinic(self) -> Path:
        """The clinic's warehouse."""
        return self.home / "clinic.duckdb"

    @property
    def ledger(self) -> Path:
        """The ledger's database."""
        return self.home / "ledger.db"

    @property
    def blobs(self) -> Path:
        """The ledger's blobs."""
        return self.home / "blobs"

    @property
    def staging(self) -> Path:
        """What tasks hand each other on the way to the ledger."""
        return self.home / "staging"

    @property
    def key(self) -> Path:
        """The ledger's signing key."""
        return self.home / "ledger.key"

    @property
    def site(self) -> Path:
        """The static site."""
        return self.home / "site"

    @property
    def data_docs(self) -> Path:
        """Great Expectations' pages, within the site."""
        return self.site / "data-docs"

    @property
    def pools(self) -> Path:
        """The Airflow pools that ``affidavit init`` asks for; it writes them beside its key."""
        return self.key.parent / "pools.json"

    @property
    def servers(self) -> Path:
        """The record of running servers, for whoever has to stop them."""
        return self.home / "servers.json"

    @property
    def summary(self) -> Path:
        """What the demo found, for machines."""
        return self.home / "summary.json"
