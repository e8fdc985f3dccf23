"""When a table is fresh enough: by the schedule on which evidence about it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from affidavit.inventory import slot_at


@dataclass(frozen=True)
class Due:
    """The moment of a look, and the schedule of the AI system that it is for."""

    at: datetime
    schedule: str

    def since(self, slots: int) -> datetime:
        """Where the last ``slots`` complete slots begin: rows dated before are late."""
        start = self.at
        for _ in range(slots):
            slot = slot_at(self.schedule, start)
            assert slot.start is not None
            start = slot.start
        return start
