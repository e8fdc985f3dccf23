"""Great Expectations' Spark engine on one table of a lake. Imports Great Expectations: import it late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from great_expectations.core.batch import Batch
from great_expectations.core.batch_spec import RuntimeDataBatchSpec
from great_expectations.execution_engine.sparkdf_batch_data import SparkDFBatchData
from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine

from affidavit.errors import AffidavitError
from affidavit.quality.engine import COUNTS_ONLY, QuietValidator
from affidavit.warehouse import TableRef
from affidavit.warehouse.lake import Lake


class LakeEngine(SparkDFExecutionEngine):
    """As :class:`affidavit.quality.engine.SnapshotEngine`, for Parquet."""

    def __init__(self, lake: Lake, table: TableRef, *, about: str) -> None:
        self.failure: AffidavitError | None = None
        self.table = table
        self._lake = lake
        self._about = about
        super().__init__(spark=lake.session, persist=False)

    @property
    def frame(self) -> Any:
        """The table that is validated."""
        return self._lake.frame(self.table)

    def others(self, names: Sequence[str]) -> list[Any]:
        """The tables called so, but for the one that is validated."""
        found = [self._lake.table(name) for name in names]
        return [self._lake.frame(other) for other in found if other != self.table]

    def run(self, table: TableRef, configurations: Sequence[Any]) -> list[Any]:
        """Validate; one result for each configuration, in no promised order."""
        data = SparkDFBatchData(self, self._lake.frame(table))
        batch = Batch(data=data, batch_spec=RuntimeDataBatchSpec(batch_data=self.frame))  # type: ignore[arg-type]
        validator = QuietValidator(execution_engine=self, batches=[batch])
        try:
            with self._lake.guard(self._about):
                found: list[Any] = validator.graph_validate(list(configurations), {"result_format": COUNTS_ONLY})
        except AffidavitError as failure:
            self.failure = failure
            raise
        return found
