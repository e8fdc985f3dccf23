"""What the ledger knows that a measurement rests on: which version is in use, and what was tried before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from affidavit.collect.measurements import Taken
from affidavit.evidence import Entry, moment
from affidavit.evidence.measured import OF_ANSWERS, measured_name
from affidavit.pages.report import Attempt


@dataclass(frozen=True)
class Known:
    """``versions`` are those in use, by registered model; ``measurements`` all that were recorded, by their subject."""

    versions: Mapping[str, str | None] = field(default_factory=dict)
    measurements: Mapping[str, Sequence[Entry]] = field(default_factory=dict)

    def attempts(self, taken: Taken) -> tuple[Attempt, ...]:
        """Every other version of which the same was measured before this one was, oldest first.

        Only what came before the first measurement of this version: what is tried later must not change its report.
        """
        if taken.family not in OF_ANSWERS:
            return ()
        own = self.measurements.get(measured_name(taken.source, taken.family, version=taken.version), ())
        before = own[0].index if own else None
        home = measured_name(taken.source, taken.family)
        first = [
            entries[0]
            for name, entries in self.measurements.items()
            if entries and (name == home or name.startswith(f"{home}/")) and entries is not own
        ]
        earlier = [entry for entry in first if before is None or entry.index < before]
        return tuple(_attempt(entry) for entry in sorted(earlier, key=lambda entry: entry.index))


def _attempt(entry: Entry) -> Attempt:
    facts = entry.statement.facts
    model = f"{facts['model']} version {facts['version']}" if facts["version"] else str(facts["model"])
    asked = f"the thresholds {facts['thresholds'][:12]}…" if facts["thresholds"] else "no thresholds"
    result = f"Measured over {facts['rows']:,} rows against {asked}: entry {entry.index}."
    return Attempt(moment(entry.statement.observed_at), model, result)
