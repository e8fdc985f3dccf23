"""What every command and task works with: settings, a way to resolve connections, and the rooms opened from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from affidavit import catalogue
from affidavit.errors import UsageError
from affidavit.inventory import Organisation, Resolve, Suite, System
from affidavit.inventory.load import Loaded, load_lenient
from affidavit.ledger import Ledger, LocalSigner, RemoteSigner
from affidavit.ledger.keychain import AnySigner
from affidavit.pipeline.staging import Staging
from affidavit.settings import Settings
from affidavit.tlog.note import VerifierKey
from affidavit.views import Postures
from affidavit.witness.client import WitnessClient


@dataclass(frozen=True)
class Workplace:
    """One project and its ledger, as one process sees them."""

    settings: Settings
    resolve: Resolve

    def loaded(self) -> Loaded:
        """Everything declared: what can be read, and what is wrong with the rest."""
        return load_lenient(self.settings.include_dir, self.settings.suites_dir)

    def system(self, system_id: str) -> tuple[System, tuple[Suite, ...]]:
        """One AI system as declared, and the suites that its tables name.

        Raises the system's own error where its file is broken, ``UsageError`` where there is no such system.
        """
        loaded = self.loaded()
        if system_id in loaded.broken:
            raise loaded.broken[system_id]
        if system_id not in loaded.systems:
            known = ", ".join(sorted(loaded.systems)) or "none yet"
            raise UsageError(
                f"no AI system {system_id!r}", where="include/systems", fix=f"choose one of: {known}; or add its file"
            )
        system = loaded.systems[system_id]
        names = {table.suite for table in system.tables if table.suite}
        return system, tuple(loaded.suites[name] for name in sorted(names))

    @property
    def secrets(self) -> tuple[Path, ...]:
        """What a model that is served to be asked must not reach, as far as it is there."""
        return tuple(path for path in self.settings.secrets if path.exists())

    def organisation(self) -> Organisation:
        """The organisation as declared; raises its file's error."""
        return self.loaded().inventory.organisation

    def create_ledger(self, *, now: datetime, recovery: VerifierKey | None = None, quorum: str | None = None) -> Ledger:
        """Make the ledger and, unless a signer of its own has one, its key; see :meth:`Ledger.create`.

        Raises ``UsageError`` where either is already there.
        """
        place = self.settings
        signer = self._new_key(place.key_file) if place.signer_url is None else self.signer()
        return Ledger.create(
            place.ledger_url, blobs=place.blobs_url, signer=signer, now=now, recovery=recovery, quorum=quorum
        )

    def _new_key(self, file: Path) -> LocalSigner:
        if not file.exists():
            signer = LocalSigner.generate(file)
        else:
            signer = LocalSigner.load(file)
            # A key that has signed nothing is what a creation that failed half-way left behind.
            if signer.remembered() is not None:
                raise UsageError(
                    "there is a ledger already", where=str(file), fix="use it, or set AFFIDAVIT_KEY_FILE to a new file"
                )
        return signer

    def signer(self) -> AnySigner:
        """The signer of its own that the settings name, or else the key file, to sign with in this process."""
        if self.settings.signer_url is None:
            return LocalSigner.load(self.settings.key_file)
        return RemoteSigner.ask(WitnessClient(self.settings.signer_url))

    @contextmanager
    def reader(self) -> Iterator[Ledger]:
        """The ledger, to be read."""
        with Ledger.open(self.settings.ledger_url, blobs=self.settings.blobs_url) as ledger:
            yield ledger

    @contextmanager
    def writer(self) -> Iterator[Ledger]:
        """The ledger, to be appended to."""
        with Ledger.open(self.settings.ledger_url, blobs=self.settings.blobs_url, signer=self.signer()) as ledger:
            yield ledger

    @property
    def postures(self) -> Postures:
        """What past dates showed, as far as it was kept."""
        return Postures(self.settings.views_file, catalogue.load())

    @property
    def staging(self) -> Staging:
        """Where looks wait to be recorded."""
        return Staging(self.settings.staging_url)
