"""What a training run notes in MLflow about a table that it used.

:mod:`affidavit.training` writes it as the source of a dataset input, and the collector of runs reads it there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from affidavit.evidence.canonical import Json
from affidavit.evidence.shapes import DIGEST, TEXT, Leaf, Shape, check

SOURCE_TYPE = "affidavit_table"
"""The type that MLflow keeps beside the source."""

_METHOD = re.compile(r"[a-z0-9/ -]{1,80}")
_NOTED: Shape = {
    "connection": TEXT,
    "table": TEXT,
    "fingerprint": {
        "sha256": DIGEST,
        # The run's author could write any text here, and a log cannot unsay it.
        "method": Leaf("the name of a method", lambda v: isinstance(v, str) and _METHOD.fullmatch(v) is not None),
    },
}


@dataclass(frozen=True, slots=True)
class TableSource:
    """``table`` behind the connection id ``connection`` had the fingerprint ``sha256``, by ``method``."""

    connection: str
    table: str
    sha256: str
    method: str

    @classmethod
    def of(cls, value: Any) -> TableSource:
        """What :meth:`json` wrote. Raises ``FieldNotAllowed`` for anything else."""
        check(value, _NOTED, where="dataset source")
        noted = value["fingerprint"]
        return cls(value["connection"], value["table"], noted["sha256"], noted["method"])

    @property
    def uri(self) -> str:
        """The table's name in statements."""
        return f"warehouse://{self.connection}/{self.table}"

    @property
    def fingerprint(self) -> dict[str, Json]:
        """The fingerprint as statements carry it."""
        return {"sha256": self.sha256, "method": self.method}

    def json(self) -> dict[str, Json]:
        """As MLflow keeps it: ids and digests, never where a database is nor as whom it is read."""
        return {"connection": self.connection, "table": self.table, "fingerprint": self.fingerprint}
