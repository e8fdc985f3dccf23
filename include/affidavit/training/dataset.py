"""A warehouse table as MLflow knows datasets: what it was when a run used it, and how to read that again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlflow.data.dataset import Dataset
from mlflow.data.dataset_source import DatasetSource

from affidavit.errors import SourceRefused
from affidavit.evidence.table_source import SOURCE_TYPE, TableSource

if TYPE_CHECKING:
    import pandas as pd

    from affidavit.warehouse import Snapshot, TableRef

_DIGEST = 36
"""Characters of a dataset's digest that MLflow keeps. The source has all 64."""

_TIMEOUT_SECONDS = 600


class TableDatasetSource(DatasetSource):
    """A table, and the fingerprint that it had. MLflow finds this class by its entry point."""

    def __init__(self, noted: TableSource) -> None:
        self.noted = noted

    @staticmethod
    def _get_source_type() -> str:
        return SOURCE_TYPE

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        # A name alone says nothing of a state, so text is never taken for one of these.
        return isinstance(raw_source, TableSource)

    @classmethod
    def _resolve(cls, raw_source: TableSource) -> TableDatasetSource:
        return cls(raw_source)

    def to_dict(self) -> dict[str, Any]:
        """The connection's id, the table's name and the fingerprint; no address, no login, no password."""
        return dict(self.noted.json())

    @classmethod
    def from_dict(cls, source_dict: dict[Any, Any]) -> TableDatasetSource:
        """What :meth:`to_dict` gave. Raises ``FieldNotAllowed`` for anything else."""
        return cls(TableSource.of(source_dict))

    def load(self) -> pd.DataFrame:
        """The rows, if they are still those that were logged: read in the transaction that fingerprints them.

        Raises ``SourceRefused`` where the table has another fingerprint by now, else as
        :func:`affidavit.warehouse.snapshot`.
        """
        import pandas as pd

        from affidavit.warehouse import fingerprint

        with _opened(self.noted.connection, self.noted.table, timeout_seconds=_TIMEOUT_SECONDS) as (opened, found):
            now = fingerprint(opened, found, about=self.noted.table)
            if (now.sha256, now.method) != (self.noted.sha256, self.noted.method):
                raise SourceRefused(
                    "its rows are no longer those that were logged",
                    where=self.noted.uri,
                    fix="bring back the table as it was, or train again",
                )
            rows = list(opened.rows(found, about=self.noted.table))
        return pd.DataFrame.from_records(rows, columns=[column.name for column in found.columns])


class TableDataset(Dataset):
    """A table in one state, as an input of a run: named by its URI, digested by its fingerprint."""

    def __init__(self, noted: TableSource, *, rows: int) -> None:
        self._rows = rows
        super().__init__(TableDatasetSource(noted), name=noted.uri, digest=noted.sha256[:_DIGEST])

    @classmethod
    def look(cls, connection: str, table: str, *, timeout_seconds: int) -> TableDataset:
        """The table as it is now. Raises as :func:`affidavit.warehouse.fingerprint`, and ``ConnectionMissing``."""
        from affidavit.warehouse import fingerprint

        with _opened(connection, table, timeout_seconds=timeout_seconds) as (opened, found):
            now = fingerprint(opened, found, about=table)
        return cls(TableSource(connection, table, now.sha256, now.method), rows=now.rows)

    @property
    def profile(self) -> dict[str, int]:
        """The number of rows, under the name that MLflow's own datasets use."""
        return {"num_rows": self._rows}

    @property
    def schema(self) -> None:
        """None: the fingerprint covers names and types of columns."""
        return

    def to_dict(self) -> dict[str, str]:
        """As MLflow's own datasets, the profile as JSON text."""
        return {**super().to_dict(), "profile": json.dumps(self.profile)}


@contextmanager
def _opened(connection: str, table: str, *, timeout_seconds: int) -> Iterator[tuple[Snapshot, TableRef]]:
    # Imported here, since MLflow loads this module in every process that uses its datasets.
    from affidavit.inventory.connection import from_environment
    from affidavit.warehouse import snapshot

    with snapshot(from_environment(os.environ)(connection), timeout_seconds=timeout_seconds) as opened:
        yield opened, opened.table(table)
