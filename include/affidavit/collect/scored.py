"""A table of scored rows while it is measured: whose rows, of which version, and what was found of one family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from affidavit.inventory import Dataset, Measured, PredictionTable, System
from affidavit.measure import Estimate
from affidavit.pages.figures import Figure
from affidavit.warehouse import Snapshot, TableRef
from affidavit.warehouse.facets import GroupColumn, those


@dataclass(frozen=True)
class Scored:
    """A table of scored rows in a snapshot: ``rows`` are those of ``version``, which is None where nobody names it."""

    opened: Snapshot
    system: System
    table: PredictionTable
    measured: Measured
    whole: TableRef
    version: str | None

    @property
    def rows(self) -> TableRef:
        """The rows that the version answered; all of them where no column tells versions apart."""
        if self.measured.version is None or self.version is None:
            return self.whole
        return those(self.whole, self.measured.version, self.version, where=self.where)

    @property
    def about(self) -> str:
        """How queries name the table."""
        return self.table.table

    @property
    def where(self) -> str:
        """How errors name the table."""
        return self.opened.where(self.table.table)

    @property
    def reference(self) -> Dataset | None:
        """The dataset that drift is told against, and that the model learnt from."""
        return next((each for each in self.system.datasets if each.id == self.measured.reference), None)

    def elsewhere(self, dataset: Dataset) -> str | None:
        """Why ``dataset`` cannot be read in the same snapshot; None where it can."""
        if dataset.connection == self.table.connection:
            return None
        return "the reference lies in another warehouse, and so not in the same snapshot"

    @property
    def groups(self) -> tuple[GroupColumn, ...]:
        """The columns whose groups are compared."""
        return tuple(GroupColumn(column, values) for column, values in self.measured.groups.items())


@dataclass(frozen=True)
class Found:
    """The results of one family, and what they rest on."""

    estimates: Sequence[Estimate]
    rows: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    figures: Sequence[Figure] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


def of_dataset(estimate: Estimate, about: str) -> Estimate:
    """The same estimate, about the dataset of that id."""
    return replace(estimate, about=about)
